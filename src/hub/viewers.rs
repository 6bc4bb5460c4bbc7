//! Who is in a room, counted as people: somebody with three tabs is one viewer, on whichever nodes the tabs are connected.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use serde::{Deserialize, Serialize};

use crate::chat::UserId;

/// Up to this many viewers, each who comes or leaves is told to the others. A bigger room is told its count once a second: in a raid
/// notices would be most of the traffic. Nodes name the people of rooms up to this size to each other, and of bigger ones the number.
pub(super) const MOST_TOLD: usize = 100;

/// A person, in 8 bytes: the same number for the same user id on all nodes. Two people of a million have the same one with a
/// probability of one in thirty million; they would be counted as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct PersonId(u64);

impl From<&UserId> for PersonId {
    fn from(user: &UserId) -> Self {
        // Not `RandomState`, which differs on each node.
        let mut hasher = DefaultHasher::new();
        user.as_str().hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The people whom one node, or several, have in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct People {
    /// Those who are named.
    pub(super) named: HashSet<PersonId>,
    /// How many there are beside them.
    pub(super) others: usize,
}

/// The people in a room.
#[derive(Default)]
pub(super) struct Viewers {
    /// Those who are connected to this node, with the number of their connections.
    here: HashMap<PersonId, u32>,
    elsewhere: People,
    /// How many of those who are named elsewhere are here too.
    on_both: usize,
}

impl Viewers {
    /// Returns how many there are, on all nodes.
    pub(super) fn count(&self) -> usize {
        self.here.len() + self.elsewhere.named.len() - self.on_both + self.elsewhere.others
    }

    /// Returns whether somebody is connected to this node.
    pub(super) fn are_here(&self, user: &UserId) -> bool {
        self.here.contains_key(&PersonId::from(user))
    }

    /// Adds a connection of somebody.
    pub(super) fn join(&mut self, user: &UserId) {
        let person = PersonId::from(user);
        let connections = self.here.entry(person).or_default();
        *connections += 1;
        if *connections == 1 && self.elsewhere.named.contains(&person) {
            self.on_both += 1;
        }
    }

    /// Takes one of their connections away.
    pub(super) fn leave(&mut self, user: &UserId) {
        let person = PersonId::from(user);
        let Some(connections) = self.here.get_mut(&person) else { return };
        *connections -= 1;
        if *connections == 0 {
            self.here.remove(&person);
            self.on_both -= usize::from(self.elsewhere.named.contains(&person));
        }
    }

    /// Takes over whom the other nodes have.
    pub(super) fn set_elsewhere(&mut self, people: People) {
        self.on_both = people.named.iter().filter(|person| self.here.contains_key(person)).count();
        self.elsewhere = people;
    }

    /// Returns those who are connected to this node, named if they are few. The order is always the same.
    pub(super) fn here(&self) -> (usize, Vec<PersonId>) {
        let mut named: Vec<_> = if self.here.len() <= MOST_TOLD { self.here.keys().copied().collect() } else { Vec::new() };
        named.sort_unstable();
        (self.here.len(), named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    fn people(named: &[&str], others: usize) -> People {
        People { named: named.iter().map(|name| PersonId::from(&user(name))).collect(), others }
    }

    #[test]
    fn somebody_with_many_connections_is_one_viewer() {
        let mut viewers = Viewers::default();
        for (name, count) in [("ann", 1), ("ann", 1), ("bob", 2), ("ann", 2)] {
            viewers.join(&user(name));
            assert_eq!(viewers.count(), count);
        }
        for (name, count) in [("ann", 2), ("bob", 1), ("ann", 1), ("ann", 0), ("ann", 0)] {
            viewers.leave(&user(name));
            assert_eq!(viewers.count(), count);
        }
    }

    #[test]
    fn somebody_on_two_nodes_is_one_viewer() {
        let mut viewers = Viewers::default();
        viewers.join(&user("ann"));
        viewers.set_elsewhere(people(&["ann", "bob"], 0));
        assert_eq!(viewers.count(), 2);
        viewers.join(&user("bob"));
        viewers.join(&user("bob"));
        assert_eq!(viewers.count(), 2);
        viewers.leave(&user("ann"));
        assert_eq!(viewers.count(), 2, "ann is elsewhere still");
        viewers.set_elsewhere(people(&["bob"], 200));
        assert_eq!(viewers.count(), 201, "a node with many only says how many");
        viewers.set_elsewhere(People::default());
        assert_eq!(viewers.count(), 1);
        viewers.leave(&user("bob"));
        viewers.leave(&user("bob"));
        assert_eq!(viewers.count(), 0);
    }

    #[test]
    fn nodes_name_the_people_of_small_rooms() {
        let mut viewers = Viewers::default();
        for n in 0..MOST_TOLD {
            viewers.join(&user(&n.to_string()));
        }
        assert_eq!((viewers.here().0, viewers.here().1.len()), (MOST_TOLD, MOST_TOLD));
        viewers.join(&user("one-more"));
        assert_eq!(viewers.here(), (MOST_TOLD + 1, Vec::new()));
    }
}
