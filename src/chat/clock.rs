//! Which time an event gets when the machine's clock jumps. Pure: whoever reads the clocks passes the readings in.

use std::time::Duration;

use super::Timestamp;

/// How far a clock may be behind the newest event of a room before that event counts as stamped by a clock that ran ahead. Up to this,
/// events repeat the newest time, so that a small correction of the clock shows nowhere.
pub const HELD_FOR: Duration = Duration::from_secs(120);

/// By how much the clock may leave the passing of time before that counts as a jump. Network time slews by far less.
const JUMP: Duration = Duration::from_secs(2);

/// The time of an event that follows one at `newest`, when the clock says `now`.
///
/// Times do not decrease while the clock is at most [`HELD_FOR`] behind. Beyond that they follow the clock again at once, though they
/// decrease: the order of a log is that of its places, never that of its times.
pub fn next(newest: Timestamp, now: Timestamp) -> Timestamp {
    let is_held = now < newest && newest.0.saturating_sub(now.0) <= millis(HELD_FOR);
    if is_held { newest } else { now }
}

/// Compares the machine's clock with the time that passes.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    clock: Timestamp,
    passed: Duration,
}

impl Watch {
    /// Begins at a moment by the clock, and at a point of a time that only passes.
    pub fn new(clock: Timestamp, passed: Duration) -> Self {
        Self { clock, passed }
    }

    /// Returns by how many milliseconds the clock has jumped since the last look, if it has: forward if positive. A machine that slept
    /// looks like one whose clock jumped forward.
    pub fn look(&mut self, clock: Timestamp, passed: Duration) -> Option<i64> {
        let before = std::mem::replace(self, Self { clock, passed });
        let expected = before.clock.0.saturating_add(millis(passed.saturating_sub(before.passed)));
        let jump = clock.0.saturating_sub(expected);
        (jump.unsigned_abs() > JUMP.as_millis() as u64).then_some(jump)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn times_follow_the_clock_again_after_two_minutes_at_most() {
        let newest = 1_000 * MINUTE;
        // What the clock says, and what the event gets.
        let rows = [
            (newest + 1, newest + 1),
            (newest, newest),
            (newest - 1, newest),
            (newest - 2 * MINUTE, newest),
            (newest - 2 * MINUTE - 1, newest - 2 * MINUTE - 1),
            (newest - 600 * MINUTE, newest - 600 * MINUTE),
            (0, 0),
            (i64::MAX, i64::MAX),
            (i64::MIN, i64::MIN),
        ];
        for (now, expected) in rows {
            assert_eq!(next(Timestamp(newest), Timestamp(now)), Timestamp(expected), "{now}");
        }
        assert_eq!(next(Timestamp(i64::MIN), Timestamp(5)), Timestamp(5));
        assert_eq!(next(Timestamp(i64::MAX), Timestamp(5)), Timestamp(5));
    }

    #[test]
    fn a_clock_that_was_set_back_is_followed_within_two_minutes() {
        let (mut newest, set_back_to) = (Timestamp(1_000 * MINUTE), 1_000 * MINUTE - 110_000);
        for second in 0..=110 {
            newest = next(newest, Timestamp(set_back_to + second * 1_000));
        }
        assert_eq!(newest, Timestamp(1_000 * MINUTE), "it is caught up with");
        assert_eq!(next(newest, Timestamp(newest.0 + 1)).0, newest.0 + 1);
    }

    #[test]
    fn only_a_jump_is_one() {
        let seconds = Duration::from_secs;
        // What passes, by how many milliseconds the clock advances, and what is found.
        let rows = [
            (10, 10_000, None),
            (10, 11_999, None),
            (10, 8_001, None),
            (10, 3_610_000, Some(3_600_000)),
            (10, -3_590_000, Some(-3_600_000)),
            (0, 2_001, Some(2_001)),
        ];
        for (passes, advances, expected) in rows {
            let mut watch = Watch::new(Timestamp(MINUTE), seconds(5));
            assert_eq!(watch.look(Timestamp(MINUTE + advances), seconds(5 + passes)), expected, "{passes} {advances}");
            assert_eq!(watch.look(Timestamp(MINUTE + advances + 1_000), seconds(6 + passes)), None, "it is reported once");
        }
    }
}
