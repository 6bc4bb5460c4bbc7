//! What must hold for whatever bytes a client sends, a function for each dialect: for `cargo fuzz`, and for the project's own tests.

use std::time::Duration;

use bytes::Bytes;
use live_chat::{
    chat::{
        ChatText, Command, Draft, Event, Kind, Limits, Message, MessageId, Payload, Position, Profile, RoomId, SettingsChange,
        Timestamp, UserId, has_visible_char, reply_to,
    },
    hub::Tokens,
    protocol::{
        apex, csv,
        frame::Frame,
        inlive,
        interactive_sync::{Outcome, Patience, action::Action, emit},
        ivs, json, jsonl, relay,
    },
};

/// Bytes of an error's text: what it quotes of a body, or the path of a fault, is cut off.
const MOST_ERROR_BYTES: usize = 2_000;

/// Bytes that an envelope takes, about, around what is said.
const ENVELOPE_BYTES: usize = 300;

/// Apex: no frame makes more of itself than its length allows, and whatever was said can be told.
pub fn apex(bytes: &[u8]) {
    for frame in frames(bytes) {
        match apex::decode(&frame) {
            Ok(actions) => {
                assert!(actions.len() <= 101, "bounded");
                actions.iter().for_each(|action| told(action, bytes.len()));
            }
            Err(failure) => assert!(apex::failure(&failure).encode().len() < ENVELOPE_BYTES),
        }
    }
    if let Some(payload) = payload(bytes) {
        for private in [false, true] {
            // An ampersand and a quote are six bytes each in HTML, and a control character in JSON.
            let frame = apex::encode(&event(payload.clone(), private), "live-chat");
            assert!(frame.len() <= 6 * bytes.len() + ENVELOPE_BYTES, "{}", frame.len());
        }
    }
}

/// inLive: whatever is published is refused, or told, exported and read again without a change; and positions, tokens and settings
/// are read or refused.
pub fn inlive(bytes: &[u8]) {
    match inlive::decode(bytes) {
        Ok(inlive::Publication { command: Command::Broadcast(draft), .. }) => published(draft, false),
        Ok(inlive::Publication { command: Command::Private { draft, .. }, .. }) => published(draft, true),
        Ok(inlive::Publication { command: Command::Request, .. }) => {}
        Err(error) => assert!(error.to_string().len() <= MOST_ERROR_BYTES, "{error}"),
    }
    if let Ok(change) = json::read::<SettingsChange>(bytes)
        && let Err(error) = change.make("room")
    {
        assert!(error.to_string().len() <= 6 * bytes.len() + ENVELOPE_BYTES);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Where any bytes are seldom a publication, they may be the message of one.
    if let Ok(payload) = Payload::parse(text) {
        let body = format!(r#"{{"type":"broadcast","widget_key":"k","message":{text}}}"#);
        let Ok(inlive::Publication { command: Command::Broadcast(draft), .. }) = inlive::decode(body.as_bytes()) else {
            panic!("a payload is refused in its envelope: {text}");
        };
        assert_eq!(draft.payload.get(), payload.get());
        published(draft, false);
    }
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse::<Position>().expect("a position"), position);
    }
    if let Ok(id) = text.parse::<MessageId>() {
        assert_eq!(id.to_string().parse::<MessageId>().expect("an id"), id);
    }
    assert!(Tokens::new(b"secret", Duration::from_secs(60)).read(text).is_err(), "nobody signed it");
}

/// What was published can be told and exported, and comes back as it was.
fn published(draft: Draft, is_private: bool) {
    let payload = draft.payload;
    let text = payload.get();
    assert!(payload.readable().is_some() && payload.texts().len() <= text.len());
    assert_eq!(Payload::parse(text).expect("the same again").get(), text);
    let limits = Limits::default();
    if let (Ok(()), Some(chat)) = (ChatText::check(&payload, &limits), ChatText::of(&payload)) {
        assert!(chat.text.chars().count() <= limits.text_chars && chat.username.chars().count() <= limits.username_chars);
        assert!(has_visible_char(&chat.text) && has_visible_char(&chat.username), "{chat:?}");
    }
    assert!(reply_to(&payload, RoomId::FIRST).is_none_or(|_| text.contains("reply_to") || text.contains('\\')));
    let event = event(payload.clone(), is_private);
    let position = "e-7".parse().expect("a position");
    for frame in [
        inlive::event(&event, &position, event.sent_at),
        inlive::history(RoomId::FIRST, &UserId::admin(), std::slice::from_ref(&event), false, &position),
    ] {
        assert!(frame.len() <= text.len() + 2 * ENVELOPE_BYTES, "{}", frame.len());
        assert_eq!(frame.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count(), 3, "one line of data");
    }
    let exported = String::from_utf8(jsonl::encode(std::slice::from_ref(&event))).expect("UTF-8");
    assert_eq!(jsonl::decode(&exported).expect("as exported").message.payload.get(), text);
    assert!(!csv::encode(&[event]).is_empty());
}

/// Interactive Sync: every frame is answered, an interface that was taken is taken again as it is shown, and what viewers do with it
/// can be told.
pub fn interactive_sync(bytes: &[u8]) {
    // Where any bytes are seldom an interface, they may be a part of one.
    let around = [&br#"{"context":"user_interface","data":"#[..], bytes, b"}"].concat();
    for frame in frames(bytes).into_iter().chain(frames(&around)) {
        let (outcome, answers) = Patience::default().hear(&frame, Duration::ZERO, None);
        assert!(!answers.is_empty(), "one answer at least");
        // What was sent comes back three times in an error, and defaults are longer than what they stand for.
        answers.iter().for_each(|answer| assert!(answer.clone().encode().len() <= 40 * bytes.len() + 2_000));
        if let Outcome::Shown(interface) = outcome {
            let shown = serde_json::json!({ "context": "user_interface", "data": interface.json() }).to_string();
            if shown.encode_utf16().count() <= 2_094 {
                let (again, _) = Patience::default().hear(&Frame::text(shown), Duration::ZERO, None);
                assert_eq!(again, Outcome::Shown(interface));
            }
        }
    }
    if let Ok(value) = serde_json::from_slice(bytes) {
        for action in [Action::input(&value), Action::mouse(&value)].into_iter().flatten() {
            assert!(emit(&action.kind, &action.payload).encode().len() <= 6 * bytes.len() + ENVELOPE_BYTES);
        }
    }
}

/// Amazon IVS Chat: whatever is asked is read or refused by its name, of both planes, and whatever was said can be told.
pub fn ivs(bytes: &[u8]) {
    for operation in ["CreateRoom", "ListRooms", "CreateChatToken", "SendEvent", "DeleteMessage"] {
        if let Err(problem) = ivs::decode(operation, bytes) {
            // Each field that can be wrong has a sentence.
            assert!(problem.body().to_string().len() <= 6 * bytes.len() + 10 * ENVELOPE_BYTES);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        match ivs::decode_request(text) {
            Ok(ivs::Request { kind: ivs::RequestKind::SendMessage { content, attributes }, id }) => {
                let told = ivs::event(&event(ivs::payload("ann", &content, &attributes), false), &id).expect("public");
                assert!(told.len() <= 12 * bytes.len() + 2 * ENVELOPE_BYTES, "{}", told.len());
            }
            Ok(_) => {}
            Err(error) => {
                assert!(
                    ivs::error("i", &error.request_id, error.code, &error.message).len() <= 6 * bytes.len() + 2 * ENVELOPE_BYTES
                );
            }
        }
    }
    if let Some(payload) = payload(bytes) {
        let told = ivs::event(&event(payload.clone(), false), "").expect("public");
        assert!(told.len() <= 12 * bytes.len() + 2 * ENVELOPE_BYTES, "{}", told.len());
        assert_eq!(ivs::event(&event(payload, true), ""), None, "private");
    }
}

/// The relay: a text becomes the same frame again, and whatever others said can be told.
pub fn relay(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let draft = relay::draft(text.to_owned(), "Guest 1".to_owned());
        assert!(draft.payload.get().len() <= 6 * bytes.len() + ENVELOPE_BYTES);
        assert_eq!(relay::encode(&event(draft.payload, false)), Frame::text(text).encode());
    }
    if let Some(payload) = payload(bytes) {
        // What cannot be read is a JSON string.
        assert!(relay::encode(&event(payload.clone(), false)).len() <= 6 * bytes.len() + ENVELOPE_BYTES);
        assert!(relay::encode(&event(payload, true)).is_empty(), "private");
    }
}

/// What is said by an action can be told, in a message or in a failure.
fn told(action: &apex::Action, bytes: usize) {
    let (name, text) = match action {
        apex::Action::Authenticate { token } => (token, ""),
        apex::Action::Join { channel: Some(channel), .. } | apex::Action::Leave { channel } => (channel, ""),
        apex::Action::MessageChannel { channel, text } => (channel, text.as_str()),
        apex::Action::MessageUser { uuid, text } => (uuid, text.as_str()),
        apex::Action::Join { channel: None, .. } | apex::Action::Unknown | apex::Action::TooMany => return,
    };
    let Draft { payload, .. } = apex::draft("Guest 1", text);
    let frames =
        [apex::encode(&event(payload, false), "live-chat"), apex::failure(&apex::Failure::UnknownChannel(name.clone())).encode()];
    frames.iter().for_each(|frame| assert!(frame.len() <= 6 * bytes + ENVELOPE_BYTES, "{}", frame.len()));
}

/// The frames that hold those bytes.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let text = std::str::from_utf8(bytes).ok().map(Frame::text);
    text.into_iter().chain([Frame::Binary(Bytes::copy_from_slice(bytes))]).collect()
}

/// What those bytes are as what somebody else has said, if need be before the rule for payloads held.
fn payload(bytes: &[u8]) -> Option<Payload> {
    Some(Payload::stored(String::from_utf8(bytes.to_vec()).ok()?))
}

fn event(payload: Payload, is_private: bool) -> Event {
    let user = |name: &str| UserId::try_from(name.to_owned()).expect("a valid id");
    let message = Message { author: user("ann"), profile: Profile::default(), payload, video_time: 0.0, reactions: Vec::new() };
    let kind = if is_private { Kind::Private { to: user("bob"), message } } else { Kind::Message(message) };
    Event { room: RoomId::FIRST, seq: 1, sent_at: Timestamp(0), kind, client_message_id: None }
}
