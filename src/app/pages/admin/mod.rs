//! The pages of owners and moderators. They are rendered on the server: forms and links. Scripts only add to them: they keep figures
//! up to date, and copy code.

mod acts;
mod appearance;
mod end_room;
mod fields;
mod game_consent;
mod keys;
mod live;
mod people;
mod queue;
mod room;
mod rooms;
mod settings;
mod share;
mod widget;

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    app::document::{Brand, texts},
    chat::RoomState,
    texts::{Template, Text, Texts, first_place, key},
};

pub use self::{
    acts::{ActRow, ActsView, AuditLogPage, BlockedRow},
    appearance::{AppearancePage, AppearanceView},
    end_room::{EndRoomPage, EndRoomView},
    game_consent::{GameConsentPage, GameConsentView, GameRefusedPage, GameRefusedView},
    keys::{KeyForm, KeyRow, KeysPage, KeysView, RedirectsForm, RevokeKeyPage},
    live::Live,
    people::PeoplePage,
    queue::{HeldRow, QueuePage, QueueView},
    room::{AdminRoomPage, RoomAdmin, SanctionRow},
    rooms::{RoomRow, RoomsPage, RoomsView},
    settings::{Control, GROUPS, Preset, SettingField, SettingsForm, fields},
    share::Share,
    widget::WidgetCode,
};

/// The form to sign in.
#[derive(Clone, Debug, Default)]
pub struct SignInView {
    /// Why it was refused before; empty if it was not.
    pub error: String,
    /// Where the form is posted to.
    pub action: String,
    /// The page that has sent the browser here, if one has.
    pub asker: Option<SignInAsker>,
}

/// A page of another site that wants somebody to sign in.
#[derive(Clone, Debug)]
pub struct SignInAsker {
    /// Its origin.
    pub origin: String,
    /// The name of the widget key that it shows.
    pub key: String,
    /// Where a browser goes back to if nobody wants to sign in.
    pub cancel: String,
}

/// The form to sign in.
#[component]
pub fn SignInPage(
    /// What it shows.
    view: SignInView,
) -> impl IntoView {
    let texts = texts();
    let SignInView { error, action, asker } = view;
    let is_wrong = !error.is_empty();
    let (asks, cancel) = asker
        .map(|SignInAsker { origin, key, cancel }| (naming(texts, key::game::ASKS, &[("site", &origin), ("key", &key)]), cancel))
        .unzip();
    let (way_out, label) = match cancel {
        Some(cancel) => (cancel, key::game::CANCEL),
        None => ("/".to_owned(), key::notice::TO_THE_CHAT),
    };
    view! {
        <Title text=texts.text(key::admin::SIGN_IN) />
        <Brand />
        <main class="notice-page" data-sign-in>
            <h1>{texts.text(key::admin::SIGN_IN)}</h1>
            {asks.map(|asks| view! { <p>{asks}</p> })}
            <form class="sign-in" method="post" action=action>
                <label for="password">{texts.text(key::admin::PASSWORD)}</label>
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
                <button class="button" type="submit">{texts.text(key::admin::SIGN_IN)}</button>
            </form>
            <p><a href=way_out>{texts.text(label)}</a></p>
        </main>
    }
}

/// A page for whoever has signed in: its heading, and the way out.
fn page(texts: &'static Texts, heading: impl IntoView, body: impl IntoView) -> impl IntoView {
    let sign_out = view! {
        <form method="post" action="/admin/sign-out">
            <button class="button quiet" type="submit">{texts.text(key::admin::SIGN_OUT)}</button>
        </form>
    };
    page_beside(heading, sign_out, body)
}

/// A page with something beside its heading.
fn page_beside(heading: impl IntoView, beside: impl IntoView, body: impl IntoView) -> impl IntoView {
    view! {
        <main class="admin">
            <header class="admin-head">
                <h1>{heading}</h1>
                {beside}
            </header>
            {body}
        </main>
    }
}

/// Where a page of a room stands among the others.
fn path_to(texts: &'static Texts, room: &str, name: &str) -> impl IntoView + use<> {
    let (room, name) = (format!("/admin/rooms/{room}"), name.to_owned());
    view! {
        <nav class="path" aria-label=texts.text(key::admin::PATH)>
            <a href="/admin">{texts.text(key::admin::ROOMS)}</a>
            " › "
            <a href=room><bdi>{name}</bdi></a>
        </nav>
    }
}

/// Where a page stands that is about all rooms.
fn path_to_rooms(texts: &'static Texts) -> impl IntoView {
    view! {
        <nav class="path" aria-label=texts.text(key::admin::PATH)><a href="/admin">{texts.text(key::admin::ROOMS)}</a></nav>
    }
}

/// A text with a name in each of its places, which keeps its own direction.
pub(super) fn naming<const PLACES: usize>(
    texts: &'static Texts,
    key: Template<PLACES>,
    names: &[(&str, &str); PLACES],
) -> impl IntoView + use<PLACES> {
    let (mut views, mut rest) = (Vec::new(), texts.template(key));
    while let Some((before, place, after)) = first_place(rest) {
        let name = names.iter().find(|(known, _)| *known == place).map(|(_, name)| (*name).to_owned());
        views.push(view! { {before} <bdi>{name}</bdi> });
        rest = after;
    }
    view! { {views} {rest} }
}

/// Where a room is in its life.
fn state(texts: &'static Texts, state: RoomState) -> impl IntoView {
    view! { <span class=format!("state {}", state.name())>{texts.text(state_key(state))}</span> }
}

/// The key of the word for a room's state.
pub fn state_key(state: RoomState) -> Text {
    match state {
        RoomState::Created => key::admin::CREATED,
        RoomState::Prepared => key::admin::PREPARED,
        RoomState::Live => key::admin::LIVE,
        RoomState::Ended => key::admin::ENDED,
    }
}
