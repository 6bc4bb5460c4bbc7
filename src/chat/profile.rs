use serde::{Deserialize, Serialize};

use crate::chat::Attributes;

/// As what the author of a message said it, beside what they say of themselves: by their token, so that nobody can claim it in a
/// message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Their part in the room.
    #[serde(default, skip_serializing_if = "Role::is_guest")]
    pub role: Role,
    /// The address of a picture of them, `https` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// Whether they said it in the name of the room: an announcement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announces: bool,
    /// What their site says of them beside that.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// Somebody's part in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everybody else.
    #[default]
    Guest,
    /// Looks after the room.
    Moderator,
    /// Runs the room.
    Owner,
    /// A program.
    Bot,
}

impl Role {
    /// Whether there is nothing to be said of it.
    pub fn is_guest(&self) -> bool {
        *self == Self::Guest
    }

    /// Its name, in lower case: as it is stored, sent and shown. None for a guest.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Guest => None,
            Self::Moderator => Some("moderator"),
            Self::Owner => Some("owner"),
            Self::Bot => Some("bot"),
        }
    }
}
