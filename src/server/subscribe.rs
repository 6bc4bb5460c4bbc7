use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;

use super::{
    client_address::ClientAddress,
    connection::{Taken, Takeover},
    error::ApiError,
    extract::cookies::Cookies,
    identity::Visitor,
    page::is_cross_site,
    router::{Params, RoomPath, bearer, foreign_origin},
    streams::{Opened, Streams, joined},
};
use crate::{
    app::Ticket,
    chat::{Capabilities, Capability, Event, Kind, Position, RoomId, RoomState},
    engine::{EngineError, now},
    hub::{
        Claims, Entry, Fetch, Fetched, Hub, Identity, Item, Listening, Refusal, Site, Stay, Subscriber, TICKET_SECONDS,
        TokenError, Trace, Wake, Welcome,
    },
    protocol::{Dialect, inlive},
};

/// How long an `EventSource` waits before it comes back: spread, so that after a restart not all come in the same moment.
const RETRY_MS: std::ops::Range<u32> = 500..2_500;

/// `GET /subscribe/{id}`: the room's events as Server-Sent Events. A client may say its `?widget_key=`, which then must be good.
///
/// Who subscribes is said by a `?ticket=`, else by a `?token=`, else by the cookies of our pages. Nobody moderates by a cookie that a
/// page of another origin sends.
///
/// Before the room's start the stream waits for it. When the room ends, so does the stream, and later subscriptions are given what
/// they missed, or 204, at which an `EventSource` stops for good (WHATWG HTML 9.2.2). With `?wait=1` the stream stays open: it
/// carries deletions, and what becomes of the room.
///
/// `HEAD` is answered alike and joins nothing and uses up no ticket.
pub(super) async fn subscribe(
    State(hub): State<Hub>,
    State(streams): State<Arc<Streams>>,
    method: Method,
    RoomPath(room): RoomPath,
    ClientAddress(from): ClientAddress,
    params: Params,
    (headers, cookies): (HeaderMap, Cookies),
) -> Result<Response, ApiError> {
    let shown = match params.find("ticket").filter(|_| method != Method::HEAD) {
        Some(ticket) => Some(Ok(hub.use_ticket(&ticket, room).await.map_err(Refusal::Token)?)),
        None => params.find("token").map(|token| hub.check(&token, room).and_then(fit_for_an_address)),
    };
    let replaces = shown.as_ref().and_then(|shown| shown.as_ref().ok()?.connection);
    if let Some(Err(error @ (TokenError::Site(_) | TokenError::Revoked | TokenError::InAddress))) = shown {
        return Err(Refusal::Token(error).into());
    }
    // Another token that is not good, or not any more, says nothing: its client goes on as a new guest.
    let visitor = shown.and_then(Result::ok).map(Visitor::from);
    let visitor = match visitor {
        Some(visitor) => Some(visitor),
        None => Visitor::subscribing(&cookies, &hub, room, &headers).map_err(Refusal::Token)?,
    };
    // By what a guest is known again who shows nothing.
    let new_trace = visitor.is_none().then(|| trace(&headers));
    let visitor = visitor.unwrap_or_else(|| Visitor::passing_with(trace(&headers)));
    let (identity, capabilities) = match is_cross_site(&headers) {
        true => (visitor.identity, visitor.own),
        false => visitor.acting(&cookies, &hub),
    };
    let widget_key = params.find("widget_key");
    let site = Site { widget_key: widget_key.as_deref().into(), origin: foreign_origin(&headers) };
    let resume = resume_position(&headers, &params);
    let stay = if params.find("wait").as_deref() == Some("1") { Stay::Always } else { Stay::UntilEnd };
    let replaces = replaces.filter(|_| resume.is_some());
    let trace = new_trace.filter(|_| !capabilities.moderate());
    let listening = Listening { resume: resume.as_deref(), stay, trace, replaces };
    if method == Method::HEAD {
        return match hub.may_subscribe(room, &identity, site, listening) {
            Ok(()) => Ok(stream_head()),
            Err(Refusal::NotLive(RoomState::Ended)) => Ok(StatusCode::NO_CONTENT.into_response()),
            Err(refusal) => Err(refusal.into()),
        };
    }
    let inbox = Arc::clone(streams.next());
    let wake: Arc<dyn Wake> = inbox.clone();
    match hub.subscribe(room, identity.clone(), site, from, listening, &wake) {
        Ok((mut subscriber, welcome)) => {
            let init = init(&hub, &mut subscriber, (&welcome, resume.is_none()), identity, capabilities);
            let viewer_count = welcome.viewer_count;
            // Whatever else the client sent is of no interest: no other request is answered on this connection.
            let open = move |Taken { socket, head, permit, .. }: Taken| match socket.into_std() {
                Ok(socket) => {
                    let first = joined([Bytes::from(head), init].into_iter());
                    inbox.open(Opened { socket, first, subscriber, viewer_count, permit });
                }
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            };
            let mut response = stream_head();
            response.extensions_mut().insert(Takeover::new(open));
            Ok(response)
        }
        Err(Refusal::NotLive(RoomState::Ended)) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// A token that may stand in an address, where proxies log it: that of a guest or of a site's user.
fn fit_for_an_address(claims: Claims) -> Result<Claims, TokenError> {
    if claims.is_of_a_session() { Err(TokenError::InAddress) } else { Ok(claims) }
}

/// `POST /v1/streams/{id}/ticket`: a ticket for `/subscribe/{id}?ticket=`, for a moderator's page that no cookie speaks for.
pub(super) async fn ticket(State(hub): State<Hub>, RoomPath(room): RoomPath, headers: HeaderMap) -> Result<Response, ApiError> {
    hub.snapshot(room)?;
    let made = hub.make_ticket(bearer(&headers).unwrap_or_default(), room).map_err(Refusal::Token)?;
    let ticket = made.ok_or_else(|| {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "Tickets are for moderators. Other tokens go into the address themselves, as ?token=.",
        )
    })?;
    let data = Ticket { ticket, expires_in_seconds: TICKET_SECONDS };
    let answer = Json(inlive::Answer { code: 200, message: "OK", data, meta: None });
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], answer).into_response())
}

/// How a client looks, by what it sends with each of its subscriptions.
fn trace(headers: &HeaderMap) -> Trace {
    let value = |name| headers.get(name).map_or(&[][..], HeaderValue::as_bytes);
    Trace::of(&[header::USER_AGENT, header::ACCEPT_LANGUAGE, header::ORIGIN].map(value))
}

/// The position to resume from, as the client says it: the header of an `EventSource` that reconnects wins, since the address is
/// still the one that it connected to first.
fn resume_position(headers: &HeaderMap, params: &Params) -> Option<String> {
    let header = headers.get("last-event-id").filter(|value| !value.is_empty());
    match header {
        Some(value) => Some(String::from_utf8_lossy(value.as_bytes()).into_owned()),
        None => params.find("last_event_id").filter(|value| !value.is_empty()),
    }
}

/// The head of a stream's response. Its body ends with the connection, so its length is not known.
fn stream_head() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        // Else nginx holds events back until its buffer is full.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(stream::empty::<Result<Bytes, Infallible>>())).into_response()
}

fn init(
    hub: &Hub,
    subscriber: &mut Subscriber,
    (welcome, is_new): (&Welcome, bool),
    identity: Identity,
    capabilities: Capabilities,
) -> Bytes {
    let room = subscriber.room();
    let waiting = capabilities.allow(Capability::DisconnectUser).then(|| subscriber.tell_waiting());
    let moderates = capabilities.allow(Capability::DeleteMessage);
    let init = inlive::Init {
        user_id: identity.user.to_string(),
        token: hub.tokens().sign(identity, room, capabilities, Some(subscriber.connection())),
        viewer_count: welcome.viewer_count,
        position: welcome.position.to_string(),
        gap: welcome.gap,
        waiting,
        state: Some(welcome.state).filter(|state| *state != RoomState::Live),
        moderates,
        interface: hub.interface(room).map(|interface| interface.to_json()),
        cooldowns: hub.cooldowns(room).into_iter().map(|(action, left)| (action, inlive::milliseconds(left))).collect(),
    };
    let spread = RETRY_MS.end - RETRY_MS.start;
    let init = inlive::init(room, &init, RETRY_MS.start + getrandom::u32().unwrap_or_default() % spread);
    // A client that came without a position has one at once, and not with the first event: one that comes back with it is known again.
    let reached = is_new.then(|| inlive::reached(&subscriber.position()));
    let link = (!welcome.reachable).then(|| inlive::link(room, false));
    joined([init].into_iter().chain(reached).chain(link))
}

/// An entry's frame as nearly all subscribers get it.
pub(super) fn shared_frame(hub: &Hub, room: RoomId, entry: &Entry) -> Bytes {
    let encode = |item: &Item| match item {
        Item::Event(event) => inlive::event(event, &hub.position(event.seq), now()),
        Item::Presence { joined, viewer_count } => inlive::presence(room, *joined, *viewer_count),
        Item::Viewers { viewer_count, .. } => inlive::viewers(room, *viewer_count),
        Item::Waiting(waiting) => inlive::waiting(room, *waiting),
        Item::Reachable(is_reachable) => inlive::link(room, *is_reachable),
        Item::Interface(interface) => inlive::interface(room, interface.as_ref()),
        Item::Cooldown { action, duration } => inlive::cooldown(room, action, *duration),
        Item::Erased | Item::Relayed(_) => Bytes::new(),
    };
    match entry.event() {
        // It says how many seconds are left, and is sent to one person.
        Some(event @ Event { kind: Kind::Sanction(_), .. }) => inlive::event(event, &hub.position(event.seq), now()),
        _ => entry.frame(Dialect::Inlive, encode).clone(),
    }
}

/// An entry's frame for a subscriber whose position after it is `own`, if that is not the shared one.
pub(super) fn frame(hub: &Hub, room: RoomId, entry: &Entry, own: Option<&Position>) -> Bytes {
    let shared = shared_frame(hub, room, entry);
    own.map_or_else(|| shared.clone(), |position| inlive::with_position(&shared, position))
}

/// Reads what a subscriber needs from the log, as the frames that it is given; `None` if the log cannot be read.
pub(super) async fn fetch(fetch: &Fetch) -> Option<(Bytes, Fetched)> {
    let encode = |event: &Event| inlive::event(event, &fetch.position(event.seq), now());
    match fetch.run().await {
        Ok((events, fetched)) if fetch.is_history => {
            let frame = inlive::history(fetch.room(), fetch.reader(), &events, fetched.has_more, &fetch.position_after());
            Some((frame, fetched))
        }
        Ok((events, fetched)) => Some((joined(events.iter().map(encode)), fetched)),
        // It comes back, and is told of a gap.
        Err(EngineError::NotKept { .. }) => None,
        Err(error) => {
            tracing::error!(room = %fetch.room(), %error, "a subscriber could not be fed from the store");
            None
        }
    }
}
