use leptos::{either::Either, prelude::*};

use crate::{
    app::{
        escape::escaped,
        rich_text::{self, Part},
        session::Session,
        state::timeline::Row,
    },
    texts::key,
};

/// The text of a message, with its links and mentions.
///
/// Whom a text mentions may change with those who come. So each part is an element, whose text is replaced as a whole: a browser that
/// has translated the page has taken the text nodes away.
pub fn rich(session: Session, row: &Row, id: String) -> impl IntoView + use<> {
    let parts = match row.message.is_unreadable() {
        true => vec![Part::Plain(session.texts.text(key::page::MESSAGE_UNREADABLE))],
        false => rich_text::parts(&row.message.chat.text, &row.people),
    };
    let tabindex = session.tab_stop(row.is_pinned);
    let part = |part: Part<'_>| match part {
        Part::Plain(text) => Either::Left(view! { <span inner_html=escaped(text)></span> }),
        // A mention is a link without an address, which HTML has for a place where one could be.
        Part::Mention(name) => Either::Right(link(name, Some("mention"), None, None, None)),
        Part::OwnMention(name) => Either::Right(link(name, Some("mention of-reader"), None, None, None)),
        Part::Link(text, prefix) => Either::Right(link(text, None, Some([prefix, text].concat()), None, tabindex)),
        // A host that imitates another is shown as machines write it, and where it really leads on hover.
        Part::Lookalike(text, prefix, shown) => {
            let href = [prefix, text].concat();
            Either::Right(link(&shown, None, Some(href.clone()), Some(href), tabindex))
        }
    };
    view! { <p class="text" dir="auto" id=id>{parts.into_iter().map(part).collect::<Vec<_>>()}</p> }
}

fn link(
    text: &str,
    class: Option<&'static str>,
    href: Option<String>,
    title: Option<String>,
    tabindex: Option<&'static str>,
) -> impl IntoView + use<> {
    let leads = href.is_some();
    view! {
        <a
            class=class
            href=href
            title=title
            tabindex=tabindex
            rel=leads.then_some("nofollow noopener ugc")
            target=leads.then_some("_blank")
            translate="no"
            inner_html=escaped(text)
        ></a>
    }
}
