//! The names that are offered while the reader writes one after an `@`.
//!
//! The browser loads and builds them when they are first asked for.

use leptos::{mount::mount_to_renderer, prelude::*};

use super::{LiveText, keep_focus, message_field::Field, part};
use crate::{app::state::offers::Offers, texts::key};

/// The id of their list.
const ID: &str = "people";

/// The ids of the names.
pub const OPTIONS: [&str; Offers::MOST] = ["person-0", "person-1", "person-2", "person-3", "person-4", "person-5"];

part! {
    /// Finds the names that fit what stands before the caret.
    ///
    /// # Errors
    /// If this part of the page cannot be loaded.
    pub fn find(field: Field, before_caret: String) -> Offers {
        offered(field, &before_caret)
    }
}

fn offered(field: Field, before_caret: &str) -> Offers {
    let element = field.element.get_untracked().filter(|_| document().get_element_by_id(ID).is_none());
    if let Some(element) = element {
        mount_to_renderer(&element, move || view! { <People field /> }).forget();
        if let Some(textarea) = field.form.message.get_untracked() {
            // It fails for no attribute that has a name.
            let _ = textarea.set_attribute("aria-controls", ID);
        }
    }
    let session = field.form.session;
    let typed = field.form.name.with_untracked(|name| name.trim().to_owned());
    let mut people =
        session.user_id.with_untracked(|user_id| session.timeline.with_untracked(|timeline| timeline.people(user_id, &typed)));
    people.retain(|person| !person.own);
    Offers::find(before_caret, &people)
}

/// There are as many elements as names can be offered at once, and those without a name are hidden.
#[component]
fn People(field: Field) -> impl IntoView {
    let session = field.form.session;
    let name = move |n| session.text(move |_| field.offers.with(|offers| offers.names().nth(n).unwrap_or_default().to_owned()));
    let options = OPTIONS.into_iter().enumerate().map(|(n, id)| {
        view! {
            <li
                id=id
                role="option"
                dir="auto"
                translate="no"
                hidden=session.flag(move |_| field.offers.with(|offers| offers.names().nth(n).is_none()))
                aria-selected=session.value(move |_| Some(if field.offers.with(Offers::selected) == Some(n) { "true" } else { "false" }))
                on:click=move |_| field.take(n)
                inner_html=LiveText(name(n))
            ></li>
        }
    });
    view! {
        <ul
            id=ID
            class="people"
            role="listbox"
            aria-label=session.texts.text(key::page::PEOPLE)
            hidden=session.flag(move |_| field.offers.with(Offers::is_empty))
            // The field keeps the focus.
            on:mousedown=keep_focus
        >
            {options.collect_view()}
        </ul>
    }
}
