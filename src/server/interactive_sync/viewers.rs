use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Screens,
    elsewhere::{self, Question, Reply},
    screens::Denied,
};
use crate::{
    chat::Timestamp,
    engine::now,
    hub::{Activity, Caller, Claims, Hub, Refusal, Site},
    protocol::interactive_sync::action::Action,
    server::{
        body::JsonBody,
        client_address::ClientAddress,
        error::{self, ApiError},
        router::{bearer, foreign_origin},
    },
};

/// `GET /interactive-sync/user/interface/query`: what is on the screens; nothing, if nothing is.
pub(in crate::server) async fn show(
    State(hub): State<Hub>,
    State(screens): State<Screens>,
    headers: HeaderMap,
) -> Result<Response, Denial> {
    let claims = viewer(&hub, &headers)?;
    Ok(match elsewhere::ask(&hub, &screens, Question::Interface { room: claims.room }).await {
        Some(Reply::Interface(Some(shown))) => Json(shown).into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
}

/// `GET /interactive-sync/action/query`: when each action is open again to all, in milliseconds since 1970.
pub(in crate::server) async fn pauses(
    State(hub): State<Hub>,
    State(screens): State<Screens>,
    headers: HeaderMap,
) -> Result<Json<BTreeMap<String, i64>>, Denial> {
    let claims = viewer(&hub, &headers)?;
    let Timestamp(now) = now();
    let open_at = |left: std::time::Duration| now.saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
    let pauses = match elsewhere::ask(&hub, &screens, Question::Pauses { room: claims.room }).await {
        Some(Reply::Pauses(pauses)) => pauses,
        _ => HashMap::new(),
    };
    Ok(Json(pauses.into_iter().map(|(id, left)| (id, open_at(left))).collect()))
}

/// `POST /interactive-sync/action/input`: a component is pressed. Answered with its cooldown.
pub(in crate::server) async fn input(
    State(hub): State<Hub>,
    State(screens): State<Screens>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<JsonBody<Value>, ApiError>,
) -> Result<Json<Value>, Denial> {
    let claims = actor(&hub, &headers, from)?;
    let action = read(body, Action::input)?;
    Ok(Json(act(&hub, &screens, claims, action).await?))
}

/// `POST /interactive-sync/action/mouse`: a button of the mouse is pressed, or let go. Answered with what the game is told.
pub(in crate::server) async fn mouse(
    State(hub): State<Hub>,
    State(screens): State<Screens>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<JsonBody<Value>, ApiError>,
) -> Result<Json<Value>, Denial> {
    let claims = actor(&hub, &headers, from)?;
    let mut action = read(body, Action::mouse)?;
    let username = claims.origin.name.clone();
    act(&hub, &screens, claims, action.clone()).await?;
    action.payload["username"] = username.map_or(Value::Null, Value::from);
    Ok(Json(action.payload))
}

/// Does it, and gives the cooldown.
async fn act(hub: &Hub, screens: &Screens, claims: Claims, action: Action) -> Result<Value, Denied> {
    let Claims { user: viewer, room, origin, .. } = claims;
    match elsewhere::ask(hub, screens, Question::Act { room, viewer, username: origin.name, action }).await {
        Some(Reply::Act(done)) => done,
        _ => Err(Denied::Unknown),
    }
}

/// Why something is not done, in the form that the original's HTTP server has.
pub(in crate::server) struct Denial {
    status: StatusCode,
    message: String,
}

impl Denial {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

/// What a viewer is answered if the server has failed.
pub(in crate::server) fn failed() -> Response {
    Denial::new(StatusCode::INTERNAL_SERVER_ERROR, "The request could not be carried out.").into_response()
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        let Self { status, message } = self;
        let error = status.canonical_reason().unwrap_or_default();
        (status, Json(json!({ "statusCode": status.as_u16(), "error": error, "message": message }))).into_response()
    }
}

impl From<Denied> for Denial {
    fn from(denied: Denied) -> Self {
        let (status, message) = match denied {
            Denied::Unknown => (StatusCode::FORBIDDEN, "There is no such action on the screen."),
            Denied::TooFast => (StatusCode::TOO_MANY_REQUESTS, "You are too fast. Please wait a moment."),
            Denied::OwnCooldown => (StatusCode::NOT_ACCEPTABLE, "You have done this a moment ago. Please wait."),
            Denied::Cooldown => (StatusCode::NOT_ACCEPTABLE, "Somebody has done this a moment ago. Please wait."),
            Denied::Limit => (StatusCode::NOT_ACCEPTABLE, "Too many do this at once. Please wait a moment."),
        };
        Self::new(status, message)
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::new(error::status(&refusal), refusal.to_string())
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

fn read(body: Result<JsonBody<Value>, ApiError>, read: impl Fn(&Value) -> Result<Action, String>) -> Result<Action, Denial> {
    let refuse = |message| Denial::new(StatusCode::BAD_REQUEST, message);
    let JsonBody(body) = body.map_err(|_| refuse("The body must be JSON.".to_owned()))?;
    read(&body).map_err(refuse)
}
