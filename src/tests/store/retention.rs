use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::*;
use crate::chat::{Deleted, Deletion, Measure, Sanction};

pub(super) async fn configure(engine: &Sqlite, change: Value) {
    let change = serde_json::from_value(change).expect("an object");
    engine.configure(RoomId::FIRST, change, UserId::admin()).await.expect("configured");
}

/// A hang must fail a test, not stop the run.
const PATIENCE: Duration = Duration::from_secs(120);

async fn sanction(engine: &Sqlite, user: &str, measure: Measure) -> u64 {
    let user = UserId::try_from(user.to_owned()).expect("a valid id");
    let sanction = Sanction { user, measure, addresses: Vec::new(), by: UserId::admin(), reason: String::new() };
    engine.sanction(RoomId::FIRST, sanction).await.expect("stored").seq
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join(Sqlite::FILE)).expect("opens")
}

/// What one number in the database is.
pub(super) fn number(folder: &Path, sql: &str) -> i64 {
    database(folder).query_row(sql, [], |row| row.get(0)).expect("a number")
}

/// Waits until a number in the database is no more than that.
pub(super) async fn until(folder: &Path, sql: &str, most: i64) {
    let connection = database(folder);
    let end = Instant::now() + PATIENCE;
    while connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number") > most {
        assert!(Instant::now() < end, "in vain: {sql} <= {most}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(super) const EVENTS: &str = "SELECT count(*) FROM events";

async fn seqs(engine: &Sqlite) -> Vec<u64> {
    let query = Query { messages_only: false, ..all() };
    engine.read(query).await.expect("readable").iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn a_room_keeps_its_newest_entries_and_goes_on_counting() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    for n in 1..=1_200 {
        append(&engine, &n.to_string()).await;
    }
    let by = UserId::admin();
    for of in [Deleted::Message(7), Deleted::AllOf(UserId::try_from("bob".to_owned()).expect("a valid id"))] {
        let deletion = Deletion { of, by: by.clone(), reason: String::new(), tells_reason: false };
        engine.delete(RoomId::FIRST, deletion).await.expect("deleted");
    }
    configure(&engine, json!({ "retention_messages": 10 })).await;
    until(folder.path(), EVENTS, 10).await;
    assert_eq!((engine.trimmed(RoomId::FIRST), number(folder.path(), EVENTS)), (1_193, 10));
    assert_eq!(seqs(&engine).await, (1_194..=1_203).collect::<Vec<_>>());
    assert_eq!(number(folder.path(), "SELECT count(*) FROM deleted_messages"), 0, "nor what is known of them");
    assert_eq!(number(folder.path(), "SELECT count(*) FROM deleted_authors"), 1, "that one says of what is kept");
    let deletion = Deletion { of: Deleted::Message(1), by, reason: String::new(), tells_reason: false };
    let again = engine.delete(RoomId::FIRST, deletion).await;
    assert!(matches!(again, Err(EngineError::UnknownMessage { seq: 1, .. })), "{again:?}");
    let epoch = engine.epoch().to_owned();
    drop(engine);
    assert_eq!(Sqlite::check(folder.path()).expect("checked"), Vec::<String>::new());
    let engine = open(folder.path());
    assert_eq!((engine.epoch(), engine.trimmed(RoomId::FIRST)), (&*epoch, 1_193), "the log goes on");
    assert_eq!(append(&engine, "1").await.seq, 1_204);
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_newest_entry_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    configure(&engine, json!({ "retention_days": 2 })).await;
    for n in 2..=6 {
        append(&engine, &n.to_string()).await;
    }
    drop(engine);
    let age = |seqs: &str, days: i64| {
        let sql = format!("UPDATE events SET checksum = NULL, sent_at = sent_at - {days} * 86400000 WHERE seq {seqs}");
        database(folder.path()).execute_batch(&sql).expect("runs");
    };
    age("<= 4", 3);
    age("= 5", 1);
    let engine = open(folder.path());
    until(folder.path(), EVENTS, 2).await;
    assert_eq!((seqs(&engine).await, engine.trimmed(RoomId::FIRST)), (vec![5, 6], 4));
    drop(engine);
    age("> 0", 3);
    let engine = open(folder.path());
    until(folder.path(), EVENTS, 0).await;
    let epoch = engine.epoch().to_owned();
    drop(engine);
    let engine = open(folder.path());
    assert_eq!((engine.epoch(), engine.rooms().await.expect("readable")[0].1), (&*epoch, 6), "no place is used again");
    assert_eq!(append(&engine, "7").await.seq, 7);
    assert_eq!(seqs(&engine).await, [7]);
}

#[tokio::test]
async fn an_ephemeral_room_forgets_when_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    configure(&engine, json!({ "ephemeral": true })).await;
    append(&engine, "\"a secret that nobody else knows\"").await;
    assert_eq!(seqs(&engine).await, [1, 2], "not before");
    engine.set_state(RoomId::FIRST, RoomState::Ended).await.expect("ended");
    assert_eq!(seqs(&engine).await, [0; 0], "at once");
    until(folder.path(), EVENTS, 0).await;
    for state in [RoomState::Prepared, RoomState::Live] {
        engine.set_state(RoomId::FIRST, state).await.expect("begun again");
    }
    append(&engine, "2").await;
    assert_eq!(seqs(&engine).await, [4, 5, 6], "another session is kept until it ends");
    drop(engine);
    for file in fs::read_dir(folder.path()).expect("a folder") {
        let bytes = fs::read(file.expect("a file").path()).expect("readable");
        assert!(!bytes.windows(16).any(|window| window == b"a secret that no"), "it is nowhere on the disk");
    }
}

#[tokio::test]
async fn a_sanction_that_holds_is_kept_until_it_is_lifted() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let ban = sanction(&engine, "eve", Measure::Ban).await;
    sanction(&engine, "bob", Measure::Ban).await;
    sanction(&engine, "bob", Measure::Lift).await;
    append(&engine, "1").await;
    configure(&engine, json!({ "retention_messages": 1 })).await;
    until(folder.path(), EVENTS, 2).await;
    drop(engine);
    let engine = open(folder.path());
    let held: Vec<_> = engine.sanctions().await.expect("readable").iter().map(|event| event.seq).collect();
    assert_eq!(held, [ban]);
    assert_eq!(seqs(&engine).await, [5], "and no part of the history");
    sanction(&engine, "eve", Measure::Lift).await;
    assert_eq!(number(folder.path(), &format!("{EVENTS} WHERE seq = {ban}")), 0);
    assert_eq!(engine.sanctions().await.expect("readable").len(), 0);
}

#[tokio::test]
async fn space_is_given_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let large = format!("\"{}\"", "x".repeat(60_000));
    for _ in 0..200 {
        append(&engine, &large).await;
    }
    let pages = "SELECT page_count FROM pragma_page_count";
    assert!(number(folder.path(), pages) > 3_000);
    configure(&engine, json!({ "retention_messages": 1 })).await;
    until(folder.path(), pages, 1_100).await;
    assert_eq!(engine.fault().map(|fault| fault.to_string()), None);
    drop(engine);
    assert!(fs::metadata(folder.path().join(Sqlite::FILE)).expect("a file").len() < 5_000_000);
    assert_eq!(Sqlite::check(folder.path()).expect("checked"), Vec::<String>::new());
}
