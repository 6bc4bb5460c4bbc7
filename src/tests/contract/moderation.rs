use serde_json::json;

use super::*;
use crate::{
    chat::{Disconnection, Kind, Settings, Timestamp},
    engine::{EngineError, Search},
};

async fn acts(log: &Log) -> Vec<crate::engine::Act> {
    log.engine.acts(RoomId::FIRST, u64::MAX, 100).await.expect("readable")
}

of_each_engine! {
    async fn what_is_deleted_is_read_no_more_and_the_log_knows_why(log: Log) {
        let first = log.say("ann", "1").await;
        let second = log.say("bob", "2").await;
        let third = log.say("ann", "3").await;
        let deleted = log.delete(Deleted::Message(first.seq)).await;
        assert_eq!(log.payloads().await, ["2", "3"]);
        assert_eq!(log.delete(Deleted::Message(first.seq)).await, deleted, "no other event");
        let act = log.engine.deletion(RoomId::FIRST, first.seq).await.expect("readable").expect("deleted");
        assert_eq!((act.event.seq, act.message.map(|said| said.payload.get().to_owned())), (deleted.seq, Some("1".into())));
        assert!(log.engine.deletion(RoomId::FIRST, second.seq).await.expect("readable").is_none());
        log.delete(Deleted::AllOf(user("ann"))).await;
        assert_eq!(log.payloads().await, ["2"]);
        log.say("ann", "4").await;
        let now = log.engine.messages(RoomId::FIRST, vec![first.seq, second.seq, third.seq, 1_000_000]).await.expect("readable");
        assert_eq!(now.iter().map(|(seq, event)| (*seq, event.is_some())).collect::<Vec<_>>(), [
            (first.seq, false), (second.seq, true), (third.seq, false),
        ]);
        let log = log.reopen().await;
        assert_eq!(log.payloads().await, ["2", "4"], "what was said later is there");
        assert_eq!(acts(&log).await.len(), 2);
        for seq in [0, 1_000_000, deleted.seq] {
            let unknown = log.engine.delete(RoomId::FIRST, deletion(Deleted::Message(seq))).await;
            assert!(matches!(unknown, Err(EngineError::UnknownMessage { .. })), "{seq}: {unknown:?}");
        }
    }

    async fn the_newest_sanction_of_each_counts(log: Log) {
        log.sanction("ann", Measure::Ban).await;
        let timeout = log.sanction("ann", Measure::Timeout { until: Timestamp(i64::MAX) }).await;
        log.sanction("bob", Measure::Ban).await;
        log.sanction("bob", Measure::Lift).await;
        let log = log.reopen().await;
        assert_eq!(seqs(&log.engine.sanctions().await.expect("readable")), [timeout.seq]);
        let act = &acts(&log).await[0];
        assert!(matches!(&act.event.kind, Kind::Sanction(sanction) if sanction.reason == "why"), "{act:?}");
        assert_eq!(log.read(Query { reader: Reader::User(user("bob")), messages_only: false, ..all() }).await.len(), 2);
    }

    async fn settings_are_changed_by_a_patch_and_told(log: Log) {
        log.configure(json!({ "name": "Other", "slow_mode_seconds": 7 })).await;
        log.configure(json!({ "name": "Other" })).await;
        assert_eq!(log.told().len(), 1, "what changes nothing is no event");
        let two = Settings { slug: "two".into(), ..Settings::default() };
        log.engine.create_room(two.clone()).await.expect("made");
        let taken = log.engine.create_room(two).await;
        assert!(matches!(taken, Err(EngineError::SlugTaken(_))), "{taken:?}");
        let change = serde_json::from_value(json!({ "slug": "two" })).expect("an object");
        let taken = log.engine.configure(RoomId::FIRST, change, UserId::admin()).await;
        assert!(matches!(taken, Err(EngineError::SlugTaken(_))), "{taken:?}");
        let change = serde_json::from_value(json!({ "slow_mode_seconds": -1 })).expect("an object");
        let wrong = log.engine.configure(RoomId::FIRST, change, UserId::admin()).await;
        assert!(matches!(wrong, Err(EngineError::Setting(_))), "{wrong:?}");
        let log = log.reopen().await;
        let settings = log.engine.rooms().await.expect("readable")[0].0.settings.clone();
        assert_eq!((&*settings.name, settings.slow_mode_seconds), ("Other", 7));
    }

    async fn what_is_done_is_an_event(log: Log) {
        let disconnection = Disconnection { user: user("ann"), by: UserId::admin(), reason: "bye".into() };
        let appended = log.engine.disconnect(RoomId::FIRST, disconnection).await.expect("stored");
        let events = log.read(Query { messages_only: false, ..all() }).await;
        assert!(matches!(&events[..], [event] if event.seq == appended.seq && matches!(event.kind, Kind::Disconnection(_))));
        assert_eq!(acts(&log).await.len(), 1);
    }

    async fn messages_are_found_by_their_words(log: Log) {
        let chat = |text: &str| json!({ "type": "chat", "username": "Ann", "message_text": text }).to_string();
        let first = log.say("ann", &chat("Déjà vu at the Café")).await;
        log.say("ann", &chat("see you there")).await;
        let gone = log.say("ann", &chat("another café")).await;
        log.delete(Deleted::Message(gone.seq)).await;
        let search = Search { room: RoomId::FIRST, words: vec!["cafe".into()], before: None, limit: 10 };
        let hits = log.engine.search(search).await.expect("readable");
        assert_eq!((seqs(&hits.events), hits.not_searched), (vec![first.seq], 0));
    }

    async fn a_moment_has_a_place(log: Log) {
        let first = log.say("ann", "1").await;
        while crate::engine::now() <= first.sent_at {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let second = log.say("ann", "2").await;
        assert!(second.sent_at > first.sent_at);
        for (at, expected) in [(first.sent_at.0, 0), (second.sent_at.0, first.seq), (second.sent_at.0 + 1, second.seq)] {
            assert_eq!(log.engine.seq_before(RoomId::FIRST, Timestamp(at)).await.expect("readable"), expected);
        }
    }
}
