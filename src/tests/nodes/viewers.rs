use serde_json::json;

use super::super::{
    Events, Site,
    apex::{Apex, site_token},
    node::{self, Cluster},
};
use crate::chat::RoomId;

fn viewers(site: &Site) -> usize {
    site.hub.snapshot(RoomId::FIRST).expect("room 1").viewer_count
}

/// The notice that says how many there are now, when they are that many: whether somebody came.
async fn told(events: &mut Events, count: usize) -> bool {
    loop {
        let notice = events.next_of("system").await.data["message"].clone();
        if notice["viewer_count"] == count {
            return notice["status"] == "join";
        }
    }
}

#[tokio::test]
async fn viewers_are_those_of_all_nodes() {
    let [one, other] = node::two().await;
    let mut here = one.subscribe().await;
    let there = other.subscribe().await;
    assert!(told(&mut here, 2).await, "somebody came, elsewhere");
    other.viewers(2).await;
    let third = other.subscribe().await;
    assert_eq!(third.init["message"]["viewer_count"], 3);
    assert!(told(&mut here, 3).await);
    assert!(one.page("/", "").await.text.contains("\"viewer_count\":3"));
    drop(there);
    drop(third);
    assert!(!told(&mut here, 1).await, "they left");
}

#[tokio::test]
async fn whoever_was_on_a_node_that_stops_is_gone_at_once() {
    let [one, other] = node::two().await;
    let _here = one.subscribe().await;
    let _there = other.subscribe().await;
    one.viewers(2).await;
    other.hub.stop();
    assert_eq!(viewers(&one), 1);
}

#[tokio::test]
async fn whoever_was_on_a_node_that_died_is_gone_after_a_while() {
    let cluster = Cluster::of(2);
    let dying = cluster.nodes[1].clone();
    let sites = cluster.start().await;
    let mut here = sites[0].subscribe().await;
    let _there = sites[1].subscribe().await;
    assert!(told(&mut here, 2).await);
    dying.die();
    assert!(!told(&mut here, 1).await);
}

#[tokio::test]
async fn a_room_counts_those_who_are_elsewhere_from_its_first_moment() {
    let [one, other] = node::two().await;
    let (_first, _second) = (other.subscribe().await, other.subscribe().await);
    one.viewers(2).await;
    assert_eq!(one.subscribe().await.init["message"]["viewer_count"], 3);
}

#[tokio::test]
async fn a_private_message_finds_its_reader_on_another_node() {
    let [one, other] = node::two().await;
    let mut ann = Apex::open(&one).await;
    let bob = other.subscribe_with(&format!("/subscribe/1?token={}", site_token("2", "Bob")), None).await;
    let whisper = |to: &str| json!([{ "action": "message_user", "uuid": to, "message": "psst" }]);
    ann.send(&json!([{ "action": "authenticate", "token": site_token("1", "Ann") }])).await;
    ann.send(&whisper("site:3")).await;
    assert_eq!(ann.error().await, "The user is not connected with uuid: site:3");
    ann.send(&whisper(bob.user_id())).await;
    ann.is_silent().await;
    let mut bob = bob;
    assert_eq!(bob.next_of("private").await.data["author_id"], "site:1");
}
