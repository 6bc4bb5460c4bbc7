use crate::chat::{Message, UserId};

/// Longest reason of a moderator, in Unicode code points.
pub const REASON_CHARS: usize = 200;

/// Messages that are shown to nobody any more. The log keeps them, and who took them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Which.
    pub of: Deleted,
    /// Who did it.
    pub by: UserId,
    /// Why: for the log, not for the public. May be empty.
    pub reason: String,
}

/// What a deletion takes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The message at this place of the log.
    Message(u64),
    /// Everything that this user said before, private messages too.
    AllOf(UserId),
}

impl Deleted {
    /// Whether `message`, at place `seq` and before the deletion, is one of them.
    pub fn covers(&self, seq: u64, message: &Message) -> bool {
        match self {
            Self::Message(place) => *place == seq,
            Self::AllOf(user) => *user == message.author,
        }
    }
}
