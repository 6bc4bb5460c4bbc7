//! Says of a form with a `data-edited` whether something in it is not saved yet, and asks before the page is left with it.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

use super::server_page::{elements, found};

/// What carries the state: nothing, or the following.
const STATE: &str = "data-edited";
const EDITED: &str = "edited";

/// Starts to look.
pub(super) fn begin() {
    if found(&any()).next().is_none() {
        return;
    }
    let _ = window_event_listener(ev::input, |event| {
        let changed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if let Some(form) = changed.and_then(|changed| changed.closest(&any()).ok().flatten()) {
            say(&form);
        }
    });
    // What is sent is no longer unsaved.
    let _ = window_event_listener(ev::submit, |event| {
        if let Some(form) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) {
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

fn say(form: &Element) {
    let is_edited = form.query_selector_all("input, select, textarea").is_ok_and(|fields| elements(&fields).any(is_changed));
    put(form, if is_edited { EDITED } else { "" });
    if let Ok(Some(notice)) = form.query_selector("[data-unsaved]") {
        let text = notice.get_attribute("data-unsaved").filter(|_| is_edited);
        notice.set_text_content(text.as_deref());
    }
}

fn put(form: &Element, state: &str) {
    if form.has_attribute(STATE) {
        // It fails for no attribute that has a name.
        let _ = form.set_attribute(STATE, state);
    }
}

/// Returns whether a field holds something else than when the page came.
fn is_changed(field: Element) -> bool {
    if let Some(field) = field.dyn_ref::<HtmlInputElement>() {
        return field.value() != field.default_value() || field.checked() != field.default_checked();
    }
    if let Some(field) = field.dyn_ref::<HtmlTextAreaElement>() {
        return field.default_value().is_ok_and(|before| field.value() != before);
    }
    let options = field.dyn_ref::<HtmlSelectElement>().and_then(|field| field.query_selector_all("option").ok());
    let is_other = |option: Element| {
        option.dyn_into::<web_sys::HtmlOptionElement>().is_ok_and(|option| option.selected() != option.default_selected())
    };
    options.is_some_and(|options| elements(&options).any(is_other))
}
