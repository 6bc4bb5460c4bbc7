//! Sees to it that each room keeps what it is to keep and no more, and that it can be searched, in small steps beside the work.
//!
//! What is to go is decided on a thread and a connection of its own. The writer only carries it out: it notes how far a room's log
//! is past its retention, lets readers know, and then erases up to there, some hundred events in each step, which share a commit
//! with what is said meanwhile.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::oneshot;

use super::{
    OpenError,
    batch::{Job, Reply, Tail, next_over, over},
    check, index, readable, reader, row, schema,
    times::Times,
    writer::Task,
};
use crate::{
    chat::{Room, RoomId, RoomState, Settings, Timestamp},
    engine::{EngineError, Guard},
};

/// How often it is looked whether something has become too old or too much.
const EVERY: Duration = Duration::from_secs(10);

/// How long it rests at least, also while the log cannot be written: up to so much later than it could, what was kept to undo an act goes.
const LEAST_REST: Duration = Duration::from_secs(1);

/// Between two steps, so that they take a part of the disk and not all of it: a million messages go in less than a minute.
const PAUSE: Duration = Duration::from_millis(20);

/// Pages that stay free for what comes: 4 MiB. To give each of them back would make the file shrink and grow all the time.
const SPARE_PAGES: i64 = 1_024;

/// Shortest rest after deleted words were removed from the index of words.
const MERGE_REST: Duration = Duration::from_secs(60);

/// How many times as long as that took the rest is: it writes the whole index anew.
const MERGE_PART: u32 = 50;

const MILLISECONDS_A_DAY: i64 = 24 * 3_600 * 1_000;

const TO_ERASE: &str = "SELECT id FROM rooms WHERE erased < trimmed LIMIT 1";

/// How far each room's log is past its retention. Clones share what they know.
///
/// A standard lock, because it is held for a look only and never across an await.
#[derive(Clone, Default)]
pub(super) struct Trimmed(Arc<RwLock<HashMap<RoomId, u64>>>);

impl Trimmed {
    /// The newest event of a room that is past its retention.
    pub(super) fn of(&self, room: RoomId) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&room).copied().unwrap_or(0)
    }

    /// Takes over where rooms are now.
    pub(super) fn note(&self, tails: &HashMap<RoomId, Tail>) {
        let trimmed = || tails.iter().filter(|(_, tail)| tail.trimmed > 0).map(|(&room, tail)| (room, tail.trimmed));
        if trimmed().next().is_some() {
            self.0.write().unwrap_or_else(PoisonError::into_inner).extend(trimmed());
        }
    }
}

/// The thread.
pub(super) struct Upkeep {
    wake: Sender<()>,
    thread: JoinHandle<()>,
}

impl Upkeep {
    /// Begins with the database at `path`, whose writer takes `tasks`.
    /// What is to go is told to `trim`, or, without one, done here.
    pub(super) fn start(
        path: &Path,
        tasks: Sender<Task>,
        trimmed: Trimmed,
        trim: Option<Trim>,
        times: Times,
        guard: Guard,
    ) -> Result<Self, OpenError> {
        let connection = check::read_only(path).map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
        let (wake, wakes) = mpsc::channel();
        let work =
            Work { connection, tasks, trimmed, counts: HashMap::new(), trim, times, merge_again_at: Instant::now(), wakes };
        let run = move || {
            let _guard = guard;
            work.run();
        };
        let thread = std::thread::Builder::new().name("log-upkeep".into()).spawn(run);
        let thread = thread.map_err(|source| OpenError::Folder { path: path.to_owned(), source })?;
        Ok(Self { wake, thread })
    }

    /// Something may have to go now.
    pub(super) fn wake(&self) {
        // A thread that has ended has reported why.
        let _ = self.wake.send(());
    }

    /// Ends it after the step at hand; what is not done yet is done after the next start.
    pub(super) fn stop(self) {
        drop(self.wake);
        // It holds nothing that could be lost, and a panic has been reported.
        let _ = self.thread.join();
    }
}

struct Work {
    connection: Connection,
    tasks: Sender<Task>,
    trimmed: Trimmed,
    /// Of the rooms that keep so many events, so that each is counted once.
    counts: HashMap<RoomId, Count>,
    trim: Option<Trim>,
    times: Times,
    /// When the index of words may be rid of deleted words again.
    merge_again_at: Instant,
    wakes: Receiver<()>,
}

/// So many events of a room are after one place, up to another.
#[derive(Clone, Copy)]
struct Count {
    after: u64,
    to: u64,
    events: u64,
}

/// Has everything of a room up to that place go: in a cluster, on all nodes.
pub(in crate::engine) type Trim = Box<dyn Fn(RoomId, u64) + Send>;

impl Work {
    fn run(mut self) {
        loop {
            match self.sweep() {
                // The writer says itself what is wrong with it.
                Ok(()) | Err(EngineError::Closed | EngineError::Fault(_)) => {}
                Err(error) => tracing::warn!(%error, "the log could not be kept tidy"),
            }
            if self.wakes.recv_timeout(self.rest()) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Does all that there is to do now.
    fn sweep(&mut self) -> Result<(), EngineError> {
        self.times.look();
        let rooms = reader::rooms(&self.connection)?;
        for (room, head) in &rooms {
            let to = self.past_retention(room, *head)?;
            match &self.trim {
                _ if to <= self.trimmed.of(room.id) => {}
                Some(trim) => trim(room.id, to),
                None => self.ask(|reply| Job::Trim { room: room.id, to, reply })?,
            }
        }
        while let Some(room) = self.room_to_erase()? {
            self.ask(|reply| Job::Erase { room, reply })?;
            self.pause()?;
        }
        // In a cluster it depends on the log, and not on this machine's clock.
        while self.trim.is_none()
            && let Some((room, event)) = over(&self.connection, self.times.now(), 1)?.pop()
        {
            self.ask(|reply| Job::Settle { room, event, reply })?;
            self.pause()?;
        }
        while let Some(sweep) = readable::next_sweep(&self.connection)? {
            self.ask(|reply| Job::Sweep { sweep, reply })?;
            self.pause()?;
        }
        self.merge_words()?;
        while self.free_pages()? > SPARE_PAGES {
            self.ask(|reply| Job::Shrink { reply })?;
            self.pause()?;
        }
        for (room, _) in &rooms {
            while let Some(words) = index::unindexed(&self.connection, room.id)? {
                self.ask(|reply| Job::Index { words, reply })?;
                self.pause()?;
            }
        }
        Ok(())
    }

    /// How long there is nothing to do.
    fn rest(&self) -> Duration {
        let next = next_over(&self.connection).ok().flatten().filter(|_| self.trim.is_none());
        let left = next.map_or(i64::MAX, |until| until.0.saturating_sub(self.times.now().0));
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).clamp(LEAST_REST, EVERY)
    }

    /// The newest event that the room is not to keep, of those up to `head`.
    fn past_retention(&mut self, room: &Room, head: u64) -> rusqlite::Result<u64> {
        let Settings { retention_days, retention_messages, ephemeral, .. } = room.settings;
        if ephemeral && room.state == RoomState::Ended {
            return Ok(head);
        }
        let too_many = match retention_messages {
            0 => 0,
            most => self.beyond(room.id, head, most.into())?,
        };
        if retention_days == 0 {
            return Ok(too_many);
        }
        let now = self.times.now();
        let oldest = Timestamp(now.0.saturating_sub(i64::from(retention_days) * MILLISECONDS_A_DAY));
        let known = too_many.max(self.trimmed.of(room.id));
        reader::seq_past(&self.connection, room.id, known, oldest, now)
    }

    /// The newest event of a room that is before its `most` newest ones up to `head`, of those that are kept. What tells of
    /// reactions is not counted: nothing that was said has to go for it.
    fn beyond(&mut self, room: RoomId, head: u64, most: u64) -> rusqlite::Result<u64> {
        let trimmed = self.trimmed.of(room);
        let known = self.counts.get(&room).copied().filter(|count| count.after == trimmed);
        let Count { to, events, .. } = known.unwrap_or(Count { after: trimmed, to: trimmed, events: 0 });
        let events = events + reader::count(&self.connection, room, to, head)?;
        let surplus = events.saturating_sub(most);
        let beyond = match surplus.checked_sub(1) {
            Some(others) => reader::nth(&self.connection, room, trimmed, others)?.unwrap_or(trimmed),
            None => trimmed,
        };
        self.counts.insert(room, Count { after: beyond, to: head.max(beyond), events: events - surplus });
        Ok(beyond)
    }

    /// Removes deleted words from the index of words. The more there is to merge, the longer it rests.
    fn merge_words(&mut self) -> Result<(), EngineError> {
        if Instant::now() < self.merge_again_at {
            return Ok(());
        }
        let Some(deleted) = index::deleted_words(&self.connection)? else { return Ok(()) };
        let (began, mut is_first) = (Instant::now(), true);
        while self.ask(|reply| Job::Merge { deleted: deleted.clone(), is_first, reply })? {
            is_first = false;
            self.pause()?;
        }
        self.merge_again_at = Instant::now() + (began.elapsed() * MERGE_PART).max(MERGE_REST);
        Ok(())
    }

    fn room_to_erase(&self) -> rusqlite::Result<Option<RoomId>> {
        self.connection.prepare_cached(TO_ERASE)?.query_row([], |row| row::room_id(row, "id")).optional()
    }

    /// Pages that can be given back.
    fn free_pages(&self) -> rusqlite::Result<i64> {
        // 2: incremental. A database from before retention has none, and takes new messages into its free pages.
        let gives_back = schema::pragma(&self.connection, "auto_vacuum")? == 2;
        if gives_back { schema::pragma(&self.connection, "freelist_count") } else { Ok(0) }
    }

    /// Has the writer do something, and waits until it is durable.
    fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.tasks.send(job(reply).into()).map_err(|_| EngineError::Closed)?;
        answer.blocking_recv().unwrap_or(Err(EngineError::Closed))
    }

    /// # Errors
    /// [`EngineError::Closed`] when it is to stop.
    fn pause(&self) -> Result<(), EngineError> {
        match self.wakes.recv_timeout(PAUSE) {
            Err(RecvTimeoutError::Disconnected) => Err(EngineError::Closed),
            Ok(()) | Err(RecvTimeoutError::Timeout) => Ok(()),
        }
    }
}
