//! What a read costs does not depend on what it passes over. Costs are instructions of SQLite's virtual machine, which no load of the
//! machine changes.

use super::{
    retention::{number, until},
    *,
};
use crate::{
    chat::Timestamp,
    engine::{End, Reader, Search},
};

/// Events that a read passes over. Each would take some instructions.
const NOISE: i64 = 5_000;

/// More instructions than any of the reads takes, and far fewer than one for each of those events.
const MOST: u64 = 10_000;

/// A log of 100 messages of Ann with much between them that is not for everybody.
async fn noisy() -> (tempfile::TempDir, Sqlite) {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    let insert = |first: i64, count: i64, step: i64, columns: &str| {
        let sql = format!(
            "WITH RECURSIVE places (seq) AS (VALUES ({first}) UNION ALL SELECT seq + {step} FROM places LIMIT {count})
             INSERT INTO events (room, seq, sent_at, kind, author, recipient, video_time, payload)
             SELECT 1, seq, seq, {columns} FROM places"
        );
        connection.execute_batch(&sql).expect("runs");
    };
    let said = |text: &str| format!(r#"'{{"type":"chat","username":"A","message_text":"{text}"}}'"#);
    let block = NOISE + 1_000;
    // Ten messages of Ann before each kind of noise, and ten at the end.
    for part in 0..7 {
        insert(part * block + 1, 10, 1, &format!("0, 'ann', NULL, 0, {}", said("needle")));
    }
    let noise = [
        format!("1, 'eve', 'nobody', 0, {}", said("needle in private")),
        format!("0, 'mallory', NULL, 0, {}", said("needle of somebody who was deleted")),
        format!("-1, 'eve', NULL, 0, {}", said("needle that waited")),
        "100, NULL, NULL, NULL, '[]'".to_owned(),
        r#"6, 'admin', 'eve', NULL, '{"of":1,"outcome":"declined","reason":""}'"#.to_owned(),
        r#"4, 'admin', 'eve', NULL, '{"measure":"timeout","until":1,"addresses":[],"reason":""}'"#.to_owned(),
    ];
    for (part, columns) in noise.iter().enumerate() {
        insert(part as i64 * block + 11, NOISE, 1, columns);
    }
    let first_held = 2 * block + 11;
    let sql = format!(
        "INSERT INTO deleted_messages SELECT room, seq, seq FROM events WHERE kind = -1 AND seq >= {first_held};
         INSERT INTO deleted_authors (room, author, deletion) VALUES (1, 'mallory', {})",
        7 * block
    );
    connection.execute_batch(&sql).expect("runs");
    drop(connection);
    let engine = open(folder.path());
    until(folder.path(), "SELECT count(*) FROM deleted_authors WHERE swept < deletion", 0).await;
    until(folder.path(), "SELECT (SELECT max(seq) FROM events) > indexed FROM rooms", 0).await;
    (folder, engine)
}

/// How many instructions something takes that is read.
async fn cost<T>(engine: &Sqlite, read: impl Future<Output = Result<T, EngineError>>) -> (T, u64) {
    let before = engine.read_instructions();
    let read = read.await.expect("readable");
    (read, engine.read_instructions() - before)
}

#[tokio::test]
async fn a_read_costs_nothing_for_what_it_passes_over() {
    let (folder, engine) = noisy().await;
    let readers = [Reader::Public, Reader::User(UserId::try_from("ann".to_owned()).expect("an id"))];
    for reader in readers {
        for (end, limit) in [(End::Newest, 1), (End::Newest, 60), (End::Oldest, 1), (End::Oldest, 60)] {
            let query = Query { reader: reader.clone(), end, limit, ..all() };
            let (events, instructions) = cost(&engine, engine.read(query)).await;
            assert_eq!(events.len(), limit);
            assert!(instructions < MOST, "{reader:?}, {end:?}, {limit}: {instructions} instructions");
        }
        // From before all noise but what tells everybody of reactions.
        let query = Query { reader: reader.clone(), messages_only: false, limit: 45, ..all() };
        let (events, instructions) = cost(&engine, engine.read(query)).await;
        assert_eq!(events.iter().filter(|event| event.message().is_some()).count(), 40);
        assert!(instructions < MOST, "{reader:?}, all events: {instructions} instructions");
    }
    let eve = Reader::User(UserId::try_from("eve".to_owned()).expect("an id"));
    let (own, instructions) = cost(&engine, engine.read(Query { reader: eve, end: End::Newest, limit: 80, ..all() })).await;
    assert_eq!(own.len(), 80, "her own private messages are part of her history, and no others");
    assert!(own.iter().filter(|event| matches!(event.kind, crate::chat::Kind::Private { .. })).count() >= 10);
    assert!(instructions < MOST, "{instructions} instructions");

    let search = Search { room: RoomId::FIRST, words: vec!["needle".into()], before: None, limit: 60 };
    let (hits, instructions) = cost(&engine, engine.search(search)).await;
    assert_eq!((hits.events.len(), hits.not_searched), (60, 0));
    assert!(instructions < MOST, "a search: {instructions} instructions");
    let (_, instructions) = cost(&engine, engine.held(RoomId::FIRST, 0, 50)).await;
    assert!(instructions < MOST, "what waits: {instructions} instructions");
    let (acts, instructions) = cost(&engine, engine.acts(RoomId::FIRST, u64::MAX, 50)).await;
    assert_eq!(acts.len(), 50);
    assert!(instructions < MOST, "the audit log: {instructions} instructions");
    let (_, instructions) = cost(&engine, engine.sanctions()).await;
    assert!(instructions < MOST, "the sanctions: {instructions} instructions");
    let (quoted, instructions) = cost(&engine, engine.messages(RoomId::FIRST, (1..=50).collect())).await;
    assert_eq!(quoted.len(), 10);
    assert!(instructions < MOST, "quotes: {instructions} instructions");
    let (seq, instructions) = cost(&engine, engine.seq_before(RoomId::FIRST, Timestamp(5 * NOISE))).await;
    assert!(seq > 0 && instructions < MOST, "a moment of the replay: {instructions} instructions");
    assert_eq!(number(folder.path(), "SELECT count(*) FROM readable WHERE list = 0 AND reader = ''"), 70);
}

/// While a deleted author's messages are still in the lists, a read goes past them in steps, and misses nothing.
#[tokio::test]
async fn a_read_goes_on_after_each_of_its_steps() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    let sql = "WITH RECURSIVE places (seq) AS (VALUES (1) UNION ALL SELECT seq + 1 FROM places LIMIT 12001)
               INSERT INTO events (room, seq, kind, sent_at, author, video_time, payload)
               SELECT 1, seq, 0, seq, CASE WHEN seq % 6000 = 1 THEN 'ann' ELSE 'mallory' END, 0, '1' FROM places;
               INSERT INTO deleted_authors (room, author, deletion, swept) VALUES (1, 'mallory', 12002, 12002)";
    connection.execute_batch(sql).expect("runs");
    let engine = open(folder.path());
    let seqs = |events: Vec<Event>| events.iter().map(|event| event.seq).collect::<Vec<_>>();
    for (end, limit, expected) in [
        (End::Newest, 10, vec![1, 6_001, 12_001]),
        (End::Oldest, 10, vec![1, 6_001, 12_001]),
        (End::Newest, 2, vec![6_001, 12_001]),
        (End::Oldest, 2, vec![1, 6_001]),
    ] {
        let events = engine.read(Query { end, limit, ..all() }).await.expect("readable");
        assert_eq!(seqs(events), expected, "{end:?} {limit}");
    }
}

/// A database as version 20 made it, larger than one step lists, also if the program is ended in between.
#[tokio::test]
async fn an_older_database_is_listed_in_steps_and_goes_on_after_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    append(&engine, "1").await;
    drop(engine);
    let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    let sql = "DROP TABLE undoable; DROP TABLE undoable_reactions; DROP TABLE undoable_held;
               DROP TABLE appearance; DROP TABLE interfaces; ALTER TABLE widget_keys DROP COLUMN redirect_uris;
               DROP TRIGGER readable_added; DROP TRIGGER readable_erased; DROP TRIGGER readable_deleted; DROP TABLE readable;
               DROP INDEX deleted_authors_to_sweep; ALTER TABLE deleted_authors DROP COLUMN swept;
               DROP INDEX sanctions_until; ALTER TABLE sanctions DROP COLUMN until; DROP TABLE used_tokens; PRAGMA user_version = 20;
               WITH RECURSIVE places (seq) AS (VALUES (2) UNION ALL SELECT seq + 1 FROM places LIMIT 50000)
               INSERT INTO events (room, seq, kind, sent_at, author, recipient, video_time, payload)
               SELECT 1, seq, seq % 2, seq, 'ann', CASE seq % 2 WHEN 1 THEN 'bob' END, 0, '1' FROM places;
               INSERT INTO deleted_messages VALUES (1, 4, 50002);
               INSERT INTO sanctions VALUES (1, 'eve', 50002);
               INSERT INTO events (room, seq, kind, sent_at, author, recipient, payload)
               VALUES (1, 50002, 4, 50002, 'admin', 'eve', '{\"measure\":\"timeout\",\"until\":77,\"addresses\":[],\"reason\":\"\"}');";
    connection.execute_batch(sql).expect("runs");
    drop(connection);
    let engine = open(folder.path());
    let read = async |engine: &Sqlite, reader| {
        let query = Query { reader, limit: 100_000, ..all() };
        engine.read(query).await.expect("readable").len()
    };
    let bob = || Reader::User(UserId::try_from("bob".to_owned()).expect("an id"));
    assert_eq!((read(&engine, Reader::Public).await, read(&engine, bob()).await), (25_000, 50_000));
    assert_eq!(number(folder.path(), "SELECT count(*) FROM sanctions"), 0, "a time-out that was over is forgotten");
    drop(engine);
    // As a crash after the second step leaves it.
    let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    let sql = "DELETE FROM readable WHERE seq > 30000; INSERT INTO meta VALUES ('listed', '1 30000')";
    connection.execute_batch(sql).expect("runs");
    drop(connection);
    let engine = open(folder.path());
    assert_eq!((read(&engine, Reader::Public).await, read(&engine, bob()).await), (25_000, 50_000));
    assert_eq!(number(folder.path(), "SELECT count(*) FROM meta WHERE key = 'listed'"), 0);
}

#[tokio::test]
async fn a_check_finds_messages_that_nobody_would_be_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    append(&engine, "1").await;
    append(&engine, "2").await;
    drop(engine);
    let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    connection.execute_batch("DELETE FROM readable WHERE seq = 2").expect("runs");
    drop(connection);
    let complaints = Sqlite::check(folder.path()).expect("checked");
    assert_eq!(complaints, ["room 1, event 2: it is in no list of what can be read"]);
}
