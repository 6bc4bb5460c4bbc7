use crate::app::view::ChatMessage;

/// What a deletion takes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The message at this place of the log.
    Message(u64),
    /// The message that waited at this place of the log: it comes as another one.
    Approved(u64),
    /// Everything that an author said before a place of the log.
    AllOf {
        /// Who.
        author: String,
        /// The deletion's own place.
        before: u64,
    },
}

impl Removal {
    /// Returns whether `message` is one of them.
    pub fn covers(&self, message: &ChatMessage) -> bool {
        self.takes(message.seq, &message.author)
    }

    /// Returns whether it takes out the message at a place of the log, by that author.
    pub(super) fn takes(&self, place: u64, by: &str) -> bool {
        match self {
            Self::Message(seq) | Self::Approved(seq) => *seq == place,
            Self::AllOf { author, before } => author == by && place < *before,
        }
    }

    /// Returns whether a message is one of the reader's own, which stay in their list, marked.
    pub(super) fn marks(&self, message: &ChatMessage, user_id: &str) -> bool {
        message.author == user_id && !matches!(self, Self::Approved(_))
    }
}
