//! Moments in words. The server knows neither the reader's clock nor their country, so it writes UTC; the browser then writes the
//! same moments in local time, as is usual there.

use js_sys::{Array, Date, Function, Intl::DateTimeFormat, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::language;
use crate::texts::{Text, Texts, key};

/// Milliseconds since the page was opened, by a clock that nobody sets.
pub fn monotonic_ms() -> f64 {
    window().performance().map(|performance| performance.now()).unwrap_or_default()
}

/// Whose clock the page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// Universal time: what the server renders, and the browser's first render, which must be the same.
    #[default]
    Utc,
    /// The reader's own. Only in a browser.
    Local,
}

impl Zone {
    /// The hour and minute of a moment given in RFC 3339, UTC.
    pub fn time(self, _: &'static Texts, sent_at: &str) -> String {
        match self {
            Self::Utc => sent_at.get(11..16).unwrap_or("--:--").to_owned(),
            Self::Local => FORMATS.with(|formats| formats.time.write(sent_at)),
        }
    }

    /// The whole date and time, for whoever wants to know exactly.
    pub fn full(self, texts: &'static Texts, sent_at: &str) -> String {
        match self {
            Self::Utc => {
                let (date, time) = (self.day_in_words(texts, sent_at), self.time(texts, sent_at));
                texts.fill(key::page::MOMENT, &[("date", &date), ("time", &time)])
            }
            Self::Local => FORMATS.with(|formats| formats.full.write(sent_at)),
        }
    }

    /// The calendar day as a number that is equal for two moments of the same day.
    pub fn day(self, sent_at: &str) -> u32 {
        match self {
            Self::Utc => utc_day(sent_at),
            Self::Local => local_day(sent_at),
        }
    }

    /// The calendar day for people.
    pub fn day_in_words(self, texts: &'static Texts, sent_at: &str) -> String {
        match self {
            Self::Utc => {
                let Some((year, month, day)) = utc_date(sent_at) else { return sent_at.to_owned() };
                let month = texts.text(key::page::MONTHS).split(',').nth(month as usize - 1).unwrap_or_default();
                texts.fill(key::page::DATE, &[("day", &day.to_string()), ("month", month), ("year", &year.to_string())])
            }
            Self::Local => FORMATS.with(|formats| formats.day.write(sent_at)),
        }
    }
}

/// Which calendar days are today and yesterday, as [`Zone::day`] numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    today: u32,
    yesterday: u32,
}

impl Today {
    /// Returns the name that a day has besides its date.
    pub fn name(self, day: u32) -> Option<Text> {
        match day {
            _ if day == self.today => Some(key::page::TODAY),
            _ if day == self.yesterday => Some(key::page::YESTERDAY),
            _ => None,
        }
    }
}

/// Returns today and yesterday by the reader's clock, and the milliseconds until tomorrow. Only in a browser.
pub fn today() -> (Today, f64) {
    let now = Date::new_0();
    // Days are of 23 to 25 hours: the calendar is asked, and no hours are counted.
    let day =
        |days: i32| Date::new_with_year_month_day(now.get_full_year(), now.get_month() as i32, now.get_date() as i32 + days);
    (Today { today: number(&now), yesterday: number(&day(-1)) }, day(1).get_time() - now.get_time())
}

/// The calendar day of a moment in universal time.
pub fn utc_day(sent_at: &str) -> u32 {
    utc_date(sent_at).map_or(0, |(year, month, day)| (year * 12 + month) * 31 + day)
}

/// The calendar day of a moment where the reader is. Only in a browser.
pub fn local_day(sent_at: &str) -> u32 {
    number(&Date::new(&sent_at.into()))
}

fn number(date: &Date) -> u32 {
    (date.get_full_year() * 12 + date.get_month()) * 31 + date.get_date()
}

/// Seconds since 1970 of a moment given in RFC 3339, UTC; 0 if it is none. Only differences of it are of use.
pub fn seconds(sent_at: &str) -> i64 {
    let part = |from: usize| sent_at.get(from..from + 2).and_then(|digits| digits.parse::<i64>().ok());
    let (Some((year, month, day)), Some(hour), Some(minute), Some(second)) = (utc_date(sent_at), part(11), part(14), part(17))
    else {
        return 0;
    };
    // Days from civil, Howard Hinnant: years begin in March, so that the leap day is the last.
    let year = i64::from(year) - i64::from(month <= 2);
    let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    ((days * 24 + hour) * 60 + minute) * 60 + second
}

/// Year, month from 1 and day from 1.
fn utc_date(sent_at: &str) -> Option<(u32, u32, u32)> {
    let mut parts = sent_at.get(..10)?.split('-').map(|digits| digits.parse().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year, month, day))
}

/// The browser's writers, made once: to make one takes longer than to write a thousand moments.
struct Formats {
    time: Format,
    full: Format,
    day: Format,
}

struct Format(Function);

thread_local! {
    static FORMATS: Formats = Formats {
        time: Format::new(&[LATIN, ("timeStyle", "short")]),
        full: Format::new(&[LATIN, ("dateStyle", "full"), ("timeStyle", "medium")]),
        day: Format::new(&[LATIN, ("weekday", "long"), ("day", "numeric"), ("month", "long"), ("year", "numeric")]),
    };
}

/// The digits of all other numbers in the page.
const LATIN: (&str, &str) = ("numberingSystem", "latn");

impl Format {
    fn new(options: &[(&str, &str)]) -> Self {
        let object = Object::new();
        for (key, value) in options {
            // A new plain object takes every property.
            let _ = Reflect::set(&object, &JsValue::from_str(key), &JsValue::from_str(value));
        }
        Self(DateTimeFormat::new(&Array::of1(&JsValue::from_str(&language::of_reader())), &object).format())
    }

    /// What the browser makes of it; the text itself if it is no moment.
    fn write(&self, sent_at: &str) -> String {
        let written = self.0.call1(&JsValue::UNDEFINED, &Date::new(&sent_at.into()));
        written.ok().and_then(|text| text.as_string()).unwrap_or_else(|| sent_at.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locales;

    #[test]
    fn moments_are_counted() {
        let rows = [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:59.999Z", 59),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-21T03:00:00.123Z", 1_795_230_000),
            ("nonsense", 0),
            ("", 0),
        ];
        for (text, expected) in rows {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn the_server_writes_utc() {
        let moment = "2026-11-21T03:04:05.123Z";
        let texts = locales::english();
        assert_eq!(Zone::Utc.time(texts, moment), "03:04");
        assert_eq!(Zone::Utc.day_in_words(texts, moment), "21 November 2026");
        assert_eq!(Zone::Utc.full(texts, moment), "21 November 2026, 03:04 UTC");
        let german = locales::named("de").expect("a language");
        assert_eq!(Zone::Utc.full(german, moment), "21. November 2026, 03:04 UTC");
        let arabic = locales::named("ar").expect("a language");
        assert_eq!(Zone::Utc.full(arabic, moment), "21 نوفمبر 2026، 03:04 بالتوقيت العالمي", "in one direction");
        assert_eq!(Zone::Utc.day(moment), Zone::Utc.day("2026-11-21T23:59:59Z"));
        assert_ne!(Zone::Utc.day(moment), Zone::Utc.day("2026-11-22T00:00:00Z"));
    }

    #[test]
    fn nonsense_is_shown_as_it_is() {
        for text in ["", "x", "2026-13-01T00:00:00Z", "éééééééééé"] {
            assert_eq!(Zone::Utc.day_in_words(locales::english(), text), text);
            assert_eq!(Zone::Utc.day(text), 0);
        }
    }
}
