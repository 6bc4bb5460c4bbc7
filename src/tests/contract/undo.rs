use serde_json::json;

use super::*;
use crate::{
    chat::{Kind, Outcome, Reaction, RoomState, Timestamp},
    engine::{EngineError, React, Search, now},
};

const HOUR_MS: i64 = 3_600_000;

async fn undo(log: &Log, act: Appended) -> Result<Appended, EngineError> {
    log.engine.undo(RoomId::FIRST, act.seq, user("mia")).await
}

async fn react(log: &Log, message: u64, name: &str, emoji: &str) {
    let react = React { message, user: user(name), emoji: emoji.into(), is_set: true };
    log.engine.react(RoomId::FIRST, react).await.expect("stored");
}

async fn reactions(log: &Log, message: u64) -> Vec<Reaction> {
    let now = log.engine.messages(RoomId::FIRST, vec![message]).await.expect("readable");
    now[&message].as_ref().and_then(Event::message).expect("shown").reactions.clone()
}

async fn found(log: &Log, word: &str) -> Vec<u64> {
    let search = Search { room: RoomId::FIRST, words: vec![word.into()], before: None, limit: 10 };
    seqs(&log.engine.search(search).await.expect("readable").events)
}

async fn waiting(log: &Log) -> Vec<u64> {
    seqs(&log.engine.held(RoomId::FIRST, 0, 100).await.expect("readable"))
}

async fn hold(log: &Log, author: &str) -> u64 {
    let held = Entry { to: Audience::Moderators, ..entry(author, "\"a word that waits\"") };
    log.engine.append(RoomId::FIRST, held).await.expect("stored").seq
}

fn chat(text: &str) -> String {
    json!({ "type": "chat", "username": "Ann", "message_text": text }).to_string()
}

/// What holds of that user's right to speak.
async fn measure(log: &Log, name: &str) -> Option<Measure> {
    let all = log.engine.sanctions().await.expect("readable");
    all.iter().find_map(|event| match &event.kind {
        Kind::Sanction(sanction) if sanction.user == user(name) => Some(sanction.measure),
        _ => None,
    })
}

fn thumbs(count: u64) -> Vec<Reaction> {
    vec![Reaction { emoji: "👍".into(), count, own: false }]
}

of_each_engine! {
    async fn a_restored_message_is_at_its_place_with_everything(log: Log) {
        log.say("ann", "1").await;
        let said = log.say("ann", &chat("a zeppelin")).await;
        log.say("ann", "3").await;
        react(&log, said.seq, "bob", "👍").await;
        log.engine.tell_reactions(RoomId::FIRST).await.expect("told");
        assert_eq!(found(&log, "zeppelin").await, [said.seq]);
        let before = log.read(all()).await;
        let deletion = log.delete(Deleted::Message(said.seq)).await;
        assert_eq!((log.payloads().await.len(), found(&log, "zeppelin").await), (2, vec![]));
        let undone = undo(&log, deletion).await.expect("undone");
        assert_eq!(undo(&log, deletion).await.expect("it is already"), undone, "two moderators at once");
        let log = log.reopen().await;
        let after = log.read(all()).await;
        assert_eq!((seqs(&after), payloads(&after)), (seqs(&before), payloads(&before)));
        assert_eq!((reactions(&log, said.seq).await, found(&log, "zeppelin").await), (thumbs(1), vec![said.seq]));
        assert!(log.engine.deletion(RoomId::FIRST, said.seq).await.expect("readable").is_none());
        let acts = log.engine.acts(RoomId::FIRST, u64::MAX, 10).await.expect("readable");
        let by: Vec<_> = acts.iter().map(|act| (act.event.seq, act.message.is_some())).collect();
        assert_eq!(by, [(undone.seq, true), (deletion.seq, true)], "who deleted it and who restored it");
        assert!(matches!(&acts[0].event.kind, Kind::Restore(restore) if restore.by == user("mia") && restore.of == deletion.seq));
        let events = log.read(Query { messages_only: false, ..all() }).await;
        assert!(!seqs(&events).contains(&deletion.seq), "whoever has missed both must not take it out");
        let again = log.delete(Deleted::Message(said.seq)).await;
        assert!(again.seq > undone.seq);
        undo(&log, again).await.expect("a second deletion has a time of its own");
        assert_eq!(log.payloads().await.len(), 3);
    }

    async fn a_deletion_of_all_gives_back_what_it_alone_took(log: Log) {
        let first = log.say("ann", &chat("first")).await;
        log.say("ann", &chat("second")).await;
        let of_bob = log.say("bob", "\"b\"").await;
        react(&log, of_bob.seq, "ann", "👍").await;
        react(&log, of_bob.seq, "eve", "👍").await;
        let waits = hold(&log, "ann").await;
        log.delete(Deleted::Message(first.seq)).await;
        let deletion = log.delete(Deleted::AllOf(user("ann"))).await;
        let later = log.say("ann", &chat("later")).await;
        assert_eq!((seqs(&log.read(all()).await), waiting(&log).await), (vec![of_bob.seq, later.seq], vec![]));
        assert_eq!((reactions(&log, of_bob.seq).await, found(&log, "second").await), (thumbs(1), vec![]));
        undo(&log, deletion).await.expect("undone");
        assert_eq!(waiting(&log).await, [waits]);
        let log = log.reopen().await;
        assert_eq!(seqs(&log.read(all()).await), [first.seq + (of_bob.seq - first.seq) / 2, of_bob.seq, later.seq]);
        assert_eq!((reactions(&log, of_bob.seq).await, found(&log, "second").await.len()), (thumbs(2), 1));
        assert_eq!((waiting(&log).await, found(&log, "first").await), (vec![waits], vec![]), "that was another's");
    }

    async fn deletions_of_one_author_are_undone_in_any_order(log: Log) {
        for backwards in [true, false] {
            let author = if backwards { "ann" } else { "bob" };
            let said = log.say(author, "1").await.seq;
            let one = log.delete(Deleted::AllOf(user(author))).await;
            let next = log.say(author, "2").await.seq;
            let two = log.delete(Deleted::AllOf(user(author))).await;
            let of_author = async |log: &Log| {
                let shown = log.read(all()).await;
                shown.iter().filter(|event| event.message().is_some_and(|m| m.author == user(author))).map(|event| event.seq).collect::<Vec<_>>()
            };
            undo(&log, if backwards { two } else { one }).await.expect("undone");
            assert_eq!(of_author(&log).await, if backwards { vec![next] } else { vec![] }, "backwards: {backwards}");
            undo(&log, if backwards { one } else { two }).await.expect("undone");
            assert_eq!(of_author(&log).await, [said, next], "backwards: {backwards}");
        }
    }

    async fn what_was_decided_before_holds_again(log: Log) {
        let hour = Measure::Timeout { until: Timestamp(now().0 + HOUR_MS) };
        log.sanction("ann", hour).await;
        let shorter = log.sanction("ann", Measure::Timeout { until: Timestamp(now().0 + HOUR_MS / 6) }).await;
        undo(&log, shorter).await.expect("undone");
        assert_eq!(measure(&log, "ann").await, Some(hour), "the rest of the hour");
        let ban = log.sanction("ann", Measure::Ban).await;
        let lift = log.sanction("ann", Measure::Lift).await;
        let overruled = undo(&log, ban).await;
        assert!(matches!(overruled, Err(EngineError::Overruled { .. })), "{overruled:?}");
        undo(&log, lift).await.expect("undone");
        assert_eq!(measure(&log, "ann").await, Some(Measure::Ban), "whom somebody has let speak by mistake");
        undo(&log, ban).await.expect("undone");
        let log = log.reopen().await;
        assert_eq!(measure(&log, "ann").await, Some(hour));
        let first = log.sanction("bob", Measure::Ban).await;
        undo(&log, first).await.expect("undone");
        assert_eq!(measure(&log, "bob").await, None);
        let told = log.read(Query { reader: Reader::User(user("bob")), messages_only: false, ..all() }).await;
        let last = told.last().map(|event| event.kind.clone());
        assert!(matches!(last, Some(Kind::Sanction(sanction)) if sanction.measure == Measure::Lift), "they are told");
    }

    async fn a_ban_that_is_undone_leaves_everything_as_it_was(log: Log) {
        let said = log.say("ann", "1").await.seq;
        react(&log, said, "bob", "👍").await;
        let waits = [hold(&log, "bob").await, hold(&log, "bob").await];
        let ban = log.sanction("bob", Measure::Ban).await;
        assert_eq!((reactions(&log, said).await, waiting(&log).await), (vec![], vec![]));
        undo(&log, ban).await.expect("undone");
        let log = log.reopen().await;
        assert_eq!((reactions(&log, said).await, waiting(&log).await), (thumbs(1), waits.to_vec()));
        assert_eq!(measure(&log, "bob").await, None);
        let own = log.read(Query { reader: Reader::User(user("bob")), messages_only: true, ..all() }).await;
        assert_eq!(own.len(), 3, "they see what waits");
    }

    async fn a_declined_message_waits_again(log: Log) {
        let waits = hold(&log, "ann").await;
        let resolve = async |outcome| log.engine.resolve(RoomId::FIRST, waits, outcome, UserId::admin(), "no".into()).await;
        let declined = resolve(Outcome::Declined).await.expect("declined");
        undo(&log, declined).await.expect("undone");
        assert_eq!(waiting(&log).await, [waits]);
        let approved = resolve(Outcome::Approved).await.expect("approved");
        let log = log.reopen().await;
        assert_eq!((seqs(&log.read(all()).await), waiting(&log).await), (vec![approved.seq], vec![]));
    }

    async fn what_cannot_be_undone_says_why(log: Log) {
        let said = log.say("ann", "1").await;
        log.configure(json!({ "slow_mode_seconds": 1 })).await;
        let settings = log.engine.acts(RoomId::FIRST, u64::MAX, 1).await.expect("readable")[0].event.seq;
        for seq in [0, said.seq, settings, 1_000_000, u64::MAX / 2] {
            let refused = log.engine.undo(RoomId::FIRST, seq, user("mia")).await;
            assert!(matches!(refused, Err(EngineError::NotUndoable { .. } | EngineError::NothingToRestore { .. })), "{seq}: {refused:?}");
        }
        log.configure(json!({ "ephemeral": true })).await;
        let deletion = log.delete(Deleted::Message(said.seq)).await;
        log.engine.set_state(RoomId::FIRST, RoomState::Ended).await.expect("ended");
        let gone = undo(&log, deletion).await;
        assert!(matches!(gone, Err(EngineError::NothingToRestore { .. })), "{gone:?}");
    }
}
