use serde_json::json;

use super::*;
use crate::{
    chat::{HELD_IN_ROOM, RoomState},
    engine::EngineError,
};

of_each_engine! {
    async fn a_room_keeps_its_newest_messages(log: Log) {
        let mut said = Vec::new();
        for n in 0..30 {
            said.push(log.say("ann", &n.to_string()).await.seq);
        }
        log.configure(json!({ "retention_messages": 10 })).await;
        // The change of the settings is the tenth.
        log.until(async |engine| engine.trimmed(RoomId::FIRST) == said[20]).await;
        assert_eq!(seqs(&log.read(all()).await), said[21..]);
        let gone = log.engine.delete(RoomId::FIRST, deletion(Deleted::Message(said[0]))).await;
        assert!(matches!(gone, Err(EngineError::UnknownMessage { .. })), "{gone:?}");
        let log = log.reopen().await;
        assert_eq!(log.engine.trimmed(RoomId::FIRST), said[20]);
        assert_eq!(seqs(&log.read(all()).await), said[21..]);
        assert!(log.say("ann", "30").await.seq > said[29]);
    }

    async fn an_ephemeral_room_forgets_when_it_ends(log: Log) {
        log.configure(json!({ "ephemeral": true })).await;
        log.say("ann", "1").await;
        assert_eq!(log.read(all()).await.len(), 1, "not before");
        log.engine.set_state(RoomId::FIRST, RoomState::Ended).await.expect("ended");
        assert_eq!(log.read(Query { messages_only: false, ..all() }).await.len(), 0, "at once");
        for state in [RoomState::Prepared, RoomState::Live] {
            log.engine.set_state(RoomId::FIRST, state).await.expect("begun again");
        }
        let said = log.say("ann", "2").await;
        let log = log.reopen().await;
        assert_eq!(seqs(&log.read(all()).await), [said.seq], "another session is kept until it ends");
    }

    async fn a_sanction_that_holds_outlives_retention(log: Log) {
        let ban = log.sanction("eve", Measure::Ban).await;
        log.configure(json!({ "retention_messages": 1 })).await;
        let last = log.say("ann", "1").await;
        log.until(async |engine| engine.trimmed(RoomId::FIRST) + HELD_IN_ROOM > last.seq && engine.trimmed(RoomId::FIRST) > ban.seq).await;
        let log = log.reopen().await;
        assert_eq!(seqs(&log.engine.sanctions().await.expect("readable")), [ban.seq]);
        assert_eq!(seqs(&log.read(Query { messages_only: false, ..all() }).await), [last.seq], "and no part of the history");
        log.sanction("eve", Measure::Lift).await;
        assert_eq!(log.engine.sanctions().await.expect("readable").len(), 0);
    }
}
