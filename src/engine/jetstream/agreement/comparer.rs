use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::jetstream::kv::{Entry, Operation, Store, Watch};
use futures::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{
    EVERY, MARK, Mark, PART, READ, Read, is_known,
    readings::Block,
    state::{self, State},
};
use crate::engine::{EngineError, jetstream::Cluster};

/// For how long something must be another at each look: longer than a lease, in which nobody may put the bucket right, and than a
/// watch takes that has lost its server.
const LASTING: Duration = Duration::from_secs(15);

/// Watches the bucket, and compares what it says with what this node has, for as long as the node runs.
pub(in crate::engine::jetstream) async fn compare(cluster: Arc<Cluster>, bucket: Store) {
    let mut comparer = Comparer::new(cluster);
    loop {
        match bucket.watch_with_history(">").await {
            Ok(entries) => {
                comparer.forget_seen();
                comparer.follow(entries).await;
            }
            Err(error) => tracing::debug!(%error, "what stands cannot be watched"),
        }
        sleep(EVERY).await;
    }
}

struct Comparer {
    cluster: Arc<Cluster>,
    /// What stands by the bucket.
    seen: State,
    /// The entry as of which it does, if nothing was changed there since it was marked.
    as_of: Option<u64>,
    /// Counts the changes.
    version: u64,
    /// What the node that leads has read, by the bucket's keys.
    blocks: BTreeMap<String, Block>,
    /// Up to which entry it was compared.
    compared_to: u64,
    /// What was compared of what stands: the newest change in it, here and in the bucket.
    compared: Option<(u64, u64)>,
    /// When it may be again.
    rests_until: Instant,
    /// Keys of the bucket that hold something else than what stands here.
    facts: Differences<String>,
    /// Entries that are others here.
    entries: Differences<u64>,
}

/// What is not the same here and there.
struct Differences<K> {
    /// Since when each is.
    since: BTreeMap<K, Instant>,
    /// Those that were for long enough.
    lasting: BTreeSet<K>,
}

impl Comparer {
    fn new(cluster: Arc<Cluster>) -> Self {
        Self {
            cluster,
            seen: State::new(),
            as_of: None,
            version: 0,
            blocks: BTreeMap::new(),
            compared_to: 0,
            compared: None,
            rests_until: Instant::now(),
            facts: Differences::none(),
            entries: Differences::none(),
        }
    }

    /// A new watch begins with all that there is.
    fn forget_seen(&mut self) {
        self.seen.clear();
        self.blocks.clear();
        self.as_of = None;
        self.version += 1;
    }

    async fn follow(&mut self, mut entries: Watch) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                entry = entries.next() => match entry {
                    Some(Ok(entry)) => self.see(&entry),
                    _ => return,
                },
                _ = ticks.tick() => {
                    self.compare_blocks();
                    if let Err(error) = self.compare_state().await
                        && !is_known(&error)
                    {
                        tracing::error!(%error, "what stands here cannot be compared");
                    }
                    self.tell();
                }
            }
        }
    }

    /// Takes note of what the bucket has. What is of another log, from before a backup was brought back, does not count.
    fn see(&mut self, entry: &Entry) {
        let cluster = Arc::clone(&self.cluster);
        let epoch = cluster.epoch();
        if entry.key == MARK {
            let mark = serde_json::from_slice::<Mark>(&entry.value).ok().filter(|mark| mark.epoch == epoch);
            // Before all is there, a mark may come before what it stands for.
            self.as_of = mark.filter(|_| entry.seen_current).map(|mark| mark.as_of);
        } else if entry.key.starts_with(READ) {
            if let Some(Read { block, .. }) = serde_json::from_slice::<Read>(&entry.value).ok().filter(|read| read.epoch == epoch)
            {
                self.blocks.insert(entry.key.clone(), block);
            }
        } else {
            let fact = (entry.operation == Operation::Put).then(|| serde_json::from_slice(&entry.value).ok()).flatten();
            match fact {
                Some(fact) => self.seen.insert(entry.key.clone(), fact),
                None => self.seen.remove(&entry.key),
            };
            self.as_of = None;
            self.version += 1;
        }
    }

    fn compare_blocks(&mut self) {
        let (applied, now) = (self.cluster.progress.applied(), Instant::now());
        let readings = self.cluster.readings();
        let differing: BTreeSet<_> = self.blocks.values().flat_map(|block| readings.differing(block)).collect();
        drop(readings);
        let is_told = |number: &u64| self.blocks.values().any(|block| block.holds(*number));
        let new = self.entries.look(differing, |number| !is_told(number), now);
        if let (Some(first), Some(last)) = (new.first(), new.last()) {
            tracing::error!(entries = new.len(), first, last, "entries of the log are others here than on the node that leads");
        }
        let last = self.blocks.values().filter_map(Block::last).filter(|last| *last <= applied).max();
        self.compared_to = self.compared_to.max(last.unwrap_or(0));
    }

    async fn compare_state(&mut self) -> Result<(), EngineError> {
        let (changed, applied) = (self.cluster.changed(), self.cluster.progress.applied());
        let is_as_of_now = self.as_of.is_some_and(|as_of| changed <= as_of && as_of <= applied);
        let is_compared = self.compared == Some((changed, self.version)) && self.facts.are_settled();
        if !is_as_of_now || is_compared || Instant::now() < self.rests_until {
            return Ok(());
        }
        let began = Instant::now();
        let state = state::of(&self.cluster.index).await?;
        self.rests_until = Instant::now() + began.elapsed() * PART;
        if self.cluster.changed() != changed {
            return Ok(());
        }
        let keys = state.keys().chain(self.seen.keys());
        let differing = keys.filter(|key| state.get(*key) != self.seen.get(*key)).cloned().collect();
        let new = self.facts.look(differing, |_| false, began);
        if let Some(first) = new.first() {
            tracing::error!(keys = new.len(), first, "what stands here does not stand so on the node that leads");
        }
        self.compared = Some((changed, self.version));
        Ok(())
    }

    fn tell(&self) {
        let all = self.facts.lasting.len() + self.entries.lasting.len();
        self.cluster.differences.store(all as u64, Ordering::Relaxed);
        metrics::gauge!("live_chat_log_differences").set(all as f64);
        metrics::gauge!("live_chat_log_compared_entry").set(self.compared_to as f64);
    }
}

impl<K: Ord + Clone> Differences<K> {
    fn none() -> Self {
        Self { since: BTreeMap::new(), lasting: BTreeSet::new() }
    }

    /// Takes note of what differs now, and gives what has lasted for the first time. What was known and could not be looked at stays.
    fn look(&mut self, differing: BTreeSet<K>, is_unseen: impl Fn(&K) -> bool, now: Instant) -> Vec<K> {
        self.since.retain(|key, _| differing.contains(key) || is_unseen(key));
        self.lasting.retain(|key| self.since.contains_key(key));
        let mut new = Vec::new();
        for key in differing {
            let since = *self.since.entry(key.clone()).or_insert(now);
            if since + LASTING <= now && self.lasting.insert(key.clone()) {
                new.push(key);
            }
        }
        new
    }

    /// Whether a second look would find nothing new.
    fn are_settled(&self) -> bool {
        self.since.len() == self.lasting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once_and_what_passes_is_not() {
        let (mut found, start) = (Differences::none(), Instant::now());
        let mut look = |seconds, differing: &[u8], unseen: &[u8]| {
            let differing = differing.iter().copied().collect();
            let new = found.look(differing, |key| unseen.contains(key), start + Duration::from_secs(seconds));
            (new, found.lasting.iter().copied().collect::<Vec<_>>(), found.are_settled())
        };
        assert_eq!(look(0, &[1, 2], &[]), (vec![], vec![], false));
        assert_eq!(look(14, &[1], &[]), (vec![], vec![], false));
        assert_eq!(look(15, &[1, 2], &[]), (vec![1], vec![1], false), "2 was away");
        assert_eq!(look(29, &[1, 2], &[]), (vec![], vec![1], false));
        assert_eq!(look(30, &[1, 2], &[]), (vec![2], vec![1, 2], true));
        assert_eq!(look(31, &[], &[1]), (vec![], vec![1], true), "1 could not be looked at");
        assert_eq!(look(32, &[], &[]), (vec![], vec![], true));
    }
}
