//! Lowercase letters, the same on the server and in the browser.

/// Returns the lowercase letter of a capital of Latin, Greek, Cyrillic, Armenian or Georgian. (A table of all letters would be many
/// kilobytes more for a browser to download.)
pub fn lowercase(c: char) -> char {
    let code = u32::from(c);
    let small = match c {
        'A'..='Z' | 'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Σ'..='Ϋ' | 'А'..='Я' => code + 32,
        'Ѐ'..='Џ' => code + 80,
        'Ա'..='Ֆ' => code + 48,
        'Ά' => u32::from('ά'),
        'Έ'..='Ί' => code + 37,
        'ς' => u32::from('σ'),
        'Ა'..='Ჺ' => code - 0xbc0,
        'Ÿ' => u32::from('ÿ'),
        // In these the capital stands before its small letter, at an odd place or at an even one.
        'Ĺ'..='Ň' | 'Ź'..='Ž' => code + code % 2,
        'Ā'..='į' | 'Ĳ'..='ķ' | 'Ŋ'..='ŷ' | 'Ѡ'..='ҁ' | 'Ҋ'..='ҿ' | 'Ӑ'..='ӿ' | 'Ḁ'..='ẕ' | 'Ạ'..='ỿ' => {
            code | 1
        }
        _ => code,
    };
    char::from_u32(small).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowercase_letters_are_those_of_unicode() {
        for code in 0..0x2_0000 {
            let Some(c) = char::from_u32(code) else { continue };
            let mut lower = c.to_lowercase();
            let is_one_of_ours = lowercase(c) != c;
            assert!(!is_one_of_ours || c == 'ς' || lower.next() == Some(lowercase(c)), "{c}");
        }
        for (capitals, small) in [
            ("ABCXYZ", "abcxyz"),
            ("ÄÖÜÉÑÇØÞŸ", "äöüéñçøþÿ"),
            ("ĀĎŁŇŐŠŽŹĶŊŲ", "āďłňőšžźķŋų"),
            ("ẠỐỸ", "ạốỹ"),
            ("ΆΈΉΊΑΩΣ", "άέήίαωσ"),
            ("АЯЁЇҐ", "аяёїґ"),
            ("ԱՖ", "աֆ"),
            ("ᲒᲔ", "გე"),
            ("ß木ıİ", "ß木ıİ"),
        ] {
            assert_eq!(capitals.chars().map(lowercase).collect::<String>(), small);
        }
    }
}
