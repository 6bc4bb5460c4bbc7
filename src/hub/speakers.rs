use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::IpAddr,
};

use crate::chat::UserId;

/// How many of those who spoke last are known by their address: a ban of somebody who spoke before them is one of the user alone.
const KNOWN: usize = 4_096;

/// Where those who spoke last in a room did so from. In memory alone.
#[derive(Default)]
pub(super) struct Speakers {
    addresses: HashMap<UserId, IpAddr>,
    /// The one that is known longest first.
    order: VecDeque<UserId>,
}

impl Speakers {
    /// `user` spoke.
    pub(super) fn note(&mut self, user: &UserId, from: IpAddr) {
        if let Some(known) = self.addresses.get_mut(user) {
            *known = from;
            return;
        }
        self.addresses.insert(user.clone(), from);
        self.order.push_back(user.clone());
        if self.order.len() > KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.addresses.remove(&oldest);
        }
    }

    /// Adds where `user` spoke from, if that is known.
    pub(super) fn add_to(&self, addresses: &mut HashSet<IpAddr>, user: &UserId) {
        addresses.extend(self.addresses.get(user));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_spoke_last_are_known() {
        let user = |n: usize| UserId::try_from(n.to_string()).expect("a valid id");
        let address = |n: usize| IpAddr::from([10, 0, (n >> 8) as u8, n as u8]);
        let mut speakers = Speakers::default();
        for n in 0..=KNOWN {
            speakers.note(&user(n), address(n));
            speakers.note(&user(n), address(n + 1));
        }
        let found = |n| {
            let mut found = HashSet::new();
            speakers.add_to(&mut found, &user(n));
            found.into_iter().next()
        };
        assert_eq!((found(0), found(1), found(KNOWN)), (None, Some(address(2)), Some(address(KNOWN + 1))));
        assert_eq!((speakers.order.len(), speakers.addresses.len()), (KNOWN, KNOWN));
    }
}
