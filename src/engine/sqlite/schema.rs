use std::{fs, io, path::Path};

use rusqlite::{Connection, OptionalExtension, config::DbConfig, params};

use super::{OpenError, readable, row, wal, widget_keys};
use crate::{
    chat::{RoomId, RoomState, Settings, Timestamp, UserId},
    engine::{now, private_file},
};

/// The name of the value that says how far an index has come in the log of a cluster, and of the one that names that entry.
pub(super) const APPLIED: &str = "applied";
pub(super) const APPLIED_ID: &str = "applied_id";

/// The name of the value that says which entry of that log could not be read first.
pub(super) const UNREAD: &str = "unread";

/// The name of the value that says how much was stored in the rooms that were removed: see [`stored`](super::reader::stored).
pub(super) const REMOVED: &str = "removed";

/// The name of the value that says what was copied into this log, or is being copied.
pub(super) const COPYING: &str = "copying";

/// "chat" in ASCII, in the file's header: tells our databases from others.
const APPLICATION_ID: i64 = 0x6368_6174;

/// Step `n` brings a database from schema version `n` to `n + 1`. A step that was released is never changed.
const MIGRATIONS: [&str; 27] = [
    "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        slug TEXT NOT NULL UNIQUE,
        description TEXT NOT NULL,
        state TEXT NOT NULL,
        widget_key TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        prepared_at INTEGER,
        started_at INTEGER,
        ended_at INTEGER
    ) STRICT;
    -- kind: 0 message, 1 private message, 2 change of the room (payload: its state).
    CREATE TABLE events (
        room INTEGER NOT NULL REFERENCES rooms (id),
        seq INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        sent_at INTEGER NOT NULL,
        author TEXT,
        recipient TEXT,
        video_time REAL,
        client_message_id TEXT,
        payload TEXT NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX events_client_message_id ON events (room, author, client_message_id)
        WHERE client_message_id IS NOT NULL;
",
    // CRC-32 of the other columns; none for the events of schema version 1.
    "ALTER TABLE events ADD COLUMN checksum INTEGER",
    "
    -- Kind 3: a deletion, by its author; of all that the recipient said before, or of the message that its payload names.
    -- What is shown to nobody: a message, or all messages of an author before a deletion.
    CREATE TABLE deleted_messages (
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        deletion INTEGER NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE deleted_authors (
        room INTEGER NOT NULL,
        author TEXT NOT NULL,
        deletion INTEGER NOT NULL,
        PRIMARY KEY (room, author)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Kind 4: a sanction on its recipient, by its author. The newest one of each user, if it is not lifted.
    CREATE TABLE sanctions (
        room INTEGER NOT NULL,
        user TEXT NOT NULL,
        event INTEGER NOT NULL,
        PRIMARY KEY (room, user)
    ) STRICT, WITHOUT ROWID;
",
    // Kind 5: a change of the room's settings, by its author.
    "ALTER TABLE rooms ADD COLUMN slow_mode_seconds INTEGER NOT NULL DEFAULT 0",
    "
    -- All settings as a JSON object; the slug beside it is there to be unique.
    ALTER TABLE rooms ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
    UPDATE rooms SET settings =
        json_object('name', name, 'slug', slug, 'description', description, 'slow_mode_seconds', slow_mode_seconds);
    ALTER TABLE rooms DROP COLUMN name;
    ALTER TABLE rooms DROP COLUMN description;
    ALTER TABLE rooms DROP COLUMN slow_mode_seconds;
",
    // What was done in a room, which is little beside what was said.
    "CREATE INDEX events_acts ON events (room, seq) WHERE kind >= 2",
    "
    -- Events up to `trimmed` are past the room's retention, and those up to `erased` are gone.
    ALTER TABLE rooms ADD COLUMN trimmed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE rooms ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX rooms_to_erase ON rooms (id) WHERE erased < trimmed;
    -- 1: being imported; 2: not imported after all, to be erased.
    ALTER TABLE rooms ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
",
    "
    -- It is among the first events of the room; room 1 was made open.
    ALTER TABLE rooms ADD COLUMN first_started_at INTEGER;
    UPDATE rooms SET first_started_at = coalesce(
        (SELECT min(sent_at) FROM (SELECT * FROM events WHERE room = rooms.id ORDER BY seq LIMIT 100)
         WHERE kind = 2 AND payload = 'live' AND rooms.id > 1),
        started_at);
",
    "
    -- The words of public chat messages, and nothing else of them; up to event `indexed` of each room.
    CREATE VIRTUAL TABLE words USING fts5(
        username, text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
    ALTER TABLE rooms ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
",
    "
    -- Who is told what happens, as JSON, and the newest event of each room that they need not be told any more.
    CREATE TABLE webhooks (id TEXT PRIMARY KEY, webhook TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE webhook_cursors (
        webhook TEXT NOT NULL,
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (webhook, room)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Of one room, or of all; allowed_origins is a JSON array. A key that two rooms had is one of all.
    CREATE TABLE widget_keys (
        key TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        room INTEGER REFERENCES rooms (id),
        allowed_origins TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        revoked_at INTEGER
    ) STRICT, WITHOUT ROWID;
    INSERT INTO widget_keys (key, name, room, allowed_origins, created_at)
        SELECT widget_key, 'First key', CASE count(*) WHEN 1 THEN min(id) END, '[]', min(created_at)
        FROM rooms GROUP BY widget_key;
    ALTER TABLE rooms DROP COLUMN widget_key;
",
    "
    -- Who holds which name in a room, until when.
    CREATE TABLE names (
        room INTEGER NOT NULL,
        user TEXT NOT NULL,
        name TEXT NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (room, user)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX names_until ON names (until);
",
    // What the author of a message was, as a JSON object; none for a guest of whom there is nothing to be said.
    "ALTER TABLE events ADD COLUMN profile TEXT",
    "
    -- Tokens that do not count any more. kind: 0 of an id, 1 of a user.
    CREATE TABLE revocations (
        kind INTEGER NOT NULL,
        id TEXT NOT NULL,
        at INTEGER NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Who is invited to moderate, in a room or, without one, in all.
    CREATE TABLE invitations (
        id TEXT PRIMARY KEY,
        room INTEGER,
        name TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        taken_at INTEGER,
        revoked_at INTEGER
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Kind -1: a message that waits for a moderator (what was said is below 2, what was done is not), and those that still do.
    -- Kind 6: what was decided on one of the recipient's, by its author.
    CREATE TABLE held (
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        author TEXT NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID;
    -- Who has said something to everybody in a room, and about where they did last.
    CREATE TABLE authors (
        room INTEGER NOT NULL,
        author TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (room, author)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO authors SELECT room, author, max(seq) FROM events WHERE kind = 0 GROUP BY room, author;
",
    "
    -- Who reacted to which public message, and how many did so with each emoji; the places are in the order of the first of each.
    CREATE TABLE reactions (
        room INTEGER NOT NULL,
        message INTEGER NOT NULL,
        user TEXT NOT NULL,
        emoji TEXT NOT NULL,
        PRIMARY KEY (room, message, user, emoji)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX reactions_user ON reactions (room, user);
    CREATE TABLE reaction_counts (
        room INTEGER NOT NULL,
        message INTEGER NOT NULL,
        emoji TEXT NOT NULL,
        place INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (room, message, emoji)
    ) STRICT, WITHOUT ROWID;
    -- The messages that have reactions, by whom they are, and whether the reactions changed since the log told of them.
    CREATE TABLE reacted (
        room INTEGER NOT NULL,
        message INTEGER NOT NULL,
        author TEXT NOT NULL,
        changed INTEGER NOT NULL,
        PRIMARY KEY (room, message)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX reacted_author ON reacted (room, author);
    CREATE INDEX reacted_changed ON reacted (room, message) WHERE changed = 1;
    -- Kind 100: the reactions to some messages, as a JSON array of what they are now. Nobody's act.
    DROP INDEX events_acts;
    CREATE INDEX events_acts ON events (room, seq) WHERE kind >= 2 AND kind < 100;
    CREATE INDEX events_reactions ON events (room, seq) WHERE kind = 100;
",
    // Kind 7: somebody's connections were ended, the recipient's, by its author. Kind 101: a custom event, by its author. Nothing to
    // be changed, but an older program could not read them.
    "",
    // In an index of a cluster's log: the entries of it that hold the events which were copied into it.
    "
    CREATE TABLE copied (
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID;
",
    concat!(
        "
    -- Which events each reader may see, so that a read costs nothing for what it passes over; see `readable`.
    CREATE TABLE readable (
        room INTEGER NOT NULL,
        list INTEGER NOT NULL,
        reader TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (room, list, reader, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER readable_added AFTER INSERT ON events BEGIN
        INSERT OR IGNORE INTO readable ",
        readable::lists_of!("", "1"),
        ";
    END;
    CREATE TRIGGER readable_erased AFTER DELETE ON events BEGIN
        DELETE FROM readable WHERE room = old.room AND list IN (0, 1, 2) AND reader IN ('', old.author, old.recipient)
            AND seq = old.seq;
    END;
    CREATE TRIGGER readable_deleted AFTER INSERT ON deleted_messages BEGIN
        DELETE FROM readable WHERE room = new.room AND list = 0 AND seq = new.seq AND reader IN (
            SELECT '' UNION ALL SELECT author FROM events WHERE room = new.room AND seq = new.seq
            UNION ALL SELECT recipient FROM events WHERE room = new.room AND seq = new.seq);
    END;
    INSERT INTO meta VALUES ('listed', '0 0');
    -- Messages up to `swept` of a deleted author are out of `readable` and of `words`.
    ALTER TABLE deleted_authors ADD COLUMN swept INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX deleted_authors_to_sweep ON deleted_authors (room, author) WHERE swept < deletion;
    -- When a time-out ends; none for a ban.
    ALTER TABLE sanctions ADD COLUMN until INTEGER;
    UPDATE sanctions SET until = (SELECT json_extract(payload, '$.until') FROM events
                                  WHERE events.room = sanctions.room AND events.seq = sanctions.event AND json_valid(payload));
    CREATE INDEX sanctions_until ON sanctions (until) WHERE until IS NOT NULL;
"
    ),
    "
    -- Those of guests, too, which share them now. Who has a role is noted again with their next message.
    DELETE FROM names;
",
    "
    -- What the games of rooms show to viewers: one JSON object for each.
    CREATE TABLE interfaces (room INTEGER PRIMARY KEY, interface TEXT NOT NULL) STRICT;
    -- Where the sign-in of games may send the browser back to, as a JSON array.
    ALTER TABLE widget_keys ADD COLUMN redirect_uris TEXT NOT NULL DEFAULT '[]';
",
    "
    -- Single-use tokens that have opened a connection, until they end.
    CREATE TABLE used_tokens (id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX used_tokens_until ON used_tokens (until);
",
    "
    -- The configured key and that of the first start open every room. They were room 1's.
    UPDATE widget_keys SET room = NULL WHERE room = 1 AND (name = 'Configured' OR
        (name = 'First key' AND created_at = (SELECT min(created_at) FROM widget_keys)));
",
    "
    -- How all pages look, in one row: a JSON object.
    CREATE TABLE appearance (id INTEGER PRIMARY KEY CHECK (id = 1), appearance TEXT NOT NULL) STRICT;
",
    "
    -- Kind 8: an act was undone, by its author.
    -- The acts that may still be undone, and until when, by the places of their events. `undone` is the place of the event that did.
    -- Of a deletion of all that a user said: the place of the one before it, 0 if there was none.
    -- Of a decision on a user: the one that it replaced, as a JSON object.
    CREATE TABLE undoable (
        room INTEGER NOT NULL,
        event INTEGER NOT NULL,
        until INTEGER NOT NULL,
        user TEXT,
        deletion INTEGER,
        sanction TEXT,
        undone INTEGER,
        PRIMARY KEY (room, event)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX undoable_until ON undoable (until);
    -- What such an act has taken beside messages: reactions of its user, and places in the queue of those that wait.
    CREATE TABLE undoable_reactions (
        room INTEGER NOT NULL,
        event INTEGER NOT NULL,
        message INTEGER NOT NULL,
        emoji TEXT NOT NULL,
        PRIMARY KEY (room, event, message, emoji)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE undoable_held (
        room INTEGER NOT NULL,
        event INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        author TEXT NOT NULL,
        PRIMARY KEY (room, event, seq)
    ) STRICT, WITHOUT ROWID;
",
];

/// Opens the writing connection to a database that may be ours. Nothing in it is changed before [`prepare`], and a write-ahead log
/// that a crash has left stays as it is.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    check_length(path)?;
    let in_database = |source| OpenError::Database { path: path.to_owned(), source };
    make_private(path)?;
    let connection = Connection::open(path).map_err(in_database)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(in_database)?;
    let version = version(&connection).map_err(in_database)?;
    let application: i64 = pragma(&connection, "application_id").map_err(in_database)?;
    let known = MIGRATIONS.len() as i64;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(in_database)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if version > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found: version, known });
    }
    Ok(connection)
}

/// Brings the schema up to date, and makes ready to write.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    let from = version(connection)?;
    if from == 0 {
        // So that space can be given back in steps. It can only be chosen before anything is in the file.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    configure(connection)?;
    migrate(connection, from)?;
    readable::list_older(connection)
}

/// Gives the log a new name.
pub(super) fn set_new_epoch(connection: &Connection) -> rusqlite::Result<String> {
    let epoch = random_name();
    set_meta(connection, "epoch", &epoch)?;
    Ok(epoch)
}

/// Makes room 1, live, if it is not there; and a widget key that opens every room: the configured one, or one of its own.
pub(super) fn first_room(connection: &mut Connection, widget_key: Option<&str>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    insert_first_room(&transaction, widget_key, &widget_keys::random(), now())?;
    transaction.commit()
}

/// The same in a transaction: if no key is configured, it is `key`.
pub(super) fn insert_first_room(
    connection: &Connection,
    configured: Option<&str>,
    key: &str,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let settings = Settings { name: "Live chat".into(), slug: "live-chat".into(), ..Settings::default() };
    let made = connection.execute(
        "INSERT INTO rooms (id, slug, settings, state, created_at, updated_at, prepared_at, started_at, first_started_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?5, ?5) ON CONFLICT (id) DO NOTHING",
        params![RoomId::FIRST.get(), settings.slug, row::stored(&settings), RoomState::Live.name(), at.0],
    )?;
    match configured {
        Some(configured) => widget_keys::configure(connection, configured, at),
        None if made > 0 => widget_keys::insert_first(connection, None, key, at).map(drop),
        None => Ok(()),
    }
}

/// Takes a user's sanction out of those that hold. While it held, its event was kept beyond the room's retention.
pub(super) fn end_sanction(connection: &Connection, room: RoomId, user: &UserId) -> rusqlite::Result<()> {
    let sql = "DELETE FROM events WHERE room = ?1 AND seq = (SELECT event FROM sanctions WHERE room = ?1 AND user = ?2)
                   AND seq <= (SELECT erased FROM rooms WHERE id = ?1)";
    connection.prepare_cached(sql)?.execute(params![room.get(), user.as_str()])?;
    let sql = "DELETE FROM sanctions WHERE room = ?1 AND user = ?2";
    connection.prepare_cached(sql)?.execute(params![room.get(), user.as_str()]).map(drop)
}

/// Notes when time-outs end that were copied from a log which did not know it beside them.
pub(super) fn complete_sanctions(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE sanctions SET until = (SELECT json_extract(payload, '$.until') FROM events
                   WHERE events.room = sanctions.room AND events.seq = sanctions.event AND json_valid(payload))
               WHERE until IS NULL";
    connection.execute(sql, []).map(drop)
}

/// Forgets the time-outs that are over, in all rooms.
pub(super) fn forget_sanctions(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("SELECT room, user FROM sanctions WHERE until <= ?1")?;
    let over = statement.query_map([now.0], |row| Ok((row::room_id(row, "room")?, row::user(row, "user")?)))?;
    let over: Vec<_> = over.collect::<Result<_, _>>()?;
    over.into_iter().try_for_each(|(room, user)| end_sanction(connection, room, &user))
}

/// Gives up what an earlier run was importing when it ended.
pub(super) fn abandon_imports(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT id FROM rooms WHERE hidden = 1")?;
    let rooms: Vec<u32> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    rooms.into_iter().try_for_each(|room| abandon_import(connection, room).map(drop))
}

/// The rooms that are being imported, and into which nothing has come since `before`.
pub(super) fn stale_imports(connection: &Connection, before: Timestamp) -> rusqlite::Result<Vec<RoomId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM rooms WHERE hidden = 1 AND updated_at < ?1")?;
    statement.query_map([before.0], |row| row::room_id(row, "id"))?.collect()
}

/// Has a room be erased if it is being imported, and says whether it is. Its slug is free at once.
pub(super) fn abandon_import(connection: &Connection, room: u32) -> rusqlite::Result<bool> {
    let sql = "UPDATE rooms SET hidden = 2, slug = lower(hex(randomblob(16))),
                   trimmed = (SELECT coalesce(max(seq), 0) FROM events WHERE room = rooms.id)
               WHERE id = ?1 AND hidden = 1";
    let abandoned = connection.execute(sql, [room])? > 0;
    connection.execute("DELETE FROM rooms WHERE id = ?1 AND hidden = 2 AND trimmed = 0", [room])?;
    Ok(abandoned)
}

/// Has a room whose newest event is `head` be erased, and says whether there is one. Its slug is free at once.
pub(super) fn remove_room(connection: &Connection, room: u32, head: u64) -> rusqlite::Result<bool> {
    let keys: u64 =
        connection.query_row("SELECT count(*) + count(revoked_at) FROM widget_keys WHERE room = ?1", [room], |row| row.get(0))?;
    let sql = "UPDATE rooms SET hidden = 2, state = 'ended', slug = lower(hex(randomblob(16))),
                   trimmed = (SELECT coalesce(max(seq), 0) FROM events WHERE room = rooms.id)
               WHERE id = ?1 AND hidden = 0";
    let removed = connection.execute(sql, [room])? > 0;
    if removed {
        let before: u64 = meta(connection, REMOVED)?.and_then(|removed| removed.parse().ok()).unwrap_or(0);
        set_meta(connection, REMOVED, &(before + 1 + head + keys).to_string())?;
        // What the erasure of events does not find, or would keep for them.
        let undoable = ["undoable", "undoable_reactions", "undoable_held"];
        for table in
            ["widget_keys", "names", "sanctions", "authors", "deleted_authors", "webhook_cursors"].into_iter().chain(undoable)
        {
            connection.execute(&format!("DELETE FROM {table} WHERE room = ?1"), [room])?;
        }
        connection.execute("DELETE FROM rooms WHERE id = ?1 AND hidden = 2 AND erased >= trimmed", [room])?;
    }
    Ok(removed)
}

pub(super) fn state_from_name(name: &str) -> Option<RoomState> {
    [RoomState::Created, RoomState::Prepared, RoomState::Live, RoomState::Ended].into_iter().find(|state| state.name() == name)
}

/// Makes the database for its owner's eyes alone, if it is not there: private messages and the secrets of webhooks are in it. What
/// SQLite makes beside it is so too.
fn make_private(path: &Path) -> Result<(), OpenError> {
    match private_file::create_new(path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => Err(OpenError::Folder { path: path.to_owned(), source }),
        _ => Ok(()),
    }
}

/// A cut-off file would only be noticed when the missing pages are read, long after the start. After a crash its end may be in the
/// write-ahead log; the check of the structure finds what is not.
fn check_length(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Folder { path: path.to_owned(), source };
    let mut header = [0; 100];
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let found_bytes = file.metadata().map_err(failed)?.len();
    if found_bytes == 0 || io::Read::read_exact(&mut file, &mut header).is_err() {
        return Ok(()); // SQLite makes an empty file a database, and refuses a shorter header by itself.
    }
    // https://www.sqlite.org/fileformat.html 1.3: page size at 16 (1 means 65,536), size in pages at 28.
    let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
    let expected_bytes = pages * page_bytes;
    if header.starts_with(b"SQLite format 3\0") && found_bytes < expected_bytes && !wal::has_pages(path) {
        return Err(OpenError::Truncated { path: path.to_owned(), found_bytes, expected_bytes });
    }
    Ok(())
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An acknowledged message is durable: FULL syncs the WAL at each commit, where NORMAL only keeps the file consistent.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is deleted is overwritten, so that it is not to be found in the file's free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn migrate(connection: &mut Connection, from: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for step in MIGRATIONS.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    transaction.commit()
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    pragma(connection, "user_version")
}

/// Whether rooms may have lost the beginning of their logs: not before the schema knows of retention.
pub(super) fn knows_retention(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) > 0 FROM pragma_table_info('rooms') WHERE name = 'trimmed'";
    connection.query_row(sql, [], |row| row.get(0))
}

pub(super) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Whether this database is new enough to have that table.
pub(super) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    connection.query_row(sql, [name], |row| row.get(0))
}

/// A value of the table `meta`, if there is one.
pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    if version(connection)? == 0 {
        return Ok(None); // The table is not there yet.
    }
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

/// How far an index has come in the log of a cluster.
pub(super) fn applied(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(meta(connection, APPLIED)?.and_then(|number| number.parse().ok()).unwrap_or(0))
}

pub(super) fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![key, value]).map(drop)
}

/// 12 random characters of `[0-9a-f]`.
pub(super) fn random_name() -> String {
    let mut name = uuid::Uuid::new_v4().simple().to_string();
    name.truncate(12);
    name
}
