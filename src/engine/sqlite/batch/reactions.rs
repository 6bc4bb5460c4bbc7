//! The jobs about reactions. Each is durable when it is acknowledged; what the counts are is told of many at once, as an event that
//! is made here, so that no event says anything else than what holds at its place in the log.

use rusqlite::params;

use super::{super::reader, Batch};
use crate::{
    chat::{Kind, MOST_EMOJIS, MOST_OF_ONE, Recount, RoomId, RoomState, TooManyReactions, UserId},
    engine::{EngineError, React, Reacted},
};

/// Messages whose counts one event tells: it stays smaller than the longest messages.
const TOLD_AT_ONCE: usize = 100;

impl Batch<'_> {
    /// Adds a reaction or takes it back. What is so already stays so.
    pub(super) fn react(&mut self, room: RoomId, react: &React) -> Result<Reacted, EngineError> {
        let React { message, user, emoji, is_set } = react;
        let tail = self.tail(room)?;
        if tail.state != RoomState::Live {
            return Err(EngineError::NotLive(tail.state));
        }
        let author = self.author_of(room, *message, tail.trimmed)?;
        let one = params![room.get(), message, user.as_str(), emoji];
        let sql = "SELECT count(*) > 0 FROM reactions WHERE room = ?1 AND message = ?2 AND user = ?3 AND emoji = ?4";
        let was_set: bool = self.transaction.prepare_cached(sql)?.query_row(one, |row| row.get(0))?;
        if *is_set && !was_set {
            self.check_room_for(room, react)?;
            self.insert_reaction(room, react)?;
        }
        if !*is_set && was_set {
            let sql = "DELETE FROM reactions WHERE room = ?1 AND message = ?2 AND user = ?3 AND emoji = ?4";
            self.transaction.prepare_cached(sql)?.execute(one)?;
            self.count_one_less(room, *message, emoji)?;
        }
        let changed = *is_set != was_set;
        if changed {
            let sql = "INSERT INTO reacted (room, message, author, changed) VALUES (?1, ?2, ?3, 1)
                       ON CONFLICT (room, message) DO UPDATE SET changed = 1";
            self.transaction.prepare_cached(sql)?.execute(params![room.get(), message, author.as_str()])?;
        }
        let reactions = reader::reactions(&self.transaction, room, *message, Some(user))?;
        Ok(Reacted { reactions, seq: tail.seq, changed })
    }

    /// Appends what the counts are of messages whose reactions changed since they were told last, if there are any. Whether there
    /// are more than one event tells.
    pub(super) fn tell_reactions(&mut self, room: RoomId) -> Result<bool, EngineError> {
        let tail = self.tail(room)?;
        let mut messages = self.changed(room, tail.trimmed)?;
        let has_more = messages.len() > TOLD_AT_ONCE;
        messages.truncate(TOLD_AT_ONCE);
        let mut recounts = Vec::with_capacity(messages.len());
        for message in messages {
            let reactions = reader::reactions(&self.transaction, room, message, None)?;
            let sql = if reactions.is_empty() {
                "DELETE FROM reacted WHERE room = ?1 AND message = ?2"
            } else {
                "UPDATE reacted SET changed = 0 WHERE room = ?1 AND message = ?2"
            };
            self.transaction.prepare_cached(sql)?.execute(params![room.get(), message])?;
            recounts.push(Recount { message, reactions });
        }
        if !recounts.is_empty() {
            self.push(room, tail, Kind::Reactions(recounts), None)?;
        }
        Ok(has_more)
    }

    /// Adds a reaction that was taken away, unless it is there, or there is no room for it any more.
    pub(super) fn add_reaction(&self, room: RoomId, react: &React, author: &UserId) -> Result<(), EngineError> {
        let React { message, user, emoji, .. } = react;
        let sql = "SELECT count(*) > 0 FROM reactions WHERE room = ?1 AND message = ?2 AND user = ?3 AND emoji = ?4";
        let one = params![room.get(), message, user.as_str(), emoji];
        let is_set: bool = self.transaction.prepare_cached(sql)?.query_row(one, |row| row.get(0))?;
        let is_possible = match self.check_room_for(room, react) {
            Ok(()) => true,
            Err(EngineError::TooManyReactions(_)) => false,
            Err(error) => return Err(error),
        };
        if is_possible && !is_set {
            self.insert_reaction(room, react)?;
            let sql = "INSERT OR IGNORE INTO reacted (room, message, author, changed) VALUES (?1, ?2, ?3, 0)";
            self.transaction.prepare_cached(sql)?.execute(params![room.get(), message, author.as_str()])?;
        }
        Ok(())
    }

    fn insert_reaction(&self, room: RoomId, React { message, user, emoji, .. }: &React) -> rusqlite::Result<()> {
        let sql = "INSERT INTO reactions (room, message, user, emoji) VALUES (?1, ?2, ?3, ?4)";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), message, user.as_str(), emoji])?;
        self.count_one_more(room, *message, emoji)
    }

    /// Takes away the reactions to a message that is shown to nobody any more. There is nothing to be told.
    pub(super) fn drop_reactions_to(&self, room: RoomId, message: u64) -> rusqlite::Result<()> {
        for table in ["reactions", "reaction_counts", "reacted"] {
            let sql = format!("DELETE FROM {table} WHERE room = ?1 AND message = ?2");
            self.transaction.prepare_cached(&sql)?.execute(params![room.get(), message])?;
        }
        Ok(())
    }

    /// Takes away the reactions to all messages of a user before a place.
    pub(super) fn drop_reactions_to_all_of(&self, room: RoomId, author: &UserId, before: u64) -> rusqlite::Result<()> {
        let sql = "SELECT message FROM reacted WHERE room = ?1 AND author = ?2 AND message < ?3";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let messages = statement.query_map(params![room.get(), author.as_str(), before], |row| row.get(0))?;
        let messages: Vec<u64> = messages.collect::<Result<_, _>>()?;
        messages.into_iter().try_for_each(|message| self.drop_reactions_to(room, message))
    }

    /// Tells nothing of the reactions to a message that was deleted. They are kept for as long as that can be undone.
    pub(super) fn tell_no_reactions_to(&self, room: RoomId, message: u64) -> rusqlite::Result<()> {
        let sql = "UPDATE reacted SET changed = 0 WHERE room = ?1 AND message = ?2";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), message]).map(drop)
    }

    /// Does the same for all messages of a user.
    pub(super) fn tell_no_reactions_to_all_of(&self, room: RoomId, author: &UserId) -> rusqlite::Result<()> {
        let sql = "UPDATE reacted SET changed = 0 WHERE room = ?1 AND author = ?2 AND changed = 1";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), author.as_str()]).map(drop)
    }

    /// Has the reactions to a message be told, unless it is deleted.
    pub(super) fn mark_reactions_changed(&self, room: RoomId, message: u64) -> rusqlite::Result<()> {
        let sql = "UPDATE reacted SET changed = 1 WHERE room = ?1 AND message = ?2
                   AND NOT EXISTS (SELECT 1 FROM deleted_messages WHERE room = ?1 AND seq = ?2)
                   AND NOT EXISTS (SELECT 1 FROM deleted_authors AS gone
                                   WHERE gone.room = ?1 AND gone.author = reacted.author AND gone.deletion > ?2)";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), message]).map(drop)
    }

    /// Takes back all reactions of a user, and keeps which they were for as long as the act at that place can be undone.
    pub(super) fn take_back_reactions_of(&self, room: RoomId, user: &UserId, act: u64) -> rusqlite::Result<()> {
        let sql = "INSERT INTO undoable_reactions (room, event, message, emoji)
                   SELECT room, ?3, message, emoji FROM reactions WHERE room = ?1 AND user = ?2";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), user.as_str(), act])?;
        let own = params![room.get(), user.as_str()];
        let mut statement =
            self.transaction.prepare_cached("SELECT message, emoji FROM reactions WHERE room = ?1 AND user = ?2")?;
        let reactions = statement.query_map(own, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let reactions: Vec<(u64, String)> = reactions.collect::<Result<_, _>>()?;
        self.transaction.prepare_cached("DELETE FROM reactions WHERE room = ?1 AND user = ?2")?.execute(own)?;
        for (message, emoji) in reactions {
            self.count_one_less(room, message, &emoji)?;
            self.mark_reactions_changed(room, message)?;
        }
        Ok(())
    }

    /// Who wrote a message that everybody may see.
    fn author_of(&self, room: RoomId, seq: u64, trimmed: u64) -> Result<UserId, EngineError> {
        let unknown = EngineError::UnknownMessage { room, seq };
        match reader::message(&self.transaction, room, seq, trimmed)? {
            Some(event) => {
                event.and_then(|event| event.into_message()).map(|said| said.author).ok_or(EngineError::Deleted { room, seq })
            }
            None => Err(unknown),
        }
    }

    /// Messages whose reactions changed since they were told last: one more than an event tells, if there are so many.
    fn changed(&self, room: RoomId, trimmed: u64) -> rusqlite::Result<Vec<u64>> {
        let sql = "SELECT message FROM reacted WHERE room = ?1 AND message > ?2 AND changed = 1 ORDER BY message LIMIT ?3";
        let mut statement = self.transaction.prepare_cached(sql)?;
        statement.query_map(params![room.get(), trimmed, TOLD_AT_ONCE + 1], |row| row.get(0))?.collect()
    }

    fn check_room_for(&self, room: RoomId, React { message, user, emoji, .. }: &React) -> Result<(), EngineError> {
        let sql = "SELECT count(*) FROM reactions WHERE room = ?1 AND message = ?2 AND user = ?3";
        let of_one: usize =
            self.transaction.prepare_cached(sql)?.query_row(params![room.get(), message, user.as_str()], |row| row.get(0))?;
        let sql = "SELECT count(*), coalesce(sum(emoji = ?3), 0) FROM reaction_counts WHERE room = ?1 AND message = ?2";
        let (of_all, has_it): (usize, bool) = self
            .transaction
            .prepare_cached(sql)?
            .query_row(params![room.get(), message, emoji], |row| Ok((row.get(0)?, row.get(1)?)))?;
        match () {
            () if of_one >= MOST_OF_ONE => Err(TooManyReactions::OfOne.into()),
            () if of_all >= MOST_EMOJIS && !has_it => Err(TooManyReactions::OfAll.into()),
            () => Ok(()),
        }
    }

    fn count_one_more(&self, room: RoomId, message: u64, emoji: &str) -> rusqlite::Result<()> {
        // A new one stands after all that there are.
        let sql = "INSERT INTO reaction_counts (room, message, emoji, place, count) VALUES (?1, ?2, ?3,
                       (SELECT coalesce(max(place), 0) + 1 FROM reaction_counts WHERE room = ?1 AND message = ?2), 1)
                   ON CONFLICT (room, message, emoji) DO UPDATE SET count = count + 1";
        self.transaction.prepare_cached(sql)?.execute(params![room.get(), message, emoji]).map(drop)
    }

    fn count_one_less(&self, room: RoomId, message: u64, emoji: &str) -> rusqlite::Result<()> {
        let one = params![room.get(), message, emoji];
        let sql = "UPDATE reaction_counts SET count = count - 1 WHERE room = ?1 AND message = ?2 AND emoji = ?3";
        self.transaction.prepare_cached(sql)?.execute(one)?;
        let sql = "DELETE FROM reaction_counts WHERE room = ?1 AND message = ?2 AND emoji = ?3 AND count <= 0";
        self.transaction.prepare_cached(sql)?.execute(one).map(drop)
    }
}

/// Rooms in which something is to be told, because the program ended before it was.
pub(in super::super) fn untold(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<RoomId>> {
    let sql = "SELECT DISTINCT reacted.room FROM reacted JOIN rooms ON rooms.id = reacted.room
               WHERE changed = 1 AND message > trimmed AND hidden = 0";
    connection.prepare(sql)?.query_map([], |row| super::super::row::room_id(row, "room"))?.collect()
}
