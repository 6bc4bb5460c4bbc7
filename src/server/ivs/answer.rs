use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use crate::{
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
        Refusal::Stopping | Refusal::Engine(EngineError::Fault(_)) => Problem::Internal,
        other => {
            error::status(other);
            Problem::Internal
        }
    }
}
