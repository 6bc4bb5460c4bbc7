use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::chat::{Event, Message};

/// Entries that a room keeps for its subscribers. One that falls further behind is fed from the store.
const ENTRIES: usize = 1_024;

/// Bytes of payload that a room keeps for its subscribers: what bounds the memory when messages are big.
const PAYLOAD_BYTES: usize = 4 * 1024 * 1024;

/// What subscribers are told.
#[derive(Clone, Debug)]
pub enum Item {
    /// An event of the log.
    Event(Arc<Event>),
    /// Somebody came or left: told, never stored.
    Presence {
        /// Whether there are more now than before, or fewer.
        joined: bool,
        /// How many there are now.
        viewer_count: usize,
    },
}

/// One item on its way to a room's subscribers, with its encoded form, made once and shared by all of them.
#[derive(Debug)]
pub struct Entry {
    /// What it is.
    pub item: Item,
    frame: OnceLock<Bytes>,
}

impl Entry {
    /// The entry's encoded form, made by the first who asks.
    pub fn frame(&self, encode: impl FnOnce(&Item) -> Bytes) -> &Bytes {
        self.frame.get_or_init(|| encode(&self.item))
    }

    fn payload_bytes(&self) -> usize {
        match &self.item {
            Item::Event(event) => event.message().map_or(0, |Message { payload, .. }| payload.get().len()),
            Item::Presence { .. } => 0,
        }
    }
}

/// The newest entries of a room, shared by its subscribers, each of which holds a cursor into it: the number of the entry that it
/// reads next, counted from 0 at the room's start.
#[derive(Default)]
pub(super) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    /// The number of the oldest entry kept.
    start: u64,
    payload_bytes: usize,
}

impl Ring {
    /// The number that the next entry will get.
    pub(super) fn end(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    pub(super) fn push(&mut self, item: Item) {
        let entry = Arc::new(Entry { item, frame: OnceLock::new() });
        self.payload_bytes += entry.payload_bytes();
        self.entries.push_back(entry);
        while self.entries.len() > ENTRIES || (self.payload_bytes > PAYLOAD_BYTES && self.entries.len() > 1) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.payload_bytes -= oldest.payload_bytes();
            self.start += 1;
        }
    }

    /// Up to `limit` entries from `cursor` on; `None` if the first of them is gone.
    pub(super) fn read(&self, cursor: u64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        let skip = usize::try_from(cursor.checked_sub(self.start)?).ok()?;
        Some(self.entries.iter().skip(skip).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(ring: &Ring, cursor: u64, limit: usize) -> Option<Vec<usize>> {
        let count = |entry: Arc<Entry>| match entry.item {
            Item::Presence { viewer_count, .. } => viewer_count,
            Item::Event(_) => unreachable!("only presence was pushed"),
        };
        Some(ring.read(cursor, limit)?.into_iter().map(count).collect())
    }

    #[test]
    fn a_cursor_reads_on_and_one_that_fell_out_is_told() {
        let mut ring = Ring::default();
        for viewer_count in 0..ENTRIES + 5 {
            ring.push(Item::Presence { joined: true, viewer_count });
        }
        assert_eq!(ring.end(), (ENTRIES + 5) as u64);
        assert_eq!(counts(&ring, 4, 2), None);
        assert_eq!(counts(&ring, 5, 2), Some(vec![5, 6]));
        assert_eq!(counts(&ring, ring.end() - 1, 9), Some(vec![ENTRIES + 4]));
        assert_eq!(counts(&ring, ring.end(), 9), Some(vec![]));
    }
}
