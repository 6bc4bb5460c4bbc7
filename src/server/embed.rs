//! Rooms where other sites show them: in a frame, and over a video.

use axum::{
    extract::{Form, Path, State, rejection::FormRejection},
    http::HeaderMap,
    response::Response,
};

use super::{
    asked::Asked,
    client_address::ClientAddress,
    extract::cookies::Cookies,
    page::{self, Place, Post},
    router::Params,
    state::AppState,
};
use crate::app::{Fade, Look};

/// `GET /embed/{id}?theme=&accent=&readonly=`: a room for another site's frame.
pub(super) async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    asked: Asked,
    from: ClientAddress,
    params: Params,
    cookies: Cookies,
) -> Response {
    let place = Place::Embed(Look::read(|key| params.find(key)));
    match id.parse() {
        Ok(room) => page::show(&state, room, place, asked, from, &params, &cookies).await,
        Err(_) => page::not_found_in(&state, place, asked).await,
    }
}

/// `POST /embed/{id}`: a message from there, without JavaScript.
pub(super) async fn post(
    State(state): State<AppState>,
    Path(id): Path<String>,
    asked: Asked,
    from: ClientAddress,
    params: Params,
    (headers, cookies): (HeaderMap, Cookies),
    form: Result<Form<Post>, FormRejection>,
) -> Response {
    let place = Place::Embed(Look::read(|key| params.find(key)));
    match id.parse() {
        Ok(room) => page::post(&state, room, place, asked, from, (&headers, &cookies), form).await,
        Err(_) => page::not_found_in(&state, place, asked).await,
    }
}

/// `GET /overlay/{id}?fade=`: what is said in a room, to be laid over a video.
pub(super) async fn overlay(
    State(state): State<AppState>,
    Path(id): Path<String>,
    asked: Asked,
    from: ClientAddress,
    params: Params,
    cookies: Cookies,
) -> Response {
    let place = Place::Overlay(Fade::read(params.find("fade")));
    match id.parse() {
        Ok(room) => page::show(&state, room, place, asked, from, &Params::none(), &cookies).await,
        Err(_) => page::not_found_in(&state, place, asked).await,
    }
}
