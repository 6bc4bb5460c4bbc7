//! The colours that follow from those that owners have chosen: what can be read on their grounds.

use crate::chat::{
    Appearance, Colour,
    appearance::{ACCENT, Field, Scheme},
    colour,
};

/// Contrast that text needs with what it stands on (WCAG 2.2, 1.4.3).
pub(super) const CONTRAST: f64 = 4.5;

/// What stands on an accent that is light: the dark one of the stylesheet's `--on-accent`.
const INK: Colour = Colour::new(0x14, 0x15, 0x2b);

/// How far the ground of a row that is pointed at is from that of the others, on the way to black or white.
const HOVER_STEPS: u32 = 2;

/// Colours that mean something, light and dark: the stylesheet's.
const SIGNALS: [(&str, [Colour; 2]); 3] = [
    ("--danger", [Colour::new(0xb3, 0x26, 0x1e), Colour::new(0xff, 0x9a, 0x90)]),
    ("--good", [Colour::new(0x17, 0x74, 0x3f), Colour::new(0x6a, 0xd7, 0x9a)]),
    ("--warn", [Colour::new(0x8a, 0x5a, 0x00), Colour::new(0xf0, 0xc0, 0x60)]),
];

/// The hues of names: the stylesheet's.
const HUES: u32 = 24;

/// What is read in a scheme, and the grounds that it stands on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Palette {
    /// Whether its grounds are light or dark: an owner may have dark pages for all readers.
    tone: Scheme,
    page: Colour,
    surface: Colour,
    raised: Colour,
    hover: Colour,
    text: Colour,
    muted: Colour,
    line: String,
    line_strong: String,
    accent: Option<Colour>,
    /// Whether owners have chosen a ground, on which other colours depend.
    has_own_grounds: bool,
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
        let chosen = |name| appearance.find(&key(name, scheme));
        let colour = |name| chosen(name).and_then(|value| value.parse::<Colour>().ok());
        let grounds = ["--surface", "--page", "--raised"].map(colour);
        // Most words stand on the first two; of them the room counts before what is around it.
        let tone = grounds[0].or(grounds[1]).map_or(scheme, tone);
        let or_default = |name| colour(name).or(default(name, tone).parse().ok()).unwrap_or(Colour::BLACK);
        let line = |name| chosen(name).unwrap_or(default(name, tone)).to_owned();
        let (page, surface, raised) = (or_default("--page"), or_default("--surface"), or_default("--raised"));
        let hover = match (grounds[0], tone) {
            (Some(surface), _) => surface.towards(end(tone), HOVER_STEPS),
            (None, Scheme::Light) => Colour::new(0xf2, 0xf1, 0xed),
            (None, Scheme::Dark) => Colour::new(0x1b, 0x1c, 0x21),
        };
        let grounds_of_text = [page, surface, raised, hover];
        // What was not chosen gives way to what was.
        let text = |name| colour(name).unwrap_or_else(|| readable(or_default(name), end(tone), &grounds_of_text));
        Self {
            tone,
            page,
            surface,
            raised,
            hover,
            text: text("--text"),
            muted: text("--muted"),
            line: line("--line"),
            line_strong: line("--line-strong"),
            accent: appearance.find(ACCENT).and_then(|accent| accent.parse().ok()),
            has_own_grounds: grounds.iter().any(Option::is_some),
        }
    }

    /// Returns the ground of the room, which browsers take for what is around a page.
    pub(super) fn surface(&self) -> Colour {
        self.surface
    }

    /// Returns whether its grounds are light or dark, if that is not what its readers' system asks for.
    pub(super) fn other_tone(&self, scheme: Scheme) -> Option<&'static str> {
        (self.tone != scheme).then(|| self.tone.name())
    }

    /// Returns whether its grounds are light or dark.
    pub(super) fn tone(&self) -> &'static str {
        self.tone.name()
    }

    /// Returns the declarations that the stylesheet lacks: of what was chosen, and of what follows from it.
    pub(super) fn declarations(&self, appearance: &Appearance, scheme: Scheme) -> String {
        let mut css = String::new();
        for field in crate::chat::appearance::FIELDS.iter().filter(|field| field.scheme == Some(scheme)) {
            if let Some(value) = appearance.find(field.key) {
                css.push_str(&format!("{}:{value};", field.name));
            }
        }
        if self.has_own_grounds {
            css.push_str(&format!("--hover:#{};{}", self.hover, self.name_lightness()));
            for (name, colour) in [("--text", self.text), ("--muted", self.muted)] {
                if appearance.find(&key(name, scheme)).is_none() {
                    css.push_str(&format!("{name}:#{colour};"));
                }
            }
            for (name, colours) in SIGNALS {
                let own = colours[self.tone as usize];
                css.push_str(&format!("{name}:#{};", readable(own, end(self.tone), &self.grounds())));
            }
        }
        if self.has_own_grounds || self.accent.is_some() {
            css.push_str(&self.accent_declarations(self.accent));
        }
        css
    }

    /// Returns all declarations of colours, for a sample in a page that may have others.
    pub(super) fn all_declarations(&self) -> String {
        let Self { page, surface, raised, hover, text, muted, line, line_strong, .. } = self;
        format!(
            "--page:#{page};--surface:#{surface};--raised:#{raised};--hover:#{hover};--text:#{text};--muted:#{muted};\
             --line:{line};--line-strong:{line_strong};{}{}",
            self.name_lightness(),
            self.accent_declarations(self.accent)
        )
    }

    /// Returns the declarations of the wanted accent, or of the stylesheet's: as near to it as can be read on all grounds.
    ///
    /// The grounds under some words are neutral then: a tint of any colour could take the contrast away.
    pub(super) fn accent_declarations(&self, wanted: Option<Colour>) -> String {
        let Accent { colour, hover, on } = self.accent(wanted);
        format!("--accent:#{colour};--accent-hover:#{hover};--on-accent:#{on};--own:var(--hover);--called:var(--hover)")
    }

    fn grounds(&self) -> [Colour; 4] {
        [self.page, self.surface, self.raised, self.hover]
    }

    fn accent(&self, wanted: Option<Colour>) -> Accent {
        let (own, steps) = match self.tone {
            Scheme::Light => (Colour::new(0x46, 0x50, 0xc8), Colour::STEPS / 6),
            Scheme::Dark => (Colour::new(0xa3, 0xab, 0xff), Colour::STEPS / 4),
        };
        let end = end(self.tone);
        let colour = readable(wanted.unwrap_or(own), end, &self.grounds());
        let on = if colour.contrast(Colour::WHITE) >= colour.contrast(INK) { Colour::WHITE } else { INK };
        Accent { colour, hover: colour.towards(end, steps), on }
    }

    /// Returns the declaration of the lightness of names, in per cent (OKLCH), if theirs has to change to be read on these grounds.
    fn name_lightness(&self) -> String {
        let (own, chroma) = match self.tone {
            Scheme::Light => (48, 0.13),
            Scheme::Dark => (80, 0.11),
        };
        let grounds = [self.surface, self.raised, self.hover].map(Colour::luminance);
        let is_readable = |lightness: &u32| {
            let names = (0..HUES).map(|hue| name_luminance(f64::from(*lightness) / 100.0, chroma, f64::from(hue * 360 / HUES)));
            names.into_iter().all(|name| grounds.iter().all(|ground| colour::contrast(name, *ground) >= CONTRAST))
        };
        let found = match self.tone {
            Scheme::Light => (0..=own).rev().find(is_readable),
            Scheme::Dark => (own..=100).find(is_readable),
        };
        match found.unwrap_or(if self.tone == Scheme::Light { 0 } else { 100 }) {
            lightness if lightness == own => String::new(),
            lightness => format!("--name-lightness:{lightness}%;"),
        }
    }

    /// Returns the texts that are hard to read on a ground, where owners have chosen one of the two.
    pub(super) fn faint(&self, appearance: &Appearance, scheme: Scheme) -> Vec<Faint> {
        let is_chosen = |name| appearance.find(&key(name, scheme)).is_some();
        let texts = [("--text", self.text), ("--muted", self.muted)];
        let grounds = [("--page", self.page), ("--surface", self.surface), ("--raised", self.raised)];
        let pairs = texts.into_iter().flat_map(|text| grounds.map(|ground| (text, ground)));
        let chosen = pairs.filter(|((text, _), (ground, _))| is_chosen(text) || is_chosen(ground));
        let faint = chosen.filter_map(|((text, ink), (ground, paper))| {
            let ratio = ink.contrast(paper);
            (ratio < CONTRAST).then_some(Faint { text, ground, scheme, tenths: (ratio * 10.0) as u32 })
        });
        faint.collect()
    }
}

fn key(name: &str, scheme: Scheme) -> String {
    format!("{name}.{}", scheme.name())
}

/// Returns what the stylesheet has.
fn default(name: &str, scheme: Scheme) -> &'static str {
    Field::find(&key(name, scheme)).map_or("", |field| field.default)
}

/// Returns the colour that is read best on grounds that are light, or dark.
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

/// Returns the first colour from `wanted` to `end` that is read on all grounds; where there is none, the end that is read best.
fn readable(wanted: Colour, end: Colour, grounds: &[Colour]) -> Colour {
    let worst = |colour: Colour| grounds.iter().map(|ground| colour.contrast(*ground)).fold(f64::INFINITY, f64::min);
    let mut steps = (0..=Colour::STEPS).map(|step| wanted.towards(end, step));
    steps
        .find(|colour| worst(*colour) >= CONTRAST)
        .unwrap_or_else(|| if worst(Colour::BLACK) >= worst(Colour::WHITE) { Colour::BLACK } else { Colour::WHITE })
}

/// Returns the relative luminance of a colour in OKLCH (CSS Color 4, 9.4), as far as a screen shows it.
fn name_luminance(lightness: f64, chroma: f64, hue: f64) -> f64 {
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

    fn each_colour() -> impl Iterator<Item = Colour> {
        (0..0x100_0000_u32).step_by(40_099).map(|number| format!("{number:06x}").parse().expect("a colour"))
    }

    #[test]
    fn every_accent_can_be_read_and_a_readable_one_stays_as_it_is() {
        for scheme in Scheme::ALL {
            let palette = palette(json!({}), scheme);
            for wanted in (0..0x100_0000_u32).step_by(4_099) {
                let wanted: Colour = format!("{wanted:06x}").parse().expect("a colour");
                let Accent { colour, hover, on } = palette.accent(Some(wanted));
                for ground in palette.grounds() {
                    assert!(colour.contrast(ground) >= CONTRAST && hover.contrast(ground) >= CONTRAST, "{wanted} on {ground}");
                    assert!(
                        wanted.contrast(ground) < CONTRAST
                            || palette.grounds().iter().any(|g| wanted.contrast(*g) < CONTRAST)
                            || colour == wanted
                    );
                }
                assert!(colour.contrast(on) >= CONTRAST && hover.contrast(on) >= CONTRAST, "{on} on {colour}");
            }
        }
    }

    #[test]
    fn an_accent_and_names_can_be_read_on_any_ground_that_allows_it() {
        for ground in each_colour() {
            let chosen = format!("#{ground}");
            let patch = json!({ "accent": "#ff0055", "properties": { "--page": { "light": chosen }, "--surface": { "light": chosen }, "--raised": { "light": chosen } } });
            let palette = palette(patch, Scheme::Light);
            let accent = palette.accent(palette.accent);
            let best = ground.contrast(Colour::BLACK).max(ground.contrast(Colour::WHITE));
            // Black and white are read on every ground; of one between them a little is lost where a row is pointed at.
            assert!(best >= CONTRAST);
            if best > 5.5 {
                assert!(palette.grounds().iter().all(|ground| accent.colour.contrast(*ground) >= CONTRAST), "{ground}");
                assert!(accent.colour.contrast(accent.on) >= CONTRAST, "{ground}");
                assert!(
                    palette.muted.contrast(ground) >= CONTRAST && palette.text.contrast(palette.hover) >= CONTRAST,
                    "{ground}"
                );
                let (own, chroma) = if palette.tone == Scheme::Light { (48, 0.13) } else { (80, 0.11) };
                let said = palette.name_lightness();
                let lightness = said.trim_start_matches("--name-lightness:").trim_end_matches("%;").parse().unwrap_or(own);
                for hue in 0..HUES {
                    let name = name_luminance(f64::from(lightness) / 100.0, chroma, f64::from(hue * 360 / HUES));
                    assert!(colour::contrast(name, ground.luminance()) >= CONTRAST, "a name of hue {hue} on {ground}: {said}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_declared_that_was_not_chosen() {
        for scheme in Scheme::ALL {
            assert_eq!(palette(json!({}), scheme).declarations(&Appearance::default(), scheme), "");
            assert_eq!(palette(json!({}), scheme).name_lightness(), "", "the names of the stylesheet can be read");
        }
        let text = appearance(json!({ "properties": { "--text": { "light": "#000000" } } }));
        assert_eq!(Palette::of(&text, Scheme::Light).declarations(&text, Scheme::Light), "--text:#000000;");
        assert_eq!(Palette::of(&text, Scheme::Dark).declarations(&text, Scheme::Dark), "");
    }

    #[test]
    fn dark_pages_for_all_readers_are_dark_throughout() {
        let dark = appearance(json!({ "properties": { "--surface": { "light": "#101018" } } }));
        let palette = Palette::of(&dark, Scheme::Light);
        let css = palette.declarations(&dark, Scheme::Light);
        assert!(css.starts_with("--surface:#101018;--hover:#"), "{css}");
        assert_eq!((palette.other_tone(Scheme::Light), palette.other_tone(Scheme::Dark)), (Some("dark"), None));
        assert_eq!(palette.text, "ececf0".parse().expect("a colour"));
        assert_eq!(palette.faint(&dark, Scheme::Light), []);
    }

    #[test]
    fn what_is_hard_to_read_is_named() {
        let faint = |patch| {
            let appearance = appearance(patch);
            let all = Scheme::ALL.map(|scheme| Palette::of(&appearance, scheme).faint(&appearance, scheme));
            all.concat().iter().map(|faint| (faint.text, faint.ground, faint.scheme.name(), faint.tenths)).collect::<Vec<_>>()
        };
        assert_eq!(faint(json!({})), []);
        let grey = json!({ "properties": { "--text": { "light": "#999999" } } });
        assert_eq!(
            faint(grey),
            [("--text", "--page", "light", 25), ("--text", "--surface", "light", 27), ("--text", "--raised", "light", 28)]
        );
        let ground = json!({ "properties": { "--raised": { "dark": "#777777" } } });
        assert!(faint(ground).contains(&("--muted", "--raised", "dark", 44)));
    }

    #[test]
    fn the_colours_are_the_stylesheet_s() {
        let stylesheet = include_str!("../../style/main.css");
        let [light, dark] = Scheme::ALL.map(|scheme| palette(json!({}), scheme));
        assert!(stylesheet.contains(&format!("--hover: light-dark(#{}, #{});", light.hover, dark.hover)));
        for (name, [light, dark]) in SIGNALS {
            assert!(stylesheet.contains(&format!("{name}: light-dark(#{light}, #{dark});")), "{name}");
        }
        assert!(stylesheet.contains(&format!("--on-accent: light-dark(#ffffff, #{INK});")));
        let accents = [light.accent(None), dark.accent(None)].map(|accent| accent.colour);
        assert!(stylesheet.contains(&format!("--accent: light-dark(#{}, #{});", accents[0], accents[1])));
        assert!(stylesheet.contains("oklch(var(--name-lightness, 48%) 0.13 var(--hue)), oklch(var(--name-lightness, 80%) 0.11"));
        assert!(stylesheet.contains(&format!(".hue-{} {{ --hue: {}; }}", HUES - 1, 360 / HUES * (HUES - 1))));
    }
}
