use axum::{
    extract::{Form, Path, State},
    http::StatusCode,
    response::Response,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Owner, see};
use crate::{
    app::{KeyForm, KeyRow, KeysView, Page},
    chat::{InvalidWidgetKey, NewWidgetKey, Origin, Origins, Room, RoomId, WidgetKey},
    hub::{Hub, Refusal},
    protocol::moment::rfc3339,
    server::{asked::Asked, error, page::render, state::AppState},
    texts::Texts,
};

/// What the form to make a key posts.
#[derive(Deserialize)]
pub(in crate::server) struct NewKey {
    name: String,
    room: String,
    origins: String,
}

/// `GET /admin/keys`: all keys, and the form to make one.
pub(in crate::server) async fn show(_: Owner, State(state): State<AppState>, asked: Asked) -> Response {
    keys(&state, asked, StatusCode::OK, KeyForm::default()).await
}

/// `POST /admin/keys`: makes one.
pub(in crate::server) async fn create(
    _: Owner,
    State(state): State<AppState>,
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
        Ok(_) => see("/admin/keys"),
        Err((status, errors)) => {
            let NewKey { name, room, origins } = typed;
            keys(&state, asked, status, KeyForm { name, room, origins, errors }).await
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
    let closes = rooms.iter().filter(opened).map(|room| room.settings.name.clone()).collect();
    render(&state.options, asked, StatusCode::OK, Page::RevokeKey(row(key.clone(), &rooms), closes)).await
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
        Err(refusal) => render(&state.options, asked, error::status(&refusal), Page::Failed).await,
    }
}

async fn keys(state: &AppState, asked: Asked, status: StatusCode, form: KeyForm) -> Response {
    let rooms = state.hub.rooms();
    let keys = rows(&state.hub, &rooms);
    let rooms = rooms.into_iter().map(|room| (room.id, room.settings.name)).collect();
    render(&state.options, asked, status, Page::Keys(KeysView { keys, rooms, form })).await
}

fn rows(hub: &Hub, rooms: &[Room]) -> Vec<KeyRow> {
    let mut keys = hub.widget_keys();
    keys.sort_by_key(|key| key.revoked_at.is_some());
    keys.into_iter().map(|key| row(key, rooms)).collect()
}

fn row(WidgetKey { key, name, room, allowed_origins, created_at, revoked_at }: WidgetKey, rooms: &[Room]) -> KeyRow {
    let named = |id| rooms.iter().find(|room| room.id == id).map(|room| room.settings.name.clone());
    KeyRow {
        in_address: utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string(),
        key,
        name,
        room: room.and_then(named),
        origins: allowed_origins.to_string(),
        created_at: rfc3339(created_at),
        revoked_at: revoked_at.map(rfc3339),
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
        Refusal::InvalidWidgetKey(InvalidWidgetKey::Origins) => errors[2] = texts.text("admin.key_origins_rule").into(),
        Refusal::InvalidWidgetKey(InvalidWidgetKey::Name) => {
            errors[0] = texts.text("admin.key_name_rule").into();
        }
        other => errors[0] = other.text(texts),
    }
    errors
}

fn no_room(texts: &'static Texts) -> String {
    texts.text("admin.no_room").into()
}
