//! axum: routes, handlers, streams, configuration, shutdown. Nothing is below it.
//!
//! A handler reads what HTTP brought, calls the hub, and writes the answer in the dialect's form. It decides nothing about the chat.

mod api;
mod config;
mod error;
mod identity;
mod page;
mod publish;
mod router;
mod secrets;
mod start;
mod state;
mod subscribe;

pub use self::{
    config::Config,
    router::router,
    start::{RunError, run},
    state::{AdminKey, AppState},
};

#[cfg(test)]
pub(crate) use self::secrets::load_or_make as load_or_make_secret;
