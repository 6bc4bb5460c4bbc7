//! The inLive widget API: one JSON envelope a message, up by HTTP POST, down by Server-Sent Events.
//!
//! Source: inLive's published documentation of 2022 and its npm SDK 0.3.0. What is ours beside it: the SSE `id`, and the keys
//! `id`, `sent_at`, `role`, `picture`, `announcement`, `reactions`, `own_reactions`, `client_message_id`, `position` and `gap`,
//! which its clients pass over.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{
    json::{self, shortened},
    moment::rfc3339,
    payload::present,
};
use crate::chat::{
    Command, CustomEvent, Deleted, Disconnection, Draft, Event, Kind, Measure, MessageId, Outcome, Payload, PayloadError,
    PayloadFault, Position, Reaction, Recount, Resolution, Restore, Restored, RoomId, RoomState, Sanction, Settings,
    ShownInterface, Timestamp, UserId, check_json,
};

/// Longest client message id, in bytes. A UUID has 36.
const CLIENT_MESSAGE_ID_BYTES: usize = 64;

/// What a client published.
#[derive(Debug)]
pub struct Publication {
    /// The site that it speaks for.
    pub widget_key: String,
    /// What it asks.
    pub command: Command,
}

/// Why a body is no publication. The texts tell its author what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not one JSON object.
    #[error("The body must be one JSON object: {0}.")]
    Malformed(String),
    /// It breaks the rule for payloads, in the message or around it.
    #[error("The body cannot be accepted: {0}.")]
    Rule(PayloadError),
    /// A key is not there.
    #[error("\"{0}\" is missing.")]
    Missing(&'static str),
    /// A key has a value of the wrong kind.
    #[error("\"{key}\" must be {expected}.")]
    WrongType {
        /// Which.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The type is one that only the server sends.
    #[error("\"type\": \"{0}\" can only be sent by the server. Use \"broadcast\", \"private\" or \"request\".")]
    ServerOnly(String),
    /// The type is not known.
    #[error("\"type\": \"{0}\" is not known. Use \"broadcast\", \"private\" or \"request\".")]
    UnknownType(String),
}

/// The body of a publication, each value unread.
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: Option<Box<RawValue>>,
    widget_key: Option<Box<RawValue>>,
    to_user_id: Option<Box<RawValue>>,
    timestamp: Option<Box<RawValue>>,
    client_message_id: Option<Box<RawValue>>,
    announcement: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    message: Option<Box<RawValue>>,
}

/// Reads the body of a `POST /publish/{id}`. The keys that only the server may set (`author_id`, `stream_id`, `id`, `sent_at`) are
/// passed over.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(body: &[u8]) -> Result<Publication, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::Malformed("it is not UTF-8".into()))?;
    let text = check_json(text).map_err(|error| match error.fault {
        PayloadFault::Syntax => DecodeError::Malformed(error.to_string()),
        _ => DecodeError::Rule(error),
    })?;
    let body: Body = json::object(&text).map_err(|error| DecodeError::Malformed(error.to_string()))?;
    let kind = string("type", body.kind.as_deref())?.ok_or(DecodeError::Missing("type"))?;
    let widget_key = string("widget_key", body.widget_key.as_deref());
    let draft = |message: Option<Box<RawValue>>| {
        let message = message.ok_or(DecodeError::Missing("message"))?;
        Ok(Draft {
            payload: Payload::parse(message.get()).map_err(DecodeError::Rule)?,
            video_time: number("timestamp", body.timestamp.as_deref())?.unwrap_or_default(),
            client_message_id: client_message_id(body.client_message_id.as_deref())?,
            announces: announcement(&kind, body.announcement.as_deref())?,
        })
    };
    let command = match kind.as_str() {
        "broadcast" => Command::Broadcast(draft(body.message)?),
        "private" => Command::Private { to: addressee(body.to_user_id.as_deref())?, draft: draft(body.message)? },
        "request" => Command::Request,
        "init" | "system" => return Err(DecodeError::ServerOnly(kind)),
        _ => return Err(DecodeError::UnknownType(shortened(kind))),
    };
    Ok(Publication { widget_key: widget_key?.ok_or(DecodeError::Missing("widget_key"))?, command })
}

fn string(key: &'static str, value: Option<&RawValue>) -> Result<Option<String>, DecodeError> {
    let wrong = |_| DecodeError::WrongType { key, expected: "a string" };
    value.map(|value| serde_json::from_str(value.get()).map_err(wrong)).transpose()
}

fn number(key: &'static str, value: Option<&RawValue>) -> Result<Option<f64>, DecodeError> {
    let wrong = |_| DecodeError::WrongType { key, expected: "a number of seconds" };
    value.map(|value| serde_json::from_str(value.get()).map_err(wrong)).transpose()
}

fn announcement(kind: &str, value: Option<&RawValue>) -> Result<bool, DecodeError> {
    let wrong = |expected| DecodeError::WrongType { key: "announcement", expected };
    match value.map(|value| serde_json::from_str(value.get())) {
        None | Some(Ok(false)) => Ok(false),
        Some(Ok(true)) if kind == "broadcast" => Ok(true),
        Some(Ok(true)) => Err(wrong("false but in a broadcast")),
        Some(Err(_)) => Err(wrong("true or false")),
    }
}

fn addressee(value: Option<&RawValue>) -> Result<UserId, DecodeError> {
    let wrong = |_| DecodeError::WrongType { key: "to_user_id", expected: "a user id" };
    UserId::try_from(string("to_user_id", value)?.ok_or(DecodeError::Missing("to_user_id"))?).map_err(wrong)
}

fn client_message_id(value: Option<&RawValue>) -> Result<Option<String>, DecodeError> {
    let expected = "a string of 1 to 64 printable ASCII characters";
    let valid = |id: &String| (1..=CLIENT_MESSAGE_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    match string("client_message_id", value)? {
        Some(id) if !valid(&id) => Err(DecodeError::WrongType { key: "client_message_id", expected }),
        id => Ok(id),
    }
}

/// An event as clients receive it.
#[derive(Serialize)]
pub struct Envelope<'a> {
    stream_id: String,
    author_id: &'a str,
    to_user_id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: f64,
    widget_key: &'static str,
    id: String,
    sent_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    announcement: bool,
    /// In a replay: milliseconds since the room's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// How people react to it.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    reactions: Counts<'a>,
    /// The reader's own reactions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    own_reactions: Vec<&'a str>,
    /// Whether `message` is the text of a payload that cannot be read: one from before the rule for payloads held.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unreadable: bool,
    message: Cow<'a, RawValue>,
}

/// The reactions to a message, for somebody who has just reacted to it.
#[derive(Serialize)]
pub struct Reactions<'a> {
    reactions: Counts<'a>,
    own_reactions: Vec<&'a str>,
    /// What the room is told of the message at a later position is newer.
    position: String,
}

/// How many reacted with each emoji: an object, in the order of the first of each.
pub(super) struct Counts<'a>(pub(super) &'a [Reaction]);

impl Counts<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|Reaction { emoji, count, .. }| (emoji, count)))
    }
}

impl<'a> Reactions<'a> {
    /// Those reactions, as they are at that position.
    pub fn at(position: &Position, reactions: &'a [Reaction]) -> Self {
        Self { reactions: Counts(reactions), own_reactions: own(reactions), position: position.to_string() }
    }
}

fn own(reactions: &[Reaction]) -> Vec<&str> {
    reactions.iter().filter(|reaction| reaction.own).map(|reaction| &*reaction.emoji).collect()
}

impl<'a> Envelope<'a> {
    /// The envelope of `event`.
    pub fn of(event: &'a Event) -> Self {
        use Cow::Owned;
        let (kind, author_id, to_user_id, timestamp, message) = match &event.kind {
            Kind::Message(message) => ("broadcast", message.author.as_str(), "", message.video_time, message.payload.to_json()),
            Kind::Private { to, message } => {
                ("private", message.author.as_str(), to.as_str(), message.video_time, message.payload.to_json())
            }
            Kind::Held(message) => ("held", message.author.as_str(), "", message.video_time, message.payload.to_json()),
            Kind::Resolution(resolution) => {
                ("system", "0", resolution.author.as_str(), 0.0, Owned(resolved(event.room, resolution)))
            }
            Kind::Room(state) => ("system", "0", "", 0.0, Owned(room_status(*state))),
            Kind::Settings { settings, .. } => ("system", "0", "", 0.0, Owned(configured(settings))),
            Kind::Deletion(deletion) => ("system", "0", "", 0.0, Owned(deleted(event.room, &deletion.of))),
            Kind::Reactions(recounts) => ("system", "0", "", 0.0, Owned(recounted(event.room, recounts))),
            Kind::Sanction(sanction) => ("system", "0", sanction.user.as_str(), 0.0, Owned(sanctioned(sanction, None))),
            Kind::Disconnection(disconnection) => ("system", "0", "", 0.0, Owned(disconnected(disconnection))),
            Kind::Custom(event) => ("system", "0", "", 0.0, Owned(custom(event))),
            Kind::Restore(restore) => ("system", "0", "", 0.0, Owned(restored(event.room, restore))),
        };
        let (id, sent_at) = (event.id().to_string(), rfc3339(event.sent_at));
        let profile = event.message().map(|message| &message.profile);
        let role = profile.and_then(|profile| profile.role.name());
        let picture = profile.and_then(|profile| profile.picture.as_deref());
        let announcement = profile.is_some_and(|profile| profile.announces);
        let unreadable = event.message().is_some_and(|message| message.payload.readable().is_none());
        let stream_id = event.room.to_string();
        let reactions: &[Reaction] = event.message().map_or(&[], |message| &message.reactions);
        Self {
            stream_id,
            author_id,
            to_user_id,
            kind,
            timestamp,
            widget_key: "",
            id,
            sent_at,
            role,
            picture,
            announcement,
            offset: None,
            reactions: Counts(reactions),
            own_reactions: own(reactions),
            unreadable,
            message,
        }
    }

    /// The same in a replay, so many milliseconds after the room's start.
    pub fn replayed(event: &'a Event, offset: u64) -> Self {
        Self { offset: Some(offset), ..Self::of(event) }
    }
}

fn room_status(state: RoomState) -> Box<RawValue> {
    let status = match state {
        RoomState::Created => "create",
        RoomState::Prepared => "prepare",
        RoomState::Live => "start",
        RoomState::Ended => "end",
    };
    serde_json::value::to_raw_value(&serde_json::json!({ "status": status })).expect("plain data")
}

/// What the public is told of the settings.
fn configured(settings: &Settings) -> Box<RawValue> {
    let Settings {
        name,
        description,
        slow_mode_seconds,
        message_chars,
        speakers,
        links,
        paused,
        shield,
        ephemeral,
        pinned_message,
        ..
    } = &*settings.in_force();
    let told = serde_json::json!({
        "status": "settings", "name": name, "description": description, "slow_mode_seconds": slow_mode_seconds,
        "message_chars": message_chars, "speakers": speakers, "links": links, "paused": paused, "shield": shield, "ephemeral": ephemeral,
        "pinned_message": pinned_message,
    });
    serde_json::value::to_raw_value(&told).expect("plain data")
}

/// What the public is told of a deletion: what to take out, not who wanted it or why.
fn deleted(room: RoomId, deleted: &Deleted) -> Box<RawValue> {
    let told = match deleted {
        Deleted::Message(seq) => serde_json::json!({ "status": "delete", "id": MessageId { room, seq: *seq }.to_string() }),
        Deleted::AllOf(user) => serde_json::json!({ "status": "delete", "author_id": user }),
    };
    serde_json::value::to_raw_value(&told).expect("plain data")
}

/// What is told of an act that was undone: what to put back, as [`deleted`] says it, and the id of the act.
fn restored(room: RoomId, Restore { of, what, .. }: &Restore) -> Box<RawValue> {
    let id = |seq: u64| MessageId { room, seq }.to_string();
    let told = match what {
        Restored::Message(seq) | Restored::Waiting { seq, .. } => {
            serde_json::json!({ "status": "restore", "act": id(*of), "id": id(*seq) })
        }
        Restored::AllOf(user) => serde_json::json!({ "status": "restore", "act": id(*of), "author_id": user }),
        Restored::Right(user) => serde_json::json!({ "status": "restore", "act": id(*of), "user_id": user }),
    };
    serde_json::value::to_raw_value(&told).expect("plain data")
}

/// What somebody is told of a message of theirs that waited: what became of it and why, not by whom.
fn resolved(room: RoomId, Resolution { of, outcome, reason, .. }: &Resolution) -> Box<RawValue> {
    let id = MessageId { room, seq: *of }.to_string();
    let told = match outcome {
        Outcome::Approved => serde_json::json!({ "status": "approve", "id": id }),
        Outcome::Declined => serde_json::json!({ "status": "decline", "id": id, "reason": reason }),
    };
    serde_json::value::to_raw_value(&told).expect("plain data")
}

/// What the room is told of reactions: all that there are to each message where something changed.
fn recounted(room: RoomId, recounts: &[Recount]) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Told<'a> {
        id: String,
        reactions: Counts<'a>,
    }
    let told = |recount: &Recount| {
        let told = Told { id: MessageId { room, seq: recount.message }.to_string(), reactions: Counts(&recount.reactions) };
        serde_json::value::to_raw_value(&told).expect("plain data")
    };
    #[derive(Serialize)]
    struct All {
        status: &'static str,
        messages: Vec<Box<RawValue>>,
    }
    let messages = recounts.iter().map(told).collect();
    serde_json::value::to_raw_value(&All { status: "reactions", messages }).expect("plain data")
}

/// What somebody is told of what was decided on them: what and why, not by whom. With `now`, also how long it holds yet.
fn sanctioned(Sanction { measure, reason, .. }: &Sanction, now: Option<Timestamp>) -> Box<RawValue> {
    let told = match (measure, now) {
        (Measure::Timeout { until }, None) => {
            serde_json::json!({ "status": "timeout", "until": rfc3339(*until), "reason": reason })
        }
        (Measure::Timeout { until }, Some(now)) => {
            let left = until.seconds_left(now);
            serde_json::json!({ "status": "timeout", "until": rfc3339(*until), "seconds_left": left, "reason": reason })
        }
        (Measure::Ban, _) => serde_json::json!({ "status": "ban", "reason": reason }),
        (Measure::Lift, _) => serde_json::json!({ "status": "lift", "reason": reason }),
    };
    serde_json::value::to_raw_value(&told).expect("plain data")
}

/// What the room is told of somebody whose connections are ended.
fn disconnected(Disconnection { user, reason, .. }: &Disconnection) -> Box<RawValue> {
    let told = serde_json::json!({ "status": "disconnect", "user_id": user, "reason": reason });
    serde_json::value::to_raw_value(&told).expect("plain data")
}

/// What a site's own program says.
fn custom(CustomEvent { name, attributes, .. }: &CustomEvent) -> Box<RawValue> {
    let told = serde_json::json!({ "status": "event", "name": name, "attributes": attributes });
    serde_json::value::to_raw_value(&told).expect("plain data")
}

/// What `init` tells a new connection.
#[derive(Serialize)]
pub struct Init {
    /// What it may act with.
    pub token: String,
    /// Who it is.
    pub user_id: String,
    /// How many people there are, itself included.
    pub viewer_count: usize,
    /// Where its events begin: those after this position will come.
    pub position: String,
    /// Whether it asked for a position that cannot be resumed from.
    pub gap: bool,
    /// How many messages wait for a moderator, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<usize>,
    /// The room's state, unless it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RoomState>,
    /// Whether it may take messages out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub moderates: bool,
    /// What the room's game shows, if it shows something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<Box<RawValue>>,
    /// The actions of the game that are open to nobody, and for how many milliseconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cooldowns: BTreeMap<String, u64>,
}

/// What the server itself says: inLive's author `"0"`, no video time.
#[derive(Serialize)]
struct Notice<'a, M> {
    stream_id: String,
    author_id: &'static str,
    to_user_id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: u8,
    widget_key: &'static str,
    message: M,
    /// Of an answer to `request` only.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    page: Option<PageMeta>,
}

/// What an answer to `request` does not hold.
#[derive(Serialize)]
struct PageMeta {
    /// Whether there are older messages than those in it.
    has_more: bool,
    /// The id of the oldest message in it: what `?before=` takes for the page of history that precedes it. `null` if there is none.
    before: Option<String>,
}

impl<'a, M: Serialize> Notice<'a, M> {
    fn encode(room: RoomId, to_user_id: &'a str, kind: &'static str, message: M) -> Vec<u8> {
        serde_json::to_vec(&Self::new(room, to_user_id, kind, message)).expect("plain data")
    }

    fn new(room: RoomId, to_user_id: &'a str, kind: &'static str, message: M) -> Self {
        let stream_id = room.to_string();
        Self { stream_id, author_id: "0", to_user_id, kind, timestamp: 0, widget_key: "", message, page: None }
    }
}

/// The first event of a stream. It carries no SSE id: a connection lost right after it has been given nothing yet.
///
/// `retry` is how long an `EventSource` is to wait before it comes back, in milliseconds.
pub fn init(room: RoomId, init: &Init, retry_ms: u32) -> Bytes {
    let mut frame = format!("retry: {retry_ms}\n").into_bytes();
    frame.extend_from_slice(&sse(None, &Notice::encode(room, &init.user_id, "init", init)));
    frame.into()
}

/// An event of the log.
pub fn event(event: &Event, position: &Position, now: Timestamp) -> Bytes {
    let mut envelope = Envelope::of(event);
    if let Kind::Sanction(sanction) = &event.kind {
        envelope.message = Cow::Owned(sanctioned(sanction, Some(now)));
    }
    let data = serde_json::to_vec(&envelope).expect("plain data");
    sse(Some(&position.to_string()), &data)
}

/// The same frame for a connection whose position is another one.
pub fn with_position(frame: &Bytes, position: &Position) -> Bytes {
    let line_end = frame.iter().position(|&b| b == b'\n').map_or(0, |at| at + 1);
    [format!("id: {position}\n").as_bytes(), &frame[line_end..]].concat().into()
}

/// The position that a reader has reached, without an event: an `EventSource` keeps the id of a block that has no data, and
/// dispatches nothing (WHATWG HTML 9.2.6).
pub fn reached(position: &Position) -> Bytes {
    format!("id: {position}\n\n").into()
}

/// How many people there are in a room that is too big to be told of each of them. Clients of inLive's pass it over.
pub fn viewers(room: RoomId, viewer_count: usize) -> Bytes {
    sse(None, &Notice::encode(room, "", "system", serde_json::json!({ "status": "viewers", "viewer_count": viewer_count })))
}

/// One person came or left.
pub fn presence(room: RoomId, joined: bool, viewer_count: usize) -> Bytes {
    #[derive(Serialize)]
    struct Presence {
        status: &'static str,
        viewer_count: usize,
    }
    let status = if joined { "join" } else { "leave" };
    sse(None, &Notice::encode(room, "", "system", Presence { status, viewer_count }))
}

/// So many messages wait for a moderator.
pub fn waiting(room: RoomId, waiting: usize) -> Bytes {
    sse(None, &Notice::encode(room, "", "system", serde_json::json!({ "status": "waiting", "waiting": waiting })))
}

/// Whether the chat goes on: what is said while its log cannot be reached arrives later.
pub fn link(room: RoomId, is_live: bool) -> Bytes {
    sse(None, &Notice::encode(room, "", "system", serde_json::json!({ "status": "link", "live": is_live })))
}

/// What the room's game shows from now on: an object in the form of Interactive Sync, or `null`.
pub fn interface(room: RoomId, interface: Option<&ShownInterface>) -> Bytes {
    #[derive(Serialize)]
    struct Shown {
        status: &'static str,
        interface: Option<Box<RawValue>>,
    }
    let shown = Shown { status: "interface", interface: interface.map(ShownInterface::to_json) };
    sse(None, &Notice::encode(room, "", "system", shown))
}

/// An action of the room's game is open to nobody for that long.
pub fn cooldown(room: RoomId, action: &str, duration: Duration) -> Bytes {
    let told = serde_json::json!({ "status": "cooldown", "action": action, "duration": milliseconds(duration) });
    sse(None, &Notice::encode(room, "", "system", told))
}

/// A duration as it is told: whole milliseconds, rounded up, so that whoever waits for it does not come too early.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The answer to `request`. Its SSE id is the position that it reaches: a connection lost after it must not be given it again.
pub fn history(room: RoomId, asker: &UserId, events: &[Event], has_more: bool, position: &Position) -> Bytes {
    let envelopes: Vec<_> = events.iter().map(Envelope::of).collect();
    let page = PageMeta { has_more, before: events.first().map(|event| event.id().to_string()) };
    let notice = Notice { page: Some(page), ..Notice::new(room, asker.as_str(), "request", envelopes) };
    sse(Some(&position.to_string()), &serde_json::to_vec(&notice).expect("plain data"))
}

/// An event that keeps proxies from closing a silent stream (WHATWG HTML 9.2.7), and that scripts can listen to, unlike a comment: a
/// stream without it is dead. Its name keeps it from clients that listen to messages, and it has no id.
pub const HEARTBEAT: &[u8] = b"event: ping\ndata: {}\n\n";

/// The answer to a publication or to a call of the stream API: always JSON, its `code` equal to the HTTP status.
#[derive(Serialize)]
pub struct Answer<'a, T: Serialize = ()> {
    /// The HTTP status.
    pub code: u16,
    /// What it means, for people.
    pub message: &'a str,
    /// What was asked for.
    pub data: T,
    /// What is said of `data`, for lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<serde_json::Value>,
}

/// One event of a stream (WHATWG HTML 9.2.6). Line ends are left out of the data: in a JSON text they can only stand between tokens,
/// and a `data:` line for each would make a text of line ends seven times as long.
fn sse(id: Option<&str>, data: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(data.len() + 64);
    if let Some(id) = id {
        frame.extend_from_slice(b"id: ");
        frame.extend_from_slice(id.as_bytes());
        frame.push(b'\n');
    }
    frame.extend_from_slice(b"data: ");
    data.split(|byte| matches!(byte, b'\n' | b'\r')).for_each(|part| frame.extend_from_slice(part));
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Message, Profile, Role};

    const NOW: Timestamp = Timestamp(0);

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    fn said(payload: &str, to: Option<&str>) -> Event {
        let payload = Payload::stored(payload.into());
        let message =
            Message { author: user("ann"), profile: Profile::default(), payload, video_time: 12.5, reactions: Vec::new() };
        let kind = match to {
            Some(to) => Kind::Private { to: user(to), message },
            None => Kind::Message(message),
        };
        Event { room: RoomId::FIRST, seq: 7, sent_at: Timestamp(1_795_230_000_123), kind, client_message_id: None }
    }

    fn at(text: &str) -> Position {
        text.parse().expect("a position")
    }

    #[test]
    fn an_envelope_is_not_longer_than_it_is_counted() {
        let mut event = said(r#"{"type":"chat","username":"ann","message_text":"hi"}"#, None);
        let check = |event: &Event| {
            let written = serde_json::to_vec(&Envelope::of(event)).expect("plain data").len();
            assert!((written..2 * written).contains(&event.envelope_bytes()), "{written} {}", event.envelope_bytes());
        };
        check(&event);
        let Kind::Message(message) = &mut event.kind else { panic!("a message") };
        message.author = UserId::of_site(&"é".repeat(100)).expect("an id");
        message.profile.picture = Some(format!("https://a.example/{}", "p".repeat(1_500)));
        message.profile.role = Role::Moderator;
        message.profile.announces = true;
        message.reactions = (0..20).map(|count| Reaction { emoji: "👩‍🚀".to_owned(), count, own: true }).collect();
        check(&event);
    }

    #[test]
    fn publications_are_read() {
        let text =
            r#"{"type":"broadcast","widget_key":"k","author_id":"forged","stream_id":9,"message": {"b" : 1e-999, "a":[ ]} }"#;
        let publication = decode(text.as_bytes()).expect("valid");
        assert_eq!(publication.widget_key, "k");
        let Command::Broadcast(draft) = publication.command else { panic!("not a broadcast") };
        assert_eq!(draft.payload.get(), r#"{"b":1e-999,"a":[]}"#, "byte for byte, but for whitespace");
        assert_eq!((draft.video_time, draft.client_message_id), (0.0, None));

        let text =
            r#"{"type":"private","widget_key":"k","to_user_id":"bob","timestamp":1,"client_message_id":"c-1","message":null}"#;
        let Command::Private { to, draft } = decode(text.as_bytes()).expect("valid").command else { panic!("not private") };
        assert_eq!((to, draft.payload.get()), (user("bob"), "null"));
        assert_eq!((draft.video_time, draft.client_message_id.as_deref()), (1.0, Some("c-1")));

        let text = r#"{"type":"broadcast","widget_key":"k","message":1,"announcement":true}"#;
        let Command::Broadcast(draft) = decode(text.as_bytes()).expect("valid").command else { panic!("not a broadcast") };
        assert!(draft.announces);

        let text = r#"{"type":"request","widget_key":"k","timestamp":0,"message":{}}"#;
        assert!(matches!(decode(text.as_bytes()).expect("valid").command, Command::Request));
    }

    #[test]
    fn bodies_that_are_no_publication_are_refused() {
        let wrong = |key, expected| DecodeError::WrongType { key, expected };
        let id = "a string of 1 to 64 printable ASCII characters";
        let long = format!(r#"{{"type":"broadcast","widget_key":"k","message":1,"client_message_id":"{}"}}"#, "x".repeat(65));
        let rows = [
            (r#"{"widget_key":"k","message":1}"#, DecodeError::Missing("type")),
            (r#"{"type":null,"widget_key":"k","message":1}"#, DecodeError::Missing("type")),
            (r#"{"type":7,"widget_key":"k","message":1}"#, wrong("type", "a string")),
            (r#"{"type":"shout","widget_key":"k"}"#, DecodeError::UnknownType("shout".into())),
            (r#"{"type":"webhook","widget_key":"k"}"#, DecodeError::UnknownType("webhook".into())),
            (r#"{"type":"init","widget_key":"k"}"#, DecodeError::ServerOnly("init".into())),
            (r#"{"type":"system","widget_key":"k"}"#, DecodeError::ServerOnly("system".into())),
            (r#"{"type":"broadcast","message":1}"#, DecodeError::Missing("widget_key")),
            (r#"{"type":"broadcast","widget_key":1,"message":1}"#, wrong("widget_key", "a string")),
            (r#"{"type":"broadcast","widget_key":"k"}"#, DecodeError::Missing("message")),
            (r#"{"type":"broadcast","widget_key":"k","message":1,"timestamp":"1"}"#, wrong("timestamp", "a number of seconds")),
            (r#"{"type":"private","widget_key":"k","message":1}"#, DecodeError::Missing("to_user_id")),
            (r#"{"type":"private","widget_key":"k","to_user_id":"","message":1}"#, wrong("to_user_id", "a user id")),
            (r#"{"type":"private","widget_key":"k","to_user_id":3,"message":1}"#, wrong("to_user_id", "a string")),
            (r#"{"type":"broadcast","widget_key":"k","message":1,"client_message_id":""}"#, wrong("client_message_id", id)),
            (&long, wrong("client_message_id", id)),
            (r#"{"type":"broadcast","widget_key":"k","message":1,"announcement":1}"#, wrong("announcement", "true or false")),
            (
                r#"{"type":"private","widget_key":"k","to_user_id":"b","message":1,"announcement":true}"#,
                wrong("announcement", "false but in a broadcast"),
            ),
        ];
        for (body, expected) in rows {
            assert_eq!(decode(body.as_bytes()).expect_err(body), expected, "{body}");
        }
        for body in ["", "{", "[]", "null", "7", r#"["request","k"]"#, r#"{"type":"request"} x"#, "{\"type\":\"\u{0}\"}"] {
            assert!(matches!(decode(body.as_bytes()), Err(DecodeError::Malformed(_))), "{body:?}");
        }
        assert!(matches!(decode(b"{\"type\":\"\xff\"}"), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn events_are_framed_byte_for_byte() {
        let check = |frame: Bytes, expected: &str| assert_eq!(std::str::from_utf8(&frame).expect("UTF-8"), expected);
        let id = said("1", None).id();
        let envelope = format!(r#""timestamp":12.5,"widget_key":"","id":"{id}","sent_at":"2026-11-21T03:00:00.123Z","message":"#);
        check(
            event(&said(r#"{"z":1,"a":12345678901234567890}"#, None), &at("e-7"), NOW),
            &format!(
                "id: e-7\ndata: {{\"stream_id\":\"1\",\"author_id\":\"ann\",\"to_user_id\":\"\",\"type\":\"broadcast\",{envelope}{}}}\n\n",
                r#"{"z":1,"a":12345678901234567890}"#
            ),
        );
        check(
            event(&said("\"hi\"", Some("bob")), &at("eS3-7"), NOW),
            &format!(
                "id: eS3-7\ndata: {{\"stream_id\":\"1\",\"author_id\":\"ann\",\"to_user_id\":\"bob\",\"type\":\"private\",{envelope}\"hi\"}}\n\n"
            ),
        );
    }

    #[test]
    fn an_envelope_says_that_it_is_an_announcement_and_no_payload_can() {
        let told = |announces| {
            let mut event = said(r#"{"announcement":true}"#, None);
            let Kind::Message(message) = &mut event.kind else { unreachable!("it is one") };
            message.profile = Profile { announces, ..Profile::default() };
            serde_json::to_value(Envelope::of(&event)).expect("plain data").get("announcement").cloned()
        };
        assert_eq!((told(true), told(false)), (Some(true.into()), None));
    }

    #[test]
    fn an_envelope_says_the_author_s_role_and_no_payload_can() {
        let role_of = |role| {
            let mut event = said(r#"{"role":"owner","profile":{"role":"owner"}}"#, None);
            let Kind::Message(message) = &mut event.kind else { unreachable!("it is one") };
            message.profile = Profile { role, ..Profile::default() };
            serde_json::to_value(Envelope::of(&event)).expect("plain data").get("role").cloned()
        };
        assert_eq!(role_of(Role::Guest), None);
        for (role, name) in [(Role::Moderator, "moderator"), (Role::Owner, "owner"), (Role::Bot, "bot")] {
            assert_eq!(role_of(role), Some(name.into()));
        }
    }

    #[test]
    fn line_ends_between_tokens_cannot_break_out_of_the_data() {
        let frame = event(&said("{\r\n\"a\":\n1}", None), &at("e-7"), NOW);
        let text = std::str::from_utf8(&frame).expect("UTF-8");
        assert!(text.ends_with("\"message\":{\"a\":1}}\n\n"), "{text}");
        assert_eq!(text.trim_end().lines().count(), 2, "{text}");
        let full = event(&said(&format!("{{{}}}", "\n".repeat(60_000)), None), &at("e-7"), NOW);
        assert!(full.len() < 1_000, "line ends cost nothing: {}", full.len());
    }

    #[test]
    fn no_payload_makes_more_lines_of_its_frame() {
        for payload in ["{\r\n\"a\":\n1}", "\"\u{2028}\u{2029}\u{85}\\n\"", "{\"\\ud800\":\n1}"] {
            let frame = event(&said(payload, None), &at("e-7"), NOW);
            let text = std::str::from_utf8(&frame).expect("UTF-8");
            let is_line_end = |b: &u8| matches!(b, b'\n' | b'\r');
            assert_eq!(text.bytes().filter(is_line_end).count(), 3, "{text}");
        }
    }

    #[test]
    fn what_breaks_the_rule_is_refused_with_its_place_in_the_body() {
        let deep = format!(r#"{{"type":"broadcast","widget_key":"k","message":{}{}}}"#, "[".repeat(33), "]".repeat(33));
        let rows = [
            (r#"{"type":"broadcast","widget_key":"k","message":{"z":1e999}}"#, "message.z", 52),
            (r#"{"type":"broadcast","widget_key":"k","message":{"\ud800":1}}"#, "message", 49),
            (r#"{"type":"broadcast","widget_key":"k","message":1,"message":2}"#, "message", 49),
            (r#"{"type":"broadcast","widget_key":"k","message":1,"other":["\udc00"]}"#, "other[0]", 59),
            (r#"{"\ud800":1,"type":"request","widget_key":"k"}"#, "", 2),
            (&deep, "message[0][0][0][0][0][0][0]…", 79),
        ];
        for (body, path, byte) in rows {
            match decode(body.as_bytes()) {
                Err(DecodeError::Rule(error)) => assert_eq!((&*error.path, error.byte), (path, byte), "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_frame_can_be_given_another_position() {
        let frame = event(&said("1", None), &at("e-7"), NOW);
        assert_eq!(with_position(&frame, &at("eS3-7")), event(&said("1", None), &at("eS3-7"), NOW));
    }

    #[test]
    fn the_server_s_own_envelopes_have_inlive_s_form() {
        let check = |frame: Bytes, expected: &str| assert_eq!(std::str::from_utf8(&frame).expect("UTF-8"), expected);
        let (token, user_id, position) = ("t".into(), "u".into(), "e-7".into());
        let tell = Init {
            token,
            user_id,
            viewer_count: 3,
            position,
            gap: false,
            waiting: None,
            state: None,
            moderates: false,
            interface: None,
            cooldowns: BTreeMap::new(),
        };
        check(
            init(RoomId::FIRST, &tell, 1_500),
            concat!(
                "retry: 1500\n",
                r#"data: {"stream_id":"1","author_id":"0","to_user_id":"u","type":"init","timestamp":0,"widget_key":"","message":"#,
                r#"{"token":"t","user_id":"u","viewer_count":3,"position":"e-7","gap":false}}"#,
                "\n\n"
            ),
        );
        check(
            presence(RoomId::FIRST, true, 2),
            concat!(
                r#"data: {"stream_id":"1","author_id":"0","to_user_id":"","type":"system","timestamp":0,"widget_key":"","message":"#,
                r#"{"status":"join","viewer_count":2}}"#,
                "\n\n"
            ),
        );
        check(
            link(RoomId::FIRST, false),
            concat!(
                r#"data: {"stream_id":"1","author_id":"0","to_user_id":"","type":"system","timestamp":0,"widget_key":"","message":"#,
                r#"{"live":false,"status":"link"}}"#,
                "\n\n"
            ),
        );
        check(
            history(RoomId::FIRST, &user("u"), &[], false, &at("e-7")),
            concat!(
                "id: e-7\n",
                r#"data: {"stream_id":"1","author_id":"0","to_user_id":"u","type":"request","timestamp":0,"widget_key":"","message":[],"has_more":false,"before":null}"#,
                "\n\n"
            ),
        );
    }
}
