//! What a reader may do about a message, in a menu beside the button that asks for it.
//!
//! The browser loads and builds the menu when it is first asked for. From then on it opens by the buttons' `popovertarget`.

use std::sync::Arc;

use leptos::{
    ev::{self, MouseEvent},
    html::Div,
    mount::mount_to,
    prelude::*,
};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{LiveText, emoji_button, loaded, moderation, part};
use crate::{
    app::{
        actions, hold,
        session::Session,
        task::{follow, spawn},
        wire::ChatMessage,
    },
    texts::key,
};

/// The id of the menu, which the buttons name.
const ID: &str = "actions";

/// The emoji that are at hand.
const QUICK: [&str; 6] = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/// Why the reader's last action came to nothing, if it did.
#[component]
pub fn Told(session: Session) -> impl IntoView {
    view! { <p id="told" class="told" role="alert" inner_html=LiveText(session.text(|session| session.told.get()))></p> }
}

/// A button that opens the menu is pressed. The browser opens it then, if it is there.
pub fn pressed(session: Session, message: Arc<ChatMessage>, event: &MouseEvent) {
    session.acted_on.set(Some(message));
    if is_there().is_some() {
        return;
    }
    let button = event.current_target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let id = button.map(|button| button.id()).unwrap_or_default();
    spawn(async move {
        if let Some(menu) = load(session).await {
            // Another press may have opened it meanwhile.
            let _ = menu.hide_popover();
            // Its row may have been rendered anew.
            if let Some(button) = element(&id) {
                button.click();
            }
        }
    });
}

/// Returns the menu, which is loaded when it is first asked for; none if it cannot be loaded.
pub async fn load(session: Session) -> Option<HtmlElement> {
    if is_there().is_none() {
        loaded(session, Box::pin(build(session))).await?;
    }
    is_there()
}

fn is_there() -> Option<HtmlElement> {
    element(ID)
}

fn element(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

part! {
    /// Puts the menu into the page.
    fn build(session: Session) {
        put_into_page(session);
    }
}

fn put_into_page(session: Session) {
    let main = document().query_selector("main").ok().flatten().and_then(|main| main.dyn_into().ok());
    // Two may have asked for it.
    if let (Some(main), None) = (main, is_there()) {
        mount_to(main, move || view! { <Menu session /> }).forget();
    }
}

/// It is about [`Session::acted_on`]. The browser opens it beside the button that asks for it, and gives the focus back to that.
#[component]
fn Menu(session: Session) -> impl IntoView {
    let texts = session.texts;
    let menu = NodeRef::<Div>::new();
    let emoji_failed = RwSignal::new(false);
    follow(Box::new(move || {
        session.told.set(if emoji_failed.get() { texts.text(key::page::EMOJI_FAILED).to_owned() } else { String::new() });
    }));
    // The menu closes first, since it gives the focus back, and what follows may take it on.
    let act = move |act: Box<dyn Fn(Session, Arc<ChatMessage>) + Send>| {
        move |_: MouseEvent| {
            if let Some(menu) = menu.get_untracked() {
                // It fails if it is closed already.
                let _ = menu.hide_popover();
            }
            if let Some(message) = session.acted_on.get_untracked() {
                act(session, message);
            }
        }
    };
    let quick = QUICK.map(|emoji| {
        let press = act(Box::new(move |session, message| actions::react(session, message, emoji.to_owned())));
        view! { <button type="button" class="quick" on:click=press>{emoji}</button> }
    });
    let react_otherwise = move |event: MouseEvent| {
        let message = session.acted_on.get_untracked();
        let react = move |emoji| {
            if let Some(message) = &message {
                actions::react(session, message.clone(), emoji);
            }
        };
        emoji_button::choose(&event, texts.text(key::page::OTHER_EMOJI), emoji_failed, react);
        if let Some(menu) = menu.get_untracked() {
            let _ = menu.hide_popover();
        }
    };
    let moderate = |session: Session, message| {
        spawn(async move {
            loaded(session, Box::pin(moderation::moderate(session, message))).await;
        });
    };
    view! {
        <div
            id=ID
            class="actions"
            popover="auto"
            role="dialog"
            aria-label=texts.text(key::page::OPTIONS_LABEL)
            node_ref=menu
            on:beforetoggle=move |event: ev::Event| hold::toggled(session, &event)
            on:toggle=move |event: ev::Event| hold::toggled(session, &event)
        >
            {session.may_react.then(|| view! {
                <div class="quicks" role="group" aria-label=texts.text(key::page::REACT)>
                    {quick}
                    <button
                        type="button"
                        class="other"
                        aria-label=texts.text(key::page::OTHER_EMOJI)
                        aria-haspopup="dialog"
                        on:click=react_otherwise
                    >
                        "+"
                    </button>
                </div>
                <button type="button" class="reply" on:click=act(Box::new(actions::reply))>{texts.text(key::page::REPLY)}</button>
            })}
            {session.moderates.then(|| view! {
                <button type="button" class="moderate" on:click=act(Box::new(moderate))>
                    {texts.text(key::page::MODERATE_MESSAGE)}
                </button>
            })}
        </div>
    }
    .into_any()
}
