//! The jobs that make and remove the rooms of others than owners.

use rusqlite::params;

use super::{Batch, Tail, row, schema};
use crate::{
    chat::{Room, RoomId, RoomState, Settings},
    engine::{EngineError, News},
};

impl Batch<'_> {
    /// Makes a room that is live from the start.
    pub(super) fn open_channel(&mut self, settings: Settings) -> Result<Room, EngineError> {
        let made = self.insert_room(settings)?;
        let sql = "UPDATE rooms SET state = ?2, prepared_at = created_at, started_at = created_at, first_started_at = created_at
                   WHERE id = ?1 RETURNING *";
        let room = self.transaction.query_row(sql, params![made.id.get(), RoomState::Live.name()], row::room)?;
        self.done.tails.entry(room.id).and_modify(|tail| tail.state = room.state);
        self.done.stored += 1;
        self.done.news.push(News::Room { room: Box::new(room.clone()), head: 0 });
        Ok(room)
    }

    /// Removes a room. The upkeep erases what is in it.
    pub(super) fn remove_room(&mut self, room: RoomId) -> Result<(), EngineError> {
        let Ok(tail) = self.tail(room) else { return Ok(()) };
        if schema::remove_room(&self.transaction, room.get(), tail.seq)? {
            self.done.tails.insert(room, Tail { state: RoomState::Ended, trimmed: tail.seq, ..tail });
            self.done.news.push(News::NoRoom(room));
        }
        Ok(())
    }
}
