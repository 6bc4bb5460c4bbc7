//! Which tab of a browser holds the stream of a room, as one of several tabs sees it.
//!
//! Over HTTP/1.1 a browser has six connections to a server. Six tabs with a stream each could send nothing, and a seventh would not
//! load. So one tab leads and relays what it receives to the others. Nothing depends on there being exactly one: every tab passes over
//! what it has already, and a tab that misses something opens a stream of its own. Two tabs that lead for a moment cost a connection.
//!
//! The tab that holds a [lock](Election::Lock) leads. Where there are no locks, the tabs [ask each other](Election::Messages).

use super::connection::Millis;

/// A tab that has asked for a leader waits for an answer this long, and up to as long again at random: of several that ask at once one
/// comes first.
pub const ANSWERS_WITHIN: Millis = 120.0;

/// A follower that hears nothing for this long asks whether the leader is still there.
const SILENT_FOR: Millis = 400.0;

/// A leader that does not answer a question within this time is gone, or frozen.
pub const GONE_AFTER: Millis = 800.0;

/// How the tabs find their leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// The browser gives a lock to one tab. A lock whose holder is frozen is taken away from it.
    Lock,
    /// The first tab to which nobody answers leads.
    Messages,
}

/// A tab among those that share a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Sharing {
    /// Differs from that of every other tab. Of two leaders the smaller one stays. Tabs without locks have the larger ids: a browser may
    /// refuse locks to the frames of other sites, and let them talk with pages that have the lock.
    id: f64,
    election: Election,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// It has asked for a leader, and waits for an answer or the lock.
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
    /// Take the lock away from its holder, if the reader sees this tab.
    Steal,
    /// Close the stream and queue for the lock again.
    Yield,
}

impl Sharing {
    /// A tab that begins. Its id and `chance` are from 0 to 1.
    pub fn asking(id: f64, election: Election, now: Millis, chance: f64) -> Self {
        let wait = match election {
            // The lock comes at once, unless its holder is frozen.
            Election::Lock => GONE_AFTER,
            Election::Messages => ANSWERS_WITHIN * (1.0 + chance),
        };
        Self { id: rank(id, election), election, role: Role::Asking { until: now + wait } }
    }

    /// Begins again.
    pub fn restart(&mut self, now: Millis, chance: f64) {
        *self = Self::asking(self.id, self.election, now, chance);
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
        match self.role {
            // The browser says who leads. The other tab has not heard yet that it has lost the lock.
            Role::Leading if self.id < WITHOUT_LOCKS && leader < WITHOUT_LOCKS => return Move::Stay,
            Role::Leading if self.id < leader => return Move::Insist,
            // Two that lead at the same time do not have their followers run to and fro.
            Role::Following { leader: followed, heard, .. } if followed != leader && now - heard < SILENT_FOR => {
                return Move::Stay;
            }
            Role::Asking { .. } | Role::Leading | Role::Following { .. } => {}
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
        self.restart(now, chance);
        Move::Ask
    }

    /// The browser has given the lock to this tab.
    pub fn won(&mut self) -> Move {
        self.role = Role::Leading;
        Move::Lead
    }

    /// Another tab has taken the lock away, or the browser refuses to give one.
    pub fn lost(&mut self, now: Millis, chance: f64) -> Move {
        let led = self.leads();
        if !led {
            self.election = Election::Messages;
            self.id = rank(self.id, self.election);
        }
        self.restart(now, chance);
        if led { Move::Yield } else { Move::Ask }
    }

    /// Returns what is due.
    pub fn tick(&mut self, now: Millis) -> Move {
        match &mut self.role {
            Role::Asking { until } if now >= *until => self.succeed(),
            Role::Following { asked: Some(asked), .. } if now - *asked >= GONE_AFTER => self.succeed(),
            Role::Following { heard, asked, .. } if asked.is_none() && now - *heard >= SILENT_FOR => {
                *asked = Some(now);
                Move::Ask
            }
            Role::Asking { .. } | Role::Leading | Role::Following { .. } => Move::Stay,
        }
    }

    /// Nobody leads.
    fn succeed(&mut self) -> Move {
        match self.election {
            Election::Lock => Move::Steal,
            Election::Messages => self.won(),
        }
    }
}

/// The ids from here on are those of tabs without locks.
const WITHOUT_LOCKS: f64 = 1.0;

/// Moves an id to where it belongs.
fn rank(id: f64, election: Election) -> f64 {
    id.fract() + if election == Election::Messages { WITHOUT_LOCKS } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const NOW: Millis = 1_796_000_000_000.0;

    const BOTH: [Election; 2] = [Election::Lock, Election::Messages];

    /// Tabs that hear each other at once. One of them may be frozen.
    struct Browser {
        tabs: Vec<Sharing>,
        frozen: Option<usize>,
        /// The tabs that queue for the lock. The first one holds it.
        queue: VecDeque<usize>,
        now: Millis,
    }

    impl Browser {
        fn new(tabs: usize, election: Election) -> Self {
            let tab = |n: usize| Sharing::asking(n as f64 / 100.0, election, NOW, (n * 7 % 10) as f64 / 10.0);
            let queue = if election == Election::Lock { (0..tabs).collect() } else { VecDeque::new() };
            let mut browser = Self { tabs: (0..tabs).map(tab).collect(), frozen: None, queue, now: NOW };
            browser.grant();
            browser
        }

        /// The browser gives the lock to the first tab of the queue, which may be frozen.
        fn grant(&mut self) {
            if let Some(&first) = self.queue.front()
                && Some(first) != self.frozen
                && !self.tabs[first].leads()
            {
                let step = self.tabs[first].won();
                self.act(first, step);
            }
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
                Move::Steal => {
                    let before = self.queue.pop_front();
                    self.queue.retain(|queued| *queued != tab);
                    self.queue.push_front(tab);
                    if let Some(before) = before.filter(|before| *before != tab && Some(*before) != self.frozen) {
                        let step = self.tabs[before].lost(self.now, 0.5);
                        self.act(before, step);
                    }
                    self.grant();
                }
                Move::Yield => self.queue.push_back(tab),
            }
        }

        /// The tab is closed without a word.
        fn close(&mut self, tab: usize) {
            self.frozen = Some(tab);
            self.queue.retain(|queued| *queued != tab);
            self.grant();
        }

        /// The frozen tab goes on, and hears that the lock was taken away.
        fn thaw(&mut self) {
            let Some(tab) = self.frozen.take() else { return };
            if self.tabs[tab].leads() && self.queue.front().is_some_and(|holder| *holder != tab) {
                let step = self.tabs[tab].lost(self.now, 0.5);
                self.act(tab, step);
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
        for (tabs, election) in [1, 2, 7, 20].into_iter().flat_map(|tabs| BOTH.map(|election| (tabs, election))) {
            let mut browser = Browser::new(tabs, election);
            browser.run(600);
            let [leader] = browser.leaders()[..] else { panic!("{tabs} tabs, {election:?}: {:?}", browser.leaders()) };
            browser.run(600_000);
            assert_eq!(browser.leaders(), [leader], "it stays");
        }
    }

    #[test]
    fn a_frozen_leader_is_replaced_within_two_seconds_and_yields_when_it_goes_on() {
        for election in BOTH {
            let mut browser = Browser::new(5, election);
            browser.run(600);
            browser.frozen = browser.leaders().pop();
            browser.run(2_000);
            assert_eq!(browser.leaders().len(), 1, "{election:?} {:?}", browser.leaders());
            browser.thaw();
            browser.run(2_000);
            assert_eq!(browser.leaders().len(), 1, "{election:?} {:?}", browser.leaders());
        }
    }

    #[test]
    fn a_tab_that_is_opened_beside_a_frozen_leader_leads() {
        let mut browser = Browser::new(2, Election::Lock);
        browser.frozen = Some(0);
        browser.tabs[1].restart(NOW, 0.5);
        browser.run(1_000);
        assert_eq!(browser.leaders(), [1]);
    }

    #[test]
    fn a_lock_passes_on_at_once() {
        let mut browser = Browser::new(4, Election::Lock);
        assert_eq!(browser.leaders(), [0]);
        browser.close(0);
        assert_eq!(browser.leaders(), [1], "no timer is needed");
    }

    #[test]
    fn a_browser_that_refuses_locks_falls_back_to_messages() {
        let mut tab = Sharing::asking(0.1, Election::Lock, NOW, 0.0);
        assert_eq!(tab.lost(NOW, 0.0), Move::Ask);
        assert_eq!(tab.tick(NOW + ANSWERS_WITHIN), Move::Lead);
    }

    #[test]
    fn of_two_leaders_the_smaller_one_stays_or_the_one_with_the_lock() {
        let alone = |id, election| Sharing { role: Role::Leading, ..Sharing::asking(id, election, NOW, 0.0) };
        let (mut small, mut large) = (alone(0.1, Election::Messages), alone(0.2, Election::Messages));
        assert_eq!(small.heard(large.id(), NOW), Move::Insist);
        assert_eq!(large.heard(small.id(), NOW), Move::Follow);
        assert!(small.leads() && large.follows(small.id()));
        let (mut deposed, mut holder) = (alone(0.1, Election::Lock), alone(0.2, Election::Lock));
        assert_eq!(holder.heard(deposed.id(), NOW), Move::Stay);
        assert_eq!(deposed.lost(NOW, 0.5), Move::Yield);
        assert_eq!(deposed.heard(holder.id(), NOW), Move::Follow);
        assert_eq!(holder.heard(small.id(), NOW), Move::Insist);
        assert_eq!(small.heard(holder.id(), NOW), Move::Follow, "it has no lock");
        assert!(holder.leads());
    }

    #[test]
    fn a_frame_that_is_refused_locks_follows_a_page_that_has_one() {
        let mut browser = Browser::new(8, Election::Lock);
        for frame in 1..8 {
            let step = browser.tabs[frame].lost(browser.now, 0.5);
            browser.act(frame, step);
        }
        browser.run(1_000);
        assert_eq!(browser.leaders(), [0]);
        browser.frozen = Some(0);
        browser.run(2_000);
        assert_eq!(browser.leaders().len(), 1, "a frame leads");
        browser.frozen = None;
        browser.run(2_000);
        assert_eq!(browser.leaders(), [0], "the page still has the lock");
    }

    #[test]
    fn a_follower_does_not_run_to_and_fro_between_two_leaders() {
        let mut follower = Sharing::asking(0.9, Election::Messages, NOW, 0.5);
        assert_eq!(follower.heard(1.1, NOW), Move::Follow);
        for at in [0.0, 10.0, SILENT_FOR - 1.0] {
            assert_eq!(follower.heard(1.2, NOW + at), Move::Stay, "{at}");
            assert!(follower.follows(1.1));
        }
        assert_eq!(follower.heard(1.2, NOW + SILENT_FOR), Move::Follow, "the other one is silent");
    }

    #[test]
    fn a_leader_that_says_good_bye_is_replaced_at_once() {
        let mut follower = Sharing::asking(0.2, Election::Messages, NOW, 0.5);
        assert_eq!(follower.heard(1.1, NOW), Move::Follow);
        assert_eq!(follower.left(1.7, NOW, 0.5), Move::Stay, "another one");
        assert_eq!(follower.left(1.1, NOW, 0.5), Move::Ask);
        assert_eq!(follower.tick(NOW + 100.0), Move::Stay);
        assert_eq!(follower.tick(NOW + 500.0), Move::Lead);
    }
}
