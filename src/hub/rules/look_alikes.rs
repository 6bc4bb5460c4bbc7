//! Which names people take for each other.

use unicode_normalization::UnicodeNormalization;
use unicode_script::{Script, UnicodeScript};
use unicode_security::skeleton;

use super::letters::{case_folded, plain};

/// What a name looks like: the skeleton of Unicode confusables (UTS #39, 4), in one of two readings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::hub) enum Look {
    /// Of the name as it is written.
    Written(String),
    /// Of the name without regard to case.
    Folded(String),
}

/// What names that look alike have in common: one of their two looks.
///
/// `ADMlN`, `аdmin` with a Cyrillic letter and `adm1n` look like `admin` as they are written. `ЛЕНА` and `Лена` do not: small and
/// capital letters have look-alikes of their own, and only some of these are the same letter. So the look of the case-folded name counts
/// as well. White space and default-ignorable characters make no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) struct ConfusableSkeleton {
    written: String,
    folded: String,
}

impl ConfusableSkeleton {
    pub(in crate::hub) fn of(name: &str) -> Self {
        let visible: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        let look = |text: &str| {
            let skeleton = |text: &str| skeleton(text).collect::<String>();
            // The text itself comes first: a Greek capital looks like a Latin one even where the small letters differ.
            skeleton(&skeleton(&skeleton(text).to_uppercase()).to_lowercase())
        };
        let folded: String = visible.chars().flat_map(case_folded).collect();
        Self { written: look(&visible), folded: look(&folded) }
    }

    /// Whether nothing of the name can be seen.
    pub(in crate::hub) fn is_empty(&self) -> bool {
        self.written.is_empty()
    }
}

/// What names are compared by. Names that share one of two looks are alike.
pub(in crate::hub) trait Looks {
    /// Both looks of the name.
    fn looks(&self) -> [Look; 2];
}

impl Looks for ConfusableSkeleton {
    fn looks(&self) -> [Look; 2] {
        [Look::Written(self.written.clone()), Look::Folded(self.folded.clone())]
    }
}

impl Looks for ProtectedForm {
    fn looks(&self) -> [Look; 2] {
        self.0.looks()
    }
}

/// What a protected name is compared by: the skeleton of its letters and digits alone, in their compatibility forms (NFKD).
///
/// Punctuation, symbols, emoji, accents and letters in circles or squares make no difference: `Ⓜoderator`, `A.d.m.i.n`, `★Admin★`
/// and `Ädmin` imitate. A name without letters and digits is compared by its whole [skeleton](ConfusableSkeleton).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) struct ProtectedForm(ConfusableSkeleton);

impl ProtectedForm {
    pub(in crate::hub) fn of(name: &str) -> Self {
        let letters: String = name.chars().map(plain).nfkd().filter(|c| is_letter(*c)).collect();
        Self(ConfusableSkeleton::of(if letters.is_empty() { name } else { &letters }))
    }

    /// Whether one of the two names imitates the other.
    pub(in crate::hub) fn is_like(&self, other: &Self) -> bool {
        self.0.written == other.0.written || self.0.folded == other.0.folded
    }

    /// Whether nothing of the name can be seen.
    pub(in crate::hub) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a character of a decomposed name is more than decoration.
fn is_letter(c: char) -> bool {
    match c {
        // The voicing marks make other letters of Japanese ones.
        '\u{3099}' | '\u{309a}' => true,
        // The points of Hebrew, and the line that makes Arabic words longer.
        '\u{591}'..='\u{5c7}' | '\u{640}' => false,
        // Accents have the script of what they stand on.
        c => c.is_alphanumeric() && c.script() != Script::Inherited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_people_take_for_each_other_share_a_skeleton() {
        let rows = [
            ("admin", "ADMIN"),
            ("admin", "Ad min "),
            ("admin", "adm1n"),
            ("admin", "ADMlN"),
            ("admin", "adrnin"),
            ("admin", "a\u{200d}dmin"),
            ("admin", "ad\u{ad}min\u{fe0f}"),
            ("admin", "\u{430}dmin"),
            ("admin", "\u{ff21}\u{ff24}\u{ff2d}\u{ff29}\u{ff2e}"),
            ("admin", "\u{1d41a}\u{1d41d}\u{1d426}\u{1d422}\u{1d427}"),
            ("moderator", "M0DERAT0R"),
            ("Alice", "AIice"),
            ("Nick", "\u{39d}ick"),
            ("Strasse", "STRA\u{df}e"),
            ("José", "Jose\u{301}"),
            ("👩‍🚀", "👩🚀"),
        ];
        for (one, other) in rows {
            assert!(alike(one, other), "{one} and {other}");
            assert!(ProtectedForm::of(one).is_like(&ProtectedForm::of(other)), "{one} and {other}");
        }
        let others = [("Ann", "Anna"), ("José", "Jose"), ("木村", "木"), ("🙂", "🙃"), ("Ann", "Ann2"), ("Олег", "Олена")];
        for (one, other) in others {
            assert!(!alike(one, other), "{one} and {other}");
        }
        assert!(ConfusableSkeleton::of(" \u{3164}\u{200b}").is_empty() && ProtectedForm::of(" \u{3164}\u{200b}").is_empty());
    }

    fn alike(one: &str, other: &str) -> bool {
        let (one, other) = (ConfusableSkeleton::of(one).looks(), ConfusableSkeleton::of(other).looks());
        one.iter().any(|look| other.contains(look))
    }

    #[test]
    fn a_skeleton_is_its_own() {
        for name in ["admin", "ADMIN", "Ωmega", "İstanbul", "ﬀ", "ŉ", "ẞß", "ς", "1lI|", "👩‍🚀"] {
            let skeleton = ConfusableSkeleton::of(name).written;
            assert_eq!(ConfusableSkeleton::of(&skeleton).written, skeleton, "{name}");
        }
    }

    #[test]
    fn a_name_is_alike_in_any_case_in_every_script() {
        for name in ["Лена", "Тимур", "ольга", "Νίκος", "Ηλίας", "Գևորգ", "Şule", "ǅemal", "გიორგი", "ⲁⲛⲛⲁ", "𐐔𐐯𐑅"]
        {
            for other in [name.to_lowercase(), name.to_uppercase(), name.to_uppercase().to_lowercase()] {
                assert!(ProtectedForm::of(name).is_like(&ProtectedForm::of(&other)), "{name} and {other}");
            }
        }
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| c.is_lowercase() || c.is_uppercase()) {
            let name = format!("a{c}");
            for other in [name.to_lowercase(), name.to_uppercase()] {
                assert!(alike(&name, &other), "{c:?} and {other}");
            }
        }
    }

    #[test]
    fn decoration_makes_no_other_protected_name() {
        let rows = [
            ("moderator", "Ⓜoderator"),
            ("admin", "Admin."),
            ("admin", "A.d.m.i.n"),
            ("admin", "Ädmin"),
            ("admin", "a\u{308}\u{323}dmin\u{301}"),
            ("admin", "★ Admin ★"),
            ("admin", "_-admin-_"),
            ("admin", "Admin🔥"),
            ("admin", "🅰🅳🅼🅸🅽"),
            ("admin", "🅐dmin"),
            ("admin", "🇦dmin"),
            ("admin", "ᴀᴅᴍɪɴ"),
            ("admin", "ᵃᵈᵐⁱⁿ"),
            ("admin", "ａｄｍｉｎ（）"),
            ("admin", "а.д.min".replace('д', "d").as_str()),
            ("support", "[Support]"),
            ("live chat", "Live-Chat"),
            ("Zoë", "Zoe"),
            ("שלום", "שָׁלוֹם"),
            ("علي", "عَلِي"),
            ("Андрей", "Андреи"),
            ("محمد", "محـمد"),
        ]
        .map(|(one, other)| (one.to_owned(), other.to_owned()));
        for (one, other) in rows {
            assert!(ProtectedForm::of(&one).is_like(&ProtectedForm::of(&other)), "{one} and {other}");
        }
        for (one, other) in [("Ann", "Anna"), ("かず", "がす"), ("राम", "रमा"), ("🙂", "🙃"), ("!!!", "???"), ("Ann", "Ann2")]
        {
            assert!(!ProtectedForm::of(one).is_like(&ProtectedForm::of(other)), "{one} and {other}");
        }
    }
}
