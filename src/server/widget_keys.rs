use std::{
    fmt::{self, Display},
    net::IpAddr,
    str::FromStr,
};

use axum::{
    Json,
    extract::{FromRef, FromRequestParts, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::is_admin_key,
    body::JsonBody,
    client_address::{ClientAddress, TrustedProxies},
    error::ApiError,
    extract::cookies::Cookies,
    identity,
    page::is_cross_site,
    router::{PathText, bearer},
    state::AdminKey,
};
use crate::{
    chat::{NewWidgetKey, Origins, RedirectUris, RoomId, WidgetKey},
    hub::{Hub, Refusal},
    protocol::{inlive::Answer, moment::rfc3339},
};

/// Proof that the request comes from whoever runs the chat: with the admin key, or from a page of ours after they have signed in.
pub(super) struct Operator {
    has_key: bool,
    from: Option<IpAddr>,
}

impl Operator {
    /// Somebody who has signed in.
    pub(super) fn signed_in(ClientAddress(from): ClientAddress) -> Self {
        Self { has_key: false, from }
    }
}

impl Display for Operator {
    /// How a log names them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.has_key { "the admin key" } else { "an owner who has signed in" })?;
        self.from.map_or(Ok(()), |from| write!(f, ", from {from}"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    AdminKey: FromRef<S>,
    Hub: FromRef<S>,
    TrustedProxies: FromRef<S>,
{
    /// 401; 403 for a token of somebody, which proves less, and for a page of another site.
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Ok(ClientAddress(from)) = ClientAddress::from_request_parts(parts, state).await;
        let hub = Hub::from_ref(state);
        if is_admin_key(&AdminKey::from_ref(state), bearer(&parts.headers).unwrap_or_default()) {
            return Ok(Self { has_key: true, from });
        }
        let Ok(cookies) = Cookies::from_request_parts(parts, state).await;
        if identity::owner(&cookies, &hub).is_none() {
            if bearer(&parts.headers).is_some_and(|token| hub.tokens().read(token).is_ok()) {
                let message = "Only whoever runs the chat may do this, with the admin key. A token of a room does not suffice.";
                return Err(ApiError::new(StatusCode::FORBIDDEN, message));
            }
            let message = "Sign in at /admin, or send the admin key as Authorization: Bearer <admin key>.";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, message));
        }
        match is_cross_site(&parts.headers) {
            true => Err(ApiError::new(StatusCode::FORBIDDEN, "This was sent from another site. Please send it from here.")),
            false => Ok(Self { has_key: false, from }),
        }
    }
}

/// A widget key as it is told.
#[derive(Serialize)]
struct Told {
    key: String,
    name: String,
    /// `null` for all rooms.
    room: Option<RoomId>,
    allowed_origins: Origins,
    redirect_uris: RedirectUris,
    created_at: String,
    revoked_at: Option<String>,
}

impl From<WidgetKey> for Told {
    fn from(key: WidgetKey) -> Self {
        let WidgetKey { key, name, room, allowed_origins, redirect_uris, created_at, revoked_at } = key;
        let (created_at, revoked_at) = (rfc3339(created_at), revoked_at.map(rfc3339));
        Self { key, name, room, allowed_origins, redirect_uris, created_at, revoked_at }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    name: String,
    #[serde(default)]
    room: Option<i64>,
    #[serde(default)]
    allowed_origins: Vec<String>,
}

/// Reads each text of a list.
fn parsed<T: FromStr<Err: Display>, L: FromIterator<T>>(name: &str, texts: &[String]) -> Result<L, ApiError> {
    let read = |text: &String| text.parse().map_err(|error| format!("{name}: {error}."));
    texts.iter().map(read).collect::<Result<L, _>>().map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, error))
}

/// `GET /v1/widget-keys`: all of them, the newest first.
pub(super) async fn list(_: Operator, State(hub): State<Hub>) -> Response {
    answer(hub.widget_keys().into_iter().map(Told::from).collect::<Vec<_>>())
}

/// `POST /v1/widget-keys`: makes one.
pub(super) async fn create(
    _: Operator,
    State(hub): State<Hub>,
    JsonBody(CreateBody { name, room, allowed_origins }): JsonBody<CreateBody>,
) -> Result<Response, ApiError> {
    let unknown = |number| ApiError::new(StatusCode::NOT_FOUND, format!("There is no room {number}."));
    let room = room.map(|number| RoomId::new(number).ok_or_else(|| unknown(number))).transpose()?;
    let allowed_origins = parsed("allowed_origins", &allowed_origins)?;
    Ok(answer(Told::from(hub.create_widget_key(NewWidgetKey { name, room, allowed_origins }).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RedirectsBody {
    redirect_uris: Vec<String>,
}

/// `PUT /v1/widget-keys/{key}/redirect-uris`: says where the sign-in of games may send a browser back to.
pub(super) async fn set_redirect_uris(
    _: Operator,
    State(hub): State<Hub>,
    PathText(key): PathText,
    JsonBody(RedirectsBody { redirect_uris }): JsonBody<RedirectsBody>,
) -> Result<Response, ApiError> {
    let redirect_uris = parsed("redirect_uris", &redirect_uris)?;
    Ok(answer(Told::from(hub.set_redirect_uris(&key, redirect_uris).await?)))
}

/// `POST /v1/widget-keys/{key}/game-token`: what a game shows that cannot open a sign-in page, in a room that the key opens.
pub(super) async fn game_token(
    _: Operator,
    State(hub): State<Hub>,
    PathText(key): PathText,
    JsonBody(GameTokenBody { room }): JsonBody<GameTokenBody>,
) -> Result<Response, ApiError> {
    let known = hub.shown_key(&key).ok_or(Refusal::UnknownWidgetKey)?;
    let room = RoomId::new(room).filter(|room| known.opens(*room)).ok_or(Refusal::WidgetKey)?;
    hub.snapshot(room)?;
    let data = json!({
        "client_id": key, "room": room, "access_token": hub.sign_for_game(&key, room, None),
        "token_type": "bearer", "expires_in": hub.tokens().lifetime().as_secs(),
    });
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], answer(data)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GameTokenBody {
    room: i64,
}

/// `DELETE /v1/widget-keys/{key}`: revokes it.
pub(super) async fn revoke(_: Operator, State(hub): State<Hub>, PathText(key): PathText) -> Result<Response, ApiError> {
    Ok(answer(Told::from(hub.revoke_widget_key(&key).await?)))
}

fn answer(data: impl Serialize) -> Response {
    Json(Answer { code: 200, message: "OK", data, meta: None }).into_response()
}
