use std::time::Duration;

use axum::{
    Json,
    extract::{FromRef, FromRequestParts, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    api::{MESSAGES, MOST_MESSAGES, Stream, answer, is_admin_key, number, place, tag},
    body::{JsonBody, OptionalJsonBody},
    error::ApiError,
    router::{Params, RoomPath, bearer, path_parts, room},
    state::AdminKey,
};
use crate::{
    app,
    chat::{
        Deleted, Event, InvalidSetting, Kind, Measure, MessageId, RoomId, Sanction, Settings, SettingsChange, Timestamp,
        UNDO_WINDOW, UserId,
    },
    engine::{Act, Appended, End, Hits, cut, now},
    hub::{Authority, Decision, Hub, Refusal, Removal},
    protocol::{
        inlive::{Answer, Envelope},
        moment::rfc3339,
    },
};

/// What the request shows for itself; whether that is enough is the hub's to say.
pub(super) struct Shown(pub(super) Authority);

impl<S: Send + Sync> FromRequestParts<S> for Shown
where
    AdminKey: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let shown = bearer(&parts.headers).unwrap_or_default();
        let is_admin = is_admin_key(&AdminKey::from_ref(state), shown);
        Ok(Self(if is_admin { Authority::Admin } else { Authority::Bearer(shown.to_owned()) }))
    }
}

/// `DELETE /v1/streams/{id}/messages/{message}?reason=`: takes a message out.
pub(super) async fn delete_message(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
    params: Params,
) -> Result<Response, ApiError> {
    delete(&hub, room, &authority, Deleted::Message(message_id(room, &name)?.seq), &params).await
}

/// `GET /v1/streams/{id}/messages/{message}/deletion`: when and why it was taken out, for its author and for moderators.
pub(super) async fn deletion(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
) -> Result<Response, ApiError> {
    let Act { event, .. } = hub.deletion(room, &authority, message_id(room, &name)?.seq).await?;
    let reason = match &event.kind {
        Kind::Deletion(deletion) => &*deletion.reason,
        Kind::Resolution(resolution) => &resolution.reason,
        Kind::Message(_) | Kind::Private { .. } | Kind::Held(_) => "",
        Kind::Room(_) | Kind::Settings { .. } | Kind::Sanction(_) | Kind::Reactions(_) => "",
        Kind::Disconnection(_) | Kind::Custom(_) | Kind::Restore(_) => "",
    };
    let data = app::Deletion { id: event.id().to_string(), sent_at: rfc3339(event.sent_at), reason: reason.to_owned() };
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

/// `DELETE /v1/streams/{id}/users/{user}/messages?reason=`: takes out all that a user has said so far.
pub(super) async fn delete_messages_of(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
    params: Params,
) -> Result<Response, ApiError> {
    delete(&hub, room, &authority, Deleted::AllOf(user(&name)?), &params).await
}

async fn delete(hub: &Hub, room: RoomId, authority: &Authority, of: Deleted, params: &Params) -> Result<Response, ApiError> {
    let removal = Removal::quiet(of.clone(), params.find("reason").unwrap_or_default());
    let deleted = hub.delete(room, authority, removal).await?;
    let mut data = done_data(hub, room, deleted);
    // A message may have been deleted before, by an act that undoes more than this.
    if hub.has_deleted(room, deleted.seq, &of).await? {
        say_undoable(&mut data, deleted);
    }
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

/// `POST /v1/streams/{id}/audit/{act}/undo`: undoes a moderator's act, soon after it was done.
pub(super) async fn undo(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
) -> Result<Response, ApiError> {
    let act = name.parse().ok().filter(|id: &MessageId| id.room == room).ok_or(Refusal::NotUndoable)?;
    Ok(done(&hub, room, hub.undo(room, &authority, act.seq).await?))
}

/// What a moderator sends with a decision.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Terms {
    seconds: Option<f64>,
    /// Whether it holds for everybody who comes from the user's address; if it is not said, for the user alone.
    address: Option<bool>,
    reason: String,
}

/// `POST /v1/streams/{id}/users/{user}/timeout`: takes somebody's right to speak for so many `seconds`.
pub(super) async fn time_out(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    inside: Inside,
    OptionalJsonBody(Terms { seconds, address, reason }): OptionalJsonBody<Terms>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::new(StatusCode::BAD_REQUEST, "\"seconds\" is missing: how long the time-out lasts.");
    let length = Duration::try_from_secs_f64(seconds.ok_or_else(missing)?).unwrap_or_default();
    let by_address = address.unwrap_or(false);
    decide(&hub, &authority, inside, Decision::TimeOut(length), by_address, reason).await
}

/// `POST /v1/streams/{id}/users/{user}/ban`: takes somebody's right to speak.
pub(super) async fn ban(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    inside: Inside,
    OptionalJsonBody(Terms { address, reason, .. }): OptionalJsonBody<Terms>,
) -> Result<Response, ApiError> {
    decide(&hub, &authority, inside, Decision::Ban, address.unwrap_or(false), reason).await
}

/// `GET /v1/streams/{id}/users/{user}/address`: whom a decision by address would hold for.
pub(super) async fn address(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
) -> Result<Response, ApiError> {
    let others = others(&hub, room, &authority, user(&name)?)?;
    let data = json!({ "known": others.is_some(), "others": others.unwrap_or(0) });
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

fn others(hub: &Hub, room: RoomId, authority: &Authority, user: UserId) -> Result<Option<usize>, Refusal> {
    Ok(hub.others_at_addresses(room, authority, &[user])?.pop().flatten())
}

/// `POST /v1/streams/{id}/users/{user}/lift`: gives it back.
pub(super) async fn lift(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    inside: Inside,
    OptionalJsonBody(Terms { reason, .. }): OptionalJsonBody<Terms>,
) -> Result<Response, ApiError> {
    decide(&hub, &authority, inside, Decision::Lift, false, reason).await
}

/// `GET /v1/streams/{id}/search?q=&before=&limit=`: the messages that have all these words, newest first.
pub(super) async fn search(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = number(&params, "limit", MESSAGES, 1..=MOST_MESSAGES)?;
    let before = place(&params, "before", room, &hub.position(0))?;
    let text = params.find("q").unwrap_or_default();
    let Hits { mut events, not_searched } = hub.search(room, &authority, &text, before, limit + 1).await?;
    let has_more = cut(&mut events, limit, End::Oldest, Event::payload_bytes);
    let data: Vec<_> = events.iter().map(Envelope::of).collect();
    let meta = json!({ "has_more": has_more, "not_searched": not_searched });
    Ok(Json(Answer { code: 200, message: "OK", data, meta: Some(meta) }).into_response())
}

/// `GET /v1/streams/{id}/sanctions`: who may not speak at present.
pub(super) async fn sanctions(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
) -> Result<Response, ApiError> {
    let all = hub.sanctions(room, &authority).await?;
    let shown = |event: &Event| match &event.kind {
        Kind::Sanction(Sanction { user, measure, addresses, by, reason }) => {
            let (measure, until) = match measure {
                Measure::Timeout { until } => ("timeout", Some(rfc3339(*until))),
                Measure::Ban => ("ban", None),
                Measure::Lift => ("lift", None),
            };
            let (id, sent_at) = (event.id().to_string(), rfc3339(event.sent_at));
            Some(json!({
                "id": id, "sent_at": sent_at, "user_id": user, "measure": measure, "until": until,
                "addresses": addresses.len(), "by": by, "reason": reason,
            }))
        }
        Kind::Message(_) | Kind::Private { .. } | Kind::Held(_) | Kind::Resolution(_) => None,
        Kind::Room(_) | Kind::Settings { .. } | Kind::Deletion(_) | Kind::Reactions(_) => None,
        Kind::Disconnection(_) | Kind::Custom(_) | Kind::Restore(_) => None,
    };
    let data: Vec<_> = all.iter().filter_map(shown).collect();
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

/// `POST /v1/streams/{id}/settings`: changes those that are named.
pub(super) async fn configure(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    headers: HeaderMap,
    JsonBody(change): JsonBody<SettingsChange>,
) -> Result<Response, ApiError> {
    let is_conditional = headers.contains_key(header::IF_MATCH);
    let change =
        if is_conditional { if_matches(&headers, &hub.snapshot_for_owner(room)?.room.settings, change)? } else { change };
    match hub.configure(room, &authority, change).await {
        Err(Refusal::Setting(InvalidSetting::Changed(_))) if is_conditional => Err(not_as_seen()),
        configured => Ok(answer(Stream::of(&hub, configured?))),
    }
}

/// That change, only if the settings are and stay as a tag of `If-Match` says (RFC 9110 13.1.1).
fn if_matches(headers: &HeaderMap, settings: &Settings, change: SettingsChange) -> Result<SettingsChange, ApiError> {
    let tag = tag(settings);
    let tags =
        headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let tags: Vec<_> = tags.map(str::trim).collect();
    if tags.contains(&"*") {
        return Ok(change);
    }
    if tags.contains(&&*tag) { Ok(change.only_if(settings.by_name())) } else { Err(not_as_seen()) }
}

fn not_as_seen() -> ApiError {
    let message = "Somebody else has changed the settings since you read them. Read them again; nothing was saved.";
    ApiError::new(StatusCode::PRECONDITION_FAILED, message)
}

async fn decide(
    hub: &Hub,
    authority: &Authority,
    Inside { room, name }: Inside,
    decision: Decision,
    by_address: bool,
    reason: String,
) -> Result<Response, ApiError> {
    let user = user(&name)?;
    let others = if by_address { others(hub, room, authority, user.clone())? } else { None };
    let decided = hub.sanction(room, authority, user, decision, by_address, reason).await?;
    let mut data = done_data(hub, room, decided);
    say_undoable(&mut data, decided);
    if by_address {
        data["others"] = others.unwrap_or(0).into();
    }
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

/// The message of `room` that a path names.
pub(super) fn message_id(room: RoomId, name: &str) -> Result<MessageId, ApiError> {
    let unknown = || ApiError::new(StatusCode::NOT_FOUND, format!("There is no message {name:?} in this room."));
    name.parse().ok().filter(|id: &MessageId| id.room == room).ok_or_else(unknown)
}

fn user(name: &str) -> Result<UserId, ApiError> {
    let no_user = |_| ApiError::new(StatusCode::BAD_REQUEST, format!("{name:?} is not the id of a user."));
    UserId::try_from(name.to_owned()).map_err(no_user)
}

/// The event that a moderator's act has become.
pub(super) fn done(hub: &Hub, room: RoomId, appended: Appended) -> Response {
    Json(Answer { code: 200, message: "OK", data: done_data(hub, room, appended), meta: None }).into_response()
}

pub(super) fn done_data(hub: &Hub, room: RoomId, appended: Appended) -> Value {
    let id = MessageId { room, seq: appended.seq }.to_string();
    json!({ "id": id, "position": hub.position(appended.seq).to_string(), "sent_at": rfc3339(appended.sent_at) })
}

/// Says until when an act can be undone, if that is not over.
pub(super) fn say_undoable(data: &mut Value, act: Appended) {
    let window = i64::try_from(UNDO_WINDOW.as_millis()).unwrap_or(i64::MAX);
    let until = Timestamp(act.sent_at.0.saturating_add(window));
    if until > now() {
        data["undo_until"] = rfc3339(until).into();
    }
}

/// A room, and the name of something inside it, from the path.
pub(super) struct Inside {
    pub(super) room: RoomId,
    pub(super) name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Inside {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (id, name): (String, String) = path_parts(parts, state).await?;
        Ok(Self { room: room(&id)?, name })
    }
}
