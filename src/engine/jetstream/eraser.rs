//! Takes out of the stream what was deleted, what is past a room's retention, and the names and used tokens that are over.
//!
//! What was deleted goes when that can be undone no longer: [`ERASED_AFTER`] after this node has heard of it, or has started, whatever the
//! clocks of machines say, and once its index has all that the log held then.
//!
//! Each node does it, of all that its index knows: to take out what is gone already costs one question. The servers write over what is taken
//! out. The log by which servers of a cluster agree (Raft) holds it for some minutes more, until they have made a snapshot. How far it has come with the
//! deletions stands in a file; without it, it begins again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::Cluster;
use crate::{
    chat::{Event, Kind, RoomId, Timestamp, UNDO_WINDOW},
    engine::{Engine, EngineError, Fault, News, now, private_file, sqlite::TakenOut},
};

/// How long after an act it counts as one that can no longer be undone. The servers stamp the entries, and the clocks of two of them may
/// differ a little.
const ERASED_AFTER: Duration = UNDO_WINDOW.saturating_add(Duration::from_secs(2));

/// How long it waits for the index to have what the log holds. Else it tries again.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(10);

/// How long after a failure it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often it looks whether a room's retention has moved.
const EVERY: Duration = Duration::from_secs(10);

/// Entries whose end is waited for at once: more are read when some of them are over.
const EXPIRING: usize = 100_000;

/// The file's name in the data folder.
const FILE: &str = "live-chat-erased.json";

/// The rooms in which something was deleted, or some other act can be undone.
#[derive(Default)]
pub(super) struct Deleted {
    rooms: Mutex<BTreeSet<RoomId>>,
    more: Notify,
}

impl Deleted {
    /// Looks whether something is to be taken out.
    pub(super) fn note(&self, news: &[News]) {
        let is_act = |event: &&Arc<Event>| {
            matches!(event.kind, Kind::Deletion(_) | Kind::Sanction(_) | Kind::Resolution(_) | Kind::Restore(_))
        };
        let rooms: Vec<_> = news.iter().filter_map(News::event).filter(is_act).map(|event| event.room).collect();
        if !rooms.is_empty() {
            self.rooms.lock().unwrap_or_else(PoisonError::into_inner).extend(rooms);
            self.more.notify_one();
        }
    }
}

/// Takes out what there is to be taken out, for as long as the node runs.
pub(super) async fn erase(cluster: Arc<Cluster>) {
    let mut eraser = Eraser::begin(&cluster).await;
    loop {
        let pause = match eraser.sweep(&cluster).await {
            Ok(()) => eraser.rest(),
            Err(error) => {
                tracing::warn!(%error, "what was deleted could not be taken out of the log yet");
                AGAIN_AFTER
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cluster.deleted.more.notified() => {}
        }
    }
}

struct Eraser {
    path: PathBuf,
    /// The newest deletion in each room whose messages are out of the stream.
    reached: BTreeMap<RoomId, u64>,
    /// Up to where what was said in each room was taken out in this run.
    purged: BTreeMap<RoomId, u64>,
    to_do: BTreeSet<RoomId>,
    /// The acts that can be undone, and when this node heard of them.
    undoable: HashMap<(RoomId, u64), Instant>,
    /// The entries that hold for a time only, as names and used tokens: when each is over, and its number.
    expiring: BTreeSet<(Timestamp, u64)>,
    /// The newest of them that was read.
    expiring_read: u64,
}

impl Eraser {
    async fn begin(cluster: &Cluster) -> Self {
        let path = cluster.folder.join(FILE);
        let reached = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let rooms = cluster.index.rooms().await.unwrap_or_default();
        Self {
            path,
            reached,
            purged: BTreeMap::new(),
            to_do: rooms.into_iter().map(|(room, _)| room.id).collect(),
            undoable: HashMap::new(),
            expiring: BTreeSet::new(),
            expiring_read: 0,
        }
    }

    async fn sweep(&mut self, cluster: &Cluster) -> Result<(), EngineError> {
        self.to_do.append(&mut cluster.deleted.rooms.lock().unwrap_or_else(PoisonError::into_inner));
        let settled = self.settle(cluster).await;
        for room in self.to_do.clone() {
            if self.erase_deleted(cluster, room).await? {
                self.to_do.remove(&room);
            }
        }
        for (room, _) in cluster.index.rooms().await? {
            let trimmed = cluster.index.trimmed(room.id);
            if trimmed > self.purged.get(&room.id).copied().unwrap_or(0) {
                let entry = match cluster.number_of(trimmed) {
                    None => cluster.index.last_copied(room.id, trimmed).await?,
                    entry => entry,
                };
                if let Some(entry) = entry {
                    cluster.log.erase_said(room.id, entry).await?;
                }
                self.purged.insert(room.id, trimmed);
            }
        }
        self.sweep_expired(cluster).await?;
        settled
    }

    /// Takes out what was deleted in a room for good. Whether that is all of it.
    async fn erase_deleted(&mut self, cluster: &Cluster, room: RoomId) -> Result<bool, EngineError> {
        loop {
            let after = self.reached.get(&room).copied().unwrap_or(0);
            let (deletion, places) = match cluster.index.taken_out(room, after).await? {
                TakenOut::Nothing => return Ok(true),
                TakenOut::NotYet => return Ok(false),
                TakenOut::ForGood { deletion, places } => (deletion, places),
            };
            for place in places {
                let entry = match cluster.number_of(place) {
                    None => cluster.index.entry_of_copied(room, place).await?,
                    entry => entry,
                };
                if let Some(entry) = entry {
                    cluster.log.erase(entry).await?;
                }
            }
            self.reached.insert(room, deletion);
            self.keep().map_err(|error| Fault::Unreachable(error.to_string().into()))?;
        }
    }

    /// Has the index let go of what can be undone no longer. Whatever undoes it is in the log before: the index must have that first.
    async fn settle(&mut self, cluster: &Cluster) -> Result<(), EngineError> {
        let (now, known) = (Instant::now(), cluster.index.undoable().await?);
        let heard = std::mem::take(&mut self.undoable);
        self.undoable = known.into_iter().map(|act| (act, heard.get(&act).copied().unwrap_or(now))).collect();
        let due: Vec<_> = self.undoable.iter().filter(|(_, at)| **at + ERASED_AFTER <= now).map(|(act, _)| *act).collect();
        if due.is_empty() {
            return Ok(());
        }
        let last = cluster.log.last().await?;
        let is_there = timeout(CAUGHT_UP_WITHIN, cluster.progress.reached(last)).await;
        is_there.map_err(|_| Fault::Unreachable("the index is far behind the log".into()))?;
        for (room, event) in due {
            cluster.index.settle(room, event).await?;
            self.undoable.remove(&(room, event));
        }
        Ok(())
    }

    /// How long there is nothing to do.
    fn rest(&self) -> Duration {
        let next = self.undoable.values().min().map(|at| *at + ERASED_AFTER);
        next.map_or(EVERY, |at| at.saturating_duration_since(Instant::now()).min(EVERY))
    }

    async fn sweep_expired(&mut self, cluster: &Cluster) -> Result<(), EngineError> {
        while self.expiring.len() < EXPIRING
            && let Some((number, until)) = cluster.log.next_expiring(self.expiring_read).await?
        {
            self.expiring.insert((until, number));
            self.expiring_read = number;
        }
        while let Some(&(until, number)) = self.expiring.first()
            && until <= now()
        {
            cluster.log.erase(number).await?;
            self.expiring.pop_first();
        }
        Ok(())
    }

    fn keep(&self) -> io::Result<()> {
        private_file::replace(&self.path, &serde_json::to_vec(&self.reached).expect("plain data"))
    }
}

/// Forgets how far it has come: the log is another one.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
