//! All languages of the interface, and which of them somebody wants.

use std::sync::LazyLock;

use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use serde_json::{Map, Value};

use crate::texts::Texts;

/// The files. The first language is for whoever wants none of them.
const FILES: [&str; 8] = [
    include_str!("../locales/en.json"),
    include_str!("../locales/de.json"),
    include_str!("../locales/fr.json"),
    include_str!("../locales/es.json"),
    include_str!("../locales/pt-BR.json"),
    include_str!("../locales/ar.json"),
    include_str!("../locales/ja.json"),
    include_str!("../locales/zh-Hans.json"),
];

static ALL: LazyLock<[Texts; FILES.len()]> = LazyLock::new(|| FILES.map(read));

fn read(file: &str) -> Texts {
    let file: Map<String, Value> = serde_json::from_str(file).expect("a test reads every language");
    let mut entries = Vec::new();
    for (key, text) in file {
        match text {
            Value::Object(forms) => entries.extend(forms.into_iter().map(|(form, text)| (format!("{key}.{form}"), said(text)))),
            text => entries.push((key, said(text))),
        }
    }
    entries.sort();
    Texts::new(entries, category)
}

fn said(text: Value) -> String {
    match text {
        Value::String(text) => text,
        other => unreachable!("a text is a string: {other}"),
    }
}

fn category(language: &str, count: usize) -> String {
    name(rules(language).category_for(count)).to_owned()
}

/// Their data is a part of the program: to make them is a look-up.
fn rules(language: &str) -> PluralRules {
    let language: Locale = language.parse().expect("a test reads every language");
    PluralRules::try_new_cardinal(language.into()).expect("the library knows the plural rules of all languages")
}

fn name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

/// All languages.
pub fn all() -> impl Iterator<Item = &'static Texts> {
    ALL.iter()
}

/// English: what is said where nobody asked for a language, and to whoever reads no answers but logs them.
pub fn english() -> &'static Texts {
    &ALL[0]
}

/// Returns the language of that name, of whatever country or script: `de-AT` is `de`, and `pt-PT` and `zh-CN` are `pt-BR` and
/// `zh-Hans`, the only ones of their languages.
pub fn named(tag: &str) -> Option<&'static Texts> {
    let language = primary(tag);
    ALL.iter().find(|texts| primary(texts.language()).eq_ignore_ascii_case(language))
}

/// Returns the language itself in a tag (RFC 5646 2.2.1).
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

/// The language that the values of `Accept-Language` prefer (RFC 9110 12.5.4), the first of those that they prefer equally.
/// English where they name none of ours, or cannot be read.
pub fn preferred<'a>(values: impl IntoIterator<Item = &'a str>) -> &'static Texts {
    let mut best = (0.0, english());
    for range in values.into_iter().flat_map(|value| value.split(',')) {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight = weight.trim().strip_prefix(['q', 'Q']).and_then(|weight| weight.strip_prefix('='));
        let weight = weight.and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
        if let Some(texts) = named(tag.trim()).filter(|_| weight > best.0) {
            best = (weight, texts);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::texts::{first_place, key};

    fn catalogue(file: &str) -> Map<String, Value> {
        serde_json::from_str(file).expect("JSON")
    }

    fn places(text: &str) -> BTreeSet<&str> {
        let (mut places, mut rest) = (BTreeSet::new(), text);
        while let Some((_, name, after)) = first_place(rest) {
            places.insert(name);
            rest = after;
        }
        places
    }

    #[test]
    fn every_language_says_all_that_english_says() {
        let english = catalogue(FILES[0]);
        for file in FILES.map(catalogue) {
            let language = file["language"].as_str().expect("a name");
            assert_eq!(file.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "{language}");
            let categories: BTreeSet<_> = rules(language).categories().map(name).collect();
            for (key, text) in &file {
                match (text, &english[key]) {
                    (Value::String(text), Value::String(original)) => {
                        assert!(!text.is_empty(), "{language} {key}");
                        assert_eq!(places(text), places(original), "{language} {key}");
                    }
                    (Value::Object(forms), Value::Object(_)) => {
                        let has: BTreeSet<_> = forms.keys().map(String::as_str).collect();
                        assert_eq!(has, categories, "{language} {key}");
                        let places = |form: &str| places(forms[form].as_str().expect("a text"));
                        assert!(has.iter().all(|form| places(form).is_subset(&["count"].into())), "{language} {key}");
                        assert!(places("other").contains("count"), "{language} {key}");
                    }
                    _ => panic!("{language} {key} is counted in one of the languages alone"),
                }
            }
        }
    }

    #[test]
    fn every_language_names_its_months() {
        for texts in &*ALL {
            assert_eq!(texts.text(key::page::MONTHS).split(',').filter(|month| !month.is_empty()).count(), 12);
        }
    }

    #[test]
    fn a_browser_is_given_every_text_that_it_shows() {
        let on_server = ["/pages/", "/admin/", "moderation.rs"];
        for (file, source) in sources(Path::new("src/app")) {
            let is_for_browsers = !on_server.iter().any(|place| file.contains(place));
            // Its texts are on the page of a replay.
            let area = if file.ends_with("player.rs") { "replay::" } else { "page::" };
            let is_given = |rest: &str| rest.starts_with("page::") || rest.starts_with(area);
            let other = source.split("key::").skip(1).find(|rest| rest.contains("::") && !is_given(rest));
            let other = other.filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
            assert!(
                !is_for_browsers || other.is_none(),
                "{file}: key::{}",
                other.unwrap_or_default().lines().next().unwrap_or_default()
            );
        }
    }

    /// Every source file with its text.
    fn sources(folder: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.extend(sources(&path));
            } else {
                found.push((path.display().to_string(), fs::read_to_string(&path).expect("a text")));
            }
        }
        found
    }

    #[test]
    fn what_a_browser_prefers_is_answered() {
        let rows = [
            ("", "en"),
            ("de", "de"),
            ("DE", "de"),
            ("de-AT", "de"),
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("en;q=0.8, ar-EG ; q=0.9", "ar"),
            ("en-GB;q=0.5,de;Q=0.5", "en"),
            ("nl,ar;q=0.1", "ar"),
            ("nl", "en"),
            ("*", "en"),
            ("nl, *;q=0.5", "en"),
            ("fr-CA,fr;q=0.9", "fr"),
            ("es-419", "es"),
            ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
            ("pt", "pt-BR"),
            ("PT-pt", "pt-BR"),
            ("ja-JP", "ja"),
            ("zh-CN,zh;q=0.9", "zh-Hans"),
            ("zh-Hans-CN", "zh-Hans"),
            ("zh", "zh-Hans"),
            ("zh-TW,en;q=0.5", "zh-Hans"),
            ("zhx,ptx", "en"),
            ("de;q=0,ar;q=0.001", "ar"),
            ("de;q=0", "en"),
            ("de;q=NaN,ar;q=-1,de;q=,de;x=1,de;q=0.5x", "en"),
            ("deutsch,-,;;,q=1,\u{fffd}", "en"),
            ("de_AT", "en"),
        ];
        for (header, expected) in rows {
            assert_eq!(preferred([header]).language(), expected, "{header:?}");
        }
        assert_eq!(preferred(["nl;q=1", "ar;q=0.2, de;q=0.3"]).language(), "de", "several headers");
        assert_eq!(preferred([]).language(), "en");
    }

    #[test]
    fn what_is_counted_has_the_form_of_its_number() {
        let [english, german, arabic] = ["en", "de", "ar"].map(|language| named(language).expect("a language"));
        let rows = [
            (english, 0, "0 new messages"),
            (english, 1, "1 new message"),
            (english, 1_234_567, "1,234,567 new messages"),
            (german, 1, "1 neue Nachricht"),
            (german, 12_345, "12.345 neue Nachrichten"),
            (arabic, 0, "لا رسائل جديدة"),
            (arabic, 1, "رسالة جديدة واحدة"),
            (arabic, 2, "رسالتان جديدتان"),
            (arabic, 3, "3 رسائل جديدة"),
            (arabic, 11, "11 رسالة جديدة"),
            (arabic, 100, "100 رسالة جديدة"),
            (arabic, 1_103, "1,103 رسائل جديدة"),
        ];
        for (texts, count, expected) in rows {
            assert_eq!(texts.count(key::page::NEW_MESSAGES, count), expected);
        }
        let rows = [
            ("fr", 0, "0 nouveau message"),
            ("fr", 2, "2 nouveaux messages"),
            ("fr", 1_000_000, "1\u{202f}000\u{202f}000 de nouveaux messages"),
            ("es", 0, "0 mensajes nuevos"),
            ("es", 1_000_000, "1.000.000 de mensajes nuevos"),
            ("pt", 0, "0 nova mensagem"),
            ("pt", 2_000_000, "2.000.000 de novas mensagens"),
            ("ja", 1, "新着メッセージ 1 件"),
            ("zh", 12_345, "12,345 条新消息"),
        ];
        for (language, count, expected) in rows {
            assert_eq!(named(language).expect("a language").count(key::page::NEW_MESSAGES, count), expected);
        }
    }

    #[test]
    fn what_is_filled_in_keeps_its_direction() {
        let fill = |texts: &'static Texts| texts.fill(key::page::REASON, &[("reason", "a {reason}")]);
        assert_eq!(fill(english()), "Reason: a {reason}");
        let turned = english().fill(key::page::ANNOUNCED, &[("name", "a\u{202e}"), ("text", "b\u{2069}: שלום")]);
        assert_eq!(turned, "\u{2068}a\u{202e}\u{202c}\u{2069}: \u{2068}b: שלום\u{2069}");
        assert_eq!(fill(named("ar").expect("a language")), "السبب: \u{2068}a {reason}\u{2069}");
        assert_eq!(english().around(key::page::MODERATE), ("Moderate ", ""));
    }
}
