//! The index by which messages are searched: the words of the public chat messages, in SQLite's FTS5, without their texts.
//!
//! It is not written with each message, which would cost every commit more pages than the message itself, but some hundred messages
//! at a time: beside the work, and before a search. It says how far it reaches, so that a database of any size can be searched
//! from its first moment, if not all of it.

use rusqlite::{Connection, params};

use super::{reader, row};
use crate::{
    chat::{ChatText, Event, Kind, RoomId},
    engine::{ANSWER_BYTES, EngineError, Search},
};

/// Events whose words are added at once.
const EVENTS: usize = 500;

/// Steps by which a search brings the index up to date itself. More would keep whoever searches waiting.
pub(super) const STEPS_BEFORE_SEARCH: usize = 10;

/// Bits of a row's number that hold the event's. Beyond four thousand million a room's messages are not found.
const SEQ_BITS: u32 = 32;
const MOST_SEQ: u64 = (1 << SEQ_BITS) - 1;

const INDEXED: &str = "SELECT max(indexed, trimmed) FROM rooms WHERE id = ?1";
const REACH: &str = "SELECT indexed FROM rooms WHERE id = ?1";
const KEPT: &str = "SELECT trimmed FROM rooms WHERE id = ?1";
const LAG: &str = "SELECT count(*) FROM events WHERE room = ?1 AND seq > ?2";
pub(super) const UNINDEXED: &str = "SELECT * FROM events WHERE room = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
pub(super) const SEARCH: &str = concat!(
    "SELECT events.* FROM words CROSS JOIN events ON events.room = ?1 AND events.seq = (words.rowid & 4294967295)
     WHERE words MATCH ?2 AND words.rowid > ?3 AND words.rowid < ?4 AND ",
    reader::not_deleted!(),
    " ORDER BY words.rowid DESC"
);

/// Words that the index does not have yet.
pub(in crate::engine) struct Words {
    pub(super) room: RoomId,
    /// How far the index reached.
    pub(super) after: u64,
    /// How far it will.
    pub(super) to: u64,
    /// The chat messages between, and where they stand.
    pub(super) said: Vec<(u64, ChatText)>,
}

/// The number of a message's row.
pub(super) fn rowid(room: RoomId, seq: u64) -> i64 {
    (i64::from(room.get()) << SEQ_BITS) | seq.min(MOST_SEQ) as i64
}

/// The next words that are to be added for a room, if there are any.
pub(super) fn unindexed(connection: &Connection, room: RoomId) -> Result<Option<Words>, EngineError> {
    let after = connection.prepare_cached(REACH)?.query_row([room.get()], |row| row.get(0))?;
    let kept: u64 = connection.prepare_cached(INDEXED)?.query_row([room.get()], |row| row.get(0))?;
    let mut words = Words { room, after, to: kept, said: Vec::new() };
    let mut statement = connection.prepare_cached(UNINDEXED)?;
    let mut rows = statement.query(params![room.get(), kept, EVENTS as i64])?;
    while let Some(row) = rows.next()? {
        words.to = row.get("seq")?;
        match row::event(row) {
            Ok(Event { seq, kind: Kind::Message(message), .. }) if seq < MOST_SEQ => {
                words.said.extend(ChatText::of(&message.payload).map(|text| (seq, text)));
            }
            // A damaged one is told of to who reads it.
            Ok(_) | Err(EngineError::DamagedEvent { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((words.to > kept).then_some(words))
}

/// The messages that have all the words, the newest first, of those that the index has.
pub(super) fn search(connection: &Connection, search: &Search) -> Result<Vec<Event>, EngineError> {
    let kept: u64 = connection.prepare_cached(KEPT)?.query_row([search.room.get()], |row| row.get(0))?;
    let before = search.before.unwrap_or(MOST_SEQ);
    let bounds = [rowid(search.room, kept), rowid(search.room, before)];
    let mut statement = connection.prepare_cached(SEARCH)?;
    let mut rows = statement.query(params![search.room.get(), expression(&search.words), bounds[0], bounds[1]])?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while events.len() < search.limit
        && bytes < ANSWER_BYTES
        && let Some(row) = rows.next()?
    {
        let event = row::event(row)?;
        bytes += event.payload_bytes();
        events.push(event);
    }
    Ok(events)
}

/// How many of a room's newest events the index does not have.
pub(super) fn lag(connection: &Connection, room: RoomId) -> rusqlite::Result<u64> {
    let reach: u64 = connection.prepare_cached(INDEXED)?.query_row([room.get()], |row| row.get(0))?;
    connection.prepare_cached(LAG)?.query_row(params![room.get(), reach], |row| row.get(0))
}

/// The words as strings of FTS5's language, each the beginning of a word, all of them wanted
/// (<https://www.sqlite.org/fts5.html#fts5_strings>): nothing in a string is an operator.
fn expression(words: &[String]) -> String {
    let string = |word: &String| format!("\"{}\"*", word.replace('"', "\"\""));
    words.iter().map(string).collect::<Vec<_>>().join(" ")
}
