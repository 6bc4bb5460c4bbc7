use serde_json::json;

use super::{
    retention::{EVENTS, configure, number, until},
    *,
};
use crate::engine::React;

fn reaction(message: u64, user: &str, is_set: bool) -> React {
    let user = UserId::try_from(user.to_owned()).expect("a valid id");
    React { message, user, emoji: "👍".into(), is_set }
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
