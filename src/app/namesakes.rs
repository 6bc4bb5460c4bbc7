//! People who go by the same name, and the mark that tells them apart.

use crate::chat::{lowercase, unaccented};

/// Symbols of a mark: base 32 without letters that look like digits (Crockford).
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Symbols of a mark. More stand in it, up to the whole tag, where two would be the same.
const MARK: usize = 4;

/// Symbols of a whole tag: as many as a hash of 64 bits fills.
const TAG: usize = 12;

/// The people of a list who share a name with somebody else there.
#[derive(Debug, Default)]
pub struct Namesakes(Vec<Namesake>);

#[derive(Debug)]
struct Namesake {
    name: String,
    author: String,
    mark: String,
}

impl Namesakes {
    /// Finds them among people, each given by [folded](folded) name and user id, any number of times.
    pub fn among<'a>(people: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut people: Vec<_> = people.collect();
        people.sort_unstable();
        people.dedup();
        let shared = people.chunk_by(|(one, _), (other, _)| one == other).filter(|same| same.len() > 1);
        Self(shared.flat_map(marked).collect())
    }

    /// Returns what tells the person of that folded name from others of the same name; `None` if there is nobody else.
    pub fn mark(&self, name: &str, author: &str) -> Option<&str> {
        let own = self.0.iter().find(|namesake| namesake.author == author && namesake.name == name);
        own.map(|namesake| &*namesake.mark)
    }
}

/// People of one name with marks that differ.
fn marked(people: &[(&str, &str)]) -> Vec<Namesake> {
    let tags: Vec<_> = people.iter().map(|(_, author)| tag(author)).collect();
    let differ = |length: &usize| {
        let mut marks: Vec<_> = tags.iter().map(|tag| &tag[..*length]).collect();
        marks.sort_unstable();
        marks.windows(2).all(|two| two[0] != two[1])
    };
    let length = (MARK..TAG).find(differ).unwrap_or(TAG);
    let namesake = |((name, author), tag): (&(&str, &str), &String)| Namesake {
        name: (*name).to_owned(),
        author: (*author).to_owned(),
        mark: format!("#{}", &tag[..length]),
    };
    people.iter().zip(&tags).map(namesake).collect()
}

/// Letters that look like Latin ones, in upper or in lower case, each before that.
const ALIKE: &str = "аaвbеeкkмmнhоoрpсcтtуyхxіiјjѕsԁdһhӏiαaβbεeζzηhιiκkμmνnοoρpτtυyχx0o1ili|i";

/// Returns a name as far as people can tell it from others: without case, accents, and how much space there is, and with one letter for all that
/// look alike. That is coarse, since the tables of [confusables](https://www.unicode.org/reports/tr39/) are too much for a browser to
/// download: a mark too many does no harm.
pub fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().filter(|c| !matches!(c, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}')).map(plain));
    }
    folded
}

/// The letter that stands for a character and all that look like it.
fn plain(c: char) -> char {
    let small = unaccented(lowercase(c));
    let mut alike = ALIKE.chars();
    while let (Some(one), Some(latin)) = (alike.next(), alike.next()) {
        if one == small {
            return latin;
        }
    }
    small
}

/// Stands for a user, on every page and every day.
fn tag(author: &str) -> String {
    // FNV-1a, 64 bits, and the end of SplitMix64, which spreads it: `std`'s hasher promises no stable result.
    let hash = author.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mixed = mixed ^ (mixed >> 31);
    (0..TAG).map(|n| char::from(SYMBOLS[(mixed >> (5 * n)) as usize % SYMBOLS.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mark of each of some people, given by name and user id.
    fn marks(people: &[(&str, &str)]) -> Vec<Option<String>> {
        let folded: Vec<_> = people.iter().map(|(name, author)| (folded(name), *author)).collect();
        let namesakes = Namesakes::among(folded.iter().map(|(name, author)| (&**name, *author)));
        folded.iter().map(|(name, author)| namesakes.mark(name, author).map(str::to_owned)).collect()
    }

    #[test]
    fn those_who_share_a_name_are_told_apart() {
        let marks =
            marks(&[("Ann", "a"), ("Bob", "b"), (" ann", "c"), ("Ann", "a"), ("T  om", "d"), ("T om", "e"), ("Tom", "f")]);
        assert!(marks[0].is_some() && marks[0] == marks[3] && marks[0] != marks[2] && marks[2].is_some());
        assert!(marks[4].is_some() && marks[5].is_some() && marks[4] != marks[5]);
        assert_eq!((&marks[1], &marks[6]), (&None, &None));
    }

    #[test]
    fn names_that_look_alike_are_told_apart_too() {
        for (one, other) in [
            ("Zo\u{eb}", "Zoe\u{308}"),
            ("Zoë", "ZOE"),
            ("Ann", "\u{410}nn"),
            ("Nick", "\u{39d}ick"),
            ("Bob", "B0b"),
            ("Bill", "BiIl"),
            ("Łukasz", "Lukasz"),
            ("Nguyễn", "Nguyen"),
            ("T  om", "T om"),
        ] {
            assert!(marks(&[(one, "a"), (other, "b")]).iter().all(Option::is_some), "{one} and {other}");
        }
        for (one, other) in [("Ann", "Anna"), ("木村", "木"), ("علي", "عمر"), ("Олег", "Ольга")] {
            assert_eq!(marks(&[(one, "a"), (other, "b")]), [None, None], "{one} and {other}");
        }
    }

    #[test]
    fn letters_that_look_alike_are_pairs() {
        assert_eq!(ALIKE.chars().count() % 2, 0);
        assert_eq!(['ä', 'ø', 'ž', 'ſ', 'ế', 'ỹ', 'œ'].map(plain), ['a', 'o', 'z', 's', 'e', 'y', 'œ']);
    }

    #[test]
    fn a_mark_is_the_same_everywhere() {
        let marked = |mark: &str| Some(mark.to_owned());
        assert_eq!(marks(&[("Ann", "5b1c"), ("Ann", "site:42")]), [marked("#rwtm"), marked("#xcsn")]);
        assert_eq!(marks(&[("Ann", "5b1c"), ("ANN", "c")])[0], marked("#rwtm"));
    }

    #[test]
    fn marks_are_as_long_as_they_must_be() {
        // Users whose tags begin alike: one in a million of two.
        let mut seen = std::collections::HashMap::new();
        let alike = (0..).find_map(|n| Some((n, seen.insert(tag(&n.to_string())[..MARK].to_owned(), n)?)));
        let (one, other) = alike.map(|(one, other)| (one.to_string(), other.to_string())).expect("there are");
        let marks: Vec<_> = marks(&[("Ann", &*one), ("Ann", &*other)]).into_iter().flatten().collect();
        assert!(marks[0] != marks[1] && marks[0].len() == marks[1].len() && marks[0].len() > MARK + 1, "{marks:?}");
    }
}
