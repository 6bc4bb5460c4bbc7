use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    chat::{Capabilities, RoomId, UserId},
    hub::{Claims, Hub, Identity, MODERATOR_SECONDS, Origin, Session, TokenError, Tokens},
};

/// A guest that nobody was before.
fn new_guest() -> UserId {
    UserId::try_from(uuid::Uuid::new_v4().to_string()).expect("an UUID is 36 printable characters")
}

/// Digits of a guest's id that tell them from others.
const NAME_DIGITS: usize = 8;

/// The name of a guest whose protocol has no way to choose one.
pub(super) fn guest_name(user: &UserId) -> String {
    let digits: String = user.as_str().chars().filter(char::is_ascii_alphanumeric).take(NAME_DIGITS).collect();
    format!("Guest {digits}")
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
    /// Who the page's cookies say that this is: a moderator before all else. A cookie that is not valid, or not any more, says nothing.
    ///
    /// # Errors
    /// [`TokenError::Revoked`], so that whoever it is meant for hears of it.
    pub(super) fn from_cookie(headers: &HeaderMap, hub: &Hub, room: RoomId) -> Option<Result<Self, TokenError>> {
        let sessions = [Some(room), None].map(|room| cookie(headers, &moderator_cookie_name(room)));
        if let Some(moderator) = sessions.into_iter().flatten().find_map(|session| hub.moderator(session, room)) {
            return Some(Ok(moderator.into()));
        }
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

    /// As whom they act in the room: as themselves, unless they have signed in to run the chat.
    pub(super) fn acting(&self, headers: &HeaderMap, hub: &Hub) -> (Identity, Capabilities) {
        let Identity { user, origin } = self.identity.clone();
        match owner(headers, hub) {
            Some(Session { id, until, .. }) => {
                let origin = Origin { id: Some(id), until: Some(until), ..origin };
                (Identity { user, origin }, Capabilities::owner())
            }
            None => (Identity { user, origin }, self.own.clone()),
        }
    }

    /// The cookie that keeps them who they are in `room`: a token, as long as that is good. It is for our own pages alone: scripts
    /// cannot read it, other sites' requests do not carry it.
    pub(super) fn cookie(&self, tokens: &Tokens, room: RoomId) -> HeaderValue {
        let token = tokens.sign(self.identity.clone(), room, self.own.clone(), None);
        let (name, seconds) = (cookie_name(room), tokens.lifetime().as_secs());
        own_cookie(&format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}"))
    }

    /// Who a page in another site's frame is for, if they are known. Nobody moderates there.
    pub(super) fn in_frame(headers: &HeaderMap, hub: &Hub, room: RoomId) -> Option<Self> {
        let tokens = [cookie_name(room), framed_cookie_name(room)].map(|name| cookie(headers, &name));
        let known = tokens.into_iter().flatten().find_map(|token| hub.check(token, room).ok());
        known.map(Self::from)
    }

    /// The same cookie for a page in another site's frame, where a browser sends no other: kept for each of those sites apart
    /// (CHIPS), so that nobody is followed from one to the next. Over plain HTTP, and by a browser that keeps none, it is thrown
    /// away: the page then keeps its token for as long as it is open.
    pub(super) fn framed_cookie(&self, tokens: &Tokens, room: RoomId) -> HeaderValue {
        let token = tokens.sign(self.identity.clone(), room, self.own.clone(), None);
        let (name, seconds) = (framed_cookie_name(room), tokens.lifetime().as_secs());
        own_cookie(&format!("{name}={token}; Path=/; HttpOnly; SameSite=None; Secure; Partitioned; Max-Age={seconds}"))
    }
}

/// The cookie of whoever has signed in to run the chat.
const SESSION_COOKIE: &str = "live-chat-admin";

/// The session of whoever has signed in to run the chat, if the request comes from them.
pub(super) fn owner(headers: &HeaderMap, hub: &Hub) -> Option<Session> {
    cookie(headers, SESSION_COOKIE).and_then(|session| hub.owner(session))
}

/// The cookie that says that somebody has signed in.
pub(super) fn session_cookie(hub: &Hub) -> HeaderValue {
    let (session, seconds) = (hub.sign_in(), hub.tokens().lifetime().as_secs());
    own_cookie(&format!("{SESSION_COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}"))
}

/// The cookie of somebody who has taken an invitation to moderate that room, or all.
pub(super) fn moderator_cookie(session: &str, room: Option<RoomId>) -> HeaderValue {
    let name = moderator_cookie_name(room);
    own_cookie(&format!("{name}={session}; Path=/; HttpOnly; SameSite=Lax; Max-Age={MODERATOR_SECONDS}"))
}

fn moderator_cookie_name(room: Option<RoomId>) -> String {
    room.map_or_else(|| "live-chat-moderator".to_owned(), |room| format!("live-chat-moderator-{room}"))
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

fn framed_cookie_name(room: RoomId) -> String {
    format!("live-chat-framed-{room}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_have_a_name_that_tells_them_apart() {
        let user = UserId::try_from("7f3a-90c1-8d2e-4b6f".to_owned()).expect("a valid id");
        assert_eq!(guest_name(&user), "Guest 7f3a90c1");
    }
}
