//! Who is there, and what the reader has seen of it.

use super::{Timeline, row::mentions};
use crate::app::{mention::Person, wire::ChatMessage};

/// As many messages are kept of those that a reader misses. That there are more is all that is said of them.
pub const MOST_MISSED: usize = 100;

impl Timeline {
    /// The texts of a user's messages, oldest first.
    pub fn texts_of<'a>(&'a self, user_id: &'a str) -> impl Iterator<Item = &'a str> {
        let entries = self.entries.iter().chain(&self.waiting);
        entries.filter(move |entry| entry.message.author == user_id).map(|entry| &*entry.message.chat.text)
    }

    /// Returns who speaks here, who spoke last first, each name once; and the reader, who goes by `name` now.
    pub fn people(&self, user_id: &str, name: &str) -> Vec<Person> {
        let mut people: Vec<Person> = Vec::new();
        let speakers =
            self.entries.iter().chain(&self.waiting).rev().map(|entry| (&*entry.message.chat.username, &*entry.message.author));
        for (name, author) in speakers.chain([(name, user_id)]) {
            let (name, own) = (name.trim(), author == user_id);
            match people.iter_mut().find(|person| person.name == name) {
                Some(person) => person.own |= own,
                None if name.is_empty() => {}
                None => people.push(Person::new(name, own)),
            }
        }
        people
    }

    /// The reader has come to the end.
    pub fn mark_read(&mut self) {
        (self.unread, self.read_until) = (0, self.newest);
    }

    /// Keeps those of some messages which are for the reader above all, for whatever reason, up to [`MOST_MISSED`].
    pub fn miss(&mut self, messages: Vec<ChatMessage>, user_id: &str, name: &str) {
        let people = self.people(user_id, name);
        for message in messages {
            let is_reply =
                self.find(message.seq).is_some_and(|entry| entry.quote.as_ref().is_some_and(|quote| quote.author == user_id));
            let is_mention = || mentions(&message.chat.text, &people).iter().any(|(.., of_reader)| *of_reader);
            if message.author != user_id && (is_reply || is_mention()) {
                self.missed.push(message);
            }
        }
        self.missed.truncate(MOST_MISSED);
    }

    /// Returns how many of them there are.
    pub fn missed(&self) -> usize {
        self.missed.len()
    }

    /// The reader looks.
    pub fn mark_seen(&mut self) {
        self.missed.clear();
    }
}
