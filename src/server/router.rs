use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, Request, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post, put},
};
use serde::de::DeserializeOwned;
use tower::Layer;
use tower_http::{normalize_path::NormalizePathLayer, set_header::SetResponseHeaderLayer};

use super::{
    admin, apex, api, appearance, assets, cors, embed,
    error::{self, ApiError},
    export, held, import, interactive_sync, ivs, lobby, moderation, page, panics, people, publish, reactions,
    read_limit::count_reads,
    relay, replay, revoke,
    state::AppState,
    subscribe, telemetry,
    transport::one_of_few,
    webhooks, widget_keys,
};
use crate::chat::RoomId;

/// Returns the routes of the server. A slash at the end of a path means nothing: clients add one, as inLive's SDK does to list the streams.
pub fn router(state: AppState) -> Router {
    Router::new().fallback_service(NormalizePathLayer::trim_trailing_slash().layer(routes(state)))
}

/// Every route of the server, grouped by who uses it.
fn routes(state: AppState) -> Router {
    let cors = cors::layer(state.hub.clone());
    let widget = |path: &str, routes: Router<AppState>| {
        let routes = routes.fallback(not_found).method_not_allowed_fallback(method_not_allowed);
        let routes = Router::new().nest(path, routes);
        // Inside of CORS, so that pages of other origins can read the answer.
        let routes = routes.layer(middleware::from_fn_with_state(state.clone(), panics::catch));
        routes.layer(cors.clone()).layer(middleware::from_fn_with_state(state.hub.clone(), cors::open_to_all))
    };
    // The page's views need one; if there is one already, it is this.
    let _ = any_spawner::Executor::init_tokio();
    let reads = Router::new()
        .route("/streams/{id}/messages", get(api::messages))
        .route("/streams/{id}/replay", get(replay::messages))
        .route("/streams/{id}/search", get(moderation::search))
        .route("/streams/{id}/held", get(held::list))
        .route("/streams/{id}/audit", get(admin::acts::list))
        .route_layer(middleware::from_fn(one_of_few));
    let rooms = Router::new()
        .route("/", get(lobby::show).post(lobby::post))
        .route("/rooms/{id}", get(page::room).post(page::post_to_room))
        .route("/rooms/{id}/replay", get(replay::show))
        .route("/embed/{id}", get(embed::show).post(embed::post))
        .route("/overlay/{id}", get(embed::overlay))
        .route_layer(middleware::from_fn(one_of_few));
    let streams = Router::new()
        .merge(reads)
        .route("/streams/create", post(api::create))
        .route("/streams/import", post(import::import))
        .route("/streams", get(api::list))
        .route("/streams/{id}", get(api::show))
        .route("/streams/{id}/prepare", post(api::prepare))
        .route("/streams/{id}/start", post(api::start))
        .route("/streams/{id}/end", post(api::end))
        .route("/streams/{id}/ticket", post(subscribe::ticket))
        .route("/streams/{id}/export.jsonl", get(export::json_lines))
        .route("/streams/{id}/export.csv", get(export::csv))
        .route("/streams/{id}/messages/{message}", get(api::message).delete(moderation::delete_message))
        .route("/streams/{id}/messages/{message}/reactions/{emoji}", put(reactions::add).delete(reactions::take_back))
        .route("/streams/{id}/messages/{message}/deletion", get(moderation::deletion))
        .route("/streams/{id}/users/{user}/messages", delete(moderation::delete_messages_of))
        .route("/streams/{id}/users/{user}/timeout", post(moderation::time_out))
        .route("/streams/{id}/users/{user}/ban", post(moderation::ban))
        .route("/streams/{id}/users/{user}/lift", post(moderation::lift))
        .route("/streams/{id}/users/{user}/address", get(moderation::address))
        .route("/streams/{id}/settings", post(moderation::configure))
        .route("/streams/{id}/held/{message}/approve", post(held::approve))
        .route("/streams/{id}/held/{message}/decline", post(held::decline))
        .route("/streams/{id}/audit/{act}/undo", post(moderation::undo))
        .route("/streams/{id}/sanctions", get(moderation::sanctions))
        .route("/streams/{id}/blocked", get(admin::acts::blocked))
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/webhooks/{id}", delete(webhooks::remove))
        .route("/webhooks/{id}/enable", post(webhooks::enable))
        .route("/widget-keys", get(widget_keys::list).post(widget_keys::create))
        .route("/widget-keys/{key}", delete(widget_keys::revoke))
        .route("/widget-keys/{key}/redirect-uris", put(widget_keys::set_redirect_uris))
        .route("/widget-keys/{key}/game-token", post(widget_keys::game_token))
        .route("/appearance", get(appearance::show).patch(appearance::patch).put(appearance::replace))
        .route("/appearance/logo", put(appearance::set_logo).delete(appearance::remove_logo))
        .route("/streams/{id}/invites", get(people::list).post(people::invite))
        .route("/streams/{id}/invites/{invite}", delete(people::revoke))
        .route("/tokens/revoke", post(revoke::revoke))
        .route_layer(middleware::from_fn_with_state(state.clone(), count_reads));
    Router::new()
        .merge(rooms)
        .route("/rooms/{id}/enter", post(page::enter))
        .merge(widget("/subscribe", Router::new().route("/{id}", get(subscribe::subscribe))))
        .merge(widget("/publish", Router::new().route("/{id}", post(publish::publish))))
        .merge(widget("/v1", streams))
        .route("/apex", get(apex::connect))
        .merge(widget("/interactive-sync", interactive_sync(&state).route("/", get(interactive_sync::connect))))
        .route("/ws/broadcast", get(relay::broadcast))
        .route("/ws/echo", get(relay::echo))
        .nest("/ivschat", ivs::routes())
        .route("/admin", get(admin::show).post(admin::sign_in))
        .route("/admin/sign-out", post(admin::sign_out))
        .route("/admin/rooms", post(admin::rooms::create))
        .route("/admin/rooms/{id}", get(admin::room::show).post(admin::room::configure))
        .route("/admin/rooms/{id}/state", post(admin::room::step))
        .route("/admin/rooms/{id}/preset", post(admin::room::preset))
        .route("/admin/rooms/{id}/end", get(admin::room::confirm_end).post(admin::room::end))
        .route("/admin/rooms/{id}/lift", post(admin::room::lift))
        .route("/admin/rooms/{id}/queue", get(admin::queue::show).post(admin::queue::decide))
        .route("/admin/rooms/{id}/log", get(admin::acts::show))
        .route("/admin/keys", get(admin::keys::show).post(admin::keys::create))
        .route("/admin/keys/{key}/revoke", get(admin::keys::confirm).post(admin::keys::revoke))
        .route("/admin/keys/{key}/redirects", post(admin::keys::set_redirects))
        .route("/admin/appearance", get(admin::appearance::show).post(admin::appearance::save))
        .route("/appearance/{file}", get(appearance::file))
        .route("/oauth2/authorize", get(interactive_sync::authorize::show).post(interactive_sync::authorize::decide))
        .route("/admin/people", get(people::show).post(people::invite_by_form))
        .route("/admin/people/{id}/revoke", post(people::revoke_by_form))
        .route("/invites/{link}", get(people::look).post(people::take))
        .route("/metrics", get(telemetry::guarded_metrics))
        .merge(health())
        .fallback(assets::file_or_not_found)
        .layer(middleware::from_fn(refuse_without_path))
        .layer(middleware::from_fn_with_state(state.clone(), panics::catch))
        .layer(middleware::from_fn(error::translate))
        .layer(DefaultBodyLimit::max(state.hub.limits().body_bytes))
        .layer(SetResponseHeaderLayer::if_not_present(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(SetResponseHeaderLayer::if_not_present(header::REFERRER_POLICY, HeaderValue::from_static("same-origin")))
        .with_state(state)
}

/// Refuses a request whose target has no path: `CONNECT host:443`, `OPTIONS *`, `GET word` (RFC 9112, 3.2). This server is no proxy, and
/// nothing behind this has to expect one.
async fn refuse_without_path(request: Request, next: Next) -> Response {
    match request.uri().path().starts_with('/') {
        true => next.run(request).await,
        false => ApiError::new(StatusCode::BAD_REQUEST, "The target of the request must begin with a slash.").into_response(),
    }
}

/// For whatever restarts the program or sends requests to it.
fn health() -> Router<AppState> {
    let live = Router::new().route("/health/live", get(async || "OK\n"));
    live.route("/health/ready", get(telemetry::ready))
}

/// What an operator's own network sees, on a port of its own (`--ops-addr`).
pub(crate) fn ops_router(state: AppState) -> Router {
    Router::new().route("/metrics", get(telemetry::metrics)).merge(health()).fallback(not_found).with_state(state)
}

/// Where viewers find what is on their screens, and do something with it.
fn interactive_sync(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/user/interface/query", get(interactive_sync::show))
        .route("/action/query", get(interactive_sync::pauses))
        .route("/action/input", post(interactive_sync::input))
        .route("/action/mouse", post(interactive_sync::mouse))
        .route_layer(middleware::from_fn_with_state(state.clone(), count_reads))
}

/// The relay alone, whatever the path: what its clients find on a port of its own.
pub(super) fn relay_router(state: AppState) -> Router {
    one_protocol(get(relay::broadcast), state)
}

/// The echo alone, whatever the path.
pub(super) fn echo_router(state: AppState) -> Router {
    one_protocol(get(relay::echo), state)
}

/// The same of Apex.
pub(super) fn apex_router(state: AppState) -> Router {
    one_protocol(get(apex::connect), state)
}

/// The same of Interactive Sync, whose viewers come to the same port.
pub(super) fn interactive_sync_router(state: AppState) -> Router {
    let viewers = interactive_sync(&state).layer(middleware::from_fn_with_state(state.clone(), panics::catch));
    let viewers = viewers.layer(cors::layer(state.hub.clone()));
    let viewers = viewers.layer(middleware::from_fn_with_state(state.hub.clone(), cors::open_to_all)).with_state(state.clone());
    viewers.fallback_service(one_protocol(get(interactive_sync::connect), state))
}

fn one_protocol(connect: MethodRouter<AppState>, state: AppState) -> Router {
    let routes = Router::new().fallback(connect).layer(middleware::from_fn_with_state(state.clone(), panics::catch));
    routes.layer(middleware::from_fn(error::translate)).with_state(state)
}

async fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "There is nothing at this address.")
}

async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not allowed at this address."))
}

/// The room that a path names.
pub(super) struct RoomPath(pub(super) RoomId);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        room(&PathText::from_request_parts(parts, state).await?.0).map(Self)
    }
}

/// The room of that name.
pub(super) fn room(name: &str) -> Result<RoomId, ApiError> {
    let unknown = |_| ApiError::new(StatusCode::NOT_FOUND, format!("There is no room {name:?}. Rooms have numbers, such as 1."));
    name.parse().map_err(unknown)
}

/// The parts of a path that its route leaves open.
pub(super) async fn path_parts<T: DeserializeOwned + Send, S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<T, ApiError> {
    let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
    let undecodable = |_| ApiError::new(StatusCode::BAD_REQUEST, "The address cannot be decoded: it is not UTF-8.");
    path.map(|Path(parts)| parts).map_err(undecodable)
}

/// The one part of a path that its route leaves open.
pub(super) struct PathText(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        path_parts(parts, state).await.map(Self)
    }
}

/// A request's query.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// A request without a query.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Whether there are none.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of that key, if it has one alone.
    ///
    /// # Errors
    /// If it has several, of which others may read another one.
    pub(super) fn find_one(&self, key: &str) -> Result<Option<String>, ()> {
        let mut values = self.0.iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (value, None) => Ok(value.cloned()),
            (_, Some(_)) => Err(()),
        }
    }

    /// The first value of that key.
    pub(super) fn find(&self, key: &str) -> Option<String> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let undecodable = |_| ApiError::new(StatusCode::BAD_REQUEST, "The query of the address cannot be decoded.");
        query.map(|axum::extract::Query(pairs)| Self(pairs)).map_err(undecodable)
    }
}

/// The origin of the page that sent a request, if that is none of ours. Requests that no browser has sent have none.
pub(super) fn foreign_origin(headers: &HeaderMap) -> Option<&str> {
    let origin = headers.get(header::ORIGIN).filter(|_| page::is_cross_site(headers))?;
    Some(origin.to_str().unwrap_or("null"))
}

/// The bearer token of a request (RFC 6750 2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}
