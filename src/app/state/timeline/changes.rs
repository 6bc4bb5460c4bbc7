//! What happens to messages that are there: deletions, reactions, and quotes that become known.

use super::{MOST_MESSAGES, Reader, Removal, Timeline, entry::Entry};
use crate::{
    app::wire::{ChatMessage, Quote},
    chat::{Reaction, Recount},
};

impl Timeline {
    /// Returns whether the row of that id stays in the list after a removal.
    pub fn keeps(&self, id: &str, removal: &Removal, user_id: &str) -> bool {
        let entry = self.entries.iter().find(|entry| entry.message.id == id);
        entry.is_some_and(|entry| !removal.covers(&entry.message) || removal.marks(&entry.message, user_id))
    }

    /// Takes messages out. The reader's own stay, marked, so that they see what became of them.
    pub fn remove(&mut self, removal: Removal, user_id: &str) {
        for list in [&mut self.entries, &mut self.waiting] {
            for mut entry in std::mem::take(list) {
                entry.forget_quote(&removal);
                let is_gone = removal.covers(&entry.message);
                if is_gone && !removal.marks(&entry.message, user_id) {
                    self.unread = self.unread.saturating_sub(usize::from(entry.message.seq > self.read_until));
                    self.removed.push_back(entry);
                    continue;
                }
                if is_gone {
                    entry.deleted.get_or_insert_default();
                }
                list.push_back(entry);
            }
        }
        self.missed.retain(|message| !removal.covers(message));
        self.removals.push_back(removal);
        if self.removals.len() > MOST_MESSAGES
            && let Some(oldest) = self.removals.pop_front()
        {
            self.removed.retain(|entry| !oldest.covers(&entry.message));
        }
        let surplus = self.removed.len().saturating_sub(MOST_MESSAGES);
        self.removed.drain(..surplus);
    }

    /// Puts back in its place what a removal took out, unless another one takes it out as well.
    pub fn restore(&mut self, removal: &Removal, reader: Reader) {
        self.removals.retain(|other| other != removal);
        for entry in std::mem::take(&mut self.removed) {
            if self.is_removed(&entry.message) {
                self.removed.push_back(entry);
            } else {
                self.put_back(entry, reader);
            }
        }
        let removals = &self.removals;
        for entry in self.entries.iter_mut().chain(&mut self.waiting) {
            if entry.deleted.is_some() && !removals.iter().any(|removal| removal.covers(&entry.message)) {
                entry.deleted = None;
            }
            if entry.recall_quote(removal) {
                self.unknown.push(entry.message.seq);
            }
        }
    }

    fn is_removed(&self, message: &ChatMessage) -> bool {
        self.removals.iter().any(|removal| removal.covers(message))
    }

    /// Whether a place of the log lies within the list, or within what waits to join it.
    fn belongs(&self, seq: u64) -> bool {
        let is_older = self.has_older && self.entries.front().is_none_or(|first| seq < first.message.seq);
        let is_cut = self.has_newer && self.last().is_none_or(|last| seq > last) && seq <= self.let_go;
        !is_older && !is_cut && seq <= self.newest
    }

    fn put_back(&mut self, entry: Entry, reader: Reader) {
        let seq = entry.message.seq;
        if !self.belongs(seq) {
            return;
        }
        let waits = self.has_newer && self.last().is_none_or(|last| seq > last);
        let list = if waits { &mut self.waiting } else { &mut self.entries };
        if let Err(at) = list.binary_search_by_key(&seq, |entry| entry.message.seq) {
            list.insert(at, entry);
            self.unread += usize::from(seq > self.read_until);
            self.trim(reader);
        }
    }

    /// Returns the id of one of the reader's own messages that a removal takes out, if there is one.
    pub fn own(&self, removal: &Removal, user_id: &str) -> Option<String> {
        let own = |entry: &&Entry| removal.marks(&entry.message, user_id) && removal.covers(&entry.message);
        self.entries.iter().chain(&self.waiting).find(own).map(|entry| entry.message.id.clone())
    }

    /// Says why messages were taken out.
    pub fn explain(&mut self, removal: &Removal, reason: &str) {
        let entries = self.entries.iter_mut().chain(&mut self.waiting);
        for entry in entries.filter(|entry| removal.covers(&entry.message)) {
            entry.deleted = Some(reason.to_owned());
        }
    }

    /// Takes over how people react to a message, as it is at a place of the log. Which reactions are the reader's own is kept, unless
    /// that is `told` too. Returns whether the message is in the timeline and that was not known.
    pub fn recount(&mut self, at: u64, mut recount: Recount, told: bool) -> bool {
        let Some(entry) = self.find(recount.message) else { return false };
        // Of two that were known at the same place, an answer is the newer one.
        if at < entry.counted_at + u64::from(!told) {
            return false;
        }
        entry.counted_at = at;
        // An emoji keeps its place, also while nobody uses it: buttons are not to move under a pointer.
        for before in &mut entry.reactions {
            let now = recount.reactions.iter().position(|now| now.emoji == before.emoji).map(|at| recount.reactions.remove(at));
            before.own = now.as_ref().is_some_and(|now| now.own || (!told && before.own));
            before.count = now.map_or(0, |now| now.count);
        }
        entry.reactions.append(&mut recount.reactions);
        true
    }

    /// Adds the reader's own reaction, or takes it back. Returns whether it was there; none if the message is not.
    pub fn toggle(&mut self, seq: u64, emoji: &str) -> Option<bool> {
        let all = &mut self.find(seq)?.reactions;
        let Some(at) = all.iter().position(|reaction| reaction.emoji == emoji) else {
            all.push(Reaction { emoji: emoji.to_owned(), count: 1, own: true });
            return Some(false);
        };
        let was_own = all[at].own;
        all[at].own = !was_own;
        all[at].count = if was_own { all[at].count - 1 } else { all[at].count + 1 };
        Some(was_own)
    }

    /// Returns a message whose quote is to be asked for, and the id of what it quotes.
    pub fn unknown_quote(&mut self) -> Option<(u64, String)> {
        while let Some(seq) = self.unknown.pop() {
            if let Some(Entry { quote: Some(quote), .. }) = self.find(seq)
                && !quote.is_known()
            {
                return Some((seq, quote.id.clone()));
            }
        }
        None
    }

    /// Says what a message quotes, or that it cannot be quoted.
    pub fn resolve(&mut self, seq: u64, said: Option<Quote>) {
        if let Some(entry) = self.find(seq).filter(|entry| entry.quote.as_ref().is_some_and(|quote| !quote.is_known())) {
            let asked = entry.quote.take();
            // By its id it is asked for again, if it is restored.
            entry.quote = said.map(|said| Quote { id: asked.map(|asked| asked.id).unwrap_or_default(), ..said });
        }
    }
}
