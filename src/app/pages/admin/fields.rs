//! Fields that several forms have.

use leptos::prelude::*;

use crate::{
    app::escape::escaped,
    chat::RoomId,
    texts::{Texts, key},
};

/// A field that takes one address a line.
pub(super) struct Addresses<'a> {
    /// The element's id. Its help and its error have ids that begin with it.
    pub(super) id: String,
    /// The name that the form posts.
    pub(super) name: &'static str,
    pub(super) label: &'a str,
    pub(super) help: &'a str,
    pub(super) placeholder: &'static str,
    /// What stands in it.
    pub(super) typed: String,
    /// What is wrong with it; empty if nothing is.
    pub(super) error: String,
}

/// Several addresses, one a line.
pub(super) fn addresses(field: Addresses<'_>) -> impl IntoView + use<> {
    let Addresses { id, name, label, help, placeholder, typed, error } = field;
    let is_wrong = !error.is_empty();
    let [help_id, error_id] = ["help", "error"].map(|part| format!("{id}-{part}"));
    let rows = (typed.lines().count() + 1).clamp(2, 8).to_string();
    view! {
        <p class="field">
            <label for=id.clone()>{label.to_owned()}</label>
            <textarea
                id=id
                name=name
                rows=rows
                dir="ltr"
                autocomplete="off"
                spellcheck="false"
                placeholder=placeholder
                aria-invalid=is_wrong.then_some("true")
                aria-describedby=format!("{help_id} {error_id}")
                inner_html=escaped(&typed)
            ></textarea>
        </p>
        <p id=help_id class="help">{help.to_owned()}</p>
        <p id=error_id class="error" role="alert" hidden=!is_wrong>{error}</p>
    }
}

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
