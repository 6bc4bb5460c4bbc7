use rusqlite::Connection;

use super::*;
use crate::chat::{Message, Recorded, Settings, Timestamp};

fn recorded(sent_at: i64) -> Recorded {
    let author = UserId::try_from("ann".to_owned()).expect("a valid id");
    let payload = Payload::of(&sent_at);
    Recorded {
        sent_at: Timestamp(sent_at),
        message: Message { author, profile: Profile::default(), payload, video_time: 0.0, reactions: Vec::new() },
    }
}

fn settings() -> Settings {
    Settings { name: "Old".into(), slug: "old".into(), ..Settings::default() }
}

#[tokio::test]
async fn what_was_being_imported_at_a_crash_is_gone_and_the_log_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    append(&engine, "1").await;
    let (epoch, room) = (engine.epoch().to_owned(), engine.begin_import(settings()).await.expect("begun"));
    engine.import(room, (1..=1_200).map(recorded).collect()).await.expect("durable");
    assert_eq!(engine.rooms().await.expect("readable").len(), 1, "not seen before it is finished");
    drop(engine);
    let engine = open(folder.path());
    assert_eq!((engine.epoch(), engine.rooms().await.expect("readable").len()), (&*epoch, 1), "nothing acknowledged is lost");
    let other = engine.create_room(settings()).await.expect("its slug is free").0.id;
    assert!(other > room, "its number is not used again");
    until_one_room_less(&engine, folder.path(), other).await;
    drop(engine);
    assert_eq!(open(folder.path()).epoch(), epoch);
}

/// Waits until nothing is left of the room that was not imported after all.
async fn until_one_room_less(engine: &Sqlite, folder: &Path, kept: RoomId) {
    // What wakes the thread that erases.
    engine.set_state(kept, RoomState::Prepared).await.expect("prepared");
    let connection = Connection::open(folder.join(Sqlite::FILE)).expect("opens");
    let sql = "SELECT count(*) FROM rooms WHERE id > 1";
    while connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number") > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.rooms().await.expect("readable").len(), 2);
}
