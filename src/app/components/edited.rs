//! Says of a part of a form with a `data-edited` that something in it is not saved yet, and asks before the page is left with it.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event};

use super::server_page::found;

/// What carries the state: nothing, or the following.
const STATE: &str = "data-edited";
const EDITED: &str = "edited";

/// What says so, by the text that it carries.
const NOTICE: &str = "data-unsaved";

/// Starts to look.
pub(super) fn begin() {
    if found(&any()).next().is_none() {
        return;
    }
    let _ = window_event_listener(ev::input, |event| {
        let Some(part) = part_of(&event) else { return };
        put(&part, EDITED);
        if let Ok(Some(notice)) = part.query_selector(&["[", NOTICE, "]"].concat()) {
            notice.set_text_content(notice.get_attribute(NOTICE).as_deref());
        }
    });
    let _ = window_event_listener(ev::submit, |_| found(&any()).for_each(|part| put(&part, "")));
    let _ = window_event_listener(ev::beforeunload, |event| {
        if found(&["[", STATE, "=", EDITED, "]"].concat()).next().is_some() {
            event.prevent_default();
        }
    });
}

fn any() -> String {
    ["[", STATE, "]"].concat()
}

fn part_of(event: &Event) -> Option<Element> {
    event.target()?.unchecked_into::<Element>().closest(&any()).ok().flatten()
}

fn put(part: &Element, state: &str) {
    // It fails for no attribute that has a name.
    let _ = part.set_attribute(STATE, state);
}
