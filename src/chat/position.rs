use std::{fmt, str::FromStr};

use super::id::{MAX_SEQ, digits};

/// A place in a room's log, as a client names it when it comes back: `<epoch>-<seq>`, for instance `7f3k2m9q-1042`.
///
/// The epoch names one unbroken log; it changes when the log is not the continuation of the old one, so that an old position
/// can never point at other messages than it did. The sequence number counts the room's events from 1; 0 is the place before
/// the first.
///
/// A connection that has been sent live events but not yet the history before them has an epoch of its own:
/// `<epoch>S<since>-<seq>` means "I was given what came after `since`, up to `seq`". A client that loses its connection between
/// its first live event and the answer to its request for history thus still gets that history, and nothing twice. Epochs of logs
/// have no capital letters. Earlier versions wrote a dot instead of the `S`, which is still read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The log's epoch: 1 to 32 characters of `[0-9A-Za-z]`.
    pub epoch: String,
    /// The newest event that the client was given: at most 2^40 - 1.
    pub seq: u64,
    /// Where the client began to listen, when what came before has not been given to it.
    pub since: Option<u64>,
}

/// What separates a log's epoch and the place where a connection without the history began.
const SINCE: char = 'S';

impl Position {
    /// The place before everything in a log that is not known: a server that is asked to resume there says that it cannot.
    pub fn unknown() -> Self {
        Self { epoch: String::new(), seq: 0, since: None }
    }

    /// Whether a client at this position has been given everything that one at `other` has been given.
    pub fn covers(&self, other: &Self) -> bool {
        let begins_before = match (self.since, other.since) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(since), Some(other)) => since <= other,
        };
        self.epoch == other.epoch && self.seq >= other.seq && begins_before
    }
}

/// Why a text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position of the form <epoch>-<seq>")]
pub struct InvalidPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.since {
            Some(since) => write!(f, "{}{SINCE}{since}-{}", self.epoch, self.seq),
            None => write!(f, "{}-{}", self.epoch, self.seq),
        }
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (epoch, seq) = text.rsplit_once('-').ok_or(InvalidPosition)?;
        let seq = digits(seq).filter(|seq| *seq <= MAX_SEQ).ok_or(InvalidPosition)?;
        let (epoch, since) = match epoch.split_once([SINCE, '.']) {
            Some((epoch, since)) => (epoch, Some(digits(since).ok_or(InvalidPosition)?)),
            None => (epoch, None),
        };
        let epoch_valid = (1..=32).contains(&epoch.len()) && epoch.bytes().all(|b| b.is_ascii_alphanumeric());
        if !epoch_valid || since.is_some_and(|since| since > seq) {
            return Err(InvalidPosition);
        }
        Ok(Self { epoch: epoch.to_owned(), seq, since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["a-0", "7f3k2m9q-1042", "A9S0-0", "a9S17-18", "x-1099511627775"] {
            assert_eq!(text.parse::<Position>().expect(text).to_string(), text);
        }
        let earlier = Position { epoch: "a9".into(), seq: 18, since: Some(17) };
        assert_eq!("a9.17-18".parse(), Ok(earlier), "as earlier versions wrote it");
    }

    #[test]
    fn a_position_covers_what_was_given_before_it() {
        let rows = [
            ("a-7", "a-7", true),
            ("a-10", "a-9", true),
            ("a-9", "a-10", false),
            ("a-100", "a-99", true),
            ("a-7", "b-7", false),
            ("ab-7", "a-7", false),
            ("a-7", "aS3-7", true),
            ("aS3-7", "a-7", false),
            ("aS3-7", "aS3-6", true),
            ("aS3-7", "a.3-7", true),
            ("aS3-7", "aS2-7", false),
            ("aS2-7", "aS3-7", true),
            ("aS2-6", "aS3-7", false),
            ("aS3-7", "bS3-7", false),
        ];
        for (position, other, expected) in rows {
            let [at, of] = [position, other].map(|text| text.parse::<Position>().expect(text));
            assert_eq!(at.covers(&of), expected, "{position} {other}");
        }
        let unknown = Position::unknown();
        assert!(!unknown.covers(&"a-0".parse().expect("a position")) && unknown.to_string().parse::<Position>().is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        let long = format!("{}-1", "x".repeat(33));
        for text in [
            "",
            "-",
            "a-",
            "-1",
            "a-01",
            "a--1",
            "a.-1",
            "a.x-1",
            "a.2-1",
            "a.1.1-2",
            "aS-1",
            "aSx-1",
            "aS2-1",
            "aS1S1-2",
            "aS1.1-2",
            "S1-2",
            "a b-1",
            "é-1",
            "a-1099511627776",
            "a-9223372036854775807",
            "a-9223372036854775808",
            "a-18446744073709551615",
            "a-18446744073709551616",
            &long,
        ] {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition), "{text:?}");
        }
    }
}
