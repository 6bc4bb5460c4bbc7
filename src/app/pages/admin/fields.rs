//! Fields that several forms have.

use leptos::prelude::*;

use crate::{
    app::escape::escaped,
    chat::RoomId,
    texts::{Texts, key},
};

/// A field of a form: its label, its control, its help, and what is wrong with it.
pub(super) struct Field<'a> {
    /// The control's id. The help and the error have ids that begin with it.
    pub(super) id: &'a str,
    pub(super) label: &'a str,
    pub(super) help: Option<&'a str>,
    /// What is wrong with it; empty if nothing is.
    pub(super) error: String,
}

/// What a control says of its field.
pub(super) struct Control {
    pub(super) id: String,
    pub(super) is_wrong: bool,
    /// The value of `aria-invalid`.
    pub(super) invalid: Option<&'static str>,
    /// The ids of what describes it.
    pub(super) described_by: String,
}

impl Field<'_> {
    /// Returns the field with its control.
    pub(super) fn with<V: IntoView, F: FnOnce(Control) -> V>(self, control: F) -> impl IntoView + use<V, F> {
        let (id, label) = (self.id.to_owned(), self.label.to_owned());
        self.around(move |field| view! { <label for=id>{label}</label> {control(field)} })
    }

    /// Returns the field with a control that has its label in it.
    pub(super) fn around<V: IntoView, F: FnOnce(Control) -> V>(self, control: F) -> impl IntoView + use<V, F> {
        let Self { id, help, error, .. } = self;
        let is_wrong = !error.is_empty();
        let [help_id, error_id] = ["help", "error"].map(|part| format!("{id}-{part}"));
        let described_by = if help.is_some() { format!("{help_id} {error_id}") } else { error_id.clone() };
        let control = control(Control { id: id.to_owned(), is_wrong, invalid: is_wrong.then_some("true"), described_by });
        view! {
            <p class="field">{control}</p>
            {help.map(|help| view! { <p id=help_id class="help">{help.to_owned()}</p> })}
            <p id=error_id class="error" role="alert" hidden=!is_wrong>{error}</p>
        }
    }
}

/// A field that takes one address a line.
pub(super) struct Addresses<'a> {
    pub(super) field: Field<'a>,
    /// The name that the form posts.
    pub(super) name: &'static str,
    pub(super) placeholder: &'static str,
    /// What stands in it.
    pub(super) typed: String,
}

/// Several addresses, one a line.
pub(super) fn addresses(Addresses { field, name, placeholder, typed }: Addresses<'_>) -> impl IntoView + use<> {
    let rows = (typed.lines().count() + 1).clamp(2, 8).to_string();
    field.with(move |Control { id, invalid, described_by, .. }| {
        view! {
            <textarea
                id=id
                name=name
                rows=rows
                dir="ltr"
                autocomplete="off"
                spellcheck="false"
                placeholder=placeholder
                aria-invalid=invalid
                aria-describedby=described_by
                inner_html=escaped(&typed)
            ></textarea>
        }
    })
}

/// What something new is to be called.
pub(super) fn name(texts: &'static Texts, value: String, error: String) -> impl IntoView {
    let field = Field { id: "name", label: texts.text(key::admin::NAME), help: None, error };
    field.with(move |Control { id, is_wrong, invalid, described_by }| {
        view! {
            <input
                id=id
                name="name"
                type="text"
                autocomplete="off"
                dir="auto"
                required
                value=value
                autofocus=is_wrong
                aria-invalid=invalid
                aria-describedby=described_by
            />
        }
    })
}

/// Which room something is for, or all.
pub(super) fn room(texts: &'static Texts, rooms: Vec<(RoomId, String)>, chosen: &str, error: String) -> impl IntoView + use<> {
    let options = options(rooms, chosen);
    Field { id: "room", label: texts.text(key::admin::ROOM), help: None, error }.with(move |control| {
        let Control { id, invalid, described_by, .. } = control;
        view! {
            <select id=id name="room" aria-invalid=invalid aria-describedby=described_by>
                <option value="">{texts.text(key::admin::ALL_ROOMS)}</option>
                {options}
            </select>
        }
    })
}

/// Rooms to choose from, by number and name.
pub(super) fn options(rooms: Vec<(RoomId, String)>, chosen: &str) -> impl IntoView + use<> {
    let option = |(id, name): (RoomId, String)| {
        let value = id.to_string();
        let is_chosen = value == chosen;
        view! { <option value=value.clone() selected=is_chosen>{format!("{value}: {name}")}</option> }
    };
    rooms.into_iter().map(option).collect_view()
}
