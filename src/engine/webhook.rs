use serde::{Deserialize, Serialize};

use crate::chat::{EventType, RoomId, Timestamp};

/// A webhook's name: 1 to 64 characters of `[0-9a-f-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookId(pub String);

/// Another server that is told what happens in the rooms, and how it goes.
///
/// It has no `Debug`, because of its secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Webhook {
    /// Its name.
    pub id: WebhookId,
    /// Where it is told: an absolute URL of `http` or `https`.
    pub url: String,
    /// What it is told; empty for everything.
    pub events: Vec<EventType>,
    /// Of which room; `None` for all, those made later included.
    pub room: Option<RoomId>,
    /// What it is for, for people. May be empty.
    pub description: String,
    /// What signs that it is told by us.
    pub secret: String,
    /// When it was made: it is told what happened from then on.
    pub created_at: Timestamp,
    /// How it goes.
    #[serde(default)]
    pub standing: Standing,
}

/// How the deliveries to a webhook go.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Standing {
    /// When something was delivered last.
    pub last_success: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<Failure>,
    /// Since when nothing could be delivered; `None` while all is well.
    pub failing_since: Option<Timestamp>,
    /// Since when nothing is delivered any more, until somebody says so.
    pub disabled_at: Option<Timestamp>,
}

/// A delivery that failed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// Why, for people.
    pub message: String,
}

impl Webhook {
    /// Whether it is to be told of that room.
    pub fn covers(&self, room: RoomId) -> bool {
        self.room.is_none_or(|only| only == room)
    }

    /// Whether it is to be told what happens of that type.
    pub fn wants(&self, event: EventType) -> bool {
        self.events.is_empty() || self.events.contains(&event)
    }
}
