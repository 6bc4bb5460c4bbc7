use std::fmt;

use serde::{Deserialize, Serialize};

use crate::chat::{Kind, Measure, Restored, RoomState};

/// What other servers can ask to be told, by the names that they are told it under (Standard Webhooks 1.0.0, *Event types*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventType {
    /// Somebody said something to everybody.
    #[serde(rename = "message.created")]
    MessageCreated,
    /// Messages were taken out.
    #[serde(rename = "message.deleted")]
    MessageDeleted,
    /// The deletion of messages was undone.
    #[serde(rename = "message.restored")]
    MessageRestored,
    /// Somebody may not speak for a while.
    #[serde(rename = "user.timed_out")]
    UserTimedOut,
    /// Somebody may not speak any more.
    #[serde(rename = "user.banned")]
    UserBanned,
    /// Somebody may speak again.
    #[serde(rename = "user.lifted")]
    UserLifted,
    /// A room is about to open.
    #[serde(rename = "room.prepared")]
    RoomPrepared,
    /// A room is open.
    #[serde(rename = "room.started")]
    RoomStarted,
    /// A room has ended.
    #[serde(rename = "room.ended")]
    RoomEnded,
    /// A room's settings changed.
    #[serde(rename = "room.updated")]
    RoomUpdated,
}

impl EventType {
    /// What an event of that kind is told as; `None` for what is told to nobody else, such as a private message, for reactions, and
    /// for what the site has told itself.
    pub fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Message(_) => Some(Self::MessageCreated),
            Kind::Deletion(_) => Some(Self::MessageDeleted),
            Kind::Restore(restore) => match restore.what {
                Restored::Message(_) | Restored::AllOf(_) => Some(Self::MessageRestored),
                // A message that waits is told of when it is said, and the decision that holds is an event of its own.
                Restored::Waiting { .. } | Restored::Right(_) => None,
            },
            Kind::Sanction(sanction) => Some(match sanction.measure {
                Measure::Timeout { .. } => Self::UserTimedOut,
                Measure::Ban => Self::UserBanned,
                Measure::Lift => Self::UserLifted,
            }),
            Kind::Room(RoomState::Prepared) => Some(Self::RoomPrepared),
            Kind::Room(RoomState::Live) => Some(Self::RoomStarted),
            Kind::Room(RoomState::Ended) => Some(Self::RoomEnded),
            Kind::Settings { .. } => Some(Self::RoomUpdated),
            // A message that waits is told of when it is said. No room ever becomes a new one.
            Kind::Private { .. } | Kind::Held(_) | Kind::Resolution(_) | Kind::Reactions(_) | Kind::Room(RoomState::Created) => {
                None
            }
            // The site's own program told the one, and whoever was disconnected can come back at once.
            Kind::Custom(_) | Kind::Disconnection(_) => None,
        }
    }
}

impl fmt::Display for EventType {
    /// Its name on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
