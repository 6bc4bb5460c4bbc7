use leptos::{ev::MouseEvent, prelude::*};

use super::{Form, LiveText};
use crate::{app::wire::FormInput, texts::key};

/// The name that the reader goes by.
///
/// Where there is little room, the field stands back behind a button with the name once there is one. The field stays where assistive
/// technology and scripts find it, and is shown while it has the focus.
#[component]
pub fn NameField(
    form: Form,
    /// What stands in it at first.
    value: String,
    /// Whether it is the only name that they may use.
    readonly: bool,
) -> impl IntoView {
    let texts = form.session.texts;
    let is_known = |form: Form| form.is_named.get() && !form.is_wrong(FormInput::Username);
    view! {
        <div class="name-field" class:known=form.flag(is_known)>
            <label for="username">{texts.text(key::page::USERNAME)}</label>
            <input
                // No part of a login, for 1Password, Bitwarden, LastPass and Dashlane.
                data-1p-ignore=""
                data-bwignore=""
                data-lpignore="true"
                data-form-type="other"
                id="username"
                name="username"
                type="text"
                autocomplete="nickname"
                placeholder=texts.text(key::page::YOUR_NAME)
                dir="auto"
                required
                readonly=readonly
                value=value
                node_ref=form.username
                aria-invalid=form.value(|form| form.is_wrong(FormInput::Username).then_some("true"))
                aria-describedby="username-error"
                on:input=move |_| form.renamed()
            />
            <button
                type="button"
                class="name-chip"
                tabindex="-1"
                aria-hidden="true"
                title=texts.text(key::page::CHANGE_NAME)
                translate="no"
                on:mousedown=keep_focus
                on:click=move |_| form.focus(Some(FormInput::Username))
            >
                <bdi inner_html=LiveText(form.words(|form| form.name.get()))></bdi>
            </button>
        </div>
    }
}

/// Leaves the focus where it is when something is pressed.
pub fn keep_focus(event: MouseEvent) {
    event.prevent_default();
}
