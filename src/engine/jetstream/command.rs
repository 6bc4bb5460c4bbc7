//! What the log holds: commands, in the order in which all nodes carry them out.

use std::{any::Any, borrow::Cow};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::{
    Entry, React,
    sqlite::{Copying, Job, Record, Reply, unheard},
};
use crate::chat::{
    AppearanceChange, CustomEvent, Deletion, Disconnection, Invitation, Kind, NameClaim, NewWidgetKey, Outcome, Recorded,
    RedirectUris, Revocation, RoomId, RoomState, Sanction, Settings, SettingsChange, Timestamp, UserId,
};

/// An entry of the log. Its form is kept: what a version has written, all later ones read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Command {
    /// The log is the one of this epoch from here on.
    Epoch(String),
    /// Rows of another log follow, or all of them are there.
    Copying(Copying),
    /// Rows of a table of another log; of its events one at a time, so that each can be erased.
    Copy {
        room: Option<RoomId>,
        kept: Kept,
        table: String,
        records: Vec<Record>,
    },
    FirstRoom {
        configured: Option<String>,
        key: String,
    },
    CreateRoom {
        settings: Settings,
        key: String,
    },
    OpenChannel {
        settings: Settings,
    },
    RemoveRoom {
        room: RoomId,
    },
    CreateWidgetKey {
        new: NewWidgetKey,
        key: String,
    },
    RevokeWidgetKey {
        key: String,
    },
    SetRedirectUris {
        key: String,
        uris: RedirectUris,
    },
    ChangeAppearance(AppearanceChange),
    SetState {
        room: RoomId,
        state: RoomState,
    },
    Configure {
        room: RoomId,
        change: SettingsChange,
        by: UserId,
    },
    Append {
        room: RoomId,
        entry: Entry,
    },
    Claim {
        room: RoomId,
        user: UserId,
        claim: NameClaim,
    },
    Resolve {
        room: RoomId,
        of: u64,
        outcome: Outcome,
        by: UserId,
        reason: String,
    },
    Delete {
        room: RoomId,
        deletion: Deletion,
    },
    Undo {
        room: RoomId,
        of: u64,
        by: UserId,
    },
    Disconnect {
        room: RoomId,
        disconnection: Disconnection,
    },
    Tell {
        room: RoomId,
        event: CustomEvent,
    },
    Sanction {
        room: RoomId,
        sanction: Sanction,
    },
    React {
        room: RoomId,
        react: React,
    },
    TellReactions {
        room: RoomId,
    },
    Revoke(Revocation),
    Invite(Invitation),
    /// A single-use token opens a connection.
    UseToken {
        room: RoomId,
        id: String,
        until: Timestamp,
    },
    BeginImport {
        settings: Settings,
    },
    Import {
        room: RoomId,
        message: Recorded,
    },
    FinishImport {
        room: RoomId,
        key: String,
        /// When its first and its last message were said: some of them may be erased where this is carried out.
        #[serde(default)]
        lasted: Option<(Timestamp, Timestamp)>,
    },
    AbandonImport {
        room: RoomId,
    },
    Trim {
        room: RoomId,
        to: u64,
    },
}

/// Returns a user id as it stands in the name of an entry, which is a header's value: as it is if it is printable ASCII, as older
/// versions write it, or else encoded behind a space, which no id of the first kind holds.
fn in_a_name(user: &str) -> Cow<'_, str> {
    if user.bytes().all(|byte| byte.is_ascii_graphic()) {
        return user.into();
    }
    format!(" {}", utf8_percent_encode(user, NON_ALPHANUMERIC)).into()
}

/// What becomes of a command's entry in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kept {
    /// It goes with the room's retention, or when it is deleted: somebody's words.
    Said,
    /// It stays: what it says holds for all that follows.
    Done,
    /// It goes when its time is over: a name that somebody has, or a token that was used.
    Expiring,
}

/// Whoever waits for a command's answer, of whatever type it is.
pub(super) struct Asker(Option<Box<dyn Any + Send>>);

impl Asker {
    /// Nobody on this node.
    pub(super) fn nobody() -> Self {
        Self(None)
    }

    pub(super) fn new<T: Send + 'static>(reply: Reply<T>) -> Self {
        Self(Some(Box::new(reply)))
    }

    fn reply<T: Send + 'static>(self) -> Reply<T> {
        self.0.and_then(|reply| reply.downcast().ok()).map_or_else(unheard, |reply| *reply)
    }
}

impl Command {
    /// What it is called in the log: the same for two that are the same message of the same author, by which the second is not
    /// stored; else nothing else is called so.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Append { room, entry } => match &entry.draft.client_message_id {
                Some(id) => {
                    let (author, id) = (in_a_name(entry.author.as_str()), utf8_percent_encode(id, NON_ALPHANUMERIC));
                    format!("{room} {author} {id}")
                }
                None => Uuid::new_v4().to_string(),
            },
            // All nodes come to it at the same time.
            Self::Trim { room, to } => format!("trim {room} {to}"),
            _ => Uuid::new_v4().to_string(),
        }
    }

    /// The room that it is about, if it is about one, and what becomes of it.
    pub(super) fn belongs_to(&self) -> (Option<RoomId>, Kept) {
        match self {
            Self::Append { room, .. } | Self::Import { room, .. } | Self::Tell { room, .. } => (Some(*room), Kept::Said),
            Self::React { room, .. } | Self::TellReactions { room } => (Some(*room), Kept::Said),
            Self::SetState { room, .. }
            | Self::Configure { room, .. }
            | Self::Resolve { room, .. }
            | Self::Delete { room, .. }
            | Self::Undo { room, .. }
            | Self::Disconnect { room, .. }
            | Self::Sanction { room, .. }
            | Self::FinishImport { room, .. }
            | Self::AbandonImport { room }
            | Self::RemoveRoom { room }
            | Self::Trim { room, .. } => (Some(*room), Kept::Done),
            Self::Claim { room, .. } | Self::UseToken { room, .. } => (Some(*room), Kept::Expiring),
            Self::Copy { room, kept, .. } => (*room, *kept),
            Self::Epoch(_)
            | Self::Copying(_)
            | Self::FirstRoom { .. }
            | Self::CreateRoom { .. }
            | Self::OpenChannel { .. }
            | Self::CreateWidgetKey { .. }
            | Self::RevokeWidgetKey { .. }
            | Self::SetRedirectUris { .. }
            | Self::ChangeAppearance(_)
            | Self::Revoke(_)
            | Self::Invite(_)
            | Self::BeginImport { .. } => (None, Kept::Done),
        }
    }

    /// Whether it may change [what stands](super::agreement).
    pub(super) fn changes_state(&self) -> bool {
        match self {
            Self::Copying(_)
            | Self::Copy { .. }
            | Self::FirstRoom { .. }
            | Self::CreateRoom { .. }
            | Self::OpenChannel { .. }
            | Self::RemoveRoom { .. }
            | Self::CreateWidgetKey { .. }
            | Self::RevokeWidgetKey { .. }
            | Self::SetRedirectUris { .. }
            | Self::SetState { .. }
            | Self::Configure { .. }
            | Self::Sanction { .. }
            | Self::Undo { .. }
            | Self::BeginImport { .. }
            | Self::FinishImport { .. }
            | Self::AbandonImport { .. } => true,
            Self::Epoch(_)
            | Self::Append { .. }
            | Self::Claim { .. }
            | Self::Resolve { .. }
            | Self::Delete { .. }
            | Self::Disconnect { .. }
            | Self::Tell { .. }
            | Self::React { .. }
            | Self::TellReactions { .. }
            | Self::ChangeAppearance(_)
            | Self::Revoke(_)
            | Self::Invite(_)
            | Self::UseToken { .. }
            | Self::Import { .. }
            | Self::Trim { .. } => false,
        }
    }

    /// What the index has to do, and who is to be answered.
    pub(super) fn into_job(self, asker: Asker) -> Job {
        match self {
            Self::Epoch(_) => Job::Pass { reply: asker.reply() },
            Self::Copying(copying) => Job::Copying { copying, reply: asker.reply() },
            Self::Copy { table, records, .. } => Job::Copy { table, records, reply: asker.reply() },
            Self::FirstRoom { configured, key } => Job::FirstRoom { configured, key, reply: asker.reply() },
            Self::CreateRoom { settings, key } => Job::CreateRoom { settings, key, reply: asker.reply() },
            Self::OpenChannel { settings } => Job::OpenChannel { settings, reply: asker.reply() },
            Self::RemoveRoom { room } => Job::RemoveRoom { room, reply: asker.reply() },
            Self::CreateWidgetKey { new, key } => Job::CreateWidgetKey { new, key, reply: asker.reply() },
            Self::RevokeWidgetKey { key } => Job::RevokeWidgetKey { key, reply: asker.reply() },
            Self::SetRedirectUris { key, uris } => Job::SetRedirectUris { key, uris, reply: asker.reply() },
            Self::ChangeAppearance(change) => Job::ChangeAppearance { change, reply: asker.reply() },
            Self::SetState { room, state } => Job::SetState { room, state, reply: asker.reply() },
            Self::Configure { room, change, by } => Job::Configure { room, change, by, reply: asker.reply() },
            Self::Append { room, entry } => Job::Append { room, entry, reply: asker.reply() },
            Self::Claim { room, user, claim } => Job::Claim { room, user, claim, reply: asker.reply() },
            Self::Resolve { room, of, outcome, by, reason } => {
                Job::Resolve { room, of, outcome, by, reason, reply: asker.reply() }
            }
            Self::Delete { room, deletion } => Job::Delete { room, deletion, reply: asker.reply() },
            Self::Undo { room, of, by } => Job::Undo { room, of, by, reply: asker.reply() },
            Self::Disconnect { room, disconnection } => {
                Job::Tell { room, kind: Box::new(Kind::Disconnection(disconnection)), reply: asker.reply() }
            }
            Self::Tell { room, event } => Job::Tell { room, kind: Box::new(Kind::Custom(event)), reply: asker.reply() },
            Self::Sanction { room, sanction } => Job::Sanction { room, sanction, reply: asker.reply() },
            Self::React { room, react } => Job::React { room, react, reply: asker.reply() },
            Self::TellReactions { room } => Job::TellReactions { room, reply: asker.reply() },
            Self::Revoke(revocation) => Job::Revoke { revocation, reply: asker.reply() },
            Self::Invite(invitation) => Job::Invite { invitation, reply: asker.reply() },
            Self::UseToken { id, until, .. } => Job::UseToken { id, until, reply: asker.reply() },
            Self::BeginImport { settings } => Job::BeginImport { settings, reply: asker.reply() },
            Self::Import { room, message } => Job::Import { room, messages: vec![message], reply: asker.reply() },
            Self::FinishImport { room, key, lasted } => Job::FinishImport { room, key, lasted, reply: asker.reply() },
            Self::AbandonImport { room } => Job::AbandonImport { room, reply: asker.reply() },
            Self::Trim { room, to } => Job::Trim { room, to, reply: asker.reply() },
        }
    }
}
