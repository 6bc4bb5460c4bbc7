use serde::{Deserialize, Serialize};

use crate::chat::{ChatText, Reaction};

/// A message as the timeline shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Its place in the room's log.
    pub seq: u64,
    /// Its public id.
    pub id: String,
    /// Its author's user id.
    pub author: String,
    /// The name that the author goes by, and what they said. Both are empty if it cannot be displayed.
    pub chat: ChatText,
    /// When it was ordered: RFC 3339, UTC.
    pub sent_at: String,
    /// Only the reader and one other can see it.
    pub private: bool,
    /// It waits for a moderator, and only the reader can see it.
    pub waits: bool,
    /// What its author was in the room, as it is shown; empty for a guest.
    pub role: String,
    /// The address of their picture; empty if there is none.
    pub picture: String,
    /// Whether it is an announcement.
    pub announces: bool,
    /// How people react to it, the oldest emoji first.
    pub reactions: Vec<Reaction>,
    /// What it is a reply to.
    pub quote: Option<Quote>,
}

impl ChatMessage {
    /// Whether its payload cannot be read.
    pub fn is_unreadable(&self) -> bool {
        self.chat.username.is_empty() && self.chat.text.is_empty()
    }
}

/// The message that another one is a reply to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Its place in the room's log.
    pub seq: u64,
    /// Its public id.
    pub id: String,
    /// Its author's user id.
    pub author: String,
    /// The name that the author went by; empty while nothing is known of it, and when it was deleted.
    pub username: String,
    /// How it begins.
    pub text: String,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

/// Characters of a message that are quoted: more than fit into a line.
const QUOTED_CHARS: usize = 140;

impl Quote {
    /// A quote of `message`.
    pub fn of(message: &ChatMessage) -> Self {
        Self {
            seq: message.seq,
            id: message.id.clone(),
            author: message.author.clone(),
            username: message.chat.username.clone(),
            text: message.chat.text.chars().take(QUOTED_CHARS).collect(),
            is_deleted: false,
        }
    }

    /// One of a message that was deleted.
    pub fn deleted(seq: u64) -> Self {
        Self { seq, is_deleted: true, ..Self::default() }
    }

    /// Whether there is something to be shown of it.
    pub fn is_known(&self) -> bool {
        self.is_deleted || !self.username.is_empty()
    }
}
