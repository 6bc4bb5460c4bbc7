use leptos::prelude::*;

use super::page;
use crate::{app::clock::Zone, chat::RoomId, texts::Texts};

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

/// The list, and the form.
pub fn keys(texts: &'static Texts, KeysView { keys, rooms, form }: KeysView) -> impl IntoView {
    let none = keys.iter().all(|key| key.revoked_at.is_some());
    let body = view! {
        <nav class="path" aria-label="Breadcrumb"><a href="/admin">"Rooms"</a></nav>
        <p>
            "A site shows a key with each message that it sends. Keys are no secret: they tell sites apart, so that you can revoke
            one without the others. Where a key names origins, browsers may use it on pages of those alone."
        </p>
        <p class="closes" hidden=!none>"There is no key that is good: nobody can write. Make one below."</p>
        <ul class="keys" aria-label="Widget keys">{keys.into_iter().map(|key| row(texts, key)).collect_view()}</ul>
        <h2 id="new">"New key"</h2>
        {new_key(rooms, form)}
    };
    page("Widget keys", body)
}

/// What is asked before a key is revoked. `closes` names the rooms that no other key opens.
pub fn revoke_key(key: KeyRow, closes: Vec<String>) -> impl IntoView {
    let warning = (!closes.is_empty()).then(|| {
        let rooms = closes.join(", ");
        view! { <p class="closes">{format!("No other key opens {rooms}: nobody can write there until you make one.")}</p> }
    });
    view! {
        <main class="notice-page">
            <h1>"Revoke the key "<bdi>{key.name}</bdi>"?"</h1>
            <p>"Nothing more can be written with it, at once and for good. What was written stays."</p>
            {warning}
            <form class="confirm" method="post" action=format!("/admin/keys/{}/revoke", key.in_address)>
                <button class="button danger" type="submit">"Revoke"</button>
                <a class="button quiet" href="/admin/keys">"Keep it"</a>
            </form>
        </main>
    }
}

fn row(texts: &'static Texts, KeyRow { key, name, room, origins, created_at, revoked_at, in_address }: KeyRow) -> impl IntoView {
    let moment = |at: String| view! { <time datetime=at.clone()>{Zone::Utc.full(texts, &at)}</time> };
    let act = match revoked_at {
        Some(at) => view! { <p class="revoked">"Revoked " {moment(at)}</p> }.into_any(),
        None => {
            let label = format!("Revoke {name}");
            view! { <a class="button quiet" href=format!("/admin/keys/{in_address}/revoke") aria-label=label>"Revoke"</a> }
                .into_any()
        }
    };
    view! {
        <li>
            <div>
                <h2 dir="auto">{name}</h2>
                <p><code>{key}</code></p>
                <p>
                    <bdi>{room.unwrap_or_else(|| "All rooms".to_owned())}</bdi> " · "
                    {if origins.is_empty() { "all sites that may use the room".to_owned() } else { origins }} " · made " {moment(created_at)}
                </p>
            </div>
            {act}
        </li>
    }
}

fn new_key(rooms: Vec<(RoomId, String)>, KeyForm { name, room, origins, errors }: KeyForm) -> impl IntoView {
    let invalid = errors.each_ref().map(|error| (!error.is_empty()).then_some("true"));
    let [name_error, room_error, origins_error] = errors;
    let options = rooms.into_iter().map(|(id, name)| {
        let value = id.to_string();
        let selected = value == room;
        view! { <option value=value.clone() selected=selected>{format!("{value}: {name}")}</option> }
    });
    let error = |id: &'static str, error: String| {
        let is_fine = error.is_empty();
        view! { <p id=id class="error" role="alert" hidden=is_fine>{error}</p> }
    };
    view! {
        <form class="fields" method="post" action="/admin/keys" aria-labelledby="new">
            <p class="field">
                <label for="name">"Name"</label>
                <input
                    id="name"
                    name="name"
                    type="text"
                    required
                    maxlength="64"
                    autocomplete="off"
                    dir="auto"
                    value=name
                    aria-invalid=invalid[0]
                    aria-describedby="name-error"
                />
            </p>
            {error("name-error", name_error)}
            <p class="field">
                <label for="room">"Room"</label>
                <select id="room" name="room" aria-invalid=invalid[1] aria-describedby="room-error">
                    <option value="">"All rooms"</option>
                    {options.collect_view()}
                </select>
            </p>
            {error("room-error", room_error)}
            <p class="field">
                <label for="origins">"Allowed origins"</label>
                <textarea
                    id="origins"
                    name="origins"
                    rows="3"
                    autocomplete="off"
                    spellcheck="false"
                    placeholder="https://example.com"
                    aria-invalid=invalid[2]
                    aria-describedby="origins-help origins-error"
                >
                    {origins}
                </textarea>
            </p>
            <p id="origins-help" class="help">"One a line; none for all sites that may use the room."</p>
            {error("origins-error", origins_error)}
            <button class="button" type="submit">"Make the key"</button>
        </form>
    }
}
