/// What somebody has typed and not sent yet, as the browser keeps it for the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDraft {
    /// The text.
    pub text: String,
    /// The id under which it may have been stored already, if it was sent and no answer came; else empty.
    pub client_message_id: String,
}

/// Most bytes of a text that are kept: more than any message may have, and a small part of what a browser keeps for a site.
const MOST_BYTES: usize = 64 * 1024;

impl KeptDraft {
    /// Returns the key under which a browser keeps the draft of a room.
    pub fn key(room: impl std::fmt::Display) -> String {
        format!("live-chat.draft.{room}")
    }

    /// Writes it. None if there is nothing to be kept, or too much.
    pub fn write(&self) -> Option<String> {
        let is_kept = !self.text.trim().is_empty() && self.text.len() <= MOST_BYTES;
        is_kept.then(|| format!("{}\n{}", self.client_message_id, self.text))
    }

    /// Reads it.
    pub fn read(kept: &str) -> Option<Self> {
        let (client_message_id, text) = kept.split_once('\n')?;
        Some(Self { text: text.to_owned(), client_message_id: client_message_id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, id) in [("hello", ""), ("two\nlines\n", "an-id"), ("\nabc", "an-id")] {
            let draft = KeptDraft { text: text.to_owned(), client_message_id: id.to_owned() };
            assert_eq!(KeptDraft::read(&draft.write().expect("it is kept")), Some(draft));
        }
    }

    #[test]
    fn nothing_and_too_much_are_not_kept() {
        for text in ["", " \n ", &"x".repeat(MOST_BYTES + 1)] {
            let draft = KeptDraft { text: text.to_owned(), client_message_id: String::new() };
            assert_eq!(draft.write(), None);
        }
        assert_eq!(KeptDraft::read("something else"), None);
    }
}
