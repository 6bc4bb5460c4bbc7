//! What clients ask.

use serde_json::{Map, Value};

use crate::{
    chat::{ATTRIBUTES_BYTES, Attributes, Capability, REASON_CHARS, UserId, attributes_bytes},
    protocol::json,
};

/// Longest frame of a client, in bytes. A longer one would end the connection for good, so it is well above what any request needs: a
/// too long one is answered.
pub const MESSAGE_BYTES: usize = 128 * 1024;

/// Characters of a message id, here as at Amazon.
const MESSAGE_ID_CHARS: usize = 12;

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
        /// Which, by an id of the right form: there may be no such message.
        id: String,
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
    /// What the client must be allowed to do to learn of it, if it could be read what it asks.
    pub capability: Option<Capability>,
}

impl RequestKind {
    /// What a client must be allowed to do.
    pub fn capability(&self) -> Capability {
        match self {
            Self::SendMessage { .. } => Capability::SendMessage,
            Self::DeleteMessage { .. } => Capability::DeleteMessage,
            Self::DisconnectUser { .. } => Capability::DisconnectUser,
        }
    }
}

/// Reads a frame of a client.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(text: &str) -> Result<Request, DecodeError> {
    let refuse = |request_id: &str, code, message: &str| DecodeError {
        request_id: request_id.into(),
        code,
        message: message.into(),
        capability: None,
    };
    let body: Map<String, Value> = json::read_object(text.as_bytes())
        .map_err(|error| refuse("", 400, &format!("The frame must be one JSON object: {error}")))?;
    let id = match body.get("RequestId") {
        None | Some(Value::Null) => "",
        Some(Value::String(id)) => id,
        Some(_) => {
            let capability = Reader { body: &body }.capability();
            return Err(DecodeError { capability, ..refuse("", 400, "RequestId must be a string") });
        }
    };
    let reader = Reader { body: &body };
    let fault = |(code, message): Fault| DecodeError { capability: reader.capability(), ..refuse(id, code, &message) };
    let kind = reader.kind().map_err(fault)?;
    Ok(Request { id: id.to_owned(), kind })
}

/// Reads the keys of a request. What is wrong comes with its code.
struct Reader<'a> {
    body: &'a Map<String, Value>,
}

type Fault = (u16, String);

impl Reader<'_> {
    /// What the action that is named needs. Amazon names both alike.
    fn capability(&self) -> Option<Capability> {
        match self.body.get("Action")?.as_str()? {
            "SEND_MESSAGE" => Some(Capability::SendMessage),
            "DELETE_MESSAGE" => Some(Capability::DeleteMessage),
            "DISCONNECT_USER" => Some(Capability::DisconnectUser),
            _ => None,
        }
    }

    fn kind(&self) -> Result<RequestKind, Fault> {
        match self.text("Action")?.as_deref() {
            Some("SEND_MESSAGE") => {
                Ok(RequestKind::SendMessage { content: self.required("Content")?, attributes: self.attributes()? })
            }
            Some("DELETE_MESSAGE") => {
                let id = self.required("Id")?;
                if id.len() != MESSAGE_ID_CHARS || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    return Err(bad("Id must be 12 characters of [0-9A-Za-z]"));
                }
                Ok(RequestKind::DeleteMessage { id, reason: self.reason()? })
            }
            Some("DISCONNECT_USER") => {
                let user =
                    UserId::of_site(&self.required("UserId")?).ok_or_else(|| bad("UserId must have 1 to 128 characters"))?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{MessageId, RoomId};

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
        let message = id(7);
        check(
            json!({ "Action": "DELETE_MESSAGE", "RequestId": "r", "Id": id(7), "Reason": "spam" }),
            RequestKind::DeleteMessage { id: message, reason: "spam".into() },
        );
        check(
            json!({ "Action": "DISCONNECT_USER", "RequestId": "r", "UserId": "bad" }),
            RequestKind::DisconnectUser { user: user("site:bad"), reason: String::new() },
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
            (r#"{"RequestId":"r","Action":"DISCONNECT_USER","UserId":""}"#, "r", 400, "UserId must have"),
            (&reason, "r", 413, "Reason exceeds"),
        ];
        for (frame, request_id, code, part) in rows {
            let error = decode(frame).expect_err(frame);
            assert_eq!((&*error.request_id, error.code), (request_id, code), "{frame}");
            assert!(error.message.contains(part), "{frame}: {}", error.message);
            let named = serde_json::from_str::<Value>(frame).ok().and_then(|frame| frame["Action"].as_str().map(str::to_owned));
            let expected = match named.as_deref() {
                Some("SEND_MESSAGE") => Some(Capability::SendMessage),
                Some("DELETE_MESSAGE") => Some(Capability::DeleteMessage),
                Some("DISCONNECT_USER") => Some(Capability::DisconnectUser),
                _ => None,
            };
            assert_eq!(error.capability, expected, "{frame}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_frame_brings_it_down(frame in "\\PC*") {
            let _ = decode(&frame);
        }
    }
}
