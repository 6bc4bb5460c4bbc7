//! What one answer may hold, however much is stored.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY, texts},
};
use crate::{chat::RoomId, engine::ANSWER_BYTES};

/// Payload beside the text: with it a message is nearly as long as a body may be.
const PADDING: usize = 60_000;

/// Messages that are more than one answer may hold, and less than two.
const MESSAGES: usize = 25;

async fn publish(site: &Site, token: &str, text: &str, extra: Value) -> String {
    let mut message = json!({ "type": "chat", "username": "ann", "message_text": text, "padding": "x".repeat(PADDING) });
    message.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    let answer = site.publish(token, &json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["data"]["id"].as_str().expect("an id").to_owned()
}

async fn fill(site: &Site, token: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..MESSAGES {
        ids.push(publish(site, token, &format!("text {n}"), json!({})).await);
    }
    ids
}

async fn get(site: &Site, path: &str) -> Answer {
    let request = Request::get(format!("/v1/streams/1/{path}")).header("authorization", format!("Bearer {ADMIN_KEY}"));
    let answer = site.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    assert!(answer.text.len() < 2 * ANSWER_BYTES + ANSWER_BYTES / 4, "{path}: {} bytes", answer.text.len());
    answer
}

/// Reads all pages of a list, and returns how many entries they have; `key` names the parameter that continues after, or before, an
/// entry, beginning with `from`.
async fn pages(site: &Site, path: &str, key: &str, reads_back: bool, from: Option<&String>) -> usize {
    let next = |id: &str| format!("&{key}={id}");
    let (mut seen, mut at, mut count) = (std::collections::BTreeSet::new(), from.map_or_else(String::new, |id| next(id)), 0);
    loop {
        let answer = get(site, &format!("{path}limit=500{at}")).await;
        let data = answer.json["data"].as_array().expect("a list");
        count += 1;
        for entry in data {
            assert!(seen.insert(entry["id"].to_string()), "{path}: twice");
        }
        if answer.json["meta"]["has_more"] != true {
            assert!(count > 1, "{path}: {} in one answer", data.len());
            return seen.len();
        }
        let last = if reads_back { data.first() } else { data.last() };
        at = next(last.expect("an entry")["id"].as_str().expect("an id"));
    }
}

#[tokio::test]
async fn every_list_of_messages_is_bounded_by_bytes_and_loses_nothing() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let ids = fill(&site, &token).await;
    assert_eq!(pages(&site, "messages?", "before", true, None).await, MESSAGES);
    assert_eq!(pages(&site, "messages?", "after", false, ids.first()).await, MESSAGES - 1);
    assert_eq!(pages(&site, "replay?", "after", false, None).await, MESSAGES);
    assert_eq!(pages(&site, "search?q=text&", "before", false, None).await, MESSAGES);
    for id in &ids {
        let request =
            Request::delete(format!("/v1/streams/1/messages/{id}")).header("authorization", format!("Bearer {ADMIN_KEY}"));
        assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, 200);
    }
    assert!(pages(&site, "audit?", "before", false, None).await >= MESSAGES);
}

#[tokio::test]
async fn the_queue_of_held_messages_is_bounded_by_bytes() {
    let site = Site::open().await;
    assert_eq!(site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": true })).await.status, 200);
    for n in 0..MESSAGES {
        publish(&site, &site.guest_token(RoomId::FIRST), &format!("text {n}"), json!({})).await;
    }
    assert_eq!(pages(&site, "held?", "after", false, None).await, MESSAGES);
}

#[tokio::test]
async fn quoted_messages_have_a_budget_of_their_own() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let quoted = [fill(&site, &token).await, fill(&site, &token).await].concat();
    for id in &quoted {
        let message = json!({ "type": "chat", "username": "ann", "message_text": "yes", "reply_to": id });
        let answer = site.publish(&token, &json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let answer = get(&site, &format!("messages?limit={}", quoted.len())).await;
    let told = answer.json["meta"]["quoted"].as_array().expect("quotes");
    assert!(told.len() < quoted.len());
    let newest = quoted.last().expect("one").as_str();
    assert!(told.iter().any(|quote| quote["id"] == newest), "the newest are told");
}

#[tokio::test]
async fn the_answer_to_a_request_is_bounded_by_bytes_and_says_so() {
    let site = Site::open().await;
    fill(&site, &site.guest_token(RoomId::FIRST)).await;
    let mut events = site.subscribe().await;
    let token = events.token().to_owned();
    assert_eq!(site.request(&token).await.status, 200);
    let answer = events.next_of("request").await.data;
    let messages = answer["message"].as_array().expect("a list");
    let newest = texts(messages);
    assert_eq!(newest.last().map(String::as_str), Some(&*format!("text {}", MESSAGES - 1)));
    assert!(newest.len() < MESSAGES && newest.len() * PADDING <= ANSWER_BYTES, "{}", newest.len());
    assert_eq!(answer["has_more"], true);
}
