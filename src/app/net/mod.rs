//! What the page and the server send each other: the [feed](Feed) of the room's events, which the [tabs](tabs) of a browser share,
//! [requests](request), and what the reader [publishes](publish).
//!
//! It carries out what the pure types of [`state`](super::state) decide, and reads and writes the types of [`wire`](super::wire).

mod feed;
mod lock;
pub mod publish;
pub mod request;
mod tabs;

pub use feed::Feed;
