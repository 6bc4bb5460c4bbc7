//! The words that a room does not want.

use aho_corasick::AhoCorasick;
use unicode_script::{Script, UnicodeScript};

use super::rules::fold::{Folded, is_invisible, is_word};

/// Folds a text for comparison with others: what looks the same is the same.
pub(super) fn fold(text: &str) -> String {
    Folded::new(text).text().to_owned()
}

/// The words that a room does not want. Finding them takes a time linear in the text, whatever they are.
#[derive(Default)]
pub(super) struct Words {
    words: Vec<Word>,
    /// Finds the words' texts; none if there are no words.
    automaton: Option<AhoCorasick>,
}

struct Word {
    /// As whoever runs the room wrote it.
    written: String,
    folded: Folded,
    /// Whether other letters may precede it.
    any_before: bool,
    /// Whether other letters may follow it.
    any_after: bool,
}

impl Words {
    /// Each word stands for itself; a `*` before or after it for any letters there.
    pub(super) fn new(words: &[String]) -> Self {
        let words: Vec<Word> = words.iter().filter_map(|word| Word::new(word)).collect();
        let texts = words.iter().map(|word| word.folded.text());
        // It fails only on more than four billion states.
        let automaton = (!words.is_empty()).then(|| AhoCorasick::new(texts).expect("settings are bounded"));
        Self { automaton, words }
    }

    /// Returns the first of the words that is in `text`, spelled out (`w o r d`, `w.o.r.d`) too.
    pub(super) fn find(&self, text: &str) -> Option<&str> {
        let automaton = self.automaton.as_ref()?;
        let spelled_out = || Folded::joined(text).and_then(|folded| self.find_in(automaton, &folded));
        self.find_in(automaton, &Folded::new(text)).or_else(spelled_out)
    }

    fn find_in(&self, automaton: &AhoCorasick, folded: &Folded) -> Option<&str> {
        let text = folded.text();
        automaton.find_overlapping_iter(text).find_map(|found| {
            let word = &self.words[found.pattern().as_usize()];
            let is_end = |at| folded.is_spelled(at) || is_boundary(text, at);
            let is_whole = (word.any_before || is_end(found.start())) && (word.any_after || is_end(found.end()));
            (is_whole && folded.matches(found.start(), &word.folded)).then_some(&*word.written)
        })
    }
}

impl Word {
    /// Returns nothing for a word of which nothing is left when it is folded.
    fn new(word: &str) -> Option<Self> {
        let word = word.trim();
        let folded = Folded::new(word.trim_matches('*').trim_matches(|c: char| c.is_whitespace() || is_invisible(c)));
        let (any_before, any_after) = (word.starts_with('*'), word.ends_with('*'));
        (!folded.text().is_empty()).then(|| Self { written: word.to_owned(), folded, any_before, any_after })
    }
}

/// Returns whether a word may begin or end at this place.
fn is_boundary(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let is_inside = |c: Option<char>| c.is_some_and(is_letter_of_a_word);
    !(is_inside(before.chars().next_back()) && is_inside(after.chars().next()))
}

/// Returns whether words of this letter's script are told from each other by what is no letter.
fn is_letter_of_a_word(c: char) -> bool {
    use Script::{Han, Hiragana, Katakana, Khmer, Lao, Myanmar, Thai, Tibetan};
    is_word(c) && !matches!(c.script(), Han | Hiragana | Katakana | Khmer | Lao | Myanmar | Thai | Tibetan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocked_words_are_found_as_words() {
        let words = |words: &[&str]| Words::new(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let rows: &[(&[&str], &str, bool)] = &[
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
            (&["fern"], "a femur", false),
            (&["fern*"], "feminine", false),
            (&["ball"], "bail, BAIL", false),
            (&["ball"], "baIl, ba1l, BALL", true),
            (&["lion"], "Iion", true),
            (&["lll"], "111", false),
            (&["oo"], "100", false),
            (&["nope"], "n0pe", true),
            (&["groß"], "GROSS", true),
            (&["gross"], "groẞ", true),
            (&["fuß*"], "FUSSBALL", true),
            (&["nope"], "ｎ\u{34f}ō\u{feff}\u{e0021}𝔭e", true),
            (&["nope"], "n o p e n", true),
            (&["nope"], "i n o p e d, she n.o.p.e.s", true),
            (&["nope"], "no p e", false),
            (&["nope"], "a b c no p e n", false),
            (&["nope"], "ɴᴏᴘᴇ and 🅽🅾🅿🅴", true),
            (&["nope"], "so n_o|p-e!", true),
            (&["nope"], "n, o, p, e", false),
            (&["nope"], "no pe", false),
            (&["می\u{200c}خواهم"], "میخواهم", true),
            (&["میخواهم"], "می\u{200c}خواهم", true),
            (&["lol"], "اها", false),
            (&["कि"], "की", false),
            (&["\u{200b} nope \u{200b}"], "nope", true),
            (&["", "*", "\u{200b}"], "anything * at all", false),
            (&[], "anything", false),
        ];
        for (blocked, text, expected) in rows {
            assert_eq!(words(blocked).find(text).is_some(), *expected, "{blocked:?} in {text:?}");
        }
    }

    #[test]
    fn patterns_that_cover_each_other_all_count() {
        // "abc" is found first and stands inside a word; "bcd" overlaps it and does not.
        let words = Words::new(&["*abc".to_owned(), "*bcd".to_owned()]);
        assert_eq!(words.find("abcd"), Some("*bcd"));
        assert_eq!(words.find("abcde"), None);
    }

    /// At this size a search that reads anything twice for each character would not end.
    #[test]
    fn long_texts_are_read_once() {
        let nested: Vec<_> = (1..=64).map(|n| format!("*{}", "a".repeat(n))).chain(["*l*".into(), "i".into()]).collect();
        let words = Words::new(&nested);
        for unit in [
            "b",
            "1",
            "l",
            "|",
            "a b ",
            "a.",
            "b b",
            "\u{200b}",
            "é",
            "e\u{301}",
            "\u{301}",
            "ß",
            "ﷺ",
            "Ӏ",
            " ",
            "🙂",
            "ل\u{64b}",
        ] {
            let text = unit.repeat(50_000 / unit.len());
            words.find(&text);
            words.find(&format!("x{text}x"));
        }
    }
}
