use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use hdrhistogram::Histogram;

use super::{mark::Mark, now_ns, server::Server};

/// How fast a publisher sends.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many messages a second, all publishers together. A message's latency counts from when it was due, so that a server that
    /// keeps its publishers waiting does not hide it.
    PerSecond(f64),
    /// The next one when the last one is answered.
    Saturating,
}

/// Publishers, each on a connection and a thread of its own.
pub struct Publishers {
    threads: Vec<JoinHandle<Published>>,
    stop: Arc<AtomicBool>,
}

/// What was published.
pub struct Published {
    /// Acknowledged messages, by publisher.
    pub sent: Vec<u32>,
    /// From when a message was due to its acknowledgement, in nanoseconds.
    pub acknowledged: Histogram<u64>,
    /// Messages that were refused.
    pub refused: u64,
    /// Whether a connection broke before its publisher was to end.
    pub broken: bool,
}

impl Publishers {
    /// Starts `count` of them.
    pub fn start(server: &Server, count: u8, pace: Pace) -> io::Result<Self> {
        Self::start_from(server, 0, count, pace)
    }

    /// Starts `count` of them, whose numbers begin with `first`: the others are at other nodes of the same chat.
    pub fn start_from(server: &Server, first: u8, count: u8, pace: Pace) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let start_ns = now_ns();
        let mut threads = Vec::new();
        for publisher in first..first + count {
            let socket = TcpStream::connect(server.addr)?;
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(Duration::from_secs(30)))?;
            let template = server.publish_request(&Mark { publisher, number: 0, due_ns: 0 }.write());
            let interval_ns = match pace {
                Pace::PerSecond(rate) => Some((1e9 * f64::from(count) / rate) as u64),
                Pace::Saturating => None,
            };
            let first_ns = start_ns + interval_ns.unwrap_or_default() / u64::from(count) * u64::from(publisher - first);
            let publisher = Publisher { publisher, socket, template, first_ns, interval_ns, stop: Arc::clone(&stop) };
            threads.push(std::thread::spawn(move || publisher.run()));
        }
        Ok(Self { threads, stop })
    }

    /// Ends them after the message at hand.
    ///
    /// # Errors
    /// If a connection broke before.
    pub fn stop(self) -> io::Result<Published> {
        let published = self.stop_by_force();
        if published.broken { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(published) }
    }

    /// Ends them, however it went: the server may have gone.
    pub fn stop_by_force(self) -> Published {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Published { sent: Vec::new(), acknowledged: histogram(), refused: 0, broken: false };
        for thread in self.threads {
            let one = thread.join().expect("a publisher does not panic");
            all.sent.extend(one.sent);
            all.refused += one.refused;
            all.broken |= one.broken;
            all.acknowledged.add(one.acknowledged).expect("the same bounds");
        }
        all
    }
}

struct Publisher {
    publisher: u8,
    socket: TcpStream,
    template: Vec<u8>,
    first_ns: u64,
    interval_ns: Option<u64>,
    stop: Arc<AtomicBool>,
}

impl Publisher {
    fn run(mut self) -> Published {
        let mut published = Published { sent: vec![0], acknowledged: histogram(), refused: 0, broken: false };
        published.broken = self.send_all(&mut published).is_err();
        published
    }

    fn send_all(&mut self, published: &mut Published) -> io::Result<()> {
        let mut answers = BufReader::new(self.socket.try_clone()?);
        let mark = |number, due_ns| Mark { publisher: self.publisher, number, due_ns }.write();
        let at = memchr::memmem::find(&self.template, mark(0, 0).as_bytes()).expect("the template has a mark");
        while !self.stop.load(Ordering::Relaxed) {
            let number = published.sent[0];
            let due_ns = self.interval_ns.map_or_else(now_ns, |interval| self.first_ns + interval * u64::from(number));
            std::thread::sleep(Duration::from_nanos(due_ns.saturating_sub(now_ns())));
            let mark = mark(number, due_ns);
            self.template[at..at + mark.len()].copy_from_slice(mark.as_bytes());
            self.socket.write_all(&self.template)?;
            match read_status(&mut answers)? {
                200..300 => {
                    published.acknowledged.saturating_record(now_ns().saturating_sub(due_ns));
                    published.sent[0] += 1;
                }
                _ => published.refused += 1,
            }
        }
        Ok(())
    }
}

/// Reads an answer to its end: its status.
fn read_status(answers: &mut impl BufRead) -> io::Result<u16> {
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap_or(0),
            _ => status = status.or_else(|| line.split(' ').nth(1)?.parse().ok()),
        }
    }
    io::copy(&mut answers.take(length), &mut io::sink())?;
    status.ok_or_else(|| io::Error::other("an answer without a status"))
}

/// Latencies from a microsecond to a minute, in nanoseconds, to three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("sensible bounds")
}
