use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{api::is_admin_key, client_address::ClientAddress, cors::room_in, error::ApiError, router::bearer, state::AppState};
use crate::{chat::RoomId, hub::Activity};

/// Counts each `GET` as a read, for the token's user and for the address. The admin key is exempt.
pub(super) async fn count_reads(
    State(state): State<AppState>,
    ClientAddress(from): ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let token = bearer(request.headers());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_read && !token.is_some_and(|token| is_admin_key(&state.admin_key, token)) {
        let room = room_in(request.uri().path()).unwrap_or(RoomId::FIRST);
        let claims = token.and_then(|token| state.hub.check(token, room).ok());
        if let Err(refusal) = state.hub.count(room, claims.as_ref().map(|claims| &claims.user), from, Activity::Read) {
            return ApiError::from(refusal).into_response();
        }
    }
    next.run(request).await
}
