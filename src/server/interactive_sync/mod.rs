//! Interactive Sync's endpoints: `GET /interactive-sync` for a game, and what its viewers ask for by HTTP. A channel is a room.

mod screens;
mod viewers;

use axum::{extract::State, http::HeaderMap, response::Response};
use tokio::time::Instant;

use self::screens::Game;
pub use self::screens::Screens;
pub(super) use self::viewers::{input, mouse, pauses, show};
use super::{
    api::is_admin_key,
    router::{Params, foreign_origin},
    sockets::{Ending, Link, Outbox, Session, Sockets, Subscriptions, Upgrade},
    state::AdminKey,
};
use crate::{
    chat::{Capability, Room, RoomId, RoomState},
    hub::{Hub, Key, Refusal, Site},
    protocol::{
        Dialect,
        frame::Frame,
        interactive_sync::{self as protocol, Outcome, Patience, Rejection},
    },
};

/// `GET /interactive-sync?client_id=&access_token=`: a game. Whoever may not come is told so over the connection, which ends then.
pub(super) async fn connect(
    upgrade: Upgrade,
    State(hub): State<Hub>,
    State(admin_key): State<AdminKey>,
    State(screens): State<Screens>,
    State(sockets): State<Sockets>,
    params: Params,
    headers: HeaderMap,
) -> Response {
    let [client_id, access_token] = ["client_id", "access_token"].map(|name| params.find(name).unwrap_or_default());
    let has_query = !params.are_none();
    let origin = foreign_origin(&headers).map(str::to_owned);
    let ticket = Ticket { hub, admin_key, has_query, client_id, access_token, origin };
    let connection = Connection { ticket, screens, game: None, patience: Patience::default(), began: Instant::now() };
    upgrade.accept(connection, Subscriptions::none(&sockets))
}

/// What a game shows to be let in.
struct Ticket {
    hub: Hub,
    admin_key: AdminKey,
    has_query: bool,
    client_id: String,
    access_token: String,
    origin: Option<String>,
}

impl Ticket {
    /// The room that it opens, as it is now: the original's checks, in their order. Its client id is a widget key; its token is one of
    /// ours that may run the room, or the admin key, which opens the first room.
    fn check(&self) -> Result<Room, Rejection> {
        if !self.has_query {
            return Err(Rejection::NoParameters);
        }
        if self.client_id.is_empty() || self.access_token.is_empty() {
            return Err(Rejection::MissingParameter);
        }
        let known = self.hub.widget_keys().into_iter().find(|key| key.key == self.client_id);
        let key = known.ok_or_else(|| Rejection::ClientId(Refusal::UnknownWidgetKey.to_string()))?;
        if key.revoked_at.is_some() {
            return Err(Rejection::ClientId("Application is blacklisted.".to_owned()));
        }
        let room = self.room().map_err(|refusal| Rejection::Token(refusal.to_string()))?;
        let site = Site { widget_key: Key::Shown(&self.client_id), origin: self.origin.as_deref() };
        self.hub.admit(room, site).map_err(|refusal| Rejection::ClientId(refusal.to_string()))?;
        let unknown = |refusal: Refusal| Rejection::Channel(refusal.to_string());
        let room = self.hub.snapshot(room).map_err(unknown)?.room;
        match room.state {
            RoomState::Live => Ok(room),
            state => Err(unknown(Refusal::NotLive(state))),
        }
    }

    fn room(&self) -> Result<RoomId, Refusal> {
        if is_admin_key(&self.admin_key, &self.access_token) {
            return Ok(RoomId::FIRST);
        }
        let room = self.hub.tokens().read(&self.access_token)?.room;
        match self.hub.check(&self.access_token, room)?.capabilities.allow(Capability::ManageRoom) {
            true => Ok(room),
            false => Err(Refusal::Capability(Capability::ManageRoom)),
        }
    }
}

struct Connection {
    ticket: Ticket,
    screens: Screens,
    /// Its place, when it has been let in.
    game: Option<(RoomId, Game)>,
    patience: Patience,
    began: Instant,
}

impl Session for Connection {
    const DIALECT: Dialect = Dialect::InteractiveSync;
    const MESSAGE_BYTES: usize = protocol::MESSAGE_BYTES;
    const PING_EVERY: std::time::Duration = std::time::Duration::from_secs(60);
    const UNANSWERED_PINGS: u8 = 1;

    async fn open(&mut self, link: &mut Link) -> Result<(), Ending> {
        match self.ticket.check() {
            Ok(room) => {
                let wake = link.subscriptions.waker();
                self.game = Some((room.id, self.screens.join(room.id, wake)));
                link.outbox().send(protocol::connected(&room.settings.name, &room.id.to_string()));
                Ok(())
            }
            Err(rejection) => {
                link.outbox().send(protocol::rejected(&rejection));
                Err(Ending::Drop)
            }
        }
    }

    async fn hear(&mut self, frame: Frame, link: &mut Link) -> Result<(), Ending> {
        let Some((room, game)) = &self.game else { return Err(Ending::Drop) };
        let current = self.screens.interface(*room);
        let (outcome, answers) = self.patience.hear(&frame, self.began.elapsed(), current.as_ref());
        // What let it in may be over.
        if matches!(outcome, Outcome::Shown(_)) && self.ticket.check().is_err() {
            link.outbox().send(protocol::channel_lost());
            return Err(Ending::Drop);
        }
        answers.into_iter().for_each(|answer| link.outbox().send(answer));
        match outcome {
            Outcome::Shown(interface) => game.show(interface),
            Outcome::Refused => {}
            Outcome::Ended => return Err(Ending::Drop),
        }
        Ok(())
    }

    fn woken(&mut self, outbox: &mut Outbox) {
        if let Some((_, game)) = &self.game {
            game.take().iter().for_each(|frame| outbox.push(frame));
        }
    }

    /// Its clients expect no close.
    fn stop(&mut self, _: &mut Outbox) -> Ending {
        Ending::Drop
    }
}
