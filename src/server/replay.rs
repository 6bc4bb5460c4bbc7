use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use serde_json::json;

use super::{
    api::{MESSAGES, MOST_MESSAGES, number, place},
    asked::Asked,
    client_address::ClientAddress,
    error::ApiError,
    extract::cookies::Cookies,
    page::{self, Place, Reader},
    router::{Params, RoomPath},
    state::AppState,
};
use crate::{
    app::{FormView, Playhead, ReplayPage, RoomView},
    chat::{Room, RoomId, RoomState},
    engine::now,
    hub::{Hub, Refusal, Span},
    protocol::{
        inlive::{Answer, Envelope},
        moment::rfc3339,
    },
};

/// `GET /v1/streams/{id}/replay?from=&to=&after=&limit=`: what was said from one moment until before another, in milliseconds from
/// the room's start; with `after`, what follows that message.
pub(super) async fn messages(State(hub): State<Hub>, RoomPath(room): RoomPath, params: Params) -> Result<Response, ApiError> {
    let limit = number(&params, "limit", MESSAGES, 1..=MOST_MESSAGES)?;
    let after = place(&params, "after", room, &hub.snapshot(room)?.position)?.unwrap_or(0);
    let from = number(&params, "from", 0, 0..=usize::MAX)? as u64;
    let to = params.find("to").map(|_| number(&params, "to", 0, 0..=usize::MAX)).transpose()?.map(|to| to as u64);
    let replay = hub.replay(room, Span { from, to, after, limit }).await?;
    let data: Vec<_> = replay.events.iter().map(|event| Envelope::replayed(event, replay.offset(event))).collect();
    let meta = json!({ "start": rfc3339(replay.room.start()), "has_more": replay.has_more });
    Ok(Json(Answer { code: 200, message: "OK", data, meta: Some(meta) }).into_response())
}

/// `GET /rooms/{id}/replay?at=`: the room as it was so many seconds after its start.
pub(super) async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    asked: Asked,
    from: ClientAddress,
    params: Params,
    cookies: Cookies,
) -> Response {
    let Ok(room) = id.parse() else { return page::not_found(&state, asked).await };
    let visitor = Reader::of(&state, room, Place::Page, &asked, &cookies, from);
    let counted = visitor.count_guest(&state.hub, room).and_then(|()| visitor.count_read(&state.hub, room));
    if let Err(refusal) = counted {
        return page::refuse(&state, asked, &refusal).await;
    }
    match view(&state.hub, room, &visitor, &params).await {
        Ok((view, playhead)) => {
            page::render(&state, asked, StatusCode::OK, move || view! { <ReplayPage view=view.clone() playhead /> }).await
        }
        Err(Refusal::UnknownRoom(_)) => page::not_found(&state, asked).await,
        Err(refusal) => page::fail(&state, asked, &refusal).await,
    }
}

/// The room at a moment: its start, where none is asked for that can be used.
async fn view(hub: &Hub, room: RoomId, visitor: &Reader, params: &Params) -> Result<(RoomView, Playhead), Refusal> {
    let about = hub.snapshot(room)?.room;
    let length_seconds = length_seconds(&about);
    let at_seconds = params.find("at").and_then(|at| at.parse().ok()).unwrap_or(0).min(length_seconds);
    let before = hub.seq_before(&about, at_seconds * 1_000 + 1).await? + 1;
    let next = hub.replay(room, Span { from: 0, to: None, after: before - 1, limit: 1 }).await?;
    let next_seconds = next.events.first().map(|event| next.offset(event).div_ceil(1_000));
    // The way to older messages, without JavaScript, leads here too.
    let older = place(params, "before", room, &hub.position(0)).ok().flatten();
    let view = page::view(hub, room, visitor, Some(older.unwrap_or(before)), FormView::default()).await?;
    let view = RoomView { replays: true, ..view };
    Ok((view, Playhead { at_seconds, length_seconds, next_seconds, plays: params.find("play").is_some() }))
}

/// From its start to its end, or until now.
fn length_seconds(room: &Room) -> u64 {
    let end = room.ended_at.filter(|_| room.state == RoomState::Ended).unwrap_or_else(now);
    u64::try_from(end.0 - room.start().0).unwrap_or(0).div_ceil(1_000)
}
