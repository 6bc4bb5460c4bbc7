//! What whoever runs the chat sees. Rendered on the server alone: forms and links, no script.

mod acts;
mod keys;
mod people;
mod room;
mod rooms;
mod settings;

use leptos::prelude::*;

pub use self::{
    acts::{ActRow, ActsView, acts},
    keys::{KeyForm, KeyRow, KeysView, keys, revoke_key},
    people::{invitation, people},
    room::{RoomAdmin, SanctionRow, room},
    rooms::{RoomRow, RoomsView, rooms},
    settings::{Control, FIELDS, SettingsForm},
};

/// The form to sign in.
pub fn sign_in(error: String) -> impl IntoView {
    let is_wrong = !error.is_empty();
    view! {
        <main class="notice-page">
            <h1>"Sign in"</h1>
            <form class="sign-in" method="post" action="/admin">
                <label for="password">"Password"</label>
                <input
                    id="password"
                    name="password"
                    type="password"
                    autocomplete="current-password"
                    required
                    autofocus
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby="password-error"
                />
                <p id="password-error" class="error" role="alert" hidden=!is_wrong>{error}</p>
                <button class="button" type="submit">"Sign in"</button>
            </form>
            <p><a href="/">"Go to the chat"</a></p>
        </main>
    }
}

/// A page for whoever has signed in: its heading, and the way out.
fn page(heading: impl IntoView, body: impl IntoView) -> impl IntoView {
    view! {
        <main class="admin">
            <header class="admin-head">
                <h1>{heading}</h1>
                <form method="post" action="/admin/sign-out">
                    <button class="button quiet" type="submit">"Sign out"</button>
                </form>
            </header>
            {body}
        </main>
    }
}

/// Where a page of a room stands among the others.
fn path_to(room: &str, name: &str) -> impl IntoView + use<> {
    let (room, name) = (format!("/admin/rooms/{room}"), name.to_owned());
    view! {
        <nav class="path" aria-label="Breadcrumb">
            <a href="/admin">"Rooms"</a>
            " › "
            <a href=room dir="auto">{name}</a>
        </nav>
    }
}
