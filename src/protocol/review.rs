//! What a review handler is asked, and what it answers: the keys of Amazon IVS Chat's message review handler
//! (<https://docs.aws.amazon.com/ivs/latest/ChatUserGuide/chat-message-review-handler.html>), over HTTP instead of AWS Lambda.
//!
//! IVS's messages are a content and attributes. Ours are any JSON: the content is the text that people read, the attributes are
//! the other strings beside it. A message without a text is shown as a whole.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::chat::{REASON_CHARS, Reviewed, Verdict};

/// The keys under which clients send the text: see [`ChatText`](crate::chat::ChatText).
const TEXTS: [&str; 2] = ["message_text", "messageText"];

/// The attribute that says why a message is denied.
const REASON: &str = "Reason";

type Attributes = BTreeMap<String, String>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    content: String,
    message_id: &'a str,
    room_arn: String,
    attributes: Attributes,
    sender: Sender<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sender<'a> {
    user_id: &'a str,
    attributes: Attributes,
    ip: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    review_result: ReviewResult,
    content: Option<String>,
    attributes: Option<Attributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum ReviewResult {
    Allow,
    Deny,
}

/// The body that asks for a verdict. `id` names this question; the message has no name of its own before it is ordered.
pub fn question(message: &Reviewed<'_>, id: &str) -> Vec<u8> {
    let Parts { content, attributes, .. } = Parts::of(message.payload);
    let ip = message.from.map(|address| address.to_string()).unwrap_or_default();
    let sender = Sender { user_id: message.author.as_str(), attributes: Attributes::new(), ip };
    let room_arn = format!("arn:aws:ivschat:local:000000000000:room/{}", message.room);
    serde_json::to_vec(&Question { content, message_id: id, room_arn, attributes, sender }).expect("plain data")
}

/// What a handler has answered about `payload`. A content or an attribute that it leaves out stays as it is.
///
/// # Errors
/// Why that is no answer.
pub fn verdict(answer: &[u8], payload: &str) -> Result<Verdict, serde_json::Error> {
    let Answer { review_result, content, attributes } = serde_json::from_slice(answer)?;
    let mut attributes = attributes.unwrap_or_default();
    match review_result {
        ReviewResult::Deny => Ok(Verdict::Deny { reason: attributes.remove(REASON).and_then(|reason| readable(&reason)) }),
        ReviewResult::Allow => {
            let parts = Parts::of(payload);
            let content = content.filter(|content| *content != parts.content);
            attributes.retain(|key, value| parts.attributes.get(key) != Some(value));
            let changed = match parts.is_text {
                true => parts.change(payload, content, attributes),
                false => content,
            };
            changed.map_or(Ok(Verdict::Allow), |changed| RawValue::from_string(changed).map(Verdict::Change))
        }
    }
}

/// A reason as its reader may be shown it.
fn readable(reason: &str) -> Option<String> {
    let reason: String = reason.trim().chars().filter(|c| !c.is_control()).take(REASON_CHARS).collect();
    (!reason.is_empty()).then_some(reason)
}

/// A payload, taken apart.
struct Parts<'a> {
    members: Members<'a>,
    /// Whether the content is a text; else it is the payload itself.
    is_text: bool,
    content: String,
    attributes: Attributes,
}

impl<'a> Parts<'a> {
    fn of(payload: &'a str) -> Self {
        let members = serde_json::from_str(payload).unwrap_or(Members(Vec::new()));
        let mut attributes = Attributes::new();
        for (key, value) in &members.0 {
            // Of a key that stands twice the last counts.
            match serde_json::from_str(value.get()) {
                Ok(text) => attributes.insert(key.clone(), text),
                Err(_) => attributes.remove(key),
            };
        }
        let texts = TEXTS.map(|key| attributes.remove(key));
        match texts {
            [None, None] => Self { members, is_text: false, content: payload.to_owned(), attributes: Attributes::new() },
            [Some(content), other] => {
                // Some clients show the other one.
                attributes.extend(other.filter(|other| *other != content).map(|other| (TEXTS[1].to_owned(), other)));
                Self { members, is_text: true, content, attributes }
            }
            [None, Some(content)] => Self { members, is_text: true, content, attributes },
        }
    }

    /// The payload with another content, if one is given, and these attributes; all else stays byte for byte. `None` if nothing
    /// is to be changed.
    fn change(&self, payload: &str, content: Option<String>, attributes: Attributes) -> Option<String> {
        let mut changes = Attributes::new();
        if let Some(content) = content {
            let texts = TEXTS.into_iter().filter(|text| self.members.0.iter().any(|(key, _)| key == text));
            changes.extend(texts.map(|text| (text.to_owned(), content.clone())));
        }
        changes.extend(attributes);
        if changes.is_empty() {
            return None;
        }
        let (mut changed, mut copied) = (String::with_capacity(payload.len()), 0);
        for (key, value) in &self.members.0 {
            if let Some(text) = changes.get(key) {
                // The value is a part of the payload's text.
                let begin = value.get().as_ptr().addr() - payload.as_ptr().addr();
                changed.push_str(&payload[copied..begin]);
                changed.push_str(&json(text));
                copied = begin + value.get().len();
            }
        }
        changes.retain(|key, _| self.members.0.iter().all(|(member, _)| member != key));
        let end = payload.len() - 1;
        changed.push_str(&payload[copied..end]);
        for (key, text) in changes {
            changed.push_str(&format!(",{}:{}", json(&key), json(&text)));
        }
        changed.push_str(&payload[end..]);
        Some(changed)
    }
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

/// The members of a JSON object in their order, each value unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chat::{RoomId, UserId};

    #[test]
    fn a_handler_is_asked_as_ivs_asks_it() {
        let author = UserId::try_from("ann".to_owned()).expect("a valid id");
        let check = |payload, from: Option<&str>, content: &str, attributes: Value| {
            let from = from.map(|address| address.parse().expect("an address"));
            let asked = question(&Reviewed { room: RoomId::FIRST, author: &author, from, payload }, "abc");
            let sender = json!({ "UserId": "ann", "Attributes": {}, "Ip": from.map_or(String::new(), |ip| ip.to_string()) });
            let expected = json!({
                "Content": content, "MessageId": "abc", "RoomArn": "arn:aws:ivschat:local:000000000000:room/1",
                "Attributes": attributes, "Sender": sender,
            });
            assert_eq!(serde_json::from_slice::<Value>(&asked).expect("JSON"), expected, "{payload}");
        };
        check(
            r#"{"type":"chat","username":"Ann","message_text":"h\u0069","n":7,"x":{"a":"b"}}"#,
            Some("198.51.100.1"),
            "hi",
            json!({ "type": "chat", "username": "Ann" }),
        );
        check(r#"{"messageText":"hi"}"#, None, "hi", json!({}));
        check(r#"{"message_text":"hi","messageText":"hi"}"#, None, "hi", json!({}));
        check(r#"{"message_text":"hi","messageText":"other"}"#, None, "hi", json!({ "messageText": "other" }));
        check(r#"{"message_text":"a","message_text":"b","x":"y","x":1}"#, None, "b", json!({}));
        for payload in [r#"{ "emoji" : "x" }"#, r#""hi""#, "[1]", "null", "{}", r#"{"message_text":7}"#] {
            check(payload, None, payload, json!({}));
        }
    }

    const SAID: &str =
        r#"{ "n":1e400, "message_text" : "bad","username":"Ann" ,"messageText":"bad","x":{"message_text":"bad"} }"#;

    #[test]
    fn an_answer_changes_what_it_names_and_nothing_else() {
        let check = |payload: &str, answer: Value, expected: Option<&str>| {
            let found = match verdict(answer.to_string().as_bytes(), payload).expect("an answer") {
                Verdict::Allow => None,
                Verdict::Change(changed) => Some(changed.get().to_owned()),
                Verdict::Deny { .. } => panic!("{answer} does not deny"),
            };
            assert_eq!(found.as_deref(), expected, "{answer}");
        };
        check(SAID, json!({ "ReviewResult": "ALLOW" }), None);
        check(SAID, json!({ "ReviewResult": "ALLOW", "Content": null, "Attributes": null }), None);
        check(SAID, json!({ "ReviewResult": "ALLOW", "Content": "bad", "Attributes": { "username": "Ann" } }), None);
        check(
            SAID,
            json!({ "ReviewResult": "ALLOW", "Content": "***\"\n", "Attributes": {} }),
            Some(
                r#"{ "n":1e400, "message_text" : "***\"\n","username":"Ann" ,"messageText":"***\"\n","x":{"message_text":"bad"} }"#,
            ),
        );
        check(
            SAID,
            json!({ "ReviewResult": "ALLOW", "Content": "bad", "Attributes": { "username": "A.", "x": "y", "new": "é" } }),
            Some(r#"{ "n":1e400, "message_text" : "bad","username":"A." ,"messageText":"bad","x":"y" ,"new":"é"}"#),
        );
        check(r#"{"message_text":"bad"}"#, json!({ "ReviewResult": "ALLOW", "Content": "" }), Some(r#"{"message_text":""}"#));
        check("[1]", json!({ "ReviewResult": "ALLOW", "Content": "[1]", "Attributes": { "a": "b" } }), None);
        check("[1]", json!({ "ReviewResult": "ALLOW", "Content": "{\"a\": 2}" }), Some("{\"a\": 2}"));
    }

    #[test]
    fn a_denial_may_have_a_reason() {
        let long = "x".repeat(REASON_CHARS + 1);
        let rows = [
            (json!({ "ReviewResult": "DENY" }), None),
            (json!({ "ReviewResult": "DENY", "Content": "bad", "Attributes": { "Other": "x" } }), None),
            (json!({ "ReviewResult": "DENY", "Attributes": { "Reason": "Be kind." } }), Some("Be kind.")),
            (json!({ "ReviewResult": "DENY", "Attributes": { "Reason": " a\r\nb\u{7} " } }), Some("ab")),
            (json!({ "ReviewResult": "DENY", "Attributes": { "Reason": long } }), Some(&long[1..])),
            (json!({ "ReviewResult": "DENY", "Attributes": { "Reason": "" } }), None),
        ];
        for (answer, expected) in rows {
            let found = verdict(answer.to_string().as_bytes(), SAID).expect("an answer");
            assert!(matches!(&found, Verdict::Deny { reason } if reason.as_deref() == expected), "{answer}: {found:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let rows = [
            "",
            "null",
            "[]",
            "{}",
            "ALLOW",
            r#"{"ReviewResult":"allow"}"#,
            r#"{"ReviewResult":null}"#,
            r#"{"ReviewResult":"ALLOW","Content":7}"#,
            r#"{"ReviewResult":"ALLOW","Attributes":{"a":1}}"#,
            r#"{"ReviewResult":"ALLOW","Attributes":[]}"#,
            r#"{"ReviewResult":"ALLOW"} x"#,
            r#"{"statusCode":200,"body":"{\"ReviewResult\":\"ALLOW\"}"}"#,
        ];
        for answer in rows {
            assert!(verdict(answer.as_bytes(), SAID).is_err(), "{answer}");
        }
        assert!(verdict(br#"{"ReviewResult":"ALLOW","Content":"no JSON"}"#, "[1]").is_err());
    }
}
