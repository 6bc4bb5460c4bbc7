//! The wire protocols: one file a dialect, bytes to [`Command`](crate::chat::Command) and [`Event`](crate::chat::Event) to bytes.
//!
//! Everything here is a pure function. A dialect knows the domain and its own wire format; it must never know sockets, HTTP, the
//! store or another dialect; what two of them share stands apart.

pub mod apex;
pub mod csv;
mod dialect;
pub mod frame;
pub mod inlive;
pub mod interactive_sync;
pub mod ivs;
pub mod json;
pub mod jsonl;
pub mod moment;
mod parts;
mod payload;
pub mod relay;
pub mod review;
pub mod sigv4;
pub mod webhook;

pub use dialect::Dialect;
