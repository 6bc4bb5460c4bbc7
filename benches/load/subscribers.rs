use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use memchr::memmem::Finder;
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, Socket, Type};

use super::{
    head::{Answer, Head},
    mark::{self, Scanner},
    now_ns,
    publishers::histogram,
    server::Server,
    tally::Tally,
};

/// Source addresses, each of which gets as many connections as the others. A few would do for the ports, but each connection that
/// was closed keeps its port for a minute, and the kernel's search for a free one among thousands of them takes milliseconds.
const SOURCES: usize = 1_000;

/// Connects under way at once, of all threads: fewer than the smallest backlog of the servers (128, where a Rust program names
/// none), or the kernel's retries after a second are measured.
const CONNECTING: usize = 100;

/// Bytes that the system takes in for a subscriber that has stalled.
const STALLED_BUFFER: usize = 4_096;

/// Wait before a closed stream comes back, where the server has named none.
const RETRY: Duration = Duration::from_millis(1_000);

/// What subscribers do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub count: usize,
    pub threads: usize,
    /// So many of them stop reading when their stream is open.
    pub stalled: usize,
    /// They come back when their stream ends, after the server's `retry`, with the last id that they saw.
    pub come_back: bool,
}

/// Subscribers on a few threads.
pub struct Subscribers {
    threads: Vec<JoinHandle<io::Result<Received>>>,
    shared: Arc<Shared>,
    count: usize,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    open: AtomicUsize,
    opened: AtomicU64,
    delivered: AtomicU64,
    closed: AtomicU64,
    last_delivery_ns: AtomicU64,
    /// The stalled ones read on.
    resume: AtomicBool,
}

/// What all of them received.
pub struct Received {
    pub tallies: Vec<Tally>,
    /// From when a message was due to its delivery to a subscriber that did not stall, in nanoseconds.
    pub latency: Histogram<u64>,
}

impl Subscribers {
    /// Begins to connect them; see [`wait_until_open`](Self::wait_until_open).
    pub fn start(server: &Server, plan: &Plan) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::new();
        for thread in 0..plan.threads {
            let numbers = (0..plan.count).filter(|number| number % plan.threads == thread).collect();
            let worker = Worker {
                poll: Poll::new()?,
                finder: mark::finder(),
                addr: server.addr,
                head: server.subscribe_head(),
                plan: plan.clone(),
                connections: Vec::new(),
                numbers,
                connecting: 0,
                returning: Vec::new(),
                latency: histogram(),
                shared: Arc::clone(&shared),
                buffer: vec![0; 256 * 1_024],
            };
            threads.push(std::thread::spawn(move || worker.run()));
        }
        Ok(Self { threads, shared, count: plan.count })
    }

    /// Waits until all streams are open at once.
    pub fn wait_until_open(&self, within: Duration) -> io::Result<()> {
        wait_until(within, || self.open() == self.count)
            .map_err(|_| io::Error::other(format!("only {} of {} streams are open", self.open(), self.count)))
    }

    /// Waits until so many messages have been delivered to all together, or `within` is over.
    pub fn wait_for_deliveries(&self, count: u64, within: Duration) -> io::Result<()> {
        wait_until(within, || self.delivered() >= count)
    }

    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Streams that were ended by the server, or broke.
    pub fn closed(&self) -> u64 {
        self.shared.closed.load(Ordering::Relaxed)
    }

    pub fn delivered(&self) -> u64 {
        self.shared.delivered.load(Ordering::Relaxed)
    }

    /// When the newest message was delivered, by [`now_ns`].
    pub fn last_delivery_ns(&self) -> u64 {
        self.shared.last_delivery_ns.load(Ordering::Relaxed)
    }

    /// Lets the stalled ones read again.
    pub fn read_on(&self) {
        self.shared.resume.store(true, Ordering::Relaxed);
    }

    /// Closes all streams.
    pub fn stop(self) -> io::Result<Received> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Received { tallies: Vec::new(), latency: histogram() };
        for thread in self.threads {
            let one = thread.join().expect("a subscriber does not panic")?;
            all.tallies.extend(one.tallies);
            all.latency.add(one.latency).expect("the same bounds");
        }
        Ok(all)
    }
}

/// Where subscriber `number` connects from.
fn source(number: usize) -> Ipv4Addr {
    let number = number % SOURCES;
    let byte = |value: usize| u8::try_from(value).expect("few sources");
    Ipv4Addr::new(127, 1, byte(number / 250), byte(1 + number % 250))
}

fn wait_until(within: Duration, done: impl Fn() -> bool) -> io::Result<()> {
    let deadline = Instant::now() + within;
    while !done() {
        if Instant::now() >= deadline {
            return Err(ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

struct Worker {
    poll: Poll,
    finder: Finder<'static>,
    addr: SocketAddr,
    head: String,
    plan: Plan,
    connections: Vec<Connection>,
    /// The subscribers of this thread that have not connected yet.
    numbers: Vec<usize>,
    connecting: usize,
    /// Who comes back, and when.
    returning: Vec<(Instant, usize)>,
    latency: Histogram<u64>,
    shared: Arc<Shared>,
    buffer: Vec<u8>,
}

struct Connection {
    number: usize,
    socket: Option<TcpStream>,
    state: State,
    head: Head,
    scanner: Scanner,
    tally: Tally,
    /// The beginning of an event whose end has not come; only for those who come back.
    pending: Vec<u8>,
    last_id: String,
    retry: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    /// The request is sent, the answer's head has not come.
    Asking,
    Open,
    Closed,
}

impl Worker {
    fn run(mut self) -> io::Result<Received> {
        let mut events = Events::with_capacity(1_024);
        let mut has_resumed = false;
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.connect_more()?;
            self.poll.poll(&mut events, Some(Duration::from_millis(20)))?;
            for event in &events {
                self.hear(event.token().0, event.is_read_closed() || event.is_error())?;
            }
            if !has_resumed && self.shared.resume.load(Ordering::Relaxed) {
                has_resumed = true;
                (0..self.connections.len()).try_for_each(|at| self.hear(at, true))?;
            }
        }
        Ok(Received { tallies: self.connections.into_iter().map(|c| c.tally).collect(), latency: self.latency })
    }

    fn connect_more(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let due: Vec<_> = self.returning.iter().filter(|(at, _)| *at <= now).map(|(_, at)| *at).collect();
        self.returning.retain(|(at, _)| *at > now);
        for at in due {
            self.connect(at)?;
        }
        while self.connecting < CONNECTING.div_ceil(self.plan.threads)
            && let Some(number) = self.numbers.pop()
        {
            let (state, scanner, tally) = (State::Closed, Scanner::default(), Tally::default());
            let (socket, head, pending, last_id) = (None, Head::default(), Vec::new(), String::new());
            self.connections.push(Connection { number, socket, state, head, scanner, tally, pending, last_id, retry: RETRY });
            self.connect(self.connections.len() - 1)?;
        }
        Ok(())
    }

    fn connect(&mut self, at: usize) -> io::Result<()> {
        let connection = &mut self.connections[at];
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if connection.number < self.plan.stalled {
            // Else the system would read megabytes on its behalf, and the server see no stall.
            socket.set_recv_buffer_size(STALLED_BUFFER)?;
        }
        socket.bind(&SocketAddr::from((source(connection.number), 0)).into())?;
        socket.set_nonblocking(true)?;
        match socket.connect(&self.addr.into()) {
            Err(error) if error.raw_os_error() != Some(115) && error.kind() != ErrorKind::WouldBlock => {
                return self.lose(at);
            }
            _ => {}
        }
        let mut socket = TcpStream::from_std(socket.into());
        self.poll.registry().register(&mut socket, Token(at), Interest::READABLE | Interest::WRITABLE)?;
        connection.socket = Some(socket);
        connection.state = State::Connecting;
        self.connecting += 1;
        Ok(())
    }

    /// A socket is ready for something; `to_the_end` if it must be read until it has nothing more.
    fn hear(&mut self, at: usize, to_the_end: bool) -> io::Result<()> {
        let connection = &mut self.connections[at];
        let Some(socket) = &mut connection.socket else { return Ok(()) };
        if connection.state == State::Connecting {
            if socket.peer_addr().is_err() {
                return if socket.take_error()?.is_some() { self.lose(at) } else { Ok(()) };
            }
            let resume = match connection.last_id.as_str() {
                "" => String::new(),
                id => format!("Last-Event-ID: {id}\r\n"),
            };
            if socket.write_all(format!("{}{resume}\r\n", self.head).as_bytes()).is_err() {
                return self.lose(at);
            }
            connection.state = State::Asking;
        }
        self.read(at, to_the_end)
    }

    /// A short read has emptied the socket, and the next bytes wake the poll again: a second read, only to be told so, would be
    /// half of this program's system calls. The end of a stream wakes it once, so there it is read on.
    fn read(&mut self, at: usize, to_the_end: bool) -> io::Result<()> {
        let is_stalled = self.connections[at].number < self.plan.stalled && !self.shared.resume.load(Ordering::Relaxed);
        loop {
            let connection = &mut self.connections[at];
            if is_stalled && connection.state == State::Open {
                return Ok(());
            }
            let Some(socket) = &mut connection.socket else { return Ok(()) };
            match socket.read(&mut self.buffer) {
                Ok(0) => return self.lose(at),
                Ok(read) => {
                    self.take(at, read)?;
                    if read < self.buffer.len() && !to_the_end {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.lose(at),
            }
        }
    }

    fn take(&mut self, at: usize, read: usize) -> io::Result<()> {
        let connection = &mut self.connections[at];
        let from = match connection.state {
            State::Open => 0,
            State::Connecting | State::Asking | State::Closed => match connection.head.take(&self.buffer[..read]) {
                Answer::Unfinished => return Ok(()),
                Answer::Refused => return self.lose(at),
                Answer::Stream(from) => from,
            },
        };
        let whole = if self.plan.come_back { connection.whole_events(&self.buffer[from..read]) } else { Vec::new() };
        let piece = if self.plan.come_back { &whole } else { &self.buffer[from..read] };
        if connection.state == State::Asking {
            connection.state = State::Open;
            self.connecting -= 1;
            self.shared.open.fetch_add(1, Ordering::Relaxed);
            self.shared.opened.fetch_add(1, Ordering::Relaxed);
        }
        let (now, before) = (now_ns(), connection.tally.delivered);
        connection.scanner.scan(&self.finder, piece, |mark| {
            connection.tally.take(mark.publisher, mark.number);
            if connection.number >= self.plan.stalled {
                self.latency.saturating_record(now.saturating_sub(mark.due_ns));
            }
        });
        if connection.tally.delivered > before {
            self.shared.delivered.fetch_add(connection.tally.delivered - before, Ordering::Relaxed);
            self.shared.last_delivery_ns.fetch_max(now, Ordering::Relaxed);
        }
        if self.plan.come_back {
            connection.remember(piece);
        }
        Ok(())
    }

    /// The stream has ended or broken.
    fn lose(&mut self, at: usize) -> io::Result<()> {
        let connection = &mut self.connections[at];
        match connection.state {
            State::Open => {
                self.shared.open.fetch_sub(1, Ordering::Relaxed);
                self.shared.closed.fetch_add(1, Ordering::Relaxed);
            }
            State::Connecting | State::Asking => self.connecting -= 1,
            State::Closed => {}
        }
        connection.state = State::Closed;
        connection.socket = None;
        (connection.scanner, connection.pending) = (Scanner::default(), Vec::new());
        connection.head = Head::default();
        if self.plan.come_back {
            self.returning.push((Instant::now() + connection.retry, at));
        }
        Ok(())
    }
}

impl Connection {
    /// The events that are whole with `piece`, as an `EventSource` gives them out; what follows them waits for its end.
    fn whole_events(&mut self, piece: &[u8]) -> Vec<u8> {
        self.pending.extend_from_slice(piece);
        let end = memchr::memmem::rfind(&self.pending, b"\n\n").map_or(0, |at| at + 2);
        let rest = self.pending.split_off(end);
        std::mem::replace(&mut self.pending, rest)
    }

    /// Keeps what an `EventSource` keeps: the newest id, and the wait before it comes back.
    fn remember(&mut self, events: &[u8]) {
        let value = |line: &[u8], field: &[u8]| line.strip_prefix(field).map(|value| String::from_utf8_lossy(value).into_owned());
        for line in events.split(|&byte| byte == b'\n') {
            if let Some(id) = value(line, b"id: ") {
                self.last_id = id;
            } else if let Some(retry) = value(line, b"retry: ") {
                self.retry = retry.parse().map_or(RETRY, Duration::from_millis);
            }
        }
    }
}
