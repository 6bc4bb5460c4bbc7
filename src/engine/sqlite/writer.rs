use std::{
    collections::HashMap,
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{reader, schema::new_widget_key};
use crate::{
    chat::{Event, Kind, Message, Room, RoomId, RoomState, Timestamp},
    engine::{Appended, EngineError, Entry, NewRoom, Sink, may_follow},
};

/// Requests in one commit. More would only delay the first of them: at 1,000 the fsync is already a small part of the work.
const BATCH: usize = 1_000;

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// What the writer is asked to do.
pub(super) enum Job {
    Append { room: RoomId, entry: Entry, reply: Reply<Appended> },
    CreateRoom { room: NewRoom, reply: Reply<Room> },
    SetState { room: RoomId, state: RoomState, reply: Reply<Room> },
}

/// The one place where events get their order.
pub(super) struct Writer {
    connection: Connection,
    sink: Sink,
    tails: HashMap<RoomId, Tail>,
}

/// The end of a room's log.
#[derive(Clone, Copy)]
struct Tail {
    seq: u64,
    sent_at: Timestamp,
    state: RoomState,
}

/// A job's answer, kept until its effects are durable.
type Answer = Box<dyn FnOnce(Option<&Arc<rusqlite::Error>>) + Send>;

/// One transaction, and what it will have done: forgotten if it fails.
struct Batch<'a> {
    transaction: Transaction<'a>,
    before: &'a HashMap<RoomId, Tail>,
    done: Done,
}

#[derive(Default)]
struct Done {
    tails: HashMap<RoomId, Tail>,
    events: Vec<Arc<Event>>,
}

impl Writer {
    pub(super) fn new(connection: Connection, sink: Sink) -> rusqlite::Result<Self> {
        let tails = tails(&connection)?;
        Ok(Self { connection, sink, tails })
    }

    /// Works until the last sender is gone and the queue is empty, and gives the connection back.
    pub(super) fn run(mut self, queue: &Receiver<Job>) -> Connection {
        while let Ok(first) = queue.recv() {
            let mut jobs = vec![first];
            while jobs.len() < BATCH {
                match queue.try_recv() {
                    Ok(job) => jobs.push(job),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            self.commit(jobs);
        }
        self.connection
    }

    /// Carries out all jobs in one transaction; then dispatches, then answers. If the store fails, every job of the batch has
    /// failed and nothing is dispatched.
    fn commit(&mut self, jobs: Vec<Job>) {
        let mut answers = Vec::with_capacity(jobs.len());
        let failure = match self.write(jobs, &mut answers) {
            Ok(done) => {
                self.tails.extend(done.tails);
                (self.sink)(&done.events);
                None
            }
            Err(error) => {
                tracing::error!(%error, requests = answers.len(), "the log could not be written");
                Some(Arc::new(error))
            }
        };
        for answer in answers {
            answer(failure.as_ref());
        }
    }

    fn write(&mut self, jobs: Vec<Job>, answers: &mut Vec<Answer>) -> rusqlite::Result<Done> {
        // On failure every job must get its answer, the ones not yet carried out too.
        let mut failure = None;
        let mut batch = match self.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => Ok(Batch { transaction, before: &self.tails, done: Done::default() }),
            Err(error) => Err(error),
        };
        for job in jobs {
            match (&mut batch, &failure) {
                (Ok(batch), None) => failure = batch.carry_out(job, answers).err(),
                _ => answers.push(refuse(job)),
            }
        }
        let batch = batch?;
        match failure {
            Some(error) => Err(error),
            None => {
                batch.transaction.commit()?;
                Ok(batch.done)
            }
        }
    }
}

impl Batch<'_> {
    /// Does one job inside the transaction and keeps its answer. An error is one of the store, and ends the batch.
    fn carry_out(&mut self, job: Job, answers: &mut Vec<Answer>) -> rusqlite::Result<()> {
        match job {
            Job::Append { room, entry, reply } => keep(answers, reply, self.append(room, entry)),
            Job::CreateRoom { room, reply } => keep(answers, reply, self.create_room(room)),
            Job::SetState { room, state, reply } => keep(answers, reply, self.set_state(room, state)),
        }
    }

    fn append(&mut self, room: RoomId, entry: Entry) -> Result<Appended, EngineError> {
        let tail = self.tail(room)?;
        if let Some(stored) = self.stored(room, &entry)? {
            return Ok(stored);
        }
        if tail.state != RoomState::Live {
            return Err(EngineError::NotLive(tail.state));
        }
        let Entry { author, to, draft } = entry;
        let message = Message { author, payload: draft.payload, video_time: draft.video_time };
        let kind = match to {
            Some(to) => Kind::Private { to, message },
            None => Kind::Message(message),
        };
        Ok(self.push(room, tail, kind, draft.client_message_id.as_deref())?)
    }

    /// The message that this entry repeats, if its author has stored it before.
    fn stored(&self, room: RoomId, entry: &Entry) -> rusqlite::Result<Option<Appended>> {
        let Some(name) = &entry.draft.client_message_id else { return Ok(None) };
        let sql = "SELECT seq, sent_at FROM events WHERE room = ?1 AND author = ?2 AND client_message_id = ?3";
        let appended = |row: &rusqlite::Row<'_>| Ok(Appended { seq: row.get(0)?, sent_at: Timestamp(row.get(1)?) });
        self.transaction.prepare_cached(sql)?.query_row(params![room.get(), entry.author.as_str(), name], appended).optional()
    }

    fn create_room(&mut self, new: NewRoom) -> Result<Room, EngineError> {
        let taken = |slug: &str| {
            let sql = "SELECT count(*) FROM rooms WHERE slug = ?1";
            self.transaction.query_row(sql, [slug], |row| row.get::<_, i64>(0)).map(|count| count > 0)
        };
        let slug = match new.slug {
            Some(slug) if taken(&slug)? => return Err(EngineError::SlugTaken(slug)),
            Some(slug) => slug,
            None => uuid::Uuid::new_v4().to_string(),
        };
        let sql = "INSERT INTO rooms (name, slug, description, state, widget_key, created_at, updated_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) RETURNING *";
        let values = params![new.name, slug, new.description, RoomState::Created.name(), new_widget_key(), now().0];
        let room = self.transaction.query_row(sql, values, reader::room)?;
        self.done.tails.insert(room.id, Tail { seq: 0, sent_at: room.created_at, state: room.state });
        Ok(room)
    }

    fn set_state(&mut self, room: RoomId, state: RoomState) -> Result<Room, EngineError> {
        let tail = self.tail(room)?;
        if tail.state != state {
            if !may_follow(tail.state, state) {
                return Err(EngineError::WrongOrder(tail.state, state));
            }
            let at = self.push(room, tail, Kind::Room(state), None)?.sent_at;
            self.done.tails.entry(room).and_modify(|tail| tail.state = state);
            let column = match state {
                RoomState::Created => "created_at",
                RoomState::Prepared => "prepared_at",
                RoomState::Live => "started_at",
                RoomState::Ended => "ended_at",
            };
            let sql = format!("UPDATE rooms SET state = ?2, updated_at = ?3, {column} = ?3 WHERE id = ?1");
            self.transaction.execute(&sql, params![room.get(), state.name(), at.0])?;
        }
        Ok(self.transaction.query_row("SELECT * FROM rooms WHERE id = ?1", [room.get()], reader::room)?)
    }

    fn tail(&self, room: RoomId) -> Result<Tail, EngineError> {
        self.done.tails.get(&room).or(self.before.get(&room)).copied().ok_or(EngineError::UnknownRoom(room))
    }

    /// Gives an event its place and its time, and writes it.
    fn push(&mut self, room: RoomId, tail: Tail, kind: Kind, client_message_id: Option<&str>) -> rusqlite::Result<Appended> {
        let (seq, sent_at) = (tail.seq + 1, now().max(tail.sent_at));
        let (code, message, recipient) = match &kind {
            Kind::Message(message) => (0, Some(message), None),
            Kind::Private { to, message } => (1, Some(message), Some(to.as_str())),
            Kind::Room(_) => (2, None, None),
        };
        let payload = match &kind {
            Kind::Message(message) | Kind::Private { message, .. } => message.payload.get(),
            Kind::Room(state) => state.name(),
        };
        let sql = "INSERT INTO events (room, seq, kind, sent_at, author, recipient, video_time, client_message_id, payload)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.transaction.prepare_cached(sql)?.execute(params![
            room.get(),
            seq,
            code,
            sent_at.0,
            message.map(|m| m.author.as_str()),
            recipient,
            message.map(|m| m.video_time),
            client_message_id,
            payload,
        ])?;
        self.done.tails.insert(room, Tail { seq, sent_at, ..tail });
        self.done.events.push(Arc::new(Event { room, seq, sent_at, kind }));
        Ok(Appended { seq, sent_at })
    }
}

/// Keeps an answer for after the commit; a failure of the store is passed on, and answered for the whole batch.
fn keep<T: Send + 'static>(answers: &mut Vec<Answer>, reply: Reply<T>, result: Result<T, EngineError>) -> rusqlite::Result<()> {
    let (result, failed) = match result {
        Err(EngineError::Store(error)) => (Err(EngineError::Closed), Err(error)),
        result => (result, Ok(())),
    };
    answers.push(Box::new(move |failure| {
        // An asker that has gone away needs no answer.
        let _ = reply.send(match failure {
            Some(error) => Err(EngineError::Commit(Arc::clone(error))),
            None => result,
        });
    }));
    failed
}

/// The answer of a job that was not carried out because an earlier one of its batch failed.
fn refuse(job: Job) -> Answer {
    let failed = |failure: Option<&Arc<rusqlite::Error>>| match failure {
        Some(error) => EngineError::Commit(Arc::clone(error)),
        None => EngineError::Closed,
    };
    Box::new(move |failure| match job {
        Job::Append { reply, .. } => drop(reply.send(Err(failed(failure)))),
        Job::CreateRoom { reply, .. } | Job::SetState { reply, .. } => drop(reply.send(Err(failed(failure)))),
    })
}

/// Where every room's log ends, as the file says.
fn tails(connection: &Connection) -> rusqlite::Result<HashMap<RoomId, Tail>> {
    let sent_at = "SELECT sent_at FROM events WHERE room = ?1 AND seq = ?2";
    let mut tails = HashMap::new();
    for (room, seq) in reader::rooms(connection)? {
        let newest: Option<i64> = connection.query_row(sent_at, params![room.id.get(), seq], |row| row.get(0)).optional()?;
        tails.insert(room.id, Tail { seq, sent_at: newest.map_or(room.created_at, Timestamp), state: room.state });
    }
    Ok(tails)
}

/// The machine's clock.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
