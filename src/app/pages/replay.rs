//! The way through a room's time: links and a form, and where a script may run, a button that plays it (`public/replay.js`). Rendered
//! on the server alone.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Title;

use super::room::LiveRoom;
use crate::{
    app::{
        document::{Brand, texts},
        wire::RoomView,
    },
    chat::RoomId,
    texts::{Text, Texts, key},
};

/// Where a replay stands, in seconds from the room's start.
#[derive(Clone, Copy, Debug)]
pub struct Playhead {
    /// The moment that is shown.
    pub at_seconds: u64,
    /// The last moment that there is.
    pub length_seconds: u64,
    /// When the next message comes, if one does.
    pub next_seconds: Option<u64>,
}

/// A room as it was at a moment.
#[component]
pub fn ReplayPage(
    /// What it shows.
    view: RoomView,
    /// The moment.
    playhead: Playhead,
) -> impl IntoView {
    view! {
        <Title text=view.settings.name.clone() />
        <Brand />
        {controls(texts(), view.room, playhead)}
        <LiveRoom view />
    }
}

/// The steps back and forth, and a field for any moment.
fn controls(
    texts: &'static Texts,
    room: RoomId,
    Playhead { at_seconds: at, length_seconds: length, next_seconds: next }: Playhead,
) -> impl IntoView {
    let link = |seconds: u64, key: Text, is_there: bool, step: Option<i32>| {
        let href = is_there.then(|| format!("?at={seconds}"));
        view! { <a class="step" href=href data-step=step aria-disabled=(!is_there).then_some("true")>{texts.text(key)}</a> }
    };
    let step = |step: i32, key| {
        link(at.saturating_add_signed(step.into()).min(length), key, if step < 0 { at > 0 } else { at < length }, Some(step))
    };
    view! {
        <nav
            class="replay"
            aria-label=texts.text(key::replay::REPLAY)
            data-room=room.to_string()
            data-at=at
            data-length=length
            data-moment=texts.template(key::replay::AT)
            data-failed=texts.text(key::page::NO_CONNECTION)
        >
            <button id="play" class="button" type="button" data-pause=texts.text(key::replay::PAUSE) hidden>{texts.text(key::replay::PLAY)}</button>
            {link(0, key::replay::START, at > 0, None)}
            {step(-60, key::replay::MINUTE_BACK)}
            {step(-10, key::replay::SECONDS_BACK)}
            <form method="get">
                <label for="at">{texts.text(key::replay::SECONDS)}</label>
                <input id="at" name="at" type="number" min="0" max=length value=at required />
                <button class="button" type="submit">{texts.text(key::replay::GO)}</button>
            </form>
            {step(10, key::replay::SECONDS_ON)}
            {step(60, key::replay::MINUTE_ON)}
            {link(next.unwrap_or(at), key::replay::NEXT, next.is_some(), None)}
            <p class="moment">{texts.fill(key::replay::AT, &[("at", &clock(at)), ("length", &clock(length))])}</p>
        </nav>
        <script type="module" src="/replay.js" nonce=use_nonce()></script>
    }
}

/// A time as players show it: `1:02:03`.
fn clock(seconds: u64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
