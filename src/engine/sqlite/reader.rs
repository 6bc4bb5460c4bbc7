use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags, Row, named_params, types::Type};
use tokio::sync::Semaphore;

use super::schema::state_from_name;
use crate::{
    chat::{Event, Kind, Message, Room, RoomId, Timestamp, UserId},
    engine::{End, EngineError, Query, payload},
};

/// Reads that run at once. More only wait longer for the same two or three cores and the same disk.
const CONNECTIONS: usize = 4;

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
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
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
        Ok(task.await.map_err(|_| EngineError::Closed)??)
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let open =
            || Connection::open_with_flags(&*self.path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        idle.map_or_else(open, Ok)
    }
}

/// All rooms with the sequence number of their newest event.
pub(super) fn rooms(connection: &Connection) -> rusqlite::Result<Vec<(Room, u64)>> {
    let sql = "SELECT *, (SELECT coalesce(max(seq), 0) FROM events WHERE room = rooms.id) AS head FROM rooms ORDER BY id";
    connection.prepare_cached(sql)?.query_map([], |row| Ok((room(row)?, row.get("head")?)))?.collect()
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

/// The events that `query` names, oldest first.
pub(super) fn events(connection: &Connection, query: &Query) -> rusqlite::Result<Vec<Event>> {
    const WHERE: &str = "SELECT * FROM events
        WHERE room = :room AND seq > :after AND seq < :before
          AND (kind = 0 OR (kind = 1 AND (author = :reader OR recipient = :reader)) OR (kind = 2 AND NOT :messages_only))";
    let sql = match query.end {
        End::Oldest => format!("{WHERE} ORDER BY seq LIMIT :limit"),
        End::Newest => format!("SELECT * FROM ({WHERE} ORDER BY seq DESC LIMIT :limit) ORDER BY seq"),
    };
    let bound = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        named_params! {
            ":room": query.room.get(),
            ":after": bound(query.after),
            ":before": query.before.map_or(i64::MAX, bound),
            ":reader": query.reader.as_ref().map(UserId::as_str),
            ":messages_only": query.messages_only,
            ":limit": query.limit as i64,
        },
        event,
    )?;
    rows.collect()
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let stored: String = row.get("payload")?;
    let message = || {
        Ok::<_, rusqlite::Error>(Message {
            author: user(row, "author")?,
            payload: payload(stored.clone()).map_err(|_| unreadable("payload"))?,
            video_time: row.get("video_time")?,
        })
    };
    let kind = match row.get("kind")? {
        0 => Kind::Message(message()?),
        1 => Kind::Private { to: user(row, "recipient")?, message: message()? },
        2 => Kind::Room(state_from_name(&stored).ok_or_else(|| unreadable("payload"))?),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    };
    Ok(Event { room: room_id(row, "room")?, seq: row.get("seq")?, sent_at: Timestamp(row.get("sent_at")?), kind })
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
