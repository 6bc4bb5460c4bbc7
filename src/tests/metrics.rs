use std::sync::Arc;

use super::{Site, nats};
use crate::engine::{Engine, News};

/// The value of a sample whose name and labels begin so; metrics are the whole process's, so a test may only see them grow.
fn sample(text: &str, name: &str) -> f64 {
    let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
    values.map(|(_, value)| value.parse::<f64>().expect("a number")).sum()
}

#[tokio::test]
async fn what_happens_is_counted() {
    let site = Site::open().await;
    let before = site.get("/metrics").await;
    assert_eq!(before.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let mut events = site.subscribe().await;
    site.say(events.token(), "counted").await;
    site.say("", "refused").await;
    site.publish_raw(1, events.token(), "no JSON").await;
    events.next_texts(1).await;
    let grew = async |name: &str, by: f64| {
        // A reactor counts after it has sent.
        while sample(&site.get("/metrics").await.text, name) < sample(&before.text, name) + by {
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
    let text = site.get("/metrics").await.text;
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
    while !site.get("/metrics").await.text.contains("\nlive_chat_log_differences ") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let events = site.subscribe().await;
    site.say(events.token(), "a commit").await;
    let text = site.get("/metrics").await.text;
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
