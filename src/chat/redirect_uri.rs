use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Origin;

/// Most redirect URIs of one widget key.
pub const MOST_REDIRECT_URIS: usize = 16;

/// Longest redirect URI, in bytes.
const REDIRECT_URI_BYTES: usize = 512;

/// Where the sign-in of games may send a browser back to (RFC 6749 3.1.2): the address of a page, `http` or `https`, without a fragment.
/// It is compared as it is written. Nothing in it can end a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

/// Why a text is no redirect URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a redirect URI such as https://example.com/game: http or https, the host in lower case, no port that is the scheme's own, no user name, no fragment (#), at most {REDIRECT_URI_BYTES} characters"
)]
pub struct InvalidRedirectUri(String);

/// The redirect URIs of a widget key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUris(Vec<RedirectUri>);

impl RedirectUri {
    /// Returns it as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the origin of its page.
    pub fn origin(&self) -> &str {
        &self.0[..authority_end(&self.0)]
    }
}

impl RedirectUris {
    /// Returns the one that is written exactly so.
    pub fn find(&self, written: &str) -> Option<&RedirectUri> {
        self.0.iter().find(|uri| uri.as_str() == written)
    }
}

super::list_of!(RedirectUris, RedirectUri, MOST_REDIRECT_URIS);

impl fmt::Display for RedirectUris {
    /// One a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(RedirectUri::as_str).collect::<Vec<_>>().join("\n"))
    }
}

impl FromStr for RedirectUri {
    type Err = InvalidRedirectUri;

    fn from_str(text: &str) -> Result<Self, InvalidRedirectUri> {
        let invalid = || InvalidRedirectUri(text.chars().take(REDIRECT_URI_BYTES).collect());
        let (origin, rest) = text.split_at(authority_end(text));
        let is_origin = origin != "*" && origin.parse::<Origin>().is_ok_and(|parsed| parsed.as_str() == origin);
        // What RFC 3986 allows in a path and a query.
        let is_plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&b));
        if is_origin && is_plain && text.len() <= REDIRECT_URI_BYTES { Ok(Self(text.to_owned())) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = InvalidRedirectUri;

    fn try_from(text: String) -> Result<Self, InvalidRedirectUri> {
        text.parse()
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

/// Where the path, the query or the fragment of an address begins.
fn authority_end(text: &str) -> usize {
    let authority = text.find("://").map_or(0, |at| at + 3);
    text[authority..].find(['/', '?', '#']).map_or(text.len(), |at| authority + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_is_an_address_without_a_fragment() {
        let long = format!("https://example.com/{}", "x".repeat(REDIRECT_URI_BYTES));
        let rows = [
            ("http://localhost:8080", Some("http://localhost:8080")),
            ("http://localhost:8080/", Some("http://localhost:8080")),
            ("https://example.com/a/b?x=1&y=%20", Some("https://example.com")),
            ("https://example.com?x=1", Some("https://example.com")),
            ("http://[::1]:8080/game", Some("http://[::1]:8080")),
            ("https://example.com/#", None),
            ("https://example.com/#x", None),
            ("https://user@example.com/", None),
            ("https://user:pass@example.com/", None),
            ("https://Example.com/", None),
            ("https://example.com:443/", None),
            ("https://example.com\\@other.example/", None),
            ("https://example.com/\r\nSet-Cookie: x", None),
            ("https://example.com/ x", None),
            ("https://example.com/é", None),
            ("https://example.com/\"", None),
            ("//example.com/", None),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("myapp://callback", None),
            ("https://", None),
            ("*", None),
            ("", None),
            (&long, None),
        ];
        for (text, origin) in rows {
            let parsed = text.parse::<RedirectUri>();
            assert_eq!(parsed.as_ref().ok().map(RedirectUri::origin), origin, "{text}");
        }
    }

    #[test]
    fn only_what_is_written_the_same_is_found() {
        let uris: RedirectUris = ["http://localhost:8080/game"].iter().map(|text| text.parse().expect("valid")).collect();
        assert!(uris.find("http://localhost:8080/game").is_some());
        let others = [
            "http://localhost:8080/game/",
            "http://localhost:8080/game?x",
            "http://localhost:8080/Game",
            "http://localhost:8080",
            "http://localhost:80801/game",
            "",
        ];
        for other in others {
            assert!(uris.find(other).is_none(), "{other}");
        }
    }
}
