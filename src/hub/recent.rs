use std::time::Duration;

use tokio::time::Instant;

/// The length of a slot, of which there are as many as make a minute.
const SLOT: Duration = Duration::from_secs(1);
const SLOTS: usize = 60;

/// How many messages there were in the last minute.
pub(super) struct Recent {
    begun: Instant,
    /// The newest slot, counted from `begun`.
    slot: u64,
    counts: [u32; SLOTS],
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), slot: 0, counts: [0; SLOTS] }
    }

    /// There is one more.
    pub(super) fn add(&mut self) {
        self.advance();
        self.counts[self.slot as usize % SLOTS] += 1;
    }

    /// How many there were.
    pub(super) fn count(&mut self) -> u32 {
        self.advance();
        self.counts.iter().sum()
    }

    /// Empties the slots that have passed.
    fn advance(&mut self) {
        let now = self.begun.elapsed().as_secs() / SLOT.as_secs();
        for slot in (self.slot.max(now.saturating_sub(SLOTS as u64)) + 1)..=now {
            self.counts[slot as usize % SLOTS] = 0;
        }
        self.slot = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_a_minute_is_not_counted() {
        let mut recent = Recent::new();
        for _ in 0..90 {
            recent.add();
            tokio::time::advance(SLOT).await;
        }
        assert_eq!(recent.count(), 59, "the slot that begins now is empty");
        tokio::time::advance(SLOT * 30).await;
        assert_eq!(recent.count(), 29);
        recent.add();
        assert_eq!(recent.count(), 30);
        tokio::time::advance(SLOT * 1_000).await;
        assert_eq!(recent.count(), 0);
    }
}
