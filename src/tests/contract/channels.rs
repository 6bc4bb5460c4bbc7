use super::*;
use crate::{
    chat::{RoomState, Settings},
    engine::EngineError,
};

fn settings() -> Settings {
    Settings { name: "Hall".into(), slug: "hall".into(), ..Settings::default() }
}

of_each_engine! {
    async fn a_channel_is_live_at_once_and_has_no_widget_key(log: Log) {
        let keys = log.engine.widget_keys().await.expect("readable").len();
        let room = log.engine.open_channel(settings()).await.expect("made");
        assert_eq!((room.state, &room.settings), (RoomState::Live, &settings()));
        assert!(room.first_started_at.is_some_and(|at| at == room.created_at && room.started_at == Some(at)));
        log.engine.append(room.id, entry("ann", "1")).await.expect("it is live");
        let taken = log.engine.open_channel(settings()).await;
        assert!(matches!(taken, Err(EngineError::SlugTaken(_))), "{taken:?}");
        let log = log.reopen().await;
        let rooms = log.engine.rooms().await.expect("readable");
        assert_eq!((rooms.len(), &rooms[1].0), (2, &room));
        assert_eq!(log.engine.widget_keys().await.expect("readable").len(), keys);
    }

    async fn a_removed_room_is_gone_with_all_that_is_in_it(log: Log) {
        let (kept, key) = log.engine.create_room(Settings { slug: "kept".into(), ..settings() }).await.expect("made");
        let room = log.engine.open_channel(settings()).await.expect("made").id;
        let said = log.engine.append(room, entry("ann", "1")).await.expect("stored");
        let measure = Sanction { user: user("bob"), measure: Measure::Ban, addresses: Vec::new(), by: UserId::admin(), reason: String::new() };
        log.engine.sanction(room, measure).await.expect("stored");
        for _ in 0..2 {
            log.engine.remove_room(room).await.expect("a second time is no error");
        }
        let is_told = |news: &News| matches!(news, News::NoRoom(removed) if *removed == room);
        assert_eq!(log.heard.lock().expect("not poisoned").iter().flatten().filter(|news| is_told(news)).count(), 1);
        let refused = log.engine.append(room, entry("ann", "2")).await;
        assert!(matches!(refused, Err(EngineError::NotLive(_) | EngineError::UnknownRoom(_))), "{refused:?}");
        assert!(log.read(Query { room, ..all() }).await.is_empty());
        let again = log.engine.open_channel(settings()).await.expect("its name is free").id;
        assert!(again > room, "its number is not used again");
        let log = log.reopen().await;
        let rooms: Vec<_> = log.engine.rooms().await.expect("readable").into_iter().map(|(room, _)| room.id).collect();
        assert_eq!(rooms, [RoomId::FIRST, kept.id, again]);
        assert!(log.engine.sanctions().await.expect("readable").is_empty());
        assert!(log.engine.widget_keys().await.expect("readable").contains(&key), "other rooms keep theirs");
        assert!(log.read(Query { room, ..all() }).await.is_empty());
        assert!(log.engine.append(again, entry("ann", "1")).await.expect("stored").seq > 0);
        assert!(said.seq > 0);
    }
}
