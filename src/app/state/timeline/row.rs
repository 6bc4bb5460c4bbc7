use std::sync::Arc;

use super::{Timeline, entry::Entry};
use crate::{
    app::{
        mention::{Person, is_sign},
        namesakes::Namesakes,
        rich_text::{self, Part},
        wire::{ChatMessage, Quote},
    },
    chat::Reaction,
};

/// A row of the list: a message, and what stands above and below it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Counts the logs that the timeline has shown: two of them may have messages of the same place.
    pub log: u32,
    /// The message.
    pub message: Arc<ChatMessage>,
    /// Whether something may be missing before it.
    pub gap: bool,
    /// Whether it is the first of its day.
    pub day: bool,
    /// Whether its author's name stands above it. Otherwise it continues under the name of the message before.
    pub name: bool,
    /// What tells its author from others of the same name in the list, if there are any.
    pub mark: Option<String>,
    /// Whether the reader wrote it.
    pub own: bool,
    /// Why it was deleted for everybody but the reader, who wrote it, if it was; empty if no reason is known.
    pub deleted: Option<String>,
    /// Whether it stands above the chat, and not in the list.
    pub is_pinned: bool,
    /// Whom its text may mention.
    pub people: Arc<[Person]>,
    /// Whom its text does mention.
    pub mentions: Mentions,
    /// What it is a reply to, if that is known.
    pub quote: Option<Quote>,
    /// Whether it is for the reader above all: somebody else mentions them in it, or replies to them.
    pub for_reader: bool,
    /// How people react to it.
    pub reactions: Vec<Reaction>,
    /// Whether it is the row that the reader's keys are at.
    pub is_current: bool,
}

/// The mentions in a text: where each stands, in bytes, and whether it is of the reader.
pub type Mentions = Vec<(usize, usize, bool)>;

/// What identifies a row among all that a list ever shows.
pub type RowKey = (u32, u64);

impl Row {
    /// A message above the chat.
    pub fn pinned(message: ChatMessage) -> Self {
        Self { is_pinned: true, name: true, quote: None, ..Self::of(Arc::new(message)) }
    }

    fn of(message: Arc<ChatMessage>) -> Self {
        Self {
            log: 0,
            message,
            gap: false,
            day: false,
            name: false,
            mark: None,
            own: false,
            deleted: None,
            is_pinned: false,
            people: Arc::default(),
            mentions: Mentions::new(),
            quote: None,
            for_reader: false,
            reactions: Vec::new(),
            is_current: false,
        }
    }

    /// Returns what identifies it.
    pub fn key(&self) -> RowKey {
        (self.log, self.message.seq)
    }
}

/// Equal rows look the same. Whom a text may mention changes with everybody who comes; what counts is whom it does mention.
impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        let flags = |row: &Self| [row.gap, row.day, row.name, row.own, row.is_pinned, row.for_reader, row.is_current];
        self.key() == other.key()
            && flags(self) == flags(other)
            && self.mark == other.mark
            && self.deleted == other.deleted
            && self.mentions == other.mentions
            && self.quote == other.quote
            && self.reactions == other.reactions
            && self.message == other.message
    }
}

impl Timeline {
    /// Returns what the list shows to that user, who goes by `name`, in order. `current` is where their keys are.
    pub fn rows(&self, user_id: &str, name: &str, current: Option<RowKey>) -> Vec<Row> {
        let has_mentions = self.entries.iter().any(|entry| entry.message.chat.text.contains(is_sign));
        let people: Arc<[Person]> = if has_mentions { self.people(user_id, name).into() } else { Arc::default() };
        let namesakes = Namesakes::among(self.entries.iter().map(|entry| (&*entry.folded_name, &*entry.message.author)));
        let mut gap_before = self.gap_before;
        let mut before: Option<&Entry> = None;
        let mut rows = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let message = &entry.message;
            let gap = gap_before.take_if(|gap_before| *gap_before <= message.seq).is_some();
            let own = message.author == user_id;
            let mentions = mentions(&message.chat.text, &people);
            let quote = entry.quote.clone().filter(Quote::is_known);
            let is_reply = quote.as_ref().is_some_and(|quote| !quote.is_deleted && quote.author == user_id);
            rows.push(Row {
                log: self.log,
                gap,
                day: before.is_none_or(|before| before.day != entry.day),
                name: gap || before.is_none_or(|before| !entry.continues(before)),
                mark: namesakes.mark(&entry.folded_name, &message.author).map(str::to_owned),
                own,
                deleted: entry.deleted.clone(),
                people: people.clone(),
                for_reader: !own && (is_reply || mentions.iter().any(|(.., of_reader)| *of_reader)),
                mentions,
                quote,
                reactions: if entry.deleted.is_some() { Vec::new() } else { entry.reactions.clone() },
                is_current: current == Some((self.log, message.seq)),
                ..Row::of(message.clone())
            });
            before = Some(entry);
        }
        rows
    }
}

/// Finds the mentions in a text.
pub(super) fn mentions(text: &str, people: &[Person]) -> Mentions {
    let mut mentions = Mentions::new();
    if !text.contains(is_sign) {
        return mentions;
    }
    let mut at = 0;
    for part in rich_text::parts(text, people) {
        let (length, mention) = match part {
            Part::Plain(text) | Part::Link(text, _) | Part::Lookalike(text, ..) => (text.len(), None),
            Part::Mention(name) => (name.len(), Some(false)),
            Part::OwnMention(name) => (name.len(), Some(true)),
        };
        mentions.extend(mention.map(|of_reader| (at, length, of_reader)));
        at += length;
    }
    mentions
}
