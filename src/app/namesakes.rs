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
    /// Finds them among people, each given by name and user id, any number of times.
    pub fn among<'a>(people: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut people: Vec<_> = people.map(|(name, author)| (folded(name), author)).collect();
        people.sort_unstable();
        people.dedup();
        let shared = people.chunk_by(|(one, _), (other, _)| one == other).filter(|same| same.len() > 1);
        Self(shared.flat_map(marked).collect())
    }

    /// What tells that person from others of the same name; `None` if there is nobody else.
    pub fn mark(&self, name: &str, author: &str) -> Option<&str> {
        let own = self.0.iter().find(|namesake| namesake.author == author && namesake.name == folded(name));
        own.map(|namesake| &*namesake.mark)
    }
}

/// People of one name with marks that differ.
fn marked(people: &[(String, &str)]) -> Vec<Namesake> {
    let tags: Vec<_> = people.iter().map(|(_, author)| tag(author)).collect();
    let differ = |length: &usize| {
        let mut marks: Vec<_> = tags.iter().map(|tag| &tag[..*length]).collect();
        marks.sort_unstable();
        marks.windows(2).all(|two| two[0] != two[1])
    };
    let length = (MARK..TAG).find(differ).unwrap_or(TAG);
    let namesake = |((name, author), tag): (&(String, &str), &String)| Namesake {
        name: name.clone(),
        author: (*author).to_owned(),
        mark: format!("#{}", &tag[..length]),
    };
    people.iter().zip(&tags).map(namesake).collect()
}

/// Letters that look like Latin ones, in upper or in lower case, each before that.
const ALIKE: &str = "аaвbеeкkмmнhоoрpсcтtуyхxіiјjѕsԁdһhӏiαaβbεeζzηhιiκkμmνnοoρpτtυyχx0o1ili|i";

/// A name as far as people can tell it from others: without case, accents, and how much space there is, and with one letter for all that
/// look alike. That is coarse, since the tables of [confusables](https://www.unicode.org/reports/tr39/) are too much for a browser to
/// download: a mark too many does no harm.
fn folded(name: &str) -> String {
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

    #[test]
    fn those_who_share_a_name_are_told_apart() {
        let people = [("Ann", "a"), ("Bob", "b"), (" ann", "c"), ("Ann", "a"), ("T  om", "d"), ("T om", "e"), ("Tom", "f")];
        let namesakes = Namesakes::among(people.into_iter());
        let mark = |name, author| namesakes.mark(name, author);
        assert!(mark("Ann", "a").is_some() && mark("Ann", "a") != mark("ann", "c"));
        assert!(mark("T  om", "d").is_some() && mark("T  om", "d") != mark("T om", "e"));
        assert_eq!([mark("Bob", "b"), mark("Tom", "f"), mark("Bob", "a"), mark("Eve", "x")], [None; 4]);
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
            let namesakes = Namesakes::among([(one, "a"), (other, "b")].into_iter());
            assert!(namesakes.mark(one, "a").is_some() && namesakes.mark(other, "b").is_some(), "{one} and {other}");
        }
        for (one, other) in [("Ann", "Anna"), ("木村", "木"), ("علي", "عمر"), ("Олег", "Ольга")] {
            let namesakes = Namesakes::among([(one, "a"), (other, "b")].into_iter());
            assert_eq!((namesakes.mark(one, "a"), namesakes.mark(other, "b")), (None, None), "{one} and {other}");
        }
    }

    #[test]
    fn letters_that_look_alike_are_pairs() {
        assert_eq!(ALIKE.chars().count() % 2, 0);
        assert_eq!(['ä', 'ø', 'ž', 'ſ', 'ế', 'ỹ', 'œ'].map(plain), ['a', 'o', 'z', 's', 'e', 'y', 'œ']);
    }

    #[test]
    fn a_mark_is_the_same_everywhere() {
        let marks = |people: [(&'static str, &'static str); 2]| {
            let namesakes = Namesakes::among(people.into_iter());
            people.map(|(name, author)| namesakes.mark(name, author).expect("a mark").to_owned())
        };
        assert_eq!(marks([("Ann", "5b1c"), ("Ann", "site:42")]), ["#rwtm", "#xcsn"]);
        assert_eq!(marks([("Ann", "5b1c"), ("ANN", "c")])[0], marks([("Ann", "5b1c"), ("Ann", "site:42")])[0]);
    }

    #[test]
    fn marks_are_as_long_as_they_must_be() {
        // Users whose tags begin alike: one in a million of two.
        let mut seen = std::collections::HashMap::new();
        let alike = (0..).find_map(|n| Some((n, seen.insert(tag(&n.to_string())[..MARK].to_owned(), n)?)));
        let (one, other) = alike.map(|(one, other)| (one.to_string(), other.to_string())).expect("there are");
        let namesakes = Namesakes::among([("Ann", &*one), ("Ann", &*other)].into_iter());
        let [one, other] = [one, other].map(|author| namesakes.mark("Ann", &author).expect("a mark").to_owned());
        assert!(one != other && one.len() == other.len() && one.len() > MARK + 1, "{one} and {other}");
    }
}
