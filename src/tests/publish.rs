use std::{pin::pin, sync::Arc, time::Duration};

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Site,
    site::{ByHand, Setting, WIDGET_KEY},
};
use crate::{
    chat::{Capabilities, Limits, MessageId, RoomId, UserId},
    hub::{Tokens, Wake},
};

fn chat(username: &str, text: &str) -> Value {
    broadcast(&json!({ "type": "chat", "username": username, "message_text": text }))
}

fn broadcast(message: &Value) -> Value {
    json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message })
}

#[tokio::test]
async fn a_message_is_acknowledged_with_its_place() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let answer = site.say(events.token(), "hi").await;
    assert_eq!((answer.status, &answer.json["code"], &answer.json["message"]), (200, &json!(200), &json!("OK")));
    let event = events.next_of("broadcast").await;
    assert_eq!(event.data["id"], answer.json["data"]["id"]);
    assert_eq!(event.data["author_id"], events.user_id());
    assert_eq!(event.data["id"].as_str().and_then(|id| id.parse().ok()), Some(MessageId { room: RoomId::FIRST, seq: 1 }));
}

#[tokio::test]
async fn every_json_value_is_relayed_byte_for_byte() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let payloads = ["null", "7", "\"text\"", "[]", "true", r#"{"z":12345678901234567890123,"a":1.10,"u":{"x":"\u00e9é"}}"#];
    for payload in payloads {
        let body = format!(r#"{{"message":{payload},"widget_key":"{WIDGET_KEY}","type":"broadcast"}}"#);
        assert_eq!(site.publish_raw(1, events.token(), body).await.status, 200, "{payload}");
        let block = loop {
            let block = events.block().await.expect("an event");
            if block.contains("broadcast") {
                break block;
            }
        };
        assert!(block.ends_with(&format!("\"message\":{payload}}}\n\n")), "{block}");
    }
    let history = site.get("/v1/streams/1/messages").await.text;
    for payload in payloads {
        assert!(history.contains(&format!("\"message\":{payload}}}")), "{payload} in {history}");
    }
}

#[tokio::test]
async fn bad_input_gets_a_clear_error_and_stores_nothing() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let ok = chat("ann", "hi");
    let bodies: Vec<(String, u16, &str)> = vec![
        ("{".into(), 400, "JSON"),
        ("[]".into(), 400, "JSON object"),
        (json!({ "type": "shout", "widget_key": WIDGET_KEY }).to_string(), 400, "\"shout\" is not known"),
        (json!({ "type": "system", "widget_key": WIDGET_KEY }).to_string(), 400, "only be sent by the server"),
        (json!({ "type": "broadcast", "widget_key": WIDGET_KEY }).to_string(), 400, "\"message\" is missing"),
        (json!({ "widget_key": WIDGET_KEY, "message": 1 }).to_string(), 400, "\"type\" is missing"),
        (json!({ "type": "broadcast", "message": 1 }).to_string(), 400, "\"widget_key\" is missing"),
        (json!({ "type": "private", "widget_key": WIDGET_KEY, "message": 1 }).to_string(), 400, "\"to_user_id\" is missing"),
        (json!({ "type": 1, "widget_key": WIDGET_KEY }).to_string(), 400, "\"type\" must be a string"),
        (json!({ "type": "broadcast", "widget_key": "wrong", "message": 1 }).to_string(), 403, "widget key"),
        (chat("", "hi").to_string(), 400, "The name is empty"),
        (chat("ann", " \n").to_string(), 400, "The message is empty"),
        (chat(&"n".repeat(65), "hi").to_string(), 400, "at most 64"),
        (chat("ann", &"x".repeat(501)).to_string(), 400, "at most 500"),
        (chat("an\u{7}n", "hi").to_string(), 400, "control characters"),
        (chat("ann", "a\u{0}b").to_string(), 400, "control characters"),
        (broadcast(&json!({ "type": "chat", "username": "ann" })).to_string(), 400, "The message is missing"),
        (broadcast(&json!({ "type": "chat", "username": 1, "message_text": "x" })).to_string(), 400, "The name must be text"),
        (broadcast(&json!("x".repeat(70_000))).to_string(), 413, "too large"),
    ];
    for (body, status, message) in bodies {
        let answer = site.publish_raw(1, &token, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.error().contains(message), "{body}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/json", "{body}");
    }
    assert_eq!(site.publish_raw(7, &token, ok.to_string()).await.error(), "There is no room 7.");
    assert_eq!(site.history().await, [""; 0]);
    assert_eq!(site.publish(&token, &ok).await.status, 200, "and the client can go on");
}

#[tokio::test]
async fn tokens_open_their_own_room_and_nothing_else() {
    let site = Site::open().await;
    let room = site.administer("/v1/streams/create", &json!({ "name": "two" })).await.json["data"]["id"].as_u64().expect("an id");
    let two = RoomId::new(room as i64).expect("in range");
    let ann = || UserId::try_from("ann".to_owned()).expect("a valid id");
    let tokens = site.hub.tokens();
    let foreign = Tokens::new(b"another secret", Duration::from_secs(60));
    let expired = Tokens::new(b"a secret for tests", Duration::ZERO);
    let rows = [
        (String::new(), 401, "A token is needed"),
        ("nonsense".to_owned(), 401, "not valid"),
        (foreign.sign(ann(), RoomId::FIRST, Capabilities::guest(), None), 401, "not valid"),
        (expired.sign(ann(), RoomId::FIRST, Capabilities::guest(), None), 401, "expired"),
        (tokens.sign(ann(), two, Capabilities::guest(), None), 401, "another room"),
        (tokens.sign(ann(), RoomId::FIRST, Capabilities::none(), None), 403, "may not"),
    ];
    tokio::time::sleep(Duration::from_secs(1)).await; // Tokens end at whole seconds.
    for (token, status, message) in rows {
        let answer = site.say(&token, "hi").await;
        assert_eq!(answer.status, status, "{message}: {}", answer.text);
        assert!(answer.error().contains(message), "{message}: {}", answer.text);
    }
    assert_eq!(site.history().await, [""; 0]);
}

#[tokio::test]
async fn a_token_is_taken_from_the_header_too() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let request = Request::post("/publish/1").header("content-type", "application/json; charset=utf-8");
    let request = request.header("authorization", format!("Bearer {token}")).body(Body::from(chat("ann", "hi").to_string()));
    assert_eq!(site.send(request.expect("a request")).await.status, 200);
}

#[tokio::test]
async fn wrong_methods_content_types_and_paths_get_json_with_cors() {
    let site = Site::open().await;
    let rows = [
        ("GET", "/publish/1", "application/json", 405),
        ("DELETE", "/subscribe/1", "", 405),
        ("POST", "/publish/1", "text/plain", 415),
        ("POST", "/publish/1", "", 415),
        ("POST", "/publish", "application/json", 404),
        ("POST", "/publish/", "application/json", 404),
        ("POST", "/publish/one", "application/json", 404),
        ("POST", "/publish/01", "application/json", 404),
        ("POST", "/publish/%ff", "application/json", 400),
        ("POST", "/publish/1/2", "application/json", 404),
        ("GET", "/subscribe/%ff", "", 400),
        ("GET", "/subscribe/9", "", 404),
        ("GET", "/v1/nothing", "", 404),
    ];
    for (method, uri, content_type, status) in rows {
        let request = Request::builder().method(method).uri(uri).header("origin", "https://site.example");
        let request = if content_type.is_empty() { request } else { request.header("content-type", content_type) };
        let answer = site.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, status, "{method} {uri}: {}", answer.text);
        answer.error();
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{method} {uri}");
    }
}

#[tokio::test]
async fn a_preflight_lets_the_widget_s_headers_pass() {
    let site = Site::with(Setting { origins: &["https://site.example"], ..Setting::default() }).await;
    let preflight = async |origin: &str| {
        let request = Request::options("/publish/1").header("origin", origin).header("access-control-request-method", "POST");
        let request = request.header("access-control-request-headers", "content-type,authorization");
        site.send(request.body(Body::empty()).expect("a request")).await
    };
    let answer = preflight("https://site.example").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://site.example");
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert!(answer.header("access-control-allow-headers").contains("content-type"));
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert_eq!(preflight("https://other.example").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn too_many_messages_are_told_when_to_come_back() {
    let site = Site::limited(Limits { rate_per_second: 0.5, burst: 3.0, ..Limits::default() }).await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..3 {
        assert_eq!(site.say(&token, &n.to_string()).await.status, 200);
    }
    let answer = site.say(&token, "3").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "2"), "{}", answer.text);
    assert!(answer.error().contains("too fast"));
    assert_eq!(site.history().await, ["0", "1", "2"]);
    assert_eq!(site.say(&site.guest_token(RoomId::FIRST), "other").await.status, 200, "others are not held up");
}

#[tokio::test]
async fn a_repeated_client_message_id_is_stored_and_told_once() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let mut body = chat("ann", "once");
    body["client_message_id"] = json!("c-1");
    let first = site.publish(events.token(), &body).await;
    let second = site.publish(events.token(), &body).await;
    assert_eq!((first.status, &first.json), (second.status, &second.json));
    site.say(events.token(), "next").await;
    assert_eq!(events.next_texts(2).await, ["once", "next"]);
}

#[tokio::test]
async fn clients_cannot_forge_what_the_server_sets() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let mut body = chat("ann", "hi");
    for (key, value) in [("author_id", "0"), ("stream_id", "9"), ("id", "zzz"), ("sent_at", "never"), ("to_user_id", "x")] {
        body[key] = json!(value);
    }
    assert_eq!(site.publish(events.token(), &body).await.status, 200);
    let data = events.next_of("broadcast").await.data;
    assert_eq!((&data["author_id"], &data["stream_id"]), (&json!(events.user_id()), &json!("1")));
    assert_eq!((&data["id"] == "zzz", &data["sent_at"] == "never", &data["to_user_id"]), (false, false, &json!("")));
}

#[tokio::test]
async fn a_stopping_server_asks_to_come_back() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    site.hub.stop();
    let answer = site.say(&token, "late").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    answer.error();
    assert_eq!(site.get("/health/ready").await.status, 503);
    assert_eq!(site.get("/health/live").await.status, 200);
}

/// The ring must not run away from those who write to the subscribers, or all would be fed from the store.
#[tokio::test]
async fn authors_wait_for_those_who_write_to_the_subscribers() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let wake: Arc<dyn Wake> = Arc::new(ByHand);
    let (subscriber, _) =
        site.hub.subscribe(RoomId::FIRST, site.guest(), crate::hub::Site::default(), None, None, &wake).expect("a live room");
    // It reaches nothing while a quarter of the ring is filled.
    let (mut end, mut said) = (subscriber.tail().end(), 0);
    while end <= 256 {
        assert_eq!(site.say(&token, "at once").await.status, 200);
        (end, said) = (subscriber.tail().end(), said + 1);
    }
    let mut slowed = pin!(site.say(&token, "slowed"));
    tokio::select! {
        biased;
        answer = &mut slowed => panic!("not held back: {}", answer.text),
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
    assert_eq!(site.history().await.len(), said, "what waits is not stored yet");
    subscriber.tail().reached(&wake, end);
    assert_eq!(slowed.await.status, 200);
    // One that never catches up slows the authors, and stops them not.
    subscriber.tail().reached(&wake, 0);
    assert_eq!(site.say(&token, "late").await.status, 200);
}
