//! A room that is played again: where it stands, what is due, and what has to be fetched. Times are milliseconds, those of the room from
//! its start, those of the clock from any moment.

use std::collections::VecDeque;

use crate::app::wire::{Playhead, Recorded, ReplayPage};

/// With fewer messages than this ahead, more are fetched.
const LOW: usize = 100;

/// How fast a replay can run, compared with the room, and how that is written.
pub const SPEEDS: [(f64, &str); 6] = [(0.5, "0.5×"), (NORMAL, "1×"), (1.5, "1.5×"), (2.0, "2×"), (4.0, "4×"), (8.0, "8×")];

/// The speed of the room.
const NORMAL: f64 = 1.0;

/// What a replay has to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where the messages begin, as a part of a query: at a moment, or after a message.
    pub place: String,
    /// Whether the list has to be fetched too, since the replay went to a moment that is not next to what is shown.
    pub list: bool,
}

/// A replay of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Playback {
    at: f64,
    end: u64,
    /// How far it is known what was said. More may have been said at that very moment.
    known: u64,
    /// The last message that was fetched; empty for none.
    last: String,
    /// What was fetched and is not due yet, oldest first.
    ahead: VecDeque<Recorded>,
    /// Whether the list does not show what was said until now.
    is_away: bool,
    speed: f64,
    /// When time was let pass last, while it plays.
    clock: Option<f64>,
}

impl Playback {
    /// A replay that stands where its page does.
    pub fn new(Playhead { at_seconds, length_seconds, .. }: Playhead) -> Self {
        let (at, end) = (at_seconds * 1_000, length_seconds * 1_000);
        let (last, ahead) = (String::new(), VecDeque::new());
        Self { at: at as f64, end, known: at, last, ahead, is_away: false, speed: NORMAL, clock: None }
    }

    /// Returns the moment in whole seconds.
    pub fn seconds(&self) -> u64 {
        self.at as u64 / 1_000
    }

    /// Returns the last moment in whole seconds.
    pub fn length(&self) -> u64 {
        self.end / 1_000
    }

    /// Returns how fast it runs, compared with the room.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Returns whether it plays.
    pub fn is_playing(&self) -> bool {
        self.clock.is_some()
    }

    /// Returns whether it stands at its end.
    pub fn is_over(&self) -> bool {
        self.at as u64 >= self.end
    }

    /// Returns whether it would go on if it knew what comes.
    pub fn is_waiting(&self) -> bool {
        self.is_away || (self.is_playing() && !self.knows_all() && self.at as u64 >= self.known)
    }

    /// Returns whether a message comes, as far as that is known.
    pub fn has_next(&self) -> Option<bool> {
        match self.ahead.front() {
            Some(next) => Some(next.offset <= self.end),
            None => self.knows_all().then_some(false),
        }
    }

    /// Returns the moment of the next message in whole seconds, if it is known.
    pub fn next_seconds(&self) -> Option<u64> {
        self.ahead.front().map(|next| next.offset.min(self.end).div_ceil(1_000))
    }

    fn knows_all(&self) -> bool {
        self.known > self.end
    }

    /// Lets it play, from its start if it stands at its end.
    pub fn play(&mut self, now: f64) {
        if self.is_over() {
            self.seek(0);
        }
        if self.end > 0 {
            self.clock = Some(now);
        }
    }

    /// Stops it where it is.
    pub fn pause(&mut self) {
        self.clock = None;
    }

    /// Lets it run that fast from now on.
    pub fn set_speed(&mut self, speed: f64, now: f64) {
        self.advance(now);
        self.speed = speed;
    }

    /// Lets time pass, no further than what is known. It stops at its end.
    pub fn advance(&mut self, now: f64) {
        let Some(before) = self.clock.replace(now) else {
            self.clock = None;
            return;
        };
        if !self.is_away {
            let bound = self.known.min(self.end) as f64;
            let then = self.at + (now - before).max(0.0) * self.speed;
            self.at = self.at.max(then.min(bound));
        }
        if self.is_over() {
            self.pause();
        }
    }

    /// Goes to a moment, in seconds.
    pub fn seek(&mut self, seconds: u64) {
        self.go_to((seconds * 1_000).min(self.end));
    }

    /// Goes to the moment of the next message, if it is known.
    pub fn skip_to_next(&mut self) {
        if let Some(next) = self.ahead.front() {
            self.go_to(next.offset.min(self.end));
        }
    }

    fn go_to(&mut self, to: u64) {
        let is_near = !self.is_away && to >= self.at as u64 && to <= self.known;
        self.at = to as f64;
        if !is_near {
            (self.is_away, self.known) = (true, to);
            self.ahead.clear();
            self.last.clear();
        }
    }

    /// Takes out what is due.
    pub fn due(&mut self) -> Vec<Recorded> {
        let due = self.ahead.iter().take_while(|next| next.offset <= self.at as u64).count();
        self.ahead.drain(..due).collect()
    }

    /// Returns what to fetch now, if anything.
    pub fn wanted(&self) -> Option<Wanted> {
        let is_low = !self.knows_all() && self.ahead.len() < LOW;
        // The order is that of the log: where the server's clock was set back, later messages have earlier moments.
        let place = || match &*self.last {
            "" => format!("from={}", self.known + 1),
            last => format!("after={last}"),
        };
        (self.is_away || is_low).then(|| Wanted { place: place(), list: self.is_away })
    }

    /// Takes over what was fetched, and returns whether it is still wanted: the reader may have gone elsewhere meanwhile.
    pub fn receive(&mut self, wanted: &Wanted, page: ReplayPage) -> bool {
        if self.wanted().as_ref() != Some(wanted) {
            return false;
        }
        self.is_away = false;
        let furthest = page.recorded.iter().map(|recorded| recorded.offset).max();
        self.known = match furthest {
            Some(furthest) if page.has_more => self.known.max(furthest),
            _ => self.end + 1,
        };
        if let Some(last) = page.recorded.last() {
            self.last.clone_from(&last.id);
        }
        self.ahead.extend(page.recorded);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [u64; 0] = [];

    fn playback(at_seconds: u64, length_seconds: u64) -> Playback {
        Playback::new(Playhead { at_seconds, length_seconds, next_seconds: None, plays: false })
    }

    fn page(offsets: impl IntoIterator<Item = u64>, has_more: bool) -> ReplayPage {
        let recorded = |offset| Recorded { offset, id: format!("id-{offset}"), message: None };
        ReplayPage { recorded: offsets.into_iter().map(recorded).collect(), has_more }
    }

    /// Hands it what it wants.
    fn feed(playback: &mut Playback, page: ReplayPage) {
        let wanted = playback.wanted().expect("it wants something");
        assert!(playback.receive(&wanted, page));
    }

    fn due(playback: &mut Playback) -> Vec<u64> {
        playback.due().iter().map(|due| due.offset).collect()
    }

    /// What is due once it has played for that long.
    fn played(playback: &mut Playback, milliseconds: f64) -> Vec<u64> {
        playback.advance(playback.clock.expect("it plays") + milliseconds);
        due(playback)
    }

    #[test]
    fn what_was_said_comes_when_it_was_said() {
        let mut playback = playback(1, 600);
        assert_eq!(playback.wanted(), Some(Wanted { place: "from=1001".to_owned(), list: false }));
        assert_eq!(playback.has_next(), None, "nothing is known yet");
        feed(&mut playback, page([5_000, 5_000, 9_500, 600_000], false));
        assert_eq!((playback.wanted(), playback.has_next()), (None, Some(true)));
        assert_eq!(playback.next_seconds(), Some(5));
        playback.play(70.0);
        assert_eq!(played(&mut playback, 3_999.0), NOTHING);
        assert_eq!((played(&mut playback, 1.0), playback.seconds()), (vec![5_000, 5_000], 5));
        assert_eq!((played(&mut playback, 4_500.0), playback.seconds()), (vec![9_500], 9));
        assert_eq!((played(&mut playback, 1e9), playback.seconds()), (vec![600_000], 600));
        assert!(playback.is_over() && !playback.is_playing());
        assert_eq!(playback.has_next(), Some(false));
    }

    #[test]
    fn it_stands_still_while_it_is_paused() {
        let mut playback = playback(0, 60);
        feed(&mut playback, page([2_000], false));
        playback.advance(50_000.0);
        assert_eq!((due(&mut playback), playback.seconds()), (vec![], 0), "it was never started");
        playback.play(50_000.0);
        assert_eq!(played(&mut playback, 1_500.0), NOTHING);
        playback.pause();
        playback.advance(99_000.0);
        playback.play(200_000.0);
        assert_eq!(played(&mut playback, 499.0), NOTHING, "the time of the pause does not count");
        assert_eq!(played(&mut playback, 1.0), [2_000]);
        assert_eq!(played(&mut playback, -9_000.0), NOTHING, "a clock that is set back does no harm");
        assert_eq!(playback.seconds(), 2);
    }

    #[test]
    fn it_waits_for_what_is_not_known_yet() {
        let mut playback = playback(0, 600);
        playback.play(0.0);
        assert_eq!(played(&mut playback, 10_000.0), NOTHING);
        assert!(playback.seconds() == 0 && playback.is_waiting());
        feed(&mut playback, page([3_000, 4_000], true));
        assert!(!playback.is_waiting());
        assert_eq!(played(&mut playback, 10_000.0), [3_000, 4_000]);
        assert!(playback.seconds() == 4 && playback.is_waiting());
        assert_eq!(playback.wanted(), Some(Wanted { place: "after=id-4000".to_owned(), list: false }));
        feed(&mut playback, page([4_000, 8_000], false));
        assert_eq!(due(&mut playback), [4_000], "more was said at that moment");
        assert_eq!((playback.wanted(), played(&mut playback, 4_000.0)), (None, vec![8_000]));
    }

    #[test]
    fn the_order_is_that_of_the_log_also_where_the_clock_was_set_back() {
        let mut playback = playback(0, 600);
        feed(&mut playback, page([50_000].into_iter().chain((0..LOW as u64).map(|n| 20_000 + n)), true));
        playback.play(0.0);
        assert_eq!(played(&mut playback, 49_999.0), NOTHING);
        assert_eq!(played(&mut playback, 1.0).len(), LOW + 1);
        feed(&mut playback, page([30_000, 51_000], true));
        assert_eq!(due(&mut playback), [30_000]);
        assert_eq!(played(&mut playback, 5_000.0), [51_000]);
        assert_eq!(playback.wanted().map(|wanted| wanted.place), Some("after=id-51000".to_owned()));
    }

    #[test]
    fn no_more_is_fetched_than_is_needed_soon() {
        let mut playback = playback(0, 36_000);
        feed(&mut playback, page((0..LOW as u64).map(|n| n * 60_000), true));
        assert_eq!(playback.wanted(), None);
        assert_eq!(due(&mut playback), [0]);
        assert!(playback.wanted().is_some_and(|wanted| !wanted.list));
    }

    #[test]
    fn a_near_moment_needs_no_request_and_any_other_the_list() {
        let mut playback = playback(10, 600);
        feed(&mut playback, page([12_000, 70_000, 90_000], true));
        playback.seek(75);
        assert_eq!((due(&mut playback), playback.seconds()), (vec![12_000, 70_000], 75));
        assert!(!playback.is_waiting());
        for (to, place) in [(74, "from=74001"), (91, "from=91001"), (0, "from=1"), (9_999, "from=600001")] {
            playback.seek(to);
            assert_eq!(playback.wanted(), Some(Wanted { place: place.to_owned(), list: true }), "{to}");
            assert!(playback.is_waiting() && due(&mut playback).is_empty());
        }
        assert_eq!(playback.seconds(), 600, "no further than the end");
    }

    #[test]
    fn what_was_fetched_for_another_moment_is_passed_over() {
        let mut playback = playback(0, 600);
        let first = playback.wanted().expect("the beginning");
        playback.seek(100);
        playback.play(0.0);
        assert!(!playback.receive(&first, page([1_000], false)));
        assert_eq!(played(&mut playback, 5_000.0), NOTHING);
        assert_eq!(playback.seconds(), 100, "it waits for the list");
        feed(&mut playback, page([101_000], false));
        assert_eq!(played(&mut playback, 1_000.0), [101_000]);
    }

    #[test]
    fn the_next_message_is_one_step_away() {
        let mut playback = playback(0, 600);
        playback.skip_to_next();
        assert_eq!(playback.seconds(), 0, "it is not known");
        feed(&mut playback, page([65_250, 65_250, 70_000], false));
        playback.skip_to_next();
        assert_eq!((due(&mut playback), playback.seconds()), (vec![65_250, 65_250], 65));
        playback.skip_to_next();
        assert_eq!(due(&mut playback), [70_000]);
        playback.skip_to_next();
        assert_eq!((playback.has_next(), playback.seconds()), (Some(false), 70));
    }

    #[test]
    fn what_came_after_the_page_was_loaded_is_no_part_of_it() {
        let mut playback = playback(0, 10);
        feed(&mut playback, page([12_000], false));
        assert_eq!(playback.has_next(), Some(false));
        playback.play(0.0);
        assert_eq!(played(&mut playback, 60_000.0), NOTHING);
        assert_eq!(playback.seconds(), 10);
    }

    #[test]
    fn it_begins_anew_from_its_end() {
        let mut playback = playback(600, 600);
        feed(&mut playback, page([], false));
        assert!(playback.is_over());
        playback.play(5.0);
        assert!(playback.is_playing() && playback.seconds() == 0);
        assert!(playback.wanted().is_some_and(|wanted| wanted.list && wanted.place == "from=1"));
    }

    #[test]
    fn a_room_in_which_no_time_passed_does_not_play() {
        let mut playback = playback(0, 0);
        playback.play(0.0);
        assert!(playback.is_over() && !playback.is_playing());
    }

    #[test]
    fn it_runs_as_fast_as_it_is_told() {
        let mut playback = playback(0, 600);
        feed(&mut playback, page([], false));
        playback.play(0.0);
        for (speed, seconds) in [(1.0, 10), (8.0, 90), (0.5, 95), (4.0, 135)] {
            playback.set_speed(speed, playback.clock.expect("it plays"));
            played(&mut playback, 10_000.0);
            assert_eq!(playback.seconds(), seconds, "{speed}");
        }
        playback.set_speed(2.0, 45_000.0);
        assert_eq!(playback.seconds(), 155, "what had passed before passed at the old speed");
    }
}
