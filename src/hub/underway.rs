use std::collections::{HashMap, hash_map::Entry};

use crate::chat::UserId;

/// Messages that are on their way from this node to the log, and have taken their turns. What else comes from there was said on other
/// nodes.
#[derive(Default)]
pub(super) struct Underway {
    /// By author: the message's number here, and the hash of its payload.
    messages: HashMap<UserId, Vec<(u64, u64)>>,
    next: u64,
}

impl Underway {
    /// A message sets out; gives its number.
    pub(super) fn begin(&mut self, author: &UserId, payload: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        self.messages.entry(author.clone()).or_default().push((number, payload));
        number
    }

    /// A message has come out of the log: whether it is one of these.
    pub(super) fn arrive(&mut self, author: &UserId, payload: u64) -> bool {
        self.remove(author, |(_, known)| known == payload)
    }

    /// Nothing more will come of a message, unless it has come already.
    pub(super) fn end(&mut self, author: &UserId, number: u64) {
        self.remove(author, |(known, _)| known == number);
    }

    fn remove(&mut self, author: &UserId, is_meant: impl Fn((u64, u64)) -> bool) -> bool {
        let Entry::Occupied(mut messages) = self.messages.entry(author.clone()) else { return false };
        let at = messages.get().iter().position(|message| is_meant(*message));
        at.map(|at| messages.get_mut().swap_remove(at));
        if messages.get().is_empty() {
            messages.remove();
        }
        at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_arrives_once_and_nothing_is_left() {
        let user = |name: &str| UserId::try_from(name.to_owned()).expect("a valid id");
        let (ann, bob) = (user("ann"), user("bob"));
        let mut underway = Underway::default();
        let [first, second] = [underway.begin(&ann, 7), underway.begin(&ann, 7)];
        let refused = underway.begin(&ann, 8);
        assert!(!underway.arrive(&bob, 7) && !underway.arrive(&ann, 9), "said elsewhere");
        assert!(underway.arrive(&ann, 7) && underway.arrive(&ann, 7) && !underway.arrive(&ann, 7));
        [first, second, refused].into_iter().for_each(|number| underway.end(&ann, number));
        assert!(!underway.arrive(&ann, 8) && underway.messages.is_empty());
    }
}
