//! What a screen reader is told of new messages: each once, as its author's name and its text, and many at once as a number.

use super::connection::Millis;

/// More messages than this that come together are only counted: to hear them would take longer than until the next.
pub const MOST_LINES: usize = 3;

/// Messages that come within this time are announced together.
const GATHERS_FOR: Millis = 400.0;

/// There is this much time from one announcement to the next, so that a busy room leaves its reader time to listen.
const PAUSE: Millis = 4_000.0;

/// Gathers what is to be announced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Announcer {
    /// The first lines that wait.
    lines: Vec<String>,
    /// How many wait, with those.
    count: usize,
    /// When the next announcement may come.
    not_before: Millis,
}

/// What is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Each of a few messages.
    Lines(Vec<String>),
    /// That so many messages came.
    Count(usize),
}

impl Announcer {
    /// Gathers a message. Returns after how long it is to be [taken](Self::take), if it is the first that waits.
    pub fn gather(&mut self, line: String, now: Millis) -> Option<Millis> {
        self.count += 1;
        if self.lines.len() < MOST_LINES {
            self.lines.push(line);
        }
        (self.count == 1).then(|| (self.not_before - now).max(GATHERS_FOR))
    }

    /// Takes what waits.
    pub fn take(&mut self, now: Millis) -> Announcement {
        self.not_before = now + PAUSE;
        let (lines, count) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.count));
        if count > lines.len() { Announcement::Count(count) } else { Announcement::Lines(lines) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Announcement {
        Announcement::Lines((0..count).map(|n| format!("Ann: {n}")).collect())
    }

    #[test]
    fn few_are_read_and_many_are_counted() {
        for (count, expected) in [(1, lines(1)), (3, lines(3)), (4, Announcement::Count(4)), (5_000, Announcement::Count(5_000))]
        {
            let mut announcer = Announcer::default();
            for n in 0..count {
                announcer.gather(format!("Ann: {n}"), 0.0);
            }
            assert!(announcer.lines.len() <= MOST_LINES, "what waits is bounded");
            assert_eq!(announcer.take(GATHERS_FOR), expected);
        }
    }

    #[test]
    fn one_timer_waits_for_all_that_come_together() {
        let mut announcer = Announcer::default();
        assert_eq!(announcer.gather("one".into(), 10_000.0), Some(GATHERS_FOR));
        assert_eq!(announcer.gather("two".into(), 10_100.0), None);
        announcer.take(10_400.0);
        assert_eq!(announcer.gather("three".into(), 10_500.0), Some(PAUSE - 100.0), "there is time to listen");
        assert_eq!(announcer.gather("four".into(), 10_600.0), None);
        announcer.take(14_400.0);
        assert_eq!(announcer.gather("five".into(), 60_000.0), Some(GATHERS_FOR));
    }
}
