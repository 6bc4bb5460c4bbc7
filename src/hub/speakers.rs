use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::IpAddr,
};

use crate::chat::UserId;

/// How many of those who spoke last are known by their addresses, at least: a ban of somebody who spoke before them is one of the
/// user alone.
const KNOWN: usize = 4_096;

/// Addresses that are kept of each, the latest: more would let a ban hold for half the world.
const ADDRESSES: usize = 3;

/// Where those who spoke last in a room did so from. In memory alone.
#[derive(Default)]
pub(super) struct Speakers {
    known: HashMap<UserId, Known>,
    /// Messages so far.
    messages: u64,
}

struct Known {
    addresses: VecDeque<IpAddr>,
    /// The number of their newest message.
    spoke_at: u64,
}

impl Speakers {
    /// A message of `user` was stored.
    pub(super) fn note(&mut self, user: &UserId, from: IpAddr) {
        self.messages += 1;
        let spoke_at = self.messages;
        let known = self.known.entry(user.clone()).or_insert(Known { addresses: VecDeque::new(), spoke_at });
        known.spoke_at = spoke_at;
        if !known.addresses.contains(&from) {
            known.addresses.push_back(from);
            if known.addresses.len() > ADDRESSES {
                known.addresses.pop_front();
            }
        }
        if self.known.len() >= 2 * KNOWN {
            self.forget_half();
        }
    }

    /// Adds where `user` spoke from, if that is known.
    pub(super) fn add_to(&self, addresses: &mut HashSet<IpAddr>, user: &UserId) {
        addresses.extend(self.known.get(user).into_iter().flat_map(|known| &known.addresses));
    }

    fn forget_half(&mut self) {
        let mut all: Vec<_> = self.known.values().map(|known| known.spoke_at).collect();
        let (_, &mut middle, _) = all.select_nth_unstable(KNOWN);
        self.known.retain(|_, known| known.spoke_at >= middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: usize) -> UserId {
        UserId::try_from(n.to_string()).expect("a valid id")
    }

    fn address(n: usize) -> IpAddr {
        IpAddr::from([10, 0, (n >> 8) as u8, n as u8])
    }

    fn found(speakers: &Speakers, n: usize) -> HashSet<IpAddr> {
        let mut found = HashSet::new();
        speakers.add_to(&mut found, &user(n));
        found
    }

    #[test]
    fn those_who_spoke_last_are_known() {
        let mut speakers = Speakers::default();
        for n in 0..10 * KNOWN {
            speakers.note(&user(n), address(n));
            speakers.note(&user(0), address(0));
            assert!(speakers.known.len() < 2 * KNOWN);
        }
        assert!(found(&speakers, 1).is_empty());
        for n in [0, 9 * KNOWN + 10, 10 * KNOWN - 1] {
            assert_eq!(found(&speakers, n), HashSet::from([address(n)]), "{n}");
        }
    }

    #[test]
    fn the_latest_addresses_of_each_are_known() {
        let mut speakers = Speakers::default();
        for n in [1, 2, 2, 3, 4] {
            speakers.note(&user(7), address(n));
        }
        assert_eq!(found(&speakers, 7), HashSet::from([address(2), address(3), address(4)]));
    }
}
