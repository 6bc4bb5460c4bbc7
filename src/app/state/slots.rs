//! How many streams a browser has, as one of its tabs sees it.
//!
//! Over HTTP/1.1 a browser has six connections to a server, for all its tabs. The tabs that show one room share a stream (see
//! [`sharing`](super::sharing)); those of several rooms leave half of the connections for messages and pages. A tab that wants a stream
//! asks all others. Those that have one answer, and so do those that want one and come first.

/// Most streams of one browser.
const MOST_STREAMS: usize = 3;

/// The streams of a browser.
#[derive(Debug)]
pub struct Slots {
    /// Differs from that of every other tab. Of several that want a stream the smaller one comes first.
    id: f64,
    state: State,
    /// The tabs that have a stream, or come first.
    rivals: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Without,
    Asking,
    Holding,
}

impl Slots {
    pub fn new(id: f64) -> Self {
        Self { id, state: State::Without, rivals: Vec::new() }
    }

    /// Whether this tab has a stream.
    pub fn holds(&self) -> bool {
        self.state == State::Holding
    }

    /// This tab asks for a stream.
    pub fn ask(&mut self) {
        self.state = State::Asking;
        self.rivals.clear();
    }

    /// Another tab asks for one. Returns whether it has to be answered.
    pub fn asked(&mut self, other: f64) -> bool {
        match self.state {
            State::Without => false,
            State::Holding => true,
            State::Asking if self.id < other => true,
            State::Asking => {
                self.answered(other);
                false
            }
        }
    }

    /// Another tab has a stream, or comes first.
    pub fn answered(&mut self, other: f64) {
        if !self.rivals.contains(&other) {
            self.rivals.push(other);
        }
    }

    /// Returns whether this tab has a stream now. To be called once all others have had time to answer.
    pub fn decide(&mut self) -> bool {
        let is_free = self.rivals.len() < MOST_STREAMS;
        self.state = if is_free { State::Holding } else { State::Without };
        is_free
    }

    /// This tab gives its stream up.
    pub fn leave(&mut self) {
        self.state = State::Without;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has the tabs of these numbers ask, one after the other, before any of them decides.
    fn ask(tabs: &mut [Slots], asking: &[usize]) {
        for &tab in asking {
            tabs[tab].ask();
            let id = tabs[tab].id;
            for other in (0..tabs.len()).filter(|other| *other != tab) {
                if tabs[other].asked(id) {
                    let answer = tabs[other].id;
                    tabs[tab].answered(answer);
                }
            }
        }
        for &tab in asking {
            tabs[tab].decide();
        }
    }

    fn tabs(ids: &[f64]) -> Vec<Slots> {
        ids.iter().copied().map(Slots::new).collect()
    }

    fn holders(tabs: &[Slots]) -> Vec<usize> {
        (0..tabs.len()).filter(|tab| tabs[*tab].holds()).collect()
    }

    #[test]
    fn three_of_many_that_ask_at_once_have_a_stream() {
        for ids in [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], [0.4, 0.1, 0.6, 0.3, 0.5, 0.2]] {
            let mut tabs = tabs(&ids);
            ask(&mut tabs, &[0, 1, 2, 3, 4, 5]);
            let ids: Vec<f64> = holders(&tabs).into_iter().map(|tab| tabs[tab].id).collect();
            assert_eq!(ids.len(), MOST_STREAMS, "{ids:?}");
            assert!(ids.iter().all(|id| tabs.iter().filter(|tab| tab.id < *id).count() < MOST_STREAMS), "{ids:?}");
        }
    }

    #[test]
    fn a_tab_that_comes_late_waits_until_one_leaves() {
        let mut tabs = tabs(&[5.0, 4.0, 3.0, 0.5]);
        for tab in 0..3 {
            ask(&mut tabs, &[tab]);
        }
        ask(&mut tabs, &[3]);
        assert_eq!(holders(&tabs), [0, 1, 2], "a small number takes nobody's stream away");
        ask(&mut tabs, &[3]);
        assert_eq!(holders(&tabs), [0, 1, 2]);
        tabs[1].leave();
        ask(&mut tabs, &[3]);
        assert_eq!(holders(&tabs), [0, 2, 3]);
    }

    #[test]
    fn who_answers_twice_counts_once() {
        let mut slots = Slots::new(1.0);
        slots.ask();
        for _ in 0..5 {
            slots.answered(2.0);
        }
        assert!(slots.decide() && slots.holds());
    }
}
