//! Who may read which event, as the table `readable`.
//!
//! A read walks through the lists of its reader alone, so that neither other people's private messages nor deleted ones cost it
//! anything. Triggers keep the table: an event enters its lists when it is stored, and leaves them when it is erased or deleted. The
//! deletion of everything that somebody said takes effect at once by the tables of deletions; [`Sweep`] then takes the messages out of
//! the lists in small steps.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{index, row, schema};
use crate::{
    chat::{RoomId, UserId},
    engine::{End, Query, Reader},
};

/// Events that enter the lists in one transaction when an older database is opened: bounds its write-ahead log.
const LISTED_AT_ONCE: u32 = 20_000;

/// List entries that one step of a sweep looks at.
const SWEPT_AT_ONCE: usize = 5_000;

/// The name of the value that says how far an older database has been listed.
const LISTED: &str = "listed";

/// The lists that an event `new` belongs to. List 0 holds messages, 1 everything else, 2 what only the owner sees beside list 1.
/// The reader is a user, or empty for everybody.
macro_rules! lists_of {
    ($from:literal, $condition:literal) => {
        concat!(
            "SELECT new.room, 0, '', new.seq",
            $from,
            " WHERE new.kind = 0 AND ",
            $condition,
            " UNION ALL SELECT new.room, 0, new.author, new.seq",
            $from,
            " WHERE new.kind IN (-1, 1) AND ",
            $condition,
            " UNION ALL SELECT new.room, 0, new.recipient, new.seq",
            $from,
            " WHERE new.kind = 1 AND ",
            $condition,
            " UNION ALL SELECT new.room, 1, '', new.seq",
            $from,
            " WHERE new.kind >= 2 AND new.kind NOT IN (4, 6) AND ",
            $condition,
            " UNION ALL SELECT new.room, 1, new.recipient, new.seq",
            $from,
            " WHERE new.kind IN (4, 6) AND ",
            $condition,
            " UNION ALL SELECT new.room, 2, '', new.seq",
            $from,
            " WHERE new.kind = 4 AND ",
            $condition
        )
    };
}
pub(super) use lists_of;

const LIST_OLDER: &str = concat!(
    "INSERT OR IGNORE INTO readable ",
    lists_of!(
        " FROM events AS new",
        "(new.room, new.seq) > (?1, ?2) AND (new.room, new.seq) <= (?3, ?4)
            AND NOT EXISTS (SELECT 1 FROM deleted_messages AS gone WHERE gone.room = new.room AND gone.seq = new.seq)"
    )
);

const LIST_AGAIN: &str =
    concat!("INSERT OR IGNORE INTO readable ", lists_of!(" FROM events AS new", "new.room = ?1 AND new.seq = ?2"));

/// Puts an event back into the lists, whose deletion was undone.
pub(super) fn list_again(connection: &Connection, room: RoomId, seq: u64) -> rusqlite::Result<()> {
    connection.prepare_cached(LIST_AGAIN)?.execute(params![room.get(), seq]).map(drop)
}

/// Takes an act out of the lists, which was undone.
pub(super) fn unlist_act(connection: &Connection, room: RoomId, seq: u64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM readable WHERE room = ?1 AND list = 1 AND seq = ?2
                   AND reader IN (SELECT '' UNION ALL SELECT recipient FROM events WHERE room = ?1 AND seq = ?2)";
    connection.prepare_cached(sql)?.execute(params![room.get(), seq]).map(drop)
}

/// Lists the events of a database that an older version made, in steps of which each is durable. A crash only delays it.
pub(super) fn list_older(connection: &mut Connection) -> rusqlite::Result<()> {
    let parse = |text: String| text.split_once(' ').and_then(|(room, seq)| Some((room.parse().ok()?, seq.parse().ok()?)));
    while let Some(text) = schema::meta(connection, LISTED)? {
        let (room, seq): (i64, i64) = parse(text).unwrap_or_default();
        let transaction = connection.transaction()?;
        let sql = "SELECT room, seq FROM events WHERE (room, seq) > (?1, ?2) ORDER BY room, seq LIMIT 1 OFFSET ?3";
        let values = params![room, seq, LISTED_AT_ONCE - 1];
        let last: Option<(i64, i64)> = transaction.query_row(sql, values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (last_room, last_seq) = last.unwrap_or((i64::MAX, i64::MAX));
        transaction.execute(LIST_OLDER, params![room, seq, last_room, last_seq])?;
        match last {
            Some((room, seq)) => {
                schema::set_meta(&transaction, LISTED, &format!("{room} {seq}"))?;
                tracing::info!(room, seq, "the log of an older version is being indexed");
            }
            None => drop(transaction.execute("DELETE FROM meta WHERE key = ?1", [LISTED])?),
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Names public messages that are missing in the lists, so that nobody would be given them.
pub(super) fn unlisted(connection: &Connection, most: usize) -> rusqlite::Result<Vec<String>> {
    if !schema::has_table(connection, "readable")? || schema::meta(connection, LISTED)?.is_some() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT room, seq FROM events WHERE kind = 0 AND {} AND NOT EXISTS (
             SELECT 1 FROM readable WHERE readable.room = events.room AND list = 0 AND reader = '' AND readable.seq = events.seq)
         LIMIT ?1",
        super::reader::not_deleted!()
    );
    let named = |row: &Row<'_>| {
        Ok(format!("room {}, event {}: it is in no list of what can be read", row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    };
    connection.prepare(&sql)?.query_map([most], named)?.collect()
}

/// The SQL of a query: the events of the reader's lists in the order of the log, with whether each is deleted. At most `?4` list
/// entries are looked at.
pub(super) fn sql(query: &Query) -> String {
    let mut lists = vec!["list = 0 AND reader = ''"];
    let is_user = matches!(query.reader, Reader::User(_));
    lists.extend(is_user.then_some("list = 0 AND reader = ?5"));
    if !query.messages_only {
        lists.push("list = 1 AND reader = ''");
        lists.extend(is_user.then_some("list = 1 AND reader = ?5"));
        lists.extend((query.reader == Reader::Owner).then_some("list = 2 AND reader = ''"));
    }
    let places: Vec<_> = lists
        .into_iter()
        .map(|list| format!("SELECT seq FROM readable WHERE room = ?1 AND {list} AND seq > ?2 AND seq < ?3"))
        .collect();
    let order = match query.end {
        End::Oldest => "ASC",
        End::Newest => "DESC",
    };
    // The limit keeps SQLite from dropping the order of the inner query.
    format!(
        "SELECT events.*, {} AS is_shown FROM ({} ORDER BY seq {order} LIMIT ?4) AS place
         CROSS JOIN events ON events.room = ?1 AND events.seq = place.seq",
        super::reader::not_deleted!(),
        places.join(" UNION ALL "),
    )
}

/// One step of taking the messages of a deleted author out of the lists.
#[derive(Debug)]
pub(in crate::engine) struct Sweep {
    pub(super) room: RoomId,
    author: UserId,
    to: u64,
    /// The messages, each with its addressee if it was private.
    messages: Vec<(u64, Option<String>)>,
}

/// The next step, if there is anything to sweep. A deletion that can still be undone leaves everything in its place.
pub(super) fn next_sweep(connection: &Connection) -> rusqlite::Result<Option<Sweep>> {
    let sql = "SELECT room, author, deletion, swept FROM deleted_authors AS gone WHERE swept < deletion AND NOT EXISTS (
                   SELECT 1 FROM undoable WHERE undoable.room = gone.room AND undoable.event = gone.deletion AND undone IS NULL)
               LIMIT 1";
    let next = connection.prepare_cached(sql)?.query_row([], |row| {
        Ok((row::room_id(row, "room")?, row.get::<_, String>("author")?, row.get("deletion")?, row.get("swept")?))
    });
    let Some((room, author, deletion, swept)) = next.optional()? else { return Ok(None) };
    let (mut to, mut messages): (u64, Vec<_>) = (deletion, Vec::new());
    for reader in ["", &author] {
        let found = listed(connection, room, reader, swept, deletion)?;
        if let (Some((last, ..)), true) = (found.last(), found.len() == SWEPT_AT_ONCE) {
            to = to.min(*last);
        }
        messages.extend(found.into_iter().filter(|(_, by, _)| *by == author).map(|(seq, _, to)| (seq, to)));
    }
    messages.retain(|(seq, _)| *seq <= to);
    let author = UserId::try_from(author).map_err(|_| row::unreadable("author"))?;
    Ok(Some(Sweep { room, author, to, messages }))
}

/// The messages of a list between two places: where, by whom, and to whom.
fn listed(
    connection: &Connection,
    room: RoomId,
    reader: &str,
    after: u64,
    before: u64,
) -> rusqlite::Result<Vec<(u64, String, Option<String>)>> {
    let sql = "SELECT events.seq, author, recipient FROM
                   (SELECT seq FROM readable WHERE room = ?1 AND list = 0 AND reader = ?2 AND seq > ?3 AND seq < ?4
                    ORDER BY seq LIMIT ?5) AS place
               CROSS JOIN events ON events.room = ?1 AND events.seq = place.seq";
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![room.get(), reader, after, before, SWEPT_AT_ONCE];
    statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

/// Carries out a step.
pub(super) fn sweep(connection: &Connection, Sweep { room, author, to, messages }: Sweep) -> rusqlite::Result<()> {
    let sql = "DELETE FROM readable WHERE room = ?1 AND list = 0 AND reader IN ('', ?2, ?3) AND seq = ?4";
    let mut unlist = connection.prepare_cached(sql)?;
    for (seq, recipient) in messages {
        unlist.execute(params![room.get(), author.as_str(), recipient, seq])?;
        index::forget(connection, room, seq, seq)?;
    }
    let sql = "UPDATE deleted_authors SET swept = max(swept, ?3) WHERE room = ?1 AND author = ?2";
    connection.execute(sql, params![room.get(), author.as_str(), to]).map(drop)
}
