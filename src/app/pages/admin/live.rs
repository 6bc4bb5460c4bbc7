use leptos::prelude::*;
use leptos_meta::Script;

use crate::{app::document::texts, texts::key};

/// Keeps the figures of a page up to date, without an island.
#[component]
pub fn LiveFigures() -> impl IntoView {
    let texts = texts();
    view! {
        <Script type_="module" src="/live-figures.js" />
        <p id="access-ended" class="access-ended" role="alert" hidden>
            {texts.text(key::page::ACCESS_ENDED)}" "<a href="">{texts.text(key::page::RELOAD)}</a>
        </p>
    }
}
