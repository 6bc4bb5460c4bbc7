//! How often one user, and all users of one address, may do what costs the chat something.
//!
//! Each activity is counted twice: for the user in the room, and for the address. The limit of an address leaves room for a hall full
//! of people, and holds a machine that makes new users. Each node of a cluster counts for itself.

mod rates;

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

pub use self::rates::{Activity, Rates};
use super::{Buckets, Refusal};
use crate::{
    bounded_map::BoundedMap,
    chat::{Limits, RoomId, UserId},
};

/// Most users whose last name is remembered. The name of a user who was forgotten counts as a new one.
const MOST_NAMES: usize = 65_536;

/// For how long the last name of a user is remembered.
const NAME_REMEMBERED: Duration = Duration::from_secs(12 * 3_600);

/// Who does something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor<'a> {
    /// The room in which they do it.
    pub(super) room: RoomId,
    /// `None` while they are nobody yet.
    pub(super) user: Option<&'a UserId>,
    /// `None` for what does not come from the network.
    pub(super) from: Option<IpAddr>,
}

/// Counts the activities.
pub(super) struct Throttle {
    users: Vec<(Activity, Buckets<(RoomId, UserId)>)>,
    addresses: Vec<(Activity, Buckets<IpAddr>)>,
    names: Mutex<BoundedMap<(RoomId, UserId), LastName>>,
    hashes: RandomState,
}

struct LastName {
    hash: u64,
    at: Instant,
}

impl Throttle {
    /// Users send messages and reactions at the rate in `limits`.
    pub(super) fn new(limits: &Limits, per_user: &Rates, per_address: &Rates) -> Self {
        let of_user = |activity| match activity {
            Activity::Message | Activity::Reaction => Buckets::new(limits.rate_per_second, limits.burst),
            Activity::Token | Activity::Byte | Activity::Name | Activity::Read => per_user.buckets(activity),
        };
        Self {
            users: Activity::ALL.map(|activity| (activity, of_user(activity))).into(),
            addresses: Activity::ALL.map(|activity| (activity, per_address.buckets(activity))).into(),
            names: Mutex::new(BoundedMap::new(MOST_NAMES)),
            hashes: RandomState::new(),
        }
    }

    /// Counts a message of `bytes` under a name.
    ///
    /// # Errors
    /// See [`take`](Self::take).
    pub(super) fn take_message(&self, actor: Actor<'_>, bytes: usize, name: Option<&str>) -> Result<(), Refusal> {
        let name = name.map(|name| self.hashes.hash_one(name));
        let renames = name.is_some_and(|name| self.renames(actor, name));
        let costs = [(Activity::Message, 1.0), (Activity::Byte, bytes as f64), (Activity::Name, f64::from(u8::from(renames)))];
        self.take(actor, &costs)?;
        if let (Some(hash), Some(user), true) = (name, actor.user, renames) {
            let last = LastName { hash, at: Instant::now() };
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            names.insert((actor.room, user.clone()), last, Instant::now(), |_, last| last.at + NAME_REMEMBERED);
        }
        Ok(())
    }

    /// Whether somebody speaks under another name than the last time.
    fn renames(&self, actor: Actor<'_>, name: u64) -> bool {
        let Some(user) = actor.user else { return false };
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&(actor.room, user.clone())).is_none_or(|last| last.hash != name)
    }

    /// Counts activities, each by its cost. Whoever acts by the admin key is exempt.
    ///
    /// # Errors
    /// [`Refusal::TooFast`] and [`Refusal::AddressTooFast`]. Nothing is counted then: a user who is refused takes nothing from those who
    /// share their address.
    pub(super) fn take(&self, Actor { room, user, from }: Actor<'_>, activities: &[(Activity, f64)]) -> Result<(), Refusal> {
        if user.is_some_and(|user| *user == UserId::admin()) {
            return Ok(());
        }
        let user = user.map(|user| (room, user.clone()));
        let costly = || activities.iter().filter(|(_, cost)| *cost > 0.0);
        for &(activity, cost) in costly() {
            if let Some(user) = &user {
                of(&self.users, activity).check(user, cost).map_err(too_fast)?;
            }
            if let Some(from) = &from {
                of(&self.addresses, activity).check(from, cost).map_err(|retry_after| address_too_fast(activity, retry_after))?;
            }
        }
        for &(activity, cost) in costly() {
            if let Some(user) = &user {
                of(&self.users, activity).take_many(user.clone(), cost).map_err(too_fast)?;
            }
            if let Some(from) = from {
                of(&self.addresses, activity)
                    .take_many(from, cost)
                    .map_err(|retry_after| address_too_fast(activity, retry_after))?;
            }
        }
        Ok(())
    }
}

fn of<K>(all: &[(Activity, Buckets<K>)], activity: Activity) -> &Buckets<K> {
    let found = all.iter().find(|(known, _)| *known == activity);
    &found.expect("each activity has its buckets").1
}

fn too_fast(retry_after: Duration) -> Refusal {
    Refusal::TooFast { retry_after }
}

fn address_too_fast(activity: Activity, retry_after: Duration) -> Refusal {
    metrics::counter!("live_chat_address_limits_total", "limit" => activity.name()).increment(1);
    Refusal::AddressTooFast { retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId::FIRST;

    fn throttle() -> Throttle {
        Throttle::new(&Limits::default(), &Rates::per_user(), &Rates::per_address())
    }

    fn user(n: usize) -> UserId {
        UserId::try_from(format!("user-{n}")).expect("a valid id")
    }

    fn say(throttle: &Throttle, n: usize, address: [u8; 4]) -> Result<(), Refusal> {
        let actor = Actor { room: ROOM, user: Some(&user(n)), from: Some(address.into()) };
        throttle.take_message(actor, 500, Some(&format!("name {n}")))
    }

    #[tokio::test(start_paused = true)]
    async fn a_hall_behind_one_address_can_chat() {
        let (throttle, hall) = (throttle(), [198, 51, 100, 7]);
        for n in 0..2_000 {
            let user = user(n);
            let of = |user| Actor { room: ROOM, user, from: Some(hall.into()) };
            let arrive = || {
                throttle.take(of(None), &[(Activity::Token, 1.0), (Activity::Read, 1.0)])?;
                throttle.take(of(Some(&user)), &[(Activity::Token, 1.0)])
            };
            assert!(arrive().is_ok(), "{n} opens the page and subscribes, within the first minute");
            tokio::time::advance(Duration::from_millis(30)).await;
        }
        for n in 0..200 {
            assert!(say(&throttle, n, hall).is_ok(), "{n} greets the others at the same moment");
        }
        for n in 0..2_000 {
            tokio::time::advance(Duration::from_millis(50)).await;
            assert!(say(&throttle, n, hall).is_ok(), "{n} speaks");
            let reaction =
                throttle.take(Actor { room: ROOM, user: Some(&user(n)), from: Some(hall.into()) }, &[(Activity::Reaction, 1.0)]);
            assert!(reaction.is_ok(), "{n} reacts");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_makes_new_users_is_held_to_its_address_s_rate() {
        let throttle = throttle();
        let mut said = 0;
        for n in 0..60_000 {
            said += usize::from(say(&throttle, n, [203, 0, 113, 9]).is_ok());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!((1_390..=1_410).contains(&said), "200 at once, then 20 a second for a minute: {said}");
        assert!(say(&throttle, 0, [203, 0, 113, 10]).is_ok(), "other addresses are free");
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_who_is_refused_takes_nothing_from_their_address() {
        let (throttle, hall) = (throttle(), [198, 51, 100, 7]);
        let refused = (0..1_000).filter(|_| matches!(say(&throttle, 0, hall), Err(Refusal::TooFast { .. }))).count();
        assert_eq!(refused, 990);
        for n in 1..=190 {
            assert!(say(&throttle, n, hall).is_ok(), "{n}");
        }
        let refused = say(&throttle, 191, hall);
        assert!(matches!(refused, Err(Refusal::AddressTooFast { retry_after }) if retry_after == Duration::from_millis(50)));
    }

    #[tokio::test(start_paused = true)]
    async fn each_act_has_a_limit_of_its_own_for_users_and_for_addresses() {
        for activity in Activity::ALL {
            let per_user = Rates::none().with(activity, 1.0);
            let unlimited = Limits { rate_per_second: 0.0, ..Limits::default() };
            let limits = match activity {
                Activity::Message | Activity::Reaction => Limits { rate_per_second: 1.0, ..Limits::default() },
                Activity::Token | Activity::Byte | Activity::Name | Activity::Read => unlimited,
            };
            let (ann, bob, admin) = (user(1), user(2), UserId::admin());
            let (here, there) = (Some([10, 0, 0, 1].into()), Some([10, 0, 0, 2].into()));
            let take = |throttle: &Throttle, user, from, activity| {
                throttle.take(Actor { room: ROOM, user, from }, &[(activity, 1_000.0)])
            };
            let of_users = Throttle::new(&limits, &per_user, &Rates::none());
            assert!(take(&of_users, Some(&ann), here, activity).is_ok());
            assert!(matches!(take(&of_users, Some(&ann), there, activity), Err(Refusal::TooFast { .. })), "{activity:?}");
            assert!(take(&of_users, Some(&bob), here, activity).is_ok());
            let of_addresses = Throttle::new(&unlimited, &Rates::none(), &Rates::none().with(activity, 1.0));
            assert!(take(&of_addresses, Some(&ann), here, activity).is_ok());
            assert!(
                matches!(take(&of_addresses, Some(&bob), here, activity), Err(Refusal::AddressTooFast { .. })),
                "{activity:?}"
            );
            assert!(matches!(take(&of_addresses, None, here, activity), Err(Refusal::AddressTooFast { .. })), "{activity:?}");
            assert!(take(&of_addresses, Some(&admin), here, activity).is_ok(), "{activity:?}");
            assert!(take(&of_addresses, Some(&ann), there, activity).is_ok());
            assert!(Activity::ALL.into_iter().filter(|other| *other != activity).all(|other| {
                take(&of_users, Some(&ann), here, other).is_ok() && take(&of_addresses, Some(&ann), here, other).is_ok()
            }));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_another_name_counts_as_one() {
        let unlimited = Limits { rate_per_second: 0.0, ..Limits::default() };
        let throttle = Throttle::new(&unlimited, &Rates::none().with(Activity::Name, 2.0), &Rates::none());
        let say = |name| throttle.take_message(Actor { room: ROOM, user: Some(&user(1)), from: None }, 1, Some(name));
        for _ in 0..100 {
            assert!(say("Ann").is_ok());
        }
        assert!(say("Bea").is_ok());
        assert!(say("Bea").is_ok());
        assert!(matches!(say("Cora"), Err(Refusal::TooFast { .. })), "two a minute");
        assert!(say("Bea").is_ok(), "the name they have");
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(say("Cora").is_ok());
    }
}
