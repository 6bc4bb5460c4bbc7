//! Fields that several forms have.

use leptos::prelude::*;

use crate::{
    chat::RoomId,
    texts::{Texts, key},
};

/// What something new is to be called.
pub(super) fn name(texts: &'static Texts, value: String, error: String) -> impl IntoView {
    let is_wrong = !error.is_empty();
    view! {
        <p class="field">
            <label for="name">{texts.text(key::admin::NAME)}</label>
            <input
                id="name"
                name="name"
                type="text"
                autocomplete="off"
                dir="auto"
                required
                value=value
                autofocus=is_wrong
                aria-invalid=is_wrong.then_some("true")
                aria-describedby="name-error"
            />
        </p>
        {self::error("name-error", error)}
    }
}

/// Which room something is for, or all.
pub(super) fn room(texts: &'static Texts, rooms: Vec<(RoomId, String)>, chosen: &str, error: String) -> impl IntoView + use<> {
    let options = rooms.into_iter().map(|(id, name)| {
        let value = id.to_string();
        let is_chosen = value == chosen;
        view! { <option value=value.clone() selected=is_chosen>{format!("{value}: {name}")}</option> }
    });
    let (options, is_wrong) = (options.collect_view(), !error.is_empty());
    view! {
        <p class="field">
            <label for="room">{texts.text(key::admin::ROOM)}</label>
            <select id="room" name="room" aria-invalid=is_wrong.then_some("true") aria-describedby="room-error">
                <option value="">{texts.text(key::admin::ALL_ROOMS)}</option>
                {options}
            </select>
        </p>
        {self::error("room-error", error)}
    }
}

/// What is wrong with a field; nothing is shown if nothing is.
pub(super) fn error(id: &'static str, error: String) -> impl IntoView {
    let is_fine = error.is_empty();
    view! { <p id=id class="error" role="alert" hidden=is_fine>{error}</p> }
}
