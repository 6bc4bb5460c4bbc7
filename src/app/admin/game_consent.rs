use leptos::prelude::*;

use super::naming;
use crate::{
    chat::RoomId,
    texts::{Texts, key},
};

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
}

/// What a game asks for, and the buttons that allow or refuse it.
pub fn game_consent(texts: &'static Texts, view: GameConsentView) -> impl IntoView {
    let GameConsentView { origin, key, rooms, hours, action } = view;
    let options = rooms.into_iter().map(|(id, name)| {
        let value = id.to_string();
        view! { <option value=value.clone()>{format!("{value}: {name}")}</option> }
    });
    view! {
        <main class="notice-page">
            <h1>{texts.text(key::game::HEADING)}</h1>
            <p>{naming(texts, key::game::WHAT, &[("site", &origin), ("key", &key)])}</p>
            <p>{texts.fill(key::game::UNTIL, &[("hours", &hours.to_string())])}</p>
            <form class="fields" method="post" action=action>
                <p class="field">
                    <label for="room">{texts.text(key::admin::ROOM)}</label>
                    <select id="room" name="room">{options.collect_view()}</select>
                </p>
                <p class="confirm">
                    <button class="button" type="submit" name="answer" value="allow">{texts.text(key::game::ALLOW)}</button>
                    <button class="button quiet" type="submit" name="answer" value="refuse">{texts.text(key::game::REFUSE)}</button>
                </p>
            </form>
        </main>
    }
}
