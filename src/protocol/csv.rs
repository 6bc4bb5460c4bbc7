//! A room's messages as CSV (RFC 4180), for people and their spreadsheets.

use std::borrow::Cow;

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use super::moment::rfc3339;
use crate::chat::{ChatText, Event};

/// What the first line names.
const COLUMNS: [&str; 6] = ["id", "sent_at", "author_id", "video_time", "username", "text"];

/// U+FEFF: without it a spreadsheet takes UTF-8 for its own country's encoding.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What comes before the messages: the names of the columns.
pub fn head() -> Vec<u8> {
    let mut writer = writer(BYTE_ORDER_MARK.into());
    writer.write_record(COLUMNS).expect("memory takes everything");
    writer.into_inner().expect("memory takes everything")
}

/// The messages among `events`, a line each. One that is no chat message has no name, and its JSON for a text.
pub fn encode(events: &[Event]) -> Vec<u8> {
    let mut writer = writer(Vec::new());
    for event in events {
        let Some(message) = event.message() else { continue };
        let other = || ChatText { username: String::new(), text: message.payload.get().to_owned() };
        let ChatText { username, text } = ChatText::of(&message.payload).unwrap_or_else(other);
        let (id, sent_at) = (event.id().to_string(), rfc3339(event.sent_at));
        let (author, video_time) = (defused(message.author.as_str()), message.video_time.to_string());
        let record = [&*id, &*sent_at, &*author, &*video_time, &*defused(&username), &*defused(&text)];
        writer.write_record(record).expect("memory takes everything");
    }
    writer.into_inner().expect("memory takes everything")
}

fn writer(lines: Vec<u8>) -> Writer<Vec<u8>> {
    WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(lines)
}

/// A text in which no spreadsheet finds a formula: what may begin one has an apostrophe before it, where a cell begins, and where
/// one does for a spreadsheet that separates cells by something else or passes over the quotes
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn defused(text: &str) -> Cow<'_, str> {
    let begins_formula = |c| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠');
    let begins_cell = |before| matches!(before, None | Some(',' | ';' | '\t' | '"' | '\n' | '\r'));
    if !text.contains(begins_formula) {
        return text.into();
    }
    let (mut safe, mut before) = (String::with_capacity(text.len() + 8), None);
    for c in text.chars() {
        if begins_formula(c) && begins_cell(before) {
            safe.push('\'');
        }
        safe.push(c);
        // Some spreadsheets take away what is white before a cell's text.
        let is_blank = c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}');
        if before.is_some() || !is_blank {
            before = Some(c);
        }
    }
    safe.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Kind, Message, Payload, RoomId, Timestamp, UserId};

    fn cells(payload: &str) -> Vec<String> {
        let author = UserId::try_from("@ann".to_owned()).expect("a valid id");
        let payload = Payload::parse(payload).expect("JSON");
        let kind = Kind::Message(Message {
            author,
            profile: crate::chat::Profile::default(),
            payload,
            video_time: -1.5,
            reactions: Vec::new(),
        });
        let event = Event { room: RoomId::FIRST, seq: 7, sent_at: Timestamp(1_795_230_000_123), kind, client_message_id: None };
        let file = [head(), encode(&[event])].concat();
        assert!(file.starts_with("\u{feff}\"id\",\"sent_at\"".as_bytes()) && file.ends_with(b"\"\r\n"));
        let mut reader = csv::Reader::from_reader(&file[..]);
        let record = reader.records().next().expect("a line").expect("well-formed");
        record.iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_message_is_one_record_whatever_is_in_it() {
        let text = "a \"quoted\", text\nof two lines; über 🙂";
        let said = json!({ "username": "Ann, the \"first\"", "message_text": text });
        let cells = cells(&said.to_string());
        assert_eq!(cells[1..], ["2026-11-21T03:00:00.123Z", "'@ann", "-1.5", "Ann, the \"first\"", text]);
    }

    #[test]
    fn what_is_no_chat_message_shows_its_json() {
        assert_eq!(cells("-1")[4..], ["", "'-1"]);
        assert_eq!(cells(r#"{"type":"wave"}"#)[4..], ["", r#"{"type":"wave"}"#]);
    }

    #[test]
    fn no_cell_begins_a_formula() {
        let rows = [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\r=1", "'\r'=1"),
            ("＝1", "'＝1"),
            ("  =1+1", "  '=1+1"),
            ("\u{a0}\u{feff}@SUM(A1)", "\u{a0}\u{feff}'@SUM(A1)"),
            (" 5 - 3", " 5 - 3"),
            ("a,=1", "a,'=1"),
            ("a;-1", "a;'-1"),
            ("\"=1", "\"'=1"),
            ("a\n@b", "a\n'@b"),
            ("a\t=1", "a\t'=1"),
            ("1 + 1 = 2 - 0", "1 + 1 = 2 - 0"),
            ("ann@example.com", "ann@example.com"),
            ("", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(defused(text), expected, "{text:?}");
        }
    }
}
