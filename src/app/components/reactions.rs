use leptos::prelude::*;

use crate::{
    app::{actions, escape::escaped, session::Session, state::timeline::Row},
    chat::Reaction,
    texts::key,
};

/// How many reacted with each emoji, and the way to do so too.
///
/// An emoji keeps its place in the row while the row is shown, also while nobody uses it, so that no button becomes another one under
/// the pointer or the focus.
pub fn reactions(session: Session, row: &Row) -> impl IntoView + use<> {
    let chip = |Reaction { emoji, count, own }: Reaction| {
        let words = [&*emoji, " ", &count.to_string()].concat();
        let including = if own { session.texts.text(key::page::INCLUDING_YOU) } else { "" };
        let message = row.message.clone();
        view! {
            <button
                type="button"
                class="chip"
                hidden=count == 0
                disabled=!session.may_react
                tabindex=session.tab_stop(row.is_pinned)
                aria-pressed=if own { "true" } else { "false" }
                aria-label=[&words, including].concat()
                on:click=move |_| actions::react(session, message.clone(), emoji.clone())
                inner_html=escaped(&words)
            ></button>
        }
    };
    view! { <div class="chips">{row.reactions.iter().cloned().map(chip).collect::<Vec<_>>()}</div> }
}
