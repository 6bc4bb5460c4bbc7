//! Moderators, who are invited by a link.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use subtle::ConstantTimeEq;

use super::{
    Authority, Claims, Hub, Origin, Refusal,
    rules::look_alikes::ProtectedForm,
    token::{Scope, Session},
};
use crate::{
    chat::{Capabilities, Capability, ChatText, Invitation, RoomId, UserId},
    engine::now,
};

/// How long somebody moderates who has taken an invitation, in seconds: a year. Whoever has invited them can end it at any time.
pub const MODERATOR_SECONDS: u64 = 365 * 24 * 3_600;

/// All invitations, the revoked ones too.
///
/// A standard lock, because it is held for a look-up only and never across an await.
#[derive(Default)]
pub(super) struct Invitations(RwLock<BTreeMap<String, Invited>>);

struct Invited {
    invitation: Invitation,
    form: ProtectedForm,
}

impl Invitations {
    /// Takes over what the store says of an invitation.
    pub(super) fn note(&self, invitation: Invitation) {
        let form = ProtectedForm::of(&invitation.name);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(invitation.id.clone(), Invited { invitation, form });
    }

    /// Whether a name in `room` is for somebody else, who is invited under it.
    pub(super) fn reserve(&self, room: RoomId, form: &ProtectedForm, user: &UserId) -> bool {
        let all = self.read();
        let meant = |invited: &&Invited| {
            let Invited { invitation, form: reserved } = invited;
            reserved.is_like(form) && invitation.revoked_at.is_none() && invitation.covers(room)
        };
        let mut meant = all.values().filter(meant).peekable();
        meant.peek().is_some() && meant.all(|invited| invited.invitation.user() != *user)
    }

    fn find(&self, id: &str) -> Option<Invitation> {
        self.read().get(id).map(|invited| invited.invitation.clone())
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Invited>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether that user was invited to moderate.
pub(super) fn is_session(user: &UserId) -> bool {
    user.as_str().starts_with("moderator:")
}

impl Hub {
    /// Invites somebody to moderate `room`, or all rooms, under a name that nobody else may use from now on. Gives the last part of
    /// the link's address beside it, which is not kept.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::Invalid`], [`Refusal::Stopping`], or the
    /// engine's.
    pub async fn invite(&self, who: &Authority, room: Option<RoomId>, name: &str) -> Result<(Invitation, String), Refusal> {
        self.may_invite(who, room)?;
        let name = name.trim().to_owned();
        ChatText::check_name(&name, self.limits())?;
        let mut id = uuid::Uuid::new_v4().simple().to_string();
        id.truncate(16);
        let invitation = Invitation { id, room, name, made_at: now(), taken_at: None, revoked_at: None };
        self.0.engine.keep_invitation(invitation.clone()).await?;
        let link = format!("{}-{}", invitation.id, self.0.tokens.invitation_key(&invitation.id));
        Ok((invitation, link))
    }

    /// The invitations to `room`, or, if none is named, all that there are; the latest first.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`].
    pub fn invitations(&self, who: &Authority, room: Option<RoomId>) -> Result<Vec<Invitation>, Refusal> {
        self.may_invite(who, room)?;
        let all = self.0.invitations.read();
        let mut found: Vec<_> = all.values().map(|invited| invited.invitation.clone()).collect();
        found.retain(|invitation| room.is_none() || invitation.room == room);
        found.sort_by_key(|invitation| std::cmp::Reverse(invitation.made_at));
        Ok(found)
    }

    /// The invitation of a link, if it can be taken.
    ///
    /// # Errors
    /// [`Refusal::UnknownInvitation`] and [`Refusal::InvitationOver`].
    pub fn invitation(&self, link: &str) -> Result<Invitation, Refusal> {
        let (id, key) = link.split_once('-').ok_or(Refusal::UnknownInvitation)?;
        let is_ours = bool::from(self.0.tokens.invitation_key(id).as_bytes().ct_eq(key.as_bytes()));
        let invitation = self.0.invitations.find(id).filter(|_| is_ours).ok_or(Refusal::UnknownInvitation)?;
        match invitation {
            Invitation { taken_at: None, revoked_at: None, .. } => Ok(invitation),
            _ => Err(Refusal::InvitationOver),
        }
    }

    /// Takes an invitation, and gives the proof of it with which its bearer moderates.
    ///
    /// # Errors
    /// As for [`invitation`](Self::invitation), and the engine's; it can be taken again then.
    pub async fn take_invitation(&self, link: &str) -> Result<(Invitation, String), Refusal> {
        let taken = Invitation { taken_at: Some(now()), ..self.invitation(link)? };
        if !self.0.engine.keep_invitation(taken.clone()).await? {
            return Err(Refusal::InvitationOver);
        }
        let session = self.0.tokens.sign_session(Scope::Moderator, taken.id.clone(), MODERATOR_SECONDS);
        Ok((taken, session))
    }

    /// Revokes an invitation at once: its link opens nothing, whoever has taken it is a guest, their streams end, and their name is
    /// free.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownInvitation`], [`Refusal::Stopping`], or the engine's.
    pub async fn revoke_invitation(&self, who: &Authority, room: Option<RoomId>, id: &str) -> Result<(), Refusal> {
        self.may_invite(who, room)?;
        let found = self.0.invitations.find(id).filter(|found| room.is_none() || found.room == room);
        let found = found.ok_or(Refusal::UnknownInvitation)?;
        let revoked = Invitation { revoked_at: Some(found.revoked_at.unwrap_or_else(now)), ..found };
        self.0.engine.keep_invitation(revoked).await?;
        Ok(())
    }

    /// Takes over what the store says of an invitation.
    pub(super) fn note_invitation(&self, invitation: &Invitation) {
        self.0.invitations.note(invitation.clone());
        if invitation.revoked_at.is_some() {
            for room in self.0.rooms.all() {
                room.release_name(&invitation.user());
            }
        }
    }

    /// What the proof of an invitation lets its bearer do in `room`; nothing if it is none, or none any more.
    pub fn moderator(&self, session: &str, room: RoomId) -> Option<Claims> {
        let Session { id, until, .. } = self.0.tokens.session(Scope::Moderator, session)?;
        let invitation = self.0.invitations.find(&id).filter(|invitation| invitation.covers(room))?;
        invitation.revoked_at.is_none().then(|| Claims {
            user: invitation.user(),
            room,
            capabilities: Capabilities::moderator(),
            once: None,
            connection: None,
            expires_at: until,
            origin: Origin { lasting: true, name: Some(invitation.name), until: Some(until), ..Origin::default() },
        })
    }

    /// Whether what was signed for `user` counts no more because their invitation does not.
    pub(super) fn is_uninvited(&self, user: &UserId) -> bool {
        let id = user.as_str().strip_prefix("moderator:");
        id.is_some_and(|id| self.0.invitations.find(id).is_none_or(|invitation| invitation.revoked_at.is_some()))
    }

    fn may_invite(&self, who: &Authority, room: Option<RoomId>) -> Result<(), Refusal> {
        match (who, room) {
            (_, Some(room)) => self.begin(room, who, Capability::ManageRoom, "").map(drop),
            (Authority::Admin, None) if self.is_stopping() => Err(Refusal::Stopping),
            (Authority::Admin, None) => Ok(()),
            (Authority::Bearer(_), None) => Err(Refusal::Capability(Capability::ManageRoom)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Timestamp;

    #[test]
    fn a_name_is_for_who_is_invited_under_it() {
        let invitations = Invitations::default();
        let two = RoomId::new(2).expect("in range");
        let made = |id: &str, room, name: &str| Invitation {
            id: id.into(),
            room,
            name: name.into(),
            made_at: Timestamp(0),
            taken_at: None,
            revoked_at: None,
        };
        let [robin, again, eve] = [made("1", Some(two), "Robin"), made("2", Some(two), "R0bin"), made("3", None, "Eve")];
        for invitation in [&robin, &again, &eve] {
            invitations.note(invitation.clone());
        }
        let guest = UserId::try_from("guest".to_owned()).expect("an id");
        let reserved = |room, name: &str, user: &UserId| invitations.reserve(room, &ProtectedForm::of(name), user);
        assert!(
            reserved(two, "ROBIN", &guest) && reserved(two, "R.o.b.i.n ★", &guest) && !reserved(RoomId::FIRST, "ROBIN", &guest)
        );
        assert!(reserved(two, "eve", &guest) && reserved(RoomId::FIRST, "eve", &guest) && reserved(two, "eve", &robin.user()));
        assert!(!reserved(two, "Robin", &robin.user()) && !reserved(two, "Robin", &again.user()), "either of them");
        assert!(!reserved(two, "Ann", &guest));
        invitations.note(Invitation { revoked_at: Some(Timestamp(1)), ..eve });
        assert!(!reserved(two, "eve", &guest));
    }
}
