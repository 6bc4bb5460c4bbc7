use std::sync::Arc;

use async_nats::jetstream::kv::Store;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    EVERY, MARK, Mark, PART, READ, Read, is_known,
    readings::BLOCKS,
    state::{self, State},
};
use crate::engine::{
    EngineError, Fault,
    jetstream::{Cluster, log::unreachable},
};

/// Keys that are written at once.
const AT_ONCE: usize = 100;

/// Says what stands and what was read, while this node leads.
pub(in crate::engine::jetstream) async fn speak(cluster: Arc<Cluster>, bucket: Store, mut leads: watch::Receiver<bool>) {
    // It fails when the lease is gone, which is when the node ends.
    while leads.wait_for(|leads| *leads).await.is_ok() {
        let mut speaker = Speaker { cluster: &cluster, bucket: &bucket, leads: &leads, state: State::new(), said: None };
        while *leads.borrow() {
            let began = Instant::now();
            if let Err(error) = speaker.say().await
                && !is_known(&error)
            {
                tracing::error!(%error, "what stands cannot be told to the other nodes");
            }
            sleep(EVERY.max(began.elapsed() * PART)).await;
        }
    }
}

struct Speaker<'a> {
    cluster: &'a Cluster,
    bucket: &'a Store,
    leads: &'a watch::Receiver<bool>,
    /// What stands in the bucket.
    state: State,
    /// What was said last; `None` if it is not known what the bucket has.
    said: Option<Said>,
}

#[derive(Clone, Copy)]
struct Said {
    /// As of which entry.
    as_of: u64,
    /// The newest entry that may have changed what stands.
    changed: u64,
    /// The bucket's last revision then.
    revision: u64,
}

impl Speaker<'_> {
    /// Says what is new. The mark is last, and only if nothing has changed meanwhile what stands: the bucket is at each mark just as of
    /// that entry.
    async fn say(&mut self) -> Result<(), EngineError> {
        let (as_of, changed) = (self.cluster.progress.applied(), self.cluster.changed());
        if changed > as_of || self.said.as_ref().is_some_and(|said| said.as_of == as_of) {
            return Ok(());
        }
        let revision = self.revision().await?;
        // What somebody else has written, as a node that led before, is put right.
        let said = self.said.filter(|said| said.revision == revision);
        let mut writes = Vec::new();
        if said.as_ref().is_none_or(|said| said.changed != changed) {
            let state = state::of(&self.cluster.index).await?;
            if self.cluster.changed() != changed {
                return Ok(());
            }
            let keys = match said {
                Some(_) => self.state.keys().cloned().collect(),
                None => self.keys().await?,
            };
            let is_new = |key: &String, fact| said.is_none() || self.state.get(key) != Some(fact);
            let new = state.iter().filter(|(key, fact)| is_new(key, fact));
            writes.extend(new.map(|(key, fact)| (key.clone(), Some(json(fact)))));
            let gone = keys.into_iter().filter(|key| !state.contains_key(key));
            writes.extend(gone.map(|key| (key, None)));
            self.state = state;
        }
        let epoch = self.cluster.epoch().to_owned();
        for block in self.cluster.readings().since(said.map_or(0, |said| said.as_of + 1)) {
            let key = format!("{READ}{}", block.number % BLOCKS);
            writes.push((key, Some(json(&Read { epoch: epoch.clone(), block }))));
        }
        let written = writes.len() as u64 + 1;
        self.said = None;
        let bucket = self.bucket;
        let writes = stream::iter(writes).map(|(key, value)| write(bucket, key, value));
        writes.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        if *self.leads.borrow() {
            write(bucket, MARK.into(), Some(json(&Mark { epoch, as_of }))).await?;
            self.said = Some(Said { as_of, changed, revision: revision + written });
        }
        Ok(())
    }

    /// The number of the last write to the bucket.
    async fn revision(&self) -> Result<u64, Fault> {
        let info = self.bucket.stream.get_info().await.map_err(|error| unreachable(&error))?;
        Ok(info.state.last_sequence)
    }

    /// The keys of what stands in the bucket.
    async fn keys(&self) -> Result<Vec<String>, Fault> {
        let keys = self.bucket.keys().await.map_err(|error| unreachable(&error))?;
        let keys: Vec<String> = keys.try_collect().await.map_err(|error| unreachable(&error))?;
        Ok(keys.into_iter().filter(|key| key != MARK && !key.starts_with(READ)).collect())
    }
}

/// Sets a key of the bucket, or removes it.
async fn write(bucket: &Store, key: String, value: Option<Vec<u8>>) -> Result<(), Fault> {
    match value {
        Some(value) => bucket.put(&key, value.into()).await.map(drop).map_err(|error| unreachable(&error)),
        None => bucket.purge(&key).await.map_err(|error| unreachable(&error)),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data")
}
