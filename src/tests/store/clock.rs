//! Clocks that jump.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use serde_json::json;

use super::{
    retention::{EVENTS, configure, number, until},
    *,
};
use crate::{
    chat::{Measure, Sanction, Timestamp},
    engine::{Clock, now},
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A clock that shows what it is set to.
#[derive(Clone)]
pub(super) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(super) fn set(at: i64) -> Self {
        Self(Arc::new(AtomicI64::new(at)))
    }

    pub(super) fn turn(&self, by: i64) {
        self.0.fetch_add(by, Relaxed);
    }

    pub(super) fn open(&self, folder: &Path) -> Sqlite {
        let hands = Arc::clone(&self.0);
        let clock: Clock = Arc::new(move || Timestamp(hands.load(Relaxed)));
        Sqlite::open_by(folder, None, ignore(), clock).expect("a usable folder")
    }
}

async fn say(engine: &Sqlite) -> i64 {
    append(engine, "1").await.sent_at.0
}

#[tokio::test]
async fn used_tokens_are_forgotten_a_few_at_a_time_when_they_have_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::set(now().0);
    let engine = hands.open(folder.path());
    let use_token = async |id: String, until| engine.use_token(RoomId::FIRST, id, Timestamp(until)).await.expect("kept");
    let start = now().0;
    for n in 0..40 {
        assert!(use_token(n.to_string(), start + MINUTE).await);
    }
    hands.turn(2 * MINUTE);
    let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    let count = || connection.query_row("SELECT count(*) FROM used_tokens", [], |row| row.get::<_, i64>(0)).expect("readable");
    let mut counts = vec![count()];
    for n in 0..6 {
        assert!(use_token(format!("later {n}"), start + DAY).await);
        counts.push(count());
    }
    assert_eq!(counts, [40, 33, 26, 19, 12, 5, 6]);
    assert!(!use_token("0".into(), start + MINUTE).await, "one that is forgotten has ended");
}

#[tokio::test]
async fn a_room_follows_the_clock_again_after_it_ran_ahead() {
    let folder = tempfile::tempdir().expect("a folder");
    let real = now().0;
    let hands = Hands::set(real + 90 * MINUTE);
    let engine = hands.open(folder.path());
    assert_eq!(say(&engine).await, real + 90 * MINUTE);
    // It is put right while the program runs.
    hands.turn(-90 * MINUTE);
    assert_eq!(say(&engine).await, real);
    hands.turn(-MINUTE);
    assert_eq!(say(&engine).await, real, "a small correction shows nowhere");
    hands.turn(2 * MINUTE);
    assert_eq!(say(&engine).await, real + MINUTE);
    // And while it does not.
    hands.turn(30 * DAY);
    assert_eq!(say(&engine).await, real + MINUTE + 30 * DAY);
    drop(engine);
    hands.turn(-30 * DAY);
    let engine = hands.open(folder.path());
    assert_eq!(say(&engine).await, real + MINUTE);
    let events = engine.read(all()).await.expect("readable");
    assert!(events.iter().map(|event| event.seq).eq(1..=6), "the order is that of the places");
}

#[tokio::test]
async fn consecutive_spans_of_time_hold_each_message_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = now().0;
    let hands = Hands::set(start);
    let engine = hands.open(folder.path());
    for n in 0..200 {
        hands.turn(match n {
            60 => 50 * MINUTE,
            100 => -50 * MINUTE,
            150 => -20 * MINUTE,
            170 => 20 * MINUTE,
            _ => 5_000,
        });
        say(&engine).await;
    }
    let mut after = 0;
    for minute in -30..90 {
        let seq = engine.seq_before(RoomId::FIRST, Timestamp(start + minute * MINUTE)).await.expect("readable");
        assert!(seq >= after, "minute {minute} ends at {seq}, and the one before at {after}");
        after = seq;
    }
    assert_eq!(after, 200, "all of them, none twice");
}

#[tokio::test]
async fn retention_goes_by_places_where_times_are_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::set(now().0);
    let engine = hands.open(folder.path());
    configure(&engine, json!({ "retention_days": 2 })).await;
    say(&engine).await;
    // Years ahead, which would keep it for years.
    hands.turn(400 * DAY);
    say(&engine).await;
    hands.turn(-400 * DAY);
    say(&engine).await;
    // Years behind, which must not take what was said before along.
    hands.turn(3 * DAY);
    let fresh = append(&engine, "2").await.seq;
    hands.turn(-400 * DAY);
    append(&engine, "3").await;
    hands.turn(400 * DAY);
    append(&engine, "4").await;
    configure(&engine, json!({ "description": "look now" })).await;
    until(folder.path(), EVENTS, 4).await;
    assert_eq!(engine.trimmed(RoomId::FIRST), fresh - 1);
    let kept: Vec<_> = engine.read(all()).await.expect("readable").iter().map(|event| event.seq).collect();
    assert_eq!(kept, [fresh, fresh + 1, fresh + 2]);
}

#[tokio::test]
async fn a_jump_of_the_clock_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::set(now().0);
    let engine = hands.open(folder.path());
    configure(&engine, json!({ "description": "look now" })).await;
    assert_eq!(engine.warning(), None);
    hands.turn(-60 * MINUTE);
    let warning = loop {
        configure(&engine, json!({ "description": uuid::Uuid::new_v4().to_string() })).await;
        if let Some(warning) = engine.warning() {
            break warning;
        }
        tokio::task::yield_now().await;
    };
    assert!(warning.starts_with("the clock of this machine jumped back by 3"), "{warning}");
}

#[tokio::test]
async fn time_outs_that_are_over_are_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let hands = Hands::set(now().0);
    let engine = hands.open(folder.path());
    let sanction = async |user: &str, measure| {
        let user = UserId::try_from(user.to_owned()).expect("a valid id");
        let sanction = Sanction { user, measure, addresses: Vec::new(), by: UserId::admin(), reason: String::new() };
        engine.sanction(RoomId::FIRST, sanction).await.expect("stored")
    };
    sanction("banned", Measure::Ban).await;
    for n in 0..50 {
        let until = Timestamp(hands.0.load(Relaxed) + MINUTE);
        sanction(&format!("user{n}"), Measure::Timeout { until }).await;
        hands.turn(2 * MINUTE);
    }
    assert_eq!(number(folder.path(), "SELECT count(*) FROM sanctions"), 2, "the ban, and the last one");
    let held: Vec<_> = engine.sanctions().await.expect("readable").iter().map(|event| event.seq).collect();
    assert_eq!(held, [1, 51]);
    // Nor are their events kept beyond the retention.
    append(&engine, "1").await;
    configure(&engine, json!({ "retention_messages": 1 })).await;
    until(folder.path(), EVENTS, 3).await;
    sanction("other", Measure::Ban).await;
    assert_eq!(number(folder.path(), "SELECT count(*) FROM events WHERE seq = 51"), 0);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM events WHERE seq = 1"), 1, "a ban holds");
}
