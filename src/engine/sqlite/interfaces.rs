//! What the games of the rooms show, in their table.

use rusqlite::{Connection, params};

use super::row::room_id;
use crate::chat::{RoomId, ShownInterface};

/// Returns what is shown in each room where something is. A row that cannot be read is reported and counts as nothing.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<(RoomId, ShownInterface)>> {
    let mut statement = connection.prepare_cached("SELECT room, interface FROM interfaces ORDER BY room")?;
    let rows = statement.query_map([], |row| Ok((room_id(row, "room")?, row.get::<_, String>("interface")?)))?;
    let mut all = Vec::new();
    for row in rows {
        let (room, text) = row?;
        match ShownInterface::parse(&text) {
            Some(interface) => all.push((room, interface)),
            None => tracing::error!(%room, "the interface of a room cannot be read, and is passed over"),
        }
    }
    Ok(all)
}

/// Keeps what is shown in a room from now on; `None` for nothing.
pub(super) fn put(connection: &Connection, room: RoomId, interface: Option<&ShownInterface>) -> rusqlite::Result<()> {
    match interface {
        Some(interface) => {
            let sql = "INSERT OR REPLACE INTO interfaces (room, interface) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![room.get(), interface.get()])
        }
        None => connection.prepare_cached("DELETE FROM interfaces WHERE room = ?1")?.execute([room.get()]),
    }
    .map(drop)
}
