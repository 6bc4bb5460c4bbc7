//! `GET /apex`: Apex's web socket server. Its channels are rooms, by their slugs; who somebody is there, our tokens say.

mod account;

use std::{net::IpAddr, sync::Arc};

use axum::{extract::State, http::HeaderMap, response::Response};
use bytes::Bytes;
use serde_json::{Map, json};

use self::account::{Account, Accounts, Bearer};
use super::{
    client_address::ClientAddress,
    error,
    router::foreign_origin,
    sockets::{Ending, Left, Link, Outbox, Session, Sockets, Subscriptions, Upgrade},
    state::AdminKey,
};
use crate::{
    chat::{Capability, Command, Draft, Event, Group, RoomId, RoomState, SettingsChange, UserId},
    hub::{Caller, Hub, Refusal, Site},
    protocol::{
        Dialect,
        apex::{self, Action, Failure, Visibility},
        frame::Frame,
    },
};

/// Channels that one connection may be in: each is a place in a room.
const MOST_CHANNELS: usize = 50;

/// `GET /apex`: a connection that is in no channel yet. Nothing is said before its client has asked for something that fails.
pub(super) async fn connect(
    upgrade: Upgrade,
    State(hub): State<Hub>,
    State(admin_key): State<AdminKey>,
    State(sockets): State<Sockets>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
) -> Response {
    let account = Account::guest(&hub);
    let accounts: Arc<dyn Accounts> = Arc::new(account::Tokens { hub: hub.clone(), admin_key });
    let origin = foreign_origin(&headers).map(str::to_owned);
    upgrade.accept(Apex { hub, accounts, account, origin, from }, Subscriptions::none(&sockets))
}

struct Apex {
    hub: Hub,
    accounts: Arc<dyn Accounts>,
    account: Account,
    origin: Option<String>,
    from: Option<IpAddr>,
}

impl Session for Apex {
    const DIALECT: Dialect = Dialect::Apex;
    const MESSAGE_BYTES: usize = apex::MESSAGE_BYTES;

    /// Carries out all actions of a frame, though some fail.
    async fn hear(&mut self, frame: Frame, link: &mut Link) -> Result<(), Ending> {
        let actions = apex::decode(&frame).unwrap_or_else(|failure| {
            link.outbox().send(apex::failure(&failure));
            Vec::new()
        });
        for action in actions {
            if let Err(failure) = self.act(action, &mut link.subscriptions).await {
                link.outbox().send(apex::failure(&failure));
            }
        }
        Ok(())
    }

    fn encode(&self, event: &Event) -> Bytes {
        self.hub.slug(event.room).map_or_else(Bytes::new, |slug| apex::encode(event, &slug))
    }

    fn left(&mut self, _: RoomId, why: Left, _: &mut Outbox) -> Result<(), Ending> {
        match why {
            Left::Over => Ok(()),
            Left::Ended | Left::Disconnected | Left::Behind => Err(why.into()),
        }
    }
}

impl Apex {
    async fn act(&mut self, action: Action, channels: &mut Subscriptions) -> Result<(), Failure> {
        match action {
            Action::Authenticate { token } => self.authenticate(&token),
            Action::Join { channel, visibility, create } => {
                let name = channel.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
                let room = match self.hub.room_of(&name) {
                    Some(room) => room,
                    None if create => self.create(&name, visibility).await?,
                    None => return Err(Failure::UnknownChannel(name)),
                };
                self.join(room, name, channels)
            }
            Action::Leave { channel } => {
                let room = self.hub.room_of(&channel).ok_or(Failure::UnknownChannel(channel))?;
                channels.leave(room);
                Ok(())
            }
            Action::MessageChannel { channel, text } => self.message_channel(channel, &text, channels).await,
            Action::MessageUser { uuid, text } => self.message_user(uuid, &text, channels).await,
            Action::Unknown => Err(Failure::UnknownAction),
            Action::TooMany => Err(Failure::TooManyActions),
        }
    }

    /// Somebody else from now on, in the channels that are joined later.
    fn authenticate(&mut self, token: &str) -> Result<(), Failure> {
        // What the published page sends for a visitor without a session: who would be told of an error each time.
        if !["", "null", "undefined"].contains(&token) {
            self.account = self.accounts.find(token).ok_or(Failure::Token)?;
        }
        Ok(())
    }

    /// Makes a room. It stays for ever, so that strangers may not: only whoever holds the admin key. A room that nobody but the
    /// invited may read is nothing that this chat has.
    async fn create(&self, name: &str, visibility: Visibility) -> Result<RoomId, Failure> {
        let denied = || Failure::CreateChannel(name.to_owned());
        let speakers = match visibility {
            _ if !self.account.is_admin() => return Err(denied()),
            Visibility::Public => Group::Everyone,
            Visibility::Protected => Group::Moderators,
            Visibility::Private => return Err(denied()),
        };
        let settings = json!({ "name": name, "slug": name, "speakers": speakers });
        let settings: Map<_, _> = settings.as_object().cloned().unwrap_or_default();
        let room = self.hub.create_room(SettingsChange::from(settings)).await.map_err(|refusal| failure(&refusal, denied()))?;
        for state in [RoomState::Prepared, RoomState::Live] {
            self.hub.set_state(room.id, state).await.map_err(|refusal| failure(&refusal, denied()))?;
        }
        Ok(room.id)
    }

    fn join(&self, room: RoomId, name: String, channels: &mut Subscriptions) -> Result<(), Failure> {
        if channels.contain(room) {
            return Ok(());
        }
        if channels.count() >= MOST_CHANNELS {
            return Err(Failure::TooManyChannels(name));
        }
        let Bearer { identity, .. } = self.account.bearer(&self.hub, room);
        let joined = channels.join(&self.hub, room, identity, Site::without_keys(self.origin.as_deref()), self.from);
        joined.map(drop).map_err(|refusal| failure(&refusal, Failure::UnknownChannel(name)))
    }

    async fn message_channel(&self, channel: String, text: &str, channels: &Subscriptions) -> Result<(), Failure> {
        let room = self.hub.room_of(&channel).ok_or_else(|| Failure::UnknownChannel(channel.clone()))?;
        if text.trim().is_empty() {
            return Err(Failure::Blank);
        }
        if !channels.contain(room) && !self.account.is_admin() {
            return Err(Failure::MessageChannel);
        }
        self.publish(room, text, Command::Broadcast).await.map_err(|refusal| match refusal {
            Refusal::NotLive(_) | Refusal::UnknownRoom(_) => Failure::UnknownChannel(channel),
            refusal => failure(&refusal, Failure::MessageChannel),
        })
    }

    /// Says something to somebody alone, in a room where they are and the sender is known. The two alone ever see it, by whatever
    /// protocol they are connected.
    async fn message_user(&self, uuid: String, text: &str, channels: &Subscriptions) -> Result<(), Failure> {
        if self.account.is_guest() {
            return Err(Failure::NotAuthenticated);
        }
        if text.trim().is_empty() {
            return Err(Failure::BlankPrivate);
        }
        let not_connected = || Failure::NotConnected(uuid.clone());
        let to = UserId::try_from(uuid.clone()).map_err(|_| not_connected())?;
        let rooms = channels.rooms().chain(self.account.rooms(&self.hub));
        let rooms = rooms.filter(|room| self.account.is_known_in(&self.hub, *room)).collect();
        let room = self.hub.meet(rooms, &to).await.ok_or_else(not_connected)?;
        let published = self.publish(room, text, |draft| Command::Private { to, draft }).await;
        published.map_err(|refusal| failure(&refusal, Failure::MessageChannel))
    }

    async fn publish(&self, room: RoomId, text: &str, command: impl FnOnce(Draft) -> Command) -> Result<(), Refusal> {
        let Bearer { token, username, .. } = self.account.bearer(&self.hub, room);
        let caller = Caller { token: &token, site: Site::without_keys(self.origin.as_deref()), from: self.from };
        self.hub.publish(room, caller, command(apex::draft(&username, text))).await.map(drop)
    }
}

/// What a refusal is here: what the original says where somebody may not, or where there is no room, else why.
fn failure(refusal: &Refusal, denied: Failure) -> Failure {
    // What is our own fault is logged by this.
    error::status(refusal);
    match refusal {
        Refusal::Capability(Capability::SendMessage) | Refusal::Speakers(_) => denied,
        Refusal::NotLive(_) | Refusal::UnknownRoom(_) | Refusal::Setting(_) => denied,
        refusal => Failure::Refused(refusal.to_string()),
    }
}
