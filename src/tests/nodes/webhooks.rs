use serde_json::{Value, json};

use super::super::{
    Receiver, Reply,
    node::Cluster,
    webhooks::{ask, make, shown, text},
};
use crate::chat::RoomId;

fn path(webhook: &Value) -> String {
    format!("/v1/webhooks/{}", webhook["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn one_node_delivers_and_another_goes_on_where_it_stopped() {
    let cluster = Cluster::of(2);
    let nodes = cluster.nodes.clone();
    let [one, other] = cluster.start().await.try_into().ok().expect("two");
    let mut receiver = Receiver::open().await;
    make(&other, json!({ "url": receiver.url })).await;
    let token = one.guest_token(RoomId::FIRST);
    let settled = |webhook: &Value| webhook["behind"] == 0 && webhook["last_success"].is_string();
    for (n, site) in [&one, &other].into_iter().enumerate() {
        site.say(&token, &n.to_string()).await;
        assert_eq!(text(&receiver.next().await), n.to_string());
    }
    // What the one has noted, the other lists.
    shown(&one, settled).await;
    shown(&other, settled).await;
    nodes[0].leads.send_replace(false);
    other.say(&token, "while nobody delivers").await;
    nodes[1].leads.send_replace(true);
    assert_eq!(text(&receiver.next().await), "while nobody delivers");
    one.say(&token, "last").await;
    assert_eq!(text(&receiver.next().await), "last");
    shown(&other, settled).await;
    assert!(receiver.waiting().is_empty(), "each once");
}

#[tokio::test]
async fn any_node_enables_and_ends_what_another_delivers() {
    let [one, other] = Cluster::of(2).start().await.try_into().ok().expect("two");
    let mut receiver = Receiver::open().await;
    receiver.reply([Reply::status(410)]);
    let webhook = make(&one, json!({ "url": receiver.url })).await;
    let token = one.guest_token(RoomId::FIRST);
    one.say(&token, "one").await;
    receiver.next().await;
    shown(&other, |webhook| webhook["enabled"] == false).await;
    receiver.reply([Reply::status(200), Reply::hang()]);
    assert_eq!(ask(&other, "POST", &format!("{}/enable", path(&webhook))).await.status, 200);
    assert_eq!(text(&receiver.next().await), "one");
    one.say(&token, "two").await;
    receiver.next().await;
    assert_eq!(ask(&other, "DELETE", &path(&webhook)).await.status, 200);
    // It is broken off, and what is noted of it then does not bring it back.
    while !one.webhooks.delivering().is_empty() {
        tokio::task::yield_now().await;
    }
    for site in [&one, &other] {
        assert_eq!(ask(site, "GET", "/v1/webhooks").await.json["data"], json!([]));
        assert_eq!(ask(site, "DELETE", &path(&webhook)).await.status, 404);
    }
}
