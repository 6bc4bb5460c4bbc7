//! The rows that a reader has before them: a window of bounded size onto the room's log.

use std::{collections::VecDeque, sync::Arc};

use super::{
    clock::{self, Zone},
    mention::Person,
    namesakes::Namesakes,
    rich_text::{self, Part},
    view::{ChatMessage, Quote},
};
use crate::chat::{Reaction, Recount};

/// Most messages in the list. Each is a handful of elements: a browser lays out this many without a delay that can be felt.
pub const MOST_MESSAGES: usize = 300;

/// Messages of one author that follow each other within this many seconds stand under one name.
const GROUP_SECONDS: i64 = 5 * 60;

/// So many messages are kept of those that a reader misses. That there are more is all that is said of them.
pub const MOST_MISSED: usize = 100;

/// Which part of the list a reader looks at. It decides at which end a full list lets go: never at theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// At the end, following what comes.
    AtEnd,
    /// Scrolled up a little.
    InNewerHalf,
    /// Reading history.
    InOlderHalf,
}

/// A part of the log, as the history endpoint gives it.
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
    fn end(&self) -> u64 {
        let end = self.position.rsplit_once('-').and_then(|(_, seq)| seq.parse().ok());
        end.max(self.messages.last().map(|message| message.seq)).unwrap_or(0)
    }
}

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
    /// Whether `message` is one of them.
    pub fn covers(&self, message: &ChatMessage) -> bool {
        self.takes(message.seq, &message.author)
    }

    fn takes(&self, place: u64, by: &str) -> bool {
        match self {
            Self::Message(seq) | Self::Approved(seq) => *seq == place,
            Self::AllOf { author, before } => author == by && place < *before,
        }
    }

    /// Whether a message is one of the reader's own that stay, marked.
    fn marks(&self, message: &ChatMessage, user_id: &str) -> bool {
        message.author == user_id && !matches!(self, Self::Approved(_))
    }
}

/// The window onto the log.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    entries: VecDeque<Entry>,
    /// The newest message that was ever offered, kept or not. Whatever is not newer was offered before.
    newest: u64,
    has_older: bool,
    has_newer: bool,
    /// What arrived since the list was cut at its end, as many as the list holds: it joins the rows when they reach it. A reader
    /// who comes back to the end of a busy room would else never get there, since something arrives during each request.
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
    /// What was for the reader above all, and arrived while they did not look.
    missed: Vec<ChatMessage>,
    /// Places of messages whose quotes are to be asked for.
    unknown: Vec<u64>,
    zone: Zone,
}

#[derive(Clone, Debug)]
struct Entry {
    message: Arc<ChatMessage>,
    seconds: i64,
    day: u32,
    /// Deleted, but the reader's own: for their eyes alone. Why, as far as it is known.
    deleted: Option<String>,
    quote: Option<Quote>,
    reactions: Vec<Reaction>,
    /// The place in the log that the reactions are known up to.
    counted_at: u64,
}

/// A row of the list: a message, and what stands above it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The message.
    pub message: Arc<ChatMessage>,
    /// Whether something may be missing before it.
    pub gap: bool,
    /// Whether it is the first of its day.
    pub day: bool,
    /// Whether its author's name stands above it. Else it goes on under the name of the message before.
    pub name: bool,
    /// What tells its author from others of the same name in the list, if there are any. A row is not made anew for that.
    pub mark: Option<String>,
    /// Whether the reader wrote it.
    pub own: bool,
    /// Why it was deleted for everybody but the reader, who wrote it, if it was; empty if no reason is known.
    pub deleted: Option<String>,
    /// Whether it stands above the chat, and not in the list.
    pub is_pinned: bool,
    /// Whom its text may speak to.
    pub people: Arc<[Person]>,
    /// Whether it is for the reader above all: somebody else speaks to them in it, or replies to them.
    pub for_reader: bool,
    /// Differs for texts whose parts differ.
    shape: u32,
    /// What it is a reply to, if that is known.
    pub quote: Option<Quote>,
    /// How people react to it. A row is not made anew for that, since it would be read out again.
    pub reactions: Vec<Reaction>,
}

impl Row {
    /// A message above the chat.
    pub fn pinned(message: ChatMessage) -> Self {
        let message = Arc::new(message);
        let people = Arc::default();
        Self {
            message,
            gap: false,
            day: false,
            name: true,
            mark: None,
            own: false,
            deleted: None,
            is_pinned: true,
            people,
            for_reader: false,
            shape: 0,
            quote: None,
            reactions: Vec::new(),
        }
    }

    /// Equal for rows that look the same, so that those are left alone.
    pub fn key(&self) -> (u64, u32) {
        let explained = self.deleted.as_ref().is_some_and(|reason| !reason.is_empty());
        let quotes_deleted = self.quote.as_ref().is_some_and(|quote| quote.is_deleted);
        let looks =
            [self.gap, self.day, self.name, self.own, self.deleted.is_some(), explained, self.quote.is_some(), quotes_deleted];
        (self.message.seq, looks.iter().fold(self.shape, |looks, look| looks << 1 | u32::from(*look)))
    }
}

/// Whether a text speaks to the reader, and what differs for texts whose parts differ. (Without an `@` it has links alone, and
/// those never change.)
fn spoken_to(text: &str, people: &[Person]) -> (bool, u32) {
    if !text.contains('@') {
        return (false, 0);
    }
    rich_text::parts(text, people).iter().fold((false, 1), |(own, shape), part| {
        let (length, kind) = match part {
            Part::Plain(text) | Part::Link(text, _) | Part::Lookalike(text, ..) => (text.len(), 0),
            Part::Mention(name) => (name.len(), 1),
            Part::OwnMention(name) => (name.len(), 2),
        };
        (own || kind == 2, shape.wrapping_mul(31).wrapping_add(length as u32 * 3 + kind))
    })
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
            let mut entry = Entry::new(message, self.zone);
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

    /// Whether the row of that id stays in the list after a removal.
    pub fn keeps(&self, id: &str, removal: &Removal, user_id: &str) -> bool {
        let entry = self.entries.iter().find(|entry| entry.message.id == id);
        entry.is_some_and(|entry| !removal.covers(&entry.message) || removal.marks(&entry.message, user_id))
    }

    /// Takes messages out. The reader's own stay, marked, so that they see what became of them.
    pub fn remove(&mut self, removal: Removal, user_id: &str) {
        let (unread, read_until) = (&mut self.unread, self.read_until);
        let mut stays = |entry: &mut Entry| {
            entry.forget_quote(&removal);
            let is_gone = removal.covers(&entry.message);
            if is_gone {
                entry.reactions.clear();
                entry.deleted.get_or_insert_default();
            }
            let stays = !is_gone || removal.marks(&entry.message, user_id);
            if !stays && entry.message.seq > read_until {
                *unread = unread.saturating_sub(1);
            }
            stays
        };
        self.entries.retain_mut(&mut stays);
        self.waiting.retain_mut(&mut stays);
        self.missed.retain(|message| !removal.covers(message));
        self.removals.push_back(removal);
        if self.removals.len() > MOST_MESSAGES {
            self.removals.pop_front();
        }
    }

    /// One of the reader's own messages that a removal takes out, if there is one.
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
    /// that is `told` too. What the row is to show, if it is in the list and that was not known.
    pub fn recount(&mut self, at: u64, mut recount: Recount, told: bool) -> Option<(String, Vec<Reaction>)> {
        let entry = self.find(recount.message)?;
        // Of two that were known at the same place, an answer is the newer one.
        if at < entry.counted_at + u64::from(!told) {
            return None;
        }
        entry.counted_at = at;
        for reaction in &mut recount.reactions {
            for before in &entry.reactions {
                reaction.own |= !told && before.own && before.emoji == reaction.emoji;
            }
        }
        entry.reactions = recount.reactions;
        Some((entry.message.id.clone(), entry.reactions.clone()))
    }

    /// Adds the reader's own reaction, or takes it back: whether it was there, and what the row is to show.
    pub fn toggle(&mut self, seq: u64, emoji: &str) -> Option<(bool, Vec<Reaction>)> {
        let all = &mut self.find(seq)?.reactions;
        let Some(at) = all.iter().position(|reaction| reaction.emoji == emoji) else {
            all.push(Reaction { emoji: emoji.to_owned(), count: 1, own: true });
            return Some((false, all.clone()));
        };
        let was_own = all[at].own;
        all[at].own = !was_own;
        all[at].count = if was_own { all[at].count - 1 } else { all[at].count + 1 };
        if all[at].count == 0 {
            all.remove(at);
        }
        Some((was_own, all.clone()))
    }

    /// A message whose quote is to be asked for, and the id of what it quotes.
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
            entry.quote = said;
        }
    }

    /// The message at a place of the log.
    pub fn message(&mut self, seq: u64) -> Option<Arc<ChatMessage>> {
        self.find(seq).map(|entry| entry.message.clone())
    }

    fn find(&mut self, seq: u64) -> Option<&mut Entry> {
        for list in [&mut self.entries, &mut self.waiting] {
            for entry in list {
                if entry.message.seq == seq {
                    return Some(entry);
                }
            }
        }
        None
    }

    /// The messages of an extract as entries, without what was deleted since it was read at that place of the log.
    fn entries_of(&self, messages: Vec<ChatMessage>, read_at: u64) -> impl DoubleEndedIterator<Item = Entry> + use<> {
        let (removals, zone) = (self.removals.clone(), self.zone);
        let shown = move |message: &ChatMessage| !removals.iter().any(|removal| removal.covers(message));
        let removals = self.removals.clone();
        messages.into_iter().filter(shown).map(move |message| {
            let mut entry = Entry { counted_at: read_at, ..Entry::new(message, zone) };
            removals.iter().for_each(|removal| entry.forget_quote(removal));
            entry
        })
    }

    fn wait(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
        if self.waiting.len() > MOST_MESSAGES
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.let_go = oldest.message.seq;
        }
    }

    /// Adds the extract that lies before the first row, for a reader at the top.
    pub fn prepend(&mut self, older: Extract) {
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
    pub fn extend(&mut self, newer: Extract) {
        let end = newer.end();
        self.newer_from = match newer.bounds {
            Some((_, last)) if newer.has_more => last,
            _ => newer.position,
        };
        let last = self.entries.back().map_or(0, |entry| entry.message.seq);
        self.entries.extend(self.entries_of(newer.messages, end).filter(|entry| entry.message.seq > last));
        self.reached(end, newer.has_more);
        self.trim(Reader::AtEnd);
    }

    /// Shows the newest extract instead of everything that there was.
    pub fn replace(&mut self, newest: Extract) {
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
    pub fn restart(&mut self, newest: Extract) {
        self.newest = 0;
        self.let_go = 0;
        self.waiting.clear();
        self.removals.clear();
        self.gap_before = Some(newest.messages.first().map_or(newest.end() + 1, |message| message.seq));
        let gap_before = self.gap_before;
        self.replace(newest);
        self.gap_before = gap_before;
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

    fn trim(&mut self, reader: Reader) {
        while self.entries.len() > MOST_MESSAGES {
            if reader == Reader::InOlderHalf {
                let last = self.entries.pop_back();
                self.let_go = self.let_go.max(last.map_or(0, |entry| entry.message.seq));
                self.has_newer = true;
                self.newer_from = self.entries.back().map(|entry| entry.message.id.clone()).unwrap_or_default();
            } else {
                self.entries.pop_front();
                self.has_older = true;
                self.older_from = self.entries.front().map(|entry| entry.message.id.clone()).unwrap_or_default();
            }
        }
    }

    /// The newest message that was ever offered.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// The reader has come to the end.
    pub fn mark_read(&mut self) {
        (self.unread, self.read_until) = (0, self.newest);
    }

    /// Names days by another clock.
    pub fn set_zone(&mut self, zone: Zone) {
        self.zone = zone;
        for entry in &mut self.entries {
            entry.day = zone.day(&entry.message.sent_at);
        }
    }

    /// Who speaks here, who has spoken last first, each name once; and the reader, who goes by `name` now.
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

    /// Keeps those of some messages which are for the reader above all, for whatever reason, up to as many as are counted.
    pub fn miss(&mut self, messages: Vec<ChatMessage>, user_id: &str, name: &str) {
        let people = self.people(user_id, name);
        for message in messages {
            let replies =
                self.find(message.seq).is_some_and(|entry| entry.quote.as_ref().is_some_and(|quote| quote.author == user_id));
            if message.author != user_id && (replies || spoken_to(&message.chat.text, &people).0) {
                self.missed.push(message);
            }
        }
        self.missed.truncate(MOST_MISSED);
    }

    /// How many of them there are.
    pub fn missed(&self) -> usize {
        self.missed.len()
    }

    /// The reader looks.
    pub fn mark_seen(&mut self) {
        self.missed.clear();
    }

    /// What the list shows to that user, who goes by `name`, in order.
    pub fn rows(&self, user_id: &str, name: &str) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.entries.len());
        let speaks_to_some = self.entries.iter().any(|entry| entry.message.chat.text.contains('@'));
        let people: Arc<[Person]> = if speaks_to_some { self.people(user_id, name).into() } else { Arc::default() };
        let authors = self.entries.iter().map(|entry| (&*entry.message.chat.username, &*entry.message.author));
        let namesakes = Namesakes::among(authors);
        let mut gap_before = self.gap_before;
        let mut before: Option<&Entry> = None;
        for entry in &self.entries {
            let gap = gap_before.take_if(|gap_before| *gap_before <= entry.message.seq).is_some();
            let day = before.is_none_or(|before| before.day != entry.day);
            let name = gap || before.is_none_or(|before| !entry.goes_on(before));
            let own = entry.message.author == user_id;
            let (speaks_to_reader, shape) = spoken_to(&entry.message.chat.text, &people);
            let quote = entry.quote.clone().filter(Quote::is_known);
            let is_reply = quote.as_ref().is_some_and(|quote| quote.author == user_id);
            rows.push(Row {
                message: entry.message.clone(),
                gap,
                day,
                name,
                mark: namesakes.mark(&entry.message.chat.username, &entry.message.author).map(str::to_owned),
                own,
                deleted: entry.deleted.clone(),
                is_pinned: false,
                people: people.clone(),
                for_reader: !own && (speaks_to_reader || is_reply),
                shape,
                quote,
                reactions: entry.reactions.clone(),
            });
            before = Some(entry);
        }
        rows
    }

    /// Whether there is no message at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the log holds messages before the first row.
    pub fn has_older(&self) -> bool {
        self.has_older
    }

    /// Whether the list was cut at its end.
    pub fn has_newer(&self) -> bool {
        self.has_newer
    }

    /// Messages that arrived since the reader left the end.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// The place before which older messages are to be asked for: a message id or a position.
    pub fn older_from(&self) -> &str {
        &self.older_from
    }

    /// The place after which newer messages are to be asked for, if there are any: a message id or a position.
    pub fn newer_from(&self) -> &str {
        &self.newer_from
    }
}

impl Entry {
    fn new(mut message: ChatMessage, zone: Zone) -> Self {
        let (seconds, day) = (clock::seconds(&message.sent_at), zone.day(&message.sent_at));
        let reactions = std::mem::take(&mut message.reactions);
        let quote = message.quote.take();
        Self { seconds, day, message: Arc::new(message), deleted: None, quote, reactions, counted_at: 0 }
    }

    /// Quotes it no longer, if a removal takes out what it quotes.
    fn forget_quote(&mut self, removal: &Removal) {
        if let Some(quote) = &mut self.quote
            && removal.takes(quote.seq, &quote.author)
        {
            *quote = Quote::deleted(quote.seq);
        }
    }

    /// Whether it stands under the same name as the one before it.
    fn goes_on(&self, before: &Self) -> bool {
        let (this, that) = (&self.message, &before.message);
        !this.announces
            && !that.announces
            && this.author == that.author
            && this.chat.username == that.chat.username
            && this.private == that.private
            && this.role == that.role
            && this.picture == that.picture
            && self.day == before.day
            && self.seconds - before.seconds < GROUP_SECONDS
    }
}

#[cfg(test)]
mod tests;
