//! How a node comes to its log: connected, its index brought up to what there is, and what must be there made.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, jetstream::kv::Store};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};

use super::{
    JetStream, Nats, agreement,
    cluster::Cluster,
    command::Command,
    eraser, follower,
    interfaces::Interfaces,
    lease::Lease,
    log::Log,
    peers::NatsPeers,
    standing::{self, Standing},
    vault::Vault,
};
use crate::{
    chat::RoomId,
    engine::{
        Engine, EngineError, Fault, Guard, OpenError, Sink,
        sqlite::{self, Progress, Sqlite, random_widget_key},
    },
};

/// How long the servers may take to have everything ready at a start.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(1);

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
    /// Anybody who reaches the servers could read what they keep, the chat's secrets among it.
    #[error(
        "NATS at {servers} is on another machine and asks for no password, so that anybody who reaches it can read the chat's secrets: \
         name a user and a password (nats://user:password@host), or a file of credentials (--nats-credentials); \
         --nats-insecure accepts it as it is"
    )]
    Insecure {
        /// Where.
        servers: String,
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
            Self::Connect { .. } | Self::Insecure { .. } | Self::Credentials { .. } | Self::Copying(_) | Self::Index(_) => false,
        }
    }
}

impl JetStream {
    /// Connects to the log and catches up with it. The index is in `folder`, made if it is not there. If a `widget_key` is given, it
    /// opens every room, unless it was revoked or is tied to one. Nothing is dispatched before [`begin`](Engine::begin).
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
    pub(super) async fn connect(folder: &Path, nats: &Nats, sink: Sink, trims: bool) -> Result<Self, NatsError> {
        let client = nats.connect().await?;
        let Opened { vault, lease, state, log, epoch } = patiently(|| Opened::open(&client, folder, nats)).await?;
        let (begun, deleted) = (Arc::new(AtomicBool::new(false)), Arc::new(eraser::Deleted::default()));
        let (trim_requests, to_trim) = mpsc::unbounded_channel();
        let (index, progress) = open_index(folder, &epoch, &begun, &deleted, Arc::clone(&sink), trim_requests)?;
        let peers = Arc::new(NatsPeers::new(client.clone(), &nats.stream));
        let applied = progress.applied();
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
            handed: Arc::new(tokio::sync::Mutex::new(applied)),
            readings: Mutex::default(),
            changed: AtomicU64::new(applied),
            unread: AtomicU64::new(sqlite::standing(folder).and_then(|standing| standing.unread).map_or(0, |_| 1)),
            differences: AtomicU64::new(0),
            caught_up: watch::Sender::new(None),
            begun,
            closed: AtomicBool::new(false),
            floor: AtomicU64::new(floor),
        });
        let supervisor = cluster.index.supervisor().clone();
        let mut tasks = vec![
            tokio::spawn(supervised(supervisor.watch("the follower of the log"), follower::follow(Arc::clone(&cluster)))),
            tokio::spawn(supervised(supervisor.watch("the watch over the log"), standing::watch(Arc::clone(&cluster)))),
        ];
        if trims {
            tasks.push(tokio::spawn(supervised(supervisor.watch("retention"), trim(Arc::clone(&cluster), to_trim))));
        }
        let engine = Self {
            name: nats.stream.clone(),
            cluster,
            peers,
            interfaces: Arc::new(Interfaces::new(vault.bucket(), Arc::clone(&sink))),
            vault,
            lease,
            state,
            sink,
            runtime: Handle::current(),
            tasks: Mutex::new(tasks),
            pause: Mutex::default(),
        };
        engine.catch_up().await?;
        Ok(engine)
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
}

/// Asks the servers at a start. While they choose their leaders, or other nodes make what is asked for, they may not answer: they are
/// asked again.
pub(super) async fn patiently<T, F: Future<Output = Result<T, NatsError>>>(ask: impl Fn() -> F) -> Result<T, NatsError> {
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

/// What there is of the cluster on the servers.
struct Opened {
    vault: Arc<Vault>,
    lease: Arc<Lease>,
    state: Store,
    log: Log,
    epoch: String,
}

impl Opened {
    async fn open(client: &Client, folder: &Path, nats: &Nats) -> Result<Self, NatsError> {
        let context = Log::context(client.clone());
        let vault = Arc::new(Vault::open(&context, nats).await?);
        let lease = Lease::open(&context, nats).await?;
        let state = agreement::open(&context, nats).await?;
        let log = Log::open(context, nats).await?;
        let epoch = lineage(&log, folder).await?;
        Ok(Self { vault, lease, state, log, epoch })
    }
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
        if let Some(number) = standing.unread
            && log.can_read(number).await.map_err(failed)?
        {
            tracing::warn!(number, "an entry that was passed over can be read now: the index is made anew");
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
pub(super) async fn is_behind(log: &Log, number: u64) -> bool {
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
        if let Err(error) = cluster.log.publish(&command.id(), &command, || true).await {
            tracing::warn!(%room, %error, "what is past a room's retention could not be told");
        }
    }
}

/// Does a task's work within its guard.
async fn supervised(_guard: Guard, work: impl Future<Output = ()>) {
    work.await;
}
