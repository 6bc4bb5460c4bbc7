//! Texts as a reader takes them, whatever characters they are written with; and the words that a room does not want.

use aho_corasick::AhoCorasick;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;

/// How many letters that stand alone one after the other are taken for a word that is spelled out.
const SPELLED_OUT: usize = 3;

/// A text without what makes no difference to a reader: case, accents, compatibility forms, characters that are not seen, and
/// which of several characters that look alike was typed (the skeleton of Unicode UTS #39, 4). White space is one space.
pub(super) fn fold(text: &str) -> String {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let seen = skeleton(&lower).filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    let mut folded = String::with_capacity(lower.len());
    for c in seen {
        match c {
            // A skeleton makes an l of I, 1 and |, but an i is the same letter as I.
            'l' => folded.push('i'),
            c if !c.is_whitespace() => folded.push(c),
            _ if folded.ends_with(' ') => {}
            _ => folded.push(' '),
        }
    }
    folded
}

/// The words that a room does not want. Finding them takes a time linear in the text, whatever they are.
#[derive(Default)]
pub(super) struct Words {
    words: Vec<Word>,
    /// Finds the words' texts; none if there are no words.
    automaton: Option<AhoCorasick>,
}

/// What may stand beside a word.
struct Word {
    any_before: bool,
    any_after: bool,
}

impl Words {
    /// Each word stands for itself; a `*` before or after it for any letters there.
    pub(super) fn new(words: &[String]) -> Self {
        let (mut kept, mut texts) = (Vec::new(), Vec::new());
        for word in words {
            let word = word.trim();
            let text = fold(word.trim_matches('*'));
            let text = text.trim();
            if !text.is_empty() {
                kept.push(Word { any_before: word.starts_with('*'), any_after: word.ends_with('*') });
                texts.push(text.to_owned());
            }
        }
        // It fails only on more than four billion states.
        let automaton = (!texts.is_empty()).then(|| AhoCorasick::new(&texts).expect("settings are bounded"));
        Self { words: kept, automaton }
    }

    /// Whether one of them is in `text`, spelled out (`w o r d`, `w.o.r.d`) too.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let Some(automaton) = &self.automaton else { return false };
        self.find(automaton, &fold(text)) || self.find(automaton, &fold(&joined(text)))
    }

    fn find(&self, automaton: &AhoCorasick, folded: &str) -> bool {
        automaton.find_overlapping_iter(folded).any(|found| {
            let word = &self.words[found.pattern().as_usize()];
            (word.any_before || is_boundary(folded, found.start())) && (word.any_after || is_boundary(folded, found.end()))
        })
    }
}

/// Whether a word may begin or end at this place.
fn is_boundary(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let is_inside = |c: Option<char>| c.is_some_and(is_letter_of_a_word);
    !(is_inside(before.chars().next_back()) && is_inside(after.chars().next()))
}

/// Whether words of this letter's script are told from each other by what is no letter.
fn is_letter_of_a_word(c: char) -> bool {
    use Script::{Han, Hiragana, Katakana, Khmer, Lao, Myanmar, Thai, Tibetan};
    c.is_alphanumeric() && !matches!(c.script(), Han | Hiragana | Katakana | Khmer | Lao | Myanmar | Thai | Tibetan)
}

/// The text with letters that stand alone joined to words.
fn joined(spoken: &str) -> String {
    let (mut text, mut letters) = (String::new(), Vec::new());
    let end = |letters: &mut Vec<&str>, text: &mut String| {
        let between = if letters.len() < SPELLED_OUT { " " } else { "" };
        text.push_str(&letters.join(between));
        text.push(' ');
        letters.clear();
    };
    for word in spoken.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if word.chars().nth(1).is_none() {
            letters.push(word);
        } else {
            end(&mut letters, &mut text);
            text.push_str(word);
            text.push(' ');
        }
    }
    end(&mut letters, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_the_same() {
        let rows = [
            ("Idiot", "IDIOT"),
            ("idiot", "ldiot"),
            ("idiot", "1d|ot"),
            ("idiot", "ídïöt"),
            ("idiot", "іdіоt"),
            ("idiot", "i\u{200b}d\u{ad}i\u{2060}ot"),
            ("idiot", "𝐢𝒹𝕚𝔬𝚝"),
            ("idiot", "ｉｄｉｏｔ"),
            ("idiot", "i\u{334}\u{301}d\u{338}iot"),
            ("a b", "a \t\u{a0}\n b"),
            ("ΜΆΙΟΣ", "μαιοσ"),
        ];
        for (a, b) in rows {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("idiot"), fold("idiots"));
    }

    #[test]
    fn blocked_words_are_found_as_words() {
        let words = |words: &[&str]| Words::new(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let rows: [(&[&str], &str, bool); 21] = [
            (&["ass"], "you ass!", true),
            (&["ass"], "ASS", true),
            (&["ass"], "first class", false),
            (&["ass"], "assume", false),
            (&["ass"], "bad-ass", true),
            (&["ass*"], "assume", true),
            (&["*ass"], "class", true),
            (&["*ass"], "classes", false),
            (&["*ass*"], "classes", true),
            (&["ass", "*lasse*"], "classes", true),
            (&["buy now"], "Buy   NOW, all", true),
            (&["buy now"], "buy it now", false),
            (&["bad"], "so b a d", true),
            (&["bad"], "so b.a.d indeed", true),
            (&["mad"], "so M\u{200b} Á d", true),
            (&["bad"], "a b, a dog", false),
            (&["笨蛋"], "你是笨蛋吗", true),
            (&["плохо"], "Плохо.", true),
            (&["плохо"], "неплохо", false),
            (&["", "*", "\u{200b}"], "anything * at all", false),
            (&[], "anything", false),
        ];
        for (blocked, text, expected) in rows {
            assert_eq!(words(blocked).are_in(text), expected, "{blocked:?} in {text:?}");
        }
    }

    #[test]
    fn patterns_that_cover_each_other_all_count() {
        // "abc" is found first and stands inside a word; "bcd" overlaps it and does not.
        let words = Words::new(&["*abc".to_owned(), "*bcd".to_owned()]);
        assert!(words.are_in("abcd"));
        assert!(!words.are_in("abcde"));
    }
}
