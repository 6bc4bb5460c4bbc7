use super::{Authority, Hub, Refusal, live::LiveSnapshot};
use crate::{
    chat::{Capability, Event, Room, RoomId},
    engine::{End, Query, Reader},
};

/// What is read of the log at once: what bounds an export's memory, whatever the room holds.
const PAGE: usize = 500;
/// After how many bytes such a page ends.
const PAGE_BYTES: usize = 256 << 10;

/// A room's messages that everybody may see, up to where its log ended when they were asked for. What is deleted while they are
/// read is left out from then on.
pub struct Export {
    hub: Hub,
    room: Room,
    query: Query,
    is_over: bool,
}

impl Hub {
    /// Begins to read all messages of a room. In any state of the room.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`].
    pub fn export(&self, room: RoomId, who: &Authority) -> Result<Export, Refusal> {
        let LiveSnapshot { room: about, head, .. } = self.find(room)?.snapshot(self.0.engine.trimmed(room));
        self.authorize(room, who, Capability::ManageRoom)?;
        let query = Query {
            room,
            after: 0,
            before: Some(head + 1),
            reader: Reader::Public,
            messages_only: true,
            limit: PAGE,
            bytes: PAGE_BYTES,
            end: End::Oldest,
        };
        Ok(Export { hub: self.clone(), room: about, query, is_over: false })
    }
}

impl Export {
    /// The room that it is of.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The next messages, oldest first; `None` when there are no more.
    ///
    /// # Errors
    /// The engine's; what was read before is as good as it was.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, Refusal> {
        if self.is_over {
            return Ok(None);
        }
        let events = self.hub.read(self.query.clone()).await?;
        self.is_over = !self.query.is_filled_by(&events);
        self.query.after = events.last().map_or(self.query.after, |last| last.seq);
        Ok(Some(events))
    }
}
