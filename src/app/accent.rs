use std::{fmt, str::FromStr};

/// A colour that another site asks for, in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent([u8; 3]);

/// Contrast that text needs with what it stands on (WCAG 2.2, 1.4.3).
const CONTRAST: f64 = 4.5;

/// The darkest that words in the accent's colour stand on in the light theme: the stylesheet's `--hover`.
const LIGHT: Accent = Accent([0xf2, 0xf1, 0xed]);

/// The lightest in the dark theme: the stylesheet's `--raised`.
const DARK: Accent = Accent([0x1f, 0x20, 0x26]);

const BLACK: Accent = Accent([0; 3]);
const WHITE: Accent = Accent([0xff; 3]);

/// Steps from a colour to black or white.
const STEPS: u32 = 64;

impl Accent {
    /// As near to it as can be read in the light theme, on all that there is; and white on it.
    pub fn for_light(self) -> Self {
        self.readable(BLACK, LIGHT)
    }

    /// As near to it as can be read in the dark theme, on all that there is; and black on it.
    pub fn for_dark(self) -> Self {
        self.readable(WHITE, DARK)
    }

    /// A step darker, for what is pointed at in the light theme.
    pub fn darker(self) -> Self {
        self.towards(BLACK, STEPS / 6)
    }

    /// A step lighter, for what is pointed at in the dark theme.
    pub fn lighter(self) -> Self {
        self.towards(WHITE, STEPS / 4)
    }

    fn readable(self, end: Self, background: Self) -> Self {
        let steps = (0..=STEPS).map(|step| self.towards(end, step));
        steps.into_iter().find(|colour| colour.contrast(background) >= CONTRAST).unwrap_or(end)
    }

    fn towards(self, end: Self, step: u32) -> Self {
        let mix = |from: u8, to: u8| ((u32::from(from) * (STEPS - step) + u32::from(to) * step) / STEPS) as u8;
        Self(std::array::from_fn(|n| mix(self.0[n], end.0[n])))
    }

    /// WCAG 2.2, "contrast ratio": 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// WCAG 2.2, "relative luminance": 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |part: u8| match f64::from(part) / 255.0 {
            part if part <= 0.04045 => part / 12.92,
            part => ((part + 0.055) / 1.055).powf(2.4),
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Accent {
    /// Six hexadecimal digits, as CSS writes them after a `#`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Accent {
    type Err = ();

    /// Six hexadecimal digits, with or without a `#`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(());
        }
        let number = u32::from_str_radix(digits, 16).map_err(drop)?;
        Ok(Self([(number >> 16) as u8, (number >> 8) as u8, number as u8]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_in_six_digits() {
        for (text, expected) in [("ff0055", Some("ff0055")), ("#00AAff", Some("00aaff"))] {
            assert_eq!(text.parse::<Accent>().ok().map(|accent| accent.to_string()).as_deref(), expected);
        }
        for text in ["", "#", "fff", "ff005", "ff00550", "red", "+ff005", "ff00é", "##ff0055", "}*{x:y}"] {
            assert_eq!(text.parse::<Accent>(), Err(()), "{text}");
        }
    }

    #[test]
    fn every_colour_can_be_read_and_a_readable_one_stays_as_it_is() {
        let on_dark: Accent = "14152b".parse().expect("a colour");
        for number in (0..0x100_0000_u32).step_by(4_099) {
            let accent: Accent = format!("{number:06x}").parse().expect("a colour");
            for (colour, own, background) in [
                (accent.for_light(), WHITE, LIGHT),
                (accent.for_dark(), on_dark, DARK),
                (accent.for_light().darker(), WHITE, LIGHT),
            ] {
                assert!(colour.contrast(background) >= CONTRAST, "{accent} on {background}: {colour}");
                assert!(colour.contrast(own) >= CONTRAST, "{own} on {colour}");
            }
            assert!(accent.for_dark().lighter().contrast(DARK) >= CONTRAST, "{accent}");
            assert!(accent.contrast(LIGHT) < CONTRAST || accent.for_light() == accent, "{accent}");
            assert!(accent.contrast(DARK) < CONTRAST || accent.for_dark() == accent, "{accent}");
        }
    }

    #[test]
    fn the_backgrounds_are_the_stylesheet_s() {
        let stylesheet = include_str!("../../style/main.css");
        assert!(stylesheet.contains(&format!("--hover: light-dark(#{LIGHT}, ")), "{LIGHT}");
        let raised = stylesheet.split("--raised: light-dark(").nth(1).expect("raised").split(')').next();
        assert!(raised.expect("two colours").ends_with(&DARK.to_string()), "{DARK}");
        assert!(stylesheet.contains("--on-accent: light-dark(#ffffff, #14152b)"), "what stands on an accent");
    }
}
