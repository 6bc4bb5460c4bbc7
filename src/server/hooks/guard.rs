use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use axum::http::Uri;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// Longest URL of a hook, in bytes.
const URL_BYTES: usize = 2_048;

/// Networks of IPv4 that are not the Internet (IANA IPv4 Special-Purpose Address Registry, RFC 6890; multicast: RFC 5771).
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4([0, 0, 0, 0], 8),       // this network
    v4([10, 0, 0, 0], 8),      // private
    v4([100, 64, 0, 0], 10),   // between a carrier and its customers
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local, the metadata services of clouds among them
    v4([172, 16, 0, 0], 12),   // private
    v4([192, 0, 0, 0], 24),    // protocol assignments
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 88, 99, 0], 24),  // relays of 6to4
    v4([192, 168, 0, 0], 16),  // private
    v4([198, 18, 0, 0], 15),   // benchmarks
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 4),     // multicast
    v4([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// All that is the Internet of IPv6 (RFC 4291 2.4). Outside of it are, among others, loopback, link-local and unique local
/// addresses, multicast, and IPv4 in its mapped, compatible and NAT64 (RFC 6052) forms.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// Networks in it that are not (IANA IPv6 Special-Purpose Address Registry).
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0], 23),     // protocol assignments, Teredo (RFC 4380) among them
    v6([0x2001, 0xdb8, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0], 16),     // 6to4 (RFC 3056)
    v6([0x3fff, 0, 0, 0], 20),     // documentation
];

const fn v4([a, b, c, d]: [u8; 4], bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6([a, b, c, d]: [u16; 4], bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), bits)
}

/// Where hooks may lead: to the Internet, and to what the operator has allowed beside it. Else whoever runs a room could have the
/// server ask what only it can reach (server-side request forgery).
#[derive(Clone, Default)]
pub struct Guard(Arc<[IpNet]>);

/// Why an URL cannot be a hook's. The texts are for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidUrl {
    /// It is no URL.
    #[error("must be an absolute URL such as https://example.com/hook: {0}")]
    Malformed(url::ParseError),
    /// It is not one of HTTP.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// There is a name or a password in it.
    #[error("must have no user name or password: the requests are signed instead")]
    UserInfo,
    /// No request can be sent there.
    #[error("has a host that no request can be sent to")]
    Unusable,
    /// It is too long.
    #[error("must have at most {URL_BYTES} bytes")]
    TooLong,
    /// Its host is an address that hooks must not lead to.
    #[error("leads to {0}, which is no public address: the operator has to allow it with --allow-private-hooks")]
    NotPublic(IpAddr),
}

impl Guard {
    /// Lets hooks lead to these networks too.
    pub fn allowing(networks: Arc<[IpNet]>) -> Self {
        Self(networks)
    }

    /// Lets requests go anywhere: to an address that the operator has given.
    pub fn anywhere() -> Self {
        Self::allowing([IpNet::V4(v4([0; 4], 0)), IpNet::V6(v6([0; 4], 0))].into())
    }

    /// Whether a hook may lead to `address`.
    pub(super) fn lets(&self, address: IpAddr) -> bool {
        is_global(address) || self.0.iter().any(|network| network.contains(&address))
    }

    /// The URL that `text` is, in its one form; whether its host may be reached is certain only when it has been looked up.
    ///
    /// # Errors
    /// See [`InvalidUrl`].
    pub(in crate::server) fn url(&self, text: &str) -> Result<Uri, InvalidUrl> {
        let mut url = Url::parse(text).map_err(InvalidUrl::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::UserInfo);
        }
        url.set_fragment(None);
        if url.as_str().len() > URL_BYTES {
            return Err(InvalidUrl::TooLong);
        }
        // By now 0x7f.1 and 2130706433 are 127.0.0.1 (WHATWG URL 3.5).
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        match address {
            Some(address) if !self.lets(address) => Err(InvalidUrl::NotPublic(address)),
            _ => url.as_str().parse().map_err(|_| InvalidUrl::Unusable),
        }
    }
}

fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(networks: &[&str]) -> Guard {
        Guard::allowing(networks.iter().map(|network| network.parse().expect("a network")).collect())
    }

    #[test]
    fn an_address_that_is_not_global_is_refused() {
        let refused = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a9fe:a9fe",
            "100::1",
            "2001::7f00:1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for address in refused {
            assert!(!Guard::default().lets(address.parse().expect("an address")), "{address}");
        }
        let reached =
            ["1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1::1"];
        for address in reached {
            assert!(Guard::default().lets(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn what_the_operator_allows_is_reached_and_nothing_else() {
        let guard = allowing(&["10.1.0.0/16", "::1/128"]);
        for (address, expected) in
            [("10.1.2.3", true), ("10.2.0.1", false), ("::1", true), ("::ffff:10.1.2.3", false), ("127.0.0.1", false)]
        {
            assert_eq!(guard.lets(address.parse().expect("an address")), expected, "{address}");
        }
    }

    #[test]
    fn an_url_that_leads_inside_is_refused_in_every_form() {
        let v4 = |text: &str| Err(InvalidUrl::NotPublic(text.parse().expect("an address")));
        let rows = [
            ("http://127.0.0.1/", v4("127.0.0.1")),
            ("http://127.1/", v4("127.0.0.1")),
            ("http://0x7f.1/", v4("127.0.0.1")),
            ("http://0x7f000001/", v4("127.0.0.1")),
            ("http://2130706433/", v4("127.0.0.1")),
            ("http://0177.0.0.1/", v4("127.0.0.1")),
            ("http://017700000001/", v4("127.0.0.1")),
            ("http://127.0.0.1./", v4("127.0.0.1")),
            ("http://１２７.0.0.1/", v4("127.0.0.1")),
            ("http://①②⑦.0.0.1/", v4("127.0.0.1")),
            ("http://%31%32%37.0.0.1/", v4("127.0.0.1")),
            ("http://127。0。0。1/", v4("127.0.0.1")),
            ("http:\\\\127.0.0.1\\", v4("127.0.0.1")),
            ("http:127.0.0.1", v4("127.0.0.1")),
            (" \thttp://127.0.0.1/\n", v4("127.0.0.1")),
            ("http://0/", v4("0.0.0.0")),
            ("http://169.254.169.254/latest/meta-data/", v4("169.254.169.254")),
            ("http://2852039166/", v4("169.254.169.254")),
            ("http://[::1]/", v4("::1")),
            ("http://[::]/", v4("::")),
            ("http://[::ffff:127.0.0.1]/", v4("::ffff:127.0.0.1")),
            ("http://[::ffff:7f00:1]:80/", v4("::ffff:127.0.0.1")),
            ("http://[0:0:0:0:0:ffff:169.254.169.254]/", v4("::ffff:169.254.169.254")),
            ("http://[64:ff9b::10.0.0.1]/", v4("64:ff9b::a00:1")),
            ("http://[fd00::1]/", v4("fd00::1")),
            ("http://user@example.com/", Err(InvalidUrl::UserInfo)),
            ("http://user:word@example.com/", Err(InvalidUrl::UserInfo)),
            ("http://:word@example.com/", Err(InvalidUrl::UserInfo)),
            ("http://example.com\\@127.0.0.1/", Ok("http://example.com/@127.0.0.1/")),
            ("http://example.com#@127.0.0.1/", Ok("http://example.com/")),
            ("http://127.0.0.1\\@example.com/", v4("127.0.0.1")),
            ("file:///etc/passwd", Err(InvalidUrl::Scheme)),
            ("gopher://example.com/", Err(InvalidUrl::Scheme)),
            ("ftp://example.com/", Err(InvalidUrl::Scheme)),
            ("data:,x", Err(InvalidUrl::Scheme)),
            ("http://", Err(InvalidUrl::Malformed(url::ParseError::EmptyHost))),
            ("http://a{b/", Err(InvalidUrl::Unusable)),
            ("http://256.256.256.256/", Err(InvalidUrl::Malformed(url::ParseError::InvalidIpv4Address))),
            ("http://[fe80::1%25eth0]/", Err(InvalidUrl::Malformed(url::ParseError::InvalidIpv6Address))),
            ("//example.com/", Err(InvalidUrl::Malformed(url::ParseError::RelativeUrlWithoutBase))),
            ("example.com", Err(InvalidUrl::Malformed(url::ParseError::RelativeUrlWithoutBase))),
            ("", Err(InvalidUrl::Malformed(url::ParseError::RelativeUrlWithoutBase))),
            ("http://example.com:99999/", Err(InvalidUrl::Malformed(url::ParseError::InvalidPort))),
            ("https://EXAMPLE.com:443/a b?c#d", Ok("https://example.com/a%20b?c")),
            ("https://bücher.example/", Ok("https://xn--bcher-kva.example/")),
            ("http://1.1.1.1:8080/hook", Ok("http://1.1.1.1:8080/hook")),
        ];
        for (text, expected) in rows {
            let found = Guard::default().url(text).map(|url| url.to_string());
            assert_eq!(found, expected.map(str::to_owned), "{text:?}");
        }
        let long = format!("https://example.com/{}", "x".repeat(URL_BYTES));
        assert_eq!(Guard::default().url(&long), Err(InvalidUrl::TooLong));
        assert!(allowing(&["127.0.0.0/8"]).url("http://0x7f.1/").is_ok());
    }
}
