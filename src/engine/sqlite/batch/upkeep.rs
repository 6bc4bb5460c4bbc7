//! The jobs of [`upkeep`](super::super::upkeep), a small step each.

use rusqlite::params;

use super::{Batch, DeletedWords, Tail, Words, held::AUTHORS_LAG, index, reader};
use crate::{
    chat::{ChatText, RoomId},
    engine::EngineError,
};

/// Events that one step erases: as much work as about a thousand messages are, which share their commit with it.
const ERASED_AT_ONCE: u64 = 500;

/// Bytes of payload after which a step ends, with at least one event.
const ERASED_BYTES: u64 = 1 << 20;

/// Pages of the index of words that one step merges: a megabyte.
const MERGED_PAGES: i64 = 256;

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
        let to = self.last_to_erase(room, erased, known)?.unwrap_or(known).max(erased);
        let range = params![room.get(), erased, to];
        self.transaction.execute(
            "DELETE FROM events WHERE room = ?1 AND seq > ?2 AND seq <= ?3 AND NOT (kind = 4 AND EXISTS (
                 SELECT 1 FROM sanctions WHERE room = events.room AND user = events.recipient AND event = events.seq))",
            range,
        )?;
        self.forget_words(room, erased + 1, to)?;
        for table in ["deleted_messages", "held"] {
            let sql = format!("DELETE FROM {table} WHERE room = ?1 AND seq > ?2 AND seq <= ?3");
            self.transaction.execute(&sql, range)?;
        }
        for table in ["undoable", "undoable_reactions", "undoable_held"] {
            let sql = format!("DELETE FROM {table} WHERE room = ?1 AND event > ?2 AND event <= ?3");
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

    /// The last event of a step that erases what follows `erased` up to `known`; `None` if one step reaches the end.
    fn last_to_erase(&self, room: RoomId, erased: u64, known: u64) -> rusqlite::Result<Option<u64>> {
        let sql = "SELECT seq, octet_length(payload) FROM events WHERE room = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let mut rows = statement.query(params![room.get(), erased, known])?;
        let (mut events, mut bytes) = (0, 0);
        while let Some(row) = rows.next()? {
            (events, bytes) = (events + 1, bytes + row.get::<_, u64>(1)?);
            if events == ERASED_AT_ONCE || bytes >= ERASED_BYTES {
                return row.get(0).map(Some);
            }
        }
        Ok(None)
    }

    /// Takes messages out of what is found. Their words leave the file with the next [`merge`](Self::merge).
    pub(super) fn forget_words(&self, room: RoomId, first: u64, last: u64) -> rusqlite::Result<()> {
        index::forget(&self.transaction, room, first, last)
    }

    /// Merges some of the index of words, so that deleted words leave it. Whether there is more to do.
    pub(super) fn merge(&self, deleted: &DeletedWords, is_first: bool) -> Result<bool, EngineError> {
        let has_more = index::merge(&self.transaction, if is_first { -MERGED_PAGES } else { MERGED_PAGES })?;
        if !has_more {
            index::note_removed(&self.transaction, deleted)?;
        }
        Ok(has_more)
    }

    /// Adds words to be found, if nobody else has meanwhile.
    pub(super) fn index(&self, Words { room, after, to, said }: Words) -> Result<(), EngineError> {
        let sql = "UPDATE rooms SET indexed = ?3 WHERE id = ?1 AND indexed = ?2";
        if self.transaction.execute(sql, params![room.get(), after, to])? == 0 {
            return Ok(());
        }
        let mut insert = self.transaction.prepare_cached("INSERT INTO words (rowid, username, text) VALUES (?1, ?2, ?3)")?;
        for (seq, ChatText { username, text }) in said {
            // It may have been deleted, or erased, since its words were read.
            let is_found = match reader::deletion_place(&self.transaction, room, seq)? {
                Some(None) => true,
                Some(Some(deletion)) => self.may_find_again(room, seq, deletion)?,
                None => false,
            };
            if is_found {
                insert.execute(params![index::rowid(room, seq), username, text])?;
            }
        }
        Ok(())
    }

    /// Whether a message is deleted with all of its author's alone, and that can be undone. Until then no search shows it.
    fn may_find_again(&self, room: RoomId, seq: u64, deletion: u64) -> rusqlite::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM undoable WHERE room = ?1 AND event = ?2 AND deletion < ?3 AND undone IS NULL)";
        self.transaction.prepare_cached(sql)?.query_row(params![room.get(), deletion, seq], |row| row.get(0))
    }

    /// Gives some free pages back. A database that is not made for it keeps them.
    pub(super) fn shrink(&self) -> Result<(), EngineError> {
        // Each step of the statement gives back one page.
        Ok(self.transaction.pragma(None, "incremental_vacuum", PAGES_AT_ONCE, |_| Ok(()))?)
    }
}
