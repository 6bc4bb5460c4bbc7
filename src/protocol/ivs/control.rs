use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{
    Problem,
    fields::{Fields, TAGS, tag_key_fault, tags_fault},
};
use crate::chat::{
    Attributes, Capabilities, Capability, EVENT_NAME_CHARS, REASON_CHARS, ReviewFallback, RoomId, SettingsChange, UserId,
};

/// Rooms in a page of a list when the asker does not say, and at most.
const PAGE: u32 = 50;

/// What a new room takes from all together, a second, if nothing is said of it.
const RATE: u32 = 10;

/// What the control plane is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Make a room.
    CreateRoom(RoomChange),
    /// Tell of a room.
    GetRoom(RoomId),
    /// Change a room.
    UpdateRoom(RoomId, RoomChange),
    /// End a room.
    DeleteRoom(RoomId),
    /// Tell of all rooms.
    ListRooms(Listing),
    /// Sign a token for a user of a room.
    CreateChatToken(RoomId, Ticket),
    /// Tell a room something.
    SendEvent {
        /// Which.
        room: RoomId,
        /// What has happened.
        name: String,
        /// More about it.
        attributes: Attributes,
    },
    /// Take a message out.
    DeleteMessage {
        /// Where.
        room: RoomId,
        /// Its id: 12 characters of `[a-zA-Z0-9]`.
        id: String,
        /// Why.
        reason: String,
    },
    /// End a user's connections.
    DisconnectUser {
        /// Where.
        room: RoomId,
        /// Whose.
        user: UserId,
        /// Why.
        reason: String,
    },
    /// Tell of all logging configurations.
    ListLoggingConfigurations,
}

/// What a room is to be. What is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomChange {
    name: Option<String>,
    messages_per_second: Option<u32>,
    message_chars: Option<u32>,
    review: Option<(String, ReviewFallback)>,
    tags: Option<Attributes>,
}

/// Which rooms to tell of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Only those of that name.
    pub name: Option<String>,
    /// Only those whose review handler is there.
    pub review_url: Option<String>,
    /// Whether only those are meant that have some logging configuration: none has.
    pub is_logged: bool,
    /// How many at once.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<String>,
}

/// What a token is to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    /// Who its bearer is.
    pub user: UserId,
    /// What they may do.
    pub capabilities: Capabilities,
    /// How long.
    pub minutes: u32,
    /// What others are told of them.
    pub attributes: Attributes,
}

/// Reads a request.
///
/// # Errors
/// [`Problem::UnknownOperation`], and what is wrong with the body.
pub fn decode(operation: &str, body: &[u8]) -> Result<Operation, Problem> {
    let mut fields = Fields::of(body)?;
    let decoded = match operation {
        "CreateRoom" => Operation::CreateRoom(RoomChange::read(&mut fields).for_new_room()),
        "GetRoom" => Operation::GetRoom(fields.room("identifier")),
        "UpdateRoom" => Operation::UpdateRoom(fields.room("identifier"), RoomChange::read(&mut fields)),
        "DeleteRoom" => Operation::DeleteRoom(fields.room("identifier")),
        "ListRooms" => Operation::ListRooms(Listing::read(&mut fields)),
        "CreateChatToken" => Operation::CreateChatToken(fields.room("roomIdentifier"), Ticket::read(&mut fields)),
        "SendEvent" => {
            let (room, name) = (fields.room("roomIdentifier"), fields.required_text("eventName", 1..=EVENT_NAME_CHARS));
            if name.starts_with("aws:") {
                fields.refuse("eventName", "may not begin with \"aws:\", which is for events of the service itself");
            }
            Operation::SendEvent { room, name, attributes: fields.attributes("attributes") }
        }
        "DeleteMessage" => {
            let (room, id) = (fields.room("roomIdentifier"), fields.required_text("id", 12..=12));
            if !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
                fields.refuse("id", "must have 12 characters of [a-zA-Z0-9]");
            }
            Operation::DeleteMessage { room, id, reason: reason(&mut fields) }
        }
        "DisconnectUser" => {
            let room = fields.room("roomIdentifier");
            Operation::DisconnectUser { room, user: user_of(&mut fields), reason: reason(&mut fields) }
        }
        "ListLoggingConfigurations" => Operation::ListLoggingConfigurations,
        "CreateLoggingConfiguration" => {
            let message =
                "This chat delivers no logs to AWS. All that is said is kept in its own log: export it, or subscribe a webhook.";
            return Err(Problem::Other(message.into()));
        }
        "GetLoggingConfiguration" | "UpdateLoggingConfiguration" | "DeleteLoggingConfiguration" => {
            let resource_id = fields.required_text("identifier", 1..=super::ARN_BYTES);
            return fields.check(()).and(Err(Problem::NotFound { resource_id, resource_type: "LOGGING_CONFIGURATION" }));
        }
        unknown => return Err(Problem::UnknownOperation(unknown.to_owned())),
    };
    fields.check(decoded)
}

/// Reads tags that are to be added.
///
/// # Errors
/// What is wrong with the body.
pub fn decode_tags(body: &[u8]) -> Result<Attributes, Problem> {
    let mut fields = Fields::of(body)?;
    let tags = fields.tags("tags");
    let tags = fields.required("tags", tags);
    fields.check(tags)
}

/// Checks the tags that a resource would have.
///
/// # Errors
/// What is wrong with them.
pub fn check_tags(tags: &Attributes) -> Result<(), Problem> {
    tags_fault(tags).map_or(Ok(()), |fault| Err(Problem::field("tags", fault)))
}

/// Reads the names of tags that are to be taken away, from a query.
///
/// # Errors
/// If there are none, or if they cannot be names of tags.
pub fn decode_tag_keys(query: &str) -> Result<Vec<String>, Problem> {
    let values = query.split('&').filter_map(|pair| pair.strip_prefix("tagKeys="));
    let keys: Vec<_> = values.map(|key| percent_decode_str(key).decode_utf8_lossy().into_owned()).collect();
    let fault = match keys.len() {
        0 => Some("is required".to_owned()),
        1..=TAGS => keys.iter().find_map(|key| tag_key_fault(key)),
        _ => Some(format!("must be at most {TAGS} keys")),
    };
    fault.map_or(Ok(keys), |fault| Err(Problem::field("tagKeys", fault)))
}

fn reason(fields: &mut Fields) -> String {
    fields.text("reason", 1..=REASON_CHARS).unwrap_or_default()
}

fn user_of(fields: &mut Fields) -> UserId {
    let id = fields.required_text("userId", 1..=128);
    // If there is none, a fault was noted, and nobody asks whose it is.
    UserId::of_site(&id).unwrap_or_else(UserId::admin)
}

impl RoomChange {
    fn read(fields: &mut Fields) -> Self {
        let name = fields.text("name", 0..=128);
        if name.as_deref().is_some_and(|name| !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')) {
            fields.refuse("name", "must have characters of [a-zA-Z0-9-_] alone");
        }
        if !fields.texts("loggingConfigurationIdentifiers").is_empty() {
            fields.refuse("loggingConfigurationIdentifiers", "must be empty: this chat delivers no logs to AWS");
        }
        Self {
            // A room of this chat is called something.
            name: name.filter(|name| !name.is_empty()),
            messages_per_second: fields.integer("maximumMessageRatePerSecond", 1..=100),
            message_chars: fields.integer("maximumMessageLength", 1..=500),
            review: review(fields),
            tags: fields.tags("tags"),
        }
    }

    fn for_new_room(self) -> Self {
        Self { name: self.name.or(Some("room".into())), messages_per_second: self.messages_per_second.or(Some(RATE)), ..self }
    }
}

impl From<RoomChange> for SettingsChange {
    /// In the words of our own settings.
    fn from(RoomChange { name, messages_per_second, message_chars, review, tags }: RoomChange) -> Self {
        let mut settings = Map::new();
        let mut set = |name: &str, value: Option<Value>| drop(value.map(|value| settings.insert(name.to_owned(), value)));
        set("name", name.map(Value::from));
        set("messages_per_minute", messages_per_second.map(|rate| (60 * rate).into()));
        set("message_chars", message_chars.map(Value::from));
        if let Some((url, fallback)) = review {
            set("review_url", Some(url.into()));
            set("review_fallback", Some(serde_json::to_value(fallback).expect("plain data")));
        }
        set("tags", tags.map(|tags| serde_json::to_value(tags).expect("plain data")));
        settings.into()
    }
}

/// Where each message is reviewed: the URL of a server, where Amazon has the ARN of a function. An empty one is none.
fn review(fields: &mut Fields) -> Option<(String, ReviewFallback)> {
    let handler = fields.object("messageReviewHandler")?;
    let text = |key: &str| handler.get(key).and_then(Value::as_str);
    let fallback = match text("fallbackResult") {
        Some("DENY") => ReviewFallback::Deny,
        Some("ALLOW") | None => ReviewFallback::Allow,
        Some(_) => {
            fields.refuse("messageReviewHandler.fallbackResult", "must be ALLOW or DENY");
            ReviewFallback::Allow
        }
    };
    Some((text("uri").unwrap_or_default().to_owned(), fallback))
}

impl Listing {
    fn read(fields: &mut Fields) -> Self {
        Self {
            name: fields.text("name", 0..=128).filter(|name| !name.is_empty()),
            review_url: fields.text("messageReviewHandlerUri", 0..=2_048).filter(|url| !url.is_empty()),
            is_logged: fields.text("loggingConfigurationIdentifier", 0..=super::ARN_BYTES).is_some_and(|arn| !arn.is_empty()),
            limit: fields.integer("maxResults", 1..=PAGE).unwrap_or(PAGE) as usize,
            after: fields.text("nextToken", 0..=1_024).filter(|token| !token.is_empty()),
        }
    }
}

impl Ticket {
    fn read(fields: &mut Fields) -> Self {
        let capability = |name: &String| match &**name {
            "SEND_MESSAGE" => Some(Capability::SendMessage),
            "DELETE_MESSAGE" => Some(Capability::DeleteMessage),
            "DISCONNECT_USER" => Some(Capability::DisconnectUser),
            _ => None,
        };
        let names = fields.texts("capabilities");
        if names.iter().any(|name| capability(name).is_none()) {
            fields.refuse("capabilities", "must be of SEND_MESSAGE, DELETE_MESSAGE and DISCONNECT_USER");
        }
        Self {
            user: user_of(fields),
            capabilities: names.iter().filter_map(capability).collect(),
            minutes: fields.integer("sessionDurationInMinutes", 1..=180).unwrap_or(60),
            attributes: fields.attributes("attributes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::Settings;

    const ROOM: &str = "arn:aws:ivschat:local:000000000000:room/1";

    fn ask(operation: &str, body: &Value) -> Result<Operation, Problem> {
        decode(operation, body.to_string().as_bytes())
    }

    #[test]
    fn requests_are_read() {
        let first = RoomId::FIRST;
        let rows = [
            ("GetRoom", json!({ "identifier": ROOM, "other": 1 }), Operation::GetRoom(first)),
            ("DeleteRoom", json!({ "identifier": ROOM }), Operation::DeleteRoom(first)),
            (
                "SendEvent",
                json!({ "roomIdentifier": ROOM, "eventName": "poll", "attributes": { "a": "b" } }),
                Operation::SendEvent { room: first, name: "poll".into(), attributes: [("a".into(), "b".into())].into() },
            ),
            (
                "DeleteMessage",
                json!({ "roomIdentifier": ROOM, "id": "0000000aB123", "reason": "rude" }),
                Operation::DeleteMessage { room: first, id: "0000000aB123".into(), reason: "rude".into() },
            ),
            (
                "DisconnectUser",
                json!({ "roomIdentifier": ROOM, "userId": "ann", "reason": null }),
                Operation::DisconnectUser { room: first, user: UserId::of_site("ann").expect("valid"), reason: String::new() },
            ),
            ("ListRooms", json!({}), Operation::ListRooms(Listing { limit: 50, ..Listing::default() })),
            (
                "ListRooms",
                json!({ "name": "x", "maxResults": 1, "nextToken": "t", "messageReviewHandlerUri": "u", "loggingConfigurationIdentifier": "l" }),
                Operation::ListRooms(Listing {
                    name: Some("x".into()),
                    review_url: Some("u".into()),
                    is_logged: true,
                    limit: 1,
                    after: Some("t".into()),
                }),
            ),
            ("ListLoggingConfigurations", json!({}), Operation::ListLoggingConfigurations),
        ];
        for (operation, body, expected) in rows {
            assert_eq!(ask(operation, &body), Ok(expected), "{operation} {body}");
        }
        assert_eq!(decode("ListRooms", b""), ask("ListRooms", &json!({})));
        let Ok(Operation::CreateChatToken(_, ticket)) =
            ask("CreateChatToken", &json!({ "roomIdentifier": ROOM, "userId": "ann" }))
        else {
            panic!("it is one")
        };
        assert_eq!((ticket.minutes, ticket.capabilities, ticket.attributes.len()), (60, Capabilities::none(), 0));
    }

    #[test]
    fn a_room_s_change_is_one_of_our_settings() {
        let body = json!({
            "name": "Stage-1", "maximumMessageRatePerSecond": 2, "maximumMessageLength": 100, "tags": { "a": "b" },
            "messageReviewHandler": { "uri": "https://example.com/", "fallbackResult": "DENY" }, "loggingConfigurationIdentifiers": [],
        });
        let Ok(Operation::CreateRoom(change)) = ask("CreateRoom", &body) else { panic!("it is one") };
        let expected = Settings {
            name: "Stage-1".into(),
            slug: "s".into(),
            messages_per_minute: 120,
            message_chars: 100,
            review_url: "https://example.com/".into(),
            review_fallback: ReviewFallback::Deny,
            tags: [("a".into(), "b".into())].into(),
            ..Settings::default()
        };
        assert_eq!(SettingsChange::from(change).make("s"), Ok(expected.clone()));
        let Ok(Operation::CreateRoom(change)) = ask("CreateRoom", &json!({})) else { panic!("it is one") };
        let made = SettingsChange::from(change).make("s").expect("valid");
        assert_eq!((&*made.name, made.messages_per_minute, made.message_chars), ("room", 600, 0));
        let body = json!({ "identifier": ROOM, "messageReviewHandler": { "uri": "" } });
        let Ok(Operation::UpdateRoom(_, change)) = ask("UpdateRoom", &body) else { panic!("it is one") };
        let detached = Settings { review_url: String::new(), review_fallback: ReviewFallback::Allow, ..expected.clone() };
        assert_eq!(SettingsChange::from(change).apply(&expected), Ok(detached));
    }

    #[test]
    fn each_field_at_fault_is_named() {
        let foreign = "arn:aws:ivschat:us-west-2:123456789012:room/x";
        let rows = [
            ("GetRoom", json!({}), "identifier"),
            ("GetRoom", json!({ "identifier": 1 }), "identifier"),
            ("GetRoom", json!({ "identifier": "1" }), "identifier"),
            ("DeleteRoom", json!({ "identifier": null }), "identifier"),
            ("UpdateRoom", json!({ "name": "x" }), "identifier"),
            ("CreateRoom", json!({ "name": "a b" }), "name"),
            ("CreateRoom", json!({ "name": "x".repeat(129) }), "name"),
            ("CreateRoom", json!({ "maximumMessageLength": 0 }), "maximumMessageLength"),
            ("CreateRoom", json!({ "maximumMessageLength": 501 }), "maximumMessageLength"),
            ("CreateRoom", json!({ "maximumMessageLength": 1.5 }), "maximumMessageLength"),
            ("CreateRoom", json!({ "maximumMessageRatePerSecond": 101 }), "maximumMessageRatePerSecond"),
            ("CreateRoom", json!({ "maximumMessageRatePerSecond": -1 }), "maximumMessageRatePerSecond"),
            ("CreateRoom", json!({ "messageReviewHandler": "x" }), "messageReviewHandler"),
            ("CreateRoom", json!({ "messageReviewHandler": { "fallbackResult": "NO" } }), "messageReviewHandler.fallbackResult"),
            ("CreateRoom", json!({ "loggingConfigurationIdentifiers": ["x"] }), "loggingConfigurationIdentifiers"),
            ("CreateRoom", json!({ "tags": { "a": 1 } }), "tags"),
            ("ListRooms", json!({ "maxResults": 51 }), "maxResults"),
            ("CreateChatToken", json!({ "userId": "ann" }), "roomIdentifier"),
            ("CreateChatToken", json!({ "roomIdentifier": ROOM }), "userId"),
            ("CreateChatToken", json!({ "roomIdentifier": ROOM, "userId": "" }), "userId"),
            ("CreateChatToken", json!({ "roomIdentifier": ROOM, "userId": "é".repeat(129) }), "userId"),
            ("CreateChatToken", json!({ "roomIdentifier": ROOM, "userId": "" }), "userId"),
            (
                "CreateChatToken",
                json!({ "roomIdentifier": ROOM, "userId": "a", "capabilities": ["MANAGE_ROOM"] }),
                "capabilities",
            ),
            (
                "CreateChatToken",
                json!({ "roomIdentifier": ROOM, "userId": "a", "sessionDurationInMinutes": 181 }),
                "sessionDurationInMinutes",
            ),
            (
                "CreateChatToken",
                json!({ "roomIdentifier": ROOM, "userId": "a", "attributes": { "a": "x".repeat(1_024) } }),
                "attributes",
            ),
            ("SendEvent", json!({ "roomIdentifier": ROOM }), "eventName"),
            ("SendEvent", json!({ "roomIdentifier": ROOM, "eventName": "x".repeat(101) }), "eventName"),
            ("SendEvent", json!({ "roomIdentifier": ROOM, "eventName": "aws:DELETE_MESSAGE" }), "eventName"),
            ("SendEvent", json!({ "roomIdentifier": ROOM, "eventName": "x", "attributes": { "a": null } }), "attributes"),
            ("DeleteMessage", json!({ "roomIdentifier": ROOM }), "id"),
            ("DeleteMessage", json!({ "roomIdentifier": ROOM, "id": "éééééééééééé" }), "id"),
            ("DeleteMessage", json!({ "roomIdentifier": ROOM, "id": "000000000007", "reason": "" }), "reason"),
            ("DisconnectUser", json!({ "roomIdentifier": ROOM, "userId": "a", "reason": "x".repeat(257) }), "reason"),
        ];
        for (operation, body, field) in rows {
            let Err(Problem::Fields(fields)) = ask(operation, &body) else { panic!("{operation} {body}") };
            let names: Vec<_> = fields.iter().map(|(name, _)| &**name).collect();
            assert_eq!(names, [field], "{operation} {body}");
        }
        assert_eq!(ask("GetRoom", &json!({ "identifier": foreign })), Err(Problem::no_room(foreign)));
        assert_eq!(ask("Nothing", &json!({})), Err(Problem::UnknownOperation("Nothing".into())));
        for body in ["[]", "{", "7", "\"x\""] {
            assert!(matches!(decode("ListRooms", body.as_bytes()), Err(Problem::Other(_))), "{body}");
        }
        assert!(matches!(ask("CreateLoggingConfiguration", &json!({})), Err(Problem::Other(_))));
        let none = ask("GetLoggingConfiguration", &json!({ "identifier": "x" }));
        assert!(matches!(none, Err(Problem::NotFound { resource_type: "LOGGING_CONFIGURATION", .. })), "{none:?}");
    }

    #[test]
    fn tags_are_read() {
        assert_eq!(decode_tags(br#"{"tags":{"a":"b"}}"#), Ok([("a".into(), "b".into())].into()));
        assert!(decode_tags(b"{}").is_err() && decode_tags(br#"{"tags":{"a":1}}"#).is_err());
        assert_eq!(decode_tag_keys("tagKeys=a&x=y&tagKeys=b%20c%2B"), Ok(vec!["a".into(), "b c+".into()]));
        assert!(decode_tag_keys("").is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_brings_it_down(operation in "[A-Z][A-Za-z]{0,30}", body: Vec<u8>) {
            let _ = decode(&operation, &body);
            let _ = decode("CreateRoom", &body);
        }
    }
}
