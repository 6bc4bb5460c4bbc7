//! A room that holds what newcomers say for a moderator.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Events, Site,
    site::{ADMIN_KEY, WIDGET_KEY, texts},
};
use crate::chat::{Capabilities, Capability, RoomId, UserId};

async fn set(site: &Site, settings: &Value) {
    assert_eq!(site.administer("/v1/streams/1/settings", settings).await.status, 200, "{settings}");
}

/// A chat whose room 1 holds what newcomers say.
async fn open() -> Site {
    let site = Site::open().await;
    set(&site, &json!({ "hold_newcomers": true })).await;
    site
}

fn token(site: &Site, user: &str, capabilities: &[Capability]) -> String {
    let capabilities: Capabilities = capabilities.iter().copied().collect();
    site.hub.tokens().sign(UserId::try_from(user.to_owned()).expect("an id"), RoomId::FIRST, capabilities, None)
}

fn guest(site: &Site, user: &str) -> String {
    token(site, user, &[Capability::SendMessage])
}

async fn call(site: &Site, key: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = Request::builder().method(method).uri(format!("/v1/streams/1/{path}"));
    let request = request.header("authorization", format!("Bearer {key}")).header("content-type", "application/json");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    site.send(request.body(body).expect("a request")).await
}

async fn decide(site: &Site, id: &str, what: &str) -> Answer {
    call(site, ADMIN_KEY, "POST", &format!("held/{id}/{what}"), &Value::Null).await
}

/// Has something said that must be held, and gives its id.
async fn hold(site: &Site, token: &str, text: &str) -> String {
    let answer = site.say(token, text).await;
    assert_eq!((answer.status, &answer.json["data"]["held"]), (200, &json!(true)), "{}", answer.text);
    answer.json["data"]["id"].as_str().expect("an id").to_owned()
}

/// The texts that wait, the oldest first.
async fn waiting(site: &Site) -> Vec<String> {
    let answer = call(site, ADMIN_KEY, "GET", "held?limit=500", &Value::Null).await;
    let texts = texts(answer.json["data"].as_array().expect("a list"));
    assert_eq!(answer.json["meta"], json!({ "has_more": false, "waiting": texts.len() }));
    texts
}

/// What the room is told next, beside who comes and goes.
async fn told(events: &mut Events) -> Value {
    loop {
        let event = events.next().await.expect("the stream goes on");
        if event.data["message"].get("viewer_count").is_none() {
            return event.data;
        }
    }
}

/// Subscribes with a token.
async fn listen(site: &Site, token: &str) -> Events {
    site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await
}

#[tokio::test]
async fn what_a_newcomer_says_is_seen_by_nobody_else_until_it_is_approved() {
    let site = open().await;
    let start = site.hub.position(1).to_string();
    let (ann, bob) = (guest(&site, "ann"), guest(&site, "bob"));
    let (mut anns, mut bobs) = (listen(&site, &ann).await, listen(&site, &bob).await);
    let id = hold(&site, &ann, "a first word").await;
    let own = told(&mut anns).await;
    assert_eq!((&own["type"], &own["id"], &own["message"]["message_text"]), (&json!("held"), &json!(id), &json!("a first word")));

    assert!(site.history().await.is_empty());
    for path in ["/", "/embed/1", "/overlay/1", "/rooms/1/replay?at=0", "/v1/streams/1/replay"] {
        assert!(!site.get(path).await.text.contains("a first word"), "{path}");
    }
    for path in ["export.jsonl", "export.csv", "search?q=first", "audit"] {
        let answer = call(&site, ADMIN_KEY, "GET", path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text.contains("a first word"), "{path}");
    }
    site.request(&bob).await;
    let history = bobs.next_of("request").await;
    assert_eq!(history.data["message"], json!([]));
    let mut late = site.resume(&start).await;
    assert_eq!(waiting(&site).await, ["a first word"]);

    let approved = decide(&site, &id, "approve").await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    assert_ne!(approved.json["data"]["id"], json!(id), "it has a new place");
    let status = told(&mut anns).await;
    assert_eq!((&status["type"], &status["to_user_id"]), (&json!("system"), &json!("ann")));
    assert_eq!(status["message"], json!({ "status": "approve", "id": id }));
    for events in [&mut anns, &mut bobs, &mut late] {
        let said = told(events).await;
        assert_eq!((&said["type"], &said["id"]), (&json!("broadcast"), &approved.json["data"]["id"]));
        assert_eq!((&said["author_id"], &said["message"]["message_text"]), (&json!("ann"), &json!("a first word")));
    }
    assert!(waiting(&site).await.is_empty());
    assert_eq!(site.history().await, ["a first word"]);
    assert!(site.say(&ann, "a second").await.json["data"].get("held").is_none(), "no newcomer any more");
    let site = site.restart().await;
    assert!(site.say(&ann, "a third").await.json["data"].get("held").is_none(), "nor after a restart");
    assert_eq!(site.history().await, ["a first word", "a second", "a third"]);
}

#[tokio::test]
async fn it_is_published_byte_for_byte_as_its_author_s() {
    let site = open().await;
    let payload = r#"{"type":"chat","n":1.50,"username":"Ann","message_text":"h\u0065llo"}"#;
    let body = format!(
        r#"{{"type":"broadcast","timestamp":12.5,"client_message_id":"c-1","widget_key":"{WIDGET_KEY}","message":{payload}}}"#
    );
    let ann = guest(&site, "ann");
    let first = site.publish_raw(1, &ann, body.clone()).await;
    let again = site.publish_raw(1, &ann, body.clone()).await;
    assert_eq!((first.status, &first.json["data"]), (200, &again.json["data"]), "the same message, stored once");
    assert_eq!(waiting(&site).await.len(), 1);
    let id = first.json["data"]["id"].as_str().expect("an id");
    let approved = decide(&site, id, "approve").await;
    let page = site.get("/v1/streams/1/messages").await;
    assert!(page.text.contains(payload), "{}", page.text);
    let said = &page.json["data"][0];
    assert_eq!((&said["author_id"], &said["timestamp"]), (&json!("ann"), &json!(12.5)));
    let later = site.publish_raw(1, &ann, body).await;
    assert_eq!(later.json["data"], approved.json["data"], "where it is now");
    assert_eq!(site.history().await.len(), 1);
}

#[tokio::test]
async fn the_author_of_a_declined_message_is_told_why_and_stays_a_newcomer() {
    let site = open().await;
    let ann = guest(&site, "ann");
    let mut events = listen(&site, &ann).await;
    let id = hold(&site, &ann, "rubbish").await;
    told(&mut events).await;
    let declined = call(&site, ADMIN_KEY, "POST", &format!("held/{id}/decline"), &json!({ "reason": "Be kind." })).await;
    assert_eq!(declined.status, 200, "{}", declined.text);
    assert_eq!(told(&mut events).await["message"], json!({ "status": "decline", "id": id, "reason": "Be kind." }));
    let why = call(&site, &ann, "GET", &format!("messages/{id}/deletion"), &Value::Null).await;
    assert_eq!(why.json["data"]["reason"], "Be kind.");
    hold(&site, &ann, "another").await;
    let site = site.restart().await;
    assert_eq!(waiting(&site).await, ["another"]);
    hold(&site, &ann, "a third").await;
    assert!(site.history().await.is_empty());
    let acts = call(&site, ADMIN_KEY, "GET", "audit", &Value::Null).await;
    let act = &acts.json["data"][0];
    assert_eq!((&act["what"], &act["to"], &act["reason"]), (&json!("decline"), &json!(id), &json!("Be kind.")), "{}", acts.text);
    assert_eq!((&act["held"]["author_id"], &act["held"]["message"]["message_text"]), (&json!("ann"), &json!("rubbish")));
}

#[tokio::test]
async fn who_is_known_need_not_wait() {
    let site = Site::open().await;
    let ann = guest(&site, "ann");
    assert_eq!(site.say(&ann, "before the raid").await.status, 200);
    set(&site, &json!({ "hold_newcomers": true })).await;
    let users = [
        ann,
        guest(&site, "site:7"),
        token(&site, "mod", &[Capability::SendMessage, Capability::DisconnectUser]),
        token(&site, "helper", &[Capability::SendMessage, Capability::DeleteMessage]),
        token(&site, "owner", &[Capability::SendMessage, Capability::ManageRoom]),
    ];
    for user in &users {
        let answer = site.say(user, "hello").await;
        assert_eq!((answer.status, answer.json["data"].get("held")), (200, None), "{}", answer.text);
    }
    hold(&site, &guest(&site, "eve"), "hello").await;
    set(&site, &json!({ "hold_newcomers": false })).await;
    assert!(site.say(&guest(&site, "bob"), "hello").await.json["data"].get("held").is_none(), "switched off");
    assert_eq!(waiting(&site).await, ["hello"], "what waits goes on to wait");
}

#[tokio::test]
async fn a_newcomer_has_a_few_messages_wait_and_says_nothing_in_private() {
    let site = open().await;
    let ann = guest(&site, "ann");
    let private = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob", "message": "psst" });
    let refused = site.publish(&ann, &private).await;
    assert_eq!(refused.status, 403);
    assert!(refused.error().contains("waits for a moderator first"), "{}", refused.text);
    let mut ids = Vec::new();
    for n in 1..=5 {
        ids.push(hold(&site, &ann, &format!("{n}")).await);
    }
    let refused = site.say(&ann, "6").await;
    assert_eq!(refused.status, 403);
    assert!(refused.error().starts_with("5 of your messages wait for a moderator."), "{}", refused.text);
    hold(&site, &guest(&site, "bob"), "each on their own").await;
    decide(&site, &ids[0], "decline").await;
    hold(&site, &ann, "6").await;
    decide(&site, &ids[1], "approve").await;
    assert_eq!(site.publish(&ann, &private).await.status, 200);
    assert_eq!(site.say(&ann, "7").await.status, 200);
    assert_eq!(site.history().await, ["2", "7"]);
    assert_eq!(waiting(&site).await, ["3", "4", "5", "each on their own", "6"], "each is decided on by itself");
}

#[tokio::test]
async fn the_rules_of_the_room_come_before_the_queue() {
    let site = open().await;
    set(&site, &json!({ "blocked_words": ["damn"], "slow_mode_seconds": 600 })).await;
    let ann = guest(&site, "ann");
    assert_eq!(site.say(&ann, "damn").await.status, 400);
    hold(&site, &ann, "hello").await;
    assert_eq!(site.say(&ann, "again").await.status, 429);
    site.administer("/v1/streams/1/users/bob/ban", &json!({})).await;
    assert_eq!(site.say(&guest(&site, "bob"), "hello").await.status, 403);
    set(&site, &json!({ "paused": true })).await;
    assert_eq!(site.say(&guest(&site, "eve"), "hello").await.status, 403);
    assert_eq!(waiting(&site).await, ["hello"]);
}

#[tokio::test]
async fn it_is_decided_once_by_whoever_may() {
    let site = open().await;
    let (ann, bob) = (guest(&site, "ann"), guest(&site, "bob"));
    use Capability::{DeleteMessage, DisconnectUser, ManageRoom, SendMessage};
    let rows: [(&[Capability], bool); 4] = [
        (&[SendMessage], false),
        (&[SendMessage, DeleteMessage], false),
        (&[SendMessage, DeleteMessage, DisconnectUser], true),
        (&[SendMessage, DeleteMessage, DisconnectUser, ManageRoom], true),
    ];
    for (capabilities, may) in rows {
        let who = token(&site, "who", capabilities);
        for what in ["approve", "decline"] {
            let id = hold(&site, &guest(&site, &format!("{what}{}", capabilities.len())), "hello").await;
            let listed = call(&site, &who, "GET", "held", &Value::Null).await;
            let decided = call(&site, &who, "POST", &format!("held/{id}/{what}"), &Value::Null).await;
            let expected = if may { 200 } else { 403 };
            assert_eq!((listed.status, decided.status), (expected, expected), "{capabilities:?} {what}: {}", decided.text);
            let none = call(&site, "", "POST", &format!("held/{id}/{what}"), &Value::Null).await;
            assert_eq!(none.status, 401);
        }
    }
    let [one, two] = [hold(&site, &ann, "one").await, hold(&site, &bob, "two").await];
    let (first, second) = tokio::join!(decide(&site, &one, "approve"), decide(&site, &one, "approve"));
    assert_eq!((first.status, &first.json["data"]), (200, &second.json["data"]), "both are told of the one message");
    assert_eq!(site.history().await.iter().filter(|text| *text == "one").count(), 1);
    let declined = decide(&site, &two, "decline").await;
    assert_eq!(decide(&site, &two, "decline").await.json["data"], declined.json["data"]);
    for (id, what, error) in [(&one, "decline", "was approved already"), (&two, "approve", "was declined already")] {
        let refused = decide(&site, id, what).await;
        assert_eq!(refused.status, 409);
        assert!(refused.error().contains(error), "{}", refused.text);
    }
    let public = site.say(&ann, "public").await.json["data"]["id"].as_str().expect("an id").to_owned();
    for id in [&*public, "000000000000", "x"] {
        assert_eq!(decide(&site, id, "approve").await.status, 404, "{id}");
    }
    let long = json!({ "reason": "x".repeat(257) });
    assert_eq!(call(&site, ADMIN_KEY, "POST", &format!("held/{two}/decline"), &long).await.status, 400);
    assert_eq!(call(&site, ADMIN_KEY, "POST", &format!("held/{two}/decline"), &json!({ "why": 1 })).await.status, 400);
}

#[tokio::test]
async fn a_ban_and_a_deletion_empty_the_queue_of_somebody() {
    let site = open().await;
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|user| guest(&site, user));
    let mut anns = listen(&site, &ann).await;
    let id = hold(&site, &ann, "a1").await;
    told(&mut anns).await;
    hold(&site, &bob, "b1").await;
    hold(&site, &bob, "b2").await;
    hold(&site, &eve, "e1").await;
    site.administer("/v1/streams/1/users/ann/ban", &json!({ "reason": "spam" })).await;
    assert_eq!(told(&mut anns).await["message"], json!({ "status": "decline", "id": id, "reason": "spam" }));
    assert_eq!(told(&mut anns).await["message"]["status"], "ban");
    assert_eq!(waiting(&site).await, ["b1", "b2", "e1"]);
    assert_eq!(call(&site, ADMIN_KEY, "DELETE", "users/bob/messages", &Value::Null).await.status, 200);
    assert_eq!(waiting(&site).await, ["e1"]);
    let last = hold(&site, &bob, "b3").await;
    assert_eq!(call(&site, ADMIN_KEY, "DELETE", &format!("messages/{last}"), &Value::Null).await.status, 200);
    let site = site.restart().await;
    assert_eq!(waiting(&site).await, ["e1"]);
    assert_eq!(decide(&site, &last, "approve").await.status, 404);
    site.administer("/v1/streams/1/users/ann/lift", &json!({})).await;
    hold(&site, &ann, "a2").await;
}

#[tokio::test]
async fn nothing_is_said_any_more_in_a_room_that_has_ended() {
    let site = open().await;
    let ids = [hold(&site, &guest(&site, "ann"), "a").await, hold(&site, &guest(&site, "bob"), "b").await];
    site.administer("/v1/streams/1/end", &json!({})).await;
    let refused = decide(&site, &ids[0], "approve").await;
    assert_eq!((refused.status, refused.error()), (409, "This chat has ended."));
    assert_eq!(decide(&site, &ids[1], "decline").await.status, 200);
    for step in ["prepare", "start"] {
        site.administer(&format!("/v1/streams/1/{step}"), &json!({})).await;
    }
    assert_eq!(decide(&site, &ids[0], "approve").await.status, 200);
    assert_eq!(site.history().await, ["a"]);
}

#[tokio::test]
async fn the_queue_is_read_by_pages() {
    let site = open().await;
    for n in 0..7 {
        hold(&site, &guest(&site, &format!("user{n}")), &n.to_string()).await;
    }
    let first = call(&site, ADMIN_KEY, "GET", "held?limit=4", &Value::Null).await;
    assert_eq!(first.json["meta"], json!({ "has_more": true, "waiting": 7 }));
    let last = first.json["data"][3]["id"].as_str().expect("an id");
    let next = call(&site, ADMIN_KEY, "GET", &format!("held?limit=4&after={last}"), &Value::Null).await;
    assert_eq!(next.json["meta"], json!({ "has_more": false, "waiting": 7 }));
    assert_eq!(texts(next.json["data"].as_array().expect("a list")), ["4", "5", "6"]);
    assert_eq!(call(&site, ADMIN_KEY, "GET", "held?after=x", &Value::Null).await.status, 400);
    assert_eq!(call(&site, ADMIN_KEY, "GET", "held?limit=0", &Value::Null).await.status, 400);
}

#[tokio::test]
async fn moderators_alone_are_told_that_something_waits() {
    let site = open().await;
    hold(&site, &guest(&site, "ann"), "one").await;
    let moderator = token(&site, "mod", &[Capability::SendMessage, Capability::DisconnectUser]);
    let claims = site.hub.check(&moderator, RoomId::FIRST).expect("a token");
    // Renewed as it is, since it ends with what it came with.
    let origin = crate::hub::Origin { until: Some(claims.expires_at), ..claims.origin };
    let identity = crate::hub::Identity { user: claims.user, origin };
    let moderator = site.hub.tokens().sign(identity, RoomId::FIRST, claims.capabilities, None);
    let mut events = listen(&site, &moderator).await;
    let bob = guest(&site, "bob");
    let mut bobs = listen(&site, &bob).await;
    assert_eq!(events.init["message"]["waiting"], 1);
    assert!(bobs.init["message"].get("waiting").is_none());
    let id = hold(&site, &bob, "two").await;
    let waiting = async |events: &mut Events| loop {
        let event = told(events).await;
        if event["message"]["status"] == "waiting" {
            return event["message"]["waiting"].clone();
        }
    };
    while waiting(&mut events).await != 2 {}
    decide(&site, &id, "approve").await;
    assert_eq!(waiting(&mut events).await, 1);
    let kinds = [told(&mut bobs).await, told(&mut bobs).await, told(&mut bobs).await].map(|event| event["type"].clone());
    assert_eq!(kinds, ["held", "system", "broadcast"], "and nothing of the queue");
}
