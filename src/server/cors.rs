//! Cross-origin requests (Fetch, "HTTP-CORS protocol"): which pages of other origins may read answers of the API.
//!
//! Pages of every allowed origin may call without credentials. Only an origin that the operator has named may send cookies: its
//! answers repeat the exact origin and never `*`.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};
use percent_encoding::percent_decode_str;
use tower_http::cors::{AllowCredentials, AllowHeaders, AllowOrigin, CorsLayer};

use crate::{chat::RoomId, hub::Hub};

/// How long a browser may keep the answer to a preflight: an hour. Chromium keeps none longer than two.
const PREFLIGHT_KEPT: std::time::Duration = std::time::Duration::from_secs(3_600);

/// Answers preflights and sets the headers of all other answers. [`open_to_all`] must wrap it.
pub(super) fn layer(hub: Hub) -> CorsLayer {
    let named_by = hub.clone();
    let is_allowed = move |origin: &HeaderValue, request: &Parts| {
        let (path, allowed) = (request.uri.path(), hub.allowed_origins(room_in(request.uri.path())));
        origin.to_str().is_ok_and(|origin| allowed.contain(origin)) || is_named(&hub, origin, path)
    };
    let is_named = move |origin: &HeaderValue, request: &Parts| is_named(&named_by, origin, request.uri.path());
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_credentials(AllowCredentials::predicate(is_named))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        // Nothing is granted by a header that only a page of an allowed origin can send, so that there is nothing to list.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::ETAG, header::RETRY_AFTER])
        .max_age(PREFLIGHT_KEPT)
}

/// Sends `Access-Control-Allow-Origin: *` where every origin is allowed, except to an origin that may send cookies. The header is
/// there even if the request has no `Origin`.
pub(super) async fn open_to_all(State(hub): State<Hub>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let may_send_cookies = request.headers().get(header::ORIGIN).is_some_and(|origin| is_named(&hub, origin, path));
    let is_open = hub.allowed_origins(room_in(path)).are_all() && !may_send_cookies;
    let mut response = next.run(request).await;
    if is_open {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

/// Returns whether the operator has named the origin for what is at `path`: for its room, or for any room or key if it has none.
fn is_named(hub: &Hub, origin: &HeaderValue, path: &str) -> bool {
    origin.to_str().is_ok_and(|origin| hub.names_origin(room_in(path), origin))
}

/// Returns the room that a path of the API names: the number after `subscribe`, `publish` or `streams`.
pub(super) fn room_in(path: &str) -> Option<RoomId> {
    let mut parts = path.split('/').skip_while(|part| !matches!(*part, "subscribe" | "publish" | "streams")).skip(1);
    // As the router decodes it: an encoded digit must not lead past the room's own list.
    percent_decode_str(parts.next()?).decode_utf8().ok()?.parse().ok()
}
