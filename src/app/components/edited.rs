//! Says of a form with a `data-edited` that something in it is not saved yet, and asks before the page is left with it.

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
        let Some(form) = form_of(&event) else { return };
        put(&form, EDITED);
        if let Ok(Some(notice)) = form.query_selector(&["[", NOTICE, "]"].concat()) {
            notice.set_text_content(notice.get_attribute(NOTICE).as_deref());
        }
    });
    let _ = window_event_listener(ev::submit, |event| {
        if let Some(form) = form_of(&event) {
            put(&form, "");
        }
    });
    let _ = window_event_listener(ev::beforeunload, |event| {
        if found(&["[", STATE, "=", EDITED, "]"].concat()).next().is_some() {
            event.prevent_default();
        }
    });
}

fn any() -> String {
    ["[", STATE, "]"].concat()
}

fn form_of(event: &Event) -> Option<Element> {
    event.target()?.unchecked_into::<Element>().closest(&any()).ok().flatten()
}

fn put(form: &Element, state: &str) {
    // It fails for no attribute that has a name.
    let _ = form.set_attribute(STATE, state);
}
