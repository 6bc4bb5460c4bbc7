//! The widget keys in their table.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::row::{room_id, unreadable};
use crate::{
    chat::{NewWidgetKey, Origins, RedirectUris, RoomId, Timestamp, WidgetKey},
    engine::EngineError,
};

/// All of them, the oldest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<WidgetKey>> {
    let mut statement = connection.prepare_cached("SELECT * FROM widget_keys ORDER BY created_at, key")?;
    statement.query_map([], widget_key)?.collect()
}

/// Makes a key, later than all that there are.
pub(super) fn insert(connection: &Connection, new: &NewWidgetKey, key: &str, at: Timestamp) -> Result<WidgetKey, EngineError> {
    match new.room {
        Some(room) if !exists(connection, room)? => Err(EngineError::UnknownRoom(room)),
        Some(_) | None => Ok(insert_as(connection, key, new, at)?),
    }
}

/// Makes the first key of a room that was just made; without a room, the one of the first start, which opens all of them.
pub(super) fn insert_first(
    connection: &Connection,
    room: Option<RoomId>,
    key: &str,
    at: Timestamp,
) -> rusqlite::Result<WidgetKey> {
    insert_as(connection, key, &named(WidgetKey::FIRST, room), at)
}

/// Makes `key` one that opens every room, if there is no such key.
pub(super) fn configure(connection: &Connection, key: &str, at: Timestamp) -> rusqlite::Result<()> {
    let sql = "SELECT * FROM widget_keys WHERE key = ?1";
    match connection.query_row(sql, [key], widget_key).optional()? {
        Some(known) if known.opens(RoomId::FIRST) => Ok(()),
        Some(_) => {
            tracing::warn!("the configured widget key (--widget-key) does not open room 1: it was revoked, or is another room's");
            Ok(())
        }
        None => insert_as(connection, key, &named("Configured", None), at).map(drop),
    }
}

/// Says where the sign-in of games may send a browser back to.
pub(super) fn set_redirect_uris(connection: &Connection, key: &str, uris: &RedirectUris) -> Result<WidgetKey, EngineError> {
    let sql = "UPDATE widget_keys SET redirect_uris = ?2 WHERE key = ?1 RETURNING *";
    let uris = serde_json::to_string(uris).expect("plain data");
    connection.query_row(sql, params![key, uris], widget_key).optional()?.ok_or(EngineError::UnknownWidgetKey)
}

/// Revokes a key, and says whether it was not revoked before.
pub(super) fn revoke(connection: &Connection, key: &str, at: Timestamp) -> Result<(WidgetKey, bool), EngineError> {
    let sql = "UPDATE widget_keys SET revoked_at = ?2 WHERE key = ?1 AND revoked_at IS NULL";
    let revoked = connection.execute(sql, params![key, at.0])? > 0;
    let known = connection.query_row("SELECT * FROM widget_keys WHERE key = ?1", [key], widget_key).optional()?;
    known.map(|key| (key, revoked)).ok_or(EngineError::UnknownWidgetKey)
}

/// A key that no one guesses by chance; it is public all the same.
pub(in crate::engine) fn random() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn named(name: &str, room: Option<RoomId>) -> NewWidgetKey {
    NewWidgetKey { name: name.to_owned(), room, allowed_origins: Origins::default() }
}

fn exists(connection: &Connection, room: RoomId) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM rooms WHERE id = ?1)", [room.get()], |row| row.get(0))
}

fn insert_as(connection: &Connection, key: &str, new: &NewWidgetKey, at: Timestamp) -> rusqlite::Result<WidgetKey> {
    let sql = "INSERT INTO widget_keys (key, name, room, allowed_origins, created_at)
               VALUES (?1, ?2, ?3, ?4, max(?5, (SELECT coalesce(max(created_at) + 1, 0) FROM widget_keys))) RETURNING *";
    let origins = serde_json::to_string(&new.allowed_origins).expect("plain data");
    connection.query_row(sql, params![key, new.name, new.room.map(RoomId::get), origins, at.0], widget_key)
}

fn widget_key(row: &Row<'_>) -> rusqlite::Result<WidgetKey> {
    let (origins, uris): (String, String) = (row.get("allowed_origins")?, row.get("redirect_uris")?);
    let room = row.get::<_, Option<i64>>("room")?.map(|_| room_id(row, "room")).transpose()?;
    Ok(WidgetKey {
        key: row.get("key")?,
        name: row.get("name")?,
        room,
        allowed_origins: serde_json::from_str(&origins).map_err(|_| unreadable("allowed_origins"))?,
        redirect_uris: serde_json::from_str(&uris).map_err(|_| unreadable("redirect_uris"))?,
        created_at: Timestamp(row.get("created_at")?),
        revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(Timestamp),
    })
}
