use leptos::prelude::*;

use crate::{
    app::{
        components::{ENDED_ID, ServerPage},
        document::{Islands, texts},
    },
    texts::key,
};

/// Keeps the figures of a page up to date where scripts run, and tells the reader when it is not theirs to see any more.
#[component]
pub fn Live() -> impl IntoView {
    let texts = texts();
    view! {
        <p id=ENDED_ID class="access-ended" role="alert" hidden>
            {texts.text(key::page::ACCESS_ENDED)} " " <a href="">{texts.text(key::page::RELOAD)}</a>
        </p>
        <ServerPage />
        <Islands />
    }
}
