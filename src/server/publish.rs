use axum::{
    Json,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::json;

use super::{
    client_address::ClientAddress,
    error::ApiError,
    router::{Params, RoomPath, bearer},
};
use crate::{
    chat::MessageId,
    hub::{Hub, Published},
    protocol::inlive::{self, Answer, Publication},
};

/// `POST /publish/{id}?token=`: a message, a private message, or a request for the history.
pub(super) async fn publish(
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    ClientAddress(from): ClientAddress,
    params: Params,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let Publication { widget_key, command } = inlive::decode(&json_body(&headers, body)?).inspect_err(|_| {
        metrics::counter!("live_chat_publishes_total", "result" => "malformed").increment(1);
    })?;
    let token = params.find("token").filter(|token| !token.is_empty()).or_else(|| bearer(&headers).map(str::to_owned));
    let published = hub.publish(room, token.as_deref().unwrap_or_default(), &widget_key, from, command).await?;
    let data = match published {
        Published::Stored(stored) => Some(json!({
            "id": MessageId { room, seq: stored.seq }.to_string(),
            "position": hub.position(stored.seq).to_string(),
            "sent_at": inlive::rfc3339(stored.sent_at),
        })),
        Published::Requested => None,
    };
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

/// The body, if it says that it is JSON.
///
/// # Errors
/// 415 for another content type, 413 for too much, 400 for a body that broke off.
pub(super) fn json_body(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Bytes, ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = "The body must be JSON: send the header Content-Type: application/json.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large. Please send less."),
        _ => ApiError::new(StatusCode::BAD_REQUEST, "The body could not be read to its end."),
    })
}
