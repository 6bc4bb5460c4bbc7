//! Messages that wait for a moderator, and who needs not wait.

use rusqlite::params;

use super::{Batch, Before, Tail, reader, row};
use crate::{
    chat::{Event, HELD_IN_ROOM, HELD_OF_AUTHOR, Kind, Message, Outcome, Resolution, RoomId, RoomState, Sanction, UserId},
    engine::{Appended, EngineError},
};

/// Entries of a room's log by which an author's newest message may be later than what is known of it: to write that down each
/// time would cost every commit another page.
pub(super) const AUTHORS_LAG: u64 = 500;

impl Batch<'_> {
    /// Stores a message that is to wait, if there are not too many.
    pub(super) fn hold(
        &mut self,
        room: RoomId,
        tail: Tail,
        message: Message,
        client_message_id: Option<&str>,
    ) -> Result<Appended, EngineError> {
        let author = message.author.clone();
        let sql = "SELECT count(*), count(*) FILTER (WHERE author = ?2) FROM held WHERE room = ?1 AND seq > ?3";
        let values = params![room.get(), author.as_str(), tail.trimmed];
        let (all, own): (u64, u64) =
            self.transaction.prepare_cached(sql)?.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
        if own >= HELD_OF_AUTHOR || all >= HELD_IN_ROOM {
            return Err(EngineError::TooManyHeld { room, of_author: own >= HELD_OF_AUTHOR });
        }
        let held = self.push(room, tail, Kind::Held(message), client_message_id)?;
        let sql = "INSERT INTO held (room, seq, author) VALUES (?1, ?2, ?3)";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), held.seq, author.as_str()])?;
        Ok(held)
    }

    /// Decides on a message that waits. Of one that does not wait any more, gives what was decided. That it was declined can be undone
    /// for a while.
    pub(super) fn resolve(
        &mut self,
        room: RoomId,
        of: u64,
        outcome: Outcome,
        by: UserId,
        reason: String,
    ) -> Result<Appended, EngineError> {
        let Some(message) = self.waiting(room, of)? else {
            return match reader::resolution_of(&self.transaction, room, of)? {
                None => Err(EngineError::UnknownMessage { room, seq: of }),
                Some((_, before)) if before != outcome => Err(EngineError::Resolved { room, seq: of, outcome: before }),
                Some((place, _)) => Ok(reader::published(&self.transaction, room, of)?.unwrap_or(reader::appended_at(
                    &self.transaction,
                    room,
                    place,
                )?)),
            };
        };
        let state = self.tail(room)?.state;
        if outcome == Outcome::Approved && state != RoomState::Live {
            return Err(EngineError::NotLive(state));
        }
        let author = message.author.clone();
        let decided = self.take_out_of_queue(room, Resolution { of, author: author.clone(), outcome, by, reason })?;
        match outcome {
            Outcome::Approved => Ok(self.push(room, self.tail(room)?, Kind::Message(message), None)?),
            Outcome::Declined => {
                self.note_undoable(room, decided.seq, Before::default())?;
                self.note_waited(room, decided.seq, &[(of, author)])?;
                Ok(decided)
            }
        }
    }

    fn take_out_of_queue(&mut self, room: RoomId, resolution: Resolution) -> Result<Appended, EngineError> {
        let (tail, of) = (self.tail(room)?, resolution.of);
        let decided = self.push(room, tail, Kind::Resolution(resolution), None)?;
        self.transaction.execute(
            "INSERT INTO deleted_messages (room, seq, deletion) VALUES (?1, ?2, ?3)",
            params![room.get(), of, decided.seq],
        )?;
        self.stop_holding(room)?;
        Ok(decided)
    }

    /// Declines all that waits of somebody who is banned. Returns what waited.
    pub(super) fn decline_all_of(
        &mut self,
        room: RoomId,
        Sanction { user, by, reason, .. }: &Sanction,
    ) -> Result<Vec<(u64, UserId)>, EngineError> {
        let waiting: Vec<u64> = {
            let sql = "SELECT seq FROM held WHERE room = ?1 AND author = ?2 AND seq > ?3";
            let mut statement = self.transaction.prepare_cached(sql)?;
            let seqs = statement.query_map(params![room.get(), user.as_str(), self.tail(room)?.trimmed], |row| row.get(0))?;
            seqs.collect::<Result<_, _>>()?
        };
        for &of in &waiting {
            let (author, by, reason) = (user.clone(), by.clone(), reason.clone());
            self.take_out_of_queue(room, Resolution { of, author, outcome: Outcome::Declined, by, reason })?;
        }
        Ok(waiting.into_iter().map(|of| (of, user.clone())).collect())
    }

    /// Messages that were taken out wait no more. Returns which did.
    pub(super) fn stop_holding(&self, room: RoomId) -> rusqlite::Result<Vec<(u64, UserId)>> {
        let sql = "DELETE FROM held WHERE room = ?1 AND (
                       EXISTS (SELECT 1 FROM deleted_messages AS gone WHERE gone.room = held.room AND gone.seq = held.seq)
                       OR EXISTS (SELECT 1 FROM deleted_authors AS gone
                                  WHERE gone.room = held.room AND gone.author = held.author AND gone.deletion > held.seq))
                   RETURNING seq, author";
        let mut statement = self.transaction.prepare_cached(sql)?;
        statement.query_map([room.get()], |row| Ok((row.get("seq")?, row::user(row, "author")?)))?.collect()
    }

    /// Notes that somebody has said something to everybody.
    pub(super) fn note_author(&self, room: RoomId, author: &UserId, seq: u64) -> rusqlite::Result<()> {
        let sql = "INSERT INTO authors (room, author, seq) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE excluded.seq >= seq + ?4";
        let values = params![room.get(), author.as_str(), seq, AUTHORS_LAG];
        self.transaction.prepare_cached(sql)?.execute(values).map(drop)
    }

    /// The message at that place, if it waits there.
    fn waiting(&self, room: RoomId, seq: u64) -> Result<Option<Message>, EngineError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM held WHERE room = ?1 AND seq = ?2)";
        let is_held: bool = self.transaction.prepare_cached(sql)?.query_row(params![room.get(), seq], |row| row.get(0))?;
        if !is_held || seq <= self.tail(room)?.trimmed {
            return Ok(None);
        }
        Ok(reader::event(&self.transaction, room, seq)?.and_then(Event::into_message))
    }
}
