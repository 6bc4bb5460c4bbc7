//! What a panic leads to: a counter, and a 500 for whoever asked. It is always a defect of this program.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;

use super::{asked::Asked, error::ApiError, interactive_sync, ivs, page, state::AppState};

/// Counts every panic of the process, whatever thread or task it ends. What the standard library prints is printed as before.
pub(super) fn count() {
    static COUNTED: Once = Once::new();
    COUNTED.call_once(|| {
        let before = panic::take_hook();
        // A counter that is missing until the first panic would hide that one from an alert on its increase.
        metrics::counter!("live_chat_panics_total").increment(0);
        panic::set_hook(Box::new(move |info| {
            metrics::counter!("live_chat_panics_total").increment(1);
            before(info);
        }));
    });
}

/// Answers 500 if a handler panics, in the form that its clients read. Without it the connection would be lost.
pub(crate) async fn catch(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => failed(&state, uri, &headers).await,
    }
}

async fn failed(state: &AppState, uri: Uri, headers: &HeaderMap) -> Response {
    let accepts_html = headers.get(header::ACCEPT).is_some_and(|accepted| accepted.as_bytes().starts_with(b"text/html"));
    match uri.path() {
        path if path.starts_with("/ivschat/") => ivs::failed(),
        path if path.starts_with("/interactive-sync/") => interactive_sync::failed(),
        _ if accepts_html => page::fail_with(state, Asked::of(uri, headers), StatusCode::INTERNAL_SERVER_ERROR).await,
        _ => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "The request could not be carried out. The server has noted why.")
            .into_response(),
    }
}
