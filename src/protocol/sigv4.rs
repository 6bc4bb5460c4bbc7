//! AWS Signature Version 4, of requests that are signed in their headers
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

use super::moment;
use crate::chat::Timestamp;

/// How far the clocks of both sides may be apart: as far as AWS lets them.
const SKEW: Duration = Duration::from_secs(15 * 60);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What stays as it is in an address (RFC 3986 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a caller signs with.
#[derive(Clone)]
pub struct Credentials {
    /// Names the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
}

/// A request, as it came.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// Its method, in upper case.
    pub method: &'a str,
    /// The address without its query, not decoded.
    pub path: &'a str,
    /// The query, not decoded; empty if there is none.
    pub query: &'a str,
    /// The headers, their names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
}

/// Why a request's signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("The request is not signed: an Authorization header with AWS4-HMAC-SHA256 is needed.")]
    Missing,
    /// A part of it cannot be read.
    #[error("The signature cannot be read: {0}.")]
    Malformed(&'static str),
    /// Nobody has this key.
    #[error("The access key id is not known.")]
    UnknownKey,
    /// It is too old, or of the future.
    #[error("The signature has expired, or the clocks are more than 15 minutes apart.")]
    Skewed,
    /// It is for something else.
    #[error(
        "The credential's scope must be <date>/<region>/<service>/aws4_request, with the date of x-amz-date and this service."
    )]
    Scope,
    /// The body is another than the one that was signed.
    #[error("The body is not what x-amz-content-sha256 says.")]
    Body,
    /// It was made with another key, or of another request.
    #[error(
        "The signature does not match. The server saw host {host:?} and path {path:?}: if these are not what was signed, a proxy \
         changes them. Else check the secret access key."
    )]
    Mismatch {
        /// The `Host` header that the server received.
        host: String,
        /// The path that the server received.
        path: String,
    },
}

impl SignatureError {
    /// Returns the name that AWS gives to this error (<https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>). SDKs
    /// set their clock by the answer's `Date` header when the name is `RequestTimeTooSkewed` or `SignatureDoesNotMatch`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Malformed(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::Skewed => "RequestTimeTooSkewed",
            Self::Scope | Self::Body | Self::Mismatch { .. } => "SignatureDoesNotMatch",
        }
    }
}

/// The `Authorization` header, taken apart.
struct Authorization<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: [u8; 32],
}

/// Whether whoever holds `credentials` has signed the request for that service, in whichever region, about `now`.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify(
    request: &SignedRequest<'_>,
    credentials: &Credentials,
    service: &str,
    now: Timestamp,
) -> Result<(), SignatureError> {
    let authorization = Authorization::parse(request.header("authorization").ok_or(SignatureError::Missing)?)?;
    let known = credentials.access_key_id.as_bytes().ct_eq(authorization.access_key_id.as_bytes());
    if !bool::from(known) {
        return Err(SignatureError::UnknownKey);
    }
    let at = request.header("x-amz-date").ok_or(SignatureError::Malformed("the header x-amz-date is missing"))?;
    let apart = moment_of(at).ok_or(SignatureError::Malformed("x-amz-date is no moment such as 20261121T030000Z"))?.0 - now.0;
    if apart.unsigned_abs() > SKEW.as_millis() as u64 {
        return Err(SignatureError::Skewed);
    }
    if authorization.service != service || !at.starts_with(authorization.date) || authorization.date.len() != 8 {
        return Err(SignatureError::Scope);
    }
    let body_hash = hex(digest::digest(&digest::SHA256, request.body).as_ref());
    if request.header("x-amz-content-sha256").is_some_and(|said| said != body_hash) {
        return Err(SignatureError::Body);
    }
    let Authorization { date, region, service, .. } = authorization;
    let key = authorization.key(&credentials.secret_access_key);
    // Some SDKs sign the path of an endpoint that ends in a slash as they send it, with two slashes.
    for path in [normal_path(request.path), encoded_path(request.path)] {
        let canonical = request.canonical(&path, authorization.signed_headers, &body_hash)?;
        let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let signed = format!("{ALGORITHM}\n{at}\n{date}/{region}/{service}/aws4_request\n{hash}");
        if hmac::verify(&key, signed.as_bytes(), &authorization.signature).is_ok() {
            return Ok(());
        }
    }
    let host = request.header("host").unwrap_or_default().to_owned();
    Err(SignatureError::Mismatch { host, path: request.path.to_owned() })
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Result<Self, SignatureError> {
        let parts = header.strip_prefix(ALGORITHM).ok_or(SignatureError::Missing)?;
        let part =
            |name: &str| parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).map(str::trim);
        let credential = part("Credential").ok_or(SignatureError::Malformed("Credential is missing"))?;
        let signed_headers = part("SignedHeaders").ok_or(SignatureError::Malformed("SignedHeaders is missing"))?;
        let signature = part("Signature").ok_or(SignatureError::Malformed("Signature is missing"))?;
        let signature = unhex(signature).ok_or(SignatureError::Malformed("Signature is not 64 hexadecimal digits"))?;
        let scope: Vec<&str> = credential.split('/').collect();
        match scope[..] {
            [access_key_id, date, region, service, "aws4_request"] => {
                Ok(Self { access_key_id, date, region, service, signed_headers, signature })
            }
            _ => Err(SignatureError::Scope),
        }
    }

    /// The key of that day, region and service.
    fn key(&self, secret: &str) -> hmac::Key {
        let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
        [self.date, self.region, self.service, "aws4_request"]
            .into_iter()
            .fold(first, |key, part| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()))
    }
}

impl SignedRequest<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.iter().find(|(known, _)| *known == name)?.1;
        std::str::from_utf8(value).ok()
    }

    /// The form of the request that is signed.
    fn canonical(&self, path: &str, signed_headers: &str, body_hash: &str) -> Result<String, SignatureError> {
        let names: Vec<&str> = signed_headers.split(';').collect();
        if !["host", "x-amz-date"].iter().all(|needed| names.contains(needed)) {
            return Err(SignatureError::Malformed("SignedHeaders must name host and x-amz-date"));
        }
        let headers: String = names.iter().map(|name| format!("{name}:{}\n", self.canonical_header(name))).collect();
        let query = canonical_query(self.query);
        Ok(format!("{}\n{path}\n{query}\n{headers}\n{signed_headers}\n{body_hash}", self.method))
    }

    /// All values of a header, each with single spaces inside and none around.
    fn canonical_header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(known, _)| *known == name);
        let single = |value: &[u8]| String::from_utf8_lossy(value).split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        values.map(|(_, value)| single(value)).collect::<Vec<_>>().join(",")
    }
}

/// Returns the path with each part encoded once more than it is in the request.
fn encoded_path(path: &str) -> String {
    path.split('/').map(|part| utf8_percent_encode(part, ENCODED).to_string()).collect::<Vec<_>>().join("/")
}

/// Returns the same without empty parts and dots.
fn normal_path(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(utf8_percent_encode(part, ENCODED).to_string()),
        }
    }
    let end = if !parts.is_empty() && path.ends_with('/') { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&decoded, ENCODED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded(name), encoded(value))
        })
        .collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A moment in the basic form of ISO 8601, in UTC to the second.
fn moment_of(text: &str) -> Option<Timestamp> {
    let is_basic = text.len() == 16 && text.is_ascii() && text.as_bytes()[8] == b'T';
    let part = |range| text.get(range);
    let extended = || {
        let (date, time) =
            ([part(0..4)?, part(4..6)?, part(6..8)?].join("-"), [part(9..11)?, part(11..13)?, part(13..15)?].join(":"));
        Some(format!("{date}{}{time}{}", part(8..9)?, part(15..16)?))
    };
    moment::parse(&is_basic.then(extended)??)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-08-30T12:36:00Z, the moment of the test suite that AWS publishes.
    const NOW: Timestamp = Timestamp(1_440_938_160_000);

    fn credentials() -> Credentials {
        Credentials { access_key_id: "AKIDEXAMPLE".into(), secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into() }
    }

    fn authorization(signed_headers: &str, signature: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={signed_headers}, Signature={signature}"
        )
    }

    fn check(
        (method, path, query): (&str, &str, &str),
        more: &[(&str, &str)],
        body: &str,
        authorization: &str,
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        let first = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z"), ("authorization", authorization)];
        let headers: Vec<_> = first.iter().chain(more).map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = SignedRequest { method, path, query, headers: &headers, body: body.as_bytes() };
        verify(&request, &credentials(), "service", now)
    }

    const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

    #[test]
    fn the_published_test_suite_is_verified() {
        type Row<'a> = ((&'a str, &'a str, &'a str), &'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);
        let rows: [Row<'_>; 8] = [
            (("GET", "/", ""), &[], "", "host;x-amz-date", VANILLA),
            (("GET", "//", ""), &[], "", "host;x-amz-date", VANILLA),
            (("GET", "/./example/..", ""), &[], "", "host;x-amz-date", VANILLA),
            (("POST", "/", ""), &[], "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                ("GET", "/", "Param2=value2&Param1=value1"),
                &[],
                "",
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                ("GET", "/", ""),
                &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
                "",
                "host;my-header1;my-header2;x-amz-date",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
            (
                ("POST", "/", ""),
                &[("content-type", "application/x-www-form-urlencoded")],
                "Param1=value1",
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                ("GET", "/example space/", ""),
                &[],
                "",
                "host;x-amz-date",
                "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
            ),
        ];
        for (line, more, body, signed, signature) in rows {
            assert_eq!(check(line, more, body, &authorization(signed, signature), NOW), Ok(()), "{line:?}");
        }
    }

    #[test]
    fn what_was_not_signed_is_refused() {
        let good = authorization("host;x-amz-date", VANILLA);
        let line = ("GET", "/", "");
        let at = |now| check(line, &[], "", &good, Timestamp(now));
        assert_eq!(at(NOW.0 + 900_000), Ok(()));
        assert_eq!(at(NOW.0 - 900_000), Ok(()));
        assert_eq!(at(NOW.0 + 900_001), Err(SignatureError::Skewed));
        assert_eq!(at(NOW.0 - 900_001), Err(SignatureError::Skewed));
        for other in [("POST", "/", ""), ("GET", "/x", ""), ("GET", "/", "x=y")] {
            let mismatch = check(other, &[], "", &good, NOW).expect_err("another request");
            assert!(
                matches!(&mismatch, SignatureError::Mismatch { host, path } if host == "example.amazonaws.com" && path == other.1)
            );
            assert_eq!(mismatch.name(), "SignatureDoesNotMatch", "{other:?}");
        }
        let mismatch = || SignatureError::Mismatch { host: "example.amazonaws.com".into(), path: "/".into() };
        assert_eq!(check(line, &[], "more", &good, NOW), Err(mismatch()));
        let empty = ("x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(check(line, &[empty], "", &good, NOW), Ok(()));
        for said in [empty.1, "UNSIGNED-PAYLOAD", ""] {
            assert_eq!(check(line, &[(empty.0, said)], "more", &good, NOW), Err(SignatureError::Body), "{said}");
        }
        let rows = [
            (good.replace("AWS4", "AWS3"), SignatureError::Missing),
            ("Bearer x".into(), SignatureError::Missing),
            (good.replace("AKIDEXAMPLE", "AKIDEXAMPLF"), SignatureError::UnknownKey),
            (good.replace("/service/", "/other/"), SignatureError::Scope),
            (good.replace("20150830", "20150831"), SignatureError::Scope),
            (good.replace("20150830/", "2015083/"), SignatureError::Scope),
            (good.replace("aws4_request", "aws5_request"), SignatureError::Scope),
            (good.replace("us-east-1", "us-east-2"), mismatch()),
            (good.replace("5fa0", "5fa1"), mismatch()),
            (good.replace("5fa0", ""), SignatureError::Malformed("Signature is not 64 hexadecimal digits")),
            (good.replace("5fa0", "5fé"), SignatureError::Malformed("Signature is not 64 hexadecimal digits")),
            (good.replace("Signature=", "Sig="), SignatureError::Malformed("Signature is missing")),
            (good.replace("host;", ""), SignatureError::Malformed("SignedHeaders must name host and x-amz-date")),
        ];
        for (authorization, expected) in rows {
            assert_eq!(check(line, &[], "", &authorization, NOW), Err(expected), "{authorization}");
        }
        for date in ["", "20150830T123600", "2015-08-30T12:36:00Z", "20150830 123600Z", "éééééééé"] {
            assert_eq!(moment_of(date), None, "{date}");
        }
        let request = SignedRequest { method: "GET", path: "/", query: "", headers: &[], body: b"" };
        assert_eq!(verify(&request, &credentials(), "service", NOW), Err(SignatureError::Missing));
    }

    proptest::proptest! {
        #[test]
        fn no_request_brings_it_down(header in "(AWS4-HMAC-SHA256 )?\\PC*", date in "\\PC{0,20}", path in "\\PC*", query in "\\PC*") {
            let headers: [(&str, &[u8]); 2] = [("authorization", header.as_bytes()), ("x-amz-date", date.as_bytes())];
            let request = SignedRequest { method: "GET", path: &path, query: &query, headers: &headers, body: b"" };
            proptest::prop_assert!(verify(&request, &credentials(), "service", NOW).is_err());
            proptest::prop_assert!(request.canonical(&normal_path(&path), "host;x-amz-date", "").is_ok());
        }
    }
}
