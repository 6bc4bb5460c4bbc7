use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Title;

use super::room::{LiveRoom, in_script};
use crate::{
    app::{
        components::player::{AT, ID, NEXT, PLAYHEAD_ID, STEP, clock, in_words},
        document::{Brand, texts},
        wire::{self, Playhead, RoomView},
    },
    texts::key,
};

/// A room as it was at a moment, and the way to other moments.
#[component]
pub fn ReplayPage(
    /// What it shows.
    view: RoomView,
    /// The moment.
    playhead: Playhead,
) -> impl IntoView {
    let query = view.link_query.clone();
    view! {
        <Title text=view.settings.name.clone() />
        <Brand />
        <script id=PLAYHEAD_ID type="application/json" nonce=use_nonce()>{in_script(&wire::write(&playhead))}</script>
        <div id=ID>{controls(&query, playhead, view.messages.is_empty())}</div>
        <LiveRoom view />
    }
}

/// The controls as they are until the [player](crate::app::components::player) takes their place: links and a form. `query` is what they
/// keep of the page's address. Where nothing has been said yet, `is_empty`, they say when that begins.
fn controls(
    query: &str,
    Playhead { at_seconds: at, length_seconds: length, next_seconds: next, .. }: Playhead,
    is_empty: bool,
) -> impl IntoView + use<> {
    let texts = texts();
    let link = |to: Option<u64>| to.map(|seconds| format!("?{query}{AT}={seconds}"));
    let back = link((at > 0).then(|| at.saturating_sub(STEP)));
    let on = link((at < length).then(|| (at + STEP).min(length)));
    let first = next.filter(|_| is_empty).map(|first| {
        let words = texts.fill(key::replay::FIRST, &[("time", &clock(first, length))]);
        view! { <p class="first"><a href=link(Some(first))>{words}</a></p> }
    });
    let next = link(next);
    let off = |href: &Option<String>| href.is_none().then_some("true");
    let kept = query.trim_end_matches('&').split('&').filter_map(|parameter| parameter.split_once('='));
    let kept: Vec<_> =
        kept.map(|(name, value)| view! { <input type="hidden" name=name.to_owned() value=value.to_owned() /> }).collect();
    view! {
        <nav class="replay" aria-label=texts.text(key::replay::REPLAY)>
            <div class="controls" dir="ltr">
                <a id="back" class="step" aria-disabled=off(&back) href=back>{texts.text(key::replay::SECONDS_BACK)}</a>
                <form class="seek" method="get">
                    {kept}
                    <input
                        id=AT
                        name=AT
                        type="range"
                        min="0"
                        max=length
                        value=at
                        autocomplete="off"
                        aria-label=texts.text(key::replay::POSITION)
                        aria-valuetext=in_words(texts, at)
                    />
                    <span class="moment">{clock(at, length)}" / "{clock(length, length)}</span>
                    <button class="button quiet" type="submit">{texts.text(key::replay::GO)}</button>
                </form>
                <a id="on" class="step" aria-disabled=off(&on) href=on>{texts.text(key::replay::SECONDS_ON)}</a>
                <a
                    id="next"
                    class="step"
                    aria-label=texts.text(key::replay::NEXT)
                    title=texts.text(key::replay::NEXT)
                    aria-disabled=off(&next)
                    href=next
                >
                    <svg viewBox="0 0 24 24" aria-hidden="true"><path d=NEXT></path></svg>
                </a>
            </div>
            {first}
        </nav>
    }
}
