//! What the server says, as the page understands it. Pure: text in, words of the chat out.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{timeline::Extract, view::ChatMessage};
use crate::chat::{ChatText, MessageId, RoomState};

/// One event of the feed.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// The connection is open.
    Init(Init),
    /// Somebody said something.
    Message(ChatMessage),
    /// So many watch now.
    Viewers(usize),
    /// The room opened or ended.
    Room(RoomState),
    /// Nothing that the page shows.
    Other,
}

/// What a connection begins with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Init {
    /// What to publish with from now on.
    pub token: String,
    /// Who the reader is.
    pub user_id: String,
    /// Connections of the room.
    #[serde(default)]
    pub viewer_count: usize,
    /// Whether the position that was asked for could not be used.
    #[serde(default)]
    pub gap: bool,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: String,
    #[serde(default)]
    author_id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    sent_at: String,
    #[serde(borrow)]
    message: &'a RawValue,
}

#[derive(Deserialize)]
struct Notice {
    #[serde(default)]
    status: String,
    viewer_count: Option<usize>,
}

/// A page of history.
#[derive(Deserialize)]
struct History<'a> {
    #[serde(borrow)]
    data: Vec<Envelope<'a>>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    position: String,
    has_more: bool,
}

impl Incoming {
    /// Reads the data of one event. Whatever it is, it is no error: the server may be newer than the page.
    pub fn decode(data: &str) -> Self {
        Self::read(data).unwrap_or(Self::Other)
    }

    fn read(data: &str) -> Option<Self> {
        let envelope: Envelope<'_> = serde_json::from_str(data).ok()?;
        match &*envelope.kind {
            "init" => serde_json::from_str(envelope.message.get()).ok().map(Self::Init),
            "broadcast" | "private" => envelope.message().map(Self::Message),
            "system" => {
                let notice: Notice = serde_json::from_str(envelope.message.get()).ok()?;
                match &*notice.status {
                    "start" => Some(Self::Room(RoomState::Live)),
                    "end" => Some(Self::Room(RoomState::Ended)),
                    _ => notice.viewer_count.map(Self::Viewers),
                }
            }
            _ => None,
        }
    }
}

impl Envelope<'_> {
    fn message(self) -> Option<ChatMessage> {
        Some(ChatMessage {
            seq: self.id.parse::<MessageId>().ok()?.seq,
            chat: ChatText::of(self.message.get())?,
            id: self.id,
            author: self.author_id,
            sent_at: self.sent_at,
            private: self.kind == "private",
        })
    }
}

impl Extract {
    /// Reads an answer of the history endpoint.
    pub fn decode(answer: &str) -> Option<Self> {
        let History { data, meta } = serde_json::from_str(answer).ok()?;
        let bounds = data.first().zip(data.last()).map(|(first, last)| (first.id.clone(), last.id.clone()));
        let messages = data.into_iter().filter_map(Envelope::message).collect();
        Some(Self { messages, bounds, has_more: meta.has_more, position: meta.position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::RoomId;

    fn id(seq: u64) -> String {
        MessageId { room: RoomId::FIRST, seq }.to_string()
    }

    fn envelope(kind: &str, seq: u64, message: &str) -> String {
        let id = id(seq);
        format!(
            r#"{{"id":"{id}","stream_id":"1","author_id":"u1","to_user_id":"","type":"{kind}","timestamp":0,"widget_key":"","sent_at":"2026-11-21T03:00:00.123Z","message":{message}}}"#
        )
    }

    fn said(seq: u64, private: bool) -> ChatMessage {
        let chat = ChatText { username: "ann".into(), text: "hi".into() };
        ChatMessage { seq, id: id(seq), author: "u1".into(), chat, sent_at: "2026-11-21T03:00:00.123Z".into(), private }
    }

    #[test]
    fn events_are_understood() {
        let hi = r#"{"type":"chat","username":"ann","message_text":"hi"}"#;
        let init = r#"{"stream_id":"1","author_id":"0","to_user_id":"u1","type":"init","timestamp":0,"widget_key":"","message":{"token":"t","user_id":"u1","viewer_count":3,"position":"e-7","gap":true}}"#;
        let system = |message: &str| format!(r#"{{"author_id":"0","type":"system","message":{message}}}"#);
        let rows = [
            (init.to_owned(), Incoming::Init(Init { token: "t".into(), user_id: "u1".into(), viewer_count: 3, gap: true })),
            (envelope("broadcast", 5, hi), Incoming::Message(said(5, false))),
            (envelope("private", 6, hi), Incoming::Message(said(6, true))),
            (envelope("broadcast", 5, r#"{"wave":true}"#), Incoming::Other),
            (envelope("broadcast", 5, "1e999"), Incoming::Other),
            (envelope("new", 5, hi), Incoming::Other),
            (system(r#"{"status":"join","viewer_count":4}"#), Incoming::Viewers(4)),
            (system(r#"{"status":"leave","viewer_count":0}"#), Incoming::Viewers(0)),
            (system(r#"{"status":"end"}"#), Incoming::Room(RoomState::Ended)),
            (system(r#"{"status":"start"}"#), Incoming::Room(RoomState::Live)),
            (system("1"), Incoming::Other),
            ("nonsense".into(), Incoming::Other),
            (String::new(), Incoming::Other),
        ];
        for (data, expected) in rows {
            assert_eq!(Incoming::decode(&data), expected, "{data}");
        }
    }

    #[test]
    fn history_is_understood() {
        let hi = r#"{"username":"ann","message_text":"hi"}"#;
        let data = [envelope("broadcast", 5, hi), envelope("broadcast", 6, "[]"), envelope("broadcast", 7, hi)].join(",");
        let answer = format!(r#"{{"code":200,"message":"OK","data":[{data}],"meta":{{"position":"e-9","has_more":true}}}}"#);
        let (messages, bounds) = (vec![said(5, false), said(7, false)], Some((id(5), id(7))));
        let expected = Extract { messages, bounds, has_more: true, position: "e-9".into() };
        assert_eq!(Extract::decode(&answer), Some(expected));
        for answer in ["", "{}", r#"{"code":404,"message":"no such room"}"#] {
            assert_eq!(Extract::decode(answer), None);
        }
    }
}
