use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    app::document::{Brand, texts},
    texts::key,
};

/// A page that says one thing.
#[component]
pub fn NoticePage(
    /// What it is about.
    heading: String,
    /// What it says.
    text: String,
) -> impl IntoView {
    view! {
        <Title text=heading.clone() />
        <Brand />
        <main class="notice-page">
            <h1>{heading}</h1>
            <p>{text}</p>
            // In a frame it would be refused: our own pages stand in none.
            <p><a class="button" href="/" target="_top">{texts().text(key::notice::TO_THE_CHAT)}</a></p>
        </main>
    }
}

/// There is nothing at this address.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let texts = texts();
    view! { <NoticePage heading=texts.text(key::notice::NOT_FOUND).to_owned() text=texts.text(key::notice::NOT_FOUND_WHY).to_owned() /> }
}

/// The page could not be made.
#[component]
pub fn FailedPage() -> impl IntoView {
    let texts = texts();
    view! { <NoticePage heading=texts.text(key::notice::FAILED).to_owned() text=texts.text(key::notice::FAILED_WHY).to_owned() /> }
}
