//! What clients are told.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    chat::{
        Attributes, ChatText, CustomEvent, Deleted, Deletion, Disconnection, Event, Kind, Message, MessageId, Payload, Timestamp,
        UserId,
    },
    protocol::{
        moment::rfc3339,
        parts::{ATTRIBUTES, Parts},
    },
};

const DELETE_MESSAGE: &str = "aws:DELETE_MESSAGE";
const DISCONNECT_USER: &str = "aws:DISCONNECT_USER";

/// What an IVS client says, as the message of somebody who goes by that name: one that every other client can read.
pub fn payload(username: &str, content: &str, attributes: &Attributes) -> Payload {
    #[derive(Serialize)]
    struct Said<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        username: &'a str,
        message_text: &'a str,
        #[serde(skip_serializing_if = "Attributes::is_empty")]
        attributes: &'a Attributes,
    }
    Payload::of(&Said { kind: "chat", username, message_text: content, attributes })
}

/// An event as IVS clients are told of it, if they are; with the name of the request that it answers, for who has asked it.
pub fn event(event: &Event, request_id: &str) -> Option<String> {
    let id = event.id().to_string();
    let sent_at = rfc3339(event.sent_at);
    let told = |name: &str, attributes: Value| told(&id, request_id, name, attributes, &sent_at);
    let frame = match &event.kind {
        Kind::Message(message) => {
            let (content, attributes) = said(message);
            let sender = json!({ "UserId": message.author.own(), "Attributes": sender(message) });
            json!({
                "Type": "MESSAGE", "Id": id, "RequestId": request_id, "Attributes": attributes, "Content": content,
                "SendTime": sent_at, "Sender": sender,
            })
        }
        Kind::Deletion(Deletion { of, reason, tells_reason, .. }) => {
            let (name, mut attributes) = match of {
                Deleted::Message(seq) => (DELETE_MESSAGE, of_message(MessageId { room: event.room, seq: *seq })),
                Deleted::AllOf(user) => ("live-chat:DELETE_MESSAGES_OF_USER", json!({ "UserId": user.own() })),
            };
            add_reason(&mut attributes, if *tells_reason { reason } else { "" });
            told(name, attributes)
        }
        Kind::Disconnection(Disconnection { user, reason, .. }) => told(DISCONNECT_USER, of_user(user, reason)),
        Kind::Custom(CustomEvent { name, attributes, .. }) => told(name, json!(attributes)),
        // Private messages have no form here, and whoever waits for a moderator is answered so.
        Kind::Private { .. } | Kind::Held(_) | Kind::Resolution(_) | Kind::Sanction(_) => return None,
        Kind::Room(_) | Kind::Settings { .. } | Kind::Reactions(_) | Kind::Restore(_) => return None,
    };
    Some(frame.to_string())
}

/// That a message is out, for who wants to delete it a second time. `id` must be one that this client has not had.
pub fn deleted(id: &str, request_id: &str, message: MessageId, reason: &str, at: Timestamp) -> String {
    let mut attributes = of_message(message);
    add_reason(&mut attributes, reason);
    told(id, request_id, DELETE_MESSAGE, attributes, &rfc3339(at)).to_string()
}

/// That `user` may not speak any more, by the event that says so, for them alone. What follows is the end of the connection.
pub fn banned(event: &Event, user: &UserId, reason: &str) -> String {
    told(&event.id().to_string(), "", DISCONNECT_USER, of_user(user, reason), &rfc3339(event.sent_at)).to_string()
}

fn told(id: &str, request_id: &str, name: &str, attributes: Value, sent_at: &str) -> Value {
    json!({
        "Type": "EVENT", "Id": id, "RequestId": request_id, "EventName": name, "Attributes": attributes, "SendTime": sent_at,
    })
}

/// The first key is what the npm client reads, the second what the reference has.
fn of_message(message: MessageId) -> Value {
    let id = message.to_string();
    json!({ "MessageID": id, "MessageId": id })
}

fn of_user(user: &UserId, reason: &str) -> Value {
    let mut attributes = json!({ "UserId": user.own() });
    add_reason(&mut attributes, reason);
    attributes
}

/// A reason that is there. The npm client would drop an event whose reason is `null`.
fn add_reason(attributes: &mut Value, reason: &str) {
    if !reason.is_empty() {
        attributes["Reason"] = json!(reason);
    }
}

/// A message's text, and the other strings in it.
fn said(Message { payload, .. }: &Message) -> (String, Attributes) {
    let Parts { is_ivs, content, mut attributes, .. } = Parts::of(payload);
    if !is_ivs {
        // Those are of every chat message: the one says so, the other is the sender's.
        ["type", "username", ATTRIBUTES].iter().for_each(|key| drop(attributes.remove(*key)));
    }
    (content, attributes)
}

/// What is told of a message's author: what their site says of them, a name and a picture in any case.
fn sender(Message { profile, payload, .. }: &Message) -> Attributes {
    let mut attributes = profile.attributes.clone();
    let mut tell = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            attributes.entry(key.to_owned()).or_insert(value);
        }
    };
    tell("username", ChatText::username_of(payload));
    tell("avatar", profile.picture.clone());
    attributes
}

/// An answer that is not a success. `id` must be one that this client has not had.
pub fn error(id: &str, request_id: &str, code: u16, message: &str) -> String {
    json!({ "Type": "ERROR", "Id": id, "RequestId": request_id, "ErrorCode": code, "ErrorMessage": message }).to_string()
}

/// That a client is to come back with another token, at which the npm client does so at once. To close the connection would have it
/// never come back.
pub fn session_over(id: &str) -> String {
    error(id, "", 401, "The session is over: connect again with a new token.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Measure, Outcome, Profile, Resolution, Restore, Restored, RoomId, RoomState, Sanction};

    fn id(seq: u64) -> String {
        MessageId { room: RoomId::FIRST, seq }.to_string()
    }

    fn user(id: &str) -> UserId {
        UserId::try_from(id.to_owned()).expect("a valid id")
    }

    fn entry(kind: Kind) -> Event {
        Event { room: RoomId::FIRST, seq: 9, sent_at: Timestamp(1_795_230_000_123), kind, client_message_id: None }
    }

    fn message(author: &str, payload: &str, profile: Profile) -> Event {
        let payload = Payload::parse(payload).expect("JSON");
        entry(Kind::Message(Message { author: user(author), profile, payload, video_time: 0.0, reactions: Vec::new() }))
    }

    fn told(event: &Event, request_id: &str) -> Value {
        serde_json::from_str(&super::event(event, request_id).expect("told of")).expect("JSON")
    }

    /// Every rule that the npm client holds a frame to.
    fn check_rules(frame: &Value) {
        let are_texts = |value: &Value| value.as_object().is_some_and(|all| all.values().all(Value::is_string));
        assert!(frame["Id"].is_string() && frame["RequestId"].is_string(), "{frame}");
        if frame["Type"] == "ERROR" {
            return assert!(frame["ErrorCode"].is_u64() && frame["ErrorMessage"].is_string(), "{frame}");
        }
        assert!(are_texts(&frame["Attributes"]), "{frame}");
        assert_eq!(frame["SendTime"], "2026-11-21T03:00:00.123Z");
        match frame["Type"].as_str() {
            Some("MESSAGE") => {
                assert!(frame["Content"].is_string() && frame["Sender"]["UserId"].is_string(), "{frame}");
                assert!(are_texts(&frame["Sender"]["Attributes"]), "{frame}");
            }
            Some("EVENT") => assert!(frame["EventName"].is_string(), "{frame}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_ivs_clients_say_comes_back_to_them_as_it_was() {
        let attributes: Attributes = [("message_type".into(), "STICKER".into()), ("type".into(), "x".into())].into();
        let payload = payload("Ann", "hi \"you\"\n", &attributes);
        assert_eq!(
            ChatText::of(&payload),
            Some(ChatText { username: "Ann".into(), text: "hi \"you\"\n".into() }),
            "for all other clients"
        );
        let of_site = [("colour".to_owned(), "red".to_owned())].into();
        let frame = told(&message("site:ann", payload.get(), Profile { attributes: of_site, ..Profile::default() }), "r");
        check_rules(&frame);
        assert_eq!(
            frame,
            json!({
                "Type": "MESSAGE", "Id": id(9), "RequestId": "r", "Attributes": attributes, "Content": "hi \"you\"\n",
                "SendTime": "2026-11-21T03:00:00.123Z",
                "Sender": { "UserId": "ann", "Attributes": { "colour": "red", "username": "Ann" } },
            })
        );
    }

    #[test]
    fn what_is_said_elsewhere_is_a_content_and_strings() {
        let picture = Profile { picture: Some("https://e.example/a.png".into()), ..Profile::default() };
        let rows = [
            (
                r#"{"type":"chat","username":"Bob","message_text":"hi","colour":"red","n":7}"#,
                "hi",
                json!({ "colour": "red" }),
                json!({ "username": "Bob", "avatar": "https://e.example/a.png" }),
            ),
            (r#"{"messageText":"hi"}"#, "hi", json!({}), json!({ "avatar": "https://e.example/a.png" })),
            (r#"{"emoji":"x"}"#, r#"{"emoji":"x"}"#, json!({}), json!({ "avatar": "https://e.example/a.png" })),
            ("[1]", "[1]", json!({}), json!({ "avatar": "https://e.example/a.png" })),
            (r#"{"message_text":"hi","attributes":"odd"}"#, "hi", json!({}), json!({ "avatar": "https://e.example/a.png" })),
        ];
        for (payload, content, attributes, sender) in rows {
            let frame = told(&message("bob", payload, picture.clone()), "");
            check_rules(&frame);
            assert_eq!(frame["Content"], content, "{payload}");
            assert_eq!((&frame["Attributes"], &frame["Sender"]["Attributes"]), (&attributes, &sender), "{payload}");
        }
    }

    #[test]
    fn events_have_the_keys_that_clients_read() {
        let by = UserId::admin();
        let deletion = |of, tells_reason| Deletion { of, by: by.clone(), reason: "spam".into(), tells_reason };
        let rows = [
            (
                Kind::Deletion(deletion(Deleted::Message(7), true)),
                "aws:DELETE_MESSAGE",
                json!({ "MessageID": id(7), "MessageId": id(7), "Reason": "spam" }),
            ),
            (
                Kind::Deletion(deletion(Deleted::Message(7), false)),
                "aws:DELETE_MESSAGE",
                json!({ "MessageID": id(7), "MessageId": id(7) }),
            ),
            (
                Kind::Deletion(deletion(Deleted::AllOf(user("site:bob")), false)),
                "live-chat:DELETE_MESSAGES_OF_USER",
                json!({ "UserId": "bob" }),
            ),
            (
                Kind::Disconnection(Disconnection { user: user("site:bob"), by: by.clone(), reason: "why".into() }),
                "aws:DISCONNECT_USER",
                json!({ "UserId": "bob", "Reason": "why" }),
            ),
            (
                Kind::Disconnection(Disconnection { user: user("bob"), by: by.clone(), reason: String::new() }),
                "aws:DISCONNECT_USER",
                json!({ "UserId": "bob" }),
            ),
            (
                Kind::Custom(CustomEvent { name: "poll".into(), attributes: [("a".into(), "b".into())].into(), by: by.clone() }),
                "poll",
                json!({ "a": "b" }),
            ),
        ];
        for (kind, name, attributes) in rows {
            let frame = told(&entry(kind), "r");
            check_rules(&frame);
            assert_eq!((&frame["Type"], &frame["EventName"], &frame["RequestId"]), (&json!("EVENT"), &json!(name), &json!("r")));
            assert_eq!(frame["Attributes"], attributes, "{name}");
        }
        let resolution =
            Resolution { of: 1, author: user("ann"), outcome: Outcome::Approved, by: by.clone(), reason: String::new() };
        let restore = Restore { of: 7, what: Restored::Message(1), waiting: Vec::new(), by: by.clone() };
        let sanction = Sanction { user: user("ann"), measure: Measure::Ban, addresses: Vec::new(), by, reason: String::new() };
        let acts = [Kind::Resolution(resolution), Kind::Sanction(sanction), Kind::Restore(restore)];
        for kind in acts.into_iter().chain([Kind::Room(RoomState::Ended), Kind::Reactions(Vec::new())]) {
            assert_eq!(event(&entry(kind), ""), None);
        }
    }

    #[test]
    fn what_stands_in_no_log_keeps_to_the_rules_too() {
        let ban = banned(&entry(Kind::Room(RoomState::Live)), &user("site:ann"), "why");
        let message = MessageId { room: RoomId::FIRST, seq: 7 };
        let again = deleted("k", "r", message, "", Timestamp(1_795_230_000_123));
        for frame in [error("i", "r", 413, "Message exceeds maximum length"), session_over("j"), ban, again] {
            check_rules(&serde_json::from_str(&frame).expect("JSON"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_message_brings_it_down(frame in "\\PC*", json in proptest::sample::select(vec![
            "null", "7", "\"x\"", "{}", r#"{"message_text":"x","attributes":{"a":"b"},"username":7}"#, r#"{"username":"x","messageText":null}"#,
        ])) {
            check_rules(&told(&message("ann", json, Profile::default()), &frame));
        }
    }
}
