use std::sync::Arc;

use leptos::prelude::*;

use super::{Author, LiveText, Reactions, Rich};
use crate::{
    app::{
        actions,
        session::Session,
        state::timeline::Row,
        wire::{ChatMessage, Quote},
    },
    texts::{Text, Texts, key},
};

/// Lines of the longest text that is shown whole. The style sheet shows fewer of a longer one, so that unfolding it shows more.
const LINES: usize = 10;

/// Letters of a line: fewer than fit on a desktop, more than fit on a phone.
const COLUMNS: usize = 60;

/// One message in a list, and what stands above and below it.
///
/// The message itself never changes: only what `row` says of it besides is followed. A name that is not shown is still there for
/// assistive technology.
#[component]
pub fn MessageRow(session: Session, row: RwSignal<Row>) -> impl IntoView {
    let texts = session.texts;
    let (message, is_pinned, row_key) = row.with_untracked(|row| (row.message.clone(), row.is_pinned, row.key()));
    let id = if is_pinned { "pinned".to_owned() } else { message.id.clone() };
    let labels = [&*id, "-by ", &id, "-text"].concat();
    let tabindex = move || (!is_pinned && session.is_alive()).then(|| if row.with(|row| row.is_current) { "0" } else { "-1" });
    let gap = move || row.with(|row| row.gap).then(|| view! { <p class="gap"><span>{texts.text(key::page::GAP)}</span></p> });
    let sent_at = message.sent_at.clone();
    let day = move || {
        row.with(|row| row.day).then(|| {
            let sent_at = sent_at.clone();
            view! { <p class="day"><span inner_html=LiveText(session.text(move |session| session.day_in_words(&sent_at)))></span></p> }
        })
    };
    view! {
        <li
            id=id.clone()
            class=move || row.with(class_of)
            tabindex=tabindex
            aria-labelledby=labels
            on:focusin=move |_| if !is_pinned { session.current.set(Some(row_key)) }
        >
            {gap}
            {day}
            <div class="said">
                <Author session row id=[&*id, "-by"].concat() />
                <Moment session sent_at=message.sent_at.clone() />
                <Quoted session row />
                <Rich session row id=[&*id, "-text"].concat() />
                {is_long(&message.chat.text).then(|| unfold(session, is_pinned))}
                <More session row id=[&*id, "-more"].concat() />
                <Reactions session row />
                <Note texts row />
            </div>
        </li>
    }
}

fn class_of(row: &Row) -> String {
    let mut class = "message".to_owned();
    for (is_so, word) in [
        (row.name, " first"),
        (row.for_reader, " for-reader"),
        (row.own, " own"),
        (row.deleted.is_some(), " deleted"),
        (row.message.announces, " announcement"),
        (row.message.waits, " waits"),
    ] {
        if is_so {
            class.push_str(word);
        }
    }
    class
}

/// When it was said.
#[component]
fn Moment(session: Session, sent_at: String) -> impl IntoView {
    let texts = session.texts;
    let (time, full) = (sent_at.clone(), sent_at.clone());
    view! {
        <time
            class="time"
            datetime=sent_at
            title=move || session.zone().full(texts, &full)
            inner_html=LiveText(session.text(move |session| session.zone().time(texts, &time)))
        ></time>
    }
}

/// What a message is a reply to, and the way there: in the list, or else on a page that ends with it.
#[component]
fn Quoted(session: Session, row: RwSignal<Row>) -> impl IntoView {
    let is_pinned = row.with_untracked(|row| row.is_pinned);
    // Not followed with the row: a link that is made anew while it is pressed is not pressed.
    let quote = Memo::new(move |_| row.with(|row| row.quote.clone()));
    move || {
        quote.get().map(|quote| {
            if quote.is_deleted {
                return view! { <span class="quoted">{session.texts.text(key::page::QUOTE_DELETED)}</span> }.into_any();
            }
            let Quote { seq, id, username, text, .. } = quote;
            let page = session
                .epoch
                .with_value(|epoch| session.link("before=", &[epoch, "-", &(seq + 1).to_string(), "#", &id].concat()));
            view! {
                <a
                    class="quoted"
                    href=page
                    tabindex=move || session.tab_stop(is_pinned)
                    on:click=move |event| {
                        if actions::show_in_list(session, seq, &id) {
                            event.prevent_default();
                        }
                    }
                >
                    <bdi translate="no">{username}</bdi>
                    ": "
                    <bdi>{text}</bdi>
                </a>
            }
            .into_any()
        })
    }
}

/// The rest of a long text. The style sheet cuts the text off while this is not checked, so that it works without scripts too.
fn unfold(session: Session, is_pinned: bool) -> impl IntoView {
    view! {
        <label class="unfold">
            <input type="checkbox" autocomplete="off" tabindex=move || session.tab_stop(is_pinned) />
            <span>{session.texts.text(key::page::SHOW_MORE)}</span>
            <span>{session.texts.text(key::page::SHOW_LESS)}</span>
        </label>
    }
}

/// The button that opens the menu, for those who may do anything about the message.
#[component]
fn More(session: Session, row: RwSignal<Row>, id: String) -> impl IntoView {
    let (message, is_pinned) = row.with_untracked(|row| (row.message.clone(), row.is_pinned));
    let may_react = session.may_react && !message.private && !message.waits;
    let is_there = Memo::new(move |_| session.moderates || (may_react && row.with(|row| row.deleted.is_none())));
    let ChatMessage { chat, .. } = &*message;
    let label = session.texts.fill(key::page::OPTIONS, &[("name", &chat.username)]);
    move || {
        is_there.get().then(|| {
            let message: Arc<ChatMessage> = message.clone();
            view! {
                <button
                    id=id.clone()
                    type="button"
                    class="more"
                    popovertarget="actions"
                    aria-label=label.clone()
                    tabindex=move || session.tab_stop(is_pinned)
                    on:click=move |_| session.acted_on.set(Some(message.clone()))
                >
                    "⋯"
                </button>
            }
        })
    }
}

/// What became of the reader's own message, if it is not as others.
#[component]
fn Note(texts: &'static Texts, row: RwSignal<Row>) -> impl IntoView {
    let text = move || row.with(|row| note(row.message.waits, row.deleted.as_deref()));
    move || {
        text().is_some().then(|| {
            let words =
                move || text().map_or_else(String::new, |(key, reason)| texts.with_reason(texts.text(key).to_owned(), &reason));
            view! { <p class="note" inner_html=LiveText(Signal::derive(words))></p> }
        })
    }
}

fn note(waits: bool, deleted: Option<&str>) -> Option<(Text, String)> {
    let key = match (waits, deleted) {
        (false, None) => return None,
        (true, None) => key::page::WAITS,
        (true, Some(_)) => key::page::NOT_APPROVED,
        (false, Some(_)) => key::page::DELETED,
    };
    Some((key, deleted.unwrap_or_default().to_owned()))
}

/// Returns whether a text is to be cut off: it has more than [`LINES`] lines, if a line has room for [`COLUMNS`] letters.
fn is_long(text: &str) -> bool {
    let lines = text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']);
    // Of Chinese letters and emoji half as many fit, roughly.
    let columns = |line: &str| line.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum::<usize>();
    lines.map(|line| columns(line).div_ceil(COLUMNS).max(1)).sum::<usize>() > LINES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_would_fill_the_screen_are_long() {
        let rows = [
            ("", 1, false),
            ("a", 60 * LINES, false),
            ("a", 60 * LINES + 1, true),
            ("\n", LINES - 1, false),
            ("\n", 500, true),
            ("a\r", LINES, true),
            ("\u{2028}", LINES, true),
            ("\u{b}", LINES, true),
            ("木", 300, false),
            ("木", 301, true),
            ("a b ", 125, false),
        ];
        for (unit, count, expected) in rows {
            assert_eq!(is_long(&unit.repeat(count)), expected, "{count} times {unit:?}");
        }
    }
}
