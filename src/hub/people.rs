//! Who speaks, and under which name.

use std::net::IpAddr;

use super::{
    Claims, Hub, Refusal,
    live::{LiveRoom, NameOfGuest},
    names::{HELD_MS, NameRequest, NameRight},
    rules::{look_alikes::ProtectedForm, reserved_names::imitated_badge},
};
use crate::{
    chat::{ChatText, Draft, Fault, Field, Invalid, Message, NameClaim, Revoked, Role, Timestamp},
    engine::{End, EngineError, HeldName, Query, Reader, now},
};

/// A protected name is stored again when its time has grown by this part of a token's lifetime: an hour, by default.
const STORED_AGAIN_AFTER: i64 = 12;

/// The newest messages of a room that are read at the start, to know who holds which name, and how many bytes of them at most.
const RESTORED: usize = 500;
const RESTORED_BYTES: usize = 1024 * 1024;

impl Hub {
    /// Protects a name that the store knows of.
    pub(super) fn note_name(&self, HeldName { room, user, claim }: &HeldName) {
        if let Some(room) = self.0.rooms.find(*room).filter(|_| !self.is_uninvited(user)) {
            room.note_name(user, claim);
        }
    }

    /// Lets the bearer of a token speak under the name in their message. Returns what the store is to know of it: nothing of a guest.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::NameGiven`], [`Refusal::NameReserved`], [`Refusal::NameBadge`] and [`Refusal::NameTaken`].
    pub(super) fn take_name(
        &self,
        live: &LiveRoom,
        claims: &Claims,
        from: Option<IpAddr>,
        draft: &Draft,
    ) -> Result<Option<NameClaim>, Refusal> {
        match ChatText::username_of(&draft.payload) {
            Some(name) => self.claim_name(live, claims, from, &name),
            None => Ok(None),
        }
    }

    /// Lets the bearer of a token go by a name. Returns what the store is to know of it: nothing of a guest.
    ///
    /// # Errors
    /// Those of [`take_name`](Self::take_name).
    pub(super) fn claim_name(
        &self,
        live: &LiveRoom,
        claims: &Claims,
        from: Option<IpAddr>,
        name: &str,
    ) -> Result<Option<NameClaim>, Refusal> {
        let right = claims.name_right();
        self.check_name(live, claims, right, name)?;
        let (user, until, token) = (&claims.user, claims.ends_at(), claims.origin.id.as_deref());
        let from = from.filter(|_| live.rules().unique_names).map(|from| self.0.tokens.hash(from));
        if live.take_name(NameRequest { user, name, right, until, token, from: from.clone() })? {
            self.tell_name(live.id(), NameOfGuest { user: user.clone(), name: name.to_owned(), from });
        }
        if right == NameRight::Guest {
            return Ok(None);
        }
        let stale = i64::try_from(self.0.tokens.lifetime().as_millis()).unwrap_or(i64::MAX) / STORED_AGAIN_AFTER;
        let is_known = until.0 <= live.name_stored_until(user).0.saturating_add(stale);
        Ok((!is_known).then(|| NameClaim { name: name.to_owned(), until }))
    }

    /// Protects no name longer than the tokens that were revoked.
    pub(super) fn release_name_of(&self, revoked: &Revoked) {
        for room in self.0.rooms.all() {
            match revoked {
                Revoked::User(user) => room.release_name(user),
                Revoked::Token(id) => room.release_name_of_token(id),
            }
        }
    }

    /// Where names are unique, holds those of the guests who spoke last, who are about to come back after a restart.
    pub(super) async fn restore_names(&self, live: &LiveRoom) -> Result<(), EngineError> {
        if !live.rules().unique_names {
            return Ok(());
        }
        let query = Query {
            room: live.id(),
            after: 0,
            before: None,
            reader: Reader::Public,
            messages_only: true,
            limit: RESTORED,
            bytes: RESTORED_BYTES,
            end: End::Newest,
        };
        let until = Timestamp(now().0.saturating_add(HELD_MS));
        for event in self.0.engine.read(query).await? {
            let Some(Message { author, payload, profile, .. }) = event.message() else { continue };
            let is_guest = profile.role == Role::Guest && !author.is_of_site();
            if let Some(name) = is_guest.then(|| ChatText::username_of(payload)).flatten() {
                live.hear_name(author, &name, None, until);
            }
        }
        Ok(())
    }

    /// Returns whether a name is for those who run the chat.
    pub fn reserves(&self, name: &str) -> bool {
        self.0.reserved_names.contain(&ProtectedForm::of(name))
    }

    /// Whether a name may be used at all by the bearer of that token.
    fn check_name(&self, live: &LiveRoom, claims: &Claims, right: NameRight, name: &str) -> Result<(), Refusal> {
        let form = ProtectedForm::of(name);
        if form.is_empty() {
            return Err(Invalid { field: Field::Username, fault: Fault::Invisible }.into());
        }
        if let Some(given) = claims.origin.name.as_deref().filter(|given| given.trim() != name) {
            return Err(Refusal::NameGiven(given.to_owned()));
        }
        let moderates = claims.capabilities.moderate();
        let is_reserved = self.0.reserved_names.contain(&form) && !moderates;
        if is_reserved || self.0.invitations.reserve(live.id(), &form, &claims.user) {
            return Err(Refusal::NameReserved);
        }
        // What a site calls its people and programs is its own affair.
        let may_look_so = moderates || right == NameRight::Given || claims.origin.bot;
        match imitated_badge(name).filter(|_| !may_look_so) {
            Some(part) => Err(Refusal::NameBadge(part)),
            None => Ok(()),
        }
    }
}

impl Claims {
    fn name_right(&self) -> NameRight {
        match &self.origin.name {
            Some(_) => NameRight::Given,
            None if self.capabilities.moderate() => NameRight::Moderator,
            None if self.is_of_a_site() => NameRight::Chosen,
            None => NameRight::Guest,
        }
    }
}
