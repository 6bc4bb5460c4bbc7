//! The messages that wait for a moderator, for programs.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    api::{MESSAGES, MOST_MESSAGES, number, place},
    body::OptionalJsonBody,
    error::ApiError,
    moderation::{Inside, Shown, done, done_data, message_id, say_undoable},
    router::{Params, RoomPath},
};
use crate::{
    chat::{Event, Outcome},
    engine::{End, cut},
    hub::Hub,
    protocol::inlive::{Answer, Envelope},
};

/// `GET /v1/streams/{id}/held?after=&limit=`: the messages that wait, the oldest first.
pub(super) async fn list(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = number(&params, "limit", MESSAGES, 1..=MOST_MESSAGES)?;
    let after = place(&params, "after", room, &hub.position(0))?.unwrap_or(0);
    let mut events = hub.held(room, &authority, after, limit + 1).await?;
    let has_more = cut(&mut events, limit, End::Oldest, Event::payload_bytes);
    let data: Vec<_> = events.iter().map(Envelope::of).collect();
    let meta = json!({ "has_more": has_more, "waiting": hub.snapshot_for_owner(room)?.waiting });
    Ok(Json(Answer { code: 200, message: "OK", data, meta: Some(meta) }).into_response())
}

/// What a moderator sends with a decision.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Terms {
    reason: String,
}

/// `POST /v1/streams/{id}/held/{message}/approve`: has it said, now. The answer is the message.
pub(super) async fn approve(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
) -> Result<Response, ApiError> {
    let of = message_id(room, &name)?.seq;
    Ok(done(&hub, room, hub.resolve(room, &authority, of, Outcome::Approved, String::new()).await?))
}

/// `POST /v1/streams/{id}/held/{message}/decline`: has it shown to nobody; its author is told why. The answer is the decision.
pub(super) async fn decline(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
    OptionalJsonBody(Terms { reason }): OptionalJsonBody<Terms>,
) -> Result<Response, ApiError> {
    let of = message_id(room, &name)?.seq;
    let declined = hub.resolve(room, &authority, of, Outcome::Declined, reason).await?;
    let mut data = done_data(&hub, room, declined);
    say_undoable(&mut data, declined);
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}
