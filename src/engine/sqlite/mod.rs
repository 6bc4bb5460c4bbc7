//! The engine on one machine: an SQLite file in WAL mode.
//!
//! One writer thread owns the only writing connection. It takes all requests that wait, carries them out in one transaction,
//! commits (`synchronous=FULL`: one fsync of the WAL), dispatches the events and answers everybody: a group commit, whose batches
//! grow by themselves while a commit runs. Reads run on their own connections and never wait for the writer.

mod reader;
mod schema;
mod writer;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use futures::{FutureExt, future::BoxFuture};
use rusqlite::Connection;
use tokio::sync::oneshot;

use self::{
    reader::Readers,
    writer::{Job, Writer},
};
use super::{Appended, Engine, EngineError, Entry, NewRoom, Query, Sink};
use crate::chat::{Event, Room, RoomId, RoomState};

/// The log in an SQLite file.
pub struct Sqlite {
    epoch: String,
    readers: Readers,
    /// Taken when the engine closes: the writer stops when nobody can send to it any more.
    writer: Mutex<Option<WriterHandle>>,
}

struct WriterHandle {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<Connection>,
    run_file: PathBuf,
    /// Held open for its lock: a second process on the same folder would give one place in the log to two messages.
    lock: File,
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be used.
    #[error("cannot use {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the data folder {0} is in use by another live-chat")]
    InUse(PathBuf),
    /// It was written by a later version of this program.
    #[error(
        "the database {path} has schema version {found}, and this program knows versions up to {known}: use a newer live-chat"
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It is somebody else's.
    #[error("{0} is a database of another program")]
    Foreign(PathBuf),
    /// It is damaged, or cannot be read.
    #[error("the database {path} cannot be used: {source}. Restore it from a backup, or move it away to start afresh")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// It ends early.
    #[error(
        "the database {path} is cut short ({found_bytes} of {expected_bytes} bytes). Restore it from a backup, or move it away to start afresh"
    )]
    Truncated {
        /// The database file.
        path: PathBuf,
        /// Its length.
        found_bytes: u64,
        /// The length that it says it has.
        expected_bytes: u64,
    },
}

impl Sqlite {
    /// The database's name in the data folder.
    pub const FILE: &'static str = "live-chat.db";

    /// Opens the log in `folder`, made if it is not there, and room 1 with it; a new room 1 gets `widget_key`, an old one keeps
    /// its own unless a key is given.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing is changed in a database that is refused.
    pub fn open(folder: &Path, widget_key: Option<&str>, sink: Sink) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let path = folder.join(Self::FILE);
        let connection = schema::open(&path)?;
        let in_database = |source| OpenError::Database { path: path.clone(), source };
        let run_file = folder.join("live-chat.run");
        let epoch = schema::epoch(&connection, &run_file, &path)?;
        schema::mark_run(&connection, &run_file)?;
        schema::first_room(&connection, widget_key).map_err(in_database)?;
        let writer = Writer::new(connection, sink).map_err(in_database)?;
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer.run(&queue))
            .map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        let writer = Mutex::new(Some(WriterHandle { jobs, thread, run_file, lock }));
        Ok(Self { epoch, readers: Readers::new(path), writer })
    }

    /// Finishes what was asked before, then closes. Later requests get [`EngineError::Closed`]. Blocks until it is done.
    pub fn close(&self) {
        let handle = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(WriterHandle { jobs, thread, run_file, lock }) = handle {
            drop(jobs);
            match thread.join() {
                // From now on a copy that was made while it ran is an old one.
                Ok(connection) => match schema::mark_run(&connection, &run_file) {
                    Ok(()) => {}
                    Err(error) => tracing::warn!(%error, "the end of this run could not be marked"),
                },
                Err(_) => tracing::error!("the log's writer panicked"),
            }
            drop(lock);
        }
    }

    /// Hands a job to the writer and waits for its answer.
    fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> Job,
    ) -> BoxFuture<'_, Result<T, EngineError>> {
        let (reply, answer) = oneshot::channel();
        if let Some(writer) = &*self.writer.lock().unwrap_or_else(PoisonError::into_inner) {
            // A failed send drops the reply, which the answer below reports.
            let _ = writer.jobs.send(job(reply));
        }
        async move { answer.await.unwrap_or(Err(EngineError::Closed)) }.boxed()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

impl Engine for Sqlite {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn rooms(&self) -> BoxFuture<'_, Result<Vec<(Room, u64)>, EngineError>> {
        self.readers.run(reader::rooms).boxed()
    }

    fn create_room(&self, room: NewRoom) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.submit(|reply| Job::CreateRoom { room, reply })
    }

    fn set_state(&self, room: RoomId, state: RoomState) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.submit(|reply| Job::SetState { room, state, reply })
    }

    fn append(&self, room: RoomId, entry: Entry) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.submit(|reply| Job::Append { room, entry, reply })
    }

    fn read(&self, query: Query) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        self.readers.run(move |connection| reader::events(connection, &query)).boxed()
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let failed = |path: &Path, source| OpenError::Folder { path: path.to_owned(), source };
    fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let path = folder.join("live-chat.lock");
    let file = File::options().create(true).append(true).open(&path).map_err(|e| failed(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(&path, source)),
    }
}
