use serde::{Deserialize, Serialize};

use crate::chat::{RoomId, Settings, Timestamp};

/// Where a room is in its life: prepared, then live, then ended. inLive's stream life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomState {
    /// Made, and not opened yet: no subscribers, no messages.
    Created,
    /// About to open. Still closed to subscribers and messages.
    Prepared,
    /// Open.
    Live,
    /// Over. Its history can still be read.
    Ended,
}

impl RoomState {
    /// Its name, in lower case: as it is stored, sent and said.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Prepared => "prepared",
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }
}

/// One chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Room {
    /// Its number.
    pub id: RoomId,
    /// What whoever runs it may change.
    pub settings: Settings,
    /// Where it is in its life.
    pub state: RoomState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was prepared.
    pub prepared_at: Option<Timestamp>,
    /// When it opened.
    pub started_at: Option<Timestamp>,
    /// When it opened the first time.
    pub first_started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Room {
    /// From when on a replay counts: its first opening, or its making while it was not open yet.
    pub fn start(&self) -> Timestamp {
        self.first_started_at.unwrap_or(self.created_at)
    }

    /// Takes over that it has moved to another state.
    pub fn enter(&mut self, state: RoomState, at: Timestamp) {
        (self.state, self.updated_at) = (state, at);
        match state {
            RoomState::Created => self.created_at = at,
            RoomState::Prepared => self.prepared_at = Some(at),
            RoomState::Live => {
                self.started_at = Some(at);
                self.first_started_at.get_or_insert(at);
            }
            RoomState::Ended => self.ended_at = Some(at),
        }
    }
}
