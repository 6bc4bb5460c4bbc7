//! Which tab of a browser holds the stream of a room, as one of several tabs sees it.
//!
//! Over HTTP/1.1 a browser has six connections to a server. Six tabs with a stream each could send nothing, and a seventh would not
//! load. So one tab leads and relays what it receives to the others. Nothing depends on there being exactly one: every tab passes over
//! what it has already, and a tab that misses something opens a stream of its own. Two tabs that lead for a moment cost a connection.

use super::connection::Millis;

/// A tab that has asked for a leader waits for an answer this long, and up to as long again at random: of several that ask at once one
/// comes first.
pub const ANSWERS_WITHIN: Millis = 120.0;

/// A follower that hears nothing for this long asks whether the leader is still there.
const SILENT_FOR: Millis = 800.0;

/// A leader that does not answer a question within this time is gone, or frozen.
const GONE_AFTER: Millis = 900.0;

/// A tab among those that share a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Sharing {
    /// Differs from that of every other tab. Of two leaders the smaller one stays.
    id: f64,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// It has asked for a leader.
    Asking { until: Millis },
    /// It holds the stream.
    Leading,
    /// Another tab holds the stream.
    Following { leader: f64, heard: Millis, asked: Option<Millis> },
}

/// What the tab is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing.
    Stay,
    /// Ask whether there is a leader.
    Ask,
    /// Open the stream, and say so.
    Lead,
    /// Say again that it leads.
    Insist,
    /// Close the stream that there may be, and tell the leader how far it is.
    Follow,
}

impl Sharing {
    /// A tab that begins. `chance` is from 0 to 1.
    pub fn asking(id: f64, now: Millis, chance: f64) -> Self {
        Self { id, role: Role::Asking { until: now + ANSWERS_WITHIN * (1.0 + chance) } }
    }

    /// The tab's id.
    pub fn id(&self) -> f64 {
        self.id
    }

    /// Whether it holds the stream.
    pub fn leads(&self) -> bool {
        self.role == Role::Leading
    }

    /// Whether it follows the tab of that id.
    pub fn follows(&self, leader: f64) -> bool {
        matches!(self.role, Role::Following { leader: followed, .. } if followed == leader)
    }

    /// Another tab says that it leads, or relays something.
    pub fn heard(&mut self, leader: f64, now: Millis) -> Move {
        if self.leads() && self.id < leader {
            return Move::Insist;
        }
        let is_new = !self.follows(leader);
        self.role = Role::Following { leader, heard: now, asked: None };
        if is_new { Move::Follow } else { Move::Stay }
    }

    /// A tab says that it leads no more.
    pub fn left(&mut self, leader: f64, now: Millis, chance: f64) -> Move {
        if !self.follows(leader) {
            return Move::Stay;
        }
        *self = Self::asking(self.id, now, chance);
        Move::Ask
    }

    /// Returns what is due.
    pub fn tick(&mut self, now: Millis) -> Move {
        match &mut self.role {
            Role::Asking { until } if now >= *until => {
                self.role = Role::Leading;
                Move::Lead
            }
            Role::Following { asked: Some(asked), .. } if now - *asked >= GONE_AFTER => {
                self.role = Role::Leading;
                Move::Lead
            }
            Role::Following { heard, asked, .. } if asked.is_none() && now - *heard >= SILENT_FOR => {
                *asked = Some(now);
                Move::Ask
            }
            Role::Asking { .. } | Role::Leading | Role::Following { .. } => Move::Stay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_796_000_000_000.0;

    /// Tabs that hear each other at once. One of them may be frozen or closed.
    struct Browser {
        tabs: Vec<Sharing>,
        frozen: Option<usize>,
        now: Millis,
    }

    impl Browser {
        fn new(tabs: usize) -> Self {
            let tab = |n: usize| Sharing::asking(n as f64, NOW, (n * 7 % 10) as f64 / 10.0);
            Self { tabs: (0..tabs).map(tab).collect(), frozen: None, now: NOW }
        }

        fn live(&self) -> impl Iterator<Item = usize> + use<> {
            let frozen = self.frozen;
            (0..self.tabs.len()).filter(move |n| Some(*n) != frozen)
        }

        /// What a tab does, and what the others do about it.
        fn act(&mut self, tab: usize, step: Move) {
            match step {
                Move::Stay | Move::Follow => {}
                Move::Ask => {
                    self.live().filter(|n| self.tabs[*n].leads()).collect::<Vec<_>>().into_iter().for_each(|n| self.say(n))
                }
                Move::Lead | Move::Insist => self.say(tab),
            }
        }

        fn say(&mut self, leader: usize) {
            for other in self.live().filter(|n| *n != leader) {
                let id = self.tabs[leader].id();
                let step = self.tabs[other].heard(id, self.now);
                self.act(other, step);
            }
        }

        fn run(&mut self, milliseconds: u32) {
            for _ in 0..milliseconds / 50 {
                self.now += 50.0;
                for tab in self.live() {
                    let step = self.tabs[tab].tick(self.now);
                    self.act(tab, step);
                }
            }
        }

        fn leaders(&self) -> Vec<usize> {
            self.live().filter(|n| self.tabs[*n].leads()).collect()
        }
    }

    #[test]
    fn one_of_many_tabs_leads() {
        for tabs in [1, 2, 7, 20] {
            let mut browser = Browser::new(tabs);
            browser.run(600);
            let [leader] = browser.leaders()[..] else { panic!("{tabs} tabs: {:?}", browser.leaders()) };
            browser.run(600_000);
            assert_eq!(browser.leaders(), [leader], "it stays");
        }
    }

    #[test]
    fn a_frozen_leader_is_replaced_within_two_seconds() {
        let mut browser = Browser::new(5);
        browser.run(600);
        browser.frozen = browser.leaders().pop();
        browser.run(2_000);
        assert_eq!(browser.leaders().len(), 1, "{:?}", browser.leaders());
    }

    #[test]
    fn of_two_leaders_the_smaller_one_stays() {
        let alone = |id| Sharing { id, role: Role::Leading };
        let (mut small, mut large) = (alone(1.0), alone(2.0));
        assert_eq!(small.heard(2.0, NOW), Move::Insist);
        assert_eq!(large.heard(1.0, NOW), Move::Follow);
        assert!(small.leads() && large.follows(1.0));
    }

    #[test]
    fn a_leader_that_says_good_bye_is_replaced_at_once() {
        let mut follower = Sharing::asking(2.0, NOW, 0.5);
        assert_eq!(follower.heard(1.0, NOW), Move::Follow);
        assert_eq!(follower.left(7.0, NOW, 0.5), Move::Stay, "another one");
        assert_eq!(follower.left(1.0, NOW, 0.5), Move::Ask);
        assert_eq!(follower.tick(NOW + 100.0), Move::Stay);
        assert_eq!(follower.tick(NOW + 500.0), Move::Lead);
    }
}
