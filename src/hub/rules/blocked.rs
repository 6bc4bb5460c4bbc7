//! What the word filter refused lately, for those who moderate: the author is not told which word it was.

use std::collections::VecDeque;

use crate::chat::{Field, Timestamp, UserId};

/// Most entries of a room. If there are more, the oldest is forgotten.
const MOST_ENTRIES: usize = 100;

/// Refusals of one author for one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// When it happened last.
    pub at: Timestamp,
    /// Whose message it was.
    pub author: UserId,
    /// Where the word was last.
    pub field: Field,
    /// The word, as the room's settings have it.
    pub word: String,
    /// How often it happened.
    pub times: u32,
}

/// The newest refusals of a room, the newest last. They are kept in memory alone, on the node that refused.
#[derive(Debug, Default)]
pub(in crate::hub) struct RecentlyBlocked(VecDeque<Blocked>);

impl RecentlyBlocked {
    pub(in crate::hub) fn note(&mut self, author: &UserId, field: Field, word: &str, at: Timestamp) {
        let known = self.0.iter().position(|blocked| blocked.author == *author && blocked.word == word);
        let times = known.and_then(|known| self.0.remove(known)).map_or(0, |blocked| blocked.times);
        if self.0.len() == MOST_ENTRIES {
            self.0.pop_front();
        }
        let times = times.saturating_add(1);
        self.0.push_back(Blocked { at, author: author.clone(), field, word: word.to_owned(), times });
    }

    /// Returns the refusals, newest first.
    pub(in crate::hub) fn list(&self) -> Vec<Blocked> {
        self.0.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_who_tries_again_fills_one_entry() {
        let user = |name: &str| UserId::try_from(name.to_owned()).expect("a valid id");
        let mut blocked = RecentlyBlocked::default();
        blocked.note(&user("bob"), Field::Text, "bad", Timestamp(1));
        for at in 2..1_002 {
            blocked.note(&user("ann"), Field::Username, "bad", Timestamp(at));
        }
        let entry =
            |author, at, field, times| Blocked { at: Timestamp(at), author: user(author), field, word: "bad".into(), times };
        let both = [entry("ann", 1_001, Field::Username, 1_000), entry("bob", 1, Field::Text, 1)];
        assert_eq!(blocked.list(), both);
        for n in 0..2 * MOST_ENTRIES {
            blocked.note(&user(&n.to_string()), Field::Text, "bad", Timestamp(2_000 + n as i64));
        }
        assert_eq!(blocked.list().len(), MOST_ENTRIES);
        assert_eq!(blocked.list()[0].at, Timestamp(2_000 + 2 * MOST_ENTRIES as i64 - 1));
    }
}
