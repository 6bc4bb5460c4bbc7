//! The pages of whoever runs the chat. Every form there works without a script; each but the one to sign in is for those who
//! have signed in alone ([`Owner`]), and for forms of our own pages alone.

pub(super) mod acts;
pub(super) mod appearance;
pub(super) mod keys;
pub(super) mod queue;
pub(super) mod room;
pub(super) mod rooms;

use std::net::IpAddr;

use axum::{
    extract::{Form, FromRef, FromRequestParts, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{AppendHeaders, IntoResponse, Response},
};
use leptos::prelude::*;
use serde::Deserialize;

use super::{
    asked::Asked,
    client_address::{ClientAddress, TrustedProxies},
    extract::cookies::Cookies,
    identity,
    page::{fail, is_cross_site, render},
    password::Denied,
    sign_in_queue::Source,
    state::AppState,
};
use crate::{
    app::{SignInPage, SignInView},
    hub::{Hub, Snapshot},
    texts::key,
};

/// Proof that the request comes from somebody who has signed in to run the chat, and not from another site.
pub(super) struct Owner;

impl<S: Send + Sync> FromRequestParts<S> for Owner
where
    Hub: FromRef<S>,
    TrustedProxies: FromRef<S>,
{
    /// The form to sign in, or 403.
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        if !parts.method.is_safe() && is_cross_site(&parts.headers) {
            return Err((StatusCode::FORBIDDEN, "This form was sent from another site.\n").into_response());
        }
        let Ok(cookies) = Cookies::from_request_parts(parts, state).await;
        let is_owner = identity::owner(&cookies, &Hub::from_ref(state)).is_some();
        if is_owner { Ok(Self) } else { Err(see("/admin")) }
    }
}

/// What the form to sign in posts.
#[derive(Deserialize)]
pub(super) struct SignIn {
    password: String,
}

/// `GET /admin`: the rooms, for whoever runs the chat; for everybody else the form to sign in.
pub(super) async fn show(State(state): State<AppState>, asked: Asked, cookies: Cookies) -> Response {
    if identity::owner(&cookies, &state.hub).is_some() {
        rooms::list(&state, asked, StatusCode::OK, String::new(), String::new()).await
    } else {
        sign_in_page(&state, asked, StatusCode::OK, own_form(String::new())).await
    }
}

/// `POST /admin`: signs in.
pub(super) async fn sign_in(
    State(state): State<AppState>,
    asked: Asked,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    cookies: Cookies,
    form: Result<Form<SignIn>, FormRejection>,
) -> Response {
    let texts = asked.texts;
    let refuse = async |status, error: String| sign_in_page(&state, asked.clone(), status, own_form(error)).await;
    let Form(SignIn { password }) = match form {
        Ok(form) => form,
        Err(rejection) => return refuse(rejection.status(), texts.text(key::notice::FORM_UNREADABLE).into()).await,
    };
    if is_cross_site(&headers) {
        return refuse(StatusCode::FORBIDDEN, texts.text(key::notice::FORM_OF_ANOTHER_SITE).into()).await;
    }
    sign_in_by(&state, asked, from, &cookies, password, own_form(String::new())).await
}

/// The form of `/admin`, with why it was refused before, if it was.
fn own_form(error: String) -> SignInView {
    SignInView { error, action: "/admin".to_owned(), asker: None }
}

/// The form to sign in.
pub(super) async fn sign_in_page(state: &AppState, asked: Asked, status: StatusCode, form: SignInView) -> Response {
    render(state, asked, status, move || view! { <SignInPage view=form.clone() /> }).await
}

/// Signs in by a password that was posted by a form, and sends the browser to where that was posted to.
pub(super) async fn sign_in_by(
    state: &AppState,
    asked: Asked,
    from: Option<IpAddr>,
    cookies: &Cookies,
    password: String,
    form: SignInView,
) -> Response {
    let texts = asked.texts;
    let path = form.action.clone();
    let refuse = async |status, error: String| sign_in_page(state, asked.clone(), status, SignInView { error, ..form }).await;
    let source = identity::device(cookies, &state.hub).map_or(Source::Address(from), Source::Device);
    match state.password.check(password, source).await {
        Ok(()) => {
            tracing::info!("somebody has signed in to run the chat");
            let set = [identity::session_cookie(cookies, &state.hub), identity::device_cookie(cookies, &state.hub)];
            (AppendHeaders(set.map(|cookie| (header::SET_COOKIE, cookie))), see(&path)).into_response()
        }
        Err(Denied::Wrong) => {
            tracing::warn!("somebody has tried a wrong password to run the chat");
            refuse(StatusCode::FORBIDDEN, texts.text(key::admin::WRONG_PASSWORD).into()).await
        }
        Err(Denied::Busy(wait)) => {
            let seconds = wait.as_secs_f64().ceil() as u64;
            let why = texts.fill(key::admin::TOO_MANY_ATTEMPTS, &[("seconds", &seconds.to_string())]);
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, why).await;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
    }
}

/// `POST /admin/sign-out`: ends all sessions of whoever runs the chat, in other browsers too.
pub(super) async fn sign_out(State(state): State<AppState>, asked: Asked, headers: HeaderMap, cookies: Cookies) -> Response {
    // Another site may send this; it must not sign anybody out.
    if is_cross_site(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if identity::owner(&cookies, &state.hub).is_some()
        && let Err(refusal) = state.hub.sign_out().await
    {
        return fail(&state, asked, &refusal).await;
    }
    see_admin(identity::no_session_cookie(&cookies))
}

fn see_admin(cookie: HeaderValue) -> Response {
    ([(header::SET_COOKIE, cookie)], see("/admin")).into_response()
}

/// Returns how the room is that an address names, if there is one.
fn snapshot(hub: &Hub, room: &str) -> Option<Snapshot> {
    hub.snapshot_for_owner(room.parse().ok()?).ok()
}

/// Where to go on after a form, which a reload then does not send again.
pub(super) fn see(path: &str) -> Response {
    let location = HeaderValue::from_str(path).expect("a path of ours is plain ASCII");
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}
