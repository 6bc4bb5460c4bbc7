use std::{
    io,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::load::{
    now_ns,
    publishers::{Pace, Publishers},
    server::{Kind, Server},
    subscribers::{Plan, Subscribers},
};

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub subscribers: usize,
    /// So many of them stop reading when their stream is open; the delivery times are those of the others.
    pub stalled: usize,
    /// Messages a second; `None` for as many as are acknowledged, `Some(0.0)` for none but one to each at the end.
    pub rate: Option<f64>,
    pub publishers: u8,
}

/// All of them.
pub const SCENARIOS: [Scenario; 6] = [
    Scenario { name: "1,000 subscribers, 50 messages/s", subscribers: 1_000, stalled: 0, rate: Some(50.0), publishers: 4 },
    Scenario {
        name: "stalled, 100 of 1,000 subscribers, 50 messages/s",
        subscribers: 1_000,
        stalled: 100,
        rate: Some(50.0),
        publishers: 4,
    },
    Scenario { name: "10,000 subscribers, 10 messages/s", subscribers: 10_000, stalled: 0, rate: Some(10.0), publishers: 2 },
    Scenario { name: "100 subscribers, 200 messages/s", subscribers: 100, stalled: 0, rate: Some(200.0), publishers: 4 },
    Scenario { name: "saturation, 1,000 subscribers", subscribers: 1_000, stalled: 0, rate: None, publishers: 32 },
    Scenario { name: "idle, 18,000 subscribers", subscribers: 18_000, stalled: 0, rate: Some(0.0), publishers: 1 },
];

/// Messages to each subscriber after an idle time, before memory is measured again.
const IDLE_MESSAGES: f64 = 20.0;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Run {
    pub deliveries_per_second: f64,
    pub cpu_seconds_per_million: f64,
    pub latency: Histogram<u64>,
    pub acknowledged: Histogram<u64>,
    /// Bytes of memory (PSS) for each connection: while idle, and after traffic.
    pub connection_bytes: [f64; 2],
    pub connects_per_second: f64,
    pub lost: u64,
    pub doubled: u64,
    pub out_of_order: u64,
    pub refused: u64,
    /// Streams that the server ended.
    pub closed: u64,
}

impl Scenario {
    /// The same, smaller.
    pub fn quick(self) -> Self {
        Self { subscribers: self.subscribers.min(2_000), ..self }
    }

    /// Puts a server under this load for so many seconds.
    pub fn run(&self, kind: &Kind, seconds: f64) -> io::Result<Run> {
        let server = Server::start(kind.clone())?;
        // nginx listens before its workers are there: their memory is not that of the connections.
        std::thread::sleep(Duration::from_secs(1));
        let memory_before = server.memory_bytes();
        let begin = Instant::now();
        let plan = Plan { count: self.subscribers, stalled: self.stalled, threads: 2, ..Plan::default() };
        let subscribers = Subscribers::start(&server, &plan)?;
        subscribers.wait_until_open(Duration::from_secs(60))?;
        let connects_per_second = self.subscribers as f64 / begin.elapsed().as_secs_f64();
        // Notices of those who came, and whatever a server does after a rush, are not what is measured.
        std::thread::sleep(Duration::from_secs(2));
        let per_connection = |bytes: u64| bytes.saturating_sub(memory_before) as f64 / self.subscribers as f64;
        let idle_bytes = per_connection(server.memory_bytes());
        let (pace, seconds) = match self.rate {
            Some(rate) if rate > 0.0 => (Pace::PerSecond(rate), seconds),
            Some(_) => (Pace::PerSecond(5.0), IDLE_MESSAGES / 5.0),
            None => (Pace::Saturating, seconds),
        };
        let (cpu_before, begin_ns) = (server.cpu_seconds(), now_ns());
        let publishers = Publishers::start(&server, self.publishers, pace)?;
        std::thread::sleep(Duration::from_secs_f64(seconds));
        let published = publishers.stop()?;
        let sent: u64 = published.sent.iter().map(|&sent| u64::from(sent)).sum();
        // Who has lost something waits in vain; that is counted below.
        let wait_for = |readers: usize| drop(subscribers.wait_for_deliveries(sent * readers as u64, Duration::from_secs(10)));
        wait_for(self.subscribers - self.stalled);
        let cpu_seconds = server.cpu_seconds() - cpu_before;
        let elapsed_ns = subscribers.last_delivery_ns().saturating_sub(begin_ns).max(1);
        std::thread::sleep(Duration::from_secs(1));
        let connection_bytes = [idle_bytes, per_connection(server.memory_bytes())];
        let delivered = subscribers.delivered();
        subscribers.read_on();
        wait_for(self.subscribers);
        let closed = subscribers.closed();
        let received = subscribers.stop()?;
        Ok(Run {
            deliveries_per_second: delivered as f64 * 1e9 / elapsed_ns as f64,
            cpu_seconds_per_million: cpu_seconds * 1e6 / delivered.max(1) as f64,
            latency: received.latency,
            acknowledged: published.acknowledged,
            connection_bytes,
            connects_per_second,
            lost: received.tallies.iter().map(|tally| tally.lost(&published.sent)).sum(),
            doubled: received.tallies.iter().map(|tally| tally.doubled).sum(),
            out_of_order: received.tallies.iter().map(|tally| tally.out_of_order).sum(),
            refused: published.refused,
            closed,
        })
    }
}
