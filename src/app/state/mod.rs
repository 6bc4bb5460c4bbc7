//! What the page knows, as pure types: no browser, no signals, no requests. All of it is tested natively.

pub mod announcer;
pub mod connection;
pub mod holds;
pub mod sharing;
pub mod timeline;
