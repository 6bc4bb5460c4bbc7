//! What a review handler is asked, and what it answers: the keys of Amazon IVS Chat's message review handler
//! (<https://docs.aws.amazon.com/ivs/latest/ChatUserGuide/chat-message-review-handler.html>), over HTTP instead of AWS Lambda.
//!
//! IVS's messages are a content and attributes. Ours are any JSON: the content is the text that people read, the attributes are
//! the other strings beside it, or those of an IVS client. A message without a text is shown as a whole.

use serde::{Deserialize, Serialize};

use super::{
    json::{self, ReadError},
    parts::Parts,
};
use crate::chat::{Attributes, Payload, REASON_CHARS, Reviewed, Verdict};

/// The attribute that says why a message is denied.
const REASON: &str = "Reason";

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
    attributes: &'a Attributes,
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
    let sender = Sender { user_id: message.author.own(), attributes: message.attributes, ip };
    let room_arn = format!("arn:aws:ivschat:local:000000000000:room/{}", message.room);
    serde_json::to_vec(&Question { content, message_id: id, room_arn, attributes, sender }).expect("plain data")
}

/// What a handler has answered about `payload`. A content or an attribute that it leaves out stays as it is.
///
/// # Errors
/// Why that is no answer.
pub fn verdict(answer: &[u8], payload: &Payload) -> Result<Verdict, ReadError> {
    let Answer { review_result, content, attributes } = json::read_object(answer)?;
    let mut attributes = attributes.unwrap_or_default();
    match review_result {
        ReviewResult::Deny => Ok(Verdict::Deny { reason: attributes.remove(REASON).and_then(|reason| readable(&reason)) }),
        ReviewResult::Allow => {
            let parts = Parts::of(payload);
            let content = content.filter(|content| *content != parts.content);
            attributes.retain(|key, value| parts.attributes.get(key) != Some(value));
            let changed = match parts.is_text {
                true => parts.change(content, attributes),
                false => content,
            };
            changed.map_or(Ok(Verdict::Allow), |changed| Ok(Verdict::Change(Payload::parse(&changed)?)))
        }
    }
}

/// A reason as its reader may be shown it.
fn readable(reason: &str) -> Option<String> {
    let reason: String = reason.trim().chars().filter(|c| !c.is_control()).take(REASON_CHARS).collect();
    (!reason.is_empty()).then_some(reason)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chat::{RoomId, UserId};

    fn parsed(payload: &str) -> Payload {
        Payload::parse(payload).expect(payload)
    }

    #[test]
    fn a_handler_is_asked_as_ivs_asks_it() {
        // The id that the app has given.
        let author = UserId::try_from("site:ann".to_owned()).expect("a valid id");
        let check = |payload: &str, from: Option<&str>, content: &str, attributes: Value| {
            let from = from.map(|address| address.parse().expect("an address"));
            let of_site = [("colour".to_owned(), "red".to_owned())].into();
            let parsed = parsed(payload);
            let reviewed = Reviewed { room: RoomId::FIRST, author: &author, attributes: &of_site, from, payload: &parsed };
            let asked = question(&reviewed, "abc");
            let sender = json!({ "UserId": "ann", "Attributes": of_site, "Ip": from.map_or(String::new(), |ip| ip.to_string()) });
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
        check(
            r#"{"type":"chat","username":"Ann","message_text":"hi","attributes":{"type":"x"}}"#,
            None,
            "hi",
            json!({ "type": "x" }),
        );
        check(r#"{"message_text":"hi","attributes":{"a":1},"b":"c"}"#, None, "hi", json!({ "b": "c" }));
        for payload in [r#"{"emoji":"x"}"#, r#""hi""#, "[1]", "null", "{}", r#"{"message_text":7}"#] {
            check(payload, None, payload, json!({}));
        }
    }

    const SAID: &str = r#"{"n":1e-400,"message_text":"bad","username":"Ann","messageText":"bad","x":{"message_text":"bad"}}"#;

    #[test]
    fn an_answer_changes_what_it_names_and_nothing_else() {
        let check = |payload: &str, answer: Value, expected: Option<&str>| {
            let found = match verdict(answer.to_string().as_bytes(), &parsed(payload)).expect("an answer") {
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
            Some(r#"{"n":1e-400,"message_text":"***\"\n","username":"Ann","messageText":"***\"\n","x":{"message_text":"bad"}}"#),
        );
        check(
            SAID,
            json!({ "ReviewResult": "ALLOW", "Content": "bad", "Attributes": { "username": "A.", "x": "y", "new": "é" } }),
            Some(r#"{"n":1e-400,"message_text":"bad","username":"A.","messageText":"bad","x":"y","new":"é"}"#),
        );
        check(r#"{"message_text":"bad"}"#, json!({ "ReviewResult": "ALLOW", "Content": "" }), Some(r#"{"message_text":""}"#));
        check(
            r#"{"message_text":"bad","attributes":{"a":"b","c":"d"}}"#,
            json!({ "ReviewResult": "ALLOW", "Attributes": { "a": "***", "c": "d" } }),
            Some(r#"{"message_text":"bad","attributes":{"a":"***","c":"d"}}"#),
        );
        check("[1]", json!({ "ReviewResult": "ALLOW", "Content": "[1]", "Attributes": { "a": "b" } }), None);
        check("[1]", json!({ "ReviewResult": "ALLOW", "Content": "{\"a\": 2}" }), Some("{\"a\":2}"));
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
            let found = verdict(answer.to_string().as_bytes(), &parsed(SAID)).expect("an answer");
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
            assert!(verdict(answer.as_bytes(), &parsed(SAID)).is_err(), "{answer}");
        }
        for content in ["no JSON", "1e999", r#"{\"a\":1,\"a\":2}"#, r#"\"\\ud800\""#] {
            let answer = format!(r#"{{"ReviewResult":"ALLOW","Content":"{content}"}}"#);
            assert!(serde_json::from_str::<Value>(&answer).is_ok(), "{answer}");
            assert!(verdict(answer.as_bytes(), &parsed("[1]")).is_err(), "{answer}");
        }
    }
}
