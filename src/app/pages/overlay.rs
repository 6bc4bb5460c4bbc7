use leptos::prelude::*;
use leptos_meta::{Html, Meta, Style, Title};

use super::room::LiveRoom;
use crate::app::{look::Fade, wire::RoomView};

/// A room over a video.
#[component]
pub fn OverlayPage(
    /// What it shows.
    view: RoomView,
    /// How long a message stays.
    fade: Fade,
) -> impl IntoView {
    let class = if fade.seconds == 0 { "overlay" } else { "overlay fading" };
    let style = fade.style();
    view! {
        <Title text=view.settings.name.clone() />
        <Html {..} class=class />
        <Meta name="color-scheme" content="light" />
        {(!style.is_empty()).then(|| view! { <Style>{style}</Style> })}
        <LiveRoom view />
    }
}
