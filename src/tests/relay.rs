//! `/ws/broadcast`.

use serde_json::json;

use super::{
    Site,
    site::Setting,
    web_socket::{BINARY, CONTINUATION, FIN, PING, PONG, Received, TEXT, WebSocket, close, frame, request},
};
use crate::{chat::Limits, hub::RingSize, server::RelayRate};

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
async fn every_frame_goes_to_everybody_unchanged_and_only_chat_messages_are_kept() {
    let site = Site::open().await;
    let mut page = site.subscribe().await;
    let (mut first, mut second) = (WebSocket::open(site.addr, BROADCAST).await, WebSocket::open(site.addr, BROADCAST).await);
    let text = |text: &str| (TEXT, text.as_bytes().to_vec());
    let frames = [
        text("before"),
        text(""),
        (BINARY, Vec::new()),
        text("\0\u{7}\u{1b}[31m"),
        text(" \n "),
        text(&json!({ "a": "x".repeat(600) }).to_string()),
        text(&"y".repeat(501)),
        text("between"),
        (BINARY, vec![0x81, 0, 255]),
        (BINARY, (0..200_000_u32).flat_map(u32::to_be_bytes).collect()),
        text(&"é".repeat(512 * 1024)),
        (BINARY, vec![7; 1 << 20]),
        text("after"),
    ];
    for (opcode, payload) in &frames {
        first.write(&frame(FIN | opcode, payload)).await;
    }
    for (opcode, payload) in frames {
        let expected = Received { opcode, payload };
        for client in [&mut first, &mut second] {
            let received = client.next().await.expect("an open connection");
            assert!(received == expected, "{} bytes of kind {opcode}", expected.payload.len());
        }
    }
    assert_eq!(page.next_texts(3).await, ["before", "between", "after"]);
    assert_eq!(site.history().await, ["before", "between", "after"]);
    first.write(&frame(FIN | BINARY, &vec![0; (1 << 20) + 1])).await;
    assert_eq!(first.next().await.expect("a close").close().0, 1009);
    let mut late = WebSocket::open(site.addr, BROADCAST).await;
    second.say("now").await;
    assert_eq!(late.text().await, "now", "and nothing of before");
}

#[tokio::test]
async fn clients_that_send_much_at_once_get_all_of_it_each_in_its_order() {
    const CLIENTS: usize = 4;
    let site = Site::with(Setting { relay_rate: RelayRate(100.0), ..Setting::default() }).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(WebSocket::open(site.addr, BROADCAST).await);
    }
    for (client, socket) in clients.iter_mut().enumerate() {
        // A chat message, a text that is none, and bytes, over and over.
        let frames = (0..210).map(|n| match n % 3 {
            0 => frame(FIN | TEXT, format!("{client} {n}").as_bytes()),
            1 => frame(FIN | TEXT, format!("{client} {n}\u{1}").as_bytes()),
            _ => frame(FIN | BINARY, format!("{client} {n} {}", "x".repeat(20_000)).as_bytes()),
        });
        socket.write(&frames.collect::<Vec<_>>().concat()).await;
    }
    let read = clients.into_iter().map(|mut socket| async move {
        let mut heard = vec![Vec::new(); CLIENTS];
        for _ in 0..CLIENTS * 210 {
            let payload = socket.next().await.expect("an open connection").payload;
            let text = String::from_utf8_lossy(&payload).into_owned();
            let mut parts = text.trim_end_matches('\u{1}').split(' ');
            let mut number = || parts.next().expect("a number").parse::<usize>().expect("a number");
            let (client, n) = (number(), number());
            heard[client].push(n);
        }
        heard
    });
    for heard in futures::future::join_all(read).await {
        assert!(heard.iter().all(|numbers| numbers.iter().copied().eq(0..210)), "{heard:?}");
    }
}

/// The next frame. On a busy machine it may be asked in between whether it is still there.
async fn heard(client: &mut WebSocket) -> Received {
    loop {
        let received = client.next().await.expect("a frame");
        if received.opcode != PING {
            return received;
        }
    }
}

#[tokio::test]
async fn a_slow_reader_holds_up_nobody_and_misses_no_message() {
    // More than a connection's buffers hold, and far more than the room keeps in memory.
    const MESSAGES: u32 = 400;
    let text = |n: u32| format!("{n} {}", "7".repeat(30_000));
    let limits = Limits { text_chars: 40_000, rate_per_second: 0.0, ..Limits::default() };
    let ring_size = RingSize { entries: 4, ..RingSize::default() };
    let site = Site::with(Setting { ring_size, limits, ..Setting::default() }).await;
    let mut slow = WebSocket::open(site.addr, BROADCAST).await;
    let mut quick = WebSocket::open(site.addr, BROADCAST).await;
    for n in 0..MESSAGES {
        quick.say(&text(n)).await;
        assert_eq!(quick.text().await, text(n));
    }
    for n in 0..MESSAGES {
        assert_eq!(heard(&mut slow).await.text(), text(n));
    }
}

#[tokio::test]
async fn a_reader_that_would_miss_a_frame_that_is_kept_nowhere_is_cut_off() {
    const FRAMES: u32 = 400;
    let payload = |n: u32| [&n.to_be_bytes()[..], &[7; 30_000]].concat();
    let site = Site::with(Setting { ring_size: RingSize { entries: 4, ..RingSize::default() }, ..Setting::default() }).await;
    let mut slow = WebSocket::open(site.addr, BROADCAST).await;
    let mut quick = WebSocket::open(site.addr, BROADCAST).await;
    for n in 0..FRAMES {
        quick.write(&frame(FIN | BINARY, &payload(n))).await;
        assert_eq!(quick.next().await.expect("its own").payload, payload(n));
    }
    let mut next = 0;
    let last = loop {
        let received = heard(&mut slow).await;
        if received.opcode != BINARY {
            break received;
        }
        assert_eq!(received.payload, payload(next), "none is left out");
        next += 1;
    };
    assert!(next < FRAMES);
    assert_eq!(last.close(), (1008, "You read too slowly."));
}

#[tokio::test]
async fn what_the_room_s_rules_refuse_reaches_the_relay_alone() {
    let site = Site::open().await;
    let rules = json!({ "blocked_words": ["darn"], "links": "moderators", "repeat_seconds": 600, "slow_mode_seconds": 600, "message_chars": 40 });
    assert_eq!(site.administer("/v1/streams/1/settings", &rules).await.status, 200);
    let mut client = WebSocket::open(site.addr, BROADCAST).await;
    let long = "z".repeat(41);
    for text in ["darn", "see https://example.com", &*long, "first", "first", "second"] {
        client.say(text).await;
        assert_eq!(client.text().await, text);
    }
    assert_eq!(site.history().await, ["first"]);
    assert_eq!(
        site.administer("/v1/streams/1/settings", &json!({ "slow_mode_seconds": 0, "hold_newcomers": true })).await.status,
        200
    );
    let mut newcomer = WebSocket::open(site.addr, BROADCAST).await;
    newcomer.say("hello").await;
    assert_eq!([client.text().await, newcomer.text().await], ["hello", "hello"]);
    assert_eq!(site.history().await, ["first"]);
}

#[tokio::test]
async fn who_may_not_speak_is_told_why_and_closed() {
    let site = Site::open().await;
    let mut page = site.subscribe().await;
    let mut client = WebSocket::open(site.addr, BROADCAST).await;
    client.say("hello").await;
    assert_eq!(client.text().await, "hello");
    let user = page.next_of("broadcast").await.data["author_id"].as_str().expect("an id").to_owned();
    assert_eq!(site.administer(&format!("/v1/streams/1/users/{user}/ban"), &json!({})).await.status, 200);
    client.write(&frame(FIN | BINARY, &[0])).await;
    assert_eq!(client.next().await.expect("a close").close().0, 1008);
    assert_eq!(site.administer("/v1/streams/1/settings", &json!({ "paused": true })).await.status, 200);
    let mut other = WebSocket::open(site.addr, BROADCAST).await;
    other.write(&frame(FIN | TEXT, b"")).await;
    assert_eq!(other.next().await.expect("a close").close().0, 1008);
}

#[tokio::test]
async fn a_large_frame_leaves_nothing_behind() {
    let site = Site::open().await;
    let mut client = WebSocket::open(site.addr, BROADCAST).await;
    let large = vec![9; 1 << 20];
    // In parts, with more behind it in the same write.
    let parts = [frame(BINARY, &large[..400_000]), frame(FIN | CONTINUATION, &large[400_000..]), frame(FIN | TEXT, b"small")];
    client.write(&parts.concat()).await;
    assert!(client.next().await.expect("a frame").payload == large);
    assert_eq!(client.text().await, "small");
    client.write(&frame(FIN | PING, b"all done?")).await;
    assert_eq!(client.next().await.expect("an answer").opcode, PONG);
    assert_eq!(site.backlog.bytes(), 0);
}

#[tokio::test]
async fn whoever_sends_too_fast_is_held_back_and_loses_nothing() {
    let site = Site::with(Setting { relay_rate: RelayRate(50.0), ..Setting::default() }).await;
    let (mut client, mut other) = (WebSocket::open(site.addr, BROADCAST).await, WebSocket::open(site.addr, BROADCAST).await);
    let sent: Vec<u8> = (0..120_u8).flat_map(|n| frame(FIN | BINARY, &[n])).collect();
    client.write(&[sent, close(1000)].concat()).await;
    for n in 0..120 {
        for reader in [&mut client, &mut other] {
            assert_eq!(reader.next().await.expect("an open connection").payload, [n]);
        }
    }
    assert_eq!(client.next().await.expect("an answer").close(), (1000, ""));
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
