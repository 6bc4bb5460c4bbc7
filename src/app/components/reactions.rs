use leptos::prelude::*;

use super::LiveText;
use crate::{
    app::{actions, session::Session, state::timeline::Row},
    texts::key,
};

/// How many reacted with each emoji, and the way to do so too.
#[component]
pub fn Reactions(session: Session, row: RwSignal<Row>) -> impl IntoView {
    let emojis = move || row.with(|row| row.reactions.iter().map(|reaction| reaction.emoji.clone()).collect::<Vec<_>>());
    view! {
        <div class="chips">
            <For each=emojis key=Clone::clone let(emoji)>
                <Chip session row emoji />
            </For>
        </div>
    }
}

#[component]
fn Chip(session: Session, row: RwSignal<Row>, emoji: String) -> impl IntoView {
    let (message, is_pinned) = row.with_untracked(|row| (row.message.clone(), row.is_pinned));
    let of_chip = emoji.clone();
    // How many, and whether the reader is one of them.
    let reaction = Memo::new(move |_| {
        let find = |row: &Row| row.reactions.iter().find(|reaction| reaction.emoji == of_chip).map(|it| (it.count, it.own));
        row.with(find).unwrap_or_default()
    });
    let is_own = move || reaction.get().1;
    let shown = emoji.clone();
    let words = session.text(move |_| [&*shown, " ", &reaction.get().0.to_string()].concat());
    let label = move || [&*words.get(), if is_own() { session.texts.text(key::page::INCLUDING_YOU) } else { "" }].concat();
    view! {
        <button
            type="button"
            class="chip"
            disabled=!session.may_react
            tabindex=move || session.tab_stop(is_pinned)
            aria-pressed=move || if is_own() { "true" } else { "false" }
            aria-label=label
            on:click=move |_| actions::react(session, message.clone(), emoji.clone())
            inner_html=LiveText(words)
        ></button>
    }
}
