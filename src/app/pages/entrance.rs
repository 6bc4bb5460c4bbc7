use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    app::{
        document::{Brand, texts},
        pages::admin::naming,
        view::EntranceView,
    },
    texts::key,
};

/// Asks whether to enter a room as a user of another site.
#[component]
pub fn EntrancePage(
    /// What it shows.
    view: EntranceView,
) -> impl IntoView {
    let texts = texts();
    let EntranceView { name, to, path, token } = view;
    view! {
        <Title text=texts.text(key::entrance::HEADING) />
        <Brand />
        <main class="notice-page">
            <h1>{texts.text(key::entrance::HEADING)}</h1>
            <p>{naming(texts, key::entrance::WHAT, &[("room", &to), ("name", &name)])}</p>
            <form method="post" action=format!("{path}/enter")>
                <input type="hidden" name="token" value=token />
                // One child: between those of a flexible box white space is not shown.
                <button class="button" type="submit"><span>{naming(texts, key::entrance::ACCEPT, &[("name", &name)])}</span></button>
            </form>
            <p><a href=path>{texts.text(key::entrance::DECLINE)}</a></p>
        </main>
    }
}
