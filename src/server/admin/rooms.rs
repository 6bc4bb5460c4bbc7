use axum::{
    extract::{Form, State},
    http::StatusCode,
    response::Response,
};
use leptos::prelude::*;
use serde_json::{Map, json};

use super::{Owner, room::go, see};
use crate::{
    app::{RoomRow, RoomsPage, RoomsView},
    chat::{RoomState, SettingsChange},
    hub::Snapshot,
    server::{asked::Asked, error, page::render, state::AppState},
    texts::key,
};

/// What the form to make a room posts.
#[derive(serde::Deserialize)]
pub(in crate::server) struct NewRoom {
    name: String,
    /// Which button was pressed, if it is the one that starts the room too.
    start: Option<String>,
}

/// Channels of Apex in the list, the newest: strangers can make many.
const CHANNELS: usize = 200;

/// The list of rooms, with a form that holds `name` and says `error`.
pub(super) async fn list(state: &AppState, asked: Asked, status: StatusCode, name: String, error: String) -> Response {
    let channels = state.hub.channels().into_iter().rev().take(CHANNELS);
    let rooms = state.hub.rooms().into_iter().chain(channels);
    let rooms = rooms.filter_map(|room| state.hub.snapshot_for_owner(room.id).ok());
    let rooms = rooms.map(row).collect();
    let unnamed = state.trusted_proxies.unnamed();
    let warning = unnamed.map(|proxy| asked.texts.fill(key::admin::UNNAMED_PROXY, &[("address", &proxy.to_string())]));
    let view = RoomsView { rooms, name, error, warning };
    render(state, asked, status, move || view! { <RoomsPage view=view.clone() /> }).await
}

/// A room as it is now.
pub(super) fn row(Snapshot { room, is_open, viewer_count, messages_last_minute, waiting, .. }: Snapshot) -> RoomRow {
    RoomRow {
        room: room.id,
        name: room.settings.name,
        has_page: is_open,
        state: room.state,
        viewer_count,
        messages_last_minute,
        waiting,
    }
}

/// `POST /admin/rooms`: makes a room, and starts it if that is asked for.
pub(in crate::server) async fn create(
    _: Owner,
    State(state): State<AppState>,
    asked: Asked,
    Form(NewRoom { name, start }): Form<NewRoom>,
) -> Response {
    let settings = SettingsChange::from(Map::from_iter([("name".to_owned(), json!(name))]));
    let made = match state.hub.create_room(settings).await {
        Ok(room) if start.is_some() => go(&state.hub, room.id, RoomState::Live).await,
        other => other,
    };
    match made {
        Ok(room) => see(&format!("/admin/rooms/{}", room.id)),
        Err(refusal) => {
            let why = refusal.text(asked.texts);
            list(&state, asked, error::status(&refusal), name, why).await
        }
    }
}
