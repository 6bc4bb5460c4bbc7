//! Colours of sRGB, and how well one is read on another.

use std::{fmt, str::FromStr};

/// A colour, in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// The darkest.
    pub const BLACK: Self = Self([0; 3]);
    /// The lightest.
    pub const WHITE: Self = Self([0xff; 3]);

    /// Steps from a colour to another one.
    pub const STEPS: u32 = 64;

    /// Returns the colour of these parts.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// Returns the colour that many [steps](Self::STEPS) on the way to `end`.
    pub fn towards(self, end: Self, step: u32) -> Self {
        let mix = |from: u8, to: u8| ((u32::from(from) * (Self::STEPS - step) + u32::from(to) * step) / Self::STEPS) as u8;
        Self(std::array::from_fn(|n| mix(self.0[n], end.0[n])))
    }

    /// Returns the contrast ratio (WCAG 2.2): 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        contrast(self.luminance(), other.luminance())
    }

    /// Returns the relative luminance (WCAG 2.2): 0 to 1.
    pub fn luminance(self) -> f64 {
        let linear = |part: u8| match f64::from(part) / 255.0 {
            part if part <= 0.04045 => part / 12.92,
            part => ((part + 0.055) / 1.055).powf(2.4),
        };
        luminance(self.0.map(linear))
    }
}

/// Returns the contrast ratio of two relative luminances.
pub fn contrast(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Returns the relative luminance of linear sRGB.
pub fn luminance([red, green, blue]: [f64; 3]) -> f64 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

impl fmt::Display for Colour {
    /// Six hexadecimal digits, as CSS writes them after a `#`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Colour {
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
            assert_eq!(text.parse::<Colour>().ok().map(|colour| colour.to_string()).as_deref(), expected);
        }
        for text in ["", "#", "fff", "ff005", "ff00550", "red", "+ff005", "ff00é", "##ff0055", "}*{x:y}"] {
            assert_eq!(text.parse::<Colour>(), Err(()), "{text}");
        }
    }

    #[test]
    fn the_contrast_is_that_of_the_guidelines() {
        let rounded = |a: &str, b: &str| {
            let [a, b] = [a, b].map(|text| text.parse::<Colour>().expect("a colour"));
            (a.contrast(b) * 100.0).round() as u32
        };
        assert_eq!((rounded("000000", "ffffff"), rounded("777777", "ffffff"), rounded("ff0055", "ff0055")), (2100, 448, 100));
    }
}
