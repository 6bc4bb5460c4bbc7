//! `/ws/broadcast`.

use serde_json::json;

use super::{
    Site,
    site::Setting,
    web_socket::{BINARY, FIN, Received, TEXT, WebSocket, close, frame, request},
};
use crate::{chat::Limits, hub::RingSize};

const BROADCAST: &str = "/ws/broadcast";

#[tokio::test]
async fn a_frame_goes_to_all_and_back_to_its_sender_as_it_came() {
    let site = Site::open().await;
    let mut first = WebSocket::open(site.addr, BROADCAST).await;
    let mut second = WebSocket::open(site.addr, BROADCAST).await;
    for (opcode, payload) in [(TEXT, "héllo {\"a\":1}".as_bytes()), (BINARY, &[0, 1, 255][..])] {
        first.write(&frame(FIN | opcode, payload)).await;
        for client in [&mut first, &mut second] {
            assert_eq!(client.next().await, Some(Received { opcode, payload: payload.to_vec() }));
        }
    }
}

#[tokio::test]
async fn a_client_has_back_all_it_has_sent_before_its_close_is_answered() {
    let site = Site::open().await;
    let mut client = WebSocket::open(site.addr, BROADCAST).await;
    let texts: Vec<_> = (0..50).map(|n| format!("text {n}")).collect();
    let mut sent: Vec<u8> = texts.iter().flat_map(|text| frame(FIN | TEXT, text.as_bytes())).collect();
    sent.extend(close(1000));
    client.write(&sent).await;
    for text in &texts {
        assert_eq!(client.text().await, *text);
    }
    assert_eq!(client.next().await.expect("an answer").close(), (1000, ""));
    assert_eq!(client.next().await, None);
    assert_eq!(site.history().await, texts);
}

#[tokio::test]
async fn a_frame_counts_though_its_client_is_gone_at_once() {
    let site = Site::open().await;
    let mut client = WebSocket::open(site.addr, BROADCAST).await;
    client.say("last words").await;
    client.end().await;
    assert_eq!(client.text().await, "last words");
    assert_eq!(client.next().await, None);
    assert_eq!(site.history().await, ["last words"]);
}

#[tokio::test]
async fn what_the_page_and_the_relay_say_reaches_both() {
    let site = Site::open().await;
    let mut page = site.subscribe().await;
    let mut client = WebSocket::open(site.addr, BROADCAST).await;
    let token = page.token().to_owned();
    assert_eq!(site.say_as(&token, "Ann", "hi").await.status, 200);
    assert_eq!(client.text().await, r#"{"message_text":"hi","type":"chat","username":"Ann"}"#);
    client.say("hello").await;
    assert_eq!(client.text().await, "hello");
    assert_eq!(page.next_texts(2).await, ["hi", "hello"]);
    let private = json!({ "type": "private", "widget_key": "widget-key", "to_user_id": page.user_id(), "message": "secret" });
    assert_eq!(site.publish(&token, &private).await.status, 200);
    client.say("public").await;
    assert_eq!(client.text().await, "public", "and nothing private before");
}

#[tokio::test]
async fn rooms_are_apart_and_one_that_is_not_open_lets_nobody_in() {
    let site = Site::open().await;
    for answer in [
        site.administer("/v1/streams/create", &json!({ "name": "Two" })).await,
        site.administer("/v1/streams/2/prepare", &json!({})).await,
    ] {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    for (path, status) in [("/ws/broadcast?room=2", 409), ("/ws/broadcast?room=99", 404), ("/ws/broadcast?room=x", 404)] {
        let answer = WebSocket::ask(site.addr, request(path, "").as_bytes()).await;
        assert!(answer.head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {}", answer.head);
    }
    site.administer("/v1/streams/2/start", &json!({})).await;
    let mut one = WebSocket::open(site.addr, BROADCAST).await;
    let mut two = WebSocket::open(site.addr, "/ws/broadcast?room=2").await;
    one.say("one").await;
    two.say("two").await;
    assert_eq!((one.text().await.as_str(), two.text().await.as_str()), ("one", "two"));
    site.administer("/v1/streams/2/end", &json!({})).await;
    assert_eq!(two.next().await.expect("a close").close(), (1000, "The room has ended."));
}

#[tokio::test]
async fn a_slow_reader_holds_up_nobody_and_misses_nothing() {
    // More than a connection's buffers hold, and far more than the room keeps in memory.
    const FRAMES: u32 = 400;
    let payload = |n: u32| [&n.to_be_bytes()[..], &[7; 30_000]].concat();
    let site = Site::with(Setting { ring_size: RingSize { entries: 4, ..RingSize::default() }, ..Setting::default() }).await;
    let mut slow = WebSocket::open(site.addr, BROADCAST).await;
    let mut quick = WebSocket::open(site.addr, BROADCAST).await;
    for n in 0..FRAMES {
        quick.write(&frame(FIN | BINARY, &payload(n))).await;
        assert_eq!(quick.next().await.expect("its own").payload, payload(n));
    }
    for n in 0..FRAMES {
        assert_eq!(slow.next().await.expect("all of it").payload, payload(n));
    }
}

#[tokio::test]
async fn what_a_room_refuses_ends_the_connection_with_the_reason() {
    let site = Site::open().await;
    let mut client = WebSocket::open(site.addr, BROADCAST).await;
    client.write(&[frame(FIN | TEXT, b"good"), frame(FIN | TEXT, &[b'x'; 501])].concat()).await;
    assert_eq!(client.text().await, "good");
    let refused = client.next().await.expect("a close");
    assert_eq!(refused.close().0, 1008);
    assert!(refused.close().1.contains("500"), "{refused:?}");
    assert_eq!(site.history().await, ["good"]);
}

#[tokio::test]
async fn whoever_sends_too_fast_is_held_back_and_loses_nothing() {
    let site = Site::limited(Limits { rate_per_second: 100.0, burst: 2.0, ..Limits::default() }).await;
    let mut client = WebSocket::open(site.addr, BROADCAST).await;
    let sent: Vec<u8> = (0..10).flat_map(|n: u8| frame(FIN | TEXT, n.to_string().as_bytes())).collect();
    client.write(&sent).await;
    for n in 0..10 {
        assert_eq!(client.text().await, n.to_string());
    }
}

#[tokio::test]
async fn pages_of_other_origins_need_the_room_s_leave() {
    let site = Site::with(Setting { origins: &["https://good.example"], ..Setting::default() }).await;
    for (origin, status) in [("https://good.example", 101), ("https://evil.example", 403), ("null", 403)] {
        let answer = WebSocket::ask(site.addr, request(BROADCAST, &format!("Origin: {origin}\r\n")).as_bytes()).await;
        assert!(answer.head.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {}", answer.head);
    }
}

#[tokio::test]
async fn whoever_is_revoked_is_cut_off_and_nobody_else() {
    let site = Site::open().await;
    let mut page = site.subscribe().await;
    let (mut one, mut other) = (WebSocket::open(site.addr, BROADCAST).await, WebSocket::open(site.addr, BROADCAST).await);
    one.say("hello").await;
    let user = page.next_of("broadcast").await.data["author_id"].clone();
    assert_eq!((one.text().await.as_str(), other.text().await.as_str()), ("hello", "hello"));
    assert_eq!(site.administer("/v1/tokens/revoke", &json!({ "user": user })).await.status, 200);
    assert_eq!(one.next().await.expect("a close").close(), (1008, "Your access was revoked."));
    other.say("still here").await;
    assert_eq!(other.text().await, "still here");
}
