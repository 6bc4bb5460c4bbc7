use axum::{
    extract::{Form, Path, State},
    http::StatusCode,
    response::Response,
};
use leptos::prelude::*;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Owner, see};
use crate::{
    app::{KeyForm, KeyRow, KeysPage, KeysView, RedirectsForm, RevokeKeyPage, WidgetCode},
    chat::{InvalidWidgetKey, NewWidgetKey, Origin, Origins, RedirectUri, RedirectUris, Room, RoomId, WidgetKey},
    hub::{Hub, Refusal},
    protocol::moment::rfc3339,
    server::{
        asked::Asked,
        error,
        extract::own_address::OwnAddress,
        page::{fail, render},
        router::Params,
        state::AppState,
    },
    texts::{Texts, key},
};

/// What the form to make a key posts.
#[derive(Deserialize)]
pub(in crate::server) struct NewKey {
    name: String,
    room: String,
    origins: String,
}

/// `GET /admin/keys`: all keys, and the form to make one.
///
/// `?made=` names the key whose code is to be shown at once.
pub(in crate::server) async fn show(
    _: Owner,
    State(state): State<AppState>,
    OwnAddress(server): OwnAddress,
    params: Params,
    asked: Asked,
) -> Response {
    let view = Keys { server, made: params.find("made"), ..Keys::default() };
    keys(&state, asked, StatusCode::OK, view).await
}

/// What the page of the keys shows beside them.
#[derive(Default)]
struct Keys {
    /// Where the chat is.
    server: String,
    /// The key that was just made.
    made: Option<String>,
    form: KeyForm,
    /// What was typed for the redirect URIs of a key, and refused.
    redirects: Option<(String, RedirectsForm)>,
}

/// `POST /admin/keys`: makes one.
pub(in crate::server) async fn create(
    _: Owner,
    State(state): State<AppState>,
    OwnAddress(server): OwnAddress,
    asked: Asked,
    Form(typed): Form<NewKey>,
) -> Response {
    let made = match read(asked.texts, &typed) {
        Ok(key) => {
            state.hub.create_widget_key(key).await.map_err(|refusal| (error::status(&refusal), errors_of(asked.texts, &refusal)))
        }
        Err(errors) => Err((StatusCode::BAD_REQUEST, errors)),
    };
    match made {
        Ok(key) => see(&format!("/admin/keys?made={}", in_address(&key.key))),
        Err((status, errors)) => {
            let NewKey { name, room, origins } = typed;
            let form = KeyForm { name, room, origins, errors };
            keys(&state, asked, status, Keys { server, form, ..Keys::default() }).await
        }
    }
}

/// `GET /admin/keys/{key}/revoke`: asks whether it is meant.
pub(in crate::server) async fn confirm(
    _: Owner,
    State(state): State<AppState>,
    Path(key): Path<String>,
    asked: Asked,
) -> Response {
    let all = state.hub.widget_keys();
    let Some(key) = all.iter().find(|known| known.key == key && known.revoked_at.is_none()) else { return see("/admin/keys") };
    let rooms = state.hub.rooms();
    let opened = |room: &&Room| key.opens(room.id) && all.iter().filter(|key| key.opens(room.id)).count() == 1;
    let closes: Vec<_> = rooms.iter().filter(opened).map(|room| room.settings.name.clone()).collect();
    let key = row(key.clone(), &rooms, None);
    render(&state, asked, StatusCode::OK, move || view! { <RevokeKeyPage key=key.clone() closes=closes.clone() /> }).await
}

/// `POST /admin/keys/{key}/revoke`: revokes it.
pub(in crate::server) async fn revoke(
    _: Owner,
    State(state): State<AppState>,
    Path(key): Path<String>,
    asked: Asked,
) -> Response {
    match state.hub.revoke_widget_key(&key).await {
        // One that is not there is no more, as was wanted.
        Ok(_) | Err(Refusal::UnknownWidgetKey) => see("/admin/keys"),
        Err(refusal) => fail(&state, asked, &refusal).await,
    }
}

/// What the form of a key's redirect URIs posts.
#[derive(Deserialize)]
pub(in crate::server) struct Redirects {
    uris: String,
}

/// `POST /admin/keys/{key}/redirects`: says where the sign-in of games may send a browser back to.
pub(in crate::server) async fn set_redirects(
    _: Owner,
    State(state): State<AppState>,
    Path(key): Path<String>,
    OwnAddress(server): OwnAddress,
    asked: Asked,
    Form(Redirects { uris }): Form<Redirects>,
) -> Response {
    let read = uris.split_whitespace().map(|uri| uri.parse::<RedirectUri>().map_err(|error| format!("{error}.")));
    let set = match read.collect::<Result<RedirectUris, _>>() {
        Ok(uris) => state.hub.set_redirect_uris(&key, uris).await.map_err(|refusal| match refusal {
            Refusal::InvalidWidgetKey(InvalidWidgetKey::RedirectUris) => {
                (StatusCode::BAD_REQUEST, asked.texts.text(key::admin::REDIRECTS_RULE).to_owned())
            }
            other => (error::status(&other), other.text(asked.texts)),
        }),
        Err(error) => Err((StatusCode::BAD_REQUEST, error)),
    };
    match set {
        Ok(_) => see("/admin/keys"),
        Err((status, error)) => {
            let typed = (key, RedirectsForm { uris, error });
            keys(&state, asked, status, Keys { server, redirects: Some(typed), ..Keys::default() }).await
        }
    }
}

async fn keys(state: &AppState, asked: Asked, status: StatusCode, view: Keys) -> Response {
    let Keys { server, made, form, redirects } = view;
    let rooms = state.hub.rooms();
    let mut keys = rows(&state.hub, &rooms, &server, made.as_deref());
    if let Some((key, typed)) = redirects
        && let Some(row) = keys.iter_mut().find(|row| row.key == key)
    {
        row.redirects = typed;
    }
    let rooms = rooms.into_iter().map(|room| (room.id, room.settings.name)).collect();
    let view = KeysView { keys, rooms, form };
    render(state, asked, status, move || view! { <KeysPage view=view.clone() /> }).await
}

fn rows(hub: &Hub, rooms: &[Room], server: &str, made: Option<&str>) -> Vec<KeyRow> {
    let mut keys = hub.widget_keys();
    keys.sort_by_key(|key| key.revoked_at.is_some());
    let code = |key: &WidgetKey| WidgetCode {
        server: server.to_owned(),
        room: key.room.or_else(|| Some(rooms.first()?.id)).unwrap_or(RoomId::FIRST),
        key: key.key.clone(),
        is_open: made == Some(&*key.key),
    };
    let row = |key: WidgetKey| {
        let code = key.revoked_at.is_none().then(|| code(&key));
        row(key, rooms, code)
    };
    keys.into_iter().map(row).collect()
}

fn in_address(key: &str) -> String {
    utf8_percent_encode(key, NON_ALPHANUMERIC).to_string()
}

fn row(key: WidgetKey, rooms: &[Room], code: Option<WidgetCode>) -> KeyRow {
    let room = key.room.and_then(|id| rooms.iter().find(|room| room.id == id)).map(|room| room.settings.name.clone());
    let name = key.shown_name(room.as_deref()).to_owned();
    let WidgetKey { key, allowed_origins, redirect_uris, created_at, revoked_at, .. } = key;
    KeyRow {
        in_address: in_address(&key),
        code,
        key,
        name,
        room,
        origins: allowed_origins.to_string(),
        created_at: rfc3339(created_at),
        revoked_at: revoked_at.map(rfc3339),
        redirects: RedirectsForm { uris: redirect_uris.to_string(), error: String::new() },
    }
}

/// The key that was typed, or what is wrong with each field.
fn read(texts: &'static Texts, NewKey { name, room, origins }: &NewKey) -> Result<NewWidgetKey, [String; 3]> {
    let room = match &**room {
        "" => Ok(None),
        number => number.parse::<RoomId>().map(Some).map_err(|_| no_room(texts)),
    };
    let origins = origins.split([' ', ',', '\n', '\r', '\t']).filter(|origin| !origin.is_empty());
    let origins =
        origins.map(|origin| origin.parse::<Origin>().map_err(|error| format!("{error}."))).collect::<Result<Origins, _>>();
    match (room, origins) {
        (Ok(room), Ok(allowed_origins)) => Ok(NewWidgetKey { name: name.trim().to_owned(), room, allowed_origins }),
        (room, origins) => Err([String::new(), room.err().unwrap_or_default(), origins.err().unwrap_or_default()]),
    }
}

/// Why the hub did not make it, beside the field that it is about.
fn errors_of(texts: &'static Texts, refusal: &Refusal) -> [String; 3] {
    let mut errors = <[String; 3]>::default();
    match refusal {
        Refusal::UnknownRoom(_) => errors[1] = no_room(texts),
        Refusal::InvalidWidgetKey(InvalidWidgetKey::Origins) => errors[2] = texts.text(key::admin::KEY_ORIGINS_RULE).into(),
        Refusal::InvalidWidgetKey(InvalidWidgetKey::Name | InvalidWidgetKey::RedirectUris) => {
            errors[0] = texts.text(key::admin::KEY_NAME_RULE).into();
        }
        other => errors[0] = other.text(texts),
    }
    errors
}

fn no_room(texts: &'static Texts) -> String {
    texts.text(key::admin::NO_ROOM).into()
}
