//! What happens on a TCP connection before, beside and after HTTP.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Site,
    site::{Setting, WIDGET_KEY},
    web_socket,
};
use crate::{chat::RoomId, server::ConnectionLimits};

/// A hang must fail a test, not stop the run.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(addr: SocketAddr, first: &str) -> TcpStream {
    let mut socket = TcpStream::connect(addr).await.expect("a server");
    socket.write_all(first.as_bytes()).await.expect("an open connection");
    socket
}

/// Everything up to the end of the connection.
async fn rest(mut socket: TcpStream) -> String {
    let mut text = String::new();
    tokio::time::timeout(PATIENCE, socket.read_to_string(&mut text)).await.expect("an end in time").expect("an unbroken stream");
    text
}

/// What comes next, up to and with `end`.
async fn up_to(socket: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let byte = tokio::time::timeout(PATIENCE, socket.read_u8()).await.expect("a byte in time");
        text.push(byte.expect("an open connection"));
    }
    String::from_utf8(text).expect("UTF-8")
}

fn check_refusal(answer: &str, status: u16) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(head.contains("\r\nconnection: close"), "{answer}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["code"], status);
    assert!(body["message"].as_str().is_some_and(|message| message.len() > 10), "{answer}");
}

const GET: &str = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SUBSCRIBE: &str = "GET /subscribe/1 HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn connections_beyond_the_limit_are_told_why_and_come_in_when_there_is_room() {
    let site = Site::with(Setting { connections: ConnectionLimits::of(2), ..Setting::default() }).await;
    let (first, _second) = (site.subscribe().await, site.subscribe().await);
    let answer = rest(connect(site.addr, SUBSCRIBE).await).await;
    check_refusal(&answer, 503);
    assert!(answer.contains("\r\nretry-after: "), "{answer}");
    drop(first);
    // The room knows that it is gone a moment before its place is free.
    while !up_to(&mut connect(site.addr, SUBSCRIBE).await, "\r\n").await.starts_with("HTTP/1.1 200 ") {}
}

#[tokio::test]
async fn a_handshake_of_amazon_s_client_waits_for_a_place() {
    let share = ConnectionLimits { per_address: Some(1), ..ConnectionLimits::of(100) };
    for connections in [ConnectionLimits::of(1), share] {
        let site = Site::with(Setting { connections, ..Setting::default() }).await;
        let token = site.guest_token(RoomId::FIRST);
        let first = site.subscribe().await;
        let request = web_socket::request("/ivschat/ws", &format!("Sec-WebSocket-Protocol: {token}\r\n"));
        let mut held = connect(site.addr, &request).await;
        // Others, who come later, are answered: it was refused nothing until then.
        check_refusal(&rest(connect(site.addr, GET).await).await, if connections.per_address.is_some() { 429 } else { 503 });
        assert_eq!(held.try_read(&mut [0]).expect_err("no answer yet").kind(), std::io::ErrorKind::WouldBlock);
        drop(first);
        assert!(up_to(&mut held, "\r\n").await.starts_with("HTTP/1.1 101 "));
    }
}

#[tokio::test]
async fn a_handshake_that_is_held_is_answered_when_there_is_no_place_for_long_and_when_the_server_stops() {
    // A stop makes a place before it ends who is held: then its token is looked at, which is none.
    for (is_stopped, expected) in [(false, &["503"][..]), (true, &["503", "401"])] {
        let site = Site::with(Setting { connections: ConnectionLimits::of(1), ..Setting::default() }).await;
        let _first = site.subscribe().await;
        let mut held = connect(site.addr, &web_socket::request("/ivschat/ws", "")).await;
        check_refusal(&rest(connect(site.addr, GET).await).await, 503);
        let answer = if is_stopped {
            tokio::join!(site.stop(), up_to(&mut held, "\r\n")).1
        } else {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(20)).await;
            up_to(&mut held, "\r\n").await
        };
        assert!(expected.iter().any(|status| answer.starts_with(&format!("HTTP/1.1 {status} "))), "{answer}");
    }
}

#[tokio::test]
async fn an_address_has_its_share() {
    let connections = ConnectionLimits { per_address: Some(1), ..ConnectionLimits::of(100) };
    let site = Site::with(Setting { connections, ..Setting::default() }).await;
    let _first = site.subscribe().await;
    check_refusal(&rest(connect(site.addr, GET).await).await, 429);
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_closed() {
    let connections = ConnectionLimits { head_within: Duration::from_millis(100), ..ConnectionLimits::of(100) };
    let site = Site::with(Setting { connections, ..Setting::default() }).await;
    for begun in ["", "GET / HTTP/1.1\r\nX-Slow: "] {
        let answer = rest(connect(site.addr, begun).await).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{begun:?}: {answer}");
    }
    let mut kept = connect(site.addr, GET).await;
    assert!(up_to(&mut kept, "OK\n").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(rest(kept).await, "", "nor may it stay and ask nothing");
    let mut events = site.subscribe().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    site.say(events.token(), "still here").await;
    assert_eq!(events.next_texts(1).await, ["still here"], "a stream is no idle connection");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_told() {
    let connections = ConnectionLimits { answer_within: Duration::from_millis(100), ..ConnectionLimits::of(100) };
    let site = Site::with(Setting { connections, ..Setting::default() }).await;
    let request =
        "POST /publish/1?token=x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{";
    check_refusal(&rest(connect(site.addr, request).await).await, 408);
}

#[tokio::test]
async fn a_stream_may_follow_other_requests_on_its_connection() {
    let site = Site::open().await;
    let mut socket = connect(site.addr, GET).await;
    up_to(&mut socket, "OK\n").await;
    socket.write_all(SUBSCRIBE.as_bytes()).await.expect("kept alive");
    let head = up_to(&mut socket, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("text/event-stream"), "{head}");
    let init = up_to(&mut socket, "\n\n").await;
    assert!(init.contains("\"type\":\"init\""), "{init}");
    site.say(&site.guest_token(RoomId::FIRST), "hello").await;
    while !up_to(&mut socket, "\n\n").await.contains("hello") {}
}

#[tokio::test]
async fn head_is_answered_without_a_stream() {
    let site = Site::open().await;
    let request = "HEAD /subscribe/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = rest(connect(site.addr, request).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/event-stream\r\n"), "{answer}");
    site.viewers(0).await;
}

#[tokio::test]
async fn a_stop_ends_streams_and_idle_connections_and_answers_what_was_asked() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let stream = connect(site.addr, SUBSCRIBE).await;
    let mut idle = connect(site.addr, GET).await;
    up_to(&mut idle, "OK\n").await;
    let body = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": { "message_text": "last words" } }).to_string();
    let length = body.len();
    let head = format!(
        "POST /publish/1?token={token} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    let mut asking = connect(site.addr, &head).await;
    assert_eq!(up_to(&mut asking, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n", "it has begun");
    site.viewers(1).await;
    let addr = site.addr;
    let stopped = tokio::spawn(site.stop());
    let told = rest(stream).await;
    assert!(told.ends_with("\n\n"), "it ends between two events: {told}");
    assert_eq!(rest(idle).await, "");
    asking.write_all(body.as_bytes()).await.expect("an open connection");
    let answer = rest(asking).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "asked in full only after the stop, so it is told to come back: {answer}");
    stopped.await.expect("the stop ends");
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
}
