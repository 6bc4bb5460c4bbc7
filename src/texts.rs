//! The words of the interface in one language: looked up by key, with what belongs into their places, and counted.
//!
//! They stand in `locales/`, a file a language. The server holds all of them; a browser gets what its part of a page says, with
//! the page. This is the same for both; it knows neither where texts come from nor what they are for.

use crate::direction::isolated;

/// The keys of all texts, generated from `locales/en.json`: one that does not exist does not compile, and one that is not used is a
/// warning. A browser is given those of `page` alone.
pub(crate) mod key {
    use super::Text;

    include!(concat!(env!("OUT_DIR"), "/keys.rs"));
}

/// The key of a text that is shown as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(&'static str);

/// The key of a text with that many different `{name}` in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template<const PLACES: usize>(&'static str);

/// The key of a text with a form for each plural category of its language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted(&'static str);

/// What a browser is given: the texts whose keys begin so, and those of one word, which are about the language itself.
const IN_PAGE: &str = "page.";

/// What a moderator's browser is given besides.
const FOR_MODERATORS: &str = "moderation.";

/// What the browser of somebody who watches a replay is given besides.
const FOR_REPLAYS: &str = "replay.";

/// The texts of one language.
#[derive(Debug)]
pub struct Texts {
    /// By key, in the keys' order. The forms of a counted text have its key, a dot and the plural category.
    entries: Vec<(String, String)>,
    /// The plural category (CLDR, UTS #35 part 3) of a number in a language: `one`, `few`, `other` and so on.
    category: fn(&str, usize) -> String,
}

impl Texts {
    /// Of `entries`, in the order of their keys.
    pub fn new(entries: Vec<(String, String)>, category: fn(&str, usize) -> String) -> Self {
        Self { entries, category }
    }

    /// The language's name for machines (BCP 47).
    pub fn language(&'static self) -> &'static str {
        self.text(key::LANGUAGE)
    }

    /// Where its lines begin: `ltr` or `rtl`.
    pub fn direction(&'static self) -> &'static str {
        self.text(key::DIRECTION)
    }

    /// Returns the text with that key. A browser shows the key itself if the page that it has is of another version.
    pub fn text(&'static self, Text(key): Text) -> &'static str {
        self.find(key).unwrap_or(key)
    }

    /// Returns the text with that key and its places, for what fills them itself.
    pub fn template<const PLACES: usize>(&'static self, Template(key): Template<PLACES>) -> &'static str {
        self.text(Text(key))
    }

    /// Returns the text with that key, each `{name}` in it replaced. What replaces it and runs the other way is kept apart from the
    /// direction of the text around it.
    pub fn fill<const PLACES: usize>(&'static self, key: Template<PLACES>, values: &[(&str, &str); PLACES]) -> String {
        filled(self.template(key), self.direction() == "rtl", values)
    }

    /// Returns the form of a counted text that belongs to a number, which replaces `{count}`.
    pub fn count(&'static self, Counted(key): Counted, count: usize) -> String {
        let form = |category: &str| self.find(&[key, ".", category].concat());
        let form = form(&(self.category)(self.language(), count)).or_else(|| form("other")).unwrap_or(key);
        filled(form, false, &[("count", &self.number(count))])
    }

    /// A number for people: its digits by threes. Digits are the same in all languages, as they are in what others write.
    pub fn number(&'static self, number: usize) -> String {
        let digits = number.to_string();
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push_str(self.text(key::THOUSANDS));
            }
            grouped.push(digit);
        }
        grouped
    }

    /// Returns a time that is left, in its largest unit, rounded up.
    pub fn time_left(&'static self, seconds: u64) -> String {
        let up = |unit: u64| seconds.div_ceil(unit);
        let (key, count) = match seconds {
            0..60 => (key::page::SECONDS, seconds),
            60..3_600 => (key::page::MINUTES, up(60)),
            3_600..86_400 => (key::page::HOURS, up(3_600)),
            _ => (key::page::DAYS, up(86_400)),
        };
        self.count(key, count as usize)
    }

    /// A sentence, and why it is so, if that is known.
    pub fn with_reason(&'static self, mut sentence: String, reason: &str) -> String {
        if !reason.is_empty() {
            sentence.push(' ');
            sentence.push_str(&self.fill(key::page::REASON, &[("reason", reason)]));
        }
        sentence
    }

    /// Returns what stands before and after the one `{name}` in a text, for views that put an element there.
    pub fn around(&'static self, key: Template<1>) -> (&'static str, &'static str) {
        let text = self.template(key);
        first_place(text).map_or((text, ""), |(before, _, after)| (before, after))
    }

    /// Returns what a browser needs, as a JSON array of keys with their texts, in the order of the keys; for whoever moderates more.
    pub fn in_page(&self, moderates: bool, replays: bool) -> String {
        let areas = [(IN_PAGE, true), (FOR_MODERATORS, moderates), (FOR_REPLAYS, replays)];
        let is_needed = |key: &str| areas.iter().any(|(area, needed)| *needed && key.starts_with(area)) || !key.contains('.');
        let needed: Vec<_> = self.entries.iter().filter(|(key, _)| is_needed(key)).collect();
        serde_json::to_string(&needed).unwrap_or_default()
    }

    fn find(&self, key: &str) -> Option<&str> {
        let at = self.entries.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(&self.entries[at].1)
    }
}

/// A text with values in its places.
fn filled(text: &str, is_rtl: bool, values: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, name, after)) = first_place(rest) {
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        // (An isolate takes no notice of those in it: one around a date whose month is one runs the wrong way.)
        [before, &isolated(value, is_rtl)].iter().for_each(|part| filled.push_str(part));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// What stands before the first `{name}` in a text, that name, and what stands after it.
pub fn first_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}
