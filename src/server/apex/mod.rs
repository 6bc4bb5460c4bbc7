//! `GET /apex`: Apex's web socket server. Its channels are rooms: those of owners by their address names, and those that its clients
//! make by joining them.

mod account;
mod sessions;

use std::net::IpAddr;

use axum::{
    extract::State,
    http::{HeaderMap, Uri, header},
    response::Response,
};
use bytes::Bytes;

use self::account::{Account, Bearer};
pub use self::sessions::ApexSessions;
use super::{
    client_address::ClientAddress,
    error,
    extract::cookies::Cookies,
    router::foreign_origin,
    sockets::{Ending, Left, Link, Outbox, Session, Sockets, Subscriptions, Upgrade},
    state::AdminKey,
};
use crate::{
    chat::{Capability, Command, Draft, Event, RoomId, UserId, Visibility},
    hub::{Activity, Caller, Hub, Refusal, Site},
    protocol::{
        Dialect,
        apex::{self, Action, Failure},
        frame::Frame,
    },
};

/// Channels that one connection may be in: each is a place in a room.
const MOST_CHANNELS: usize = 50;

/// The cookie in which Armor keeps a session.
const SESSION_COOKIE: &str = "armor_sid_user";

/// What the published page sends for a visitor without a session, and where its script cannot read the cookie.
const NO_TOKEN: [&str; 3] = ["", "null", "undefined"];

/// `GET /apex`: a connection that is in no channel yet. Nothing is said before its client has asked for something that fails.
pub(super) async fn connect(
    upgrade: Upgrade,
    State(hub): State<Hub>,
    State(admin_key): State<AdminKey>,
    State(sessions): State<Option<ApexSessions>>,
    State(sockets): State<Sockets>,
    ClientAddress(from): ClientAddress,
    (headers, cookies): (HeaderMap, Cookies),
) -> Response {
    let account = Account::guest(&hub);
    let cookie = cookies.find_foreign(SESSION_COOKIE).filter(|_| may_bring_session(&hub, &headers)).map(str::to_owned);
    let origin = foreign_origin(&headers).map(str::to_owned);
    let direct = None;
    upgrade.accept(Apex { hub, admin_key, sessions, cookie, account, direct, origin, from }, Subscriptions::none(&sockets))
}

/// Whether the page that opens a connection may speak as the owner of the session in the cookie: one of the same host, whatever its
/// port, as cookies have it, or one whose origin the operator has named.
fn may_bring_session(hub: &Hub, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = |authority: &str| authority.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase));
    let Some(origin) = foreign_origin(headers) else { return true };
    let is_same_host = host(origin).is_some_and(|origin| text(header::HOST).and_then(host) == Some(origin));
    is_same_host || hub.names_origin(Some(RoomId::FIRST), origin)
}

struct Apex {
    hub: Hub,
    admin_key: AdminKey,
    sessions: Option<ApexSessions>,
    /// The session that the client's cookie says, until it was looked at.
    cookie: Option<String>,
    account: Account,
    /// Where the account gets what others send to it alone.
    direct: Option<RoomId>,
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
        self.take_cookie(&mut link.subscriptions).await;
        for action in actions {
            if let Err(failure) = self.act(action, &mut link.subscriptions).await {
                link.outbox().send(apex::failure(&failure));
            }
        }
        Ok(())
    }

    fn encode(&self, event: &Event) -> Bytes {
        let channel = self.hub.as_channel(event.room).map(|channel| channel.name).or_else(|| self.hub.slug(event.room));
        channel.map_or_else(Bytes::new, |channel| apex::encode(event, &channel))
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
            Action::Authenticate { token } => self.authenticate(&token, channels).await,
            Action::Join { channel, visibility, create } => {
                let name = channel.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
                let visibility = visibility.map_err(Failure::Visibility)?;
                self.join(name, visibility, create, channels).await
            }
            Action::Leave { channel } => {
                let room = self.find(&channel).ok_or(Failure::UnknownChannel(channel))?;
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
    async fn authenticate(&mut self, token: &str, channels: &mut Subscriptions) -> Result<(), Failure> {
        // What a visitor without a session sends, who would be told of an error each time.
        if NO_TOKEN.contains(&token) {
            return Ok(());
        }
        let account = match Account::of_token(&self.hub, &self.admin_key, token)? {
            Some(account) => account,
            None => self.owner_of(token).await?.ok_or(Failure::Token)?,
        };
        self.become_user(account, channels).await;
        Ok(())
    }

    /// Looks whose session the cookie says, once. Nobody has asked for it, so that nobody is told of a failure.
    async fn take_cookie(&mut self, channels: &mut Subscriptions) {
        let Some(session) = self.cookie.take() else { return };
        if let Ok(Some(account)) = self.owner_of(&session).await {
            self.become_user(account, channels).await;
        }
    }

    /// Asks the operator's server who has a session, if there is one to be asked.
    async fn owner_of(&self, session: &str) -> Result<Option<Account>, Failure> {
        let Some(sessions) = &self.sessions else { return Ok(None) };
        self.hub
            .count(RoomId::FIRST, None, self.from, Activity::Token)
            .map_err(|refusal| Failure::Refused(refusal.to_string()))?;
        match sessions.owner(session).await {
            Ok(owner) => Ok(owner.map(|owner| Account::of_owner(&self.hub, owner))),
            Err(error) => {
                tracing::warn!("the server that knows the sessions of Apex (--apex-auth-url) failed: {error}");
                Err(Failure::Unchecked)
            }
        }
    }

    /// Takes an account, and listens for what is sent to it alone.
    async fn become_user(&mut self, account: Account, channels: &mut Subscriptions) {
        if let Some(room) = self.direct.take() {
            channels.leave(room);
        }
        self.account = account;
        let Ok(room) = self.hub.direct_channel().await else { return };
        if self.account.is_known_in(&self.hub, room) {
            let Bearer { identity, .. } = self.account.bearer(&self.hub, room);
            let joined = channels.join(&self.hub, room, identity, Site::without_keys(None), self.from);
            self.direct = joined.is_ok().then_some(room);
        }
    }

    /// Who this account is in a room that is yet to be made: who it is in the one that all share, if it is known there.
    fn user(&self) -> UserId {
        match self.direct {
            Some(room) => self.account.user_in(&self.hub, room),
            None => self.account.user(),
        }
    }

    /// The channel of that name, if this account may know of it. An owner's room comes before what a client has made.
    fn find(&self, name: &str) -> Option<RoomId> {
        let room = self.hub.room_of(name).or_else(|| self.hub.channel(name))?;
        self.hub.admits(room, &self.account.user_in(&self.hub, room)).then_some(room)
    }

    /// Joins a channel, and makes it if it is not there. One that this account may not know of is there, and cannot be made again.
    async fn join(
        &self,
        name: String,
        visibility: Visibility,
        create: bool,
        channels: &mut Subscriptions,
    ) -> Result<(), Failure> {
        if name.starts_with(apex::PRIVATE) {
            return Err(Failure::ReservedName(name));
        }
        let denied = |name| if create { Failure::CreateChannel(name) } else { Failure::UnknownChannel(name) };
        let found = self.find(&name);
        if found.is_some_and(|room| channels.contain(room)) {
            return Ok(());
        }
        if channels.count() >= MOST_CHANNELS {
            return Err(Failure::TooManyChannels(name));
        }
        let room = match found {
            Some(room) => room,
            None if create => {
                let made = self.hub.open_channel(&name, visibility, &self.user(), self.from).await;
                made.map_err(|refusal| failure(&refusal, denied(name.clone())))?
            }
            None => return Err(Failure::UnknownChannel(name)),
        };
        let Bearer { identity, .. } = self.account.bearer(&self.hub, room);
        let joined = channels.join(&self.hub, room, identity, Site::without_keys(self.origin.as_deref()), self.from);
        joined.map(drop).map_err(|refusal| match refusal {
            Refusal::NotLive(_) => Failure::UnknownChannel(name),
            refusal => failure(&refusal, denied(name)),
        })
    }

    async fn message_channel(&self, channel: String, text: &str, channels: &Subscriptions) -> Result<(), Failure> {
        let room = self.find(&channel).ok_or_else(|| Failure::UnknownChannel(channel.clone()))?;
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
        let to = addressee(&uuid).ok_or_else(|| Failure::NotConnected(uuid.clone()))?;
        let rooms = self.direct.into_iter().chain(channels.rooms()).chain(self.account.rooms(&self.hub));
        let rooms = rooms.filter(|room| self.account.is_known_in(&self.hub, *room)).collect();
        let room = self.hub.meet(rooms, &to).await.ok_or(Failure::NotConnected(uuid))?;
        let published = self.publish(room, text, |draft| Command::Private { to, draft }).await;
        published.map_err(|refusal| failure(&refusal, Failure::MessageChannel))
    }

    async fn publish(&self, room: RoomId, text: &str, command: impl FnOnce(Draft) -> Command) -> Result<(), Refusal> {
        let Bearer { token, username, .. } = self.account.bearer(&self.hub, room);
        let caller = Caller { token: &token, site: Site::without_keys(self.origin.as_deref()), from: self.from };
        self.hub.publish(room, caller, command(apex::draft(&username, text))).await.map(drop)
    }
}

/// Whom a uuid names: a guest, the holder of the admin key, or a user as the operator's site writes them.
fn addressee(uuid: &str) -> Option<UserId> {
    let is_ours = uuid.starts_with(UserId::OF_SITE) || uuid == UserId::admin().as_str() || uuid::Uuid::parse_str(uuid).is_ok();
    let id = if is_ours { uuid.to_owned() } else { format!("{}{uuid}", UserId::OF_SITE) };
    UserId::try_from(id).ok()
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
