//! Moments as the wire writes them: RFC 3339.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::chat::Timestamp;

/// A moment in UTC, to the millisecond.
pub fn rfc3339(at: Timestamp) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}

/// Reads a moment of any zone, from 1970 on; what is shorter than a millisecond is cut off.
pub fn parse(text: &str) -> Option<Timestamp> {
    let nanoseconds = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    i64::try_from(nanoseconds / 1_000_000).ok().filter(|_| nanoseconds >= 0).map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        for at in [0, 1, 1_795_230_000_123, 253_402_300_799_999] {
            assert_eq!(parse(&rfc3339(Timestamp(at))), Some(Timestamp(at)));
        }
        assert_eq!(parse("2026-11-21T05:00:00.1239+02:00"), Some(Timestamp(1_795_230_000_123)));
        for text in ["", "2026-11-21", "1795230000", "1969-12-31T23:59:59.999Z", "2026-02-30T00:00:00Z", "2026-11-21T03:00:00"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
