//! Keeps what has a `data-live` as the server has it now, for as long as somebody looks: row by row what has a `data-rows` too, anything
//! else as a whole. What has the focus, or something typed in it, stays as it is.
//!
//! Once the reader may not see the page, that is said, and nothing is fetched any more.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement, Node};

use super::server_page::{elements, found};
use crate::app::{
    net::request,
    task::{sleep, spawn},
};

/// How often a page that somebody looks at is fetched again, in seconds.
const EVERY: f64 = 5.0;

/// HTTP: here it is.
const OK: u16 = 200;

/// HTTP: not for this reader, or not there. The status of a redirection is 0, since it is not followed (Fetch, 2.2.6, "opaque-redirect
/// filtered response").
const ELSEWHERE: [u16; 4] = [0, 401, 403, 404];

/// What is on the page that asks the reader to sign in, which may have the address of any other.
const SIGN_IN: &str = "[data-sign-in]";

/// What carries the name of something that is kept up to date.
const LIVE: &str = "data-live";

/// What carries a list whose rows have ids.
const ROWS: &str = "data-rows";

/// The id of what is shown once the reader may not see the page.
pub const ENDED_ID: &str = "access-ended";

/// Starts to look, if there is anything to be kept.
pub(super) fn begin() {
    if found(&any()).next().is_none() {
        return;
    }
    spawn(keep_looking());
    // Whoever comes back has not to wait.
    let _ = window_event_listener(ev::visibilitychange, |_| {
        let goes_on = ended().is_some_and(|ended| ended.get_attribute("hidden").is_some());
        if !document().hidden() && goes_on {
            spawn(async {
                let _ = look().await;
            });
        }
    });
}

/// What is to be kept.
fn any() -> String {
    ["[", LIVE, "]"].concat()
}

/// What is shown at the end.
fn ended() -> Option<Element> {
    document().get_element_by_id(ENDED_ID)
}

async fn keep_looking() {
    loop {
        sleep(EVERY).await;
        if !document().hidden() && look().await == Look::Ended {
            break;
        }
    }
    if let Some(ended) = ended() {
        // It fails for no attribute that has a name.
        let _ = ended.remove_attribute("hidden");
    }
}

/// What came of a look at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// The page is up to date, or could not be fetched this time.
    Done,
    /// It is not for this reader any more. Another look would not change that.
    Ended,
}

async fn look() -> Look {
    // The address of the page itself.
    match request::get("").await {
        Ok(answer) if answer.status == OK => update(&answer.text),
        Ok(answer) if ELSEWHERE.contains(&answer.status) => Look::Ended,
        // Without an answer the next look is as good.
        Ok(_) | Err(_) => Look::Done,
    }
}

fn update(html: &str) -> Look {
    let Some(fresh) = parsed(html) else { return Look::Done };
    if let Ok(Some(_)) = fresh.query_selector(SIGN_IN) {
        return Look::Ended;
    }
    for shown in found(&any()) {
        let name = shown.get_attribute(LIVE).unwrap_or_default();
        if let Ok(Some(fresh)) = fresh.query_selector(&["[", LIVE, "=\"", &name, "\"]"].concat()) {
            refresh(&shown, &fresh);
        }
    }
    Look::Done
}

/// Parses a page, of which nothing runs: it is no part of this one.
fn parsed(html: &str) -> Option<Element> {
    let page = document().create_element("html").ok()?;
    page.set_inner_html(html);
    Some(page)
}

fn refresh(shown: &Element, fresh: &Element) {
    if shown.get_attribute(ROWS).is_none() {
        return replace(shown, fresh);
    }
    let (old, new) = (rows(shown), rows(fresh));
    for row in old.iter().filter(|row| !new.iter().any(|new| new.id() == row.id()) && !is_in_use(row)) {
        row.remove();
    }
    for row in new {
        match old.iter().find(|old| old.id() == row.id()) {
            Some(old) => replace(old, &row),
            None => {
                let _ = shown.append_child(&row);
            }
        }
    }
    let _ = match shown.children().length() {
        0 => shown.set_attribute("hidden", ""),
        _ => shown.remove_attribute("hidden"),
    };
}

/// Takes over the content of an element, unless it is in use.
fn replace(shown: &Element, fresh: &Element) {
    if shown.inner_html() == fresh.inner_html() || is_in_use(shown) {
        return;
    }
    shown.set_text_content(None);
    while let Some(child) = fresh.first_child() {
        let _ = shown.append_child(&child);
    }
}

/// Returns whether it has the focus, or something typed in it.
fn is_in_use(element: &Element) -> bool {
    let is_typed =
        |input: Element| input.dyn_into::<HtmlInputElement>().is_ok_and(|input| input.value() != input.default_value());
    document().active_element().is_some_and(|active| element.contains(Some(active.unchecked_ref::<Node>())))
        || element.query_selector_all("input").is_ok_and(|inputs| elements(&inputs).any(is_typed))
}

fn rows(list: &Element) -> Vec<Element> {
    let children = list.children();
    (0..children.length()).filter_map(|n| children.item(n)).filter(|child| !child.id().is_empty()).collect()
}
