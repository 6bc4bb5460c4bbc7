//! Words that are nowhere any more when what they were in is gone.

use serde_json::json;

use super::{
    retention::{EVENTS, configure, until},
    *,
};
use crate::chat::{Deleted, Deletion};

pub(super) const INDEXED: &str = "SELECT (SELECT max(seq) FROM events) > indexed FROM rooms";
pub(super) const DELETED_WORDS: &str = "SELECT count(*) FROM meta WHERE key = 'deleted_words'";

/// In how many places of the files of a folder something is.
pub(super) fn places(folder: &Path, text: &str) -> usize {
    let files = fs::read_dir(folder).expect("a folder");
    let contents = files.map(|file| fs::read(file.expect("a file").path()).expect("readable"));
    contents.map(|bytes| bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()).sum()
}

pub(super) fn chat(text: &str) -> String {
    json!({ "type": "chat", "username": "Ann", "message_text": text }).to_string()
}

#[tokio::test]
async fn what_is_past_the_retention_leaves_the_index_of_words_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    append(&engine, &chat("a xylophonist plays")).await;
    for n in 0..20 {
        append(&engine, &chat(&format!("something else {n}"))).await;
    }
    until(folder.path(), INDEXED, 0).await;
    drop(engine);
    // A word that begins as the one before it stands in the index without that beginning.
    assert_eq!(places(folder.path(), "ylophonist"), 2, "it is in the message and in the index");
    let engine = open(folder.path());
    configure(&engine, json!({ "retention_messages": 5 })).await;
    until(folder.path(), EVENTS, 5).await;
    until(folder.path(), DELETED_WORDS, 0).await;
    // The last step is under way, perhaps.
    append(&engine, &chat("later")).await;
    drop(engine);
    assert_eq!(places(folder.path(), "ylophonist"), 0);
    assert_eq!(Sqlite::check(folder.path()).expect("checked"), Vec::<String>::new());
    let engine = open(folder.path());
    let search = |word: &str| {
        let words = vec![word.to_owned()];
        engine.search(crate::engine::Search { room: RoomId::FIRST, words, before: None, limit: 10 })
    };
    assert!(search("something").await.expect("searched").events.len() >= 3, "what is kept is found");
    assert_eq!(search("later").await.expect("searched").events.len(), 1);
    assert_eq!(search("xylophonist").await.expect("searched").events.len(), 0);
}

#[tokio::test]
async fn what_is_deleted_before_it_is_indexed_is_never_indexed() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let said = append(&engine, &chat("a zeppelinist flies")).await;
    let deletion = Deletion { of: Deleted::Message(said.seq), by: UserId::admin(), reason: String::new(), tells_reason: false };
    engine.delete(RoomId::FIRST, deletion).await.expect("deleted");
    until(folder.path(), INDEXED, 0).await;
    until(folder.path(), DELETED_WORDS, 0).await;
    append(&engine, &chat("later")).await;
    drop(engine);
    assert_eq!(places(folder.path(), "eppelinist"), 1, "in the log alone, which keeps what was deleted for its moderators");
}
