use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Title;

use crate::{
    app::{
        document::{Islands, Preview, texts},
        moderation,
        room::{Chat, TEXTS_ID, VIEW_ID},
        view::RoomView,
    },
    texts::{Texts, key},
};

/// Shows the newest messages before the first paint, where a script may run at all: without, the stylesheet does it.
const SCROLL_TO_END: &str = r#"{const log=document.getElementById("log");log.scrollTop=log.scrollHeight}"#;

/// Where the page holds what its message field can do besides, for `public/field.js`.
const TOOLS_ID: &str = "tools";
/// The emojis that are at hand.
const QUICK: [&str; 6] = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/// A room, on a page of its own.
#[component]
pub fn RoomPage(
    /// What it shows.
    view: RoomView,
    /// The absolute address of the page, if it is known.
    url: Option<String>,
) -> impl IntoView {
    let name = view.settings.name.clone();
    let description = Some(&*view.description).filter(|said| !said.is_empty());
    let description = description.map_or_else(|| texts().fill(key::preview::DESCRIPTION, &[("room", &name)]), str::to_owned);
    view! {
        <Title text=name.clone() />
        <Preview name description url />
        <LiveRoom view />
    }
}

/// A room that comes to life, wherever it stands.
#[component]
pub fn LiveRoom(
    /// What it shows.
    view: RoomView,
    /// Whether somebody may write there.
    #[prop(default = true)]
    has_form: bool,
) -> impl IntoView {
    let texts = texts();
    let tools = has_form.then(|| tools(texts));
    let moderation = view.moderates.then(|| moderation::dialog(texts));
    let json = serde_json::to_string(&view).expect("plain data has a JSON form");
    let menu = menu(texts, &view);
    provide_context((view, texts));
    view! {
        <script id=VIEW_ID type="application/json" nonce=use_nonce()>{in_script(&json)}</script>
        <script id=TEXTS_ID type="application/json" nonce=use_nonce()>{in_script(&texts.in_page())}</script>
        <Chat />
        {menu}
        {tools}
        {moderation}
        <script nonce=use_nonce()>{SCROLL_TO_END}</script>
        <Islands then=has_form.then_some("/field.js") />
    }
}

/// What the message field can do only with a script, which puts it there.
fn tools(texts: &'static Texts) -> impl IntoView {
    let emoji = texts.text(key::field::EMOJI);
    view! {
        <template id=TOOLS_ID>
            <button type="button" id="emoji" class="emoji" data-emoji aria-label=emoji title=emoji aria-haspopup="dialog"></button>
            <ul id="people" class="people" role="listbox" aria-label=texts.text(key::field::PEOPLE) hidden></ul>
            <p id="emoji-failed" class="error" role="alert" hidden>
                {texts.text(key::field::EMOJI_FAILED)}
            </p>
        </template>
    }
}

/// The menu, if there is anything that the reader may do. The browser opens it beside the button that asks for it, and gives the
/// focus back to that.
fn menu(texts: &'static Texts, view: &RoomView) -> Option<impl IntoView + use<>> {
    let RoomView { may_react, moderates, .. } = *view;
    let quick = QUICK.map(|emoji| view! { <button type="button" class="quick">{emoji}</button> });
    let menu = view! {
        <div id="actions" class="actions" popover="auto" role="dialog" aria-label=texts.text(key::menu::LABEL)>
            {may_react.then(|| view! {
                <div class="quicks" role="group" aria-label=texts.text(key::menu::REACT)>
                    {quick}
                    <button type="button" class="other" data-emoji aria-label=texts.text(key::menu::OTHER) aria-haspopup="dialog">"+"</button>
                </div>
                <button type="button" class="reply">{texts.text(key::menu::REPLY)}</button>
            })}
            {moderates.then(|| view! { <button type="button" class="moderate">{texts.text(key::menu::MODERATE)}</button> })}
        </div>
        <p id="told" class="told" role="alert"></p>
    };
    (may_react || moderates).then_some(menu)
}

/// JSON that may stand in a `script` element: nothing in it ends the element or begins a comment (WHATWG HTML 4.12.1.3).
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}
