//! The memory of the process stays bounded, whatever clients do that do not read.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::json;

use super::{
    client::subscribe,
    http::Connection,
    server::{Address, Server, WIDGET_KEY},
};

/// A hang must fail a test, not stop the run.
const PATIENCE: Duration = Duration::from_secs(60);

/// The default of `--max-waiting-bytes`.
const WAITING: u64 = 64 << 20;

/// What the process may grow by: what waits for clients, as much again for what the allocator keeps of it, and 32 MiB for
/// connections, the newest events and the caches of the database.
const GROWTH: u64 = 2 * WAITING + (32 << 20);

/// Connections of each of three kinds, each of which is owed about 1 MiB. Without the limit the process grew by 413 MiB, with it by 88.
const CLIENTS: usize = 200;

/// The most memory that a process has held so far, in bytes.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1_024
}

/// Sends a request, waits until its answer begins, and reads no more of it.
fn unread(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream.write_all(request.as_bytes()).expect("an open connection");
    // The server closes the connection that holds most. That may be this one.
    let _ = stream.read(&mut [0; 16]);
    stream
}

fn publish(connection: &mut Connection, token: &str, command: &str) -> u16 {
    let head = format!("POST /publish/1?token={token} HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\n");
    connection.ask(&format!("{head}Content-Length: {}\r\n\r\n{command}", command.len())).expect("an answer").0
}

/// A message of nearly 64 KiB, which is the most that a body may hold.
fn message(n: usize) -> String {
    let payload = json!({ "type": "chat", "username": "ann", "message_text": format!("{n}"), "lines": "\n".repeat(32_500) });
    json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": payload }).to_string()
}

#[test]
fn clients_that_do_not_read_cost_a_bounded_amount_of_memory() {
    let home = tempfile::tempdir().expect("a folder");
    let at = Address::default();
    let server = Server::start(&home.path().join("data"), &at);
    let (init, _author) = subscribe(at.get(), None).expect("a stream");
    let (token, start) = (init["message"]["token"].as_str().expect("a token"), &init["message"]["position"]);
    let mut connection = Connection::open(at.get()).expect("a server");
    for n in 0..40 {
        assert_eq!(publish(&mut connection, token, &message(n)), 200);
    }
    let before = peak(server.pid());
    let resume = format!("/subscribe/1?last_event_id={}", start.as_str().expect("a position"));
    let (mut unread_answers, mut unread_streams) = (Vec::new(), Vec::new());
    for _ in 0..CLIENTS {
        unread_answers.push(unread(at.get(), "GET /v1/streams/1/messages?limit=500 HTTP/1.1\r\nHost: chat\r\n\r\n"));
        unread_answers.push(unread(at.get(), &format!("GET {resume} HTTP/1.1\r\nHost: chat\r\n\r\n")));
        // A stream that asks for the history, and reads only its first event.
        let (init, stream) = subscribe(at.get(), None).expect("a stream");
        let token = init["message"]["token"].as_str().expect("a token").to_owned();
        let request = json!({ "type": "request", "widget_key": WIDGET_KEY }).to_string();
        assert_eq!(publish(&mut connection, &token, &request), 200);
        unread_streams.push(stream);
    }
    let growth = peak(server.pid()).saturating_sub(before);
    assert!(growth <= GROWTH, "{} MiB more than before, at most {} MiB are allowed", growth >> 20, GROWTH >> 20);
    assert_eq!(publish(&mut connection, token, &message(99)), 200, "whoever reads is served");
}
