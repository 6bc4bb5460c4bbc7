use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    app::{
        document::{Brand, texts},
        pages::admin::naming,
    },
    texts::key,
};

/// Asks whether to take an invitation to moderate.
#[component]
pub fn InvitationPage(
    /// Under which name.
    name: String,
    /// The room's name.
    to: String,
) -> impl IntoView {
    let texts = texts();
    view! {
        <Title text=texts.text(key::admin::INVITATION) />
        <Brand />
        <main class="notice-page">
            <h1>{texts.text(key::invitation::HEADING)}</h1>
            <p>{naming(texts, key::invitation::WHAT, &[("room", &to), ("name", &name)])}</p>
            <form method="post" action="">
                <button class="button" type="submit">{texts.text(key::invitation::ACCEPT)}</button>
            </form>
        </main>
    }
}
