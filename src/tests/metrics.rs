use std::sync::Arc;

use axum::{body::Body, http::Request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Site, nats,
    site::{ADMIN_KEY, Setting},
};
use crate::{
    engine::{Engine, News},
    server::MetricsAddress,
};

/// What a program on this machine gets that sends `headers`: the status line and the rest.
async fn ask_locally(site: &Site, path: &str, headers: &str) -> (String, String) {
    let mut socket = TcpStream::connect(site.addr).await.expect("a server");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.expect("an open connection");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    let (status, rest) = answer.split_once("\r\n").expect("a status line");
    (status.to_owned(), rest.to_owned())
}

#[tokio::test]
async fn metrics_are_for_programs_on_this_machine_and_for_the_admin_key() {
    let site = Site::open().await;
    let (status, text) = ask_locally(&site, "/metrics", "").await;
    assert!(status.ends_with("200 OK") && text.contains("\nlive_chat_connections "), "{status}");
    for header in
        ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "X-Real-IP: ::1", "Via: 1.1 proxy", "x-forwarded-proto: https"]
    {
        let (status, text) = ask_locally(&site, "/metrics", &format!("{header}\r\n")).await;
        assert!(status.ends_with("404 Not Found") && !text.contains("live_chat_connections"), "{header}: {status}");
        let key = format!("{header}\r\nAuthorization: Bearer {ADMIN_KEY}\r\n");
        assert!(ask_locally(&site, "/metrics", &key).await.0.ends_with("200 OK"), "{header}");
    }
    // Another machine's: its address is none of this one's.
    let unknown = site.get("/no-such-page").await;
    let stranger = site.get("/metrics").await;
    assert_eq!((stranger.status, stranger.header("content-type")), (unknown.status, unknown.header("content-type")));
    for (key, status) in [(ADMIN_KEY, 200), ("another-admin-key", 404), ("", 404)] {
        let request = Request::get("/metrics").header("authorization", format!("Bearer {key}"));
        assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, status, "{key}");
    }
}

#[tokio::test]
async fn with_an_address_of_their_own_metrics_are_nowhere_else() {
    let site = Site::with(Setting { metrics_address: MetricsAddress::Ops, ..Setting::default() }).await;
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    for headers in ["", &key] {
        assert!(ask_locally(&site, "/metrics", headers).await.0.ends_with("404 Not Found"), "{headers}");
    }
    assert!(site.metrics().await.contains("\nlive_chat_connections "));
    for path in ["/health/live", "/health/ready"] {
        assert_eq!((site.get(path).await.status, site.get_from_ops(path).await.status), (200, 200), "{path}");
    }
    assert_eq!(site.get_from_ops("/").await.status, 404, "nothing else is there");
}

#[tokio::test]
async fn labels_have_few_values() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    site.say(events.token(), "one").await;
    events.next_texts(1).await;
    for line in site.metrics().await.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
        let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name);
        for name in names {
            assert!(["dialect", "le", "limit", "reactor", "result"].contains(&name), "{line}");
        }
    }
}

/// The value of a sample whose name and labels begin so; metrics are the whole process's, so a test may only see them grow.
fn sample(text: &str, name: &str) -> f64 {
    let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
    values.map(|(_, value)| value.parse::<f64>().expect("a number")).sum()
}

#[tokio::test]
async fn what_happens_is_counted() {
    let site = Site::open().await;
    let before = site.get_from_ops("/metrics").await;
    assert_eq!(before.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let mut events = site.subscribe().await;
    site.say(events.token(), "counted").await;
    site.say("", "refused").await;
    site.publish_raw(1, events.token(), "no JSON").await;
    events.next_texts(1).await;
    let grew = async |name: &str, by: f64| {
        // A reactor counts after it has sent.
        while sample(&site.metrics().await, name) < sample(&before.text, name) + by {
            tokio::task::yield_now().await;
        }
    };
    for result in ["stored", "token", "malformed"] {
        grew(&format!("live_chat_publishes_total{{result=\"{result}\"}}"), 1.0).await;
    }
    grew("live_chat_deliveries_total", 1.0).await;
    grew("live_chat_sends_total", 1.0).await;
    grew("live_chat_connections ", 1.0).await;
}

#[tokio::test]
async fn every_metric_says_what_it_is() {
    let site = Site::open().await;
    let _events = site.subscribe().await;
    let text = site.metrics().await;
    for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).expect("a name");
        assert!(name.starts_with("live_chat_") && text.contains(&format!("# HELP {name} ")), "{name}");
    }
    assert!(text.contains("# TYPE live_chat_connections gauge"), "{text}");
}

#[tokio::test]
async fn readiness_ends_with_the_stop() {
    let site = Site::open().await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!((site.get(path).await.status, site.get(path).await.text.as_str()), (200, "OK\n"), "{path}");
    }
    site.hub.stop();
    assert_eq!((site.get("/health/ready").await.status, site.get("/health/live").await.status), (503, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_shows_metrics_that_are_there() {
    let site = Site::open().await;
    // Some are of clusters alone.
    let folder = tempfile::tempdir().expect("a folder");
    let node = nats::open(folder.path(), "metrics", Arc::new(|_: &[News]| {})).await;
    node.begin();
    while !site.metrics().await.contains("\nlive_chat_log_differences ") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let events = site.subscribe().await;
    site.say(events.token(), "a commit").await;
    let text = site.metrics().await;
    let dashboard = include_str!("../../ops/grafana-dashboard.json");
    let named =
        dashboard.split("live_chat_").skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next());
    let names: std::collections::BTreeSet<_> = named.flatten().collect();
    for name in &names {
        let metric = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        assert!(text.contains(&format!("\nlive_chat_{metric}")), "{name} is in the dashboard, not in:\n{text}");
    }
    assert!(names.len() > 10, "{names:?}");
}
