use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    time::Duration,
};

use super::{Refusal, Tokens};
use crate::chat::{AddressHash, Measure, Sanction, Timestamp, UserId};

/// How many are kept before those whose time is over are looked for.
const KEPT: usize = 64;

/// Who may not speak in a room.
#[derive(Default)]
pub(super) struct Sanctions {
    users: HashMap<UserId, Sanction>,
    /// Under whose sanctions an address is.
    addresses: HashMap<AddressHash, Vec<UserId>>,
    /// At how many those whose time is over are looked for next: each time twice as many as were left the last time.
    prune_at: usize,
}

impl Sanctions {
    /// Notes what was decided at `now`.
    pub(super) fn note(&mut self, sanction: &Sanction, now: Timestamp) {
        self.forget(&sanction.user);
        if refusal(sanction.measure, now).is_none() {
            return;
        }
        for address in &sanction.addresses {
            self.addresses.entry(address.clone()).or_default().push(sanction.user.clone());
        }
        self.users.insert(sanction.user.clone(), sanction.clone());
        if self.users.len() > self.prune_at.max(KEPT) {
            let is_over = |sanction: &&Sanction| refusal(sanction.measure, now).is_none();
            let over: Vec<_> = self.users.values().filter(is_over).map(|sanction| sanction.user.clone()).collect();
            over.iter().for_each(|user| self.forget(user));
            self.prune_at = 2 * self.users.len();
        }
    }

    fn forget(&mut self, user: &UserId) {
        let Some(sanction) = self.users.remove(user) else { return };
        for address in sanction.addresses {
            if let Entry::Occupied(mut users) = self.addresses.entry(address) {
                users.get_mut().retain(|other| other != user);
                if users.get().is_empty() {
                    users.remove();
                }
            }
        }
    }

    /// What keeps `user` from speaking, who comes from that address.
    pub(super) fn find(&self, user: &UserId, from: Option<IpAddr>, tokens: &Tokens, now: Timestamp) -> Option<&Sanction> {
        let holds = |sanction: &&Sanction| refusal(sanction.measure, now).is_some();
        let own = self.users.get(user).filter(holds);
        own.or_else(|| {
            // Nearly always there is none, and nothing to be hashed.
            let from = from.filter(|_| !self.addresses.is_empty())?;
            self.addresses.get(&tokens.hash(from))?.iter().find_map(|user| self.users.get(user).filter(holds))
        })
    }

    /// Whether `user` may speak, who comes from that address.
    pub(super) fn check(&self, user: &UserId, from: Option<IpAddr>, tokens: &Tokens, now: Timestamp) -> Result<(), Refusal> {
        let sanction = self.find(user, from, tokens, now);
        sanction.and_then(|sanction| refusal(sanction.measure, now)).map_or(Ok(()), Err)
    }
}

/// Why somebody may not speak at `now` under a measure, if that is so.
pub(super) fn refusal(measure: Measure, now: Timestamp) -> Option<Refusal> {
    match measure {
        Measure::Ban => Some(Refusal::Banned),
        Measure::Timeout { until } => {
            let left = u64::try_from(until.0 - now.0).ok().filter(|&left| left > 0)?;
            Some(Refusal::TimedOut { left: Duration::from_millis(left) })
        }
        Measure::Lift => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    fn sanction(name: &str, measure: Measure) -> Sanction {
        Sanction { user: user(name), measure, addresses: Vec::new(), by: UserId::admin(), reason: String::new() }
    }

    fn tokens() -> Tokens {
        Tokens::new(b"secret", Duration::from_secs(1))
    }

    #[test]
    fn the_last_word_counts_while_its_time_lasts() {
        let timeout = Measure::Timeout { until: Timestamp(10_000) };
        // What is decided at 0, the moment at which somebody speaks, and the seconds that are left, or `None` for ever.
        type Left = Result<(), Option<u64>>;
        let rows: [(&[Measure], i64, Left); 7] = [
            (&[], 0, Ok(())),
            (&[timeout], 9_000, Err(Some(1))),
            (&[timeout], 10_000, Ok(())),
            (&[Measure::Ban], i64::MAX, Err(None)),
            (&[timeout, Measure::Ban], 10_000, Err(None)),
            (&[Measure::Ban, timeout], 10_000, Ok(())),
            (&[Measure::Ban, Measure::Lift], 0, Ok(())),
        ];
        for (measures, at, expected) in rows {
            let mut sanctions = Sanctions::default();
            measures.iter().for_each(|measure| sanctions.note(&sanction("ann", *measure), Timestamp(0)));
            let found = sanctions.check(&user("ann"), None, &tokens(), Timestamp(at)).map_err(|refusal| match refusal {
                Refusal::TimedOut { left } => Some(left.as_secs()),
                _ => None,
            });
            assert_eq!(found, expected, "{measures:?} at {at}");
            assert!(sanctions.check(&user("bob"), None, &tokens(), Timestamp(at)).is_ok());
        }
    }

    #[test]
    fn who_comes_from_the_same_address_is_under_the_same_sanction() {
        let [here, there] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let tokens = tokens();
        let mut sanctions = Sanctions::default();
        let mut note = |measure, addresses: &[IpAddr]| {
            let addresses = addresses.iter().map(|&address| tokens.hash(address)).collect();
            sanctions.note(&Sanction { addresses, ..sanction("ann", measure) }, Timestamp(0));
            let at = |name, from| sanctions.check(&user(name), from, &tokens, Timestamp(0)).is_ok();
            [at("ann", None), at("ann", Some(there)), at("bob", Some(here)), at("bob", Some(there)), at("bob", None)]
        };
        assert_eq!(note(Measure::Ban, &[here]), [false, false, false, true, true]);
        assert_eq!(note(Measure::Ban, &[]), [false, false, true, true, true], "the later decision counts, in this too");
        assert_eq!(note(Measure::Ban, &[here, there]), [false, false, false, false, true]);
        assert_eq!(note(Measure::Lift, &[]), [true; 5]);
        let other = Tokens::new(b"another secret", Duration::from_secs(1));
        assert_ne!(other.hash(here), tokens.hash(here));
        assert!(!tokens.hash(here).0.contains("10.0"));
    }

    #[test]
    fn an_address_is_free_when_nobody_s_sanction_holds_for_it_any_more() {
        let (here, tokens) = (IpAddr::from([10, 0, 0, 1]), tokens());
        let mut sanctions = Sanctions::default();
        let mut note = |name, measure| {
            sanctions.note(&Sanction { addresses: vec![tokens.hash(here)], ..sanction(name, measure) }, Timestamp(0));
            sanctions.check(&user("eve"), Some(here), &tokens, Timestamp(0)).is_ok()
        };
        assert!(!note("ann", Measure::Ban));
        assert!(!note("bob", Measure::Ban));
        assert!(!note("bob", Measure::Lift), "it is still under the other one's");
        assert!(note("ann", Measure::Lift));
        assert!(sanctions.users.is_empty() && sanctions.addresses.is_empty());
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut sanctions = Sanctions::default();
        for n in 0..1_000 {
            let until = Timestamp(n + 10);
            let addresses = vec![AddressHash(n.to_string())];
            let sanction = Sanction { addresses, ..sanction(&n.to_string(), Measure::Timeout { until }) };
            sanctions.note(&sanction, Timestamp(n));
        }
        assert!(
            sanctions.users.len() <= KEPT + 1 && sanctions.addresses.len() == sanctions.users.len(),
            "{}",
            sanctions.users.len()
        );
    }
}
