//! The address of a client, which bans, limits and the sign-in all count by.
//!
//! It is the peer's, unless the peer is a configured proxy; then it is the last address in `X-Forwarded-For`, or in `Forwarded`
//! (RFC 7239) if there is no `X-Forwarded-For`, that is not a configured proxy. Headers from anyone else are ignored.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock},
};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a request's connection, as an extension of the request.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// The proxies that say for whom they speak. Clones are cheap.
#[derive(Clone, Default)]
pub struct TrustedProxies(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// `None` if the operator has not said whether there are any.
    networks: Option<Arc<[IpNet]>>,
    /// See [`TrustedProxies::unnamed`].
    unnamed: OnceLock<IpAddr>,
}

/// The address of the client that sent a request: an IPv4 address, or the /64 of an IPv6 one. `None` for a request that came over no
/// connection, which only tests make.
pub(super) struct ClientAddress(pub(super) Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress
where
    TrustedProxies: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().copied();
        Ok(Self(peer.map(|Peer(peer)| TrustedProxies::from_ref(state).client(peer, &parts.headers))))
    }
}

impl TrustedProxies {
    /// Trusts the proxies in these networks; `None` if the operator has not said whether there are any.
    pub fn new(networks: Option<Arc<[IpNet]>>) -> Self {
        Self(Arc::new(Inner { networks, unnamed: OnceLock::new() }))
    }

    /// Whether that address is a configured proxy's.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.networks.iter().flat_map(|networks| networks.iter()).any(|network| network.contains(&address))
    }

    /// The private address from which requests with a forwarding header arrived although nothing is configured: most likely a proxy,
    /// all of whose clients count as one.
    pub fn unnamed(&self) -> Option<IpAddr> {
        self.0.unnamed.get().copied()
    }

    /// Returns the address of the client that sent a request.
    ///
    /// Where a proxy says nothing, or nothing that is an address, the last address that is known counts: the proxy's own.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut last = peer.to_canonical();
        self.look_for_proxy(last, headers);
        let mut before = forwarded_for(headers);
        while self.trust(last) {
            match before.next() {
                Some(Some(address)) => last = address,
                Some(None) | None => break,
            }
        }
        network(last)
    }

    /// Notes, and logs once, that a proxy seems to be missing in the configuration.
    fn look_for_proxy(&self, peer: IpAddr, headers: &HeaderMap) {
        let is_forwarded = || headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
        if self.0.networks.is_none() && self.unnamed().is_none() && is_neighbour(peer) && is_forwarded() {
            let is_first = self.0.unnamed.set(peer).is_ok();
            if is_first {
                tracing::warn!(
                    proxy = %peer,
                    "requests with X-Forwarded-For or Forwarded arrive from a private address, and no proxy is configured: all clients \
                     behind it count as one address. Set --trusted-proxies to its address, or to none"
                );
            }
        }
    }
}

/// Yields the addresses in a request's forwarding headers, the last one first; `None` for what is not an address.
///
/// `X-Forwarded-For` wins: nearly all proxies write it, and most of them pass on a `Forwarded` that a client has invented.
fn forwarded_for(headers: &HeaderMap) -> Box<dyn Iterator<Item = Option<IpAddr>> + '_> {
    if headers.contains_key(X_FORWARDED_FOR) {
        let values = headers.get_all(X_FORWARDED_FOR).iter().collect::<Vec<_>>();
        return Box::new(values.into_iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')).map(address));
    }
    let values = headers.get_all(header::FORWARDED).iter().collect::<Vec<_>>();
    Box::new(values.into_iter().rev().flat_map(|value| parts_from_end(value.as_bytes(), b',')).map(forwarded_element))
}

/// Splits a list at each `separator` outside quotes (RFC 9110 5.6.4), from its end: what a client has invented stands at the beginning,
/// and cannot change how the elements of proxies are read.
fn parts_from_end(list: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut parts, mut end, mut is_quoted) = (Vec::new(), list.len(), false);
    for at in (0..list.len()).rev() {
        let is_escaped = || list[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
        match list[at] {
            b'"' if !is_escaped() => is_quoted = !is_quoted,
            byte if byte == separator && !is_quoted => {
                parts.push(&list[at + 1..end]);
                end = at;
            }
            _ => {}
        }
    }
    parts.push(&list[..end]);
    parts
}

/// The address in the one `for` of an element of `Forwarded` (RFC 7239 4).
fn forwarded_element(element: &[u8]) -> Option<IpAddr> {
    let mut found = parts_from_end(element, b';').into_iter().filter_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let value = found.next().filter(|_| found.next().is_none())?;
    address(value.trim_matches('"').as_bytes())
}

/// An address as a proxy writes it: some add the port, and some put an IPv6 address in brackets.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip()).ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let found: Option<IpAddr> = text.parse().ok().or_else(with_port).or_else(in_brackets);
    found.map(|address| address.to_canonical())
}

/// Whether an address belongs to the same machine or to a private network.
fn is_neighbour(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local() || is_shared(address),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Whether an address belongs to a network between a carrier and its customers (RFC 6598).
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

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(Some(["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().expect("a network")).into()))
    }

    fn check(proxies: &TrustedProxies, peer: &str, said: &[(HeaderName, &[u8])], expected: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(name, HeaderValue::from_bytes(value).expect("a value"));
        }
        let found = proxies.client(peer.parse().expect("an address"), &headers);
        assert_eq!(found, expected.parse::<IpAddr>().expect("an address"), "{peer} says {said:?}");
    }

    #[test]
    fn a_proxy_is_believed_if_it_is_configured() {
        // The peer, what it says, and whom that leaves.
        type Said = &'static [&'static [u8]];
        let rows: [(&str, Said, &str); 19] = [
            ("203.0.113.9", &[], "203.0.113.9"),
            ("203.0.113.9", &[b"198.51.100.1"], "203.0.113.9"),
            ("192.168.0.1", &[b"198.51.100.1"], "192.168.0.1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[b""], "10.0.0.1"),
            ("10.0.0.1", &[b"198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"198.51.100.1:5678"], "198.51.100.1"),
            ("10.0.0.1", &[b"[2a00:1:2:3::9]:5678"], "2a00:1:2:3::"),
            ("10.0.0.1", &[b"[2a00:1:2:3::9]"], "2a00:1:2:3::"),
            ("::ffff:10.0.0.1", &[b"::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"1.1.1.1, 198.51.100.1 ,10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &[b"1.1.1.1", b"198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"10.0.0.3,10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[b"1.1.1.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[b"nonsense, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"\xff, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"198.51.100.1, \xff"], "10.0.0.1"),
            ("2001:db8::1", &[b"2a00:1:2:3:4:5:6:7"], "2a00:1:2:3::"),
        ];
        for (peer, said, expected) in rows {
            let said: Vec<_> = said.iter().map(|value| (X_FORWARDED_FOR, *value)).collect();
            check(&proxies(), peer, &said, expected);
        }
    }

    #[test]
    fn the_standard_header_is_read_where_there_is_no_other() {
        let rows: [(&str, &str); 15] = [
            ("for=198.51.100.1", "198.51.100.1"),
            ("For=\"198.51.100.1:47011\";proto=https;by=10.0.0.1", "198.51.100.1"),
            ("for=\"[2a00:1:2:3:4:5:6:7]\"", "2a00:1:2:3::"),
            ("for=\"[2a00:1:2:3:4:5:6:7]:4711\"", "2a00:1:2:3::"),
            ("for=1.1.1.1, for=198.51.100.1, for=10.0.0.2", "198.51.100.1"),
            ("proto=http;for=198.51.100.1;host=\"a,for=6.6.6.6\"", "198.51.100.1"),
            ("for=198.51.100.1;host=\"a\\\",for=6.6.6.6\"", "198.51.100.1"),
            ("for=\"1.1.1.1, for=198.51.100.1", "198.51.100.1"),
            ("for=1.1.1.1\", for=198.51.100.1", "198.51.100.1"),
            ("for=1.1.1.1;for=198.51.100.1", "10.0.0.1"),
            ("for=1.1.1.1, for=unknown", "10.0.0.1"),
            ("for=1.1.1.1, for=_hidden", "10.0.0.1"),
            ("for=1.1.1.1, proto=https", "10.0.0.1"),
            ("198.51.100.1", "10.0.0.1"),
            ("", "10.0.0.1"),
        ];
        for (value, expected) in rows {
            check(&proxies(), "10.0.0.1", &[(header::FORWARDED, value.as_bytes())], expected);
            check(&proxies(), "203.0.113.9", &[(header::FORWARDED, value.as_bytes())], "203.0.113.9");
        }
        // Most proxies pass on what a client has invented here.
        let both: [(HeaderName, &[u8]); 2] = [(header::FORWARDED, b"for=1.1.1.1"), (X_FORWARDED_FOR, b"198.51.100.1")];
        check(&proxies(), "10.0.0.1", &both, "198.51.100.1");
    }

    #[test]
    fn a_proxy_that_is_not_configured_is_noticed_and_not_believed() {
        let forwarded: [&[(HeaderName, &[u8])]; 2] =
            [&[(X_FORWARDED_FOR, b"198.51.100.1")], &[(header::FORWARDED, b"for=198.51.100.1")]];
        for said in forwarded {
            for peer in ["192.168.0.1", "127.0.0.1", "100.64.0.1", "169.254.0.1", "::ffff:10.0.0.1"] {
                let proxies = TrustedProxies::default();
                let canonical = peer.parse::<IpAddr>().expect("an address").to_canonical();
                check(&proxies, peer, &[], &canonical.to_string());
                assert_eq!(proxies.unnamed(), None, "{peer}");
                check(&proxies, peer, said, &canonical.to_string());
                assert_eq!(proxies.unnamed(), Some(canonical), "{peer}");
            }
            for peer in ["::1", "fd00::1", "fe80::1"] {
                let proxies = TrustedProxies::default();
                proxies
                    .client(peer.parse().expect("an address"), &HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from(1))]));
                assert!(proxies.unnamed().is_some(), "{peer}");
            }
            let proxies = TrustedProxies::default();
            check(&proxies, "203.0.113.9", said, "203.0.113.9");
            assert_eq!(proxies.unnamed(), None, "anybody can send a header");
            let none = TrustedProxies::new(Some([].into()));
            check(&none, "10.0.0.1", said, "10.0.0.1");
            assert_eq!(none.unnamed(), None, "the operator has said that there is none");
        }
    }
}
