use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Title;

use crate::{
    app::{
        document::{Brand, Islands, PageUrl, Preview, texts},
        room::{Chat, TEXTS_ID, VIEW_ID},
        wire::{self, RoomView},
    },
    chat::RoomId,
    texts::key,
};

/// Shows the newest messages before the first paint, where a script may run at all: without, the stylesheet does it. And keeps the
/// island as it was sent, for a start after something has changed it.
const AT_FIRST: &str = r#"{const log=document.getElementById("log");log.scrollTop=log.scrollHeight;for(const island of document.querySelectorAll("leptos-island"))island.sent=island.cloneNode(true)}"#;

/// A room, on a page of its own.
#[component]
pub fn RoomPage(
    /// What it shows.
    view: RoomView,
    /// The absolute address of the page, if it is known.
    url: Option<PageUrl>,
) -> impl IntoView {
    let name = view.settings.name.clone();
    let description = Some(&*view.description).filter(|said| !said.is_empty());
    let description = description.map_or_else(|| texts().fill(key::preview::DESCRIPTION, &[("room", &name)]), str::to_owned);
    view! {
        <Title text=name.clone() />
        <Preview name description url />
        <Brand />
        <LiveRoom view />
    }
}

/// A room that comes to life, wherever it stands.
#[component]
pub fn LiveRoom(
    /// What it shows.
    view: RoomView,
) -> impl IntoView {
    let texts = texts();
    let json = wire::write(&view);
    let page_texts = texts.in_page(view.moderates, view.replays);
    let room = view.room;
    provide_context((view, texts));
    view! {
        <script id=VIEW_ID type="application/json" nonce=use_nonce()>{in_script(&json)}</script>
        <script id=TEXTS_ID type="application/json" nonce=use_nonce()>{in_script(&page_texts)}</script>
        <StartFailed room />
        <Chat />
        <script nonce=use_nonce()>{AT_FIRST}</script>
        <Islands />
    }
}

/// Says that the page goes on without its script, if it cannot start.
#[component]
fn StartFailed(room: RoomId) -> impl IntoView {
    let texts = texts();
    view! {
        <p id="failed" class="access-ended" role="alert" hidden>
            {texts.text(key::start::FAILED)} " " <a href="">{texts.text(key::page::RELOAD)}</a> " · "
            <a href=format!("/rooms/{room}") target="_blank">{texts.text(key::start::OPEN_IN_TAB)}</a>
        </p>
    }
}

/// JSON that may stand in a `script` element: nothing in it ends the element or begins a comment (WHATWG HTML 4.12.1.3).
pub(super) fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}
