use leptos::prelude::*;

use crate::{
    app::{colour, session::Session, state::timeline::Row, wire::ChatMessage},
    texts::{Texts, key},
};

/// Who says it, and in what way.
#[component]
pub fn Author(session: Session, row: RwSignal<Row>, id: String) -> impl IntoView {
    let texts = session.texts;
    let (message, is_pinned) = row.with_untracked(|row| (row.message.clone(), row.is_pinned));
    let ChatMessage { author, chat, role, picture, announces, private, .. } = &*message;
    let hue = colour::class(author);
    // Elements of their own, whose look no letters have: a name cannot imitate them.
    let tags = [
        (is_pinned, "tag", key::page::PINNED),
        (*announces, "tag", key::page::ANNOUNCEMENT),
        (*private, "tag", key::page::PRIVATE),
    ];
    let tags = tags.into_iter().filter(|(stands, ..)| *stands);
    let tags = tags.map(|(_, class, key)| view! { <span class=class>{texts.text(key)}</span> }).collect_view();
    let for_reader = move || {
        row.with(|row| row.for_reader).then(|| view! { <span class="unseen">{texts.text(key::page::MENTIONS_YOU)}</span> })
    };
    view! {
        <span aria-hidden="true" translate="no" class=["badge ", hue].concat()>
            {colour::initial(&chat.username)}
            // It covers the initial as soon as it is there.
            {(!picture.is_empty()).then(|| view! { <img alt="" loading="lazy" referrerpolicy="no-referrer" src=picture.clone() /> })}
        </span>
        <p class="by">
            <bdi id=id translate="no" class=["name ", hue].concat()>{chat.username.clone()}</bdi>
            {move || row.with(|row| row.mark.clone()).map(|mark| namesake(texts, mark))}
            {role_tag(texts, role)}
            {tags}
            {for_reader}
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
fn namesake(texts: &'static Texts, mark: String) -> impl IntoView {
    let label = texts.fill(key::page::NAMESAKE, &[("mark", &mark)]);
    view! { <span class="mark" dir="ltr" role="img" translate="no" title=label.clone() aria-label=label>{mark}</span> }
}
