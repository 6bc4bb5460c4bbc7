use serde_json::json;

use super::{
    retention::{EVENTS, configure, number, until},
    *,
};
use crate::{chat::Reaction, engine::React};

fn reaction(message: u64, user: &str, is_set: bool) -> React {
    let user = UserId::try_from(user.to_owned()).expect("a valid id");
    React { message, user, emoji: "👍".into(), is_set }
}

async fn kinds(engine: &Sqlite) -> Vec<Kind> {
    let query = Query { messages_only: false, ..all() };
    engine.read(query).await.expect("readable").into_iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn what_was_not_told_before_the_end_is_told_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    append(&engine, "1").await;
    for user in ["ann", "bob"] {
        assert!(engine.react(RoomId::FIRST, reaction(1, user, true)).await.expect("stored").changed);
    }
    let (epoch, before) = (engine.epoch().to_owned(), kinds(&engine).await.len());
    assert_eq!(before, 1);
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(engine.epoch(), epoch, "the log goes on");
    let after = kinds(&engine).await;
    let [Kind::Message(_), Kind::Reactions(told)] = &after[..] else { panic!("{after:?}") };
    let expected = Reaction { emoji: "👍".into(), count: 2, own: false };
    assert_eq!((told[0].message, &told[0].reactions), (1, &vec![expected]));
    assert_eq!(engine.rooms().await.expect("readable")[0].1, 2);
    assert!(!engine.tell_reactions(RoomId::FIRST).await.expect("told"));
    assert_eq!(kinds(&engine).await.len(), 2, "nothing is told twice");
    assert_eq!(append(&engine, "2").await.seq, 3);
}

#[tokio::test]
async fn many_messages_are_told_of_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    for n in 1..=150 {
        append(&engine, &n.to_string()).await;
        engine.react(RoomId::FIRST, reaction(n, "ann", true)).await.expect("stored");
    }
    assert!(engine.tell_reactions(RoomId::FIRST).await.expect("told"), "there is more");
    assert!(!engine.tell_reactions(RoomId::FIRST).await.expect("told"));
    let told = kinds(&engine).await.into_iter().filter_map(|kind| match kind {
        Kind::Reactions(recounts) => Some(recounts.len()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [100, 50]);
}

#[tokio::test]
async fn reactions_push_no_message_out_and_go_with_theirs() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    configure(&engine, json!({ "retention_messages": 10 })).await;
    for n in 2..=9 {
        append(&engine, &n.to_string()).await;
    }
    for n in 0..40 {
        engine.react(RoomId::FIRST, reaction(2, "ann", n % 2 == 0)).await.expect("stored");
        engine.react(RoomId::FIRST, reaction(8, "ann", n % 2 == 0)).await.expect("stored");
        engine.tell_reactions(RoomId::FIRST).await.expect("told");
    }
    engine.react(RoomId::FIRST, reaction(2, "ann", true)).await.expect("stored");
    engine.react(RoomId::FIRST, reaction(8, "ann", true)).await.expect("stored");
    engine.tell_reactions(RoomId::FIRST).await.expect("told");
    // The settings, eight messages and these two are eleven.
    for n in 1..=2 {
        append(&engine, &n.to_string()).await;
    }
    configure(&engine, json!({ "name": "Other" })).await;
    // Of the twelve, two are too many.
    until(folder.path(), "SELECT 1 - (erased >= 2) FROM rooms", 0).await;
    assert_eq!(number(folder.path(), "SELECT trimmed FROM rooms"), 2);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM events WHERE kind < 100"), 10);
    assert_eq!(number(folder.path(), EVENTS), 51);
    for table in ["reactions", "reaction_counts", "reacted"] {
        assert_eq!(number(folder.path(), &format!("SELECT sum(message) FROM {table}")), 8, "{table}: that of message 8 alone");
    }
    let gone = engine.react(RoomId::FIRST, reaction(2, "bob", true)).await;
    assert!(matches!(gone, Err(EngineError::UnknownMessage { seq: 2, .. })), "{gone:?}");
}
