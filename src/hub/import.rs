use std::sync::Arc;

use super::{Hub, Refusal};
use crate::{
    chat::{Recorded, Room, RoomId, SettingsChange, Timestamp},
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
    newest: Option<Timestamp>,
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
        Ok(Import { hub: self.clone(), room, batch: Vec::new(), batch_bytes: 0, newest: None, is_finished: false })
    }
}

impl Import {
    /// Adds a message, the oldest first.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] and [`Refusal::InFuture`] for this message, [`Refusal::Stopping`], or the engine's.
    pub async fn add(&mut self, recorded: Recorded) -> Result<(), Refusal> {
        if self.hub.is_stopping() {
            return Err(Refusal::Stopping);
        }
        if self.newest.is_some_and(|newest| recorded.sent_at < newest) {
            return Err(Refusal::OutOfOrder);
        }
        // What is said in the room later cannot be older.
        if recorded.sent_at > now() {
            return Err(Refusal::InFuture);
        }
        self.newest = Some(recorded.sent_at);
        self.batch_bytes += recorded.message.payload.get().len();
        self.batch.push(recorded);
        if self.batch.len() < BATCH && self.batch_bytes < BATCH_BYTES { Ok(()) } else { self.hand_over().await }
    }

    /// Has everybody see the room.
    ///
    /// # Errors
    /// [`Refusal::NothingToImport`], or the engine's. No room is left then.
    pub async fn finish(mut self) -> Result<Room, Refusal> {
        if self.newest.is_none() {
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
