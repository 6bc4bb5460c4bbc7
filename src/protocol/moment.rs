//! Moments as the wire writes them: RFC 3339.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::chat::Timestamp;

/// A moment in UTC, to the millisecond.
pub fn rfc3339(at: Timestamp) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}
