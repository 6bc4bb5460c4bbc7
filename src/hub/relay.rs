//! The relay: frames that go to everybody who reads it, as they are. Those that are chat messages are published; the others are kept
//! nowhere.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Caller, ConnectionId, Hub, Refusal, publish::Speaker};
use crate::{
    chat::{Draft, RoomId},
    engine::RelayedFrame,
};

/// How long a frame of another node waits for the events that came before it there. On a node that is further behind it overtakes
/// them.
const EVENTS_WITHIN: Duration = Duration::from_secs(2);

/// How long nobody waits for a reader that was waited for in vain: what it can hold up others is bounded by that.
const PASSED_OVER_FOR: Duration = Duration::from_secs(60);

/// Bytes of such frames that may wait in a room. Beyond it the oldest do not wait any longer.
const WAITING_BYTES: usize = 4 << 20;

/// How far one reader of the relay is in the room's ring.
pub(super) struct RelayReader(AtomicU64);

impl RelayReader {
    /// Everything before the entry of number `cursor` has left.
    pub(super) fn reach(&self, cursor: u64) {
        self.0.store(cursor, Ordering::Relaxed);
    }
}

/// Frames of other nodes that are here before the events that came before them there.
#[derive(Default)]
pub(super) struct WaitingFrames {
    frames: VecDeque<Waiting>,
    bytes: usize,
}

struct Waiting {
    /// The newest event before it.
    after: u64,
    frame: Bytes,
    since: Instant,
}

impl WaitingFrames {
    /// Has a frame wait for the event at `after`. Returns the frames that must not wait any longer.
    pub(super) fn add(&mut self, after: u64, frame: Bytes) -> Vec<Bytes> {
        self.bytes += frame.len();
        self.frames.push_back(Waiting { after, frame, since: Instant::now() });
        let mut excess = self.bytes.saturating_sub(WAITING_BYTES);
        self.take(|waiting| {
            let is_taken = excess > 0;
            excess = excess.saturating_sub(waiting.frame.len());
            is_taken
        })
    }

    /// Takes the frames that come before the event at `seq`.
    pub(super) fn take_before(&mut self, seq: u64) -> Vec<Bytes> {
        self.take(|waiting| waiting.after < seq)
    }

    /// Takes the frames that have waited in vain.
    pub(super) fn take_late(&mut self) -> Vec<Bytes> {
        self.take(|waiting| waiting.since.elapsed() >= EVENTS_WITHIN)
    }

    fn take(&mut self, mut is_taken: impl FnMut(&Waiting) -> bool) -> Vec<Bytes> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        self.frames.retain(|waiting| {
            let is_kept = !is_taken(waiting);
            if !is_kept {
                bytes += waiting.frame.len();
                taken.push(waiting.frame.clone());
            }
            is_kept
        });
        self.bytes -= bytes;
        taken
    }
}

/// A room's readers of the relay on this node.
#[derive(Default)]
pub(super) struct RelayReaders(Vec<Seat>);

struct Seat {
    connection: ConnectionId,
    reader: Arc<RelayReader>,
    /// When it was waited for in vain.
    passed_over_at: Option<Instant>,
}

impl RelayReaders {
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, connection: ConnectionId, cursor: u64) -> Arc<RelayReader> {
        let reader = Arc::new(RelayReader(AtomicU64::new(cursor)));
        self.0.push(Seat { connection, reader: Arc::clone(&reader), passed_over_at: None });
        reader
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.0.retain(|seat| seat.connection != connection);
    }

    /// Whether one of them has not reached the entry of number `newer_half`, and is waited for.
    pub(super) fn lag(&self, newer_half: u64) -> bool {
        let is_waited_for = |seat: &Seat| seat.passed_over_at.is_none_or(|at| at.elapsed() >= PASSED_OVER_FOR);
        self.0.iter().any(|seat| seat.lags(newer_half) && is_waited_for(seat))
    }

    /// Waits for none of those that lag for a while.
    pub(super) fn pass_over(&mut self, newer_half: u64) {
        for seat in self.0.iter_mut().filter(|seat| seat.lags(newer_half)) {
            seat.passed_over_at = Some(Instant::now());
        }
    }
}

impl Seat {
    fn lags(&self, newer_half: u64) -> bool {
        self.reader.0.load(Ordering::Relaxed) < newer_half
    }
}

impl Hub {
    /// Gives a frame to all readers of the relay, on all nodes. If it is a chat message that the room takes, `draft` is what it is in
    /// the log: it is published then, for all dialects. Length and rate limits, and rules on words, links and names, decide only that.
    ///
    /// # Errors
    /// Those of [`publish`](Self::publish) that are not about what is said, and [`Refusal::TooLarge`] for a frame that does not fit
    /// between the nodes of a cluster.
    pub async fn relay(&self, room: RoomId, caller: Caller<'_>, frame: Bytes, draft: Option<Draft>) -> Result<(), Refusal> {
        let (live, claims) = self.let_in(room, &caller)?;
        let speaker = Speaker::new(self, Arc::clone(&live), claims, caller.from)?;
        speaker.check(&speaker.rules)?;
        if let Some(draft) = draft
            && !self.is_disk_low()
            && speaker.say_relayed(draft).await?
        {
            return Ok(());
        }
        if let Some(most) = self.relayed_bytes().filter(|most| frame.len() > *most) {
            return Err(Refusal::TooLarge { most });
        }
        metrics::counter!("live_chat_relayed_frames_total").increment(1);
        speaker.heard(None);
        live.keep_pace().await;
        let after = live.relay(frame.clone());
        self.relay_elsewhere(RelayedFrame { room, after, frame }).await;
        Ok(())
    }

    /// Whether a reader of a room's relay on this node is about to miss frames: who sends there should wait a little.
    pub fn relay_lags(&self, room: RoomId) -> bool {
        self.find(room).is_ok_and(|live| live.relay_lags())
    }

    /// Stops [waiting](Self::relay_lags) for the readers that lag now, for a minute.
    pub fn pass_over_relay_laggards(&self, room: RoomId) {
        if let Ok(live) = self.find(room) {
            live.pass_over_relay_laggards();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_frame_waits_for_what_came_before_it_and_not_for_ever() {
        let mut waiting = WaitingFrames::default();
        let frame = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        for (after, text) in [(5, "a"), (9, "b"), (5, "c")] {
            assert!(waiting.add(after, frame(text)).is_empty());
        }
        assert!(waiting.take_before(5).is_empty(), "they come behind it");
        assert_eq!(waiting.take_before(6), ["a", "c"]);
        assert!(waiting.take_late().is_empty());
        tokio::time::advance(EVENTS_WITHIN).await;
        assert_eq!(waiting.take_late(), ["b"]);
        let large = Bytes::from(vec![0; WAITING_BYTES / 2]);
        assert!(waiting.add(9, large.clone()).is_empty() && waiting.add(9, large.clone()).is_empty());
        assert_eq!(waiting.add(9, frame("x")), std::slice::from_ref(&large), "the oldest makes room");
        assert_eq!(waiting.take_before(10).len(), 2);
        assert_eq!(waiting.bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_readers_that_lag_are_waited_for_and_each_once_a_minute() {
        let mut readers = RelayReaders::default();
        let (quick, slow) = (ConnectionId::random(), ConnectionId::random());
        readers.add(quick, 0).reach(10);
        let stalled = readers.add(slow, 0);
        assert!(readers.lag(5) && !readers.lag(0));
        readers.pass_over(5);
        assert!(!readers.lag(5), "not again");
        stalled.reach(6);
        assert!(!readers.lag(7), "it had caught up, and lags again soon");
        tokio::time::advance(PASSED_OVER_FOR).await;
        assert!(!readers.lag(6) && readers.lag(7));
        readers.remove(slow);
        assert!(!readers.lag(7));
    }
}
