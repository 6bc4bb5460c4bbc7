//! Which node does what one alone must do.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::jetstream::{
    Context,
    kv::Store,
    stream::{Config, StorageType},
};
use tokio::{sync::watch, time::Instant};

use super::{Nats, NatsError, vault};

/// For how long a lease holds that is not renewed: after the death of the node that leads, another does after this time.
const HOLDS: Duration = Duration::from_secs(10);

const RENEWED_EVERY: Duration = Duration::from_secs(3);

/// When a node that could not renew it takes it for lost: before another may have it.
const LOST_AFTER: Duration = Duration::from_secs(8);

const KEY: &str = "leader";

/// A key in a bucket of its own, whose entries end by themselves; whoever has made it leads.
pub(super) struct Lease {
    bucket: Store,
    /// This node, as the key says it.
    node: String,
    leads: watch::Sender<bool>,
    /// When the lease was renewed last, while it is held. A standard lock: held for a look only.
    renewed: Mutex<Option<Instant>>,
}

impl Lease {
    /// Opens the bucket, made if it is not there. Nobody leads by that.
    pub(super) async fn open(context: &Context, nats: &Nats) -> Result<Arc<Self>, NatsError> {
        let name = format!("{}-lease", nats.stream);
        let config = Config { max_age: HOLDS, storage: StorageType::Memory, ..vault::bucket(&name, nats.replicas) };
        let bucket = vault::open(context, &name, config).await?;
        Ok(Arc::new(Self {
            bucket,
            node: uuid::Uuid::new_v4().to_string(),
            leads: watch::Sender::new(false),
            renewed: Mutex::default(),
        }))
    }

    /// Whether this node leads, and when that changes.
    pub(super) fn leads(&self) -> watch::Receiver<bool> {
        self.leads.subscribe()
    }

    /// Whether this node leads at this moment. Unlike [`leads`](Self::leads) it is right at once in a process that was paused for
    /// longer than the lease holds.
    pub(super) fn holds(&self) -> bool {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        *self.leads.borrow() && renewed.is_some_and(|at| at.elapsed() < LOST_AFTER)
    }

    /// Tries to lead, and to go on leading, for as long as the node runs.
    pub(super) async fn seek(self: Arc<Self>) {
        let (mut held, mut renewed_at) = (None, Instant::now());
        loop {
            let began = Instant::now();
            match self.take(held).await {
                Some(revision) => (held, renewed_at) = (Some(revision), began),
                None if renewed_at.elapsed() >= LOST_AFTER => held = None,
                None => {}
            }
            *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = held.map(|_| renewed_at);
            let leads = held.is_some() && renewed_at.elapsed() < LOST_AFTER;
            if self.leads.send_if_modified(|known| std::mem::replace(known, leads) != leads) {
                tracing::info!(leads, "whether this node does what one alone must do");
            }
            tokio::time::sleep(RENEWED_EVERY).await;
        }
    }

    /// Gives the lead up, so that another need not wait.
    pub(super) async fn give_up(&self) {
        if self.leads.send_replace(false) {
            // If that fails, it ends by itself.
            let _ = self.bucket.purge(KEY).await;
        }
    }

    /// Makes the key, or renews it if it was held at that revision.
    async fn take(&self, held: Option<u64>) -> Option<u64> {
        let node = self.node.clone().into();
        let taken = async {
            match held {
                Some(revision) => self.bucket.update(KEY, node, revision).await.ok(),
                None => self.bucket.create(KEY, node).await.ok(),
            }
        };
        tokio::time::timeout(RENEWED_EVERY, taken).await.ok().flatten()
    }
}
