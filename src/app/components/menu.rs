use std::sync::Arc;

use leptos::{ev::MouseEvent, html::Div, prelude::*};

use super::{LiveText, emoji_button, moderation};
use crate::{
    app::{actions, session::Session, wire::ChatMessage},
    texts::key,
};

/// The emoji that are at hand.
const QUICK: [&str; 6] = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/// What the reader may do about a message, if there is anything. It is about [`Session::acted_on`]. The browser opens it beside the button that asks for it, and gives
/// the focus back to that.
#[component]
pub fn Menu(session: Session) -> impl IntoView {
    let texts = session.texts;
    let menu = NodeRef::<Div>::new();
    let emoji_failed = RwSignal::new(false);
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
    let told = move |session: Session| match emoji_failed.get() {
        true => texts.text(key::page::EMOJI_FAILED).to_owned(),
        false => session.told.get(),
    };
    view! {
        <div id="actions" class="actions" popover="auto" role="dialog" aria-label=texts.text(key::page::OPTIONS_LABEL) node_ref=menu>
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
                <button type="button" class="moderate" on:click=act(Box::new(moderation::open))>
                    {texts.text(key::page::MODERATE_MESSAGE)}
                </button>
            })}
        </div>
        <p id="told" class="told" role="alert" inner_html=LiveText(session.text(told))></p>
    }
    .into_any()
}
