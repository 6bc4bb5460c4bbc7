use leptos::prelude::*;

use crate::{
    app::{colour, escape::escaped, session::Session, state::timeline::Row, wire::ChatMessage},
    texts::{Texts, key},
};

/// Who says it, and in what way.
pub fn author(session: Session, row: &Row, id: String) -> impl IntoView + use<> {
    let texts = session.texts;
    let ChatMessage { author, chat, role, picture, announces, private, .. } = &*row.message;
    let hue = colour::class(author);
    // Elements of their own, whose look no letters have: a name cannot imitate them.
    let tags = [(row.is_pinned, key::page::PINNED), (*announces, key::page::ANNOUNCEMENT), (*private, key::page::PRIVATE)];
    let tags = tags.map(|(stands, key)| stands.then(|| view! { <span class="tag">{texts.text(key)}</span> }));
    view! {
        <span aria-hidden="true" translate="no" class=["badge ", hue].concat()>
            {colour::initial(&chat.username)}
            // It covers the initial as soon as it is there.
            {(!picture.is_empty()).then(|| view! { <img alt="" loading="lazy" referrerpolicy="no-referrer" src=picture.clone() /> })}
        </span>
        <p class="by">
            <bdi id=id translate="no" class=["name ", hue].concat()>{chat.username.clone()}</bdi>
            {row.mark.as_deref().map(|mark| namesake(texts, mark))}
            {role_tag(texts, role)}
            {tags}
            {row.for_reader.then(|| view! { <span class="unseen">{texts.text(key::page::MENTIONS_YOU)}</span> })}
        </p>
    }
}

/// A tag that says what somebody is in the room; none for a guest.
pub fn role_tag(texts: &'static Texts, role: &str) -> Option<impl IntoView + use<>> {
    let key = match role {
        "owner" => key::page::OWNER,
        "moderator" => key::page::MODERATOR,
        "bot" => key::page::BOT,
        _ => return None,
    };
    Some(view! { <span class="tag role">{texts.text(key)}</span> })
}

/// What tells an author from others of the same name.
fn namesake(texts: &'static Texts, mark: &str) -> impl IntoView + use<> {
    let label = texts.fill(key::page::NAMESAKE, &[("mark", mark)]);
    let mark = escaped(mark);
    view! { <span class="mark" dir="ltr" role="img" translate="no" title=label.clone() aria-label=label inner_html=mark></span> }
}
