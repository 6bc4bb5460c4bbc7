//! What survives: the program as its operator starts it, killed at any moment, on a damaged file, on a full disk.
//!
//! Short by default; with `LIVE_CHAT_LONG=1` as long as is worth an hour's wait. The clients are blocking ones of the standard
//! library: they must stay simple enough to be believed when they say that a message is missing.

#[allow(dead_code, reason = "its other user, tests/cluster, needs more of it")]
mod client;
mod crowd;
mod damage;
mod disk;
mod fates;
mod http;
mod kill;
#[path = "../../benches/load/mod.rs"]
#[allow(dead_code, reason = "its other user, benches/fanout, needs more of it")]
mod load;
mod load_tests;
mod memory;
mod private;
mod random;
#[allow(dead_code, reason = "its other user, tests/cluster, needs more of it")]
mod server;

/// `short`, or `long` where the environment asks for it.
fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("LIVE_CHAT_LONG").is_some_and(|value| value != "0") { long } else { short }
}
