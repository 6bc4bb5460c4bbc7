//! Watches the machine's clock for jumps.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    chat::{Timestamp, clock::Watch},
    engine::Clock,
};

/// For how long a jump is part of what readiness warns of.
const WARNED_FOR: Duration = Duration::from_secs(3_600);

/// The newest jump of the clock. Clones share what they know.
#[derive(Clone, Default)]
pub(super) struct Jumps(Arc<Mutex<Option<(Instant, i64)>>>);

impl Jumps {
    /// What to tell the operator, for an hour after a jump.
    pub(super) fn warning(&self) -> Option<String> {
        let newest = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, milliseconds) = newest.filter(|(at, _)| at.elapsed() < WARNED_FOR)?;
        Some(told(milliseconds))
    }

    fn note(&self, milliseconds: i64) {
        metrics::counter!("live_chat_clock_jumps_total").increment(1);
        tracing::warn!("{}", told(milliseconds));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), milliseconds));
    }
}

fn told(milliseconds: i64) -> String {
    let way = if milliseconds > 0 { "forward" } else { "back" };
    format!("the clock of this machine jumped {way} by {} seconds", milliseconds.unsigned_abs() / 1_000)
}

/// A clock, and the watch over it.
pub(super) struct Times {
    clock: Clock,
    began: Instant,
    watch: Watch,
    jumps: Jumps,
}

impl Times {
    pub(super) fn new(clock: Clock, jumps: Jumps) -> Self {
        metrics::counter!("live_chat_clock_jumps_total").increment(0);
        let watch = Watch::new(clock(), Duration::ZERO);
        Self { clock, began: Instant::now(), watch, jumps }
    }

    /// Reads the clock.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Reports a jump since the last look.
    pub(super) fn look(&mut self) {
        if let Some(milliseconds) = self.watch.look((self.clock)(), self.began.elapsed()) {
            self.jumps.note(milliseconds);
        }
    }
}
