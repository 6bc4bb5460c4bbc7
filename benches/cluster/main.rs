//! What a message costs on NATS: one node on SQLite, one on one NATS server, three on three; and there, what it costs each program.
//!
//! ```sh
//! cargo bench --bench cluster                  # three minutes
//! cargo bench --bench cluster -- --seconds 3   # to see that it works
//! ```
//!
//! All programs share this machine: its processors and its one disk are what is measured, more than on machines of their own.

#[path = "../../tests/survive/http.rs"]
#[allow(dead_code, reason = "its other users need more of it")]
mod http;
#[path = "../load/mod.rs"]
#[allow(dead_code, reason = "its other users need more of it")]
mod load;
#[path = "../../tests/cluster/nats.rs"]
#[allow(dead_code, reason = "its other user, tests/cluster, needs more of it")]
mod nats;

use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use hdrhistogram::Histogram;
use load::{
    publishers::{Pace, Published, Publishers, histogram},
    server::{Kind, Server, cpu_seconds},
    subscribers::{Plan, Subscribers},
};
use nats::{CREDENTIALS, Nats};

/// All publishers together, whatever the number of nodes.
const PUBLISHERS: u8 = 48;

/// Messages a second while the times are taken: few enough that none waits for another.
const RATE: f64 = 100.0;

/// Messages a second while it is measured what each costs.
const STEADY_RATE: f64 = 4_000.0;

/// All subscribers together.
const SUBSCRIBERS: usize = 120;

/// A server that does not get ready, or a message that does not come, must not stop the run.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is measured: so many nodes on so many NATS servers, on SQLite if there are none.
const SETUPS: [(&str, usize, u16); 3] =
    [("one node, SQLite", 1, 0), ("one node, one NATS server (R1)", 1, 1), ("three nodes, three NATS servers (R3)", 3, 3)];

/// Measures what a message costs on NATS.
#[derive(Parser)]
struct Options {
    /// The release to measure
    #[arg(long, default_value = "target/dist/live-chat")]
    program: PathBuf,
    /// Seconds of each of the two loads
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    println!("{PUBLISHERS} publishers, {SUBSCRIBERS} subscribers, 200-byte messages, {} s each.\n", options.seconds);
    println!(
        "| | acknowledged a second | publish to acknowledgement p50 / p99, ms | to delivery p50 / p99, ms | lost, doubled, out of order |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (name, nodes, servers) in SETUPS {
        let cluster = Cluster::start(&options.program, nodes, servers)?;
        let times = cluster.time(options.seconds)?;
        let rate = cluster.saturate(options.seconds)?;
        let row =
            [&times.acknowledged, &times.delivered].map(|times| [0.5, 0.99].map(|at| times.value_at_quantile(at) as f64 / 1e6));
        let [[p50, p99], [delivered_p50, delivered_p99]] = row;
        println!("| {name} | {rate:.0} | {p50:.1} / {p99:.1} | {delivered_p50:.1} / {delivered_p99:.1} | {} |", times.wrong);
    }
    let [.., (name, nodes, servers)] = SETUPS;
    let (rate, costs) = Cluster::start(&options.program, nodes, servers)?.costs(options.seconds)?;
    let costs: Vec<_> = costs.iter().map(|cost| format!("{:.0}", cost * 1e6)).collect();
    let (nodes, servers) = costs.split_at(nodes);
    println!("\nCPU time of a message in µs, {name}, while {rate:.0} a second went to the first node and nobody was subscribed:");
    println!("nodes {}; NATS servers {}.", nodes.join(", "), servers.join(", "));
    Ok(())
}

/// The nodes of one chat, which end before what they are on.
struct Cluster {
    nodes: Vec<Server>,
    nats: Vec<Nats>,
    _folder: tempfile::TempDir,
}

/// What was found while [`RATE`] messages a second were published.
struct Times {
    acknowledged: Histogram<u64>,
    delivered: Histogram<u64>,
    /// Lost, doubled and out of order, of all that all subscribers were to be given.
    wrong: u64,
}

impl Cluster {
    fn start(program: &Path, nodes: usize, servers: u16) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let nats = start_nats(folder.path(), servers)?;
        let servers: Vec<_> = nats.iter().map(|nats| nats.address().to_string()).collect();
        let engine = format!("nats://{CREDENTIALS}@{}", servers.join(","));
        let engine = ["--engine", &engine, "--nats-replicas", &servers.len().to_string()].map(str::to_owned);
        let options = if nats.is_empty() { Vec::new() } else { engine.to_vec() };
        let node = |_| Server::start(Kind::LiveChat { program: program.to_owned(), options: options.clone() });
        let mut nodes: Vec<_> = (0..nodes).map(node).collect::<io::Result<_>>()?;
        if let [first, others @ ..] = &mut nodes[..] {
            others.iter_mut().for_each(|node| node.publish_as_at(first));
        }
        Ok(Self { nodes, nats, _folder: folder })
    }

    /// How many messages a second are acknowledged when each publisher sends the next one as soon as it may.
    fn saturate(&self, seconds: f64) -> io::Result<f64> {
        let begin = Instant::now();
        let published = self.publish(Pace::Saturating, seconds)?;
        Ok(total(&published) as f64 / begin.elapsed().as_secs_f64())
    }

    /// How long messages take at a moderate pace, to subscribers of all nodes.
    fn time(&self, seconds: f64) -> io::Result<Times> {
        let count = SUBSCRIBERS / self.nodes.len();
        let plan = Plan { count, threads: 1, ..Plan::default() };
        let subscribers: Vec<_> = self.nodes.iter().map(|node| Subscribers::start(node, &plan)).collect::<io::Result<_>>()?;
        subscribers.iter().try_for_each(|subscribers| subscribers.wait_until_open(PATIENCE))?;
        let published = self.publish(Pace::PerSecond(RATE / self.nodes.len() as f64), seconds)?;
        let expected = total(&published) * count as u64;
        let sent: Vec<u32> = published.iter().flat_map(|published| published.sent.iter().copied()).collect();
        let mut times = Times { acknowledged: histogram(), delivered: histogram(), wrong: 0 };
        for subscribers in subscribers {
            // Who has lost something waits in vain; that is counted.
            let _ = subscribers.wait_for_deliveries(expected, PATIENCE);
            let received = subscribers.stop()?;
            times.delivered.add(received.latency).expect("the same bounds");
            times.wrong +=
                received.tallies.iter().map(|tally| tally.lost(&sent) + tally.doubled + tally.out_of_order).sum::<u64>();
        }
        published.iter().for_each(|published| times.acknowledged.add(&published.acknowledged).expect("the same bounds"));
        Ok(times)
    }

    /// The messages a second that the first node was sent, and the seconds of processor time that each cost each node and each server.
    fn costs(&self, seconds: f64) -> io::Result<(f64, Vec<f64>)> {
        let begin = Instant::now();
        let used = self.used();
        let publishers = Publishers::start(&self.nodes[0], PUBLISHERS, Pace::PerSecond(STEADY_RATE))?;
        thread::sleep(Duration::from_secs_f64(seconds));
        let published = total(&[publishers.stop()?]) as f64;
        let costs = self.used().into_iter().zip(used).map(|(after, before)| (after - before) / published);
        Ok((published / begin.elapsed().as_secs_f64(), costs.collect()))
    }

    /// Seconds of processor time that each node and each server has used.
    fn used(&self) -> Vec<f64> {
        let nodes = self.nodes.iter().map(Server::cpu_seconds);
        nodes.chain(self.nats.iter().map(|nats| cpu_seconds(nats.pid()).expect("it runs"))).collect()
    }

    /// Publishes at all nodes.
    fn publish(&self, pace: Pace, seconds: f64) -> io::Result<Vec<Published>> {
        let count = PUBLISHERS / u8::try_from(self.nodes.len()).expect("few nodes");
        let publishers: Vec<_> = (0..)
            .step_by(count.into())
            .zip(&self.nodes)
            .map(|(first, node)| Publishers::start_from(node, first, count, pace))
            .collect::<io::Result<_>>()?;
        thread::sleep(Duration::from_secs_f64(seconds));
        publishers.into_iter().map(Publishers::stop).collect()
    }
}

fn start_nats(folder: &Path, servers: u16) -> io::Result<Vec<Nats>> {
    let ip = Ipv4Addr::new(127, 63, 0, 1);
    let nats: Vec<_> = match servers {
        1 => vec![Nats::start_alone(ip, folder)],
        _ => (0..servers).map(|number| Nats::start(ip, number, folder)).collect(),
    };
    let end = Instant::now() + PATIENCE;
    while !nats.iter().all(Nats::is_healthy) {
        if Instant::now() > end {
            return Err(io::Error::other("NATS does not get ready"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(nats)
}

fn total(published: &[Published]) -> u64 {
    published.iter().flat_map(|published| &published.sent).map(|&sent| u64::from(sent)).sum()
}
