//! The database as an index of a cluster's log: what it holds is in that log, and can be made again from it.
//!
//! It carries out what the log says, in its order, by the same jobs as a log of its own. It notes how far it has come in the same
//! transaction, so that a crash takes back both or neither, and needs no fsync for each commit.

use std::{fs, io, path::Path, sync::Arc};

use rusqlite::{Connection, params};

use super::{
    Census, Copying, Opened, Place, Progress, Reply, Sqlite, Task, Trim, batch::Job, check, copy, lock, reader, schema, writer,
    writer::Beside,
};
use crate::{
    chat::{Deleted, Deletion, Kind, RoomId, Timestamp, UserId},
    engine::{Appended, EngineError, Entry, OpenError, Sink, now},
};

/// How far an index has come, and in which log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Standing {
    /// The log's epoch.
    pub(in crate::engine) epoch: String,
    /// The number of the newest entry that is in it, 0 if none is.
    pub(in crate::engine) applied: u64,
    /// What the log called that entry.
    pub(in crate::engine) id: String,
    /// The first entry that could not be read and was passed over, if one was.
    pub(in crate::engine) unread: Option<u64>,
}

/// What a deletion has taken out.
#[derive(Debug)]
pub(in crate::engine) enum TakenOut {
    /// There is no such deletion.
    Nothing,
    /// It may be undone.
    NotYet,
    /// What is deleted for good.
    ForGood {
        /// The deletion's place.
        deletion: u64,
        /// The messages' places: those that it has taken out, and was not undone for, and those that it shares with another deletion.
        places: Vec<u64>,
    },
}

impl Sqlite {
    /// The name of an index in the data folder.
    pub(in crate::engine) const INDEX: &'static str = "live-chat-index.db";

    /// Opens the index of the log of that `epoch` in `folder`, made if it is not there. What is past a room's retention is told to
    /// `trim`. One that is damaged, or of another log, is an error here: see [`discard`].
    pub(in crate::engine) fn open_index(
        folder: &Path,
        epoch: String,
        sink: Sink,
        trim: Trim,
    ) -> Result<(Self, Arc<Progress>), OpenError> {
        let lock = lock(folder)?;
        let path = folder.join(Self::INDEX);
        let in_database = |source| OpenError::Database { path: path.clone(), source };
        let mut connection = schema::open(&path)?;
        check::at_start(&connection, &path)?;
        schema::prepare(&mut connection).map_err(in_database)?;
        // What a crash of the system takes is read from the log again.
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(in_database)?;
        schema::set_meta(&connection, "epoch", &epoch).map_err(in_database)?;
        let applied = schema::applied(&connection).map_err(in_database)?;
        let tails = writer::tails(&connection).map_err(|error| match error {
            EngineError::Store(source) => in_database(source),
            damaged => OpenError::Damaged { path: path.clone(), found: damaged.to_string() },
        })?;
        let progress = Arc::new(Progress::new(applied));
        let beside = Beside::Progress(Arc::clone(&progress));
        let opened = Opened { path, connection, tails, lock, clock: Arc::new(now) };
        Ok((Self::start(opened, epoch, beside, sink, Some(trim))?, progress))
    }

    /// Has the job carried out that the log has at that place.
    pub(in crate::engine) fn follow(&self, place: Place, job: Job) {
        self.hand_over(Task::at(place, job));
    }

    /// The message that this entry repeats, if its author has stored it before.
    pub(in crate::engine) async fn repeated(&self, room: RoomId, entry: Entry) -> Result<Option<Appended>, EngineError> {
        self.readers.run(move |connection| reader::repeated(connection, room, &entry)).await
    }

    /// Whether there is a message to be deleted at that place; if one was, what took it out.
    pub(in crate::engine) async fn deleted(&self, room: RoomId, seq: u64) -> Result<Option<Appended>, EngineError> {
        let trimmed = self.trimmed.of(room);
        let found = self.readers.run(move |connection| {
            let deletion = reader::deletion_place(connection, room, seq)?.filter(|_| seq > trimmed);
            match deletion.ok_or(EngineError::UnknownMessage { room, seq })? {
                Some(place) => Ok(Some(reader::appended_at(connection, room, place)?)),
                None => Ok(None),
            }
        });
        found.await
    }

    /// Rooms in which reactions are to be told of.
    pub(in crate::engine) async fn untold(&self) -> Result<Vec<RoomId>, EngineError> {
        self.readers.run(|connection| Ok(super::batch::untold(connection)?)).await
    }

    /// What the next deletion of a room after `after` has taken out.
    pub(in crate::engine) async fn taken_out(&self, room: RoomId, after: u64) -> Result<TakenOut, EngineError> {
        self.readers
            .run_long(move |connection| {
                let Some(event) = reader::next_deletion(connection, room, after)? else { return Ok(TakenOut::Nothing) };
                let deletion = event.seq;
                if is_undoable(connection, room, deletion)? {
                    return Ok(TakenOut::NotYet);
                }
                let Kind::Deletion(Deletion { of, .. }) = event.kind else {
                    return Ok(TakenOut::ForGood { deletion, places: Vec::new() });
                };
                let said = match of {
                    Deleted::Message(seq) => vec![seq],
                    Deleted::AllOf(user) => said_by(connection, room, &user, deletion)?,
                };
                let mut places = Vec::with_capacity(said.len());
                for seq in said {
                    if !is_gone(connection, room, seq)? {
                        continue;
                    }
                    places.push(seq);
                    // What was approved stands where it waited as well.
                    if let Some(event) = reader::event(connection, room, seq.saturating_sub(1))?
                        && let Kind::Resolution(resolution) = event.kind
                    {
                        places.push(resolution.of);
                    }
                }
                Ok(TakenOut::ForGood { deletion, places })
            })
            .await
    }

    /// The acts that may be undone and were not, by the places of their events.
    pub(in crate::engine) async fn undoable(&self) -> Result<Vec<(RoomId, u64)>, EngineError> {
        self.readers.run(|connection| Ok(super::batch::undoable(connection)?)).await
    }

    /// Lets go of what was kept to undo an act: nothing in the log undoes it any more.
    pub(in crate::engine) async fn settle(&self, room: RoomId, event: u64) -> Result<(), EngineError> {
        self.then_trim(self.submit(|reply| Job::Settle { room, event, reply })).await
    }

    /// The rooms that are being imported, and into which nothing has come since `before`.
    pub(in crate::engine) async fn stale_imports(&self, before: Timestamp) -> Result<Vec<RoomId>, EngineError> {
        self.readers.run(move |connection| Ok(schema::stale_imports(connection, before)?)).await
    }

    /// The copy that was begun here, if one was.
    pub(in crate::engine) async fn copying(&self) -> Result<Option<Copying>, EngineError> {
        self.readers.run(|connection| Ok(copy::copying(connection)?)).await
    }

    /// The entry of the log that holds an event which was copied into it.
    pub(in crate::engine) async fn entry_of_copied(&self, room: RoomId, seq: u64) -> Result<Option<u64>, EngineError> {
        let sql = "SELECT max(entry) FROM copied WHERE room = ?1 AND seq = ?2";
        self.entry(sql, room, seq).await
    }

    /// The last entry of the log that holds a copied event up to a place of a room.
    pub(in crate::engine) async fn last_copied(&self, room: RoomId, seq: u64) -> Result<Option<u64>, EngineError> {
        let sql = "SELECT max(entry) FROM copied WHERE room = ?1 AND seq <= ?2";
        self.entry(sql, room, seq).await
    }

    async fn entry(&self, sql: &'static str, room: RoomId, seq: u64) -> Result<Option<u64>, EngineError> {
        let read = move |connection: &Connection| {
            Ok(connection.prepare_cached(sql)?.query_row(params![room.get(), seq], |row| row.get(0))?)
        };
        self.readers.run(read).await
    }

    /// The newest event that is in the index of a room.
    pub(in crate::engine) async fn last_event(&self, room: RoomId) -> Result<u64, EngineError> {
        let newest = move |connection: &Connection| Ok(connection.query_row(reader::NEWEST, [room.get()], |row| row.get(0))?);
        self.readers.run(newest).await
    }

    /// What there is of each table.
    pub(in crate::engine) async fn census(&self) -> Result<Vec<Census>, EngineError> {
        self.readers.run_long(|connection| Ok(copy::census(connection)?)).await
    }

    fn hand_over(&self, task: Task) {
        if let Some(writer) = &*self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            // A failed send drops what it was to answer.
            let _ = writer.tasks.send(task);
        }
    }
}

/// Where the index in `folder` stands; `None` if there is none, or none that can be read.
pub(in crate::engine) fn standing(folder: &Path) -> Option<Standing> {
    let connection = check::read_only(&folder.join(Sqlite::INDEX)).ok()?;
    let text = |key| schema::meta(&connection, key).ok().flatten();
    let applied = schema::applied(&connection).ok()?;
    let unread = text(schema::UNREAD).and_then(|number| number.parse().ok());
    Some(Standing { epoch: text("epoch")?, applied, id: text(schema::APPLIED_ID).unwrap_or_default(), unread })
}

/// Removes the index in `folder`, which is made anew.
pub(in crate::engine) fn discard(folder: &Path) -> Result<(), OpenError> {
    for end in ["", "-wal", "-shm"] {
        let path = folder.join(format!("{}{end}", Sqlite::INDEX));
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.map_err(|source| OpenError::Folder { path, source })?,
        }
    }
    Ok(())
}

/// Whether a message is deleted for good, as far as this index knows. One that is not there is.
fn is_gone(connection: &Connection, room: RoomId, seq: u64) -> rusqlite::Result<bool> {
    match reader::deletion_place(connection, room, seq)? {
        None => Ok(true),
        Some(None) => Ok(false),
        Some(Some(deletion)) => Ok(!is_undoable(connection, room, deletion)?),
    }
}

/// Whether an act may be undone, and was not.
fn is_undoable(connection: &Connection, room: RoomId, event: u64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM undoable WHERE room = ?1 AND event = ?2 AND undone IS NULL)";
    connection.prepare_cached(sql)?.query_row(params![room.get(), event], |row| row.get(0))
}

/// What a user said in a room before a place, to whomever.
fn said_by(connection: &Connection, room: RoomId, user: &UserId, before: u64) -> rusqlite::Result<Vec<u64>> {
    let sql = "SELECT seq FROM events WHERE room = ?1 AND author = ?2 AND seq < ?3 AND kind < 2";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(params![room.get(), user.as_str(), before], |row| row.get(0))?.collect()
}

/// An answer that nobody waits for.
pub(in crate::engine) fn unheard<T>() -> Reply<T> {
    tokio::sync::oneshot::channel().0
}
