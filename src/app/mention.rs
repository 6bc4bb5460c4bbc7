//! Who a text speaks to: `@` and the name of somebody in the conversation.
//!
//! The server and the browser have to find the same, or a page does not come to life. So what counts as the same letter is decided
//! here and in [`chat`](crate::chat), and not by the tables of either.

use crate::chat::{is_accent, lowercase, unaccented};

/// Most characters of a name, from its `@` on, that are looked at.
const NAME_CHARS: usize = 256;

/// A person whom a text may speak to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// Whether it is the reader.
    pub own: bool,
    /// The name as it is compared.
    folded: Vec<char>,
}

impl Person {
    /// Somebody of that name.
    pub fn new(name: &str, own: bool) -> Self {
        let mut folded: Vec<char> = fold(name).map(|(c, _)| c).collect();
        folded.truncate(NAME_CHARS);
        Self { name: name.to_owned(), own, folded }
    }
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

/// Returns the first mention in `text` whose `@` stands from `from` to before `until`, and which ends there at the latest. Of several
/// names that fit the longest wins, then the one that is written like it but for case. It is for everyone of that name.
pub fn next(text: &str, mut from: usize, until: usize, people: &[Person]) -> Option<Mention> {
    loop {
        let (start, sign) = find_sign(text, from, until)?;
        from = start + sign;
        if !may_begin(&text[..start]) {
            continue;
        }
        let written: Vec<(char, usize)> = fold(&text[from..until]).take(NAME_CHARS + 1).collect();
        let fits = |person: &Person| {
            let is_prefix = written.len() >= person.folded.len() && written.iter().zip(&person.folded).all(|((a, _), b)| a == b);
            let end = from + written.get(..person.folded.len()).filter(|_| is_prefix)?.last()?.1;
            // Names that differ in case alone are one name, which several people share.
            may_end(&text[end..]).then_some((end, is_same(&text[from..end], &person.name), person.own))
        };
        if let Some((end, _, own)) = people.iter().filter_map(fits).max() {
            return Some(Mention { start, end, own });
        }
    }
}

/// Returns what is being typed at the end of a text: where its `@` is, in bytes, and those of `people` whose name begins so. A person who
/// is named in full comes first, then the others in their order. A space ends a mention, and only `people` are offered.
pub fn typed<'a>(text: &str, people: &'a [Person]) -> Option<(usize, Vec<&'a Person>)> {
    let mut from = 0;
    while let Some((start, sign)) = find_sign(text, from, text.len()) {
        from = start + sign;
        let begun = &text[from..];
        let is_name = !begun.is_empty() && begun.len() <= 4 * NAME_CHARS && !begun.ends_with(char::is_whitespace);
        if !is_name || !may_begin(&text[..start]) {
            continue;
        }
        let written: Vec<char> = fold(begun).map(|(c, _)| c).collect();
        let fitting: Vec<_> = people.iter().filter(|person| person.folded.starts_with(&written)).collect();
        let rank = |person: &Person| match person.folded.len() == written.len() {
            true if begun == person.name => 0,
            true if is_same(begun, &person.name) => 1,
            true => 2,
            false => 3,
        };
        // The order of equals is kept: who has spoken last. (A sort is more to download.)
        let fitting: Vec<_> = (0..=3).flat_map(|n| fitting.iter().copied().filter(move |person| rank(person) == n)).collect();
        if !fitting.is_empty() {
            return Some((start, fitting));
        }
    }
    None
}

/// Where the first `@` stands from `from` to before `until`, and how long it is: on Chinese and Japanese keyboards it is a full-width one.
fn find_sign(text: &str, from: usize, until: usize) -> Option<(usize, usize)> {
    let (at, sign) = text[from..until].char_indices().find(|(_, c)| is_sign(*c))?;
    Some((from + at, sign.len_utf8()))
}

/// Returns whether a mention begins with this character.
pub fn is_sign(c: char) -> bool {
    matches!(c, '@' | '＠' | '﹫')
}

/// Returns whether a name is written as it is, but for case.
fn is_same(written: &str, name: &str) -> bool {
    written.chars().map(lowercase).eq(name.chars().map(lowercase))
}

/// The characters of a text as names are compared, each with where in the text the next one begins: without case and accents, in
/// one width, with plain quotes, dashes and spaces.
fn fold(text: &str) -> impl Iterator<Item = (char, usize)> + '_ {
    let mut rest = text.char_indices().peekable();
    let mut second = None;
    let mut is_after_space = false;
    std::iter::from_fn(move || {
        if let Some(second) = second.take() {
            return Some(second);
        }
        loop {
            let (_, c) = rest.next()?;
            let folded = fold_char(c);
            // An accent belongs to the letter before it, and space that follows space to that.
            while rest.next_if(|(_, c)| is_accent(*c) || (folded == ' ' && fold_char(*c) == ' ')).is_some() {}
            let end = rest.peek().map_or(text.len(), |(at, _)| *at);
            if is_accent(c) || (folded == ' ' && is_after_space) {
                continue;
            }
            is_after_space = folded == ' ';
            let (first, other) = match folded {
                'ß' => ('s', Some('s')),
                'æ' => ('a', Some('e')),
                'œ' => ('o', Some('e')),
                folded => (folded, None),
            };
            second = other.map(|other| (other, end));
            return Some((first, end));
        }
    })
}

fn fold_char(c: char) -> char {
    let c = match c {
        // Full-width forms (Unicode, Halfwidth and Fullwidth Forms).
        '！'..='～' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '‘' | '’' | '‚' | '‛' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | '′' | '´' | '`' => '\'',
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => '"',
        '‐'..='―' | '−' => '-',
        '…' => '.',
        c if c.is_whitespace() => ' ',
        c => c,
    };
    unaccented(lowercase(c))
}

/// Whether an `@` after this begins a mention: in an address of mail or of the web it does not.
fn may_begin(before: &str) -> bool {
    !before.ends_with(|c| goes_on(c) || is_sign(c) || matches!(c, '/' | '+' | '-' | '%' | '='))
}

/// Whether a name is over where this follows: else it is the beginning of another name, or of an address.
fn may_end(after: &str) -> bool {
    let mut after = after.chars();
    match after.next() {
        Some('.' | '-') => !after.next().is_some_and(goes_on),
        Some(sign) if is_sign(sign) => false,
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
        'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Vec<Person> {
        let others = [
            "Ann",
            "Ann Smith",
            "Anna",
            "木村",
            "علي",
            "Νίκος",
            "ÉRIC",
            "a.b",
            "a@b",
            "Ann, B.",
            "Jérémie F",
            "Абс",
            "O'Neil",
            "👩‍🚀",
            "Straße",
            "T  om",
            "नि",
            "Дарья Ёлкина",
            "Rose❤️",
        ];
        let all = others.map(|name| (name, false)).into_iter().chain([("Bob", true), ("Bob Ann", true), ("D’Arcy", true)]);
        all.map(|(name, own)| Person::new(name, own)).collect()
    }

    /// The mentions in a text in `‹›`, the reader's in `«»`.
    fn check(text: &str, expected: &str) {
        check_among(&people(), text, expected);
    }

    fn check_among(people: &[Person], text: &str, expected: &str) {
        let (mut marked, mut from) = (String::new(), 0);
        while let Some(Mention { start, end, own }) = next(text, from, text.len(), people) {
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
        check("谢谢@木村さん 你好@木村", "谢谢‹@木村›さん 你好‹@木村›");
        check("مرحبا @علي، كيف", "مرحبا ‹@علي›، كيف");
        check("@ΝΊΚΟΣ @νίκος @éric @Éric", "‹@ΝΊΚΟΣ› ‹@νίκος› ‹@éric› ‹@Éric›");
        check("🙂@Ann🙂 @👩‍🚀!", "🙂‹@Ann›🙂 ‹@👩‍🚀›!");
        check("@a.b. @a@b @Абс", "‹@a.b›. ‹@a@b› ‹@Абс›");
        check("@नि", "‹@नि›");
    }

    #[test]
    fn the_longest_name_wins() {
        check("@Ann Smith and @Ann Smithers", "‹@Ann Smith› and ‹@Ann› Smithers");
        check("@bob ann", "«@bob ann»");
        check("@bob and", "«@bob» and");
        check("@Ann, B. and @Ann, Bob", "‹@Ann, B.› and ‹@Ann›, Bob");
        check("@Anna @Ann", "‹@Anna› ‹@Ann›");
    }

    #[test]
    fn a_name_that_several_people_share_is_for_all_of_them() {
        let people = |own: &str| ["Ann", "ann", "ANN", "Änn"].map(|name| Person::new(name, name == own));
        for own in ["Ann", "ann", "ANN"] {
            check_among(&people(own), "hi @Ann and @ann", "hi «@Ann» and «@ann»");
        }
        check_among(&people("Änn"), "@Ann @Änn", "‹@Ann› «@Änn»");
    }

    #[test]
    fn accents_may_be_left_out_or_added() {
        check(
            "@jeremie f @JÉRÉMIE F @Je\u{301}re\u{301}mie F @eric",
            "‹@jeremie f› ‹@JÉRÉMIE F› ‹@Je\u{301}re\u{301}mie F› ‹@eric›",
        );
        check("@Bób @Ánn @Ann\u{301}", "«@Bób» ‹@Ánn› ‹@Ann\u{301}›");
        check("@νικος @дарья елкина", "‹@νικος› ‹@дарья елкина›");
        check("@Strasse @STRASSE @Stras @Strassen", "‹@Strasse› ‹@STRASSE› @Stras @Strassen");
        check("@علِي", "‹@علِي›");
        check("@Rose❤ @न", "‹@Rose❤› @न");
    }

    #[test]
    fn typography_does_not_matter() {
        check("＠木村 ﹫Bob ＠ａｎｎ", "‹＠木村› «﹫Bob» ‹＠ａｎｎ›");
        check("@O’Neil @O‘neil @O´Neil @d'arcy", "‹@O’Neil› ‹@O‘neil› ‹@O´Neil› «@d'arcy»");
        check("@Ann\u{a0}Smith @T om @ann \u{3000} smith", "‹@Ann\u{a0}Smith› ‹@T om› ‹@ann \u{3000} smith›");
    }

    #[test]
    fn of_names_that_fold_alike_the_one_as_written_is_meant() {
        let people = [("Jérémie", true), ("Jeremie", false)].map(|(name, own)| Person::new(name, own));
        check_among(&people, "@Jeremie @Jérémie @JEREMIE", "‹@Jeremie› «@Jérémie» ‹@JEREMIE›");
        check_among(&people, "@jérémie @jeremié", "«@jérémie» «@jeremié»");
    }

    #[test]
    fn addresses_mention_nobody() {
        for text in [
            "me@Ann",
            "me@ann.example",
            "mail ann@ann.example",
            "é@Ann",
            "me+x@Ann",
            "me＠Ann",
            "@Ann@social.example",
            "@Ann＠social.example",
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
            "@Annie",
            "@Annaé",
            "@Ann_",
            "@Ann-Marie",
            "@Ann\u{200d}",
            "@A\u{200b}nn",
            "@\u{202e}nnA",
            "@Аnn",
            "@عليا",
            "@ Ann",
            "@",
            "@An",
            "@O Neil",
            "@ONeil",
        ] {
            check(text, text);
        }
    }

    /// The names that are offered for a text that somebody types, after what stands before the mention.
    fn check_typed(text: &str, expected: Option<(&str, &[&str])>) {
        let people = people();
        let found = typed(text, &people);
        let found = found.map(|(at, people)| (&text[..at], people.iter().map(|person| &*person.name).collect::<Vec<_>>()));
        assert_eq!(found, expected.map(|(before, names)| (before, names.to_vec())), "{text}");
    }

    #[test]
    fn names_are_offered_that_begin_so() {
        check_typed("@ann", Some(("", &["Ann", "Ann Smith", "Anna", "Ann, B."])));
        check_typed("hi @anna", Some(("hi ", &["Anna"])));
        check_typed("hi @Ann and @bo", Some(("hi @Ann and ", &["Bob", "Bob Ann"])));
        check_typed("@bob a", Some(("", &["Bob Ann"])));
        check_typed("@ann,", Some(("", &["Ann, B."])));
        check_typed("@a@", Some(("", &["a@b"])));
        check_typed("@Jer", Some(("", &["Jérémie F"])));
        check_typed("@jérémie f", Some(("", &["Jérémie F"])));
        check_typed("你好@木", Some(("你好", &["木村"])));
        check_typed("＠аб", Some(("", &["Абс"])));
        check_typed("@o’n", Some(("", &["O'Neil"])));
        check_typed("@d'", Some(("", &["D’Arcy"])));
        check_typed("@👩", Some(("", &["👩‍🚀"])));
        for text in ["", "@", "hi", "@ann ", "me@ann", "@xyz", "@@ann", "https://a.example/@ann", "me+x@ann", "x@a@"] {
            check_typed(text, None);
        }
    }

    #[test]
    fn whoever_is_named_in_full_is_offered_first() {
        let people = ["Ánna", "Anna", "Annabel", "anna"].map(|name| Person::new(name, false));
        let names = |text| typed(text, &people).map(|(_, people)| people.iter().map(|person| &*person.name).collect::<Vec<_>>());
        assert_eq!(names("@Anna"), Some(vec!["Anna", "anna", "Ánna", "Annabel"]));
        assert_eq!(names("@ánna"), Some(vec!["Ánna", "Anna", "anna", "Annabel"]));
        assert_eq!(names("@ann"), Some(vec!["Ánna", "Anna", "Annabel", "anna"]));
    }

    #[test]
    fn long_texts_and_names_end() {
        let long = "a".repeat(10_000);
        let people = [Person::new(&long, false), Person::new("", false), Person::new("\u{301}", true)];
        check_among(&people, &format!("@{long} @ @\u{301}x"), &format!("@{long} @ @\u{301}x"));
        assert_eq!(typed(&format!("@{long}"), &people), None);
    }
}
