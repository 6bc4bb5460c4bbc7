use serde::{Deserialize, Serialize};

/// Different emojis that one message may have. With more of them nobody sees any more what was meant.
pub const MOST_EMOJIS: usize = 20;

/// Different emojis that one user may put on one message: one cannot use up all of its places.
pub const MOST_OF_ONE: usize = 5;

/// How many people reacted to a message with one emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// With which.
    pub emoji: String,
    /// How many, at least one.
    pub count: u64,
    /// Whether the reader is one of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

/// What the reactions to a message are from now on, the oldest emoji first. Nobody's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recount {
    /// The message's place in the log.
    pub message: u64,
    /// All of them; none if the last one was taken back.
    pub reactions: Vec<Reaction>,
}

/// Why a message takes no further reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooManyReactions {
    /// It has as many different ones as it may have.
    #[error("the message has {MOST_EMOJIS} different reactions already")]
    OfAll,
    /// This user has put as many on it as one may.
    #[error("the user has put {MOST_OF_ONE} reactions on the message already")]
    OfOne,
}
