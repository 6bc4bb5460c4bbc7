use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    engine::EngineError,
    hub::Refusal,
    protocol::inlive::{Answer, DecodeError},
};

/// An answer of the widget API that is not a success: JSON whose `code` is the HTTP status.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    pub(super) fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, message, header } = self;
        let body = Json(Answer { code: status.as_u16(), message: &message, data: (), meta: None });
        let mut response = (status, body).into_response();
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let header = match &refusal {
            // Whole seconds (RFC 9110 10.2.3), and never less than the wait.
            Refusal::TooFast { retry_after: wait }
            | Refusal::SlowMode { retry_after: wait }
            | Refusal::RoomTooFast { retry_after: wait }
            | Refusal::Repeated { retry_after: wait }
            | Refusal::NotEstablished { left: wait }
            | Refusal::TimedOut { left: wait } => {
                Some((header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64)))
            }
            Refusal::Stopping | Refusal::Engine(EngineError::Fault(_)) => Some((header::RETRY_AFTER, HeaderValue::from(1_u64))),
            _ => None,
        };
        Self { status: status(&refusal), message: refusal.to_string(), header }
    }
}

/// The HTTP status of a refusal. What is our own fault is logged here, once, and not explained to anybody else.
pub(super) fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownRoom(_) | Refusal::UnknownMessage | Refusal::UnknownWidgetKey | Refusal::UnknownInvitation => {
            StatusCode::NOT_FOUND
        }
        Refusal::NotLive(_) | Refusal::NotConnected | Refusal::WrongOrder(..) | Refusal::SlugTaken(_) => StatusCode::CONFLICT,
        Refusal::InvitationOver => StatusCode::GONE,
        Refusal::NameTaken | Refusal::NameReserved => StatusCode::CONFLICT,
        Refusal::Token(_) => StatusCode::UNAUTHORIZED,
        Refusal::WidgetKey
        | Refusal::Origin(_)
        | Refusal::Capability(_)
        | Refusal::NameGiven(_)
        | Refusal::TimedOut { .. }
        | Refusal::Banned
        | Refusal::Paused
        | Refusal::NotEstablished { .. }
        | Refusal::Denied { .. }
        | Refusal::Unreviewed
        | Refusal::Speakers(_) => StatusCode::FORBIDDEN,
        Refusal::InvalidWidgetKey(_)
        | Refusal::Invalid(_)
        | Refusal::Links
        | Refusal::BlockedWord(_)
        | Refusal::ReasonTooLong { .. }
        | Refusal::TimeoutLength
        | Refusal::Setting(_)
        | Refusal::Search
        | Refusal::OutOfOrder
        | Refusal::InFuture
        | Refusal::NothingToImport
        | Refusal::ReviewUrl(_) => StatusCode::BAD_REQUEST,
        Refusal::TooFast { .. } | Refusal::SlowMode { .. } | Refusal::RoomTooFast { .. } | Refusal::Repeated { .. } => {
            StatusCode::TOO_MANY_REQUESTS
        }
        // The engine has said in the log what failed, once for all that failed with it.
        Refusal::Stopping | Refusal::Engine(EngineError::Fault(_)) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Engine(error) => {
            tracing::error!(%error, "a request failed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
