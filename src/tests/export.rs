use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY},
};
use crate::chat::{Capabilities, RoomId};

async fn export(site: &Site, file: &str, bearer: &str) -> Answer {
    let request = Request::get(format!("/v1/streams/1/export.{file}")).header("authorization", format!("Bearer {bearer}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON in every line")).collect()
}

#[tokio::test]
async fn everything_public_that_was_not_deleted_is_exported() {
    let site = Site::open().await;
    let events = site.subscribe().await;
    for text in ["one", "two", "=three"] {
        site.say(events.token(), text).await;
    }
    let private = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": events.user_id(), "message": "secret" });
    assert_eq!(site.publish(events.token(), &private).await.status, 200);
    let (payload, spaced) = ("{\"é\":1E2}", "{\n\"é\" : 1E2 }");
    let raw = format!(r#"{{"type":"broadcast","widget_key":"{WIDGET_KEY}","timestamp":12.25,"message":{spaced}}}"#);
    assert_eq!(site.publish_raw(1, events.token(), raw).await.status, 200);
    let two = site.get("/v1/streams/1/messages").await.json["data"][1]["id"].as_str().expect("an id").to_owned();
    let request = Request::delete(format!("/v1/streams/1/messages/{two}")).header("authorization", format!("Bearer {ADMIN_KEY}"));
    assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, 200);

    let answer = export(&site, "jsonl", ADMIN_KEY).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/jsonl"));
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"live-chat.jsonl\"");
    let exported = lines(&answer);
    let history = site.get("/v1/streams/1/messages").await.json["data"].clone();
    assert_eq!(exported.len(), 3, "{}", answer.text);
    for (line, envelope) in exported.iter().zip(history.as_array().expect("a list")) {
        assert_eq!((&line["id"], &line["sent_at"]), (&envelope["id"], &envelope["sent_at"]));
        assert_eq!(line["author_id"], events.user_id());
    }
    assert_eq!(exported[1]["message"]["message_text"], "=three");
    assert!(answer.text.contains(&format!("\"video_time\":12.25,\"message\":{payload}}}")), "byte for byte: {}", answer.text);

    let answer = export(&site, "csv", ADMIN_KEY).await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"live-chat.csv\"");
    let mut reader = csv::Reader::from_reader(answer.text.trim_start_matches('\u{feff}').as_bytes());
    assert_eq!(reader.headers().expect("a head"), ["id", "sent_at", "author_id", "video_time", "username", "text"].as_slice());
    let texts: Vec<_> = reader.records().map(|record| record.expect("well-formed")[5].to_owned()).collect();
    assert_eq!(texts, ["one", "'=three", payload]);
}

#[tokio::test]
async fn an_export_of_many_pages_is_whole_and_ends_where_the_log_ended() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let large = "x".repeat(450);
    for n in 0..1_100 {
        site.say(&token, &format!("{n} {}", if n < 600 { &large } else { "" })).await;
    }
    let mut export = site.hub.export(RoomId::FIRST, &crate::hub::Authority::Admin).expect("allowed");
    let mut seqs = Vec::new();
    while let Some(events) = export.next().await.expect("readable") {
        assert!(events.iter().map(crate::chat::Event::payload_bytes).sum::<usize>() < 300_000, "a page is bounded");
        seqs.extend(events.iter().map(|event| event.seq));
        site.say(&token, "later").await;
    }
    assert!(seqs.into_iter().eq(1..=1_100), "each once, in order, and nothing later");
}

#[tokio::test]
async fn an_empty_room_has_an_empty_export() {
    let site = Site::open().await;
    assert_eq!(export(&site, "jsonl", ADMIN_KEY).await.text, "");
    assert_eq!(export(&site, "csv", ADMIN_KEY).await.text.lines().count(), 1, "the columns' names");
}

#[tokio::test]
async fn an_export_is_for_who_manages_the_room() {
    let site = Site::open().await;
    let sign = |capabilities| site.hub.tokens().sign(site.guest(), RoomId::FIRST, capabilities, None);
    let elsewhere = site.hub.tokens().sign(site.guest(), RoomId::new(2).expect("in range"), Capabilities::owner(), None);
    let rows = [
        (sign(Capabilities::owner()), 200),
        (sign(Capabilities::guest()), 403),
        (elsewhere, 401),
        ("nonsense".into(), 401),
        (String::new(), 401),
    ];
    for (bearer, status) in rows {
        for file in ["jsonl", "csv"] {
            let answer = export(&site, file, &bearer).await;
            assert_eq!(answer.status, status, "{file} {bearer}");
            assert!(status == 200 || !answer.error().is_empty());
        }
    }
    let request = Request::get("/v1/streams/9/export.csv").header("authorization", format!("Bearer {ADMIN_KEY}"));
    assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, 404);
}
