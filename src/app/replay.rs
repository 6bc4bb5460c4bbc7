//! The way through a room's time. Rendered on the server alone: links and a form, no script.

use leptos::prelude::*;

use crate::texts::Texts;

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

/// The steps back and forth, and a field for any moment.
pub fn controls(
    texts: &'static Texts,
    Playhead { at_seconds: at, length_seconds: length, next_seconds: next }: Playhead,
) -> impl IntoView {
    let step = |seconds: u64, key: &'static str, is_there: bool| {
        let href = is_there.then(|| format!("?at={seconds}"));
        view! { <a class="step" href=href aria-disabled=(!is_there).then_some("true")>{texts.text(key)}</a> }
    };
    view! {
        <nav class="replay" aria-label=texts.text("replay.replay")>
            {step(0, "replay.start", at > 0)}
            {step(at.saturating_sub(60), "replay.minute_back", at > 0)}
            {step(at.saturating_sub(10), "replay.seconds_back", at > 0)}
            <form method="get">
                <label for="at">{texts.text("replay.seconds")}</label>
                <input id="at" name="at" type="number" min="0" max=length value=at required />
                <button class="button" type="submit">{texts.text("replay.go")}</button>
            </form>
            {step((at + 10).min(length), "replay.seconds_on", at < length)}
            {step((at + 60).min(length), "replay.minute_on", at < length)}
            {step(next.unwrap_or(at), "replay.next", next.is_some())}
            <p>{texts.fill("replay.at", &[("at", &clock(at)), ("length", &clock(length))])}</p>
        </nav>
    }
}

/// A time as players show it: `1:02:03`.
fn clock(seconds: u64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
