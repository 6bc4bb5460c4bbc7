//! Several nodes: what is asked of one holds on all.

mod apex;
mod history;
mod link;
mod relay;
mod screens;
mod turns;
mod viewers;
mod webhooks;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    Site,
    invitations::{call, end, invite, page_token, stream},
    node,
    site::{ADMIN_KEY, PASSWORD, WIDGET_KEY},
};
use crate::chat::RoomId;

/// Says something with a widget key; the status of the answer.
async fn say_with(site: &Site, room: u32, token: &str, widget_key: &str) -> u16 {
    let message = json!({ "type": "broadcast", "widget_key": widget_key, "message": "hi" });
    site.publish_raw(room, token, message.to_string()).await.status
}

#[tokio::test]
async fn rooms_and_their_states_and_widget_keys_are_known_everywhere() {
    let [one, other] = node::two().await;
    let made = one.administer("/v1/streams/create", &json!({ "name": "Two" })).await.json["data"].clone();
    let key = made["widget_key"].as_str().expect("a widget key");
    one.administer("/v1/streams/2/prepare", &json!({})).await;
    other.administer("/v1/streams/2/start", &json!({})).await;
    let about = async |site| call(site, Method::GET, "/v1/streams/2", ADMIN_KEY, &Value::Null).await.json;
    let [here, there] = [about(&one).await, about(&other).await];
    assert!(here["data"]["start_time"].is_string() && here["data"]["prepared_at"].is_string(), "{here}");
    assert_eq!(here["data"], there["data"]);
    let two = RoomId::new(2).expect("in range");
    let token = one.guest_token(two);
    for site in [&one, &other] {
        assert_eq!(say_with(site, 2, &token, key).await, 200);
    }
    let path = format!("/v1/widget-keys/{key}");
    assert_eq!(call(&other, Method::DELETE, &path, ADMIN_KEY, &Value::Null).await.status, 200);
    for site in [&one, &other] {
        assert_eq!(say_with(site, 2, &token, key).await, 403);
        assert_eq!(say_with(site, 1, &site.guest_token(RoomId::FIRST), WIDGET_KEY).await, 200);
    }
}

#[tokio::test]
async fn all_nodes_look_the_same() {
    let [one, other] = node::two().await;
    let look = json!({ "title": "Acme", "properties": { "--radius": "4px" } });
    assert_eq!(call(&one, Method::PATCH, "/v1/appearance", ADMIN_KEY, &look).await.status, 200);
    let [here, there] = [one.get("/rooms/1").await.text, other.get("/rooms/1").await.text];
    for page in [here, there] {
        assert!(page.contains("<title>Live chat · Acme</title>") && page.contains(":root{--radius:4px;}"), "{page}");
    }
}

#[tokio::test]
async fn a_revoked_token_ends_its_connections_on_all_nodes() {
    let [one, other] = node::two().await;
    let first = one.subscribe().await;
    let second = other.subscribe_with(&format!("/subscribe/1?token={}", first.token()), None).await;
    let stays = other.subscribe().await;
    let tokens = [first.token().to_owned(), second.token().to_owned()];
    assert_eq!(one.administer("/v1/tokens/revoke", &json!({ "token": tokens[0] })).await.status, 200);
    end(first).await;
    end(second).await;
    for (site, token) in [(&one, &tokens[1]), (&other, &tokens[0])] {
        assert_eq!(site.say(token, "hi").await.error(), "The token has been revoked.");
    }
    assert_eq!(one.say(stays.token(), "hi").await.status, 200);
}

#[tokio::test]
async fn an_invitation_is_taken_once_and_revoked_on_all_nodes() {
    let [one, other] = node::two().await;
    let made = invite(&one, "Robin").await;
    let link = made["link"].as_str().expect("a link");
    let guest = other.subscribe().await;
    assert_eq!(other.say_as(guest.token(), "R0bin", "hi").await.status, 409, "the name is theirs");
    let taken = futures::join!(one.submit(link, "", "same-origin", ""), other.submit(link, "", "same-origin", ""));
    let taken = [taken.0, taken.1];
    let mut statuses = taken.each_ref().map(|answer| answer.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410]);
    let session = taken.iter().find(|answer| answer.status == 303).expect("somebody").cookie();
    let (token, events) = (page_token(&other, session).await, stream(&other, session).await);
    let path = format!("/v1/streams/1/invites/{}", made["id"].as_str().expect("an id"));
    assert_eq!(call(&one, Method::DELETE, &path, ADMIN_KEY, &Value::Null).await.status, 200);
    end(events).await;
    assert_eq!(other.say_as(&token, "Robin", "hi").await.status, 401);
    assert_eq!(other.say_as(guest.token(), "Robin", "hi").await.status, 200, "the name is free");
}

#[tokio::test]
async fn who_signs_out_is_signed_out_of_all_nodes() {
    let [one, other] = node::two().await;
    let session = one.sign_in(PASSWORD).await.cookie().to_owned();
    assert!(other.page("/admin", &session).await.text.contains("Sign out"), "the nodes know each other's sessions");
    let events = stream(&other, &session).await;
    one.submit("/admin/sign-out", &session, "same-origin", "").await;
    end(events).await;
    assert!(!other.page("/admin", &session).await.text.contains("Sign out"));
}

#[tokio::test]
async fn a_unique_name_is_its_holder_s_on_all_nodes() {
    let [one, other] = node::two().await;
    assert_eq!(one.administer("/v1/streams/1/settings", &json!({ "unique_names": true })).await.status, 200);
    let cookie = one.get("/").await.cookie().to_owned();
    let ann = page_token(&one, &cookie).await;
    assert_eq!(one.say_as(&ann, "Ann", "hi").await.status, 200);
    let guest = other.subscribe().await;
    assert_eq!(other.say_as(guest.token(), "ANN", "hi").await.status, 409);
    assert_eq!(other.say_as(&ann, "Ann", "hi").await.status, 200);
    assert_eq!(other.say_as(&ann, "Bea", "hi").await.status, 200);
    assert_eq!(one.say_as(guest.token(), "Bea", "hi").await.status, 409);
    assert_eq!(one.say_as(guest.token(), "Ann", "hi").await.status, 200, "they have another one now");
}

#[tokio::test]
async fn a_protected_name_is_so_on_all_nodes_and_guests_share_theirs() {
    let [one, other] = node::two().await;
    let [ann, guest] = [one.subscribe().await, other.subscribe().await];
    assert_eq!(one.say_as(ann.token(), "Ann", "hi").await.status, 200);
    assert_eq!(other.say_as(guest.token(), "Ann", "hi").await.status, 200);
    let user = crate::chat::UserId::try_from("m".to_owned()).expect("an id");
    let moderator = one.hub.tokens().sign(user, RoomId::FIRST, crate::chat::Capabilities::moderator(), None);
    assert_eq!(one.say_as(&moderator, "Tom", "hi").await.status, 200);
    assert_eq!(other.say_as(guest.token(), "T.o.m", "hi").await.status, 409);
}
