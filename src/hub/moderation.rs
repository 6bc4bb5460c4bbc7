use std::{collections::HashSet, net::IpAddr, time::Duration};

use super::{Hub, Refusal, rules::blocked::Blocked, sanctions};
use crate::{
    chat::{
        AddressHash, Attributes, Capability, CustomEvent, Deleted, Deletion, Disconnection, Event, InvalidSetting, Kind, Measure,
        REASON_CHARS, Room, RoomId, Sanction, Settings, SettingsChange, Timestamp, UserId,
    },
    engine::{Act, Appended, now},
};

/// Longest time-out: what is meant for longer is a ban.
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_secs(14 * 24 * 3_600);

/// Who asks for something that not everybody may do.
#[derive(Clone, Debug)]
pub enum Authority {
    /// Whoever holds the admin key: may do everything, in every room.
    Admin,
    /// The bearer of a token, which must allow it.
    Bearer(String),
}

/// What a moderator decides on somebody's right to speak.
#[derive(Clone, Copy, Debug)]
pub enum Decision {
    /// Not for a while: 1 second to two weeks.
    TimeOut(Duration),
    /// Not any more.
    Ban,
    /// Again.
    Lift,
}

/// Messages that are to be taken out of a room.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Which.
    pub of: Deleted,
    /// Why: at most [`REASON_CHARS`] characters; may be empty.
    pub reason: String,
    /// Whether the public is told why.
    pub tells_reason: bool,
}

impl Removal {
    /// Of these, for a reason that is not for the public.
    pub fn quiet(of: Deleted, reason: String) -> Self {
        Self { of, reason, tells_reason: false }
    }
}

impl Hub {
    /// Takes messages out of the room: nobody is shown them from now on, and whoever has them on the screen is told. In any state
    /// of the room.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::UnknownMessage`],
    /// [`Refusal::ReasonTooLong`], or the engine's.
    pub async fn delete(&self, room: RoomId, who: &Authority, removal: Removal) -> Result<Appended, Refusal> {
        let Removal { of, reason, tells_reason } = removal;
        let by = self.begin(room, who, Capability::DeleteMessage, &reason)?;
        let takes_back_reactions = matches!(of, Deleted::AllOf(_));
        self.to_its_end(async move |hub| {
            let deletion = Deletion { of, by, reason, tells_reason };
            let deleted = hub.0.engine.delete(room, deletion).await?;
            if takes_back_reactions {
                hub.tell_reactions(room);
            }
            Ok(deleted)
        })
        .await
    }

    /// Returns whether the act at that place is the deletion of just that, and not one that takes it out with more.
    ///
    /// # Errors
    /// The engine's.
    pub async fn has_deleted(&self, room: RoomId, act: u64, of: &Deleted) -> Result<bool, Refusal> {
        let act = self.0.engine.act(room, act).await?;
        Ok(act.is_some_and(|act| matches!(act.kind, Kind::Deletion(deletion) if deletion.of == *of)))
    }

    /// Undoes the act at `of`: a deletion, a decision on somebody's right to speak, or that a message was declined. Whoever may do such
    /// an act may undo it, whoever did it. It is as if it had not been done, but for what it told people and whose connections it ended.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::NotUndoable`], [`Refusal::UndoOver`],
    /// [`Refusal::Overruled`], [`Refusal::NothingToRestore`], or the engine's.
    pub async fn undo(&self, room: RoomId, who: &Authority, of: u64) -> Result<Appended, Refusal> {
        // Who may do none of this is not told what was done.
        match self.begin(room, who, Capability::DeleteMessage, "") {
            Err(Refusal::Capability(_)) => drop(self.begin(room, who, Capability::DisconnectUser, "")?),
            may_delete => drop(may_delete?),
        }
        let act = self.0.engine.act(room, of).await?.ok_or(Refusal::NotUndoable)?;
        let capability = match act.kind {
            Kind::Deletion(_) => Capability::DeleteMessage,
            _ => Capability::DisconnectUser,
        };
        let by = self.authorize(room, who, capability)?;
        self.to_its_end(async move |hub| {
            let undone = hub.0.engine.undo(room, of, by).await?;
            hub.tell_reactions(room);
            Ok(undone)
        })
        .await
    }

    /// Ends the connections of `user` to the room, which must be open, after all who are in it were told. They may come back.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::NotLive`], [`Refusal::ReasonTooLong`], or
    /// the engine's.
    pub async fn disconnect(&self, room: RoomId, who: &Authority, user: UserId, reason: String) -> Result<Appended, Refusal> {
        let by = self.begin(room, who, Capability::DisconnectUser, &reason)?;
        Ok(self.0.engine.disconnect(room, Disconnection { user, by, reason }).await?)
    }

    /// Tells a room, which must be open, what a site's own program has to say.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::NotLive`], or the engine's.
    pub async fn tell(&self, room: RoomId, who: &Authority, name: String, attributes: Attributes) -> Result<Appended, Refusal> {
        let by = self.begin(room, who, Capability::ManageRoom, "")?;
        Ok(self.0.engine.tell(room, CustomEvent { name, attributes, by }).await?)
    }

    /// Changes the room's settings; everybody in it is told. In any state of the room. Who moderates may change those that keep
    /// order, which are to pause, to slow down and to pin; whoever runs the room all.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::Setting`], [`Refusal::ReviewUrl`],
    /// [`Refusal::SlugTaken`], or the engine's.
    pub async fn configure(&self, room: RoomId, who: &Authority, change: SettingsChange) -> Result<Room, Refusal> {
        let capability = if change.keeps_order() { Capability::DisconnectUser } else { Capability::ManageRoom };
        let by = self.begin(room, who, capability, "")?;
        let before = self.find(room)?.room().settings;
        let after = change.apply(&before)?;
        if after.review_url != before.review_url {
            self.check_review_url(&after.review_url)?;
        }
        if after.pinned_message != before.pinned_message {
            self.check_pinned(room, &after).await?;
        }
        Ok(self.0.engine.configure(room, change, by).await?)
    }

    /// Whether a room may have its pinned message.
    async fn check_pinned(&self, room: RoomId, settings: &Settings) -> Result<(), Refusal> {
        if settings.pinned_message.is_empty() {
            return Ok(());
        }
        let rule = "be the id of a public message of this room that is not deleted";
        let unknown = Refusal::Setting(InvalidSetting::Value { name: "pinned_message", rule });
        match settings.pinned(room) {
            Some(id) => self.message(id).await.map(drop).map_err(|refusal| match refusal {
                Refusal::UnknownMessage | Refusal::Deleted => unknown,
                other => other,
            }),
            None => Err(unknown),
        }
    }

    /// Decides whether `user` may speak in the room, from now on and over restarts; they are told. In any state of the room. The
    /// later decision replaces the earlier one. With `by_address` it holds for everybody who comes from where they are connected
    /// from, or spoke from last: a guest is another user as soon as they throw their cookie away. How many people that are,
    /// [`others_at_addresses`](Self::others_at_addresses) tells.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::TimeoutLength`],
    /// [`Refusal::ReasonTooLong`], or the engine's.
    pub async fn sanction(
        &self,
        room: RoomId,
        who: &Authority,
        user: UserId,
        decision: Decision,
        by_address: bool,
        reason: String,
    ) -> Result<Appended, Refusal> {
        let by = self.begin(room, who, Capability::DisconnectUser, &reason)?;
        let measure = match decision {
            Decision::TimeOut(length) => Measure::Timeout { until: end_of(length)? },
            Decision::Ban => Measure::Ban,
            Decision::Lift => Measure::Lift,
        };
        let addresses = if by_address { self.addresses(room, &user)? } else { Vec::new() };
        self.to_its_end(async move |hub| {
            let decided = hub.0.engine.sanction(room, Sanction { user, measure, addresses, by, reason }).await?;
            if measure == Measure::Ban {
                hub.tell_reactions(room);
            }
            Ok(decided)
        })
        .await
    }

    /// Counts, for each of these users, the other people in the room whom a decision by address would hold for: those who are connected
    /// to this node or spoke here from the same addresses. `None` if no address of the user is known.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`].
    pub fn others_at_addresses(&self, room: RoomId, who: &Authority, users: &[UserId]) -> Result<Vec<Option<usize>>, Refusal> {
        let live = self.find(room)?;
        self.authorize(room, who, Capability::DisconnectUser)?;
        Ok(live.others_at_addresses(users))
    }

    /// Who may not speak in the room at present, the oldest decision first.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], or the engine's.
    pub async fn sanctions(&self, room: RoomId, who: &Authority) -> Result<Vec<Event>, Refusal> {
        self.find(room)?;
        self.authorize(room, who, Capability::DisconnectUser)?;
        let holds = |event: &Event| match &event.kind {
            Kind::Sanction(sanction) => event.room == room && sanctions::refusal(sanction.measure, now()).is_some(),
            Kind::Message(_)
            | Kind::Private { .. }
            | Kind::Held(_)
            | Kind::Resolution(_)
            | Kind::Room(_)
            | Kind::Settings { .. }
            | Kind::Deletion(_)
            | Kind::Reactions(_)
            | Kind::Disconnection(_)
            | Kind::Restore(_)
            | Kind::Custom(_) => false,
        };
        let mut all = self.0.engine.sanctions().await?;
        all.retain(holds);
        Ok(all)
    }

    /// What took that message out, for its author and for those who may delete.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::UnknownMessage`] if it is not deleted, or the
    /// engine's.
    pub async fn deletion(&self, room: RoomId, who: &Authority, seq: u64) -> Result<Act, Refusal> {
        self.find(room)?;
        let asker = match who {
            Authority::Admin => None,
            Authority::Bearer(token) => Some(self.check(token, room)?),
        };
        let act = self.0.engine.deletion(room, seq).await?.ok_or(Refusal::UnknownMessage)?;
        let author = act.message.as_ref().map(|message| &message.author);
        match asker {
            Some(claims) if Some(&claims.user) != author && !claims.capabilities.allow(Capability::DeleteMessage) => {
                Err(Refusal::Capability(Capability::DeleteMessage))
            }
            _ => Ok(act),
        }
    }

    /// What was done in the room before `before`, newest first.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], or the engine's.
    pub async fn acts(&self, room: RoomId, who: &Authority, before: u64, limit: usize) -> Result<Vec<Act>, Refusal> {
        self.find(room)?;
        self.authorize(room, who, Capability::ManageRoom)?;
        Ok(self.0.engine.acts(room, before, limit).await?)
    }

    /// Returns what the room's word filter refused lately on this node, newest first.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`] or [`Refusal::UnknownRoom`].
    pub fn blocked(&self, room: RoomId, who: &Authority) -> Result<Vec<Blocked>, Refusal> {
        let live = self.find(room)?;
        self.authorize(room, who, Capability::DisconnectUser)?;
        Ok(live.blocked())
    }

    /// Returns the name under which `user` spoke last in the room, if that is known.
    pub fn spoken_name(&self, room: RoomId, user: &UserId) -> Option<String> {
        self.find(room).ok()?.spoken_name(user)
    }

    /// What keeps `user`, who comes `from` that address if it is known, from speaking in the room at present.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`].
    pub fn sanction_on(&self, room: RoomId, user: &UserId, from: Option<IpAddr>) -> Result<Option<Sanction>, Refusal> {
        Ok(self.find(room)?.sanction(user, from, &self.0.tokens))
    }

    /// What is the same before each of a moderator's acts: who does it, if they may.
    pub(super) fn begin(&self, room: RoomId, who: &Authority, capability: Capability, reason: &str) -> Result<UserId, Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        self.find(room)?;
        let by = self.authorize(room, who, capability)?;
        let chars = reason.chars().count();
        if chars > REASON_CHARS { Err(Refusal::ReasonTooLong { chars }) } else { Ok(by) }
    }

    /// Where `user` is to be recognized: where they come from now, and where they did when it was decided on them before.
    fn addresses(&self, room: RoomId, user: &UserId) -> Result<Vec<AddressHash>, Refusal> {
        let live = self.find(room)?;
        let now = live.addresses(user).into_iter().map(|address| self.0.tokens.hash(address));
        let before = live.sanction(user, None, &self.0.tokens).map(|sanction| sanction.addresses).unwrap_or_default();
        Ok(now.chain(before).collect::<HashSet<_>>().into_iter().collect())
    }

    /// Checks that `who` has that capability in the room.
    ///
    /// # Errors
    /// [`Refusal::Stopping`], [`Refusal::UnknownRoom`], [`Refusal::Token`] and [`Refusal::Capability`].
    pub fn permit(&self, room: RoomId, who: &Authority, capability: Capability) -> Result<(), Refusal> {
        self.begin(room, who, capability, "").map(drop)
    }

    /// Who it is, if they may.
    pub(super) fn authorize(&self, room: RoomId, who: &Authority, capability: Capability) -> Result<UserId, Refusal> {
        match who {
            Authority::Admin => Ok(UserId::admin()),
            Authority::Bearer(token) => {
                let claims = self.check(token, room)?;
                match claims.capabilities {
                    all if !all.allow(capability) => Err(Refusal::Capability(capability)),
                    // An owner acts as such, whoever they are in the room.
                    all if all.allow(Capability::ManageRoom) => Ok(UserId::admin()),
                    _ => Ok(claims.user),
                }
            }
        }
    }
}

fn end_of(length: Duration) -> Result<Timestamp, Refusal> {
    let milliseconds = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let valid = length >= Duration::from_secs(1) && length <= LONGEST_TIMEOUT;
    if valid { Ok(Timestamp(now().0 + milliseconds)) } else { Err(Refusal::TimeoutLength) }
}
