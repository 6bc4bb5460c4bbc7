use serde::{Deserialize, Serialize};

use crate::chat::Attributes;

/// Longest address of a picture, in bytes.
pub const PICTURE_BYTES: usize = 1_024;

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

/// Whether a page may show what is at this address: nothing but `https`, and nothing in it that an address cannot hold.
pub fn is_picture(address: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_graphic() && !br#""'<>\^`{|}"#.contains(&b);
    let host = address.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    address.len() <= PICTURE_BYTES
        && address.bytes().all(allowed)
        && host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && !host.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_addresses_that_run_nothing() {
        for good in ["https://a.example/b.png", "https://a.example", "https://[::1]:8443/x?y=z#w", "https://1.2.3.4/%22"] {
            assert!(is_picture(good), "{good}");
        }
        let long = format!("https://a.example/{}", "x".repeat(PICTURE_BYTES));
        let bad = [
            "",
            "https://",
            "https:///x",
            "http://a.example/b.png",
            "HTTPS://a.example",
            "//a.example/b.png",
            "/b.png",
            "javascript:alert(1)",
            "data:image/svg+xml,<svg onload=alert(1)>",
            "blob:https://a.example/1",
            " https://a.example",
            "https://a.example/ b",
            "https://a.example/\"onerror=alert(1)",
            "https://a.example/<svg>",
            "https://a.example/`",
            "https://a.example/\n",
            "https://é.example",
            "https://a@b.example/",
            "https://a.example/\\b",
            &long,
        ];
        for bad in bad {
            assert!(!is_picture(bad), "{bad}");
        }
    }
}
