use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{
    Client, Schedule,
    delivery::{Delivery, Progress, Receiver, Unsaved},
    guard::InvalidUrl,
};
use crate::{
    chat::{EventType, RoomId},
    engine::{Cursors, Engine, EngineError, Standing, Webhook, WebhookId, now},
    hub::{Hub, Refusal},
    protocol::webhook::Secret,
};

/// Most webhooks at once. Each reads the log for itself.
const WEBHOOKS: usize = 100;

/// Longest description, in Unicode code points.
const DESCRIPTION_CHARS: usize = 200;

/// After how long it is tried again when the webhooks could not be read.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The webhooks, each with what delivers to it, where this node is the one that delivers. Clones are cheap.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    hub: Hub,
    client: Client,
    schedule: Schedule,
    /// Whether this node is the one that delivers.
    leads: watch::Receiver<bool>,
    /// Those that are delivered to here. A standard lock: held to look or to set, never across an await.
    running: Mutex<BTreeMap<WebhookId, Running>>,
    /// Held by whoever changes which they are.
    turn: tokio::sync::Mutex<()>,
    stop: watch::Sender<bool>,
}

struct Running {
    progress: Arc<Mutex<Progress>>,
    enabled: Arc<Notify>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// A webhook to be made: see [`Webhook`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    url: String,
    #[serde(default)]
    events: Vec<EventType>,
    room: Option<RoomId>,
    #[serde(default)]
    description: String,
}

/// Why something is not done with a webhook. The texts are for whoever asked for it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhookError {
    /// Its URL cannot be used.
    #[error("\"url\" {0}.")]
    Url(#[from] InvalidUrl),
    /// Its description is too long.
    #[error("\"description\" must have at most {DESCRIPTION_CHARS} characters.")]
    Description,
    /// There are too many.
    #[error("There are {WEBHOOKS} webhooks already. Delete one that is not needed.")]
    TooMany,
    /// There is no such webhook.
    #[error("There is no such webhook.")]
    Unknown,
    /// The hub or the engine does not do it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<EngineError> for WebhookError {
    fn from(error: EngineError) -> Self {
        Self::Refused(error.into())
    }
}

impl Webhooks {
    /// Goes on with all webhooks where they stopped, whenever this node is the one that delivers.
    ///
    /// # Errors
    /// The engine's, if it cannot tell them.
    pub async fn start(engine: Arc<dyn Engine>, hub: Hub, client: Client, schedule: Schedule) -> Result<Self, EngineError> {
        let (leads, news) = (engine.leads(), hub.webhook_news());
        let (running, turn, stop) = (Mutex::default(), tokio::sync::Mutex::default(), watch::Sender::new(false));
        let webhooks = Self(Arc::new(Inner { engine, hub, client, schedule, leads, running, turn, stop }));
        let leads = webhooks.0.leads.clone();
        webhooks.align().await?;
        tokio::spawn(webhooks.clone().follow(leads, news));
        Ok(webhooks)
    }

    /// Follows what changes until the end, on whichever node it does.
    async fn follow(self, mut leads: watch::Receiver<bool>, mut news: watch::Receiver<()>) {
        let mut stop = self.0.stop.subscribe();
        loop {
            tokio::select! {
                () = changed(&mut leads) => {}
                () = changed(&mut news) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            while let Err(error) = self.align().await {
                tracing::warn!("the webhooks cannot be read: {error}");
                tokio::select! {
                    () = tokio::time::sleep(TRY_AGAIN_AFTER) => {}
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        }
    }

    /// Delivers to all that there are, and to none that is not there any more; where another node delivers, to none.
    async fn align(&self) -> Result<(), EngineError> {
        let _turn = self.0.turn.lock().await;
        if *self.0.stop.borrow() {
            return Ok(());
        }
        let leads = *self.0.leads.borrow();
        let kept = if leads { self.0.engine.webhooks().await? } else { Vec::new() };
        let is_kept = |id: &WebhookId| kept.iter().any(|(webhook, _)| webhook.id == *id);
        let over: Vec<_> = self.running().keys().filter(|id| !is_kept(id)).cloned().collect();
        for id in over {
            let running = self.running().remove(&id);
            if let Some(running) = running {
                running.end().await;
            }
        }
        let heads = self.0.hub.heads();
        for (webhook, mut cursors) in kept {
            if let Some(running) = self.running().get(&webhook.id) {
                running.heed(&webhook.standing);
                continue;
            }
            // A log whose end was lost goes on before them.
            cursors.iter_mut().for_each(|(room, seq)| *seq = (*seq).min(heads.get(room).copied().unwrap_or_default()));
            self.run(Progress { webhook, cursors });
        }
        Ok(())
    }

    /// Makes a webhook, which is told what happens from now on.
    ///
    /// # Errors
    /// Those of [`WebhookError`] but [`Unknown`](WebhookError::Unknown).
    pub(crate) async fn create(&self, new: NewWebhook) -> Result<Webhook, WebhookError> {
        let Inner { hub, client, .. } = &*self.0;
        let NewWebhook { url, events, room, description } = new;
        let url = client.url(&url)?.to_string();
        if description.chars().count() > DESCRIPTION_CHARS {
            return Err(WebhookError::Description);
        }
        room.map(|room| hub.snapshot_for_owner(room)).transpose()?;
        if self.0.engine.webhooks().await?.len() >= WEBHOOKS {
            return Err(WebhookError::TooMany);
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system has random numbers");
        let id = WebhookId(uuid::Uuid::new_v4().to_string());
        let (secret, created_at, standing) = (Secret::text(&bytes), now(), Standing::default());
        let webhook = Webhook { id, url, events, room, description, secret, created_at, standing };
        let (webhooks, kept) = (self.clone(), webhook.clone());
        self.carry_out(async move {
            let mut cursors = webhooks.0.hub.heads();
            cursors.retain(|room, _| kept.covers(*room));
            webhooks.0.engine.put_webhook(kept, cursors).await?;
            Ok(webhooks.align().await?)
        })
        .await?;
        Ok(webhook)
    }

    /// All webhooks, the oldest first, and how many events each has not come to yet, at most: as this node knows, where it delivers,
    /// else as was noted last.
    ///
    /// # Errors
    /// The engine's.
    pub(crate) async fn list(&self) -> Result<Vec<(Webhook, u64)>, WebhookError> {
        let (kept, heads) = (self.0.engine.webhooks().await?, self.0.hub.heads());
        let mut delivering = self.delivering();
        let about = |(webhook, cursors): (Webhook, Cursors)| {
            let own = delivering.iter().position(|(own, _)| own.id == webhook.id).map(|at| delivering.swap_remove(at));
            own.unwrap_or_else(|| {
                let progress = Progress { webhook, cursors };
                let behind = progress.behind(&heads);
                (progress.webhook, behind)
            })
        };
        let mut all: Vec<_> = kept.into_iter().map(about).collect();
        all.sort_by_key(|(webhook, _)| webhook.created_at);
        Ok(all)
    }

    /// Those that this node delivers to.
    pub(crate) fn delivering(&self) -> Vec<(Webhook, u64)> {
        let heads = self.0.hub.heads();
        let about = |running: &Running| {
            let progress = running.progress();
            (progress.webhook.clone(), progress.behind(&heads))
        };
        self.running().values().map(about).collect()
    }

    /// Ends a webhook. What it has not been told yet, it never is.
    ///
    /// # Errors
    /// [`WebhookError::Unknown`], or the engine's.
    pub(crate) async fn remove(&self, id: WebhookId) -> Result<(), WebhookError> {
        let webhooks = self.clone();
        self.carry_out(async move {
            webhooks.find(&id).await?;
            webhooks.0.engine.remove_webhook(id).await?;
            Ok(webhooks.align().await?)
        })
        .await
    }

    /// Goes on with a webhook that was disabled, where it stopped; one that waits after a failure tries again at once.
    ///
    /// # Errors
    /// [`WebhookError::Unknown`], or the engine's.
    pub(crate) async fn enable(&self, id: WebhookId) -> Result<(), WebhookError> {
        let webhooks = self.clone();
        self.carry_out(async move {
            let mut webhook = webhooks.find(&id).await?;
            (webhook.standing.disabled_at, webhook.standing.failing_since) = (None, None);
            webhooks.0.engine.put_webhook(webhook, Cursors::new()).await?;
            Ok(webhooks.align().await?)
        })
        .await
    }

    async fn find(&self, id: &WebhookId) -> Result<Webhook, WebhookError> {
        let kept = self.0.engine.webhooks().await?;
        kept.into_iter().map(|(webhook, _)| webhook).find(|webhook| webhook.id == *id).ok_or(WebhookError::Unknown)
    }

    /// Breaks off what is under way, and keeps where each webhook stands. Does not wait for any receiver.
    pub async fn stop(&self) {
        self.0.stop.send_replace(true);
        let _turn = self.0.turn.lock().await;
        let all = std::mem::take(&mut *self.running());
        for running in all.into_values() {
            running.end().await;
        }
    }

    /// Updates the lag metric: how far the slowest webhook that this node delivers to is behind. It has no label per webhook, because
    /// the number of those is not bounded.
    pub(crate) fn measure(&self) {
        let lag = self.delivering().iter().map(|(_, behind)| *behind).max().unwrap_or(0);
        metrics::gauge!("live_chat_webhook_lag_events").set(lag as f64);
    }

    /// Carries it out to its end, also if whoever asked goes away meanwhile.
    async fn carry_out(&self, act: impl Future<Output = Result<(), WebhookError>> + Send + 'static) -> Result<(), WebhookError> {
        if self.0.hub.is_stopping() {
            return Err(Refusal::Stopping.into());
        }
        tokio::spawn(act).await.unwrap_or_else(|_| Err(EngineError::Closed.into()))
    }

    fn run(&self, progress: Progress) {
        let Inner { engine, hub, client, schedule, .. } = &*self.0;
        let id = progress.webhook.id.clone();
        let Some(receiver) = Receiver::of(&progress.webhook) else {
            tracing::error!(webhook = id.0, "the webhook is not what was stored, and is passed over");
            return;
        };
        let (stop, stopping) = watch::channel(false);
        let (progress, enabled) = (Arc::new(Mutex::new(progress)), Arc::new(Notify::new()));
        let delivery = Delivery {
            engine: Arc::clone(engine),
            hub: hub.clone(),
            client: client.clone(),
            schedule: *schedule,
            receiver,
            progress: Arc::clone(&progress),
            enabled: Arc::clone(&enabled),
            failed: 0,
            unsaved: Unsaved::default(),
        };
        let task = tokio::spawn(delivery.run(stopping));
        self.running().insert(id, Running { progress, enabled, stop, task });
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<WebhookId, Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Somebody may have enabled it, as the store says.
    fn heed(&self, kept: &Standing) {
        let standing = &mut self.progress().webhook.standing;
        let is_stuck = |standing: &Standing| standing.disabled_at.is_some() || standing.failing_since.is_some();
        if is_stuck(standing) && !is_stuck(kept) {
            (standing.disabled_at, standing.failing_since) = (None, None);
            self.enabled.notify_one();
        }
    }

    /// Breaks it off; returns when where it stands is kept.
    async fn end(self) {
        self.stop.send_replace(true);
        if self.task.await.is_err() {
            tracing::error!("what delivers to a webhook panicked");
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns when something has changed; never, if nothing will any more.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        pending().await
    }
}
