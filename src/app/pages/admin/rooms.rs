use leptos::prelude::*;
use leptos_meta::Title;

use super::{fields, live::Live, page, state};
use crate::{
    app::document::texts,
    chat::{RoomId, RoomState},
    texts::key,
};

/// All rooms.
#[derive(Clone, Debug)]
pub struct RoomsView {
    /// By number.
    pub rooms: Vec<RoomRow>,
    /// The name of a room that could not be made; empty at first.
    pub name: String,
    /// Why it could not; empty at first.
    pub error: String,
    /// What the operator should look at.
    pub warning: Option<String>,
}

/// A room in the list of whoever runs the chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRow {
    /// Its number.
    pub room: RoomId,
    /// Its name.
    pub name: String,
    /// Whether it has a page: a channel that only its users may know of has none.
    pub has_page: bool,
    /// Where it is in its life.
    pub state: RoomState,
    /// How many connections it has now.
    pub viewer_count: usize,
    /// Messages in the last minute.
    pub messages_last_minute: u32,
    /// How many messages wait for a moderator.
    pub waiting: usize,
}

/// The rooms, and the form to make one more.
#[component]
pub fn RoomsPage(
    /// What it shows.
    view: RoomsView,
) -> impl IntoView {
    let texts = texts();
    let RoomsView { rooms, name, error, warning } = view;
    let row = |RoomRow { room, name, has_page, state: now, viewer_count, messages_last_minute, waiting }: RoomRow| {
        let review = (waiting > 0).then(|| {
            let label = texts.fill(key::admin::TO_REVIEW_IN, &[("count", &texts.number(waiting)), ("room", &room.to_string())]);
            let queue = format!("/admin/rooms/{room}/queue");
            view! { <a class="review" href=queue aria-label=label>{texts.count(key::page::TO_REVIEW, waiting)}</a> }
        });
        let label = texts.fill(key::admin::SETTINGS_OF_ROOM, &[("room", &room.to_string())]);
        view! {
            <tr id=format!("room-{room}")>
                <td class="extra">{room.to_string()}</td>
                <th scope="row"><a href=has_page.then(|| format!("/rooms/{room}"))><bdi>{name}</bdi></a>{review}</th>
                <td>{state(texts, now)}</td>
                <td class="number">{texts.number(viewer_count)}</td>
                <td class="number extra">{texts.number(messages_last_minute as usize)}</td>
                <td><a href=format!("/admin/rooms/{room}") aria-label=label>{texts.text(key::admin::SETTINGS)}</a></td>
            </tr>
        }
    };
    let body = view! {
        <Title text=texts.text(key::admin::ROOMS) />
        <Live />
        {warning.map(|warning| view! { <p class="error" role="status">{warning}</p> })}
        <p>{texts.text(key::admin::ROOMS_HELP)}</p>
        <p><a href="/admin/keys">{texts.text(key::admin::KEYS)}</a>{texts.text(key::admin::KEYS_ARE)}</p>
        <p><a href="/admin/people">{texts.text(key::admin::PEOPLE)}</a>{texts.text(key::admin::PEOPLE_ARE)}</p>
        <p><a href="/admin/appearance">{texts.text(key::look::HEADING)}</a>{texts.text(key::look::ARE)}</p>
        <div class="wide" role="region" aria-label=texts.text(key::admin::ROOMS) tabindex="0">
            <table>
                <thead>
                    <tr>
                        <th scope="col" class="extra">{texts.text(key::admin::NUMBER)}</th>
                        <th scope="col">{texts.text(key::admin::NAME)}</th>
                        <th scope="col">{texts.text(key::admin::STATE)}</th>
                        <th scope="col" class="number">{texts.text(key::admin::WATCHING)}</th>
                        <th scope="col" class="number extra">{texts.text(key::admin::MESSAGES_A_MINUTE)}</th>
                        <td></td>
                    </tr>
                </thead>
                <tbody data-live="rooms" data-rows>{rooms.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        <h2 id="new">{texts.text(key::admin::NEW_ROOM)}</h2>
        <form class="fields" method="post" action="/admin/rooms" aria-labelledby="new">
            {fields::name(texts, name, error)}
            <p class="save">
                <button class="button" type="submit" name="start" value="1">{texts.text(key::admin::MAKE_AND_START)}</button>
                <button class="button quiet" type="submit">{texts.text(key::admin::MAKE_ROOM)}</button>
            </p>
        </form>
    };
    page(texts, texts.text(key::admin::ROOMS), body)
}
