//! A self-hosted live chat for streams and events.
//!
//! # Code map
//!
//! A message travels through the modules in this order, down and up again:
//!
//! ```text
//! bytes -> protocol -> chat::Command -> hub (may this user?) -> engine (order, commit, dispatch)
//!       -> chat::Event -> hub (every subscriber) -> protocol -> bytes
//! ```
//!
//! | module | target | what lives there |
//! | --- | --- | --- |
//! | `direction` | both | texts that run another way than what they stand in |
//! | [`texts`] | both | the words of the interface in one language |
//! | `locales` | server | all its languages, from `locales/`, and which of them somebody wants |
//! | `bounded_map` | server | the map for whatever strangers can fill. Pure |
//! | [`chat`] | both | the domain: rooms, users, messages, events, positions, limits. Pure |
//! | `protocol` | server | one file a wire protocol: bytes to commands, events to bytes. Pure functions, no sockets |
//! | `engine` | server | the log: orders, stores and dispatches events, in SQLite or in NATS JetStream |
//! | `hub` | server | the live side: subscribers, presence, permission, rate limits |
//! | [`app`] | both | the page: its HTML on the server, its island in the browser |
//! | `server` | server | axum: routes, handlers, streams, sockets, hooks, configuration, shutdown |
//!
//! A module may use those above it, never those below. Every `cfg(feature)` of the project is in this file.

// The view macro expands the page's nested tuples into deep types.
#![recursion_limit = "256"]

pub mod app;
#[cfg(feature = "ssr")]
pub mod bounded_map;
pub mod chat;
mod direction;
#[cfg(feature = "ssr")]
pub mod engine;
#[cfg(feature = "ssr")]
pub mod hub;
#[cfg(feature = "ssr")]
pub mod locales;
#[cfg(feature = "ssr")]
pub mod protocol;
#[cfg(feature = "ssr")]
pub mod server;
pub mod texts;

// Under the name that the fuzz targets know it by, which the tests run too.
#[cfg(all(test, feature = "ssr"))]
extern crate self as live_chat;

#[cfg(all(test, feature = "ssr"))]
mod tests;

/// Starts the page's islands in the browser.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}

/// Reports panics on the console from now on. Until then a panic is a start that has failed, which `start.js` handles.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn started() {
    std::panic::set_hook(Box::new(|info| leptos::logging::error!("{info}")));
}
