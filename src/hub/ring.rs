use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use crate::{
    chat::{Event, Message, ShownInterface},
    protocol::Dialect,
};

/// What a frame has beside its payload, about, in any dialect.
const ENVELOPE_BYTES: usize = 300;

/// Bytes of payload that the rings of all rooms keep together. Beyond it each keeps [`LEAST_BYTES`] of what comes.
const ALL_RINGS_BYTES: usize = 64 << 20;

/// Bytes of payload that a ring may keep however many rooms there are.
const LEAST_BYTES: usize = 64 << 10;

/// Counts the bytes of payload in the rings of all rooms. Clones are cheap.
#[derive(Clone, Default)]
pub(super) struct RingMemory(Arc<AtomicUsize>);

/// How much a room keeps in memory for its subscribers. One that falls further behind is fed from the store.
#[derive(Clone, Copy, Debug)]
pub struct RingSize {
    /// Entries at most.
    pub entries: usize,
    /// Bytes of payload at most: what bounds the memory when messages are big. The newest entry is kept whatever its size.
    pub payload_bytes: usize,
}

impl Default for RingSize {
    fn default() -> Self {
        Self { entries: 1_024, payload_bytes: 4 * 1024 * 1024 }
    }
}

/// What subscribers are told.
#[derive(Clone, Debug)]
pub enum Item {
    /// An event of the log.
    Event(Arc<Event>),
    /// One person came or left: told, never stored.
    Presence {
        /// Whether they came.
        joined: bool,
        /// How many people there are now.
        viewer_count: usize,
    },
    /// How many people there are, where not each of them is told: told, never stored.
    Viewers {
        /// How many.
        viewer_count: usize,
        /// Whether the room is small again, so that a client that counts notices is to be brought to this number.
        settles: bool,
    },
    /// So many messages wait for a moderator: told to those alone, never stored.
    Waiting(usize),
    /// Whether the log can be reached, which has changed: told, never stored.
    Reachable(bool),
    /// What the room's game shows, which has changed: told, and not kept in the log.
    Interface(Option<ShownInterface>),
    /// An action of the room's game is open to nobody for so long: told, never stored.
    Cooldown {
        /// The action.
        action: Arc<str>,
        /// For how long.
        duration: Duration,
    },
    /// A message that was deleted: nothing is told of it any more.
    Erased,
    /// A frame of the relay that is no chat message, encoded as it is sent: relayed, never stored.
    Relayed(Bytes),
}

/// One item on its way to a room's subscribers, with its encoded form, made once and shared by all of them.
#[derive(Debug)]
pub struct Entry {
    /// What it is.
    pub item: Item,
    /// Its number in the room's ring.
    number: u64,
    /// The newest event at or before it.
    seq: u64,
    /// The page's.
    frame: OnceLock<Bytes>,
    /// The other dialects'. On its own, for it costs nothing where nobody speaks one.
    others: OnceLock<Box<OtherFrames>>,
}

type OtherFrames = [OnceLock<Bytes>; Dialect::OTHERS];

impl Entry {
    fn new(item: Item, number: u64, seq: u64) -> Self {
        Self { item, number, seq, frame: OnceLock::new(), others: OnceLock::new() }
    }

    /// The entry's encoded form in a dialect, made by the first who asks.
    pub fn frame(&self, dialect: Dialect, encode: impl FnOnce(&Item) -> Bytes) -> &Bytes {
        let frame = dialect.other().map_or(&self.frame, |other| &self.others.get_or_init(Box::default)[other]);
        frame.get_or_init(|| encode(&self.item))
    }

    /// The event in it, if it is one.
    pub fn event(&self) -> Option<&Event> {
        match &self.item {
            Item::Event(event) => Some(event),
            Item::Presence { .. }
            | Item::Viewers { .. }
            | Item::Waiting(_)
            | Item::Reachable(_)
            | Item::Erased
            | Item::Relayed(_) => None,
            Item::Interface(_) | Item::Cooldown { .. } => None,
        }
    }

    /// Its number in the room's ring, counted from 0 at the room's start.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// About how many bytes its frame has, known before it is encoded.
    fn frame_bytes(&self) -> usize {
        self.payload_bytes() + ENVELOPE_BYTES
    }

    fn payload_bytes(&self) -> usize {
        match &self.item {
            Item::Event(event) => event.message().map_or(0, |Message { payload, .. }| payload.get().len()),
            Item::Interface(interface) => interface.as_ref().map_or(0, |interface| interface.get().len()),
            Item::Presence { .. } | Item::Viewers { .. } | Item::Waiting(_) | Item::Reachable(_) => 0,
            Item::Cooldown { .. } | Item::Erased => 0,
            Item::Relayed(frame) => frame.len(),
        }
    }
}

/// The newest entries of a room, shared by its subscribers, each of which holds a cursor into it: the number of the entry that it
/// reads next.
pub(super) struct Ring {
    size: RingSize,
    memory: RingMemory,
    entries: VecDeque<Arc<Entry>>,
    /// The number of the oldest entry kept.
    start: u64,
    payload_bytes: usize,
    /// The newest event that is not kept any more, or that was before the ring.
    before: u64,
    news: bool,
    /// The number after the newest relayed frame, kept or not. No store has those.
    relayed_until: u64,
}

impl Ring {
    pub(super) fn new(size: RingSize, memory: RingMemory, head: u64) -> Self {
        Self { size, memory, entries: VecDeque::new(), start: 0, payload_bytes: 0, before: head, news: false, relayed_until: 0 }
    }

    /// The number that the next entry will get.
    pub(super) fn end(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    /// Adds an entry; `seq` is the newest event with it.
    pub(super) fn push(&mut self, seq: u64, item: Item) {
        let entry = Arc::new(Entry::new(item, self.end(), seq));
        self.grow(entry.payload_bytes());
        if let Item::Relayed(_) = entry.item {
            self.relayed_until = self.end() + 1;
        }
        self.entries.push_back(entry);
        self.news = true;
        while self.entries.len() > self.size.entries.max(1) || (self.payload_bytes > self.most_bytes() && self.entries.len() > 1)
        {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.let_go(&oldest);
        }
    }

    /// Takes the content out of those entries: whoever has not read them yet never will.
    pub(super) fn erase(&mut self, is_gone: impl Fn(&Event) -> bool) {
        let mut erased = 0;
        for entry in &mut self.entries {
            if entry.event().is_some_and(&is_gone) {
                erased += entry.payload_bytes();
                let (number, seq) = (entry.number, entry.seq);
                *entry = Arc::new(Entry::new(Item::Erased, number, seq));
            }
        }
        self.shrink(erased);
    }

    /// Takes out the deletion at `deletion`, which was undone, and lets go of everything up to `seq`, among which is what it had taken
    /// out: whoever has not read that yet reads the log.
    pub(super) fn forget_undone(&mut self, deletion: u64, seq: u64) {
        self.erase(|event| event.seq == deletion);
        while self.entries.front().is_some_and(|oldest| oldest.seq <= seq)
            && let Some(oldest) = self.entries.pop_front()
        {
            self.let_go(&oldest);
        }
    }

    fn let_go(&mut self, oldest: &Entry) {
        self.shrink(oldest.payload_bytes());
        self.start += 1;
        self.before = oldest.seq;
    }

    fn most_bytes(&self) -> usize {
        let is_much = self.memory.0.load(Ordering::Relaxed) > ALL_RINGS_BYTES;
        if is_much { self.size.payload_bytes.min(LEAST_BYTES) } else { self.size.payload_bytes }
    }

    fn grow(&mut self, bytes: usize) {
        self.payload_bytes += bytes;
        self.memory.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn shrink(&mut self, bytes: usize) {
        self.payload_bytes -= bytes;
        self.memory.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether anything was pushed since this was asked last.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Whether there was a relayed frame at or after `cursor`.
    pub(super) fn has_relayed_since(&self, cursor: u64) -> bool {
        cursor < self.relayed_until
    }

    /// The number of the oldest entry of the newer half of what the ring may keep, by entries and by bytes: a reader that has not
    /// reached it is about to fall out.
    pub(super) fn newer_half(&self) -> u64 {
        let (most_entries, most_bytes) = (self.size.entries / 2, self.most_bytes() / 2);
        let mut bytes = 0;
        let is_newer = |entry: &&Arc<Entry>| {
            bytes += entry.payload_bytes();
            bytes <= most_bytes
        };
        self.end() - self.entries.iter().rev().take(most_entries).take_while(is_newer).count() as u64
    }

    /// The number of the first entry after event `seq`; `None` if an event after it is gone.
    pub(super) fn after(&self, seq: u64) -> Option<u64> {
        (seq >= self.before).then(|| self.start + self.entries.partition_point(|entry| entry.seq <= seq) as u64)
    }

    /// Entries from `cursor` on, up to the one of number `until`, as many as fit into about `bytes` of frames, and at least one;
    /// `None` if the first of them is gone.
    pub(super) fn read(&self, cursor: u64, until: u64, bytes: usize) -> Option<Vec<Arc<Entry>>> {
        let skip = usize::try_from(cursor.checked_sub(self.start)?).ok()?;
        let mut total = 0;
        let fits = |entry: &&Arc<Entry>| {
            let first = total == 0;
            total += entry.frame_bytes();
            entry.number < until && (first || total <= bytes)
        };
        Some(self.entries.iter().skip(skip).take_while(fits).cloned().collect())
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.shrink(self.payload_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Kind, Payload, Profile, RoomId, Timestamp, UserId};

    fn ring(entries: usize) -> Ring {
        Ring::new(RingSize { entries, ..RingSize::default() }, RingMemory::default(), 0)
    }

    fn notice(viewer_count: usize) -> Item {
        Item::Presence { joined: true, viewer_count }
    }

    fn numbers(ring: &Ring, cursor: u64, until: u64, bytes: usize) -> Option<Vec<u64>> {
        Some(ring.read(cursor, until, bytes)?.iter().map(|entry| entry.number()).collect())
    }

    #[test]
    fn a_cursor_reads_on_and_one_that_fell_out_is_told() {
        let mut ring = ring(10);
        (0..15).for_each(|n| ring.push(0, notice(n)));
        assert_eq!(ring.end(), 15);
        assert_eq!(numbers(&ring, 4, u64::MAX, 9_999), None);
        assert_eq!(numbers(&ring, 5, 7, 9_999), Some(vec![5, 6]));
        assert_eq!(numbers(&ring, 5, 99, 3 * ENVELOPE_BYTES), Some(vec![5, 6, 7]), "no more bytes than asked for");
        assert_eq!(numbers(&ring, 5, 99, 0), Some(vec![5]), "one at least");
        assert_eq!(numbers(&ring, 14, u64::MAX, 9_999), Some(vec![14]));
        assert_eq!(numbers(&ring, 15, u64::MAX, 9_999), Some(vec![]));
    }

    #[test]
    fn a_position_is_found_while_all_that_followed_is_kept() {
        let mut ring = Ring::new(RingSize { entries: 4, ..RingSize::default() }, RingMemory::default(), 7);
        assert_eq!((ring.after(6), ring.after(7)), (None, Some(0)));
        // Event 8, a notice, events 9 and 10.
        for seq in [8, 8, 9, 10] {
            ring.push(seq, notice(0));
        }
        assert_eq!((ring.after(6), ring.after(7), ring.after(8), ring.after(9), ring.after(10)), {
            (None, Some(0), Some(2), Some(3), Some(4))
        });
        ring.push(11, notice(0));
        assert_eq!((ring.after(7), ring.after(8), ring.after(11)), (None, Some(2), Some(5)));
    }

    fn said(seq: u64, bytes: usize) -> Item {
        let message = Message {
            author: UserId::admin(),
            payload: Payload::of(&"x".repeat(bytes)),
            video_time: 0.0,
            profile: Profile::default(),
            reactions: Vec::new(),
        };
        let kind = Kind::Message(message);
        Item::Event(Arc::new(Event { room: RoomId::FIRST, seq, sent_at: Timestamp(0), client_message_id: None, kind }))
    }

    #[test]
    fn the_newer_half_is_bounded_by_entries_and_by_bytes() {
        let mut ring = Ring::new(RingSize { entries: 10, payload_bytes: 1_000 }, RingMemory::default(), 0);
        let push = |ring: &mut Ring, bytes| ring.push(0, Item::Relayed(vec![0; bytes].into()));
        (0..8).for_each(|_| push(&mut ring, 1));
        assert_eq!(ring.newer_half(), 3);
        push(&mut ring, 400);
        assert_eq!(ring.newer_half(), 4);
        push(&mut ring, 400);
        assert_eq!(ring.newer_half(), 9);
        push(&mut ring, 2_000);
        assert_eq!(ring.newer_half(), ring.end(), "the newest is more than half");
    }

    #[test]
    fn it_is_known_whether_a_relayed_frame_was_missed() {
        let mut ring = ring(2);
        ring.push(0, notice(0));
        assert!(!ring.has_relayed_since(0));
        ring.push(0, Item::Relayed(Bytes::from_static(b"x")));
        assert_eq!([0, 1, 2].map(|cursor| ring.has_relayed_since(cursor)), [true, true, false]);
        (0..5).for_each(|n| ring.push(0, notice(n)));
        assert_eq!(
            [0, 1, 2].map(|cursor| ring.has_relayed_since(cursor)),
            [true, true, false],
            "also when it is not kept any more"
        );
    }

    #[test]
    fn the_rings_of_many_rooms_have_a_bound_together() {
        let memory = RingMemory::default();
        let mut rings: Vec<_> = (0..100).map(|_| Ring::new(RingSize::default(), memory.clone(), 0)).collect();
        for ring in &mut rings {
            (1..=80).for_each(|seq| ring.push(seq, said(seq, 60_000)));
        }
        let all = memory.0.load(Ordering::Relaxed);
        assert_eq!(all, rings.iter().map(|ring| ring.payload_bytes).sum::<usize>());
        assert!(all <= ALL_RINGS_BYTES + rings.len() * (LEAST_BYTES + 60_002), "{all}");
        rings.clear();
        assert_eq!(memory.0.load(Ordering::Relaxed), 0);
    }
}
