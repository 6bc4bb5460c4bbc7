use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::sync::Semaphore;

use super::{check, readable, row, schema};
use crate::{
    chat::{
        Deleted, Deletion, Event, Invitation, Kind, Outcome, Reaction, Restore, Restored, Revocation, Room, RoomId, Timestamp,
        UserId,
    },
    engine::{
        ANSWER_BYTES, Act, Appended, Cursors, End, EngineError, Entry, HeldName, Messages, Query, Reader, Webhook, WebhookId, now,
    },
};

/// Reads that run at once. More only wait longer for the same two or three cores and the same disk.
const CONNECTIONS: usize = 4;

/// List entries that one step of a read looks at. More would keep other readers waiting for the connection.
const READ_AT_ONCE: usize = 5_000;

/// Events whose age is looked at in one step of the retention by days.
const AGES_AT_ONCE: u32 = 100_000;

/// Instructions of SQLite's virtual machine after which a read is ended: about a second. No read of a client comes near it.
const MOST_INSTRUCTIONS: u64 = 20_000_000;

/// Instructions between two looks at how many there were.
const INSTRUCTIONS_AT_ONCE: u16 = 100;

const ROOMS: &str = concat!("SELECT *, ", head!(), " AS head FROM rooms WHERE hidden = 0 ORDER BY id");
const STORED: &str = concat!("SELECT count(*) + coalesce(sum(", head!(), "), 0) FROM rooms WHERE hidden = 0");
const STORED_BEFORE_RETENTION: &str =
    "SELECT count(*) + coalesce(sum((SELECT coalesce(max(seq), 0) FROM events WHERE room = rooms.id)), 0) FROM rooms";
const STORED_KEYS: &str = "SELECT count(*) + count(revoked_at) FROM widget_keys";
// The few sanctions first, then the event of each: the planner would rather walk through all events, in order.
const SANCTIONS: &str = "SELECT events.* FROM sanctions
                         CROSS JOIN events ON events.room = sanctions.room AND events.seq = sanctions.event";
const ACTS: &str = "SELECT * FROM events WHERE room = ?1 AND seq < ?2 AND kind >= 2 AND kind < 100 ORDER BY seq DESC LIMIT ?3";
const NEXT_DELETION: &str = "SELECT * FROM events WHERE room = ?1 AND seq > ?2 AND kind >= 2 AND kind = 3 ORDER BY seq LIMIT 1";
/// The place of the deletion that took a message out, if one has. No row if there is no such message.
const DELETION: &str = "SELECT coalesce(
        (SELECT deletion FROM deleted_messages WHERE room = events.room AND seq = events.seq),
        (SELECT deletion FROM deleted_authors WHERE room = events.room AND author = events.author AND deletion > events.seq))
    FROM events WHERE room = ?1 AND seq = ?2 AND kind < 2";
const HELD: &str = "SELECT events.* FROM held CROSS JOIN events ON events.room = held.room AND events.seq = held.seq
                    WHERE held.room = ?1 AND held.seq > ?2 ORDER BY held.seq LIMIT ?3";
const EVENT: &str = "SELECT * FROM events WHERE room = ?1 AND seq = ?2";
/// A public message, and the place of the deletion that took it out, if one has.
const MESSAGE: &str = "SELECT *, coalesce(
        (SELECT deletion FROM deleted_messages WHERE room = events.room AND seq = events.seq),
        (SELECT deletion FROM deleted_authors WHERE room = events.room AND author = events.author AND deletion > events.seq))
        AS deletion FROM events WHERE room = ?1 AND seq = ?2 AND kind = 0";
const REACTIONS: &str = "SELECT emoji, count, EXISTS (SELECT 1 FROM reactions AS own
        WHERE own.room = ?1 AND own.message = ?2 AND own.user = ?3 AND own.emoji = reaction_counts.emoji)
    FROM reaction_counts WHERE room = ?1 AND message = ?2 ORDER BY place";
const REACTED: &str = "SELECT message FROM reacted WHERE room = ?1 AND message BETWEEN ?2 AND ?3";
const COUNT: &str = "SELECT count(*) FROM events WHERE room = ?1 AND seq > ?2 AND seq <= ?3 AND kind <> 100";
const NTH: &str = "SELECT seq FROM events WHERE room = ?1 AND seq > ?2 AND kind <> 100 ORDER BY seq LIMIT 1 OFFSET ?3";
pub(super) const NEWEST: &str = "SELECT coalesce(max(seq), 0) FROM events WHERE room = ?1";
const NEXT: &str = "SELECT seq, sent_at FROM events WHERE room = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1";

const AGES: &str = "SELECT seq, sent_at FROM events WHERE room = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

/// The newest event that a room has had.
macro_rules! head {
    () => {
        "max(trimmed, (SELECT coalesce(max(seq), 0) FROM events WHERE room = rooms.id))"
    };
}
use head;

/// Whether an event was not deleted.
macro_rules! not_deleted {
    () => {
        "NOT EXISTS (SELECT 1 FROM deleted_messages AS gone WHERE gone.room = events.room AND gone.seq = events.seq)
             AND NOT EXISTS (SELECT 1 FROM deleted_authors AS gone
                             WHERE gone.room = events.room AND gone.author = events.author AND gone.deletion > events.seq
                                   AND events.kind < 2)"
    };
}
pub(super) use not_deleted;

/// A few read-only connections, opened when they are needed first.
#[derive(Clone)]
pub(super) struct Readers {
    path: Arc<PathBuf>,
    permits: Arc<Semaphore>,
    /// One search at a time: it may take long, and must not keep other reads waiting.
    searches: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<ReadConnection>>>,
    instructions: Arc<AtomicU64>,
}

/// A connection that counts what it does.
struct ReadConnection {
    connection: Connection,
    /// Instructions of the read at hand.
    instructions: Arc<AtomicU64>,
    /// After how many of them it is ended.
    most: Arc<AtomicU64>,
}

impl ReadConnection {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let mut connection = check::read_only(path)?;
        let (instructions, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (counted, end) = (Arc::clone(&instructions), Arc::clone(&most));
        let count = move || counted.fetch_add(INSTRUCTIONS_AT_ONCE.into(), Relaxed) >= end.load(Relaxed);
        connection.progress_handler(INSTRUCTIONS_AT_ONCE.into(), Some(count))?;
        Ok(Self { connection, instructions, most })
    }
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path: Arc::new(path),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
            searches: Arc::new(Semaphore::new(1)),
            idle: Arc::default(),
            instructions: Arc::default(),
        }
    }

    /// Runs `read` on a connection of its own, on a thread where it may block. A read that costs too much is ended with an error.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.run_within(MOST_INSTRUCTIONS, read).await
    }

    /// Does the same for work that goes through a whole log, and that no client can ask for.
    pub(super) async fn run_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.run_within(u64::MAX, read).await
    }

    /// Does the same for a search.
    pub(super) async fn run_search<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let _turn = self.searches.acquire().await.map_err(|_| EngineError::Closed)?;
        self.run(read).await
    }

    async fn run_within<T: Send + 'static>(
        &self,
        most: u64,
        read: impl FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| EngineError::Closed)?;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let connection = readers.take()?;
            connection.most.store(most, Relaxed);
            let answer = read(&connection.connection);
            readers.instructions.fetch_add(connection.instructions.swap(0, Relaxed), Relaxed);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
            answer
        });
        task.await.map_err(|_| EngineError::Closed)?
    }

    /// How many instructions of SQLite's virtual machine all reads have taken, in hundreds of each: what they cost, on any machine.
    pub(super) fn instructions(&self) -> u64 {
        self.instructions.load(Relaxed)
    }

    /// Ends the connections that are idle. Later reads get [`EngineError::Closed`].
    pub(super) fn close(&self) {
        self.permits.close();
        self.searches.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self) -> rusqlite::Result<ReadConnection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| ReadConnection::open(&self.path), Ok)
    }
}

/// How many rooms, events, widget keys and revocations of those were stored, without what is being imported; of an older version, as
/// many as it counted. What was in removed rooms counts on. The events of a room are counted from 1 without holes, and those past its retention count.
pub(super) fn stored(connection: &Connection) -> rusqlite::Result<u64> {
    let count = |table, sql| match schema::has_table(connection, table)? {
        true => connection.query_row(sql, [], |row| row.get::<_, u64>(0)),
        false => Ok(0),
    };
    let rooms = if schema::knows_retention(connection)? { STORED } else { STORED_BEFORE_RETENTION };
    let removed = match schema::has_table(connection, "meta")? {
        true => schema::meta(connection, schema::REMOVED)?.and_then(|removed| removed.parse().ok()).unwrap_or(0),
        false => 0,
    };
    Ok(count("rooms", rooms)? + count("widget_keys", STORED_KEYS)? + removed)
}

/// All rooms with the sequence number of their newest event.
pub(super) fn rooms(connection: &Connection) -> rusqlite::Result<Vec<(Room, u64)>> {
    connection.prepare_cached(ROOMS)?.query_map([], |row| Ok((row::room(row)?, row.get("head")?)))?.collect()
}

/// One event, if there is such a one.
pub(super) fn event(connection: &Connection, room: RoomId, seq: u64) -> Result<Option<Event>, EngineError> {
    let mut statement = connection.prepare_cached(EVENT)?;
    let mut rows = statement.query(params![room.get(), seq])?;
    rows.next()?.map(row::event).transpose()
}

/// The message that this entry repeats, if its author has stored it before.
pub(super) fn repeated(connection: &Connection, room: RoomId, entry: &Entry) -> Result<Option<Appended>, EngineError> {
    let Some(name) = &entry.draft.client_message_id else { return Ok(None) };
    let sql = "SELECT seq, sent_at, kind FROM events WHERE room = ?1 AND author = ?2 AND client_message_id = ?3";
    let values = params![room.get(), entry.author.as_str(), name];
    let stored = connection.prepare_cached(sql)?.query_row(values, row::appended).optional()?;
    match stored {
        Some(held) if held.held => Ok(Some(published(connection, room, held.seq)?.unwrap_or(held))),
        stored => Ok(stored),
    }
}

/// The message that somebody said to everybody when one that had waited was approved.
pub(super) fn published(connection: &Connection, room: RoomId, of: u64) -> Result<Option<Appended>, EngineError> {
    match resolution_of(connection, room, of)? {
        Some((place, Outcome::Approved)) => Ok(Some(appended_at(connection, room, place + 1)?)),
        Some((_, Outcome::Declined)) | None => Ok(None),
    }
}

/// What was decided on a message that waited, and where that stands.
pub(super) fn resolution_of(connection: &Connection, room: RoomId, seq: u64) -> Result<Option<(u64, Outcome)>, EngineError> {
    let sql = "SELECT deletion FROM deleted_messages WHERE room = ?1 AND seq = ?2";
    let place = connection.prepare_cached(sql)?.query_row(params![room.get(), seq], |row| row.get(0)).optional()?;
    let Some(place) = place else { return Ok(None) };
    match event(connection, room, place)?.map(|event| event.kind) {
        Some(Kind::Resolution(resolution)) => Ok(Some((place, resolution.outcome))),
        _ => Ok(None),
    }
}

/// What is at a place of the log.
pub(super) fn appended_at(connection: &Connection, room: RoomId, seq: u64) -> rusqlite::Result<Appended> {
    let sql = "SELECT seq, sent_at, kind FROM events WHERE room = ?1 AND seq = ?2";
    connection.prepare_cached(sql)?.query_row(params![room.get(), seq], row::appended)
}

/// The messages of a room after `after` that wait for a moderator, the oldest first.
pub(super) fn held(connection: &Connection, room: RoomId, after: u64, limit: usize) -> Result<Vec<Event>, EngineError> {
    let mut statement = connection.prepare_cached(HELD)?;
    let mut rows = statement.query(params![room.get(), after, limit])?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while bytes < ANSWER_BYTES
        && let Some(row) = rows.next()?
    {
        let event = row::event(row)?;
        bytes += event.payload_bytes();
        events.push(event);
    }
    Ok(events)
}

/// Whether somebody has said something to everybody in a room.
pub(super) fn has_spoken(connection: &Connection, room: RoomId, user: &UserId) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM authors WHERE room = ?1 AND author = ?2)";
    connection.prepare_cached(sql)?.query_row(params![room.get(), user.as_str()], |row| row.get(0))
}

/// How far each room's log is past its retention, where it is.
pub(super) fn trimmed(connection: &Connection) -> rusqlite::Result<Vec<(RoomId, u64)>> {
    let mut statement = connection.prepare("SELECT id, trimmed FROM rooms WHERE trimmed > 0 AND hidden = 0")?;
    statement.query_map([], |row| Ok((row::room_id(row, "id")?, row.get("trimmed")?)))?.collect()
}

/// The newest of a room's events that came before a moment, 0 if none did: found by halves. Where the clock went back, several events
/// may fit; a later moment never gives an earlier one, so that consecutive spans of time hold each event once.
pub(super) fn seq_before(connection: &Connection, room: RoomId, at: Timestamp) -> rusqlite::Result<u64> {
    let head = connection.prepare_cached(NEWEST)?.query_row([room.get()], |row| row.get(0))?;
    let mut next = connection.prepare_cached(NEXT)?;
    // Those up to `low` came before, those after `high` did not.
    let (mut low, mut high) = (0, head);
    while low < high {
        let middle = high - (high - low) / 2;
        let found = next.query_row(params![room.get(), middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((seq, sent_at)) if seq <= high && Timestamp(sent_at) < at => low = seq,
            _ => high = middle - 1,
        }
    }
    Ok(low)
}

/// The newest event of a room up to which all are older than `oldest`, from `after` on. An event whose time is in the future at `now`
/// was stamped by a clock that ran ahead: it is older than the next one, whatever it says. Of a long log it is the newest of a part, to go
/// on from.
pub(super) fn seq_past(
    connection: &Connection,
    room: RoomId,
    after: u64,
    oldest: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(AGES)?;
    let mut rows = statement.query(params![room.get(), after, AGES_AT_ONCE])?;
    let mut past = after;
    while let Some(row) = rows.next()? {
        let (seq, sent_at) = (row.get(0)?, Timestamp(row.get(1)?));
        if sent_at < oldest {
            past = seq;
        } else if sent_at <= now {
            break;
        }
    }
    Ok(past)
}

/// The sanctions that were not lifted.
pub(super) fn sanctions(connection: &Connection) -> Result<Vec<Event>, EngineError> {
    let mut statement = connection.prepare_cached(SANCTIONS)?;
    let mut rows = statement.query([])?;
    let mut sanctions = Vec::new();
    while let Some(row) = rows.next()? {
        sanctions.push(row::event(row)?);
    }
    sanctions.sort_unstable_by_key(|event| (event.room, event.seq));
    Ok(sanctions)
}

/// What was done in a room before `before`, newest first.
pub(super) fn acts(connection: &Connection, room: RoomId, before: u64, limit: usize) -> Result<Vec<Act>, EngineError> {
    let mut statement = connection.prepare_cached(ACTS)?;
    let mut rows = statement.query(params![room.get(), i64::try_from(before).unwrap_or(i64::MAX), limit])?;
    let (mut acts, mut bytes) = (Vec::new(), 0);
    while bytes < ANSWER_BYTES
        && let Some(row) = rows.next()?
    {
        let event = row::event(row)?;
        let of = match &event.kind {
            Kind::Deletion(Deletion { of: Deleted::Message(seq), .. }) => self::event(connection, room, *seq)?,
            Kind::Resolution(resolution) => self::event(connection, room, resolution.of)?,
            Kind::Restore(Restore { what: Restored::Message(seq) | Restored::Waiting { seq, .. }, .. }) => {
                self::event(connection, room, *seq)?
            }
            _ => None,
        };
        let act = Act { event, message: of.and_then(Event::into_message) };
        bytes += act.payload_bytes();
        acts.push(act);
    }
    Ok(acts)
}

/// The act at a place of a room's log, if there is one.
pub(super) fn act(connection: &Connection, room: RoomId, seq: u64) -> Result<Option<Event>, EngineError> {
    let is_act = |event: &Event| !matches!(event.kind, Kind::Message(_) | Kind::Private { .. } | Kind::Held(_));
    Ok(event(connection, room, seq)?.filter(is_act))
}

/// The place of the deletion that took a message out, if one has; `None` if there is no such message.
pub(super) fn deletion_place(connection: &Connection, room: RoomId, seq: u64) -> rusqlite::Result<Option<Option<u64>>> {
    connection.prepare_cached(DELETION)?.query_row(params![room.get(), seq], |row| row.get(0)).optional()
}

/// The first deletion in a room's log after a place.
pub(super) fn next_deletion(connection: &Connection, room: RoomId, after: u64) -> Result<Option<Event>, EngineError> {
    let mut statement = connection.prepare_cached(NEXT_DELETION)?;
    let mut rows = statement.query(params![room.get(), after])?;
    rows.next()?.map(row::event).transpose()
}

/// What took a message out, and the message.
pub(super) fn deletion(connection: &Connection, room: RoomId, seq: u64) -> Result<Option<Act>, EngineError> {
    let Some(place) = deletion_place(connection, room, seq)?.flatten() else { return Ok(None) };
    let message = event(connection, room, seq)?.and_then(Event::into_message);
    Ok(event(connection, room, place)?.map(|event| Act { event, message }))
}

/// All webhooks, with where they stand.
pub(super) fn webhooks(connection: &Connection) -> rusqlite::Result<Vec<(Webhook, Cursors)>> {
    let mut webhooks = connection.prepare_cached("SELECT webhook FROM webhooks ORDER BY id")?;
    let mut cursors = connection.prepare_cached("SELECT room, seq FROM webhook_cursors WHERE webhook = ?1")?;
    let with_cursors = |row: &Row<'_>| {
        let webhook = row::webhook(row)?;
        let WebhookId(id) = &webhook.id;
        let cursors = cursors.query_map([id], row::cursor)?.collect::<Result<_, _>>()?;
        Ok((webhook, cursors))
    };
    webhooks.query_map([], with_cursors)?.collect()
}

/// The names that somebody holds.
pub(super) fn names(connection: &Connection) -> rusqlite::Result<Vec<HeldName>> {
    let mut statement = connection.prepare_cached("SELECT * FROM names WHERE until > ?1 ORDER BY until")?;
    statement.query_map([now().0], row::held_name)?.collect()
}

/// The revocations that are not over.
pub(super) fn revocations(connection: &Connection) -> rusqlite::Result<Vec<Revocation>> {
    let mut statement = connection.prepare_cached("SELECT * FROM revocations WHERE until > ?1")?;
    statement.query_map([now().0], row::revocation)?.collect()
}

/// Returns whether a single-use token was used up.
pub(super) fn is_token_used(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM used_tokens WHERE id = ?1)";
    connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))
}

/// All invitations.
pub(super) fn invitations(connection: &Connection) -> rusqlite::Result<Vec<Invitation>> {
    connection.prepare_cached("SELECT * FROM invitations")?.query_map([], row::invitation)?.collect()
}

/// One step of a read.
pub(super) struct Page {
    /// The events, oldest first.
    pub(super) events: Vec<Event>,
    /// What remains to be read, if the step has ended before the query was answered.
    pub(super) rest: Option<Query>,
}

/// Reads the events that `query` names, in a step that looks at a bounded number of them.
///
/// The lists say which events the reader may see, whatever a damaged event claims about itself: damage is reported, never passed over.
pub(super) fn events(connection: &Connection, query: &Query) -> Result<Page, EngineError> {
    let bound = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let (after, before) = (bound(query.after), query.before.map_or(i64::MAX, bound));
    let user = match &query.reader {
        Reader::User(user) => user.as_str(),
        Reader::Public | Reader::Owner => "",
    };
    let mut statement = connection.prepare_cached(&readable::sql(query))?;
    let values = params![query.room.get(), after, before, READ_AT_ONCE, user];
    // Not every query has a place for the user.
    let places = statement.parameter_count();
    let mut rows = statement.query(&values[..places])?;
    let (mut events, mut bytes, mut read, mut last) = (Vec::new(), 0, 0, 0);
    while events.len() < query.limit
        && bytes < query.bytes
        && let Some(row) = rows.next()?
    {
        (read, last) = (read + 1, row.get("seq")?);
        if row.get("is_shown")? {
            let event = row::event(row)?;
            if query.reader.may_see(&event) {
                bytes += event.payload_bytes();
                events.push(event);
            }
        }
    }
    let is_full = events.len() >= query.limit || bytes >= query.bytes;
    let rest = (read == READ_AT_ONCE && !is_full).then(|| {
        let (after, before) = match query.end {
            End::Oldest => (last, query.before),
            End::Newest => (query.after, Some(last)),
        };
        Query { after, before, limit: query.limit - events.len(), bytes: query.bytes - bytes, ..query.clone() }
    });
    if query.end == End::Newest {
        events.reverse();
    }
    if query.messages_only {
        add_reactions(connection, query, &mut events)?;
    }
    Ok(Page { events, rest })
}

/// Has each of the messages tell how people react to it.
fn add_reactions(connection: &Connection, query: &Query, events: &mut [Event]) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
    let reader = match &query.reader {
        Reader::User(user) => Some(user),
        Reader::Public | Reader::Owner => None,
    };
    let mut statement = connection.prepare_cached(REACTED)?;
    let reacted = statement.query_map(params![query.room.get(), first.seq, last.seq], |row| row.get(0))?;
    for seq in reacted.collect::<Result<Vec<u64>, _>>()? {
        let event = events.binary_search_by_key(&seq, |event| event.seq).ok().map(|at| &mut events[at]);
        if let Some(Event { kind: Kind::Message(message), .. }) = event {
            message.reactions = reactions(connection, query.room, seq, reader)?;
        }
    }
    Ok(())
}

/// The reactions to a message, the oldest emoji first.
pub(super) fn reactions(
    connection: &Connection,
    room: RoomId,
    message: u64,
    reader: Option<&UserId>,
) -> rusqlite::Result<Vec<Reaction>> {
    let mut statement = connection.prepare_cached(REACTIONS)?;
    let reaction = |row: &Row<'_>| Ok(Reaction { emoji: row.get(0)?, count: row.get(1)?, own: row.get(2)? });
    statement.query_map(params![room.get(), message, reader.map(UserId::as_str)], reaction)?.collect()
}

/// A public message that is not past the room's retention, if there is one: none in it if it was deleted.
pub(super) fn message(
    connection: &Connection,
    room: RoomId,
    seq: u64,
    trimmed: u64,
) -> Result<Option<Option<Event>>, EngineError> {
    let mut statement = connection.prepare_cached(MESSAGE)?;
    let mut rows = statement.query(params![room.get(), seq])?;
    match rows.next()? {
        Some(row) if seq > trimmed => match row.get::<_, Option<u64>>("deletion")? {
            Some(_) => Ok(Some(None)),
            None => row::event(row).map(Some).map(Some),
        },
        _ => Ok(None),
    }
}

/// Public messages as they are now, by [`message`], with the reactions to them.
pub(super) fn messages(connection: &Connection, room: RoomId, seqs: &[u64], trimmed: u64) -> Result<Messages, EngineError> {
    let mut found = Messages::new();
    for &seq in seqs {
        let Some(mut event) = message(connection, room, seq, trimmed)? else { continue };
        if let Some(Event { kind: Kind::Message(message), .. }) = &mut event {
            message.reactions = reactions(connection, room, seq, None)?;
        }
        found.insert(seq, event);
    }
    Ok(found)
}

/// How many events of a room there are after `after`, up to `to`, but for those that tell of reactions.
pub(super) fn count(connection: &Connection, room: RoomId, after: u64, to: u64) -> rusqlite::Result<u64> {
    connection.prepare_cached(COUNT)?.query_row(params![room.get(), after, to], |row| row.get(0))
}

/// The event of a room after `after` that so many others are before, but for those that tell of reactions.
pub(super) fn nth(connection: &Connection, room: RoomId, after: u64, others: u64) -> rusqlite::Result<Option<u64>> {
    connection.prepare_cached(NTH)?.query_row(params![room.get(), after, others], |row| row.get(0)).optional()
}

/// Names the events that are not what was stored.
pub(super) fn damaged_events(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT * FROM events")?;
    let mut rows = statement.query([])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        if let Err(error) = row::event(row) {
            damaged.push(format!("room {}, event {}: {error}", row.get::<_, i64>("room")?, row.get::<_, i64>("seq")?));
        }
    }
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use rusqlite::{params_from_iter, types::Null};

    use super::*;
    use crate::engine::sqlite::index::{SEARCH, UNINDEXED};

    fn queries() -> Vec<String> {
        let mut all = Vec::new();
        for reader in [Reader::Public, Reader::User(UserId::admin()), Reader::Owner] {
            for (messages_only, end) in [(true, End::Oldest), (true, End::Newest), (false, End::Oldest), (false, End::Newest)] {
                let (room, reader) = (RoomId::FIRST, reader.clone());
                let query = Query { room, after: 0, before: None, reader, messages_only, limit: 1, bytes: 1, end };
                all.push(readable::sql(&query));
            }
        }
        all
    }

    #[test]
    fn no_query_of_the_start_or_of_a_page_reads_more_than_it_gives() {
        let mut connection = Connection::open_in_memory().expect("opens");
        schema::prepare(&mut connection).expect("made");
        let statements = [
            ROOMS,
            STORED,
            STORED_BEFORE_RETENTION,
            HELD,
            EVENT,
            NEWEST,
            NEXT,
            AGES,
            SANCTIONS,
            ACTS,
            DELETION,
            NEXT_DELETION,
            MESSAGE,
            COUNT,
            NTH,
            UNINDEXED,
            SEARCH,
        ];
        for sql in statements.into_iter().map(str::to_owned).chain(queries()) {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a query");
            // The plan does not depend on what is bound.
            let nothing = vec![Null; statement.parameter_count()];
            let rows = statement.query_map(params_from_iter(nothing), |row| row.get(3)).expect("a plan");
            let plan: Vec<String> = rows.map(|row| row.expect("a step")).collect();
            let keys = [
                "SEARCH events USING PRIMARY KEY (room=?",
                "SEARCH events USING INDEX events_acts (room=?",
                "SEARCH events USING COVERING INDEX events_reactions (room=?",
            ];
            let searches = plan.iter().any(|step| keys.iter().any(|key| step.starts_with(key)));
            let others = plan
                .iter()
                .any(|step| step.starts_with("SCAN events") || step.starts_with("SCAN readable") || step.contains("TEMP B-TREE"));
            assert!(searches && !others, "{sql}: {plan:?}");
        }
    }
}
