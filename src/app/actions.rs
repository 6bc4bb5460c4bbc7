//! What a reader may do about a message: react, reply, and follow what it quotes.

use std::{cell::Cell, rc::Rc, sync::Arc};

use js_sys::encode_uri_component;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{
    net::request,
    scroll,
    session::Session,
    task::spawn,
    wire::{ChatMessage, Reacted},
};
use crate::chat::Recount;

/// The next message is a reply to this one.
pub fn reply(session: Session, message: Arc<ChatMessage>) {
    session.reply.set(Some(message));
    if let Some(input) = element("message") {
        let _ = input.focus();
    }
}

/// Goes to a message that is quoted. Returns whether it is in the list.
pub fn show_in_list(session: Session, seq: u64, id: &str) -> bool {
    let is_there = session.timeline.try_update_untracked(|timeline| timeline.message(seq).is_some()).unwrap_or_default();
    is_there && location().set_hash(id).is_ok()
}

fn element(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
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
    session.told.set(error);
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
