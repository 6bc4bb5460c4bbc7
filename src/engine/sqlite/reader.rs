use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, Row, params, types::Type};
use tokio::sync::Semaphore;

use super::{
    check, checksum,
    schema::{self, state_from_name},
};
use crate::{
    chat::{Event, Kind, Message, Room, RoomId, Timestamp, UserId},
    engine::{End, EngineError, Query, payload},
};

/// Reads that run at once. More only wait longer for the same two or three cores and the same disk.
const CONNECTIONS: usize = 4;

const ROOMS: &str = "SELECT *, (SELECT coalesce(max(seq), 0) FROM events WHERE room = rooms.id) AS head FROM rooms ORDER BY id";
const STORED: &str =
    "SELECT count(*) + coalesce(sum((SELECT coalesce(max(seq), 0) FROM events WHERE room = rooms.id)), 0) FROM rooms";
const FORWARD: &str = "SELECT * FROM events WHERE room = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq";
const BACKWARD: &str = "SELECT * FROM events WHERE room = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq DESC";
const EVENT: &str = "SELECT * FROM events WHERE room = ?1 AND seq = ?2";

/// A few read-only connections, opened when they are needed first.
#[derive(Clone)]
pub(super) struct Readers {
    path: Arc<PathBuf>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path), permits: Arc::new(Semaphore::new(CONNECTIONS)), idle: Arc::default() }
    }

    /// Runs `read` on a connection of its own, on a thread where it may block.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| EngineError::Closed)?;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let connection = readers.take()?;
            let answer = read(&connection);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
            answer
        });
        task.await.map_err(|_| EngineError::Closed)?
    }

    /// Ends the connections that are idle. Later reads get [`EngineError::Closed`].
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| check::read_only(&self.path), Ok)
    }
}

/// How many rooms and events there are. The events of a room are counted from 1 without holes.
pub(super) fn stored(connection: &Connection) -> rusqlite::Result<u64> {
    match schema::version(connection)? {
        0 => Ok(0), // The tables are not there yet.
        _ => connection.query_row(STORED, [], |row| row.get(0)),
    }
}

/// All rooms with the sequence number of their newest event.
pub(super) fn rooms(connection: &Connection) -> rusqlite::Result<Vec<(Room, u64)>> {
    connection.prepare_cached(ROOMS)?.query_map([], |row| Ok((room(row)?, row.get("head")?)))?.collect()
}

/// One row of `rooms`.
pub(super) fn room(row: &Row<'_>) -> rusqlite::Result<Room> {
    let state: String = row.get("state")?;
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp));
    Ok(Room {
        id: room_id(row, "id")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        description: row.get("description")?,
        state: state_from_name(&state).ok_or_else(|| unreadable("state"))?,
        widget_key: row.get("widget_key")?,
        created_at: Timestamp(row.get("created_at")?),
        updated_at: Timestamp(row.get("updated_at")?),
        prepared_at: time("prepared_at")?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
    })
}

/// One event, if there is such a one.
pub(super) fn event(connection: &Connection, room: RoomId, seq: u64) -> Result<Option<Event>, EngineError> {
    let mut statement = connection.prepare_cached(EVENT)?;
    let mut rows = statement.query(params![room.get(), seq])?;
    rows.next()?.map(read).transpose()
}

/// The events that `query` names, oldest first.
///
/// Every row of the range is read, also what is not for this reader: one whose damage makes it look like a private message must
/// not be passed over in silence.
pub(super) fn events(connection: &Connection, query: &Query) -> Result<Vec<Event>, EngineError> {
    let bound = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let (after, before) = (bound(query.after), query.before.map_or(i64::MAX, bound));
    let mut statement = connection.prepare_cached(match query.end {
        End::Oldest => FORWARD,
        End::Newest => BACKWARD,
    })?;
    let mut rows = statement.query(params![query.room.get(), after, before])?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while events.len() < query.limit
        && bytes < query.bytes
        && let Some(row) = rows.next()?
    {
        let event = read(row)?;
        if event.visible_to(query.reader.as_ref()) && !(query.messages_only && event.message().is_none()) {
            bytes += event.payload_bytes();
            events.push(event);
        }
    }
    if query.end == End::Newest {
        events.reverse();
    }
    Ok(events)
}

/// Names the events that are not what was stored.
pub(super) fn damaged_events(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT * FROM events")?;
    let mut rows = statement.query([])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        if let Err(error) = read(row) {
            damaged.push(format!("room {}, event {}: {error}", row.get::<_, i64>("room")?, row.get::<_, i64>("seq")?));
        }
    }
    Ok(damaged)
}

/// One row of `events`.
fn read(row: &Row<'_>) -> Result<Event, EngineError> {
    let (room, seq) = (room_id(row, "room")?, row.get("seq")?);
    if !checksum::is_intact(row)? {
        return Err(EngineError::DamagedEvent { room, seq });
    }
    let kind = match row.get("kind")? {
        0 => Kind::Message(message(row)?),
        1 => Kind::Private { to: user(row, "recipient")?, message: message(row)? },
        2 => Kind::Room(state_from_name(&row.get::<_, String>("payload")?).ok_or_else(|| unreadable("payload"))?),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(0, other).into()),
    };
    Ok(Event { room, seq, sent_at: Timestamp(row.get("sent_at")?), kind })
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        author: user(row, "author")?,
        payload: payload(row.get("payload")?).map_err(|_| unreadable("payload"))?,
        video_time: row.get("video_time")?,
    })
}

fn room_id(row: &Row<'_>, column: &str) -> rusqlite::Result<RoomId> {
    RoomId::new(row.get(column)?).ok_or_else(|| unreadable(column))
}

fn user(row: &Row<'_>, column: &str) -> rusqlite::Result<UserId> {
    UserId::try_from(row.get::<_, String>(column)?).map_err(|_| unreadable(column))
}

/// What we wrote ourselves cannot be read: the file was changed by somebody else.
fn unreadable(column: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(0, column.to_owned(), Type::Text)
}

#[cfg(test)]
mod tests {
    use rusqlite::{params_from_iter, types::Null};

    use super::*;

    #[test]
    fn no_query_of_the_start_or_of_a_page_reads_more_than_it_gives() {
        let mut connection = Connection::open_in_memory().expect("opens");
        schema::prepare(&mut connection).expect("made");
        for sql in [ROOMS, STORED, EVENT, FORWARD, BACKWARD] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a query");
            // The plan does not depend on what is bound.
            let nothing = vec![Null; statement.parameter_count()];
            let rows = statement.query_map(params_from_iter(nothing), |row| row.get(3)).expect("a plan");
            let plan: Vec<String> = rows.map(|row| row.expect("a step")).collect();
            let searches = plan.iter().any(|step| step.starts_with("SEARCH events USING PRIMARY KEY (room=?"));
            let others = plan.iter().any(|step| step.starts_with("SCAN events") || step.contains("TEMP B-TREE"));
            assert!(searches && !others, "{sql}: {plan:?}");
        }
    }
}
