//! Where the window lies on the log, and how it moves.

use super::{HistoryPage, MOST_MESSAGES, Reader, Timeline, entry::Entry};
use crate::app::{clock, wire::ChatMessage};

impl Timeline {
    /// Adds the extract that lies before the first row, for a reader at the top.
    pub fn prepend(&mut self, older: HistoryPage) {
        let first = self.entries.front().map_or(u64::MAX, |entry| entry.message.seq);
        let read_at = older.end();
        for entry in self.entries_of(older.messages, read_at).rev().filter(|entry| entry.message.seq < first) {
            self.entries.push_front(entry);
        }
        self.has_older = older.has_more;
        if let Some((first, _)) = older.bounds {
            self.older_from = first;
        }
        self.trim(Reader::InOlderHalf);
    }

    /// Adds the extract that lies after the last row, for a reader at the end of a list that was cut there.
    pub fn extend(&mut self, newer: HistoryPage) {
        let read_at = newer.end();
        // Nothing that a replay has still to show.
        let end = if self.is_replay { self.newest } else { u64::MAX };
        self.newer_from = match newer.bounds {
            Some((_, last)) if newer.has_more => last,
            _ => newer.position,
        };
        let has_more = newer.has_more && newer.messages.last().is_none_or(|message| message.seq < end);
        let last = self.last().unwrap_or(0);
        let is_shown = |entry: &Entry| entry.message.seq > last && entry.message.seq <= end;
        self.entries.extend(self.entries_of(newer.messages, read_at).filter(is_shown));
        self.reached(read_at.min(end), has_more);
        self.trim(Reader::AtEnd);
    }

    /// Shows the newest extract instead of everything that there was.
    pub fn replace(&mut self, newest: HistoryPage) {
        let end = newest.end();
        self.has_older = newest.has_more;
        self.older_from = newest.bounds.map_or_else(|| newest.position.clone(), |(first, _)| first);
        self.newer_from = newest.position;
        self.gap_before = None;
        self.entries = self.entries_of(newest.messages, end).collect();
        self.reached(end, false);
        self.trim(Reader::AtEnd);
    }

    /// Shows the newest extract after a gap. The log may be another one, so nothing that was known before counts.
    pub fn restart(&mut self, newest: HistoryPage) {
        self.log += 1;
        self.newest = 0;
        self.let_go = 0;
        self.waiting.clear();
        self.removals.clear();
        self.removed.clear();
        self.gap_before = Some(newest.messages.first().map_or(newest.end() + 1, |message| message.seq));
        let gap_before = self.gap_before;
        self.replace(newest);
        self.gap_before = gap_before;
    }

    /// Returns whether the list begins with a message that was said before that time, in seconds since 1970.
    pub fn begins_before(&self, seconds: i64) -> bool {
        self.entries.front().is_some_and(|entry| clock::seconds(&entry.message.sent_at) < seconds)
    }

    /// Takes out the messages at the beginning that were said before that time, in seconds since 1970.
    pub fn begin_at(&mut self, seconds: i64) {
        while self.begins_before(seconds) {
            self.let_go_of_first();
        }
    }

    /// Lets the list be that of a replay, in which nothing comes by itself but what is [appended](Self::append).
    pub fn become_replay(&mut self) {
        self.is_replay = true;
    }

    /// Shows another part of the log, as at another moment of a replay, or nothing of it once the room has forgotten it. Nothing that was
    /// offered before counts.
    pub fn rewind(&mut self, page: HistoryPage) {
        (self.newest, self.let_go, self.unread) = (0, 0, 0);
        self.waiting.clear();
        self.replace(page);
        self.newest = self.last().unwrap_or_default();
        self.read_until = self.newest;
    }

    /// Keeps what arrives behind a cut, up to as many messages as the list holds.
    pub(super) fn wait(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
        if self.waiting.len() > MOST_MESSAGES
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.let_go = oldest.message.seq;
        }
    }

    pub(super) fn trim(&mut self, reader: Reader) {
        while self.entries.len() > MOST_MESSAGES {
            if reader == Reader::InOlderHalf {
                let last = self.entries.pop_back();
                self.let_go = self.let_go.max(last.map_or(0, |entry| entry.message.seq));
                self.has_newer = true;
                self.newer_from = self.entries.back().map(|entry| entry.message.id.clone()).unwrap_or_default();
            } else {
                self.let_go_of_first();
            }
        }
    }

    fn let_go_of_first(&mut self) {
        self.entries.pop_front();
        self.has_older = true;
        self.older_from = self.entries.front().map(|entry| entry.message.id.clone()).unwrap_or_default();
    }

    /// Returns the messages of an extract as entries, without what was deleted since it was read at that place of the log.
    fn entries_of(&self, messages: Vec<ChatMessage>, read_at: u64) -> impl DoubleEndedIterator<Item = Entry> + use<> {
        let (removals, days) = (self.removals.clone(), self.days);
        let shown = move |message: &ChatMessage| !removals.iter().any(|removal| removal.covers(message));
        let removals = self.removals.clone();
        messages.into_iter().filter(shown).map(move |message| {
            let mut entry = Entry::new(message, days);
            entry.counted_at = read_at;
            removals.iter().for_each(|removal| entry.forget_quote(removal));
            entry
        })
    }

    /// The rows hold everything up to `end`, if there is no more. What arrived while the extract was under way lies behind it.
    fn reached(&mut self, end: u64, has_more: bool) {
        self.newest = self.newest.max(end);
        self.has_newer = has_more || self.let_go > end;
        while !self.has_newer
            && let Some(entry) = self.waiting.pop_front()
        {
            if entry.message.seq > end {
                self.entries.push_back(entry);
            }
        }
    }
}
