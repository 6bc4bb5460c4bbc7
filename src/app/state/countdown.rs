/// Something that is over in a while. It is counted by a clock that only runs forward, in milliseconds from any moment: what the reader's
/// own clock says does not matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deadline(f64);

impl Deadline {
    /// That many seconds after `now`.
    pub fn after(seconds: u32, now: f64) -> Self {
        Self(now + f64::from(seconds) * 1_000.0)
    }

    /// Seconds that are left at `now`, rounded up; 0 when it is over.
    pub fn seconds_left(self, now: f64) -> u32 {
        ((self.0 - now) / 1_000.0).ceil().max(0.0) as u32
    }

    /// Seconds from `now` until [`seconds_left`](Self::seconds_left) changes.
    pub fn next_change(self, now: f64) -> f64 {
        let left = (self.0 - now) / 1_000.0;
        // A timer may fire a moment early, which would show the same number again.
        (left - (left.ceil() - 1.0)).clamp(0.0, 1.0) + 0.005
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_counted_down_to_nothing() {
        let deadline = Deadline::after(2, 500.0);
        for (now, left) in [(500.0, 2), (501.0, 2), (1_499.0, 2), (1_500.0, 1), (2_499.9, 1), (2_500.0, 0), (9_999.0, 0)] {
            assert_eq!(deadline.seconds_left(now), left, "{now}");
        }
        for now in [500.0, 700.0, 1_499.0, 1_500.0] {
            let then = now + deadline.next_change(now) * 1_000.0;
            assert_eq!(deadline.seconds_left(then), deadline.seconds_left(now) - 1, "{now}");
        }
    }
}
