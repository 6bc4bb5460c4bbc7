//! Where a request comes from, behind proxies too.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use ipnet::IpNet;

/// The other end of a request's connection, as an extension of the request.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// The networks of proxies whose word on where a request comes from is taken.
#[derive(Clone, Default)]
pub struct TrustedProxies(pub Arc<[IpNet]>);

/// Where a request comes from; `None` if that is not known.
pub(super) struct ClientAddress(pub(super) Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress
where
    TrustedProxies: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().copied();
        Ok(Self(peer.and_then(|Peer(peer)| TrustedProxies::from_ref(state).origin(peer, &parts.headers))))
    }
}

impl TrustedProxies {
    /// Where a request of `peer` comes from: each trusted proxy is believed what it says of the one before it.
    ///
    /// Not known, if a neighbour says that it is a proxy and is not trusted: all its clients would count as one.
    fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let said: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        let mut before = said.iter().flat_map(|value| value.split(',')).rev().map(|address| address.trim().parse::<IpAddr>());
        let mut client = peer.to_canonical();
        if !self.trust(client) {
            return (said.is_empty() || !is_neighbour(client)).then(|| network(client));
        }
        while self.trust(client) {
            match before.next() {
                Some(Ok(address)) => client = address.to_canonical(),
                // A proxy that says nonsense has told nothing.
                Some(Err(_)) => return None,
                None => break,
            }
        }
        Some(network(client))
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Whether an address is of the same machine or the same house.
fn is_neighbour(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local() || is_shared(address),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Of the networks between a carrier and its customers (RFC 6598).
fn is_shared(address: Ipv4Addr) -> bool {
    address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, which is what one customer has (RFC 6177).
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_believed_if_it_is_trusted() {
        let proxies = TrustedProxies(["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().expect("a network")).into());
        // The peer, what it says, and whom that leaves.
        let rows = [
            ("203.0.113.9", "", Some("203.0.113.9")),
            ("203.0.113.9", "198.51.100.1", Some("203.0.113.9")),
            ("10.0.0.1", "", Some("10.0.0.1")),
            ("10.0.0.1", "198.51.100.1", Some("198.51.100.1")),
            ("::ffff:10.0.0.1", "::ffff:198.51.100.1", Some("198.51.100.1")),
            ("10.0.0.1", "1.1.1.1, 198.51.100.1 ,10.0.0.2", Some("198.51.100.1")),
            ("10.0.0.1", "10.0.0.3,10.0.0.2", Some("10.0.0.3")),
            ("10.0.0.1", "1.1.1.1, nonsense", None),
            ("10.0.0.1", "nonsense, 198.51.100.1", Some("198.51.100.1")),
            ("2001:db8::1", "2a00:1:2:3:4:5:6:7", Some("2a00:1:2:3::")),
            ("192.168.0.1", "", Some("192.168.0.1")),
            ("192.168.0.1", "198.51.100.1", None),
            ("127.0.0.1", "198.51.100.1", None),
            ("100.64.0.1", "198.51.100.1", None),
            ("fd00::1", "198.51.100.1", None),
        ];
        for (peer, said, expected) in rows {
            let mut headers = HeaderMap::new();
            if !said.is_empty() {
                headers.insert("x-forwarded-for", said.parse().expect("a value"));
            }
            let found = proxies.origin(peer.parse().expect("an address"), &headers);
            assert_eq!(found, expected.map(|address| address.parse().expect("an address")), "{peer} says {said:?}");
        }
    }

    #[test]
    fn a_header_that_comes_twice_is_one_list() {
        let proxies = TrustedProxies(["10.0.0.1/32"].map(|net| net.parse().expect("a network")).into());
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "1.1.1.1".parse().expect("a value"));
        headers.append("x-forwarded-for", "198.51.100.1".parse().expect("a value"));
        assert_eq!(proxies.origin([10, 0, 0, 1].into(), &headers), Some([198, 51, 100, 1].into()));
    }
}
