use crate::app::view::ChatMessage;

/// A part of the log, as the history endpoint returns it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extract {
    /// Its chat messages, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The ids of its first and its last message, chat or not; none if it is empty.
    pub bounds: Option<(String, String)>,
    /// Whether there are more in the direction that was asked for.
    pub has_more: bool,
    /// The end of the log when it was read: an extract without `has_more` holds everything up to here.
    pub position: String,
}

impl Extract {
    /// Returns the place in the log that it was read at.
    pub(super) fn end(&self) -> u64 {
        let end = self.position.rsplit_once('-').and_then(|(_, seq)| seq.parse().ok());
        end.max(self.messages.last().map(|message| message.seq)).unwrap_or(0)
    }
}
