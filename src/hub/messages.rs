use std::collections::BTreeSet;

use super::{Hub, Refusal};
use crate::{
    chat::{Event, MessageId, RoomId, reply_to},
    engine::{ANSWER_BYTES, Messages, Query},
};

/// Quoted messages read at once.
const QUOTES: usize = 16;

/// Messages, and those that they quote.
#[derive(Debug, Default)]
pub struct Quoting {
    /// The messages, oldest first.
    pub events: Vec<Event>,
    /// The public messages that they are replies to: the newest ones, until they exceed [`ANSWER_BYTES`].
    pub quoted: Messages,
}

impl Hub {
    /// One public message.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`], [`Refusal::UnknownMessage`], [`Refusal::Deleted`], or the engine's.
    pub async fn message(&self, MessageId { room, seq }: MessageId) -> Result<Event, Refusal> {
        self.find_open(room)?;
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
        let of = |event: &Event| reply_to(&event.message()?.payload, room);
        let places: BTreeSet<u64> = events.iter().filter_map(of).collect();
        let quoted = self.quoted(room, places).await?;
        Ok(Quoting { events, quoted })
    }

    async fn quoted(&self, room: RoomId, places: BTreeSet<u64>) -> Result<Messages, Refusal> {
        let places: Vec<u64> = places.into_iter().rev().collect();
        let (mut quoted, mut bytes) = (Messages::new(), 0);
        for some in places.chunks(QUOTES) {
            let found = self.0.engine.messages(room, some.to_vec()).await?;
            bytes += found.values().flatten().map(Event::payload_bytes).sum::<usize>();
            quoted.extend(found);
            if bytes > ANSWER_BYTES {
                break;
            }
        }
        Ok(quoted)
    }
}
