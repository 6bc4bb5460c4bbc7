//! `/oauth2/authorize`: the sign-in of games, OAuth 2.0's implicit grant (RFC 6749 4.2) for the chat's owners.
//!
//! The client id is a widget key. A browser is sent only to a redirect URI that is registered with that key, compared as it is written; in
//! every other case it stays on a page of ours that says what is wrong.

use axum::{
    extract::{Form, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use crate::{
    app::{GameConsentPage, GameConsentView, GameRefusedPage, GameRefusedView, SignInAsker, SignInView},
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

/// Why a browser cannot be sent anywhere.
struct Unusable {
    /// The key of the text that says so.
    why: Text,
    /// The redirect URI that was offered, if it is what is wrong.
    offered: Option<String>,
}

impl Unusable {
    fn because(why: Text) -> Self {
        Self { why, offered: None }
    }
}

/// Most characters of a redirect URI that is not registered, on the page that says so.
const OFFERED_CHARS: usize = 512;

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
        Ok(authorization) if identity::owner(&cookies, &state.hub).is_none() => {
            let form = authorization.sign_in_form(&state.hub, &asked.uri);
            sign_in_page(&state, asked, StatusCode::OK, form).await
        }
        Ok(authorization) => ask(&state, asked, authorization, StatusCode::OK, String::new()).await,
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
    let fail = async |status, key| refuse_with(state, asked.clone(), status, Unusable::because(key)).await;
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
        let form = authorization.sign_in_form(&state.hub, &asked.uri);
        return sign_in_by(state, asked, from, cookies, password, form).await;
    }
    let Some(session) = identity::owner(cookies, &state.hub) else { return see(&path) };
    if answer.as_deref() != Some("allow") {
        return authorization.send_error("access_denied");
    }
    let room = room.and_then(|room| room.parse().ok());
    let Some(room) = room.filter(|room| authorization.rooms(&state.hub).iter().any(|(id, _)| id == room)) else {
        let error = asked.texts.text(key::game::CHOOSE_ROOM).to_owned();
        return ask(state, asked, authorization, StatusCode::BAD_REQUEST, error).await;
    };
    tracing::info!(%room, key = authorization.key.key, "a game may run a room");
    let token = state.hub.sign_for_game(&authorization.key.key, room, Some(&session));
    authorization.send_token(&token, state.hub.tokens().lifetime().as_secs())
}

impl Authorization {
    fn read(hub: &Hub, params: &Params, uri: &Uri) -> Result<Self, Unusable> {
        let one = |key| params.find_one(key).map_err(|()| Unusable::because(key::game::TWICE));
        let [client_id, redirect_uri] = [one("client_id")?, one("redirect_uri")?].map(Option::unwrap_or_default);
        let (response_type, state) = (one("response_type")?, one("state")?);
        let key = hub.shown_key(&client_id).filter(|key| key.revoked_at.is_none());
        let key = key.ok_or(Unusable::because(key::game::UNKNOWN_CLIENT))?;
        let unknown = || Unusable {
            why: key::game::UNKNOWN_REDIRECT,
            offered: Some(redirect_uri.chars().take(OFFERED_CHARS).collect()).filter(|offered: &String| !offered.is_empty()),
        };
        let redirect_uri = key.redirect_uris.find(&redirect_uri).cloned().ok_or_else(unknown)?;
        if state.as_ref().is_some_and(|state| state.len() > STATE_BYTES) {
            return Err(Unusable::because(key::game::LONG_STATE));
        }
        let sent = uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("state=")));
        let state = sent.map(|sent| utf8_percent_encode(sent, CONTROLS).to_string());
        Ok(Self { key, redirect_uri, state, is_for_token: response_type.as_deref() == Some("token") })
    }

    /// What the key is called: the first one of a room after the room.
    fn key_name(&self, hub: &Hub) -> String {
        let room = self.key.room.and_then(|room| hub.snapshot(room).ok()).map(|snapshot| snapshot.room.settings.name);
        self.key.shown_name(room.as_deref()).to_owned()
    }

    /// The form to sign in, which says who asks, and leads back without a token.
    fn sign_in_form(&self, hub: &Hub, uri: &Uri) -> SignInView {
        let (origin, key) = (self.redirect_uri.origin().to_owned(), self.key_name(hub));
        let asker = Some(SignInAsker { origin, key, cancel: self.location("error=access_denied", "") });
        SignInView { error: String::new(), action: own_path(uri), asker }
    }

    /// The rooms that the key opens, by number and name.
    fn rooms(&self, hub: &Hub) -> Vec<(RoomId, String)> {
        let opened = hub.rooms().into_iter().filter(|room| self.key.opens(room.id));
        opened.map(|room| (room.id, room.settings.name)).collect()
    }

    /// Sends the browser back with a token (RFC 6749 4.2.2).
    fn send_token(&self, token: &str, seconds: u64) -> Response {
        self.send(&format!("access_token={token}"), &format!("&token_type=bearer&expires_in={seconds}"))
    }

    /// Sends the browser back without one (RFC 6749 4.2.2.1).
    fn send_error(&self, error: &str) -> Response {
        self.send(&format!("error={error}"), "")
    }

    /// The address of the game's page with an answer in its fragment.
    fn location(&self, answer: &str, rest: &str) -> String {
        let state = self.state.as_ref().map(|state| format!("&state={state}")).unwrap_or_default();
        format!("{}#{answer}{state}{rest}", self.redirect_uri.as_str())
    }

    fn send(&self, answer: &str, rest: &str) -> Response {
        let location = HeaderValue::try_from(self.location(answer, rest))
            .expect("redirect URIs and the encoded parts of an address are printable ASCII");
        (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
    }
}

/// Asks whether the game may run a room, with what is wrong with the room that was chosen, if something is.
async fn ask(state: &AppState, asked: Asked, authorization: Authorization, status: StatusCode, error: String) -> Response {
    let origin = authorization.redirect_uri.origin().to_owned();
    let view = GameConsentView {
        rooms: authorization.rooms(&state.hub),
        key: authorization.key_name(&state.hub),
        hours: state.hub.tokens().lifetime().as_secs().div_ceil(3_600),
        action: own_path(&asked.uri),
        origin: origin.clone(),
        error,
    };
    let page = move || view! { <GameConsentPage view=view.clone() /> };
    render_under(Policy::leading_to(&origin), state, asked, status, page).await
}

async fn refuse(state: &AppState, asked: Asked, unusable: Unusable) -> Response {
    refuse_with(state, asked, StatusCode::BAD_REQUEST, unusable).await
}

async fn refuse_with(state: &AppState, asked: Asked, status: StatusCode, Unusable { why, offered }: Unusable) -> Response {
    let view = GameRefusedView { why: asked.texts.text(why).to_owned(), offered };
    render(state, asked, status, move || view! { <GameRefusedPage view=view.clone() /> }).await
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
