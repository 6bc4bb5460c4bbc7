//! Who speaks, and under which name.

use super::{
    Claims, Hub, Refusal,
    live::LiveRoom,
    names::{Likeness, Wish},
};
use crate::{
    chat::{ChatText, Draft, Fault, Field, Invalid, NameClaim, Timestamp},
    engine::{HeldName, now},
};

/// A claim on a name is stored again when it has grown by this part of a token's lifetime: an hour, by default.
const STORED_AGAIN_AFTER: i64 = 12;

impl Hub {
    /// Somebody holds a name, as the store knows.
    pub(super) fn note_name(&self, HeldName { room, user, claim }: &HeldName) {
        if let Some(room) = self.0.rooms.find(*room).filter(|_| !self.is_uninvited(user)) {
            room.note_name(user, claim);
        }
    }

    /// Lets the bearer of a token speak under the name that stands in their message, if it is free: theirs from now on. Gives what
    /// the store is to know of it.
    pub(super) fn take_name(&self, live: &LiveRoom, claims: &Claims, draft: &Draft) -> Result<Option<NameClaim>, Refusal> {
        let Some(name) = ChatText::username_of(draft.payload.get()) else { return Ok(None) };
        let likeness = Likeness::of(&name);
        if likeness.is_empty() {
            return Err(Invalid { field: Field::Username, fault: Fault::Invisible }.into());
        }
        let given = claims.origin.name.as_deref();
        if let Some(given) = given.filter(|given| given.trim() != name.trim()) {
            return Err(Refusal::NameGiven(given.to_owned()));
        }
        let is_reserved = self.0.reserved_names.contain(&likeness) && !claims.capabilities.moderate();
        if is_reserved || self.0.invitations.reserve(live.id(), &likeness, &claims.user) {
            return Err(Refusal::NameReserved);
        }
        let lifetime = i64::try_from(self.0.tokens.lifetime().as_millis()).unwrap_or(i64::MAX);
        let latest = Timestamp(now().0.saturating_add(lifetime));
        let until = if claims.origin.lasting { claims.ends_at().min(latest) } else { Timestamp(0) };
        live.take_name(Wish { user: &claims.user, name: likeness, given: given.is_some(), until })?;
        let stale = lifetime / STORED_AGAIN_AFTER;
        let is_known = until.0 <= live.name_stored_until(&claims.user).0.saturating_add(stale);
        Ok((claims.origin.lasting && !is_known).then_some(NameClaim { name, until }))
    }
}
