//! Takes out of the stream what was deleted, what is past a room's retention, and the names and used tokens that are over.
//!
//! Each node does it, of all that its index knows: to take out what is gone already costs one question. The servers write over what is taken
//! out. The log by which servers of a cluster agree (Raft) holds it for some minutes more, until they have made a snapshot. How far it has come with the
//! deletions stands in a file; without it, it begins again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::Cluster;
use crate::{
    chat::{Event, Kind, RoomId, Timestamp},
    engine::{Engine, EngineError, Fault, News, now, private_file},
};

/// How long after a failure it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often it looks whether a room's retention has moved.
const EVERY: Duration = Duration::from_secs(10);

/// Entries whose end is waited for at once: more are read when some of them are over.
const EXPIRING: usize = 100_000;

/// The file's name in the data folder.
const FILE: &str = "live-chat-erased.json";

/// The rooms in which something was deleted.
#[derive(Default)]
pub(super) struct Deleted {
    rooms: Mutex<BTreeSet<RoomId>>,
    more: Notify,
}

impl Deleted {
    /// Looks whether something is to be taken out.
    pub(super) fn note(&self, news: &[News]) {
        let is_deletion = |event: &&Arc<Event>| matches!(event.kind, Kind::Deletion(_));
        let rooms: Vec<_> = news.iter().filter_map(News::event).filter(is_deletion).map(|event| event.room).collect();
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
            Ok(()) => EVERY,
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
            expiring: BTreeSet::new(),
            expiring_read: 0,
        }
    }

    async fn sweep(&mut self, cluster: &Cluster) -> Result<(), EngineError> {
        self.to_do.append(&mut cluster.deleted.rooms.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(&room) = self.to_do.first() {
            while let Some((deletion, places)) = self.next(cluster, room).await? {
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
            self.to_do.remove(&room);
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
        self.sweep_expired(cluster).await
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

    async fn next(&self, cluster: &Cluster, room: RoomId) -> Result<Option<(u64, Vec<u64>)>, EngineError> {
        let after = self.reached.get(&room).copied().unwrap_or(0);
        cluster.index.taken_out(room, after).await
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
