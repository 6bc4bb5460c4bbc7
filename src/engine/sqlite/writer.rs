use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    OpenError,
    batch::{Answer, Batch, Done, Job, Tail, refuse, untold},
    health::Health,
    place::{Place, Progress},
    reader,
    run::Run,
    schema::set_meta,
    upkeep::Trimmed,
};
use crate::{
    chat::RoomId,
    engine::{Clock, EngineError, Fault, Sink},
};

/// Requests in one commit. More would only delay the first of them: at 1,000 the fsync is already a small part of the work. Nothing
/// waits for a batch to grow: what comes while a commit runs is the next batch, and a wait made single publishers slower.
const BATCH: usize = 1_000;

/// While the log cannot be written and nobody publishes: how often to try whether it can be again.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// A job, and its place in the order of the cluster if that keeps one.
pub(in crate::engine) struct Task {
    job: Job,
    place: Option<Place>,
}

impl Task {
    /// The job that the cluster's log has at that place.
    pub(in crate::engine) fn at(place: Place, job: Job) -> Self {
        Self { job, place: Some(place) }
    }
}

impl From<Job> for Task {
    fn from(job: Job) -> Self {
        Self { job, place: None }
    }
}

/// What is known beside the database of what there must be in it.
pub(super) enum Beside {
    /// The run file: this database is the log.
    Run(Run),
    /// How far it has come: it is an index of the log of a cluster.
    Progress(Arc<Progress>),
}

impl Beside {
    fn note_unusable(&self) {
        if let Self::Progress(progress) = self {
            metrics::counter!("live_chat_log_unreadable_entries_total").increment(1);
            progress.note_unusable();
        }
    }

    /// Notes that the work has ended, and closes the database.
    pub(super) fn end(self, connection: Connection) -> Result<(), OpenError> {
        match self {
            Self::Run(run) => run.end(connection),
            Self::Progress(_) => Ok(()),
        }
    }
}

/// The one place where events get their order.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) sink: Sink,
    pub(super) health: Health,
    pub(super) beside: Beside,
    pub(super) tails: HashMap<RoomId, Tail>,
    pub(super) trimmed: Trimmed,
    pub(super) clock: Clock,
    /// Entries of the cluster's log that the database refuses, whatever happens: they are passed over when they come again, as on all
    /// nodes. Of those that are not behind it yet.
    pub(super) unusable: BTreeSet<u64>,
}

impl Writer {
    /// Works until the last sender is gone and the queue is empty, and gives back what it was made of.
    pub(super) fn work(mut self, queue: &Receiver<Task>) -> (Connection, Beside) {
        // A count that is there from the start can be seen to grow.
        metrics::counter!("live_chat_commits_failed_total").increment(0);
        self.tell_size();
        loop {
            match self.next(queue) {
                Ok(first) => self.commit(std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)).collect()),
                Err(RecvTimeoutError::Timeout) => self.probe(),
                Err(RecvTimeoutError::Disconnected) => return (self.connection, self.beside),
            }
        }
    }

    fn next(&self, queue: &Receiver<Task>) -> Result<Task, RecvTimeoutError> {
        match self.health.fault() {
            Some(Fault::Failing(_)) => queue.recv_timeout(PROBE_EVERY),
            Some(Fault::Damaged(_) | Fault::Unreachable(_)) | None => queue.recv().map_err(RecvTimeoutError::from),
        }
    }

    /// Carries out all jobs in one transaction; then dispatches, then answers. If the store fails, every job of the batch has
    /// failed and nothing is dispatched.
    fn commit(&mut self, tasks: Vec<Task>) {
        let began = Instant::now();
        let mut answers = Vec::with_capacity(tasks.len());
        let (fault, applied) = match self.write(tasks, &mut answers) {
            Ok(done) => {
                let applied = done.applied;
                self.unusable.retain(|number| Some(*number) > applied);
                metrics::histogram!("live_chat_commit_events").record(done.news.len() as f64);
                metrics::histogram!("live_chat_commit_duration_seconds").record(began.elapsed());
                self.publish(done);
                (None, applied)
            }
            Err(fault) => {
                metrics::counter!("live_chat_commits_failed_total").increment(1);
                tracing::error!(requests = answers.len(), "{fault}");
                (Some(fault), None)
            }
        };
        for answer in answers {
            answer(fault.as_ref());
        }
        if let (Beside::Progress(progress), Some(applied)) = (&self.beside, applied) {
            progress.advance(applied);
        }
    }

    /// Does the jobs and makes them durable. On failure every job gets its answer, the ones not carried out too.
    ///
    /// A commit that fails, at its fsync too, leaves a connection that can be trusted: SQLite (3.54, `walFrames`) enters a
    /// transaction into the index of the write-ahead log only after the fsync has succeeded, and takes its pages out of the cache
    /// when it is rolled back. The next transaction writes the same place of the file again, so that its own fsync covers every
    /// page that Linux dropped after the failed one (<https://lwn.net/Articles/752063/>); and a checkpoint that failed is done
    /// again from its beginning. What a crash may bring back is the failed transaction as a whole, never half of it: then the
    /// client message ids are there as well, and a repeat is recognized.
    fn write(&mut self, tasks: Vec<Task>, answers: &mut Vec<Answer>) -> Result<Done, Fault> {
        let mut tasks = tasks.into_iter();
        let done = self.carry_out(&mut tasks, answers);
        answers.extend(tasks.map(|task| refuse(task.job)));
        match &done {
            Ok(_) => self.health.recover(),
            Err(fault) => {
                self.health.fail(fault.clone());
                if let Beside::Progress(progress) = &self.beside {
                    progress.end_turn();
                }
            }
        }
        done
    }

    fn carry_out(&mut self, tasks: &mut impl Iterator<Item = Task>, answers: &mut Vec<Answer>) -> Result<Done, Fault> {
        if let Some(damaged @ Fault::Damaged(_)) = self.health.fault() {
            return Err(damaged);
        }
        let mut batch = Batch::begin(&mut self.connection, &self.tails, &self.clock)?;
        let turn = match &self.beside {
            Beside::Progress(progress) => progress.turn(),
            Beside::Run(_) => 0,
        };
        for Task { job, place } in tasks {
            match place {
                Some(place) if place.turn != turn => {
                    answers.push(refuse(job));
                    continue;
                }
                Some(place) => {
                    let number = place.number;
                    batch.follow(place);
                    if self.unusable.contains(&number) {
                        answers.push(refuse(job));
                        continue;
                    }
                    batch.carry_out(job, answers).inspect_err(|error| {
                        if is_of_the_job(error) {
                            tracing::error!(number, %error, "an entry of the log cannot be carried out, and is passed over");
                            self.unusable.insert(number);
                            self.beside.note_unusable();
                        }
                    })?;
                }
                None => batch.carry_out(job, answers)?,
            }
        }
        Ok(batch.commit()?)
    }

    /// Lets the rooms know what is durable now.
    fn publish(&mut self, done: Done) {
        self.trimmed.note(&done.tails);
        if let Beside::Run(run) = &mut self.beside
            && let Err(error) = run.advance(done.stored)
        {
            tracing::warn!(%error, "the end of the log could not be noted beside it: damage to it may go unnoticed");
        }
        self.tails.extend(done.tails);
        (self.sink)(&done.news);
        self.tell_size();
    }

    fn tell_size(&self) {
        metrics::gauge!("live_chat_database_bytes").set(database_bytes(&self.connection) as f64);
    }

    /// Writes something without a meaning, to see whether the log can be written again.
    fn probe(&mut self) {
        if set_meta(&self.connection, "probed_at", &(self.clock)().0.to_string()).is_ok() {
            self.health.recover();
        }
    }
}

/// Whether a failure is the job's and not the store's: it would fail again, and so it would on every node.
fn is_of_the_job(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    let code = error.sqlite_error_code();
    matches!(error, rusqlite::Error::ToSqlConversionFailure(_))
        || matches!(code, Some(ConstraintViolation | TooBig | TypeMismatch))
}

/// The size of the database, its free space included, and of its write-ahead log: two calls of the system, beside a commit's fsync.
fn database_bytes(connection: &Connection) -> u64 {
    let bytes = |path: String| std::fs::metadata(path).map_or(0, |file| file.len());
    connection.path().map_or(0, |path| bytes(path.to_owned()) + bytes(format!("{path}-wal")))
}

/// Tells of the reactions that the program has not told of before it ended: they may have been acknowledged.
pub(super) fn tell_reactions(
    connection: &mut Connection,
    tails: &mut HashMap<RoomId, Tail>,
    clock: &Clock,
) -> rusqlite::Result<()> {
    while let Some(room) = untold(connection)?.pop() {
        let mut batch = Batch::begin(connection, tails, clock)?;
        batch.carry_out(Job::TellReactions { room, reply: oneshot::channel().0 }, &mut Vec::new())?;
        let done = batch.commit()?;
        tails.extend(done.tails);
    }
    Ok(())
}

/// Where every room's log ends, as the file says.
pub(super) fn tails(connection: &Connection) -> Result<HashMap<RoomId, Tail>, EngineError> {
    let mut tails = HashMap::new();
    for (room, seq) in reader::rooms(connection)? {
        let newest = reader::event(connection, room.id, seq)?;
        let sent_at = newest.map_or(room.updated_at, |event| event.sent_at);
        tails.insert(room.id, Tail { seq, sent_at, state: room.state, trimmed: 0 });
    }
    for (room, trimmed) in reader::trimmed(connection)? {
        tails.entry(room).and_modify(|tail| tail.trimmed = trimmed);
    }
    Ok(tails)
}
