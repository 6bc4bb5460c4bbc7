use std::time::Duration;

/// Watches whether a client takes what waits for it fast enough: at least [`BYTES`](Self::BYTES) in each minute. Time counts only while
/// something waits.
///
/// The kernel reports progress in steps of about 32 KiB (half of what it keeps unsent for a connection), so a client that is just fast
/// enough shows one step a minute.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    taken: usize,
}

impl Pace {
    /// Bytes that a client has to take in a minute: 273 a second.
    pub const BYTES: usize = 16 << 10;

    /// The length of a window: whoever watches asks [`next_window`](Self::next_window) after it.
    pub const WINDOW: Duration = Duration::from_secs(60);

    /// The client has taken some bytes.
    pub fn took(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_add(bytes);
    }

    /// Ends a window and begins the next one. Returns `false` if the client was too slow.
    pub fn next_window(&mut self) -> bool {
        std::mem::take(&mut self.taken) >= Self::BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_is_judged_by_itself() {
        let mut pace = Pace::default();
        pace.took(Pace::BYTES - 1);
        pace.took(1);
        assert!(pace.next_window());
        pace.took(Pace::BYTES - 1);
        assert!(!pace.next_window());
        assert!(!pace.next_window());
    }
}
