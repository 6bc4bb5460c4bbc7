use std::{
    collections::{HashSet, VecDeque},
    net::IpAddr,
};

use crate::{bounded_map::BoundedMap, chat::UserId};

/// Most users of a room whose addresses are known. At least three quarters of them are those who spoke last; a ban of a user who
/// spoke before them cannot name an address.
const MOST_KNOWN: usize = 8_192;

/// Addresses that are kept of each, the latest: more would let a ban hold for half the world.
const ADDRESSES: usize = 3;

/// Where those who spoke last in a room did so from, and under which name. In memory alone.
pub(super) struct Speakers {
    known: BoundedMap<UserId, Known>,
    /// Messages so far.
    messages: u64,
}

struct Known {
    addresses: VecDeque<IpAddr>,
    /// The last name that they have said.
    name: Option<Box<str>>,
    /// The number of their newest message.
    spoke_at: u64,
}

impl Default for Speakers {
    fn default() -> Self {
        Self { known: BoundedMap::new(MOST_KNOWN), messages: 0 }
    }
}

impl Speakers {
    /// A message or a reaction of `user` was stored, under that name if there is one in it.
    pub(super) fn note(&mut self, user: &UserId, from: IpAddr, name: Option<&str>) {
        self.messages += 1;
        let spoke_at = self.messages;
        // Nobody is forgotten before the map is full.
        let (now, expires_at) = (0, |_: &UserId, known: &Known| known.spoke_at);
        let unknown = || Known { addresses: VecDeque::new(), name: None, spoke_at };
        let known = self.known.get_or_insert_with(user.clone(), now, expires_at, unknown);
        known.spoke_at = spoke_at;
        if name.is_some() && known.name.as_deref() != name {
            known.name = name.map(Box::from);
        }
        if !known.addresses.contains(&from) {
            known.addresses.push_back(from);
            if known.addresses.len() > ADDRESSES {
                known.addresses.pop_front();
            }
        }
    }

    /// Returns the last name that `user` has said.
    pub(super) fn name_of(&self, user: &UserId) -> Option<&str> {
        self.known.get(user)?.name.as_deref()
    }

    /// Iterates over the users who are known, and the addresses that they spoke from.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&UserId, impl Iterator<Item = &IpAddr>)> {
        self.known.iter().map(|(user, known)| (user, known.addresses.iter()))
    }

    /// Adds where `user` spoke from, if that is known.
    pub(super) fn add_to(&self, addresses: &mut HashSet<IpAddr>, user: &UserId) {
        addresses.extend(self.known.get(user).into_iter().flat_map(|known| &known.addresses));
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
        for n in 0..5 * MOST_KNOWN {
            speakers.note(&user(n), address(n), None);
            speakers.note(&user(0), address(0), None);
            assert!(speakers.known.len() <= MOST_KNOWN);
        }
        assert!(found(&speakers, 1).is_empty());
        for n in [0, 5 * MOST_KNOWN - MOST_KNOWN / 2, 5 * MOST_KNOWN - 1] {
            assert_eq!(found(&speakers, n), HashSet::from([address(n)]), "{n}");
        }
    }

    #[test]
    fn the_last_name_of_each_is_known() {
        let mut speakers = Speakers::default();
        for name in [None, Some("Ann"), None, Some("Bea"), None] {
            speakers.note(&user(7), address(1), name);
        }
        assert_eq!((speakers.name_of(&user(7)), speakers.name_of(&user(8))), (Some("Bea"), None));
    }

    #[test]
    fn the_latest_addresses_of_each_are_known() {
        let mut speakers = Speakers::default();
        for n in [1, 2, 2, 3, 4] {
            speakers.note(&user(7), address(n), None);
        }
        assert_eq!(found(&speakers, 7), HashSet::from([address(2), address(3), address(4)]));
    }
}
