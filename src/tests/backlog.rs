//! What waits in memory for clients that do not read, or do not complete what they send, is bounded for all of them together.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

use super::{
    Site,
    site::{ADMIN_KEY, Setting, WIDGET_KEY},
    web_socket,
};
use crate::{chat::RoomId, engine::ANSWER_BYTES};

/// A hang must fail a test, not stop the run.
const PATIENCE: Duration = Duration::from_secs(20);

const LIMIT: usize = 4 << 20;

/// What one client may add before somebody is closed for it: an answer with what it quotes.
const ONE_ANSWER: usize = 2 * ANSWER_BYTES + ANSWER_BYTES / 4;

/// Payload beside the text: with it a message is nearly as long as a body may be.
const PADDING: usize = 60_000;

async fn say(site: &Site, token: &str, text: &str) {
    let message = json!({ "type": "chat", "username": "ann", "message_text": text, "padding": "x".repeat(PADDING) });
    let answer = site.publish(token, &json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// A client that sends `request` and then neither reads nor sends.
async fn silent(site: &Site, request: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    // The kernel keeps little for it, so that the rest waits in the program.
    socket.set_recv_buffer_size(4_096).expect("a size");
    let mut socket = socket.connect(site.addr).await.expect("a server");
    socket.write_all(request).await.expect("an open connection");
    socket
}

/// Waits until `is_so`.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Starts `count` clients one after the other, each when what waits is within the limit, and when the one before `is_answered`.
async fn start(site: &Site, count: usize, is_answered: bool, request: impl Fn(usize) -> Vec<u8>) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    for n in 0..count {
        let client = silent(site, &request(n)).await;
        if is_answered {
            // The head of an answer leaves when what follows it is counted.
            tokio::time::timeout(PATIENCE, client.readable()).await.expect("an answer in time").expect("an open connection");
        }
        clients.push(client);
        until("too much waits", || site.backlog.bytes() <= LIMIT).await;
    }
    clients
}

async fn check_peak(site: &Site) {
    until("the test exercises the bound", || site.backlog.peak() > LIMIT / 2).await;
    let peak = site.backlog.peak();
    assert!(peak <= LIMIT + 8 * ONE_ANSWER, "{peak}");
}

async fn open() -> (Site, String) {
    let site = Site::with(Setting { backlog_bytes: LIMIT, ..Setting::default() }).await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..20 {
        say(&site, &token, &format!("text {n}")).await;
    }
    (site, token)
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn answers_that_nobody_reads_are_bounded() {
    let (site, token) = open().await;
    let mut reading = site.subscribe().await;
    let paths = ["/v1/streams/1/messages?limit=500", "/v1/streams/1/replay?limit=500", "/v1/streams/1/export.jsonl"];
    let clients = start(&site, 30, true, |n| get(paths[n % paths.len()])).await;
    check_peak(&site).await;
    say(&site, &token, "heard").await;
    assert_eq!(reading.next_texts(1).await, ["heard"], "whoever reads is not disturbed");
    drop(clients);
    until("what is given up is counted no more", || site.backlog.bytes() == 0).await;
}

#[tokio::test]
async fn streams_that_nobody_reads_are_bounded() {
    let (site, token) = open().await;
    let mut reading = site.subscribe().await;
    let epoch = site.hub.position(0).epoch;
    let resume = format!("GET /subscribe/1?last_event_id={epoch}-0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let clients = start(&site, 20, true, |_| resume.clone().into_bytes()).await;
    let mut asking = Vec::new();
    for _ in 0..20 {
        let token = site.guest_token(RoomId::FIRST);
        let subscribe = format!("GET /subscribe/1?token={token} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let client = silent(&site, subscribe.as_bytes()).await;
        asking.push(client);
        until("it is there", || site.hub.snapshot(RoomId::FIRST).expect("a room").viewer_count > 1).await;
        // One that is not there yet, or was closed, cannot be answered.
        let _ = site.request(&token).await;
        until("too much waits", || site.backlog.bytes() <= LIMIT).await;
    }
    for n in 0..10 {
        say(&site, &token, &format!("live {n}")).await;
        assert_eq!(reading.next_texts(1).await, [format!("live {n}")], "whoever reads is not disturbed");
        until("too much waits", || site.backlog.bytes() <= LIMIT).await;
    }
    assert!(site.backlog.peak() <= LIMIT + 8 * ONE_ANSWER, "{}", site.backlog.peak());
    drop((clients, asking));
    until("what is given up is counted no more", || site.backlog.bytes() == 0).await;
}

#[tokio::test]
async fn requests_and_messages_that_nobody_completes_are_bounded() {
    let (site, _) = open().await;
    let head = "POST /publish/1?token=x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 65000\r\n\r\n";
    let upload = [head.as_bytes(), &[b' '; 64_000]].concat();
    let mut clients = start(&site, 60, false, |_| upload.clone()).await;
    // A frame of 100,000 bytes, masked, of which the last byte is missing.
    let frame = [&[0x81, 0xff][..], &100_000_u64.to_be_bytes(), &[0; 4], &[b'x'; 99_999]].concat();
    let message = [web_socket::request("/apex", "").as_bytes(), &frame].concat();
    clients.extend(start(&site, 60, false, |_| message.clone()).await);
    until("what came is read", || site.backlog.peak() > LIMIT).await;
    check_peak(&site).await;
    drop(clients);
    until("what is given up is counted no more", || site.backlog.bytes() == 0).await;
}
