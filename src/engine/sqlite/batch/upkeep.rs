//! The jobs of [`upkeep`](super::super::upkeep), a small step each.

use rusqlite::{OptionalExtension, params};

use super::{Batch, Tail, Words, held::AUTHORS_LAG, index};
use crate::{
    chat::{ChatText, RoomId},
    engine::EngineError,
};

/// Events that one step erases: as much work as about a thousand messages are, which share their commit with it.
const ERASED_AT_ONCE: u64 = 500;

/// Pages that one step gives back, each of which may be moved: a megabyte.
const PAGES_AT_ONCE: u32 = 256;

impl Batch<'_> {
    /// Has events up to that place count as past the room's retention. Nothing is removed before all readers can know it.
    pub(super) fn trim(&mut self, room: RoomId, to: u64) -> Result<(), EngineError> {
        let tail = self.tail(room)?;
        let trimmed = to.min(tail.seq).max(tail.trimmed);
        self.transaction.execute("UPDATE rooms SET trimmed = ?2 WHERE id = ?1", params![room.get(), trimmed])?;
        self.done.tails.insert(room, Tail { trimmed, ..tail });
        Ok(())
    }

    /// Removes some of what is past the room's retention, oldest first, and all that belongs to it; but no sanction that holds.
    pub(super) fn erase(&mut self, room: RoomId) -> Result<(), EngineError> {
        // What this transaction has trimmed itself is not known to readers yet.
        let sql = "SELECT erased, trimmed FROM rooms WHERE id = ?1";
        let (erased, trimmed): (u64, u64) =
            self.transaction.query_row(sql, [room.get()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let known = self.before.get(&room).map_or(trimmed, |tail| tail.trimmed);
        let sql = "SELECT seq FROM events WHERE room = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT 1 OFFSET ?4";
        let values = params![room.get(), erased, known, ERASED_AT_ONCE - 1];
        let last: Option<u64> = self.transaction.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        let to = last.unwrap_or(known).max(erased);
        let range = params![room.get(), erased, to];
        self.transaction.execute(
            "DELETE FROM events WHERE room = ?1 AND seq > ?2 AND seq <= ?3 AND NOT (kind = 4 AND EXISTS (
                 SELECT 1 FROM sanctions WHERE room = events.room AND user = events.recipient AND event = events.seq))",
            range,
        )?;
        let rowids = params![index::rowid(room, erased + 1), index::rowid(room, to)];
        self.transaction.execute("DELETE FROM words WHERE rowid BETWEEN ?1 AND ?2", rowids)?;
        for table in ["deleted_messages", "held"] {
            let sql = format!("DELETE FROM {table} WHERE room = ?1 AND seq > ?2 AND seq <= ?3");
            self.transaction.execute(&sql, range)?;
        }
        self.transaction.execute("DELETE FROM deleted_authors WHERE room = ?1 AND deletion <= ?2", params![room.get(), to])?;
        for table in ["reactions", "reaction_counts", "reacted"] {
            let sql = format!("DELETE FROM {table} WHERE room = ?1 AND message > ?2 AND message <= ?3");
            self.transaction.execute(&sql, range)?;
        }
        if to == known {
            // Of whom nothing is left.
            let head = self.before.get(&room).map_or(known, |tail| tail.seq);
            let gone = if head <= to { to } else { to.saturating_sub(AUTHORS_LAG) };
            self.transaction.execute("DELETE FROM authors WHERE room = ?1 AND seq <= ?2", params![room.get(), gone])?;
        }
        self.transaction.execute("UPDATE rooms SET erased = ?2 WHERE id = ?1", params![room.get(), to])?;
        self.transaction.execute("DELETE FROM rooms WHERE id = ?1 AND hidden = 2 AND erased >= trimmed", [room.get()])?;
        Ok(())
    }

    /// Adds words to be found, if nobody else has meanwhile.
    pub(super) fn index(&self, Words { room, after, to, said }: Words) -> Result<(), EngineError> {
        let sql = "UPDATE rooms SET indexed = ?3 WHERE id = ?1 AND indexed = ?2";
        if self.transaction.execute(sql, params![room.get(), after, to])? == 0 {
            return Ok(());
        }
        let mut insert = self.transaction.prepare_cached("INSERT INTO words (rowid, username, text) VALUES (?1, ?2, ?3)")?;
        for (seq, ChatText { username, text }) in said {
            insert.execute(params![index::rowid(room, seq), username, text])?;
        }
        Ok(())
    }

    /// Gives some free pages back. A database that is not made for it keeps them.
    pub(super) fn shrink(&self) -> Result<(), EngineError> {
        // Each step of the statement gives back one page.
        Ok(self.transaction.pragma(None, "incremental_vacuum", PAGES_AT_ONCE, |_| Ok(()))?)
    }
}
