//! The messages of newcomers, which wait for a moderator where the room wants it so.

use std::collections::{BTreeMap, HashSet};

use super::{Authority, Hub, Refusal, live::LiveRoom};
use crate::{
    chat::{Capability, Deleted, Deletion, Event, Kind, Outcome, Restore, RoomId, RoomState, UserId},
    engine::{Appended, EngineError},
};

/// Users of a room who are known to have spoken there. Beyond it all are asked about again.
const KNOWN: usize = 4_096;

/// Messages that are read at once when the rooms come to life.
const PAGE: usize = 100;

/// What waits in a room. In memory are the places and the authors alone, of which there are few ([`HELD_IN_ROOM`]).
///
/// [`HELD_IN_ROOM`]: crate::chat::HELD_IN_ROOM
#[derive(Default)]
pub(super) struct Held {
    waiting: BTreeMap<u64, UserId>,
    /// Who needs not wait.
    known: HashSet<UserId>,
}

impl Held {
    /// Takes over what an event changes.
    pub(super) fn note(&mut self, event: &Event) {
        match &event.kind {
            Kind::Held(message) => drop(self.waiting.insert(event.seq, message.author.clone())),
            Kind::Resolution(resolution) => drop(self.waiting.remove(&resolution.of)),
            Kind::Deletion(Deletion { of: Deleted::Message(seq), .. }) => drop(self.waiting.remove(seq)),
            Kind::Deletion(Deletion { of: Deleted::AllOf(user), .. }) => self.waiting.retain(|_, author| author != user),
            // Whoever spoke there may be forgotten with what they said.
            Kind::Room(RoomState::Ended) => self.known.clear(),
            Kind::Restore(Restore { what, waiting, .. }) => {
                let author = what.user();
                self.waiting.extend(waiting.iter().filter_map(|seq| Some((*seq, author?.clone()))));
            }
            Kind::Message(_) | Kind::Private { .. } | Kind::Reactions(_) => {}
            Kind::Room(_) | Kind::Settings { .. } | Kind::Sanction(_) | Kind::Disconnection(_) | Kind::Custom(_) => {}
        }
    }

    /// How many wait. Those up to `trimmed` are past the room's retention.
    pub(super) fn count(&mut self, trimmed: u64) -> usize {
        while self.waiting.first_key_value().is_some_and(|(seq, _)| *seq <= trimmed) {
            self.waiting.pop_first();
        }
        self.waiting.len()
    }

    pub(super) fn knows(&self, user: &UserId) -> bool {
        self.known.contains(user)
    }

    /// That user has spoken.
    pub(super) fn remember(&mut self, user: &UserId) {
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(user.clone());
    }
}

impl Hub {
    /// The messages of a room after `after` that wait for a moderator, the oldest first.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], or the engine's.
    pub async fn held(&self, room: RoomId, who: &Authority, after: u64, limit: usize) -> Result<Vec<Event>, Refusal> {
        self.find(room)?;
        self.authorize(room, who, Capability::DisconnectUser)?;
        Ok(self.0.engine.held(room, after, limit).await?)
    }

    /// Decides on a message that waits; its author is told. If it is approved, it is said at this moment, and its author is no
    /// newcomer any more: what else of theirs waits is decided on as well, each by itself. Declined it is in any state of the room,
    /// approved while it is open.
    ///
    /// The answer is the message if it is approved, else the decision; also if it was decided on in the same way before.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::UnknownMessage`], [`Refusal::Resolved`],
    /// [`Refusal::NotLive`], [`Refusal::ReasonTooLong`], or the engine's.
    pub async fn resolve(
        &self,
        room: RoomId,
        who: &Authority,
        of: u64,
        outcome: Outcome,
        reason: String,
    ) -> Result<Appended, Refusal> {
        let by = self.begin(room, who, Capability::DisconnectUser, &reason)?;
        Ok(self.0.engine.resolve(room, of, outcome, by, reason).await?)
    }

    /// Whether nothing that `user` said was ever read by all in the room.
    pub(super) async fn is_newcomer(&self, live: &LiveRoom, user: &UserId) -> Result<bool, Refusal> {
        if live.knows(user) {
            return Ok(false);
        }
        let has_spoken = self.0.engine.has_spoken(live.id(), user.clone()).await?;
        if has_spoken {
            live.remember(user);
        }
        Ok(!has_spoken)
    }

    /// Takes over what waits in a room since before the start.
    pub(super) async fn restore_held(&self, live: &LiveRoom) -> Result<(), EngineError> {
        let mut after = 0;
        loop {
            let page = self.0.engine.held(live.id(), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            live.restore_held(&page);
        }
    }
}
