//! The rows that a reader has before them: a window of bounded size onto the room's log.

mod attention;
mod changes;
mod entry;
mod row;
mod steps;
#[cfg(test)]
pub(in crate::app) mod tests;
mod window;

use std::{collections::VecDeque, sync::Arc};

use self::entry::Entry;
pub use self::{
    attention::MOST_MISSED,
    row::{Row, RowKey},
    steps::Step,
};
use crate::app::{
    clock,
    wire::{ChatMessage, HistoryPage, Quote, Removal},
};

/// Most messages in the list. Each is a handful of elements: a browser lays out this many without a delay that can be felt.
pub const MOST_MESSAGES: usize = 300;

/// Which part of the list a reader looks at. It decides at which end a full list lets go: never at theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// At the end, following what comes.
    AtEnd,
    /// Scrolled up a little, or at the end of a list that holds still.
    InNewerHalf,
    /// Reading history.
    InOlderHalf,
}

/// Tells the days of moments apart, by some clock: a number that is equal for two moments (RFC 3339, UTC) of the same day.
#[derive(Clone, Copy, Debug)]
pub struct Days(pub fn(&str) -> u32);

impl Days {
    fn of(self, sent_at: &str) -> u32 {
        (self.0)(sent_at)
    }
}

impl Default for Days {
    /// The days of universal time.
    fn default() -> Self {
        Self(clock::utc_day)
    }
}

/// The window onto the log.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    entries: VecDeque<Entry>,
    /// Counts the logs that were shown.
    log: u32,
    /// The newest message that was ever offered, kept or not. Whatever is not newer was offered before.
    newest: u64,
    has_older: bool,
    has_newer: bool,
    /// What arrived since the list was cut at its end, as many as the list holds: it joins the rows when they reach it. Otherwise a
    /// reader who comes back to the end of a busy room would never get there, since something arrives during each request.
    waiting: VecDeque<Entry>,
    /// The newest message behind the rows that does not wait.
    let_go: u64,
    /// The place before which older messages are to be asked for.
    older_from: String,
    /// The place after which newer messages are to be asked for, if the list was cut there.
    newer_from: String,
    /// The first message after a gap.
    gap_before: Option<u64>,
    unread: usize,
    /// The newest message that the reader has read.
    read_until: u64,
    /// The latest removals, as many as the list holds messages: an extract that was read before one of them may arrive after it.
    removals: VecDeque<Removal>,
    /// What they took out, in case that is undone; the latest, as many as the list holds messages.
    removed: VecDeque<Entry>,
    /// What was for the reader above all, and arrived while they did not look.
    missed: Vec<ChatMessage>,
    /// Places of messages whose quotes are to be asked for.
    unknown: Vec<u64>,
    days: Days,
    /// Whether it shows a replay, which ends with what was offered last.
    is_replay: bool,
}

impl Timeline {
    /// The newest messages, oldest first, as a page shows them at first, and the place that they reach.
    pub fn new(messages: &[ChatMessage], has_older: bool, position: &str) -> Self {
        let older_from = messages.first().map_or(position, |message| &message.id).to_owned();
        let mut timeline = Self { has_older, older_from, ..Self::default() };
        timeline.append(messages.to_vec(), Reader::AtEnd);
        timeline
    }

    /// Adds what just arrived. What was offered before is passed over. What finds no room at the reader's far end is counted
    /// and comes back by [`extend`](Self::extend) or [`replace`](Self::replace).
    pub fn append(&mut self, messages: Vec<ChatMessage>, reader: Reader) {
        for message in messages {
            if message.seq <= self.newest {
                continue;
            }
            self.newest = message.seq;
            if reader == Reader::AtEnd && !self.has_newer {
                self.read_until = message.seq;
            } else {
                self.unread += 1;
            }
            let mut entry = Entry::new(message, self.days);
            if let Some(quote) = &mut entry.quote {
                match self.find(quote.seq) {
                    Some(said) if said.deleted.is_none() => *quote = Quote::of(&said.message),
                    _ => self.unknown.push(entry.message.seq),
                }
            }
            if self.has_newer {
                self.wait(entry);
            } else {
                self.entries.push_back(entry);
                self.trim(reader);
            }
        }
    }

    /// Returns the newest message that was ever offered.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Returns the place of the last message in the list.
    pub fn last(&self) -> Option<u64> {
        self.entries.back().map(|entry| entry.message.seq)
    }

    /// Returns the message at a place of the log.
    pub fn message(&mut self, seq: u64) -> Option<Arc<ChatMessage>> {
        self.find(seq).map(|entry| entry.message.clone())
    }

    /// Counts days by another clock.
    pub fn set_days(&mut self, days: Days) {
        self.days = days;
        for entry in self.entries.iter_mut().chain(&mut self.waiting) {
            entry.day = days.of(&entry.message.sent_at);
        }
    }

    /// Returns whether there is no message at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns whether the log holds messages before the first row.
    pub fn has_older(&self) -> bool {
        self.has_older
    }

    /// Returns whether the list was cut at its end.
    pub fn has_newer(&self) -> bool {
        self.has_newer
    }

    /// Returns how many messages arrived since the reader left the end.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// Returns the place before which older messages are to be asked for: a message id or a position.
    pub fn older_from(&self) -> &str {
        &self.older_from
    }

    /// Returns the place after which newer messages are to be asked for, if there are any: a message id or a position.
    pub fn newer_from(&self) -> &str {
        &self.newer_from
    }

    fn find(&mut self, seq: u64) -> Option<&mut Entry> {
        // Both are in order.
        for list in [&mut self.entries, &mut self.waiting] {
            if let Ok(at) = list.binary_search_by_key(&seq, |entry| entry.message.seq) {
                return list.get_mut(at);
            }
        }
        None
    }
}
