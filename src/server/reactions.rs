use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{HeaderMap, request::Parts},
    response::{IntoResponse, Response},
};

use super::{
    client_address::ClientAddress,
    error::ApiError,
    moderation::message_id,
    router::{Params, bearer, foreign_origin, path_parts, room},
};
use crate::{
    chat::RoomId,
    engine::Reacted,
    hub::{Caller, Hub, Site},
    protocol::inlive::{Answer, Reactions},
};

/// A reaction to a message, from the path.
pub(super) struct Reaction {
    room: RoomId,
    message: u64,
    emoji: String,
}

/// `PUT /v1/streams/{id}/messages/{message}/reactions/{emoji}?widget_key=`: reacts to a message.
pub(super) async fn add(
    State(hub): State<Hub>,
    reaction: Reaction,
    from: ClientAddress,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    react(&hub, reaction, true, from, &params, &headers).await
}

/// `DELETE` the same: takes it back.
pub(super) async fn take_back(
    State(hub): State<Hub>,
    reaction: Reaction,
    from: ClientAddress,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    react(&hub, reaction, false, from, &params, &headers).await
}

async fn react(
    hub: &Hub,
    Reaction { room, message, emoji }: Reaction,
    is_set: bool,
    ClientAddress(from): ClientAddress,
    params: &Params,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let widget_key = params.find("widget_key");
    let site = Site { widget_key: widget_key.as_deref().into(), origin: foreign_origin(headers) };
    let caller = Caller { token: bearer(headers).unwrap_or_default(), site, from };
    let Reacted { reactions, seq, .. } = hub.react(room, caller, message, &emoji, is_set).await?;
    let data = Reactions::at(&hub.position(seq), &reactions);
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

impl<S: Send + Sync> FromRequestParts<S> for Reaction {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (id, name, emoji): (String, String, String) = path_parts(parts, state).await?;
        let room = room(&id)?;
        Ok(Self { room, message: message_id(room, &name)?.seq, emoji })
    }
}
