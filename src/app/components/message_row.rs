use leptos::{either::Either, prelude::*};

use super::{author, menu, reactions, rich};
use crate::{
    app::{actions, escape::escaped, session::Session, state::timeline::Row, wire::Quote},
    texts::{Text, key},
};

/// Lines of the longest text that is shown whole. The style sheet shows fewer of a longer one, so that unfolding it shows more.
const LINES: usize = 10;

/// Letters of a line: fewer than fit on a desktop.
const COLUMNS: usize = 60;

/// Letters of a line on a phone, and in a narrow frame.
const NARROW_COLUMNS: usize = 30;

/// One message in a list, and what stands above and below it.
///
/// The row is rendered again as a whole when anything about it changes. Leptos then compares each part with what is shown, and writes
/// only what differs, so that its elements stay and keep the focus. One closure for all of a row, and not one for each part, is less for
/// a browser to download and to keep.
#[component]
pub fn MessageRow(session: Session, row: ArcRwSignal<Row>) -> impl IntoView {
    move || row.with(|row| message(session, row))
}

/// A name that is not shown is still there for assistive technology. A text that may change is the `inner_html` of its element, since a
/// text node freezes when the browser translates the page.
fn message(session: Session, row: &Row) -> impl IntoView + use<> {
    let texts = session.texts;
    let message = &*row.message;
    let is_pinned = row.is_pinned;
    let id = if is_pinned { "pinned" } else { &*message.id };
    let tabindex = session.tab_stop(is_pinned).map(|away| if row.is_current { "0" } else { away });
    let row_key = row.key();
    let (time, full_time) = (session.zone().time(texts, &message.sent_at), session.zone().full(texts, &message.sent_at));
    view! {
        <li
            id=id.to_owned()
            class=class_of(row)
            tabindex=tabindex
            aria-labelledby=[id, "-by ", id, "-text"].concat()
            on:focusin=move |_| if !is_pinned { session.current.set(Some(row_key)) }
        >
            {row.gap.then(|| view! { <p class="gap"><span>{texts.text(key::page::GAP)}</span></p> })}
            {row.day.then(|| view! { <p class="day"><span inner_html=escaped(&session.day_in_words(&message.sent_at))></span></p> })}
            <div class="said">
                {author(session, row, [id, "-by"].concat())}
                <time class="time" datetime=message.sent_at.clone() title=full_time inner_html=escaped(&time)></time>
                {row.quote.as_ref().map(|quote| quoted(session, is_pinned, quote))}
                {rich(session, row, [id, "-text"].concat())}
                {cut_off(&message.chat.text).map(|class| unfold(session, class, is_pinned))}
                {may_act(session, row).then(|| more(session, row, [id, "-more"].concat()))}
                {reactions(session, row)}
                {note(row).map(|(key, reason)| {
                    view! { <p class="note" inner_html=escaped(&texts.with_reason(texts.text(key).to_owned(), reason))></p> }
                })}
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

/// What a message is a reply to, and the way there: in the list, or else on a page that ends with it.
fn quoted(session: Session, is_pinned: bool, quote: &Quote) -> impl IntoView + use<> {
    if quote.is_deleted {
        return Either::Left(view! { <span class="quoted">{session.texts.text(key::page::QUOTE_DELETED)}</span> });
    }
    let Quote { seq, id, username, text, .. } = quote.clone();
    let place = |epoch: &String| session.link("before=", &[epoch, "-", &(seq + 1).to_string(), "#", &id].concat());
    let page = session.epoch.with_value(place);
    let press = move |event: leptos::ev::MouseEvent| {
        if actions::show_in_list(session, seq, &id) {
            event.prevent_default();
        }
    };
    Either::Right(view! {
        <a class="quoted" href=page tabindex=session.tab_stop(is_pinned) on:click=press>
            <bdi translate="no">{username}</bdi>
            ": "
            <bdi>{text}</bdi>
        </a>
    })
}

/// The rest of a long text. The style sheet cuts the text off while this is not checked, so that it works without scripts too.
fn unfold(session: Session, class: &'static str, is_pinned: bool) -> impl IntoView {
    view! {
        <label class=class>
            <input type="checkbox" autocomplete="off" tabindex=session.tab_stop(is_pinned) />
            <span>{session.texts.text(key::page::SHOW_MORE)}</span>
            <span>{session.texts.text(key::page::SHOW_LESS)}</span>
        </label>
    }
}

/// Whether the reader may do anything about a message.
fn may_act(session: Session, row: &Row) -> bool {
    let may_react = session.may_react && !row.message.private && !row.message.waits;
    session.moderates || (may_react && row.deleted.is_none())
}

/// The button that opens the menu.
fn more(session: Session, row: &Row, id: String) -> impl IntoView + use<> {
    let message = row.message.clone();
    let label = session.texts.fill(key::page::OPTIONS, &[("name", &message.chat.username)]);
    view! {
        <button
            id=id
            type="button"
            class="more"
            popovertarget="actions"
            aria-label=label
            tabindex=session.tab_stop(row.is_pinned)
            on:click=move |event| menu::pressed(session, message.clone(), &event)
        >
            "⋯"
        </button>
    }
}

/// What became of the reader's own message, if it is not as others, and why, if a reason is known.
fn note(row: &Row) -> Option<(Text, &str)> {
    let key = match (row.message.waits, &row.deleted) {
        (false, None) => return None,
        (true, None) => key::page::WAITS,
        (true, Some(_)) => key::page::NOT_APPROVED,
        (false, Some(_)) => key::page::DELETED,
    };
    Some((key, row.deleted.as_deref().unwrap_or_default()))
}

/// Returns the class of what unfolds a text that is cut off: everywhere, or in a narrow list alone.
fn cut_off(text: &str) -> Option<&'static str> {
    match (is_long(text, COLUMNS), is_long(text, NARROW_COLUMNS)) {
        (true, _) => Some("unfold"),
        (false, true) => Some("unfold narrow"),
        (false, false) => None,
    }
}

/// Returns whether a text has more than [`LINES`] lines, if a line has room for that many letters.
fn is_long(text: &str, in_line: usize) -> bool {
    let lines = text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']);
    // Of Chinese letters and emoji half as many fit, roughly.
    let columns = |line: &str| line.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum::<usize>();
    lines.map(|line| columns(line).div_ceil(in_line).max(1)).sum::<usize>() > LINES
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
            assert_eq!(is_long(&unit.repeat(count), COLUMNS), expected, "{count} times {unit:?}");
        }
    }

    #[test]
    fn what_is_short_on_a_desktop_may_be_long_on_a_phone() {
        for (text, expected) in [
            ("W".repeat(300), None),
            ("W".repeat(301), Some("unfold narrow")),
            ("W".repeat(601), Some("unfold")),
            ("木".repeat(151), Some("unfold narrow")),
            ("a\n".repeat(5), None),
        ] {
            assert_eq!(cut_off(&text), expected, "{text}");
        }
    }
}
