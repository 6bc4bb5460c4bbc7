use std::sync::Arc;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;

use super::{
    apex::ApexSessions,
    appearance::Looks,
    assets::Assets,
    client_address::TrustedProxies,
    hooks::Webhooks,
    interactive_sync::{Screens, Twitch},
    ivs::Ivs,
    password::Password,
    relay::RelayRate,
    sockets::Sockets,
    streams::Streams,
    telemetry::MetricsAddress,
};
use crate::{hub::Hub, protocol::interactive_sync::GameLimits};

/// What the handlers share. Clones are cheap.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The live side.
    pub hub: Hub,
    /// What serves the subscribers.
    pub streams: Arc<Streams>,
    /// What games show to their viewers.
    pub screens: Screens,
    /// What games may send.
    pub game_limits: GameLimits,
    /// Who knows whose sessions Apex's clients show, if anybody does.
    pub apex_sessions: Option<ApexSessions>,
    /// Who else says whose games may come, if anybody does.
    pub twitch: Option<Twitch>,
    /// How much one connection of the relay may send.
    pub relay_rate: RelayRate,
    /// The WebSocket connections.
    pub sockets: Sockets,
    /// Who else is told what happens.
    pub webhooks: Webhooks,
    /// What the program tells of itself.
    pub metrics: PrometheusHandle,
    /// Where it tells so.
    pub metrics_address: MetricsAddress,
    /// Where the page's files are.
    pub options: Arc<LeptosOptions>,
    /// Those files, as they were at the start.
    pub assets: Assets,
    /// How all pages look.
    pub looks: Looks,
    /// What the stream API asks for.
    pub admin_key: AdminKey,
    /// Who may run the rooms as Amazon IVS Chat has it.
    pub ivs: Ivs,
    /// What lets in whoever runs the chat.
    pub password: Password,
    /// Whose word on where a request comes from is taken.
    pub trusted_proxies: TrustedProxies,
}

/// The key that opens the stream API.
#[derive(Clone)]
pub struct AdminKey(pub Arc<str>);
