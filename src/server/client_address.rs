//! Where a request comes from, behind proxies too.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
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

/// The networks of proxies whose word on where a request comes from is taken; `None` as long as nobody has said which there are.
#[derive(Clone, Default)]
pub struct TrustedProxies(pub Option<Arc<[IpNet]>>);

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
    /// As long as nobody has said which proxies there are, an address that may be one's is not known: all its clients would count
    /// as one.
    fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        let said: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        let Some(proxies) = &self.0 else {
            return (said.is_empty() && !is_neighbour(peer)).then(|| network(peer));
        };
        let trust = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
        let mut before = said.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).rev().map(address);
        let mut named = (!trust(peer)).then_some(peer);
        let mut last = peer;
        while trust(last) {
            match before.next() {
                Some(Some(address)) => (last, named) = (address, Some(address)),
                // A proxy that says nonsense has told nothing.
                Some(None) => return None,
                None => break,
            }
        }
        named.map(network)
    }
}

/// An address as a proxy writes it, some with the port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    text.parse().or_else(|_| with_port()).ok().map(|address: IpAddr| address.to_canonical())
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
    use axum::http::HeaderValue;

    use super::*;

    fn check(proxies: &TrustedProxies, peer: &str, said: &[&[u8]], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(value).expect("a value"));
        }
        let found = proxies.origin(peer.parse().expect("an address"), &headers);
        assert_eq!(found, expected.map(|address| address.parse().expect("an address")), "{peer} says {said:?}");
    }

    #[test]
    fn a_proxy_is_believed_if_it_is_trusted() {
        let networks = ["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().expect("a network"));
        let proxies = TrustedProxies(Some(networks.into()));
        // The peer, what it says, and whom that leaves.
        type Said = &'static [&'static [u8]];
        let rows: [(&str, Said, Option<&str>); 18] = [
            ("203.0.113.9", &[], Some("203.0.113.9")),
            ("203.0.113.9", &[b"198.51.100.1"], Some("203.0.113.9")),
            ("192.168.0.1", &[b"198.51.100.1"], Some("192.168.0.1")),
            ("127.0.0.1", &[], Some("127.0.0.1")),
            ("10.0.0.1", &[], None),
            ("10.0.0.1", &[b""], None),
            ("10.0.0.1", &[b"198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &[b"198.51.100.1:5678"], Some("198.51.100.1")),
            ("10.0.0.1", &[b"[2a00:1:2:3::9]:5678"], Some("2a00:1:2:3::")),
            ("::ffff:10.0.0.1", &[b"::ffff:198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &[b"1.1.1.1, 198.51.100.1 ,10.0.0.2"], Some("198.51.100.1")),
            ("10.0.0.1", &[b"1.1.1.1", b"198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &[b"10.0.0.3,10.0.0.2"], Some("10.0.0.3")),
            ("10.0.0.1", &[b"1.1.1.1, nonsense"], None),
            ("10.0.0.1", &[b"nonsense, 198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &[b"\xff, 198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &[b"198.51.100.1, \xff"], None),
            ("2001:db8::1", &[b"2a00:1:2:3:4:5:6:7"], Some("2a00:1:2:3::")),
        ];
        for (peer, said, expected) in rows {
            check(&proxies, peer, said, expected);
        }
        check(&TrustedProxies(Some([].into())), "10.0.0.1", &[b"198.51.100.1"], Some("10.0.0.1"));
    }

    #[test]
    fn until_somebody_says_which_proxies_there_are_an_address_that_may_be_one_s_is_not_known() {
        for peer in ["192.168.0.1", "127.0.0.1", "100.64.0.1", "169.254.0.1", "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"] {
            check(&TrustedProxies::default(), peer, &[], None);
        }
        check(&TrustedProxies::default(), "203.0.113.9", &[], Some("203.0.113.9"));
        check(&TrustedProxies::default(), "203.0.113.9", &[b"198.51.100.1"], None);
    }
}
