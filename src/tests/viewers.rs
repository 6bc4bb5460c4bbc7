//! Who is in a room, as clients are told and as those count that add notices up (inLive's SDK).

use serde_json::{Value, json};

use super::{Events, Site, node};

/// Up to this many viewers each of them is told.
const MOST_TOLD: usize = 100;

/// A client that counts as inLive's SDK does: from `init` on, one more or less for each notice.
struct Counting {
    events: Events,
    count: i64,
}

impl Counting {
    async fn open(site: &Site) -> Self {
        Self::of(site.subscribe().await)
    }

    fn of(events: Events) -> Self {
        let count = events.init["message"]["viewer_count"].as_i64().expect("a number");
        Self { events, count }
    }

    /// The next notice about viewers.
    async fn next(&mut self) -> (String, i64) {
        loop {
            let message = self.events.next_of("system").await.data["message"].take();
            let Some(viewers) = message["viewer_count"].as_i64() else { continue };
            let status = message["status"].as_str().expect("a status").to_owned();
            self.count += match &*status {
                "join" => 1,
                "leave" => -1,
                _ => 0,
            };
            return (status, viewers);
        }
    }

    /// Reads on until it has been told that there are `count`, and has counted as many.
    async fn settles_at(&mut self, count: i64) {
        while self.next().await.1 != count || self.count != count {}
    }
}

async fn again(site: &Site, events: &Events) -> Events {
    site.subscribe_with(&format!("/subscribe/1?token={}", events.token()), None).await
}

fn viewers(events: &Events) -> &Value {
    &events.init["message"]["viewer_count"]
}

#[tokio::test]
async fn somebody_with_three_connections_comes_once_and_leaves_once() {
    let site = Site::open().await;
    let mut watching = Counting::open(&site).await;
    let first = site.subscribe().await;
    let mut second = again(&site, &first).await;
    let third = again(&site, &first).await;
    assert_eq!([viewers(&first), viewers(&second), viewers(&third)], [2, 2, 2], "people are counted");
    assert_eq!(watching.next().await, ("join".into(), 2));
    drop((first, third));
    let other = site.subscribe().await;
    assert_eq!(watching.next().await, ("join".into(), 3), "nothing in between");
    // Nobody is told of themselves, nor of their other connections.
    let told = second.next_of("system").await.data["message"].clone();
    assert_eq!(told, json!({ "status": "join", "viewer_count": 3 }));
    drop(second);
    assert_eq!(watching.next().await, ("leave".into(), 2));
    drop(other);
    assert_eq!(watching.next().await, ("leave".into(), 1));
    assert_eq!(watching.count, 1);
}

#[tokio::test]
async fn each_of_many_who_come_at_once_is_told() {
    let site = Site::open().await;
    let mut watching = Counting::open(&site).await;
    let others = futures::future::join_all((1..MOST_TOLD).map(|_| site.subscribe())).await;
    for count in 2..=MOST_TOLD as i64 {
        assert_eq!(watching.next().await, ("join".into(), count));
    }
    drop(others);
    for count in (1..MOST_TOLD as i64).rev() {
        assert_eq!(watching.next().await, ("leave".into(), count));
    }
}

#[tokio::test]
async fn a_big_room_is_told_its_count_and_a_client_that_adds_up_is_right_again_when_it_is_small() {
    let site = Site::open().await;
    let mut early = Counting::open(&site).await;
    let mut crowd = Vec::new();
    for _ in 0..MOST_TOLD + 150 {
        crowd.push(site.subscribe().await);
    }
    for count in 2..=MOST_TOLD as i64 {
        assert_eq!(early.next().await, ("join".into(), count));
    }
    let mut late = Counting::open(&site).await;
    let all = MOST_TOLD as i64 + 152;
    assert_eq!(late.count, all);
    for watching in [&mut early, &mut late] {
        loop {
            let (status, count) = watching.next().await;
            assert_eq!(status, "viewers", "not each of them");
            if count == all {
                break;
            }
        }
    }
    assert_eq!(early.count, MOST_TOLD as i64, "it knows no better");
    // Half of them, and all but five.
    crowd.truncate(MOST_TOLD);
    crowd.truncate(5);
    early.settles_at(7).await;
    late.settles_at(7).await;
    let more = site.subscribe().await;
    assert_eq!(early.next().await.1, 8);
    early.settles_at(8).await;
    late.settles_at(8).await;
    drop(more);
    early.settles_at(7).await;
    late.settles_at(7).await;
}

#[tokio::test]
async fn somebody_on_two_nodes_is_one_viewer() {
    let [one, other] = node::two().await;
    let mut watching = Counting::open(&one).await;
    let mut elsewhere = Counting::open(&other).await;
    let first = one.subscribe().await;
    watching.settles_at(3).await;
    elsewhere.settles_at(3).await;
    let second = again(&other, &first).await;
    assert_eq!(viewers(&second), 3);
    let third = other.subscribe().await;
    assert_eq!(viewers(&third), 4);
    assert_eq!(watching.next().await, ("join".into(), 4));
    assert_eq!(elsewhere.next().await, ("join".into(), 4));
    drop(first);
    drop(third);
    assert_eq!(watching.next().await, ("leave".into(), 3));
    assert_eq!(elsewhere.next().await, ("leave".into(), 3));
    drop(second);
    assert_eq!(watching.next().await, ("leave".into(), 2));
    assert_eq!(elsewhere.next().await, ("leave".into(), 2));
    assert_eq!((watching.count, elsewhere.count), (2, 2));
}

#[tokio::test]
async fn each_of_many_who_come_to_another_node_is_told() {
    let [one, other] = node::two().await;
    let mut watching = Counting::open(&one).await;
    let others = futures::future::join_all((0..20).map(|_| other.subscribe())).await;
    for count in 2..=21 {
        assert_eq!(watching.next().await, ("join".into(), count));
    }
    drop(others);
    for count in (1..=20).rev() {
        assert_eq!(watching.next().await, ("leave".into(), count));
    }
}
