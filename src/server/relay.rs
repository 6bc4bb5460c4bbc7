//! The relay's endpoints: what is said, and nothing else. What the clients of plain WebSocket servers expect.

use std::net::IpAddr;

use axum::{extract::State, http::HeaderMap, response::Response};
use bytes::Bytes;

use super::{
    client_address::ClientAddress,
    error::{self, ApiError},
    identity::{Visitor, guest_name},
    router::{Params, foreign_origin, room},
    sockets::{Ending, Link, Session, Sockets, Subscriptions, Upgrade},
};
use crate::{
    chat::{Command, Event, RoomId},
    hub::{Caller, Hub, Refusal, Site},
    protocol::{Dialect, frame::Frame, relay},
};

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
    ClientAddress(from): ClientAddress,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let room = params.find("room").map_or(Ok(RoomId::FIRST), |name| room(&name))?;
    let origin = foreign_origin(&headers);
    let Visitor { identity, own } = Visitor::passing();
    let (username, token) = (guest_name(&identity.user), hub.tokens().sign(identity.clone(), room, own, None));
    let mut subscriptions = Subscriptions::none(&sockets);
    subscriptions.join(&hub, room, identity, Site::without_keys(origin), from)?;
    let origin = origin.map(str::to_owned);
    Ok(upgrade.accept(Broadcast { hub, room, username, token, origin, from }, subscriptions))
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
    username: String,
    token: String,
    origin: Option<String>,
    from: Option<IpAddr>,
}

impl Session for Broadcast {
    const DIALECT: Dialect = Dialect::Relay;
    const MESSAGE_BYTES: usize = relay::MESSAGE_BYTES;

    async fn hear(&mut self, frame: Frame, _: &mut Link) -> Result<(), Ending> {
        let draft = relay::decode(frame, self.username.clone());
        let caller = Caller { token: &self.token, site: Site::without_keys(self.origin.as_deref()), from: self.from };
        loop {
            match self.hub.publish(self.room, caller, Command::Broadcast(draft.clone())).await {
                Ok(_) => return Ok(()),
                // Who cannot be told to be slower is held back.
                Err(Refusal::TooFast { retry_after } | Refusal::AddressTooFast { retry_after }) => {
                    tokio::time::sleep(retry_after).await
                }
                Err(refusal) => return Err(ending(&refusal)),
            }
        }
    }

    fn encode(&self, event: &Event) -> Bytes {
        relay::encode(event)
    }
}

/// This protocol has no other word for a refusal.
fn ending(refusal: &Refusal) -> Ending {
    match refusal {
        Refusal::Stopping => Ending::stopping(),
        refusal if error::status(refusal).is_server_error() => {
            Ending::close(Ending::INTERNAL_ERROR, "The message was not stored.")
        }
        refusal => Ending::close(Ending::POLICY, refusal.to_string()),
    }
}
