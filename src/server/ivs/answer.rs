use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use crate::{
    chat::{Fault, Invalid},
    engine::EngineError,
    hub::{Refusal, TokenError},
    locales,
    protocol::ivs::{Problem, arn},
    server::error,
};

/// The exception's name, where the clients of Amazon look for it.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// The answer's own name.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// What the control plane answers: what was asked for, `None` for nothing (204), or what is wrong.
pub(super) struct Answer(pub(super) Result<Option<Value>, Problem>);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = match self.0 {
            Ok(None) => StatusCode::NO_CONTENT.into_response(),
            Ok(Some(told)) => Json(told).into_response(),
            Err(problem) => {
                let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let name = [(ERROR_TYPE, HeaderValue::from_static(problem.name()))];
                (status, name, Json(problem.body())).into_response()
            }
        };
        let id = uuid::Uuid::new_v4().to_string();
        response.headers_mut().insert(REQUEST_ID, HeaderValue::from_str(&id).expect("an UUID is ASCII"));
        response
    }
}

/// Sample apps of Amazon look for these very words.
pub(super) const TOO_FAST: &str = "rate limit exceeded";
const TOO_LONG: &str = "Message exceeds maximum length";

/// The code and the text that a refusal has in the answer to a frame.
pub(super) fn error(refusal: &Refusal) -> (u16, String) {
    let text = || refusal.text(locales::english());
    match refusal {
        Refusal::Invalid(Invalid { fault: Fault::TooLong { .. }, .. }) => (413, TOO_LONG.into()),
        Refusal::ReasonTooLong { .. } => (413, text()),
        Refusal::UnknownRoom(_) | Refusal::NotLive(_) | Refusal::UnknownMessage | Refusal::Deleted => (404, text()),
        Refusal::Denied { .. } | Refusal::Unreviewed | Refusal::Links { .. } | Refusal::BlockedWord { .. } => (406, text()),
        Refusal::AllHeld | Refusal::QueueFull => (406, text()),
        Refusal::TooFast { .. } | Refusal::RoomTooFast { .. } | Refusal::SlowMode { .. } | Refusal::Repeated { .. } => {
            (429, TOO_FAST.into())
        }
        Refusal::AddressTooFast { .. } => (429, text()),
        Refusal::Stopping => (500, text()),
        other => match error::status(other) {
            status if status.is_server_error() => (500, "The request could not be carried out".into()),
            // There is no 409 here.
            StatusCode::CONFLICT => (400, text()),
            status => (status.as_u16(), text()),
        },
    }
}

/// What a refusal is here. What is our own fault is logged by [`error::status`], and not explained.
pub(super) fn problem(refusal: &Refusal) -> Problem {
    let text = refusal.text(locales::english());
    match refusal {
        Refusal::UnknownRoom(room) => Problem::no_room(arn(*room)),
        Refusal::Setting(_) | Refusal::ReviewUrl(_) | Refusal::ReasonTooLong { .. } | Refusal::Invalid(_) => Problem::Other(text),
        Refusal::NotLive(_) | Refusal::WrongOrder(..) | Refusal::SlugTaken(_) | Refusal::Deleted => {
            Problem::Conflict { resource_id: String::new(), message: text }
        }
        Refusal::Token(TokenError::Revoked) | Refusal::Capability(_) => Problem::AccessDenied(text),
        Refusal::AddressTooFast { .. } => Problem::Throttled { resource_type: "ROOM", limit: 0 },
        Refusal::Stopping | Refusal::Engine(EngineError::Fault(_)) => Problem::Internal,
        other => {
            error::status(other);
            Problem::Internal
        }
    }
}
