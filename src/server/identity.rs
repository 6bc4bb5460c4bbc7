use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use super::{extract::cookies::Cookies, page::is_cross_site, router::foreign_origin};
use crate::{
    chat::{Capabilities, RoomId, UserId},
    hub::{Claims, DEVICE_SECONDS, Hub, Identity, MODERATOR_SECONDS, Origin, Session, TokenError, Tokens, Trace},
};

/// A guest that nobody was before.
fn new_guest() -> UserId {
    UserId::try_from(uuid::Uuid::new_v4().to_string()).expect("an UUID is 36 printable characters")
}

/// The author that an owner is who has signed in on that device: the same each time and in every room, and never the guest who uses the
/// same browser. So neither has the other's name.
fn owner_on(device: &str) -> UserId {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, device.as_bytes());
    UserId::try_from(id.to_string()).expect("an UUID is 36 printable characters")
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
    pub(super) fn from_cookie(cookies: &Cookies, hub: &Hub, room: RoomId) -> Option<Result<Self, TokenError>> {
        let sessions = [Some(room), None].map(|room| cookies.find(&moderator_cookie_name(room)));
        if let Some(moderator) = sessions.into_iter().flatten().find_map(|session| hub.moderator(session, room)) {
            return Some(Ok(moderator.into()));
        }
        let token = cookies.find(&cookie_name(room))?;
        match hub.check(token, room) {
            Ok(claims) => Some(Ok(claims.into())),
            Err(TokenError::Revoked) => Some(Err(TokenError::Revoked)),
            Err(_) => None,
        }
    }

    /// Returns who the cookies of a subscription say that this is. A page of another origin is only believed if the operator has named
    /// its site, and then they are a guest there: cookies that let somebody moderate count on our own pages alone.
    ///
    /// # Errors
    /// [`TokenError::Revoked`].
    pub(super) fn subscribing(
        cookies: &Cookies,
        hub: &Hub,
        room: RoomId,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, TokenError> {
        if !is_cross_site(headers) {
            return Self::from_cookie(cookies, hub, room).transpose();
        }
        let is_named = foreign_origin(headers).is_some_and(|origin| hub.names_origin(Some(room), origin));
        let known = if is_named { Self::in_frame(cookies, hub, room) } else { None };
        Ok(known.filter(|visitor| !visitor.own.moderate()))
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

    /// The same, of whom it is known since when they are here: each token that is signed for them later says so.
    pub(super) fn passing_since_now(tokens: &Tokens) -> Identity {
        let Self { identity, own } = Self::passing();
        let token = tokens.sign(identity.clone(), RoomId::FIRST, own, None);
        tokens.read(&token).map_or(identity, Identity::from)
    }

    /// The same, whose client may be known again by its trace.
    pub(super) fn passing_with(trace: Trace) -> Self {
        let origin = Origin { trace: Some(trace), ..Origin::default() };
        Self { identity: Identity { user: new_guest(), origin }, own: Capabilities::guest() }
    }

    /// As whom they act in the room: as themselves, unless they have signed in to run the chat. Then they are still somebody whom a site
    /// or an invitation has named.
    pub(super) fn acting(&self, cookies: &Cookies, hub: &Hub) -> (Identity, Capabilities) {
        let Identity { user, origin } = self.identity.clone();
        match owner(cookies, hub) {
            Some(Session { id, until, .. }) => {
                let is_guest = origin.name.is_none() && !user.is_of_site();
                let owner = device(cookies, hub).filter(|_| is_guest).map(|device| owner_on(&device));
                let user = owner.unwrap_or(user);
                let origin = Origin { id: Some(id), until: Some(until), ..origin };
                (Identity { user, origin }, Capabilities::owner())
            }
            None => (Identity { user, origin }, self.own.clone()),
        }
    }

    /// The cookie that keeps them who they are in `room`: a token, as long as that is good.
    pub(super) fn cookie(&self, cookies: &Cookies, tokens: &Tokens, room: RoomId) -> HeaderValue {
        cookies.set(&cookie_name(room), &self.token(tokens, room), tokens.lifetime())
    }

    /// Who a page in another site's frame is for, if they are known. Nobody moderates there.
    pub(super) fn in_frame(cookies: &Cookies, hub: &Hub, room: RoomId) -> Option<Self> {
        let tokens = [cookie_name(room), framed_cookie_name(room)].map(|name| cookies.find(&name));
        let known = tokens.into_iter().flatten().find_map(|token| hub.check(token, room).ok());
        known.map(Self::from)
    }

    /// The same cookie for a page in another site's frame. A browser that does not keep it leaves the page with the token that it has
    /// for as long as it is open.
    pub(super) fn framed_cookie(&self, cookies: &Cookies, tokens: &Tokens, room: RoomId) -> HeaderValue {
        cookies.set_framed(&framed_cookie_name(room), &self.token(tokens, room), tokens.lifetime())
    }

    fn token(&self, tokens: &Tokens, room: RoomId) -> String {
        tokens.sign(self.identity.clone(), room, self.own.clone(), None)
    }
}

/// The cookie of whoever has signed in to run the chat.
const SESSION_COOKIE: &str = "live-chat-admin";

/// The session of whoever has signed in to run the chat, if the request comes from them.
pub(super) fn owner(cookies: &Cookies, hub: &Hub) -> Option<Session> {
    cookies.find(SESSION_COOKIE).and_then(|session| hub.owner(session))
}

/// The cookie that says that somebody has signed in.
pub(super) fn session_cookie(cookies: &Cookies, hub: &Hub) -> HeaderValue {
    cookies.set(SESSION_COOKIE, &hub.sign_in(), hub.tokens().lifetime())
}

/// The cookie that tells a device that has signed in before from one of a stranger who tries passwords. It gives no right.
const DEVICE_COOKIE: &str = "live-chat-device";

/// The name of the device that sends a request, if somebody has signed in on it before.
pub(super) fn device(cookies: &Cookies, hub: &Hub) -> Option<String> {
    cookies.find(DEVICE_COOKIE).and_then(|device| hub.device(device))
}

/// The cookie by which the device is known from now on.
pub(super) fn device_cookie(cookies: &Cookies, hub: &Hub) -> HeaderValue {
    let signed = hub.sign_device(device(cookies, hub));
    cookies.set(DEVICE_COOKIE, &signed, Duration::from_secs(DEVICE_SECONDS))
}

/// The cookie of somebody who has taken an invitation to moderate that room, or all.
pub(super) fn moderator_cookie(cookies: &Cookies, session: &str, room: Option<RoomId>) -> HeaderValue {
    cookies.set(&moderator_cookie_name(room), session, Duration::from_secs(MODERATOR_SECONDS))
}

fn moderator_cookie_name(room: Option<RoomId>) -> String {
    room.map_or_else(|| "live-chat-moderator".to_owned(), |room| format!("live-chat-moderator-{room}"))
}

/// The cookie that takes it away.
pub(super) fn no_session_cookie(cookies: &Cookies) -> HeaderValue {
    cookies.remove(SESSION_COOKIE)
}

fn cookie_name(room: RoomId) -> String {
    format!("live-chat-{room}")
}

fn framed_cookie_name(room: RoomId) -> String {
    format!("live-chat-framed-{room}")
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
