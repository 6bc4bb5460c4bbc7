//! How fast, and at what cost, messages reach their subscribers: live-chat, nginx's nchan and axum's `Sse`, in turn, in one run.
//!
//! ```sh
//! make bench                                     # every scenario, every server: 10 minutes
//! cargo bench --bench fanout -- --quick          # seconds, to see that it works
//! cargo bench --bench fanout -- --only saturation --servers live-chat,axum --rounds 3
//! ```

mod axum_peer;
#[path = "../load/mod.rs"]
#[allow(dead_code, reason = "its other user, tests/survive, needs more of it")]
mod load;
mod report;
mod scenario;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;

use self::{
    load::server::{Kind, NCHAN_MODULE},
    scenario::{SCENARIOS, Scenario},
};

/// Measures fan-out.
#[derive(Parser)]
struct Options {
    /// The release to measure
    #[arg(long, default_value = "target/dist/live-chat")]
    program: PathBuf,
    /// Scenarios whose names begin so; may be repeated [default: all]
    #[arg(long)]
    only: Vec<String>,
    /// Servers: live-chat, nchan, axum, comma-separated
    #[arg(long, value_delimiter = ',', default_value = "live-chat,nchan,axum")]
    servers: Vec<String>,
    /// Seconds that each server is under load in each scenario
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// How often each server has its turn in each scenario; the median run is shown
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Three seconds each, and fewer connections: to see that it works
    #[arg(long)]
    quick: bool,
    /// Serve as the axum peer on this address
    #[arg(long, hide = true)]
    axum_peer: Option<SocketAddr>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let ran = match options.axum_peer {
        Some(addr) => axum_peer::serve(addr).map(|()| true),
        None => run(&options),
    };
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all that was chosen; whether live-chat lost, doubled, reordered and refused nothing.
fn run(options: &Options) -> std::io::Result<bool> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let servers = servers(options)?;
    report::machine(options.seconds_each());
    let mut exact = true;
    let chosen =
        |scenario: &&Scenario| options.only.is_empty() || options.only.iter().any(|name| scenario.name.starts_with(&**name));
    for scenario in SCENARIOS.iter().filter(chosen) {
        let scenario = if options.quick { scenario.quick() } else { *scenario };
        let mut runs = vec![Vec::new(); servers.len()];
        for _ in 0..options.rounds {
            for (kind, runs) in servers.iter().zip(&mut runs) {
                runs.push(scenario.run(kind, options.seconds_each())?);
            }
        }
        exact &= report::table(&scenario, &servers, runs);
    }
    Ok(exact)
}

fn servers(options: &Options) -> std::io::Result<Vec<Kind>> {
    let missing = |what: &str| std::io::Error::other(what.to_owned());
    let mut servers = Vec::new();
    for name in &options.servers {
        match name.as_str() {
            "live-chat" if !options.program.is_file() => {
                return Err(missing("there is no release to measure: `make dist` first"));
            }
            "live-chat" => servers.push(Kind::LiveChat { program: options.program.clone(), options: Vec::new() }),
            "nchan" if std::path::Path::new(NCHAN_MODULE).is_file() => {
                servers.extend([1, 2].map(|workers| Kind::Nchan { workers }));
            }
            "nchan" => println!("nginx with nchan is not installed (Debian: libnginx-mod-nchan), and left out.\n"),
            "axum" => {
                let this = std::env::current_exe()?.to_string_lossy().into_owned();
                servers.push(Kind::Axum { command: vec![this, "--axum-peer".into()] });
            }
            _ => return Err(missing("--servers takes live-chat, nchan and axum")),
        }
    }
    Ok(servers)
}

impl Options {
    fn seconds_each(&self) -> f64 {
        if self.quick { 3.0 } else { self.seconds }
    }
}
