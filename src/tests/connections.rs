//! What happens on a TCP connection before, beside and after HTTP.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Site,
    site::{ADMIN_KEY, Setting, WIDGET_KEY},
    web_socket,
};
use crate::{chat::RoomId, server::ConnectionLimits};

/// A hang must fail a test, not stop the run.
const PATIENCE: Duration = Duration::from_secs(120);

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

/// Subscribes, again and again until there is a place.
async fn subscribe_when_free(addr: SocketAddr) -> TcpStream {
    loop {
        let mut socket = connect(addr, SUBSCRIBE).await;
        // A connection that found no place in time was closed without a word.
        if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, socket.read_u8()).await {
            return socket;
        }
    }
}

#[tokio::test]
async fn connections_over_a_limit_wait_unread_and_come_in_when_there_is_room() {
    let share = ConnectionLimits { per_address: Some(1), ..ConnectionLimits::of(100) };
    for connections in [ConnectionLimits::of(1), share] {
        let site = Site::with(Setting { connections, ..Setting::default() }).await;
        let first = site.subscribe().await;
        let held = connect(site.addr, SUBSCRIBE).await;
        assert_eq!(held.try_read(&mut [0]).expect_err("no answer yet").kind(), std::io::ErrorKind::WouldBlock);
        site.viewers(1).await;
        drop(first);
        drop(held);
        let _second = subscribe_when_free(site.addr).await;
    }
}

#[tokio::test]
async fn silent_connections_over_their_address_s_limit_leave_the_server_to_others() {
    let connections = ConnectionLimits { per_address: Some(2), ..ConnectionLimits::of(4) };
    let site = Site::with(Setting { connections, ..Setting::default() }).await;
    let from = async |address: [u8; 4]| {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind((address, 0).into()).expect("a loopback address");
        socket.connect(site.addr).await.expect("a server")
    };
    let mut silent = Vec::new();
    for _ in 0..130 {
        silent.push(from([127, 0, 0, 1]).await);
    }
    let mut other = from([127, 0, 0, 2]).await;
    other.write_all(GET.as_bytes()).await.expect("an open connection");
    assert!(up_to(&mut other, "OK\n").await.starts_with("HTTP/1.1 200 "));
    // Of all others, those that may wait are closed a little later, and the rest at once.
    let mut open = silent.split_off(2);
    while let Some(socket) = open.pop() {
        assert_eq!(rest(socket).await, "");
    }
}

#[tokio::test]
async fn a_connection_that_waits_is_closed_when_the_server_stops() {
    let site = Site::with(Setting { connections: ConnectionLimits::of(1), ..Setting::default() }).await;
    let _first = site.subscribe().await;
    let mut held = connect(site.addr, SUBSCRIBE).await;
    site.stop().await;
    assert!(!matches!(held.read(&mut [0]).await, Ok(1..)));
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_closed() {
    let connections = ConnectionLimits { head_within: Duration::from_secs(1), ..ConnectionLimits::of(100) };
    let site = Site::with(Setting { connections, ..Setting::default() }).await;
    for begun in ["", "GET / HTTP/1.1\r\nX-Slow: "] {
        let answer = rest(connect(site.addr, begun).await).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{begun:?}: {answer}");
    }
    let mut kept = connect(site.addr, GET).await;
    assert!(up_to(&mut kept, "OK\n").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(rest(kept).await, "", "nor may it stay and ask nothing");
    let mut events = site.subscribe().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    site.say(events.token(), "still here").await;
    assert_eq!(events.next_texts(1).await, ["still here"], "a stream is no idle connection");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused_before_it_ends() {
    let site = Site::open().await;
    let begin = |length: usize| format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Long: {}", "a".repeat(length));
    let mut fits = connect(site.addr, &format!("{}\r\n\r\n", begin(30_000))).await;
    assert!(up_to(&mut fits, "OK\n").await.starts_with("HTTP/1.1 200 "));
    let mut socket = connect(site.addr, &begin(40_000)).await;
    assert!(up_to(&mut socket, "\r\n").await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_still_sees_why_it_is_refused() {
    let site = Site::open().await;
    // More than the buffers of a connection hold.
    let long = 12 << 20;
    let head = format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "a".repeat(long));
    let body = format!(
        "POST /publish/1?token=x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {long}\r\n\r\n{}",
        "1".repeat(long)
    );
    for (request, status) in [(head, 431), (body, 413)] {
        let mut socket = tokio::time::timeout(PATIENCE, connect(site.addr, &request)).await.expect("a server that reads");
        let answer = up_to(&mut socket, "\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
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

/// A response head without what may differ between HEAD and GET: the date, tokens in cookies, and what tells of the length of pages that
/// have tokens in them.
fn comparable(answer: &str) -> Vec<String> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let differs = |line: &str| {
        ["date: ", "set-cookie: ", "content-length: ", "content-security-policy: ", "transfer-encoding: "]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let mut lines: Vec<_> = head.split("\r\n").filter(|line| !differs(line)).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn head_is_answered_as_get_is_and_joins_nothing() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let id = site.say(&token, "hello").await.json["data"]["id"].as_str().expect("stored").to_owned();
    let mut events = site.subscribe().await;
    site.viewers(1).await;
    for path in [
        "/subscribe/1",
        "/subscribe/9",
        "/subscribe/x",
        "/ws/broadcast",
        "/ws/echo",
        "/apex",
        "/interactive-sync",
        "/ivschat/ws",
        "/",
        "/rooms/1",
        "/rooms/9",
        "/rooms/1/replay",
        "/embed/1",
        "/overlay/1",
        "/admin",
        "/v1/streams",
        "/v1/streams/1/messages",
        &format!("/v1/streams/1/messages/{id}"),
        "/v1/streams/1/replay",
        "/v1/streams/1/export.jsonl",
        "/v1/streams/1/export.csv",
        "/v1/streams/1/held",
        "/v1/streams/1/search?q=hello",
        "/v1/webhooks",
        "/health/live",
        "/health/ready",
        "/nothing",
    ] {
        let ask = async |method: &str| {
            let auth = format!("Authorization: Bearer {ADMIN_KEY}");
            let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{auth}\r\n\r\n");
            let mut socket = connect(site.addr, &request).await;
            up_to(&mut socket, "\r\n\r\n").await + &if method == "HEAD" { rest(socket).await } else { String::new() }
        };
        let (head, get) = (ask("HEAD").await, ask("GET").await);
        assert!(head.ends_with("\r\n\r\n"), "{path} has no body: {head}");
        assert_eq!(comparable(&head), comparable(&get), "{path}");
    }
    // With all that a WebSocket connection needs, it is still none.
    let asked = web_socket::request("/ws/broadcast", "Connection: close\r\n").replacen("GET", "HEAD", 1);
    let answer = rest(connect(site.addr, &asked).await).await;
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    // A HEAD that joined would be told before this message, as somebody who came. The GETs above have come and gone.
    site.viewers(1).await;
    let mut comings = 0;
    site.say(&token, "the end").await;
    loop {
        let event = events.next().await.expect("the stream goes on");
        comings += usize::from(event.data["message"]["status"] == "join");
        if event.data["message"]["message_text"] == "the end" {
            break;
        }
    }
    assert!(comings <= 1, "only the GET of the stream has joined: {comings}");
}

#[tokio::test]
async fn a_client_that_uploads_on_its_stream_is_closed_and_disturbs_nobody() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let mut uploading = connect(site.addr, SUBSCRIBE).await;
    site.viewers(2).await;
    // More than a stream takes; less than the kernel does, so that it is the server that ends it.
    let _ = uploading.write_all(&[b'x'; 16 * 1_024]).await;
    site.viewers(1).await;
    site.say(events.token(), "undisturbed").await;
    assert_eq!(events.next_texts(1).await, ["undisturbed"]);
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

#[tokio::test]
async fn a_target_without_a_path_is_refused() {
    let site = Site::open().await;
    for line in ["CONNECT a:443", "GET word", "GET mailto:a", "OPTIONS a", "OPTIONS *", "POST host:80", "DELETE a"] {
        let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = rest(connect(site.addr, &request).await).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line}: {answer}");
    }
    let answer = rest(connect(site.addr, "HEAD zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
