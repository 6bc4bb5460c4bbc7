//! Apex's web socket server (`apexpl/mercury`): a client's frame is a list of actions, which are answered if they fail. Its texts are
//! the original's, to the letter.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::{frame::Frame, json::read};
use crate::{
    chat::{ChatText, Draft, Event, Kind, Message, Payload, Timestamp, UserId, Visibility},
    locales,
    texts::key,
};

/// Longest frame of a client, in bytes. The original has no limit; its own client never sends more than a message.
pub const MESSAGE_BYTES: usize = 128 * 1024;

/// What the names of channels begin with in which two users write to each other. No client can join one.
pub const PRIVATE: &str = "pm:";

/// Actions of one frame that are carried out. Each may be answered, with more than it is long.
const MOST_ACTIONS: usize = 100;

/// Most characters of a visibility that there is not, in the answer.
const VISIBILITY_CHARS: usize = 32;

/// Longest `uuid` of the owner of a session.
const UUID_BYTES: usize = 128;

/// What the original writes, in a field that its documentation does not name.
const VERSION: &str = "1.0";

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To be somebody.
    Authenticate {
        /// What proves it.
        token: String,
    },
    /// To hear what is said in a channel.
    Join {
        /// Which; any if none is named.
        channel: Option<String>,
        /// What the channel is to be, if it is made; what was said, if there is no such visibility.
        visibility: Result<Visibility, String>,
        /// Whether it is to be made if there is none.
        create: bool,
    },
    /// Not to hear it any more.
    Leave {
        /// Which.
        channel: String,
    },
    /// To say something in a channel. `send_channel` is the same.
    MessageChannel {
        /// Which.
        channel: String,
        /// What.
        text: String,
    },
    /// To say something to one user alone.
    MessageUser {
        /// To whom.
        uuid: String,
        /// What.
        text: String,
    },
    /// There is no such action.
    Unknown,
    /// There are more actions than are carried out.
    TooMany,
}

/// Who has a session, as the operator's server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who they are: a user of the operator's site.
    pub user: UserId,
    /// What they are called.
    pub name: Option<String>,
}

/// Why an action was not carried out, or why a frame has none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It is no JSON, or says nothing.
    #[error("Did not receive valid JSON")]
    NotJson,
    /// There is no such action.
    #[error("Invalid command, unable to process.  Check the 'action' variable is correct.")]
    UnknownAction,
    /// There are more actions in a frame than are carried out.
    #[error("Too many actions in one frame, only the first {MOST_ACTIONS} were processed.")]
    TooManyActions,
    /// Nobody is known by this token.
    #[error("Invalid auth token")]
    Token,
    /// The operator's server cannot say whose session it is.
    #[error("Unable to check the auth token.  Please try again later.")]
    Unchecked,
    /// There is no such channel.
    #[error("Channel does not exist, {0}")]
    UnknownChannel(String),
    /// They may not make it.
    #[error("Unable to create channel, {0}.  Permission denied")]
    CreateChannel(String),
    /// There is no such visibility.
    #[error("Invalid visibility, {0}.  It must be public, protected or private.")]
    Visibility(String),
    /// The name is kept for private messages.
    #[error("Unable to join channel, {0}.  Names that begin with 'pm:' are reserved for private messages: use message_user.")]
    ReservedName(String),
    /// They are in as many channels as one connection may be.
    #[error("Unable to join channel, {0}.  Too many channels.")]
    TooManyChannels(String),
    /// There is nothing in a message to a channel.
    #[error("Can not send a blank message")]
    Blank,
    /// They may not speak there.
    #[error("Unable to send to channel.  Permission denied.")]
    MessageChannel,
    /// Nobody of that name is there.
    #[error("The user is not connected with uuid: {0}")]
    NotConnected(String),
    /// Nobody knows who they are.
    #[error("You must be authenticated to send private message.")]
    NotAuthenticated,
    /// There is nothing in a message to a user.
    #[error("You can not send a blank message.")]
    BlankPrivate,
    /// The chat has a rule that the original has not.
    #[error("{0}")]
    Refused(String),
}

/// What a server sends.
#[derive(Serialize)]
struct Envelope<'a> {
    status: &'static str,
    version: &'static str,
    message: &'a str,
    data: &'a [Value],
}

/// The actions of a client's frame. What is no action by its form is passed over, as the original does.
///
/// # Errors
/// [`Failure::NotJson`].
pub fn decode(frame: &Frame) -> Result<Vec<Action>, Failure> {
    let bytes = match frame {
        Frame::Text(text) => text.as_bytes(),
        Frame::Binary(bytes) => bytes,
    };
    let value: Value = read(bytes).map_err(|_| Failure::NotJson)?;
    if is_falsy(&value) {
        return Err(Failure::NotJson);
    }
    let Value::Array(elements) = value else { return Ok(Vec::new()) };
    let mut actions: Vec<_> = elements.iter().filter(|element| element.is_object()).take(MOST_ACTIONS + 1).map(action).collect();
    if let Some(last) = actions.get_mut(MOST_ACTIONS) {
        *last = Action::TooMany;
    }
    Ok(actions)
}

/// Who has a session, in what the operator's server answers: a JSON object with the `uuid`, and a `username` if they have one.
///
/// # Errors
/// Why it cannot be read, for the operator.
pub fn owner(body: &[u8]) -> Result<Owner, String> {
    let answer: Value = read(body).map_err(|_| "its answer is not JSON".to_owned())?;
    let uuid = text(&answer["uuid"]).ok_or("its answer has no \"uuid\"")?;
    let is_valid = (1..=UUID_BYTES).contains(&uuid.len()) && uuid.bytes().all(|byte| byte.is_ascii_graphic());
    let user = UserId::try_from(format!("{}{uuid}", UserId::OF_SITE)).ok().filter(|_| is_valid);
    let user = user.ok_or("the \"uuid\" in its answer is not 1 to 128 printable ASCII characters")?;
    Ok(Owner { user, name: text(&answer["username"]).filter(|name| !name.is_empty()) })
}

/// Why an action failed, as its sender is told.
pub fn failure(failure: &Failure) -> Frame {
    envelope(&Envelope { status: "error", version: VERSION, message: &failure.to_string(), data: &[] })
}

/// What somebody says, by its name and its text.
pub fn draft(username: &str, text: &str) -> Draft {
    let payload = Payload::of(&json!({ "type": "chat", "username": username, "message_text": text }));
    Draft { payload, video_time: 0.0, client_message_id: None, announces: false }
}

/// The frame of an event in the channel of that name: what is said, and nothing else. A private message is in a channel of its two
/// parties, which are told apart by nobody else's.
pub fn encode(event: &Event, channel: &str) -> Bytes {
    match &event.kind {
        Kind::Message(message) => new_message(channel, event.sent_at, message),
        Kind::Private { to, message } => new_message(&private_channel(&message.author, to), event.sent_at, message),
        Kind::Held(_) | Kind::Resolution(_) | Kind::Room(_) | Kind::Settings { .. } => Bytes::new(),
        Kind::Deletion(_) | Kind::Sanction(_) | Kind::Reactions(_) => Bytes::new(),
        Kind::Disconnection(_) | Kind::Custom(_) | Kind::Restore(_) => Bytes::new(),
    }
}

fn new_message(channel: &str, at: Timestamp, message: &Message) -> Bytes {
    let other = || match message.payload.readable() {
        Some(json) => json.get().to_owned(),
        None => locales::english().text(key::page::MESSAGE_UNREADABLE).to_owned(),
    };
    let ChatText { username, text } =
        ChatText::of(&message.payload).unwrap_or_else(|| ChatText { username: String::new(), text: other() });
    // The original's clients put it into their page as it is: its prefix is HTML, so all of it must be.
    let line = format!("[{}] &lt;{}&gt;: {}", clock(at), escaped(&username), escaped(&text));
    let action = json!({ "action": "new_message", "channel_name": channel, "message": line });
    envelope(&Envelope { status: "ok", version: VERSION, message: "", data: &[action] }).encode()
}

fn envelope(envelope: &Envelope<'_>) -> Frame {
    Frame::text(serde_json::to_string(envelope).expect("plain data"))
}

/// The name of what two users say to each other, the same for both: with each as their site writes them.
fn private_channel(one: &UserId, other: &UserId) -> String {
    let (one, other) = (one.own(), other.own());
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("{PRIVATE}{first}+{second}")
}

/// Hours and minutes, in UTC.
fn clock(Timestamp(milliseconds): Timestamp) -> String {
    let minutes = Duration::from_millis(milliseconds.max(0) as u64).as_secs() / 60 % (24 * 60);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// As PHP's `htmlspecialchars` writes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#039;")
}

/// What PHP takes for nothing.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text == "0",
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
    }
}

fn action(value: &Value) -> Action {
    let field = |name| text(&value[name]);
    let (channel, uuid, said) = (field("channel_name"), field("uuid"), field("message").unwrap_or_default());
    match name(&field("action").unwrap_or_default()).as_str() {
        "authenticate" => Action::Authenticate { token: field("token").unwrap_or_default() },
        "joinchannel" => {
            let visibility = visibility(&value["visibility"]);
            let create = value.get("join_or_create").is_none_or(|create| create.is_null() || !is_falsy(create));
            Action::Join { channel: channel.filter(|channel| !channel.is_empty()), visibility, create }
        }
        "leavechannel" => Action::Leave { channel: channel.unwrap_or_default() },
        "messagechannel" | "sendchannel" => Action::MessageChannel { channel: channel.unwrap_or_default(), text: said },
        "messageuser" => Action::MessageUser { uuid: uuid.unwrap_or_default(), text: said },
        _ => Action::Unknown,
    }
}

/// An action's name, however its words are joined: `join_channel`, `join-channel` and `joinChannel` are the same.
fn name(action: &str) -> String {
    action.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A visibility, public if none is named; what is named instead, cut, if it is none.
fn visibility(named: &Value) -> Result<Visibility, String> {
    match named {
        Value::Null => Ok(Visibility::Public),
        Value::String(name) => match name.as_str() {
            "" | "public" => Ok(Visibility::Public),
            "protected" => Ok(Visibility::Protected),
            "private" => Ok(Visibility::Private),
            other => Err(other.chars().take(VISIBILITY_CHARS).collect()),
        },
        other => Err(other.to_string().chars().take(VISIBILITY_CHARS).collect()),
    }
}

/// A value as PHP makes a text of it, if it can.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(if *value { "1" } else { "" }.to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Profile, RoomId};
    use proptest::prelude::*;

    fn decoded(text: &str) -> Result<Vec<Action>, Failure> {
        decode(&Frame::text(text))
    }

    fn join(channel: Option<&str>, visibility: Visibility, create: bool) -> Action {
        Action::Join { channel: channel.map(str::to_owned), visibility: Ok(visibility), create }
    }

    #[test]
    fn actions_are_read_as_the_original_reads_them() {
        let say = || Action::MessageChannel { channel: "c".into(), text: "hi".into() };
        let rows = [
            (r#"[{"action":"authenticate","token":"admin:x"}]"#, vec![Action::Authenticate { token: "admin:x".into() }]),
            (r#"[{"action":"authenticate"}]"#, vec![Action::Authenticate { token: String::new() }]),
            (r#"[{"action":"join_channel","channel_name":"c"}]"#, vec![join(Some("c"), Visibility::Public, true)]),
            (r#"[{"action":"join-channel"}]"#, vec![join(None, Visibility::Public, true)]),
            (
                r#"[{"action":"joinChannel","channel_name":7,"visibility":"protected","join_or_create":"0"}]"#,
                vec![join(Some("7"), Visibility::Protected, false)],
            ),
            (r#"[{"action":"join_channel","join_or_create":0}]"#, vec![join(None, Visibility::Public, false)]),
            (r#"[{"action":"join_channel","join_or_create":false}]"#, vec![join(None, Visibility::Public, false)]),
            (r#"[{"action":"join_channel","join_or_create":"1"}]"#, vec![join(None, Visibility::Public, true)]),
            (
                r#"[{"action":"join_channel","join_or_create":true,"visibility":"private"}]"#,
                vec![join(None, Visibility::Private, true)],
            ),
            (r#"[{"action":"leave_channel","channel_name":"c"}]"#, vec![Action::Leave { channel: "c".into() }]),
            (r#"[{"action":"message_channel","channel_name":"c","message":"hi"}]"#, vec![say()]),
            (r#"[{"action":"send_channel","channel_name":"c","message":"hi"}]"#, vec![say()]),
            (
                r#"[{"action":"message_user","uuid":"u:255","message":5}]"#,
                vec![Action::MessageUser { uuid: "u:255".into(), text: "5".into() }],
            ),
            (r#"[{"action":"dance"},{},{"action":null}]"#, vec![Action::Unknown, Action::Unknown, Action::Unknown]),
            (
                r#"[1,"x",null,[],{"action":"message_channel","channel_name":"c","message":"hi"},{"action":"dance"}]"#,
                vec![say(), Action::Unknown],
            ),
            (r#"{"action":"authenticate"}"#, vec![]),
            (r#""text""#, vec![]),
            ("17", vec![]),
            ("true", vec![]),
        ];
        for (text, expected) in rows {
            assert_eq!(decoded(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_owner_of_a_session_is_a_user_of_the_site() {
        let read = |text: &str| owner(text.as_bytes()).map(|Owner { user, name }| (user.as_str().to_owned(), name));
        let long = format!(r#"{{"uuid":"{}"}}"#, "x".repeat(UUID_BYTES + 1));
        let rows = [
            (r#"{"uuid":"u:255","username":"bob","type":"user"}"#, Ok(("site:u:255".to_owned(), Some("bob".to_owned())))),
            (r#"{"uuid":255,"username":""}"#, Ok(("site:255".to_owned(), None))),
            (r#"{"uuid":null}"#, Err("no \"uuid\"")),
            (r#"{"uuid":""}"#, Err("printable")),
            (r#"{"uuid":"a b"}"#, Err("printable")),
            (&long, Err("128 printable")),
            ("[]", Err("no \"uuid\"")),
            ("<html>", Err("not JSON")),
        ];
        for (text, expected) in rows {
            match (read(text), expected) {
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                (read, expected) => assert_eq!(read, expected.map_err(str::to_owned), "{text}"),
            }
        }
    }

    #[test]
    fn a_frame_that_says_nothing_is_not_valid() {
        for text in ["", "{", "[]", "{}", "null", "0", "0.0", "-0", r#""""#, r#""0""#, "false", "\u{feff}[]", &"[".repeat(10_000)]
        {
            assert_eq!(decoded(text), Err(Failure::NotJson), "{text:?}");
        }
        assert_eq!(decode(&Frame::Binary(Bytes::from_static(&[0xff]))), Err(Failure::NotJson));
        assert_eq!(decode(&Frame::Binary(Bytes::from_static(b"[{}]"))), Ok(vec![Action::Unknown]), "the opcode says nothing");
    }

    #[test]
    fn a_frame_has_so_many_actions() {
        let frame = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(decoded(&frame(MOST_ACTIONS)), Ok(vec![Action::Unknown; MOST_ACTIONS]));
        let actions = decoded(&frame(20_000)).expect("a list");
        assert_eq!((actions.len(), actions.last()), (MOST_ACTIONS + 1, Some(&Action::TooMany)));
    }

    #[test]
    fn failures_are_told_in_the_original_s_words() {
        let expected = r#"{"status":"error","version":"1.0","message":"Channel does not exist, \"x\"","data":[]}"#;
        assert_eq!(failure(&Failure::UnknownChannel("\"x\"".into())), Frame::text(expected));
    }

    fn event(kind: impl FnOnce(Message) -> Kind, payload: &str) -> Event {
        let payload = Payload::parse(payload).expect("JSON");
        let author = UserId::try_from("u:9".to_owned()).expect("a valid id");
        let message = Message { author, profile: Profile::default(), payload, video_time: 0.0, reactions: Vec::new() };
        // 14:05:59.999 on some day.
        Event {
            room: RoomId::FIRST,
            seq: 1,
            sent_at: Timestamp(86_400_000 * 20_000 + 50_759_999),
            kind: kind(message),
            client_message_id: None,
        }
    }

    fn line(event: &Event) -> String {
        let frame = encode(event, "stage");
        let start = frame.iter().position(|&byte| byte == b'{').expect("a JSON object");
        String::from_utf8(frame[start..].to_vec()).expect("UTF-8")
    }

    #[test]
    fn messages_are_lines_of_html() {
        let public = event(Kind::Message, r#"{"username":"b<b>","message_text":"hi & <script>\"'"}"#);
        let expected = concat!(
            r#"{"status":"ok","version":"1.0","message":"","data":[{"action":"new_message","channel_name":"stage","#,
            r#""message":"[14:05] &lt;b&lt;b&gt;&gt;: hi &amp; &lt;script&gt;&quot;&#039;"}]}"#
        );
        assert_eq!(line(&public), expected);
        let other = event(Kind::Message, r#"{"score":1}"#);
        assert!(line(&other).contains(r#""message":"[14:05] &lt;&gt;: {&quot;score&quot;:1}""#), "{}", line(&other));
    }

    #[test]
    fn both_parties_of_a_private_message_have_it_in_the_same_channel() {
        for (to, expected) in [("u:10", "pm:u:10+u:9"), ("u:95", "pm:u:9+u:95")] {
            let to = UserId::try_from(to.to_owned()).expect("a valid id");
            let private = event(|message| Kind::Private { to, message }, r#"{"username":"b","message_text":"psst"}"#);
            assert!(line(&private).contains(&format!(r#""channel_name":"{expected}""#)), "{}", line(&private));
        }
    }

    #[test]
    fn nothing_else_has_a_form() {
        let held = event(Kind::Held, "1");
        assert!(encode(&held, "stage").is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in any::<Vec<u8>>()) {
            let _ = decode(&Frame::Binary(bytes.into()));
        }

        #[test]
        fn what_is_said_comes_out_as_it_went_in(text in any::<String>()) {
            let action = json!([{ "action": "message_channel", "channel_name": "c", "message": text }]);
            prop_assert_eq!(decoded(&action.to_string()), Ok(vec![Action::MessageChannel { channel: "c".into(), text: text.clone() }]));
            let said = ChatText::of(&draft("Ann", &text).payload).expect("a chat message");
            prop_assert_eq!(said.text, text);
        }
    }
}
