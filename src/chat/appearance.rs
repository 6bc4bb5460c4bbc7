//! How all pages of an installation look: what its owners may choose.
//!
//! Every value is read by a strict parser, when it is set and again when it is read from the store. So what reaches a style sheet is a
//! colour, a length or a list of names, and nothing that could end a declaration.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{has_visible_char, visible::turns_or_controls};

/// Longest title, in Unicode code points.
pub const TITLE_CHARS: usize = 64;

/// Largest logo, in bytes.
pub const LOGO_BYTES: usize = 64 << 10;

/// Most fonts in a list.
const MOST_FONTS: usize = 8;

/// Longest name of a font, in Unicode code points.
const FONT_CHARS: usize = 64;

/// Characters of a refused value that an error repeats.
const QUOTED_CHARS: usize = 64;

/// Names that CSS itself gives to kinds of fonts.
pub const GENERIC_FONTS: [&str; 8] =
    ["system-ui", "sans-serif", "serif", "monospace", "ui-sans-serif", "ui-serif", "ui-monospace", "ui-rounded"];

/// Something that owners may choose.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is stored and posted by.
    pub key: &'static str,
    /// Its name in the API: that of the custom property, if it is one.
    pub name: &'static str,
    /// In which colours of the reader's system it holds; none for both.
    pub scheme: Option<Scheme>,
    /// What it may be.
    pub kind: Kind,
    /// What it is if nothing was chosen, as the style sheet has it.
    pub default: &'static str,
}

/// Light or dark, as the reader's system has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Dark words on a light ground.
    Light,
    /// Light words on a dark ground.
    Dark,
}

impl Scheme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// Returns the other one.
    pub fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }

    /// Returns its name in the API and in CSS.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1 to [`TITLE_CHARS`] characters, none of them for control.
    Title,
    /// `#rrggbb`.
    Colour,
    /// `#rrggbb` or `#rrggbbaa`.
    Line,
    /// A length in `px` or `rem`, in pixels of a reader who has not changed their size of text.
    Length {
        /// The shortest.
        least: u32,
        /// The longest.
        most: u32,
    },
    /// The size of text, in per cent of the reader's own, `rem` or `px`: 80% to 150%.
    Size,
    /// Names of fonts that the reader's system may have.
    Fonts,
}

impl fmt::Display for Kind {
    /// What is expected, in words that follow "must be".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title => write!(f, "1 to {TITLE_CHARS} characters, none of them a control character"),
            Self::Colour => f.write_str("a colour such as #4650c8: # and six hexadecimal digits"),
            Self::Line => f.write_str("a colour such as #4650c8 or #4650c880: # and six or eight hexadecimal digits"),
            Self::Length { least, most } => write!(f, "a length from {least}px to {most}px, in px or rem (1rem is 16px)"),
            Self::Size => f.write_str("a size from 80% to 150%, in %, rem or px (100% is 1rem or 16px)"),
            Self::Fonts => write!(
                f,
                "1 to {MOST_FONTS} names of fonts with commas between them, each of 1 to {FONT_CHARS} letters, digits, spaces and hyphens"
            ),
        }
    }
}

macro_rules! themed {
    ($name:literal, $kind:expr, $light:literal, $dark:literal) => {
        [
            Field { key: concat!($name, ".light"), name: $name, scheme: Some(Scheme::Light), kind: $kind, default: $light },
            Field { key: concat!($name, ".dark"), name: $name, scheme: Some(Scheme::Dark), kind: $kind, default: $dark },
        ]
    };
}

const fn single(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field { key: name, name, scheme: None, kind, default }
}

/// The title.
pub const TITLE: &str = "title";

/// The colour of what can be pressed, and of links.
pub const ACCENT: &str = "accent";

/// All that owners may choose beside the logo, in the order of the form. What begins with `--` is a custom property of CSS.
pub static FIELDS: [Field; 21] = {
    let [page_light, page_dark] = themed!("--page", Kind::Colour, "#f3f2ef", "#101114");
    let [surface_light, surface_dark] = themed!("--surface", Kind::Colour, "#fbfaf8", "#16171b");
    let [raised_light, raised_dark] = themed!("--raised", Kind::Colour, "#ffffff", "#1f2026");
    let [text_light, text_dark] = themed!("--text", Kind::Colour, "#1d1d22", "#ececf0");
    let [muted_light, muted_dark] = themed!("--muted", Kind::Colour, "#62626b", "#a0a1ac");
    let [line_light, line_dark] = themed!("--line", Kind::Line, "#e3e1dc", "#2b2c33");
    let [strong_light, strong_dark] = themed!("--line-strong", Kind::Line, "#8a8780", "#777985");
    [
        single(TITLE, Kind::Title, ""),
        single(ACCENT, Kind::Colour, ""),
        page_light,
        page_dark,
        surface_light,
        surface_dark,
        raised_light,
        raised_dark,
        text_light,
        text_dark,
        muted_light,
        muted_dark,
        line_light,
        line_dark,
        strong_light,
        strong_dark,
        single("--radius", Kind::Length { least: 0, most: 32 }, "0.75rem"),
        single("--gutter", Kind::Length { least: 4, most: 64 }, "clamp(0.75rem, 2vw, 1.5rem)"),
        single("--measure", Kind::Length { least: 320, most: 1_920 }, "60rem"),
        single("--font-size", Kind::Size, "100%"),
        single("--font", Kind::Fonts, "system-ui"),
    ]
};

impl Field {
    /// Returns the field of that key.
    pub fn find(key: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.key == key)
    }

    /// Returns whether it is a custom property of CSS.
    pub fn is_property(&self) -> bool {
        self.name.starts_with("--")
    }

    /// Returns a value as it is kept.
    ///
    /// # Errors
    /// If it is none of this kind.
    pub fn read(&'static self, text: &str) -> Result<String, InvalidAppearance> {
        let trimmed = text.trim();
        let read = match self.kind {
            Kind::Title => is_title(trimmed).then(|| trimmed.to_owned()),
            Kind::Colour => colour(trimmed, &[6]),
            Kind::Line => colour(trimmed, &[6, 8]),
            Kind::Length { least, most } => length(trimmed, false, least * 1_000..=most * 1_000),
            Kind::Size => length(trimmed, true, 12_800..=24_000),
            Kind::Fonts => fonts(trimmed),
        };
        read.ok_or_else(|| self.refuse(text))
    }

    fn refuse(&'static self, received: &str) -> InvalidAppearance {
        InvalidAppearance::Value { field: self, received: shortened(received) }
    }
}

fn is_title(text: &str) -> bool {
    (1..=TITLE_CHARS).contains(&text.chars().count()) && has_visible_char(text) && !text.chars().any(turns_or_controls)
}

fn colour(text: &str, digits: &[usize]) -> Option<String> {
    let hex = text.strip_prefix('#')?;
    (digits.contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

/// Reads a length that is, in thousandths of a pixel, within `range`.
fn length(text: &str, takes_per_cent: bool, range: std::ops::RangeInclusive<u32>) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let thousandths = thousandths(number)?;
    let length = match unit {
        "px" => thousandths,
        "rem" => thousandths * 16,
        "%" if takes_per_cent => thousandths * 16 / 100,
        "" if thousandths == 0 => 0,
        _ => return None,
    };
    range.contains(&length).then_some(text)
}

/// Reads a number of at most four digits before the point and three behind it.
fn thousandths(number: &str) -> Option<u32> {
    let (whole, part) = number.split_once('.').map_or((number, None), |(whole, part)| (whole, Some(part)));
    let is_number = |digits: &str, most| (1..=most).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole, 4) || part.is_some_and(|part| !is_number(part, 3)) {
        return None;
    }
    let part = format!("{:0<3}", part.unwrap_or_default());
    Some(whole.parse::<u32>().ok()? * 1_000 + part.parse::<u32>().ok()?)
}

fn fonts(text: &str) -> Option<String> {
    let names: Option<Vec<_>> = text.split(',').map(font).collect();
    names.filter(|names| names.len() <= MOST_FONTS).map(|names| names.join(", "))
}

/// Reads the name of a font, with or without quotes around it.
fn font(text: &str) -> Option<&str> {
    let text = text.trim();
    let unquoted = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    let name = unquoted.unwrap_or(text).trim();
    let is_allowed = |c: char| c.is_alphanumeric() || c == ' ' || c == '-';
    ((1..=FONT_CHARS).contains(&name.chars().count()) && name.chars().all(is_allowed)).then_some(name)
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppearance {
    /// There is nothing of that name.
    #[error("There is no {0:?}. What can be set: title, accent, properties, and in them {properties}.", properties = properties())]
    Unknown(String),
    /// The logo is set in another way.
    #[error("\"logo\" cannot be set here. Send the image to PUT /v1/appearance/logo, or DELETE it there.")]
    Logo,
    /// It is of another kind than is wanted.
    #[error("{name:?} is {received}, but must be {expected}.")]
    Shape {
        /// What.
        name: String,
        /// The JSON that was sent.
        received: String,
        /// What is wanted.
        expected: &'static str,
    },
    /// It cannot have this value.
    #[error("{place} is {received:?}, but must be {kind}.", place = field.place(), kind = field.kind)]
    Value {
        /// What.
        field: &'static Field,
        /// The value that was sent.
        received: String,
    },
}

impl Field {
    /// Returns its name, and in which scheme.
    fn place(&self) -> String {
        match self.scheme {
            Some(scheme) => format!("{:?} ({})", self.name, scheme.name()),
            None => format!("{:?}", self.name),
        }
    }
}

/// Returns the names of all custom properties.
fn properties() -> String {
    let mut names: Vec<_> = FIELDS.iter().filter(|field| field.is_property()).map(|field| field.name).collect();
    names.dedup();
    names.join(", ")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How all pages look, as far as owners have chosen. What they have not chosen has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appearance {
    /// By the keys of [`FIELDS`].
    #[serde(default, deserialize_with = "valid")]
    values: BTreeMap<String, String>,
    /// The picture that stands for the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
}

/// Reads values from the store, without those that this version does not know.
fn valid<'de, D: serde::Deserializer<'de>>(values: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, String>::deserialize(values)?;
    Ok(values.into_iter().filter_map(|(key, value)| Some((key.clone(), Field::find(&key)?.read(&value).ok()?))).collect())
}

impl Appearance {
    /// Returns what was chosen for the field of that key.
    pub fn find(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Returns a short text that is another one after every change.
    pub fn version(&self) -> String {
        // FNV-1a, 64 bits: `std`'s hasher promises no stable result.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let hash = json.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// Returns the keys of the fields that another look has otherwise, and `logo` if it has another one.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = FIELDS.iter().map(|field| field.key).filter(|key| self.find(key) != other.find(key));
        fields.chain((self.logo != other.logo).then_some("logo")).collect()
    }

    /// Returns it after a change; as it is, if the change is meant for another version of it.
    pub fn changed(&self, change: &AppearanceChange) -> Self {
        if change.version.as_ref().is_some_and(|version| *version != self.version()) {
            return self.clone();
        }
        let mut values = self.values.clone();
        for (key, value) in &change.values {
            match value.as_deref().and_then(|value| Field::find(key)?.read(value).ok()) {
                Some(value) => drop(values.insert(key.clone(), value)),
                None => drop(values.remove(key)),
            }
        }
        let logo = match &change.logo {
            LogoChange::Keep => self.logo.clone(),
            LogoChange::Remove => None,
            LogoChange::Set(logo) => Some(logo.clone()),
        };
        Self { values, logo }
    }
}

/// A picture, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logo {
    /// What it is, by its bytes.
    #[serde(rename = "type")]
    pub kind: ImageKind,
    /// Its bytes, in base64 (RFC 4648 4).
    pub data: String,
}

/// The kinds of pictures that all browsers show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageKind {
    /// PNG.
    #[serde(rename = "image/png")]
    Png,
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// GIF.
    #[serde(rename = "image/gif")]
    Gif,
    /// WebP.
    #[serde(rename = "image/webp")]
    WebP,
    /// SVG.
    #[serde(rename = "image/svg+xml")]
    Svg,
}

impl ImageKind {
    /// Returns what a file is, whatever its sender says.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => std::str::from_utf8(bytes).is_ok_and(is_svg).then_some(Self::Svg),
        }
    }

    /// Returns its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Svg => "image/svg+xml",
        }
    }

    /// Returns what the name of its file ends with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Svg => "svg",
        }
    }
}

/// Whether a text is a document whose root element is `svg`: it may follow a declaration, comments and a document type.
fn is_svg(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let after = [("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">")]
            .iter()
            .find_map(|(start, end)| Some(rest.strip_prefix(start)?.split_once(end)?.1));
        match after {
            Some(after) => rest = after.trim_start(),
            None => break,
        }
    }
    let name_ends = |rest: &str| rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/');
    rest.strip_prefix("<svg").is_some_and(name_ends) && text.trim_end().ends_with('>')
}

/// A change of how all pages look. What is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppearanceChange {
    /// By the keys of [`FIELDS`]; `None` brings the default back.
    #[serde(default)]
    values: BTreeMap<String, Option<String>>,
    #[serde(default)]
    logo: LogoChange,
    /// The [version](Appearance::version) that it is meant for; `None` for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// What becomes of the logo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LogoChange {
    #[default]
    Keep,
    Remove,
    Set(Logo),
}

impl AppearanceChange {
    /// Returns a change of the logo; `None` removes it.
    pub fn of_logo(logo: Option<Logo>) -> Self {
        Self { logo: logo.map_or(LogoChange::Remove, LogoChange::Set), ..Self::default() }
    }

    /// Returns the same change, and that of the logo.
    pub fn with_logo(self, logo: Option<Logo>) -> Self {
        Self { logo: Self::of_logo(logo).logo, ..self }
    }

    /// Returns the same change, for a [version](Appearance::version) of the look alone, or for any.
    pub fn for_version(self, version: Option<String>) -> Self {
        Self { version, ..self }
    }

    /// Returns a change by the keys of [`FIELDS`], as a form has them: an empty value brings the default back. What is no field is passed
    /// over.
    ///
    /// # Errors
    /// All values that cannot be.
    pub fn of_form<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<InvalidAppearance>> {
        let fields = values.into_iter().filter_map(|(key, value)| Some((Field::find(key)?, value)));
        let mut read = Reading::default();
        fields.for_each(|(field, value)| read.value(field, Some(value)));
        read.finish()
    }

    /// Returns the change that a JSON merge patch (RFC 7396) makes: `null` or an empty text brings the default back.
    ///
    /// # Errors
    /// All that cannot be.
    pub fn patch(patch: &Map<String, Value>) -> Result<Self, Vec<InvalidAppearance>> {
        let mut read = Reading::default();
        read.object(patch);
        read.finish()
    }

    /// Returns the change after which nothing is chosen but what a JSON object names. The logo stays.
    ///
    /// # Errors
    /// All that cannot be.
    pub fn replace(all: &Map<String, Value>) -> Result<Self, Vec<InvalidAppearance>> {
        let mut read = Reading::default();
        FIELDS.iter().for_each(|field| read.value(field, None));
        read.object(all);
        read.finish()
    }
}

/// What was read of a change so far.
#[derive(Default)]
struct Reading {
    values: BTreeMap<String, Option<String>>,
    errors: Vec<InvalidAppearance>,
}

impl Reading {
    fn finish(self) -> Result<AppearanceChange, Vec<InvalidAppearance>> {
        let Self { values, errors } = self;
        if errors.is_empty() { Ok(AppearanceChange { values, ..AppearanceChange::default() }) } else { Err(errors) }
    }

    fn value(&mut self, field: &'static Field, text: Option<&str>) {
        let text = text.filter(|text| !text.trim().is_empty());
        match text.map(|text| field.read(text)).transpose() {
            Ok(value) => drop(self.values.insert(field.key.to_owned(), value)),
            Err(error) => self.errors.push(error),
        }
    }

    fn object(&mut self, object: &Map<String, Value>) {
        for (name, value) in object {
            match (name.as_str(), value) {
                ("logo", _) => self.errors.push(InvalidAppearance::Logo),
                ("properties", Value::Null) => {
                    FIELDS.iter().filter(|field| field.is_property()).for_each(|field| self.value(field, None));
                }
                ("properties", Value::Object(properties)) => {
                    properties.iter().for_each(|(name, value)| self.property(name, value))
                }
                ("properties", other) => self.shape(name, other, "an object of custom properties"),
                (name, value) => match Field::find(name).filter(|field| !field.is_property()) {
                    Some(field) => self.json(field, value),
                    None => self.errors.push(InvalidAppearance::Unknown(name.to_owned())),
                },
            }
        }
    }

    fn property(&mut self, name: &str, value: &Value) {
        let fields = || FIELDS.iter().filter(|field| field.is_property() && field.name == name);
        match (fields().next(), value) {
            (None, _) => self.errors.push(InvalidAppearance::Unknown(name.to_owned())),
            (Some(field), value) if field.scheme.is_none() => self.json(field, value),
            (Some(_), Value::Null) => fields().for_each(|field| self.value(field, None)),
            (Some(_), Value::Object(schemes)) => {
                for (scheme, value) in schemes {
                    match fields().find(|field| field.scheme.is_some_and(|known| known.name() == scheme)) {
                        Some(field) => self.json(field, value),
                        None => self.shape(name, &Value::String(scheme.clone()), "an object with \"light\" and \"dark\""),
                    }
                }
            }
            (Some(_), other) => self.shape(name, other, "an object with \"light\" and \"dark\""),
        }
    }

    fn json(&mut self, field: &'static Field, value: &Value) {
        match value {
            Value::Null => self.value(field, None),
            Value::String(text) => self.value(field, Some(text)),
            other => self.shape(field.name, other, "a text, or null for the default"),
        }
    }

    fn shape(&mut self, name: &str, received: &Value, expected: &'static str) {
        let received = shortened(&received.to_string());
        self.errors.push(InvalidAppearance::Shape { name: name.to_owned(), received, expected });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(key: &str, text: &str) -> Option<String> {
        Field::find(key).expect("a field").read(text).ok()
    }

    fn patch(patch: Value) -> Result<AppearanceChange, String> {
        let errors = |errors: Vec<InvalidAppearance>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        AppearanceChange::patch(patch.as_object().expect("an object")).map_err(errors)
    }

    #[test]
    fn values_are_kept_in_one_form() {
        let rows = [
            (TITLE, " Acme Live ", "Acme Live"),
            (ACCENT, "#FF0055", "#ff0055"),
            ("--page.light", "#FFFFFF", "#ffffff"),
            ("--line.dark", "#FFFFFF1a", "#ffffff1a"),
            ("--radius", "0", "0"),
            ("--radius", "0px", "0px"),
            ("--radius", "32px", "32px"),
            ("--radius", "2rem", "2rem"),
            ("--radius", "0.125REM", "0.125rem"),
            ("--gutter", "4px", "4px"),
            ("--measure", "120rem", "120rem"),
            ("--font-size", "112.5%", "112.5%"),
            ("--font-size", "80%", "80%"),
            ("--font-size", "24px", "24px"),
            ("--font-size", "1.25rem", "1.25rem"),
            ("--font", "\"Comic Neue\" ,'Noto Sans',serif", "Comic Neue, Noto Sans, serif"),
            ("--font", "游ゴシック", "游ゴシック"),
        ];
        for (key, text, expected) in rows {
            assert_eq!(read(key, text).as_deref(), Some(expected), "{key}: {text}");
            assert_eq!(read(key, expected).as_deref(), Some(expected), "{key}: {text} again");
        }
    }

    #[test]
    fn a_change_for_another_version_changes_nothing() {
        let change = |value: Value| patch(value).expect("valid");
        let first = Appearance::default().changed(&change(json!({ "title": "One", "accent": "#ff0055" })));
        let second = first.changed(&change(json!({ "title": "Two" })));
        assert_ne!(first.version(), second.version());
        assert_eq!(first.differences(&second), [TITLE]);
        let late = change(json!({ "title": "Three" })).for_version(Some(first.version()));
        assert_eq!(second.changed(&late), second);
        assert_eq!(first.changed(&late).find(TITLE), Some("Three"));
    }

    #[test]
    fn nothing_breaks_out_of_a_declaration() {
        let attacks = [
            "red",
            "#fff",
            "#12345g",
            "#1234567",
            "#ffffff;--x:1",
            "#ffffff}*{display:none",
            "url(https://evil.example/)",
            "URL('//evil.example')",
            "expression(alert(1))",
            "#ffffff/**/",
            "/*#ffffff*/",
            "\\23 ffffff",
            "#ffffff\n;",
            "</style><script>alert(1)</script>",
            "var(--text)",
            "calc(1px + 1px)",
            "env(x)",
            "attr(x px)",
            "@import 'x'",
            "1px;",
            "1px}",
            "1e3px",
            "-1px",
            "+1px",
            ".5rem",
            "1.rem",
            "1.2.3px",
            "1.2345px",
            "10000px",
            "99999999999px",
            "33px",
            "5em",
            "5",
            "1 px",
            "１px",
            "79.9%",
            "151%",
            "Inter;",
            "Inter}",
            "Inter\"",
            "\"Inter",
            "'Inter\"",
            "Inter\\",
            "Inter,",
            ",",
            "Inter/**/",
            "Inter\nserif",
            "Inter\u{2028}",
            "Inter\0",
            "\u{202e}Inter",
            "<b>",
            "a,b,c,d,e,f,g,h,i",
        ];
        for text in attacks.iter().copied().chain([&*"x".repeat(65), &*"é".repeat(65)]) {
            for field in FIELDS.iter().filter(|field| field.is_property()) {
                let Ok(kept) = field.read(text) else { continue };
                // A word may be the name of a font, and a length one of another property.
                let is_harmless = match field.kind {
                    Kind::Fonts => kept.chars().all(|c| c.is_alphanumeric() || " -,".contains(c)),
                    Kind::Length { .. } | Kind::Size => kept.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'%'),
                    Kind::Title | Kind::Colour | Kind::Line => false,
                };
                assert!(is_harmless && kept.chars().count() <= 64, "{}: {text:?} is kept as {kept:?}", field.key);
            }
        }
        let refused = [
            ("--radius", "33px"),
            ("--radius", "2.1rem"),
            ("--radius", "5%"),
            ("--gutter", "0"),
            ("--measure", "319px"),
            ("--font-size", "0.7rem"),
            ("--page.light", "#ffffff80"),
            ("--font", "Inter;"),
            ("--font", "a,b,c,d,e,f,g,h,i"),
            (TITLE, "a\nb"),
            (TITLE, "a\u{7}"),
        ];
        for (key, text) in refused {
            assert_eq!(read(key, text), None, "{key}: {text}");
        }
        assert!(read(TITLE, &"é".repeat(64)).is_some() && read(TITLE, &"é".repeat(65)).is_none());
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let change = patch(json!({
            "title": "Acme", "accent": "#FF0055",
            "properties": { "--page": { "light": "#ffffff" }, "--radius": "4px", "--text": { "dark": "#eeeeee" } },
        }));
        let first = Appearance::default().changed(&change.expect("valid"));
        let found = |of: &Appearance| {
            let keys = [TITLE, ACCENT, "--page.light", "--page.dark", "--radius", "--text.dark"];
            keys.map(|key| of.find(key).unwrap_or_default().to_owned())
        };
        assert_eq!(found(&first), ["Acme", "#ff0055", "#ffffff", "", "4px", "#eeeeee"]);
        let change = patch(json!({ "title": "", "properties": { "--page": null, "--radius": null } })).expect("valid");
        assert_eq!(found(&first.changed(&change)), ["", "#ff0055", "", "", "", "#eeeeee"]);
        let change = patch(json!({ "properties": null })).expect("valid");
        assert_eq!(found(&first.changed(&change)), ["Acme", "#ff0055", "", "", "", ""]);
        let whole = json!({ "accent": "#00aa00" });
        let change = AppearanceChange::replace(whole.as_object().expect("an object")).expect("valid");
        assert_eq!(found(&first.changed(&change)), ["", "#00aa00", "", "", "", ""]);
    }

    #[test]
    fn an_error_names_what_was_sent_and_what_is_expected() {
        let rows = [
            (
                json!({ "properties": { "--page": { "light": "red" } } }),
                "\"--page\" (light) is \"red\", but must be a colour such as #4650c8: # and six hexadecimal digits.",
            ),
            (
                json!({ "properties": { "--radius": "40px" } }),
                "\"--radius\" is \"40px\", but must be a length from 0px to 32px, in px or rem (1rem is 16px).",
            ),
            (json!({ "properties": { "--radius": 4 } }), "\"--radius\" is 4, but must be a text, or null for the default."),
            (
                json!({ "properties": { "--page": "#ffffff" } }),
                "\"--page\" is \"#ffffff\", but must be an object with \"light\" and \"dark\".",
            ),
            (json!({ "properties": { "--page": { "sepia": "#ffffff" } } }), "\"--page\" is \"sepia\", but must be an object"),
            (
                json!({ "properties": { "background": "#ffffff" } }),
                "There is no \"background\". What can be set: title, accent, ",
            ),
            (json!({ "properties": { "title": "x" } }), "There is no \"title\"."),
            (json!({ "--page": null }), "There is no \"--page\"."),
            (json!({ "css": "*{}" }), "There is no \"css\"."),
            (json!({ "properties": [] }), "\"properties\" is [], but must be an object of custom properties."),
            (json!({ "logo": null }), "\"logo\" cannot be set here."),
            (json!({ "title": "\u{200b}" }), "\"title\""),
            (json!({ "title": "A\u{202e}gnp.exe" }), "\"title\""),
            (json!({ "accent": "x", "title": "a\nb" }), "\"accent\" is \"x\", but must be a colour"),
        ];
        for (sent, part) in rows {
            let error = patch(sent.clone()).expect_err("refused");
            assert!(error.contains(part), "{sent}: {error}");
        }
    }

    #[test]
    fn what_is_stored_is_read_strictly_again() {
        let stored = json!({ "values": { "title": "Acme", "--page.light": "red;}", "--gone": "1px", "--radius": "4px" } });
        let appearance: Appearance = serde_json::from_value(stored).expect("readable");
        assert_eq!(
            appearance.values.into_iter().collect::<Vec<_>>(),
            [("--radius".to_owned(), "4px".to_owned()), ("title".to_owned(), "Acme".to_owned())]
        );
        assert_eq!(serde_json::from_value::<Appearance>(json!({})).expect("readable"), Appearance::default());
        let change: AppearanceChange =
            serde_json::from_value(json!({ "values": { "--radius": "4px}*{" , "nothing": "x" } })).expect("readable");
        assert_eq!(Appearance::default().changed(&change), Appearance::default());
    }

    #[test]
    fn a_picture_is_known_by_its_bytes() {
        let rows: [(&[u8], Option<ImageKind>); 16] = [
            (b"\x89PNG\r\n\x1a\n....", Some(ImageKind::Png)),
            (b"\xff\xd8\xff\xe0....", Some(ImageKind::Jpeg)),
            (b"GIF89a....", Some(ImageKind::Gif)),
            (b"GIF87a....", Some(ImageKind::Gif)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(ImageKind::WebP)),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Some(ImageKind::Svg)),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- made by hand -->\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD\" \"x\">\n<svg></svg>\n", Some(ImageKind::Svg)),
            (b"", None),
            (b"\x89PNG", None),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"<html><svg></svg></html>", None),
            (b"<!DOCTYPE html><html></html>", None),
            (b"<svgx></svgx>", None),
            (b"<svg", None),
            (b"<?xml", None),
            (b"\xff\xfe<\0s\0v\0g\0>\0", None),
        ];
        for (bytes, expected) in rows {
            assert_eq!(ImageKind::of(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn the_defaults_are_the_stylesheet_s() {
        let stylesheet = include_str!("../../style/main.css");
        for field in FIELDS.iter().filter(|field| field.is_property() && field.kind != Kind::Fonts) {
            let declaration = match field.scheme {
                None => format!("{}: {};", field.name, field.default),
                Some(Scheme::Light) => format!("{}: light-dark({}, ", field.name, field.default),
                Some(Scheme::Dark) => format!(", {});", field.default),
            };
            assert!(stylesheet.contains(&declaration), "{declaration}");
        }
    }
}
