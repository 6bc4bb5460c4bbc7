//! Whether the log can be reached, and how far it is.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{connection::State, jetstream::stream::Info};
use tokio::sync::Notify;

use super::Cluster;
use crate::engine::Fault;

/// How often the servers are asked how the log is.
const EVERY: Duration = Duration::from_secs(1);

/// Questions without an answer before the log counts as out of reach: less than the servers take to choose another leader would
/// have every such choice seen by the readers.
const UNANSWERED: u32 = 2;

/// For how many questions in a row the reading may stand still while there is something to read.
const STILL: u32 = 3;

/// Entries that another node may have seen since we were told last how many there are.
const MEANWHILE: u64 = 100_000;

/// What is known of the log.
#[derive(Default)]
pub(super) struct Standing {
    /// A standard lock: held for a look only, never across an await.
    fault: Mutex<Option<Fault>>,
    /// The newest entry that we have heard of.
    newest: AtomicU64,
    /// The log was read up to here, though what is there may have been erased.
    read: AtomicU64,
    stalled: Notify,
}

impl Standing {
    pub(super) fn fault(&self) -> Option<Fault> {
        self.lock().clone()
    }

    /// The log cannot be used before this node is started again.
    pub(super) fn damage(&self, why: String) {
        self.fail(Fault::Damaged(why.into()));
    }

    pub(super) fn fail(&self, fault: Fault) {
        let mut known = self.lock();
        if matches!(*known, Some(Fault::Damaged(_))) {
            return;
        }
        if known.is_none() {
            tracing::error!("{fault}");
        }
        *known = Some(fault);
    }

    fn recover(&self) {
        let mut known = self.lock();
        if matches!(*known, Some(Fault::Unreachable(_))) {
            tracing::info!("the log can be reached again");
            *known = None;
        }
    }

    /// There are so many entries, at least.
    pub(super) fn heard_of(&self, number: u64) {
        self.newest.fetch_max(number, Ordering::Relaxed);
    }

    /// The newest entry that we have heard of.
    pub(super) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// Whether there may be an entry of that number.
    pub(super) fn may_have(&self, number: u64) -> bool {
        self.fault().is_some() || number <= self.newest() + MEANWHILE
    }

    /// Nothing is left to be read up to that entry.
    pub(super) fn nothing_up_to(&self, number: u64) {
        self.read.fetch_max(number, Ordering::Relaxed);
    }

    /// Returns when there is something to read and nothing comes.
    pub(super) async fn stalled(&self) {
        self.stalled.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the servers how the log is, for as long as the node runs.
pub(super) async fn watch(cluster: Arc<Cluster>) {
    let (mut unanswered, mut still, mut seen) = (0, 0, 0);
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let applied = cluster.progress.applied();
        match cluster.log.info().await.and_then(with_majority) {
            Ok(info) => {
                let last = info.state.last_sequence;
                cluster.standing.heard_of(last);
                metrics::gauge!("live_chat_log_lag_entries").set(last.saturating_sub(applied) as f64);
                if last < applied && cluster.is_still_behind(applied).await {
                    cluster
                        .standing
                        .damage(format!("it ends at entry {last}, and {applied} were read of it: start this node again"));
                }
                unanswered = 0;
                cluster.standing.recover();
                let read = applied.max(cluster.standing.read.load(Ordering::Relaxed));
                still = if last > read && applied == seen { still + 1 } else { 0 };
            }
            Err(fault) => {
                unanswered += 1;
                let is_cut = cluster.client.connection_state() != State::Connected;
                if is_cut || unanswered >= UNANSWERED {
                    cluster.standing.fail(fault);
                }
                still = 0;
            }
        }
        seen = applied;
        if still >= STILL {
            still = 0;
            cluster.standing.stalled.notify_one();
        }
    }
}

/// A server that has lost the others still answers, and stores nothing.
fn with_majority(info: Info) -> Result<Info, Fault> {
    let has_majority = info.cluster.as_ref().is_none_or(|cluster| {
        let current = cluster.replicas.iter().filter(|replica| replica.current).count();
        cluster.leader.is_some() && 2 * (current + 1) > cluster.replicas.len() + 1
    });
    if has_majority { Ok(info) } else { Err(Fault::Unreachable("most of its servers are away".into())) }
}
