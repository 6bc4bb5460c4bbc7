//! What all nodes share and the log does not hold: secrets, and where webhooks stand, which changes with each delivery.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    Context,
    kv::{CreateErrorKind, Operation, Store, UpdateErrorKind},
    stream::{Config, DiscardPolicy, StorageType},
};
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Nats, NatsError,
    log::{self, unreachable},
};
use crate::engine::{Cursors, EngineError, Standing, Webhook, WebhookId};

/// How long after a watch has ended the next begins.
const WATCHED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A key-value bucket of JetStream.
pub(super) struct Vault {
    bucket: Store,
}

/// How the deliveries to a webhook go, and where it stands. On its own, so that only what is changed by people is news.
#[derive(Serialize, Deserialize)]
struct Deliveries {
    standing: Standing,
    cursors: Cursors,
    /// Of the log that the cursors are places of.
    #[serde(default)]
    epoch: Option<String>,
}

impl Deliveries {
    /// Takes over what a node has noted. In one log a cursor never goes back: a node that was paused knows older ones than the node
    /// that delivers meanwhile.
    fn note(self, standing: Option<Standing>, cursors: Cursors, epoch: String) -> Self {
        let is_same_log = self.epoch.as_ref().is_none_or(|known| *known == epoch);
        let mut all = self.cursors;
        for (room, seq) in cursors {
            let known = all.entry(room).or_insert(seq);
            *known = if is_same_log { seq.max(*known) } else { seq };
        }
        Self { standing: standing.unwrap_or(self.standing), cursors: all, epoch: Some(epoch) }
    }
}

impl Vault {
    /// Opens the bucket, made if it is not there.
    pub(super) async fn open(context: &Context, nats: &Nats) -> Result<Self, NatsError> {
        let bucket = open(context, &nats.stream, bucket(&nats.stream, nats.replicas)).await?;
        Ok(Self { bucket })
    }

    /// Returns a handle to the bucket.
    pub(super) fn bucket(&self) -> Store {
        self.bucket.clone()
    }

    /// The secret of that name, if there is one.
    pub(super) async fn shared(&self, name: &str) -> Result<Option<String>, NatsError> {
        let value = self.bucket.get(format!("secret.{name}")).await.map_err(|error| self.failed(&error))?;
        value.map(|value| self.secret(name, &value)).transpose()
    }

    /// Keeps a secret of that name, unless there is one, and gives what is kept.
    pub(super) async fn share(&self, name: &str, secret: &str) -> Result<String, NatsError> {
        match self.bucket.create(format!("secret.{name}"), secret.to_owned().into()).await {
            Ok(_) => Ok(secret.to_owned()),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                let shared = self.shared(name).await?;
                shared.ok_or_else(|| self.unusable(format!("the secret {name:?} was there, and is not any more")))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// A secret as it is kept. An empty one would let everybody in who signs with nothing.
    fn secret(&self, name: &str, value: &[u8]) -> Result<String, NatsError> {
        match std::str::from_utf8(value) {
            Ok(secret) if !secret.trim().is_empty() => Ok(secret.to_owned()),
            Ok(_) => Err(self.unusable(format!("the secret {name:?} is empty"))),
            Err(_) => Err(self.unusable(format!("the secret {name:?} is not UTF-8"))),
        }
    }

    fn failed(&self, error: &dyn std::error::Error) -> NatsError {
        self.unusable(error.to_string())
    }

    fn unusable(&self, cause: String) -> NatsError {
        NatsError::Bucket { name: self.bucket.name.clone(), cause }
    }

    /// All webhooks, with where they stand.
    pub(super) async fn webhooks(&self) -> Result<Vec<(Webhook, Cursors)>, EngineError> {
        let keys = self.bucket.keys().await.map_err(|error| unreachable(&error))?;
        let keys: Vec<String> = keys.try_collect().await.map_err(|error| unreachable(&error))?;
        let mut ids: Vec<_> = keys.iter().filter_map(|key| key.strip_prefix("webhook.")).collect();
        ids.sort_unstable();
        let mut webhooks = Vec::with_capacity(ids.len());
        for id in ids {
            let (Some(webhook), _) = self.read::<Webhook>(&format!("webhook.{id}")).await? else { continue };
            let (deliveries, _) = self.read(&format!("deliveries.{id}")).await?;
            webhooks.push(match deliveries {
                Some(Deliveries { standing, cursors, .. }) => (Webhook { standing, ..webhook }, cursors),
                None => (webhook, Cursors::new()),
            });
        }
        Ok(webhooks)
    }

    /// Keeps a webhook, and where it stands in these rooms' logs.
    pub(super) async fn put_webhook(&self, webhook: Webhook, cursors: Cursors, epoch: String) -> Result<(), EngineError> {
        let WebhookId(id) = &webhook.id;
        self.write_deliveries(id, Some(webhook.standing.clone()), cursors, epoch).await?;
        let webhook_as_json = serde_json::to_vec(&webhook).expect("plain data");
        let put = self.bucket.put(format!("webhook.{id}"), webhook_as_json.into()).await;
        Ok(put.map(drop).map_err(|error| unreachable(&error))?)
    }

    /// Notes how the deliveries to a webhook go, if that is known, and where it stands in these rooms' logs, unless it was removed.
    pub(super) async fn note_deliveries(
        &self,
        id: WebhookId,
        standing: Option<Standing>,
        cursors: Cursors,
        epoch: String,
    ) -> Result<(), EngineError> {
        let WebhookId(id) = id;
        match self.read::<Webhook>(&format!("webhook.{id}")).await? {
            (Some(_), _) => self.write_deliveries(&id, standing, cursors, epoch).await,
            (None, _) => Ok(()),
        }
    }

    /// Forgets a webhook.
    pub(super) async fn remove_webhook(&self, WebhookId(id): WebhookId) -> Result<(), EngineError> {
        for key in [format!("webhook.{id}"), format!("deliveries.{id}")] {
            self.bucket.purge(key).await.map_err(|error| unreachable(&error))?;
        }
        Ok(())
    }

    /// Tells when a webhook was made, changed or removed on any node, for as long as the node runs.
    pub(super) async fn watch(self: Arc<Self>, changed: impl Fn() + Send) {
        loop {
            if let Ok(mut changes) = self.bucket.watch("webhook.>").await {
                // What was changed while nobody watched is not told.
                changed();
                while let Some(Ok(_)) = changes.next().await {
                    changed();
                }
            }
            tokio::time::sleep(WATCHED_AGAIN_AFTER).await;
        }
    }

    async fn write_deliveries(
        &self,
        id: &str,
        standing: Option<Standing>,
        cursors: Cursors,
        epoch: String,
    ) -> Result<(), EngineError> {
        let key = format!("deliveries.{id}");
        loop {
            let (before, revision) = self.read::<Deliveries>(&key).await?;
            let before = before.unwrap_or(Deliveries { standing: Standing::default(), cursors: Cursors::new(), epoch: None });
            let deliveries = before.note(standing.clone(), cursors.clone(), epoch.clone());
            let json = serde_json::to_vec(&deliveries).expect("plain data").into();
            match self.bucket.update(&key, json, revision).await {
                Ok(_) => return Ok(()),
                // Another node was faster.
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {}
                Err(error) => return Err(unreachable(&error).into()),
            }
        }
    }

    /// What a key holds, and the revision of it: 0 if there was none yet. What cannot be read is reported, and counts as nothing: it
    /// must not keep what can be read from anybody.
    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<(Option<T>, u64), EngineError> {
        let Some(entry) = self.bucket.entry(key).await.map_err(|error| unreachable(&error))? else { return Ok((None, 0)) };
        let report =
            |error: &serde_json::Error| tracing::error!(key, %error, "a value of the bucket cannot be read, and is passed over");
        let value = match entry.operation {
            Operation::Put => serde_json::from_slice(&entry.value).inspect_err(report).ok(),
            Operation::Delete | Operation::Purge => None,
        };
        Ok((value, entry.revision))
    }
}

/// Opens a bucket, made as `config` says if it is not there.
pub(super) async fn open(context: &Context, name: &str, config: Config) -> Result<Store, NatsError> {
    let failed = |cause: String| NatsError::Bucket { name: name.to_owned(), cause };
    log::stream(context, config).await.map_err(failed)?;
    context.get_key_value(name).await.map_err(|error| failed(error.to_string()))
}

/// A bucket as the stream that it is (<https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-8.md>): the client's
/// own way to make one asks servers for something that those before 2.10 do not say.
pub(super) fn bucket(name: &str, replicas: usize) -> Config {
    Config {
        name: format!("KV_{name}"),
        description: Some("What the nodes of live-chat share".into()),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        storage: StorageType::File,
        num_replicas: replicas,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..Config::default()
    }
}
