//! Something with a text to copy, in a `code` element, and a `button` for it. The style sheet shows the button once it works, and for
//! having copied its second `span` instead of its first.

use js_sys::futures::JsFuture;
use leptos::{ev, ev::MouseEvent, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::server_page::found;
use crate::app::task::spawn;

/// What says how it is: nothing at first, then one of the following.
const STATE: &str = "data-copyable";
const READY: &str = "ready";
const COPIED: &str = "copied";

/// Lets the buttons of the page copy.
pub(super) fn begin() {
    for copyable in found(&["[", STATE, "]"].concat()) {
        put(&copyable, READY);
        let _ = window_event_listener(ev::click, move |event| pressed(&copyable, &event));
    }
}

fn pressed(copyable: &Element, event: &MouseEvent) {
    let pressed = event.target().map(JsCast::unchecked_into::<Element>).filter(|pressed| copyable.contains(Some(pressed)));
    let button = pressed.and_then(|pressed| pressed.closest("button").ok().flatten());
    if let Some(code) = button.and_then(|_| copyable.query_selector("code").ok().flatten()) {
        let copyable = copyable.clone();
        spawn(async move {
            put(&copyable, if copy_text_of(&code).await { COPIED } else { READY });
        });
    }
}

fn put(copyable: &Element, state: &str) {
    // It fails for no attribute that has a name.
    let _ = copyable.set_attribute(STATE, state);
}

/// Copies the text of an element. Browsers offer their clipboard to secure pages alone; on others the text is selected and copied as by
/// hand. Returns whether it was copied.
async fn copy_text_of(element: &Element) -> bool {
    if window().is_secure_context() {
        let text = element.text_content().unwrap_or_default();
        return JsFuture::from(window().navigator().clipboard().write_text(&text)).await.is_ok();
    }
    let selected =
        window().get_selection().ok().flatten().is_some_and(|selection| selection.select_all_children(element).is_ok());
    let page = document().dyn_into::<web_sys::HtmlDocument>();
    selected && page.is_ok_and(|page| page.exec_command("copy").unwrap_or_default())
}
