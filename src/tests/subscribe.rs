use std::time::Duration;

use serde_json::json;

use super::{
    Site,
    site::{Setting, WIDGET_KEY, texts},
};
use crate::server::HEARTBEAT;

#[tokio::test]
async fn a_stream_begins_with_init_and_its_headers() {
    let site = Site::open().await;
    let events = site.subscribe().await;
    let header = |name: &str| events.headers[name].as_str();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(header("cache-control"), "no-store, no-transform");
    assert_eq!(header("x-accel-buffering"), "no");
    assert_eq!(header("connection"), "close", "the body has no other end");
    assert!(!events.headers.contains_key("content-length") && !events.headers.contains_key("transfer-encoding"));
    let keys = |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&events.init), ["author_id", "message", "stream_id", "timestamp", "to_user_id", "type", "widget_key"]);
    assert_eq!(keys(&events.init["message"]), ["gap", "position", "token", "user_id", "viewer_count"]);
    let init = &events.init;
    assert_eq!((&init["stream_id"], &init["author_id"], &init["timestamp"]), (&json!("1"), &json!("0"), &json!(0)));
    assert_eq!(init["to_user_id"], init["message"]["user_id"]);
    assert_eq!((&init["message"]["viewer_count"], &init["message"]["gap"]), (&json!(1), &json!(false)));
}

#[tokio::test]
async fn a_message_reaches_everybody_its_author_included() {
    let site = Site::open().await;
    let (mut ann, mut bob) = (site.subscribe().await, site.subscribe().await);
    for n in 0..5 {
        assert_eq!(site.say(ann.token(), &n.to_string()).await.status, 200);
    }
    let expected = ["0", "1", "2", "3", "4"];
    assert_eq!(ann.next_texts(5).await, expected);
    assert_eq!(bob.next_texts(5).await, expected);
    assert_eq!(ann.last_event_id, bob.last_event_id);
}

#[tokio::test]
async fn a_private_message_is_for_its_addressee_alone() {
    let site = Site::open().await;
    let (mut ann, mut bob, mut eve) = (site.subscribe().await, site.subscribe().await, site.subscribe().await);
    let body = json!({
        "type": "private", "widget_key": WIDGET_KEY, "to_user_id": bob.user_id(), "message": { "message_text": "secret" },
    });
    assert_eq!(site.publish(ann.token(), &body).await.status, 200);
    site.say(ann.token(), "public").await;
    for party in [&mut ann, &mut bob] {
        assert_eq!(party.next_of("private").await.data["message"]["message_text"], "secret");
    }
    loop {
        let event = eve.next().await.expect("the stream goes on");
        assert_ne!(event.data["type"], "private");
        if event.data["type"] == "broadcast" {
            break;
        }
    }
    assert_eq!(site.history().await, ["public"]);
    // Who comes back is a stranger to the old conversation, unless they show the token of one of its parties.
    let mut stranger = site.resume(&format!("{}-0", site.hub.position(0).epoch)).await;
    assert_eq!(stranger.next_texts(1).await, ["public"]);
    let address = format!("/subscribe/1?token={}", bob.token());
    let mut bob_again = site.subscribe_with(&address, Some(&site.hub.position(0).to_string())).await;
    assert_eq!(bob_again.user_id(), bob.user_id());
    assert_eq!(bob_again.next_of("private").await.data["message"]["message_text"], "secret");
}

#[tokio::test]
async fn a_request_is_answered_to_the_asker_s_connection_alone() {
    let site = Site::open().await;
    let author = site.subscribe().await;
    for text in ["a", "b"] {
        site.say(author.token(), text).await;
    }
    let (mut asker, mut other) = (site.subscribe().await, site.subscribe().await);
    let answer = site.request(asker.token()).await;
    assert_eq!((answer.status, &answer.json["data"]), (200, &serde_json::Value::Null));
    let answer = asker.next_of("request").await;
    assert_eq!(texts(answer.data["message"].as_array().expect("a list")), ["a", "b"]);
    assert_eq!(answer.data["to_user_id"], asker.user_id());
    assert_eq!(answer.id, Some(site.hub.position(2).to_string()));
    site.say(author.token(), "c").await;
    loop {
        let event = other.next().await.expect("the stream goes on");
        assert_ne!(event.data["type"], "request", "another's answer");
        if event.data["type"] == "broadcast" {
            break;
        }
    }
    assert_eq!(asker.next_texts(1).await, ["c"]);
    site.request(asker.token()).await;
    let again = asker.next_of("request").await;
    assert_eq!(texts(again.data["message"].as_array().expect("a list")), ["a", "b", "c"], "asked again, all is told again");
}

#[tokio::test]
async fn a_request_needs_a_subscription() {
    let site = Site::open().await;
    let token = site.guest_token(crate::chat::RoomId::FIRST);
    let answer = site.request(&token).await;
    assert_eq!(answer.status, 409);
    assert!(answer.error().contains("Subscribe first"));
}

#[tokio::test]
async fn a_kept_first_token_asks_for_the_user_s_newest_connection() {
    let site = Site::open().await;
    let first = site.subscribe().await;
    let token = first.token().to_owned();
    site.say(&token, "a").await;
    drop(first);
    site.viewers(0).await;
    let mut second = site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await;
    assert_eq!(site.request(&token).await.status, 200);
    assert_eq!(texts(second.next_of("request").await.data["message"].as_array().expect("a list")), ["a"]);
}

#[tokio::test]
async fn the_newest_messages_are_the_answer_when_there_are_too_many() {
    let limits = crate::chat::Limits { rate_per_second: 0.0, history_events: 3, ..Default::default() };
    let site = Site::limited(limits).await;
    let token = site.guest_token(crate::chat::RoomId::FIRST);
    for n in 0..5 {
        site.say(&token, &n.to_string()).await;
    }
    let mut events = site.subscribe().await;
    site.request(events.token()).await;
    let answer = events.next_of("request").await;
    assert_eq!(texts(answer.data["message"].as_array().expect("a list")), ["2", "3", "4"]);
}

#[tokio::test]
async fn the_others_are_told_who_comes_and_leaves() {
    let site = Site::open().await;
    let mut ann = site.subscribe().await;
    let bob = site.subscribe().await;
    assert_eq!(bob.init["message"]["viewer_count"], 2);
    let joined = ann.next_of("system").await;
    assert_eq!((joined.id, &joined.data["message"]), (None, &json!({ "status": "join", "viewer_count": 2 })));
    drop(bob);
    let left = ann.next_of("system").await;
    assert_eq!(left.data["message"], json!({ "status": "leave", "viewer_count": 1 }));
}

#[tokio::test]
async fn a_silent_stream_beats_on_and_on() {
    assert_eq!(HEARTBEAT.as_secs(), 15, "half of the 30 s that the strictest proxies wait");
    let site = Site::with(Setting { heartbeat: Duration::from_millis(60), ..Setting::default() }).await;
    let mut events = site.subscribe().await;
    let position = events.block().await.expect("where it begins");
    assert!(position.starts_with("id: ") && position.ends_with("-0\n\n"), "{position}");
    for _ in 0..3 {
        assert_eq!(events.block().await.as_deref(), Some("event: ping\ndata: {}\n\n"));
    }
    site.say(events.token(), "awake").await;
    assert_eq!(events.next_texts(1).await, ["awake"]);
    assert_eq!(events.block().await.as_deref(), Some("event: ping\ndata: {}\n\n"));
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    site.end_streams();
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn what_was_acknowledged_goes_out_before_the_streams_end() {
    let site = Site::open().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(site.subscribe().await);
    }
    let token = streams[0].token().to_owned();
    assert_eq!(site.say(&token, "last words").await.status, 200);
    site.end_streams();
    for events in &mut streams {
        assert_eq!(events.next_texts(1).await, ["last words"]);
        while let Some(event) = events.next().await {
            assert_eq!(event.data["type"], "system", "others leave meanwhile");
        }
    }
}

#[tokio::test]
async fn an_ended_room_tells_its_subscribers_and_answers_204() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    site.say(events.token(), "last words").await;
    assert_eq!(site.administer("/v1/streams/1/end", &json!({})).await.status, 200);
    assert_eq!(events.next_texts(1).await, ["last words"]);
    let end = events.next_of("system").await;
    assert_eq!((end.data["message"]["status"].as_str(), end.id.is_some()), (Some("end"), true));
    assert!(events.next().await.is_none());
    let answer = site.get("/subscribe/1").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let late = site.say(events.token(), "too late").await;
    assert_eq!((late.status, late.error()), (409, "This chat has ended."));
}

#[tokio::test]
async fn a_reader_that_fell_behind_is_fed_from_the_store() {
    let site = Site::open().await;
    let mut slow = site.subscribe().await;
    let token = slow.token().to_owned();
    // Far more than the ring holds, while the slow one reads nothing.
    let body =
        json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": { "pad": "x".repeat(60_000), "message_text": "big" } });
    for _ in 0..80 {
        assert_eq!(site.publish(&token, &body).await.status, 200);
    }
    for n in 0..1_100 {
        assert_eq!(site.say(&token, &n.to_string()).await.status, 200);
    }
    let mut expected = vec!["big".to_owned(); 80];
    expected.extend((0..1_100).map(|n| n.to_string()));
    assert_eq!(slow.next_texts(1_180).await, expected, "nothing lost, nothing twice, in order");
}
