use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Received, Receiver, Reply, Site,
    site::{ADMIN_KEY, Setting, WIDGET_KEY},
};
use crate::{
    chat::{MessageId, RoomId},
    server::{Guard, Schedule},
};

pub async fn ask(site: &Site, method: &str, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

/// Makes a webhook; what the answer shows of it.
pub async fn make(site: &Site, body: Value) -> Value {
    let answer = site.administer("/v1/webhooks", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["data"].clone()
}

/// The only webhook, when it is as wanted.
pub async fn shown(site: &Site, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let all = ask(site, "GET", "/v1/webhooks").await.json["data"].clone();
        if is_so(&all[0]) {
            return all[0].clone();
        }
        tokio::task::yield_now().await;
    }
}

pub fn text(received: &Received) -> String {
    received.json()["data"]["message"]["message_text"].as_str().expect("a message").to_owned()
}

fn id(seq: u64) -> MessageId {
    MessageId { room: RoomId::FIRST, seq }
}

#[tokio::test]
async fn what_happens_is_told_in_order_and_signed() {
    let site = Site::open().await;
    let mut receiver = Receiver::open().await;
    let token = site.guest_token(RoomId::FIRST);
    site.say(&token, "before").await;
    let webhook = make(&site, json!({ "url": receiver.url, "description": "all" })).await;
    site.say_as(&token, "ann", "one").await;
    let private = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob", "message": "for bob" });
    assert_eq!(site.publish(&token, &private).await.status, 200);
    site.administer("/v1/streams/1/users/bob/ban", &json!({ "reason": "a reason" })).await;
    site.administer("/v1/streams/1/users/bob/lift", &json!({})).await;
    site.administer("/v1/streams/1/users/bob/timeout", &json!({ "seconds": 60 })).await;
    site.administer("/v1/streams/1/settings", &json!({ "slow_mode_seconds": 1 })).await;
    ask(&site, "DELETE", "/v1/streams/1/users/bob/messages?reason=spam").await;
    site.administer("/v1/streams/1/end", &json!({})).await;
    let mut names = Vec::new();
    for n in 0..7 {
        let received = receiver.next().await;
        assert!(received.head.starts_with("POST /hook HTTP/1.1"), "{}", received.head);
        assert_eq!(received.headers["content-type"], "application/json");
        assert!(received.is_signed_with(webhook["secret"].as_str().expect("a secret")), "{received:?}");
        assert!(!received.is_signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let told = received.json();
        names.push(told["type"].as_str().expect("a type").to_owned());
        let expected = match n {
            0 => json!({ "type": "chat", "username": "ann", "message_text": "one" }),
            1 => json!({ "status": "ban", "reason": "a reason" }),
            5 => json!({ "status": "delete", "author_id": "bob" }),
            6 => json!({ "status": "end" }),
            _ => continue,
        };
        assert_eq!(told["data"]["message"], expected, "{told}");
    }
    let expected =
        ["message.created", "user.banned", "user.lifted", "user.timed_out", "room.updated", "message.deleted", "room.ended"];
    assert_eq!(names, expected, "no private message, and nothing from before");
    let state = shown(&site, |webhook| webhook["behind"] == 0).await;
    assert!(state["last_success"].is_string() && state["last_error"].is_null() && state["secret"].is_null(), "{state}");
}

#[tokio::test]
async fn only_what_was_asked_for_is_told() {
    let site = Site::open().await;
    let mut receiver = Receiver::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "two" })).await;
    make(&site, json!({ "url": receiver.url, "room": 1, "events": ["message.deleted"] })).await;
    let mut others = Receiver::open().await;
    make(&site, json!({ "url": others.url, "events": ["room.prepared"] })).await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..100 {
        site.say(&token, &n.to_string()).await;
    }
    site.administer("/v1/streams/2/prepare", &json!({})).await;
    // A room that is made later.
    site.administer("/v1/streams/create", &json!({ "name": "three" })).await;
    site.administer("/v1/streams/3/prepare", &json!({})).await;
    ask(&site, "DELETE", &format!("/v1/streams/1/messages/{}", id(7))).await;
    let told = receiver.next().await.json();
    assert_eq!((&told["type"], &told["data"]["message"]["id"]), (&json!("message.deleted"), &json!(id(7).to_string())));
    let rooms = [others.next().await, others.next().await].map(|received| received.json()["data"]["stream_id"].clone());
    assert_eq!(rooms, ["2", "3"]);
    assert!(receiver.waiting().is_empty() && others.waiting().is_empty());
}

#[tokio::test]
async fn a_failed_delivery_is_repeated_before_anything_later() {
    let site = Site::with(Setting {
        schedule: Schedule { first_wait: Duration::from_millis(1), answer_within: Duration::from_secs(2), ..Schedule::default() },
        ..Setting::default()
    })
    .await;
    let mut receiver = Receiver::open().await;
    let endless_head = Reply::Endless(b"X: y\r\n".repeat(100));
    receiver.reply([
        Reply::status(500),
        Reply::status(302),
        Reply::Closed,
        Reply::hang(),
        Reply::Bytes(b"not HTTP at all\r\n\r\n".to_vec()),
        endless_head,
        Reply::status(200),
    ]);
    let webhook = make(&site, json!({ "url": receiver.url })).await;
    let token = site.guest_token(RoomId::FIRST);
    for text in ["one", "two"] {
        assert_eq!(site.say(&token, text).await.status, 200);
    }
    let first = receiver.next().await;
    for attempt in 1..7 {
        let again = receiver.next().await;
        assert_eq!((text(&again), &again.headers["webhook-id"]), ("one".into(), &first.headers["webhook-id"]), "{attempt}");
        assert!(again.is_signed_with(webhook["secret"].as_str().expect("a secret")));
    }
    let second = receiver.next().await;
    assert_eq!(text(&second), "two");
    assert_ne!(second.headers["webhook-id"], first.headers["webhook-id"]);
    let state = shown(&site, |webhook| webhook["behind"] == 0 && webhook["failing_since"].is_null()).await;
    assert!(state["last_error"]["message"].is_string() && state["enabled"] == true, "{state}");
}

#[tokio::test]
async fn connections_are_kept_open() {
    let site = Site::open().await;
    let mut receiver = Receiver::open().await;
    make(&site, json!({ "url": receiver.url })).await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..5 {
        site.say(&token, &n.to_string()).await;
        let received = receiver.next().await;
        assert_eq!((text(&received), received.connection), (n.to_string(), 0));
    }
}

#[tokio::test]
async fn nobody_waits_for_a_receiver_that_never_answers() {
    let site = Site::open().await;
    let mut receiver = Receiver::open().await;
    receiver.reply([Reply::hang()]);
    let id = make(&site, json!({ "url": receiver.url })).await["id"].clone();
    let token = site.guest_token(RoomId::FIRST);
    assert_eq!(site.say(&token, "0").await.status, 200);
    receiver.next().await;
    // It has the first one, and does not answer.
    for n in 1..50 {
        assert_eq!(site.say(&token, &n.to_string()).await.status, 200);
    }
    assert_eq!((site.history().await.len(), receiver.waiting().len()), (50, 0));
    assert_eq!(shown(&site, |_| true).await["behind"], 50);
    let metrics = site.metrics().await;
    assert!(metrics.contains("\nlive_chat_webhook_lag_events "), "{metrics}");
    assert!(!metrics.contains(id.as_str().expect("an id")), "the number of webhooks is not bounded: {metrics}");
    // Nor does the stop.
    let site = site.restart().await;
    for n in 0..50 {
        assert_eq!(text(&receiver.next().await), n.to_string(), "what it had not taken comes again");
    }
    shown(&site, |webhook| webhook["behind"] == 0).await;
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    let mut site = Site::open().await;
    let mut receiver = Receiver::open().await;
    make(&site, json!({ "url": receiver.url })).await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..20 {
        site.say(&token, &n.to_string()).await;
        assert_eq!(text(&receiver.next().await), n.to_string());
        shown(&site, |webhook| webhook["behind"] == 0).await;
        if n % 5 == 0 {
            site = site.restart().await;
        }
    }
    assert!(receiver.waiting().is_empty(), "each once");
    // What happens while the receiver is away is told when it is back.
    let addr = receiver.close().await;
    site.say(&token, "missed").await;
    shown(&site, |webhook| webhook["failing_since"].is_string()).await;
    let site = site.restart().await;
    assert!(shown(&site, |_| true).await["failing_since"].is_string(), "known beyond the restart");
    let mut receiver = Receiver::at(addr).await;
    site.say(&token, "later").await;
    assert_eq!([text(&receiver.next().await), text(&receiver.next().await)], ["missed", "later"]);
}

#[tokio::test]
async fn what_was_deleted_before_it_was_told_is_not_told() {
    let site = Site::open().await;
    let mut receiver = Receiver::open().await;
    receiver.reply([Reply::hang()]);
    make(&site, json!({ "url": receiver.url })).await;
    let token = site.guest_token(RoomId::FIRST);
    for text in ["one", "a word too many", "three"] {
        site.say(&token, text).await;
    }
    assert_eq!(text(&receiver.next().await), "one");
    // The first one is on its way, for as long as the receiver likes.
    for seq in [1, 2] {
        ask(&site, "DELETE", &format!("/v1/streams/1/messages/{}", id(seq))).await;
    }
    let _site = site.restart().await;
    assert_eq!(text(&receiver.next().await), "three");
    for seq in [1, 2] {
        assert_eq!(receiver.next().await.json()["data"]["message"], json!({ "status": "delete", "id": id(seq).to_string() }));
    }
}

#[tokio::test]
async fn a_webhook_that_fails_for_long_is_disabled_and_says_so() {
    let schedule = Schedule {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(2),
        give_up_after: Duration::ZERO,
        ..Schedule::default()
    };
    let site = Site::with(Setting { schedule, ..Setting::default() }).await;
    let mut receiver = Receiver::open().await;
    receiver.reply(std::iter::repeat_n(Reply::status(500), 10));
    let webhook = make(&site, json!({ "url": receiver.url })).await;
    let token = site.guest_token(RoomId::FIRST);
    site.say(&token, "one").await;
    let disabled = |webhook: &Value| webhook["enabled"] == false;
    let state = shown(&site, disabled).await;
    assert!(state["disabled_at"].is_string(), "{state}");
    assert_eq!(state["last_error"]["message"], "it answered with status 500");
    site.say(&token, "two").await;
    let site = site.restart().await;
    assert_eq!(shown(&site, disabled).await["behind"], 2, "beyond a restart too");
    assert_eq!(receiver.waiting().len(), 10, "nothing more is sent");
    let enable = format!("/v1/webhooks/{}/enable", webhook["id"].as_str().expect("an id"));
    assert_eq!(ask(&site, "POST", &enable).await.status, 200);
    assert_eq!([text(&receiver.next().await), text(&receiver.next().await)], ["one", "two"], "it goes on where it stopped");
    assert!(shown(&site, |webhook| webhook["behind"] == 0).await["disabled_at"].is_null());
    receiver.reply([Reply::status(410)]);
    site.say(&token, "three").await;
    shown(&site, disabled).await;
}

#[tokio::test]
async fn a_webhook_that_was_deleted_is_told_nothing_more() {
    let site = Site::open().await;
    let mut receiver = Receiver::open().await;
    receiver.reply([Reply::hang()]);
    let webhook = make(&site, json!({ "url": receiver.url })).await;
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().expect("an id"));
    let token = site.guest_token(RoomId::FIRST);
    site.say(&token, "one").await;
    receiver.next().await;
    assert_eq!(ask(&site, "DELETE", &path).await.status, 200);
    assert_eq!(ask(&site, "DELETE", &path).await.status, 404);
    let site = site.restart().await;
    site.say(&token, "two").await;
    assert_eq!(ask(&site, "GET", "/v1/webhooks").await.json["data"], json!([]));
    let mut other = Receiver::open().await;
    make(&site, json!({ "url": other.url })).await;
    site.say(&token, "three").await;
    assert_eq!(text(&other.next().await), "three");
    assert!(receiver.waiting().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let nowhere = Setting { guard: Guard::default(), ..Setting::default() };
    let site = Site::with(nowhere).await;
    let mut receiver = Receiver::open().await;
    let url = receiver.url.replace("127.0.0.1", "localhost");
    make(&site, json!({ "url": url })).await;
    site.say(&site.guest_token(RoomId::FIRST), "one").await;
    let state = shown(&site, |webhook| webhook["last_error"].is_object()).await;
    let error = state["last_error"]["message"].as_str().expect("a message");
    assert!(error.contains("no public address") && error.contains("--allow-private-hooks"), "{error}");
    assert!(receiver.waiting().is_empty());
    let refused = site.administer("/v1/webhooks", &json!({ "url": receiver.url })).await;
    assert_eq!(refused.status, 400);
    assert!(refused.error().contains("127.0.0.1"), "{}", refused.text);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let site = Site::open().await;
    let mut receiver = Receiver::open().await;
    let mut inside = Receiver::open().await;
    let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", inside.url);
    receiver.reply([Reply::Bytes(redirect.into_bytes())]);
    make(&site, json!({ "url": receiver.url })).await;
    site.say(&site.guest_token(RoomId::FIRST), "one").await;
    assert_eq!([text(&receiver.next().await), text(&receiver.next().await)], ["one", "one"]);
    assert!(inside.waiting().is_empty());
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused() {
    let site = Site::open().await;
    let url = "https://example.com/";
    let rows = [
        (json!({}), 400, "url"),
        (json!({ "url": 7 }), 400, "`7`"),
        (json!({ "url": "http://user:word@example.com/" }), 400, "signed"),
        (json!({ "url": "file:///etc/passwd" }), 400, "https://"),
        (json!({ "url": "http://0x0a.1/" }), 400, "10.0.0.1"),
        (json!({ "url": url, "events": ["message.private"] }), 400, "message.private"),
        (json!({ "url": url, "events": "message.created" }), 400, "sequence"),
        (json!({ "url": url, "room": -1 }), 400, "-1"),
        (json!({ "url": url, "room": "one" }), 400, "one"),
        (json!({ "url": url, "room": 77 }), 404, "77"),
        (json!({ "url": url, "description": "x".repeat(201) }), 400, "description"),
        (json!({ "url": url, "secret": "mine" }), 400, "secret"),
    ];
    for (body, status, word) in rows {
        let answer = site.administer("/v1/webhooks", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.error().contains(word), "{body}: {}", answer.text);
    }
    assert_eq!(ask(&site, "GET", "/v1/webhooks").await.json["data"], json!([]));
    for (method, path) in [("GET", "/v1/webhooks"), ("DELETE", "/v1/webhooks/x"), ("POST", "/v1/webhooks/x/enable")] {
        assert_eq!(site.send(Request::builder().method(method).uri(path).body(Body::empty()).expect("one")).await.status, 401);
    }
    assert_eq!(ask(&site, "DELETE", "/v1/webhooks/x").await.status, 404);
    assert_eq!(ask(&site, "POST", "/v1/webhooks/x/enable").await.status, 404);
}

#[tokio::test]
async fn over_tls_only_who_is_trusted_is_told() {
    let (mut receiver, trusting) = Receiver::open_tls().await;
    let site = Site::open().await;
    make(&site, json!({ "url": receiver.url })).await;
    site.say(&site.guest_token(RoomId::FIRST), "one").await;
    let state = shown(&site, |webhook| webhook["last_error"].is_object()).await;
    let error = state["last_error"]["message"].as_str().expect("a message");
    assert!(error.contains("certificate"), "{error}");
    assert!(receiver.waiting().is_empty());

    let site = Site::with(Setting { tls: trusting, ..Setting::default() }).await;
    let webhook = make(&site, json!({ "url": receiver.url })).await;
    for n in ["one", "two"] {
        site.say(&site.guest_token(RoomId::FIRST), n).await;
        let received = receiver.next().await;
        assert!(received.is_signed_with(webhook["secret"].as_str().expect("a secret")));
        assert_eq!(text(&received), n);
    }
}
