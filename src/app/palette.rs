//! The colours that follow from those that owners have chosen: what can be read on their grounds.
//!
//! A ground is light or dark by itself: owners may have light rooms on a dark page. So there are two sets of inks, one for light grounds
//! and one for dark grounds. The stylesheet tells them apart by `light-dark()` and the `color-scheme` of each element that has a ground.

use std::fmt;

use crate::chat::{
    Appearance, Colour,
    appearance::{ACCENT, Field, Scheme},
    colour,
};

/// Contrast that text needs with what it stands on (WCAG 2.2, 1.4.3).
pub(super) const CONTRAST: f64 = 4.5;

/// Contrast that the border of a control needs with what it stands on (WCAG 2.2, 1.4.11).
const BORDER_CONTRAST: f64 = 3.0;

/// What stands on an accent that is light: the dark one of the stylesheet's `--on-accent`.
const INK: Colour = Colour::new(0x14, 0x15, 0x2b);

/// How far the ground of a row that is pointed at is from that of the others, on the way to black or white.
const HOVER_STEPS: u32 = 2;

/// The ground of a row that is pointed at, light and dark: the stylesheet's.
const HOVER: [Colour; 2] = [Colour::new(0xf2, 0xf1, 0xed), Colour::new(0x1b, 0x1c, 0x21)];

/// Colours that mean something, light and dark: the stylesheet's.
const SIGNALS: [(&str, [Colour; 2]); 3] = [
    ("--danger", [Colour::new(0xb3, 0x26, 0x1e), Colour::new(0xff, 0x9a, 0x90)]),
    ("--good", [Colour::new(0x17, 0x74, 0x3f), Colour::new(0x6a, 0xd7, 0x9a)]),
    ("--warn", [Colour::new(0x8a, 0x5a, 0x00), Colour::new(0xf0, 0xc0, 0x60)]),
];

/// The colours of names, light and dark: the stylesheet's.
const NAMES: [Names; 2] = [Names { lightness: 48, chroma: 0.13 }, Names { lightness: 80, chroma: 0.11 }];

/// The hues of names: the stylesheet's.
const HUES: u32 = 24;

/// The grounds of a scheme, and what stands on them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Palette {
    scheme: Scheme,
    page: Ground,
    surface: Ground,
    raised: Ground,
    /// What stands on light grounds, and on dark ones.
    inks: [Option<Inks>; 2],
    /// Whether rows have no tints: owners have chosen a ground or the accent.
    is_plain: bool,
}

/// A colour on which others stand, and whether it is light or dark.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ground {
    colour: Colour,
    tone: Scheme,
}

/// What stands on the grounds of one tone.
#[derive(Clone, Debug, PartialEq)]
struct Inks {
    tone: Scheme,
    /// All grounds of that tone, with `hover`.
    grounds: Vec<Colour>,
    hover: Colour,
    text: Colour,
    muted: Colour,
    line: String,
    line_strong: String,
    accent: Accent,
    signals: [Colour; 3],
    names: Names,
}

/// What the colours of names have in common (OKLCH).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Names {
    /// In per cent.
    lightness: u32,
    chroma: f64,
}

/// A text that is hard to read.
#[derive(Clone, Debug, PartialEq)]
pub struct Faint {
    /// The property of its colour.
    pub text: &'static str,
    /// The property of the ground.
    pub ground: &'static str,
    /// For which readers.
    pub scheme: Scheme,
    /// Their contrast ratio, in tenths.
    pub tenths: u32,
}

/// The colour of what can be pressed, and of links.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Accent {
    colour: Colour,
    /// Where a pointer is on it.
    hover: Colour,
    /// What stands on it.
    on: Colour,
}

impl Palette {
    /// Returns the colours of a scheme.
    pub(super) fn of(appearance: &Appearance, scheme: Scheme) -> Self {
        let chosen = Chosen { appearance, scheme };
        let [page, surface, raised] = ["--page", "--surface", "--raised"].map(|name| chosen.colour(name));
        // Most words stand on the first two; of them the room counts before what is around it.
        let main = surface.or(page).map_or(scheme, tone);
        let ground = |name, own: Option<Colour>| {
            let colour = own.unwrap_or_else(|| default_colour(name, main));
            Ground { colour, tone: tone(colour) }
        };
        let is_plain = page.or(surface).or(raised).is_some() || appearance.find(ACCENT).is_some();
        let [page, surface, raised] = [ground("--page", page), ground("--surface", surface), ground("--raised", raised)];
        let inks = Scheme::ALL.map(|tone| Inks::of(chosen, tone, [surface, raised, page]));
        Self { scheme, page, surface, raised, inks, is_plain }
    }

    /// Returns the ground of the room, which browsers take for what is around a page.
    pub(super) fn surface(&self) -> Colour {
        self.surface.colour
    }

    /// Returns the declarations that the stylesheet lacks: of what was chosen, and of what follows from it.
    pub(super) fn declarations(&self) -> String {
        let known = Self::of(&Appearance::default(), self.scheme).colours();
        let mut declared: Vec<_> = self.colours().into_iter().filter(|colour| !known.contains(colour)).collect();
        if self.grounds().iter().any(|(_, ground)| ground.tone != self.scheme) {
            declared.extend(self.tones());
        }
        if self.is_plain {
            declared.extend(plain());
        }
        written(&declared)
    }

    /// Returns all declarations of colours, for a sample in a page that may have others.
    pub(super) fn all_declarations(&self) -> String {
        written(&[self.colours(), self.tones().into(), plain().into()].concat())
    }

    /// Returns the declarations of another accent than that of the site.
    pub(super) fn accent_declarations(&self, wanted: Colour) -> String {
        let mut declared = self.accents(|inks| Accent::of(Some(wanted), inks.tone, &inks.grounds)).to_vec();
        declared.extend(plain());
        written(&declared)
    }

    fn grounds(&self) -> [(&'static str, Ground); 3] {
        [("--page", self.page), ("--surface", self.surface), ("--raised", self.raised)]
    }

    /// Returns which of the two sets of inks stands on each ground.
    fn tones(&self) -> [(&'static str, String); 3] {
        let tone = |ground: Ground| ground.tone.name().to_owned();
        [("--page-tone", tone(self.page)), ("--surface-tone", tone(self.surface)), ("--raised-tone", tone(self.raised))]
    }

    fn colours(&self) -> Vec<(&'static str, String)> {
        let mut all: Vec<_> = self.grounds().map(|(name, ground)| (name, hex(ground.colour))).into();
        all.extend([
            ("--hover", self.value(|inks| hex(inks.hover))),
            ("--text", self.value(|inks| hex(inks.text))),
            ("--muted", self.value(|inks| hex(inks.muted))),
            ("--line", self.value(|inks| inks.line.clone())),
            ("--line-strong", self.value(|inks| inks.line_strong.clone())),
        ]);
        all.extend(self.accents(|inks| inks.accent));
        all.extend(SIGNALS.iter().enumerate().map(|(n, (name, _))| (*name, self.value(|inks| hex(inks.signals[n])))));
        let names = ["--name-on-light", "--name-on-dark"].into_iter().zip(&self.inks);
        all.extend(names.filter_map(|(name, inks)| Some((name, inks.as_ref()?.names.to_string()))));
        all
    }

    fn accents(&self, accent: impl Fn(&Inks) -> Accent) -> [(&'static str, String); 3] {
        [
            ("--accent", self.value(|inks| hex(accent(inks).colour))),
            ("--accent-hover", self.value(|inks| hex(accent(inks).hover))),
            ("--on-accent", self.value(|inks| hex(accent(inks).on))),
        ]
    }

    /// Returns a value of CSS: one for light grounds and one for dark grounds, if there are both.
    fn value(&self, of: impl Fn(&Inks) -> String) -> String {
        match self.inks.each_ref().map(|inks| inks.as_ref().map(&of)) {
            [Some(light), Some(dark)] if light != dark => format!("light-dark({light},{dark})"),
            [Some(one), _] | [None, Some(one)] => one,
            [None, None] => String::new(),
        }
    }

    /// Returns the texts that are hard to read on a ground, where owners have chosen one of the two.
    pub(super) fn faint(&self, appearance: &Appearance) -> Vec<Faint> {
        let chosen = Chosen { appearance, scheme: self.scheme };
        let of = |(ground, Ground { colour, tone }): (&'static str, Ground)| {
            let inks = self.inks[tone as usize].as_ref()?;
            let texts = [("--text", inks.text), ("--muted", inks.muted)];
            let texts = texts.into_iter().filter(move |(text, _)| chosen.find(text).or(chosen.find(ground)).is_some());
            Some(texts.map(move |(text, ink)| (text, ground, ink.contrast(colour))))
        };
        let pairs = self.grounds().into_iter().filter_map(of).flatten();
        let faint = pairs.filter(|(.., ratio)| *ratio < CONTRAST);
        faint.map(|(text, ground, ratio)| Faint { text, ground, scheme: self.scheme, tenths: (ratio * 10.0) as u32 }).collect()
    }
}

/// What owners have chosen in a scheme.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    appearance: &'a Appearance,
    scheme: Scheme,
}

impl<'a> Chosen<'a> {
    fn find(self, name: &str) -> Option<&'a str> {
        self.appearance.find(&key(name, self.scheme))
    }

    fn colour(self, name: &str) -> Option<Colour> {
        self.find(name)?.parse().ok()
    }
}

impl Inks {
    /// Returns what stands on the grounds of a tone; none if there are no such grounds. The grounds are those of the room, of what is
    /// raised, and of the page.
    ///
    /// What was not chosen gives way until it is read. A text that was chosen stays as it is on grounds of the room's tone; on those of
    /// the other tone it gives way too.
    fn of(chosen: Chosen<'_>, tone: Scheme, all: [Ground; 3]) -> Option<Self> {
        let of_tone =
            |grounds: &[Ground]| grounds.iter().filter(|ground| ground.tone == tone).map(|ground| ground.colour).collect();
        let (mut grounds, mut of_names): (Vec<_>, Vec<_>) = (of_tone(&all), of_tone(&all[..2]));
        let is_of_room = all[0].tone == tone;
        let has_own_hover = !is_of_room || chosen.find("--surface").is_some();
        let hover = if has_own_hover { hover(*grounds.first()?, tone) } else { HOVER[tone as usize] };
        grounds.push(hover);
        of_names.push(hover);
        let text = |name| match chosen.colour(name) {
            Some(colour) if is_of_room => colour,
            colour => readable(colour.unwrap_or_else(|| default_colour(name, tone)), tone, &grounds),
        };
        let line = chosen.find("--line").filter(|_| is_of_room).unwrap_or(default("--line", tone));
        let border = chosen.find("--line-strong").unwrap_or(default("--line-strong", tone));
        Some(Self {
            tone,
            hover,
            text: text("--text"),
            muted: text("--muted"),
            line: line.to_owned(),
            line_strong: visible(border, tone, &grounds),
            accent: Accent::of(chosen.appearance.find(ACCENT).and_then(|accent| accent.parse().ok()), tone, &grounds),
            signals: SIGNALS.map(|(_, colours)| readable(colours[tone as usize], tone, &grounds)),
            names: Names::of(tone, &of_names),
            grounds,
        })
    }
}

impl Accent {
    /// Returns the wanted accent, or the stylesheet's: as near to it as can be read on these grounds.
    fn of(wanted: Option<Colour>, tone: Scheme, grounds: &[Colour]) -> Self {
        let (own, steps) = match tone {
            Scheme::Light => (Colour::new(0x46, 0x50, 0xc8), Colour::STEPS / 6),
            Scheme::Dark => (Colour::new(0xa3, 0xab, 0xff), Colour::STEPS / 4),
        };
        let colour = readable(wanted.unwrap_or(own), tone, grounds);
        // What is read on a light ground is dark enough for white; what is read on a dark one is light enough for black.
        let on = match tone {
            Scheme::Light => Colour::WHITE,
            Scheme::Dark if colour.contrast(INK) >= CONTRAST => INK,
            Scheme::Dark => Colour::BLACK,
        };
        Self { colour, hover: colour.towards(end(tone), steps), on }
    }
}

impl Names {
    /// Returns the stylesheet's if they are read on these grounds, otherwise the nearest; where there are none, black or white.
    fn of(tone: Scheme, grounds: &[Colour]) -> Self {
        let own = NAMES[tone as usize];
        let grounds: Vec<_> = grounds.iter().map(|ground| ground.luminance()).collect();
        let is_readable = |names: &Self| {
            let mut names = (0..HUES).map(|hue| names.luminance(hue));
            names.all(|name| grounds.iter().all(|ground| colour::contrast(name, *ground) >= CONTRAST))
        };
        let with = |lightness| Self { lightness, ..own };
        let (nearest, end) = match tone {
            Scheme::Light => ((1..=own.lightness).rev().map(with).find(is_readable), 0),
            Scheme::Dark => ((own.lightness..100).map(with).find(is_readable), 100),
        };
        nearest.unwrap_or(Self { lightness: end, chroma: 0.0 })
    }

    /// Returns the relative luminance of a hue of the stylesheet.
    fn luminance(self, hue: u32) -> f64 {
        luminance(f64::from(self.lightness) / 100.0, self.chroma, f64::from(hue * 360 / HUES))
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}% {}", self.lightness, self.chroma)
    }
}

/// Returns declarations after which the grounds of some rows are neutral: a tint of any colour could take the contrast away.
fn plain() -> [(&'static str, String); 2] {
    ["--own", "--called"].map(|name| (name, "var(--hover)".to_owned()))
}

fn written(declarations: &[(&'static str, String)]) -> String {
    declarations.iter().map(|(name, value)| format!("{name}:{value};")).collect()
}

fn hex(colour: Colour) -> String {
    format!("#{colour}")
}

fn key(name: &str, scheme: Scheme) -> String {
    format!("{name}.{}", scheme.name())
}

/// Returns what the stylesheet has.
fn default(name: &str, scheme: Scheme) -> &'static str {
    Field::find(&key(name, scheme)).map_or("", |field| field.default)
}

fn default_colour(name: &str, scheme: Scheme) -> Colour {
    default(name, scheme).parse().unwrap_or(Colour::BLACK)
}

/// Returns the colour that is read best on grounds that are light, or dark. On each of them it is read: of black and white one has a
/// contrast of at least 4.58:1 with any colour.
fn end(tone: Scheme) -> Colour {
    match tone {
        Scheme::Light => Colour::BLACK,
        Scheme::Dark => Colour::WHITE,
    }
}

/// Returns whether dark or light words are read better on a ground.
fn tone(ground: Colour) -> Scheme {
    if ground.contrast(Colour::BLACK) >= ground.contrast(Colour::WHITE) { Scheme::Light } else { Scheme::Dark }
}

/// Returns the ground of a row that is pointed at: a little nearer to the words, or further from them where they would not be read.
fn hover(ground: Colour, tone: Scheme) -> Colour {
    let [nearer, further] = [end(tone), end(tone.other())].map(|end| ground.towards(end, HOVER_STEPS));
    if nearer.contrast(end(tone)) >= CONTRAST { nearer } else { further }
}

fn least_contrast(colour: Colour, grounds: &[Colour]) -> f64 {
    grounds.iter().map(|ground| colour.contrast(*ground)).fold(f64::INFINITY, f64::min)
}

/// Returns the first colour on the way to black or white that has enough contrast with all grounds, which are of that tone.
fn nearest(wanted: Colour, tone: Scheme, grounds: &[Colour], contrast: f64) -> Colour {
    let mut steps = (0..=Colour::STEPS).map(|step| wanted.towards(end(tone), step));
    steps.find(|colour| least_contrast(*colour, grounds) >= contrast).unwrap_or(end(tone))
}

fn readable(wanted: Colour, tone: Scheme, grounds: &[Colour]) -> Colour {
    nearest(wanted, tone, grounds, CONTRAST)
}

/// Returns the colour of borders, which may let the ground shine through, if it is seen on all grounds; otherwise one that is.
fn visible(border: &str, tone: Scheme, grounds: &[Colour]) -> String {
    let (colour, alpha) = border.split_at_checked(7).unwrap_or((border, ""));
    let colour = colour.parse().unwrap_or_else(|()| default_colour("--line-strong", tone));
    let alpha = u32::from_str_radix(alpha, 16).unwrap_or(0xff);
    let is_seen = |ground: &Colour| ground.towards(colour, alpha * Colour::STEPS / 0xff).contrast(*ground) >= BORDER_CONTRAST;
    if grounds.iter().all(is_seen) { border.to_owned() } else { hex(nearest(colour, tone, grounds, BORDER_CONTRAST)) }
}

/// Returns the relative luminance of a colour in OKLCH (CSS Color 4, 9.4), as far as a screen shows it.
fn luminance(lightness: f64, chroma: f64, hue: f64) -> f64 {
    let (a, b) = (chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin());
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let linear = [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ];
    colour::luminance(linear.map(|part| part.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chat::AppearanceChange;

    fn appearance(patch: Value) -> Appearance {
        let change = AppearanceChange::patch(patch.as_object().expect("an object")).expect("valid");
        Appearance::default().changed(&change)
    }

    fn palette(patch: Value, scheme: Scheme) -> Palette {
        Palette::of(&appearance(patch), scheme)
    }

    fn colour(text: &str) -> Colour {
        text.parse().expect("a colour")
    }

    /// The colours of a page, as a browser works them out from declarations.
    struct Page<'a>(std::collections::BTreeMap<&'a str, &'a str>);

    impl<'a> Page<'a> {
        fn of(css: &'a str) -> Self {
            Self(css.split_terminator(';').filter_map(|declaration| declaration.split_once(':')).collect())
        }

        /// What a property is where elements stand on a ground.
        fn on(&self, ground: &str, property: &str) -> &'a str {
            let value = self.0[property];
            let Some(both) = value.strip_prefix("light-dark(").and_then(|value| value.strip_suffix(')')) else { return value };
            let (light, dark) = both.split_once(',').expect("two colours");
            if self.0[&*format!("{ground}-tone")] == "light" { light } else { dark }
        }

        fn contrast(&self, ground: &str, property: &str) -> f64 {
            colour(self.on(ground, property)).contrast(colour(self.0[ground]))
        }
    }

    #[test]
    fn everything_is_read_on_its_ground_whatever_grounds_and_accent_are_chosen() {
        let grounds =
            ["", "#000000", "#16171b", "#5c5c5c", "#757575", "#777777", "#9a9a9a", "#7a3b00", "#00ff00", "#f3f2ef", "#ffffff"];
        let accents = ["", "#000000", "#ffffff", "#808080", "#ffff00", "#0000ff", "#ff0055"];
        let chosen = |name: &str, value: &str| {
            (name.to_owned(), if value.is_empty() { json!({}) } else { json!({ "light": value, "dark": value }) })
        };
        for (page, surface, raised) in grounds.iter().flat_map(|page| {
            let pairs = grounds.iter().map(move |surface| (*page, *surface, ""));
            pairs.chain(["#101114", "#777777", "#ffffff"].map(move |raised| (*page, "#fbfaf8", raised)))
        }) {
            for (accent, scheme) in accents.iter().flat_map(|accent| Scheme::ALL.map(|scheme| (*accent, scheme))) {
                let properties: serde_json::Map<_, _> =
                    [chosen("--page", page), chosen("--surface", surface), chosen("--raised", raised)].into_iter().collect();
                let palette = palette(json!({ "accent": accent, "properties": properties }), scheme);
                let css = palette.all_declarations();
                let colours = Page::of(&css);
                let look = format!("{} page={page} surface={surface} raised={raised} accent={accent}: {css}", scheme.name());
                for ground in ["--page", "--surface", "--raised"] {
                    for text in ["--text", "--muted", "--accent", "--accent-hover", "--danger", "--good", "--warn"] {
                        assert!(colours.contrast(ground, text) >= CONTRAST, "{text} on {ground}, {look}");
                    }
                    assert!(colours.contrast(ground, "--line-strong") >= BORDER_CONTRAST, "a border on {ground}, {look}");
                    for fill in ["--accent", "--accent-hover"] {
                        let words = colour(colours.on(ground, "--on-accent"));
                        assert!(words.contrast(colour(colours.on(ground, fill))) >= CONTRAST, "a button on {ground}, {look}");
                    }
                }
                for text in ["--text", "--muted", "--accent", "--danger", "--good", "--warn"] {
                    let row = colour(colours.on("--surface", "--hover"));
                    assert!(
                        colour(colours.on("--surface", text)).contrast(row) >= CONTRAST,
                        "{text} where a row is pointed at, {look}"
                    );
                }
                for ground in ["--surface", "--raised"] {
                    let tone = palette.grounds().iter().find(|(name, _)| *name == ground).expect("a ground").1.tone;
                    let names = colours.0[&*format!("--name-on-{}", tone.name())];
                    let (lightness, chroma) = names.split_once("% ").expect("two numbers");
                    let names =
                        Names { lightness: lightness.parse().expect("a number"), chroma: chroma.parse().expect("a number") };
                    let ground = colour(colours.0[ground]).luminance();
                    assert!((0..HUES).all(|hue| colour::contrast(names.luminance(hue), ground) >= CONTRAST), "names, {look}");
                }
                assert_eq!(palette.faint(&appearance(json!({ "properties": properties }))), [], "{look}");
            }
        }
    }

    #[test]
    fn a_readable_accent_stays_as_it_is() {
        for scheme in Scheme::ALL {
            let palette = palette(json!({}), scheme);
            let grounds = &palette.inks[scheme as usize].as_ref().expect("grounds").grounds;
            for wanted in (0..0x100_0000_u32).step_by(4_099) {
                let wanted = colour(&format!("{wanted:06x}"));
                let Accent { colour, hover, on } = Accent::of(Some(wanted), scheme, grounds);
                assert_eq!(colour == wanted, least_contrast(wanted, grounds) >= CONTRAST, "{wanted}");
                assert!(least_contrast(colour, grounds) >= CONTRAST && least_contrast(hover, grounds) >= CONTRAST, "{wanted}");
                assert!(colour.contrast(on) >= CONTRAST && hover.contrast(on) >= CONTRAST, "{on} on {colour}");
            }
        }
    }

    #[test]
    fn nothing_is_declared_that_was_not_chosen() {
        for scheme in Scheme::ALL {
            assert_eq!(palette(json!({}), scheme).declarations(), "");
        }
        let text = json!({ "properties": { "--text": { "light": "#000000" } } });
        assert_eq!(palette(text.clone(), Scheme::Light).declarations(), "--text:#000000;");
        assert_eq!(palette(text, Scheme::Dark).declarations(), "");
    }

    #[test]
    fn dark_pages_for_all_readers_are_dark_throughout() {
        let dark = palette(json!({ "properties": { "--surface": { "light": "#101018" } } }), Scheme::Light);
        let css = dark.declarations();
        assert!(css.contains("--page:#101114;--surface:#101018;--raised:#1f2026;"), "{css}");
        assert!(
            css.contains("--page-tone:dark;--surface-tone:dark;--raised-tone:dark;") && css.contains("--text:#ececf0;"),
            "{css}"
        );
    }

    #[test]
    fn a_text_that_was_chosen_stays_on_the_room_s_ground_and_gives_way_on_others() {
        let properties = json!({ "--page": { "light": "#101114" }, "--surface": { "light": "#ffffff" }, "--text": { "light": "#333333" }, "--line-strong": { "light": "#00000080" } });
        let css = palette(json!({ "properties": properties }), Scheme::Light).all_declarations();
        let colours = Page::of(&css);
        assert_eq!(
            (colours.on("--surface", "--text"), colours.on("--surface", "--line-strong")),
            ("#333333", "#00000080"),
            "{css}"
        );
        assert!(
            colours.contrast("--page", "--text") >= CONTRAST && colours.contrast("--page", "--line-strong") >= BORDER_CONTRAST,
            "{css}"
        );
        let pale =
            palette(json!({ "properties": { "--line-strong": { "light": "#88888820", "dark": "#333333" } } }), Scheme::Light);
        assert_eq!(Page::of(&pale.all_declarations()).on("--surface", "--line-strong"), "#888888");
    }

    #[test]
    fn what_is_hard_to_read_is_named() {
        let faint = |patch| {
            let appearance = appearance(patch);
            let all = Scheme::ALL.map(|scheme| Palette::of(&appearance, scheme).faint(&appearance));
            all.concat().iter().map(|faint| (faint.text, faint.ground, faint.scheme.name(), faint.tenths)).collect::<Vec<_>>()
        };
        assert_eq!(faint(json!({})), []);
        let grey = json!({ "properties": { "--text": { "light": "#999999" } } });
        assert_eq!(
            faint(grey),
            [("--text", "--page", "light", 25), ("--text", "--surface", "light", 27), ("--text", "--raised", "light", 28)]
        );
        let ground = json!({ "properties": { "--surface": { "dark": "#777777" }, "--muted": { "dark": "#ffffff" } } });
        assert!(faint(ground).contains(&("--muted", "--surface", "dark", 44)));
    }

    #[test]
    fn the_colours_are_the_stylesheet_s() {
        let stylesheet = include_str!("../../style/main.css");
        let [light, dark] = HOVER;
        assert!(stylesheet.contains(&format!("--hover: light-dark(#{light}, #{dark});")));
        for (name, [light, dark]) in SIGNALS {
            assert!(stylesheet.contains(&format!("{name}: light-dark(#{light}, #{dark});")), "{name}");
        }
        let [light, dark] = Scheme::ALL.map(|scheme| Palette::of(&Appearance::default(), scheme));
        for (name, value) in light.colours() {
            let (_, other) = dark.colours().into_iter().find(|(known, _)| *known == name).unwrap_or((name, String::new()));
            let is_known =
                name.starts_with("--name-on-") || stylesheet.contains(&format!("{name}: light-dark({value}, {other});"));
            assert!(is_known, "{name}: {value}, {other}");
        }
        let [light, dark] = NAMES;
        let names =
            format!("light-dark(oklch(var(--name-on-light, {light}) var(--hue)), oklch(var(--name-on-dark, {dark}) var(--hue)))");
        assert!(stylesheet.contains(&names), "{names}");
        assert!(stylesheet.contains(&format!(".hue-{} {{ --hue: {}; }}", HUES - 1, 360 / HUES * (HUES - 1))));
    }
}
