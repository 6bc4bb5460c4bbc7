use leptos::{either::Either, ev::KeyboardEvent, prelude::*, tachys::view::keyed::keyed};

use super::{
    actions,
    clock::Zone,
    colour,
    mention::Person,
    rich_text::{self, Part},
    scroll,
    session::{Session, spawn},
    timeline::{Row, Timeline},
    view::{ChatMessage, Quote},
};
use crate::texts::Texts;

/// What was said. The reader follows at its end, or looks around in it.
#[component]
pub fn Log(session: Session, archive: bool) -> impl IntoView {
    view! {
        <div class="stage">
            <div
                id="log"
                class="log"
                role="log"
                aria-label=session.texts.text("page.conversation")
                aria-live="polite"
                aria-busy=move || session.fetching.get().then_some("true")
                tabindex="0"
                node_ref=session.log
                on:scroll=move |_| scroll::moved(session)
            >
                <Older session />
                <ul id="list" class="list">{listed(session, rows)}</ul>
                <p class="empty" hidden=session.flag(|session| !session.timeline.with(Timeline::is_empty))>
                    {session.texts.text("page.empty")}
                </p>
            </div>
            <Newer session archive />
        </div>
    }
}

/// The message that stands above the chat.
#[component]
pub fn Pinned(session: Session) -> impl IntoView {
    let row = |session: Session| session.pinned.with(|pinned| pinned.clone().map(Row::pinned).into_iter().collect());
    view! {
        // A long one scrolls, and keys must reach it.
        <aside class="pinned" aria-label=session.texts.text("page.pinned_message") tabindex="0" hidden=session.flag(|session| session.pinned.with(Option::is_none))>
            <ul class="list">{listed(session, row)}</ul>
        </aside>
    }
}

/// Rows as elements. (By `keyed` and not by Leptos' `For`, which keeps some bytes of each row that ever was. So nothing in a row
/// may need an owner of its own, as `Signal::derive` does.)
fn listed(session: Session, rows: fn(Session) -> Vec<Row>) -> impl IntoView {
    move || keyed(rows(session), Row::key, move |_, row| (drop::<usize>, view! { <Said session row /> }))
}

/// What the list shows.
fn rows(session: Session) -> Vec<Row> {
    let mut rows =
        session.user_id.with(|user_id| session.name.with(|name| session.timeline.with(|timeline| timeline.rows(user_id, name))));
    if session.is_overlay {
        // A row that looked different when one before it goes would be made anew, and its fading begin again.
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
            {session.texts.text("page.older")}
        </a>
    }
}

/// The way back to the newest messages.
#[component]
fn Newer(session: Session, archive: bool) -> impl IntoView {
    let hidden =
        move |session: Session| archive || session.timeline.with(|timeline| timeline.unread() == 0 && !timeline.has_newer());
    let words = |session: Session| match session.timeline.with(Timeline::unread) {
        0 => session.texts.text("page.newest").to_owned(),
        unread => session.texts.count("page.new_messages", unread),
    };
    button("jump", session.flag(hidden), session.words(words), Box::new(move || spawn(session.jump_to_newest())))
}

/// A button whose words follow the state, while it is shown.
pub fn button(class: &'static str, hidden: Signal<bool>, words: Signal<String>, press: Box<dyn Fn() + Send>) -> impl IntoView {
    view! { <button type="button" class=class hidden=hidden on:click=move |_| press()>{words}</button> }
}

/// One message, and what stands above it. A name that is not shown is still there for assistive technology.
#[component]
fn Said(session: Session, row: Row) -> impl IntoView {
    let Row { message, gap, day, name, own, deleted, is_pinned, people, for_reader, quote, reactions, .. } = row;
    let is_deleted = deleted.is_some();
    let class = match (name, for_reader) {
        (false, false) => "message",
        (false, true) => "message for-reader",
        (true, false) => "message first",
        (true, true) => "message first for-reader",
    };
    let hue = colour::class(&message.chat.username);
    // What the browser writes in another way than the server.
    let texts = session.texts;
    let note = note(texts, message.waits, deleted);
    let written = |write: fn(Zone, &'static Texts, &str) -> String| -> Box<dyn Fn() -> String + Send> {
        let message = message.clone();
        Box::new(move || write(session.zone(), texts, &message.sent_at))
    };
    view! {
        <li
            id=if is_pinned { "pinned".to_owned() } else { message.id.clone() }
            class=class
            class:own=own
            class:deleted=is_deleted
            class:announcement=message.announces
            class:waits=message.waits
        >
            {gap.then(|| view! { <p class="gap"><span>{texts.text("page.gap")}</span></p> })}
            {day.then(|| view! { <p class="day"><span>{written(Zone::day_in_words)}</span></p> })}
            <div class="said">
                <span class=format!("badge {hue}") aria-hidden="true">
                    {colour::initial(&message.chat.username)} {(!message.picture.is_empty()).then(|| picture(&message))}
                </span>
                <p class="by">
                    <bdi class=format!("name {hue}")>{message.chat.username.clone()}</bdi>
                    {role(&message.role).map(|key| tag("tag role", texts.text(key)))}
                    {is_pinned.then(|| tag("tag", texts.text("page.pinned")))}
                    {message.announces.then(|| tag("tag", texts.text("page.announcement")))}
                    {message.private.then(|| tag("tag", texts.text("page.private")))}
                    {for_reader.then(|| tag("unseen", texts.text("page.mentions_you")))}
                </p>
                <time class="time" datetime=message.sent_at.clone() title=written(Zone::full)>{written(Zone::time)}</time>
                {quote.map(|quote| quoted(session, quote))}
                <p class="text" dir="auto">{rich(&message.chat.text, &people)}</p>
                {(session.moderates || (session.may_react && !is_deleted && !message.private && !message.waits)).then(|| more(session, &message))}
                <div class="chips" aria-live="off" inner_html=actions::html(session, &reactions)></div>
                {note.map(|note| view! { <p class="note">{note}</p> })}
            </div>
        </li>
    }
}

/// What covers an author's initial, as soon as it is there.
fn picture(message: &ChatMessage) -> impl IntoView + use<> {
    let address = message.picture.clone();
    view! { <img src=address alt="" loading="lazy" referrerpolicy="no-referrer" /> }
}

/// A word beside a name. An element of its own, whose look no letters have: a name cannot imitate it.
fn tag(class: &'static str, word: &'static str) -> impl IntoView {
    view! { <span class=class>{word}</span> }
}

/// The word for what an author was in the room. None for a guest.
fn role(role: &str) -> Option<&'static str> {
    match role {
        "owner" => Some("page.owner"),
        "moderator" => Some("page.moderator"),
        "bot" => Some("page.bot"),
        _ => None,
    }
}

/// What became of the reader's own message, if it is not as others.
fn note(texts: &'static Texts, waits: bool, deleted: Option<String>) -> Option<String> {
    let key = match (waits, &deleted) {
        (false, None) => return None,
        (true, None) => "page.waits",
        (true, Some(_)) => "page.not_approved",
        (false, Some(_)) => "page.deleted",
    };
    Some(with_reason(texts, texts.text(key).to_owned(), &deleted.unwrap_or_default()))
}

/// A sentence, and why it is so, if that is known.
pub fn with_reason(texts: &'static Texts, mut sentence: String, reason: &str) -> String {
    if !reason.is_empty() {
        sentence.push(' ');
        sentence.push_str(&texts.fill("page.reason", &[("reason", reason)]));
    }
    sentence
}

/// The way to what the reader may do about a message.
fn more(session: Session, message: &ChatMessage) -> impl IntoView + use<> {
    let label = session.texts.fill("page.options", &[("name", &message.chat.username)]);
    view! { <button type="button" class="more" aria-label=label popovertarget="actions">"⋯"</button> }
}

/// What a message is a reply to, and the way to a page that ends with it.
fn quoted(session: Session, Quote { seq, id, username, text, is_deleted, .. }: Quote) -> impl IntoView {
    if is_deleted {
        return Either::Left(tag("quoted", session.texts.text("page.quote_deleted")));
    }
    let page =
        session.epoch.with_value(|epoch| session.link("before=", &[epoch, "-", &(seq + 1).to_string(), "#", &id].concat()));
    Either::Right(view! { <a class="quoted" href=page dir="auto">{[&*username, ": ", &text].concat()}</a> })
}

/// A text with its links and mentions. A mention is a link without an address, which HTML has for a place where one could be:
/// another element would be another type, and each type in a view is code that a browser downloads.
fn rich(text: &str, people: &[Person]) -> impl IntoView + use<> {
    let parts = rich_text::parts(text, people).into_iter().map(|part| {
        let (text, class) = match part {
            Part::Plain(text) => return Either::Left(text.to_owned()),
            Part::Link(address) => (address, None),
            Part::Mention(name) => (name, Some("mention")),
            Part::OwnMention(name) => (name, Some("mention of-reader")),
        };
        let address = class.is_none().then(|| text.to_owned());
        let (rel, target) = address.as_ref().map(|_| ("nofollow noopener ugc", "_blank")).unzip();
        Either::Right(view! { <a class=class href=address rel=rel target=target>{text.to_owned()}</a> })
    });
    parts.collect_view()
}
