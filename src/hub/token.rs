use std::{net::IpAddr, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};

use super::{ConnectionId, live::Trace, site::Site};
use crate::{
    chat::{AddressHash, Attributes, Capabilities, Capability, Profile, Role, RoomId, Timestamp, UserId},
    texts::{Texts, key},
};

/// What a token says about its bearer. A JSON Web Token (RFC 7519), signed with HS256.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// Who they are.
    #[serde(rename = "sub")]
    pub user: UserId,
    /// The only room in which it counts.
    pub room: RoomId,
    /// What they may do there.
    #[serde(rename = "caps")]
    pub capabilities: Capabilities,
    /// The id of a token that opens one connection only. None for all other tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// The connection that it was made for, if it was made for one.
    #[serde(rename = "cid", default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// When it ends: seconds since 1970 (RFC 7519 4.1.4).
    #[serde(rename = "exp")]
    pub expires_at: u64,
    /// Where its bearer comes from.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Where somebody comes from. What is signed for them later says the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Whether they are the same person after their connections have ended: a page's visitor, whom a cookie keeps. A guest who only
    /// subscribes is a new one at each load of their page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lasting: bool,
    /// Whether a program speaks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// The only name that they may use, as their site has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address of a picture of them, `https` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// When what they came with ends: seconds since 1970. Nothing that is signed for them lasts longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The id of what they came with (RFC 7519 4.1.7), by which all that is signed for them is revoked with it. None for guests,
    /// whose user ids do the same.
    #[serde(rename = "jti", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When their site has issued it, if it says so: seconds since 1970 (RFC 7519 4.1.6).
    #[serde(rename = "iat", default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<u64>,
    /// What their site says of them beside that.
    #[serde(rename = "attrs", default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// The widget key of the game that it was signed for. It is good for that alone: to run the room's game.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// When the chat saw them first: seconds since 1970. None for those whom a site brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// How their client looks, if they came with neither a cookie nor a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

impl Origin {
    /// Returns what somebody with these capabilities is in a room.
    pub fn role(&self, capabilities: &Capabilities) -> Role {
        match capabilities {
            _ if self.bot => Role::Bot,
            may if may.allow(Capability::ManageRoom) => Role::Owner,
            may if may.moderate() => Role::Moderator,
            _ => Role::Guest,
        }
    }

    /// When what they came with was issued, if that is known.
    pub(super) fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at.map(Timestamp::of_seconds)
    }
}

/// Somebody, to be named in a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Who they are.
    pub user: UserId,
    /// Where they come from.
    pub origin: Origin,
}

impl From<UserId> for Identity {
    /// A guest, for as long as they are connected.
    fn from(user: UserId) -> Self {
        Self { user, origin: Origin::default() }
    }
}

impl From<Claims> for Identity {
    fn from(Claims { user, origin, .. }: Claims) -> Self {
        Self { user, origin }
    }
}

impl Claims {
    /// When it ends.
    pub fn ends_at(&self) -> Timestamp {
        Timestamp::of_seconds(self.expires_at)
    }

    /// Whether a site has brought its bearer.
    pub fn is_of_a_site(&self) -> bool {
        self.user.is_of_site()
    }

    /// Whether somebody has it who has signed in to run the chat, or was invited to moderate.
    pub fn is_of_a_session(&self) -> bool {
        super::owners::is_session(&self.origin) || super::invitations::is_session(&self.user)
    }

    /// What may be signed for its bearer again: all of it, if that ends when what they came with does.
    pub fn renewable(&self) -> Capabilities {
        if self.origin.until.is_some() { self.capabilities.clone() } else { Capabilities::guest() }
    }

    /// What its bearer is in the room.
    pub fn profile(&self) -> Profile {
        let Origin { picture, attributes, .. } = &self.origin;
        Profile {
            role: self.origin.role(&self.capabilities),
            picture: picture.clone(),
            announces: false,
            attributes: attributes.clone(),
        }
    }
}

/// What the cookie of somebody says who has signed in to run the chat, or has taken an invitation. None of it is in a room's token,
/// nor the other way round.
#[derive(Serialize, Deserialize)]
pub struct Session {
    scope: Scope,
    /// Which session, or invitation.
    pub id: String,
    /// When it ends: seconds since 1970.
    #[serde(rename = "exp")]
    pub until: u64,
}

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scope {
    /// To run the chat.
    Admin,
    /// To moderate.
    Moderator,
    /// To open one stream.
    Ticket,
    /// None: a device on which somebody has signed in before.
    Device,
}

/// Signs tokens and checks them.
#[derive(Clone)]
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    lifetime: Duration,
    site: Option<Site>,
}

/// Why a token does not let its bearer in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("A token is needed: subscribe to the room, its first event brings one.")]
    Missing,
    /// It was not made by this chat, or was changed.
    #[error("The token is not valid. Subscribe again to get a new one.")]
    Invalid,
    /// Its time is over.
    #[error("The token has expired. Subscribe again to get a new one.")]
    Expired,
    /// It is for another room.
    #[error("The token belongs to another room. Subscribe to this room to get one for it.")]
    OtherRoom,
    /// Whoever runs the chat has taken it back.
    #[error("The token has been revoked.")]
    Revoked,
    /// It opens one connection, and has opened it.
    #[error("The token was used before: each chat token opens one connection. Please get a new one.")]
    Used,
    /// A ticket that was used, is over, or was never made.
    #[error("The ticket is not good any more: each opens one stream, within a minute. Please get a new one.")]
    Ticket,
    /// It was signed for a game.
    #[error("The token is a game's: it is good for /interactive-sync alone, with the client id that it was made for.")]
    Game,
    /// It is an owner's or a moderator's, and stands in an address.
    #[error(
        "A moderator's token must not stand in an address, which proxies log: send the cookie of the page, or get a ticket by POST /v1/streams/<id>/ticket and send that as ?ticket=."
    )]
    InAddress,
    /// The site that its bearer comes from has signed it, and it says what it cannot say.
    #[error("The site's token is refused: {0}.")]
    Site(String),
}

impl TokenError {
    /// The same, in somebody's language.
    pub fn text(&self, texts: &'static Texts) -> String {
        let key = match self {
            Self::Missing => key::token::MISSING,
            Self::Invalid => key::token::INVALID,
            Self::Expired => key::token::EXPIRED,
            Self::OtherRoom => key::token::OTHER_ROOM,
            Self::Revoked => key::token::REVOKED,
            Self::Used => key::token::USED,
            Self::Ticket => key::token::TICKET,
            Self::InAddress => key::token::IN_ADDRESS,
            Self::Game => key::token::GAME,
            // For whoever makes the site.
            Self::Site(why) => return texts.fill(key::token::SITE, &[("why", why)]),
        };
        texts.text(key).to_owned()
    }
}

impl Tokens {
    /// Tokens signed with `secret`, each good for `lifetime`.
    pub fn new(secret: &[u8], lifetime: Duration) -> Self {
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret), lifetime, site: None }
    }

    /// The same, and a site's, that are signed with a secret of its own.
    pub fn trusting(self, site_secret: &[u8]) -> Self {
        Self { site: Some(Site::new(site_secret)), ..self }
    }

    /// How long a token is good.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A token for somebody in `room`, for that connection if one is given. Only characters of `[A-Za-z0-9._-]`, so
    /// that it can stand in an URL as it is.
    pub fn sign(
        &self,
        identity: impl Into<Identity>,
        room: RoomId,
        capabilities: Capabilities,
        connection: Option<ConnectionId>,
    ) -> String {
        self.encode(&self.claims(identity.into(), room, capabilities, connection))
    }

    /// Signs the same, for no connection yet; [`Hub::use_up`](super::Hub::use_up) lets its bearer open one.
    pub fn sign_single_use(&self, identity: Identity, room: RoomId, capabilities: Capabilities) -> String {
        let id = BASE64_URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4());
        self.encode(&Claims { once: Some(id), ..self.claims(identity, room, capabilities, None) })
    }

    fn encode(&self, claims: &impl Serialize) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding).expect("HMAC and plain data cannot fail")
    }

    fn claims(&self, identity: Identity, room: RoomId, capabilities: Capabilities, connection: Option<ConnectionId>) -> Claims {
        let Identity { user, mut origin } = identity;
        let now = jsonwebtoken::get_current_timestamp();
        if !user.is_of_site() {
            origin.since.get_or_insert(now);
        }
        let expires_at = now + self.lifetime.as_secs();
        let expires_at = expires_at.min(origin.until.unwrap_or(u64::MAX));
        Claims { user, room, capabilities, once: None, connection, expires_at, origin }
    }

    /// Proof of a session, good for so long.
    pub(super) fn sign_session(&self, scope: Scope, id: String, seconds: u64) -> String {
        self.encode(&Session { scope, id, until: jsonwebtoken::get_current_timestamp() + seconds })
    }

    /// The session of which `token` is a proof; none if it is none of that kind, or over.
    pub(super) fn session(&self, scope: Scope, token: &str) -> Option<Session> {
        let session = jsonwebtoken::decode::<Session>(token, &self.decoding, &validation()).ok()?.claims;
        (session.scope == scope).then_some(session)
    }

    /// What makes the link of an invitation one that cannot be guessed.
    pub(super) fn invitation_key(&self, id: &str) -> String {
        self.keyed_hash(&format!("invitation {id}"))
    }

    /// What the sessions of owners are called who sign in by this password, since then.
    pub(super) fn owners_name(&self, password: &str, since: Timestamp) -> String {
        self.keyed_hash(&format!("owners {} {password}", since.0))
    }

    /// An address in a form that only holders of the secret can guess: HMAC-SHA-256 under it, the first 132 bits. With another
    /// secret no address is known again.
    pub(super) fn hash(&self, address: IpAddr) -> AddressHash {
        AddressHash(self.keyed_hash(&format!("address {address}")))
    }

    /// HMAC-SHA-256 under the secret, the first 132 bits: 22 characters of `[A-Za-z0-9_-]`.
    fn keyed_hash(&self, message: &str) -> String {
        let mut hash =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, Algorithm::HS256).expect("HMAC cannot fail");
        hash.truncate(22);
        hash
    }

    /// What `token` says, if it is ours or the site's, not over, and for `room`.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn check(&self, token: &str, room: RoomId) -> Result<Claims, TokenError> {
        self.read_for(token, Some(room))
    }

    /// What `token` says, in whichever room it counts.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn read(&self, token: &str) -> Result<Claims, TokenError> {
        self.read_for(token, None)
    }

    /// What `token` says that a game shows with the widget key `client`, in whichever room it counts.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub(super) fn read_of_game(&self, token: &str, client: &str) -> Result<Claims, TokenError> {
        let claims = self.read_any(token, None)?;
        match &claims.origin.client {
            Some(own) if own != client => Err(TokenError::Game),
            Some(_) | None => Ok(claims),
        }
    }

    fn read_for(&self, token: &str, room: Option<RoomId>) -> Result<Claims, TokenError> {
        let claims = self.read_any(token, room)?;
        if claims.origin.client.is_none() { Ok(claims) } else { Err(TokenError::Game) }
    }

    /// What `token` says, a game's too.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub(super) fn read_any(&self, token: &str, room: Option<RoomId>) -> Result<Claims, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation());
        let claims = match (decoded.map_err(|error| error.into_kind()), &self.site) {
            (Ok(claims), _) => claims,
            (Err(ErrorKind::ExpiredSignature), _) => return Err(TokenError::Expired),
            (Err(ErrorKind::InvalidSignature), Some(site)) => return site.read(token, room),
            (Err(_), _) => return Err(TokenError::Invalid),
        };
        if room.is_none_or(|room| room == claims.claims.room) { Ok(claims.claims) } else { Err(TokenError::OtherRoom) }
    }
}

fn validation() -> Validation {
    // One algorithm only: a token that names another ("none" above all) is none of ours.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    validation
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    /// `{"alg":"none","typ":"JWT"}` and a claim of everything, unsigned.
    const UNSIGNED: &str =
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbm4iLCJyb29tIjoxLCJjYXBzIjpbXSwiZXhwIjo5OTk5OTk5OTk5fQ.";

    fn ann() -> UserId {
        UserId::try_from("ann".to_owned()).expect("a valid id")
    }

    #[test]
    fn a_token_says_what_was_signed() {
        let tokens = Tokens::new(b"secret", DAY);
        let connection = Some(ConnectionId::random());
        let token = tokens.sign(ann(), RoomId::FIRST, Capabilities::guest(), connection);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{token}");
        let claims = tokens.check(&token, RoomId::FIRST).expect("our own");
        assert_eq!((claims.user, claims.capabilities, claims.connection), (ann(), Capabilities::guest(), connection));
    }

    #[test]
    fn a_session_is_no_room_s_token_and_the_other_way_round() {
        let tokens = Tokens::new(b"secret", DAY);
        let session = tokens.sign_session(Scope::Admin, "s".into(), 60);
        assert_eq!(tokens.session(Scope::Admin, &session).map(|session| session.id).as_deref(), Some("s"));
        assert!(tokens.session(Scope::Moderator, &session).is_none());
        assert_eq!(tokens.check(&session, RoomId::FIRST), Err(TokenError::Invalid));
        let owner = tokens.sign(ann(), RoomId::FIRST, Capabilities::owner(), None);
        let over = Session { scope: Scope::Admin, id: "s".into(), until: 1 };
        let over = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &over, &tokens.encoding).expect("plain data");
        let foreign = Tokens::new(b"other", DAY).sign_session(Scope::Admin, "s".into(), 60);
        for other in [&owner, "", "x", UNSIGNED, &over, &foreign] {
            assert!(tokens.session(Scope::Admin, other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_game_s_token_is_good_for_its_game_alone() {
        let tokens = Tokens::new(b"secret", DAY);
        let origin = Origin { client: Some("key".into()), ..Origin::default() };
        let token = tokens.sign(Identity { user: ann(), origin }, RoomId::FIRST, Capabilities::owner(), None);
        assert_eq!(tokens.check(&token, RoomId::FIRST), Err(TokenError::Game));
        assert_eq!(tokens.read(&token), Err(TokenError::Game));
        assert_eq!(tokens.read_of_game(&token, "other"), Err(TokenError::Game));
        assert_eq!(tokens.read_of_game(&token, "key").map(|claims| claims.user), Ok(ann()));
        let owner = tokens.sign(ann(), RoomId::FIRST, Capabilities::owner(), None);
        assert!(tokens.read_of_game(&owner, "key").is_ok(), "whoever runs the room may run its game");
    }

    #[test]
    fn tokens_that_are_not_ours_are_refused() {
        let tokens = Tokens::new(b"secret", DAY);
        let sign = |tokens: &Tokens| tokens.sign(ann(), RoomId::FIRST, Capabilities::guest(), None);
        let ours = sign(&tokens);
        let expired = {
            let claims = Claims { expires_at: 1, ..tokens.check(&ours, RoomId::FIRST).expect("our own") };
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &tokens.encoding).expect("plain data")
        };
        let changed = format!("{}x{}", &ours[..40], &ours[41..]);
        let rows = [
            ("", TokenError::Missing),
            ("x", TokenError::Invalid),
            (UNSIGNED, TokenError::Invalid),
            (&changed, TokenError::Invalid),
            (&sign(&Tokens::new(b"other", DAY)), TokenError::Invalid),
            (&expired, TokenError::Expired),
        ];
        for (token, expected) in rows {
            assert_eq!(tokens.check(token, RoomId::FIRST), Err(expected), "{token}");
        }
        let two = RoomId::new(2).expect("in range");
        assert_eq!(tokens.check(&ours, two), Err(TokenError::OtherRoom));
    }
}
