//! What several machines survive: real NATS servers and real nodes, each of which is killed, stopped or cut off while people talk.
//!
//! Short by default, with `LIVE_CHAT_LONG=1` longer; each test has a loopback address of its own, so that ports need not be looked
//! for. `nats-server` must be installed (`.ci/setup test`).

#[path = "../survive/client.rs"]
#[allow(dead_code, reason = "its other user, tests/survive, needs more of it")]
mod client;
mod cut;
mod everywhere;
#[path = "../survive/fates.rs"]
mod fates;
mod faults;
#[path = "../survive/http.rs"]
mod http;
mod link;
mod machines;
#[allow(dead_code, reason = "its other user, benches/cluster, needs more of it")]
mod nats;
#[path = "../survive/random.rs"]
mod random;
#[path = "../survive/server.rs"]
#[allow(dead_code, reason = "its other user, tests/survive, needs more of it")]
mod server;
mod talk;
mod webhooks;

use std::{
    thread,
    time::{Duration, Instant},
};

/// A hang must fail a test, not stop the run. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(300);

/// `short`, or `long` where the environment asks for it.
fn rounds(short: u64, long: u64) -> u64 {
    if std::env::var_os("LIVE_CHAT_LONG").is_some_and(|value| value != "0") { long } else { short }
}

/// Waits for something that must come.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
