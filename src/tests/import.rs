use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use futures::{SinkExt, channel::mpsc};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, Setting},
};
use crate::{chat::RoomId, engine::Sqlite, server::ConnectionLimits};

pub(super) async fn import(site: &Site, query: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(format!("/v1/streams/import?{query}")).header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(body.into()).expect("a request")).await
}

async fn administer_get(site: &Site, uri: &str) -> Answer {
    let request = Request::get(uri).header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

/// A line of an export, so many seconds after 3 o'clock.
fn line(seconds: u32, text: &str) -> String {
    let sent_at = format!("2025-11-21T03:{:02}:{:02}.250Z", seconds / 60, seconds % 60);
    let message = json!({ "username": "ann", "message_text": text });
    format!("{}\n", json!({ "sent_at": sent_at, "author_id": "ann", "video_time": 1.5, "message": message }))
}

#[tokio::test]
async fn an_export_comes_back_as_it_was_but_for_the_ids() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..1_200 {
        site.say(&token, &format!("Nº {n}")).await;
    }
    let exported = administer_get(&site, "/v1/streams/1/export.jsonl").await.text;
    let answer = import(&site, "name=The%20way%20back&slug=back", exported.clone()).await;
    assert_eq!((answer.status, &answer.json["meta"]), (200, &json!({ "messages": 1_200 })), "{}", answer.text);
    let room = &answer.json["data"];
    assert_eq!((&room["id"], &room["name"], &room["state"]), (&json!(2), &json!("The way back"), &json!("ended")));
    let without_ids = |text: &str| -> Vec<Value> {
        let read = |line: &str| {
            let mut line: Value = serde_json::from_str(line).expect("JSON");
            line.as_object_mut().expect("an object").remove("id").expect("an id");
            line
        };
        text.lines().map(read).collect()
    };
    let check = async |site: &Site| {
        let again = administer_get(site, "/v1/streams/2/export.jsonl").await.text;
        assert!(without_ids(&again) == without_ids(&exported), "as it was");
        let page = site.get("/rooms/2").await.text;
        assert!(page.contains("Nº 1199") && page.contains("The way back"), "everybody can read it");
    };
    check(&site).await;
    let site = site.restart().await;
    check(&site).await;
}

#[tokio::test]
async fn nobody_sees_an_import_before_it_is_whole_and_nothing_is_left_of_one_that_broke_off() {
    let site = Site::open().await;
    let (mut body, stream) = mpsc::channel::<Result<Bytes, std::io::Error>>(0);
    let lines: String = (0..600).map(|n| line(n, "hidden")).collect();
    let half = async {
        body.send(Ok(lines.into())).await.expect("read");
        let connection = rusqlite::Connection::open(site.path().join(Sqlite::FILE)).expect("opens");
        let stored = || connection.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0)).expect("a number");
        while stored() < 500 {
            tokio::task::yield_now().await;
        }
        let token = site.guest_token(RoomId::FIRST);
        assert_eq!(site.say(&token, "meanwhile").await.status, 200, "the chat goes on");
        assert_eq!(administer_get(&site, "/v1/streams").await.json["meta"]["total_records"], 1);
        assert_eq!(site.get("/rooms/2").await.status, 404);
        body.send(Err(std::io::Error::other("gone"))).await.expect("read");
    };
    let (answer, ()) = tokio::join!(import(&site, "name=Half&slug=half", Body::from_stream(stream)), half);
    assert_eq!((answer.status, answer.error()), (400, "Line 601: the body could not be read to its end. Nothing was imported."));
    let site = site.restart().await;
    assert_eq!(administer_get(&site, "/v1/streams").await.json["meta"]["total_records"], 1);
    assert_eq!(site.history().await, ["meanwhile"]);
    assert_eq!(import(&site, "name=Half&slug=half", line(0, "whole")).await.status, 200, "its slug is free");
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_with_the_line_and_leaves_nothing() {
    let site = Site::open().await;
    let good: String = (0..700).map(|n| line(n, "x")).collect();
    let long = format!("\"{}\"", "x".repeat(3 << 20));
    let future = line(0, "x").replace("2025", "9999");
    let list = r#"["2025-01-01T00:00:00Z","ann",null,null,null,null,null,1,null]"#;
    let rows: [(Vec<u8>, u16, &str); 10] = [
        (format!("{good}{{").into(), 400, "Line 701: it must be one JSON object"),
        (format!("{good}\n\n{{").into(), 400, "Line 703: it must be one JSON object"),
        (future.into(), 400, "Line 1: its time lies in the future"),
        (b"{\"sent_at\":\"\xff\"}".to_vec(), 400, "Line 1: it is not UTF-8"),
        (format!("{}{long}", line(0, "x")).into(), 413, "Line 2: it has more than 2 MiB"),
        (format!("{}{{\"sent_at\":1}}", line(0, "x")).into(), 400, "Line 2: \"sent_at\" must be a string"),
        (Vec::new(), 400, "There is no message to be imported."),
        (b"\n\n".to_vec(), 400, "There is no message to be imported."),
        (b"[1]".to_vec(), 400, "Line 1: it must be one JSON object"),
        (list.into(), 400, "Line 1: it must be one JSON object: it is another kind of value"),
    ];
    for (body, status, message) in rows {
        let answer = import(&site, "name=Bad&slug=bad", body).await;
        assert_eq!(answer.status, status, "{message}: {}", answer.text);
        assert!(answer.error().starts_with(message), "{message}: {}", answer.text);
        assert_eq!(administer_get(&site, "/v1/streams").await.json["meta"]["total_records"], 1, "{message}");
    }
    for (query, status, message) in [
        ("", 400, "\"name\" must have"),
        ("name=x&slug=12", 400, "\"slug\" must have"),
        ("name=x&slug=live-chat", 409, "is taken"),
    ] {
        let answer = import(&site, query, line(0, "x")).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.error().contains(message), "{query}: {}", answer.text);
    }
    let request = Request::post("/v1/streams/import?name=x").body(Body::from(line(0, "x"))).expect("a request");
    assert_eq!(site.send(request).await.status, 401, "with the admin key alone");
    assert_eq!(import(&site, "name=Good&slug=bad", format!("\u{a0}\n{good}")).await.status, 200, "an empty line is none");
}

#[tokio::test]
async fn an_import_may_take_longer_than_other_requests() {
    let connections = ConnectionLimits { answer_within: Duration::ZERO, ..ConnectionLimits::of(100) };
    let site = Site::with(Setting { connections, ..Setting::default() }).await;
    let body: String = (0..600).map(|n| line(n, "x")).collect();
    let mut socket = TcpStream::connect(site.addr).await.expect("a server");
    let head = format!(
        "POST /v1/streams/import?name=Long HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"messages\":600"), "{answer}");
}

#[tokio::test]
async fn nothing_of_an_import_is_believed_unseen() {
    let site = Site::open().await;
    let with = |key: &str, value: Value| {
        let mut line: Value = serde_json::from_str(&line(0, "x")).expect("JSON");
        line[key] = value;
        format!("{}{line}\n", self::line(0, "first"))
    };
    for (key, value, message) in [
        ("profile", json!({ "role": "root" }), "\"profile\" must be"),
        ("profile", json!({ "picture": "http://a.example/x.png" }), "\"profile.picture\" must be"),
        ("profile", json!({ "attributes": { "k": "x".repeat(2_000) } }), "\"profile.attributes\" must be"),
        ("reactions", json!({ "x": 1 }), "\"reactions\" must be"),
        ("to_user_id", json!("bob"), "it is a private message"),
        ("author_id", json!("x".repeat(134)), "\"author_id\" must be"),
        ("video_time", json!("soon"), "\"video_time\" must be"),
        ("message", json!({ "username": "n".repeat(257), "message_text": "x" }), "\"username\" has 257 characters"),
        ("message", json!({ "username": "n", "message_text": "x".repeat(20_001) }), "\"message_text\" has 20001 characters"),
    ] {
        let answer = import(&site, "name=Bad", with(key, value)).await;
        assert_eq!(answer.status, 400, "{message}");
        assert!(answer.error().starts_with(&format!("Line 2: {message}")), "{message}: {}", answer.text);
        assert_eq!(administer_get(&site, "/v1/streams").await.json["meta"]["total_records"], 1, "{message}");
    }
    assert_eq!(import(&site, "name=x&profiles=some", line(0, "x")).await.error(), "\"profiles\" must be keep or drop.");
    let official = with("profile", json!({ "role": "owner", "picture": "https://a.example/x.png", "announces": true }));
    for (query, role, announcement) in
        [("name=Keep", json!("owner"), json!(true)), ("name=Drop&profiles=drop", json!(null), json!(null))]
    {
        let answer = import(&site, query, official.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let messages = site.get(&format!("/v1/streams/{}/messages", answer.json["data"]["id"])).await;
        let said = &messages.json["data"][1];
        assert_eq!((&said["role"], &said["announcement"]), (&role, &announcement), "{said}");
    }
}
