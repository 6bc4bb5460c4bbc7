mod backup;
mod clock;
mod damage;
mod held;
mod import;
mod reactions;
mod reads;
mod retention;
mod undo;
mod words;

use std::{
    collections::HashSet,
    fs::{self, File},
    path::Path,
    sync::Arc,
};

use super::{Site, contract::all};
use crate::{
    chat::{Draft, Event, Payload, Profile, RoomId, RoomState, UserId},
    engine::{Appended, Audience, Engine, EngineError, Entry, Fault, News, OpenError, Query, Sqlite},
};

fn ignore() -> crate::engine::Sink {
    Arc::new(|_: &[News]| {})
}

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(folder, None, ignore()).expect("a usable folder")
}

fn entry(author: &str, payload: &str, client_message_id: Option<&str>) -> Entry {
    let payload = Payload::stored(payload.to_owned());
    let client_message_id = client_message_id.map(str::to_owned);
    let draft = Draft { payload, video_time: 0.0, client_message_id, announces: false };
    Entry {
        author: UserId::try_from(author.to_owned()).expect("a valid id"),
        to: Audience::Everyone,
        profile: Profile::default(),
        draft,
        name: None,
    }
}

async fn append(engine: &Sqlite, payload: &str) -> Appended {
    engine.append(RoomId::FIRST, entry("ann", payload, None)).await.expect("stored")
}

async fn payloads(engine: &Sqlite) -> Vec<String> {
    let events = engine.read(all()).await.expect("readable");
    assert!(events.iter().enumerate().all(|(n, event)| event.seq == n as u64 + 1), "no holes");
    events.iter().filter_map(Event::message).map(|message| message.payload.get().to_owned()).collect()
}

#[tokio::test]
async fn a_database_that_is_not_the_one_that_ran_here_has_another_epoch() {
    let folder = tempfile::tempdir().expect("a folder");
    let epoch = open(folder.path()).epoch().to_owned();
    let backup = folder.path().join("backup");
    fs::copy(folder.path().join("live-chat.db"), &backup).expect("a copy");
    assert_eq!(open(folder.path()).epoch(), epoch);

    fs::copy(&backup, folder.path().join("live-chat.db")).expect("a copy");
    let restored = open(folder.path()).epoch().to_owned();
    assert_ne!(restored, epoch, "restored from a backup");
    assert_eq!(open(folder.path()).epoch(), restored, "and stable from then on");

    let engine = open(folder.path());
    append(&engine, "1").await;
    fs::copy(folder.path().join("live-chat.db"), &backup).expect("a copy");
    append(&engine, "2").await;
    drop(engine);
    fs::copy(&backup, folder.path().join("live-chat.db")).expect("a copy");
    let restored_again = open(folder.path()).epoch().to_owned();
    assert_ne!(restored_again, restored, "restored from a copy of the run before");

    fs::remove_file(folder.path().join("live-chat.db")).expect("removed");
    assert_ne!(open(folder.path()).epoch(), restored_again, "lost");
}

#[test]
fn a_folder_belongs_to_one_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    assert!(matches!(Sqlite::open(folder.path(), None, ignore()).err(), Some(OpenError::InUse(_))));
    drop(engine);
    drop(open(folder.path()));
}

#[tokio::test]
async fn secrets_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::open().await;
    let path = site.path().join("token-secret");
    let secret = crate::server::load_or_make_secret(&path, crate::server::hex).expect("made");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(crate::server::load_or_make_secret(&path, crate::server::hex).expect("kept"), secret);
    for name in ["live-chat.db", "live-chat.db-wal"] {
        let mode = fs::metadata(site.path().join(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    fs::write(&path, "").expect("emptied");
    assert!(crate::server::load_or_make_secret(&path, crate::server::hex).is_err(), "half a secret is refused");
}

/// Has the run file count so many things less: what an older version did not know, it did not count.
pub(super) fn count_less(folder: &Path, less: u64) {
    let path = folder.join("live-chat.run");
    let text = fs::read_to_string(&path).expect("a run file");
    let (line, _checksum) = text.trim_end().rsplit_once(' ').expect("a checksum");
    let (ids_and_state, count) = line.rsplit_once(' ').expect("a count");
    let count: u64 = count.parse().expect("a number");
    let line = format!("{ids_and_state} {:020}", count - less);
    fs::write(path, format!("{line} {:08x}\n", crc32fast::hash(line.as_bytes()))).expect("written");
}

/// Takes a database back to the schema's version 17.
pub(super) const TO_17: &str =
    "DROP TABLE undoable; DROP TABLE undoable_reactions; DROP TABLE undoable_held; DROP TABLE appearance; DROP TABLE used_tokens; DROP TABLE interfaces; ALTER TABLE widget_keys DROP COLUMN redirect_uris;
     DROP TRIGGER readable_added; DROP TRIGGER readable_erased; DROP TRIGGER readable_deleted; DROP TABLE readable;
     DROP INDEX deleted_authors_to_sweep; ALTER TABLE deleted_authors DROP COLUMN swept; DROP INDEX sanctions_until;
     ALTER TABLE sanctions DROP COLUMN until; DROP TABLE copied; DROP TABLE reactions; DROP TABLE reaction_counts; DROP TABLE reacted; DROP INDEX events_reactions; DROP INDEX events_acts;
     CREATE INDEX events_acts ON events (room, seq) WHERE kind >= 2; PRAGMA user_version = 17;";

/// Then to version 16.
pub(super) const TO_16: &str = "DROP TABLE held; DROP TABLE authors; PRAGMA user_version = 16";

/// A database as the schema's versions 1, 2 and 5 made it.
#[tokio::test]
async fn a_database_of_an_older_version_is_taken_over() {
    let downgrades = [
        TO_17,
        TO_16,
        "DROP TABLE invitations; DROP TABLE revocations; ALTER TABLE events DROP COLUMN profile; DROP TABLE names;
         ALTER TABLE rooms ADD COLUMN widget_key TEXT NOT NULL DEFAULT '';
         UPDATE rooms SET widget_key = (SELECT key FROM widget_keys); DROP TABLE widget_keys; PRAGMA user_version = 11",
        "DROP TABLE webhooks; DROP TABLE webhook_cursors; DROP TABLE words; ALTER TABLE rooms DROP COLUMN indexed;
         ALTER TABLE rooms DROP COLUMN first_started_at; DROP INDEX rooms_to_erase; DROP INDEX events_acts;
         ALTER TABLE rooms DROP COLUMN hidden; ALTER TABLE rooms DROP COLUMN trimmed; ALTER TABLE rooms DROP COLUMN erased;
         ALTER TABLE rooms ADD COLUMN name TEXT NOT NULL DEFAULT 'Old'; ALTER TABLE rooms DROP COLUMN settings;
         ALTER TABLE rooms ADD COLUMN description TEXT NOT NULL DEFAULT 'older';
         ALTER TABLE rooms ADD COLUMN slow_mode_seconds INTEGER NOT NULL DEFAULT 7; PRAGMA user_version = 5",
        "ALTER TABLE rooms DROP COLUMN slow_mode_seconds; DROP TABLE sanctions; DROP TABLE deleted_authors;
         DROP TABLE deleted_messages; PRAGMA user_version = 2",
        "ALTER TABLE events DROP COLUMN checksum; PRAGMA user_version = 1",
    ];
    for count in 1..=downgrades.len() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = open(folder.path());
        append(&engine, "1").await;
        let (epoch, keys) = (engine.epoch().to_owned(), engine.widget_keys().await.expect("readable"));
        let settings = engine.rooms().await.expect("readable")[0].0.settings.clone();
        drop(engine);
        let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
        for sql in &downgrades[..count] {
            connection.execute_batch(sql).expect("runs");
        }
        drop(connection);
        if count > 2 {
            count_less(folder.path(), 1);
        }
        let engine = open(folder.path());
        assert_eq!((engine.epoch(), payloads(&engine).await), (&*epoch, vec!["1".to_owned()]), "{count} steps back");
        assert_eq!(append(&engine, "2").await.seq, 2);
        let old = crate::chat::Settings {
            name: "Old".into(),
            slug: "live-chat".into(),
            description: "older".into(),
            slow_mode_seconds: if count == 4 { 7 } else { 0 },
            ..Default::default()
        };
        let expected = if count <= 3 { settings } else { old };
        assert_eq!(engine.rooms().await.expect("readable")[0].0.settings, expected, "{count} steps back");
        assert_eq!(engine.widget_keys().await.expect("readable")[0].key, keys[0].key);
    }
}

#[tokio::test]
async fn a_writer_that_panics_is_a_failure_of_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Sqlite::open(folder.path(), None, Arc::new(|_| panic!("a test"))).expect("a usable folder");
    assert_eq!(log.supervisor().failure(), None);
    let change = serde_json::from_value(serde_json::json!({ "name": "Stage" })).expect("a change");
    let changed = log.configure(RoomId::FIRST, change, UserId::admin()).await;
    assert!(changed.is_err());
    assert!(log.supervisor().failed().await.contains("writer"));
    log.close();
}

#[tokio::test]
async fn a_log_that_is_closed_has_not_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Sqlite::open(folder.path(), None, Arc::new(|_| {})).expect("a usable folder");
    log.close();
    assert_eq!(log.supervisor().failure(), None);
}
