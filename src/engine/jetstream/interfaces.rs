//! What the games of the rooms show, in the bucket that all nodes share: it changes often, and only the newest counts.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::jetstream::kv::Store;
use futures::{StreamExt, TryStreamExt};

use super::log::unreachable;
use crate::{
    chat::{RoomId, ShownInterface},
    engine::{EngineError, News, Sink},
};

/// How long after a watch has ended the next begins.
const WATCHED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the keys begin with. The number of the room follows.
const PREFIX: &str = "interface.";

/// The interfaces of all rooms, each under a key of its own. An empty value stands for nothing: its revision orders it among the others.
pub(super) struct Interfaces {
    bucket: Store,
    sink: Sink,
    /// The newest revision that this node knows of each room. A standard lock: held while the sink is called, which returns soon.
    told: Mutex<HashMap<RoomId, u64>>,
}

impl Interfaces {
    /// Keeps the interfaces in `bucket`, and has `sink` hear of changes.
    pub(super) fn new(bucket: Store, sink: Sink) -> Self {
        Self { bucket, sink, told: Mutex::default() }
    }

    /// Returns what is shown in each room where something is.
    pub(super) async fn all(&self) -> Result<Vec<(RoomId, ShownInterface)>, EngineError> {
        let keys = self.bucket.keys().await.map_err(|error| unreachable(&error))?;
        let keys: Vec<String> = keys.try_collect().await.map_err(|error| unreachable(&error))?;
        let mut all = Vec::new();
        for (room, key) in keys.iter().filter_map(|key| Some((room_of(key)?, key))) {
            let value = self.bucket.get(key).await.map_err(|error| unreachable(&error))?;
            all.extend(value.and_then(|value| read(room, &value)).map(|interface| (room, interface)));
        }
        all.sort_unstable_by_key(|(room, _)| *room);
        Ok(all)
    }

    /// Keeps what is shown in a room from now on; `None` for nothing.
    pub(super) async fn put(&self, room: RoomId, interface: Option<ShownInterface>) -> Result<(), EngineError> {
        let text = interface.as_ref().map_or("", ShownInterface::get).to_owned();
        let revision = self.bucket.put(format!("{PREFIX}{room}"), text.into()).await.map_err(|error| unreachable(&error))?;
        self.tell(room, revision, interface);
        Ok(())
    }

    /// Tells what is shown from now on, whichever node it was asked of, for as long as the node runs.
    pub(super) async fn watch(self: Arc<Self>) {
        loop {
            // Begins with the newest of each room: it may have changed while nobody watched.
            if let Ok(mut changes) = self.bucket.watch_with_history(format!("{PREFIX}>")).await {
                while let Some(Ok(entry)) = changes.next().await {
                    if let Some(room) = room_of(&entry.key) {
                        self.tell(room, entry.revision, read(room, &entry.value));
                    }
                }
            }
            tokio::time::sleep(WATCHED_AGAIN_AFTER).await;
        }
    }

    /// Tells what a room shows, unless something newer was told.
    fn tell(&self, room: RoomId, revision: u64, interface: Option<ShownInterface>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.entry(room).or_default();
        if revision > *known {
            *known = revision;
            (self.sink)(&[News::Interface { room, interface }]);
        }
    }
}

fn room_of(key: &str) -> Option<RoomId> {
    key.strip_prefix(PREFIX)?.parse().ok()
}

/// Reads a value. What cannot be read is reported and counts as nothing.
fn read(room: RoomId, value: &[u8]) -> Option<ShownInterface> {
    let interface = std::str::from_utf8(value).ok().and_then(ShownInterface::parse);
    if interface.is_none() && !value.is_empty() {
        tracing::error!(%room, "the interface of a room cannot be read, and is passed over");
    }
    interface
}
