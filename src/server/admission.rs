//! Who is let in: counts connections, and holds back those that are over a limit.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::client_address::{TrustedProxies, network};

/// Connections over a limit that wait for a place, unread.
pub(super) const HELD: usize = 256;

/// The same from one address.
const HELD_OF_ONE: usize = 8;

/// How long a connection waits for a place. An immediate close would have some clients reconnect without a pause, and an error response
/// would end an `EventSource` for good.
const HELD_FOR: Duration = Duration::from_secs(2);

/// Counts connections, and lets in no more than the server can serve.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    limits: ConnectionLimits,
    /// Peers without a limit of their own: all their clients share their address.
    proxies: TrustedProxies,
    /// A standard lock: held for a look-up and an addition.
    open: Mutex<Open>,
    /// A connection has closed.
    freed: Notify,
}

/// How many connections may be open at once, and how long each may keep the server waiting.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// In all.
    pub total: usize,
    /// From one address; `None` for no limit.
    pub per_address: Option<usize>,
    /// How long a client may take to send a request's head, the idle time before it included: one that sends a byte now and then,
    /// or nothing, must not hold a connection for ever.
    pub head_within: Duration,
    /// How long a request may take from its head to the response's, its body included.
    pub answer_within: Duration,
}

impl ConnectionLimits {
    /// Limits with `total` connections, any number from one address, and the default timeouts.
    pub fn of(total: usize) -> Self {
        Self { total, per_address: None, head_within: Duration::from_secs(30), answer_within: Duration::from_secs(30) }
    }
}

#[derive(Default)]
struct Open {
    total: usize,
    held: usize,
    by_address: HashMap<IpAddr, Count>,
}

/// The connections of one address.
#[derive(Default)]
struct Count {
    open: usize,
    held: usize,
}

/// A connection's place. Dropping it frees the place.
pub struct Permit {
    _place: Place,
}

/// A place among the connections that wait for a permit. Dropping it frees the place.
pub struct Held(Place);

struct Place {
    admission: Admission,
    address: IpAddr,
    is_held: bool,
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The server is full.
    Server,
    /// The address has its share.
    Address,
}

impl Full {
    /// Counts connections that found no place for this reason, those included that are let in later.
    pub fn count(self, connections: u64) {
        let limit = match self {
            Self::Server => "server",
            Self::Address => "address",
        };
        metrics::counter!("live_chat_connections_refused_total", "limit" => limit).increment(connections);
    }
}

impl Admission {
    /// Starts with no connections. Peers that are `proxies` are limited by the total alone.
    pub fn new(limits: ConnectionLimits, proxies: TrustedProxies) -> Self {
        // A count that is there from the start can be seen to grow.
        [Full::Server, Full::Address].iter().for_each(|full| full.count(0));
        Self(Arc::new(Inner { limits, proxies, open: Mutex::default(), freed: Notify::new() }))
    }

    /// Lets a connection in. One that is over a limit does not count.
    ///
    /// # Errors
    /// See [`Full`].
    pub fn admit(&self, peer: IpAddr) -> Result<Permit, Full> {
        let ConnectionLimits { total, per_address, .. } = self.0.limits;
        let address = network(peer);
        let mut open = self.lock();
        let per_address = per_address.filter(|_| !self.0.proxies.trust(peer));
        if per_address.is_some_and(|limit| open.by_address.get(&address).is_some_and(|count| count.open >= limit)) {
            return Err(Full::Address);
        }
        if open.total >= total {
            return Err(Full::Server);
        }
        open.total += 1;
        open.by_address.entry(address).or_default().open += 1;
        metrics::gauge!("live_chat_connections").increment(1);
        Ok(Permit { _place: self.place(address, false) })
    }

    /// Has a connection that was not let in wait; `None` if too many wait already.
    pub fn hold(&self, peer: IpAddr) -> Option<Held> {
        let address = network(peer);
        let mut open = self.lock();
        let held = open.by_address.get(&address).map_or(0, |count| count.held);
        if open.held >= HELD || held >= HELD_OF_ONE {
            return None;
        }
        open.held += 1;
        open.by_address.entry(address).or_default().held += 1;
        Some(Held(self.place(address, true)))
    }

    /// The limits that it applies.
    pub fn limits(&self) -> ConnectionLimits {
        self.0.limits
    }

    /// How many connections are open, without those that wait.
    pub fn open(&self) -> usize {
        self.lock().total
    }

    fn place(&self, address: IpAddr, is_held: bool) -> Place {
        Place { admission: self.clone(), address, is_held }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Waits until the connection can be let in; `None` after two seconds. Cancel safe.
    pub async fn permit(self) -> Option<Permit> {
        tokio::time::timeout(HELD_FOR, self.admitted()).await.ok()
    }

    async fn admitted(&self) -> Permit {
        let Self(Place { admission, address, .. }) = self;
        loop {
            let mut freed = std::pin::pin!(admission.0.freed.notified());
            // Before the attempt, so that nothing that happens after it is missed.
            freed.as_mut().enable();
            if let Ok(permit) = admission.admit(*address) {
                return permit;
            }
            freed.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        let Open { total, held, by_address } = &mut *open;
        if let Some(count) = by_address.get_mut(&self.address) {
            let (all, own) = if self.is_held { (held, &mut count.held) } else { (total, &mut count.open) };
            *all -= 1;
            *own -= 1;
            if count.open + count.held == 0 {
                by_address.remove(&self.address);
            }
        }
        drop(open);
        if !self.is_held {
            metrics::gauge!("live_chat_connections").decrement(1);
            self.admission.0.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn admission(limits: ConnectionLimits) -> Admission {
        Admission::new(limits, TrustedProxies::default())
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_has_gone() {
        let admission = admission(ConnectionLimits { per_address: Some(2), ..ConnectionLimits::of(3) });
        let admit = |text| admission.admit(address(text));
        let (one, two) = (admit("10.0.0.1"), admit("::ffff:10.0.0.1"));
        assert!(one.is_ok() && two.is_ok());
        assert_eq!(admit("10.0.0.1").err(), Some(Full::Address));
        let other = admit("2001:db8::1");
        assert_eq!(admit("10.0.0.2").err(), Some(Full::Server));
        drop(one);
        let same_network = admit("2001:db8::2");
        assert!(same_network.is_ok());
        drop(two);
        assert_eq!(admit("2001:db8::3").err(), Some(Full::Address));
        drop((other, same_network));
        assert_eq!(admission.open(), 0);
        assert!(admission.lock().by_address.is_empty(), "who has gone is forgotten");
    }

    #[test]
    fn connections_over_the_limit_of_their_address_leave_the_total_to_others() {
        let admission = admission(ConnectionLimits { per_address: Some(1), ..ConnectionLimits::of(2) });
        let _own = admission.admit(address("10.0.0.1")).ok();
        let held: Vec<_> = (0..100).filter_map(|_| admission.hold(address("10.0.0.1"))).collect();
        assert_eq!((held.len(), admission.open()), (HELD_OF_ONE, 1));
        assert!(admission.admit(address("10.0.0.2")).is_ok());
        let others: Vec<_> = (0..HELD).filter_map(|n| admission.hold([10, 1, (n >> 8) as u8, n as u8].into())).collect();
        assert_eq!(others.len(), HELD - HELD_OF_ONE, "in all");
        drop((held, others));
        assert!(admission.hold(address("10.0.0.1")).is_some());
    }

    #[test]
    fn a_proxy_has_no_limit_of_its_own() {
        let limits = ConnectionLimits { per_address: Some(1), ..ConnectionLimits::of(3) };
        let proxies = TrustedProxies::new(Some(["10.0.0.0/8".parse().expect("a network")].into()));
        let admission = Admission::new(limits, proxies);
        let permits: Vec<_> = (0..4).map_while(|_| admission.admit(address("10.0.0.1")).ok()).collect();
        assert_eq!(permits.len(), 3, "but the total is everybody's");
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_connection_is_let_in_when_a_place_frees_up_and_given_up_after_two_seconds() {
        let admission = admission(ConnectionLimits::of(1));
        let first = admission.admit(address("10.0.0.1")).expect("a place");
        let waiting = admission.hold(address("10.0.0.2")).expect("a place to wait");
        let began = tokio::time::Instant::now();
        assert!(waiting.permit().await.is_none());
        assert_eq!(began.elapsed(), HELD_FOR);
        let mut waiting = Box::pin(admission.hold(address("10.0.0.2")).expect("a place to wait").permit());
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(first);
        let second = waiting.await;
        assert!(second.is_some());
        assert_eq!((admission.open(), admission.lock().held), (1, 0));
    }
}
