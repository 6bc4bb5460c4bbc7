//! What is kept so that an act can be undone, and for how long.

use serde_json::json;

use super::{
    clock::Hands,
    retention::{configure, number, until},
    words::{DELETED_WORDS, INDEXED, chat, places},
    *,
};
use crate::{
    chat::{Deleted, Deletion, Outcome},
    engine::{React, now},
};

const SECOND: i64 = 1_000;

/// Rows that are kept for undoing something.
const KEPT: &str = "SELECT (SELECT count(*) FROM undoable) + (SELECT count(*) FROM undoable_reactions)
                        + (SELECT count(*) FROM undoable_held)";

fn user(name: &str) -> UserId {
    UserId::try_from(name.to_owned()).expect("a valid id")
}

async fn delete(engine: &Sqlite, of: Deleted) -> u64 {
    let deletion = Deletion { of, by: UserId::admin(), reason: String::new(), tells_reason: false };
    engine.delete(RoomId::FIRST, deletion).await.expect("deleted").seq
}

async fn undo(engine: &Sqlite, act: u64) -> Result<Appended, EngineError> {
    engine.undo(RoomId::FIRST, act, UserId::admin()).await
}

async fn react(engine: &Sqlite, message: u64, name: &str) {
    let react = React { message, user: user(name), emoji: "👍".into(), is_set: true };
    engine.react(RoomId::FIRST, react).await.expect("stored");
}

/// Has the thread that tidies up look at the clock.
async fn wake(engine: &Sqlite, n: u32) {
    configure(engine, json!({ "slow_mode_seconds": n })).await;
}

#[tokio::test]
async fn ten_seconds_after_an_act_nothing_is_kept_for_undoing_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::set(now().0);
    let engine = hands.open(folder.path());
    let one = append(&engine, &chat("one")).await.seq;
    let two = append(&engine, &chat("two")).await.seq;
    let other = engine.append(RoomId::FIRST, entry("bob", &chat("three"), None)).await.expect("stored").seq;
    for message in [one, two, other] {
        react(&engine, message, "eve").await;
        react(&engine, message, "ann").await;
    }
    let held = Entry { to: Audience::Moderators, ..entry("ann", "1", None) };
    engine.append(RoomId::FIRST, held.clone()).await.expect("stored");
    let first = delete(&engine, Deleted::Message(one)).await;
    let second = delete(&engine, Deleted::AllOf(user("ann"))).await;
    let waits = engine.append(RoomId::FIRST, held).await.expect("stored").seq;
    let declined = engine.resolve(RoomId::FIRST, waits, Outcome::Declined, UserId::admin(), String::new()).await;
    let declined = declined.expect("declined").seq;
    assert_eq!(number(folder.path(), "SELECT count(*) FROM reacted"), 3, "not yet");
    hands.turn(10 * SECOND - 1);
    undo(&engine, second).await.expect("in time");
    let again = delete(&engine, Deleted::AllOf(user("ann"))).await;
    hands.turn(1);
    for late in [first, declined] {
        let late = undo(&engine, late).await;
        assert!(matches!(late, Err(EngineError::UndoOver { .. })), "{late:?}");
    }
    hands.turn(10 * SECOND);
    wake(&engine, 1).await;
    until(folder.path(), KEPT, 0).await;
    let late = undo(&engine, again).await;
    assert!(matches!(late, Err(EngineError::UndoOver { .. })), "{late:?}");
    until(folder.path(), "SELECT count(*) FROM deleted_authors WHERE swept < deletion", 0).await;
    assert_eq!(number(folder.path(), "SELECT sum(message) FROM reacted"), other as i64);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM reactions"), 1, "one that nobody took back");
    drop(engine);
    assert_eq!(Sqlite::check(folder.path()).expect("checked"), Vec::<String>::new());
}

#[tokio::test]
async fn the_words_of_a_deleted_author_leave_the_index_when_that_cannot_be_undone() {
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::set(now().0);
    let engine = hands.open(folder.path());
    let search = |word: &str| {
        let words = vec![word.to_owned()];
        engine.search(crate::engine::Search { room: RoomId::FIRST, words, before: None, limit: 10 })
    };
    append(&engine, &chat("a xylophonist plays")).await;
    // It is indexed while its deletion can be undone.
    let deletion = delete(&engine, Deleted::AllOf(user("ann"))).await;
    assert!(search("xylophonist").await.expect("searched").events.is_empty());
    until(folder.path(), INDEXED, 0).await;
    undo(&engine, deletion).await.expect("undone");
    assert_eq!(search("xylophonist").await.expect("searched").events.len(), 1);
    delete(&engine, Deleted::AllOf(user("ann"))).await;
    hands.turn(10 * SECOND);
    wake(&engine, 1).await;
    until(folder.path(), "SELECT count(*) FROM deleted_authors WHERE swept < deletion", 0).await;
    until(folder.path(), DELETED_WORDS, 0).await;
    append(&engine, &chat("later")).await;
    drop(engine);
    assert_eq!(places(folder.path(), "ylophonist"), 1, "in the log alone");
}

#[tokio::test]
async fn a_clock_that_is_set_back_gives_no_more_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::set(now().0);
    let engine = hands.open(folder.path());
    let said = append(&engine, "1").await.seq;
    let deletion = delete(&engine, Deleted::Message(said)).await;
    hands.turn(-3_600 * SECOND);
    let late = undo(&engine, deletion).await;
    assert!(matches!(late, Err(EngineError::UndoOver { .. })), "{late:?}");
    wake(&engine, 1).await;
    until(folder.path(), KEPT, 0).await;
}

#[tokio::test]
async fn a_crash_within_the_ten_seconds_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::set(now().0);
    let engine = hands.open(folder.path());
    let said = append(&engine, &chat("one")).await.seq;
    react(&engine, said, "eve").await;
    let deletion = delete(&engine, Deleted::Message(said)).await;
    // Nothing is written any more.
    until(folder.path(), INDEXED, 0).await;
    let crashed = |name: &str| {
        let to = folder.path().join(name);
        fs::create_dir(&to).expect("a folder");
        for file in fs::read_dir(folder.path()).expect("a folder").filter_map(Result::ok) {
            if file.file_type().expect("known").is_file() {
                fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
            }
        }
        to
    };
    let (soon, later) = (crashed("soon"), crashed("later"));
    drop(engine);
    let engine = hands.open(&soon);
    undo(&engine, deletion).await.expect("it is in time");
    let shown = engine.messages(RoomId::FIRST, vec![said]).await.expect("readable");
    assert_eq!(shown[&said].as_ref().and_then(Event::message).expect("shown").reactions.len(), 1);
    drop(engine);
    assert_eq!(Sqlite::check(&soon).expect("checked"), Vec::<String>::new());
    hands.turn(10 * SECOND);
    let engine = hands.open(&later);
    until(&later, KEPT, 0).await;
    until(&later, "SELECT count(*) FROM reactions", 0).await;
    let late = undo(&engine, deletion).await;
    assert!(matches!(late, Err(EngineError::UndoOver { .. })), "{late:?}");
}
