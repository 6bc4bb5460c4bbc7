use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{HeaderValue, StatusCode, header};

use tokio::sync::Notify;

use super::{client_address::network, error::ApiError};

/// Connections beyond the limit that are let in to be told so, or to be held. More wait in the kernel's queue.
const REFUSALS: usize = 64;

/// Counts connections, and lets in no more than the server can serve.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    limits: ConnectionLimits,
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
    /// From one address; `None` for as many as there are.
    pub per_address: Option<usize>,
    /// How long a client may take to send a request's head, the idle time before it included: one that sends a byte now and then,
    /// or nothing, must not hold a connection for ever.
    pub head_within: Duration,
    /// How long a request may take from its head to the response's, its body included.
    pub answer_within: Duration,
}

impl ConnectionLimits {
    /// So many connections, from wherever, with the usual patience.
    pub fn of(total: usize) -> Self {
        Self { total, per_address: None, head_within: Duration::from_secs(30), answer_within: Duration::from_secs(30) }
    }
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place; free again when it is dropped.
pub struct Permit {
    admission: Admission,
    address: IpAddr,
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The server has no more room.
    Server,
    /// This address has its share.
    Address,
}

impl Full {
    /// Counts connections that were not let in for this reason.
    pub fn count(self, connections: u64) {
        let limit = match self {
            Self::Server => "server",
            Self::Address => "address",
        };
        metrics::counter!("live_chat_connections_refused_total", "limit" => limit).increment(connections);
    }
}

impl Admission {
    /// Nobody is there yet.
    pub fn new(limits: ConnectionLimits) -> Self {
        // A count that is there from the start can be seen to grow.
        [Full::Server, Full::Address].iter().for_each(|full| full.count(0));
        Self(Arc::new(Inner { limits, open: Mutex::default(), freed: Notify::new() }))
    }

    /// Lets a connection in.
    ///
    /// # Errors
    /// See [`Full`].
    pub fn admit(&self, address: IpAddr) -> Result<Permit, Full> {
        let ConnectionLimits { total, per_address, .. } = self.0.limits;
        // IPv4 clients of an IPv6 socket are the IPv4 addresses that they are; of an IPv6 network a customer has a /64.
        let address = network(address);
        let mut open = self.lock();
        if open.total >= total {
            return Err(Full::Server);
        }
        if per_address.is_some_and(|limit| open.by_address.get(&address).is_some_and(|&count| count >= limit)) {
            return Err(Full::Address);
        }
        Ok(open.add(self, address))
    }

    /// Lets a connection in that is over a limit, to be told so or to be held.
    pub fn admit_over(&self, address: IpAddr) -> Permit {
        self.lock().add(self, network(address))
    }

    /// Returns when another connection may be accepted, be it over a limit.
    pub async fn until_accepting(&self) {
        self.until(|open, limits| open.total < limits.total + REFUSALS).await;
    }

    /// Returns when a connection from that address that was let in over a limit is over none any more.
    pub async fn until_under(&self, address: IpAddr) {
        let address = network(address);
        let has_share = |open: &Open, limit| open.by_address.get(&address).is_none_or(|&count| count <= limit);
        self.until(|open, limits| open.total <= limits.total && limits.per_address.is_none_or(|limit| has_share(open, limit)))
            .await;
    }

    async fn until(&self, is_so: impl Fn(&Open, &ConnectionLimits) -> bool) {
        loop {
            let mut freed = std::pin::pin!(self.0.freed.notified());
            // Before the look, so that nothing that happens after it is missed.
            freed.as_mut().enable();
            if is_so(&self.lock(), &self.0.limits) {
                return;
            }
            freed.await;
        }
    }

    /// What it lets in.
    pub fn limits(&self) -> ConnectionLimits {
        self.0.limits
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn add(&mut self, admission: &Admission, address: IpAddr) -> Permit {
        self.total += 1;
        metrics::gauge!("live_chat_connections").increment(1);
        *self.by_address.entry(address).or_default() += 1;
        Permit { admission: admission.clone(), address }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        open.total -= 1;
        metrics::gauge!("live_chat_connections").decrement(1);
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
        drop(open);
        self.admission.0.freed.notify_waiters();
    }
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        let (status, message) = match full {
            Full::Server => {
                (StatusCode::SERVICE_UNAVAILABLE, "The server has no room for more connections. Please try again soon.")
            }
            Full::Address => (StatusCode::TOO_MANY_REQUESTS, "Your address has too many connections open. Please close some."),
        };
        Self::new(status, message).with_header(header::RETRY_AFTER, HeaderValue::from(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_has_gone() {
        let admission = Admission::new(ConnectionLimits { per_address: Some(2), ..ConnectionLimits::of(3) });
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
        assert!(admission.0.open.lock().expect("not poisoned").by_address.is_empty(), "who has gone is forgotten");
    }

    #[test]
    fn without_a_limit_an_address_has_as_many_as_there_are() {
        let admission = Admission::new(ConnectionLimits::of(100));
        let permits: Vec<_> = (0..100).map_while(|_| admission.admit(address("10.0.0.1")).ok()).collect();
        assert_eq!(permits.len(), 100);
        assert_eq!(admission.admit(address("10.0.0.1")).err(), Some(Full::Server));
    }
}
