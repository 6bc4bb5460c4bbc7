//! The keys of the list: arrows, Home and End lead from row to row, left and right through what can be pressed in one, Enter opens its
//! menu, and Escape leads back.

use leptos::{ev::KeyboardEvent, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{
    components::menu,
    hold, scroll,
    session::Session,
    state::timeline::{Step, Timeline},
    task::spawn,
};

/// What can be pressed in a row.
const CONTROLS: &str = "a[href], button:enabled, input";

/// A key is pressed in the log. What does something is no key of the browser's any more.
pub fn pressed(session: Session, event: &KeyboardEvent) {
    if event.ctrl_key() || event.alt_key() || event.meta_key() || event.default_prevented() {
        return;
    }
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let row = target.closest("li").ok().flatten();
    let is_done = match (&*event.key(), &row) {
        ("ArrowUp", _) => step(session, Step::Back),
        ("ArrowDown", _) => step(session, Step::On),
        ("Home", _) => step(session, Step::First),
        ("End", _) => step(session, Step::Last),
        (key @ ("ArrowRight" | "ArrowLeft"), Some(row)) => {
            let is_on = (key == "ArrowRight") == (session.texts.direction() == "ltr");
            turn(row, &target, if is_on { 1 } else { -1 })
        }
        ("Enter", Some(row)) if *row == target => open_menu(session, row),
        ("ContextMenu", Some(row)) => open_menu(session, row),
        ("F10", Some(row)) if event.shift_key() => open_menu(session, row),
        // The browser closes the menu.
        ("Escape", _) if session.holds.with_value(|holds| holds.menu) => false,
        ("Escape", Some(row)) if *row != target => focus(row),
        ("Escape", Some(_)) => leave(session),
        _ => false,
    };
    if is_done {
        event.prevent_default();
    }
}

/// Gives the keys another row, when theirs was taken out. `had_focus` says whether they were in the list until then.
pub fn mend(session: Session, had_focus: bool) {
    let Some(current) = session.current.get_untracked() else { return };
    if session.timeline.with_untracked(|timeline| timeline.has(current)) {
        return;
    }
    let next = session.timeline.with_untracked(|timeline| timeline.at_or_after(current));
    session.current.set(next.as_ref().map(|(key, _)| *key));
    if had_focus && !next.is_some_and(|(_, id)| focus_id(&id)) {
        hold::release(session);
    }
}

/// Goes to another row. The first step leads to a row that the reader sees.
fn step(session: Session, step: Step) -> bool {
    let from = |timeline: &Timeline| match session.current.get_untracked() {
        Some(current) => timeline.step(current, step),
        None if matches!(step, Step::First) || session.follows() => timeline.edge(step),
        None => scroll::first_in_view(session).and_then(|id| timeline.row_of(&id)),
    };
    session.timeline.with_untracked(from).is_some_and(|(_, id)| focus_id(&id))
}

/// Goes to the next thing in a row that can be pressed, or back to the row.
fn turn(row: &Element, from: &Element, by: i32) -> bool {
    let Ok(controls) = row.query_selector_all(CONTROLS) else { return false };
    let control = |at: u32| controls.get(at).and_then(|control| control.dyn_into::<Element>().ok());
    let at = (0..controls.length()).find(|at| control(*at).is_some_and(|control| control == *from));
    let next = match at {
        Some(at) => at.checked_add_signed(by),
        None if by > 0 => Some(0),
        None => controls.length().checked_sub(1),
    };
    match next.map(control) {
        Some(Some(control)) => focus(&control),
        _ => focus(row),
    }
}

/// Opens the menu of a row beside its button, and goes into it.
fn open_menu(session: Session, row: &Element) -> bool {
    let Some(button) = html_element(&[&*row.id(), "-more"].concat()) else { return false };
    spawn(async move {
        if let Some(menu) = menu::load(session).await {
            button.click();
            if let Ok(Some(first)) = menu.query_selector("button") {
                focus(&first);
            }
        }
    });
    true
}

/// Leaves the list for the message field, or else for the log. The list goes on.
fn leave(session: Session) -> bool {
    let left = focus_id("message") || focus_id("log");
    hold::release(session);
    left
}

fn focus_id(id: &str) -> bool {
    html_element(id).is_some_and(|element| focus(&element))
}

/// Gives something the focus. Returns whether it took it.
fn focus(element: &Element) -> bool {
    let Some(element) = element.dyn_ref::<HtmlElement>() else { return false };
    let _ = element.focus();
    document().active_element().is_some_and(|active| active == **element)
}

fn html_element(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}
