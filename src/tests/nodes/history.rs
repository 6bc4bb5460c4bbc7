use std::sync::Arc;

use super::super::{
    cluster::entry,
    node::{self, Cluster},
    site::{ByHand, KEYED},
};
use crate::{
    chat::{Capabilities, RoomId},
    hub::Wake,
};

#[tokio::test]
async fn the_connection_that_a_token_was_made_for_is_asked_on_whichever_node_it_is() {
    let [one, other] = node::two().await;
    let mut first = one.subscribe().await;
    let uri = format!("/subscribe/1?token={}", first.token());
    let mut second = other.subscribe_with(&uri, None).await;
    assert_eq!(other.request(first.token()).await.status, 200);
    assert_eq!(one.request(second.token()).await.status, 200);
    // Each is given one answer and then what is said, which all of them hear.
    for events in [&mut first, &mut second] {
        events.next_of("request").await;
    }
    assert_eq!(one.say(first.token(), "hi").await.status, 200);
    for events in [&mut first, &mut second] {
        loop {
            let next = events.next().await.expect("it goes on");
            assert_ne!(next.data["type"], "request", "one answer each");
            if next.data["type"] == "broadcast" {
                break;
            }
        }
    }
    let token = first.token().to_owned();
    drop(first);
    // Another one of theirs is asked, when it is noticed that the first is gone.
    let mut is_asked = false;
    while !is_asked {
        one.request(&token).await;
        one.say(&one.guest_token(RoomId::FIRST), "mark").await;
        loop {
            let next = second.next().await.expect("it goes on");
            is_asked = is_asked || next.data["type"] == "request";
            if next.data["message"]["message_text"] == "mark" {
                break;
            }
        }
    }
    drop(second);
    other.viewers(0).await;
    assert_eq!((one.request(&token).await.status, other.request(&token).await.status), (409, 409));
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_by_the_other_node() {
    let [one, other] = node::two().await;
    let (user, wake): (_, Arc<dyn Wake>) = (one.guest(), Arc::new(ByHand));
    let (subscriber, _) = one.hub.subscribe(RoomId::FIRST, user.clone(), KEYED, None, None, &wake).expect("a live room");
    let token = one.hub.tokens().sign(user, RoomId::FIRST, Capabilities::guest(), Some(subscriber.connection()));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(other.request(&token).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 429], "nobody answers it");
    assert_eq!(other.request(&token).await.header("retry-after"), "1");
}

#[tokio::test]
async fn who_was_given_elsewhere_what_comes_here_while_they_join_is_told_of_no_gap() {
    let cluster = Cluster::of(2);
    let nodes = cluster.nodes.clone();
    let [one, other] = cluster.start().await.try_into().ok().expect("two");
    let mut events = one.subscribe().await;
    one.say(events.token(), "first").await;
    events.next_of("broadcast").await;
    let (epoch, seq) = events.last_event_id.rsplit_once('-').expect("a position");
    let next = format!("{epoch}-{}", seq.parse::<u64>().expect("a place") + 1);
    *nodes[1].arriving.lock().expect("not poisoned") = Some(entry("ann", "second", None));
    let again = other.resume(&next).await;
    assert!(nodes[1].arriving.lock().expect("not poisoned").is_none(), "it came");
    assert_ne!(again.init["message"]["gap"], true, "{}", again.init);
}
