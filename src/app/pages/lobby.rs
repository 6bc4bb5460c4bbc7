use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    app::{
        document::{Brand, PageUrl, Preview, texts},
        pages::admin::Live,
    },
    chat::{RoomId, RoomState},
    texts::{Texts, key},
};

/// The rooms that people can visit.
#[derive(Clone, Debug)]
pub struct LobbyView {
    /// Those on this page: live ones first, those with the most viewers before the others.
    pub rooms: Vec<LobbyRoom>,
    /// How many there are on all pages.
    pub count: usize,
    /// How many of them are live.
    pub live: usize,
    /// The address of the next page, if there is one.
    pub more: Option<String>,
    /// The absolute address of the page, if it is known.
    pub url: Option<PageUrl>,
}

/// A room in the lobby.
#[derive(Clone, Debug)]
pub struct LobbyRoom {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: String,
    /// What its owner says of it; may be empty.
    pub description: String,
    /// Where it is in its life.
    pub state: RoomState,
    /// How many watch.
    pub viewer_count: usize,
}

/// The way to every room: those that are live, those that have not started, and the recordings of those that have ended.
#[component]
pub fn LobbyPage(
    /// What it shows.
    view: LobbyView,
) -> impl IntoView {
    let texts = texts();
    let LobbyView { rooms, count, live, more, url } = view;
    let of = |states: &[RoomState]| rooms.iter().filter(|room| states.contains(&room.state)).cloned().collect();
    let heading = texts.text(key::lobby::HEADING);
    let description = texts.fill(key::lobby::DESCRIPTION, &[("count", &texts.number(count)), ("live", &texts.number(live))]);
    view! {
        <Title text=heading />
        <Preview name=heading.to_owned() description url />
        <Live />
        <Brand />
        <main class="lobby">
            <h1>{heading}</h1>
            <p role="status" data-live="none-live" class="quiet-note">{(live == 0).then(|| texts.text(key::lobby::NONE_LIVE))}</p>
            {section(texts, "live", texts.text(key::lobby::LIVE), of(&[RoomState::Live]))}
            {section(texts, "upcoming", texts.text(key::lobby::UPCOMING), of(&[RoomState::Created, RoomState::Prepared]))}
            {section(texts, "ended", texts.text(key::lobby::ENDED), of(&[RoomState::Ended]))}
            {more.map(|href| view! { <p><a class="button quiet" href=href>{texts.text(key::lobby::MORE)}</a></p> })}
        </main>
    }
}

fn section(texts: &'static Texts, id: &'static str, heading: &'static str, rooms: Vec<LobbyRoom>) -> impl IntoView + use<> {
    let is_empty = rooms.is_empty();
    let card = |LobbyRoom { room, name, description, state, viewer_count }: LobbyRoom| {
        let watching =
            (state == RoomState::Live).then(|| view! { <p class="watching">{texts.count(key::page::VIEWERS, viewer_count)}</p> });
        let replay = (state == RoomState::Ended).then(|| {
            let label = texts.fill(key::lobby::REPLAY_OF, &[("room", &name)]);
            view! { <p><a class="replay-link" href=format!("/rooms/{room}/replay") aria-label=label>{texts.text(key::page::REPLAY)}</a></p> }
        });
        let described = (!description.is_empty()).then(|| view! { <p class="about" dir="auto">{description}</p> });
        view! {
            <li id=format!("room-{room}")>
                <h3><a href=format!("/rooms/{room}")><bdi>{name}</bdi></a></h3>
                {watching}
                {described}
                {replay}
            </li>
        }
    };
    view! {
        <section class="rooms" data-live=id aria-labelledby=id>
            <h2 id=id hidden=is_empty>{heading}</h2>
            <ul hidden=is_empty>{rooms.into_iter().map(card).collect_view()}</ul>
        </section>
    }
}
