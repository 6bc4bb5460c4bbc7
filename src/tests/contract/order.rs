use std::collections::HashSet;

use super::*;
use crate::{
    chat::{Kind, RoomState, Settings},
    engine::EngineError,
};

of_each_engine! {
    async fn what_was_acknowledged_is_there_after_reopening(log: Log) {
        let epoch = log.engine.epoch().to_owned();
        let payload = r#"{ "b":1e400,"a" : [ 1 , "é\u00e9" ] }"#;
        let first = log.say("ann", payload).await;
        let log = log.reopen().await;
        assert_eq!(log.engine.epoch(), epoch, "the log goes on");
        assert_eq!(log.payloads().await, [payload], "byte for byte");
        let rooms = log.engine.rooms().await.expect("readable");
        assert_eq!(rooms.iter().map(|(room, head)| (room.id, *head)).collect::<Vec<_>>(), [(RoomId::FIRST, first.seq)]);
        assert!(log.say("ann", "2").await.seq > first.seq, "and so does its order");
        assert_eq!(log.engine.read(all()).await.expect("readable")[0].sent_at, first.sent_at);
    }

    async fn concurrent_publishers_share_one_order(log: Log) {
        let publishers = (0..8).map(|publisher| {
            let engine = Arc::clone(&log.engine);
            tokio::spawn(async move {
                let mut last = 0;
                for n in 0..50 {
                    let appended = engine.append(RoomId::FIRST, entry("ann", &format!("\"{publisher}:{n}\""))).await.expect("stored");
                    assert!(appended.seq > last, "each author's messages keep their order");
                    last = appended.seq;
                }
            })
        });
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.expect("no publisher failed");
        }
        let stored = log.payloads().await;
        assert_eq!(stored.len(), 400);
        assert_eq!(stored.iter().collect::<HashSet<_>>().len(), 400, "each once");
        let told: Vec<_> = log.told().iter().filter_map(|event| event.message()).map(|said| said.payload.get().to_owned()).collect();
        assert_eq!(told, stored, "what is dispatched is what is stored, in that order");
        let times: Vec<_> = log.read(all()).await.iter().map(|event| event.sent_at).collect();
        assert!(times.is_sorted(), "none is earlier than the one before it");
    }

    async fn what_is_answered_was_dispatched_before(log: Log) {
        for _ in 0..20 {
            let appended = log.say("ann", "1").await;
            assert_eq!(log.told().last().map(|event| event.seq), Some(appended.seq));
        }
    }

    async fn a_message_sent_twice_is_stored_once(log: Log) {
        let first = log.say_as("ann", "c1").await;
        assert_eq!(log.say_as("ann", "c1").await, first, "answered as the first was");
        assert_ne!(log.say_as("ann", "c2 \n é").await.seq, first.seq);
        assert_ne!(log.say_as("bob", "c1").await.seq, first.seq, "a name is its author's own");
        assert_eq!(log.payloads().await.len(), 3);
        let both = tokio::join!(log.say_as("ann", "c3"), log.say_as("ann", "c3"));
        assert_eq!(both.0, both.1, "at once too");
        let log = log.reopen().await;
        assert_eq!(log.say_as("ann", "c1").await, first, "after a restart too");
        assert_eq!(log.payloads().await.len(), 4);
    }

    async fn a_message_that_was_refused_may_be_sent_again(log: Log) {
        let room = log.engine.create_room(Settings { slug: "two".into(), ..Settings::default() }).await.expect("made").0.id;
        let refused = log.engine.append(room, named("ann", "c1")).await;
        assert!(matches!(refused, Err(EngineError::NotLive(RoomState::Created))), "{refused:?}");
        for state in [RoomState::Prepared, RoomState::Live] {
            log.engine.set_state(room, state).await.expect("moved");
        }
        let stored = log.engine.append(room, named("ann", "c1")).await.expect("stored");
        assert_eq!(log.engine.append(room, named("ann", "c1")).await.expect("stored"), stored);
        assert_eq!(payloads(&log.read(Query { room, ..all() }).await).len(), 1);
    }

    async fn a_page_ends_at_its_bytes_with_at_least_one_event(log: Log) {
        let mut said = Vec::new();
        for _ in 0..4 {
            said.push(log.say("ann", "\"12345678\"").await.seq);
        }
        let rows = [(1, End::Oldest, 0..1), (10, End::Oldest, 0..1), (11, End::Oldest, 0..2), (11, End::Newest, 2..4)];
        for (bytes, end, expected) in rows {
            let query = Query { bytes, end, ..all() };
            let events = log.read(query.clone()).await;
            assert_eq!(seqs(&events), said[expected], "{bytes} {end:?}");
            assert!(query.is_filled_by(&events));
        }
        let between = Query { after: said[0], before: Some(said[3]), ..all() };
        assert_eq!(seqs(&log.read(between).await), said[1..3]);
        assert!(!all().is_filled_by(&log.read(all()).await));
    }

    async fn a_room_takes_messages_between_start_and_end(log: Log) {
        let new = Settings { slug: "two".into(), ..Settings::default() };
        let room = log.engine.create_room(new).await.expect("made").0.id;
        let send = async || log.engine.append(room, entry("ann", "1")).await;
        let refused = async |state| assert!(matches!(send().await, Err(EngineError::NotLive(s)) if s == state), "{state:?}");
        refused(RoomState::Created).await;
        let wrong = log.engine.set_state(room, RoomState::Live).await;
        assert!(matches!(wrong, Err(EngineError::WrongOrder(RoomState::Created, RoomState::Live))), "{wrong:?}");
        log.engine.set_state(room, RoomState::Prepared).await.expect("prepared");
        refused(RoomState::Prepared).await;
        log.engine.set_state(room, RoomState::Live).await.expect("live");
        let said = send().await.expect("stored");
        log.engine.set_state(room, RoomState::Ended).await.expect("ended");
        let ended = log.engine.set_state(room, RoomState::Ended).await.expect("it is already");
        assert_eq!((ended.state, ended.started_at.is_some(), ended.ended_at.is_some()), (RoomState::Ended, true, true));
        refused(RoomState::Ended).await;
        let events = log.read(Query { room, messages_only: false, ..all() }).await;
        let kinds: Vec<_> = events.iter().map(|event| &event.kind).collect();
        assert!(
            matches!(
                &kinds[..],
                [Kind::Room(RoomState::Prepared), Kind::Room(RoomState::Live), Kind::Message(_), Kind::Room(RoomState::Ended)]
            ),
            "changes of the room are in its log: {kinds:?}"
        );
        assert_eq!(events[2].seq, said.seq);
        let unknown = log.engine.append(RoomId::new(99).expect("a number"), entry("ann", "1")).await;
        assert!(matches!(unknown, Err(EngineError::UnknownRoom(_))), "{unknown:?}");
    }

    async fn what_is_private_is_for_two(log: Log) {
        let private = Entry { to: Audience::One(user("bob")), ..entry("ann", "\"psst\"") };
        log.engine.append(RoomId::FIRST, private).await.expect("stored");
        log.say("ann", "\"all\"").await;
        for (reader, expected) in [
            (Reader::Public, 1),
            (Reader::Owner, 1),
            (Reader::User(user("ann")), 2),
            (Reader::User(user("bob")), 2),
            (Reader::User(user("eve")), 1),
        ] {
            assert_eq!(log.read(Query { reader: reader.clone(), ..all() }).await.len(), expected, "{reader:?}");
        }
    }

    async fn what_is_dropped_is_carried_out(log: Log) {
        drop(log.engine.append(RoomId::FIRST, entry("ann", "1")));
        log.until(async |engine| engine.read(all()).await.expect("readable").len() == 1).await;
    }

    async fn a_closed_engine_says_so(log: Log) {
        log.engine.close();
        let refused = log.engine.append(RoomId::FIRST, entry("ann", "1")).await;
        assert!(matches!(refused, Err(EngineError::Closed)), "{refused:?}");
    }
}
