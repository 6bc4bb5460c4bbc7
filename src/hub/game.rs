//! What a room's game shows to its viewers, and which of its actions are not open at present.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use tokio::time::Instant;

use super::{Claims, Hub, Identity, Origin, Refusal, Session, live::LiveRoom};
use crate::{
    bounded_map::BoundedMap,
    chat::{Capability, ChatText, Payload, RoomId, ShownInterface, UserId},
};

/// Most actions of a room whose cooldowns are known: an interface has fewer.
const MOST_COOLDOWNS: usize = 128;

/// What the viewers of one room have before them.
pub(super) struct Game {
    interface: Option<ShownInterface>,
    /// Until when an action is open to nobody.
    cooldowns: BoundedMap<String, Instant>,
    /// Whether anything was ever shown.
    has_shown: bool,
    /// Whether a subscriber may have missed what was told of the interface.
    is_owed: bool,
}

impl Default for Game {
    fn default() -> Self {
        Self { interface: None, cooldowns: BoundedMap::new(MOST_COOLDOWNS), has_shown: false, is_owed: false }
    }
}

impl Game {
    pub(super) fn interface(&self) -> Option<&ShownInterface> {
        self.interface.as_ref()
    }

    /// Shows something else, or nothing. Returns whether that is a change.
    pub(super) fn show(&mut self, interface: Option<ShownInterface>) -> bool {
        let is_other = self.interface != interface;
        self.has_shown |= interface.is_some();
        self.interface = interface;
        is_other
    }

    /// Closes an action for the length of `cooldown`. Returns whether it was open: two nodes may report the same press.
    pub(super) fn close(&mut self, action: &str, cooldown: Duration) -> bool {
        let now = Instant::now();
        let is_open = self.cooldowns.get(action).is_none_or(|until| *until <= now);
        if is_open {
            self.cooldowns.insert(action.to_owned(), now + cooldown, now, |_, until| *until);
        }
        is_open
    }

    /// Returns the actions that are closed, and for how long.
    pub(super) fn cooldowns(&self) -> BTreeMap<String, Duration> {
        let now = Instant::now();
        let closed = self.cooldowns.iter().filter(|(_, until)| **until > now);
        closed.map(|(action, until)| (action.clone(), *until - now)).collect()
    }

    /// A subscriber has missed what was told.
    pub(super) fn owe(&mut self) {
        self.is_owed = self.has_shown;
    }

    /// Whether a subscriber has missed what was told since this was asked last.
    pub(super) fn take_owed(&mut self) -> bool {
        std::mem::take(&mut self.is_owed)
    }
}

impl Hub {
    /// Returns what the room's game shows; `None` for nothing.
    pub fn interface(&self, room: RoomId) -> Option<ShownInterface> {
        self.find(room).ok()?.interface()
    }

    /// Returns the actions of the room that are open to nobody at present, and for how long.
    pub fn cooldowns(&self, room: RoomId) -> BTreeMap<String, Duration> {
        self.find(room).map(|room| room.cooldowns()).unwrap_or_default()
    }

    /// Shows something to the viewers of a room, on all nodes and over restarts; `None` for nothing. It is durable when this returns.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`], or the engine's.
    pub async fn show_interface(&self, room: RoomId, interface: Option<ShownInterface>) -> Result<(), Refusal> {
        self.find(room)?;
        Ok(self.0.engine.show_interface(room, interface).await?)
    }

    /// Shows nothing in a room any more, if it still shows `interface`. An error is logged.
    pub async fn clear_interface(&self, room: RoomId, interface: ShownInterface) {
        if self.interface(room).is_some_and(|shown| shown == interface)
            && let Err(error) = self.show_interface(room, None).await
        {
            tracing::warn!(%room, %error, "what a game has shown stays, though the game has gone");
        }
    }

    /// Signs a token with which a game that shows the widget key `client` can run a room, and nothing else. It ends after the lifetime of
    /// tokens. One that was signed because of an owner's `session` ends too when the owners are signed out.
    pub fn sign_for_game(&self, client: &str, room: RoomId, session: Option<&Session>) -> String {
        let user = UserId::try_from(uuid::Uuid::new_v4().to_string()).expect("a UUID is 36 printable characters");
        let id = session.map(|session| session.id.clone());
        let origin = Origin { client: Some(client.to_owned()), id, ..Origin::default() };
        self.0.tokens.sign(Identity { user, origin }, room, [Capability::ManageRoom].into_iter().collect(), None)
    }

    /// Returns the name under which somebody acts in a game: the one that their site gave them, else `wanted`, else the one under
    /// which they spoke last on this node.
    ///
    /// # Errors
    /// Those of a message under the name `wanted`.
    pub fn acting_name(&self, claims: &Claims, from: Option<IpAddr>, wanted: Option<&str>) -> Result<Option<String>, Refusal> {
        let live = self.find(claims.room)?;
        match (&claims.origin.name, wanted) {
            (Some(given), _) => Ok(Some(given.trim().to_owned())),
            (None, Some(wanted)) => self.check_acting_name(&live, claims, from, wanted.trim()).map(Some),
            (None, None) => Ok(live.spoken_name(&claims.user)),
        }
    }

    fn check_acting_name(&self, live: &LiveRoom, claims: &Claims, from: Option<IpAddr>, name: &str) -> Result<String, Refusal> {
        let rules = live.rules();
        ChatText::check_name(name, &rules.limits(&self.0.limits))?;
        if !claims.capabilities.moderate() {
            let payload = Payload::of(&serde_json::json!({ "username": name }));
            rules.check(&claims.user, &payload, None)?;
        }
        self.claim_name(live, claims, from, name)?;
        Ok(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_action_is_closed_once_and_for_its_time() {
        let mut game = Game::default();
        assert!(game.close("jump", Duration::from_secs(5)));
        assert!(!game.close("jump", Duration::from_secs(5)), "another node tells of the same");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(game.cooldowns(), BTreeMap::from([("jump".to_owned(), Duration::from_secs(3))]));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(game.cooldowns().is_empty());
        assert!(game.close("jump", Duration::from_secs(5)), "it was open again");
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_cooldowns_is_bounded() {
        let mut game = Game::default();
        for n in 0..10 * MOST_COOLDOWNS {
            game.close(&n.to_string(), Duration::from_secs(60));
        }
        assert!(game.cooldowns().len() <= MOST_COOLDOWNS);
    }
}
