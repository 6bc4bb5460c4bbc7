//! How all pages look, in its table of one row.

use rusqlite::{Connection, OptionalExtension};

use crate::chat::Appearance;

/// Returns what owners have chosen. A row that cannot be read is reported and counts as nothing.
pub(super) fn get(connection: &Connection) -> rusqlite::Result<Appearance> {
    let sql = "SELECT appearance FROM appearance";
    let json: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(json.map_or_else(Appearance::default, |json| {
        serde_json::from_str(&json).unwrap_or_else(|error| {
            tracing::error!(%error, "how the pages look cannot be read, and is passed over");
            Appearance::default()
        })
    }))
}

/// Keeps it from now on.
pub(super) fn put(connection: &Connection, appearance: &Appearance) -> rusqlite::Result<()> {
    let json = serde_json::to_string(appearance).expect("plain data");
    connection.execute("INSERT OR REPLACE INTO appearance (id, appearance) VALUES (1, ?1)", [json]).map(drop)
}
