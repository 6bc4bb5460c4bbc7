//! The cookies of the chat. All of them are created and read here.
//!
//! Over HTTPS a prefix of the name makes the browser refuse a cookie that plain HTTP or a neighbouring domain tries to plant
//! (RFC 6265bis 4.1.3). Such a cookie is then the only one that counts: the same name without the prefix is not read.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};

use crate::server::client_address::{Peer, TrustedProxies};

/// The path below which the chat is served, with a slash at its end.
const BASE: &str = "/";

/// How a browser reaches the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// The cookies of a request, and what the answer to it sets.
pub(in crate::server) struct Cookies {
    scheme: Scheme,
    base: &'static str,
    sent: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Cookies
where
    TrustedProxies: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>();
        let is_proxy = peer.is_some_and(|Peer(peer)| TrustedProxies::from_ref(state).trust(*peer));
        let scheme = if is_proxy { forwarded_scheme(&parts.headers) } else { Scheme::Http };
        Ok(Self { scheme, base: BASE, sent: read(&parts.headers) })
    }
}

impl Cookies {
    /// Returns how a browser reaches the chat: `http` or `https`.
    pub(in crate::server) fn scheme(&self) -> &'static str {
        match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The value of the cookie of that name.
    pub(in crate::server) fn find(&self, name: &str) -> Option<&str> {
        let name = self.full_name(name);
        self.sent.iter().find(|(sent, _)| *sent == name).map(|(_, value)| value.as_str())
    }

    /// The value of a cookie that another program has set, by its whole name.
    pub(in crate::server) fn find_foreign(&self, name: &str) -> Option<&str> {
        self.sent.iter().find(|(sent, _)| sent == name).map(|(_, value)| value.as_str())
    }

    /// Sets a cookie for pages of our own: scripts cannot read it, and requests of other sites do not carry it.
    pub(in crate::server) fn set(&self, name: &str, value: &str, lifetime: Duration) -> HeaderValue {
        let secure = match self.scheme {
            Scheme::Http => "",
            Scheme::Https => "; Secure",
        };
        self.written(name, value, &format!("SameSite=Lax{secure}"), lifetime)
    }

    /// Sets a cookie for a page in another site's frame, where a browser sends no other. Each of those sites has its own (CHIPS), so
    /// that nobody is followed from one to the next. Browsers take it over HTTPS only.
    pub(in crate::server) fn set_framed(&self, name: &str, value: &str, lifetime: Duration) -> HeaderValue {
        self.written(name, value, "SameSite=None; Secure; Partitioned", lifetime)
    }

    /// Removes a cookie.
    pub(in crate::server) fn remove(&self, name: &str) -> HeaderValue {
        self.set(name, "", Duration::ZERO)
    }

    fn written(&self, name: &str, value: &str, attributes: &str, lifetime: Duration) -> HeaderValue {
        let (name, base, seconds) = (self.full_name(name), self.base, lifetime.as_secs());
        let cookie = format!("{name}={value}; Path={base}; HttpOnly; {attributes}; Max-Age={seconds}");
        HeaderValue::from_str(&cookie).expect("names and values of ours are plain ASCII")
    }

    /// A name with the prefix that the scheme and the base path allow.
    fn full_name(&self, name: &str) -> String {
        let prefix = match (self.scheme, self.base) {
            (Scheme::Http, _) => "",
            (Scheme::Https, "/") => "__Host-",
            (Scheme::Https, _) => "__Secure-",
        };
        [prefix, name].concat()
    }
}

/// The pairs of a request (RFC 6265 5.4). What is none is passed over.
fn read(headers: &HeaderMap) -> Vec<(String, String)> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The scheme that a browser used, as a trusted proxy reports it: the first of several proxies is the one that the browser reached.
fn forwarded_scheme(headers: &HeaderMap) -> Scheme {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let in_forwarded = || {
        let pairs = text("forwarded")?.split(',').next()?.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("proto")).map(|(_, value)| value.trim_matches('"'))
    };
    let said = text("x-forwarded-proto").and_then(|list| list.split(',').next()).map(str::trim).or_else(in_forwarded);
    // Some proxies say `wss` of a WebSocket.
    match said {
        Some(said) if said.eq_ignore_ascii_case("https") || said.eq_ignore_ascii_case("wss") => Scheme::Https,
        Some(_) | None => Scheme::Http,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn cookies(scheme: Scheme, base: &'static str, sent: &str) -> Cookies {
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(sent).expect("a value"))]);
        Cookies { scheme, base, sent: read(&headers) }
    }

    /// The cookie's pair, and its attributes in a fixed order.
    fn parts(set: &HeaderValue) -> (String, Vec<String>) {
        let mut parts = set.to_str().expect("ASCII").split("; ").map(str::to_owned);
        let pair = parts.next().expect("a pair");
        let mut attributes: Vec<_> = parts.collect();
        attributes.sort_unstable();
        (pair, attributes)
    }

    #[test]
    fn a_cookie_is_as_safe_as_the_scheme_allows() {
        let rows: [(Scheme, &str, &str, &[&str]); 4] = [
            (Scheme::Http, "/", "name=v", &["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax"]),
            (Scheme::Http, "/chat/", "name=v", &["HttpOnly", "Max-Age=3600", "Path=/chat/", "SameSite=Lax"]),
            (Scheme::Https, "/", "__Host-name=v", &["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"]),
            (Scheme::Https, "/chat/", "__Secure-name=v", &["HttpOnly", "Max-Age=3600", "Path=/chat/", "SameSite=Lax", "Secure"]),
        ];
        for (scheme, base, pair, attributes) in rows {
            let set = parts(&cookies(scheme, base, "").set("name", "v", HOUR));
            assert_eq!(set, (pair.to_owned(), attributes.iter().map(|&text| text.to_owned()).collect()), "{scheme:?} {base}");
        }
    }

    #[test]
    fn a_framed_cookie_is_one_for_each_site() {
        for (scheme, name) in [(Scheme::Http, "name=v"), (Scheme::Https, "__Host-name=v")] {
            let (pair, attributes) = parts(&cookies(scheme, "/", "").set_framed("name", "v", HOUR));
            assert_eq!(pair, name);
            assert_eq!(attributes, ["HttpOnly", "Max-Age=3600", "Partitioned", "Path=/", "SameSite=None", "Secure"]);
        }
    }

    #[test]
    fn a_removed_cookie_is_over_at_once() {
        let (pair, attributes) = parts(&cookies(Scheme::Https, "/", "").remove("name"));
        assert_eq!(pair, "__Host-name=");
        assert!(attributes.contains(&"Max-Age=0".to_owned()) && attributes.contains(&"Secure".to_owned()), "{attributes:?}");
    }

    #[test]
    fn only_the_name_that_the_scheme_allows_is_read() {
        let sent = "a=b; name=plain; __Host-name=host; __Secure-name=secure; nonsense; =; name2=x=y";
        let rows = [(Scheme::Http, "/", "plain"), (Scheme::Https, "/", "host"), (Scheme::Https, "/chat/", "secure")];
        for (scheme, base, value) in rows {
            assert_eq!(cookies(scheme, base, sent).find("name"), Some(value), "{scheme:?} {base}");
        }
        assert_eq!(cookies(Scheme::Https, "/", "name=plain; __Secure-name=x").find("name"), None);
        assert_eq!(cookies(Scheme::Http, "/", sent).find("name2"), Some("x=y"));
        assert_eq!(cookies(Scheme::Http, "/", sent).find("other"), None);
    }

    #[test]
    fn a_proxy_says_how_a_browser_came() {
        let rows = [
            ("x-forwarded-proto", "https", Scheme::Https),
            ("x-forwarded-proto", "HTTPS, http", Scheme::Https),
            ("x-forwarded-proto", "wss", Scheme::Https),
            ("x-forwarded-proto", "http", Scheme::Http),
            ("x-forwarded-proto", "http, https", Scheme::Http),
            ("x-forwarded-proto", "", Scheme::Http),
            ("x-forwarded-proto", "\u{e9}", Scheme::Http),
            ("forwarded", "for=192.0.2.1;proto=https;host=chat.example", Scheme::Https),
            ("forwarded", "for=192.0.2.1; Proto=\"https\", for=10.0.0.1;proto=http", Scheme::Https),
            ("forwarded", "for=192.0.2.1, for=10.0.0.1;proto=https", Scheme::Http),
            ("x-scheme", "https", Scheme::Http),
        ];
        for (name, value, expected) in rows {
            let name = header::HeaderName::from_static(name);
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            assert_eq!(forwarded_scheme(&HeaderMap::from_iter([(name.clone(), value.clone())])), expected, "{name}: {value:?}");
        }
    }
}
