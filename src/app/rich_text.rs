//! A message's text, split into plain text, links and the names of people. Nothing else in a message ever becomes markup.

use super::mention::{self, Mention, Person};
use crate::chat::links;

/// A piece of a text. The pieces of a text, put together, are the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// To be shown as it is.
    Plain(&'a str),
    /// A link, shown as it is, and what precedes it in its address.
    Link(&'a str, &'static str),
    /// A link whose host imitates another: as written, what precedes it in its address, and what is shown.
    Lookalike(&'a str, &'static str, String),
    /// `@` and the name of somebody.
    Mention(&'a str),
    /// `@` and the name of the reader.
    OwnMention(&'a str),
}

/// Splits a text into its parts. No part is empty.
pub fn parts<'a>(text: &'a str, people: &[Person]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut from = 0;
    for link in links(text) {
        push_plain(&mut parts, text, (from, link.start), people);
        from = link.end();
        parts.push(match (link.prefix(), link.shown()) {
            (None, _) => Part::Plain(link.text),
            (Some(prefix), None) => Part::Link(link.text, prefix),
            (Some(prefix), Some(shown)) => Part::Lookalike(link.text, prefix, shown),
        });
    }
    push_plain(&mut parts, text, (from, text.len()), people);
    parts
}

/// What holds no link: plain text and mentions.
fn push_plain<'a>(parts: &mut Vec<Part<'a>>, text: &'a str, (mut from, until): (usize, usize), people: &[Person]) {
    while let Some(Mention { start, end, own }) = mention::next(text, from, until, people) {
        if from < start {
            parts.push(Part::Plain(&text[from..start]));
        }
        let mention = &text[start..end];
        parts.push(if own { Part::OwnMention(mention) } else { Part::Mention(mention) });
        from = end;
    }
    if from < until {
        parts.push(Part::Plain(&text[from..until]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a text, links in `‹›`, mentions in `[]`, those of the reader in `[[]]`.
    fn check(text: &str, expected: &str) {
        let people = [("Ann", false), ("Bob", true)].map(|(name, own)| Person::new(name, own));
        let parts = parts(text, &people);
        let marked: String = parts
            .iter()
            .map(|part| match part {
                Part::Plain(plain) => (*plain).to_owned(),
                Part::Link(link, prefix) => format!("‹{prefix}{link}›"),
                Part::Lookalike(link, prefix, shown) => format!("‹{prefix}{link}={shown}›"),
                Part::Mention(name) => format!("[{name}]"),
                Part::OwnMention(name) => format!("[[{name}]]"),
            })
            .collect();
        assert_eq!(marked, expected);
        let texts = parts.iter().map(|part| match part {
            Part::Plain(text) | Part::Link(text, _) | Part::Lookalike(text, ..) => *text,
            Part::Mention(text) | Part::OwnMention(text) => *text,
        });
        assert_eq!(texts.clone().collect::<String>(), text, "nothing is lost");
        assert!(texts.clone().all(|text| !text.is_empty()));
    }

    #[test]
    fn people_are_found_around_links_and_not_in_them() {
        check("@ann see https://a.example/@Ann or @Bob", "[@ann] see ‹https://a.example/@Ann› or [[@Bob]]");
        check("https://a.example@Ann @Bob", "https://a.example@Ann [[@Bob]]");
        check("https://good.example/ @Ann", "‹https://good.example/› [@Ann]");
    }

    #[test]
    fn addresses_are_found() {
        check("", "");
        check("no link", "no link");
        check("https://a.example", "‹https://a.example›");
        check("see https://a.example/b?c=d&e#f now", "see ‹https://a.example/b?c=d&e#f› now");
        check("HTTP://A.example and https://b.example", "‹HTTP://A.example› and ‹https://b.example›");
        check("http://localhost:3000/x", "‹http://localhost:3000/x›");
        check("see gооgle.com", "see ‹https://gооgle.com=xn--ggle-55da.com›");
        check("http://[::1]:80/", "‹http://[::1]:80/›");
        check("línea https://例え.テスト/ä\nnext", "línea ‹https://例え.テスト/ä›\nnext");
        check("https://a.example\u{202e}gpj.exe", "‹https://a.example›\u{202e}gpj.exe");
    }

    #[test]
    fn sentences_end_after_an_address() {
        check("Go to https://a.example.", "Go to ‹https://a.example›.");
        check("https://a.example/?!…", "‹https://a.example/›?!…");
        check("(https://a.example)", "(‹https://a.example›)");
        check("(https://a.example/b).", "(‹https://a.example/b›).");
        check("https://a.example/Rust_(language)", "‹https://a.example/Rust_(language)›");
        check("(see https://a.example/Rust_(language))", "(see ‹https://a.example/Rust_(language)›)");
        check("[https://a.example], 'https://b.example'", "[‹https://a.example›], '‹https://b.example›'");
        check("**https://a.example**", "**‹https://a.example›**");
    }

    #[test]
    fn nothing_else_is_a_link() {
        for text in [
            "javascript://a.example/%0aalert(1)",
            "javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "xhttp://a.example",
            "ftp://a.example",
            "http://",
            "https://)",
            "https:// a.example",
            "http:///etc/passwd",
            "https://good.example@evil.example/",
            "www.a.example",
            "://",
            "é://",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn markup_stays_text() {
        check("<script>alert(1)</script>", "<script>alert(1)</script>");
        check("<a href=\"https://a.example\">x</a>", "<a href=\"‹https://a.example›\">x</a>");
        check("https://a.example/\"onmouseover=alert(1)", "‹https://a.example/›\"onmouseover=alert(1)");
        check("https://a.example/<img/src=x>", "‹https://a.example/›<img/src=x>");
        check("https://https://a.example", "‹https://https://a.example›");
    }
}
