//! Interactive Sync's endpoints: `GET /interactive-sync` for a game, and what its viewers ask for by HTTP. A channel is a room.

pub(super) mod authorize;
mod channels;
mod elsewhere;
mod gatekeeper;
mod screens;
mod twitch;
mod viewers;

use std::time::Duration;

use axum::{extract::State, response::Response};
use tokio::{sync::oneshot, time::Instant};

pub(super) use self::viewers::{failed, input, mouse, pauses, show};
pub use self::{channels::TwitchChannels, screens::Screens, twitch::Twitch};
use self::{
    gatekeeper::{Admitted, Gatekeeper, OwnKeys, Ticket},
    screens::{Game, Post},
    twitch::TwitchWord,
};
use super::{
    sockets::{Ending, Link, Outbox, Session, Subscriptions, Upgrade},
    state::AppState,
};
use crate::{
    hub::Hub,
    protocol::{
        Dialect,
        frame::Frame,
        interactive_sync::{self as protocol, Outcome, Patience, Rejection},
    },
};

/// `GET /interactive-sync?client_id=&access_token=`: a game. Whoever may not come is told so over the connection, which ends then.
pub(super) async fn connect(
    upgrade: Upgrade,
    State(AppState { hub, admin_key, twitch, screens, game_limits, sockets, .. }): State<AppState>,
    ticket: Ticket,
) -> Response {
    let is_own = hub.shown_key(&ticket.client_id).is_some();
    let gatekeeper: Box<dyn Gatekeeper> = match twitch {
        Some(twitch) if !is_own => Box::new(TwitchWord::new(twitch, hub.clone())),
        Some(_) | None => Box::new(OwnKeys { hub: hub.clone(), admin_key }),
    };
    let (patience, began) = (Patience::new(game_limits), Instant::now());
    let connection = Connection {
        hub,
        ticket,
        gatekeeper,
        screens,
        game: None,
        telling: Vec::new(),
        patience,
        began,
        look_at: began + LOOK_EVERY,
    };
    upgrade.accept(connection, Subscriptions::none(&sockets))
}

/// How often it is looked whether a game may still be there: what it shows may be revoked, and then it must hear of nobody any more.
const LOOK_EVERY: Duration = Duration::from_secs(5);

struct Connection {
    hub: Hub,
    ticket: Ticket,
    gatekeeper: Box<dyn Gatekeeper>,
    screens: Screens,
    /// Its place, when it has been let in.
    game: Option<Game>,
    /// Viewers who wait until what is in the outbox has left.
    telling: Vec<oneshot::Sender<()>>,
    patience: Patience,
    began: Instant,
    /// When it is looked again whether the game may be there.
    look_at: Instant,
}

impl Connection {
    async fn admit(&mut self) -> Result<Admitted, Rejection> {
        self.ticket.check()?;
        self.gatekeeper.admit(&self.ticket).await
    }
}

impl Session for Connection {
    const DIALECT: Dialect = Dialect::InteractiveSync;
    const MESSAGE_BYTES: usize = protocol::MESSAGE_BYTES;
    const PING_EVERY: Duration = Duration::from_secs(60);
    const UNANSWERED_PINGS: u8 = 1;

    async fn open(&mut self, link: &mut Link) -> Result<(), Ending> {
        // Its connection is open while it is asked about, as with the original.
        link.flush().await?;
        match self.admit().await {
            Ok(Admitted { room, channel_id, display_name }) => {
                let wake = link.subscriptions.waker();
                self.game = Some(self.screens.join(&self.hub, room, wake));
                link.outbox().send(protocol::connected(&display_name, &channel_id));
                Ok(())
            }
            Err(rejection) => {
                link.outbox().send(protocol::rejected(&rejection));
                Err(Ending::Drop)
            }
        }
    }

    async fn hear(&mut self, frame: Frame, link: &mut Link) -> Result<(), Ending> {
        let Some(game) = &self.game else { return Err(Ending::Drop) };
        let (outcome, answers) = self.patience.hear(&frame, self.began.elapsed(), game.shown().as_ref());
        if let Outcome::Shown(interface) = &outcome {
            // What let it in may be over.
            let admitted = self.gatekeeper.admit(&self.ticket).await;
            if !admitted.is_ok_and(|admitted| admitted.room == game.room()) {
                link.outbox().send(protocol::channel_lost());
                return Err(Ending::Drop);
            }
            if let Err(refusal) = self.hub.show_interface(game.room(), interface.to_shown()).await {
                link.outbox().send(protocol::not_shown(&refusal.to_string()));
                return Ok(());
            }
        }
        answers.into_iter().for_each(|answer| link.outbox().send(answer));
        match outcome {
            Outcome::Shown(interface) => game.note_shown(interface),
            Outcome::Refused => {}
            Outcome::Ended => return Err(Ending::Drop),
        }
        Ok(())
    }

    fn due_at(&self) -> Option<Instant> {
        Some(self.look_at)
    }

    async fn due(&mut self, link: &mut Link) -> Result<(), Ending> {
        self.look_at = Instant::now() + LOOK_EVERY;
        if self.gatekeeper.is_over(&self.ticket) {
            link.outbox().send(protocol::channel_lost());
            return Err(Ending::Drop);
        }
        Ok(())
    }

    fn woken(&mut self, outbox: &mut Outbox) {
        if self.gatekeeper.is_over(&self.ticket) {
            // A viewer whose press is dropped is told that there is no game.
            self.game.iter().for_each(|game| drop(game.take()));
            self.look_at = self.began;
            return;
        }
        for Post { frame, told } in self.game.iter().flat_map(Game::take) {
            outbox.push(&frame);
            self.telling.push(told);
        }
    }

    fn flushed(&mut self) {
        // A viewer who has gone away needs no answer.
        for told in self.telling.drain(..) {
            let _ = told.send(());
        }
    }

    /// Its clients expect no close.
    fn stop(&mut self) -> Ending {
        Ending::Drop
    }
}
