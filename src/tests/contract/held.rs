use super::*;
use crate::{
    chat::{HELD_IN_ROOM, HELD_OF_AUTHOR, Outcome, RoomState},
    engine::EngineError,
};

fn held(author: &str) -> Entry {
    Entry { to: Audience::Moderators, ..entry(author, "\"a word that waits\"") }
}

async fn hold(log: &Log, author: &str) -> u64 {
    let held = log.engine.append(RoomId::FIRST, held(author)).await.expect("stored");
    assert!(held.held);
    held.seq
}

async fn waiting(log: &Log) -> Vec<u64> {
    seqs(&log.engine.held(RoomId::FIRST, 0, 10_000).await.expect("readable"))
}

async fn resolve(log: &Log, of: u64, outcome: Outcome) -> Result<Appended, EngineError> {
    log.engine.resolve(RoomId::FIRST, of, outcome, UserId::admin(), String::new()).await
}

async fn has_spoken(log: &Log, name: &str) -> bool {
    log.engine.has_spoken(RoomId::FIRST, user(name)).await.expect("readable")
}

of_each_engine! {
    async fn a_room_holds_so_many_messages_and_no_more(log: Log) {
        let many = (0..HELD_IN_ROOM).map(|n| log.engine.append(RoomId::FIRST, held(&format!("user{n}"))));
        for held in futures::future::join_all(many).await {
            assert!(held.expect("stored").held);
        }
        let refused = log.engine.append(RoomId::FIRST, held("late")).await;
        assert!(matches!(refused, Err(EngineError::TooManyHeld { of_author: false, .. })), "{refused:?}");
        let first = waiting(&log).await[0];
        resolve(&log, first, Outcome::Declined).await.expect("declined");
        hold(&log, "late").await;
        assert_eq!(waiting(&log).await.len() as u64, HELD_IN_ROOM);
    }

    async fn an_author_may_have_some_wait(log: Log) {
        for _ in 0..HELD_OF_AUTHOR {
            hold(&log, "ann").await;
        }
        let refused = log.engine.append(RoomId::FIRST, held("ann")).await;
        assert!(matches!(refused, Err(EngineError::TooManyHeld { of_author: true, .. })), "{refused:?}");
        hold(&log, "bob").await;
        let banned = log.sanction("ann", Measure::Ban).await;
        assert_eq!(waiting(&log).await.len(), 1, "what waits of whoever is banned is declined");
        let log = log.reopen().await;
        assert_eq!(waiting(&log).await.len(), 1);
        let own = log.read(Query { reader: Reader::User(user("ann")), messages_only: false, ..all() }).await;
        assert_eq!((own.len() as u64, own.last().map(|event| event.seq)), (HELD_OF_AUTHOR + 1, Some(banned.seq)));
    }

    async fn what_was_decided_and_what_was_published_are_one_commit(log: Log) {
        let of = hold(&log, "ann").await;
        assert!(!has_spoken(&log, "ann").await);
        let published = resolve(&log, of, Outcome::Approved).await.expect("approved");
        assert!(has_spoken(&log, "ann").await);
        assert!(!published.held);
        {
            let heard = log.heard.lock().expect("not poisoned");
            let commits: Vec<usize> = heard.iter().map(Vec::len).collect();
            assert_eq!(commits, [1, 2]);
        }
        assert_eq!(log.payloads().await, ["\"a word that waits\""]);
        let own = log.read(Query { reader: Reader::User(user("ann")), ..all() }).await;
        assert_eq!(seqs(&own), [published.seq], "the one that waited is gone");
        let again = resolve(&log, of, Outcome::Approved).await.expect("it is already");
        assert_eq!(again, published);
        let other = resolve(&log, of, Outcome::Declined).await;
        assert!(matches!(other, Err(EngineError::Resolved { outcome: Outcome::Approved, .. })), "{other:?}");
        let unknown = resolve(&log, published.seq + 100, Outcome::Declined).await;
        assert!(matches!(unknown, Err(EngineError::UnknownMessage { .. })), "{unknown:?}");
    }

    async fn a_repeat_of_what_waited_is_answered_as_it_is_now(log: Log) {
        let send = async || {
            let entry = Entry { to: Audience::Moderators, ..named("ann", "c1") };
            log.engine.append(RoomId::FIRST, entry).await.expect("stored")
        };
        let first = send().await;
        assert_eq!(send().await, first);
        let published = resolve(&log, first.seq, Outcome::Approved).await.expect("approved");
        assert_eq!(send().await, published);
        assert_eq!(log.payloads().await.len(), 1);
    }

    async fn nothing_is_approved_in_a_room_that_has_ended(log: Log) {
        let of = hold(&log, "ann").await;
        log.engine.set_state(RoomId::FIRST, RoomState::Ended).await.expect("ended");
        let refused = resolve(&log, of, Outcome::Approved).await;
        assert!(matches!(refused, Err(EngineError::NotLive(RoomState::Ended))), "{refused:?}");
        resolve(&log, of, Outcome::Declined).await.expect("declined");
    }
}
