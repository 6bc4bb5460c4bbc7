use std::collections::BTreeSet;

use super::{Hub, Refusal};
use crate::{
    chat::{Event, MessageId, reply_to},
    engine::{Messages, Query},
};

/// Messages, and those that they quote.
#[derive(Debug, Default)]
pub struct Quoting {
    /// The messages, oldest first.
    pub events: Vec<Event>,
    /// The public messages that they are replies to.
    pub quoted: Messages,
}

impl Hub {
    /// One public message.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`], [`Refusal::UnknownMessage`], [`Refusal::Deleted`], or the engine's.
    pub async fn message(&self, MessageId { room, seq }: MessageId) -> Result<Event, Refusal> {
        self.find(room)?;
        match self.0.engine.messages(room, vec![seq]).await?.remove(&seq) {
            Some(message) => message.ok_or(Refusal::Deleted),
            None => Err(Refusal::UnknownMessage),
        }
    }

    /// Reads a part of a room's log, with what is quoted there: `take` says which of the events that were read are wanted.
    ///
    /// # Errors
    /// The engine's.
    pub async fn read_quoting(&self, query: Query, take: impl FnOnce(&mut Vec<Event>)) -> Result<Quoting, Refusal> {
        let room = query.room;
        let mut events = self.read(query).await?;
        take(&mut events);
        let of = |event: &Event| reply_to(event.message()?.payload.get(), room);
        let places: BTreeSet<u64> = events.iter().filter_map(of).collect();
        let quoted = match places.is_empty() {
            true => Messages::new(),
            false => self.0.engine.messages(room, places.into_iter().collect()).await?,
        };
        Ok(Quoting { events, quoted })
    }
}
