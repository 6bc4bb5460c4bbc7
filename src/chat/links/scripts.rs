//! Which hosts imitate others by letters of another script (UTS #39).
//!
//! The page runs this in the browser, so scripts are told apart by a few ranges of blocks, and not by Unicode's tables.

use super::{
    letters::{ascii_of, is_stop, is_transparent},
    suffix::{labels, normal, punycode},
};

/// Lowercase Cyrillic letters that look like Latin ones.
const LATIN_LOOKALIKES: &str = "асԁеһіјӏорԛѕԝхуъьҽпгѵѡ";

/// A script, as far as mixing it matters. What all scripts use, such as digits and accents, has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Latin = 0,
    Greek,
    Cyrillic,
    Han,
    Hiragana,
    Katakana,
    Bopomofo,
    Hangul,
    Arabic,
    Hebrew,
    Armenian,
    Georgian,
    Cherokee,
    Devanagari,
    Thai,
    /// Any other.
    Other,
}

/// The sets of scripts that one label may mix (UTS #39, 5.2: highly restrictive).
const MIXABLE: [&[Script]; 3] = [
    &[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana],
    &[Script::Latin, Script::Han, Script::Bopomofo],
    &[Script::Latin, Script::Han, Script::Hangul],
];

impl Script {
    fn of(c: char) -> Option<Self> {
        if !c.is_alphabetic() || is_transparent(c) {
            return None;
        }
        if c.is_ascii() || ascii_of(c).is_some() {
            return Some(Self::Latin);
        }
        Some(match c {
            '\u{80}'..='\u{2af}' | '\u{1d00}'..='\u{1d25}' | '\u{1d2c}'..='\u{1d5c}' | '\u{1d6b}'..='\u{1d77}' => Self::Latin,
            '\u{1d79}'..='\u{1dbe}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a722}'..='\u{a7ff}' => Self::Latin,
            '\u{ab30}'..='\u{ab64}' | '\u{fb00}'..='\u{fb06}' => Self::Latin,
            // Letters that modify others, and the mark of long vowels, which two scripts share.
            '\u{2b0}'..='\u{36f}' | '\u{30fc}' | '\u{ff70}' => return None,
            '\u{370}'..='\u{3ff}' | '\u{1d26}'..='\u{1d2a}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}' => Self::Cyrillic,
            '\u{531}'..='\u{588}' | '\u{fb13}'..='\u{fb17}' => Self::Armenian,
            '\u{590}'..='\u{5ff}' | '\u{fb1d}'..='\u{fb4f}' => Self::Hebrew,
            '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{870}'..='\u{8ff}' | '\u{fb50}'..='\u{fdff}' => Self::Arabic,
            '\u{fe70}'..='\u{fefe}' => Self::Arabic,
            '\u{900}'..='\u{97f}' | '\u{a8e0}'..='\u{a8ff}' => Self::Devanagari,
            '\u{e00}'..='\u{e7f}' => Self::Thai,
            '\u{10a0}'..='\u{10ff}' | '\u{1c90}'..='\u{1cbf}' | '\u{2d00}'..='\u{2d2f}' => Self::Georgian,
            '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Self::Cherokee,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' => Self::Hangul,
            '\u{3041}'..='\u{309f}' | '\u{1b001}'..='\u{1b11f}' => Self::Hiragana,
            '\u{30a0}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9d}' | '\u{32d0}'..='\u{32fe}' => {
                Self::Katakana
            }
            '\u{3105}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' => Self::Bopomofo,
            '\u{2e80}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}' | '\u{3400}'..='\u{9fff}' => Self::Han,
            '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Self::Han,
            _ => Self::Other,
        })
    }
}

/// Returns whether the host imitates another, as browsers judge it too: one of its labels mixes scripts, or is made of nothing but
/// Cyrillic letters that look like Latin ones under a suffix that is not Cyrillic.
pub(super) fn is_disguised(host: &str) -> bool {
    host.bytes().any(|byte| !byte.is_ascii()) && labels(host).any(|label| is_imitating(label, host))
}

/// Returns the host as it is shown: each of its labels that imitates others in Punycode, as `xn--…`.
pub(super) fn undisguised(host: &str) -> String {
    let mut shown = String::with_capacity(2 * host.len());
    for part in host.split_inclusive(|c| c == '.' || is_stop(c)) {
        let label = part.trim_end_matches(|c| c == '.' || is_stop(c));
        match normal(label).filter(|_| is_imitating(label, host)) {
            Some(normal) => shown.extend(["xn--", &punycode(&normal), &part[label.len()..]]),
            None => shown.push_str(part),
        }
    }
    shown
}

fn is_imitating(label: &str, host: &str) -> bool {
    mixes_scripts(label) || (is_like_latin(label) && labels(host).next_back().is_some_and(is_not_cyrillic))
}

fn mixes_scripts(label: &str) -> bool {
    let found = label.chars().filter_map(Script::of).fold(0_u32, |found, script| found | 1 << script as u32);
    let holds = |set: &[Script]| found & !set.iter().fold(0, |bits, script| bits | 1 << *script as u32) == 0;
    found.count_ones() > 1 && !MIXABLE.iter().any(|set| holds(set))
}

fn is_like_latin(label: &str) -> bool {
    let mut letters = label.chars().filter(|c| Script::of(*c).is_some()).peekable();
    letters.peek().is_some() && letters.all(|c| LATIN_LOOKALIKES.contains(crate::chat::lowercase(c)))
}

fn is_not_cyrillic(suffix: &str) -> bool {
    // As it is written: `xn--p1ai` is Cyrillic too.
    let suffix = normal(suffix).unwrap_or_default();
    !suffix.chars().any(|c| Script::of(c) == Some(Script::Cyrillic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_mix_scripts_are_told() {
        let mixed = [
            "gооgle.com", // Cyrillic о
            "pαypal.com", // Greek α
            "sub.раypal.com",
            "раypal.co.uk",
            "օne.example", // Armenian օ
            "ꮯom.example", // Cherokee
            "shopไทย.example",
            "עbank.example",
            "кириλλица.рф", // Cyrillic and Greek
            "例えслово.jp",
            "ㄅあ.tw",
            "한あ.kr",
            "bankदेव.in",
        ];
        for host in mixed {
            assert!(is_disguised(host), "{host}");
        }
        let single = [
            "example.com",
            "bücher.de",
            "почта.com",
            "пример.рф",
            "αβγ.com",
            "例え.jp",
            "日本語テストabc.jp",
            "東京タワー.jp",
            "中文abc.cn",
            "ㄅㄆ中.tw",
            "한국abc漢.kr",
            "ไทย.th",
            "مثال.إختبار",
            "ab1-2.com",
            "ｇｏｏｇｌｅ.com",
            "❤a.ws",
            "i❤.ws",
            "xn--80ak6aa92e.com",
            "é́.fr",
            "देवनागरी.भारत",
            "",
            ".",
        ];
        for host in single {
            assert!(!is_disguised(host), "{host}");
        }
    }

    #[test]
    fn words_of_look_alikes_alone_are_told_under_a_suffix_that_is_not_cyrillic() {
        for (host, expected) in [
            ("аррӏе.com", true),
            ("а.example", true),
            ("сосо.рф", false),
            ("сосо.xn--p1ai", false),
            ("почта.com", false),
            ("1.com", false),
        ] {
            assert_eq!(is_disguised(host), expected, "{host}");
        }
    }

    #[test]
    fn such_labels_are_shown_as_browsers_show_them() {
        let rows = [
            ("gооgle.com", "xn--ggle-55da.com"),
            ("www.Gооgle.Com", "www.xn--ggle-55da.Com"),
            ("bücher.gооgle.com.", "bücher.xn--ggle-55da.com."),
            ("аррӏе。com", "xn--80ak6aa92e。com"),
            ("gо\u{200b}оgle.com", "xn--ggle-55da.com"),
        ];
        for (host, expected) in rows {
            assert_eq!(undisguised(host), expected);
        }
    }

    /// The letters of a script are of that script here, whatever else the table leaves out.
    #[test]
    fn the_ranges_agree_with_the_names_of_letters() {
        let rows = [
            (Script::Latin, "azéßŁəɐḀⱠꜣﬁ"),
            (Script::Greek, "αΩέἀῼ"),
            (Script::Cyrillic, "аЯёԁӏꙁ"),
            (Script::Han, "中々〇漢\u{20000}"),
            (Script::Hiragana, "あんゞ"),
            (Script::Katakana, "アンヾｱㇰ"),
            (Script::Bopomofo, "ㄅㆠ"),
            (Script::Hangul, "한ㄱ힣"),
            (Script::Arabic, "بپﺏ"),
            (Script::Hebrew, "אשׁ"),
            (Script::Other, "ကကⴰ"),
        ];
        for (script, letters) in rows {
            for c in letters.chars().filter(|c| c.is_alphabetic()) {
                assert_eq!(Script::of(c), Some(script), "{c} {:x}", u32::from(c));
            }
        }
        for c in "0-_.❤👀\u{301}ー".chars() {
            assert_eq!(Script::of(c), None, "{c}");
        }
    }
}
