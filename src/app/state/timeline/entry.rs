use std::sync::Arc;

use super::{Days, Removal};
use crate::{
    app::{
        clock,
        namesakes::folded,
        wire::{ChatMessage, Quote},
    },
    chat::Reaction,
};

/// Messages of one author that follow each other within this many seconds stand under one name.
const GROUP_SECONDS: i64 = 5 * 60;

/// A message in the timeline, and what changes about it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) message: Arc<ChatMessage>,
    seconds: i64,
    pub(super) day: u32,
    /// Its author's name as people see it. To fold a name takes longer than all else about a row, so it is done once.
    pub(super) folded_name: Arc<str>,
    /// Why it was deleted, empty if that is not known; none if it was not. Only the reader's own deleted messages stay, for their eyes alone.
    pub(super) deleted: Option<String>,
    pub(super) quote: Option<Quote>,
    pub(super) reactions: Vec<Reaction>,
    /// The place in the log that the reactions are known up to.
    pub(super) counted_at: u64,
}

impl Entry {
    pub(super) fn new(mut message: ChatMessage, days: Days) -> Self {
        let (seconds, day) = (clock::seconds(&message.sent_at), days.of(&message.sent_at));
        let folded_name = folded(&message.chat.username).into();
        let reactions = std::mem::take(&mut message.reactions);
        let quote = message.quote.take();
        Self { seconds, day, folded_name, message: Arc::new(message), deleted: None, quote, reactions, counted_at: 0 }
    }

    /// Quotes nothing any longer, if a removal takes out what it quotes.
    pub(super) fn forget_quote(&mut self, removal: &Removal) {
        if let Some(quote) = &mut self.quote
            && removal.takes(quote.seq, &quote.author)
        {
            quote.username.clear();
            quote.text.clear();
            quote.is_deleted = true;
        }
    }

    /// Returns whether it quotes what is there again, and that has to be asked for.
    pub(super) fn recall_quote(&mut self, restored: &Removal) -> bool {
        match &mut self.quote {
            Some(quote) if quote.is_deleted && !quote.id.is_empty() && restored.takes(quote.seq, &quote.author) => {
                quote.is_deleted = false;
                true
            }
            _ => false,
        }
    }

    /// Returns whether it stands under the same name as the one before it.
    pub(super) fn continues(&self, before: &Self) -> bool {
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
