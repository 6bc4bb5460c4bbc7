//! Seconds that count down to 0, as the page shows them.

use leptos::prelude::*;

use super::{
    clock::monotonic_ms,
    state::countdown::Deadline,
    task::{sleep, spawn},
};

/// Seconds that count down to 0. A handle; copies share it.
#[derive(Clone, Copy)]
pub struct Countdown {
    left: RwSignal<u32>,
    deadline: StoredValue<Option<Deadline>>,
    is_running: StoredValue<bool>,
}

impl Countdown {
    /// One that is over.
    pub fn new() -> Self {
        Self::of(0)
    }

    /// One with so many seconds left, which does not run yet.
    pub fn of(seconds: u32) -> Self {
        Self { left: RwSignal::new(seconds), deadline: StoredValue::new(None), is_running: StoredValue::new(false) }
    }

    /// Seconds that are left; 0 when it is over.
    pub fn left(self) -> u32 {
        self.left.get()
    }

    /// The same, without being told of changes.
    pub fn left_untracked(self) -> u32 {
        self.left.get_untracked()
    }

    /// Counts from so many seconds on, whatever was counted before. In a browser only.
    pub fn start(self, seconds: u32) {
        self.deadline.set_value(Some(Deadline::after(seconds, monotonic_ms())));
        self.show();
        if !self.is_running.get_value() {
            self.is_running.set_value(true);
            spawn(self.run());
        }
    }

    /// Ends it early.
    pub fn stop(self) {
        self.deadline.set_value(None);
        if self.left.get_untracked() > 0 {
            self.left.set(0);
        }
    }

    async fn run(self) {
        while let Some(deadline) = self.show() {
            sleep(deadline.next_change(monotonic_ms())).await;
        }
        self.is_running.set_value(false);
    }

    /// Shows how much is left. None if nothing is.
    fn show(self) -> Option<Deadline> {
        let left = self.deadline.get_value().map(|deadline| (deadline, deadline.seconds_left(monotonic_ms())));
        let seconds = left.map_or(0, |(_, seconds)| seconds);
        if self.left.get_untracked() != seconds {
            self.left.set(seconds);
        }
        left.filter(|(_, seconds)| *seconds > 0).map(|(deadline, _)| deadline)
    }
}
