//! Interactive Sync (`jmcartlamy/interactive-sync-ebs`): a game puts buttons on its viewers' screens, and hears of it when they are
//! pressed. Its texts are the original's, to the letter.

pub mod action;
mod interface;
mod order;
mod rule;
pub mod twitch;

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use self::order::Order;
use super::{frame::Frame, json::read};
use crate::chat::ShownInterface;

/// Longest frame of a game that is read at all, in bytes: a frame that is a little too long is answered, not cut off.
pub const MESSAGE_BYTES: usize = 64 * 1024;

/// What a game may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GameLimits {
    /// Longest frame that is looked at, in UTF-16 code units.
    pub frame_units: usize,
    /// Frames that follow each other faster are passed over.
    pub pause: Duration,
    /// Frames that follow each other even faster end the connection.
    pub spam: Duration,
    /// Warnings that end a connection.
    pub warnings: u32,
}

impl Default for GameLimits {
    /// The original's: of a frame's units, 2,048 are for the interface and 46 for what is around it.
    fn default() -> Self {
        Self { frame_units: 2_094, pause: Duration::from_millis(1_000), spam: Duration::from_millis(100), warnings: 5 }
    }
}

/// What is on the viewers' screens, with all defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Its members are sorted, which is enough to look something up.
    value: Value,
    /// Its text, whose members are in the order in which the game sent them.
    text: ShownInterface,
}

/// Why a connection is not accepted, or ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The address has no query.
    #[error("Query parameters are missing ; connection will be terminated.")]
    NoParameters,
    /// One of the two is missing.
    #[error("ClientID or accessToken is missing ; connection will be terminated.")]
    MissingParameter,
    /// The client id is none of ours, or not for this channel.
    #[error("An error occurred on ClientID verification: {0}")]
    ClientId(String),
    /// The token is not valid, or not enough.
    #[error("An error occurred on token validation: {0}")]
    Token(String),
    /// Whoever knows the token has not said whether it is valid.
    #[error("An error occurred on token validation: {0}")]
    Unchecked(String),
    /// The token is valid, but nobody's.
    #[error(
        "We cant find user_id with your token. It must be an user access token retrieved with implitit code flow or authorization code flow."
    )]
    NoUser,
    /// The channel takes no interface.
    #[error("An error occurred to set extension configuration: {0}")]
    Channel(String),
}

/// What a frame leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// This is on the screens from now on.
    Shown(Interface),
    /// Nothing is.
    Refused,
    /// Nothing is, and the connection ends.
    Ended,
}

/// A game's connection, as far as it is counted.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    limits: GameLimits,
    /// When a frame passed last that did not come too fast, since the connection began.
    passed_at: Option<Duration>,
    warnings: u32,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Error,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Context {
    Connection,
    Message,
    Emit,
}

#[derive(Serialize)]
struct Envelope<'a> {
    status: Status,
    context: Context,
    message: Option<&'a str>,
    data: Value,
}

enum Warning {
    TooSoon,
    TooBig,
    Syntax,
    Incomplete,
    Invalid(Value),
    SameId { previous: Value, new: Value },
}

impl Interface {
    /// Checks what a game sent, whose members are in the order `order`, and fills in the defaults.
    fn check(data: &Value, order: &Order) -> Result<Self, Box<rule::Detail>> {
        let value = interface::read(data)?;
        let text = ShownInterface::parse(&order.write(&value)).expect("an interface is an object");
        Ok(Self { value, text })
    }

    /// Its JSON, with all that a game leaves open. The members of its objects are sorted.
    pub fn json(&self) -> &Value {
        &self.value
    }

    /// The interface of that text, which [`to_shown`](Self::to_shown) has written.
    pub fn of(shown: &ShownInterface) -> Option<Self> {
        let value = serde_json::from_str(shown.get()).ok()?;
        Some(Self { value, text: shown.clone() })
    }

    /// Returns it as viewers are told of it; `None` for the empty one, which takes everything away.
    pub fn to_shown(&self) -> Option<ShownInterface> {
        let is_empty = self.value.as_object().is_none_or(serde_json::Map::is_empty);
        (!is_empty).then(|| self.text.clone())
    }

    fn id(&self) -> Option<&Value> {
        self.value.get("id")
    }
}

impl Patience {
    /// With a game that may send so much.
    pub fn new(limits: GameLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Looks at a frame that came so long after the connection began, while `current` is on the screens. Gives what it leads to, and the
    /// answers to it, in order.
    pub fn hear(&mut self, frame: &Frame, at: Duration, current: Option<&Interface>) -> (Outcome, Vec<Frame>) {
        let since = self.passed_at.map(|passed_at| at.saturating_sub(passed_at));
        if since.is_some_and(|since| since < self.limits.spam) {
            let answer = envelope(Status::Error, Context::Message, "We have detected spam ; connection will be terminated.");
            return (Outcome::Ended, vec![answer]);
        }
        match self.read(frame, at, since, current) {
            Ok(interface) => {
                let text = "Message was well received and transfered to Twitch API.";
                (Outcome::Shown(interface), vec![envelope(Status::Ok, Context::Message, text)])
            }
            Err(warning) => self.warn(warning),
        }
    }

    fn read(
        &mut self,
        frame: &Frame,
        at: Duration,
        since: Option<Duration>,
        current: Option<&Interface>,
    ) -> Result<Interface, Warning> {
        if since.is_some_and(|since| since < self.limits.pause) {
            return Err(Warning::TooSoon);
        }
        self.passed_at = Some(at);
        let text = match frame {
            Frame::Text(text) => text.as_str(),
            Frame::Binary(bytes) => std::str::from_utf8(bytes).map_err(|_| Warning::Syntax)?,
        };
        if text.encode_utf16().count() > self.limits.frame_units {
            return Err(Warning::TooBig);
        }
        let value: Value = read(text.as_bytes()).map_err(|_| Warning::Syntax)?;
        let data = value.get("data").filter(|data| value["context"] == "user_interface" && !is_falsy(data));
        let data = data.ok_or(Warning::Incomplete)?;
        let order: Order = read(text.as_bytes()).map_err(|_| Warning::Syntax)?;
        let interface = Interface::check(data, order.member("data"))
            .map_err(|detail| Warning::Invalid(json!({ "value": data, "error": { "_original": data, "details": [detail] } })))?;
        match (interface.id(), current.and_then(Interface::id)) {
            (Some(new), Some(previous)) if new == previous => {
                Err(Warning::SameId { previous: previous.clone(), new: new.clone() })
            }
            _ => Ok(interface),
        }
    }

    fn warn(&mut self, warning: Warning) -> (Outcome, Vec<Frame>) {
        let (text, data) = match warning {
            Warning::TooSoon => {
                ("The time between your previous message and message received is too high ; message is ignored.", Value::Null)
            }
            Warning::TooBig => ("Size of the JSON received is too big ; message is ignored.", Value::Null),
            Warning::Syntax => ("A parsing error occured with the JSON received ; message is ignored.", Value::Null),
            Warning::Incomplete => ("Context or data is missing ; message is ignored.", Value::Null),
            Warning::Invalid(result) => ("JSON received is invalid ; message is ignored.", result),
            Warning::SameId { previous, new } => (
                "JSON received has an identical ID than the previous ; message is ignored.",
                json!({ "previousID": previous, "newID": new }),
            ),
        };
        let mut answers = vec![with_data(Status::Warning, Context::Message, Some(text), data)];
        self.warnings += 1;
        let limit = self.limits.warnings;
        if self.warnings < limit {
            return (Outcome::Refused, answers);
        }
        let text = "You have exceeded the warning limit ; connection will be terminated.";
        answers.push(with_data(Status::Error, Context::Message, Some(text), json!({ "limit": limit })));
        (Outcome::Ended, answers)
    }
}

/// The connection is accepted.
pub fn connected(display_name: &str, channel_id: &str) -> Frame {
    let data = json!({ "displayName": display_name, "channelId": channel_id });
    with_data(Status::Ok, Context::Connection, Some("You are well connected with the channel"), data)
}

/// The connection is not accepted.
pub fn rejected(rejection: &Rejection) -> Frame {
    envelope(Status::Error, Context::Connection, &rejection.to_string())
}

/// The channel is gone.
pub fn channel_lost() -> Frame {
    let text = "For unknown reasons, channelID is undefined ; connection will be terminated.";
    envelope(Status::Error, Context::Message, text)
}

/// An interface could not be shown. It is no warning: the game may send it again.
pub fn not_shown(reason: &str) -> Frame {
    envelope(Status::Error, Context::Message, reason)
}

/// A viewer has done something.
pub fn emit(kind: &str, payload: &Value) -> Frame {
    with_data(Status::Ok, Context::Emit, None, json!({ "type": kind, "payload": payload }))
}

fn envelope(status: Status, context: Context, message: &str) -> Frame {
    with_data(status, context, Some(message), Value::Null)
}

fn with_data(status: Status, context: Context, message: Option<&str>, data: Value) -> Frame {
    Frame::text(serde_json::to_string(&Envelope { status, context, message, data }).expect("plain data"))
}

/// What JavaScript takes for nothing.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(frame: &Frame) -> Value {
        let Frame::Text(text) = frame else { panic!("text alone") };
        serde_json::from_str(text).expect("JSON")
    }

    /// What a frame leads to that comes after so many milliseconds: the statuses of the answers, and the last one's message.
    fn hear(patience: &mut Patience, at: u64, text: &str) -> (Outcome, Vec<String>, String) {
        let (outcome, answers) = patience.hear(&Frame::text(text), Duration::from_millis(at), None);
        let answers: Vec<_> = answers.iter().map(json).collect();
        assert!(answers.iter().all(|answer| answer["context"] == "message"));
        let status = |answer: &Value| answer["status"].as_str().expect("a status").to_owned();
        let message = answers.last().expect("an answer")["message"].as_str().expect("a text").to_owned();
        (outcome, answers.iter().map(status).collect(), message)
    }

    fn show(id: &str) -> String {
        json!({ "context": "user_interface", "data": { "id": id } }).to_string()
    }

    #[test]
    fn each_frame_is_answered_in_the_original_s_words() {
        let rows = [
            (show("1"), "ok", "Message was well received and transfered to Twitch API."),
            (show(&"x".repeat(2_100)), "warning", "Size of the JSON received is too big ; message is ignored."),
            ("{".into(), "warning", "A parsing error occured with the JSON received ; message is ignored."),
            ("null".into(), "warning", "Context or data is missing ; message is ignored."),
            (r#"{"context":"x","data":{}}"#.into(), "warning", "Context or data is missing ; message is ignored."),
            (r#"{"context":"user_interface","data":0}"#.into(), "warning", "Context or data is missing ; message is ignored."),
            (show("-"), "warning", "JSON received is invalid ; message is ignored."),
            (r#"{"context":"user_interface","data":{}}"#.into(), "ok", "Message was well received and transfered to Twitch API."),
        ];
        for (text, status, message) in rows {
            let (outcome, statuses, last) = hear(&mut Patience::default(), 0, &text);
            assert_eq!((statuses, last.as_str()), (vec![status.to_owned()], message), "{text}");
            assert_eq!(matches!(outcome, Outcome::Shown(_)), status == "ok", "{text}");
        }
    }

    #[test]
    fn an_error_of_the_interface_is_told_as_joi_tells_it() {
        let (_, answers) = Patience::default().hear(&Frame::text(show("-")), Duration::ZERO, None);
        let detail = json!({
            "message": "\"id\" must only contain alpha-numeric characters", "path": ["id"], "type": "string.alphanum",
            "context": { "label": "id", "value": "-", "key": "id" },
        });
        let data = json!({ "value": { "id": "-" }, "error": { "_original": { "id": "-" }, "details": [detail] } });
        assert_eq!(json(&answers[0])["data"], data);
    }

    #[test]
    fn the_members_of_an_interface_stay_in_the_game_s_order() {
        let field = r#"{"type":"radio","values":{"10":"ten","9":"nine","z":"Z","a":"A"},"template":"classic","name":"side"}"#;
        let button = |field: &str| format!(r#"{{"type":"button","name":"move","extension":{{"components":[{field}]"#);
        let (sent, filled) = (
            format!(r#" {{ "panel": {{"components":[{}}}}}]}},"id":"1"}}"#, button(field)),
            format!(
                r#"{{"panel":{{"components":[{},"submit":{{"label":"Submit"}}}},"cooldown":{{"broadcast":true,"duration":10000}},"label":"A label"}}]}},"id":"1","config":{{"ripple":true,"transparent":false}}}}"#,
                button(field)
            ),
        );
        let frame = Frame::text(format!(r#"{{"data":{sent},"context":"user_interface"}}"#));
        let (Outcome::Shown(shown), _) = Patience::default().hear(&frame, Duration::ZERO, None) else { panic!("not shown") };
        let text = shown.to_shown().expect("something");
        assert_eq!(text.get(), filled);
        assert_eq!(Interface::of(&text), Some(shown), "as the log has it");
    }

    #[test]
    fn the_same_interface_is_not_shown_again() {
        let mut patience = Patience::default();
        let (Outcome::Shown(first), _) = patience.hear(&Frame::text(show("1")), Duration::ZERO, None) else {
            panic!("not shown")
        };
        let (outcome, answers) = patience.hear(&Frame::text(show("1")), Duration::from_secs(1), Some(&first));
        assert_eq!((outcome, &json(&answers[0])["data"]), (Outcome::Refused, &json!({ "previousID": "1", "newID": "1" })));
        let (outcome, _) = patience.hear(&Frame::text(show("2")), Duration::from_secs(2), Some(&first));
        assert!(matches!(outcome, Outcome::Shown(_)));
    }

    #[test]
    fn frames_that_come_too_fast_are_passed_over_or_end_the_connection() {
        let mut patience = Patience::default();
        assert_eq!(hear(&mut patience, 0, "{").1, ["warning"], "it counts, whatever it says");
        let (outcome, statuses, message) = hear(&mut patience, 999, &show("1"));
        assert_eq!((outcome, statuses), (Outcome::Refused, vec!["warning".to_owned()]));
        assert!(message.starts_with("The time between your previous message"), "{message}");
        assert!(matches!(hear(&mut patience, 1_000, &show("1")).0, Outcome::Shown(_)), "what was passed over does not count");
        let (outcome, statuses, message) = hear(&mut patience, 1_099, &show("2"));
        assert_eq!((outcome, statuses), (Outcome::Ended, vec!["error".to_owned()]));
        assert_eq!(message, "We have detected spam ; connection will be terminated.");
    }

    #[test]
    fn the_fifth_warning_is_the_last() {
        let mut patience = Patience::default();
        for n in 0..4 {
            assert_eq!(hear(&mut patience, n * 1_000, "{").0, Outcome::Refused);
            assert!(matches!(hear(&mut patience, n * 1_000 + 500_000, &show("1")).0, Outcome::Shown(_)), "nothing is forgiven");
            patience.passed_at = None;
        }
        let (outcome, statuses, message) = hear(&mut patience, 900_000, "{");
        assert_eq!((outcome, statuses), (Outcome::Ended, vec!["warning".to_owned(), "error".to_owned()]));
        assert_eq!(message, "You have exceeded the warning limit ; connection will be terminated.");
    }

    proptest! {
        #[test]
        fn no_frame_is_too_strange(bytes in any::<Vec<u8>>(), text in any::<String>()) {
            for frame in [Frame::Binary(bytes.into()), Frame::text(text)] {
                let _ = Patience::default().hear(&frame, Duration::ZERO, None);
            }
        }
    }
}
