use leptos::{either::Either, ev::KeyboardEvent, prelude::*, task};

use super::{
    colour,
    rich_text::{self, Part},
    scroll,
    session::Session,
    timeline::{Row, RowKind, Timeline},
    view::ChatMessage,
};

/// What was said. The reader follows at its end, or looks around in it.
#[component]
pub fn Log(session: Session, archive: bool) -> impl IntoView {
    let empty = Memo::new(move |_| session.timeline.with(Timeline::is_empty));
    view! {
        <div class="stage">
            <div
                id="log"
                class="log"
                role="log"
                aria-label="Conversation"
                aria-live="polite"
                aria-busy=move || session.fetching.get().then_some("true")
                tabindex="0"
                node_ref=session.log
                on:scroll=move |_| scroll::moved(session)
            >
                <Older session />
                <ul id="list" class="list">
                    <For
                        each=move || session.timeline.with(Timeline::rows)
                        key=|row| row.key
                        children=move |row| view! { <RowView session row /> }
                    />
                </ul>
                {move || empty.get().then(|| view! { <p class="empty">"No messages yet. Say hello!"</p> })}
            </div>
            <Newer session archive />
        </div>
    }
}

/// The way to older messages: a link to a page of them, and with JavaScript a button that puts them into the list.
#[component]
fn Older(session: Session) -> impl IntoView {
    let has_older = Memo::new(move |_| session.timeline.with(Timeline::has_older));
    let address = move || format!("?before={}", session.timeline.with(|timeline| timeline.older_from().to_owned()));
    let load = move || {
        if !session.fetching.get_untracked() {
            task::spawn_local(session.load_older());
        }
    };
    // What a button does and a link does not.
    let on_key = move |event: KeyboardEvent| {
        if event.key() == " " {
            event.prevent_default();
            load();
        }
    };
    let link = move || {
        view! {
            <a
                class="older"
                href=address
                role=move || session.hydrated.get().then_some("button")
                aria-disabled=move || session.fetching.get().then_some("true")
                on:click=move |event| {
                    event.prevent_default();
                    load();
                }
                on:keydown=on_key
            >
                "Load older messages"
            </a>
        }
    };
    move || has_older.get().then(link)
}

/// The way back to the newest messages.
#[component]
fn Newer(session: Session, archive: bool) -> impl IntoView {
    let unread = Memo::new(move |_| session.timeline.with(Timeline::unread));
    let shown = move || !archive && (unread.get() > 0 || session.timeline.with(Timeline::has_newer));
    let words = move || match unread.get() {
        0 => "Newest messages".to_owned(),
        1 => "1 new message".to_owned(),
        unread => format!("{unread} new messages"),
    };
    view! {
        <button
            type="button"
            class="jump"
            hidden=move || !shown()
            on:click=move |_| {
                task::spawn_local(session.jump_to_newest());
            }
        >
            {words}
        </button>
    }
}

#[component]
fn RowView(session: Session, row: Row) -> impl IntoView {
    let Row { key: (_, kind), message } = row;
    match (kind, message) {
        (RowKind::Day, Some(message)) => {
            let sent_at = message.sent_at.clone();
            let day = move || session.zone.get().day_in_words(&sent_at);
            Either::Left(view! { <li class="day"><span>{day}</span></li> }.into_any())
        }
        (RowKind::Gap, _) | (_, None) => {
            Either::Left(view! { <li class="gap"><span>"Some messages may be missing here."</span></li> }.into_any())
        }
        (RowKind::First, Some(message)) => Either::Right(view! { <Said session message=(*message).clone() first=true /> }),
        (RowKind::Further, Some(message)) => Either::Right(view! { <Said session message=(*message).clone() first=false /> }),
    }
}

/// One message. A further one hides its author's name, but for assistive technology.
#[component]
fn Said(session: Session, message: ChatMessage, first: bool) -> impl IntoView {
    let ChatMessage { id, author, chat, sent_at, private, .. } = message;
    let hue = colour::class(&chat.username);
    let (moment, full) = (sent_at.clone(), sent_at.clone());
    view! {
        <li
            id=id
            class=if first { "message first" } else { "message" }
            class:own=move || session.user_id.with(|user_id| *user_id == author)
        >
            <span class=format!("badge {hue}") aria-hidden="true">{colour::initial(&chat.username)}</span>
            <p class="by">
                <bdi class=format!("name {hue}")>{chat.username}</bdi>
                {private.then(|| view! { <span class="tag">"private"</span> })}
            </p>
            <time class="time" datetime=sent_at title=move || session.zone.get().full(&full)>
                {move || session.zone.get().time(&moment)}
            </time>
            <p class="text" dir="auto">{rich(&chat.text)}</p>
        </li>
    }
}

/// A text with its links.
fn rich(text: &str) -> impl IntoView + use<> {
    let parts = rich_text::parts(text).into_iter().map(|part| match part {
        Part::Plain(text) => Either::Left(text.to_owned()),
        Part::Link(address) => {
            let address = address.to_owned();
            let link = view! { <a href=address.clone() rel="nofollow noopener ugc" target="_blank">{address.clone()}</a> };
            Either::Right(link)
        }
    });
    parts.collect_view()
}
