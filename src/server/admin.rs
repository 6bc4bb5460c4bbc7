use axum::{
    extract::{Form, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    client_address::ClientAddress,
    error, identity,
    page::{is_cross_site, render},
    password::Denied,
    state::AppState,
};
use crate::app::{Page, RoomRow};

/// What the form to sign in posts.
#[derive(Deserialize)]
pub(super) struct SignIn {
    password: String,
}

/// `GET /admin`: the rooms, for whoever runs the chat; for everybody else the form to sign in.
pub(super) async fn show(State(state): State<AppState>, uri: Uri, headers: HeaderMap) -> Response {
    if identity::owner(&headers, &state.hub).is_some() {
        render(&state.options, uri, StatusCode::OK, Page::Admin(rooms(&state))).await
    } else {
        render(&state.options, uri, StatusCode::OK, Page::SignIn { error: String::new() }).await
    }
}

/// `POST /admin`: signs in.
pub(super) async fn sign_in(
    State(state): State<AppState>,
    uri: Uri,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    form: Result<Form<SignIn>, FormRejection>,
) -> Response {
    let refuse = async |status, error: String| render(&state.options, uri.clone(), status, Page::SignIn { error }).await;
    let Form(SignIn { password }) = match form {
        Ok(form) => form,
        Err(rejection) => return refuse(rejection.status(), "The form could not be read. Please fill it in again.".into()).await,
    };
    if is_cross_site(&headers) {
        return refuse(StatusCode::FORBIDDEN, "This form was sent from another site. Please send it from here.".into()).await;
    }
    match state.password.check(password, from).await {
        Ok(()) => {
            tracing::info!("somebody has signed in to run the chat");
            see_admin(identity::session_cookie(&state.hub))
        }
        Err(denied @ Denied::Wrong) => {
            tracing::warn!("somebody has tried a wrong password to run the chat");
            refuse(StatusCode::FORBIDDEN, denied.to_string()).await
        }
        Err(denied @ Denied::TooOften(wait)) => {
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, denied.to_string()).await;
            let seconds = HeaderValue::from(wait.as_secs_f64().ceil() as u64);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
    }
}

/// `POST /admin/sign-out`: ends all sessions of whoever runs the chat, in other browsers too.
pub(super) async fn sign_out(State(state): State<AppState>, uri: Uri, headers: HeaderMap) -> Response {
    // Another site may send this; it must not sign anybody out.
    if is_cross_site(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if identity::owner(&headers, &state.hub).is_some()
        && let Err(refusal) = state.hub.sign_out(state.password.fingerprint()).await
    {
        return render(&state.options, uri, error::status(&refusal), Page::Failed).await;
    }
    see_admin(identity::no_session_cookie())
}

fn see_admin(cookie: HeaderValue) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/admin")), (header::SET_COOKIE, cookie)])
        .into_response()
}

fn rooms(state: &AppState) -> Vec<RoomRow> {
    let row = |room: crate::chat::Room| {
        let viewer_count = state.hub.snapshot(room.id).map_or(0, |now| now.viewer_count);
        RoomRow { room: room.id, name: room.settings.name, state: room.state, viewer_count }
    };
    state.hub.rooms().into_iter().map(row).collect()
}
