use leptos::prelude::*;

use crate::{
    app::{
        rich_text::{self, Part},
        session::Session,
        state::timeline::Row,
    },
    texts::key,
};

/// The text of a message, with its links and mentions.
#[component]
pub fn Rich(session: Session, row: RwSignal<Row>, id: String) -> impl IntoView {
    // Whom a text mentions may change with those who come. Then all of it is replaced: a browser that has translated it has taken its
    // text nodes away.
    view! {
        <For each=move || [row.with(|row| row.mentions.clone())] key=Clone::clone let(_mentions)>
            <p class="text" dir="auto" id=id.clone()>{parts(session, row)}</p>
        </For>
    }
}

/// A mention is a link without an address, which HTML has for a place where one could be.
fn parts(session: Session, row: RwSignal<Row>) -> Vec<AnyView> {
    let (message, people, is_pinned) = row.with_untracked(|row| (row.message.clone(), row.people.clone(), row.is_pinned));
    if message.is_unreadable() {
        return vec![session.texts.text(key::page::MESSAGE_UNREADABLE).into_any()];
    }
    let link = |link: &str, prefix: &str, imitates: Option<String>| {
        let href = [prefix, link].concat();
        // A host that imitates another is shown as machines write it, and where it really leads on hover.
        let (title, shown) = (imitates.is_some().then(|| href.clone()), imitates.unwrap_or_else(|| link.to_owned()));
        let tabindex = move || session.tab_stop(is_pinned);
        view! {
            <a rel="nofollow noopener ugc" target="_blank" translate="no" href=href title=title tabindex=tabindex>
                {shown}
            </a>
        }
        .into_any()
    };
    let part = |part: Part| match part {
        Part::Plain(text) => text.to_owned().into_any(),
        Part::Link(text, prefix) => link(text, prefix, None),
        Part::Lookalike(text, prefix, shown) => link(text, prefix, Some(shown)),
        Part::Mention(name) => view! { <a class="mention" translate="no">{name.to_owned()}</a> }.into_any(),
        Part::OwnMention(name) => view! { <a class="mention of-reader" translate="no">{name.to_owned()}</a> }.into_any(),
    };
    rich_text::parts(&message.chat.text, &people).into_iter().map(part).collect()
}
