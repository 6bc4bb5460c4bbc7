//! A room's messages as JSON Lines (<https://jsonlines.org>): one JSON object a line, complete enough to be taken in again.

use std::{borrow::Cow, collections::BTreeMap, num::NonZero};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    inlive::Counts,
    json,
    moment::{self, rfc3339},
    payload::present,
};
use crate::chat::{
    ATTRIBUTES_BYTES, ChatText, Event, Limits, MOST_EMOJIS, Message, Payload, PayloadError, PayloadFault, Profile, Recorded,
    UserId, attributes_bytes, check_json, is_picture,
};

/// Longest name that an import may bring where the settings allow no longer one, in code points.
pub const NAME_CHARS: usize = 256;

/// Longest text that an import may bring where the settings allow no longer one, in code points.
pub const TEXT_CHARS: usize = 20_000;

/// One message.
#[derive(Serialize)]
struct Line<'a> {
    id: String,
    sent_at: String,
    author_id: &'a str,
    video_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a Profile>,
    /// How many reacted with each emoji when it was written down. It is not taken in again: nobody knows who they were.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    reactions: Counts<'a>,
    /// The payload, byte for byte. One that cannot be read is its text, as a JSON string.
    message: Cow<'a, RawValue>,
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

/// Why a line is no message. The texts tell what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It is not one JSON object.
    #[error("it must be one JSON object: {0}")]
    Malformed(String),
    /// A key is not there.
    #[error("\"{0}\" is missing")]
    Missing(&'static str),
    /// A key has a value that it cannot have.
    #[error("\"{key}\" must be {expected}")]
    WrongValue {
        /// Which.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// It breaks the rule for payloads.
    #[error("{0}")]
    Rule(PayloadError),
    /// A part of the message that people read is too long, even for an import.
    #[error("\"{key}\" has {chars} characters; at most {limit} can be imported")]
    TooLong {
        /// Which.
        key: &'static str,
        /// Its length, in code points.
        chars: usize,
        /// What is allowed.
        limit: usize,
    },
    /// It was not for everybody, and an import is.
    #[error("it is a private message, which cannot be imported: everybody could read it then")]
    Private,
    /// The message is there twice.
    #[error("there must be either \"message\" or \"message_source\"")]
    TwoMessages,
}

/// A line, each value unread. Older exports have the payload's text in `message_source`. What else there is, the id included, is passed over: in another room a message has another one.
#[derive(Deserialize)]
struct Unread {
    sent_at: Option<Box<RawValue>>,
    author_id: Option<Box<RawValue>>,
    video_time: Option<Box<RawValue>>,
    profile: Option<Box<RawValue>>,
    reactions: Option<Box<RawValue>>,
    to_user_id: Option<Box<RawValue>>,
    #[serde(rename = "type")]
    kind: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    message: Option<Box<RawValue>>,
    message_source: Option<Box<RawValue>>,
}

/// Reads a line as [`encode`] writes it, with or without its line end. The video time may be missing.
///
/// # Errors
/// See [`LineError`].
pub fn decode(line: &str) -> Result<Recorded, LineError> {
    let line = check_json(line).map_err(|error| match error.fault {
        PayloadFault::Syntax => LineError::Malformed(error.to_string()),
        _ => LineError::Rule(error),
    })?;
    let line: Unread = json::object(&line).map_err(|error| LineError::Malformed(error.to_string()))?;
    let is_empty = |addressee: &RawValue| matches!(addressee.get(), "null" | "\"\"");
    if line.kind.is_some_and(|kind| kind.get() == "\"private\"") || !line.to_user_id.as_deref().is_none_or(is_empty) {
        return Err(LineError::Private);
    }
    let sent_at: String = value("sent_at", line.sent_at, "a string")?;
    let wrong = LineError::WrongValue { key: "sent_at", expected: "a moment as RFC 3339 writes it, from 1970 on" };
    let sent_at = moment::parse(&sent_at).ok_or(wrong)?;
    let author: UserId = value("author_id", line.author_id, "the id of a user: 1 to 133 characters")?;
    let video_time = line.video_time.map_or(Ok(0.0), |value| seconds(&value))?;
    let payload = match (line.message, line.message_source) {
        (Some(message), None) => Payload::parse(message.get()).map_err(LineError::Rule)?,
        (None, Some(source)) => {
            let text: String = value("message_source", Some(source), "a string")?;
            let wrong = LineError::WrongValue { key: "message_source", expected: "the text of a JSON value" };
            Payload::parse(&text).map_err(|error| match error.fault {
                PayloadFault::Syntax => wrong,
                _ => LineError::Rule(PayloadError { path: format!("message_source.{}", error.path), ..error }),
            })?
        }
        (None, None) => return Err(LineError::Missing("message")),
        (Some(_), Some(_)) => return Err(LineError::TwoMessages),
    };
    if let Some(counts) = line.reactions {
        reactions(counts)?;
    }
    let profile = line.profile.map_or(Ok(Profile::default()), profile)?;
    Ok(Recorded { sent_at, message: Message { author, profile, payload, video_time, reactions: Vec::new() } })
}

/// Judges what people read of a message. An import may hold what was said where more was allowed than here, up to
/// [`NAME_CHARS`] and [`TEXT_CHARS`].
///
/// # Errors
/// [`LineError::TooLong`], and [`LineError::WrongValue`] for control characters.
pub fn check(message: &Message, limits: &Limits) -> Result<(), LineError> {
    let Some(ChatText { username, text }) = ChatText::of(&message.payload) else { return Ok(()) };
    let (name, plain) = ("username", "a text without control characters");
    check_text(name, &username, limits.username_chars.max(NAME_CHARS), |_| false, plain)?;
    let is_white = |c| matches!(c, '\n' | '\r' | '\t');
    let plain = "a text without control characters but line breaks and tabs";
    check_text("message_text", &text, limits.text_chars.max(TEXT_CHARS), is_white, plain)
}

fn check_text(
    key: &'static str,
    text: &str,
    limit: usize,
    is_allowed: impl Fn(char) -> bool,
    expected: &'static str,
) -> Result<(), LineError> {
    let chars = text.chars().count();
    if chars > limit {
        return Err(LineError::TooLong { key, chars, limit });
    }
    let is_plain = text.chars().all(|c| !c.is_control() || is_allowed(c));
    if is_plain { Ok(()) } else { Err(LineError::WrongValue { key, expected }) }
}

/// The profile of an author, by the rules for those of a site's users.
fn profile(unread: Box<RawValue>) -> Result<Profile, LineError> {
    let expected = "an object with \"role\" (guest, moderator, owner or bot), \"picture\", \"announces\" and \"attributes\"";
    let profile: Profile = value("profile", Some(unread), expected)?;
    if profile.picture.as_deref().is_some_and(|picture| !is_picture(picture)) {
        return Err(LineError::WrongValue { key: "profile.picture", expected: "an https address of at most 1024 characters" });
    }
    if attributes_bytes(&profile.attributes) > ATTRIBUTES_BYTES {
        return Err(LineError::WrongValue { key: "profile.attributes", expected: "an object of at most 1024 bytes" });
    }
    Ok(profile)
}

/// Judges the reactions of a line, which are not taken in.
fn reactions(unread: Box<RawValue>) -> Result<(), LineError> {
    let expected = "an object of at most 20 emojis, each with a number from 1";
    let counts: BTreeMap<String, NonZero<u64>> = value("reactions", Some(unread), expected)?;
    let are_emojis = counts.len() <= MOST_EMOJIS && counts.keys().all(|emoji| emojis::get(emoji).is_some());
    if are_emojis { Ok(()) } else { Err(LineError::WrongValue { key: "reactions", expected }) }
}

fn value<T: DeserializeOwned>(key: &'static str, value: Option<Box<RawValue>>, expected: &'static str) -> Result<T, LineError> {
    let value = value.ok_or(LineError::Missing(key))?;
    serde_json::from_str(value.get()).map_err(|_| LineError::WrongValue { key, expected })
}

/// To the last digit, which `serde_json` by itself does not promise.
fn seconds(value: &RawValue) -> Result<f64, LineError> {
    let is_number = serde_json::from_str::<f64>(value.get()).is_ok();
    let number = value.get().parse().ok().filter(|number: &f64| is_number && number.is_finite());
    number.ok_or(LineError::WrongValue { key: "video_time", expected: "a number of seconds" })
}

impl<'a> Line<'a> {
    fn of(event: &Event, Message { author, profile, payload, video_time, reactions }: &'a Message) -> Self {
        Self {
            id: event.id().to_string(),
            sent_at: rfc3339(event.sent_at),
            author_id: author.as_str(),
            video_time: *video_time,
            profile: (*profile != Profile::default()).then_some(profile),
            reactions: Counts(reactions),
            message: payload.to_json(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Kind, RoomId, Timestamp, UserId};

    fn said(payload: &str) -> Event {
        let author = UserId::try_from("ann".to_owned()).expect("a valid id");
        let payload = Payload::stored(payload.into());
        let kind =
            Kind::Message(Message { author, profile: Profile::default(), payload, video_time: 12.5, reactions: Vec::new() });
        Event { room: RoomId::FIRST, seq: 7, sent_at: Timestamp(1_795_230_000_123), kind, client_message_id: None }
    }

    #[test]
    fn a_message_is_one_line_that_keeps_its_bytes() {
        let head = r#"{"id":"ID","sent_at":"2026-11-21T03:00:00.123Z","author_id":"ann","video_time":12.5,"#;
        let check = |payload: &str, rest: &str| {
            let line = String::from_utf8(encode(&[said(payload)])).expect("UTF-8");
            assert_eq!(line, format!("{head}{rest}}}\n").replace("ID", &said("1").id().to_string()));
        };
        check(r#"{"b":1e-400,"a":[]}"#, r#""message":{"b":1e-400,"a":[]}"#);
        check("[1,\r\n\"é\\n\"]", r#""message":[1,"é\n"]"#);
        check("[1e400,\n2]", r#""message":"[1e400,\n2]""#);
    }

    #[test]
    fn what_was_written_is_read_back() {
        for payload in [r#"{"b":1e-400,"a":[]}"#, "[1,\"é\\n\"]", "null", "\"\\ud83d\\ude00\""] {
            let line = String::from_utf8(encode(&[said(payload)])).expect("UTF-8");
            let Recorded { sent_at, message } = decode(&line).expect(payload);
            assert_eq!((sent_at, message.author.as_str()), (Timestamp(1_795_230_000_123), "ann"));
            assert_eq!((message.payload.get(), message.video_time), (payload, 12.5), "byte for byte");
        }
        let line = r#"{"sent_at":"2026-11-21T03:00:00Z","author_id":"a","message_source":"[1,\n2]"}"#;
        assert_eq!(decode(line).expect("an older export").message.payload.get(), "[1,2]");
        let exact = 0.123_456_789_012_345_68;
        let line = format!(r#"{{"video_time":{exact},"sent_at":"2026-11-21T03:00:00Z","author_id":"a","message":1,"x":[]}}"#);
        assert_eq!(decode(&line).expect("valid").message.video_time, exact);
    }

    #[test]
    fn lines_that_are_no_message_are_refused() {
        let wrong = |key, expected| LineError::WrongValue { key, expected };
        let rule = |fault, path: &str, byte| LineError::Rule(PayloadError { fault, path: path.to_owned(), byte });
        let user = "the id of a user: 1 to 133 characters";
        let moment = "a moment as RFC 3339 writes it, from 1970 on";
        let rows = [
            (r#""author_id":"a","message":1"#, LineError::Missing("sent_at")),
            (r#""sent_at":"2026-11-21T03:00:00Z","message":1"#, LineError::Missing("author_id")),
            (r#""sent_at":"2026-11-21T03:00:00Z","author_id":"a""#, LineError::Missing("message")),
            (r#""sent_at":1,"author_id":"a","message":1"#, wrong("sent_at", "a string")),
            (r#""sent_at":"today","author_id":"a","message":1"#, wrong("sent_at", moment)),
            (r#""sent_at":"2026-11-21T03:00:00Z","author_id":"","message":1"#, wrong("author_id", user)),
            (r#""sent_at":"2026-11-21T03:00:00Z","author_id":7,"message":1"#, wrong("author_id", user)),
            (
                r#""sent_at":"2026-11-21T03:00:00Z","author_id":"a","video_time":"1","message":1"#,
                wrong("video_time", "a number of seconds"),
            ),
            (
                r#""sent_at":"2026-11-21T03:00:00Z","author_id":"a","video_time":1e999,"message":1"#,
                rule(PayloadFault::Number, "video_time", 63),
            ),
            (
                r#""sent_at":"2026-11-21T03:00:00Z","author_id":"a","message":{"a":"\ud800"}"#,
                rule(PayloadFault::LoneSurrogate, "message.a", 66),
            ),
            (
                r#""sent_at":"2026-11-21T03:00:00Z","author_id":"a","message_source":"{\"a\":1e999}""#,
                rule(PayloadFault::Number, "message_source.a", 5),
            ),
            (
                r#""sent_at":"2026-11-21T03:00:00Z","author_id":"a","message_source":"{""#,
                wrong("message_source", "the text of a JSON value"),
            ),
            (r#""sent_at":"2026-11-21T03:00:00Z","author_id":"a","message_source":1"#, wrong("message_source", "a string")),
            (r#""sent_at":"2026-11-21T03:00:00Z","author_id":"a","message":1,"message_source":"1""#, LineError::TwoMessages),
        ];
        for (keys, expected) in rows {
            assert_eq!(decode(&format!("{{{keys}}}")).expect_err(keys), expected, "{keys}");
        }
        assert!(decode(r#"{"author_id":"a","author_id":"b"}"#).is_err(), "a key twice");
        for line in ["", "[]", "{", "{} {}", "null"] {
            assert!(matches!(decode(line), Err(LineError::Malformed(_))), "{line:?}");
        }
    }
    fn with(keys: &str) -> Result<Recorded, LineError> {
        decode(&format!(r#"{{"sent_at":"2026-11-21T03:00:00Z","author_id":"a","message":1,{keys}}}"#))
    }

    #[test]
    fn a_profile_is_taken_as_an_export_has_it_and_no_other() {
        let full =
            r#""profile":{"role":"owner","picture":"https://a.example/b.png","announces":true,"attributes":{"team":"red"}}"#;
        let profile = with(full).expect("valid").message.profile;
        assert_eq!((profile.role, profile.announces, &*profile.attributes["team"]), (crate::chat::Role::Owner, true, "red"));
        let long = format!("{{\"picture\":\"https://a.example/{}\"}}", "x".repeat(1_024));
        let attributes = format!("{{\"attributes\":{{\"k\":\"{}\"}}}}", "x".repeat(1_024));
        for (value, key) in [
            (r#"{"role":"admin"}"#, "profile"),
            (r#"{"role":"Owner"}"#, "profile"),
            (r#"{"role":1}"#, "profile"),
            (r#""owner""#, "profile"),
            (r#"{"announces":"yes"}"#, "profile"),
            (r#"{"attributes":{"k":1}}"#, "profile"),
            (r#"{"picture":"javascript:alert(1)"}"#, "profile.picture"),
            (r#"{"picture":"http://a.example/b.png"}"#, "profile.picture"),
            (r#"{"picture":"data:image/svg+xml,<svg onload=alert(1)>"}"#, "profile.picture"),
            (r#"{"picture":"https://a.example/\"onerror=alert(1)"}"#, "profile.picture"),
            (r#"{"picture":"https://a@b.example/"}"#, "profile.picture"),
            (&long, "profile.picture"),
            (&attributes, "profile.attributes"),
        ] {
            let error = with(&format!("\"profile\":{value}")).expect_err(value);
            assert!(matches!(error, LineError::WrongValue { key: found, .. } if found == key), "{value}: {error}");
        }
    }

    #[test]
    fn reactions_must_be_some_though_they_are_not_taken_in() {
        assert!(with(r#""reactions":{"👍":3,"❤️":1}"#).is_ok_and(|line| line.message.reactions.is_empty()));
        let emojis: Vec<_> = emojis::iter().take(21).map(|emoji| format!("\"{}\":1", emoji.as_str())).collect();
        let many = format!("{{{}}}", emojis.join(","));
        for value in [r#"{"x":1}"#, r#"{"👍":0}"#, r#"{"👍":-1}"#, r#"{"👍":1.5}"#, r#"{"👍":"1"}"#, r#"["👍"]"#, &*many]
        {
            let error = with(&format!("\"reactions\":{value}")).expect_err(value);
            assert!(matches!(error, LineError::WrongValue { key: "reactions", .. }), "{value}: {error}");
        }
    }

    #[test]
    fn what_was_private_does_not_become_public() {
        for keys in [r#""to_user_id":"bob""#, r#""type":"private""#, r#""type":"private","to_user_id":"""#] {
            assert_eq!(with(keys).expect_err(keys), LineError::Private);
        }
        for keys in [r#""to_user_id":"","type":"broadcast""#, r#""to_user_id":null"#] {
            assert!(with(keys).is_ok(), "{keys}");
        }
    }

    #[test]
    fn what_people_read_has_limits_in_an_import_too() {
        let check = |username: &str, text: &str, limits: &Limits| {
            let payload = serde_json::json!({ "username": username, "message_text": text }).to_string();
            let Kind::Message(message) = said(&payload).kind else { unreachable!() };
            check(&message, limits).map_err(|error| error.to_string())
        };
        let (limits, more) = (Limits::default(), Limits { username_chars: 300, text_chars: 30_000, ..Limits::default() });
        assert_eq!(check(&"é".repeat(256), &"é\n".repeat(10_000), &limits), Ok(()));
        assert_eq!(check(&"n".repeat(300), &"t".repeat(30_000), &more), Ok(()));
        for (username, text, limits, part) in [
            ("n".repeat(257), "t".to_owned(), &limits, "\"username\" has 257 characters; at most 256"),
            ("n".into(), "t".repeat(20_001), &limits, "\"message_text\" has 20001 characters; at most 20000"),
            ("n".repeat(301), "t".into(), &more, "at most 300"),
            ("a\nb".into(), "t".into(), &limits, "\"username\" must be a text without control characters"),
            ("a".into(), "\u{1b}[2J".into(), &limits, "\"message_text\" must be a text without control characters but"),
        ] {
            let error = check(&username, &text, limits).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }
}
