use leptos::prelude::*;
use leptos_meta::Title;

use super::{fields, naming};
use crate::{app::document::texts, chat::RoomId, texts::key};

/// The question whether a game may run a room.
#[derive(Clone, Debug)]
pub struct GameConsentView {
    /// The origin that asks.
    pub origin: String,
    /// The name of the widget key that it shows.
    pub key: String,
    /// The rooms that the key opens, by number and name.
    pub rooms: Vec<(RoomId, String)>,
    /// How many hours the game may run the room.
    pub hours: u64,
    /// Where the answer is posted to.
    pub action: String,
    /// What is wrong with the choice of a room; empty if nothing is.
    pub error: String,
}

/// Why a game's sign-in cannot begin.
#[derive(Clone, Debug)]
pub struct GameRefusedView {
    /// The reason.
    pub why: String,
    /// The redirect URI that was offered, if it is what is wrong.
    pub offered: Option<String>,
}

/// Asks whether a game may run a room.
#[component]
pub fn GameConsentPage(
    /// What it shows.
    view: GameConsentView,
) -> impl IntoView {
    let texts = texts();
    let GameConsentView { origin, key, rooms, hours, action, error } = view;
    let is_only = rooms.len() == 1;
    // Nobody is to allow by mistake what they did not choose.
    let none = (!is_only).then(|| view! { <option value="" selected disabled>{texts.text(key::game::CHOOSE_ROOM)}</option> });
    let field = fields::Field { id: "room", label: texts.text(key::admin::ROOM), help: None, error };
    let room = field.with(|fields::Control { id, invalid, described_by, .. }| {
        view! {
            <select id=id name="room" required aria-invalid=invalid aria-describedby=described_by>
                {none}
                {fields::options(rooms, "")}
            </select>
        }
    });
    view! {
        <Title text=texts.text(key::game::HEADING) />
        <main class="notice-page">
            <h1>{texts.text(key::game::HEADING)}</h1>
            <p>{naming(texts, key::game::WHAT, &[("site", &origin), ("key", &key)])}</p>
            <p>{texts.fill(key::game::UNTIL, &[("hours", &hours.to_string())])}</p>
            <form class="fields" method="post" action=action>
                {room}
                <p class="confirm">
                    <button class="button" type="submit" name="answer" value="allow">{texts.text(key::game::ALLOW)}</button>
                    // Needs no room.
                    <button class="button quiet" type="submit" name="answer" value="refuse" formnovalidate>{texts.text(key::game::REFUSE)}</button>
                </p>
            </form>
        </main>
    }
}

/// Says why a game's sign-in cannot begin, and where that can be mended.
#[component]
pub fn GameRefusedPage(
    /// What it shows.
    view: GameRefusedView,
) -> impl IntoView {
    let texts = texts();
    let GameRefusedView { why, offered } = view;
    let offered = offered.map(|uri| {
        let (before, after) = texts.around(key::game::OFFERED);
        view! { <p>{before}<code dir="ltr">{uri}</code>{after}</p> }
    });
    view! {
        <Title text=texts.text(key::game::REFUSED) />
        <main class="notice-page">
            <h1>{texts.text(key::game::REFUSED)}</h1>
            <p>{why}</p>
            {offered}
            <p><a class="button" href="/admin/keys">{texts.text(key::admin::KEYS)}</a></p>
        </main>
    }
}
