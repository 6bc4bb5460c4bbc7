//! The relay: what plain WebSocket servers do, an echo and a broadcast of whatever is sent.
//!
//! In the log a text frame is a chat message, so that the page and every other protocol can show it; it says of itself that it was a
//! frame, and so becomes the same one again. Earlier versions stored binary frames too.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::frame::Frame;
use crate::chat::{Draft, Event, Kind, Payload};

/// Longest message of a client, in bytes.
pub const MESSAGE_BYTES: usize = 1 << 20;

/// The first frame of the echo, as the clients of the public one expect it.
pub const GREETING: &str = "Request served by live-chat";

/// What is in the log.
#[derive(Deserialize, Serialize)]
struct Said {
    #[serde(rename = "type")]
    kind: ChatType,
    username: String,
    message_text: String,
    frame: Form,
    /// The bytes of a binary frame, in base64 (RFC 4648 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum ChatType {
    Chat,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Text,
    Binary,
}

/// Whether a switch is set to off, in a word that people use for it.
pub fn is_off(switch: &str) -> bool {
    ["false", "0", "off", "no"].iter().any(|word| switch.trim().eq_ignore_ascii_case(word))
}

/// The text of a frame as a chat message under that name.
pub fn draft(text: String, username: String) -> Draft {
    let said = Said { kind: ChatType::Chat, username, message_text: text, frame: Form::Text, data: None };
    Draft { payload: Payload::of(&said), video_time: 0.0, client_message_id: None, announces: false }
}

/// The frame of an event: what came as one, as it came; what others said, as they have written it. Only public messages have one.
pub fn encode(event: &Event) -> Bytes {
    match &event.kind {
        Kind::Message(message) => frame_of(&message.payload).encode(),
        Kind::Private { .. } | Kind::Held(_) | Kind::Resolution(_) | Kind::Room(_) | Kind::Settings { .. } => Bytes::new(),
        Kind::Deletion(_) | Kind::Sanction(_) | Kind::Reactions(_) => Bytes::new(),
        Kind::Disconnection(_) | Kind::Custom(_) | Kind::Restore(_) => Bytes::new(),
    }
}

fn frame_of(payload: &Payload) -> Frame {
    let json = payload.to_json();
    let as_written = || Frame::text(json.get());
    match serde_json::from_str::<Said>(json.get()) {
        Ok(Said { frame: Form::Text, message_text, .. }) => Frame::text(message_text),
        Ok(Said { frame: Form::Binary, data: Some(data), .. }) => {
            BASE64.decode(data).map_or_else(|_| as_written(), |bytes| Frame::Binary(bytes.into()))
        }
        Ok(Said { frame: Form::Binary, data: None, .. }) | Err(_) => as_written(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chat::ChatText;

    fn payload(text: &str) -> Payload {
        Payload::parse(text).expect("JSON")
    }

    #[test]
    fn a_switch_is_off_if_it_says_so() {
        let check = |switch: &str, expected: bool| assert_eq!(is_off(switch), expected, "{switch:?}");
        ["false", "False", "0", "off", "no", " false "].into_iter().for_each(|switch| check(switch, true));
        ["true", "1", "on", "", "falsehood"].into_iter().for_each(|switch| check(switch, false));
    }

    #[test]
    fn others_can_read_what_is_relayed() {
        let read = ChatText::of(&draft("héllo \"you\"".into(), "Guest 1".into()).payload).expect("a chat message");
        assert_eq!(read, ChatText { username: "Guest 1".into(), text: "héllo \"you\"".into() });
    }

    #[test]
    fn a_binary_frame_of_an_earlier_version_is_one_again() {
        let stored = r#"{"type":"chat","username":"a","message_text":"Binary data, 3 bytes","frame":"binary","data":"AAH/"}"#;
        assert_eq!(frame_of(&payload(stored)), Frame::Binary(Bytes::from_static(&[0, 1, 255])));
    }

    #[test]
    fn what_others_said_is_relayed_as_it_was_written() {
        let check = |text: &str, expected: Frame| assert_eq!(frame_of(&payload(text)), expected, "{text}");
        for text in [
            r#"{"type":"chat","username":"Ann","message_text":"hi"}"#,
            r#""text""#,
            "null",
            r#"{"digits":[1.0,1e2]}"#,
            r#"{"type":"chat","username":"a","message_text":"b","frame":"other"}"#,
            r#"{"type":"chat","username":"a","message_text":"b","frame":"binary"}"#,
            r#"{"type":"chat","username":"a","message_text":"b","frame":"binary","data":"no base64"}"#,
        ] {
            check(text, Frame::text(text));
        }
        // What a moderator's review handler changed in a frame is relayed as it is now.
        check(r#"{"type":"chat","username":"a","message_text":"b","frame":"text"}"#, Frame::text("b"));
    }

    proptest! {
        #[test]
        fn a_text_becomes_the_same_one_again(text in any::<String>()) {
            prop_assert_eq!(frame_of(&draft(text.clone(), "Guest 1".into()).payload), Frame::text(text));
        }

        #[test]
        fn any_payload_has_a_frame(json in "[\\[\\]{}\",:a-z0-9\\\\ ]{0,64}") {
            if let Ok(payload) = Payload::parse(&json) {
                let _ = frame_of(&payload).encode();
            }
        }
    }
}
