//! The log of one engine in another.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use serde_json::Value;

use super::{Cluster, Command, JetStream, Kept, Nats, NatsError};
use crate::{
    chat::RoomId,
    engine::{
        Census, CopyError, Engine, OpenError, Sink, Sqlite, compare, private_file,
        sqlite::{Copying, OutsideLog, Record, Source},
    },
};

/// Events that are on their way to the servers at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// Bytes of rows of other tables in one entry, about: the servers take a megabyte by default.
const ENTRY_BYTES: usize = 256 << 10;

/// The kinds of events that are done, and stay in the log: see `engine/sqlite/schema.rs`.
const DONE: std::ops::RangeInclusive<i64> = 2..=99;

impl JetStream {
    /// Copies the SQLite log in `folder` into the cluster's, which must be empty, or have the beginning of it: what is there is not
    /// copied again. The files in the folder that hold `secrets` are shared by all nodes. Gives what was copied, compared by count and
    /// checksum. The folder holds a node's index then.
    ///
    /// # Errors
    /// See [`CopyError`]. It can be done again.
    pub async fn copy_from(folder: &Path, nats: &Nats, secrets: &[&str]) -> Result<Vec<Census>, CopyError> {
        let source = Source::open(folder)?;
        let engine = Self::connect(folder, nats, ignore(), false).await?;
        let copied = engine.take_over(folder, &source, nats, secrets).await;
        tokio::task::block_in_place(|| engine.close());
        copied
    }

    /// Copies the cluster's log into a new SQLite log in `folder`. Gives what was copied, compared by count and checksum. What was read
    /// before it was interrupted is not read again. The `secrets` that the nodes share are written into files there.
    ///
    /// # Errors
    /// See [`CopyError`]. It can be done again.
    pub async fn copy_to(folder: &Path, nats: &Nats, secrets: &[&str]) -> Result<Vec<Census>, CopyError> {
        let path = folder.join(Sqlite::FILE);
        if path.exists() {
            return Err(CopyError::Exists(path));
        }
        let engine = Self::connect(folder, nats, ignore(), false).await?;
        let found = engine.hand_out(folder, secrets).await;
        tokio::task::block_in_place(|| engine.close());
        let (census, beside) = found?;
        Sqlite::make_of_index(folder, &census, beside)?;
        Ok(census)
    }

    async fn take_over(&self, folder: &Path, source: &Source, nats: &Nats, secrets: &[&str]) -> Result<Vec<Census>, CopyError> {
        let census = self.cluster.take_over(source, &nats.stream).await?;
        for (webhook, cursors) in source.webhooks()? {
            self.vault.put_webhook(webhook, cursors, self.epoch().to_owned()).await?;
        }
        for (room, interface) in source.interfaces()? {
            self.interfaces.put(room, Some(interface)).await?;
        }
        for name in secrets {
            if let Ok(secret) = fs::read_to_string(folder.join(name)) {
                self.vault.share(name, &secret).await?;
            }
        }
        Ok(census)
    }

    async fn hand_out(&self, folder: &Path, secrets: &[&str]) -> Result<(Vec<Census>, OutsideLog), CopyError> {
        if self.cluster.index.copying().await?.is_some_and(|copying| !copying.is_done) {
            return Err(NatsError::Copying(self.name.clone()).into());
        }
        for name in secrets {
            if let Some(secret) = self.vault.shared(name).await? {
                let path = folder.join(name);
                write_private(&path, &secret).map_err(|source| OpenError::Folder { path, source })?;
            }
        }
        let beside = OutsideLog { webhooks: self.webhooks().await?, interfaces: self.shown_interfaces().await? };
        Ok((self.cluster.index.census().await?, beside))
    }
}

/// Writes a file for its owner's eyes alone, unless it is there.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match private_file::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        file => file?.write_all(text.as_bytes()),
    }
}

fn ignore() -> Sink {
    std::sync::Arc::new(|_| {})
}

impl Cluster {
    async fn take_over(&self, source: &Source, stream: &str) -> Result<Vec<Census>, CopyError> {
        let census = source.census()?;
        let copying = Copying { source: source.epoch()?, floor: source.floor()?, is_done: false };
        match self.index.copying().await? {
            Some(begun) if begun.source != copying.source => return Err(CopyError::NotEmpty(stream.to_owned())),
            Some(begun) if begun.is_done => {}
            Some(_) => self.copy_rest(source, &copying).await?,
            None if !self.index.rooms().await?.is_empty() => return Err(CopyError::NotEmpty(stream.to_owned())),
            None => self.copy_rest(source, &copying).await?,
        }
        let found = self.index.census().await?;
        compare(&census, &found)?;
        Ok(census)
    }

    async fn copy_rest(&self, source: &Source, copying: &Copying) -> Result<(), CopyError> {
        self.carry_out::<()>(Command::Copying(copying.clone())).await?;
        // Rooms first, which the rest is of; what is copied again takes its own place.
        let others = source.others()?;
        for rows in others.chunk_by(|one, next| one.0 == next.0) {
            let records: Vec<_> = rows.iter().map(|(_, record)| record.clone()).collect();
            let command = |records: &[Record]| {
                let (table, records) = (rows[0].0.to_owned(), records.to_vec());
                Command::Copy { room: None, kept: Kept::Done, table, records }
            };
            self.copy_all(parts(&records).into_iter().map(command).collect()).await?;
        }
        for room in source.rooms()? {
            let mut after = self.index.last_event(room).await?;
            loop {
                let events = source.events(room, after, EVENTS_AT_ONCE)?;
                let Some(last) = events.last() else { break };
                after = seq_of(last);
                self.copy_all(events.into_iter().map(|event| event_of(room, event)).collect()).await?;
                tracing::info!(%room, after, "copied");
            }
        }
        Ok(self.carry_out::<()>(Command::Copying(Copying { is_done: true, ..copying.clone() })).await?)
    }

    async fn copy_all(&self, commands: Vec<Command>) -> Result<(), CopyError> {
        if let Some(last) = self.log.publish_all(commands.into_iter()).await? {
            self.progress.reached(last).await;
        }
        Ok(())
    }
}

/// The rows in parts, each small enough for one entry.
fn parts(records: &[Record]) -> Vec<&[Record]> {
    let (mut parts, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (at, record) in records.iter().enumerate() {
        let more = serde_json::to_vec(record).expect("plain data").len();
        if bytes + more > ENTRY_BYTES && at > begin {
            parts.push(&records[begin..at]);
            (begin, bytes) = (at, 0);
        }
        bytes += more;
    }
    parts.push(&records[begin..]);
    parts
}

fn event_of(room: RoomId, record: Record) -> Command {
    let kind = record.get("kind").and_then(Value::as_i64).unwrap_or_default();
    let kept = if DONE.contains(&kind) { Kept::Done } else { Kept::Said };
    Command::Copy { room: Some(room), kept, table: "events".into(), records: vec![record] }
}

fn seq_of(record: &Record) -> u64 {
    record.get("seq").and_then(Value::as_u64).unwrap_or(u64::MAX)
}
