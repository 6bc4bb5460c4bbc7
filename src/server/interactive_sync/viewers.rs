use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Screens, elsewhere,
    screens::{Denied, Press},
};
use crate::{
    chat::Timestamp,
    engine::now,
    hub::{Activity, Caller, Claims, Hub, Refusal, Site},
    protocol::{inlive::milliseconds, interactive_sync::action::Action},
    server::{
        body::JsonBody,
        client_address::ClientAddress,
        error::{self, ApiError},
        router::{bearer, foreign_origin},
    },
};

/// `GET /interactive-sync/user/interface/query`: what is on the screens; nothing, if nothing is.
pub(in crate::server) async fn show(State(hub): State<Hub>, headers: HeaderMap) -> Result<Response, Denial> {
    let claims = viewer(&hub, &headers)?;
    Ok(match hub.interface(claims.room) {
        Some(interface) => Json(interface.to_json()).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// `GET /interactive-sync/action/query`: when each action is open again to all, in milliseconds since 1970.
pub(in crate::server) async fn pauses(State(hub): State<Hub>, headers: HeaderMap) -> Result<Json<BTreeMap<String, i64>>, Denial> {
    let claims = viewer(&hub, &headers)?;
    let Timestamp(now) = now();
    let open_at = |left: Duration| now.saturating_add_unsigned(milliseconds(left));
    Ok(Json(hub.cooldowns(claims.room).into_iter().map(|(id, left)| (id, open_at(left))).collect()))
}

/// `POST /interactive-sync/action/input`: a component is pressed. Answered with its cooldown, once the game was told.
pub(in crate::server) async fn input(
    State(hub): State<Hub>,
    State(screens): State<Screens>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<JsonBody<Value>, ApiError>,
) -> Result<Json<Value>, Denial> {
    let press = press(&hub, &headers, from, body, Action::input)?;
    Ok(Json(elsewhere::press(&hub, &screens, press).await?))
}

/// `POST /interactive-sync/action/mouse`: a button of the mouse is pressed, or let go. Answered with what the game was told.
pub(in crate::server) async fn mouse(
    State(hub): State<Hub>,
    State(screens): State<Screens>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<JsonBody<Value>, ApiError>,
) -> Result<Json<Value>, Denial> {
    let press = press(&hub, &headers, from, body, Action::mouse)?;
    let mut told = press.action.payload.clone();
    told["username"] = press.username.as_deref().map_or(Value::Null, Value::from);
    elsewhere::press(&hub, &screens, press).await?;
    Ok(Json(told))
}

/// Reads a press from a request. A user who may not speak may not act either.
fn press(
    hub: &Hub,
    headers: &HeaderMap,
    from: Option<IpAddr>,
    body: Result<JsonBody<Value>, ApiError>,
    read: impl Fn(&Value) -> Result<Action, String>,
) -> Result<Press, Denial> {
    let claims = actor(hub, headers, from)?;
    let refuse = |message| Denial::new(StatusCode::BAD_REQUEST, "invalid", message);
    let JsonBody(mut body) = body.map_err(|_| refuse("The body must be JSON.".to_owned()))?;
    let wanted = match body.as_object_mut().and_then(|members| members.remove("username")) {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err(refuse("\"username\" must be a string".to_owned())),
    };
    let action = read(&body).map_err(refuse)?;
    let username = hub.acting_name(&claims, from, wanted.as_deref())?;
    Ok(Press { room: claims.room, viewer: claims.user, username, action })
}

/// Why something is not done, in the form that the original's HTTP server has, with two members of ours: a `reason` for programs and, where
/// it is a matter of time, `retryAfterMs`.
pub(in crate::server) struct Denial {
    status: StatusCode,
    reason: &'static str,
    message: String,
    retry_after: Option<Duration>,
    header: Option<HeaderValue>,
}

impl Denial {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into(), retry_after: None, header: None }
    }

    /// With the time that is left until it may be done.
    fn until(status: StatusCode, reason: &'static str, message: &str, left: Duration) -> Self {
        // Whole seconds, and never less than the wait (RFC 9110 10.2.3).
        let seconds = milliseconds(left).div_ceil(1_000);
        let denial = Self::new(status, reason, format!("{message} It is open again in {seconds} s."));
        Self { retry_after: Some(left), header: Some(HeaderValue::from(seconds)), ..denial }
    }
}

/// What a viewer is answered if the server has failed.
pub(in crate::server) fn failed() -> Response {
    Denial::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "The request could not be carried out.").into_response()
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        let Self { status, reason, message, retry_after, header } = self;
        let error = status.canonical_reason().unwrap_or_default();
        let mut body = json!({ "statusCode": status.as_u16(), "error": error, "message": message, "reason": reason });
        if let Some(left) = retry_after {
            body["retryAfterMs"] = milliseconds(left).into();
        }
        let mut response = (status, Json(body)).into_response();
        response.headers_mut().extend(header.map(|wait| (header::RETRY_AFTER, wait)));
        response
    }
}

impl From<Denied> for Denial {
    fn from(denied: Denied) -> Self {
        let too_soon = |reason, message, left| Self::until(StatusCode::NOT_ACCEPTABLE, reason, message, left);
        match denied {
            Denied::NoGame => Self::new(
                StatusCode::CONFLICT,
                "no_game",
                "No game is connected to this room at present, so nobody would hear of it.",
            ),
            Denied::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "game_busy",
                "The game does not answer. Whether it hears of this is not known; please try again in a moment.",
            ),
            Denied::Unknown => Self::new(StatusCode::FORBIDDEN, "unknown_action", "There is no such action on the screen."),
            Denied::TooFast { left } => {
                Self::until(StatusCode::TOO_MANY_REQUESTS, "too_fast", "You are too fast. Please wait a moment.", left)
            }
            Denied::OwnCooldown { left } => too_soon("own_cooldown", "You have done this a moment ago. Please wait.", left),
            Denied::Cooldown { left } => too_soon("cooldown", "Somebody has done this a moment ago. Please wait.", left),
            Denied::Limit { left } => too_soon("limit", "Too many do this at once. Please wait a moment.", left),
        }
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        let denial = Self::new(error::status(&refusal), refusal.name(), refusal.to_string());
        Self { header: error::retry_after(&refusal), ..denial }
    }
}

/// Who asks, by the chat token that they bear.
fn viewer(hub: &Hub, headers: &HeaderMap) -> Result<Claims, Refusal> {
    let token = bearer(headers).unwrap_or_default();
    let room = hub.tokens().read(token)?.room;
    Ok(hub.check(token, room)?)
}

/// Who wants to do something: who may not speak may not act either.
fn actor(hub: &Hub, headers: &HeaderMap, from: Option<IpAddr>) -> Result<Claims, Refusal> {
    let token = bearer(headers).unwrap_or_default();
    let room = hub.tokens().read(token)?.room;
    let site = Site::without_keys(foreign_origin(headers));
    // Each viewer has pauses of their own between two actions; an address has what it has for reactions.
    hub.count(room, None, from, Activity::Reaction)?;
    hub.check_speaker(room, Caller { token, site, from })
}
