//! Where a job stands in an order that others keep: the log of a cluster, of which this database is an index.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, watch};

use crate::chat::Timestamp;

/// A job's place in the cluster's log. What it does is the same on all nodes: it depends on what was before it, and on this.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Place {
    /// Its number there.
    pub(in crate::engine) number: u64,
    /// What the log calls it, by which it is known again.
    pub(in crate::engine) id: String,
    /// The place of its first event in a room's log, unless that is further already.
    pub(in crate::engine) first_seq: u64,
    /// The place of its last event, if it is to be told without those before.
    pub(in crate::engine) last_seq: u64,
    /// When the log took it.
    pub(in crate::engine) at: Timestamp,
    /// The turn in which it was handed over: see [`Progress::turn`].
    pub(in crate::engine) turn: u64,
}

/// How far the index has come.
pub(in crate::engine) struct Progress {
    applied: watch::Sender<u64>,
    turn: AtomicU64,
    lost: Notify,
    unusable: AtomicU64,
}

impl Progress {
    pub(super) fn new(applied: u64) -> Self {
        Self { applied: watch::Sender::new(applied), turn: AtomicU64::new(0), lost: Notify::new(), unusable: AtomicU64::new(0) }
    }

    /// The number of the newest entry of the log that is in the index.
    pub(in crate::engine) fn applied(&self) -> u64 {
        *self.applied.borrow()
    }

    /// Returns when that entry is in the index.
    pub(in crate::engine) async fn reached(&self, number: u64) {
        // It fails when the sender is gone, which is here.
        let _ = self.applied.subscribe().wait_for(|applied| *applied >= number).await;
    }

    /// The turn that is carried out: when something of one could not be stored, all that was handed over after it is refused, and
    /// the next turn must begin behind [`applied`](Self::applied). Nothing is left out so.
    pub(in crate::engine) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    /// Returns when a turn has ended so.
    pub(in crate::engine) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// How many entries the index could not carry out since the start.
    pub(in crate::engine) fn unusable(&self) -> u64 {
        self.unusable.load(Ordering::Relaxed)
    }

    pub(super) fn note_unusable(&self) {
        self.unusable.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, number: u64) {
        self.applied.send_replace(number);
    }

    pub(super) fn end_turn(&self) {
        self.turn.fetch_add(1, Ordering::Release);
        self.lost.notify_one();
    }
}
