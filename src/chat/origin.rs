use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Most origins in one list: all of them stand in a header of each page that may be framed.
pub const MOST_ORIGINS: usize = 32;

/// Where a page comes from, as browsers send it (RFC 6454 6.2): scheme, host in lower case, and port if it is not the scheme's
/// own; or `*`, which stands for all. Nothing in it can end a header or a directive of a Content-Security-Policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin such as https://example.com (lower case, no path), nor *")]
pub struct InvalidOrigin(String);

/// Whose pages may do something. Empty: those that are said elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origins(Vec<Origin>);

impl Origin {
    /// The origin as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Origins {
    /// Whether every origin is among them.
    pub fn are_all(&self) -> bool {
        self.0.iter().any(|one| one.as_str() == "*")
    }

    /// Whether `origin`, as a browser sends it, is among them.
    pub fn contain(&self, origin: &str) -> bool {
        self.are_all() || self.0.iter().any(|one| one.as_str() == origin)
    }

    /// Whether `origin` is listed itself, and not only because all are allowed.
    pub fn name(&self, origin: &str) -> bool {
        origin != "*" && self.0.iter().any(|one| one.as_str() == origin)
    }
}

super::list_of!(Origins, Origin, MOST_ORIGINS);

impl fmt::Display for Origins {
    /// One after the other, with a space between, as a Content-Security-Policy lists them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(Origin::as_str).collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let text = text.trim();
        let parts = text.split_once("://").and_then(|(scheme, rest)| Some((own_port(scheme)?, rest)));
        let valid = text == "*" || parts.is_some_and(|(own_port, authority)| is_authority(authority, own_port));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidOrigin(text.to_owned())) }
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

/// The port that an origin of this scheme does not name.
fn own_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    }
}

/// A host, and a port if it is another one.
fn is_authority(text: &str, own_port: &str) -> bool {
    let is_in_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    let is_in_address = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b':';
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address are no port's.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => !address.is_empty() && address.bytes().all(is_in_address),
        None => !host.is_empty() && host.bytes().all(is_in_name),
    };
    let is_port = |port: &str| port != own_port && port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    text.len() <= 255 && is_host && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        let valid = [
            "*",
            "https://example.com",
            "http://localhost:3000",
            "http://127.0.0.1",
            "https://[2001:db8::1]",
            "https://[::1]:8443",
            "https://xn--bcher-kva.example",
        ];
        for text in valid {
            assert_eq!(text.parse::<Origin>().map(|origin| origin.as_str().to_owned()), Ok(text.to_owned()));
        }
        let invalid = [
            "",
            "null",
            "example.com",
            "ftp://example.com",
            "https://",
            "https://example.com/",
            "https://Example.com",
            "https://*.example.com",
            "https://a b",
            "https://a;script-src",
            "https://a,b",
            "https://a'",
            "https://bücher.example",
            "https://u@example.com",
            "https://example.com:",
            "https://example.com:443",
            "http://example.com:80",
            "https://example.com:65536",
            "https://example.com:080",
            "https://example.com:+81",
            "https://[]",
            "https://[::1",
            "https://:81",
            &format!("https://{}", "a".repeat(256)),
        ];
        for text in invalid {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin(text.to_owned())));
        }
        assert_eq!(" https://a.example ".parse::<Origin>(), "https://a.example".parse());
    }

    #[test]
    fn a_list_holds_what_is_in_it_and_a_star_holds_all() {
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("an origin")).collect::<Origins>();
        let two = list(&["https://a.example", "http://b.example:81"]);
        assert!(two.contain("https://a.example") && two.contain("http://b.example:81"));
        for other in ["http://a.example", "https://a.example:81", "https://b.example", "https://a.example.evil", "null", "", "*"]
        {
            assert!(!two.contain(other), "{other}");
        }
        assert_eq!(two.to_string(), "https://a.example http://b.example:81");
        assert!(list(&["*"]).contain("null") && !Origins::default().contain("https://a.example"));
        assert!(serde_json::from_str::<Origins>(r#"["https://a.example/"]"#).is_err());
    }
}
