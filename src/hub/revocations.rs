use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use super::{Claims, Hub, Origin, Refusal, TokenError};
use crate::{
    chat::{Revocation, Revoked, RoomId, Timestamp, UserId},
    engine::now,
};

/// What is to be revoked, as whoever runs the chat names it.
#[derive(Clone, Debug)]
pub enum Revoke {
    /// A token, with all that belong to it.
    Token(String),
    /// The token of that id, with all that belong to it.
    Id(String),
    /// All tokens of a user.
    User(UserId),
}

/// The tokens that do not count any more.
///
/// A standard lock, because it is held for a look-up only and never across an await.
#[derive(Default)]
pub(super) struct Revocations(RwLock<HashMap<Revoked, Revocation>>);

impl Revocations {
    /// Takes over what was decided, and forgets what is over.
    pub(super) fn note(&self, revocation: Revocation, now: Timestamp) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, revocation| revocation.until > now);
        all.insert(revocation.of.clone(), revocation);
    }

    /// When all tokens of a user were revoked, if they were.
    pub(super) fn at(&self, user: &UserId) -> Option<Timestamp> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&Revoked::User(user.clone())).map(|revocation| revocation.at)
    }

    /// Whether what somebody shows is revoked.
    pub(super) fn contain(&self, user: &UserId, origin: &Origin) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return false;
        }
        let by_id = origin.id.as_ref().is_some_and(|id| all.contains_key(&Revoked::Token(id.clone())));
        let of_user = all.get(&Revoked::User(user.clone()));
        // A guest's token does not say when it was issued, and nobody gets their id again.
        by_id || of_user.is_some_and(|revocation| origin.issued_at().is_none_or(|at| at <= revocation.at))
    }
}

impl Hub {
    /// Revokes tokens, from now on and over restarts; the connections that were opened with them end.
    ///
    /// # Errors
    /// [`Refusal::Token`] if a token is not one that is good now, [`Refusal::Stopping`], or the engine's.
    pub async fn revoke(&self, what: Revoke) -> Result<(), Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        let at = now();
        let lifetime = i64::try_from(self.0.tokens.lifetime().as_millis()).unwrap_or(i64::MAX);
        let (of, until) = match what {
            Revoke::Id(id) => (Revoked::Token(id), Timestamp(i64::MAX)),
            // Whatever was signed for a guest ends within its lifetime; what a site may sign yet, nobody knows.
            Revoke::User(user) if !user.is_of_site() => (Revoked::User(user), Timestamp(at.0.saturating_add(lifetime))),
            Revoke::User(user) => (Revoked::User(user), Timestamp(i64::MAX)),
            Revoke::Token(token) => {
                let claims = self.0.tokens.read_any(&token, None)?;
                // A game's token has the id of the session that it was signed because of, which must not end with it.
                match claims.origin.id.filter(|_| claims.origin.client.is_none()) {
                    Some(id) => (Revoked::Token(id), Timestamp::of_seconds(claims.origin.until.unwrap_or(claims.expires_at))),
                    None => (Revoked::User(claims.user), Timestamp(at.0.saturating_add(lifetime))),
                }
            }
        };
        Ok(self.0.engine.revoke(Revocation { of, at, until }).await?)
    }

    /// Ends the connections of those whose tokens count no more.
    pub(super) fn close_refused(&self) {
        for room in self.0.rooms.all() {
            room.close(|user, origin| self.check_revoked(user, origin).is_err());
        }
    }

    /// What `token` says, if it lets its bearer into `room`.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn check(&self, token: &str, room: RoomId) -> Result<Claims, TokenError> {
        let claims = self.0.tokens.check(token, room)?;
        self.check_revoked(&claims.user, &claims.origin)?;
        Ok(claims)
    }

    /// What `token` says that a game shows with the widget key `client`, if it lets the game into some room.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn check_game(&self, token: &str, client: &str) -> Result<Claims, TokenError> {
        let claims = self.0.tokens.read_of_game(token, client)?;
        self.check_revoked(&claims.user, &claims.origin)?;
        Ok(claims)
    }

    /// The same of what was let in before.
    pub(super) fn check_revoked(&self, user: &UserId, origin: &Origin) -> Result<(), TokenError> {
        let is_revoked = self.0.revocations.contain(user, origin) || self.is_uninvited(user) || self.is_signed_out(origin);
        if is_revoked { Err(TokenError::Revoked) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    #[test]
    fn what_is_revoked_is_known_by_id_or_by_user_and_time() {
        let revocations = Revocations::default();
        let note =
            |of, at, until, now| revocations.note(Revocation { of, at: Timestamp(at), until: Timestamp(until) }, Timestamp(now));
        note(Revoked::Token("t".into()), 0, 100, 0);
        note(Revoked::User(user("ann")), 5_000, 100_000, 0);
        let origin = |id: Option<&str>, issued_at| Origin { id: id.map(str::to_owned), issued_at, ..Origin::default() };
        let rows = [
            ("bob", origin(None, None), false),
            ("bob", origin(Some("t"), None), true),
            ("bob", origin(Some("u"), None), false),
            ("ann", origin(None, None), true),
            ("ann", origin(Some("u"), Some(5)), true),
            ("ann", origin(None, Some(6)), false),
            ("ann", origin(Some("t"), Some(6)), true),
        ];
        for (name, origin, expected) in rows {
            assert_eq!(revocations.contain(&user(name), &origin), expected, "{name} {origin:?}");
        }
        note(Revoked::Token("u".into()), 0, i64::MAX, 100);
        assert!(!revocations.contain(&user("bob"), &origin(Some("t"), None)), "its own time is over");
    }
}
