use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::chat::Outcome;

fn held(author: &str, payload: &str) -> Entry {
    Entry { to: Audience::Moderators, ..entry(author, payload, None) }
}

async fn hold(engine: &Sqlite, author: &str) -> u64 {
    engine.append(RoomId::FIRST, held(author, "\"a word that waits\"")).await.expect("stored").seq
}

async fn waiting(engine: &Sqlite) -> Vec<u64> {
    engine.held(RoomId::FIRST, 0, 10_000).await.expect("readable").iter().map(|event| event.seq).collect()
}

async fn resolve(engine: &Sqlite, of: u64, outcome: Outcome) -> Result<Appended, EngineError> {
    engine.resolve(RoomId::FIRST, of, outcome, UserId::admin(), String::new()).await
}

async fn has_spoken(engine: &Sqlite, user: &str) -> bool {
    engine.has_spoken(RoomId::FIRST, UserId::try_from(user.to_owned()).expect("an id")).await.expect("readable")
}

async fn configure(engine: &Sqlite, change: serde_json::Value) {
    let change = serde_json::from_value(change).expect("an object");
    engine.configure(RoomId::FIRST, change, UserId::admin()).await.expect("configured");
}

/// Waits until a number in the database is that one.
async fn until(folder: &Path, sql: &str, expected: i64) {
    let connection = Connection::open(folder.join(Sqlite::FILE)).expect("opens");
    while connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number") != expected {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_waits_too_long_is_gone_from_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let of = hold(&engine, "ann").await;
    for n in 0..10 {
        append(&engine, &n.to_string()).await;
    }
    configure(&engine, json!({ "retention_messages": 5 })).await;
    until(folder.path(), "SELECT count(*) FROM held", 0).await;
    assert_eq!(waiting(&engine).await, [0; 0]);
    let late = resolve(&engine, of, Outcome::Approved).await;
    assert!(matches!(late, Err(EngineError::UnknownMessage { .. })), "{late:?}");
    configure(&engine, json!({ "retention_messages": 0, "ephemeral": true })).await;
    hold(&engine, "bob").await;
    assert!(has_spoken(&engine, "ann").await);
    engine.set_state(RoomId::FIRST, RoomState::Ended).await.expect("ended");
    assert_eq!(waiting(&engine).await, [0; 0], "at once");
    until(folder.path(), "SELECT count(*) FROM held", 0).await;
    until(folder.path(), "SELECT count(*) FROM authors", 0).await;
    until(folder.path(), "SELECT count(*) FROM events", 0).await;
    drop(engine);
    for file in fs::read_dir(folder.path()).expect("a folder") {
        let bytes = fs::read(file.expect("a file").path()).expect("readable");
        assert!(!bytes.windows(17).any(|window| window == b"a word that waits"), "it is nowhere on the disk");
    }
}

#[tokio::test]
async fn who_spoke_is_known_for_as_long_as_what_they_said_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let say = async |author: &str| engine.append(RoomId::FIRST, entry(author, "1", None)).await.expect("stored").seq;
    say("once").await;
    for _ in 0..1_200 {
        say("often").await;
    }
    configure(&engine, json!({ "retention_messages": 10 })).await;
    until(folder.path(), "SELECT count(*) FROM authors", 1).await;
    assert_eq!((has_spoken(&engine, "once").await, has_spoken(&engine, "often").await), (false, true));
}

#[tokio::test]
async fn a_database_from_before_knows_who_has_spoken() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    append(&engine, "1").await;
    engine.append(RoomId::FIRST, Entry { to: Audience::One(UserId::admin()), ..entry("bob", "2", None) }).await.expect("stored");
    drop(engine);
    let connection = Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    for sql in [TO_17, TO_16] {
        connection.execute_batch(sql).expect("runs");
    }
    drop(connection);
    let engine = open(folder.path());
    assert_eq!((has_spoken(&engine, "ann").await, has_spoken(&engine, "bob").await), (true, false));
    hold(&engine, "bob").await;
}
