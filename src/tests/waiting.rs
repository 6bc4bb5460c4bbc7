//! Streams before a room's start and after its end.

use axum::http::Request;
use serde_json::{Value, json};

use super::{
    Events, Site,
    site::{ADMIN_KEY, texts},
};

/// A room that is created and not more; gives its widget key.
async fn created(site: &Site) -> String {
    let created = site.administer("/v1/streams/create", &json!({ "name": "Talk" })).await;
    assert_eq!((created.status, &created.json["data"]["id"]), (200, &json!(2)), "{}", created.text);
    created.json["data"]["widget_key"].as_str().expect("a key").to_owned()
}

async fn step(site: &Site, room: u64, step: &str) {
    let answer = site.administer(&format!("/v1/streams/{room}/{step}"), &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn delete(site: &Site, id: &str) {
    let request = Request::delete(format!("/v1/streams/1/messages/{id}")).header("authorization", format!("Bearer {ADMIN_KEY}"));
    let answer = site.send(request.body(axum::body::Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The statuses of the system events that the log holds, up to the end of the stream or the first that is `last`.
async fn statuses(events: &mut Events, last: &str) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        if event.id.is_none() || event.data["type"] != "system" {
            continue;
        }
        told.push(event.data["message"]["status"].as_str().expect("a status").to_owned());
        if told.last().is_some_and(|status| status == last) {
            break;
        }
    }
    told
}

#[tokio::test]
async fn who_subscribes_before_the_start_waits_for_it() {
    let site = Site::open().await;
    let key = created(&site).await;
    let mut early = site.subscribe_with("/subscribe/2", None).await;
    assert_eq!(early.init["message"]["state"], "created");
    let request = json!({ "type": "request", "widget_key": key }).to_string();
    let answer = site.publish_raw(2, early.token(), request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(early.next_of("request").await.data["message"], json!([]));
    step(&site, 2, "prepare").await;
    let prepared = site.subscribe_with("/subscribe/2", None).await;
    assert_eq!((&prepared.init["message"]["state"], &prepared.init["message"]["viewer_count"]), (&json!("prepared"), &json!(2)));
    step(&site, 2, "start").await;
    assert_eq!(statuses(&mut early, "start").await, ["prepare", "start"]);
    let body = json!({ "type": "broadcast", "widget_key": key, "message": { "username": "ann", "message_text": "first" } });
    assert_eq!(site.publish_raw(2, early.token(), body.to_string()).await.status, 200);
    assert_eq!(early.next_texts(1).await, ["first"]);
    let live = site.subscribe_with("/subscribe/2", None).await;
    assert_eq!(live.init["message"]["state"], Value::Null, "as it always was while a room is live");
}

#[tokio::test]
async fn who_missed_the_end_is_given_what_was_said_and_then_204() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    for text in ["one", "two"] {
        site.say(events.token(), text).await;
    }
    assert_eq!(events.next_texts(1).await, ["one"]);
    let behind = events.last_event_id.clone();
    step(&site, 1, "end").await;
    assert_eq!(events.next_texts(1).await, ["two"]);
    assert_eq!(statuses(&mut events, "").await, ["end"], "and then the stream is closed");
    let end = events.last_event_id.clone();

    for from in [behind, site.hub.position(0).to_string()] {
        let mut late = site.resume(&from).await;
        assert_eq!((&late.init["message"]["state"], &late.init["message"]["gap"]), (&json!("ended"), &json!(false)));
        assert_eq!(late.next_texts(1).await.len(), 1);
        assert_eq!(statuses(&mut late, "").await, ["end"]);
        assert_eq!(late.last_event_id, end);
    }
    let newer = site.hub.position(9).to_string();
    for query in ["".to_owned(), format!("?last_event_id={end}"), format!("?last_event_id={newer}"), "?last_event_id=x".into()] {
        assert_eq!(site.get(&format!("/subscribe/1{query}")).await.status, 204, "{query}");
    }
}

#[tokio::test]
async fn what_is_not_for_a_reader_does_not_bring_them_back_for_ever() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    step(&site, 1, "end").await;
    statuses(&mut events, "").await;
    let end = events.last_event_id.clone();
    site.administer("/v1/streams/1/users/somebody/ban", &json!({ "reason": "spam" })).await;
    let mut late = site.resume(&end).await;
    assert!(statuses(&mut late, "").await.is_empty(), "the ban is somebody else's");
    assert_ne!(late.last_event_id, end, "it has moved on all the same");
    assert_eq!(site.get(&format!("/subscribe/1?last_event_id={}", late.last_event_id)).await.status, 204);
}

#[tokio::test]
async fn a_stream_that_waits_goes_on_after_the_end() {
    let site = Site::open().await;
    let mut page = site.subscribe_with("/subscribe/1?wait=1", None).await;
    let said = site.say(page.token(), "one").await.json["data"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(page.next_texts(1).await, ["one"]);
    step(&site, 1, "end").await;
    assert_eq!(statuses(&mut page, "end").await, ["end"]);
    delete(&site, &said).await;
    let deleted = page.next_of("system").await;
    assert_eq!(deleted.data["message"], json!({ "status": "delete", "id": said }));

    let mut late = site.subscribe_with("/subscribe/1?wait=1", None).await;
    assert_eq!((&late.init["message"]["state"], &late.init["message"]["viewer_count"]), (&json!("ended"), &json!(2)));
    site.request(late.token()).await;
    let history = late.next_of("request").await;
    assert!(texts(history.data["message"].as_array().expect("a list")).is_empty(), "what was deleted is not in it");
    for (to, status) in [("prepare", "prepare"), ("start", "start"), ("end", "end")] {
        step(&site, 1, to).await;
        assert_eq!(statuses(&mut page, status).await, [status]);
        assert_eq!(statuses(&mut late, status).await, [status]);
    }
}

#[tokio::test]
async fn an_end_that_was_long_ago_ends_nothing() {
    let site = Site::open().await;
    for to in ["end", "prepare", "start"] {
        step(&site, 1, to).await;
    }
    let mut events = site.resume(&site.hub.position(0).to_string()).await;
    assert_eq!(statuses(&mut events, "start").await, ["end", "prepare", "start"]);
    site.say(events.token(), "again").await;
    assert_eq!(events.next_texts(1).await, ["again"]);
}
