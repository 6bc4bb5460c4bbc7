//! A room's messages as JSON Lines (<https://jsonlines.org>): one JSON object a line, complete enough to be taken in again.

use serde::Serialize;
use serde_json::value::RawValue;

use super::moment::rfc3339;
use crate::chat::{Event, Message};

/// One message. Either `message` or `message_source` is there.
#[derive(Serialize)]
struct Line<'a> {
    id: String,
    sent_at: String,
    author_id: &'a str,
    video_time: f64,
    /// The payload, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a RawValue>,
    /// The payload's text as a JSON string, if there are line ends between its tokens: a line must have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_source: Option<&'a str>,
}

/// The messages among `events`, a line each.
pub fn encode(events: &[Event]) -> Vec<u8> {
    let mut lines = Vec::new();
    for event in events {
        if let Some(message) = event.message() {
            serde_json::to_writer(&mut lines, &Line::of(event, message)).expect("plain data, into memory");
            lines.push(b'\n');
        }
    }
    lines
}

impl<'a> Line<'a> {
    fn of(event: &Event, Message { author, payload, video_time }: &'a Message) -> Self {
        let is_one_line = !payload.get().contains(['\n', '\r']);
        Self {
            id: event.id().to_string(),
            sent_at: rfc3339(event.sent_at),
            author_id: author.as_str(),
            video_time: *video_time,
            message: is_one_line.then_some(&**payload),
            message_source: (!is_one_line).then(|| payload.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Kind, RoomId, Timestamp, UserId};

    fn said(payload: &str) -> Event {
        let author = UserId::try_from("ann".to_owned()).expect("a valid id");
        let payload = RawValue::from_string(payload.into()).expect("JSON");
        let kind = Kind::Message(Message { author, payload, video_time: 12.5 });
        Event { room: RoomId::FIRST, seq: 7, sent_at: Timestamp(1_795_230_000_123), kind }
    }

    #[test]
    fn a_message_is_one_line_that_keeps_its_bytes() {
        let head = r#"{"id":"ID","sent_at":"2026-11-21T03:00:00.123Z","author_id":"ann","video_time":12.5,"#;
        let check = |payload: &str, rest: &str| {
            let line = String::from_utf8(encode(&[said(payload)])).expect("UTF-8");
            assert_eq!(line, format!("{head}{rest}}}\n").replace("ID", &said("1").id().to_string()));
        };
        check(r#"{ "b":1e400, "a":[] }"#, r#""message":{ "b":1e400, "a":[] }"#);
        check("[1,\r\n\"é\\n\"]", r#""message_source":"[1,\r\n\"é\\n\"]""#);
    }
}
