//! What all nodes share and the log does not hold: secrets, and where webhooks stand, which changes with each delivery.

use async_nats::jetstream::{
    Context,
    kv::{CreateErrorKind, Operation, Store, UpdateErrorKind},
    stream::{Config, DiscardPolicy, StorageType},
};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::{Nats, NatsError, log::unreachable};
use crate::engine::{Cursors, EngineError, Fault, Standing, Webhook, WebhookId};

/// A key-value bucket of JetStream.
pub(super) struct Vault {
    bucket: Store,
}

/// A webhook as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    webhook: Webhook,
    cursors: Cursors,
}

impl Vault {
    /// Opens the bucket, made if it is not there.
    pub(super) async fn open(context: &Context, nats: &Nats) -> Result<Self, NatsError> {
        let name = nats.stream.clone();
        if let Ok(bucket) = context.get_key_value(&name).await {
            return Ok(Self { bucket });
        }
        let failed = |error: &dyn std::error::Error| NatsError::Bucket { name: name.clone(), cause: error.to_string() };
        context.create_stream(bucket(nats)).await.map_err(|error| failed(&error))?;
        let bucket = context.get_key_value(&name).await.map_err(|error| failed(&error))?;
        Ok(Self { bucket })
    }

    /// The secret of that name, if there is one.
    pub(super) async fn shared(&self, name: &str) -> Result<Option<String>, NatsError> {
        let value = self.bucket.get(format!("secret.{name}")).await.map_err(|error| self.failed(&error))?;
        Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
    }

    /// Keeps a secret of that name, unless there is one, and gives what is kept.
    pub(super) async fn share(&self, name: &str, secret: &str) -> Result<String, NatsError> {
        match self.bucket.create(format!("secret.{name}"), secret.to_owned().into()).await {
            Ok(_) => Ok(secret.to_owned()),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                self.shared(name).await.map(|shared| shared.unwrap_or_default())
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &dyn std::error::Error) -> NatsError {
        NatsError::Bucket { name: self.bucket.name.clone(), cause: error.to_string() }
    }

    /// All webhooks, with where they stand.
    pub(super) async fn webhooks(&self) -> Result<Vec<(Webhook, Cursors)>, EngineError> {
        let keys = self.bucket.keys().await.map_err(|error| unreachable(&error))?;
        let mut keys: Vec<String> = keys.try_collect().await.map_err(|error| unreachable(&error))?;
        keys.retain(|key| key.starts_with("webhook."));
        keys.sort_unstable();
        let mut webhooks = Vec::with_capacity(keys.len());
        for key in keys {
            webhooks.extend(self.kept(&key).await?.map(|(Kept { webhook, cursors }, _)| (webhook, cursors)));
        }
        Ok(webhooks)
    }

    /// Keeps a webhook, and where it stands in these rooms' logs.
    pub(super) async fn put_webhook(&self, webhook: Webhook, cursors: Cursors) -> Result<(), EngineError> {
        let key = key_of(&webhook.id);
        loop {
            let (mut all, revision) = match self.kept(&key).await? {
                Some((Kept { cursors, .. }, revision)) => (cursors, revision),
                None => (Cursors::new(), 0),
            };
            all.extend(cursors.clone());
            let kept = serde_json::to_vec(&Kept { webhook: webhook.clone(), cursors: all }).expect("plain data");
            match self.bucket.update(&key, kept.into(), revision).await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {}
                Err(error) => return Err(unreachable(&error).into()),
            }
        }
    }

    /// Notes how the deliveries to a webhook go, and where it stands in these rooms' logs, unless it was removed.
    pub(super) async fn note_deliveries(&self, id: WebhookId, standing: Standing, cursors: Cursors) -> Result<(), EngineError> {
        let key = key_of(&id);
        while let Some((mut kept, revision)) = self.kept(&key).await? {
            kept.webhook.standing = standing.clone();
            kept.cursors.extend(cursors.clone());
            let kept = serde_json::to_vec(&kept).expect("plain data");
            match self.bucket.update(&key, kept.into(), revision).await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {}
                Err(error) => return Err(unreachable(&error).into()),
            }
        }
        Ok(())
    }

    /// Forgets a webhook.
    pub(super) async fn remove_webhook(&self, id: WebhookId) -> Result<(), EngineError> {
        Ok(self.bucket.purge(key_of(&id)).await.map_err(|error| unreachable(&error))?)
    }

    async fn kept(&self, key: &str) -> Result<Option<(Kept, u64)>, EngineError> {
        let entry = self.bucket.entry(key).await.map_err(|error| unreachable(&error))?;
        let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
            return Ok(None);
        };
        let damaged = |error: serde_json::Error| Fault::Unreachable(format!("{key} cannot be read: {error}").into());
        Ok(Some((serde_json::from_slice(&entry.value).map_err(damaged)?, entry.revision)))
    }
}

/// A bucket as the stream that it is (<https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-8.md>): the client's
/// own way to make one asks servers for something that those before 2.10 do not say.
fn bucket(nats: &Nats) -> Config {
    Config {
        name: format!("KV_{}", nats.stream),
        description: Some("What the nodes of live-chat share".into()),
        subjects: vec![format!("$KV.{}.>", nats.stream)],
        max_messages_per_subject: 1,
        storage: StorageType::File,
        num_replicas: nats.replicas,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..Config::default()
    }
}

fn key_of(WebhookId(id): &WebhookId) -> String {
    format!("webhook.{id}")
}
