use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    chat::{Capabilities, RoomId, UserId},
    hub::{Claims, Hub, Identity, Origin, TokenError, Tokens},
};

/// A guest that nobody was before.
fn new_guest() -> UserId {
    UserId::try_from(uuid::Uuid::new_v4().to_string()).expect("an UUID is 36 printable characters")
}

/// Somebody, and what they may do by themselves.
pub(super) struct Visitor {
    pub(super) identity: Identity,
    /// What their cookie or their next token says: not what they may do because they have signed in to run the chat.
    pub(super) own: Capabilities,
}

impl From<Claims> for Visitor {
    fn from(claims: Claims) -> Self {
        Self { own: claims.renewable(), identity: claims.into() }
    }
}

impl Visitor {
    /// Who the page's cookie says that this is. A cookie that is not valid, or not any more, says nothing.
    ///
    /// # Errors
    /// [`TokenError::Revoked`], so that whoever it is meant for hears of it.
    pub(super) fn from_cookie(headers: &HeaderMap, hub: &Hub, room: RoomId) -> Option<Result<Self, TokenError>> {
        let token = cookie(headers, &cookie_name(room))?;
        match hub.check(token, room) {
            Ok(claims) => Some(Ok(claims.into())),
            Err(TokenError::Revoked) => Some(Err(TokenError::Revoked)),
            Err(_) => None,
        }
    }

    /// Somebody who opens a page for the first time. Its cookie keeps them.
    pub(super) fn new() -> Self {
        let origin = Origin { lasting: true, ..Origin::default() };
        Self { identity: Identity { user: new_guest(), origin }, own: Capabilities::guest() }
    }

    /// Somebody who subscribes, and is kept by nothing.
    pub(super) fn passing() -> Self {
        Self { identity: new_guest().into(), own: Capabilities::guest() }
    }

    /// What they may do in the room.
    pub(super) fn capabilities(&self, headers: &HeaderMap, tokens: &Tokens) -> Capabilities {
        if is_owner(headers, tokens) { Capabilities::owner() } else { self.own.clone() }
    }

    /// The cookie that keeps them who they are in `room`: a token, as long as that is good. It is for our own pages alone: scripts
    /// cannot read it, other sites' requests do not carry it.
    pub(super) fn cookie(&self, tokens: &Tokens, room: RoomId) -> HeaderValue {
        let token = tokens.sign(self.identity.clone(), room, self.own.clone(), None);
        let (name, seconds) = (cookie_name(room), tokens.lifetime().as_secs());
        own_cookie(&format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}"))
    }
}

/// The cookie of whoever has signed in to run the chat.
const SESSION_COOKIE: &str = "live-chat-admin";

/// Whether the request comes from somebody who has signed in to run the chat.
pub(super) fn is_owner(headers: &HeaderMap, tokens: &Tokens) -> bool {
    cookie(headers, SESSION_COOKIE).is_some_and(|token| tokens.is_session(token))
}

/// The cookie that says that somebody has signed in.
pub(super) fn session_cookie(tokens: &Tokens) -> HeaderValue {
    let (token, seconds) = (tokens.sign_session(), tokens.lifetime().as_secs());
    own_cookie(&format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}"))
}

/// The cookie that takes it away.
pub(super) fn no_session_cookie() -> HeaderValue {
    own_cookie(&format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"))
}

fn own_cookie(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("a token is plain ASCII")
}

fn cookie_name(room: RoomId) -> String {
    format!("live-chat-{room}")
}

/// The value of the cookie of that name (RFC 6265 4.2).
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
