use serde_json::{Value, json};

use super::super::{Events, apex::Apex, node::Cluster};
use crate::engine::Fault;

/// The next notice of how the chat is linked to its log.
async fn link(events: &mut Events) -> Value {
    loop {
        let notice = events.next_of("system").await;
        if notice.data["message"]["status"] == "link" {
            assert_eq!(notice.id, None, "nothing to come back after");
            return notice.data["message"]["live"].clone();
        }
    }
}

#[tokio::test]
async fn readers_are_told_while_the_log_cannot_be_reached_and_stay() {
    let cluster = Cluster::of(1);
    let node = cluster.nodes[0].clone();
    let site = cluster.start().await.remove(0);
    let mut before = site.subscribe().await;
    let mut other_dialect = Apex::open(&site).await;
    other_dialect.join("live-chat").await;
    let token = before.token().to_owned();
    *node.fault.lock().expect("not poisoned") = Some(Fault::Unreachable("for a test".into()));
    assert_eq!(link(&mut before).await, json!(false));
    let mut during = site.subscribe().await;
    assert_eq!(link(&mut during).await, json!(false), "after its init");
    let refused = site.say(&token, "hi").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    *node.fault.lock().expect("not poisoned") = None;
    for events in [&mut before, &mut during] {
        assert_eq!(link(events).await, json!(true));
    }
    let mut after = site.subscribe().await;
    assert_eq!(site.say(&token, "hi").await.status, 200);
    let first = after.next_of("broadcast").await.data["message"]["message_text"].clone();
    assert_eq!((first, before.next_texts(1).await), (json!("hi"), vec!["hi".to_owned()]));
    other_dialect.is_told("hi").await;
}
