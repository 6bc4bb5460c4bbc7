use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::{Message, Timestamp, UserId};

/// How long a moderator's act can be undone. Until it is over, what a deletion took out is kept, so that the text of a deleted message
/// leaves the log of a cluster, and the search index, that much later.
pub const UNDO_WINDOW: Duration = Duration::from_secs(10);

/// Longest reason of a moderator, in Unicode code points: as long as Amazon IVS Chat allows.
pub const REASON_CHARS: usize = 256;

/// Messages that are shown to nobody any more. The log keeps them, and who took them out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// Which.
    pub of: Deleted,
    /// Who did it.
    pub by: UserId,
    /// Why: for the log. May be empty.
    pub reason: String,
    /// Whether the public is told why.
    pub tells_reason: bool,
}

/// Somebody's connections to the room were ended. They may come back: to keep them from speaking is a [`Sanction`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnection {
    /// Whose; whether it is their site's user or a guest of that id.
    pub user: UserId,
    /// Who did it.
    pub by: UserId,
    /// Why: for the log and the public. May be empty.
    pub reason: String,
}

impl Disconnection {
    /// Whether it ends the connections of `user`.
    pub fn ends(&self, user: &UserId) -> bool {
        self.user.own() == user.own()
    }
}

/// What a deletion takes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deleted {
    /// The message at this place of the log.
    Message(u64),
    /// Everything that this user said before, private messages too.
    AllOf(UserId),
}

impl Deleted {
    /// Whether `message`, at place `seq` and before the deletion, is one of them.
    pub fn covers(&self, seq: u64, message: &Message) -> bool {
        match self {
            Self::Message(place) => *place == seq,
            Self::AllOf(user) => *user == message.author,
        }
    }
}

/// A moderator's act was undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The place of the act's event in the log.
    pub of: u64,
    /// What is so again.
    pub what: Restored,
    /// Messages of that author that wait for a moderator again.
    pub waiting: Vec<u64>,
    /// Who undid it.
    pub by: UserId,
}

/// What is again as it was before an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// The message at this place is shown.
    Message(u64),
    /// Everything that this user said before the deletion is shown, but for what another deletion takes out.
    AllOf(UserId),
    /// The message of this author that was declined waits at this place.
    Waiting {
        /// Where it waits.
        seq: u64,
        /// Whose it is.
        author: UserId,
    },
    /// What was decided before on this user's right to speak holds. The event that follows says what.
    Right(UserId),
}

impl Restored {
    /// Returns the user whom it is about. A message says itself whose it is.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::Message(_) => None,
            Self::AllOf(user) | Self::Waiting { author: user, .. } | Self::Right(user) => Some(user),
        }
    }
}

/// Messages of one author that may wait for a moderator at once, in a room that holds those of newcomers.
pub const HELD_OF_AUTHOR: u64 = 5;

/// Messages of all together that may wait for a moderator at once in a room: it bounds what a raid leaves behind, on the disk and
/// for whoever has to read it.
pub const HELD_IN_ROOM: u64 = 1_000;

/// What was decided on a message that waited for a moderator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The place of the log where it waited.
    pub of: u64,
    /// Whose it is.
    pub author: UserId,
    /// What became of it.
    pub outcome: Outcome,
    /// Who decided it.
    pub by: UserId,
    /// Why: for the log, and for its author. May be empty.
    pub reason: String,
}

/// What becomes of a message that waited for a moderator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is said: the event that follows is the message, for everybody.
    Approved,
    /// It is shown to nobody.
    Declined,
}

impl Outcome {
    /// Its name, in lower case: as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
        }
    }
}

/// What a moderator decided on somebody's right to speak in the room. The later one replaces the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sanction {
    /// Whose.
    pub user: UserId,
    /// What holds from now on.
    pub measure: Measure,
    /// For whom else it holds: everybody who comes from there.
    pub addresses: Vec<AddressHash>,
    /// Who decided it.
    pub by: UserId,
    /// Why: for the log, and for the person. May be empty.
    pub reason: String,
}

/// Where somebody connects from, in a form that is known again and tells nothing: a keyed hash of their address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressHash(pub String);

/// Whether somebody may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "measure", rename_all = "lowercase")]
pub enum Measure {
    /// Not before a moment.
    Timeout {
        /// That moment.
        until: Timestamp,
    },
    /// Not any more.
    Ban,
    /// As everybody does: whatever was decided before is undone.
    Lift,
}
