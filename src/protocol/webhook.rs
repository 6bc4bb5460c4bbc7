//! What other servers are told and asked is signed as the Standard Webhooks specification 1.0.0 says, so that its libraries verify
//! it: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac;
use serde::Serialize;

use super::{inlive::Envelope, moment::rfc3339};
use crate::chat::{Deletion, Event, EventType, Kind, Restore, Sanction, UserId};

/// Header of the message's name, the same at each attempt: who was told of it already knows it again.
pub const ID: &str = "webhook-id";
/// Header of the attempt's moment, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header of the signature.
pub const SIGNATURE: &str = "webhook-signature";

/// How a secret is known by its text (*Signature scheme*).
const PREFIX: &str = "whsec_";

/// Lengths of a secret, in bytes (*Signature scheme*).
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What signs the messages to one receiver.
pub struct Secret(hmac::Key);

impl Secret {
    /// The text of a secret of these bytes, as it is given to the receiver.
    pub fn text(bytes: &[u8; 32]) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(bytes))
    }

    /// The secret of that text; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of [`SIGNATURE`] for a message of that [`ID`] and [`TIMESTAMP`] with that body.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut signed = hmac::Context::with_key(&self.0);
        signed.update(format!("{id}.{timestamp}.").as_bytes());
        signed.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(signed.sign()))
    }
}

/// What a receiver is told of an event (*Payload structure*).
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: EventType,
    timestamp: String,
    data: Told<'a>,
}

/// The envelope that the room is given, and what is for the chat's owner alone.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    envelope: Envelope<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// The body that tells of an event, which is of that type.
pub fn body(event: &Event, kind: EventType) -> Vec<u8> {
    let (by, reason) = match &event.kind {
        Kind::Deletion(Deletion { by, reason, .. }) | Kind::Sanction(Sanction { by, reason, .. }) => (Some(by), Some(&**reason)),
        Kind::Settings { by, .. } | Kind::Restore(Restore { by, .. }) => (Some(by), None),
        Kind::Message(_) | Kind::Private { .. } | Kind::Held(_) | Kind::Resolution(_) => (None, None),
        Kind::Room(_) | Kind::Reactions(_) | Kind::Disconnection(_) | Kind::Custom(_) => (None, None),
    };
    let data = Told { envelope: Envelope::of(event), by, reason };
    serde_json::to_vec(&Payload { kind, timestamp: rfc3339(event.sent_at), data }).expect("plain data")
}

/// The value of [`ID`] for an event: another one in another log, even where that repeats the event's place.
pub fn id(event: &Event, epoch: &str) -> String {
    format!("msg_{epoch}_{}", event.id())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chat::{Deleted, Measure, Message, MessageId, Restored, RoomId, RoomState, Timestamp};

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    fn event(kind: Kind) -> Event {
        Event { room: RoomId::FIRST, seq: 7, sent_at: Timestamp(1_795_230_000_123), kind, client_message_id: None }
    }

    fn said(payload: &str) -> Message {
        Message {
            author: user("ann"),
            payload: crate::chat::Payload::parse(payload).expect("JSON"),
            video_time: 0.0,
            reactions: Vec::new(),
            profile: crate::chat::Profile::default(),
        }
    }

    /// The example in the tests of the specification's own libraries.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_one_form() {
        assert!(Secret::parse(&Secret::text(&[7; 32])).is_some());
        let bytes = |count| format!("whsec_{}", BASE64_STANDARD.encode(vec![1; count]));
        let rows = [(bytes(24), true), (bytes(64), true), (bytes(23), false), (bytes(65), false)];
        let others = ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64 at all, is it now"];
        for (text, valid) in rows.into_iter().chain(others.map(|text| (text.to_owned(), false))) {
            assert_eq!(Secret::parse(&text).is_some(), valid, "{text}");
        }
    }

    #[test]
    fn an_event_is_told_in_the_room_s_envelope() {
        let check = |kind, expected: Option<(&str, &str, Value)>| {
            let event = event(kind);
            let told = EventType::of(&event.kind).map(|kind| body(&event, kind));
            let told = told.map(|body| serde_json::from_slice::<Value>(&body).expect("JSON"));
            let expected = expected.map(|(name, author, rest)| {
                let mut data = json!({
                    "stream_id": "1", "author_id": author, "to_user_id": "", "type": "system", "timestamp": 0.0, "widget_key": "",
                    "id": event.id().to_string(), "sent_at": "2026-11-21T03:00:00.123Z",
                });
                data.as_object_mut().expect("one").extend(rest.as_object().expect("one").clone());
                json!({ "type": name, "timestamp": "2026-11-21T03:00:00.123Z", "data": data })
            });
            assert_eq!(told, expected);
        };
        let (by, reason) = (user("mod"), "a reason".to_owned());
        let sanction = |measure| {
            Kind::Sanction(Sanction { user: user("bob"), measure, addresses: vec![], by: by.clone(), reason: reason.clone() })
        };
        let decided = |message: Value| json!({ "to_user_id": "bob", "message": message, "by": "mod", "reason": "a reason" });
        check(
            Kind::Message(said(r#"{"a":1}"#)),
            Some(("message.created", "ann", json!({ "type": "broadcast", "message": { "a": 1 } }))),
        );
        check(Kind::Private { to: user("bob"), message: said("1") }, None);
        check(Kind::Held(said("1")), None);
        check(
            Kind::Deletion(Deletion {
                of: Deleted::AllOf(user("bob")),
                by: by.clone(),
                reason: reason.clone(),
                tells_reason: false,
            }),
            Some((
                "message.deleted",
                "0",
                json!({ "message": { "status": "delete", "author_id": "bob" }, "by": "mod", "reason": "a reason" }),
            )),
        );
        let restored = |what| Kind::Restore(Restore { of: 1, what, waiting: vec![], by: by.clone() });
        let act = MessageId { room: RoomId::FIRST, seq: 1 }.to_string();
        let message = json!({ "status": "restore", "act": act, "author_id": "bob" });
        check(
            restored(Restored::AllOf(user("bob"))),
            Some(("message.restored", "0", json!({ "message": message, "by": "mod" }))),
        );
        check(restored(Restored::Waiting { seq: 2, author: user("bob") }), None);
        check(restored(Restored::Right(user("bob"))), None);
        let until = json!({ "status": "timeout", "until": "1970-01-01T00:00:01Z", "reason": "a reason" });
        check(sanction(Measure::Timeout { until: Timestamp(1_000) }), Some(("user.timed_out", "0", decided(until))));
        let ban = json!({ "status": "ban", "reason": "a reason" });
        check(sanction(Measure::Ban), Some(("user.banned", "0", decided(ban))));
        let lift = json!({ "status": "lift", "reason": "a reason" });
        check(sanction(Measure::Lift), Some(("user.lifted", "0", decided(lift))));
        for (state, name, status) in [
            (RoomState::Prepared, "room.prepared", "prepare"),
            (RoomState::Live, "room.started", "start"),
            (RoomState::Ended, "room.ended", "end"),
        ] {
            check(Kind::Room(state), Some((name, "0", json!({ "message": { "status": status } }))));
        }
    }

    #[test]
    fn a_message_is_told_byte_for_byte() {
        let payload = r#"{"b":1e-400,"a":[1,"é\u00e9"]}"#;
        let told = String::from_utf8(body(&event(Kind::Message(said(payload))), EventType::MessageCreated)).expect("UTF-8");
        assert!(told.contains(payload), "{told}");
    }
}
