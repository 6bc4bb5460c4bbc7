use std::{
    os::unix::fs::FileExt,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::*;

#[tokio::test]
async fn a_log_cut_by_a_power_cut_keeps_a_prefix_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    // After a power cut the run file may be older than the log.
    let run = fs::read(folder.path().join("live-chat.run")).expect("a run file");
    for n in 0..20 {
        append(&engine, &n.to_string()).await;
    }
    let wal = fs::read(folder.path().join("live-chat.db-wal")).expect("a write-ahead log");
    let mut lengths = HashSet::new();
    for cut in (0..=wal.len()).rev().step_by(1_500) {
        let crashed = crashed(folder.path(), &wal[..cut]);
        let refused = Sqlite::open(crashed.path(), None, ignore()).err();
        let has_all = cut == wal.len();
        assert!(has_all || matches!(refused, Some(OpenError::Lost { .. })), "cut at {cut}: {refused:?}");
        fs::write(crashed.path().join("live-chat.run"), &run).expect("an old run file");
        let engine = match Sqlite::open(crashed.path(), None, ignore()) {
            Ok(engine) => engine,
            Err(OpenError::Lost { stored: 2, found: 0, .. }) => break,
            Err(error) => panic!("cut at {cut}: {error}"),
        };
        let kept = payloads(&engine).await;
        assert_eq!(kept, (0..kept.len()).map(|n| n.to_string()).collect::<Vec<_>>(), "cut at {cut}");
        assert_eq!(append(&engine, "\"on\"").await.seq, kept.len() as u64 + 1);
        lengths.insert(kept.len());
    }
    assert!(lengths.len() > 10, "the cuts were in the middle: {lengths:?}");
}

/// A copy of a folder as a crash leaves it, with another write-ahead log.
fn crashed(folder: &Path, wal: &[u8]) -> tempfile::TempDir {
    let crashed = tempfile::tempdir().expect("a folder");
    for file in ["live-chat.db", "live-chat.run"] {
        fs::copy(folder.join(file), crashed.path().join(file)).expect("a copy");
    }
    fs::write(crashed.path().join("live-chat.db-wal"), wal).expect("a copy");
    crashed
}

/// A folder whose log was written by a run that crashed: ten messages, one commit each, all of them in the write-ahead log.
async fn ten_messages() -> (tempfile::TempDir, Vec<u8>, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let log = folder.path().join("live-chat.db-wal");
    for n in 0..9 {
        append(&engine, &n.to_string()).await;
    }
    let last_begins_at = fs::metadata(&log).expect("a file").len() as usize;
    append(&engine, "9").await;
    let wal = fs::read(&log).expect("a write-ahead log");
    let crashed = crashed(folder.path(), &wal);
    (crashed, wal, last_begins_at)
}

/// A checkpoint copies the pages of the write-ahead log in their order: the first one, which says how many there are, before those
/// that are new.
#[tokio::test]
async fn a_crash_in_a_checkpoint_leaves_a_log_that_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    let engine = open(folder.path());
    for n in 0..100 {
        append(&engine, &format!("\"{n} {}\"", "x".repeat(2_000))).await;
    }
    let said = payloads(&engine).await;
    let wal = fs::read(folder.path().join("live-chat.db-wal")).expect("a write-ahead log");
    let crashed = crashed(folder.path(), &wal);
    drop(engine);
    let database = crashed.path().join(Sqlite::FILE);
    let mut bytes = fs::read(&database).expect("readable");
    // A header of 32 bytes, then frames of 24 bytes, which begin with the page's number, and a page.
    let (frames, _) = wal[32..].as_chunks::<{ 24 + 4_096 }>();
    let first_page = frames.iter().rfind(|frame| frame[..4] == [0, 0, 0, 1]);
    bytes[..4_096].copy_from_slice(&first_page.expect("the database has grown")[24..]);
    let pages = u32::from_be_bytes(bytes[28..32].try_into().expect("four bytes"));
    assert!(u64::from(pages) * 4_096 > bytes.len() as u64, "it says that it is longer than it is");
    fs::write(&database, bytes).expect("written");
    let engine = open(crashed.path());
    assert_eq!(payloads(&engine).await, said);
    drop(engine);
    assert_eq!(Sqlite::check(crashed.path()).expect("checked"), Vec::<String>::new());
}

#[tokio::test]
async fn a_damaged_write_ahead_log_is_refused_as_it_is() {
    let (folder, wal, last_begins_at) = ten_messages().await;
    let log = folder.path().join("live-chat.db-wal");
    let flipped = |byte: usize| {
        let mut wal = wal.clone();
        wal[byte] ^= 1;
        wal
    };
    type Expected = fn(&OpenError) -> bool;
    let told_by_itself: Expected = |e| matches!(e, OpenError::WriteAheadLog { .. });
    let told_by_the_run_file: Expected = |e| matches!(e, OpenError::Lost { .. });
    let rows = [
        ("its magic number", flipped(0), told_by_itself),
        ("a salt", flipped(20), told_by_itself),
        ("the header's checksum", flipped(30), told_by_itself),
        ("a frame's page number", flipped(32 + 3), told_by_itself),
        ("a frame's salt", flipped(32 + 8), told_by_itself),
        ("a frame's checksum", flipped(32 + 16), told_by_itself),
        ("a page", flipped(32 + 24 + 4_000), told_by_itself),
        ("the last transaction but one", flipped(last_begins_at - 1), told_by_itself),
        ("the last transaction", flipped(last_begins_at + 100), told_by_the_run_file),
        ("its end", wal[..wal.len() - 1].to_vec(), told_by_the_run_file),
        ("all of it", Vec::new(), told_by_the_run_file),
    ];
    for (what, damaged, expected) in rows {
        fs::write(&log, &damaged).expect("written");
        let error = Sqlite::open(folder.path(), None, ignore()).err().unwrap_or_else(|| panic!("{what}: was opened"));
        assert!(expected(&error), "{what}: {error}");
        assert!(error.to_string().contains("live-chat.run"), "{what}: the way on is named: {error}");
        assert_eq!(fs::read(&log).expect("still there"), damaged, "{what}: nothing was changed");
    }
    fs::remove_file(&log).expect("removed");
    assert!(told_by_the_run_file(&Sqlite::open(folder.path(), None, ignore()).err().expect("refused")), "without its log");
    fs::write(&log, &wal).expect("brought back");
    assert_eq!(payloads(&open(folder.path())).await.len(), 10, "and undamaged, all is there");
}

#[tokio::test]
async fn a_log_without_its_database_is_not_thrown_away() {
    let (folder, wal, _) = ten_messages().await;
    fs::remove_file(folder.path().join(Sqlite::FILE)).expect("removed");
    let error = Sqlite::open(folder.path(), None, ignore()).err();
    assert!(matches!(error, Some(OpenError::NoDatabase(_))), "{error:?}");
    assert_eq!(fs::read(folder.path().join("live-chat.db-wal")).expect("still there"), wal);
}

#[tokio::test]
async fn what_was_lost_can_be_given_up() {
    let (folder, wal, last_begins_at) = ten_messages().await;
    let epoch = open(folder.path()).epoch().to_owned();
    let (folder, ..) = (ten_messages().await.0, epoch);
    let epoch = {
        let whole = crashed(folder.path(), &fs::read(folder.path().join("live-chat.db-wal")).expect("a log"));
        open(whole.path()).epoch().to_owned()
    };
    fs::write(folder.path().join("live-chat.db-wal"), &wal[..last_begins_at.min(1)]).expect("cut");
    fs::remove_file(folder.path().join("live-chat.run")).expect("removed");
    let engine = open(folder.path());
    assert_ne!(engine.epoch(), epoch, "clients are told of a gap");
}

#[tokio::test]
async fn a_damaged_event_is_told_and_never_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    for payload in ["1", "2", "3"] {
        append(&engine, payload).await;
    }
    drop(engine);
    let sql = |sql: &str| Connection::open(folder.path().join(Sqlite::FILE)).expect("opens").execute_batch(sql).expect("runs");
    let damages = [
        "payload = '4'",
        "author = 'bob'",
        "kind = 1, recipient = 'eve'",
        "sent_at = sent_at + 1",
        "video_time = 1",
        "client_message_id = 'c1'",
    ];
    for damage in damages {
        sql("CREATE TABLE kept AS SELECT * FROM events WHERE seq = 2");
        sql(&format!("UPDATE events SET {damage} WHERE seq = 2"));
        assert_eq!(Sqlite::check(folder.path()).expect("checked").len(), 1, "{damage}");
        let engine = open(folder.path());
        let error = engine.read(all()).await.expect_err(damage);
        assert!(matches!(error, EngineError::DamagedEvent { room: RoomId::FIRST, seq: 2 }), "{damage}: {error}");
        assert_eq!(engine.read(Query { after: 2, ..all() }).await.expect("readable").len(), 1, "the others can be read");
        drop(engine);
        sql("DELETE FROM events WHERE seq = 2; INSERT INTO events SELECT * FROM kept; DROP TABLE kept");
    }
    assert_eq!(Sqlite::check(folder.path()).expect("checked"), Vec::<String>::new());
    sql("UPDATE events SET payload = '4' WHERE seq = 3");
    let error = Sqlite::open(folder.path(), None, ignore()).err();
    assert!(matches!(error, Some(OpenError::Damaged { .. })), "the log goes on after its last event: {error:?}");
}

#[tokio::test]
async fn a_large_database_is_checked_while_it_works_and_takes_nothing_when_it_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    let path = folder.path().join(Sqlite::FILE);
    let sql = "CREATE TABLE large (bytes BLOB); INSERT INTO large VALUES (zeroblob(65 * 1024 * 1024))";
    Connection::open(&path).expect("opens").execute_batch(sql).expect("runs");
    let engine = open(folder.path());
    append(&engine, "1").await;
    drop(engine);
    // How many pages are free, as the header says it.
    File::options().write(true).open(&path).expect("opens").write_all_at(&[7], 39).expect("damaged");

    let engine = open(folder.path());
    let began = Instant::now();
    while engine.fault().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "the damage is not found");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refused = engine.append(RoomId::FIRST, entry("ann", "2", None)).await;
    assert!(matches!(refused, Err(EngineError::Fault(Fault::Damaged(_)))), "{refused:?}");
    assert_eq!(payloads(&engine).await, ["1"], "what is there can be read");
}

#[test]
fn a_database_that_cannot_be_trusted_is_refused() {
    type Damage = Box<dyn Fn(&Path)>;
    type Expected = fn(&OpenError) -> bool;
    let sql = |path: &Path, sql: &str| Connection::open(path).expect("opens").execute_batch(sql).expect("runs");
    let rows: [(&str, Damage, Expected); 5] = [
        ("newer", Box::new(move |path| sql(path, "PRAGMA user_version = 1000")), |e| {
            matches!(e, OpenError::NewerSchema { found: 1_000, .. })
        }),
        ("foreign", Box::new(move |path| sql(path, "PRAGMA application_id = 7")), |e| matches!(e, OpenError::Foreign(_))),
        ("no database", Box::new(|path| fs::write(path, "x".repeat(10_000)).expect("written")), |e| {
            matches!(e, OpenError::Database { .. })
        }),
        (
            "cut short",
            Box::new(|path| {
                let file = File::options().write(true).open(path).expect("opens");
                file.set_len(file.metadata().expect("a file").len() / 2).expect("cut");
            }),
            |e| matches!(e, OpenError::Truncated { .. }),
        ),
        ("a folder", Box::new(|path| fs::remove_file(path).and_then(|()| fs::create_dir(path)).expect("made")), |e| {
            matches!(e, OpenError::Database { .. })
        }),
    ];
    for (name, damage, expected) in rows {
        let folder = tempfile::tempdir().expect("a folder");
        drop(open(folder.path()));
        let path = folder.path().join(Sqlite::FILE);
        damage(&path);
        let before = fs::read(&path).ok();
        let error = Sqlite::open(folder.path(), None, ignore()).err().unwrap_or_else(|| panic!("{name}: was opened"));
        assert!(expected(&error), "{name}: {error}");
        assert!(error.to_string().contains("live-chat"), "{name}: names the file: {error}");
        assert_eq!(fs::read(&path).ok(), before, "{name}: nothing was changed");
    }
}
