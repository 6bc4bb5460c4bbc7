//! A colour for each person, the same on every page and every day.

/// The classes `hue-0` to `hue-23`, which the stylesheet turns into colours. A class and no style attribute, which the page's
/// Content-Security-Policy would refuse.
const CLASSES: [&str; 24] = [
    "hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5", "hue-6", "hue-7", "hue-8", "hue-9", "hue-10", "hue-11", "hue-12",
    "hue-13", "hue-14", "hue-15", "hue-16", "hue-17", "hue-18", "hue-19", "hue-20", "hue-21", "hue-22", "hue-23",
];

/// The class of a person's colour, by their user id: two of one name look different.
pub fn class(author: &str) -> &'static str {
    // FNV-1a, 32 bits: `std`'s hasher promises no stable result.
    let hash = author.bytes().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193));
    // Short ids leave its high bits alone too much: one step of MurmurHash3's finalizer spreads them.
    let mixed = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b) >> 16;
    CLASSES[mixed as usize % CLASSES.len()]
}

/// What stands in a name's badge: its first letter, which the stylesheet makes a capital.
pub fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_ascii_alphanumeric() || (!c.is_ascii() && !c.is_whitespace())).unwrap_or('?').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_keeps_their_colour() {
        assert_eq!([class("Ann"), class("Bob"), class("")], ["hue-16", "hue-23", "hue-14"]);
    }

    #[test]
    fn colours_are_spread() {
        let mut counts = [0; CLASSES.len()];
        for n in 0..2_400 {
            let class = class(&format!("user{n}"));
            counts[CLASSES.iter().position(|&c| c == class).expect("one of them")] += 1;
        }
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }

    #[test]
    fn badges_hold_a_letter() {
        for (name, expected) in
            [("Ann", "A"), (" éric", "é"), ("@bob", "b"), ("🙂", "🙂"), ("--", "?"), ("", "?"), ("木村", "木")]
        {
            assert_eq!(initial(name), expected, "{name}");
        }
    }
}
