use std::sync::Arc;

use axum::{
    Json,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::asked;
use crate::{
    app::Fault,
    chat::InvalidSetting,
    engine::EngineError,
    hub::Refusal,
    locales,
    protocol::inlive::{Answer, DecodeError},
    texts::Texts,
};

/// An answer of the widget API that is not a success: JSON whose `code` is the HTTP status.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    why: Why,
    header: Option<(HeaderName, HeaderValue)>,
}

#[derive(Clone, Debug)]
enum Why {
    /// For whoever writes a program: in English.
    Said(String),
    /// What anybody may meet: in their language.
    Refused(Arc<Refusal>),
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, why: Why::Said(message.into()), header: None }
    }

    pub(super) fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    fn written(self, texts: &'static Texts) -> Response {
        let Self { status, why, header } = self;
        let (message, data) = match why {
            Why::Said(message) => (message, None),
            Why::Refused(refusal) => (refusal.text(texts), refusal.is_about_name().then_some(Fault::USERNAME)),
        };
        let mut response = (status, Json(Answer { code: status.as_u16(), message: &message, data, meta: None })).into_response();
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl IntoResponse for ApiError {
    /// In English, until [`translate`] knows who asks.
    fn into_response(self) -> Response {
        let mut response = self.clone().written(locales::english());
        if let Why::Refused(_) = self.why {
            response.extensions_mut().insert(self);
        }
        response
    }
}

/// Writes what is refused in the language that the client prefers.
pub(super) async fn translate(request: Request, next: Next) -> Response {
    let texts = asked::preferred(request.headers());
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    if !std::ptr::eq(texts, locales::english()) {
        let (parts, body) = error.written(texts).into_parts();
        response.headers_mut().extend(parts.headers);
        *response.body_mut() = body;
    }
    response.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(texts.language()));
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let header = retry_after(&refusal).map(|wait| (header::RETRY_AFTER, wait));
        Self { status: status(&refusal), why: Why::Refused(Arc::new(refusal)), header }
    }
}

/// When to try again: whole seconds (RFC 9110 10.2.3), and never less than the wait.
pub(super) fn retry_after(refusal: &Refusal) -> Option<HeaderValue> {
    match refusal {
        Refusal::TooFast { retry_after: wait }
        | Refusal::AddressTooFast { retry_after: wait }
        | Refusal::SlowMode { retry_after: wait }
        | Refusal::RoomTooFast { retry_after: wait }
        | Refusal::Repeated { retry_after: wait }
        | Refusal::NotEstablished { left: wait }
        | Refusal::TimedOut { left: wait } => Some(HeaderValue::from(wait.as_secs_f64().ceil() as u64)),
        Refusal::Stopping | Refusal::Engine(EngineError::Fault(_)) => Some(HeaderValue::from(1_u64)),
        // As often as the disk is looked at, about.
        Refusal::DiskLow => Some(HeaderValue::from(10_u64)),
        _ => None,
    }
}

/// The HTTP status of a refusal. What is our own fault is logged here, once, and not explained to anybody else.
pub(super) fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownRoom(_) | Refusal::UnknownMessage | Refusal::UnknownWidgetKey | Refusal::UnknownInvitation => {
            StatusCode::NOT_FOUND
        }
        Refusal::NotUndoable => StatusCode::NOT_FOUND,
        Refusal::UndoOver | Refusal::Overruled => StatusCode::CONFLICT,
        Refusal::NotLive(_) | Refusal::NotConnected | Refusal::WrongOrder(..) | Refusal::SlugTaken(_) | Refusal::Resolved(_) => {
            StatusCode::CONFLICT
        }
        Refusal::Setting(InvalidSetting::Changed(_)) | Refusal::OtherLook => StatusCode::CONFLICT,
        Refusal::InvitationOver | Refusal::Deleted | Refusal::NothingToRestore => StatusCode::GONE,
        Refusal::NameTaken | Refusal::NameReserved | Refusal::NameBadge(_) | Refusal::TooManyReactions(_) => StatusCode::CONFLICT,
        Refusal::Token(_) => StatusCode::UNAUTHORIZED,
        Refusal::WidgetKey
        | Refusal::Origin(_)
        | Refusal::Capability(_)
        | Refusal::NameGiven(_)
        | Refusal::TimedOut { .. }
        | Refusal::Banned
        | Refusal::Paused
        | Refusal::NotEstablished { .. }
        | Refusal::Newcomer
        | Refusal::AllHeld
        | Refusal::QueueFull
        | Refusal::Denied { .. }
        | Refusal::Unreviewed
        | Refusal::Speakers(_) => StatusCode::FORBIDDEN,
        Refusal::InvalidWidgetKey(_)
        | Refusal::Invalid(_)
        | Refusal::Unreadable
        | Refusal::Emoji
        | Refusal::Links { .. }
        | Refusal::BlockedWord { .. }
        | Refusal::ReasonTooLong { .. }
        | Refusal::TimeoutLength
        | Refusal::Setting(_)
        | Refusal::Search
        | Refusal::InFuture
        | Refusal::NothingToImport
        | Refusal::ChannelName
        | Refusal::ReviewUrl(_) => StatusCode::BAD_REQUEST,
        Refusal::TooFast { .. }
        | Refusal::AddressTooFast { .. }
        | Refusal::SlowMode { .. }
        | Refusal::RoomTooFast { .. }
        | Refusal::TooManyChannels { .. }
        | Refusal::Repeated { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        // The engine has said in the log what failed, once for all that failed with it.
        Refusal::DiskLow | Refusal::Stopping | Refusal::Engine(EngineError::Fault(_)) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Engine(error) => {
            tracing::error!(%error, "a request failed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
