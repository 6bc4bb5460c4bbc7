use std::{collections::HashMap, net::SocketAddr, time::Duration};

use axum::{http::HeaderMap, response::Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A hang must fail a test, not stop the run. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(120);

/// One HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The text as JSON, `null` if it is none.
    pub json: Value,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status: parts.status.as_u16(), headers: parts.headers, text, json }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The first cookie that it sets, as a browser sends it back.
    pub fn cookie(&self) -> &str {
        self.header("set-cookie").split(';').next().expect("a cookie")
    }

    /// What a page shows, without what stands in it for the browser.
    pub fn shown(&self) -> &str {
        self.text.split_once("<main").map_or("", |(_, shown)| shown)
    }

    /// The message of an error, after checking that its code is the status and that it says something.
    pub fn error(&self) -> &str {
        assert_eq!(self.json["code"], self.status, "{}", self.text);
        let message = self.json["message"].as_str().expect("a message");
        assert!(message.len() > 10, "an error tells what to do: {message:?}");
        message
    }
}

/// A stream of Server-Sent Events on a socket, read as a browser reads it (WHATWG HTML 9.2.6).
pub struct Events {
    /// The headers, by their names in lower case.
    pub headers: HashMap<String, String>,
    /// What `init` said.
    pub init: Value,
    /// What an `EventSource` would come back with.
    pub last_event_id: String,
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// One event of a stream.
#[derive(Debug)]
pub struct SseEvent {
    pub id: Option<String>,
    pub data: Value,
    /// The data as it came.
    pub text: String,
}

impl Events {
    /// Opens a stream and reads its head and its `init`.
    pub async fn open(addr: SocketAddr, request: &str) -> Self {
        let mut socket = TcpStream::connect(addr).await.expect("a server");
        socket.write_all(request.as_bytes()).await.expect("an open connection");
        let (headers, init) = (HashMap::new(), Value::Null);
        let mut events = Self { headers, init, last_event_id: String::new(), socket, buffer: Vec::new() };
        let head = events.up_to("\r\n\r\n").await.expect("a head");
        let mut lines = head.trim_end().split("\r\n");
        assert_eq!(lines.next(), Some("HTTP/1.1 200 OK"), "{head}");
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        events.headers = lines.map(|line| header(line).expect("a header")).collect();
        let first = events.next().await.expect("an init");
        assert_eq!((&first.id, first.data["type"].as_str()), (&None, Some("init")), "{first:?}");
        events.init = first.data;
        events
    }

    pub fn token(&self) -> &str {
        self.init["message"]["token"].as_str().expect("a token")
    }

    pub fn user_id(&self) -> &str {
        self.init["message"]["user_id"].as_str().expect("a user id")
    }

    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<SseEvent> {
        loop {
            let block = self.block().await?;
            let mut id = None;
            let mut data = Vec::new();
            for line in block.lines().filter(|line| !line.is_empty()) {
                match line.split_once(": ") {
                    Some(("id", value)) => id = Some(value.to_owned()),
                    Some(("data", value)) => data.push(value),
                    _ => assert!(line.starts_with(':') || line.starts_with("retry: "), "{line:?}"),
                }
            }
            if let Some(id) = &id {
                self.last_event_id.clone_from(id);
            }
            if !data.is_empty() {
                let text = data.join("\n");
                return Some(SseEvent { id, data: serde_json::from_str(&text).expect("JSON in every event"), text });
            }
        }
    }

    /// The next event of that type; the others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> SseEvent {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.data["type"] == kind {
                return event;
            }
        }
    }

    /// The texts of the next `count` messages.
    pub async fn next_texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            let event = self.next_of("broadcast").await;
            texts.push(event.data["message"]["message_text"].as_str().expect("a chat message").to_owned());
        }
        texts
    }

    /// The next block of lines as it was sent, comments included.
    pub async fn block(&mut self) -> Option<String> {
        self.up_to("\n\n").await
    }

    async fn up_to(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end.as_bytes()) {
                let block = self.buffer.drain(..at + end.len()).collect();
                return Some(String::from_utf8(block).expect("UTF-8"));
            }
            let read = tokio::time::timeout(PATIENCE, self.socket.read_buf(&mut self.buffer)).await.expect("an event in time");
            if read.expect("an unbroken stream") == 0 {
                assert!(self.buffer.is_empty(), "the stream ends between two events");
                return None;
            }
        }
    }
}
