//! What a room's settings ask of those who speak there.

use serde_json::{Value, json};

use super::{
    client::Answer,
    site::{Site, WIDGET_KEY},
    web_socket::WebSocket,
};
use crate::chat::{Capabilities, Capability, RoomId};

/// What `username` says over HTTP.
async fn say(site: &Site, token: &str, username: &str, text: &str) -> Answer {
    let message = json!({ "type": "chat", "username": username, "message_text": text });
    site.publish(token, &json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message })).await
}

async fn set(site: &Site, settings: &Value) {
    let answer = site.administer("/v1/streams/1/settings", settings).await;
    assert_eq!(answer.status, 200, "{settings}: {}", answer.text);
}

fn moderator(site: &Site) -> String {
    let capabilities = [Capability::SendMessage, Capability::DisconnectUser].into_iter().collect();
    site.hub.tokens().sign(site.guest(), RoomId::FIRST, capabilities, None)
}

#[tokio::test]
async fn each_rule_holds_at_once_for_all_but_moderators() {
    let site = Site::open().await;
    let moderator = moderator(&site);
    let rows = [
        (json!({ "paused": true }), "Ann", "hello", 403, "paused"),
        (json!({ "speakers": "moderators" }), "Ann", "hello", 403, "Only moderators"),
        (json!({ "links": "moderators" }), "Ann", "see example.com.", 400, "“example.com”"),
        (json!({ "links": "moderators" }), "www.example.com", "hello", 400, "“www.example.com”"),
        (json!({ "blocked_words": ["damn"] }), "Ann", "DÁMN it", 400, "The message has a word"),
        (json!({ "blocked_words": ["damn"] }), "D a m n", "hello", 400, "The name has a word"),
    ];
    for (settings, username, text, status, error) in rows {
        set(&site, &settings).await;
        let token = site.guest_token(RoomId::FIRST);
        let refused = say(&site, &token, username, text).await;
        assert_eq!(refused.status, status, "{settings}: {}", refused.text);
        assert!(refused.error().contains(error), "{settings}: {}", refused.text);
        let is_about_name = status == 400 && text == "hello";
        assert_eq!(refused.json["data"]["field"] == "username", is_about_name, "{settings}: {}", refused.text);
        // A name of its own, which a guest's may not be like.
        let answer = say(&site, &moderator, &format!("{username} Mod"), text).await;
        assert_eq!(answer.status, 200, "{settings}: who moderates is exempt: {}", answer.text);
        let back: serde_json::Map<_, _> =
            settings.as_object().expect("settings").keys().map(|key| (key.clone(), Value::Null)).collect();
        set(&site, &back.into()).await;
        assert_eq!(say(&site, &token, username, text).await.status, 200, "{settings}: taken back");
    }
}

#[tokio::test]
async fn rules_hold_for_private_messages_and_after_a_restart() {
    let site = Site::open().await;
    set(&site, &json!({ "blocked_words": ["damn"], "paused": true })).await;
    let site = site.restart().await;
    let token = site.guest_token(RoomId::FIRST);
    assert_eq!(site.say(&token, "hello").await.status, 403);
    set(&site, &json!({ "paused": false })).await;
    let message = json!({ "type": "chat", "username": "Ann", "message_text": "damn" });
    let private = json!({ "type": "private", "to_user_id": "bob", "widget_key": WIDGET_KEY, "message": message });
    assert_eq!(site.publish(&token, &private).await.status, 400);
    assert_eq!(site.say(&token, "hello").await.status, 200);
}

#[tokio::test]
async fn a_room_may_want_shorter_texts_than_the_installation() {
    let site = Site::open().await;
    set(&site, &json!({ "message_chars": 5 })).await;
    for token in [site.guest_token(RoomId::FIRST), moderator(&site)] {
        let refused = site.say(&token, "123456").await;
        assert_eq!(
            (refused.status, refused.error()),
            (400, "The message is too long: 6 characters, and at most 5 are allowed. Please shorten it.")
        );
        assert_eq!(site.say(&token, "🙂🙂🙂🙂🙂").await.status, 200);
    }
    set(&site, &json!({ "message_chars": 1_000_000 })).await;
    let refused = site.say(&site.guest_token(RoomId::FIRST), &"x".repeat(501)).await;
    assert!(refused.error().contains("500 are allowed"), "{}", refused.text);
}

#[tokio::test]
async fn every_way_in_counts_characters_alike() {
    let site = Site::open().await;
    set(&site, &json!({ "message_chars": 10 })).await;
    let token = site.guest_token(RoomId::FIRST);
    let mut ivs = WebSocket::open_with(site.addr, "/ivschat/ws", &format!("Sec-WebSocket-Protocol: {token}\r\n")).await;
    let mut relay = WebSocket::open(site.addr, "/ws/broadcast").await;
    // Ten and more, of letters that are one code unit, two or four bytes, or several characters that are seen as one.
    let rows = [
        ("abcdefghij", true),
        ("abcdefghijk", false),
        ("👨‍👩‍👧‍👦abc", true),
        ("👨‍👩‍👧‍👦abcd", false),
        ("🏳️‍🌈🏳️‍🌈ab", true),
        ("🏳️‍🌈🏳️‍🌈🏳️‍🌈", false),
        ("निनिनिनिनि", true),
        ("निनिनिनिनिx", false),
        ("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", true),
        ("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e", false),
        ("a\nb\nc\nd\ne\nf", false),
    ];
    let mut stored = Vec::new();
    for (text, fits) in rows {
        let status = if fits { 200 } else { 400 };
        assert_eq!(site.say(&token, text).await.status, status, "{text}");
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let posted = site.submit("/rooms/1", "", "same-origin", format!("username=Ann&message={encoded}")).await;
        assert_eq!(posted.status, if fits { 303 } else { 400 }, "{text}, by the form");
        ivs.say(&json!({ "Action": "SEND_MESSAGE", "RequestId": text, "Content": text }).to_string()).await;
        let answer = loop {
            let answer: Value = serde_json::from_str(&ivs.text().await).expect("JSON");
            if answer["RequestId"] == text {
                break answer;
            }
        };
        assert_eq!(answer["Type"], if fits { "MESSAGE" } else { "ERROR" }, "{answer}");
        relay.say(text).await;
        // It has what the others said too, and its own in any case.
        for _ in 0..if fits { 3 } else { 0 } {
            relay.text().await;
        }
        assert_eq!(relay.text().await, text);
        if fits {
            stored.extend([text; 4]);
        }
    }
    assert_eq!(site.history().await, stored);
}

#[tokio::test]
async fn what_was_said_a_moment_ago_is_not_said_again() {
    let site = Site::open().await;
    set(&site, &json!({ "repeat_seconds": 600 })).await;
    let token = site.guest_token(RoomId::FIRST);
    let with_id = |id: &str| {
        let message = json!({ "type": "chat", "username": "Ann", "message_text": "hello" });
        json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "client_message_id": id, "message": message })
    };
    let first = site.publish(&token, &with_id("a")).await;
    let again = site.publish(&token, &with_id("a")).await;
    assert_eq!((again.status, &again.json["data"]), (200, &first.json["data"]), "its answer may have been lost");
    let repeated = site.publish(&token, &with_id("b")).await;
    assert_eq!((repeated.status, repeated.header("retry-after")), (429, "600"));
    assert!(repeated.error().contains("said a moment ago"), "{}", repeated.text);
    // A raid: the same from everybody.
    let raid = "Everybody look at this channel now";
    for n in 0..7 {
        let answer = site.say(&site.guest_token(RoomId::FIRST), raid).await;
        assert_eq!(answer.status, if n < 5 { 200 } else { 429 }, "{n}: {}", answer.text);
    }
    assert_eq!(site.say(&moderator(&site), raid).await.status, 200);
}

#[tokio::test]
async fn a_room_takes_so_many_messages_a_minute() {
    let site = Site::open().await;
    set(&site, &json!({ "messages_per_minute": 1 })).await;
    assert_eq!(site.say(&site.guest_token(RoomId::FIRST), "one").await.status, 200);
    let refused = site.say(&site.guest_token(RoomId::FIRST), "two").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
    assert_eq!(site.say(&moderator(&site), "three").await.status, 200);
}

#[tokio::test]
async fn a_moderator_may_pause_and_slow_down_and_change_nothing_else() {
    let site = Site::open().await;
    let moderator = moderator(&site);
    let configure = async |token: &str, settings: Value| {
        let request = axum::http::Request::post("/v1/streams/1/settings");
        let request = request.header("authorization", format!("Bearer {token}")).header("content-type", "application/json");
        site.send(request.body(settings.to_string().into()).expect("a request")).await.status
    };
    assert_eq!(configure(&moderator, json!({ "paused": true, "slow_mode_seconds": 5 })).await, 200);
    assert_eq!(configure(&moderator, json!({ "paused": false, "name": "Mine" })).await, 403);
    assert_eq!(configure(&moderator, json!({})).await, 200, "nothing is anybody's who moderates");
    assert_eq!(configure(&site.guest_token(RoomId::FIRST), json!({ "paused": false })).await, 403);
    let owner = site.hub.tokens().sign(site.guest(), RoomId::FIRST, Capabilities::owner(), None);
    assert_eq!(configure(&owner, json!({ "paused": false, "name": "Mine" })).await, 200);
}

#[tokio::test]
async fn newcomers_wait_and_what_is_signed_for_them_later_says_since_when() {
    let site = Site::open().await;
    let mut first = site.subscribe().await;
    set(&site, &json!({ "established_minutes": 5 })).await;
    let refused = site.say(first.token(), "hello").await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.error().starts_with("Newcomers cannot write here yet. You can in 5 minutes"), "{}", refused.text);
    assert!(matches!(refused.header("retry-after").parse(), Ok(1..=300)), "{}", refused.header("retry-after"));
    // As if they had come an hour ago: whatever is signed for them again still says so.
    let since = jsonwebtoken::get_current_timestamp() - 3_600;
    let origin = crate::hub::Origin { since: Some(since), ..Default::default() };
    let identity = crate::hub::Identity { user: site.guest(), origin };
    let token = site.hub.tokens().sign(identity, RoomId::FIRST, Capabilities::guest(), None);
    let again = site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await;
    assert_eq!(site.hub.check(again.token(), RoomId::FIRST).expect("good").origin.since, Some(since));
    assert_eq!(site.say(again.token(), "hello").await.status, 200);
    assert_eq!(site.say(&moderator(&site), "hello").await.status, 200);
    set(&site, &json!({ "established_minutes": 0 })).await;
    assert_eq!(site.say(first.token(), "hello").await.status, 200);
    assert_eq!(first.next_texts(3).await.len(), 3);
}

#[tokio::test]
async fn moderators_see_which_word_was_blocked() {
    let site = Site::open().await;
    set(&site, &json!({ "blocked_words": ["*bad*"] })).await;
    let token = site.guest_token(RoomId::FIRST);
    for (name, text) in [("Ann", "a B.A.D idea"), ("Ann", "too bád"), ("Badman", "hello")] {
        let refused = say(&site, &token, name, text).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(!refused.text.contains("bad"), "the author is not told the word: {}", refused.text);
    }
    let list = async |token: &str| {
        let request = axum::http::Request::get("/v1/streams/1/blocked").header("authorization", format!("Bearer {token}"));
        site.send(request.body(axum::body::Body::empty()).expect("a request")).await
    };
    let seen = list(&moderator(&site)).await;
    let entry = &seen.json["data"][0];
    assert_eq!(
        (&entry["word"], &entry["field"], &entry["times"]),
        (&json!("*bad*"), &json!("username"), &json!(3)),
        "{}",
        seen.text
    );
    assert_eq!(seen.json["data"].as_array().map(Vec::len), Some(1), "{}", seen.text);
    assert_eq!(list(&token).await.status, 403);
}
