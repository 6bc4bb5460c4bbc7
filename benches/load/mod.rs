//! A load generator for chats over Server-Sent Events: starts a server, subscribes, publishes, and counts exactly.
//!
//! It must not be the bottleneck, so subscribers share a few epoll threads, a delivery costs a search for a marker in what was read
//! and nothing is allocated for it, and the clock is read once for each read of a socket.

pub mod head;
pub mod mark;
pub mod publishers;
pub mod server;
pub mod subscribers;
pub mod tally;

use std::time::Instant;

/// Nanoseconds since the first call: one clock for publishers and subscribers.
pub fn now_ns() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(Instant::now);
    u64::try_from(start.elapsed().as_nanos()).expect("less than 584 years")
}
