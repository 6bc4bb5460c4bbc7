use leptos::{ev::KeyboardEvent, prelude::*};

use super::{List, LiveText};
use crate::{
    app::{
        hold, keys, scroll,
        session::Session,
        state::{
            announcer::MOST_LINES,
            timeline::{Row, Timeline},
        },
        task::spawn,
    },
    chat::RoomState,
    texts::{Text, key},
};

/// What was said. The reader follows at its end, or looks around in it.
///
/// It is one stop for the Tab key: the log itself, or the row that the arrow keys have led to. It is no live region: what is new is
/// announced by [`Announced`], since a row has more in it than is to be read out.
#[component]
pub fn Log(session: Session, archive: bool) -> impl IntoView {
    view! {
        <div
            class="stage"
            on:focusin=move |event| hold::focused(session, &event)
            on:focusout=move |event| hold::blurred(session, &event)
            on:pointermove=move |event| hold::pointed(session, &event)
            on:pointerdown=move |event| hold::pointed(session, &event)
            on:pointerleave=move |event| hold::left(session, &event)
        >
            <div
                id="log"
                class="log"
                role="log"
                aria-label=session.texts.text(key::page::CONVERSATION)
                aria-live="off"
                aria-busy=move || session.fetching.get().then_some("true")
                tabindex=move || if session.current.get().is_some() { "-1" } else { "0" }
                node_ref=session.log
                on:scroll=move |_| scroll::scrolled(session)
                on:keydown=move |event| keys::pressed(session, &event)
            >
                <Older session />
                <ul id="list" class="list" node_ref=session.list>
                    <List session rows />
                </ul>
                <p
                    class="empty"
                    hidden=session.flag(|session| !session.timeline.with(Timeline::is_empty))
                    inner_html=LiveText(session.text(move |session| session.texts.text(empty(session, archive)).to_owned()))
                ></p>
            </div>
            <Newer session archive />
            <Announced session />
        </div>
    }
}

/// What stands in place of messages where there are none. It invites only those who may answer.
fn empty(session: Session, archive: bool) -> Text {
    match session.state.get() {
        _ if archive => key::page::EMPTY_SO_FAR,
        RoomState::Live => key::page::EMPTY,
        RoomState::Created | RoomState::Prepared | RoomState::Ended => key::page::EMPTY_CLOSED,
    }
}

/// The message that stands above the chat.
#[component]
pub fn Pinned(session: Session) -> impl IntoView {
    let row = |session: Session| session.pinned.with(|pinned| pinned.clone().map(Row::pinned).into_iter().collect());
    view! {
        // A long one scrolls, and keys must reach it.
        <aside
            class="pinned"
            aria-label=session.texts.text(key::page::PINNED_MESSAGE)
            tabindex="0"
            hidden=session.flag(|session| session.pinned.with(Option::is_none))
        >
            <ul class="list">
                <List session rows=row />
            </ul>
        </aside>
    }
}

/// What the list shows.
fn rows(session: Session) -> Vec<Row> {
    let current = session.current.get();
    let rows =
        |timeline: &Timeline| session.user_id.with(|user_id| session.name.with(|name| timeline.rows(user_id, name, current)));
    let mut rows = session.timeline.with(rows);
    if session.is_overlay {
        // What stands above a row depends on the rows before it, which fade.
        rows.iter_mut().for_each(|row| (row.gap, row.day, row.name) = (false, false, true));
    }
    rows
}

/// The way to older messages: a link to a page of them, and with JavaScript a button that puts them into the list.
#[component]
fn Older(session: Session) -> impl IntoView {
    let load = move || {
        if !session.fetching.get_untracked() {
            spawn(session.load_older());
        }
    };
    // What a button does and a link does not.
    let on_key = move |event: KeyboardEvent| {
        if event.key() == " " {
            event.prevent_default();
            load();
        }
    };
    view! {
        <a
            class="older"
            href=move || session.timeline.with(|timeline| session.link("before=", timeline.older_from()))
            role=move || session.hydrated.get().then_some("button")
            hidden=session.flag(|session| !session.timeline.with(Timeline::has_older))
            on:click=move |event| {
                event.prevent_default();
                load();
            }
            on:keydown=on_key
        >
            {session.texts.text(key::page::OLDER)}
        </a>
    }
}

/// The way back to the newest messages.
#[component]
fn Newer(session: Session, archive: bool) -> impl IntoView {
    // The newest message of the room is not where an older part of it, or its replay, leads.
    let hidden = move |session: Session| {
        session.timeline.with(|timeline| match timeline.unread() {
            0 => archive || !timeline.has_newer(),
            _ => archive && timeline.has_newer(),
        })
    };
    let words = |session: Session| match session.timeline.with(Timeline::unread) {
        0 => session.texts.text(key::page::NEWEST).to_owned(),
        unread => session.texts.count(key::page::NEW_MESSAGES, unread),
    };
    button("jump", session.flag(hidden), session.text(words), Box::new(move || scroll::to_newest(session)))
}

/// What a screen reader reads out: the lines of the last [announcement](crate::app::state::announcer).
#[component]
fn Announced(session: Session) -> impl IntoView {
    let line = |n| session.text(move |session| session.announced.with(|lines| lines.get(n).cloned().unwrap_or_default()));
    view! {
        <div class="unseen" aria-live="polite" aria-relevant="additions">
            {std::array::from_fn::<_, MOST_LINES, _>(|n| view! { <p inner_html=LiveText(line(n))></p> })}
        </div>
    }
}

/// A button whose words follow the state, while it is shown.
pub fn button(class: &'static str, hidden: Signal<bool>, words: Signal<String>, press: Box<dyn Fn() + Send>) -> impl IntoView {
    view! { <button type="button" class=class hidden=hidden on:click=move |_| press() inner_html=LiveText(words)></button> }
}
