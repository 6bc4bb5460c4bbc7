use axum::{
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::protocol::json::{self, ReadError};

/// A request's body, which says that it is JSON.
pub(super) struct JsonBytes(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    /// 415 for another content type, 413 for too much, 400 for a body that broke off.
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let message = "The body must be JSON: send the header Content-Type: application/json.";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        bytes(request, state).await.map(Self)
    }
}

/// What a JSON body says, which is one object.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    /// As for [`JsonBytes`]; 400 for another JSON than is wanted.
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonBytes(body) = JsonBytes::from_request(request, state).await?;
        let malformed =
            |error: ReadError| ApiError::new(StatusCode::BAD_REQUEST, format!("The body must be one JSON object: {error}."));
        json::read_object(&body).map(Self).map_err(malformed)
    }
}

/// What a JSON body says, which may be left out where nothing in it is needed.
pub(super) struct OptionalJsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    /// As for [`JsonBody`].
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = bytes(Request::from_parts(parts.clone(), body), state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        JsonBody::from_request(Request::from_parts(parts, bytes.into()), state).await.map(|JsonBody(said)| Self(said))
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large. Please send less."),
        _ => ApiError::new(StatusCode::BAD_REQUEST, "The body could not be read to its end."),
    })
}
