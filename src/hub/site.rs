//! Users that a site brings: it signs who they are with a secret of its own.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use serde::Deserialize;

use super::{
    TokenError,
    token::{Claims, Origin},
};
use crate::chat::{Capabilities, PICTURE_BYTES, RoomId, UserId, is_picture};

/// What a site says of one of its users: a JSON Web Token (RFC 7519), whose names are those of OpenID Connect Core 5.1 where it has
/// one. Others are passed over.
#[derive(Deserialize)]
struct SiteClaims {
    /// Their id at the site: 1 to 128 characters.
    sub: String,
    /// The only name that they may use; without one they choose it.
    name: Option<String>,
    /// The address of a picture of them, `https` only.
    picture: Option<String>,
    /// The only room in which it counts; without one all do.
    room: Option<RoomId>,
    /// What they may do; to speak, if it is not said.
    caps: Option<Capabilities>,
    role: Option<SiteRole>,
    exp: u64,
    /// By which it can be revoked.
    jti: Option<String>,
    iat: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SiteRole {
    Bot,
}

/// Reads the tokens of a site.
#[derive(Clone)]
pub(super) struct Site(DecodingKey);

impl Site {
    /// Those that are signed with `secret`.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(DecodingKey::from_secret(secret))
    }

    /// What `token` says, if the site has signed it, it is not over, and counts in `room`, or in any if none is named.
    pub(super) fn read(&self, token: &str, room: Option<RoomId>) -> Result<Claims, TokenError> {
        // What is said of a token's content is said of those alone that the site has signed.
        jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let decoded = jsonwebtoken::decode::<SiteClaims>(token, &self.0, &validation());
        let claims = decoded.map_err(|error| match error.into_kind() {
            ErrorKind::ExpiredSignature => refuse("it has expired"),
            ErrorKind::ImmatureSignature => refuse("its time has not come (\"nbf\")"),
            ErrorKind::Json(error) => refuse(&error.to_string()),
            _ => TokenError::Invalid,
        })?;
        let SiteClaims { sub, name, picture, room: only, caps, role, exp, jti, iat } = claims.claims;
        let room = match (only, room) {
            (Some(only), Some(room)) if only != room => return Err(TokenError::OtherRoom),
            (only, room) => room.or(only).unwrap_or(RoomId::FIRST),
        };
        let user = UserId::of_site(&sub).ok_or_else(|| refuse("\"sub\" must have 1 to 128 characters"))?;
        if picture.as_deref().is_some_and(|picture| !is_picture(picture)) {
            return Err(refuse(&format!("\"picture\" must be an https address of at most {PICTURE_BYTES} characters")));
        }
        // Names with a colon are the chat's own.
        if jti.as_deref().is_some_and(|id| id.contains(':')) {
            return Err(refuse("\"jti\" may hold no colon"));
        }
        // A token without an id is known by its signature, of which each has its own.
        let id = jti.or_else(|| token.rsplit('.').next().map(str::to_owned));
        let bot = role == Some(SiteRole::Bot);
        let origin = Origin { lasting: true, bot, name, picture, until: Some(exp), id, issued_at: iat, ..Origin::default() };
        let capabilities = caps.unwrap_or_else(Capabilities::guest);
        Ok(Claims { user, room, capabilities, once: None, connection: None, expires_at: exp, origin })
    }
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    validation.validate_nbf = true;
    // Whom a site means by it is its own affair.
    validation.validate_aud = false;
    validation
}

fn refuse(why: &str) -> TokenError {
    TokenError::Site(why.to_owned())
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &[u8] = b"the secret of a site, 32 letters";
    const LATER: u64 = 9_999_999_999;

    fn sign(algorithm: Algorithm, secret: &[u8], claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).expect("plain data")
    }

    fn check(claims: Value) -> Result<Claims, TokenError> {
        Site::new(SECRET).read(&sign(Algorithm::HS256, SECRET, &claims), Some(RoomId::FIRST))
    }

    #[test]
    fn what_a_site_says_of_its_users_counts() {
        let least = check(json!({ "sub": "42", "exp": LATER })).expect("enough");
        assert_eq!((least.user.as_str(), &least.capabilities, least.expires_at), ("site:42", &Capabilities::guest(), LATER));
        assert_eq!(least.origin, Origin { lasting: true, until: Some(LATER), id: least.origin.id.clone(), ..Origin::default() });
        assert_eq!(least.origin.id.as_ref().map(String::len), Some(43), "its signature");
        let all = check(json!({
            "sub": "42", "exp": LATER, "name": "Ann", "picture": "https://site.example/a.png?size=1", "room": 1, "role": "bot",
            "caps": ["SEND_MESSAGE", "DELETE_MESSAGE"], "jti": "t-1", "iat": 7, "aud": "somebody", "iss": "a site", "admin": true,
        }));
        let Claims { capabilities, origin, .. } = all.expect("all of it");
        assert!(capabilities.moderate() && origin.bot);
        assert_eq!((origin.id.as_deref(), origin.issued_at), (Some("t-1"), Some(7)));
        assert_eq!(origin.name.as_deref(), Some("Ann"));
        assert_eq!(origin.picture.as_deref(), Some("https://site.example/a.png?size=1"));
    }

    #[test]
    fn what_it_cannot_say_is_refused() {
        let rows = [
            (json!({ "sub": "42" }), "missing field `exp`"),
            (json!({ "sub": "42", "exp": 1 }), "it has expired"),
            (json!({ "sub": "42", "exp": "never" }), "expected u64"),
            (json!({ "sub": "42", "exp": LATER, "nbf": LATER - 1 }), "its time has not come"),
            (json!({ "exp": LATER }), "missing field `sub`"),
            (json!({ "sub": "", "exp": LATER }), "\"sub\" must have"),
            (json!({ "sub": 42, "exp": LATER }), "invalid type"),
            (json!({ "sub": "42", "exp": LATER, "jti": "owners:x" }), "no colon"),
            (json!({ "sub": "x".repeat(129), "exp": LATER }), "\"sub\" must have"),
            (json!({ "sub": "42", "exp": LATER, "caps": ["EVERYTHING"] }), "unknown variant `EVERYTHING`"),
            (json!({ "sub": "42", "exp": LATER, "caps": "SEND_MESSAGE" }), "invalid type"),
            (json!({ "sub": "42", "exp": LATER, "role": "owner" }), "unknown variant `owner`"),
            (json!({ "sub": "42", "exp": LATER, "name": { "x": 1 } }), "invalid type"),
            (json!({ "sub": "42", "exp": LATER, "picture": "http://site.example/a.png" }), "must be an https address"),
        ];
        for (claims, part) in rows {
            let error = check(claims.clone()).expect_err("refused").to_string();
            assert!(error.contains(part), "{claims}: {error}");
        }
        assert_eq!(check(json!({ "sub": "42", "exp": LATER, "room": 2 })), Err(TokenError::OtherRoom));
    }

    #[test]
    fn what_the_site_has_not_signed_is_nobody_s() {
        let claims = json!({ "sub": "42", "exp": LATER, "caps": ["MANAGE_ROOM"] });
        let good = sign(Algorithm::HS256, SECRET, &claims);
        let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!("three parts") };
        // {"alg":"none"} and {"alg":"RS256"}, and "typ".
        let [none, rs256] = ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"];
        // The body with other capabilities, under the old signature.
        let forged = sign(Algorithm::HS256, b"another secret", &json!({ "sub": "1", "exp": LATER }));
        let rows = [
            sign(Algorithm::HS256, b"another secret", &claims),
            sign(Algorithm::HS384, SECRET, &claims),
            sign(Algorithm::HS512, SECRET, &claims),
            format!("{none}.{body}."),
            format!("{none}.{body}.{signature}"),
            format!("{rs256}.{body}.{signature}"),
            format!("{head}.{}.{signature}", forged.split('.').nth(1).expect("a body")),
            format!("{head}.{body}."),
            format!("{head}.{body}"),
            String::new(),
        ];
        assert!(Site::new(SECRET).read(&good, None).is_ok());
        for token in rows {
            assert_eq!(Site::new(SECRET).read(&token, Some(RoomId::FIRST)), Err(TokenError::Invalid), "{token}");
        }
    }
}
