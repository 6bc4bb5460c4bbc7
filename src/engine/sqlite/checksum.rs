use rusqlite::{Row, types::ValueRef};

/// The columns of an event that its checksum covers, in this order.
const COLUMNS: [&str; 10] =
    ["room", "seq", "kind", "sent_at", "author", "recipient", "video_time", "client_message_id", "payload", "profile"];

/// How many of them every schema version has had. Those that came later count where they hold something, so that the checksums of
/// older events stay right.
const FIRST_COLUMNS: usize = 9;

/// Whether an event in the table is what was stored. One of schema version 1 has no checksum, and is taken as it is.
pub(super) fn is_intact(row: &Row<'_>) -> rusqlite::Result<bool> {
    let Some(stored) = row.get::<_, Option<i64>>("checksum")? else { return Ok(true) };
    let mut values = [ValueRef::Null; COLUMNS.len()];
    for (value, column) in values.iter_mut().zip(COLUMNS) {
        *value = optional(row.get_ref(column))?.unwrap_or(ValueRef::Null);
    }
    Ok(stored == i64::from(checksum(&values)))
}

/// What a column holds that an older schema version has not: a database is checked as it is.
pub(super) fn optional<T>(value: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match value {
        Err(rusqlite::Error::InvalidColumnName(_)) => Ok(None),
        value => value.map(Some),
    }
}

/// CRC-32 of an event's columns, in the order of the table: finds every damaged bit, and leaves one in four thousand million of all other changes unseen. SQLite has
/// none of its own outside its write-ahead log, and would give out a message with another text.
pub(super) fn checksum(values: &[ValueRef<'_>; COLUMNS.len()]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    let mut add = |kind: u8, bytes: &[u8]| {
        // The type and the length, so that nothing passes from one column into the next unseen.
        checksum.update(&[kind]);
        checksum.update(&(bytes.len() as u64).to_le_bytes());
        checksum.update(bytes);
    };
    let (first, later) = values.split_at(FIRST_COLUMNS);
    for value in first.iter().chain(later.iter().filter(|value| **value != ValueRef::Null)) {
        match value {
            ValueRef::Null => add(0, &[]),
            ValueRef::Integer(number) => add(1, &number.to_le_bytes()),
            // SQLite keeps no sign of a zero; the sum has none either.
            ValueRef::Real(number) => add(2, &(number + 0.0).to_le_bytes()),
            ValueRef::Text(bytes) => add(3, bytes),
            ValueRef::Blob(bytes) => add(4, bytes),
        }
    }
    checksum.finalize()
}
