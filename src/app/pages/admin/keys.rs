use leptos::prelude::*;
use leptos_meta::Title;

use super::{
    fields::{self, Addresses, Field},
    naming, page, path_to_rooms,
    widget::{WidgetCode, widget},
};
use crate::{
    app::{
        clock::Zone,
        components::ServerPage,
        document::{Islands, texts},
    },
    chat::RoomId,
    texts::{Texts, key},
};

/// All widget keys, and the form to make one.
#[derive(Clone, Debug, Default)]
pub struct KeysView {
    /// The keys that are good first, then those that were revoked; the newest first.
    pub keys: Vec<KeyRow>,
    /// The rooms, by number and name.
    pub rooms: Vec<(RoomId, String)>,
    /// What stands in the form.
    pub form: KeyForm,
}

/// A widget key in the list.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// What a site shows.
    pub key: String,
    /// Whose it is.
    pub name: String,
    /// The name of the room that it opens; none for all.
    pub room: Option<String>,
    /// The origins that may use it, with a space between; empty for all.
    pub origins: String,
    /// When it was made: RFC 3339, UTC.
    pub created_at: String,
    /// When it was revoked, if it was.
    pub revoked_at: Option<String>,
    /// How it stands in an address.
    pub in_address: String,
    /// What a site needs to use it, unless it was revoked.
    pub code: Option<WidgetCode>,
    /// Where the sign-in of games may send a browser back to.
    pub redirects: RedirectsForm,
}

/// The form of a key's redirect URIs.
#[derive(Clone, Debug, Default)]
pub struct RedirectsForm {
    /// One a line, as they are kept, or as they were typed.
    pub uris: String,
    /// What is wrong with them; empty if nothing is.
    pub error: String,
}

/// The form to make a key: empty at first, filled again after a refusal.
#[derive(Clone, Debug, Default)]
pub struct KeyForm {
    /// Whose it is to be.
    pub name: String,
    /// The number of its room; empty for all.
    pub room: String,
    /// Its origins, as they were typed.
    pub origins: String,
    /// What is wrong with each of the three; empty if nothing is.
    pub errors: [String; 3],
}

/// The widget keys, and the form to make one.
#[component]
pub fn KeysPage(
    /// What it shows.
    view: KeysView,
) -> impl IntoView {
    let texts = texts();
    let KeysView { keys, rooms, form } = view;
    let none = keys.iter().all(|key| key.revoked_at.is_some());
    let body = view! {
        <Title text=texts.text(key::admin::KEYS) />
        <ServerPage />
        <Islands />
        {path_to_rooms(texts)}
        <p>{texts.text(key::admin::KEYS_HELP)}</p>
        <p class="closes" hidden=!none>{texts.text(key::admin::NO_KEYS)}</p>
        <ul class="keys" aria-label=texts.text(key::admin::KEYS)>{keys.into_iter().map(|key| row(texts, key)).collect_view()}</ul>
        <h2 id="new">{texts.text(key::admin::NEW_KEY)}</h2>
        {new_key(texts, rooms, form)}
    };
    page(texts, texts.text(key::admin::KEYS), body)
}

/// Asks whether to revoke a widget key.
#[component]
pub fn RevokeKeyPage(
    /// The key.
    key: KeyRow,
    /// The names of the rooms that no other key opens.
    closes: Vec<String>,
) -> impl IntoView {
    let texts = texts();
    let warning = (!closes.is_empty()).then(|| {
        let rooms = closes.join(", ");
        view! { <p class="closes">{texts.fill(key::admin::REVOKE_CLOSES, &[("rooms", &rooms)])}</p> }
    });
    view! {
        <Title text=texts.text(key::admin::REVOKE_A_KEY) />
        <main class="notice-page">
            <h1>{naming(texts, key::admin::REVOKE_THE_KEY, &[("key", &key.name)])}</h1>
            <p>{texts.text(key::admin::REVOKE_MEANS)}</p>
            {warning}
            <form class="confirm" method="post" action=format!("/admin/keys/{}/revoke", key.in_address)>
                <button class="button danger" type="submit">{texts.text(key::admin::REVOKE)}</button>
                <a class="button quiet" href="/admin/keys">{texts.text(key::admin::KEEP)}</a>
            </form>
        </main>
    }
}

fn row(texts: &'static Texts, row: KeyRow) -> impl IntoView {
    let KeyRow { key, name, room, origins, created_at, revoked_at, in_address, code, redirects } = row;
    let redirects = revoked_at.is_none().then(|| self::redirects(texts, &key, &name, &in_address, redirects));
    let moment = |at: String| view! { <time datetime=at.clone()>{Zone::Utc.full(texts, &at)}</time> };
    let (before_revoked, after_revoked) = texts.around(key::admin::REVOKED_AT);
    let (before_made, after_made) = texts.around(key::admin::MADE_AT);
    let act = match revoked_at {
        Some(at) => view! { <span class="revoked">{before_revoked}{moment(at)}{after_revoked}</span> }.into_any(),
        None => {
            let label = texts.fill(key::admin::REVOKE_OF, &[("name", &name)]);
            view! { <a href=format!("/admin/keys/{in_address}/revoke") aria-label=label>{texts.text(key::admin::REVOKE)}</a> }
                .into_any()
        }
    };
    view! {
        <li>
            <h2><bdi>{name}</bdi></h2>
            <p><code>{key}</code> " " {act}</p>
            <p>
                <bdi>{room.unwrap_or_else(|| texts.text(key::admin::ALL_ROOMS).to_owned())}</bdi> " · "
                <bdi>{if origins.is_empty() { texts.text(key::admin::ALL_SITES).to_owned() } else { origins }}</bdi> " · " {before_made}{moment(created_at)}{after_made}
            </p>
            {code.map(|code| widget(texts, code))}
            {redirects}
        </li>
    }
}

/// The form that says where games of a key may send a browser back to.
fn redirects(texts: &'static Texts, key: &str, name: &str, in_address: &str, form: RedirectsForm) -> impl IntoView + use<> {
    let RedirectsForm { uris: typed, error } = form;
    let (is_wrong, id) = (!error.is_empty(), format!("redirects-{key}"));
    let (label, help) = (texts.text(key::admin::REDIRECTS), Some(texts.text(key::admin::REDIRECTS_HELP)));
    let field = Field { id: &id, label, help, error };
    let field = fields::addresses(Addresses { field, name: "uris", placeholder: "http://localhost:8080", typed });
    view! {
        <details open=is_wrong>
            <summary>{texts.fill(key::admin::REDIRECTS_OF, &[("name", name)])}</summary>
            <form class="fields" method="post" action=format!("/admin/keys/{in_address}/redirects")>
                {field}
                <button class="button quiet" type="submit">{texts.text(key::admin::SAVE_REDIRECTS)}</button>
            </form>
        </details>
    }
}

fn new_key(
    texts: &'static Texts,
    rooms: Vec<(RoomId, String)>,
    KeyForm { name, room, origins: typed, errors }: KeyForm,
) -> impl IntoView {
    let [name_error, room_error, error] = errors;
    let (label, help) = (texts.text(key::admin::ORIGINS), Some(texts.text(key::admin::ORIGINS_HELP)));
    let field = Field { id: "origins", label, help, error };
    let origins = Addresses { field, name: "origins", placeholder: "https://example.com", typed };
    view! {
        <form class="fields" method="post" action="/admin/keys" aria-labelledby="new">
            {fields::name(texts, name, name_error)}
            {fields::room(texts, rooms, &room, room_error)}
            {fields::addresses(origins)}
            <button class="button" type="submit">{texts.text(key::admin::MAKE_KEY)}</button>
        </form>
    }
}
