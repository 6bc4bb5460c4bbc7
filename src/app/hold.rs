//! Notices what holds the list still, and lets it go on.

use js_sys::{Date, Reflect};
use leptos::{
    ev::{FocusEvent, PointerEvent},
    prelude::*,
};
use std::time::Duration;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, Event, Node};

use super::{
    scroll,
    session::Session,
    state::holds::{Holds, Pointer},
};

/// What can be pressed in a row.
const CONTROLS: &str = "a, button, label";

/// A pointer moves on the conversation, or is pressed there. The button that counts what waits belongs to the list: it may appear under a
/// pointer that rests on the last row.
pub fn pointed(session: Session, event: &PointerEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let is_within = |part: Option<&Node>| part.is_some_and(|part| part.contains(target.as_deref()));
    let (log, list) = (session.log.get_untracked(), session.list.get_untracked());
    let is_beside_rows = is_within(log.as_deref().map(AsRef::as_ref)) && !is_within(list.as_deref().map(AsRef::as_ref));
    let is_on_control = target.as_ref().is_some_and(|target| matches!(target.closest(CONTROLS), Ok(Some(_))));
    let pointer = match event.pointer_type() == "touch" {
        _ if is_beside_rows => Pointer::Away,
        true => Pointer::Touch,
        false if is_on_control => Pointer::OnControl,
        false => Pointer::OnRow,
    };
    change(session, |holds| holds.point(pointer, Date::now()));
}

/// A pointer leaves the conversation. A finger does so whenever it is lifted.
pub fn left(session: Session, event: &PointerEvent) {
    if event.pointer_type() != "touch" {
        change(session, |holds| holds.point(Pointer::Away, Date::now()));
    }
}

/// A row gets the focus, or the button that counts what waits. Only what keys do holds the list: a pointer that has pressed something goes
/// away again.
pub fn focused(session: Session, event: &FocusEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let is_log = |target: &Element| session.log.get_untracked().is_some_and(|log| log.dyn_ref::<Element>() == Some(target));
    let by_keys = |target: &Element| target.matches(":focus-visible").unwrap_or(false);
    let holds_it = target.is_some_and(|target| !is_log(&target) && by_keys(&target));
    change(session, |holds| holds.keys = holds_it);
}

/// One of them loses the focus, to something else on the page or in another window.
pub fn blurred(session: Session, event: &FocusEvent) {
    let next = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
    let stage = event.current_target().and_then(|stage| stage.dyn_into::<Node>().ok());
    if next.is_none() || !stage.is_some_and(|stage| stage.contains(next.as_ref())) {
        change(session, |holds| holds.keys = false);
    }
}

/// Lets the list go on at once, whatever holds it.
pub fn release(session: Session) {
    session.current.set(None);
    change(session, |holds| *holds = Holds::default());
}

/// Notices, for as long as the page is there, that text is selected.
pub fn listen(session: Session) {
    let selected = Closure::<dyn FnMut()>::new(move || {
        let selection = window().get_selection().ok().flatten().filter(|selection| !selection.is_collapsed());
        let is_selected = selection.is_some_and(|selection| is_in_list(session, selection.anchor_node()));
        change(session, |holds| holds.selection = is_selected);
    });
    // It fails for no event that has a name.
    let _ = document().add_event_listener_with_callback("selectionchange", selected.as_ref().unchecked_ref());
    selected.forget();
}

/// The menu of a row is about to open, or has closed.
pub fn toggled(session: Session, event: &Event) {
    let opens = Reflect::get(event, &"newState".into()).is_ok_and(|state| state == "open");
    // It opens before the focus leaves the row, and is closed when the focus is back there.
    if opens == (event.type_() == "beforetoggle") {
        change(session, |holds| holds.menu = opens);
    }
}

fn is_in_list(session: Session, node: Option<Node>) -> bool {
    node.is_some() && session.list.get_untracked().is_some_and(|list| list.contains(node.as_ref()))
}

fn change(session: Session, change: impl FnOnce(&mut Holds)) {
    session.holds.update_value(change);
    check(session);
}

/// Goes on if nothing holds the list any more, and comes back when that may be.
fn check(session: Session) {
    let now = Date::now();
    let holds = session.holds.get_value();
    let held = holds.is_held(now);
    if session.held.get_value() != held {
        session.held.set_value(held);
        if !held {
            scroll::resume(session);
        }
    }
    if let Some(left) = holds.changes_in(now)
        && !session.checks.get_value()
    {
        session.checks.set_value(true);
        let later = move || {
            session.checks.set_value(false);
            check(session);
        };
        set_timeout(later, Duration::from_millis(left as u64 + 1));
    }
}
