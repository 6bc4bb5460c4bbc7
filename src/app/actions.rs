//! What a reader may do about a message: react, reply, and for moderators all else.
//!
//! The menu is the server's HTML, and one listener hears of it. The rows call what their buttons and links do.

use std::{cell::Cell, rc::Rc, sync::Arc};

use js_sys::encode_uri_component;
use leptos::prelude::*;
use serde::Serialize;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CustomEvent, CustomEventInit, Element, Event, HtmlElement, KeyboardEvent};

use super::{
    request, scroll,
    session::{Session, spawn},
    wire::{self, ChatMessage, Reacted, StreamEvent},
};
use crate::chat::{Recount, RoomId};

/// Hears what the reader does to messages, for as long as the page is there.
pub fn listen(session: Session) {
    let heard = Closure::<dyn FnMut(Event)>::new(move |event: Event| hear(session, &event));
    for name in ["click", "keydown", "emoji", "said"] {
        // It fails for no event that has a name.
        let _ = document().add_event_listener_with_callback(name, heard.as_ref().unchecked_ref());
    }
    heard.forget();
}

fn hear(session: Session, event: &Event) {
    if let Some(event) = event.dyn_ref::<KeyboardEvent>() {
        if event.key() == "Escape" {
            session.reply.set(None);
        }
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    if let Some(event) = event.dyn_ref::<CustomEvent>() {
        let detail = event.detail().as_string().unwrap_or_default();
        match target {
            // The emoji that was chosen for a message, and not for the message field.
            Some(target) => {
                if let (Ok(Some(_)), Some(message)) = (target.closest("#actions"), session.acted_on.get_untracked()) {
                    react(session, message, detail);
                }
            }
            // What a replay brings, which says it to the document.
            None => {
                if let StreamEvent::Message(said) = StreamEvent::read(&detail) {
                    session.receive(vec![*said]);
                }
            }
        }
        return;
    }
    let Some(target) = target else { return };
    let Some(pressed) = target.closest("#actions button").ok().flatten() else { return };
    let Some(message) = session.acted_on.get_untracked() else { return };
    // First, since it gives the focus back, and what follows may take it on.
    if let Some(menu) = element("actions") {
        let _ = menu.hide_popover();
    }
    match &*pressed.class_name() {
        "quick" => react(session, message, emoji_of(&pressed)),
        "reply" => {
            session.reply.set(Some(message));
            if let Some(input) = element("message") {
                let _ = input.focus();
            }
        }
        "moderate" => moderate(session, &message),
        // The emoji picker opens by itself, and says what was chosen.
        _ => {}
    }
}

/// Goes to a message that is quoted. Returns whether it is in the list.
pub fn show_in_list(session: Session, seq: u64, id: &str) -> bool {
    let is_there = session.timeline.try_update_untracked(|timeline| timeline.message(seq).is_some()).unwrap_or_default();
    is_there && location().set_hash(id).is_ok()
}

/// What the moderators' dialog is told.
#[derive(Serialize)]
struct Moderated<'a> {
    room: RoomId,
    id: &'a str,
    author: &'a str,
    name: &'a str,
    text: &'a str,
    own: bool,
    pinned: bool,
    token: String,
}

/// Asks a moderator what to do about a message: the dialog's script hears of it.
fn moderate(session: Session, message: &ChatMessage) {
    let is_pinned = session.settings.with_untracked(|settings| settings.pinned_message == message.id);
    let is_own = session.user_id.with_untracked(|user_id| *user_id == message.author);
    let about = wire::write(&Moderated {
        room: session.room,
        id: &message.id,
        author: &message.author,
        name: &message.chat.username,
        text: &message.chat.text,
        own: is_own,
        pinned: is_pinned,
        token: session.token.get_untracked(),
    });
    let init = CustomEventInit::new();
    init.set_detail(&about.into());
    if let Ok(event) = CustomEvent::new_with_event_init_dict("moderate", &init) {
        // It fails for no event that was made here.
        let _ = document().dispatch_event(&event);
    }
}

fn element(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// The emoji that a button's text begins with.
fn emoji_of(button: &Element) -> String {
    let text = button.text_content().unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Adds the reader's reaction to a message, or takes it back: at once here, and again as it was if the server does
/// not take it.
pub fn react(session: Session, message: Arc<ChatMessage>, emoji: String) {
    // The second click of two could overtake the first.
    if !session.reacting.get_value() {
        session.reacting.set_value(true);
        spawn(send(session, message, emoji));
    }
}

async fn send(session: Session, message: Arc<ChatMessage>, emoji: String) {
    let toggle = || {
        let was_own = Rc::new(Cell::new(false));
        let (seq, emoji, told) = (message.seq, emoji.clone(), was_own.clone());
        scroll::keep_place(session, Box::new(move |timeline| told.set(timeline.toggle(seq, &emoji).unwrap_or_default())));
        was_own.get()
    };
    let method = if toggle() { "DELETE" } else { "PUT" };
    let [emoji_in_url, widget_key] = [&*emoji, &session.widget_key.get_value()].map(encode_uri_component);
    let url = format!("/v1/streams/{}/messages/{}/reactions/{emoji_in_url}?widget_key={widget_key}", session.room, message.id);
    let answer = request::act(method, &url, &session.token.get_untracked()).await;
    session.reacting.set_value(false);
    let mut error = String::new();
    match request::data::<Reacted>(session.texts, answer) {
        Ok(reacted) => {
            let at = reacted.seq();
            recount(session, at, Recount { message: message.seq, reactions: reacted.reactions() }, true);
        }
        Err(why) => {
            toggle();
            error = why;
        }
    }
    if let Some(told) = element("told") {
        told.set_text_content(Some(&error));
    }
}

/// Shows how people react to a message, as it is at a place of the log; with the reader's own reactions, if they are `told`.
pub fn recount(session: Session, at: u64, recount: Recount, told: bool) {
    scroll::keep_place(
        session,
        Box::new(move |timeline| {
            timeline.recount(at, recount, told);
        }),
    );
}
