//! Exact resume: a client that loses its connection anywhere and comes back has seen everything once.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{
    Events, Site, SseEvent,
    site::{ByHand, Setting, texts},
};
use crate::{
    chat::RoomId,
    engine::EngineError,
    hub::{Found, RingSize, Step, Wake},
};

/// What a client like inLive's tutorial shows: it asks for the history at every `init`, and appends whatever comes.
#[derive(Default)]
struct Shown {
    texts: Vec<String>,
    positions: Vec<u64>,
}

impl Shown {
    fn add(&mut self, event: &SseEvent) {
        if let Some(id) = &event.id {
            self.positions.push(id.rsplit('-').next().and_then(|seq| seq.parse().ok()).expect("a position"));
        }
        match event.data["type"].as_str() {
            Some("broadcast") => self.texts.extend(texts(std::slice::from_ref(&event.data))),
            Some("request") => self.texts.extend(texts(event.data["message"].as_array().expect("a list"))),
            _ => {}
        }
    }

    /// Reads `count` events that show something or move the position.
    async fn read(&mut self, events: &mut Events, count: usize) {
        let mut read = 0;
        while read < count {
            let event = events.next().await.expect("the stream goes on");
            if event.data["type"] != "system" {
                self.add(&event);
                read += 1;
            }
        }
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

async fn come_back(site: &Site, lost: Events) -> Events {
    let id = lost.last_event_id.clone();
    drop(lost);
    if id.is_empty() { site.subscribe().await } else { site.resume(&id).await }
}

#[tokio::test]
async fn at_every_cut_point_of_a_history() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..12 {
        site.say(&token, &format!("{n:02}")).await;
    }
    let all: Vec<_> = (0..12).map(|n| format!("{n:02}")).collect();
    for cut in 0..=12 {
        let mut events = site.resume(&site.hub.position(cut).to_string()).await;
        assert_eq!(events.init["message"]["gap"], false);
        assert_eq!(events.init["message"]["position"], site.hub.position(cut).to_string());
        let missed = events.next_texts(12 - cut as usize).await;
        assert_eq!(missed, all[cut as usize..], "cut at {cut}");
        site.request(events.token()).await;
        let answer = events.next_of("request").await;
        assert_eq!(answer.data["message"], json!([]), "its request adds nothing that it was given");
    }
}

/// A connection may be lost after any event of this exchange: two messages of history, two live ones before the client has asked
/// for the history, its answer, two live ones after it.
#[tokio::test]
async fn at_every_cut_point_of_a_first_connection() {
    for cut in 0..=5 {
        let site = Site::open().await;
        let token = site.guest_token(RoomId::FIRST);
        let say = async |texts: &[&str]| {
            for text in texts {
                assert_eq!(site.say(&token, text).await.status, 200);
            }
        };
        say(&["1", "2"]).await;
        let mut shown = Shown::default();
        let mut events = site.subscribe().await;
        say(&["3", "4"]).await;
        if cut > 2 {
            shown.read(&mut events, 2).await;
            site.request(events.token()).await;
            shown.read(&mut events, 1).await;
            say(&["5", "6"]).await;
            shown.read(&mut events, cut - 3).await;
        } else {
            shown.read(&mut events, cut).await;
            say(&["5", "6"]).await;
        }
        let mut events = come_back(&site, events).await;
        site.request(events.token()).await;
        say(&["7"]).await;
        while shown.texts.last().map(String::as_str) != Some("7") || shown.texts.len() < 7 {
            shown.read(&mut events, 1).await;
        }
        assert_eq!(sorted(shown.texts), ["1", "2", "3", "4", "5", "6", "7"], "cut after {cut}");
        assert!(shown.positions.is_sorted(), "positions never go back: {:?}", shown.positions);
    }
}

#[tokio::test]
async fn across_a_restart() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    site.request(events.token()).await;
    let token = events.token().to_owned();
    site.say(&token, "before").await;
    let mut shown = Shown::default();
    shown.read(&mut events, 2).await;
    let (id, site) = (events.last_event_id.clone(), site.restart().await);
    assert_eq!(site.say(&token, "after").await.status, 200, "a token outlives a restart");
    let mut events = site.resume(&id).await;
    assert_eq!(events.init["message"]["gap"], false);
    shown.read(&mut events, 1).await;
    assert_eq!(shown.texts, ["before", "after"]);
}

#[tokio::test]
async fn a_position_that_cannot_be_used_says_gap() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    site.say(&token, "old").await;
    let epoch = site.hub.position(0).epoch;
    for position in [
        "nonsense",
        "-",
        "1",
        "other-1",
        &format!("{epoch}-2"),
        &format!("{epoch}-x"),
        &format!("{epoch}.5-1"),
        &format!("{epoch}S5-1"),
        "ÿ",
    ] {
        let mut events = site.resume(position).await;
        assert_eq!(events.init["message"]["gap"], true, "{position:?}");
        site.request(events.token()).await;
        let answer = events.next_of("request").await;
        assert_eq!(texts(answer.data["message"].as_array().expect("a list")), ["old"], "opened as a fresh one");
    }
    let fresh = site.resume("").await;
    assert_eq!(fresh.init["message"]["gap"], false, "an empty position is none");
}

#[tokio::test]
async fn the_header_wins_over_the_address() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    for text in ["1", "2", "3"] {
        site.say(&token, text).await;
    }
    let address = format!("/subscribe/1?last_event_id={}", site.hub.position(1));
    let mut by_address = site.subscribe_with(&address, None).await;
    assert_eq!(by_address.next_texts(2).await, ["2", "3"]);
    let mut by_header = site.subscribe_with(&address, Some(&site.hub.position(2).to_string())).await;
    assert_eq!(by_header.next_texts(1).await, ["3"]);
}

/// Clients that never ask for the history have positions like everybody's after a while.
#[tokio::test]
async fn positions_become_plain_for_those_who_do_not_ask() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    site.say(&token, "1").await;
    let wake: Arc<dyn Wake> = Arc::new(ByHand);
    let (mut subscriber, welcome) =
        site.hub.subscribe(RoomId::FIRST, site.guest(), crate::hub::Site::default(), None, None, &wake).expect("a live room");
    assert_eq!(welcome.position.since, Some(1));
    let mut own_position = async |text: &str| {
        site.say(&token, text).await;
        let Step::Live(cursor) = subscriber.next_step() else { panic!("nothing was missed") };
        let Found::Batch(batch) = subscriber.tail().read(cursor, u64::MAX, 1) else { panic!("it is all in memory") };
        let is_shared = subscriber.shares(&batch);
        let own = subscriber.pick(&batch).into_iter().next_back().expect("a message").1;
        (is_shared, own.map(|position| position.since))
    };
    assert_eq!(own_position("2").await, (false, Some(Some(1))));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(own_position("3").await, (true, None));
}

/// Readers come and go while writers write: every reader sees one gapless run of the one order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_concurrent_publishers() {
    let site = Arc::new(Site::open().await);
    let total = 300;
    let start = site.hub.position(0).to_string();
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let site = Arc::clone(&site);
            tokio::spawn(async move {
                let token = site.guest_token(RoomId::FIRST);
                for n in 0..total / 3 {
                    assert_eq!(site.say(&token, &format!("{writer}:{n}")).await.status, 200);
                }
            })
        })
        .collect();
    let readers: Vec<_> = (1..=4)
        .map(|stride| {
            let (site, start) = (Arc::clone(&site), start.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let mut events = site.resume(&start).await;
                while seen.len() < total {
                    let count = (stride * 7).min(total - seen.len());
                    seen.extend(events.next_texts(count).await);
                    events = come_back(&site, events).await;
                    assert_eq!(events.init["message"]["gap"], false);
                }
                seen
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no writer failed");
    }
    let order = site.history().await;
    assert_eq!(order.len(), total);
    for reader in readers {
        assert_eq!(reader.await.expect("no reader failed"), order);
    }
}

/// Has room 1 keep so many entries, the change included, and waits until the others are out of its history.
async fn keep(site: &Site, entries: usize) {
    site.administer("/v1/streams/1/settings", &json!({ "retention_messages": entries })).await;
    while site.history().await.len() >= entries {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_position_older_than_what_is_kept_is_a_gap_and_the_last_one_before_it_is_none() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 1..=5 {
        site.say(&token, &n.to_string()).await;
    }
    keep(&site, 2).await;
    for (seq, gap) in [(3, true), (4, false), (5, false), (6, false)] {
        let mut events = site.resume(&site.hub.position(seq).to_string()).await;
        assert_eq!(events.init["message"]["gap"], gap, "position {seq}");
        if seq == 4 {
            assert_eq!(events.next_texts(1).await, ["5"], "nothing is missing");
        }
    }
}

#[tokio::test]
async fn a_reader_who_is_behind_what_is_kept_is_cut_off_and_not_fed_with_a_hole() {
    let ring_size = RingSize { entries: 4, ..RingSize::default() };
    let site = Site::with(Setting { ring_size, ..Setting::default() }).await;
    let wake: Arc<dyn Wake> = Arc::new(ByHand);
    let (mut reader, _) =
        site.hub.subscribe(RoomId::FIRST, site.guest(), crate::hub::Site::default(), None, None, &wake).expect("a live room");
    let token = site.guest_token(RoomId::FIRST);
    for n in 1..=20 {
        site.say(&token, &n.to_string()).await;
    }
    let Step::Live(cursor) = reader.next_step() else { panic!("nothing was missed yet") };
    let Found::Gone { head, end, .. } = reader.tail().read(cursor, u64::MAX, 1_000) else { panic!("the ring is small") };
    reader.fell_behind(head, end);
    let Step::Fetch(fetch) = reader.next_step() else { panic!("the log is to be read") };
    assert_eq!(fetch.run().await.expect("all is there").0.len(), 20);
    keep(&site, 5).await;
    assert!(matches!(fetch.run().await, Err(EngineError::NotKept { after: 0, .. })));
}
