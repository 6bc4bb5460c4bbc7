use std::time::Duration;

use axum::{body::BodyDataStream, http::HeaderMap, response::Response};
use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::Value;

/// A hang must fail a test, not stop the run. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

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

    /// The message of an error, after checking that its code is the status and that it says something.
    pub fn error(&self) -> &str {
        assert_eq!(self.json["code"], self.status, "{}", self.text);
        let message = self.json["message"].as_str().expect("a message");
        assert!(message.len() > 10, "an error tells what to do: {message:?}");
        message
    }
}

/// A stream of Server-Sent Events, read as a browser reads it (WHATWG HTML 9.2.6).
pub struct Events {
    pub headers: HeaderMap,
    /// What `init` said.
    pub init: Value,
    /// What an `EventSource` would come back with.
    pub last_event_id: String,
    body: BodyDataStream,
    buffer: Vec<u8>,
}

/// One event of a stream.
#[derive(Debug)]
pub struct SseEvent {
    pub id: Option<String>,
    pub data: Value,
}

impl Events {
    /// Opens a stream and reads its `init`.
    pub async fn open(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        let (parts, body) = response.into_parts();
        let (headers, body) = (parts.headers, body.into_data_stream());
        let mut events = Self { headers, init: Value::Null, last_event_id: String::new(), body, buffer: Vec::new() };
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
                return Some(SseEvent { id, data: serde_json::from_str(&data.join("\n")).expect("JSON in every event") });
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
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block = self.buffer.drain(..end + 2).collect();
                return Some(String::from_utf8(block).expect("UTF-8"));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("an event in time")?;
            self.buffer.extend_from_slice(&chunk.expect("an unbroken stream"));
        }
    }
}
