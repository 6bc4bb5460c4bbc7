use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    chat::{Capabilities, RoomId, UserId},
    hub::Tokens,
};

/// A guest that nobody was before.
pub(super) fn new_guest() -> UserId {
    UserId::try_from(uuid::Uuid::new_v4().to_string()).expect("an UUID is 36 printable characters")
}

/// Who the page's cookie says that this is. A cookie that is not valid, or not any more, says nothing.
pub(super) fn from_cookie(headers: &HeaderMap, tokens: &Tokens, room: RoomId) -> Option<UserId> {
    let token = cookie(headers, &cookie_name(room))?;
    tokens.check(token, room).ok().map(|claims| claims.user)
}

/// The cookie that keeps `user` who they are in `room`: a token, as long as that is good. It is for our own pages alone: scripts
/// cannot read it, other sites' requests do not carry it.
pub(super) fn set_cookie(tokens: &Tokens, room: RoomId, user: UserId) -> HeaderValue {
    let token = tokens.sign(user, room, Capabilities::guest(), None);
    let name = cookie_name(room);
    HeaderValue::from_str(&format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}", tokens.lifetime().as_secs()))
        .expect("a token is plain ASCII")
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
