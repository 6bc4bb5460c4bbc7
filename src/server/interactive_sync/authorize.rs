//! `/oauth2/authorize`: the sign-in of games, OAuth 2.0's implicit grant (RFC 6749 4.2) for the chat's owners.
//!
//! The client id is a widget key. A browser is sent only to a redirect URI that is registered with that key, compared as it is written; in
//! every other case it stays on a page of ours that says what is wrong.

use std::fmt::Write;

use axum::{
    extract::{Form, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use crate::{
    app::{GameConsentView, Page},
    chat::{RedirectUri, RoomId, WidgetKey},
    hub::Hub,
    server::{
        admin::{see, sign_in_by, sign_in_page},
        asked::Asked,
        client_address::ClientAddress,
        extract::cookies::Cookies,
        identity,
        page::{is_cross_site, render, render_under},
        policy::Policy,
        router::Params,
        state::AppState,
    },
    texts::{Text, key},
};

/// Longest `state`, in bytes.
const STATE_BYTES: usize = 4_096;

/// What a game's page asks for (RFC 6749 4.2.1).
struct Authorization {
    key: WidgetKey,
    redirect_uri: RedirectUri,
    /// As the page has sent it, encoded as it was, so that it comes back the same however the page reads it.
    state: Option<String>,
    is_for_token: bool,
}

/// Why a browser cannot be sent anywhere: the key of the text that says so.
struct Unusable(Text);

/// What is posted to the page: a password, or an answer to the question.
#[derive(Deserialize)]
pub(in crate::server) struct Decision {
    password: Option<String>,
    answer: Option<String>,
    room: Option<String>,
}

/// `GET /oauth2/authorize?client_id=&redirect_uri=&response_type=token&state=`: the form to sign in, or the question whether the game may
/// run a room.
pub(in crate::server) async fn show(State(state): State<AppState>, params: Params, asked: Asked, cookies: Cookies) -> Response {
    let response = match Authorization::read(&state.hub, &params, &asked.uri) {
        Err(unusable) => refuse(&state, asked, unusable).await,
        Ok(authorization) if !authorization.is_for_token => authorization.send_error("unsupported_response_type"),
        Ok(_) if identity::owner(&cookies, &state.hub).is_none() => {
            let path = own_path(&asked.uri);
            sign_in_page(&state, asked, StatusCode::OK, String::new(), &path).await
        }
        Ok(authorization) => ask(&state, asked, authorization).await,
    };
    unkept(response)
}

/// `POST /oauth2/authorize?...`: signs in, or sends the browser back with a token or with word that there is none.
pub(in crate::server) async fn decide(
    State(state): State<AppState>,
    params: Params,
    asked: Asked,
    ClientAddress(from): ClientAddress,
    (headers, cookies): (HeaderMap, Cookies),
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    unkept(answer(&state, &params, asked, from, (&headers, &cookies), form).await)
}

async fn answer(
    state: &AppState,
    params: &Params,
    asked: Asked,
    from: Option<std::net::IpAddr>,
    (headers, cookies): (&HeaderMap, &Cookies),
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    let fail =
        async |status, key| render(&state.options, asked.clone(), status, Page::GameRefused(asked.texts.text(key).into())).await;
    let authorization = match Authorization::read(&state.hub, params, &asked.uri) {
        Ok(authorization) if authorization.is_for_token => authorization,
        Ok(authorization) => return authorization.send_error("unsupported_response_type"),
        Err(unusable) => return refuse(state, asked, unusable).await,
    };
    if is_cross_site(headers) {
        return fail(StatusCode::FORBIDDEN, key::notice::FORM_OF_ANOTHER_SITE).await;
    }
    let Ok(Form(Decision { password, answer, room })) = form else {
        return fail(StatusCode::BAD_REQUEST, key::notice::FORM_UNREADABLE).await;
    };
    let path = own_path(&asked.uri);
    if let Some(password) = password {
        return sign_in_by(state, asked, from, cookies, password, &path).await;
    }
    let Some(session) = identity::owner(cookies, &state.hub) else { return see(&path) };
    if answer.as_deref() != Some("allow") {
        return authorization.send_error("access_denied");
    }
    let room = room.and_then(|room| room.parse().ok());
    let Some(room) = room.filter(|room| authorization.rooms(&state.hub).iter().any(|(id, _)| id == room)) else {
        return fail(StatusCode::BAD_REQUEST, key::admin::NO_ROOM).await;
    };
    tracing::info!(%room, key = authorization.key.key, "a game may run a room");
    let token = state.hub.sign_for_game(&authorization.key.key, room, Some(&session));
    authorization.send_token(&token, state.hub.tokens().lifetime().as_secs())
}

impl Authorization {
    fn read(hub: &Hub, params: &Params, uri: &Uri) -> Result<Self, Unusable> {
        let one = |key| params.find_one(key).map_err(|()| Unusable(key::game::TWICE));
        let [client_id, redirect_uri] = [one("client_id")?, one("redirect_uri")?].map(Option::unwrap_or_default);
        let (response_type, state) = (one("response_type")?, one("state")?);
        let key = hub.shown_key(&client_id).filter(|key| key.revoked_at.is_none()).ok_or(Unusable(key::game::UNKNOWN_CLIENT))?;
        let redirect_uri = key.redirect_uris.find(&redirect_uri).cloned().ok_or(Unusable(key::game::UNKNOWN_REDIRECT))?;
        if state.as_ref().is_some_and(|state| state.len() > STATE_BYTES) {
            return Err(Unusable(key::game::LONG_STATE));
        }
        let sent = uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("state=")));
        let state = sent.map(|sent| utf8_percent_encode(sent, CONTROLS).to_string());
        Ok(Self { key, redirect_uri, state, is_for_token: response_type.as_deref() == Some("token") })
    }

    /// The rooms that the key opens, by number and name.
    fn rooms(&self, hub: &Hub) -> Vec<(RoomId, String)> {
        let opened = hub.rooms().into_iter().filter(|room| self.key.opens(room.id));
        opened.map(|room| (room.id, room.settings.name)).collect()
    }

    /// Sends the browser back with a token (RFC 6749 4.2.2).
    fn send_token(&self, token: &str, seconds: u64) -> Response {
        self.send(format!("access_token={token}"), &format!("&token_type=bearer&expires_in={seconds}"))
    }

    /// Sends the browser back without one (RFC 6749 4.2.2.1).
    fn send_error(&self, error: &str) -> Response {
        self.send(format!("error={error}"), "")
    }

    fn send(&self, mut fragment: String, rest: &str) -> Response {
        if let Some(state) = &self.state {
            let _ = write!(fragment, "&state={state}");
        }
        let location = format!("{}#{fragment}{rest}", self.redirect_uri.as_str());
        let location =
            HeaderValue::try_from(location).expect("redirect URIs and the encoded parts of an address are printable ASCII");
        (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
    }
}

async fn ask(state: &AppState, asked: Asked, authorization: Authorization) -> Response {
    let origin = authorization.redirect_uri.origin().to_owned();
    let view = GameConsentView {
        rooms: authorization.rooms(&state.hub),
        key: authorization.key.name,
        hours: state.hub.tokens().lifetime().as_secs().div_ceil(3_600),
        action: own_path(&asked.uri),
        origin: origin.clone(),
    };
    render_under(Policy::leading_to(&origin), &state.options, asked, StatusCode::OK, Page::GameConsent(view)).await
}

async fn refuse(state: &AppState, asked: Asked, Unusable(why): Unusable) -> Response {
    let why = asked.texts.text(why).to_owned();
    render(&state.options, asked, StatusCode::BAD_REQUEST, Page::GameRefused(why)).await
}

/// The page's own path and query. A client may send letters in them that no header can carry.
fn own_path(uri: &Uri) -> String {
    let same = uri.path_and_query().map_or("/oauth2/authorize", |same| same.as_str());
    utf8_percent_encode(same, CONTROLS).to_string()
}

/// A token is kept in no cache.
fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
