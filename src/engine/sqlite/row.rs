//! An event and a room as rows of their tables.

use std::borrow::Cow;

use rusqlite::{Row, types::Type};
use serde::{Deserialize, Serialize};

use super::{checksum, schema::state_from_name};
use crate::{
    chat::{
        AddressHash, CustomEvent, Deleted, Deletion, Disconnection, Event, Invitation, Kind, Measure, Message, NameClaim,
        Outcome, Payload, Profile, Resolution, Restore, Restored, Revocation, Revoked, Room, RoomId, Sanction, Settings,
        Timestamp, UserId,
    },
    engine::{Appended, EngineError, HeldName, Webhook},
};

/// The kind of an event that tells of reactions. Those of 100 and more are neither said nor done by anybody in the room.
const REACTIONS: i64 = 100;

/// The kind of a custom event.
const CUSTOM: i64 = 101;

/// What the table holds of an event beside its place, its time and its client message id.
pub(super) struct Columns<'a> {
    pub(super) kind: i64,
    pub(super) author: Option<&'a str>,
    pub(super) recipient: Option<&'a str>,
    pub(super) video_time: Option<f64>,
    pub(super) payload: Cow<'a, str>,
    pub(super) profile: Option<String>,
}

/// The kind of a message that waits for a moderator, or has.
const HELD: i64 = -1;

/// The payload of what was decided on such a message.
#[derive(Serialize, Deserialize)]
struct StoredResolution<'a> {
    of: u64,
    outcome: Outcome,
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

/// The payload of a deletion.
#[derive(Serialize, Deserialize)]
struct StoredDeletion<'a> {
    /// The one message, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<u64>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    tells_reason: bool,
}

/// The kind of an event that undoes an act.
const RESTORE: i64 = 8;

/// The payload of such an event.
#[derive(Serialize, Deserialize)]
struct StoredRestore<'a> {
    of: u64,
    what: StoredRestored,
    /// The one message, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<u64>,
    #[serde(default, skip_serializing_if = "<[u64]>::is_empty")]
    waiting: Cow<'a, [u64]>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredRestored {
    Message,
    All,
    Waiting,
    Right,
}

/// The payload of a disconnection.
#[derive(Serialize, Deserialize)]
struct StoredDisconnection<'a> {
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

/// The payload of a sanction.
#[derive(Serialize, Deserialize)]
struct StoredSanction<'a> {
    #[serde(flatten)]
    measure: Measure,
    addresses: Cow<'a, [AddressHash]>,
    reason: Cow<'a, str>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(kind: &'a Kind) -> Self {
        let said = |kind, message: &'a Message, to| Self {
            kind,
            author: Some(message.author.as_str()),
            recipient: to,
            video_time: Some(message.video_time),
            payload: message.payload.get().into(),
            profile: (message.profile != Profile::default())
                .then(|| serde_json::to_string(&message.profile).expect("plain data")),
        };
        let told = |kind, author, recipient, payload| Self { kind, author, recipient, video_time: None, payload, profile: None };
        match kind {
            Kind::Message(message) => said(0, message, None),
            Kind::Private { to, message } => said(1, message, Some(to.as_str())),
            Kind::Held(message) => said(HELD, message, None),
            Kind::Resolution(Resolution { of, author, outcome, by, reason }) => {
                let stored = StoredResolution { of: *of, outcome: *outcome, reason: reason.into() };
                let payload = serde_json::to_string(&stored).expect("plain data").into();
                told(6, Some(by.as_str()), Some(author.as_str()), payload)
            }
            Kind::Room(state) => told(2, None, None, state.name().into()),
            Kind::Settings { settings, by } => told(5, Some(by.as_str()), None, stored(settings).into()),
            Kind::Deletion(Deletion { of, by, reason, tells_reason }) => {
                let (message, recipient) = match of {
                    Deleted::Message(seq) => (Some(*seq), None),
                    Deleted::AllOf(user) => (None, Some(user.as_str())),
                };
                let stored = StoredDeletion { message, reason: reason.into(), tells_reason: *tells_reason };
                let payload = serde_json::to_string(&stored).expect("plain data").into();
                told(3, Some(by.as_str()), recipient, payload)
            }
            Kind::Reactions(recounts) => told(REACTIONS, None, None, serde_json::to_string(recounts).expect("plain data").into()),
            Kind::Sanction(Sanction { user, measure, addresses, by, reason }) => {
                let stored = StoredSanction { measure: *measure, addresses: addresses.into(), reason: reason.into() };
                let payload = serde_json::to_string(&stored).expect("plain data").into();
                told(4, Some(by.as_str()), Some(user.as_str()), payload)
            }
            Kind::Disconnection(Disconnection { user, by, reason }) => {
                let payload = serde_json::to_string(&StoredDisconnection { reason: reason.into() }).expect("plain data").into();
                told(7, Some(by.as_str()), Some(user.as_str()), payload)
            }
            Kind::Restore(Restore { of, what, waiting, by }) => {
                let (stored, message) = match what {
                    Restored::Message(seq) => (StoredRestored::Message, Some(*seq)),
                    Restored::AllOf(_) => (StoredRestored::All, None),
                    Restored::Waiting { seq, .. } => (StoredRestored::Waiting, Some(*seq)),
                    Restored::Right(_) => (StoredRestored::Right, None),
                };
                let stored = StoredRestore { of: *of, what: stored, message, waiting: waiting.into() };
                let payload = serde_json::to_string(&stored).expect("plain data").into();
                told(RESTORE, Some(by.as_str()), what.user().map(UserId::as_str), payload)
            }
            Kind::Custom(event) => {
                told(CUSTOM, Some(event.by.as_str()), None, serde_json::to_string(event).expect("plain data").into())
            }
        }
    }
}

/// One row of `events`.
pub(super) fn event(row: &Row<'_>) -> Result<Event, EngineError> {
    let (room, seq) = (room_id(row, "room")?, row.get("seq")?);
    if !checksum::is_intact(row)? {
        return Err(EngineError::DamagedEvent { room, seq });
    }
    let kind = match row.get("kind")? {
        HELD => Kind::Held(message(row)?),
        0 => Kind::Message(message(row)?),
        1 => Kind::Private { to: user(row, "recipient")?, message: message(row)? },
        2 => Kind::Room(state_from_name(&row.get::<_, String>("payload")?).ok_or_else(|| unreadable("payload"))?),
        3 => Kind::Deletion(deletion(row)?),
        4 => Kind::Sanction(sanction(row)?),
        REACTIONS => Kind::Reactions(serde_json::from_str(&row.get::<_, String>("payload")?).map_err(|_| unreadable("payload"))?),
        5 => Kind::Settings { settings: settings(row, "payload")?, by: user(row, "author")? },
        6 => Kind::Resolution(resolution(row)?),
        7 => Kind::Disconnection(disconnection(row)?),
        RESTORE => Kind::Restore(restore(row)?),
        CUSTOM => Kind::Custom(custom(row)?),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(0, other).into()),
    };
    let client_message_id = row.get::<_, Option<String>>("client_message_id")?.map(Into::into);
    Ok(Event { room, seq, sent_at: Timestamp(row.get("sent_at")?), kind, client_message_id })
}

/// The place, time and kind of one row of `events`, in this order.
pub(super) fn appended(row: &Row<'_>) -> rusqlite::Result<Appended> {
    Ok(Appended { seq: row.get(0)?, sent_at: Timestamp(row.get(1)?), held: row.get::<_, i64>(2)? == HELD })
}

/// One row of `rooms`.
pub(super) fn room(row: &Row<'_>) -> rusqlite::Result<Room> {
    let state: String = row.get("state")?;
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp));
    Ok(Room {
        id: room_id(row, "id")?,
        settings: settings(row, "settings")?,
        state: state_from_name(&state).ok_or_else(|| unreadable("state"))?,
        created_at: Timestamp(row.get("created_at")?),
        updated_at: Timestamp(row.get("updated_at")?),
        prepared_at: time("prepared_at")?,
        started_at: time("started_at")?,
        first_started_at: time("first_started_at")?,
        ended_at: time("ended_at")?,
    })
}

/// One row of `webhooks`.
pub(super) fn webhook(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    serde_json::from_str(&row.get::<_, String>("webhook")?).map_err(|_| unreadable("webhook"))
}

/// One row of `webhook_cursors`.
pub(super) fn cursor(row: &Row<'_>) -> rusqlite::Result<(RoomId, u64)> {
    Ok((room_id(row, "room")?, row.get("seq")?))
}

/// One row of `names`.
pub(super) fn held_name(row: &Row<'_>) -> rusqlite::Result<HeldName> {
    let claim = NameClaim { name: row.get("name")?, until: Timestamp(row.get("until")?) };
    Ok(HeldName { room: room_id(row, "room")?, user: user(row, "user")?, claim })
}

/// One row of `revocations`.
pub(super) fn revocation(row: &Row<'_>) -> rusqlite::Result<Revocation> {
    let of = match row.get("kind")? {
        0 => Revoked::Token(row.get("id")?),
        1 => Revoked::User(user(row, "id")?),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    };
    Ok(Revocation { of, at: Timestamp(row.get("at")?), until: Timestamp(row.get("until")?) })
}

/// One row of `invitations`.
pub(super) fn invitation(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    let room = row.get::<_, Option<i64>>("room")?.map(|room| RoomId::new(room).ok_or_else(|| unreadable("room")));
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp));
    Ok(Invitation {
        id: row.get("id")?,
        room: room.transpose()?,
        name: row.get("name")?,
        made_at: Timestamp(row.get("made_at")?),
        taken_at: time("taken_at")?,
        revoked_at: time("revoked_at")?,
    })
}

/// What a revocation is of, as its row says it.
pub(super) fn revoked(of: &Revoked) -> (i64, &str) {
    match of {
        Revoked::Token(id) => (0, id),
        Revoked::User(user) => (1, user.as_str()),
    }
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let profile: Option<Option<String>> = checksum::optional(row.get("profile"))?;
    let profile = profile.flatten().map(|profile| serde_json::from_str(&profile).map_err(|_| unreadable("profile")));
    Ok(Message {
        author: user(row, "author")?,
        profile: profile.transpose()?.unwrap_or_default(),
        payload: Payload::stored(row.get("payload")?),
        video_time: row.get("video_time")?,
        reactions: Vec::new(),
    })
}

fn deletion(row: &Row<'_>) -> rusqlite::Result<Deletion> {
    let payload: String = row.get("payload")?;
    let StoredDeletion { message, reason, tells_reason } = serde_json::from_str(&payload).map_err(|_| unreadable("payload"))?;
    let of = match message {
        Some(seq) => Deleted::Message(seq),
        None => Deleted::AllOf(user(row, "recipient")?),
    };
    Ok(Deletion { of, by: user(row, "author")?, reason: reason.into_owned(), tells_reason })
}

fn sanction(row: &Row<'_>) -> rusqlite::Result<Sanction> {
    let payload: String = row.get("payload")?;
    let StoredSanction { measure, addresses, reason } = serde_json::from_str(&payload).map_err(|_| unreadable("payload"))?;
    let (addresses, reason) = (addresses.into_owned(), reason.into_owned());
    Ok(Sanction { user: user(row, "recipient")?, measure, addresses, by: user(row, "author")?, reason })
}

fn disconnection(row: &Row<'_>) -> rusqlite::Result<Disconnection> {
    let payload: String = row.get("payload")?;
    let StoredDisconnection { reason } = serde_json::from_str(&payload).map_err(|_| unreadable("payload"))?;
    Ok(Disconnection { user: user(row, "recipient")?, by: user(row, "author")?, reason: reason.into_owned() })
}

fn restore(row: &Row<'_>) -> rusqlite::Result<Restore> {
    let payload: String = row.get("payload")?;
    let StoredRestore { of, what, message, waiting } = serde_json::from_str(&payload).map_err(|_| unreadable("payload"))?;
    let seq = || message.ok_or_else(|| unreadable("payload"));
    let what = match what {
        StoredRestored::Message => Restored::Message(seq()?),
        StoredRestored::All => Restored::AllOf(user(row, "recipient")?),
        StoredRestored::Waiting => Restored::Waiting { seq: seq()?, author: user(row, "recipient")? },
        StoredRestored::Right => Restored::Right(user(row, "recipient")?),
    };
    Ok(Restore { of, what, waiting: waiting.into_owned(), by: user(row, "author")? })
}

fn custom(row: &Row<'_>) -> rusqlite::Result<CustomEvent> {
    serde_json::from_str(&row.get::<_, String>("payload")?).map_err(|_| unreadable("payload"))
}

fn resolution(row: &Row<'_>) -> rusqlite::Result<Resolution> {
    let payload: String = row.get("payload")?;
    let StoredResolution { of, outcome, reason } = serde_json::from_str(&payload).map_err(|_| unreadable("payload"))?;
    Ok(Resolution { of, author: user(row, "recipient")?, outcome, by: user(row, "author")?, reason: reason.into_owned() })
}

/// Settings as they are stored.
pub(super) fn stored(settings: &Settings) -> String {
    serde_json::to_string(settings).expect("plain data")
}

fn settings(row: &Row<'_>, column: &str) -> rusqlite::Result<Settings> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|_| unreadable(column))
}

pub(super) fn room_id(row: &Row<'_>, column: &str) -> rusqlite::Result<RoomId> {
    RoomId::new(row.get(column)?).ok_or_else(|| unreadable(column))
}

pub(super) fn user(row: &Row<'_>, column: &str) -> rusqlite::Result<UserId> {
    UserId::try_from(row.get::<_, String>(column)?).map_err(|_| unreadable(column))
}

/// What we wrote ourselves cannot be read: the file was changed by somebody else.
pub(super) fn unreadable(column: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(0, column.to_owned(), Type::Text)
}
