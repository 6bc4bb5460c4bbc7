//! The relay's endpoints: what is said, and nothing else. What the clients of plain WebSocket servers expect.

use std::{net::IpAddr, time::Duration};

use axum::{extract::State, http::HeaderMap, response::Response};
use bytes::Bytes;
use tokio::time::Instant;

use super::{
    client_address::ClientAddress,
    error::{self, ApiError},
    identity::{Visitor, guest_name},
    router::{Params, foreign_origin, room},
    sockets::{Ending, Link, Outbox, Session, Sockets, Subscriptions, Upgrade},
};
use crate::{
    chat::{Capabilities, Draft, Event, RoomId},
    hub::{Caller, Hub, Identity, Refusal, Site},
    protocol::{Dialect, frame::Frame, relay},
};

/// A connection may send what its rate allows in this time at once.
const BURST: Duration = Duration::from_secs(2);

/// How long those who send wait for readers that are about to miss frames. Who is still as far behind then misses them, and is closed.
const LAGGARDS_WITHIN: Duration = Duration::from_secs(1);

/// How long a connection counts as one that sends: longer than it waits for laggards.
const SENDS_FOR: Duration = Duration::from_secs(10);

/// How often it is looked meanwhile.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// Bytes of a Unicode code point in UTF-8 at most.
const MOST_BYTES_PER_CHAR: usize = 4;

/// `GET /ws/echo`: every frame comes back, as it is and in order, before a close is answered. It begins with a greeting, unless
/// `?greeting=` or the header `X-Send-Server-Hostname` says that it is off.
pub(super) async fn echo(upgrade: Upgrade, State(sockets): State<Sockets>, params: Params, headers: HeaderMap) -> Response {
    let header = || Some(headers.get("x-send-server-hostname")?.to_str().ok()?.to_owned());
    let greets = !params.find("greeting").or_else(header).is_some_and(|switch| relay::is_off(&switch));
    upgrade.accept(Echo { greets }, Subscriptions::none(&sockets))
}

/// `GET /ws/broadcast?room=`: every frame goes to all who listen to the room, which is room 1 if none is named.
pub(super) async fn broadcast(
    upgrade: Upgrade,
    State(hub): State<Hub>,
    State(sockets): State<Sockets>,
    State(rate): State<RelayRate>,
    ClientAddress(from): ClientAddress,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let room = params.find("room").map_or(Ok(RoomId::FIRST), |name| room(&name))?;
    let origin = foreign_origin(&headers);
    let guest = Visitor::passing_since_now(hub.tokens());
    let mut subscriptions = Subscriptions::none(&sockets);
    subscriptions.join_relay(&hub, room, guest.clone(), Site::without_keys(origin), from)?;
    let (origin, pace) = (origin.map(str::to_owned), Pace::new(rate));
    let session = Broadcast { hub, room, guest, origin, from, pace, sent_at: None, lags_since: None };
    Ok(upgrade.accept(session, subscriptions))
}

struct Echo {
    greets: bool,
}

impl Session for Echo {
    const DIALECT: Dialect = Dialect::Relay;
    const MESSAGE_BYTES: usize = relay::MESSAGE_BYTES;

    async fn open(&mut self, link: &mut Link) -> Result<(), Ending> {
        if self.greets {
            link.outbox().send(Frame::text(relay::GREETING));
        }
        Ok(())
    }

    async fn hear(&mut self, frame: Frame, link: &mut Link) -> Result<(), Ending> {
        link.outbox().send(frame);
        Ok(())
    }
}

/// A guest, for as long as they are connected.
struct Broadcast {
    hub: Hub,
    room: RoomId,
    guest: Identity,
    origin: Option<String>,
    from: Option<IpAddr>,
    pace: Pace,
    /// When it sent a frame last.
    sent_at: Option<Instant>,
    /// Since when a reader has been about to miss frames.
    lags_since: Option<Instant>,
}

impl Session for Broadcast {
    const DIALECT: Dialect = Dialect::Relay;
    const MESSAGE_BYTES: usize = relay::MESSAGE_BYTES;

    async fn hear(&mut self, frame: Frame, _: &mut Link) -> Result<(), Ending> {
        self.pace.note();
        self.sent_at = Some(Instant::now());
        let draft = self.draft(&frame);
        // A connection may last longer than a token.
        let token = self.hub.tokens().sign(self.guest.clone(), self.room, Capabilities::guest(), None);
        let caller = Caller { token: &token, site: Site::without_keys(self.origin.as_deref()), from: self.from };
        self.hub.relay(self.room, caller, frame.encode(), draft).await.map_err(|refusal| ending(&refusal))
    }

    fn encode(&self, event: &Event) -> Bytes {
        relay::encode(event)
    }

    fn relayed(&mut self, frame: &Bytes, outbox: &mut Outbox) {
        outbox.push(frame);
    }

    /// Nobody can be told here to be slower: they are held back.
    fn held_until(&mut self) -> Option<Instant> {
        let (now, held) = (Instant::now(), self.pace.held_until());
        // To look for laggards costs something, and most connections only read.
        let sends = self.sent_at.is_some_and(|at| now - at < SENDS_FOR);
        if !sends || !self.hub.relay_lags(self.room) {
            self.lags_since = None;
            return held;
        }
        if now - *self.lags_since.get_or_insert(now) < LAGGARDS_WITHIN {
            return held.max(Some(now + LOOK_AGAIN_AFTER));
        }
        self.hub.pass_over_relay_laggards(self.room);
        held
    }
}

impl Broadcast {
    /// What a frame is as a chat message, if it may be one.
    fn draft(&self, frame: &Frame) -> Option<Draft> {
        let most_bytes = self.hub.limits().text_chars * MOST_BYTES_PER_CHAR;
        match frame {
            Frame::Text(text) if text.len() <= most_bytes => Some(relay::draft(text.to_string(), guest_name(&self.guest.user))),
            Frame::Text(_) | Frame::Binary(_) => None,
        }
    }
}

/// How many frames a second one connection may send; 0 for no limit.
#[derive(Clone, Copy, Debug)]
pub struct RelayRate(pub f64);

/// Holds a connection to its rate, of which it may send a [`BURST`] at once.
struct Pace {
    /// How long each frame takes; `None` for no limit.
    interval: Option<Duration>,
    /// When all frames so far have taken their time.
    taken_until: Instant,
}

impl Pace {
    fn new(RelayRate(rate): RelayRate) -> Self {
        Self { interval: (rate > 0.0).then(|| Duration::from_secs_f64(1.0 / rate)), taken_until: Instant::now() }
    }

    /// There is a frame more.
    fn note(&mut self) {
        self.taken_until = self.taken_until.max(Instant::now()) + self.interval.unwrap_or_default();
    }

    /// When the next one may come, if not at once.
    fn held_until(&self) -> Option<Instant> {
        self.taken_until.checked_sub(BURST.saturating_sub(self.interval?))
    }
}

/// This protocol has no other word for a refusal.
fn ending(refusal: &Refusal) -> Ending {
    match refusal {
        Refusal::Stopping => Ending::stopping(),
        Refusal::TooLarge { most } => {
            Ending::close(Ending::TOO_BIG, format!("A frame has at most {most} bytes between the nodes of this cluster."))
        }
        refusal if error::status(refusal).is_server_error() => {
            Ending::close(Ending::INTERNAL_ERROR, "The message was not stored.")
        }
        refusal => Ending::close(Ending::POLICY, refusal.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_then_the_rate_holds() {
        let is_held = |pace: &Pace| pace.held_until().is_some_and(|until| until > Instant::now());
        let mut pace = Pace::new(RelayRate(100.0));
        for n in 0..200 {
            assert!(!is_held(&pace), "{n}");
            pace.note();
        }
        assert_eq!(pace.held_until().map(|until| until - Instant::now()), Some(Duration::from_millis(10)));
        tokio::time::advance(Duration::from_millis(10)).await;
        assert!(!is_held(&pace));
        pace.note();
        assert!(is_held(&pace));
        tokio::time::advance(Duration::from_secs(3_600)).await;
        (0..200).for_each(|_| pace.note());
        assert!(is_held(&pace), "an hour of silence buys one burst, not more");
        let mut unlimited = Pace::new(RelayRate(0.0));
        (0..10_000).for_each(|_| unlimited.note());
        assert!(!is_held(&unlimited));
    }
}
