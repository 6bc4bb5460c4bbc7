//! What the program tells of itself: `GET /metrics` in Prometheus' text format, and the readiness of `GET /health/ready`.
//!
//! Metrics tell how busy a chat is, so they are for its operator: see [`MetricsAddress`]. A label has few values, all known here.
//!
//! Names follow Prometheus' practice: a prefix, base units, `_total` for what only grows.

use std::{sync::OnceLock, time::Duration};

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::{
    api::is_admin_key,
    asked::Asked,
    client_address::{Peer, TrustedProxies},
    hooks::Webhooks,
    page::not_found,
    panics,
    router::bearer,
    state::AppState,
};
use crate::hub::Hub;

/// Upper bounds of commit times, in seconds: from a fast disk's fsync to one that is in trouble.
const SECONDS: [f64; 12] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Upper bounds of events in one commit, up to the most that one takes.
const EVENTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];

/// How often what the histograms have gathered is sorted into their buckets: it takes memory until then.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Collects the metrics of the whole process, from now on. Once a process; later calls get the first one's.
///
/// Must be called in a tokio runtime, which keeps it tidy.
pub fn collect() -> PrometheusHandle {
    static COLLECTED: OnceLock<PrometheusHandle> = OnceLock::new();
    COLLECTED
        .get_or_init(|| {
            let buckets = |builder: PrometheusBuilder, name: &str, bounds: &[f64]| {
                builder.set_buckets_for_metric(Matcher::Full(name.into()), bounds).expect("there are bounds")
            };
            let builder = buckets(PrometheusBuilder::new(), "live_chat_commit_duration_seconds", &SECONDS);
            let recorder = buckets(builder, "live_chat_commit_events", &EVENTS).build_recorder();
            let handle = recorder.handle();
            // Another library's recorder in the same process would keep what it has; ours would show nothing then.
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("the metrics of this process are collected by something else");
            }
            describe();
            panics::count();
            let upkeep = handle.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(UPKEEP_EVERY).await;
                    upkeep.run_upkeep();
                }
            });
            handle
        })
        .clone()
}

fn describe() {
    describe_counter!("live_chat_panics_total", Unit::Count, "Panics of any thread or task: defects, to be reported");
    describe_gauge!("live_chat_connections", Unit::Count, "TCP connections that are open");
    describe_counter!("live_chat_connections_refused_total", Unit::Count, "Connections refused, by the limit that was reached");
    describe_gauge!("live_chat_sockets", Unit::Count, "WebSocket connections that are open, by dialect");
    describe_gauge!("live_chat_subscribers", Unit::Count, "Streams that are open");
    describe_counter!("live_chat_deliveries_total", Unit::Count, "Events and notices handed to the sockets of subscribers");
    describe_counter!("live_chat_sends_total", Unit::Count, "Writes to the sockets of subscribers; a burst leaves in one");
    describe_gauge!("live_chat_ring_lag_entries", Unit::Count, "How far the slowest subscriber is behind, by reactor");
    describe_counter!(
        "live_chat_subscribers_behind_total",
        Unit::Count,
        "Times that a subscriber fell out of the ring and was fed from the store"
    );
    describe_counter!(
        "live_chat_subscribers_cut_off_total",
        Unit::Count,
        "Subscribers cut off because they read too slowly, or held most of what waited while there was too much of it"
    );
    describe_counter!(
        "live_chat_responses_cut_off_total",
        Unit::Count,
        "Responses cut off because their clients read too slowly"
    );
    describe_gauge!("live_chat_backlog_bytes", Unit::Bytes, "Bytes in memory that wait for clients to take or to complete them");
    describe_counter!(
        "live_chat_backlog_evictions_total",
        Unit::Count,
        "Connections closed because too much waited, and they held most of it"
    );
    describe_counter!("live_chat_publishes_total", Unit::Count, "Publications, by what became of them");
    describe_counter!("live_chat_relayed_frames_total", Unit::Count, "Frames of the relay that were no chat messages");
    describe_counter!("live_chat_address_limits_total", Unit::Count, "Requests refused by a limit of their address, by limit");
    describe_counter!(
        "live_chat_reviews_total",
        Unit::Count,
        "Messages that review handlers were asked about, by what they said"
    );
    describe_counter!("live_chat_webhook_attempts_total", Unit::Count, "Deliveries to webhooks tried, by what became of them");
    describe_gauge!(
        "live_chat_webhook_lag_events",
        Unit::Count,
        "Events that the slowest webhook of this node has not come to yet"
    );
    describe_histogram!("live_chat_commit_events", Unit::Count, "Events that one commit made durable");
    describe_histogram!("live_chat_commit_duration_seconds", Unit::Seconds, "How long a commit took, its fsync included");
    describe_counter!("live_chat_commits_failed_total", Unit::Count, "Commits that the store refused");
    describe_counter!("live_chat_clock_jumps_total", Unit::Count, "Jumps of this machine's clock by more than two seconds");
    describe_counter!(
        "live_chat_log_unreadable_entries_total",
        Unit::Count,
        "Entries of a cluster's log that this node passed over because it cannot use them"
    );
    describe_gauge!("live_chat_log_lag_entries", Unit::Count, "How far this node is behind the log of its cluster");
    describe_gauge!(
        "live_chat_log_differences",
        Unit::Count,
        "What this node has otherwise than the node of its cluster that leads: should be 0"
    );
    describe_gauge!(
        "live_chat_log_compared_entry",
        Unit::Count,
        "Up to which entry of the log of its cluster this node has compared what it has read"
    );
    describe_gauge!("live_chat_database_bytes", Unit::Bytes, "Size of the database and its write-ahead log");
}

/// The address that serves `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAddress {
    /// The main one, for local scrapers and for holders of the admin key.
    Main,
    /// The one of `--ops-addr`, for everybody who can connect to it.
    Ops,
}

/// Headers by which a proxy says that it forwards a request of somebody else.
const FORWARDING: [&str; 6] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// `GET /metrics` on the main address. A stranger gets the same 404 as for a page that does not exist.
pub(super) async fn guarded_metrics(State(state): State<AppState>, asked: Asked, parts: Parts) -> Response {
    let is_allowed = match state.metrics_address {
        MetricsAddress::Main => is_local(&parts) || is_admin_key(&state.admin_key, bearer(&parts.headers).unwrap_or_default()),
        MetricsAddress::Ops => false,
    };
    if is_allowed { metrics(State(state.metrics), State(state.webhooks)).await } else { not_found(&state, asked).await }
}

/// Whether a program on this machine sent a request itself.
fn is_local(parts: &Parts) -> bool {
    let is_loopback = parts.extensions.get::<Peer>().is_some_and(|Peer(peer)| peer.to_canonical().is_loopback());
    is_loopback && !FORWARDING.iter().any(|name| parts.headers.contains_key(*name))
}

/// `GET /metrics` on the address of `--ops-addr`.
pub(super) async fn metrics(State(handle): State<PrometheusHandle>, State(webhooks): State<Webhooks>) -> Response {
    webhooks.measure();
    // Prometheus' text format, version 0.0.4.
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], handle.render()).into_response()
}

/// `GET /health/ready`: whether requests should be sent here, and if not, why; else what should be looked at, if anything.
pub(super) async fn ready(State(hub): State<Hub>, State(proxies): State<TrustedProxies>) -> (StatusCode, String) {
    if let Some(failure) = hub.supervisor().failure() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{failure}\n"));
    }
    // Without its address: anybody may read this.
    let unnamed = proxies.unnamed().map(|_| "requests arrive through a proxy that --trusted-proxies does not name".to_owned());
    let warnings: Vec<_> = hub.warning().into_iter().chain(unnamed).collect();
    match hub.fault() {
        _ if hub.is_stopping() => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".into()),
        Some(fault) => (StatusCode::SERVICE_UNAVAILABLE, format!("{fault}\n")),
        None if hub.is_disk_low() => {
            let why = "the disk has less free space than --min-free-disk: nothing can be published\n";
            (StatusCode::SERVICE_UNAVAILABLE, why.into())
        }
        None if warnings.is_empty() => (StatusCode::OK, "OK\n".into()),
        None => (StatusCode::OK, format!("OK, but {}\n", warnings.join("; "))),
    }
}
