use leptos::{either::Either, prelude::*};
use leptos_meta::Title;

use super::{live::Live, page, page_beside, path_to};
use crate::{
    app::{clock::Zone, document::texts},
    texts::{Texts, key},
};

/// The messages of a room that wait for a moderator.
#[derive(Clone, Debug)]
pub struct QueueView {
    /// The room's number.
    pub room: String,
    /// Its name.
    pub name: String,
    /// Whether the reader runs the chat; else they moderate the room.
    pub is_owner: bool,
    /// The first of them, the oldest first.
    pub held: Vec<HeldRow>,
    /// How many there are.
    pub waiting: usize,
    /// Where those after these are; none if there are none.
    pub later: Option<String>,
    /// What was just done; may be empty.
    pub done: &'static str,
    /// Why something could not be done; may be empty.
    pub error: String,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub struct HeldRow {
    /// Its id.
    pub id: String,
    /// The name that its author goes by; none if it is no chat message.
    pub name: Option<String>,
    /// Their user id.
    pub author: String,
    /// What they said.
    pub text: String,
    /// When: RFC 3339, UTC.
    pub at: String,
    /// How many other people are at the author's address; `None` if no address is known.
    pub others: Option<usize>,
}

/// The messages that wait for a moderator, and what to do about them.
#[component]
pub fn QueuePage(
    /// What it shows.
    view: QueueView,
) -> impl IntoView {
    let texts = texts();
    let QueueView { room, name, is_owner, held, waiting, later, done, error } = view;
    let (is_empty, is_wrong) = (held.is_empty(), !error.is_empty());
    let title = texts.fill(key::admin::TITLE_OF_QUEUE, &[("room", &name)]);
    // Whoever has decided on one goes on with the next.
    let goes_on = !done.is_empty() || is_wrong;
    let action = format!("/admin/rooms/{room}/queue");
    let rows = held.into_iter().enumerate().map(|(n, held)| row(texts, held, action.clone(), goes_on && n == 0)).collect_view();
    let path = match is_owner {
        true => Either::Left(path_to(texts, &room, &name)),
        false => Either::Right(view! {
            <nav class="path" aria-label=texts.text(key::admin::PATH)>
                <a href=format!("/rooms/{room}")><bdi>{name}</bdi></a>
            </nav>
        }),
    };
    let count = match waiting {
        0 => texts.text(key::admin::NOTHING_WAITS).to_owned(),
        _ => texts.count(key::admin::WAITING, waiting),
    };
    let body = view! {
        <Title text=title />
        <Live />
        {path}
        <p class="done" role="status" hidden=done.is_empty()>{done}</p>
        <p class="error" role="alert" hidden=!is_wrong>{error}</p>
        <p role="status" data-live="count">{count}</p>
        <ol class="queue" data-live="queue" data-rows aria-label=texts.text(key::admin::WAITING_MESSAGES) hidden=is_empty>{rows}</ol>
        {later.map(|href| view! { <p><a class="button quiet" href=href>{texts.text(key::admin::LATER_ONES)}</a></p> })}
    };
    match is_owner {
        true => Either::Left(page(texts, texts.text(key::admin::TO_REVIEW), body)),
        false => Either::Right(page_beside(texts.text(key::admin::TO_REVIEW), (), body)),
    }
}

fn row(
    texts: &'static Texts,
    HeldRow { id, name, author, text, at, others }: HeldRow,
    action: String,
    is_next: bool,
) -> impl IntoView {
    let (anchor, reason) = (id.clone(), format!("reason-{id}"));
    let name = match name {
        Some(name) => Either::Left(view! { <bdi>{name}</bdi> }),
        None => Either::Right(view! { <code>{author}</code> }),
    };
    view! {
        <li id=anchor tabindex="-1" autofocus=is_next>
            <h2>{name}<time datetime=at.clone()>{Zone::Utc.full(texts, &at)}</time></h2>
            <p class="quote" dir="auto">{text}</p>
            <form method="post" action=action.clone()>
                <input type="hidden" name="message" value=id.clone() />
                <button class="button" type="submit" name="act" value="approve">{texts.text(key::admin::APPROVE)}</button>
            </form>
            // Apart, so that Enter in its field declines.
            <form method="post" action=action>
                <input type="hidden" name="message" value=id />
                <p class="reason">
                    <label for=reason.clone()>{texts.text(key::admin::REASON_TO_AUTHOR)}</label>
                    <input id=reason name="reason" type="text" maxlength="256" autocomplete="off" dir="auto" />
                </p>
                {others.map(|others| {
                    let label = texts.fill(key::admin::BAN_ADDRESS, &[("count", &texts.number(others))]);
                    view! { <p><label><input type="checkbox" name="address" value="1" /> {label}</label></p> }
                })}
                <button class="button quiet" type="submit" name="act" value="decline">{texts.text(key::admin::DECLINE)}</button>
                <button class="button quiet" type="submit" name="act" value="ban">{texts.text(key::admin::BAN_AUTHOR)}</button>
            </form>
        </li>
    }
}
