//! A message's text, split into plain text, links and the names of people. Nothing else in a message ever becomes markup.

use super::mention::{self, Mention, Person};

/// A piece of a text. The pieces of a text, put together, are the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// To be shown as it is.
    Plain(&'a str),
    /// An `http` or `https` address, to be shown as it is and to lead there.
    Link(&'a str),
    /// `@` and the name of somebody.
    Mention(&'a str),
    /// `@` and the name of the reader.
    OwnMention(&'a str),
}

/// Splits a text into its parts. No part is empty.
pub fn parts<'a>(text: &'a str, people: &[Person]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some((start, end)) = next_link(text, from) {
        push_plain(&mut parts, text, (from, start), people);
        parts.push(Part::Link(&text[start..end]));
        from = end;
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

/// Where the first link that begins at or after `from` starts and ends, in bytes.
fn next_link(text: &str, mut from: usize) -> Option<(usize, usize)> {
    loop {
        let colon = from + text[from..].find("://")?;
        from = colon + 3;
        let Some(start) = scheme_start(&text[..colon]) else { continue };
        let rest = &text[from..];
        let end = from + trim_end(&rest[..rest.find(ends_link).unwrap_or(rest.len())]).len();
        if is_host(&text[from..end]) {
            return Some((start, end));
        }
    }
}

/// Where the scheme starts that `before` ends with. It must be a word of its own: `xhttp://` is none.
fn scheme_start(before: &str) -> Option<usize> {
    let is_scheme = |scheme: &&str| {
        let start = before.len().checked_sub(scheme.len());
        start.and_then(|start| before.get(start..)).is_some_and(|word| word.eq_ignore_ascii_case(scheme))
    };
    let scheme = ["https", "http"].into_iter().find(is_scheme)?;
    let start = before.len() - scheme.len();
    let alone = !before[..start].ends_with(|c: char| is_word(c) || matches!(c, '+' | '-' | '.' | '_'));
    alone.then_some(start)
}

/// What a word may hold. (Whatever is not ASCII counts: to know all letters takes tables of many kilobytes.)
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii()
}

/// White space, what no address may hold unescaped, and the invisible characters that would make an address look like another.
fn ends_link(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^' | '\u{3000}'..='\u{3002}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

/// Leaves out what ends the sentence and not the address, and a bracket that was opened before the address began.
fn trim_end(mut address: &str) -> &str {
    loop {
        let Some(last) = address.chars().next_back() else { return address };
        let open = match last {
            ')' => '(',
            ']' => '[',
            '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '*' | '_' | '~' | '…' | '’' | '”' | '»' => '\0',
            _ => return address,
        };
        if open != '\0' && address.matches(open).count() >= address.matches(last).count() {
            return address;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
}

/// Whether an address after its scheme begins with a host that leads where it seems to lead: `good.example@evil.example` does
/// not.
fn is_host(address: &str) -> bool {
    let host = address.split(['/', '?', '#']).next().unwrap_or_default();
    host.starts_with(|c: char| is_word(c) || c == '[') && !host.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a text, links in `‹›`, mentions in `[]`, those of the reader in `[[]]`.
    fn check(text: &str, expected: &str) {
        let people = [("Ann", false), ("Bob", true)].map(|(name, own)| Person { name: name.to_owned(), own });
        let parts = parts(text, &people);
        let marked: String = parts
            .iter()
            .map(|part| match part {
                Part::Plain(plain) => (*plain).to_owned(),
                Part::Link(link) => format!("‹{link}›"),
                Part::Mention(name) => format!("[{name}]"),
                Part::OwnMention(name) => format!("[[{name}]]"),
            })
            .collect();
        assert_eq!(marked, expected);
        let texts = parts.iter().map(|part| match part {
            Part::Plain(text) | Part::Link(text) | Part::Mention(text) | Part::OwnMention(text) => *text,
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
            "view-source+http://a.example",
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
