use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::engine::BackupError;

/// What is in a backup, restored into a folder of its own, and its epoch.
async fn restored(backup: &Path) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(backup, folder.path().join(Sqlite::FILE)).expect("a copy");
    assert_eq!(Sqlite::check(folder.path()).expect("checked"), Vec::<String>::new());
    let engine = open(folder.path());
    (payloads(&engine).await, engine.epoch().to_owned())
}

/// The names of what is in a folder.
fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").file_name());
    names.map(|name| name.into_string().expect("UTF-8")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_busy_writer_is_whole_and_another_log() {
    let (folder, backups) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let engine = Arc::new(open(folder.path()));
    for n in 0..100 {
        append(&engine, &n.to_string()).await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (engine, is_over) = (Arc::clone(&engine), Arc::clone(&is_over));
        async move {
            let mut n = 100;
            while !is_over.load(Ordering::Relaxed) {
                append(&engine, &n.to_string()).await;
                n += 1;
            }
        }
    });
    let backup = backups.path().join("chat.backup");
    for n in 0..5 {
        let to = backups.path().join(n.to_string());
        tokio::task::block_in_place(|| Sqlite::back_up(folder.path(), &to)).expect("backed up");
        fs::rename(&to, &backup).expect("renamed");
    }
    is_over.store(true, Ordering::Relaxed);
    writer.await.expect("no panic");
    assert_eq!(files(backups.path()), ["chat.backup"], "and nothing beside it");
    let (kept, epoch) = restored(&backup).await;
    assert!(kept.len() >= 100, "{}", kept.len());
    assert!(kept.iter().enumerate().all(|(n, payload)| *payload == n.to_string()), "a prefix of what was said");
    assert_ne!(epoch, engine.epoch(), "no position of the original means anything in it");
}

#[tokio::test]
async fn a_backup_needs_no_running_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    append(&engine, "1").await;
    let epoch = engine.epoch().to_owned();
    drop(engine);
    let backup = folder.path().join("backup");
    Sqlite::back_up(folder.path(), &backup).expect("backed up");
    assert_eq!(restored(&backup).await.0, ["1"]);
    assert_eq!(open(folder.path()).epoch(), epoch, "the original is as it was");
}

#[test]
fn a_backup_overwrites_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    let to = folder.path().join("kept");
    for name in ["kept", "kept.part"] {
        let kept = folder.path().join(name);
        fs::write(&kept, "mine").expect("written");
        assert!(matches!(Sqlite::back_up(folder.path(), &to), Err(BackupError::Exists(path)) if path == kept));
        assert_eq!(fs::read_to_string(&kept).expect("still there"), "mine");
        fs::remove_file(kept).expect("removed");
    }
    Sqlite::back_up(folder.path(), &to).expect("backed up");
}

#[tokio::test]
async fn a_backup_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let backups = tempfile::tempdir().expect("a folder");
    let to = backups.path().join("backup");
    let none = folder.path().join("none");
    assert!(matches!(Sqlite::back_up(&none, &to), Err(BackupError::Open(OpenError::Folder { .. }))));
    assert!(!none.exists(), "nothing is made where there is nothing");

    let engine = open(folder.path());
    append(&engine, "1").await;
    append(&engine, "2").await;
    let sql = "UPDATE events SET payload = '3' WHERE seq = 1";
    rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens").execute_batch(sql).expect("runs");
    let error = Sqlite::back_up(folder.path(), &to).expect_err("damaged");
    assert!(matches!(&error, BackupError::Damaged(found) if found.contains("event 1")), "{error}");
    assert!(matches!(Sqlite::back_up(folder.path(), &to.join("nowhere")), Err(BackupError::File { .. })));
    assert_eq!(files(backups.path()), [""; 0]);
}
