use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Receiver, Reply, Site,
    site::{REVIEW_SECRET, Setting, WIDGET_KEY},
};
use crate::{
    chat::{Capabilities, Capability, RoomId},
    server::Guard,
};

/// A chat whose room 1 has a review handler.
async fn open(receiver: &Receiver, setting: Setting, fallback: &str) -> Site {
    let site = Site::with(setting).await;
    let settings = json!({ "review_url": receiver.url, "review_fallback": fallback });
    let answer = site.administer("/v1/streams/1/settings", &settings).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    site
}

/// A chat that soon has no more patience with its handler.
fn impatient() -> Setting {
    Setting { review_within: Duration::from_millis(100), ..Setting::default() }
}

fn verdict(verdict: Value) -> Reply {
    Reply::json(&verdict.to_string())
}

#[tokio::test]
async fn a_handler_allows_denies_and_changes() {
    let mut receiver = Receiver::open().await;
    receiver.reply([
        verdict(json!({ "ReviewResult": "ALLOW" })),
        verdict(json!({ "ReviewResult": "DENY", "Attributes": { "Reason": "Please be kind." } })),
        verdict(json!({ "ReviewResult": "DENY" })),
        verdict(json!({ "ReviewResult": "ALLOW", "Content": "f***", "Attributes": { "username": "A." } })),
    ]);
    let site = open(&receiver, Setting::default(), "allow").await;
    let token = site.guest_token(RoomId::FIRST);
    assert_eq!(site.say_as(&token, "ann", "one").await.status, 200);
    for expected in ["Please be kind.", "This message was not accepted. Please write it differently."] {
        let denied = site.say_as(&token, "ann", "two").await;
        assert_eq!((denied.status, denied.error()), (403, expected));
    }
    let body = format!(
        r#"{{"type":"broadcast","widget_key":"{WIDGET_KEY}","message":{{"n":1.50,"type":"chat","username":"Ann", "message_text":"foul" }} }}"#
    );
    assert_eq!(site.publish_raw(1, &token, body).await.status, 200);
    assert_eq!(site.history().await, ["one", "f***"]);
    let page = site.get("/v1/streams/1/messages").await.text;
    assert!(page.contains(r#""message":{"n":1.50,"type":"chat","username":"A.","message_text":"f***"}"#), "{page}");

    let mut names = Vec::new();
    for (n, text) in ["one", "two", "two", "foul"].into_iter().enumerate() {
        let asked = receiver.next().await;
        assert!(asked.is_signed_with(REVIEW_SECRET), "{asked:?}");
        assert_eq!(asked.connection, 0, "it is kept open");
        names.push(asked.headers["webhook-id"].clone());
        let asked = asked.json();
        assert_eq!((&asked["Content"], &asked["RoomArn"]), (&json!(text), &json!("arn:aws:ivschat:local:000000000000:room/1")));
        let name = if n == 3 { "Ann" } else { "ann" };
        assert_eq!(asked["Attributes"], json!({ "type": "chat", "username": name }));
        assert_eq!(asked["Sender"]["Attributes"], json!({}));
        assert_eq!(asked["MessageId"].as_str().map(str::len), Some(12));
    }
    names.dedup();
    assert_eq!(names.len(), 4, "each question has its own name");
}

#[tokio::test]
async fn what_is_no_answer_leaves_it_to_the_fallback() {
    let bytes = |text: &str| Reply::Bytes(text.as_bytes().to_vec());
    let replies = [
        ("status 500", Reply::status(500)),
        ("redirect", bytes("HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")),
        ("empty", Reply::status(200)),
        ("garbage", Reply::json("<html>")),
        ("another answer", Reply::json(r#"{"ReviewResult":"MAYBE"}"#)),
        ("no HTTP", bytes("hello\r\n\r\n")),
        ("closed", Reply::Closed),
        ("hang", Reply::hang()),
        ("half a head", Reply::Stalled(b"HTTP/1.1 200 OK\r\nContent-".to_vec())),
        ("half a body", Reply::Stalled(b"HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"ReviewResult\":".to_vec())),
        ("broken off", bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")),
        ("endless head", Reply::Endless(b"HTTP/1.1 200 OK\r\nX: y\r\n".to_vec())),
        ("too large", Reply::json(&json!({ "ReviewResult": "ALLOW", "Padding": "x".repeat(200_000) }).to_string())),
    ];
    for (fallback, status) in [("allow", 200), ("deny", 403)] {
        let mut receiver = Receiver::open().await;
        let site = open(&receiver, impatient(), fallback).await;
        let token = site.guest_token(RoomId::FIRST);
        for (name, reply) in &replies {
            receiver.reply([reply.clone()]);
            let answer = site.say(&token, "hello").await;
            assert_eq!(answer.status, status, "{name}: {}", answer.text);
            receiver.next().await;
        }
        let addr = receiver.close().await;
        let answer = site.say(&token, "hello").await;
        assert_eq!(answer.status, status, "connection refused: {}", answer.text);
        if fallback == "deny" {
            assert!(answer.error().contains("could not be checked"), "{}", answer.text);
            assert!(site.history().await.is_empty());
        }
        // It is asked again as soon as it is back.
        let receiver = Receiver::at(addr).await;
        receiver.reply([verdict(json!({ "ReviewResult": "ALLOW", "Content": "changed" }))]);
        while site.say(&token, "hello").await.status != 200 {}
    }
}

#[tokio::test]
async fn who_moderates_and_what_is_private_is_not_reviewed() {
    let mut receiver = Receiver::open().await;
    receiver.reply([verdict(json!({ "ReviewResult": "DENY" }))]);
    let site = open(&receiver, Setting::default(), "allow").await;
    let owner = site.hub.tokens().sign(site.guest(), RoomId::FIRST, Capabilities::owner(), None);
    let moderates: Capabilities = [Capability::SendMessage, Capability::DisconnectUser].into_iter().collect();
    let moderator = site.hub.tokens().sign(site.guest(), RoomId::FIRST, moderates, None);
    for token in [&owner, &moderator] {
        assert_eq!(site.say(token, "mine").await.status, 200);
    }
    let guest = site.guest_token(RoomId::FIRST);
    let private = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob", "message": "for bob" });
    assert_eq!(site.publish(&guest, &private).await.status, 200);
    assert!(receiver.waiting().is_empty());
    assert_eq!(site.say(&guest, "reviewed").await.status, 403);
    assert_eq!(receiver.waiting().len(), 1);
}

#[tokio::test]
async fn what_may_not_be_said_is_not_asked_about_and_a_denial_takes_no_turn() {
    let mut receiver = Receiver::open().await;
    let site = open(&receiver, Setting::default(), "allow").await;
    site.administer("/v1/streams/1/settings", &json!({ "slow_mode_seconds": 600, "message_chars": 5 })).await;
    site.administer("/v1/streams/1/users/bob/ban", &json!({})).await;
    let bob = crate::chat::UserId::try_from("bob".to_owned()).expect("an id");
    let bob = site.hub.tokens().sign(bob, RoomId::FIRST, Capabilities::guest(), None);
    let token = site.guest_token(RoomId::FIRST);
    for (token, text, status) in [(&bob, "hello", 403), (&token, "too long", 400), (&token, " ", 400)] {
        assert_eq!(site.say(token, text).await.status, status, "{text}");
    }
    assert!(receiver.waiting().is_empty());
    receiver.reply([
        verdict(json!({ "ReviewResult": "DENY" })),
        // Nothing is left of it that could be said; what was there must not be said either.
        verdict(json!({ "ReviewResult": "ALLOW", "Content": "" })),
        verdict(json!({ "ReviewResult": "ALLOW", "Content": "too long" })),
        verdict(json!({ "ReviewResult": "ALLOW", "Content": "fine" })),
    ]);
    for status in [403, 403, 403, 200, 429] {
        assert_eq!(site.say(&token, "hello").await.status, status);
    }
    assert_eq!(site.history().await, ["fine"]);
    assert_eq!(receiver.waiting().len(), 4, "who has to wait is not asked about");
}

#[tokio::test]
async fn what_was_decided_during_the_review_holds() {
    let mut receiver = Receiver::open().await;
    let site = open(&receiver, Setting { review_within: Duration::from_secs(2), ..Setting::default() }, "allow").await;
    let [ann, bob] = ["ann", "bob"].map(|user| {
        let user = crate::chat::UserId::try_from(user.to_owned()).expect("an id");
        site.hub.tokens().sign(user, RoomId::FIRST, Capabilities::guest(), None)
    });
    receiver.reply([Reply::hang(), Reply::hang(), Reply::hang()]);
    let meanwhile = async |site: &Site, token: &str, path: &str, body: Value| {
        let mut said = std::pin::pin!(site.say(token, "hello"));
        tokio::select! {
            _ = receiver.next() => {}
            answer = &mut said => panic!("not reviewed: {}", answer.text),
        }
        assert_eq!(site.administer(path, &body).await.status, 200);
        said.await.status
    };
    let mut meanwhile = meanwhile;
    assert_eq!(meanwhile(&site, &ann, "/v1/streams/1/users/ann/ban", json!({})).await, 403);
    assert_eq!(meanwhile(&site, &bob, "/v1/streams/1/settings", json!({ "paused": true })).await, 403);
    site.administer("/v1/streams/1/settings", &json!({ "paused": false })).await;
    assert_eq!(meanwhile(&site, &bob, "/v1/streams/1/end", json!({})).await, 409);
    assert!(site.history().await.is_empty());
}

#[tokio::test]
async fn no_more_messages_wait_for_a_handler_than_it_can_take() {
    let mut receiver = Receiver::open().await;
    let site = open(&receiver, Setting::default(), "deny").await;
    let tokens: Vec<_> = (0..65).map(|_| site.guest_token(RoomId::FIRST)).collect();
    receiver.reply(std::iter::repeat_n(Reply::hang(), 64));
    let mut all: Vec<_> = tokens[..64].iter().map(|token| Box::pin(site.say(token, "hello"))).collect();
    let mut waiting = std::pin::pin!(futures::future::join_all(all.iter_mut()));
    let asked = async {
        for _ in 0..64 {
            receiver.next().await;
        }
    };
    tokio::select! {
        _ = &mut waiting => panic!("they wait"),
        () = asked => {}
    }
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("they wait"),
        answer = site.say(&tokens[64], "one more") => assert_eq!(answer.status, 403, "{}", answer.text),
    }
    assert!(receiver.waiting().is_empty(), "it is not asked about this one");
}

#[tokio::test]
async fn a_handler_must_be_where_it_may_be_and_is_not_told_to_the_public() {
    let receiver = Receiver::open().await;
    let site = Site::with(Setting { guard: Guard::default(), ..Setting::default() }).await;
    let mut events = site.subscribe().await;
    let rows = [
        (json!({ "review_url": receiver.url }), "127.0.0.1"),
        (json!({ "review_url": "http://2852039166/" }), "169.254.169.254"),
        (json!({ "review_url": "gopher://example.com/" }), "https://"),
        (json!({ "review_url": "http://user@example.com/" }), "user name"),
        (json!({ "review_url": "nonsense" }), "absolute URL"),
        (json!({ "review_url": 7 }), "review_url"),
        (json!({ "review_fallback": "maybe" }), "maybe"),
    ];
    for (settings, word) in rows {
        for path in ["/v1/streams/1/settings", "/v1/streams/create"] {
            let mut settings = settings.clone();
            settings["name"] = json!("Stage");
            let answer = site.administer(path, &settings).await;
            assert_eq!(answer.status, 400, "{settings}: {}", answer.text);
            assert!(answer.error().contains(word), "{settings}: {}", answer.text);
        }
    }
    let settings = json!({ "review_url": "https://review.example/secret", "name": "Stage" });
    let answer = site.administer("/v1/streams/1/settings", &settings).await;
    assert_eq!((answer.status, &answer.json["data"]["review_url"]), (200, &settings["review_url"]));
    let told = loop {
        let event = events.next_of("system").await;
        if event.data["message"]["status"] == "settings" {
            break event.data.to_string();
        }
    };
    assert!(told.contains("Stage") && !told.contains("review"), "{told}");
    assert!(!site.get("/").await.text.contains("review.example"));
    assert_eq!(site.administer("/v1/streams/1/settings", &json!({ "review_url": "" })).await.status, 200);
}
