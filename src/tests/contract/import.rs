use super::*;
use crate::{
    chat::{Message, Recorded, RoomState, Settings, Timestamp},
    engine::EngineError,
};

fn recorded(sent_at: i64) -> Recorded {
    let payload = Payload::of(&sent_at);
    let message = Message { author: user("ann"), profile: Profile::default(), payload, video_time: 0.5, reactions: Vec::new() };
    Recorded { sent_at: Timestamp(sent_at), message }
}

fn settings() -> Settings {
    Settings { name: "Old".into(), slug: "old".into(), ..Settings::default() }
}

of_each_engine! {
    async fn an_imported_room_keeps_its_times_and_goes_on_after_them(log: Log) {
        let room = log.engine.begin_import(settings()).await.expect("begun");
        for times in [[1_000, 1_000], [1_000, 5_000]] {
            log.engine.import(room, times.map(recorded).into()).await.expect("durable");
        }
        assert_eq!(log.engine.rooms().await.expect("readable").len(), 1, "not seen before it is finished");
        assert!(log.told().is_empty());
        let (about, key, head) = log.engine.finish_import(room).await.expect("finished");
        assert_eq!((about.state, about.settings, key.room), (RoomState::Ended, settings(), Some(room)));
        assert_eq!((about.started_at, about.ended_at), (Some(Timestamp(1_000)), Some(Timestamp(5_000))));
        log.engine.abandon_import(room);
        let log = log.reopen().await;
        let events = log.read(Query { room, ..all() }).await;
        assert_eq!(events.iter().map(|event| event.sent_at.0).collect::<Vec<_>>(), [1_000, 1_000, 1_000, 5_000]);
        assert_eq!((events[3].seq, seqs(&events).is_sorted()), (head, true));
        for state in [RoomState::Prepared, RoomState::Live] {
            log.engine.set_state(room, state).await.expect("begun again");
        }
        assert!(log.engine.append(room, entry("ann", "1")).await.expect("stored").seq > head);
    }

    async fn many_messages_keep_their_order(log: Log) {
        let room = log.engine.begin_import(settings()).await.expect("begun");
        for part in 0..3 {
            log.engine.import(room, (part * 500 + 1..=part * 500 + 500).map(recorded).collect()).await.expect("durable");
        }
        log.engine.finish_import(room).await.expect("finished");
        let events = log.read(Query { room, ..all() }).await;
        assert_eq!(events.iter().map(|event| event.sent_at.0).collect::<Vec<_>>(), (1..=1_500).collect::<Vec<_>>());
    }

    async fn what_is_given_up_leaves_its_name_free(log: Log) {
        let room = log.engine.begin_import(settings()).await.expect("begun");
        log.engine.import(room, vec![recorded(1)]).await.expect("durable");
        let taken = log.engine.create_room(settings()).await;
        assert!(matches!(taken, Err(EngineError::SlugTaken(_))), "{taken:?}");
        log.engine.abandon_import(room);
        let made = loop {
            match log.engine.create_room(settings()).await {
                Ok((made, _)) => break made,
                Err(EngineError::SlugTaken(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        assert!(made.id > room, "its number is not used again");
        let log = log.reopen().await;
        assert_eq!(log.engine.rooms().await.expect("readable").len(), 2);
    }
}
