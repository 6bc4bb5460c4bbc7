use super::*;
use crate::{
    chat::{Kind, MOST_OF_ONE, Reaction, TooManyReactions},
    engine::{EngineError, React},
};

fn reaction(message: u64, name: &str, emoji: &str, is_set: bool) -> React {
    React { message, user: user(name), emoji: emoji.into(), is_set }
}

async fn told(log: &Log) -> Vec<Vec<(u64, Vec<Reaction>)>> {
    let events = log.read(Query { messages_only: false, ..all() }).await;
    let told = events.into_iter().filter_map(|event| match event.kind {
        Kind::Reactions(recounts) => Some(recounts),
        _ => None,
    });
    told.map(|recounts| recounts.into_iter().map(|recount| (recount.message, recount.reactions)).collect()).collect()
}

of_each_engine! {
    async fn reactions_are_counted_and_told_of_many_at_once(log: Log) {
        let said = log.say("ann", "1").await.seq;
        for name in ["ann", "bob"] {
            assert!(log.engine.react(RoomId::FIRST, reaction(said, name, "👍", true)).await.expect("stored").changed);
        }
        let again = log.engine.react(RoomId::FIRST, reaction(said, "bob", "👍", true)).await.expect("it is already");
        assert_eq!((again.changed, again.reactions), (false, vec![Reaction { emoji: "👍".into(), count: 2, own: true }]));
        assert!(told(&log).await.is_empty());
        assert!(!log.engine.tell_reactions(RoomId::FIRST).await.expect("told"));
        assert!(!log.engine.tell_reactions(RoomId::FIRST).await.expect("nothing to tell"));
        assert_eq!(told(&log).await, [vec![(said, vec![Reaction { emoji: "👍".into(), count: 2, own: false }])]]);
        log.sanction("bob", Measure::Ban).await;
        let now = log.engine.messages(RoomId::FIRST, vec![said]).await.expect("readable");
        let message = now[&said].as_ref().and_then(Event::message).expect("there");
        assert_eq!(message.reactions, [Reaction { emoji: "👍".into(), count: 1, own: false }], "a ban takes them back");
        let unknown = log.engine.react(RoomId::FIRST, reaction(said + 100, "bob", "👍", true)).await;
        assert!(matches!(unknown, Err(EngineError::UnknownMessage { .. })), "{unknown:?}");
        log.delete(Deleted::Message(said)).await;
        let deleted = log.engine.react(RoomId::FIRST, reaction(said, "bob", "👍", true)).await;
        assert!(matches!(deleted, Err(EngineError::Deleted { .. })), "{deleted:?}");
    }

    async fn somebody_reacts_in_so_many_ways(log: Log) {
        let said = log.say("ann", "1").await.seq;
        let emojis = ["👍", "👎", "😀", "🎉", "❤", "🔥", "👀", "🚀", "🙏", "💯", "✨", "🤔"];
        for emoji in &emojis[..MOST_OF_ONE] {
            log.engine.react(RoomId::FIRST, reaction(said, "bob", emoji, true)).await.expect("stored");
        }
        let refused = log.engine.react(RoomId::FIRST, reaction(said, "bob", emojis[MOST_OF_ONE], true)).await;
        assert!(matches!(refused, Err(EngineError::TooManyReactions(TooManyReactions::OfOne))), "{refused:?}");
    }

    async fn what_was_not_told_before_the_end_is_told_at_the_next_start(log: Log) {
        let said = log.say("ann", "1").await.seq;
        log.engine.react(RoomId::FIRST, reaction(said, "bob", "👍", true)).await.expect("stored");
        let epoch = log.engine.epoch().to_owned();
        let log = log.reopen().await;
        assert_eq!(log.engine.epoch(), epoch, "the log goes on");
        assert_eq!(told(&log).await.len(), 1);
        let log = log.reopen().await;
        assert_eq!(told(&log).await.len(), 1, "once");
    }

    async fn many_messages_are_told_of_in_parts(log: Log) {
        for _ in 0..150 {
            let said = log.say("ann", "1").await.seq;
            log.engine.react(RoomId::FIRST, reaction(said, "bob", "👍", true)).await.expect("stored");
        }
        assert!(log.engine.tell_reactions(RoomId::FIRST).await.expect("told"), "there is more");
        assert!(!log.engine.tell_reactions(RoomId::FIRST).await.expect("told"));
        assert_eq!(told(&log).await.iter().map(Vec::len).collect::<Vec<_>>(), [100, 50]);
    }
}
