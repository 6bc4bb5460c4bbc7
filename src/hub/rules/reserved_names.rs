//! Names for those who moderate, and names that look like a badge of the page.

use std::{collections::HashSet, sync::LazyLock};

use unicode_script::{Script, UnicodeScript};

use super::look_alikes::{Look, Looks, ProtectedForm};
use crate::{
    locales,
    texts::{Text, key},
};

/// Names that are for those who moderate alone, and all that look like them.
#[derive(Clone, Debug, Default)]
pub struct ReservedNames(HashSet<Look>);

impl ReservedNames {
    /// Reserves `names`.
    pub fn new(names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        let forms = names.into_iter().map(|name| ProtectedForm::of(name.as_ref()));
        Self(forms.filter(|form| !form.is_empty()).flat_map(|form| form.looks()).collect())
    }

    pub(in crate::hub) fn contain(&self, form: &ProtectedForm) -> bool {
        form.looks().iter().any(|look| self.0.contains(look))
    }
}

/// Check marks, shields and crowns: what chats draw beside the names of people with a role.
const GLYPHS: &str = "✓✔☑✅⍻🗸🗹🮱𐄂√🛡⛨🔰👑♔♕♚♛";

/// Roles as they stand at names.
const ROLES: [Text; 3] = [key::page::OWNER, key::page::MODERATOR, key::page::BOT];

/// Everything else that the page writes behind a name.
const TAGS: [Text; 4] = [key::page::PINNED, key::page::ANNOUNCEMENT, key::page::PRIVATE, key::page::MENTIONS_YOU];

/// Short forms of the roles.
const SHORT: [&str; 2] = ["mod", "admin"];

/// The badges of the page in all its languages, word by word.
struct Badges {
    roles: Vec<Vec<ProtectedForm>>,
    tags: Vec<Vec<ProtectedForm>>,
}

static BADGES: LazyLock<Badges> = LazyLock::new(|| {
    let texts =
        |keys: &[Text]| -> Vec<_> { locales::all().flat_map(|texts| keys.iter().map(|key| forms(texts.text(*key)))).collect() };
    let roles = texts(&ROLES).into_iter().chain(SHORT.map(forms)).collect();
    Badges { roles, tags: texts(&TAGS) }
});

/// The part of a name that imitates a badge, if one does: a glyph anywhere, the words of a role at its beginning or its end, those of
/// another tag at its end.
pub(in crate::hub) fn imitated_badge(name: &str) -> Option<String> {
    if let Some(glyph) = name.chars().find(|c| GLYPHS.contains(*c)) {
        return Some(glyph.to_string());
    }
    let words = words(name);
    let forms: Vec<_> = words.iter().map(|word| ProtectedForm::of(word)).collect();
    if let Some(badge) = BADGES.roles.iter().chain(&BADGES.tags).find(|badge| end_with(&forms, badge)) {
        return Some(words[words.len() - badge.len()..].join(" "));
    }
    let badge = BADGES.roles.iter().find(|badge| start_with(&forms, badge))?;
    Some(words[..badge.len()].join(" "))
}

fn start_with(words: &[ProtectedForm], badge: &[ProtectedForm]) -> bool {
    words.len() >= badge.len() && words.iter().zip(badge).all(|(word, part)| word.is_like(part))
}

fn end_with(words: &[ProtectedForm], badge: &[ProtectedForm]) -> bool {
    words.len().checked_sub(badge.len()).is_some_and(|from| start_with(&words[from..], badge))
}

fn forms(text: &str) -> Vec<ProtectedForm> {
    words(text).iter().map(|word| ProtectedForm::of(word)).collect()
}

/// The runs of letters and digits, with their accents. Single letters beside each other are one word: `M.o.d`, `m o d`.
fn words(text: &str) -> Vec<String> {
    let is_between = |c: char| !c.is_alphanumeric() && c.script() != Script::Inherited;
    let mut words: Vec<String> = Vec::new();
    let mut was_single = false;
    for word in text.split(is_between).filter(|word| !word.is_empty()) {
        let is_single = word.chars().nth(1).is_none();
        match words.last_mut().filter(|_| was_single && is_single) {
            Some(spelled) => spelled.push_str(word),
            None => words.push(word.to_owned()),
        }
        was_single = is_single;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_known_in_any_disguise() {
        let reserved = ReservedNames::new(["admin", " ", "support", "live chat"]);
        let alike = [
            "Admin",
            "\u{430}dmin",
            "Supp0rt",
            "s u p p o r t",
            "Admin.",
            "A.d.m.i.n",
            "Ädmin",
            "Ⓐdmin",
            "🅂upport",
            "live-chat!",
        ];
        for name in alike {
            assert!(reserved.contain(&ProtectedForm::of(name)), "{name}");
        }
        for name in ["administrator", "", "...", "Adam", "live"] {
            assert!(!reserved.contain(&ProtectedForm::of(name)), "{name}");
        }
    }

    #[test]
    fn names_that_imitate_a_badge_are_known() {
        let rows = [
            ("Ann ✓", "✓"),
            ("✅Ann", "✅"),
            ("Mod 🛡\u{fe0f}", "🛡"),
            ("👑 Eve 👑", "👑"),
            ("Ann owner", "owner"),
            ("Ann (Owner)", "Owner"),
            ("Ann·OWNER", "OWNER"),
            ("Ann \u{2003} 0wner", "0wner"),
            ("Ann ⓜⓞⓓ", "ⓜⓞⓓ"),
            ("Ann [mod]", "mod"),
            ("Ann M.o.d", "Mod"),
            ("A D M I N Ann", "ADMIN"),
            ("Bob 🮱", "🮱"),
            ("Moderator Ann", "Moderator"),
            ("Möderator_Ann", "Möderator"),
            ("Admin-Ann", "Admin"),
            ("Ann Moderation", "Moderation"),
            ("Leitung: Ann", "Leitung"),
            ("نورا مشرف", "مشرف"),
            ("Ann bot", "bot"),
            ("Ann Ankündigung", "Ankündigung"),
            ("Ann Pinned", "Pinned"),
            ("Ann mentions you", "mentions you"),
        ];
        for (name, part) in rows {
            assert_eq!(imitated_badge(name).as_deref(), Some(part), "{name}");
        }
        for name in [
            "Ann",
            "Homeowner",
            "Robot",
            "The owner's cat",
            "Modesty",
            "Ann Owens",
            "Private Ryan",
            "you",
            "⭐ Ann",
            "Ann ♥",
            "Ann & Bob",
            "木村",
            "🙂",
            "Dr. No",
            "J. R. R. Tolkien",
            "Max Leitungsmann",
            "",
        ] {
            assert_eq!(imitated_badge(name), None, "{name}");
        }
    }
}
