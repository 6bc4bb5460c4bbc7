//! Letters without their accents. Tables, because the server and the browser have to find the same, and a browser's own are not
//! those of the server.

/// The letters without their accents from `à` to `ſ`; a full stop for what is none.
const LATIN: &str = "aaaaaa.ceeeeiiiidnooooo.ouuuuy.yaaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkkkllllllllllnnnnnnnnnoooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/// The same from `ḁ` to `ỹ`.
const LATIN_ADDITIONAL: &str = "abbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwy......aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy";

/// Further letters, each before what it is without its accent.
const OTHERS: &str = "ơoưuƠoƯuǎaǐiǒoǔuǧgǩkǫoǵgǹnșsțtȘsȚtȟhȧaȩeȯoȳyΐιάαέεήηίιΰυϊιϋυόούυώωйиѐеёеѓгїіќкѝиўуӑаӓаӗеӝжӟзӣиӥиӧоӭэӯуӱуӳуӵчӹыآاأاؤوإائيۀەۂہۓے";

/// Returns a letter with an accent as the small letter without it, and every other character as it is.
pub fn unaccented(c: char) -> char {
    let at = |first: char| (c as usize).wrapping_sub(first as usize);
    let latin = LATIN.as_bytes().get(at('à')).or_else(|| LATIN_ADDITIONAL.as_bytes().get(at('ḁ')));
    match latin {
        Some(b'.') => c,
        Some(base) => char::from(*base),
        None if c < '\u{80}' => c,
        None => {
            let mut others = OTHERS.chars();
            while let (Some(one), Some(base)) = (others.next(), others.next()) {
                if one == c {
                    return base;
                }
            }
            c
        }
    }
}

/// Returns whether a character is an accent on the one before it, which many leave out: in Latin, Greek, Cyrillic, Hebrew and Arabic.
/// The signs of the scripts of India are letters.
pub fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}'
        | '\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}'
        | '\u{1ab0}'..='\u{1ace}' | '\u{1dc0}'..='\u{1dff}' | '\u{fe0e}' | '\u{fe0f}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;

    use super::*;
    use crate::chat::lowercase;

    #[test]
    fn letters_lose_their_accents_as_unicode_has_it() {
        // Letters with a stroke, which Unicode has as letters of their own.
        let own = "ðøđħıłŀŋĸŧſŉ";
        for c in ('\0'..='\u{ffff}').filter(|&c| unaccented(c) != c && !own.contains(lowercase(c))) {
            let mut parts = c.nfd();
            let base = parts.next().expect("a character");
            assert!(parts.all(is_accent) && lowercase(base) == unaccented(c), "{c}");
        }
        for (accented, plain) in [
            ("àéîõüçñ", "aeioucn"),
            ("čďřşžłőđøſ", "cdrszlodos"),
            ("ḁẅẉếộữỹ", "awweouy"),
            ("ơưșțȘȚ", "oustst"),
            ("άέήίόύώ", "αεηιουω"),
            ("ёйїў", "еиіу"),
            ("آأإ", "ااا"),
            ("aæœß木ゞ", "aæœß木ゞ"),
        ] {
            assert_eq!(accented.chars().map(unaccented).collect::<String>(), plain);
        }
    }

    #[test]
    fn accents_are_marks_and_signs_of_india_are_not() {
        for accent in "\u{301}\u{308}\u{5b4}\u{64e}\u{fe0f}".chars() {
            assert!(is_accent(accent), "{accent:?}");
        }
        for letter in ['\u{93f}', '\u{e34}', '\u{3099}', '\u{200d}', 'a', ' '] {
            assert!(!is_accent(letter), "{letter:?}");
        }
    }
}
