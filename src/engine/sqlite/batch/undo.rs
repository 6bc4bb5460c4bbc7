//! The jobs that undo what a moderator did, and that let go of what was kept for it.
//!
//! An act can be undone for [`UNDO_WINDOW`]. Until then `undoable` has what was so before, and whatever else is needed: a deleted message
//! keeps its reactions, and one of a deleted author its place in the lists of readers and its words in the index, which readers pass over.
//! [`Batch::settle`] drops all of that once the time is over.
//!
//! In a cluster, whether there is still time depends on the times of the log's entries alone, so that all nodes agree.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    super::{index, readable, reader, row},
    Batch, Tail,
};
use crate::{
    chat::{
        ChatText, Deleted, Deletion, Event, Kind, Measure, Message, Outcome, Resolution, Restore, Restored, RoomId, Sanction,
        Timestamp, UNDO_WINDOW, UserId,
    },
    engine::{Appended, EngineError, React},
};

/// Acts that one job settles beside its own work. More are made while one is undone only if moderators act faster than that.
const SETTLED_AT_ONCE: u32 = 8;

const WINDOW_MS: i64 = UNDO_WINDOW.as_millis() as i64;

/// An act, and what was so before it.
struct Undoable {
    until: Timestamp,
    deletion: Option<u64>,
    sanction: Option<Sanction>,
    undone: Option<u64>,
}

/// What is kept of an act beside its place.
#[derive(Default)]
pub(super) struct Before<'a> {
    /// Whom it was about, if it was about all of a user's messages or their right to speak.
    pub(super) user: Option<&'a UserId>,
    /// Of a deletion of all that they said: the place of the one before it, 0 if there was none.
    pub(super) deletion: Option<u64>,
    /// Of a decision on them: the one that held.
    pub(super) sanction: Option<Sanction>,
}

impl Batch<'_> {
    /// Has an act be undoable for a while, and lets go of some that no longer are.
    pub(super) fn note_undoable(
        &self,
        room: RoomId,
        event: u64,
        Before { user, deletion, sanction }: Before<'_>,
    ) -> Result<(), EngineError> {
        let now = self.now();
        for (room, event) in over(&self.transaction, now, SETTLED_AT_ONCE)? {
            self.settle(room, event)?;
        }
        let sanction = sanction.map(|sanction| serde_json::to_string(&sanction).expect("plain data"));
        let sql = "INSERT INTO undoable (room, event, until, user, deletion, sanction) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![room.get(), event, now.0 + WINDOW_MS, user.map(UserId::as_str), deletion, sanction];
        self.transaction.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Keeps which messages waited before an act.
    pub(super) fn note_waited(&self, room: RoomId, event: u64, waited: &[(u64, UserId)]) -> rusqlite::Result<()> {
        let sql = "INSERT OR IGNORE INTO undoable_held (room, event, seq, author) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = self.transaction.prepare_cached(sql)?;
        waited.iter().try_for_each(|(seq, author)| statement.execute(params![room.get(), event, seq, author.as_str()]).map(drop))
    }

    /// Undoes an act. One that was undone before stays so: the answer is the event that did it.
    pub(super) fn undo(&mut self, room: RoomId, of: u64, by: UserId) -> Result<Appended, EngineError> {
        let tail = self.tail(room)?;
        if of <= tail.trimmed {
            return Err(EngineError::NothingToRestore { room, seq: of });
        }
        let act = reader::event(&self.transaction, room, of)?.map(|event| event.kind);
        let Some(undoable) = self.undoable(room, of)? else { return Err(not_undoable(room, of, act.as_ref())) };
        if let Some(undone) = undoable.undone {
            return Ok(reader::appended_at(&self.transaction, room, undone)?);
        }
        if is_over(undoable.until, self.now()) {
            return Err(EngineError::UndoOver { room, seq: of });
        }
        let restored = match act {
            Some(Kind::Deletion(Deletion { of: Deleted::Message(seq), .. })) => self.restore(room, tail, of, seq, by)?,
            Some(Kind::Deletion(Deletion { of: Deleted::AllOf(user), .. })) => {
                self.restore_all(room, tail, of, user, undoable.deletion.unwrap_or(0), by)?
            }
            Some(Kind::Resolution(Resolution { of: seq, author, .. })) => {
                let waiting = self.wait_again(room, of)?;
                self.unlist(room, of)?;
                self.push(room, tail, restore(of, Restored::Waiting { seq, author }, waiting, by), None)?
            }
            Some(Kind::Sanction(sanction)) => self.restore_right(room, tail, of, sanction.user, undoable.sanction, by)?,
            act => return Err(not_undoable(room, of, act.as_ref())),
        };
        let sql = "UPDATE undoable SET undone = ?3 WHERE room = ?1 AND event = ?2";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), of, restored.seq])?;
        Ok(restored)
    }

    /// Lets go of what was kept to undo an act.
    pub(super) fn settle(&self, room: RoomId, event: u64) -> Result<(), EngineError> {
        let sql = "DELETE FROM undoable WHERE room = ?1 AND event = ?2 RETURNING undone";
        let row: Option<Option<u64>> =
            self.transaction.prepare_cached(sql)?.query_row(params![room.get(), event], |row| row.get(0)).optional()?;
        for table in ["undoable_reactions", "undoable_held"] {
            let sql = format!("DELETE FROM {table} WHERE room = ?1 AND event = ?2");
            self.transaction.prepare_cached(&sql)?.execute(params![room.get(), event])?;
        }
        let Some(None) = row else { return Ok(()) };
        match reader::event(&self.transaction, room, event)?.map(|event| event.kind) {
            Some(Kind::Deletion(Deletion { of: Deleted::Message(seq), .. })) => self.drop_reactions_to(room, seq)?,
            Some(Kind::Deletion(Deletion { of: Deleted::AllOf(user), .. })) => {
                self.drop_reactions_to_all_of(room, &user, event)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn undoable(&self, room: RoomId, event: u64) -> Result<Option<Undoable>, EngineError> {
        let sql = "SELECT until, deletion, sanction, undone FROM undoable WHERE room = ?1 AND event = ?2";
        let found = self.transaction.prepare_cached(sql)?.query_row(params![room.get(), event], |row| {
            let sanction: Option<String> = row.get("sanction")?;
            let sanction = sanction.map(|sanction| serde_json::from_str(&sanction).map_err(|_| row::unreadable("sanction")));
            Ok(Undoable {
                until: Timestamp(row.get("until")?),
                deletion: row.get("deletion")?,
                sanction: sanction.transpose()?,
                undone: row.get("undone")?,
            })
        });
        Ok(found.optional()?)
    }

    /// Shows one message again.
    fn restore(&mut self, room: RoomId, tail: Tail, of: u64, seq: u64, by: UserId) -> Result<Appended, EngineError> {
        let message = reader::event(&self.transaction, room, seq)?;
        // The log of a cluster does not hold what was deleted again later, though this was undone before.
        if seq <= tail.trimmed || (message.is_none() && self.place.is_none()) {
            return Err(EngineError::NothingToRestore { room, seq: of });
        }
        let sql = "DELETE FROM deleted_messages WHERE room = ?1 AND seq = ?2 AND deletion = ?3";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), seq, of])?;
        readable::list_again(&self.transaction, room, seq)?;
        let what = match message.map(|event| event.kind) {
            Some(Kind::Held(Message { author, .. })) => Restored::Waiting { seq, author },
            Some(Kind::Message(message)) => {
                if let Some(ChatText { username, text }) = ChatText::of(&message.payload) {
                    index::find_again(&self.transaction, room, seq, &username, &text)?;
                }
                Restored::Message(seq)
            }
            _ => Restored::Message(seq),
        };
        self.mark_reactions_changed(room, seq)?;
        let waiting = self.wait_again(room, of)?;
        self.unlist(room, of)?;
        Ok(self.push(room, tail, restore(of, what, waiting, by), None)?)
    }

    /// Shows again what a user said before the deletion `of`, but for what was said before the deletion `before`.
    fn restore_all(
        &mut self,
        room: RoomId,
        tail: Tail,
        of: u64,
        user: UserId,
        before: u64,
        by: UserId,
    ) -> Result<Appended, EngineError> {
        let one = params![room.get(), user.as_str(), of, before];
        // Of several deletions, the earlier one may be undone first.
        let sql = "UPDATE undoable SET deletion = ?4 WHERE room = ?1 AND user = ?2 AND deletion = ?3";
        self.transaction.prepare_cached(sql)?.execute(one)?;
        let sql = if before > tail.trimmed {
            "UPDATE deleted_authors SET deletion = ?4 WHERE room = ?1 AND author = ?2 AND deletion = ?3"
        } else {
            "DELETE FROM deleted_authors WHERE room = ?1 AND author = ?2 AND deletion = ?3 AND ?4 IS NOT NULL"
        };
        self.transaction.prepare_cached(sql)?.execute(one)?;
        let sql = "SELECT message FROM reacted WHERE room = ?1 AND author = ?2 AND message < ?3 AND message > ?4";
        let reacted: Vec<u64> = {
            let mut statement = self.transaction.prepare_cached(sql)?;
            statement.query_map(one, |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        reacted.into_iter().try_for_each(|message| self.mark_reactions_changed(room, message))?;
        self.react_again(room, tail, of, &user)?;
        let waiting = self.wait_again(room, of)?;
        self.unlist(room, of)?;
        Ok(self.push(room, tail, restore(of, Restored::AllOf(user), waiting, by), None)?)
    }

    /// Has a user speak, or not, as they might before the decision `of`.
    fn restore_right(
        &mut self,
        room: RoomId,
        tail: Tail,
        of: u64,
        user: UserId,
        before: Option<Sanction>,
        by: UserId,
    ) -> Result<Appended, EngineError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM undoable WHERE room = ?1 AND event > ?2 AND user = ?3
                                  AND deletion IS NULL AND undone IS NULL)";
        let is_overruled: bool =
            self.transaction.prepare_cached(sql)?.query_row(params![room.get(), of, user.as_str()], |row| row.get(0))?;
        if is_overruled {
            return Err(EngineError::Overruled { room, seq: of });
        }
        let now = self.now();
        let holds = |sanction: &Sanction| match sanction.measure {
            Measure::Timeout { until } => until > now,
            Measure::Ban | Measure::Lift => true,
        };
        let lifted =
            Sanction { user: user.clone(), measure: Measure::Lift, addresses: Vec::new(), by: by.clone(), reason: String::new() };
        let again = before.filter(holds).map_or(lifted, |sanction| Sanction { by: by.clone(), ..sanction });
        self.react_again(room, tail, of, &user)?;
        let waiting = self.wait_again(room, of)?;
        let restored = self.push(room, tail, restore(of, Restored::Right(user), waiting, by), None)?;
        self.decide(room, self.tail(room)?, again)?;
        Ok(restored)
    }

    /// Has the messages wait again that did before an act, those of them that are there and not deleted by another. Returns where.
    fn wait_again(&self, room: RoomId, of: u64) -> Result<Vec<u64>, EngineError> {
        let waited: Vec<(u64, String)> = {
            let sql = "SELECT seq, author FROM undoable_held WHERE room = ?1 AND event = ?2 ORDER BY seq";
            let mut statement = self.transaction.prepare_cached(sql)?;
            let rows = statement.query_map(params![room.get(), of], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        let trimmed = self.tail(room)?.trimmed;
        let mut waiting = Vec::with_capacity(waited.len());
        for (seq, author) in waited {
            if let Some((decision, _)) = reader::resolution_of(&self.transaction, room, seq)? {
                let sql = "DELETE FROM deleted_messages WHERE room = ?1 AND seq = ?2";
                self.transaction.prepare_cached(sql)?.execute(params![room.get(), seq])?;
                readable::list_again(&self.transaction, room, seq)?;
                self.unlist(room, decision)?;
            }
            let is_there = reader::deletion_place(&self.transaction, room, seq)? == Some(None);
            if is_there && seq > trimmed {
                let sql = "INSERT OR IGNORE INTO held (room, seq, author) VALUES (?1, ?2, ?3)";
                self.transaction.prepare_cached(sql)?.execute(params![room.get(), seq, author])?;
                waiting.push(seq);
            }
        }
        Ok(waiting)
    }

    /// Gives back the reactions that an act took from a user, where there is still room for them.
    fn react_again(&self, room: RoomId, tail: Tail, of: u64, user: &UserId) -> Result<(), EngineError> {
        let taken: Vec<(u64, String)> = {
            let sql = "SELECT message, emoji FROM undoable_reactions WHERE room = ?1 AND event = ?2";
            let mut statement = self.transaction.prepare_cached(sql)?;
            let rows = statement.query_map(params![room.get(), of], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        for (message, emoji) in taken {
            let said = reader::event(&self.transaction, room, message)?.and_then(Event::into_message);
            if let Some(said) = said.filter(|_| message > tail.trimmed) {
                let react = React { message, user: user.clone(), emoji, is_set: true };
                self.add_reaction(room, &react, &said.author)?;
                self.mark_reactions_changed(room, message)?;
            }
        }
        Ok(())
    }

    /// Has an event be read no more: it was undone, and whoever has missed it needs not hear of it.
    fn unlist(&self, room: RoomId, seq: u64) -> rusqlite::Result<()> {
        readable::unlist_act(&self.transaction, room, seq)
    }
}

fn restore(of: u64, what: Restored, waiting: Vec<u64>, by: UserId) -> Kind {
    Kind::Restore(Restore { of, what, waiting, by })
}

/// Why an act of which nothing is kept cannot be undone.
fn not_undoable(room: RoomId, seq: u64, act: Option<&Kind>) -> EngineError {
    match act {
        Some(Kind::Deletion(_) | Kind::Sanction(_)) => EngineError::UndoOver { room, seq },
        Some(Kind::Resolution(Resolution { outcome: Outcome::Declined, .. })) => EngineError::UndoOver { room, seq },
        _ => EngineError::NotUndoable { room, seq },
    }
}

/// Whether the time to undo an act is over. A clock that was set back must not make it longer.
fn is_over(until: Timestamp, now: Timestamp) -> bool {
    until <= now || until.0 > now.0 + WINDOW_MS
}

/// The acts that can be undone no longer, some of them.
pub(in super::super) fn over(connection: &Connection, now: Timestamp, most: u32) -> rusqlite::Result<Vec<(RoomId, u64)>> {
    let sql = "SELECT room, event FROM undoable WHERE until <= ?1 OR until > ?2 LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows =
        statement.query_map(params![now.0, now.0 + WINDOW_MS, most], |row| Ok((row::room_id(row, "room")?, row.get(1)?)))?;
    rows.collect()
}

/// When the next act can be undone no longer; `None` if there is none.
pub(in super::super) fn next_over(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let sql = "SELECT min(until) FROM undoable";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, Option<i64>>(0))?.map(Timestamp))
}

/// The acts that may be undone and were not.
pub(in super::super) fn undoable(connection: &Connection) -> rusqlite::Result<Vec<(RoomId, u64)>> {
    let mut statement = connection.prepare_cached("SELECT room, event FROM undoable WHERE undone IS NULL")?;
    statement.query_map([], |row| Ok((row::room_id(row, "room")?, row.get(1)?)))?.collect()
}
