use serde::{Deserialize, Serialize};

use super::{MOST_ORIGINS, MOST_REDIRECT_URIS, Origins, RedirectUris, RoomId, Timestamp};

/// Longest name of a widget key, in Unicode code points.
const NAME_CHARS: usize = 64;

/// What a site embeds the chat with: whoever publishes shows one. Public, and good until it is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WidgetKey {
    /// What is shown: 1 to 128 printable ASCII characters without spaces. A UUID, unless it was configured.
    pub key: String,
    /// Whose it is, for whoever runs the chat.
    pub name: String,
    /// The one room that it opens; `None` for all.
    pub room: Option<RoomId>,
    /// The sites that may use it; empty for all that may use the room.
    pub allowed_origins: Origins,
    /// Where the sign-in of games that show this key may send a browser back to.
    #[serde(default, skip_serializing_if = "RedirectUris::is_empty")]
    pub redirect_uris: RedirectUris,
    /// When it was made. No two were made at the same time.
    pub created_at: Timestamp,
    /// When it was revoked, if it was. It stays so.
    pub revoked_at: Option<Timestamp>,
}

/// A widget key to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewWidgetKey {
    /// See [`WidgetKey::name`]: 1 to 64 characters, none of them for control.
    pub name: String,
    /// See [`WidgetKey::room`].
    pub room: Option<RoomId>,
    /// See [`WidgetKey::allowed_origins`].
    pub allowed_origins: Origins,
}

/// Why there can be no such widget key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWidgetKey {
    /// Its name.
    #[error("\"name\" must have 1 to {NAME_CHARS} characters and no control characters.")]
    Name,
    /// Its origins.
    #[error("\"allowed_origins\" must be at most {MOST_ORIGINS} origins.")]
    Origins,
    /// Its redirect URIs.
    #[error("\"redirect_uris\" must be at most {MOST_REDIRECT_URIS} addresses.")]
    RedirectUris,
}

impl WidgetKey {
    /// The name of the key that a room is made with.
    pub const FIRST: &'static str = "First key";

    /// Returns what it is called on pages: the first key of a room after the room, whose name is given if it is one room's.
    pub fn shown_name<'a>(&'a self, room: Option<&'a str>) -> &'a str {
        room.filter(|_| self.name == Self::FIRST).unwrap_or(&self.name)
    }

    /// Whether it opens `room` now.
    pub fn opens(&self, room: RoomId) -> bool {
        self.revoked_at.is_none() && self.room.is_none_or(|own| own == room)
    }
}

impl NewWidgetKey {
    /// Whether there can be such a key.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), InvalidWidgetKey> {
        let Self { name, allowed_origins, .. } = self;
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
            return Err(InvalidWidgetKey::Name);
        }
        if allowed_origins.are_few() { Ok(()) } else { Err(InvalidWidgetKey::Origins) }
    }
}
