use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY, texts},
};
use crate::{
    app::wire::{Recorded, ReplayPage},
    chat::MessageId,
};

/// A chat with a room 2 that was imported: what was said in it so many milliseconds after its start.
async fn recorded(said: &[(u64, &str)]) -> Site {
    let site = Site::open().await;
    let line = |(offset, text): &(u64, &str)| {
        let sent_at = format!(
            "2025-11-21T{:02}:{:02}:{:02}.{:03}Z",
            offset / 3_600_000,
            offset / 60_000 % 60,
            offset / 1_000 % 60,
            offset % 1_000
        );
        let message = json!({ "username": "ann", "message_text": text });
        format!("{}\n", json!({ "sent_at": sent_at, "author_id": "ann", "message": message, "video_time": 7 }))
    };
    let lines: String = said.iter().map(line).collect();
    let request = Request::post("/v1/streams/import?name=Recorded").header("authorization", format!("Bearer {ADMIN_KEY}"));
    assert_eq!(site.send(request.body(Body::from(lines)).expect("a request")).await.status, 200);
    site
}

const SAID: [(u64, &str); 6] =
    [(0, "first"), (5_000, "second"), (5_000, "third"), (5_001, "fourth"), (65_250, "fifth"), (3_600_000, "last")];

fn read(answer: &Answer) -> Vec<(u64, String)> {
    let envelopes = answer.json["data"].as_array().expect("a list");
    envelopes.iter().map(|envelope| envelope["offset"].as_u64().expect("a number")).zip(texts(envelopes)).collect()
}

async fn replay(site: &Site, query: &str) -> Answer {
    site.get(&format!("/v1/streams/2/replay?{query}")).await
}

#[tokio::test]
async fn a_part_of_the_time_is_played_with_its_offsets() {
    let site = recorded(&SAID).await;
    let said = |range: std::ops::Range<usize>| SAID[range].iter().map(|(at, text)| (*at, (*text).to_owned())).collect::<Vec<_>>();
    let all = replay(&site, "").await;
    assert_eq!((read(&all), &all.json["meta"]), (said(0..6), &json!({ "start": "2025-11-21T00:00:00Z", "has_more": false })));
    assert_eq!(all.json["data"][0]["timestamp"], 7.0, "the client's own time is there too");
    for (query, range) in [
        ("from=5000", 1..6),
        ("from=5001", 3..6),
        ("to=5000", 0..1),
        ("to=5001", 0..3),
        ("from=5000&to=65250", 1..4),
        ("from=3600001", 6..6),
        ("from=9&to=8", 0..0),
        ("to=18446744073709551615", 0..6),
    ] {
        assert_eq!(read(&replay(&site, query).await), said(range), "{query}");
    }
    let page = replay(&site, "from=1&to=65251&limit=2").await;
    assert_eq!((read(&page), &page.json["meta"]["has_more"]), (said(1..3), &json!(true)));
    let after = page.json["data"][1]["id"].as_str().expect("an id");
    let rest = replay(&site, &format!("from=1&to=65251&limit=2&after={after}")).await;
    assert_eq!((read(&rest), &rest.json["meta"]["has_more"]), (said(3..5), &json!(false)), "nothing twice, nothing left out");
    for bad in ["from=-1", "from=x", "to=1.5", "limit=0", "limit=501", "after=x"] {
        assert_eq!(replay(&site, bad).await.status, 400, "{bad}");
    }
    assert_eq!(site.get("/v1/streams/9/replay").await.status, 404);
}

#[tokio::test]
async fn the_page_reads_what_is_played() {
    let site = recorded(&SAID).await;
    let read = |answer: &Answer| {
        let ReplayPage { recorded, has_more } = ReplayPage::read(&answer.text).expect("a part of a replay");
        let said = |one: &Recorded| (one.offset, one.message.as_ref().map(|message| message.chat.text.clone()), one.id.clone());
        (recorded.iter().map(said).collect::<Vec<_>>(), has_more)
    };
    let room = "2".parse().expect("a room");
    let said = |(n, (offset, text)): (usize, &(u64, &str))| {
        (*offset, Some((*text).to_owned()), MessageId { room, seq: n as u64 + 1 }.to_string())
    };
    let expected: Vec<_> = SAID.iter().enumerate().map(said).collect();
    assert_eq!(read(&replay(&site, "").await), (expected.clone(), false));
    assert_eq!(read(&replay(&site, "from=5001&limit=2").await), (expected[3..5].to_vec(), true));
    assert_eq!(read(&replay(&site, "from=3600001").await), (vec![], false));
    for other in ["", "<html>", "{}", r#"{"code":503,"message":"no"}"#, r#"{"data":[{"id":"2-1"}],"meta":{"has_more":false}}"#] {
        assert_eq!(ReplayPage::read(other), None, "{other}");
    }
}

#[tokio::test]
async fn what_is_no_message_of_the_chat_is_passed_over_and_keeps_its_place() {
    let site = Site::open().await;
    let events = site.subscribe().await;
    site.publish_raw(1, events.token(), format!(r#"{{"type":"broadcast","widget_key":"{WIDGET_KEY}","message":[7]}}"#)).await;
    site.say(events.token(), "chat").await;
    let page = ReplayPage::read(&site.get("/v1/streams/1/replay").await.text).expect("a part of a replay");
    assert_eq!(page.recorded.iter().map(|one| one.message.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn what_was_deleted_or_is_private_is_not_played() {
    let site = Site::open().await;
    let events = site.subscribe().await;
    for text in ["stays", "goes"] {
        site.say(events.token(), text).await;
    }
    let private = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob", "message": 1 });
    assert_eq!(site.publish(events.token(), &private).await.status, 200);
    let id = site.get("/v1/streams/1/replay").await.json["data"][1]["id"].as_str().expect("an id").to_owned();
    let request = Request::delete(format!("/v1/streams/1/messages/{id}")).header("authorization", format!("Bearer {ADMIN_KEY}"));
    assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, 200);
    assert_eq!(texts(site.get("/v1/streams/1/replay").await.json["data"].as_array().expect("a list")), ["stays"]);
    let site = site.restart().await;
    let again = site.get("/v1/streams/1/replay").await;
    let start = site.hub.snapshot(crate::chat::RoomId::FIRST).expect("room 1").room.start();
    assert_eq!(again.json["meta"]["start"], Value::from(crate::protocol::moment::rfc3339(start)));
}

#[tokio::test]
async fn a_second_session_counts_from_the_first_one_s_start() {
    let site = Site::open().await;
    let start = site.hub.snapshot(crate::chat::RoomId::FIRST).expect("room 1").room.start();
    for step in ["end", "prepare", "start"] {
        site.administer(&format!("/v1/streams/1/{step}"), &json!({})).await;
    }
    let room = site.hub.snapshot(crate::chat::RoomId::FIRST).expect("room 1").room;
    assert_eq!((room.start(), room.ended_at.is_some()), (start, true));
}

#[tokio::test]
async fn the_page_shows_a_moment_and_the_way_to_others() {
    let site = recorded(&SAID).await;
    let page = async |query: &str| {
        let page = site.get(&format!("/rooms/2/replay{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        page.text
    };
    let check = |html: &str, shown: &[&str], hidden: &[&str]| {
        let parts = |texts: &[&str]| texts.iter().filter(|text| html.contains(&format!(">{text}<"))).count();
        assert_eq!((parts(shown), parts(hidden)), (shown.len(), 0), "{shown:?} and not {hidden:?} in {html}");
    };
    let early = page("?at=5").await;
    check(&early, &["first", "second", "third"], &["fourth", "fifth", "last"]);
    for part in ["\"?at=0\"", "\"?at=15\"", "\"?at=6\"", "0:00:05", "1:00:00", "value=\"5\"", "aria-valuetext=\"5 seconds\""] {
        assert!(early.contains(part), "{part}");
    }
    let german = page("?lang=de&at=3600").await;
    for part in ["\"?lang=de&amp;at=3590\"", "name=\"lang\" value=\"de\"", "aria-valuetext=\"1 Stunde\""] {
        assert!(german.contains(part), "{part}");
    }
    check(&page("?at=6").await, &["first", "fourth"], &["fifth"]);
    check(&page("?at=0").await, &["first"], &["second"]);
    for all in ["?at=3600", "?at=99999"] {
        check(&page(all).await, &["first", "last"], &[]);
    }
    for start in ["", "?at=99999999999999999999", "?at=x"] {
        check(&page(start).await, &["first"], &["second", "last"]);
    }
    assert_eq!(site.get("/rooms/9/replay").await.status, 404);
    assert_eq!(site.get("/rooms/x/replay").await.status, 404);
    assert_eq!(site.get("/rooms/1/replay?at=0").await.status, 200, "a live room too");
}
