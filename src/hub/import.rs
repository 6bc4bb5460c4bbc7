use std::sync::Arc;

use super::{Hub, Refusal};
use crate::{
    chat::{Recorded, Room, RoomId, SettingsChange},
    engine::now,
};

/// What is handed to the engine at once: few enough that nobody who writes meanwhile notices.
const BATCH: usize = 500;
/// After how many bytes of payload it is handed over, however few they are.
const BATCH_BYTES: usize = 256 << 10;

/// A room that is being made of what was said elsewhere. Nobody sees it before it is finished, and nothing is left of it if it is
/// dropped.
pub struct Import {
    hub: Hub,
    room: RoomId,
    batch: Vec<Recorded>,
    batch_bytes: usize,
    has_messages: bool,
    is_finished: bool,
}

impl Hub {
    /// Begins to make a room of what was said elsewhere, with these settings.
    ///
    /// # Errors
    /// [`Refusal::Setting`], [`Refusal::SlugTaken`], [`Refusal::Stopping`], or the engine's.
    pub async fn import(&self, settings: SettingsChange) -> Result<Import, Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        let room = self.0.engine.begin_import(settings.make(&uuid::Uuid::new_v4().to_string())?).await?;
        Ok(Import { hub: self.clone(), room, batch: Vec::new(), batch_bytes: 0, has_messages: false, is_finished: false })
    }
}

impl Import {
    /// Adds a message after those that were added before it, whatever their times are: a log is in the order of its places, and the
    /// clock that stamped it may have been set back.
    ///
    /// # Errors
    /// [`Refusal::InFuture`] for this message, [`Refusal::Stopping`], [`Refusal::DiskLow`], or the engine's.
    pub async fn add(&mut self, recorded: Recorded) -> Result<(), Refusal> {
        if self.hub.is_stopping() {
            return Err(Refusal::Stopping);
        }
        self.hub.check_disk()?;
        // More likely a wrong unit of time than a clock that ran ahead.
        if recorded.sent_at > now() {
            return Err(Refusal::InFuture);
        }
        self.has_messages = true;
        self.batch_bytes += recorded.message.payload.get().len();
        self.batch.push(recorded);
        if self.batch.len() < BATCH && self.batch_bytes < BATCH_BYTES { Ok(()) } else { self.hand_over().await }
    }

    /// Has everybody see the room.
    ///
    /// # Errors
    /// [`Refusal::NothingToImport`], or the engine's. No room is left then.
    pub async fn finish(mut self) -> Result<Room, Refusal> {
        if !self.has_messages {
            return Err(Refusal::NothingToImport);
        }
        self.hand_over().await?;
        self.is_finished = true;
        let room = self.room;
        let finish = async move |hub: Hub| {
            let finished = hub.0.engine.finish_import(room).await;
            if finished.is_err() {
                hub.0.engine.abandon_import(room);
            }
            let (room, _, _) = finished?;
            Ok(room)
        };
        self.hub.to_its_end(finish).await
    }

    async fn hand_over(&mut self) -> Result<(), Refusal> {
        self.batch_bytes = 0;
        let engine = Arc::clone(&self.hub.0.engine);
        Ok(engine.import(self.room, std::mem::take(&mut self.batch)).await?)
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if !self.is_finished {
            self.hub.0.engine.abandon_import(self.room);
        }
    }
}
