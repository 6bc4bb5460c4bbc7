//! `GET /`: the lobby where there are several rooms, else the one that there is.

use std::cmp::Reverse;

use axum::{
    extract::{Form, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use leptos::prelude::*;

use super::{
    asked::Asked,
    client_address::ClientAddress,
    extract::cookies::Cookies,
    page::{self, Place, Post},
    router::Params,
    state::AppState,
};
use crate::{
    app::{LobbyPage, LobbyRoom, LobbyView},
    chat::{RoomId, RoomState},
    hub::{Activity, Hub},
};

/// Rooms on one page of the lobby.
const ROOMS: usize = 100;

/// `GET /`. An address with a place in the log is one of room 1.
pub(super) async fn show(
    State(state): State<AppState>,
    asked: Asked,
    from: ClientAddress,
    params: Params,
    cookies: Cookies,
) -> Response {
    if !has_lobby(&state.hub) || params.find("before").is_some() {
        return page::show(&state, RoomId::FIRST, Place::Page, asked, from, &params, &cookies).await;
    }
    if let Err(refusal) = state.hub.count(RoomId::FIRST, None, from.0, Activity::Read) {
        return page::refuse(&state, asked, &refusal).await;
    }
    let number = params.find("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
    let view = view(&state.hub, &asked, cookies.scheme(), number);
    page::render(&state, asked, StatusCode::OK, move || view! { <LobbyPage view=view.clone() /> }).await
}

/// `POST /`: a message to room 1, from a page without JavaScript. The browser comes back to where it can be read.
pub(super) async fn post(
    State(state): State<AppState>,
    mut asked: Asked,
    from: ClientAddress,
    headers: HeaderMap,
    cookies: Cookies,
    form: Result<Form<Post>, FormRejection>,
) -> Response {
    if has_lobby(&state.hub) {
        let query = asked.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        asked.uri = format!("/rooms/{}{query}", RoomId::FIRST).parse::<Uri>().unwrap_or(asked.uri);
    }
    page::post(&state, RoomId::FIRST, Place::Page, asked, from, (&headers, &cookies), form).await
}

/// Whether there are several rooms to choose from. Apex's channels are none of them: strangers make them.
fn has_lobby(hub: &Hub) -> bool {
    hub.rooms().len() > 1
}

fn view(hub: &Hub, asked: &Asked, scheme: &str, number: usize) -> LobbyView {
    let snapshots = hub.rooms().into_iter().filter_map(|room| hub.snapshot(room.id).ok());
    let mut rooms: Vec<_> = snapshots
        .map(|now| LobbyRoom {
            room: now.room.id,
            name: now.room.settings.name,
            description: now.room.settings.description,
            state: now.room.state,
            viewer_count: now.viewer_count,
        })
        .collect();
    rooms.sort_by_key(|room| (order(room.state), Reverse(room.viewer_count), Reverse(room.room)));
    let (count, live) = (rooms.len(), rooms.iter().filter(|room| room.state == RoomState::Live).count());
    let start = (number - 1).saturating_mul(ROOMS);
    let more = (start.saturating_add(ROOMS) < count).then(|| format!("?{}page={}", asked.query(), number + 1));
    LobbyView { rooms: rooms.into_iter().skip(start).take(ROOMS).collect(), count, live, more, url: asked.url(scheme, "/") }
}

fn order(state: RoomState) -> u8 {
    match state {
        RoomState::Live => 0,
        RoomState::Prepared | RoomState::Created => 1,
        RoomState::Ended => 2,
    }
}
