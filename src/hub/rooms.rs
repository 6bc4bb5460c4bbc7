use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{RingSize, live::LiveRoom, origin_index::OriginIndex, ring::RingMemory};
use crate::chat::{Origins, Room, RoomId};

/// The rooms by id.
///
/// A standard lock, because it is held for a look-up only and never across an await.
#[derive(Default)]
pub(super) struct Rooms {
    by_id: RwLock<HashMap<RoomId, Arc<LiveRoom>>>,
    /// The channels among them, by their names. Of the two locks, this one is taken last.
    channels: RwLock<HashMap<String, RoomId>>,
    /// The rooms by the origins that they allow. No other lock is taken while this one is held.
    by_origin: RwLock<OriginIndex<RoomId>>,
    ring_size: RingSize,
    ring_memory: RingMemory,
    /// Whether there are other nodes.
    in_cluster: bool,
}

impl Rooms {
    /// No rooms yet; each that comes will keep so much in memory, and heed what is said on other nodes if there are any.
    pub(super) fn keeping(ring_size: RingSize, in_cluster: bool) -> Self {
        Self { ring_size, in_cluster, ..Self::default() }
    }

    pub(super) fn find(&self, room: RoomId) -> Option<Arc<LiveRoom>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(&room).cloned()
    }

    /// The room that has that name in addresses. Channels have none.
    pub(super) fn find_slug(&self, slug: &str) -> Option<RoomId> {
        let rooms = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        rooms.values().find(|room| room.channel().is_none() && room.has_slug(slug)).map(|room| room.id())
    }

    /// The channel of that name.
    pub(super) fn find_channel(&self, name: &str) -> Option<RoomId> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// Brings a room to life whose newest event is `head`. One that lives already stays as it is.
    pub(super) fn insert(&self, room: Room, head: u64) {
        let mut rooms = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = &room.settings.channel {
            self.channels.write().unwrap_or_else(PoisonError::into_inner).insert(channel.name.clone(), room.id);
        }
        rooms.entry(room.id).or_insert_with(|| {
            self.note_origins(room.id, room.settings.allowed_origins.clone());
            Arc::new(LiveRoom::new(room, head, self.ring_size, self.ring_memory.clone(), self.in_cluster))
        });
    }

    /// Takes a room out, if it is there.
    pub(super) fn remove(&self, room: RoomId) -> Option<Arc<LiveRoom>> {
        let mut rooms = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        channels.retain(|_, channel| *channel != room);
        self.note_origins(room, Origins::default());
        rooms.remove(&room)
    }

    /// Takes over whose pages may use a room.
    pub(super) fn note_origins(&self, room: RoomId, origins: Origins) {
        self.by_origin.write().unwrap_or_else(PoisonError::into_inner).set(&room, origins);
    }

    /// Whether a room lists the origin.
    pub(super) fn list_origin(&self, origin: &str) -> bool {
        self.by_origin.read().unwrap_or_else(PoisonError::into_inner).listing(origin).next().is_some()
    }

    /// All of them, ordered by id.
    pub(super) fn all(&self) -> Vec<Arc<LiveRoom>> {
        let mut all: Vec<_> = self.by_id.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_by_key(|room| room.id());
        all
    }
}
