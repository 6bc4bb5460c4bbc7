//! Texts that run another way than what they stand in (Unicode Standard Annex #9), where no element keeps them apart: in titles, labels
//! and sentences.

use std::borrow::Cow;

/// First strong isolate and its end: what is between them turns nothing around them.
const ISOLATE: (char, char) = ('\u{2068}', '\u{2069}');

/// The end of an embedding or an override.
const POP: char = '\u{202c}';

/// Returns `text` as a part of a text that runs from right to left, or else from left to right. It is isolated if it would turn what is
/// beside it around, and whatever it leaves open ends in it.
pub fn isolated(text: &str, is_rtl: bool) -> Cow<'_, str> {
    let runs_against = |c: char| if is_rtl { c.is_ascii_alphabetic() } else { runs_from_right(c) };
    if !text.contains(|c| runs_against(c) || turns(c)) {
        return text.into();
    }
    let (mut isolated, mut ends) = (String::from(ISOLATE.0), Vec::new());
    for c in text.chars() {
        match c {
            POP | '\u{2069}' if ends.last() != Some(&c) => continue,
            POP | '\u{2069}' => drop(ends.pop()),
            '\u{2066}'..='\u{2068}' => ends.push(ISOLATE.1),
            _ if turns(c) => ends.push(POP),
            _ => {}
        }
        isolated.push(c);
    }
    isolated.extend(ends.into_iter().rev().chain([ISOLATE.1]));
    isolated.into()
}

/// Returns whether a character begins or ends a part of a text that runs another way.
pub fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether a character belongs to a script that runs from right to left, or is a mark for directions.
fn runs_from_right(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
        | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_the_other_way_is_isolated() {
        for text in ["دردشة", "חדר 1", "Live دردشة", "\u{1e900}", "a\u{200f}"] {
            assert_eq!(isolated(text, false), format!("\u{2068}{text}\u{2069}"));
        }
        for text in ["Live chat", "Größe 1", "チャット", ""] {
            assert_eq!(isolated(text, false), text);
        }
        assert_eq!((&*isolated("دردشة 12:30", true), &*isolated("a", true)), ("دردشة 12:30", "\u{2068}a\u{2069}"));
    }

    #[test]
    fn what_a_text_leaves_open_ends_in_it() {
        let rows = [
            ("a\u{202e}b", "a\u{202e}b\u{202c}"),
            ("a\u{2069}\u{202c}b", "ab"),
            ("\u{2067}a\u{202b}b", "\u{2067}a\u{202b}b\u{202c}\u{2069}"),
            ("\u{202d}a\u{202c}b\u{2069}\u{202e}", "\u{202d}a\u{202c}b\u{202e}\u{202c}"),
            ("\u{2066}a\u{202e}\u{2069}b", "\u{2066}a\u{202e}b\u{202c}\u{2069}"),
        ];
        for (text, inside) in rows {
            for is_rtl in [false, true] {
                assert_eq!(isolated(text, is_rtl), format!("\u{2068}{inside}\u{2069}"), "{text:?}");
            }
        }
    }
}
