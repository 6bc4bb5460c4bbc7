//! Who a text speaks to: `@` and the name of somebody in the conversation.
//!
//! The server and the browser have to find the same, or a page does not come to life. So what counts as the same letter is
//! decided here, and not by the tables of either.

use crate::chat::lowercase;

/// A person whom a text may speak to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// Whether it is the reader.
    pub own: bool,
}

/// Somebody spoken to: from where to where in a text, in bytes with the `@`, and whether it is the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Where the `@` is.
    pub start: usize,
    /// Where the name ends.
    pub end: usize,
    /// Whether it is the reader.
    pub own: bool,
}

/// The first mention in `text` whose `@` stands from `from` to before `until`, and which ends there at the latest. Of several
/// names that fit the longest wins.
pub fn next(text: &str, mut from: usize, until: usize, people: &[Person]) -> Option<Mention> {
    loop {
        let start = from + text[from..until].find('@')?;
        from = start + 1;
        if !may_begin(&text[..start]) {
            continue;
        }
        let fits = |person: &Person| {
            let end = from + length(&text[from..until], &person.name)?;
            may_end(&text[end..]).then_some((end, person.own))
        };
        if let Some((end, own)) = people.iter().filter_map(fits).max() {
            return Some(Mention { start, end, own });
        }
    }
}

/// How long the name is that `text` begins with, in bytes: each character the same, but for its case.
fn length(text: &str, name: &str) -> Option<usize> {
    let mut rest = text.chars();
    let fits = name.chars().all(|c| rest.next().is_some_and(|d| lowercase(c) == lowercase(d)));
    fits.then(|| text.len() - rest.as_str().len())
}

/// Whether an `@` after this begins a mention: in an address of mail or of the web it does not.
fn may_begin(before: &str) -> bool {
    !before.ends_with(|c| goes_on(c) || matches!(c, '@' | '/' | '+' | '-' | '%' | '='))
}

/// Whether a name is over where this follows: else it is the beginning of another name, or of an address.
fn may_end(after: &str) -> bool {
    let mut after = after.chars();
    match after.next() {
        Some('.' | '-') => !after.next().is_some_and(goes_on),
        Some('@') => false,
        next => !next.is_some_and(goes_on),
    }
}

/// Whether a word goes on with it, in scripts that put space or punctuation between words. What only changes how the character
/// before it looks goes on too.
fn goes_on(c: char) -> bool {
    match c {
        '0'..='9' | 'A'..='Z' | 'a'..='z' | '_' => true,
        // Punctuation of Greek, Armenian, Hebrew, Arabic and the scripts of India.
        '×' | '÷' | ';' | '·' | '՜' | '՝' | '՞' | '։' | '־' | '،' | '؛' | '؟' | '۔' | '।' | '॥' => false,
        '\u{c0}'..='\u{dff}' | '\u{10a0}'..='\u{177f}' | '\u{1800}'..='\u{1fff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20d0}'..='\u{20ff}' => true,
        '\u{2c00}'..='\u{2dff}' | '\u{a640}'..='\u{abff}' | '\u{fb00}'..='\u{fdff}' | '\u{fe00}'..='\u{fe0f}' => true,
        '\u{fe20}'..='\u{fe2f}' | '\u{fe70}'..='\u{feff}' | '\u{1f3fb}'..='\u{1f3ff}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Vec<Person> {
        let others = ["Ann", "Ann Smith", "木村", "علي", "Νίκος", "ÉRIC", "a.b"].map(|name| (name, false));
        let all = others.into_iter().chain([("Bob", true), ("Bob Ann", true)]);
        all.map(|(name, own)| Person { name: name.to_owned(), own }).collect()
    }

    /// The mentions in a text in `‹›`, the reader's in `«»`.
    fn check(text: &str, expected: &str) {
        let people = people();
        let (mut marked, mut from) = (String::new(), 0);
        while let Some(Mention { start, end, own }) = next(text, from, text.len(), &people) {
            let [open, close] = if own { ["«", "»"] } else { ["‹", "›"] };
            marked.extend([&text[from..start], open, &text[start..end], close]);
            from = end;
        }
        marked.push_str(&text[from..]);
        assert_eq!(marked, expected);
    }

    #[test]
    fn people_are_spoken_to() {
        check("", "");
        check("@Ann", "‹@Ann›");
        check("hi @ann, @BOB!", "hi ‹@ann›, «@BOB»!");
        check("(@Ann) @Ann's @Ann. @Ann… @Ann: @Ann\n@Bob", "(‹@Ann›) ‹@Ann›'s ‹@Ann›. ‹@Ann›… ‹@Ann›: ‹@Ann›\n«@Bob»");
        check("谢谢@木村さん", "谢谢‹@木村›さん");
        check("مرحبا @علي، كيف", "مرحبا ‹@علي›، كيف");
        check("@ΝΊΚΟΣ @νίκος @éric @Éric", "‹@ΝΊΚΟΣ› ‹@νίκος› ‹@éric› ‹@Éric›");
        check("🙂@Ann🙂", "🙂‹@Ann›🙂");
        check("@a.b.", "‹@a.b›.");
    }

    #[test]
    fn the_longest_name_wins() {
        check("@Ann Smith and @Ann Smithers", "‹@Ann Smith› and ‹@Ann› Smithers");
        check("@bob ann", "«@bob ann»");
        check("@bob and", "«@bob» and");
    }

    #[test]
    fn addresses_mention_nobody() {
        for text in [
            "me@Ann",
            "me@ann.example",
            "é@Ann",
            "me+x@Ann",
            "@Ann@social.example",
            "@ann.example",
            "@@Ann",
            "video.example/@Ann",
            "x=@Ann",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn other_names_mention_nobody() {
        for text in [
            "@Anna",
            "@Anné",
            "@Ann_",
            "@Ann-Marie",
            "@Ann\u{301}",
            "@Ann\u{200d}",
            "@A\u{200b}nn",
            "@\u{202e}nnA",
            "@Аnn",
            "@Ann\u{fe0f}",
            "@عليا",
            "@ Ann",
            "@",
            "@An",
            "@eric",
        ] {
            check(text, text);
        }
    }
}
