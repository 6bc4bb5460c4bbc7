//! One message in a list, as HTML.

use leptos::prelude::WithValue;

use super::{
    colour,
    html::Html,
    mention::Person,
    rich_text::{self, Part},
    session::Session,
    timeline::Row,
    view::{ChatMessage, Quote},
};
use crate::{
    chat::Reaction,
    texts::{Texts, key},
};

/// Lines of the longest text that is shown whole. The style sheet shows fewer of a longer one, so that unfolding it shows more.
const LINES: usize = 10;

/// Letters of a line: fewer than fit on a desktop, more than fit on a phone.
const COLUMNS: usize = 60;

/// Writes a message, and what stands above it. A name that is not shown is still there for assistive technology.
pub fn write(html: &mut Html, session: Session, row: &Row) {
    let (texts, zone) = (session.texts, session.zone());
    let Row { message, deleted, .. } = row;
    html.open("li", &[("id", if row.is_pinned { "pinned" } else { &message.id }), ("class", &class_of(row))]);
    if row.gap {
        above(html, "p class=gap", texts.text(key::page::GAP));
    }
    if row.day {
        above(html, "p class=day", &zone.day_in_words(texts, &message.sent_at));
    }
    html.open("div class=said", &[]);
    by(html, texts, row);
    let title = zone.full(texts, &message.sent_at);
    html.element("time class=time", &[("datetime", &message.sent_at), ("title", &title)], &zone.time(texts, &message.sent_at));
    if let Some(quote) = &row.quote {
        quoted(html, session, quote);
    }
    html.open("p class=text dir=auto", &[]);
    if message.is_unreadable() {
        html.text(texts.text(key::page::MESSAGE_UNREADABLE));
    }
    rich(html, &message.chat.text, &row.people);
    html.close("p");
    if is_long(&message.chat.text) {
        // The style sheet cuts the text off while this is not checked, so that it works without scripts too.
        html.open("label class=unfold", &[]);
        html.open("input type=checkbox autocomplete=off", &[]);
        html.element("span", &[], texts.text(key::page::SHOW_MORE));
        html.element("span", &[], texts.text(key::page::SHOW_LESS));
        html.close("label");
    }
    if session.moderates || (session.may_react && deleted.is_none() && !message.private && !message.waits) {
        let label = texts.fill(key::page::OPTIONS, &[("name", &message.chat.username)]);
        html.element("button type=button class=more popovertarget=actions", &[("aria-label", &label)], "⋯");
    }
    html.open("div class=chips aria-live=off", &[]);
    chips(html, session, &row.reactions);
    html.close("div");
    if let Some(note) = note(texts, message.waits, deleted.as_deref()) {
        html.element("p class=note", &[], &note);
    }
    html.close("div");
    html.close("li");
}

/// Returns whether a text is to be cut off: it has more than [`LINES`] lines, if a line has room for [`COLUMNS`] letters.
fn is_long(text: &str) -> bool {
    let lines = text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']);
    // Of Chinese letters and emoji half as many fit, roughly.
    let columns = |line: &str| line.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum::<usize>();
    lines.map(|line| columns(line).div_ceil(COLUMNS).max(1)).sum::<usize>() > LINES
}

fn above(html: &mut Html, element: &'static str, words: &str) {
    html.open(element, &[]);
    html.element("span", &[], words);
    html.close("p");
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

/// Who says it, and in what way.
fn by(html: &mut Html, texts: &'static Texts, row: &Row) {
    let ChatMessage { author, chat, role, picture, announces, private, .. } = &*row.message;
    let hue = colour::class(author);
    html.open("span aria-hidden=true", &[("class", &["badge ", hue].concat())]);
    html.text(&colour::initial(&chat.username));
    // It covers the initial as soon as it is there.
    if !picture.is_empty() {
        html.open("img alt loading=lazy referrerpolicy=no-referrer", &[("src", picture)]);
    }
    html.close("span");
    html.open("p class=by", &[]);
    html.element("bdi", &[("class", &["name ", hue].concat())], &chat.username);
    if let Some(namesake) = &row.mark {
        mark(html, texts, namesake);
    }
    // Elements of their own, whose look no letters have: a name cannot imitate them.
    for (stands, class, key) in [
        (role == "owner", "tag role", key::page::OWNER),
        (role == "moderator", "tag role", key::page::MODERATOR),
        (role == "bot", "tag role", key::page::BOT),
        (row.is_pinned, "tag", key::page::PINNED),
        (*announces, "tag", key::page::ANNOUNCEMENT),
        (*private, "tag", key::page::PRIVATE),
        (row.for_reader, "unseen", key::page::MENTIONS_YOU),
    ] {
        if stands {
            html.element("span", &[("class", class)], texts.text(key));
        }
    }
    html.close("p");
}

/// What tells an author from others of the same name. It may come when the row has long been read out.
pub fn mark(html: &mut Html, texts: &'static Texts, namesake: &str) {
    let label = texts.fill(key::page::NAMESAKE, &[("mark", namesake)]);
    html.element("span class=mark dir=ltr role=img aria-live=off", &[("aria-label", &label), ("title", &label)], namesake);
}

/// What a message is a reply to, and the way to a page that ends with it.
fn quoted(html: &mut Html, session: Session, Quote { seq, id, username, text, is_deleted, .. }: &Quote) {
    if *is_deleted {
        return html.element("span class=quoted", &[], session.texts.text(key::page::QUOTE_DELETED));
    }
    let page = session.epoch.with_value(|epoch| session.link("before=", &[epoch, "-", &(seq + 1).to_string(), "#", id].concat()));
    html.element("a class=quoted dir=auto", &[("href", &page)], &[username, ": ", text].concat());
}

/// A text with its links and mentions. A mention is a link without an address, which HTML has for a place where one could be.
fn rich(html: &mut Html, text: &str, people: &[Person]) {
    for part in rich_text::parts(text, people) {
        match part {
            Part::Plain(text) => html.text(text),
            Part::Link(link, prefix) => {
                let address = [prefix, link].concat();
                html.element("a rel=\"nofollow noopener ugc\" target=_blank", &[("href", &address)], link);
            }
            Part::Lookalike(link, prefix, shown) => {
                let address = [prefix, link].concat();
                let attributes = [("href", &*address), ("title", &address)];
                html.element("a rel=\"nofollow noopener ugc\" target=_blank", &attributes, &shown);
            }
            Part::Mention(name) => html.element("a class=mention", &[], name),
            Part::OwnMention(name) => html.element("a class=\"mention of-reader\"", &[], name),
        }
    }
}

/// How many reacted with each emoji, and the way to do so too.
pub fn chips(html: &mut Html, session: Session, reactions: &[Reaction]) {
    for Reaction { emoji, count, own } in reactions {
        let words = [emoji, " ", &count.to_string()].concat();
        let label = [&*words, if *own { session.texts.text(key::page::INCLUDING_YOU) } else { "" }].concat();
        let element = if session.may_react { "button type=button class=chip" } else { "button type=button class=chip disabled" };
        let pressed = if *own { "true" } else { "false" };
        html.element(element, &[("aria-pressed", pressed), ("aria-label", &label)], &words);
    }
}

/// What became of the reader's own message, if it is not as others.
fn note(texts: &'static Texts, waits: bool, deleted: Option<&str>) -> Option<String> {
    let key = match (waits, deleted) {
        (false, None) => return None,
        (true, None) => key::page::WAITS,
        (true, Some(_)) => key::page::NOT_APPROVED,
        (false, Some(_)) => key::page::DELETED,
    };
    Some(texts.with_reason(texts.text(key).to_owned(), deleted.unwrap_or_default()))
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
