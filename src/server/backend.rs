use std::{fs, io, path::Path, sync::Arc};

use super::{Config, RunError, secrets};
use crate::{
    engine::{Engine, JetStream, Nats, Sqlite},
    hub::Intake,
};

/// Bytes of a message in the log beside what was published: who said it, under which name.
const AROUND_A_BODY: usize = 16 << 10;

/// The engine that is configured, and where its secrets are.
pub(super) struct Backend {
    /// The engine.
    pub(super) engine: Arc<dyn Engine>,
    /// The same, if it is one node's of several: they share the secrets that are not configured.
    cluster: Option<Arc<JetStream>>,
    /// Whether nothing was there before.
    pub(super) is_new: bool,
}

impl Backend {
    /// Opens the log.
    ///
    /// # Errors
    /// [`RunError::Open`], [`RunError::Nats`] and [`RunError::MaxPayload`].
    pub(super) async fn open(config: &Config, intake: &Intake) -> Result<Self, RunError> {
        let (folder, widget_key) = (&config.data_dir, config.widget_key.as_deref());
        let is_new = !folder.join("token-secret").exists() && !folder.join(Sqlite::FILE).exists();
        match config.nats() {
            None => {
                let engine = Arc::new(Sqlite::open(folder, widget_key, intake.sink())?);
                Ok(Self { engine, cluster: None, is_new })
            }
            Some(nats) => {
                if folder.join(Sqlite::FILE).exists() {
                    tracing::warn!("the SQLite log in {} is not served: see `live-chat copy`", folder.display());
                }
                let engine = Arc::new(Self::join(folder, &nats, widget_key, intake).await?);
                let most = engine.max_payload().saturating_sub(AROUND_A_BODY);
                if config.max_body_bytes as usize > most {
                    return Err(RunError::MaxPayload { body: config.max_body_bytes, most });
                }
                Ok(Self { engine: engine.clone(), cluster: Some(engine), is_new })
            }
        }
    }

    async fn join(folder: &Path, nats: &Nats, widget_key: Option<&str>, intake: &Intake) -> Result<JetStream, RunError> {
        let engine = JetStream::open(folder, nats, widget_key, intake.sink()).await?;
        tracing::info!(servers = %nats.servers, stream = nats.stream, replicas = nats.replicas, "the log is in NATS JetStream");
        Ok(engine)
    }

    /// What `load` reads in the file, or makes there if there is none. All nodes have the same: that of the first.
    ///
    /// # Errors
    /// [`RunError::Secret`] and [`RunError::Nats`].
    pub(super) async fn secret<T>(&self, path: &Path, load: impl Fn(&Path) -> io::Result<T>) -> Result<T, RunError> {
        let in_file = |source| RunError::Secret { path: path.to_owned(), source };
        let Some(cluster) = &self.cluster else { return load(path).map_err(in_file) };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(shared) = cluster.shared(&name).await? {
            secrets::write(path, &shared).map_err(in_file)?;
            return load(path).map_err(in_file);
        }
        let own = load(path).map_err(in_file)?;
        let text = fs::read_to_string(path).map_err(in_file)?;
        let shared = cluster.share(&name, &text).await?;
        if shared == text {
            return Ok(own);
        }
        // Another node was faster.
        secrets::write(path, &shared).map_err(in_file)?;
        load(path).map_err(in_file)
    }
}
