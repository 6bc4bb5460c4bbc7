//! The engine on several machines: the log is a stream of NATS JetStream, and each node holds an index of it.
//!
//! The stream holds *commands*, in the one order that JetStream gives them. Every node reads each of them once and has its index carry
//! it out by the very jobs of the [`Sqlite`] engine: what a command does depends on what was before it and on its own place and
//! time, so that all nodes come to the same events, places and answers without a word between them. A rule that needs an order, such as that
//! nothing is said in a room that has ended, holds as it does on one machine. Whoever asked is answered by their own node when the servers have
//! acknowledged the command and the index has it.
//!
//! The place of an event is its command's number in the stream, times eight, and one more for each event before it of the same
//! command: it can be told without the events before it. That is what lets words be erased from the stream, one by one or by a room's
//! retention (`eraser`), and an index be made again from what is left. What was said and what was done have subjects of
//! their own: only the first goes.
//!
//! The index is a file in the data folder which may be deleted while the node is stopped. `follower` reads the log into it, `standing`
//! watches whether the servers answer, `peers` carries what nodes tell each other and nobody keeps, and `vault` what all of them share.

mod command;
mod copy;
mod eraser;
mod follower;
mod lease;
mod log;
mod nats;
mod peers;
mod standing;
mod vault;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::Client;
use futures::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{OwnedMutexGuard, mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

pub use self::nats::{InvalidServers, Nats, NatsServers};
use self::{
    command::{Asker, Command, Kept},
    lease::Lease,
    log::Log,
    peers::NatsPeers,
    standing::Standing,
    vault::Vault,
};
use super::{
    Act, Appended, Cursors, Engine, EngineError, Entry, Fault, HeldName, Hits, Messages, News, OpenError, Peers, Query, React,
    Reacted, Search, Sink, Standing as DeliveryStanding, Webhook, WebhookId,
    sqlite::{self, Progress, Sqlite, random_widget_key},
};
use crate::chat::{
    CustomEvent, Deleted, Deletion, Disconnection, Event, Invitation, NewWidgetKey, Outcome, Recorded, Revocation, Room, RoomId,
    RoomState, Sanction, Settings, SettingsChange, Timestamp, UserId, WidgetKey,
};

/// Events that one command makes at most: a ban declines [all that waits](crate::chat::HELD_OF_AUTHOR) of somebody.
const EVENTS_OF_ONE: u64 = 8;

/// How long the index may take to have what was acknowledged, before whoever asked is told that it is not known.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(10);

/// How long a node that closes waits until it has given up the lead.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(1);

/// How long the servers may take to have everything ready at a start.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often a message is stored again whose first attempt was refused.
const ATTEMPTS: usize = 3;

/// Why the log of a cluster could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// No server can be reached.
    #[error("NATS cannot be reached at {servers}: {cause}")]
    Connect {
        /// Where.
        servers: String,
        /// Why.
        cause: String,
    },
    /// The credentials cannot be used.
    #[error("the credentials in {path} cannot be used: {source}")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The stream cannot be used. As many servers as there are to be replicas must run JetStream.
    #[error("the stream {name:?} of NATS cannot be used: {cause}")]
    Stream {
        /// Its name.
        name: String,
        /// Why.
        cause: String,
    },
    /// What all nodes share cannot be read.
    #[error("the bucket {name:?} of NATS cannot be used: {cause}")]
    Bucket {
        /// Its name.
        name: String,
        /// Why.
        cause: String,
    },
    /// It is not whole yet.
    #[error("a log is being copied into the stream {0:?}: run `live-chat copy` again, until it is done")]
    Copying(String),
    /// The index cannot be opened.
    #[error(transparent)]
    Index(#[from] OpenError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] EngineError),
}

impl NatsError {
    /// Whether the servers may answer otherwise in a while.
    fn may_pass(&self) -> bool {
        match self {
            Self::Stream { .. } | Self::Bucket { .. } => true,
            Self::Log(error) => matches!(error, EngineError::Fault(Fault::Unreachable(_))),
            Self::Connect { .. } | Self::Credentials { .. } | Self::Copying(_) | Self::Index(_) => false,
        }
    }
}

/// The log of a cluster, as one of its nodes has it.
pub struct JetStream {
    /// The stream's name.
    name: String,
    cluster: Arc<Cluster>,
    peers: Arc<NatsPeers>,
    vault: Arc<Vault>,
    lease: Arc<Lease>,
    /// Who is told what is new.
    sink: Sink,
    runtime: Handle,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Held from the end of the opening until the hub knows all that there is.
    pause: Mutex<Option<OwnedMutexGuard<u64>>>,
}

/// What the parts of a node share.
struct Cluster {
    folder: PathBuf,
    client: Client,
    log: Log,
    index: Sqlite,
    progress: Arc<Progress>,
    standing: Standing,
    deleted: Arc<eraser::Deleted>,
    /// Who waits for which entry. A standard lock: held to put in or to take out.
    askers: Mutex<HashMap<String, Asker>>,
    /// The newest entry that was handed to the index; held while one is.
    handed: Arc<tokio::sync::Mutex<u64>>,
    /// An entry that nothing followed when it was handed over.
    caught_up: watch::Sender<Option<u64>>,
    begun: Arc<AtomicBool>,
    closed: AtomicBool,
    /// The places that events of another log have, which were copied into this one, are not beyond.
    floor: AtomicU64,
}

/// What came of a command.
enum Came<T> {
    /// Its answer, and the number of its entry.
    Answer(Result<T, EngineError>, u64),
    /// Another of the same id was there before, with that number.
    Repeat(u64),
}

impl JetStream {
    /// Connects to the log and catches up with it. The index is in `folder`, made if it is not there. If a `widget_key` is given, it
    /// is one of room 1's, unless it was revoked. Nothing is dispatched before [`begin`](Engine::begin).
    ///
    /// # Errors
    /// See [`NatsError`].
    pub async fn open(folder: &Path, nats: &Nats, widget_key: Option<&str>, sink: Sink) -> Result<Self, NatsError> {
        let engine = Self::connect(folder, nats, sink, true).await?;
        if engine.cluster.index.copying().await?.is_some_and(|copying| !copying.is_done) {
            return Err(NatsError::Copying(nats.stream.clone()));
        }
        engine.prepare(widget_key).await?;
        let pause = Arc::clone(&engine.cluster.handed).lock_owned().await;
        engine.cluster.progress.reached(*pause).await;
        *engine.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(pause);
        Ok(engine)
    }

    /// Connects to the log and catches up with it. What is past a room's retention is taken out if it `trims`.
    async fn connect(folder: &Path, nats: &Nats, sink: Sink, trims: bool) -> Result<Self, NatsError> {
        let client = nats.connect().await?;
        let OpenedLog { vault, lease, log, epoch } = patiently(|| open_log(&client, folder, nats)).await?;
        let (begun, deleted) = (Arc::new(AtomicBool::new(false)), Arc::new(eraser::Deleted::default()));
        let (trim_requests, to_trim) = mpsc::unbounded_channel();
        let (index, progress) = open_index(folder, &epoch, &begun, &deleted, Arc::clone(&sink), trim_requests)?;
        let peers = Arc::new(NatsPeers::new(client.clone(), &nats.stream));
        let handed = Arc::new(tokio::sync::Mutex::new(progress.applied()));
        let floor = index.copying().await?.map_or(0, |copying| copying.floor);
        let cluster = Arc::new(Cluster {
            folder: folder.to_owned(),
            client,
            log,
            index,
            progress,
            standing: Standing::default(),
            deleted,
            askers: Mutex::default(),
            handed,
            caught_up: watch::Sender::new(None),
            begun,
            closed: AtomicBool::new(false),
            floor: AtomicU64::new(floor),
        });
        let mut tasks =
            vec![tokio::spawn(follower::follow(Arc::clone(&cluster))), tokio::spawn(standing::watch(Arc::clone(&cluster)))];
        if trims {
            tasks.push(tokio::spawn(trim(Arc::clone(&cluster), to_trim)));
        }
        let engine = Self {
            name: nats.stream.clone(),
            cluster,
            peers,
            vault,
            lease,
            sink,
            runtime: Handle::current(),
            tasks: Mutex::new(tasks),
            pause: Mutex::default(),
        };
        engine.catch_up().await?;
        Ok(engine)
    }

    /// The secret that all nodes share under that name, if there is one.
    ///
    /// # Errors
    /// [`NatsError::Bucket`].
    pub async fn shared(&self, name: &str) -> Result<Option<String>, NatsError> {
        patiently(|| self.vault.shared(name)).await
    }

    /// Shares a secret with all nodes under that name, unless there is one, and gives the one that they share.
    ///
    /// # Errors
    /// [`NatsError::Bucket`].
    pub async fn share(&self, name: &str, secret: &str) -> Result<String, NatsError> {
        patiently(|| self.vault.share(name, secret)).await
    }

    /// Waits until the index has all that there is.
    async fn catch_up(&self) -> Result<(), NatsError> {
        let mut caught_up = self.cluster.caught_up.subscribe();
        let all_is_there = async {
            // It fails when the sender is gone, which is here.
            let last = caught_up.wait_for(Option::is_some).await.ok().and_then(|last| *last);
            self.cluster.progress.reached(last.unwrap_or(0)).await;
        };
        let mut all_is_there = std::pin::pin!(all_is_there);
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        ticks.tick().await;
        loop {
            tokio::select! {
                () = &mut all_is_there => return Ok(()),
                _ = ticks.tick() => {
                    let (applied, newest) = (self.cluster.progress.applied(), self.cluster.standing.newest());
                    tracing::info!(applied, newest, "the index is made from the log");
                    if let Some(fault @ Fault::Damaged(_)) = self.fault() {
                        return Err(NatsError::Log(fault.into()));
                    }
                }
            }
        }
    }

    /// Makes what there must be, and what was left undone.
    async fn prepare(&self, widget_key: Option<&str>) -> Result<(), NatsError> {
        let index = &self.cluster.index;
        let known = index.widget_keys().await?;
        let is_known = widget_key.is_none_or(|key| known.iter().any(|known| known.key == key));
        if index.rooms().await?.is_empty() || !is_known {
            let configured = widget_key.map(str::to_owned);
            self.ask::<()>(Command::FirstRoom { configured, key: random_widget_key() }).await?;
        }
        for room in index.untold().await? {
            self.ask::<bool>(Command::TellReactions { room }).await?;
        }
        Ok(())
    }

    /// Another node need not wait for the end of the lease.
    fn give_up_the_lead(&self) {
        let (done, is_done) = std::sync::mpsc::channel();
        let lease = Arc::clone(&self.lease);
        self.runtime.spawn(async move {
            lease.give_up().await;
            // It is not waited for any more.
            let _ = done.send(());
        });
        // Without an answer it ends by itself.
        let _ = is_done.recv_timeout(GIVEN_UP_WITHIN);
    }

    /// Has the hub know at once what was changed of the webhooks; other nodes hear of it by the bucket.
    async fn and_tell(&self, change: impl Future<Output = Result<(), EngineError>>) -> Result<(), EngineError> {
        change.await?;
        (self.sink)(&[News::Webhooks]);
        Ok(())
    }

    /// Has a command carried out, whether or not its asker waits for it.
    fn ask<T: Send + 'static>(&self, command: Command) -> BoxFuture<'static, Result<T, EngineError>> {
        let cluster = Arc::clone(&self.cluster);
        let asked = self.runtime.spawn(async move { cluster.carry_out(command).await });
        async move { asked.await.unwrap_or(Err(EngineError::Closed)) }.boxed()
    }
}

impl Cluster {
    /// Stores a command and gives the answer to it.
    async fn carry_out<T: Send + 'static>(&self, command: Command) -> Result<T, EngineError> {
        match self.store(command.id(), &command).await? {
            Came::Answer(answer, number) => {
                let is_refused = answer.as_ref().is_err_and(is_refusal);
                self.forget_refused(&command, is_refused, number).await;
                answer
            }
            // Nothing else is called so.
            Came::Repeat(_) => Err(not_known()),
        }
    }

    /// Stores a message, unless it is there. Its author's name is an entry of its own, which stays when the message is erased.
    async fn append(&self, room: RoomId, mut entry: Entry) -> Result<Appended, EngineError> {
        if let Some(claim) = entry.name.take() {
            self.carry_out::<()>(Command::Claim { room, user: entry.author.clone(), claim }).await?;
        }
        let command = Command::Append { room, entry: entry.clone() };
        let mut id = command.id();
        for _ in 0..ATTEMPTS {
            match self.store::<Appended>(id.clone(), &command).await? {
                Came::Answer(answer, number) => {
                    // A repeat may be one that only the index has recognized: if the first is deleted, this must not take its place.
                    let is_for_nothing = match &answer {
                        Ok(appended) => self.number_of(appended.seq) != Some(number),
                        Err(error) => is_refusal(error),
                    };
                    self.forget_refused(&command, is_for_nothing, number).await;
                    return answer;
                }
                Came::Repeat(number) => match self.index.repeated(room, entry.clone()).await? {
                    Some(appended) => return Ok(appended),
                    // The first one was refused, which it need not be now.
                    None => id = format!("{id} {number}"),
                },
            }
        }
        Err(not_known())
    }

    async fn store<T: Send + 'static>(&self, id: String, command: &Command) -> Result<Came<T>, EngineError> {
        self.check()?;
        let (reply, answer) = oneshot::channel();
        self.askers().insert(id.clone(), Asker::new::<T>(reply));
        let number = self.log.publish(&id, command).await.inspect_err(|_| drop(self.askers().remove(&id)))?;
        let answered = self.answer(number, answer).await;
        self.askers().remove(&id);
        answered
    }

    /// Waits until the index has the entry.
    async fn answer<T>(
        &self,
        number: u64,
        mut answer: oneshot::Receiver<Result<T, EngineError>>,
    ) -> Result<Came<T>, EngineError> {
        if timeout(FOLLOWED_WITHIN, self.progress.reached(number)).await.is_err() {
            return Err(not_known());
        }
        match answer.try_recv() {
            Ok(answer) => Ok(Came::Answer(answer, number)),
            // It was stored before, or somebody else waits for the same.
            Err(_) => Ok(Came::Repeat(number)),
        }
    }

    /// What was refused leaves no words behind, and is not done after all where an index is made again.
    async fn forget_refused(&self, command: &Command, is_refused: bool, number: u64) {
        if is_refused && command.belongs_to().1 == Kept::Said {
            // What was refused stays so, whatever becomes of this.
            if let Err(error) = self.log.erase(number).await {
                tracing::warn!(number, %error, "a refused entry stays in the log");
            }
        }
    }

    /// Stores messages that are imported, in this order.
    async fn import(&self, room: RoomId, messages: Vec<Recorded>) -> Result<(), EngineError> {
        self.check()?;
        let commands = messages.into_iter().map(|message| Command::Import { room, message });
        match self.log.publish_all(commands).await? {
            Some(last) => timeout(FOLLOWED_WITHIN, self.progress.reached(last)).await.map_err(|_| not_known()),
            None => Ok(()),
        }
    }

    /// Deletes what there is to be deleted. A deletion is stored only of a message that this node has seen.
    async fn delete(&self, room: RoomId, deletion: Deletion) -> Result<Appended, EngineError> {
        if let Deleted::Message(seq) = deletion.of {
            let number = self.number_of(seq).unwrap_or(0);
            if number > self.progress.applied() && self.standing.may_have(number) {
                // Another node has seen it. If this one does not in time, it is unknown here.
                let _ = timeout(FOLLOWED_WITHIN, self.progress.reached(number)).await;
            }
            if let Some(done) = self.index.deleted(room, seq).await? {
                return Ok(done);
            }
        }
        self.carry_out(Command::Delete { room, deletion }).await
    }

    /// The place of the first event of an entry, unless its room is further.
    fn first_seq(&self, number: u64) -> u64 {
        self.floor.load(Ordering::Acquire) + number * EVENTS_OF_ONE
    }

    /// The number of the entry that an event comes from; `None` if it was copied from another log.
    fn number_of(&self, seq: u64) -> Option<u64> {
        let floor = self.floor.load(Ordering::Acquire);
        (seq > floor).then(|| (seq - floor) / EVENTS_OF_ONE)
    }

    /// Whether anything can be stored.
    fn check(&self) -> Result<(), EngineError> {
        match self.fault() {
            _ if self.closed.load(Ordering::Acquire) => Err(EngineError::Closed),
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }

    fn fault(&self) -> Option<Fault> {
        self.standing.fault().or_else(|| self.index.fault())
    }

    /// Who waits for that entry here.
    fn asker(&self, id: &str) -> Asker {
        self.askers().remove(id).unwrap_or_else(Asker::nobody)
    }

    fn askers(&self) -> std::sync::MutexGuard<'_, HashMap<String, Asker>> {
        self.askers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether the log ends before an entry that was read of it, also a while later: a server that has just become the leader may
    /// not know at once.
    async fn is_still_behind(&self, number: u64) -> bool {
        is_behind(&self.log, number).await
    }
}

/// Asks the servers at a start. While they choose their leaders, or other nodes make what is asked for, they may not answer: they are
/// asked again.
async fn patiently<T, F: Future<Output = Result<T, NatsError>>>(ask: impl Fn() -> F) -> Result<T, NatsError> {
    let began = tokio::time::Instant::now();
    loop {
        match ask().await {
            Err(error) if error.may_pass() && began.elapsed() < ANSWERED_WITHIN => {
                tracing::warn!(%error, "asked again");
                tokio::time::sleep(ASKED_AGAIN_AFTER).await;
            }
            done => return done,
        }
    }
}

/// What the servers have for a node.
struct OpenedLog {
    vault: Arc<Vault>,
    lease: Arc<Lease>,
    log: Log,
    epoch: String,
}

async fn open_log(client: &Client, folder: &Path, nats: &Nats) -> Result<OpenedLog, NatsError> {
    let context = Log::context(client.clone());
    let vault = Arc::new(Vault::open(&context, nats).await?);
    let lease = Lease::open(&context, nats).await?;
    let log = Log::open(context, nats).await?;
    let epoch = lineage(&log, folder).await?;
    Ok(OpenedLog { vault, lease, log, epoch })
}

/// The epoch of the log. An index in `folder` that does not belong to it is removed; one that is further than the log shows that the
/// log has lost something, and gives it another epoch.
async fn lineage(log: &Log, folder: &Path) -> Result<String, NatsError> {
    let failed = |fault: Fault| NatsError::Log(fault.into());
    let discard = || {
        eraser::forget(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        sqlite::discard(folder)
    };
    loop {
        let last = log.info().await.map_err(failed)?.state.last_sequence;
        let Some(epoch) = log.epoch().await.map_err(failed)? else {
            // Of several nodes that begin, one is the first.
            log.publish_after(last, &Command::Epoch(new_epoch())).await.map_err(failed)?;
            continue;
        };
        let Some(standing) = sqlite::standing(folder) else {
            discard()?;
            return Ok(epoch);
        };
        if standing.epoch != epoch {
            tracing::warn!(folder = %folder.display(), "the index is of another log, and is made anew");
            discard()?;
            return Ok(epoch);
        }
        let id = log.id_of(standing.applied).await.map_err(failed)?;
        let is_other = id.is_some_and(|id| id != standing.id);
        if !is_other && (standing.applied <= last || !is_behind(log, standing.applied).await) {
            return Ok(epoch);
        }
        tracing::error!(applied = standing.applied, last, "the log is not the one that was read here: it gets another epoch");
        log.publish_after(last, &Command::Epoch(new_epoch())).await.map_err(failed)?;
    }
}

/// Whether the log ends before that entry, and stays so for ten seconds.
async fn is_behind(log: &Log, number: u64) -> bool {
    for _ in 0..10 {
        if log.info().await.is_ok_and(|info| info.state.last_sequence >= number) {
            return false;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    true
}

/// 12 random characters of `[0-9a-f]`.
fn new_epoch() -> String {
    let mut name = uuid::Uuid::new_v4().simple().to_string();
    name.truncate(12);
    name
}

/// Opens the index. One that is damaged is made anew.
fn open_index(
    folder: &Path,
    epoch: &str,
    begun: &Arc<AtomicBool>,
    deleted: &Arc<eraser::Deleted>,
    sink: Sink,
    trims: mpsc::UnboundedSender<(RoomId, u64)>,
) -> Result<(Sqlite, Arc<Progress>), OpenError> {
    let (begun, deleted) = (Arc::clone(begun), Arc::clone(deleted));
    let sink: Sink = Arc::new(move |news| {
        if begun.load(Ordering::Acquire) {
            sink(news);
        }
        deleted.note(news);
    });
    let open = || {
        let trims = trims.clone();
        let trim = Box::new(move |room, to| {
            // It is not heard any more when the engine ends.
            let _ = trims.send((room, to));
        });
        Sqlite::open_index(folder, epoch.to_owned(), Arc::clone(&sink), trim)
    };
    match open() {
        Err(error @ (OpenError::Database { .. } | OpenError::Damaged { .. } | OpenError::Truncated { .. })) => {
            tracing::warn!(%error, "the index is made anew");
            sqlite::discard(folder)?;
            open()
        }
        opened => opened,
    }
}

/// Tells all nodes what is past a room's retention.
async fn trim(cluster: Arc<Cluster>, mut to_trim: mpsc::UnboundedReceiver<(RoomId, u64)>) {
    while let Some((room, to)) = to_trim.recv().await {
        let command = Command::Trim { room, to };
        if let Err(error) = cluster.log.publish(&command.id(), &command).await {
            tracing::warn!(%room, %error, "what is past a room's retention could not be told");
        }
    }
}

/// Whether it was decided, in the order of the log, that something is not done.
fn is_refusal(error: &EngineError) -> bool {
    !matches!(error, EngineError::Fault(_) | EngineError::Closed)
}

/// What is said where something may be stored or not. Whoever repeats it is answered as the first was.
fn not_known() -> EngineError {
    Fault::Unreachable("whether it was stored is not known yet".into()).into()
}

impl Drop for JetStream {
    fn drop(&mut self) {
        self.close();
    }
}

impl Engine for JetStream {
    fn epoch(&self) -> &str {
        self.cluster.index.epoch()
    }

    fn begin(&self) {
        self.cluster.begun.store(true, Ordering::Release);
        drop(self.pause.lock().unwrap_or_else(PoisonError::into_inner).take());
        let sink = Arc::clone(&self.sink);
        let begun = [
            self.runtime.spawn(eraser::erase(Arc::clone(&self.cluster))),
            self.runtime.spawn(Arc::clone(&self.lease).seek()),
            self.runtime.spawn(Arc::clone(&self.vault).watch(move || sink(&[News::Webhooks]))),
        ];
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(begun);
    }

    fn close(&self) {
        if self.cluster.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|task| task.abort());
        self.give_up_the_lead();
        self.peers.stop();
        self.cluster.index.close();
    }

    fn rooms(&self) -> BoxFuture<'_, Result<Vec<(Room, u64)>, EngineError>> {
        self.cluster.index.rooms()
    }

    fn create_room(&self, settings: Settings) -> BoxFuture<'_, Result<(Room, WidgetKey), EngineError>> {
        self.ask(Command::CreateRoom { settings, key: random_widget_key() })
    }

    fn widget_keys(&self) -> BoxFuture<'_, Result<Vec<WidgetKey>, EngineError>> {
        self.cluster.index.widget_keys()
    }

    fn create_widget_key(&self, new: NewWidgetKey) -> BoxFuture<'_, Result<WidgetKey, EngineError>> {
        self.ask(Command::CreateWidgetKey { new, key: random_widget_key() })
    }

    fn revoke_widget_key(&self, key: String) -> BoxFuture<'_, Result<WidgetKey, EngineError>> {
        self.ask(Command::RevokeWidgetKey { key })
    }

    fn set_state(&self, room: RoomId, state: RoomState) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.ask(Command::SetState { room, state })
    }

    fn begin_import(&self, settings: Settings) -> BoxFuture<'_, Result<RoomId, EngineError>> {
        self.ask(Command::BeginImport { settings })
    }

    fn import(&self, room: RoomId, messages: Vec<Recorded>) -> BoxFuture<'_, Result<(), EngineError>> {
        let cluster = Arc::clone(&self.cluster);
        let asked = self.runtime.spawn(async move { cluster.import(room, messages).await });
        async move { asked.await.unwrap_or(Err(EngineError::Closed)) }.boxed()
    }

    fn finish_import(&self, room: RoomId) -> BoxFuture<'_, Result<(Room, WidgetKey, u64), EngineError>> {
        self.ask(Command::FinishImport { room, key: random_widget_key() })
    }

    fn abandon_import(&self, room: RoomId) {
        drop(self.ask::<()>(Command::AbandonImport { room }));
    }

    fn append(&self, room: RoomId, entry: Entry) -> BoxFuture<'_, Result<Appended, EngineError>> {
        let cluster = Arc::clone(&self.cluster);
        let asked = self.runtime.spawn(async move { cluster.append(room, entry).await });
        async move { asked.await.unwrap_or(Err(EngineError::Closed)) }.boxed()
    }

    fn resolve(
        &self,
        room: RoomId,
        of: u64,
        outcome: Outcome,
        by: UserId,
        reason: String,
    ) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Resolve { room, of, outcome, by, reason })
    }

    fn held(&self, room: RoomId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        self.cluster.index.held(room, after, limit)
    }

    fn has_spoken(&self, room: RoomId, user: UserId) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.cluster.index.has_spoken(room, user)
    }

    fn configure(&self, room: RoomId, change: SettingsChange, by: UserId) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.ask(Command::Configure { room, change, by })
    }

    fn delete(&self, room: RoomId, deletion: Deletion) -> BoxFuture<'_, Result<Appended, EngineError>> {
        let cluster = Arc::clone(&self.cluster);
        let asked = self.runtime.spawn(async move { cluster.delete(room, deletion).await });
        async move { asked.await.unwrap_or(Err(EngineError::Closed)) }.boxed()
    }

    fn disconnect(&self, room: RoomId, disconnection: Disconnection) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Disconnect { room, disconnection })
    }

    fn tell(&self, room: RoomId, event: CustomEvent) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Tell { room, event })
    }

    fn sanction(&self, room: RoomId, sanction: Sanction) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Sanction { room, sanction })
    }

    fn react(&self, room: RoomId, react: React) -> BoxFuture<'_, Result<Reacted, EngineError>> {
        self.ask(Command::React { room, react })
    }

    fn tell_reactions(&self, room: RoomId) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.ask(Command::TellReactions { room })
    }

    fn messages(&self, room: RoomId, seqs: Vec<u64>) -> BoxFuture<'_, Result<Messages, EngineError>> {
        self.cluster.index.messages(room, seqs)
    }

    fn sanctions(&self) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        self.cluster.index.sanctions()
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<HeldName>, EngineError>> {
        self.cluster.index.names()
    }

    fn revoke(&self, revocation: Revocation) -> BoxFuture<'_, Result<(), EngineError>> {
        self.ask(Command::Revoke(revocation))
    }

    fn revocations(&self) -> BoxFuture<'_, Result<Vec<Revocation>, EngineError>> {
        self.cluster.index.revocations()
    }

    fn keep_invitation(&self, invitation: Invitation) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.ask(Command::Invite(invitation))
    }

    fn invitations(&self) -> BoxFuture<'_, Result<Vec<Invitation>, EngineError>> {
        self.cluster.index.invitations()
    }

    fn read(&self, query: Query) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        self.cluster.index.read(query)
    }

    fn acts(&self, room: RoomId, before: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Act>, EngineError>> {
        self.cluster.index.acts(room, before, limit)
    }

    fn deletion(&self, room: RoomId, seq: u64) -> BoxFuture<'_, Result<Option<Act>, EngineError>> {
        self.cluster.index.deletion(room, seq)
    }

    fn search(&self, search: Search) -> BoxFuture<'_, Result<Hits, EngineError>> {
        self.cluster.index.search(search)
    }

    fn seq_before(&self, room: RoomId, at: Timestamp) -> BoxFuture<'_, Result<u64, EngineError>> {
        self.cluster.index.seq_before(room, at)
    }

    fn trimmed(&self, room: RoomId) -> u64 {
        self.cluster.index.trimmed(room)
    }

    fn webhooks(&self) -> BoxFuture<'_, Result<Vec<(Webhook, Cursors)>, EngineError>> {
        self.vault.webhooks().boxed()
    }

    fn put_webhook(&self, webhook: Webhook, cursors: Cursors) -> BoxFuture<'_, Result<(), EngineError>> {
        self.and_tell(self.vault.put_webhook(webhook, cursors)).boxed()
    }

    fn note_deliveries(
        &self,
        id: WebhookId,
        standing: DeliveryStanding,
        cursors: Cursors,
    ) -> BoxFuture<'_, Result<(), EngineError>> {
        self.vault.note_deliveries(id, standing, cursors).boxed()
    }

    fn remove_webhook(&self, id: WebhookId) -> BoxFuture<'_, Result<(), EngineError>> {
        self.and_tell(self.vault.remove_webhook(id)).boxed()
    }

    fn fault(&self) -> Option<Fault> {
        self.cluster.fault()
    }

    fn is_ahead(&self, seq: u64) -> bool {
        let number = self.cluster.number_of(seq);
        number.is_some_and(|number| number > self.cluster.progress.applied() && self.cluster.standing.may_have(number))
    }

    fn leads(&self) -> watch::Receiver<bool> {
        self.lease.leads()
    }

    fn peers(&self) -> Option<Arc<dyn Peers>> {
        Some(Arc::clone(&self.peers) as Arc<dyn Peers>)
    }
}
