use std::{collections::HashMap, net::IpAddr, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use tokio::time::Instant;

use super::{Ivs, answer};
use crate::{
    chat::{Capability, Command, Deleted, Draft, Event, Kind, Measure, MessageId, RoomId, Sanction, Timestamp, UserId},
    engine::{Appended, End, Query, Reader, now},
    hub::{Authority, Buckets, Caller, Claims, Hub, Published, Refusal, Removal, Site, TokenError},
    protocol::{
        Dialect,
        frame::Frame,
        ivs::{self, Request, RequestKind},
    },
    server::{
        client_address::ClientAddress,
        error::ApiError,
        identity::guest_name,
        router::foreign_origin,
        sockets::{Ending, Left, Link, Outbox, Session, Sockets, Subscriptions, Upgrade},
    },
};

/// How old a message of one's own may be to be told again to a new connection: who has lost their connection may not know yet that it
/// was stored, and the npm client waits for it for ever.
const REPLAYED: Duration = Duration::from_secs(60);

/// The newest messages of the room among which those are looked for.
const REPLAYED_AMONG: usize = 256;

/// How many bytes of messages are read for it at most.
const REPLAYED_BYTES: usize = 256 * 1024;

/// A token is good for the whole second in which it ends: whoever came back with it within that would be told at once, and at once
/// again, that it is over.
const TOKEN_PRECISION: Duration = Duration::from_secs(1);

/// How long whoever was told that their session is over may take to go.
const FAREWELL: Duration = Duration::from_secs(10);

/// `GET /ivschat/ws`: a connection to the room of the token, which is the subprotocol that the client offers.
pub(super) async fn open(
    upgrade: Upgrade,
    State(hub): State<Hub>,
    State(ivs): State<Ivs>,
    State(sockets): State<Sockets>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::new(StatusCode::UNAUTHORIZED, "A chat token is needed, as the WebSocket subprotocol.");
    let protocol = offered(&headers).ok_or_else(missing)?;
    let token = protocol.to_str().map_err(|_| Refusal::Token(TokenError::Invalid))?.to_owned();
    let claims = hub.tokens().read(&token).and_then(|claims| hub.check(&token, claims.room)).map_err(Refusal::Token)?;
    if ivs.0.single_use_tokens {
        hub.check_unused(&claims, from).await?;
    }
    let origin = foreign_origin(&headers).map(str::to_owned);
    let mut subscriptions = Subscriptions::none(&sockets);
    let welcome = subscriptions.join(&hub, claims.room, claims.clone().into(), Site::without_keys(origin.as_deref()), from)?;
    let quota = ivs.0.meters.quotas.messages.into();
    // Before the client is answered: under load it waits here, and is told all of it at once when it is connected.
    let recent = recent(&hub, &claims, welcome.position.seq).await;
    // Last: whoever is refused before keeps a token that is good.
    if ivs.0.single_use_tokens {
        hub.use_up(&claims).await?;
    }
    let chat = Chat {
        room: claims.room,
        name: name(&claims, &hub),
        hub,
        ends_at: Instant::now() + left(claims.ends_at()) + TOKEN_PRECISION,
        user: claims.user,
        token,
        origin,
        from,
        recent,
        told: welcome.position.seq,
        waiting: HashMap::new(),
        requests: Buckets::new(quota, quota),
        is_over: false,
    };
    Ok(upgrade.with_protocol(protocol).accept(chat, subscriptions))
}

/// The messages that somebody has just said, with their own names for them, up to the one at `until`.
async fn recent(hub: &Hub, claims: &Claims, until: u64) -> Bytes {
    if !claims.capabilities.allow(Capability::SendMessage) {
        return Bytes::new();
    }
    let query = Query {
        room: claims.room,
        after: 0,
        before: Some(until + 1),
        reader: Reader::User(claims.user.clone()),
        messages_only: true,
        limit: REPLAYED_AMONG,
        bytes: REPLAYED_BYTES,
        end: End::Newest,
    };
    let since = now().0 - REPLAYED.as_millis() as i64;
    // What cannot be read now is not told again: that is no reason to refuse the connection.
    let events = hub.read(query).await.unwrap_or_default();
    let recent = events.iter().filter(|event| event.sent_at.0 >= since);
    let frames = recent.filter_map(|event| ivs::event(event, own_name(event, &claims.user)?));
    frames.flat_map(|frame| Frame::text(frame).encode()).collect()
}

/// Its author's name for a message, for the author themselves.
fn own_name<'a>(event: &'a Event, reader: &UserId) -> Option<&'a str> {
    event.message().filter(|message| message.author == *reader).and(event.client_message_id.as_deref())
}

/// The first subprotocol that a client offers (RFC 6455 4.1).
fn offered(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let first = offered.split(',').next()?.trim();
    HeaderValue::from_str(first).ok().filter(|first| !first.is_empty())
}

/// What somebody is called who says no name with a message.
fn name(Claims { user, origin, .. }: &Claims, hub: &Hub) -> String {
    match &origin.name {
        Some(name) => name.clone(),
        None if user.is_of_site() => ivs::name_of(user, hub.limits(), |name| hub.reserves(name)),
        None => guest_name(user),
    }
}

/// How long it is until then; a year for more than that.
fn left(until: Timestamp) -> Duration {
    let left = Duration::from_millis(u64::try_from(until.0.saturating_sub(now().0)).unwrap_or_default());
    left.min(Duration::from_secs(365 * 86_400))
}

/// Somebody who is connected to a room.
struct Chat {
    hub: Hub,
    room: RoomId,
    user: UserId,
    /// What they go by.
    name: String,
    token: String,
    origin: Option<String>,
    from: Option<IpAddr>,
    /// What it is told first.
    recent: Bytes,
    /// The newest event that it was told.
    told: u64,
    /// The requests that an event answers which has yet to be told, by its place. All but those of one round of the connection are
    /// answered, as it reads a frame only when it has told what there is.
    waiting: HashMap<u64, String>,
    requests: Buckets<()>,
    /// When the session ends, or, once it has, the connection.
    ends_at: Instant,
    is_over: bool,
}

impl Session for Chat {
    const DIALECT: Dialect = Dialect::Ivs;
    const MESSAGE_BYTES: usize = ivs::MESSAGE_BYTES;

    async fn open(&mut self, link: &mut Link) -> Result<(), Ending> {
        link.outbox().push(&std::mem::take(&mut self.recent));
        Ok(())
    }

    async fn hear(&mut self, frame: Frame, link: &mut Link) -> Result<(), Ending> {
        let answer = match self.answer(frame).await {
            Ok(None) => return Ok(()),
            Ok(Some(frame)) => frame,
            Err((request_id, code, message)) => ivs::error(&new_id(), &request_id, code, &message),
        };
        link.outbox().send(Frame::text(answer));
        Ok(())
    }

    fn encode(&self, event: &Event) -> Bytes {
        ivs::event(event, "").map_or_else(Bytes::new, |frame| Frame::text(frame).encode())
    }

    fn tell(&mut self, event: &Event, frames: &Bytes, outbox: &mut Outbox) -> Result<(), Ending> {
        self.told = event.seq;
        let waiting = self.waiting.remove(&event.seq);
        match waiting.as_deref().or_else(|| own_name(event, &self.user)).and_then(|id| ivs::event(event, id)) {
            Some(frame) => outbox.send(Frame::text(frame)),
            None => outbox.push(frames),
        }
        match &event.kind {
            Kind::Deletion(deletion) => self.answer_deleted(event.seq, &deletion.of, outbox),
            Kind::Sanction(Sanction { measure: Measure::Ban, reason, .. }) => {
                outbox.send(Frame::text(ivs::banned(event, &self.user, reason)));
                return Err(Ending::close(Ending::NORMAL, "You are banned."));
            }
            _ => {}
        }
        Ok(())
    }

    /// A client comes back from anything but a close: who is to stay away gets one.
    fn left(&mut self, _: RoomId, why: Left, outbox: &mut Outbox) -> Result<(), Ending> {
        Err(match why {
            Left::Over => {
                outbox.send(Frame::text(ivs::error(&new_id(), "", 404, "The room has ended.")));
                Ending::close(Ending::NORMAL, "The room has ended.")
            }
            Left::Ended => Ending::close(Ending::NORMAL, "Your access was revoked."),
            Left::Disconnected => Ending::close(Ending::NORMAL, "You were disconnected."),
            Left::Behind => Ending::Drop,
        })
    }

    fn due_at(&self) -> Option<Instant> {
        Some(self.ends_at)
    }

    async fn due(&mut self, link: &mut Link) -> Result<(), Ending> {
        if self.is_over {
            return Err(Ending::Drop);
        }
        link.outbox().send(Frame::text(ivs::session_over(&new_id())));
        (self.is_over, self.ends_at) = (true, Instant::now() + FAREWELL);
        Ok(())
    }

    fn stop(&mut self) -> Ending {
        Ending::Drop
    }
}

/// Why a request is not carried out: its name, the code and a text.
type Fault = (String, u16, String);

impl Chat {
    /// Does what a frame asks. Gives the answer, unless an event is it which has yet to be told.
    async fn answer(&mut self, frame: Frame) -> Result<Option<String>, Fault> {
        let Frame::Text(text) = frame else {
            return Err((String::new(), 400, "Only text frames are understood".into()));
        };
        let decoded = ivs::decode_request(&text);
        let id = || decoded.as_ref().map_or_else(|error| error.request_id.clone(), |request| request.id.clone());
        if self.is_over {
            return Err((id(), 401, "The session is over".into()));
        }
        if self.requests.take(()).is_err() {
            return Err((id(), 429, answer::TOO_FAST.into()));
        }
        // Before anything else about the request: who may not do it learns nothing more.
        let needed = decoded.as_ref().map_or_else(|error| error.capability, |request| Some(request.kind.capability()));
        if let Some(capability) = needed {
            self.hub.permit(self.room, &Authority::Bearer(self.token.clone()), capability).map_err(|refusal| {
                let (code, message) = answer::error(&refusal);
                (id(), code, message)
            })?;
        }
        let Request { id, kind } = decoded.map_err(|error| (error.request_id, error.code, error.message))?;
        self.carry_out(&id, kind).await.map_err(|refusal| {
            let (code, message) = answer::error(&refusal);
            (id, code, message)
        })
    }

    async fn carry_out(&mut self, request_id: &str, kind: RequestKind) -> Result<Option<String>, Refusal> {
        let authority = Authority::Bearer(self.token.clone());
        match kind {
            RequestKind::SendMessage { content, attributes } => {
                let draft = Draft {
                    payload: ivs::payload(&self.name, &content, &attributes),
                    video_time: 0.0,
                    client_message_id: is_unique(request_id).then(|| request_id.to_owned()),
                    announces: false,
                };
                let caller = Caller { token: &self.token, site: Site::without_keys(self.origin.as_deref()), from: self.from };
                match self.hub.publish(self.room, caller, Command::Broadcast(draft)).await? {
                    Published::Stored(Appended { held: true, .. }) => {
                        Ok(Some(ivs::error(&new_id(), request_id, 406, "The message waits for a moderator")))
                    }
                    Published::Stored(Appended { seq, .. }) if seq <= self.told => {
                        // It was sent a second time.
                        let event = self.hub.message(MessageId { room: self.room, seq }).await?;
                        Ok(ivs::event(&event, request_id))
                    }
                    Published::Stored(Appended { seq, .. }) => Ok(self.wait_for(seq, request_id)),
                    Published::Requested => unreachable!("it was a message"),
                }
            }
            RequestKind::DeleteMessage { id, reason } => {
                let id: MessageId = id.parse().map_err(|_| Refusal::UnknownMessage)?;
                if id.room != self.room {
                    return Err(Refusal::UnknownMessage);
                }
                let removal = Removal { of: Deleted::Message(id.seq), reason: reason.clone(), tells_reason: true };
                let deleted = self.hub.delete(self.room, &authority, removal).await?;
                match deleted.seq <= self.told {
                    // It was deleted before. That event was told already, and a client passes over an id that it knows.
                    true => Ok(Some(ivs::deleted(&new_id(), request_id, id, &reason, deleted.sent_at))),
                    false => Ok(self.wait_for(deleted.seq, request_id)),
                }
            }
            RequestKind::DisconnectUser { user, reason } => {
                let disconnected = self.hub.disconnect(self.room, &authority, user, reason).await?;
                Ok(self.wait_for(disconnected.seq, request_id))
            }
        }
    }

    fn wait_for(&mut self, seq: u64, request_id: &str) -> Option<String> {
        self.waiting.insert(seq, request_id.to_owned());
        None
    }

    /// Answers who waits for a message that was deleted before it was told.
    fn answer_deleted(&mut self, seq: u64, of: &Deleted, outbox: &mut Outbox) {
        let is_gone = |place: &u64| match of {
            Deleted::Message(deleted) => deleted == place,
            Deleted::AllOf(user) => *user == self.user && *place < seq,
        };
        for (_, request_id) in self.waiting.extract_if(|place, _| is_gone(place)) {
            outbox.send(Frame::text(ivs::error(&new_id(), &request_id, 406, "The message was deleted")));
        }
    }
}

/// Whether a name of a request is one that a client gives only once. Others are names too, but of more than one message.
fn is_unique(request_id: &str) -> bool {
    request_id.len() == 36 && uuid::Uuid::try_parse(request_id).is_ok()
}

/// The id of an answer that is none of the log: 12 characters of `[0-9a-f]`.
fn new_id() -> String {
    let mut id = uuid::Uuid::new_v4().simple().to_string();
    id.truncate(12);
    id
}
