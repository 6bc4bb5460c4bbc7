//! axum: routes, handlers, streams, sockets, hooks, configuration, shutdown. Nothing is below it.
//!
//! A handler reads what HTTP brought, calls the hub, and writes the answer in the dialect's form. It decides nothing about the chat.

mod admin;
mod admission;
mod apex;
mod api;
mod appearance;
mod asked;
mod assets;
mod backend;
mod backup;
mod body;
mod check;
mod client_address;
mod config;
mod connection;
mod copy;
mod cors;
mod disk;
mod embed;
mod error;
mod export;
mod extract;
mod held;
mod hooks;
mod identity;
mod import;
mod interactive_sync;
mod ivs;
mod listen;
mod lobby;
mod moderation;
mod page;
mod panics;
mod password;
mod people;
mod policy;
mod publish;
mod reactions;
mod read_limit;
mod relay;
mod replay;
mod revoke;
mod router;
mod secrets;
mod sign_in_queue;
mod sockets;
mod start;
mod state;
mod streams;
mod subscribe;
mod telemetry;
mod transport;
mod webhooks;
mod widget_keys;

pub use self::{
    admission::{Admission, ConnectionLimits},
    apex::ApexSessions,
    appearance::Looks,
    assets::Assets,
    backup::back_up,
    check::check,
    client_address::TrustedProxies,
    config::{Command, Config},
    copy::copy,
    hooks::{Client as HookClient, Guard, Reviews, Schedule, Webhooks, system_trust},
    interactive_sync::{Screens, Twitch, TwitchChannels},
    ivs::{Access as IvsAccess, Ivs, Quotas as IvsQuotas},
    listen::{bind, serve},
    password::Password,
    relay::RelayRate,
    router::router,
    sockets::Sockets,
    start::{RunError, run},
    state::{AdminKey, AppState},
    streams::{HEARTBEAT, Streams},
    telemetry::{MetricsAddress, collect as collect_metrics},
    transport::Backlog,
};

#[cfg(test)]
pub(crate) use self::{
    panics::catch as catch_panics,
    password::hash as hash_password,
    router::ops_router,
    secrets::{hex, load_or_make as load_or_make_secret},
    sign_in_queue::Source as SignInSource,
};
