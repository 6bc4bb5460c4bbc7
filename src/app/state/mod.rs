//! What the page knows, as pure types: no browser, no signals, no requests. All of it is tested natively.

pub mod announcer;
pub mod backlog;
pub mod connection;
pub mod countdown;
pub mod draft;
pub mod game;
pub mod game_inbox;
pub mod holds;
pub mod offers;
pub mod playback;
pub mod recall;
pub mod sharing;
pub mod slots;
pub mod timeline;
pub mod typing;
