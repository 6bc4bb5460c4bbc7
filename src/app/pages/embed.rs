use leptos::prelude::*;
use leptos_meta::{Html, Meta, Style, Title};

use super::room::LiveRoom;
use crate::{
    app::{
        document::{site_look, texts},
        look::{Look, Theme},
        wire::RoomView,
    },
    texts::key,
};

/// A room in another site's frame.
#[component]
pub fn EmbedPage(
    /// What it shows.
    view: RoomView,
    /// How it looks there.
    look: Look,
) -> impl IntoView {
    let texts = texts();
    let theme = look.theme.map(Theme::name);
    let class = if look.read_only { "embed read-only" } else { "embed" };
    let style = site_look().style_of_embed(look);
    view! {
        <Title text=view.settings.name.clone() />
        <Html {..} class=class data-theme=theme />
        {theme.map(|theme| view! { <Meta name="color-scheme" content=theme /> })}
        {(!style.is_empty()).then(|| view! { <Style>{style}</Style> })}
        <noscript>
            <p class="no-script">
                {texts.text(key::start::NO_SCRIPT)} " "
                <a href=format!("/rooms/{}", view.room) target="_blank">{texts.text(key::start::OPEN_IN_TAB)}</a>
            </p>
        </noscript>
        <LiveRoom view />
    }
}
