use axum::{
    Json,
    extract::{FromRef, FromRequestParts, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{
    body::JsonBody,
    error::ApiError,
    moderation::{Inside, message_id},
    router::{Params, PathText, RoomPath, bearer},
    state::AdminKey,
};
use crate::{
    chat::{Event, MessageId, Position, Room, RoomId, RoomState, Settings, SettingsChange},
    engine::{ANSWER_BYTES, End, Query, Reader, cut},
    hub::{Hub, Quoting},
    protocol::{
        inlive::{Answer, Envelope},
        moment::rfc3339,
    },
};

/// Messages in a page of history when the asker does not say.
pub(super) const MESSAGES: usize = 50;
/// Most messages in a page of history. Long ones are fewer: see [`ANSWER_BYTES`].
pub(super) const MOST_MESSAGES: usize = 500;
/// Rooms in a page of the list when the asker does not say.
const STREAMS: usize = 20;
/// Most rooms in a page of the list.
const MOST_STREAMS: usize = 100;

/// Proof that the request carries the admin key.
pub(super) struct Admin;

impl<S: Send + Sync> FromRequestParts<S> for Admin
where
    AdminKey: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if is_admin_key(&AdminKey::from_ref(state), bearer(&parts.headers).unwrap_or_default()) {
            return Ok(Self);
        }
        let message = "The admin key is missing or wrong: send it as Authorization: Bearer <admin key>.";
        Err(ApiError::new(StatusCode::UNAUTHORIZED, message))
    }
}

/// Whether somebody shows the admin key, in the same time whatever they show.
pub(super) fn is_admin_key(AdminKey(key): &AdminKey, shown: &str) -> bool {
    key.as_bytes().ct_eq(shown.as_bytes()).into()
}

/// A room as inLive's stream API shows it. What belongs to a video is empty: this chat has none.
#[derive(Serialize)]
pub(super) struct Stream {
    id: u32,
    #[serde(flatten)]
    settings: Settings,
    state: RoomState,
    widget_key: String,
    hls_url: &'static str,
    dash_url: &'static str,
    quality: &'static str,
    created_at: String,
    updated_at: String,
    prepared_at: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
}

impl Stream {
    /// A room as it is now.
    pub(super) fn of(hub: &Hub, room: Room) -> Self {
        Self {
            id: room.id.get(),
            settings: room.settings,
            state: room.state,
            widget_key: hub.widget_key(room.id),
            hls_url: "",
            dash_url: "",
            quality: "",
            created_at: rfc3339(room.created_at),
            updated_at: rfc3339(room.updated_at),
            prepared_at: room.prepared_at.map(rfc3339),
            start_time: room.started_at.map(rfc3339),
            end_time: room.ended_at.map(rfc3339),
        }
    }
}

/// `POST /v1/streams/create`: makes a room with the settings in the body, of which `name` is needed.
pub(super) async fn create(
    _: Admin,
    State(hub): State<Hub>,
    JsonBody(settings): JsonBody<SettingsChange>,
) -> Result<Response, ApiError> {
    Ok(answer(Stream::of(&hub, hub.create_room(settings).await?)))
}

/// `GET /v1/streams?page=&page_size=`: all rooms.
pub(super) async fn list(_: Admin, State(hub): State<Hub>, params: Params) -> Result<Response, ApiError> {
    let page = number(&params, "page", 1, 1..=usize::MAX)?;
    let limit = number(&params, "page_size", STREAMS, 1..=MOST_STREAMS)?;
    let rooms = hub.rooms();
    let total_records = rooms.len();
    let meta = json!({
        "page": page, "limit": limit, "total_records": total_records, "total_pages": total_records.div_ceil(limit),
    });
    let skip = (page - 1).saturating_mul(limit);
    let data: Vec<_> = rooms.into_iter().skip(skip).take(limit).map(|room| Stream::of(&hub, room)).collect();
    Ok(Json(Answer { code: 200, message: "OK", data, meta: Some(meta) }).into_response())
}

/// `GET /v1/streams/{id}`: one room, by its number or its slug.
pub(super) async fn show(_: Admin, State(hub): State<Hub>, PathText(name): PathText) -> Result<Response, ApiError> {
    let unknown = || ApiError::new(StatusCode::NOT_FOUND, format!("There is no room {name:?}."));
    let room = name.parse().ok().or_else(|| hub.room_of(&name)).ok_or_else(unknown)?;
    Ok(answer(Stream::of(&hub, hub.snapshot_for_owner(room)?.room)))
}

/// `POST /v1/streams/{id}/prepare`: announces a room that was made, or has ended.
pub(super) async fn prepare(_: Admin, State(hub): State<Hub>, RoomPath(room): RoomPath) -> Result<Response, ApiError> {
    Ok(answer(Stream::of(&hub, hub.set_state(room, RoomState::Prepared).await?)))
}

/// `POST /v1/streams/{id}/start`: opens a prepared room.
pub(super) async fn start(_: Admin, State(hub): State<Hub>, RoomPath(room): RoomPath) -> Result<Response, ApiError> {
    Ok(answer(Stream::of(&hub, hub.set_state(room, RoomState::Live).await?)))
}

/// `POST /v1/streams/{id}/end`: closes a room; its subscribers are told, and its history stays.
pub(super) async fn end(_: Admin, State(hub): State<Hub>, RoomPath(room): RoomPath) -> Result<Response, ApiError> {
    Ok(answer(Stream::of(&hub, hub.set_state(room, RoomState::Ended).await?)))
}

/// `GET /v1/streams/{id}/messages?before=&after=&limit=`: a page of history, oldest first inside it. The newest page of what lies
/// between `after` and `before`; with `after` alone the page that follows it, to read forward. With a token
/// it is its bearer's history: with their private messages and own reactions.
pub(super) async fn messages(
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = number(&params, "limit", MESSAGES, 1..=MOST_MESSAGES)?;
    let position = hub.snapshot(room)?.position;
    // Whoever's token does not count reads what is for everybody.
    let reader = bearer(&headers).and_then(|token| hub.check(token, room).ok());
    let reader = reader.map_or(Reader::Public, |claims| Reader::User(claims.user));
    let after = place(&params, "after", room, &position)?;
    let before = place(&params, "before", room, &position)?;
    let end = if after.is_some() && before.is_none() { End::Oldest } else { End::Newest };
    let query = Query {
        room,
        after: after.unwrap_or(0),
        before,
        reader,
        messages_only: true,
        limit: limit + 1,
        bytes: ANSWER_BYTES,
        end,
    };
    let mut has_more = false;
    let take = |events: &mut Vec<Event>| has_more = cut(events, limit, end, Event::payload_bytes);
    let Quoting { events, quoted } = hub.read_quoting(query, take).await?;
    let data = events.iter().map(Envelope::of).collect();
    let quoted = quoted.iter().map(|(&seq, message)| Quotation::of(MessageId { room, seq }, message.as_ref())).collect();
    let meta = HistoryMeta { position: position.to_string(), has_more, quoted };
    Ok(Json(History { code: 200, message: "OK", data, meta }).into_response())
}

/// `GET /v1/streams/{id}/messages/{message}`: one public message.
pub(super) async fn message(State(hub): State<Hub>, Inside { room, name }: Inside) -> Result<Response, ApiError> {
    let message = hub.message(message_id(room, &name)?).await?;
    Ok(Json(Answer { code: 200, message: "OK", data: Envelope::of(&message), meta: None }).into_response())
}

/// A page of history: an [`Answer`] whose `meta` holds messages too.
#[derive(Serialize)]
struct History<'a> {
    code: u16,
    message: &'static str,
    data: Vec<Envelope<'a>>,
    meta: HistoryMeta<'a>,
}

#[derive(Serialize)]
struct HistoryMeta<'a> {
    position: String,
    has_more: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quoted: Vec<Quotation<'a>>,
}

/// A message to which others reply.
#[derive(Serialize)]
#[serde(untagged)]
enum Quotation<'a> {
    Message(Box<Envelope<'a>>),
    Deleted { id: String, deleted: bool },
}

impl<'a> Quotation<'a> {
    fn of(id: MessageId, message: Option<&'a Event>) -> Self {
        match message {
            Some(message) => Self::Message(Box::new(Envelope::of(message))),
            None => Self::Deleted { id: id.to_string(), deleted: true },
        }
    }
}

/// A place in the log, given as a message id or as a position.
pub(super) fn place(params: &Params, key: &str, room: RoomId, now: &Position) -> Result<Option<u64>, ApiError> {
    let Some(text) = params.find(key).filter(|text| !text.is_empty()) else { return Ok(None) };
    let invalid = |why: &str| ApiError::new(StatusCode::BAD_REQUEST, format!("\"{key}\" {why}."));
    if let Ok(id) = text.parse::<MessageId>() {
        return if id.room == room { Ok(Some(id.seq)) } else { Err(invalid("is a message of another room")) };
    }
    let position: Position = text.parse().map_err(|_| invalid("must be the id of a message, or a position"))?;
    if position.epoch == now.epoch { Ok(Some(position.seq)) } else { Err(invalid("is a position in a log that is no more")) }
}

pub(super) fn number(
    params: &Params,
    key: &str,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, ApiError> {
    let Some(text) = params.find(key) else { return Ok(default) };
    let invalid = || {
        let bounds = match *range.end() {
            usize::MAX => format!("of at least {}", range.start()),
            end => format!("from {} to {end}", range.start()),
        };
        ApiError::new(StatusCode::BAD_REQUEST, format!("\"{key}\" must be a whole number {bounds}."))
    };
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(invalid)
}

pub(super) fn answer(stream: Stream) -> Response {
    let tag = HeaderValue::from_str(&tag(&stream.settings)).expect("plain ASCII");
    ([(header::ETAG, tag)], Json(Answer { code: 200, message: "OK", data: stream, meta: None })).into_response()
}

/// What tells these settings from others, for `If-Match` (RFC 9110 8.8.3).
pub(super) fn tag(settings: &Settings) -> String {
    let json = Value::Object(settings.by_name()).to_string();
    format!("\"{}\"", Uuid::new_v5(&Uuid::NAMESPACE_OID, json.as_bytes()))
}
