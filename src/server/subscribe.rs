use std::{io, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, stream};

use super::{
    error::ApiError,
    identity,
    router::{Params, RoomPath},
};
use crate::{
    chat::{Capabilities, RoomId, RoomState},
    hub::{Delivery, Entry, Hub, Item, Refusal, Subscriber},
    protocol::inlive,
};

/// Silence after which a comment is sent, so that proxies do not cut an idle stream: half of the 30 s that the strictest wait.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long an `EventSource` waits before it comes back: spread, so that after a restart not all come in the same moment.
const RETRY_MS: std::ops::Range<u32> = 500..2_500;

/// `GET /subscribe/{id}`: the room's events as Server-Sent Events.
///
/// An ended room answers 204, at which an `EventSource` stops for good (WHATWG HTML 9.2.2).
pub(super) async fn subscribe(
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let by_token = |token: String| hub.tokens().check(&token, room).ok().map(|claims| claims.user);
    let user = identity::from_cookie(&headers, hub.tokens(), room)
        .or_else(|| params.find("token").and_then(by_token))
        .unwrap_or_else(identity::new_guest);
    match hub.subscribe(room, user, resume_position(&headers, &params).as_deref()) {
        Ok(subscriber) => Ok(stream_of(hub, room, subscriber)),
        Err(Refusal::NotLive(RoomState::Ended)) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(refusal) => Err(refusal.into()),
    }
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

fn stream_of(hub: Hub, room: RoomId, subscriber: Subscriber) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Else nginx holds events back until its buffer is full.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(frames(hub, room, subscriber))).into_response()
}

/// The stream's bytes: `init`, then whatever the subscriber is given, each delivery in one piece.
fn frames(hub: Hub, room: RoomId, subscriber: Subscriber) -> impl Stream<Item = io::Result<Bytes>> {
    let first = init(&hub, room, &subscriber);
    stream::unfold((subscriber, Some(first)), move |(mut subscriber, first)| async move {
        let frame = match first {
            Some(first) => first,
            None => next_frame(room, &mut subscriber).await?,
        };
        Some((Ok(frame), (subscriber, None)))
    })
}

fn init(hub: &Hub, room: RoomId, subscriber: &Subscriber) -> Bytes {
    let user = subscriber.user().clone();
    let init = inlive::Init {
        user_id: user.to_string(),
        token: hub.tokens().sign(user, room, Capabilities::guest(), Some(subscriber.connection().to_owned())),
        viewer_count: subscriber.viewer_count(),
        position: subscriber.position().to_string(),
        gap: subscriber.gap(),
    };
    let spread = RETRY_MS.end - RETRY_MS.start;
    inlive::init(room, &init, RETRY_MS.start + getrandom::u32().unwrap_or_default() % spread)
}

/// Waits for the next piece; `None` ends the stream, and the client comes back by itself.
async fn next_frame(room: RoomId, subscriber: &mut Subscriber) -> Option<Bytes> {
    match tokio::time::timeout(HEARTBEAT, subscriber.next()).await {
        Err(_) => Some(Bytes::from_static(inlive::HEARTBEAT)),
        Ok(Ok(delivery)) => Some(encode(room, subscriber, &delivery?)),
        Ok(Err(error)) => {
            tracing::error!(%room, %error, "a subscriber could not be fed from the store");
            None
        }
    }
}

fn encode(room: RoomId, subscriber: &Subscriber, delivery: &Delivery) -> Bytes {
    match delivery {
        Delivery::Missed(events) => join(events.iter().map(|event| inlive::event(event, &subscriber.position_at(event.seq)))),
        Delivery::Live(entries) => join(entries.iter().map(|entry| live_frame(room, subscriber, entry))),
        Delivery::History(events) => inlive::history(room, subscriber.user(), events, &subscriber.position()),
    }
}

/// The frame that all subscribers share, but for the position of one whose history is still owed to it.
fn live_frame(room: RoomId, subscriber: &Subscriber, entry: &Entry) -> Bytes {
    let frame = entry.frame(|item| match item {
        Item::Event(event) => inlive::event(event, &subscriber.shared_position_at(event.seq)),
        Item::Presence { joined, viewer_count } => inlive::presence(room, *joined, *viewer_count),
    });
    match &entry.item {
        Item::Event(event) if !subscriber.positions_are_plain() => {
            inlive::with_position(frame, &subscriber.position_at(event.seq))
        }
        Item::Event(_) | Item::Presence { .. } => frame.clone(),
    }
}

/// The frames in one piece, so that they leave in one write.
fn join(frames: impl Iterator<Item = Bytes>) -> Bytes {
    let mut frames = frames.peekable();
    let first = frames.next().unwrap_or_default();
    if frames.peek().is_none() {
        return first;
    }
    frames
        .fold(Vec::from(first), |mut all, frame| {
            all.extend_from_slice(&frame);
            all
        })
        .into()
}
