//! Texts folded so that spellings which readers take for the same word compare equal.
//!
//! Words are folded by case, accents, width and invisible characters, and letter by letter by what looks alike. Names have a
//! wider notion, the skeleton of UTS #39, in which `rn` is `m`: it would take innocent words for others.

use std::collections::HashMap;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;

use super::letters::{case_folded, is_of_a_flag, plain};
use crate::chat::is_undrawn;

/// A letter that may be an `i`.
const I: u8 = 1;
/// A letter that may be an `l`.
const L: u8 = 2;
/// Any other byte.
const OTHER: u8 = 4;
/// Beside one of these: a letter that stood alone, and was joined with the one before or after it.
const SPELLED: u8 = 8;

/// A folded text. In it `i` stands for `i`, `l` and what may be either: `1`, `|`, a capital `I` among small letters. [`matches`]
/// tells them apart.
///
/// [`matches`]: Self::matches
#[derive(Clone, Debug, Default)]
pub(in crate::hub) struct Folded {
    text: String,
    /// What each byte of the text may be.
    letters: Vec<u8>,
}

impl Folded {
    pub(in crate::hub) fn new(text: &str) -> Self {
        Self::of(&visible(text), &[])
    }

    /// Folds a text in which single letters with one space or mark between them (`b a d`, `b.a.d`) are joined. `None` if there
    /// are none.
    pub(in crate::hub) fn joined(text: &str) -> Option<Self> {
        joined(&visible(text)).map(|(chars, spelled)| Self::of(&chars, &spelled))
    }

    pub(in crate::hub) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether `word` may be what is at byte `at`, where its text was found.
    pub(in crate::hub) fn matches(&self, at: usize, word: &Self) -> bool {
        self.letters[at..].iter().zip(&word.letters).all(|(here, there)| here & there & !SPELLED != 0)
    }

    /// Returns whether byte `at` and the one before it are of letters that stood alone: a word may begin or end between them.
    pub(in crate::hub) fn is_spelled(&self, at: usize) -> bool {
        let is_spelled = |at: Option<usize>| at.and_then(|at| self.letters.get(at)).is_some_and(|letter| letter & SPELLED != 0);
        is_spelled(Some(at)) && is_spelled(at.checked_sub(1))
    }

    /// Folds characters. `spelled` says which of them stood alone before they were joined.
    fn of(chars: &[char], spelled: &[bool]) -> Self {
        let mut folder = Folder::default();
        let mut from = 0;
        while let Some(first) = chars.get(from) {
            let length = match is_word(*first) {
                true => chars[from..].iter().take_while(|c| is_word(**c)).count(),
                false => 1,
            };
            if is_word(*first) {
                folder.push_word(&chars[from..from + length], spelled.get(from..from + length).unwrap_or_default());
            } else {
                let is_beside = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphabetic());
                let is_inside = is_beside(from.checked_sub(1)) && is_beside(Some(from + 1));
                folder.push_mark(*first, is_inside);
            }
            from += length;
        }
        folder.folded
    }
}

/// Folds a text, word by word.
#[derive(Default)]
struct Folder {
    folded: Folded,
    /// What characters of the text look like. To find that takes longer than all else, and a short payload may unfold to a long text of
    /// few characters.
    look_alikes: HashMap<char, Option<char>>,
    /// [`SPELLED`] while a letter is added that stood alone.
    spelled: u8,
}

impl Folder {
    fn push(&mut self, c: char, may_be: u8) {
        let Folded { text, letters } = &mut self.folded;
        text.push(c);
        letters.resize(text.len(), may_be | self.spelled);
    }

    fn look_alike(&mut self, c: char) -> Option<char> {
        *self.look_alikes.entry(c).or_insert_with(|| look_alike(c))
    }

    /// Adds what is no part of a word. White space is one space.
    fn push_mark(&mut self, c: char, is_inside: bool) {
        match c {
            '|' if is_inside => self.push('i', I | L),
            c if !c.is_whitespace() => self.push(c, OTHER),
            _ if self.folded.text.ends_with(' ') => {}
            _ => self.push(' ', OTHER),
        }
    }

    fn push_word(&mut self, word: &[char], spelled: &[bool]) {
        let has_latin = word.iter().any(char::is_ascii_alphabetic);
        let has_small = word.iter().any(|c| c.is_lowercase());
        for (at, c) in word.iter().copied().enumerate() {
            self.spelled = if spelled.get(at) == Some(&true) { SPELLED } else { 0 };
            let neighbours = [at.checked_sub(1), Some(at + 1)].map(|at| at.and_then(|at| word.get(at)));
            // Digits beside digits are a number.
            let is_letter = neighbours.iter().flatten().all(|c| !c.is_numeric()) && word.len() > 1;
            match c {
                'l' if at == 0 => self.push('i', I | L),
                'l' | 'L' => self.push('i', L),
                'I' if has_small => self.push('i', I | L),
                'i' | 'I' => self.push('i', I),
                '1' if is_letter => self.push('i', I | L),
                '0' if is_letter => self.push('o', OTHER),
                c if c.is_ascii() => self.push(c.to_ascii_lowercase(), OTHER),
                // Small Cyrillic `в` looks like no Latin letter, and a capital `В` does. In Russian words they are one letter.
                c => match self.look_alike(c).filter(|like| has_latin && c.is_uppercase() && like.is_ascii()) {
                    Some(like) => self.push_like(like),
                    None => case_folded(c).for_each(|c| {
                        let like = self.look_alike(c).unwrap_or(c);
                        self.push_like(like);
                    }),
                },
            }
        }
        self.spelled = 0;
    }

    fn push_like(&mut self, c: char) {
        match c.to_ascii_lowercase() {
            'l' => self.push('i', I | L),
            'i' => self.push('i', I),
            c => self.push(c, OTHER),
        }
    }
}

/// Returns the characters of a text without compatibility forms, accents and what is not drawn.
fn visible(text: &str) -> Vec<char> {
    let mut before = ' ';
    let is_kept = move |c: &char| {
        let is_accent =
            is_combining_mark(*c) && matches!(c.script(), Script::Inherited | Script::Hebrew | Script::Arabic | Script::Syriac);
        let is_letter = match c {
            // They make another letter: `が` of `か`, `й` of `и`.
            '\u{3099}' | '\u{309a}' => true,
            '\u{306}' => matches!(before, 'и' | 'И'),
            _ => false,
        };
        before = *c;
        (is_letter || !is_accent) && !is_invisible(*c)
    };
    // The letters of flags come in pairs, which say a country and not a word.
    text.chars().map(|c| if is_of_a_flag(c) { c } else { plain(c) }).nfkd().filter(is_kept).nfc().collect()
}

/// Returns whether `c` is not drawn, and parts no words.
pub(in crate::hub) fn is_invisible(c: char) -> bool {
    is_undrawn(c) && !c.is_whitespace()
}

/// Returns whether a word goes on with `c`.
pub(in crate::hub) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Returns the one letter that `c` looks like (UTS #39, 4), if it looks like one: an ASCII letter for those of Latin and of scripts
/// with the same letters, and else a letter of its own script.
fn look_alike(c: char) -> Option<char> {
    use Script::{Armenian, Cherokee, Common, Coptic, Cyrillic, Deseret, Greek, Latin, Lisu};
    if c.is_ascii() || c.is_numeric() {
        return None;
    }
    let mut text = [0; 4];
    let mut like = skeleton(c.encode_utf8(&mut text)).filter(|c| !is_combining_mark(*c));
    let (Some(like), None) = (like.next(), like.next()) else { return None };
    let has_latin_shapes =
        matches!(c.script(), Armenian | Cherokee | Common | Coptic | Cyrillic | Deseret | Greek | Latin | Lisu);
    let is_its_own = c.is_alphabetic() && like.is_alphabetic() && c.script() == like.script();
    ((like.is_ascii_alphabetic() && has_latin_shapes) || is_its_own).then_some(like)
}

/// Joins single letters with one space or mark between them. Says of each character whether it is one of these.
fn joined(chars: &[char]) -> Option<(Vec<char>, Vec<bool>)> {
    let mut text = Vec::with_capacity(chars.len());
    let mut spelled = Vec::with_capacity(chars.len());
    let mut is_joined = false;
    // Whether the last word was a single letter, and how many characters of what is no word followed it.
    let (mut is_single, mut between) = (false, 0);
    let mut from = 0;
    while let Some(first) = chars.get(from) {
        if !is_word(*first) {
            // White space is one space, however long.
            if !(first.is_whitespace() && text.last().is_some_and(|c: &char| c.is_whitespace())) {
                between += 1;
                text.push(*first);
            }
            from += 1;
            continue;
        }
        let word = &chars[from..from + chars[from..].iter().take_while(|c| is_word(**c)).count()];
        let was_single = std::mem::replace(&mut is_single, word.iter().filter(|c| !is_combining_mark(**c)).count() == 1);
        if was_single && is_single && between == 1 {
            text.pop();
            is_joined = true;
        }
        text.extend(word);
        spelled.resize(text.len() - word.len(), false);
        spelled.resize(text.len(), is_single);
        (from, between) = (from + word.len(), 0);
    }
    is_joined.then_some((text, spelled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_word_are_the_same() {
        let rows = [
            ("Idiot", "IDIOT"),
            ("idiot", "ldiot"),
            ("idiot", "1d|ot"),
            ("idiot", "ídïöt"),
            ("idiot", "іdіоt"),
            ("idiot", "i\u{200b}d\u{ad}i\u{2060}o\u{e0074}t"),
            ("idiot", "𝐢𝒹𝕚𝔬𝚝"),
            ("idiot", "ɪᴅɪᴏᴛ"),
            ("bad", "🅱🅐d"),
            ("idiot", "ｉｄｉｏｔ"),
            ("idiot", "i\u{334}\u{301}d\u{338}iot"),
            ("a b", "a \t\u{a0}\n b"),
            ("ΜΆΙΟΣ", "μαιοσ"),
            ("Maße", "MASSE"),
            ("GROẞ", "gross"),
            ("øđł", "odl"),
            ("ВOOK", "book"),
            ("ПРИВЕТ", "привет"),
            ("ёлка", "елка"),
            ("كتاب", "كِتَاب"),
            ("علی", "علي"),
            ("한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
        ];
        for (a, b) in rows {
            assert_eq!(Folded::new(a).text(), Folded::new(b).text(), "{a} {b}");
        }
    }

    #[test]
    fn other_words_are_not_the_same() {
        let rows = [
            ("idiot", "idiots"),
            ("lol", "101"),
            ("oo", "00"),
            ("corn", "com"),
            ("ad", "cl"),
            ("мой", "мои"),
            ("か", "が"),
            ("कि", "की"),
            ("lol", "اها"),
            ("l", "1"),
            ("de", "🇩🇪"),
        ];
        for (a, b) in rows {
            assert_ne!(Folded::new(a).text(), Folded::new(b).text(), "{a} {b}");
        }
    }

    #[test]
    fn single_letters_are_joined() {
        let rows = [
            ("b a d", Some("bad")),
            ("so b.a-d, yes", Some("so bad, yes")),
            ("b  a \n d", Some("bad")),
            ("b a, b a", Some("ba, ba")),
            ("a, b, c", None),
            ("be a dog", None),
            ("a", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|text| Folded::new(text).text().to_owned());
            assert_eq!(Folded::joined(text).map(|folded| folded.text().to_owned()), expected, "{text:?}");
        }
    }
}
