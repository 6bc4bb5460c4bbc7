//! The index by which messages are searched: the words of the public chat messages, in SQLite's FTS5, without their texts.
//!
//! It is not written with each message, which would cost every commit more pages than the message itself, but some hundred messages
//! at a time: beside the work, and before a search. It says how far it reaches, so that a database of any size can be searched
//! from its first moment, if not all of it.

use rusqlite::{Connection, params};

use super::{reader, row, schema};
use crate::{
    chat::{ChatText, Event, Kind, RoomId},
    engine::{ANSWER_BYTES, EngineError, Search},
};

/// Events whose words are added at once.
const EVENTS: usize = 500;

/// Bytes of payload after which no more are: the writer takes a few milliseconds for their words.
const EVENTS_BYTES: usize = 256 << 10;

/// Bytes that a word must have to be looked for as the beginning of others as well. To collect all that begin with one letter takes as
/// much memory as they have messages.
const PREFIX_BYTES: usize = 3;

/// Events that are counted at most where the index does not reach.
const MOST_LAG: u64 = 100_000;

/// The name of the value that says that the index holds words of messages that were deleted.
const DELETED_WORDS: &str = "deleted_words";

/// Steps by which a search brings the index up to date itself. More would keep whoever searches waiting.
pub(super) const STEPS_BEFORE_SEARCH: usize = 10;

/// Bits of a row's number that hold the event's. Beyond four thousand million a room's messages are not found.
const SEQ_BITS: u32 = 32;
const MOST_SEQ: u64 = (1 << SEQ_BITS) - 1;

const INDEXED: &str = "SELECT max(indexed, trimmed) FROM rooms WHERE id = ?1";
const REACH: &str = "SELECT indexed FROM rooms WHERE id = ?1";
const KEPT: &str = "SELECT trimmed FROM rooms WHERE id = ?1";
const LAG: &str = "SELECT count(*) FROM (SELECT 1 FROM events WHERE room = ?1 AND seq > ?2 LIMIT ?3)";
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
    let mut bytes = 0;
    while bytes < EVENTS_BYTES
        && let Some(row) = rows.next()?
    {
        words.to = row.get("seq")?;
        match row::event(row) {
            Ok(Event { seq, kind: Kind::Message(message), .. }) if seq < MOST_SEQ => {
                bytes += message.payload.get().len();
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
    connection.prepare_cached(LAG)?.query_row(params![room.get(), reach, MOST_LAG], |row| row.get(0))
}

/// Takes the messages from one place to another out of the index.
pub(super) fn forget(connection: &Connection, room: RoomId, first: u64, last: u64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM words WHERE rowid BETWEEN ?1 AND ?2";
    let rowids = [rowid(room, first), rowid(room, last)];
    if connection.prepare_cached(sql)?.execute(rowids)? > 0 {
        let sql = "INSERT INTO meta VALUES (?1, '1') ON CONFLICT DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)";
        connection.prepare_cached(sql)?.execute([DELETED_WORDS])?;
    }
    Ok(())
}

/// Has the words of a message be found again, whose deletion was undone, as far as the index reaches.
pub(super) fn find_again(connection: &Connection, room: RoomId, seq: u64, username: &str, text: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO words (rowid, username, text) SELECT ?1, ?2, ?3 FROM rooms WHERE id = ?4 AND indexed >= ?5";
    let values = params![rowid(room, seq), username, text, room.get(), seq];
    if seq < MOST_SEQ { connection.prepare_cached(sql)?.execute(values).map(drop) } else { Ok(()) }
}

/// How many times words were deleted that the index still holds. What is deleted during a merge may stay in it, and another one has to
/// follow; and one that was broken off is made again.
#[derive(Clone, Debug)]
pub(in crate::engine) struct DeletedWords(String);

/// Whether the index holds words of messages that were taken out of it.
pub(super) fn deleted_words(connection: &Connection) -> rusqlite::Result<Option<DeletedWords>> {
    Ok(schema::meta(connection, DELETED_WORDS)?.map(DeletedWords))
}

/// Notes that the words which had been deleted at the beginning of a merge are in the index no more.
pub(super) fn note_removed(connection: &Connection, DeletedWords(before): &DeletedWords) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM meta WHERE key = ?1 AND value = ?2", [DELETED_WORDS, before]).map(drop)
}

/// Merges parts of the index, about that many pages: all parts into one if the number is negative, which leaves out deleted words. Whether
/// there was anything to do (<https://www.sqlite.org/fts5.html#the_merge_command>).
pub(super) fn merge(connection: &Connection, pages: i64) -> rusqlite::Result<bool> {
    let before = connection.total_changes();
    connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?1)", [pages])?;
    Ok(connection.total_changes() - before >= 2)
}

/// The words as strings of FTS5's language, all of them wanted (<https://www.sqlite.org/fts5.html#fts5_strings>): nothing in a string is
/// an operator.
fn expression(words: &[String]) -> String {
    let string = |word: &String| {
        let star = if word.len() < PREFIX_BYTES { "" } else { "*" };
        format!("\"{}\"{star}", word.replace('"', "\"\""))
    };
    words.iter().map(string).collect::<Vec<_>>().join(" ")
}
