//! `/ws/broadcast`.

use serde_json::json;

use super::{
    Site,
    web_socket::{BINARY, CLOSE, FIN, Received, TEXT, WebSocket, frame, request},
};

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
    sent.extend(frame(FIN | CLOSE, &1000_u16.to_be_bytes()));
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
        let answer = WebSocket::ask(site.addr, &request(path, "")).await;
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
