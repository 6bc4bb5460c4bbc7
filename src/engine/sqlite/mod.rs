//! The engine on one machine: an SQLite file in WAL mode.
//!
//! One writer thread owns the only writing connection. It takes all requests that wait, carries them out in one transaction,
//! commits (`synchronous=FULL`: one fsync of the WAL), dispatches the events and answers everybody: a group commit, whose batches
//! grow by themselves while a commit runs. Reads run on their own connections and never wait for the writer.
//!
//! A start refuses a log that has lost something acknowledged, or whose structure is damaged: `wal` looks at what a crash has
//! left before SQLite does, `run` knows how much there must be, `check` walks through the file. An event is compared with its
//! `checksum` when it is read. Neither the file of a log that is refused nor its write-ahead log is changed.
//!
//! As an index of a cluster's log (`replica`), it carries out that log's commands instead, each at its `place`.
//!
//! Beside the work, `upkeep` has what a room does not keep erased, and the `index` of words follow. Both are the writer's jobs like
//! all others, each small.

mod appearance;
mod backup;
mod batch;
mod check;
mod checksum;
mod copy;
mod error;
mod health;
mod index;
mod interfaces;
mod place;
mod readable;
mod reader;
mod replica;
mod row;
mod run;
mod schema;
mod times;
mod upkeep;
mod wal;
mod widget_keys;
mod writer;

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use futures::{FutureExt, future::BoxFuture};
use rusqlite::Connection;
use tokio::sync::oneshot;

use self::{
    batch::Tail,
    check::Background,
    health::Health,
    reader::{Page, Readers},
    run::{Found, Line, Lineage, Run},
    times::{Jumps, Times},
    upkeep::{Trimmed, Upkeep},
    writer::{Beside, Task, Writer},
};
pub(super) use self::{
    batch::{Job, Reply},
    copy::{Copying, OutsideLog, Record, Source},
    place::{Place, Progress},
    replica::{TakenOut, discard, standing, unheard},
    upkeep::Trim,
    widget_keys::random as random_widget_key,
};
pub use self::{
    copy::Census,
    error::{BackupError, OpenError},
};
use super::{
    Act, Appended, Clock, Cursors, End, Engine, EngineError, Entry, Fault, HeldName, Hits, Messages, Query, React, Reacted,
    Search, Sink, Standing, Supervisor, Webhook, WebhookId, now, private_file,
};
use crate::chat::{
    Appearance, AppearanceChange, CustomEvent, Deletion, Disconnection, Event, Invitation, Kind, NewWidgetKey, Outcome, Recorded,
    RedirectUris, Revocation, Room, RoomId, RoomState, Sanction, Settings, SettingsChange, ShownInterface, Timestamp, UserId,
    WidgetKey,
};

/// The log in an SQLite file.
pub struct Sqlite {
    epoch: String,
    health: Health,
    readers: Readers,
    trimmed: Trimmed,
    supervisor: Supervisor,
    jumps: Jumps,
    /// Taken when the engine closes: the writer stops when nobody can send to it any more.
    writer: Mutex<Option<WriterHandle>>,
}

/// A database that is fit to be worked on.
struct Opened {
    path: PathBuf,
    connection: Connection,
    tails: HashMap<RoomId, Tail>,
    /// Of its folder.
    lock: File,
    clock: Clock,
}

struct WriterHandle {
    tasks: mpsc::Sender<Task>,
    thread: JoinHandle<(Connection, Beside)>,
    upkeep: Upkeep,
    check: Option<Background>,
    /// Held open for its lock: a second process on the same folder would give one place in the log to two messages.
    lock: File,
}

impl Sqlite {
    /// The database's name in the data folder.
    pub const FILE: &'static str = "live-chat.db";

    /// Opens the log in `folder`, made if it is not there, and room 1 with it. If a `widget_key` is given, it opens
    /// every room, unless it was revoked or is tied to one.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing is changed in a database that is refused.
    pub fn open(folder: &Path, widget_key: Option<&str>, sink: Sink) -> Result<Self, OpenError> {
        Self::open_by(folder, widget_key, sink, Arc::new(now))
    }

    /// Does the same with another clock.
    pub(crate) fn open_by(folder: &Path, widget_key: Option<&str>, sink: Sink, clock: Clock) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let path = folder.join(Self::FILE);
        let in_database = |source| OpenError::Database { path: path.clone(), source };
        let (mut connection, lineage) = open_checked(folder, &path)?;
        schema::prepare(&mut connection).map_err(in_database)?;
        schema::first_room(&mut connection, widget_key).map_err(in_database)?;
        schema::abandon_imports(&connection).map_err(in_database)?;
        schema::forget_sanctions(&connection, clock()).map_err(in_database)?;
        let mut tails = writer::tails(&connection).map_err(|error| match error {
            EngineError::Store(source) => in_database(source),
            damaged => OpenError::Damaged { path: path.clone(), found: damaged.to_string() },
        })?;
        writer::tell_reactions(&mut connection, &mut tails, &clock).map_err(in_database)?;
        let epoch = epoch(&connection, lineage).map_err(in_database)?;
        let stored = reader::stored(&connection).map_err(in_database)?;
        let run = Run::begin(&connection, &folder.join(run::FILE), stored)?;
        Self::start(Opened { path, connection, tails, lock, clock }, epoch, Beside::Run(run), sink, None)
    }

    /// Begins to work on a database that was opened.
    fn start(opened: Opened, epoch: String, beside: Beside, sink: Sink, trim: Option<Trim>) -> Result<Self, OpenError> {
        let Opened { path, connection, tails, lock, clock } = opened;
        let health = Health::default();
        let check = check::in_background(&path, &health)?;
        let (trimmed, jumps) = (Trimmed::default(), Jumps::default());
        trimmed.note(&tails);
        let (health_of_writer, trimmed_of_writer) = (health.clone(), trimmed.clone());
        let writer = Writer {
            connection,
            sink,
            health: health_of_writer,
            beside,
            tails,
            trimmed: trimmed_of_writer,
            clock: Arc::clone(&clock),
            unusable: BTreeSet::new(),
        };
        let supervisor = Supervisor::default();
        let guard = supervisor.watch("the log's writer");
        let (tasks, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || {
                let _guard = guard;
                writer.work(&queue)
            })
            .map_err(|source| OpenError::Folder { path: path.clone(), source })?;
        let times = Times::new(clock, jumps.clone());
        let guard = supervisor.watch("the log's maintenance");
        let upkeep = Upkeep::start(&path, tasks.clone(), trimmed.clone(), trim, times, guard)?;
        let writer = Mutex::new(Some(WriterHandle { tasks, thread, upkeep, check, lock }));
        Ok(Self { epoch, health, readers: Readers::new(path), trimmed, jumps, supervisor, writer })
    }

    /// Checks the log in `folder`, of any size, and says what is wrong with it: nothing, if all is well. Changes nothing. While
    /// the program runs on it, what a crash may have left is not checked.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn check(folder: &Path) -> Result<Vec<String>, OpenError> {
        let (connection, _lock) = open_to_read(folder)?;
        check::everything(&connection).map_err(|source| OpenError::Database { path: folder.join(Self::FILE), source })
    }

    /// Copies the log in `folder` as it is at this moment into the new file `to`, also while the program runs on it. When it
    /// returns the copy is durable, and was checked from end to end.
    ///
    /// # Errors
    /// See [`BackupError`]. Nothing that was there before is changed, and no part of a copy is left.
    pub fn back_up(folder: &Path, to: &Path) -> Result<(), BackupError> {
        let (connection, _lock) = open_to_read(folder)?;
        backup::copy(&connection, to)
    }

    fn end(&self) {
        let handle = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(WriterHandle { tasks, thread, upkeep, check, lock }) = handle {
            upkeep.stop();
            drop(tasks);
            self.readers.close();
            check.into_iter().for_each(Background::stop);
            match thread.join().map(|(connection, beside)| beside.end(connection)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("the end of this run could not be noted: {error}"),
                Err(_) => tracing::error!("the log's writer panicked"),
            }
            drop(lock);
        }
    }

    /// How many instructions of SQLite's virtual machine all reads have taken: what they cost, on any machine.
    pub fn read_instructions(&self) -> u64 {
        self.readers.instructions()
    }

    /// Hands a job to the writer and waits for its answer.
    fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> Job,
    ) -> BoxFuture<'_, Result<T, EngineError>> {
        let (reply, answer) = oneshot::channel();
        if let Some(writer) = &*self.writer.lock().unwrap_or_else(PoisonError::into_inner) {
            // A failed send drops the reply, which the answer below reports.
            let _ = writer.tasks.send(job(reply).into());
        }
        async move { answer.await.unwrap_or(Err(EngineError::Closed)) }.boxed()
    }

    /// Has what is not to be read any more go, after a change that may have made it so, or will soon.
    async fn then_trim<T>(&self, change: BoxFuture<'_, Result<T, EngineError>>) -> Result<T, EngineError> {
        let done = change.await?;
        if let Some(writer) = &*self.writer.lock().unwrap_or_else(PoisonError::into_inner) {
            writer.upkeep.wake();
        }
        Ok(done)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.end();
    }
}

impl Engine for Sqlite {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn close(&self) {
        self.end();
    }

    fn rooms(&self) -> BoxFuture<'_, Result<Vec<(Room, u64)>, EngineError>> {
        self.readers.run_long(|connection| Ok(reader::rooms(connection)?)).boxed()
    }

    fn create_room(&self, settings: Settings) -> BoxFuture<'_, Result<(Room, WidgetKey), EngineError>> {
        self.submit(|reply| Job::CreateRoom { settings, key: widget_keys::random(), reply })
    }

    fn open_channel(&self, settings: Settings) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.submit(|reply| Job::OpenChannel { settings, reply })
    }

    fn remove_room(&self, room: RoomId) -> BoxFuture<'_, Result<(), EngineError>> {
        self.then_trim(self.submit(|reply| Job::RemoveRoom { room, reply })).boxed()
    }

    fn widget_keys(&self) -> BoxFuture<'_, Result<Vec<WidgetKey>, EngineError>> {
        self.readers.run_long(|connection| Ok(widget_keys::all(connection)?)).boxed()
    }

    fn create_widget_key(&self, new: NewWidgetKey) -> BoxFuture<'_, Result<WidgetKey, EngineError>> {
        self.submit(|reply| Job::CreateWidgetKey { new, key: widget_keys::random(), reply })
    }

    fn set_redirect_uris(&self, key: String, uris: RedirectUris) -> BoxFuture<'_, Result<WidgetKey, EngineError>> {
        self.submit(|reply| Job::SetRedirectUris { key, uris, reply })
    }

    fn revoke_widget_key(&self, key: String) -> BoxFuture<'_, Result<WidgetKey, EngineError>> {
        self.submit(|reply| Job::RevokeWidgetKey { key, reply })
    }

    fn set_state(&self, room: RoomId, state: RoomState) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.then_trim(self.submit(|reply| Job::SetState { room, state, reply })).boxed()
    }

    fn configure(&self, room: RoomId, change: SettingsChange, by: UserId) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.then_trim(self.submit(|reply| Job::Configure { room, change, by, reply })).boxed()
    }

    fn delete(&self, room: RoomId, deletion: Deletion) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.then_trim(self.submit(|reply| Job::Delete { room, deletion, reply })).boxed()
    }

    fn undo(&self, room: RoomId, of: u64, by: UserId) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.then_trim(self.submit(|reply| Job::Undo { room, of, by, reply })).boxed()
    }

    fn act(&self, room: RoomId, seq: u64) -> BoxFuture<'_, Result<Option<Event>, EngineError>> {
        self.readers.run(move |connection| reader::act(connection, room, seq)).boxed()
    }

    fn disconnect(&self, room: RoomId, disconnection: Disconnection) -> BoxFuture<'_, Result<Appended, EngineError>> {
        let kind = Box::new(Kind::Disconnection(disconnection));
        self.submit(|reply| Job::Tell { room, kind, reply })
    }

    fn tell(&self, room: RoomId, event: CustomEvent) -> BoxFuture<'_, Result<Appended, EngineError>> {
        let kind = Box::new(Kind::Custom(event));
        self.submit(|reply| Job::Tell { room, kind, reply })
    }

    fn sanction(&self, room: RoomId, sanction: Sanction) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.then_trim(self.submit(|reply| Job::Sanction { room, sanction, reply })).boxed()
    }

    fn react(&self, room: RoomId, react: React) -> BoxFuture<'_, Result<Reacted, EngineError>> {
        self.submit(|reply| Job::React { room, react, reply })
    }

    fn tell_reactions(&self, room: RoomId) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.submit(|reply| Job::TellReactions { room, reply })
    }

    fn messages(&self, room: RoomId, seqs: Vec<u64>) -> BoxFuture<'_, Result<Messages, EngineError>> {
        let trimmed = self.trimmed(room);
        self.readers.run(move |connection| reader::messages(connection, room, &seqs, trimmed)).boxed()
    }

    fn sanctions(&self) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        self.readers.run_long(reader::sanctions).boxed()
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<HeldName>, EngineError>> {
        self.readers.run_long(|connection| Ok(reader::names(connection)?)).boxed()
    }

    fn revoke(&self, revocation: Revocation) -> BoxFuture<'_, Result<(), EngineError>> {
        self.submit(|reply| Job::Revoke { revocation, reply })
    }

    fn revocations(&self) -> BoxFuture<'_, Result<Vec<Revocation>, EngineError>> {
        self.readers.run_long(|connection| Ok(reader::revocations(connection)?)).boxed()
    }

    fn keep_invitation(&self, invitation: Invitation) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.submit(|reply| Job::Invite { invitation, reply })
    }

    fn use_token(&self, _: RoomId, id: String, until: Timestamp) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.submit(|reply| Job::UseToken { id, until, reply })
    }

    fn is_token_used(&self, id: String) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.readers.run(move |connection| Ok(reader::is_token_used(connection, &id)?)).boxed()
    }

    fn invitations(&self) -> BoxFuture<'_, Result<Vec<Invitation>, EngineError>> {
        self.readers.run_long(|connection| Ok(reader::invitations(connection)?)).boxed()
    }

    fn begin_import(&self, settings: Settings) -> BoxFuture<'_, Result<RoomId, EngineError>> {
        self.submit(|reply| Job::BeginImport { settings, reply })
    }

    fn import(&self, room: RoomId, messages: Vec<Recorded>) -> BoxFuture<'_, Result<(), EngineError>> {
        self.submit(|reply| Job::Import { room, messages, reply })
    }

    fn finish_import(&self, room: RoomId) -> BoxFuture<'_, Result<(Room, WidgetKey, u64), EngineError>> {
        self.submit(|reply| Job::FinishImport { room, key: widget_keys::random(), lasted: None, reply })
    }

    fn abandon_import(&self, room: RoomId) {
        drop(self.submit(|reply| Job::AbandonImport { room, reply }));
    }

    fn append(&self, room: RoomId, entry: Entry) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.submit(|reply| Job::Append { room, entry, reply })
    }

    fn read(&self, query: Query) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        let after = query.after.max(self.trimmed(query.room));
        async move {
            let (end, mut all, mut rest) = (query.end, Vec::new(), Some(Query { after, ..query }));
            while let Some(query) = rest {
                let Page { mut events, rest: next } =
                    self.readers.run(move |connection| reader::events(connection, &query)).await?;
                if end == End::Newest {
                    std::mem::swap(&mut all, &mut events);
                }
                all.append(&mut events);
                rest = next;
            }
            Ok(all)
        }
        .boxed()
    }

    fn resolve(
        &self,
        room: RoomId,
        of: u64,
        outcome: Outcome,
        by: UserId,
        reason: String,
    ) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.then_trim(self.submit(|reply| Job::Resolve { room, of, outcome, by, reason, reply })).boxed()
    }

    fn held(&self, room: RoomId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        let after = after.max(self.trimmed(room));
        self.readers.run(move |connection| reader::held(connection, room, after, limit)).boxed()
    }

    fn has_spoken(&self, room: RoomId, user: UserId) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.readers.run(move |connection| Ok(reader::has_spoken(connection, room, &user)?)).boxed()
    }

    fn acts(&self, room: RoomId, before: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Act>, EngineError>> {
        self.readers.run(move |connection| reader::acts(connection, room, before, limit)).boxed()
    }

    fn deletion(&self, room: RoomId, seq: u64) -> BoxFuture<'_, Result<Option<Act>, EngineError>> {
        self.readers.run(move |connection| reader::deletion(connection, room, seq)).boxed()
    }

    fn search(&self, search: Search) -> BoxFuture<'_, Result<Hits, EngineError>> {
        async move {
            let room = search.room;
            for _ in 0..index::STEPS_BEFORE_SEARCH {
                let words = self.readers.run(move |connection| index::unindexed(connection, room)).await?;
                let Some(words) = words else { break };
                // What cannot be stored cannot be found: what can be is found all the same.
                if self.submit(|reply| Job::Index { words, reply }).await.is_err() {
                    break;
                }
            }
            let find = move |connection: &Connection| {
                Ok(Hits { not_searched: index::lag(connection, room)?, events: index::search(connection, &search)? })
            };
            self.readers.run_search(find).await
        }
        .boxed()
    }

    fn seq_before(&self, room: RoomId, at: Timestamp) -> BoxFuture<'_, Result<u64, EngineError>> {
        self.readers.run(move |connection| Ok(reader::seq_before(connection, room, at)?)).boxed()
    }

    fn trimmed(&self, room: RoomId) -> u64 {
        self.trimmed.of(room)
    }

    fn shown_interfaces(&self) -> BoxFuture<'_, Result<Vec<(RoomId, ShownInterface)>, EngineError>> {
        self.readers.run(|connection| Ok(interfaces::all(connection)?)).boxed()
    }

    fn show_interface(&self, room: RoomId, interface: Option<ShownInterface>) -> BoxFuture<'_, Result<(), EngineError>> {
        self.submit(|reply| Job::ShowInterface { room, interface, reply })
    }

    fn appearance(&self) -> BoxFuture<'_, Result<Appearance, EngineError>> {
        self.readers.run_long(|connection| Ok(appearance::get(connection)?)).boxed()
    }

    fn change_appearance(&self, change: AppearanceChange) -> BoxFuture<'_, Result<Appearance, EngineError>> {
        self.submit(|reply| Job::ChangeAppearance { change, reply })
    }

    fn webhooks(&self) -> BoxFuture<'_, Result<Vec<(Webhook, Cursors)>, EngineError>> {
        self.readers.run(|connection| Ok(reader::webhooks(connection)?)).boxed()
    }

    fn put_webhook(&self, webhook: Webhook, cursors: Cursors) -> BoxFuture<'_, Result<(), EngineError>> {
        self.submit(|reply| Job::PutWebhook { webhook: Box::new(webhook), cursors, reply })
    }

    fn note_deliveries(&self, id: WebhookId, standing: Standing, cursors: Cursors) -> BoxFuture<'_, Result<(), EngineError>> {
        self.submit(|reply| Job::NoteDeliveries { id, standing: Box::new(standing), cursors, reply })
    }

    fn remove_webhook(&self, id: WebhookId) -> BoxFuture<'_, Result<(), EngineError>> {
        self.submit(|reply| Job::RemoveWebhook { id, reply })
    }

    fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    fn warning(&self) -> Option<String> {
        self.jumps.warning()
    }

    fn fault(&self) -> Option<Fault> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let panicked = writer.as_ref().is_some_and(|writer| writer.thread.is_finished());
        if panicked { Some(Fault::Damaged("its writer panicked".into())) } else { self.health.fault() }
    }
}

/// Opens the database in `folder`, which must be there, to be read alone; with the folder's lock, unless the program runs on it.
fn open_to_read(folder: &Path) -> Result<(Connection, Option<File>), OpenError> {
    let path = folder.join(Sqlite::FILE);
    fs::metadata(&path).map_err(|source| OpenError::Folder { path: path.clone(), source })?;
    match lock(folder) {
        Ok(lock) => Ok((open_checked(folder, &path)?.0, Some(lock))),
        Err(OpenError::InUse(_)) => {
            let connection = check::read_only(&path).map_err(|source| OpenError::Database { path, source })?;
            Ok((connection, None))
        }
        Err(error) => Err(error),
    }
}

/// Opens the database in `folder` if everything that was acknowledged is in it. Changes nothing.
fn open_checked(folder: &Path, path: &Path) -> Result<(Connection, Lineage), OpenError> {
    let run_file = folder.join(run::FILE);
    let line = Line::read(&run_file)?;
    wal::check(path, &run_file)?;
    let emptied = fs::metadata(path).is_ok_and(|file| file.len() == 0);
    let connection = schema::open(path)?;
    let in_database = |source| OpenError::Database { path: path.to_owned(), source };
    let stored = reader::stored(&connection).map_err(in_database)?;
    let found = Found { connection: &connection, path, emptied, stored };
    let lineage = line.map_or(Ok(Lineage::Other), |line| line.lineage(found, &run_file))?;
    check::at_start(&connection, path)?;
    Ok((connection, lineage))
}

/// The log's name: a new one, which is kept, when this database is not the one that ran here last.
fn epoch(connection: &Connection, lineage: Lineage) -> rusqlite::Result<String> {
    let known = schema::meta(connection, "epoch")?;
    match (known, lineage) {
        (Some(epoch), Lineage::Same) => Ok(epoch),
        _ => schema::set_new_epoch(connection),
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let failed = |path: &Path, source| OpenError::Folder { path: path.to_owned(), source };
    private_file::create_folder(folder).map_err(|e| failed(folder, e))?;
    let path = folder.join("live-chat.lock");
    let file = private_file::open(&path).map_err(|e| failed(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(&path, source)),
    }
}
