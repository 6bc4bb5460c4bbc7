//! Gives up the imports of nodes that died.

use std::{sync::Arc, time::Duration};

use super::{Cluster, Command, lease::Lease};
use crate::{
    chat::{RoomId, Timestamp},
    engine::{Engine, EngineError, now},
};

/// How often the node that leads looks for them.
const EVERY: Duration = Duration::from_secs(60);

/// After how long without a message an import counts as given up. A node that imports ends one itself after half a minute.
const STALE_AFTER: Duration = Duration::from_secs(600);

/// Frees what imports hold whose node died, for as long as this node runs: the room is erased, and its address name is free again.
pub(super) async fn clean_up(cluster: Arc<Cluster>, lease: Arc<Lease>) {
    loop {
        if lease.holds()
            && let Err(error) = give_up_stale(&cluster, STALE_AFTER).await
        {
            tracing::warn!(%error, "an import that was broken off could not be given up yet");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Gives up the imports into which nothing has come for that long.
pub(super) async fn give_up_stale(cluster: &Cluster, stale_after: Duration) -> Result<(), EngineError> {
    let milliseconds = i64::try_from(stale_after.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp(now().0.saturating_sub(milliseconds));
    let stale: Vec<RoomId> = cluster.index.stale_imports(before).await?;
    for room in stale {
        tracing::warn!(%room, "an import was broken off, and is given up");
        give_up(cluster, room).await?;
    }
    Ok(())
}

/// Gives up an import, and takes what came of it out of the stream. A room that was finished before stays as it is.
pub(super) async fn give_up(cluster: &Cluster, room: RoomId) -> Result<(), EngineError> {
    cluster.carry_out::<()>(Command::AbandonImport { room }).await?;
    let is_finished = cluster.index.rooms().await?.iter().any(|(about, _)| about.id == room);
    if !is_finished {
        // No other room ever has its number.
        cluster.log.erase_said(room, u64::MAX).await?;
    }
    Ok(())
}
