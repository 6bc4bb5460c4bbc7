use axum::{extract::FromRequestParts, http::request::Parts};
use futures::{FutureExt, future::BoxFuture};

use crate::{
    chat::{Capability, Room, RoomId, RoomState},
    hub::{Hub, Key, Refusal, Site},
    protocol::interactive_sync::Rejection,
    server::{
        api::is_admin_key,
        error::ApiError,
        router::{Params, foreign_origin},
        state::AdminKey,
    },
};

/// Why the admin key lets no game in.
const ADMIN_KEY_REFUSED: &str = "the admin key must not stand in an address, which proxies log. Sign in at /oauth2/authorize, or \
     get a token by POST /v1/widget-keys/<client_id>/game-token.";

/// Says which channel a game may run, by what it shows. Each game has one of its own, which may keep what it has learned of it.
pub(super) trait Gatekeeper: Send {
    /// The channel that `ticket` opens, as it is now: a game that has been let in is looked at again by this.
    ///
    /// # Errors
    /// Why it opens none, in the original's words.
    fn admit<'a>(&'a mut self, ticket: &'a Ticket) -> BoxFuture<'a, Result<Admitted, Rejection>>;

    /// Returns whether `ticket` was revoked or has ended since it let a game in, as far as that is known here.
    fn is_over(&self, ticket: &Ticket) -> bool;
}

/// What a game shows to be let in.
pub(in crate::server) struct Ticket {
    /// Whether its address has a query at all.
    has_query: bool,
    pub(super) client_id: String,
    pub(super) access_token: String,
    /// The page that it is on, if that is none of ours.
    pub(super) origin: Option<String>,
}

/// The channel that a game may run.
pub(super) struct Admitted {
    pub(super) room: RoomId,
    /// What the game is told that it is.
    pub(super) channel_id: String,
    /// What the game is told that it is called.
    pub(super) display_name: String,
}

/// Lets games in by the chat's own keys: the client id is a widget key; the token is one of ours that may run the room. The admin key is
/// refused: it would stand in an address, which proxies log.
pub(super) struct OwnKeys {
    pub(super) hub: Hub,
    pub(super) admin_key: AdminKey,
}

impl Ticket {
    /// Whether anything is missing: the original's first checks.
    ///
    /// # Errors
    /// [`Rejection::NoParameters`] and [`Rejection::MissingParameter`].
    pub(super) fn check(&self) -> Result<(), Rejection> {
        if !self.has_query {
            return Err(Rejection::NoParameters);
        }
        if self.client_id.is_empty() || self.access_token.is_empty() {
            return Err(Rejection::MissingParameter);
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ticket {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = Params::from_request_parts(parts, state).await?;
        let [client_id, access_token] = ["client_id", "access_token"].map(|name| params.find(name).unwrap_or_default());
        let origin = foreign_origin(&parts.headers).map(str::to_owned);
        Ok(Self { has_query: !params.are_none(), client_id, access_token, origin })
    }
}

impl Gatekeeper for OwnKeys {
    fn admit<'a>(&'a mut self, ticket: &'a Ticket) -> BoxFuture<'a, Result<Admitted, Rejection>> {
        async { self.check(ticket) }.boxed()
    }

    fn is_over(&self, ticket: &Ticket) -> bool {
        self.hub.shown_key(&ticket.client_id).is_none_or(|key| key.revoked_at.is_some()) || self.room(ticket).is_err()
    }
}

impl OwnKeys {
    /// The original's checks, in their order.
    fn check(&self, ticket: &Ticket) -> Result<Admitted, Rejection> {
        let known = self.hub.shown_key(&ticket.client_id);
        let key = known.ok_or_else(|| Rejection::ClientId(Refusal::UnknownWidgetKey.to_string()))?;
        if key.revoked_at.is_some() {
            return Err(Rejection::ClientId("Application is blacklisted.".to_owned()));
        }
        let room = self.room(ticket)?;
        let site = Site { widget_key: Key::Shown(&ticket.client_id), origin: ticket.origin.as_deref() };
        let room = live_room(&self.hub, room, site)?;
        Ok(Admitted { channel_id: room.id.to_string(), room: room.id, display_name: room.settings.name })
    }

    fn room(&self, Ticket { client_id, access_token, .. }: &Ticket) -> Result<RoomId, Rejection> {
        if is_admin_key(&self.admin_key, access_token) {
            return Err(Rejection::Token(ADMIN_KEY_REFUSED.to_owned()));
        }
        let refuse = |refusal: Refusal| Rejection::Token(refusal.to_string());
        let claims = self.hub.check_game(access_token, client_id).map_err(|error| refuse(error.into()))?;
        match claims.capabilities.allow(Capability::ManageRoom) {
            true => Ok(claims.room),
            false => Err(refuse(Refusal::Capability(Capability::ManageRoom))),
        }
    }
}

/// The room that a game would run, if it is live and the game's site may use it.
pub(super) fn live_room(hub: &Hub, room: RoomId, site: Site<'_>) -> Result<Room, Rejection> {
    hub.admit(room, site).map_err(|refusal| Rejection::ClientId(refusal.to_string()))?;
    let unknown = |refusal: Refusal| Rejection::Channel(refusal.to_string());
    let room = hub.snapshot(room).map_err(unknown)?.room;
    match room.state {
        RoomState::Live => Ok(room),
        state => Err(unknown(Refusal::NotLive(state))),
    }
}
