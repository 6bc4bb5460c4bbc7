use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    chat::{
        ATTRIBUTES_BYTES, Attributes, ChatText, CustomEvent, Deleted, Deletion, Disconnection, Event, Kind, Message, MessageId,
        Payload, REASON_CHARS, UserId, attributes_bytes,
    },
    protocol::{
        moment::rfc3339,
        parts::{ATTRIBUTES, Parts},
    },
};

/// Longest frame of a client, in bytes. A longer one would end the connection for good, so it is well above what any request needs: a
/// too long one is answered.
pub const MESSAGE_BYTES: usize = 128 * 1024;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The client's name for it; the answer has it. Empty if it has none.
    pub id: String,
    /// What it asks.
    pub kind: RequestKind,
}

/// What a client can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Say something.
    SendMessage {
        /// What.
        content: String,
        /// More about it, for programs.
        attributes: Attributes,
    },
    /// Take a message out.
    DeleteMessage {
        /// Which.
        id: MessageId,
        /// Why.
        reason: String,
    },
    /// End a user's connections.
    DisconnectUser {
        /// Whose, by the id that their site gave them.
        user: UserId,
        /// Why.
        reason: String,
    },
}

/// Why a frame is no request, in the words of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The client's name for the request, as far as it could be read.
    pub request_id: String,
    /// 400 or 413.
    pub code: u16,
    /// What is wrong.
    pub message: String,
}

/// Reads a frame of a client.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(text: &str) -> Result<Request, DecodeError> {
    let refuse =
        |request_id: &str, code, message: &str| DecodeError { request_id: request_id.into(), code, message: message.into() };
    let body: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| refuse("", 400, &format!("The frame must be one JSON object: {error}")))?;
    let id = match body.get("RequestId") {
        None | Some(Value::Null) => "",
        Some(Value::String(id)) => id,
        Some(_) => return Err(refuse("", 400, "RequestId must be a string")),
    };
    let kind = Reader { body: &body }.kind().map_err(|(code, message)| refuse(id, code, &message))?;
    Ok(Request { id: id.to_owned(), kind })
}

/// Reads the keys of a request. What is wrong comes with its code.
struct Reader<'a> {
    body: &'a Map<String, Value>,
}

type Fault = (u16, String);

impl Reader<'_> {
    fn kind(&self) -> Result<RequestKind, Fault> {
        match self.text("Action")?.as_deref() {
            Some("SEND_MESSAGE") => {
                Ok(RequestKind::SendMessage { content: self.required("Content")?, attributes: self.attributes()? })
            }
            Some("DELETE_MESSAGE") => {
                let id = self.required("Id")?.parse().map_err(|_| bad("Id must be that of a message"))?;
                Ok(RequestKind::DeleteMessage { id, reason: self.reason()? })
            }
            Some("DISCONNECT_USER") => {
                let user = UserId::try_from(self.required("UserId")?).map_err(|_| bad("UserId must be that of a user"))?;
                Ok(RequestKind::DisconnectUser { user, reason: self.reason()? })
            }
            Some(_) => Err(bad("Action must be SEND_MESSAGE, DELETE_MESSAGE or DISCONNECT_USER")),
            None => Err(bad("Action is missing")),
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, Fault> {
        match self.body.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(bad(&format!("{key} must be a string"))),
        }
    }

    fn required(&self, key: &str) -> Result<String, Fault> {
        self.text(key)?.ok_or_else(|| bad(&format!("{key} is missing")))
    }

    fn reason(&self) -> Result<String, Fault> {
        match self.text("Reason")?.unwrap_or_default() {
            reason if reason.chars().count() > REASON_CHARS => {
                Err((413, format!("Reason exceeds maximum length of {REASON_CHARS}")))
            }
            reason => Ok(reason),
        }
    }

    fn attributes(&self) -> Result<Attributes, Fault> {
        let attributes: Attributes = match self.body.get("Attributes") {
            None | Some(Value::Null) => Attributes::new(),
            Some(value) => {
                serde_json::from_value(value.clone()).map_err(|_| bad("Attributes must be an object whose values are strings"))?
            }
        };
        match attributes_bytes(&attributes) {
            bytes if bytes > ATTRIBUTES_BYTES => {
                Err((413, format!("Attributes exceed maximum length of {ATTRIBUTES_BYTES} bytes")))
            }
            _ => Ok(attributes),
        }
    }
}

fn bad(message: &str) -> Fault {
    (400, message.to_owned())
}

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
    serde_json::value::to_raw_value(&Said { kind: "chat", username, message_text: content, attributes }).expect("plain data")
}

/// An event as IVS clients are told of it, if they are; with the name of the request that it answers, for who has asked it.
pub fn event(event: &Event, request_id: &str) -> Option<String> {
    let id = event.id().to_string();
    let sent_at = rfc3339(event.sent_at);
    let told = |name: &str, attributes: Value| {
        json!({
            "Type": "EVENT", "Id": id, "RequestId": request_id, "EventName": name, "Attributes": attributes, "SendTime": sent_at,
        })
    };
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
                Deleted::Message(seq) => {
                    let id = MessageId { room: event.room, seq: *seq }.to_string();
                    // The first is what the npm client reads, the second what the reference has.
                    ("aws:DELETE_MESSAGE", json!({ "MessageID": id, "MessageId": id }))
                }
                Deleted::AllOf(user) => ("live-chat:DELETE_MESSAGES_OF_USER", json!({ "UserId": user.own() })),
            };
            if *tells_reason && !reason.is_empty() {
                attributes["Reason"] = json!(reason);
            }
            told(name, attributes)
        }
        Kind::Disconnection(Disconnection { user, reason, .. }) => told("aws:DISCONNECT_USER", disconnected(user, reason)),
        Kind::Custom(CustomEvent { name, attributes, .. }) => told(name, json!(attributes)),
        // Private messages have no form here, and whoever waits for a moderator is answered so.
        Kind::Private { .. } | Kind::Held(_) | Kind::Resolution(_) | Kind::Sanction(_) => return None,
        Kind::Room(_) | Kind::Settings { .. } | Kind::Reactions(_) => return None,
    };
    Some(frame.to_string())
}

fn disconnected(user: &UserId, reason: &str) -> Value {
    let mut attributes = json!({ "UserId": user.own() });
    if !reason.is_empty() {
        attributes["Reason"] = json!(reason);
    }
    attributes
}

/// A message's text, and the other strings in it.
fn said(Message { payload, .. }: &Message) -> (String, Attributes) {
    let Parts { is_ivs, content, mut attributes, .. } = Parts::of(payload.get());
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
    tell("username", ChatText::username_of(payload.get()));
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
    use serde_json::value::RawValue;

    use super::*;
    use crate::chat::{Measure, Outcome, Profile, Resolution, RoomId, RoomState, Sanction, Timestamp};

    fn id(seq: u64) -> String {
        MessageId { room: RoomId::FIRST, seq }.to_string()
    }

    fn user(id: &str) -> UserId {
        UserId::try_from(id.to_owned()).expect("a valid id")
    }

    #[test]
    fn the_frames_of_the_npm_client_are_read() {
        let check = |frame: Value, kind| {
            assert_eq!(decode(&frame.to_string()), Ok(Request { id: "r".into(), kind }), "{frame}");
        };
        let attributes: Attributes = [("k".into(), "v".into())].into();
        check(
            json!({ "Action": "SEND_MESSAGE", "RequestId": "r", "Content": "hello", "Attributes": { "k": "v" }, "Extra": [1] }),
            RequestKind::SendMessage { content: "hello".into(), attributes },
        );
        check(
            json!({ "Action": "SEND_MESSAGE", "RequestId": "r", "Content": "", "Attributes": null }),
            RequestKind::SendMessage { content: String::new(), attributes: Attributes::new() },
        );
        let message = MessageId { room: RoomId::FIRST, seq: 7 };
        check(
            json!({ "Action": "DELETE_MESSAGE", "RequestId": "r", "Id": id(7), "Reason": "spam" }),
            RequestKind::DeleteMessage { id: message, reason: "spam".into() },
        );
        check(
            json!({ "Action": "DISCONNECT_USER", "RequestId": "r", "UserId": "bad" }),
            RequestKind::DisconnectUser { user: user("bad"), reason: String::new() },
        );
        for absent in
            [r#"{"Action":"SEND_MESSAGE","Content":"x"}"#, r#"{"Action":"SEND_MESSAGE","Content":"x","RequestId":null}"#]
        {
            assert_eq!(decode(absent).map(|request| request.id), Ok(String::new()), "{absent}");
        }
    }

    #[test]
    fn what_is_no_request_is_answered_by_its_name() {
        let long =
            json!({ "Action": "SEND_MESSAGE", "RequestId": "r", "Content": "x", "Attributes": { "k": "x".repeat(1_024) } });
        let reason = json!({ "Action": "DISCONNECT_USER", "RequestId": "r", "UserId": "x", "Reason": "é".repeat(257) });
        let (long, reason) = (long.to_string(), reason.to_string());
        let rows = [
            ("", "", 400, "one JSON object"),
            ("[]", "", 400, "one JSON object"),
            ("{} {}", "", 400, "one JSON object"),
            (r#"{"RequestId":7,"Action":"SEND_MESSAGE"}"#, "", 400, "RequestId must be a string"),
            (r#"{"RequestId":"r"}"#, "r", 400, "Action is missing"),
            (r#"{"RequestId":"r","Action":7}"#, "r", 400, "Action must be a string"),
            (r#"{"RequestId":"r","Action":"SHOUT"}"#, "r", 400, "Action must be"),
            (r#"{"RequestId":"r","Action":"SEND_MESSAGE"}"#, "r", 400, "Content is missing"),
            (r#"{"RequestId":"r","Action":"SEND_MESSAGE","Content":1}"#, "r", 400, "Content must be a string"),
            (r#"{"RequestId":"r","Action":"SEND_MESSAGE","Content":"x","Attributes":[]}"#, "r", 400, "Attributes must be"),
            (r#"{"RequestId":"r","Action":"SEND_MESSAGE","Content":"x","Attributes":{"a":1}}"#, "r", 400, "Attributes must be"),
            (&long, "r", 413, "Attributes exceed"),
            (r#"{"RequestId":"r","Action":"DELETE_MESSAGE"}"#, "r", 400, "Id is missing"),
            (r#"{"RequestId":"r","Action":"DELETE_MESSAGE","Id":"M1"}"#, "r", 400, "Id must be"),
            (r#"{"RequestId":"r","Action":"DISCONNECT_USER"}"#, "r", 400, "UserId is missing"),
            (r#"{"RequestId":"r","Action":"DISCONNECT_USER","UserId":"a b"}"#, "r", 400, "UserId must be"),
            (&reason, "r", 413, "Reason exceeds"),
        ];
        for (frame, request_id, code, part) in rows {
            let error = decode(frame).expect_err(frame);
            assert_eq!((&*error.request_id, error.code), (request_id, code), "{frame}");
            assert!(error.message.contains(part), "{frame}: {}", error.message);
        }
    }

    fn entry(kind: Kind) -> Event {
        Event { room: RoomId::FIRST, seq: 9, sent_at: Timestamp(1_795_230_000_123), kind, client_message_id: None }
    }

    fn message(author: &str, payload: &str, profile: Profile) -> Event {
        let payload = RawValue::from_string(payload.into()).expect("JSON");
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
            ChatText::of(payload.get()),
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
        let sanction = Sanction { user: user("ann"), measure: Measure::Ban, addresses: Vec::new(), by, reason: String::new() };
        for kind in
            [Kind::Room(RoomState::Ended), Kind::Resolution(resolution), Kind::Sanction(sanction), Kind::Reactions(Vec::new())]
        {
            assert_eq!(event(&entry(kind), ""), None);
        }
    }

    #[test]
    fn errors_have_an_id_and_a_number() {
        for frame in [error("i", "r", 413, "Message exceeds maximum length"), session_over("j")] {
            check_rules(&serde_json::from_str(&frame).expect("JSON"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_frame_and_no_message_brings_it_down(frame in "\\PC*", json in proptest::sample::select(vec![
            "null", "7", "\"x\"", "{}", r#"{"message_text":"x","attributes":{"a":"b"},"username":7}"#, r#"{"username":"x","messageText":null}"#,
        ])) {
            let _ = decode(&frame);
            check_rules(&told(&message("ann", json, Profile::default()), &frame));
        }
    }
}
