//! The jobs that make a room of what was said elsewhere.

use rusqlite::{OptionalExtension, params};

use super::{Batch, Tail, row, schema, widget_keys};
use crate::{
    chat::{Kind, Recorded, Room, RoomId, RoomState, Settings, Timestamp, WidgetKey},
    engine::{EngineError, News},
};

impl Batch<'_> {
    /// Makes a room that nobody sees.
    pub(super) fn begin_import(&mut self, settings: Settings) -> Result<RoomId, EngineError> {
        let room = self.insert_room(settings)?.id;
        self.transaction.execute("UPDATE rooms SET hidden = 1 WHERE id = ?1", [room.get()])?;
        Ok(room)
    }

    pub(super) fn import(&mut self, room: RoomId, messages: &[Recorded]) -> Result<(), EngineError> {
        if !self.is_importing(room)? {
            return Err(EngineError::UnknownRoom(room));
        }
        let mut tail = self.tail(room)?;
        for Recorded { sent_at, message } in messages {
            tail = Tail { seq: self.next_seq(tail), sent_at: *sent_at, ..tail };
            self.insert_event(room, tail, &Kind::Message(message.clone()), None)?;
        }
        // So that it is known how long nothing has come.
        let sql = "UPDATE rooms SET updated_at = ?2 WHERE id = ?1 AND hidden = 1";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), self.now().0])?;
        self.done.tails.insert(room, tail);
        Ok(())
    }

    /// The session of an imported room lasted from its first message to its last. When that was is `lasted`, where some of them may be
    /// erased by now; else it is looked up.
    pub(super) fn finish_import(
        &mut self,
        room: RoomId,
        key: &str,
        lasted: Option<(Timestamp, Timestamp)>,
    ) -> Result<(Room, WidgetKey, u64), EngineError> {
        let tail = self.tail(room)?;
        if !self.is_importing(room)? {
            return Err(EngineError::UnknownRoom(room));
        }
        let sql = "UPDATE rooms SET hidden = 0, state = ?2, ended_at = max(?3, coalesce(?4, ?3)), updated_at = ?5,
                       started_at = ?4, first_started_at = ?4 WHERE id = ?1 RETURNING *";
        let first =
            self.transaction
                .query_row("SELECT sent_at FROM events WHERE room = ?1 ORDER BY seq LIMIT 1", [room.get()], |row| row.get(0));
        let first: Option<i64> = first.optional()?;
        let (started_at, ended_at) = lasted.map_or((first, tail.sent_at.0), |(first, Timestamp(last))| (Some(first.0), last));
        let values = params![room.get(), RoomState::Ended.name(), ended_at, started_at, self.now().0];
        let about = self.transaction.query_row(sql, values, row::room)?;
        self.done.tails.insert(room, Tail { state: about.state, ..tail });
        let key = widget_keys::insert_first(&self.transaction, Some(room), key, self.now())?;
        self.done.stored += 2 + tail.seq as usize;
        self.done.news.push(News::Room { room: Box::new(about.clone()), head: tail.seq });
        self.done.news.push(News::WidgetKey(key.clone()));
        Ok((about, key, tail.seq))
    }

    /// Whether the room is being imported. It may have been given up meanwhile.
    fn is_importing(&self, room: RoomId) -> rusqlite::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM rooms WHERE id = ?1 AND hidden = 1)";
        self.transaction.prepare_cached(sql)?.query_row([room.get()], |row| row.get(0))
    }

    pub(super) fn abandon_import(&mut self, room: RoomId) -> Result<(), EngineError> {
        let tail = self.tail(room)?;
        if schema::abandon_import(&self.transaction, room.get())? {
            self.done.tails.insert(room, Tail { trimmed: tail.seq, ..tail });
        }
        Ok(())
    }
}
