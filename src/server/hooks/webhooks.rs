use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    engine::{Engine, EngineError, Standing, Webhook, WebhookId, now},
    hub::{Hub, Refusal},
    protocol::webhook::Secret,
};

/// Most webhooks at once. Each reads the log for itself.
const WEBHOOKS: usize = 100;

/// Longest description, in Unicode code points.
const DESCRIPTION_CHARS: usize = 200;

/// The webhooks, each with what delivers to it. Clones are cheap.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    hub: Hub,
    client: Client,
    schedule: Schedule,
    /// A standard lock: held to look or to set, never across an await.
    running: Mutex<BTreeMap<WebhookId, Running>>,
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
    /// Goes on with all webhooks where they stopped.
    ///
    /// # Errors
    /// The engine's, if it cannot tell them.
    pub async fn start(engine: Arc<dyn Engine>, hub: Hub, client: Client, schedule: Schedule) -> Result<Self, EngineError> {
        let (stored, heads) = (engine.webhooks().await?, hub.heads());
        let webhooks = Self(Arc::new(Inner { engine, hub, client, schedule, running: Mutex::default() }));
        for (webhook, mut cursors) in stored {
            // A log whose end was lost goes on before them.
            cursors.iter_mut().for_each(|(room, seq)| *seq = (*seq).min(heads.get(room).copied().unwrap_or_default()));
            webhooks.run(Progress { webhook, cursors });
        }
        Ok(webhooks)
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
        room.map(|room| hub.snapshot(room)).transpose()?;
        if self.running().len() >= WEBHOOKS {
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
            webhooks.0.engine.put_webhook(kept.clone(), cursors.clone()).await?;
            webhooks.run(Progress { webhook: kept, cursors });
            Ok(())
        })
        .await?;
        Ok(webhook)
    }

    /// All webhooks, the oldest first, and how many events each has not come to yet.
    pub(crate) fn list(&self) -> Vec<(Webhook, u64)> {
        let heads = self.0.hub.heads();
        let about = |running: &Running| {
            let progress = running.progress.lock().unwrap_or_else(PoisonError::into_inner);
            (progress.webhook.clone(), progress.behind(&heads))
        };
        let mut all: Vec<_> = self.running().values().map(about).collect();
        all.sort_by_key(|(webhook, _)| webhook.created_at);
        all
    }

    /// Ends a webhook. What it has not been told yet, it never is.
    ///
    /// # Errors
    /// [`WebhookError::Unknown`], or the engine's.
    pub(crate) async fn remove(&self, id: WebhookId) -> Result<(), WebhookError> {
        let webhooks = self.clone();
        self.carry_out(async move {
            let running = webhooks.running().remove(&id).ok_or(WebhookError::Unknown)?;
            running.end().await;
            metrics::gauge!("live_chat_webhook_lag_events", "webhook" => id.0.clone()).set(0);
            Ok(webhooks.0.engine.remove_webhook(id).await?)
        })
        .await
    }

    /// Goes on with a webhook that was disabled, where it stopped; one that waits after a failure tries again at once.
    ///
    /// # Errors
    /// [`WebhookError::Unknown`].
    pub(crate) fn enable(&self, id: &WebhookId) -> Result<(), WebhookError> {
        let running = self.running();
        let Running { progress, enabled, .. } = running.get(id).ok_or(WebhookError::Unknown)?;
        let standing = &mut progress.lock().unwrap_or_else(PoisonError::into_inner).webhook.standing;
        (standing.disabled_at, standing.failing_since) = (None, None);
        enabled.notify_one();
        Ok(())
    }

    /// Breaks off what is under way, and keeps where each webhook stands. Does not wait for any receiver.
    pub async fn stop(&self) {
        let all = std::mem::take(&mut *self.running());
        for running in all.into_values() {
            running.end().await;
        }
    }

    /// Tells the metrics how far behind each webhook is.
    pub(crate) fn measure(&self) {
        for (webhook, behind) in self.list() {
            metrics::gauge!("live_chat_webhook_lag_events", "webhook" => webhook.id.0).set(behind as f64);
        }
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
    /// Breaks it off; returns when where it stands is kept.
    async fn end(self) {
        self.stop.send_replace(true);
        if self.task.await.is_err() {
            tracing::error!("what delivers to a webhook panicked");
        }
    }
}
