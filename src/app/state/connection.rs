//! The state machine of the page's connection to its room.
//!
//! It decides when to open the event stream, when to give it up, and when to read the history instead. Times are milliseconds of the
//! wall clock and are passed in: the timers of a hidden tab are late, and a deadline must not depend on how often they fire.

/// Time in milliseconds since 1970.
pub type Millis = f64;

/// The server sends an event at least this often. See the server's `HEARTBEAT`.
pub const HEARTBEAT: Millis = 15_000.0;

/// A live stream without any event for this long is dead: two heartbeats are missing, and the third is nearly due.
const DEAD_AFTER: Millis = 2.7 * HEARTBEAT;

/// A stream that brings nothing for this long is held back on its way, or nobody answers.
const OPENS_WITHIN: Millis = 10_000.0;

/// A reader who comes back to the page waits no longer than this for an attempt that was under way before.
const OPENS_WITHIN_ON_RETURN: Millis = 2_000.0;

/// A connection that lived this long has worked. The next failure counts as the first one.
const WORKED_AFTER: Millis = 10_000.0;

/// Longest wait between two attempts.
const LONGEST_WAIT: Millis = 30_000.0;

/// Time between two looks at the history while the stream is held back.
const POLL_EVERY: Millis = 3_000.0;

/// The connection's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    phase: Phase,
    /// Attempts in a row that did not work.
    failures: u32,
    /// When the history was read last, while the stream is held back.
    polled: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// An attempt is under way.
    Opening { since: Millis },
    /// Events arrive.
    Live { since: Millis, heard: Millis },
    /// The next attempt has a time.
    Waiting { until: Millis },
    /// The server refused the connection and would again.
    Refused,
}

/// What the page is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Open the stream, after closing the one that there may be.
    Open,
    /// Close the stream, and wait.
    Close,
    /// Read the history after the last known position.
    Poll,
    /// Read the history to see whether the stream is behind it.
    Check,
}

/// What a reader is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The stream is being opened.
    Connecting,
    /// Messages appear at once.
    Live,
    /// The connection is lost. The next attempt comes after this many seconds.
    Waiting(u32),
    /// Something on the way holds the stream back. Messages appear every few seconds.
    HeldBack,
    /// There will be no other attempt.
    Refused,
}

impl Connection {
    /// A connection that is opened now.
    pub fn opening(now: Millis) -> Self {
        Self { phase: Phase::Opening { since: now }, failures: 0, polled: None }
    }

    /// An attempt begins.
    pub fn open(&mut self, now: Millis) {
        if self.phase != Phase::Refused {
            self.phase = Phase::Opening { since: now };
        }
    }

    /// The stream has brought an event or a heartbeat. The first one says that it works.
    pub fn heard(&mut self, now: Millis) {
        match &mut self.phase {
            Phase::Opening { .. } => {
                self.phase = Phase::Live { since: now, heard: now };
                self.polled = None;
            }
            Phase::Live { heard, .. } => *heard = now,
            Phase::Waiting { .. } | Phase::Refused => {}
        }
    }

    /// The stream has ended. `chance` is from 0 to 1 and spreads the clients of a server that restarts.
    pub fn lost(&mut self, now: Millis, chance: f64) {
        match self.phase {
            Phase::Refused => return,
            Phase::Live { since, .. } if now - since > WORKED_AFTER => self.failures = 0,
            Phase::Live { .. } | Phase::Opening { .. } | Phase::Waiting { .. } => {}
        }
        self.phase = Phase::Waiting { until: now + wait(self.failures, chance) };
        self.failures = self.failures.saturating_add(1);
    }

    /// The history could not be read either, so it is not only the stream that is held back.
    pub fn unreachable(&mut self) {
        self.polled = None;
    }

    /// The browser has no connection to spare for a stream: the history is read instead, until there is one.
    pub fn crowded(&mut self, now: Millis) {
        if self.phase != Phase::Refused {
            self.phase = Phase::Waiting { until: now + POLL_EVERY };
            self.polled.get_or_insert(f64::NEG_INFINITY);
        }
    }

    /// The server refuses the connection for good.
    pub fn refused(&mut self) {
        self.phase = Phase::Refused;
    }

    /// Returns what is due. Called every half second, or as often as the browser allows.
    pub fn tick(&mut self, now: Millis, chance: f64) -> Step {
        match self.phase {
            Phase::Opening { since } if now - since >= OPENS_WITHIN => {
                self.lost(now, chance);
                self.polled.get_or_insert(f64::NEG_INFINITY);
                Step::Close
            }
            // The stream was dead for a while, so the next attempt does not wait.
            Phase::Live { heard, .. } if now - heard >= DEAD_AFTER => Step::Open,
            Phase::Waiting { until } if now >= until => Step::Open,
            Phase::Opening { .. } | Phase::Waiting { .. } if self.polled.is_some_and(|polled| now - polled >= POLL_EVERY) => {
                self.polled = Some(now);
                Step::Poll
            }
            Phase::Opening { .. } | Phase::Live { .. } | Phase::Waiting { .. } | Phase::Refused => Step::Rest,
        }
    }

    /// Returns what is due when the reader or the network comes back: nobody is to wait for a timer then.
    pub fn wake(&mut self, now: Millis) -> Step {
        match self.phase {
            Phase::Refused => Step::Rest,
            Phase::Opening { since } if now - since < OPENS_WITHIN_ON_RETURN => Step::Rest,
            Phase::Opening { .. } | Phase::Waiting { .. } => Step::Open,
            Phase::Live { heard, .. } if now - heard > HEARTBEAT * 1.5 => Step::Open,
            Phase::Live { .. } => Step::Check,
        }
    }

    /// Whether the server refused it for good.
    pub fn is_refused(&self) -> bool {
        self.phase == Phase::Refused
    }

    /// What a reader is told now.
    pub fn status(&self, now: Millis) -> Status {
        match self.phase {
            Phase::Refused => Status::Refused,
            Phase::Live { .. } => Status::Live,
            Phase::Opening { .. } | Phase::Waiting { .. } if self.polled.is_some() => Status::HeldBack,
            Phase::Opening { .. } => Status::Connecting,
            Phase::Waiting { until } => Status::Waiting(((until - now) / 1_000.0).ceil().max(0.0) as u32),
        }
    }
}

/// How long to wait after this many failures: hardly at all at first, then 1, 2, 4 seconds and so on, each up to a quarter more or less.
fn wait(failures: u32, chance: f64) -> Millis {
    let seconds = match failures {
        0 => chance,
        _ => 2_f64.powi(failures.min(8) as i32 - 1) * (0.75 + chance / 2.0),
    };
    (seconds * 1_000.0).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_796_000_000_000.0;

    fn live() -> Connection {
        let mut connection = Connection::opening(NOW);
        connection.heard(NOW);
        connection
    }

    /// The first step other than [`Step::Rest`] and the seconds until it, with a tick every second.
    fn next_step(connection: &mut Connection, from: Millis) -> (u32, Step) {
        (0..200)
            .map(|second| (second, connection.tick(from + f64::from(second) * 1_000.0, 0.5)))
            .find(|(_, step)| *step != Step::Rest)
            .unwrap_or((u32::MAX, Step::Rest))
    }

    #[test]
    fn waits_grow_and_are_bounded() {
        let rows = [
            (0, 0.0, 1_000.0),
            (1, 750.0, 1_250.0),
            (2, 1_500.0, 2_500.0),
            (3, 3_000.0, 5_000.0),
            (5, 12_000.0, 20_000.0),
            (9, 30_000.0, 30_000.0),
            (u32::MAX, 30_000.0, 30_000.0),
        ];
        for (failures, shortest, longest) in rows {
            assert_eq!(wait(failures, 0.0), shortest, "{failures}");
            assert_eq!(wait(failures, 1.0), longest, "{failures}");
        }
    }

    #[test]
    fn a_silent_stream_is_opened_again_within_45_seconds() {
        let (seconds, step) = next_step(&mut live(), NOW);
        assert_eq!(step, Step::Open);
        assert!((30..45).contains(&seconds), "{seconds}");
    }

    #[test]
    fn a_healthy_idle_stream_stays() {
        let mut connection = live();
        for second in 1..=600 {
            let now = NOW + f64::from(second) * 1_000.0;
            // Each heartbeat is up to three seconds late.
            if second % 18 == 0 {
                connection.heard(now);
            }
            assert_eq!(connection.tick(now, 0.5), Step::Rest, "{second}");
            assert_eq!(connection.status(now), Status::Live);
        }
    }

    #[test]
    fn a_stream_that_is_held_back_is_told_and_replaced_by_the_history() {
        let mut connection = Connection::opening(NOW);
        assert_eq!(connection.status(NOW), Status::Connecting);
        let (seconds, step) = next_step(&mut connection, NOW);
        assert_eq!((seconds, step), (10, Step::Close));
        let from = NOW + 10_000.0;
        assert_eq!(connection.status(from), Status::HeldBack);
        let (mut polls, mut attempts, mut opened_at) = (Vec::new(), 0, f64::INFINITY);
        for second in 0..60 {
            let now = from + f64::from(second) * 1_000.0;
            match connection.tick(now, 0.5) {
                Step::Poll => polls.push(second),
                Step::Open => {
                    attempts += 1;
                    opened_at = now;
                    connection.open(now);
                }
                Step::Rest => {}
                Step::Close => assert!(now - opened_at >= OPENS_WITHIN, "an attempt has its time"),
                Step::Check => panic!("there is no stream to check"),
            }
            assert_eq!(connection.status(now), Status::HeldBack, "{second}");
        }
        assert!(attempts >= 3, "{attempts}");
        assert!(polls.len() >= 17 && polls.windows(2).all(|pair| pair[1] - pair[0] <= 5), "{polls:?}");
        connection.open(from + 60_000.0);
        connection.heard(from + 60_000.0);
        assert_eq!(connection.status(from + 60_000.0), Status::Live);
        assert_eq!(connection.tick(from + 64_000.0, 0.5), Step::Rest, "a live stream needs no history");
    }

    #[test]
    fn a_server_that_does_not_answer_at_all_is_no_stream_that_is_held_back() {
        let mut connection = Connection::opening(NOW);
        assert_eq!(next_step(&mut connection, NOW), (10, Step::Close));
        connection.unreachable();
        assert!(matches!(connection.status(NOW + 10_000.0), Status::Waiting(_)));
    }

    #[test]
    fn a_page_without_a_connection_to_spare_reads_the_history_and_asks_again() {
        let mut connection = Connection::opening(NOW);
        connection.crowded(NOW);
        let (mut polls, mut attempts) = (0, 0);
        for half_second in 0..60 {
            let now = NOW + f64::from(half_second) * 500.0;
            match connection.tick(now, 0.5) {
                Step::Poll => polls += 1,
                Step::Open => {
                    attempts += 1;
                    connection.open(now);
                    connection.crowded(now);
                }
                Step::Rest => {}
                step @ (Step::Close | Step::Check) => panic!("there is no stream: {step:?}"),
            }
            assert_eq!(connection.status(now), Status::HeldBack);
        }
        assert!(polls >= 8 && attempts >= 8, "{polls} {attempts}");
        connection.refused();
        connection.crowded(NOW);
        assert_eq!(connection.status(NOW), Status::Refused);
    }

    #[test]
    fn deadlines_are_those_of_the_clock_and_not_of_the_ticks() {
        let mut connection = live();
        connection.lost(NOW + 60_000.0, 1.0);
        assert_eq!(connection.status(NOW + 60_000.0), Status::Waiting(1));
        // One tick a minute, as in a hidden tab.
        assert_eq!(connection.tick(NOW + 120_000.0, 0.5), Step::Open);
    }

    #[test]
    fn a_connection_that_worked_is_opened_again_at_once() {
        let mut connection = live();
        for _ in 0..6 {
            connection.lost(NOW, 1.0);
            connection.open(NOW);
        }
        connection.heard(NOW);
        connection.lost(NOW + 9_000.0, 1.0);
        assert_eq!(connection.status(NOW + 9_000.0), Status::Waiting(30), "it lived for too short a time");
        connection.open(NOW + 40_000.0);
        connection.heard(NOW + 40_000.0);
        connection.lost(NOW + 51_000.0, 1.0);
        assert_eq!(connection.status(NOW + 51_000.0), Status::Waiting(1));
    }

    #[test]
    fn a_reader_who_comes_back_does_not_wait() {
        let mut waiting = live();
        waiting.lost(NOW, 0.5);
        assert_eq!(waiting.wake(NOW), Step::Open);
        let mut opening = Connection::opening(NOW);
        assert_eq!(opening.wake(NOW + 1_000.0), Step::Rest);
        assert_eq!(opening.wake(NOW + 3_000.0), Step::Open);
        let mut live = live();
        assert_eq!(live.wake(NOW + 15_000.0), Step::Check, "a healthy stream is not opened again");
        assert_eq!(live.wake(NOW + 30_000.0), Step::Open);
    }

    #[test]
    fn a_refusal_is_final() {
        let mut connection = live();
        connection.refused();
        connection.lost(NOW, 0.5);
        connection.open(NOW);
        assert_eq!(connection.status(NOW), Status::Refused);
        assert_eq!(connection.wake(NOW + 600_000.0), Step::Rest);
        assert_eq!(next_step(&mut connection, NOW), (u32::MAX, Step::Rest));
    }
}
