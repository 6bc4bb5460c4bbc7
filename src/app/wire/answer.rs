use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    Raw, read,
    stream::{Counts, reactions, seq_of},
};
use crate::chat::Reaction;

/// An answer of the server to a request of the page.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// The HTTP status. Nothing on the way, such as a proxy or a captive portal, answers with JSON that repeats it.
    pub code: u16,
    /// What the status means, for people.
    #[serde(default)]
    pub message: String,
    /// What was asked for, unread.
    #[serde(default)]
    pub data: Option<Raw>,
}

impl Answer {
    /// Reads an answer with that status. None if it is not the server's.
    pub fn read(status: u16, text: &str) -> Option<Self> {
        read(text).filter(|answer: &Self| answer.code == status)
    }

    /// Reads what was asked for.
    pub fn data<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        self.data.as_ref()?.read()
    }
}

/// A message that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its id.
    pub id: String,
    /// Its position in the log, `<epoch>-<seq>`.
    pub position: String,
    /// When it was ordered: RFC 3339, UTC.
    pub sent_at: String,
    /// Whether it waits for a moderator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

/// What opens one stream as a moderator, in its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// It is shown once.
    pub ticket: String,
    /// How long it is good.
    pub expires_in_seconds: u64,
}

/// What a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The key of the message at fault.
    pub field: Cow<'static, str>,
}

impl Fault {
    /// The name.
    pub const USERNAME: Self = Self { field: Cow::Borrowed("username") };
}

/// That a message was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The id of the deletion.
    pub id: String,
    /// When it was ordered: RFC 3339, UTC.
    pub sent_at: String,
    /// Why; may be empty.
    pub reason: String,
}

/// The reactions to a message after one of them.
#[derive(Debug, Deserialize)]
pub struct Reacted {
    position: String,
    #[serde(default)]
    reactions: Counts,
    #[serde(default)]
    own_reactions: Vec<String>,
}

impl Reacted {
    /// Returns the place in the log at which they are so.
    pub fn seq(&self) -> u64 {
        seq_of(&self.position)
    }

    /// Returns the reactions, the oldest emoji first.
    pub fn reactions(self) -> Vec<Reaction> {
        reactions(self.reactions, &self.own_reactions)
    }
}
