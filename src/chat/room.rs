use serde::{Deserialize, Serialize};

use crate::chat::{RoomId, Timestamp};

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
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// Its number.
    pub id: RoomId,
    /// Its name, for people.
    pub name: String,
    /// A name for addresses: `[a-z0-9-]`, unique.
    pub slug: String,
    /// What it is about; may be empty.
    pub description: String,
    /// Where it is in its life.
    pub state: RoomState,
    /// Seconds that each user waits between two messages; 0 for none.
    pub slow_mode_seconds: u32,
    /// The key that a site embeds to publish here. Public.
    pub widget_key: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was prepared.
    pub prepared_at: Option<Timestamp>,
    /// When it opened.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What whoever runs a room may change of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Its name: 1 to 128 characters, none of them for control.
    pub name: String,
    /// What it is about: at most 2,000 characters.
    pub description: String,
    /// Seconds that each user waits between two messages, at most 21,600 (six hours); 0 for none. Who moderates waits not at all.
    pub slow_mode_seconds: u32,
}

/// Settings to be changed; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChange {
    /// See [`Settings::name`].
    pub name: Option<String>,
    /// See [`Settings::description`].
    pub description: Option<String>,
    /// See [`Settings::slow_mode_seconds`].
    pub slow_mode_seconds: Option<u32>,
}

/// Why a room cannot have a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// Its name.
    #[error("\"name\" must have 1 to 128 characters and no control characters.")]
    Name,
    /// Its description.
    #[error("\"description\" must have at most 2,000 characters.")]
    Description,
    /// Its slow mode.
    #[error("\"slow_mode_seconds\" must be from 0 to 21600 seconds (six hours).")]
    SlowMode,
}

impl Room {
    /// What may be changed of it, as it is.
    pub fn settings(&self) -> Settings {
        Settings { name: self.name.clone(), description: self.description.clone(), slow_mode_seconds: self.slow_mode_seconds }
    }

    /// Takes over what was changed.
    pub fn set(&mut self, Settings { name, description, slow_mode_seconds }: Settings) {
        (self.name, self.description, self.slow_mode_seconds) = (name, description, slow_mode_seconds);
    }
}

impl SettingsChange {
    /// Whether a room can have these.
    ///
    /// # Errors
    /// The first that it cannot have.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let is_name =
            |name: &String| !name.trim().is_empty() && name.chars().count() <= 128 && !name.chars().any(char::is_control);
        if !self.name.as_ref().is_none_or(is_name) {
            return Err(InvalidSetting::Name);
        }
        if self.description.as_ref().is_some_and(|description| description.chars().count() > 2_000) {
            return Err(InvalidSetting::Description);
        }
        if self.slow_mode_seconds.is_some_and(|seconds| seconds > 21_600) { Err(InvalidSetting::SlowMode) } else { Ok(()) }
    }

    /// The settings after the change.
    pub fn apply(self, before: Settings) -> Settings {
        Settings {
            name: self.name.unwrap_or(before.name),
            description: self.description.unwrap_or(before.description),
            slow_mode_seconds: self.slow_mode_seconds.unwrap_or(before.slow_mode_seconds),
        }
    }
}
