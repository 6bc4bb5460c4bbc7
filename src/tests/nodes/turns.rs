use serde_json::{Value, json};

use super::super::{Site, invitations::call, node, site::ADMIN_KEY};
use crate::chat::RoomId;

async fn set(site: &Site, settings: Value) {
    assert_eq!(site.administer("/v1/streams/1/settings", &settings).await.status, 200);
}

#[tokio::test]
async fn slow_mode_cannot_be_got_around_by_taking_turns_between_nodes() {
    let [one, other] = node::two().await;
    set(&one, json!({ "slow_mode_seconds": 600 })).await;
    let [ann, bob] = [(); 2].map(|()| one.guest_token(RoomId::FIRST));
    assert_eq!(one.say(&ann, "one").await.status, 200);
    for site in [&other, &one] {
        assert_eq!(site.say(&ann, "two").await.status, 429);
    }
    assert_eq!(other.say(&bob, "one").await.status, 200);
}

#[tokio::test]
async fn a_crowd_s_copies_are_counted_over_all_nodes() {
    let [one, other] = node::two().await;
    set(&one, json!({ "repeat_seconds": 600 })).await;
    let text = "buy this at once, it is cheap";
    let mut statuses = Vec::new();
    for site in [&one, &other, &one, &other, &one, &other] {
        statuses.push(site.say(&one.guest_token(RoomId::FIRST), text).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429], "five, each counted once");
    let ann = one.guest_token(RoomId::FIRST);
    assert_eq!((one.say(&ann, "hi").await.status, other.say(&ann, "hi").await.status), (200, 429), "their own");
}

#[tokio::test]
async fn who_is_approved_has_not_spoken_again() {
    let [one, other] = node::two().await;
    set(&one, json!({ "hold_newcomers": true })).await;
    let ann = one.guest_token(RoomId::FIRST);
    assert_eq!(one.say(&ann, "may I?").await.status, 200);
    set(&one, json!({ "slow_mode_seconds": 600 })).await;
    let held = call(&other, axum::http::Method::GET, "/v1/streams/1/held", ADMIN_KEY, &Value::Null).await;
    let id = held.json["data"][0]["id"].as_str().expect("one waits").to_owned();
    assert_eq!(other.administer(&format!("/v1/streams/1/held/{id}/approve"), &json!({})).await.status, 200);
    assert_eq!(one.say(&ann, "thanks").await.status, 200);
}
