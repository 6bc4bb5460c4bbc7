use super::{Hub, Refusal};
use crate::{
    chat::{Event, Room, RoomId, Timestamp},
    engine::{ANSWER_BYTES, End, Query, Reader, cut},
};

/// Which messages of a room to play again: those said from one moment after its start until before another, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The first moment.
    pub from: u64,
    /// The moment after the last one; `None` for all that there are.
    pub to: Option<u64>,
    /// The newest event that is not wanted any more, to read on.
    pub after: u64,
    /// How many at most.
    pub limit: usize,
}

/// Messages as they were said.
#[derive(Debug)]
pub struct Replay {
    /// The room.
    pub room: Room,
    /// The messages that everybody may see, oldest first.
    pub events: Vec<Event>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Replay {
    /// How long after the room's start an event happened, in milliseconds: by the server's clock, which nobody can forge and by
    /// which the log is in order. What a client says of the video's time stands in the message.
    pub fn offset(&self, event: &Event) -> u64 {
        u64::try_from(event.sent_at.0 - self.room.start().0).unwrap_or(0)
    }
}

impl Hub {
    /// Reads what was said in a part of a room's time, without what was deleted since. In any state of the room.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`], or the engine's.
    pub async fn replay(&self, room: RoomId, Span { from, to, after, limit }: Span) -> Result<Replay, Refusal> {
        let about = self.find_open(room)?.room();
        let before = match to {
            Some(to) => Some(self.seq_before(&about, to).await? + 1),
            None => None,
        };
        let query = Query {
            room,
            after: self.seq_before(&about, from).await?.max(after),
            before,
            reader: Reader::Public,
            messages_only: true,
            limit: limit + 1,
            bytes: ANSWER_BYTES,
            end: End::Oldest,
        };
        let mut events = self.read(query).await?;
        let has_more = cut(&mut events, limit, End::Oldest, Event::payload_bytes);
        Ok(Replay { room: about, events, has_more })
    }

    /// The newest event of a room before a moment, so many milliseconds after its start.
    ///
    /// # Errors
    /// The engine's.
    pub async fn seq_before(&self, room: &Room, offset: u64) -> Result<u64, Refusal> {
        let at = room.start().0.saturating_add_unsigned(offset);
        Ok(self.0.engine.seq_before(room.id, Timestamp(at)).await?)
    }
}
