use axum::{
    Json,
    extract::{FromRef, FromRequestParts, Path, State, rejection::PathRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    api::is_admin_key,
    error::ApiError,
    router::{Params, bearer},
    state::AdminKey,
};
use crate::{
    chat::{Deleted, MessageId, RoomId, UserId},
    hub::{Authority, Hub},
    protocol::inlive::{Answer, rfc3339},
};

/// What the request shows for itself; whether that is enough is the hub's to say.
pub(super) struct Shown(Authority);

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
    let unknown = || ApiError::new(StatusCode::NOT_FOUND, format!("There is no message {name:?} in this room."));
    let id: MessageId = name.parse().map_err(|_| unknown())?;
    if id.room != room {
        return Err(unknown());
    }
    delete(&hub, room, &authority, Deleted::Message(id.seq), &params).await
}

/// `DELETE /v1/streams/{id}/users/{user}/messages?reason=`: takes out all that a user has said so far.
pub(super) async fn delete_messages_of(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
    params: Params,
) -> Result<Response, ApiError> {
    let no_user = |_| ApiError::new(StatusCode::BAD_REQUEST, format!("{name:?} is not the id of a user."));
    let user = UserId::try_from(name.clone()).map_err(no_user)?;
    delete(&hub, room, &authority, Deleted::AllOf(user), &params).await
}

async fn delete(hub: &Hub, room: RoomId, authority: &Authority, of: Deleted, params: &Params) -> Result<Response, ApiError> {
    let deletion = hub.delete(room, authority, of, params.find("reason").unwrap_or_default()).await?;
    let id = MessageId { room, seq: deletion.seq }.to_string();
    let data = json!({ "id": id, "position": hub.position(deletion.seq).to_string(), "sent_at": rfc3339(deletion.sent_at) });
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

/// A room, and the name of something inside it, from the path.
pub(super) struct Inside {
    room: RoomId,
    name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Inside {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path: Result<Path<(String, String)>, PathRejection> = Path::from_request_parts(parts, state).await;
        let undecodable = |_| ApiError::new(StatusCode::BAD_REQUEST, "The address cannot be decoded: it is not UTF-8.");
        let Path((room, name)) = path.map_err(undecodable)?;
        let unknown =
            |_| ApiError::new(StatusCode::NOT_FOUND, format!("There is no room {room:?}. Rooms have numbers, such as 1."));
        Ok(Self { room: room.parse().map_err(unknown)?, name })
    }
}
