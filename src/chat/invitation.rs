use serde::{Deserialize, Serialize};

use crate::chat::{RoomId, Timestamp, UserId};

/// That somebody is to moderate, under a name that is theirs alone. It is taken once, by a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its own name: 16 characters of `[0-9a-f]`.
    pub id: String,
    /// The room; all of them if none is named.
    pub room: Option<RoomId>,
    /// The name under which they speak.
    pub name: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was taken, if it was.
    pub taken_at: Option<Timestamp>,
    /// When it was revoked, if it was: whoever had taken it moderates no more.
    pub revoked_at: Option<Timestamp>,
}

impl Invitation {
    /// Who takes it is this user. No guest and no user of a site has such an id.
    pub fn user(&self) -> UserId {
        UserId::try_from(format!("moderator:{}", self.id)).expect("printable and short")
    }

    /// Whether it is about `room`.
    pub fn covers(&self, room: RoomId) -> bool {
        self.room.is_none_or(|only| only == room)
    }
}
