//! The rows of a log, as they are copied into another engine and compared there.
//!
//! What is copied is what is kept: no words that were deleted or are past their room's retention, and nothing that is made of the rest.

use std::path::Path;

use ring::digest::{Context, SHA256};
use rusqlite::{Connection, Row, params_from_iter, types::Value as Sql};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OpenError, Sqlite, backup, check, interfaces, reader, replica, schema};
use crate::{
    chat::{RoomId, ShownInterface},
    engine::{CopyError, Cursors, Engine, EngineError, Webhook, compare},
};

/// A row as a JSON object, its columns by name.
pub(in crate::engine) type Record = Map<String, Value>;

/// What a table has of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// Its name.
    pub table: &'static str,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of all of them, in their order.
    pub checksum: String,
}

/// A copy that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Copying {
    /// The epoch of the log that is copied.
    pub(in crate::engine) source: String,
    /// No event of it has a place beyond: what follows begins there.
    pub(in crate::engine) floor: u64,
    /// Whether all of it is there.
    pub(in crate::engine) is_done: bool,
}

/// What a cluster keeps beside its log.
pub(in crate::engine) struct OutsideLog {
    pub(in crate::engine) webhooks: Vec<(Webhook, Cursors)>,
    pub(in crate::engine) interfaces: Vec<(RoomId, ShownInterface)>,
}

/// A table that is copied: its name, the columns that are not, and what is kept of it, in the order of its key.
struct Table {
    name: &'static str,
    without: &'static [&'static str],
    query: &'static str,
}

macro_rules! kept_events {
    ($after:literal) => {
        concat!(
            "SELECT * FROM events WHERE ",
            $after,
            " AND (seq > (SELECT trimmed FROM rooms WHERE rooms.id = events.room)
                   OR EXISTS (SELECT 1 FROM sanctions AS s WHERE s.room = events.room AND s.event = events.seq))
              AND ",
            reader::not_deleted!(),
            " ORDER BY room, seq"
        )
    };
}

const EVENTS: Table = Table { name: "events", without: &[], query: kept_events!("1") };

/// All but the events.
const OTHERS: [Table; 14] = [
    Table { name: "rooms", without: &["erased", "indexed"], query: "SELECT * FROM rooms WHERE hidden = 0 ORDER BY id" },
    Table { name: "widget_keys", without: &[], query: "SELECT * FROM widget_keys ORDER BY key" },
    Table { name: "appearance", without: &[], query: "SELECT * FROM appearance" },
    Table { name: "deleted_messages", without: &[], query: "SELECT * FROM deleted_messages ORDER BY room, seq" },
    Table { name: "deleted_authors", without: &["swept"], query: "SELECT * FROM deleted_authors ORDER BY room, author" },
    Table { name: "sanctions", without: &[], query: "SELECT * FROM sanctions ORDER BY room, user" },
    Table { name: "names", without: &[], query: "SELECT * FROM names ORDER BY room, user" },
    Table { name: "revocations", without: &[], query: "SELECT * FROM revocations ORDER BY kind, id" },
    Table { name: "invitations", without: &[], query: "SELECT * FROM invitations ORDER BY id" },
    Table { name: "used_tokens", without: &[], query: "SELECT * FROM used_tokens ORDER BY id" },
    Table { name: "held", without: &[], query: "SELECT * FROM held ORDER BY room, seq" },
    Table { name: "authors", without: &[], query: "SELECT * FROM authors ORDER BY room, author" },
    Table { name: "reactions", without: &[], query: "SELECT * FROM reactions ORDER BY room, message, user, emoji" },
    Table { name: "reaction_counts", without: &[], query: "SELECT * FROM reaction_counts ORDER BY room, message, emoji" },
];
const REACTED: Table = Table { name: "reacted", without: &[], query: "SELECT * FROM reacted ORDER BY room, message" };

fn tables() -> impl Iterator<Item = &'static Table> {
    OTHERS.iter().chain([&REACTED, &EVENTS])
}

/// What there is of each table.
pub(super) fn census(connection: &Connection) -> rusqlite::Result<Vec<Census>> {
    tables().map(|table| table.census(connection)).collect()
}

/// The rows of all tables but the events', each with its table's name.
pub(super) fn others(connection: &Connection) -> rusqlite::Result<Vec<(&'static str, Record)>> {
    let mut rows = Vec::new();
    for table in OTHERS.iter().chain([&REACTED]) {
        table.each(connection, table.query, &[], |record| rows.push((table.name, record)))?;
    }
    Ok(rows)
}

/// Some of the events that are kept of a room after a place, oldest first.
pub(super) fn events(connection: &Connection, room: RoomId, after: u64, limit: usize) -> rusqlite::Result<Vec<Record>> {
    let sql = concat!(kept_events!("room = ?1 AND seq > ?2"), " LIMIT ?3");
    let mut events = Vec::new();
    let values = [Sql::from(room.get()), Sql::from(after as i64), Sql::from(limit as i64)];
    EVENTS.each(connection, sql, &values, |record| events.push(record))?;
    Ok(events)
}

/// Puts a row into its table, in place of what is there under its key.
pub(super) fn put(connection: &Connection, table: &str, record: &Record) -> Result<(), EngineError> {
    // Names are ours: of a table and of its columns, which the statement would refuse otherwise.
    let Some(table) = tables().find(|known| known.name == table) else { return Err(EngineError::Closed) };
    let is_name = |name: &&String| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let names: Vec<_> = record.keys().filter(is_name).map(String::as_str).collect();
    let marks = vec!["?"; names.len()].join(", ");
    let sql = format!("INSERT OR REPLACE INTO {} ({}) VALUES ({marks})", table.name, names.join(", "));
    connection.prepare_cached(&sql)?.execute(params_from_iter(names.iter().map(|name| sql_value(&record[*name]))))?;
    Ok(())
}

/// The copy that was begun here, if one was.
pub(super) fn copying(connection: &Connection) -> rusqlite::Result<Option<Copying>> {
    Ok(schema::meta(connection, schema::COPYING)?.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(super) fn set_copying(connection: &Connection, copying: &Copying) -> rusqlite::Result<()> {
    schema::set_meta(connection, schema::COPYING, &serde_json::to_string(copying).expect("plain data"))
}

impl Table {
    fn census(&self, connection: &Connection) -> rusqlite::Result<Census> {
        let (mut rows, mut digest) = (0, Context::new(&SHA256));
        self.each(connection, self.query, &[], |record| {
            rows += 1;
            digest.update(&serde_json::to_vec(&record).expect("plain data"));
        })?;
        let checksum = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Census { table: self.name, rows, checksum })
    }

    fn each(&self, connection: &Connection, sql: &str, values: &[Sql], mut take: impl FnMut(Record)) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(sql)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            take(self.record(row, &columns)?);
        }
        Ok(())
    }

    fn record(&self, row: &Row<'_>, columns: &[String]) -> rusqlite::Result<Record> {
        let kept = columns.iter().enumerate().filter(|(_, name)| !self.without.contains(&name.as_str()));
        kept.map(|(at, name)| Ok((name.clone(), json_value(row.get(at)?)))).collect()
    }
}

fn json_value(value: Sql) -> Value {
    match value {
        Sql::Null => Value::Null,
        Sql::Integer(number) => number.into(),
        // Its bits: as a decimal number it might come back as its neighbour.
        Sql::Real(number) => vec![number.to_bits()].into(),
        Sql::Text(text) => text.into(),
        Sql::Blob(_) => unreachable!("no column holds any"),
    }
}

fn sql_value(value: &Value) -> Sql {
    match value {
        Value::Number(number) => number.as_i64().map_or(Sql::Null, Sql::Integer),
        Value::String(text) => Sql::Text(text.clone()),
        Value::Array(bits) => bits.first().and_then(Value::as_u64).map_or(Sql::Null, |bits| Sql::Real(f64::from_bits(bits))),
        Value::Bool(_) | Value::Object(_) | Value::Null => Sql::Null,
    }
}

/// A log in an SQLite file that is copied. Nobody else uses it meanwhile.
pub(in crate::engine) struct Source {
    connection: Connection,
}

impl Source {
    /// Opens the log in `folder`, which must be one of this version's.
    pub(in crate::engine) fn open(folder: &Path) -> Result<Self, CopyError> {
        let path = folder.join(Sqlite::FILE);
        std::fs::metadata(&path).map_err(|source| OpenError::Folder { path: path.clone(), source })?;
        // Takes the log over from an older version, and its write-ahead log into the file.
        Sqlite::open(folder, None, std::sync::Arc::new(|_| {}))?.close();
        let connection = check::read_only(&path).map_err(|source| OpenError::Database { path, source })?;
        Ok(Self { connection })
    }

    pub(in crate::engine) fn epoch(&self) -> Result<String, EngineError> {
        Ok(schema::meta(&self.connection, "epoch")?.unwrap_or_default())
    }

    /// The newest place of any room.
    pub(in crate::engine) fn floor(&self) -> Result<u64, EngineError> {
        Ok(reader::rooms(&self.connection)?.into_iter().map(|(_, head)| head).max().unwrap_or(0))
    }

    pub(in crate::engine) fn rooms(&self) -> Result<Vec<RoomId>, EngineError> {
        Ok(reader::rooms(&self.connection)?.into_iter().map(|(room, _)| room.id).collect())
    }

    pub(in crate::engine) fn webhooks(&self) -> Result<Vec<(Webhook, Cursors)>, EngineError> {
        Ok(reader::webhooks(&self.connection)?)
    }

    pub(in crate::engine) fn interfaces(&self) -> Result<Vec<(RoomId, ShownInterface)>, EngineError> {
        Ok(interfaces::all(&self.connection)?)
    }

    pub(in crate::engine) fn census(&self) -> Result<Vec<Census>, EngineError> {
        Ok(census(&self.connection)?)
    }

    pub(in crate::engine) fn others(&self) -> Result<Vec<(&'static str, Record)>, EngineError> {
        Ok(others(&self.connection)?)
    }

    pub(in crate::engine) fn events(&self, room: RoomId, after: u64, limit: usize) -> Result<Vec<Record>, EngineError> {
        Ok(events(&self.connection, room, after, limit)?)
    }
}

impl Sqlite {
    /// Makes a log of its own of the index in `folder`, and removes the index; it must have what `expected` says.
    pub(in crate::engine) fn make_of_index(
        folder: &Path,
        expected: &[Census],
        OutsideLog { webhooks, interfaces }: OutsideLog,
    ) -> Result<(), CopyError> {
        let path = folder.join(Self::INDEX);
        let in_database = |source| OpenError::Database { path: path.clone(), source };
        let index = Connection::open(&path).map_err(in_database)?;
        backup::copy(&index, &folder.join(Self::FILE)).map_err(CopyError::Backup)?;
        drop(index);
        let copy = Connection::open(folder.join(Self::FILE)).map_err(in_database)?;
        copy.execute_batch("DELETE FROM copied").map_err(in_database)?;
        for key in [schema::APPLIED, schema::APPLIED_ID, schema::UNREAD, schema::COPYING] {
            copy.execute("DELETE FROM meta WHERE key = ?1", [key]).map_err(in_database)?;
        }
        let found = census(&copy).map_err(in_database)?;
        drop(copy);
        compare(expected, &found)?;
        let log = Self::open(folder, None, std::sync::Arc::new(|_| {}))?;
        for (webhook, cursors) in webhooks {
            futures::executor::block_on(log.put_webhook(webhook, cursors))?;
        }
        for (room, interface) in interfaces {
            futures::executor::block_on(log.show_interface(room, Some(interface)))?;
        }
        log.close();
        Ok(replica::discard(folder)?)
    }
}
