//! The newest events of a room's stream, for tabs that come later or are behind.

use std::collections::VecDeque;

use crate::chat::Position;

/// Most events that are kept.
const MOST_EVENTS: usize = 500;

/// An event of the stream, as one tab relays it to the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Relayed {
    /// The position before it.
    pub after: Position,
    /// Its position; none for a notice, which is not kept.
    pub at: Option<Position>,
    /// What it says.
    pub data: String,
}

/// Events that follow each other without a gap.
#[derive(Debug, Default)]
pub struct Backlog(VecDeque<Relayed>);

impl Backlog {
    /// Keeps an event. One that does not continue the others replaces them.
    pub fn keep(&mut self, event: Relayed) {
        if event.at.is_none() {
            return;
        }
        if self.0.back().is_some_and(|last| last.at.as_ref() != Some(&event.after)) {
            self.0.clear();
        }
        self.0.push_back(event);
        if self.0.len() > MOST_EVENTS {
            self.0.pop_front();
        }
    }

    /// Forgets the events: what follows does not continue them.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// Returns the events after a position, where this tab itself has reached `own`. None if it does not have all of them.
    pub fn after(&self, position: &Position, own: &Position) -> Option<Vec<Relayed>> {
        if position.covers(own) {
            return Some(Vec::new());
        }
        let reaches_back = self.0.front().is_some_and(|first| position.covers(&first.after));
        let is_missed = |event: &&Relayed| event.at.as_ref().is_some_and(|at| !position.covers(at));
        reaches_back.then(|| self.0.iter().filter(is_missed).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Position {
        text.parse().expect(text)
    }

    fn event(after: &str, id: &str) -> Relayed {
        Relayed { after: at(after), at: Some(at(id)), data: id.into() }
    }

    /// The events after `position` in a backlog of one event after the other.
    fn missed(steps: &[&str], position: &str) -> Option<Vec<String>> {
        let mut backlog = Backlog::default();
        steps.windows(2).for_each(|pair| backlog.keep(event(pair[0], pair[1])));
        let own = steps.last().expect("a step");
        backlog.after(&at(position), &at(own)).map(|events| events.into_iter().map(|event| event.data).collect())
    }

    #[test]
    fn what_a_tab_has_missed_is_told_or_it_is_told_that_this_cannot_be_done() {
        let steps = ["e-7", "e-8", "e-9", "e-12"];
        let rows: [(&str, Option<&[&str]>); 9] = [
            ("e-7", Some(&["e-8", "e-9", "e-12"])),
            ("e-8", Some(&["e-9", "e-12"])),
            // Between two events lie some that the stream does not carry, such as private ones.
            ("e-10", Some(&["e-12"])),
            ("e-12", Some(&[])),
            ("e-100", Some(&[])),
            ("e-6", None),
            ("f-12", None),
            // It has not been given what came before.
            ("eS8-9", None),
            ("e.8-9", None),
        ];
        for (position, expected) in rows {
            let expected = expected.map(|events| events.iter().map(|event| (*event).to_owned()).collect());
            assert_eq!(missed(&steps, position), expected, "{position}");
        }
        assert_eq!(missed(&["e-7"], "e-7"), Some(Vec::new()));
        assert_eq!(missed(&["e-7"], "e-6"), None, "nothing is kept");
    }

    #[test]
    fn notices_are_not_kept_and_what_follows_a_gap_stands_alone() {
        let mut backlog = Backlog::default();
        backlog.keep(event("e-1", "e-2"));
        backlog.keep(Relayed { after: at("e-2"), at: None, data: "viewers".into() });
        backlog.keep(event("e-2", "e-3"));
        assert_eq!(backlog.after(&at("e-1"), &at("e-3")).map(|events| events.len()), Some(2));
        backlog.keep(event("e-9", "e-10"));
        assert_eq!(backlog.after(&at("e-1"), &at("e-10")), None);
        assert_eq!(backlog.after(&at("e-9"), &at("e-10")).map(|events| events.len()), Some(1));
        backlog.forget();
        assert_eq!(backlog.after(&at("e-9"), &at("e-10")), None);
    }

    #[test]
    fn a_backlog_is_bounded() {
        let mut backlog = Backlog::default();
        (0..2_000).for_each(|n| backlog.keep(event(&format!("e-{n}"), &format!("e-{}", n + 1))));
        assert_eq!(backlog.0.len(), MOST_EVENTS);
        assert_eq!(backlog.after(&at("e-1999"), &at("e-2000")).map(|events| events.len()), Some(1));
        assert_eq!(backlog.after(&at("e-1499"), &at("e-2000")), None);
    }
}
