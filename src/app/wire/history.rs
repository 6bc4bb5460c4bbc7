use serde::Deserialize;

use super::{
    ChatMessage, Quote, Raw, read,
    stream::{Envelope, quote, seq_of},
};

/// A page of the room's history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryPage {
    /// Its chat messages, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The ids of its first and its last message, chat or not; none if it is empty.
    pub bounds: Option<(String, String)>,
    /// Whether there are more in the direction that was asked for.
    pub has_more: bool,
    /// The end of the log when it was read: a page without `has_more` holds everything up to here.
    pub position: String,
}

#[derive(Deserialize)]
struct Body {
    data: Vec<Envelope>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    position: String,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    quoted: Vec<Raw>,
}

impl HistoryPage {
    /// Reads the answer to a request for a page of history. None if it is something else.
    pub fn read(answer: &str) -> Option<Self> {
        let Body { data, meta } = read(answer)?;
        let bounds = data.first().zip(data.last()).map(|(first, last)| (first.id.clone(), last.id.clone()));
        let quoted: Vec<Quote> = meta.quoted.iter().filter_map(quote).collect();
        let resolved = |envelope: Envelope| {
            let mut message = envelope.message()?;
            // What the server does not tell of is no message that can be quoted.
            message.quote = message.quote.and_then(|quote| quoted.iter().find(|told| told.seq == quote.seq).cloned());
            Some(message)
        };
        let messages = data.into_iter().filter_map(resolved).collect();
        Some(Self { messages, bounds, has_more: meta.has_more, position: meta.position })
    }

    /// Returns the place in the log that it reaches.
    pub fn end(&self) -> u64 {
        seq_of(&self.position).max(self.messages.last().map_or(0, |message| message.seq))
    }
}
