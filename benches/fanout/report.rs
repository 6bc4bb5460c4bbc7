use std::{fs, io::Write, time::Instant};

use hdrhistogram::Histogram;

use crate::{
    load::server::Kind,
    scenario::{Run, Scenario},
};

/// Says what was run on what.
pub fn machine(seconds: f64) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    println!("`cargo bench --bench fanout -- {}`", words.join(" "));
    println!(
        "{cores} cores ({model}), Linux {}; {seconds} s each; 200-byte messages.",
        read("/proc/sys/kernel/osrelease").trim()
    );
    match sync_ms() {
        Ok([p50, p99]) => println!("fdatasync of a 4 kB append: p50 {p50:.2} ms, p99 {p99:.2} ms.\n"),
        Err(error) => println!("fdatasync could not be measured: {error}\n"),
    }
}

/// What the disk takes to keep 4 kB, at the least: median and 99th percentile, in milliseconds.
fn sync_ms() -> std::io::Result<[f64; 2]> {
    let mut file = tempfile::tempfile()?;
    let mut times = crate::load::publishers::histogram();
    for _ in 0..200 {
        file.write_all(&[7; 4_096])?;
        let begin = Instant::now();
        file.sync_data()?;
        times.saturating_record(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok([0.5, 0.99].map(|quantile| ms(&times, quantile)))
}

/// Prints what was measured, the median run of each server; whether live-chat lost, doubled, reordered and refused nothing in any.
pub fn table(scenario: &Scenario, servers: &[Kind], runs: Vec<Vec<Run>>) -> bool {
    let exact = servers.iter().zip(&runs).filter(|(kind, _)| kind.is_durable()).all(|(_, runs)| runs.iter().all(Run::is_exact));
    let medians: Vec<_> = servers.iter().zip(runs).map(|(kind, runs)| (kind, median(runs))).collect();
    println!("### {} ({} connections)\n", scenario.name, scenario.subscribers);
    println!(
        "| server | deliveries/s | CPU s per million | delivery p50 / p99 / p99.9 ms | acknowledged p50 / p99 ms | kB per connection, idle / after | connects/s | lost / doubled / reordered | closed |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (kind, run) in &medians {
        println!("| {} |{}", kind.name(), run.row());
    }
    for peer in ["nchan", "axum"] {
        let ours = medians.iter().find(|(kind, _)| kind.is_durable());
        let peers: Vec<_> = medians.iter().filter(|(kind, _)| kind.name().starts_with(peer)).map(|(_, run)| run).collect();
        if let (Some((_, ours)), false) = (ours, peers.is_empty()) {
            println!("\n{}", ratios(peer, ours, &peers));
        }
    }
    println!();
    exact
}

/// The run in the middle, by cost.
fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|a, b| a.cpu_seconds_per_million.total_cmp(&b.cpu_seconds_per_million));
    runs.swap_remove(runs.len() / 2)
}

/// live-chat's figures, the best peer's as 1.
fn ratios(peer: &str, ours: &Run, peers: &[&Run]) -> String {
    let least = |figure: fn(&Run) -> f64| figure(ours) / peers.iter().map(|run| figure(run)).fold(f64::INFINITY, f64::min);
    let most = |figure: fn(&Run) -> f64| figure(ours) / peers.iter().map(|run| figure(run)).fold(0.0, f64::max);
    format!(
        "live-chat to {peer}: CPU {:.2}, delivery p50 {:.2}, p99 {:.2}, deliveries/s {:.2}, memory {:.2}, connects/s {:.2}",
        least(|run| run.cpu_seconds_per_million),
        least(|run| ms(&run.latency, 0.5)),
        least(|run| ms(&run.latency, 0.99)),
        most(|run| run.deliveries_per_second),
        least(|run| run.connection_bytes[0]),
        most(|run| run.connects_per_second),
    )
}

fn ms(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1e6
}

impl Run {
    fn is_exact(&self) -> bool {
        self.lost + self.doubled + self.out_of_order + self.refused + self.closed == 0
    }

    fn row(&self) -> String {
        let [idle, after] = self.connection_bytes.map(|bytes| bytes / 1_000.0);
        let at = |times, quantile| format!("{:.2}", ms(times, quantile));
        format!(
            " {:.0} | {:.2} | {} / {} / {} | {} / {} | {idle:.2} / {after:.2} | {:.0} | {} / {} / {} | {} |",
            self.deliveries_per_second,
            self.cpu_seconds_per_million,
            at(&self.latency, 0.5),
            at(&self.latency, 0.99),
            at(&self.latency, 0.999),
            at(&self.acknowledged, 0.5),
            at(&self.acknowledged, 0.99),
            self.connects_per_second,
            self.lost,
            self.doubled,
            self.out_of_order,
            self.closed,
        )
    }
}
