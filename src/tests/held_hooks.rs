//! Held messages and webhooks together, over HTTP, with a receiver of its own.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Answer, Receiver, Reply, Site,
    site::{ADMIN_KEY, Setting, WIDGET_KEY},
    webhooks::{ask, make, shown, text},
};
use crate::{
    chat::RoomId,
    server::{Guard, Schedule},
};

/// A chat whose room 1 holds what newcomers say, with a receiver that is told of everything.
async fn open() -> (Site, Receiver, String) {
    let schedule = Schedule { first_wait: Duration::from_millis(1), ..Schedule::default() };
    let site = Site::with(Setting { schedule, ..Setting::default() }).await;
    let receiver = Receiver::open().await;
    let secret = make(&site, json!({ "url": receiver.url })).await["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": true })).await.status, 200);
    (site, receiver, secret)
}

async fn hold(site: &Site, words: &str) -> String {
    let answer = site.say(&site.guest_token(RoomId::FIRST), words).await;
    assert_eq!((answer.status, &answer.json["data"]["held"]), (200, &json!(true)), "{}", answer.text);
    answer.json["data"]["id"].as_str().expect("an id").to_owned()
}

async fn decide(site: &Site, id: &str, what: &str) -> Answer {
    ask(site, "POST", &format!("/v1/streams/1/held/{id}/{what}")).await
}

async fn waiting(site: &Site) -> usize {
    let answer = ask(site, "GET", "/v1/streams/1/held").await;
    answer.json["data"].as_array().expect("a list").len()
}

/// The types of what a receiver is told next.
async fn told(receiver: &mut Receiver, secret: &str, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..count {
        let received = receiver.next().await;
        assert!(received.is_signed_with(secret), "{received:?}");
        let json = received.json();
        let words = json["data"]["message"]["message_text"].as_str().unwrap_or_default();
        told.push(format!("{} {words}", json["type"].as_str().expect("a type")).trim_end().to_owned());
    }
    told
}

#[tokio::test]
async fn what_waits_is_told_to_nobody_else_before_it_is_approved() {
    let (site, mut receiver, secret) = open().await;
    assert_eq!(told(&mut receiver, &secret, 1).await, ["room.updated"]);
    let [approved, declined, deleted] = [hold(&site, "one").await, hold(&site, "two").await, hold(&site, "three").await];
    hold(&site, "four").await;
    assert_eq!(decide(&site, &declined, "decline").await.status, 200);
    assert_eq!(ask(&site, "DELETE", &format!("/v1/streams/1/messages/{deleted}")).await.status, 200);
    for what in ["approve", "decline"] {
        assert_eq!(decide(&site, &deleted, what).await.status, 404, "{what}: there is nothing to decide on any more");
    }
    let published = decide(&site, &approved, "approve").await;
    assert_eq!(published.status, 200);
    // The room's end is what is told last.
    site.administer("/v1/streams/1/end", &json!({})).await;
    let all = told(&mut receiver, &secret, 2).await;
    let all = if all[0] == "message.deleted" { [all, told(&mut receiver, &secret, 1).await].concat()[1..].to_vec() } else { all };
    assert_eq!(all, ["message.created one", "room.ended"]);
    assert!(receiver.waiting().is_empty());
    assert_eq!(site.history().await, ["one"]);
}

#[tokio::test]
async fn what_waits_outlives_a_restart_and_so_does_what_is_to_be_told() {
    let (site, mut receiver, secret) = open().await;
    assert_eq!(told(&mut receiver, &secret, 1).await, ["room.updated"]);
    shown(&site, |webhook| webhook["behind"] == 0).await;
    let ids = [hold(&site, "one").await, hold(&site, "two").await];
    let addr = receiver.close().await;
    let site = site.restart().await;
    assert_eq!(waiting(&site).await, 2);
    // Approved in the other order, while the receiver is away.
    for id in [&ids[1], &ids[0]] {
        assert_eq!(decide(&site, id, "approve").await.status, 200);
    }
    let site = site.restart().await;
    assert_eq!((waiting(&site).await, site.history().await), (0, vec!["two".to_owned(), "one".into()]));
    let mut receiver = Receiver::at(addr).await;
    assert_eq!(told(&mut receiver, &secret, 2).await, ["message.created two", "message.created one"]);
    shown(&site, |webhook| webhook["behind"] == 0).await;
    assert!(receiver.waiting().is_empty(), "each once");
}

#[tokio::test]
async fn of_two_moderators_who_decide_at_once_one_does() {
    let (site, mut receiver, secret) = open().await;
    assert_eq!(told(&mut receiver, &secret, 1).await, ["room.updated"]);
    let mut published = 0;
    for round in 0..12 {
        let id = hold(&site, &round.to_string()).await;
        let (approved, declined) = match round % 2 {
            0 => tokio::join!(decide(&site, &id, "approve"), decide(&site, &id, "decline")),
            _ => {
                let (declined, approved) = tokio::join!(decide(&site, &id, "decline"), decide(&site, &id, "approve"));
                (approved, declined)
            }
        };
        let statuses = (approved.status, declined.status);
        assert!(matches!(statuses, (200, 409) | (409, 200)), "{round}: {statuses:?}");
        let late = if approved.status == 409 { &approved } else { &declined };
        assert!(late.error().contains("already"), "{}", late.text);
        published += usize::from(approved.status == 200);
        assert_eq!((waiting(&site).await, site.history().await.len()), (0, published), "{round}");
    }
    for _ in 0..12 {
        let id = hold(&site, "banned").await;
        let held = ask(&site, "GET", "/v1/streams/1/held").await;
        let author = held.json["data"][0]["author_id"].as_str().expect("an author").to_owned();
        let ban = json!({ "reason": "spam" });
        let ban_uri = format!("/v1/streams/1/users/{author}/ban");
        let (approved, banned) = tokio::join!(decide(&site, &id, "approve"), site.administer(&ban_uri, &ban));
        assert_eq!(banned.status, 200);
        assert!(matches!(approved.status, 200 | 404 | 409), "{}", approved.text);
        published += usize::from(approved.status == 200);
        assert_eq!((waiting(&site).await, site.history().await.len()), (0, published));
    }
    let read = published;
    let mut created = 0;
    while created < read {
        let received = receiver.next().await;
        assert!(received.is_signed_with(&secret));
        created += usize::from(received.json()["type"] == "message.created");
    }
}

#[tokio::test]
async fn the_largest_message_arrives_whole_and_signed() {
    let (site, mut receiver, secret) = open().await;
    site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": false })).await;
    assert_eq!(told(&mut receiver, &secret, 2).await, ["room.updated", "room.updated"]);
    let token = site.guest_token(RoomId::FIRST);
    let envelope = |pad: &str| json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": { "pad": pad } }).to_string();
    let room = 65_536 - envelope("").len();
    for pad in ["x".repeat(room), "\u{1}".repeat(room / 6), "é".repeat(room / 2), "🙂".repeat(room / 4)] {
        let sent = site.publish_raw(1, &token, envelope(&pad)).await;
        assert_eq!(sent.status, 200, "{}", sent.text);
        let received = receiver.next().await;
        assert!(received.is_signed_with(&secret));
        assert!(received.json()["data"]["message"]["pad"] == json!(pad), "whole");
    }
    assert_eq!(site.publish_raw(1, &token, envelope(&"x".repeat(room + 1))).await.status, 413);
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_but_itself() {
    let (site, mut slow, secret) = open().await;
    let mut quick = Receiver::open().await;
    let quick_secret = make(&site, json!({ "url": quick.url })).await["secret"].as_str().expect("a secret").to_owned();
    site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": false })).await;
    assert_eq!(told(&mut slow, &secret, 2).await, ["room.updated", "room.updated"]);
    assert_eq!(told(&mut quick, &quick_secret, 1).await, ["room.updated"]);
    let now = std::sync::Arc::new(Notify::new());
    slow.reply([Reply::Late(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(), std::sync::Arc::clone(&now))]);
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..10 {
        assert_eq!(site.say(&token, &n.to_string()).await.status, 200);
        assert_eq!(text(&quick.next().await), n.to_string());
    }
    assert_eq!(text(&slow.next().await), "0");
    assert!(slow.waiting().is_empty(), "one at a time");
    now.notify_one();
    for n in 1..10 {
        assert_eq!(text(&slow.next().await), n.to_string(), "in order");
    }
}

#[tokio::test]
async fn no_spelling_of_an_address_inside_is_a_webhook_or_a_review() {
    let site = Site::with(Setting { guard: Guard::default(), ..Setting::default() }).await;
    let mut inside = Receiver::open().await;
    let port = inside.url.trim_start_matches("http://127.0.0.1:").trim_end_matches("/hook").to_owned();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "１２７.0.0.1",
        "127。0。0。1",
    ] {
        let url = format!("http://{host}:{port}/hook");
        let webhook = site.administer("/v1/webhooks", &json!({ "url": url })).await;
        let review = site.administer("/v1/streams/1/settings", &json!({ "review_url": url })).await;
        assert_eq!((webhook.status, review.status), (400, 400), "{url}: {} {}", webhook.text, review.text);
    }
    // Names are looked up when there is something to say, and each time anew.
    for host in ["localhost", "LOCALHOST.", "ip6-localhost", "localhost.localdomain"] {
        let webhook = make(&site, json!({ "url": format!("http://{host}:{port}/hook") })).await;
        site.say(&site.guest_token(RoomId::FIRST), host).await;
        shown(&site, |webhook| webhook["last_error"].is_object()).await;
        let path = format!("/v1/webhooks/{}", webhook["id"].as_str().expect("an id"));
        assert_eq!(ask(&site, "DELETE", &path).await.status, 200);
    }
    assert!(inside.waiting().is_empty(), "nobody has connected");
}

#[tokio::test]
async fn a_redirect_inside_is_not_followed_whatever_its_status() {
    let (site, mut receiver, _) = open().await;
    receiver.next().await;
    let mut inside = Receiver::open().await;
    let redirect = |status: u16, to: &str| {
        Reply::Bytes(format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    };
    let targets = [inside.url.clone(), "//127.0.0.1/hook".into(), "http://169.254.169.254/latest/meta-data/".into()];
    let statuses = [301, 302, 303, 307, 308];
    receiver.reply(statuses.iter().zip(targets.iter().cycle()).map(|(status, to)| redirect(*status, to)));
    site.administer("/v1/streams/1/settings", &json!({ "slow_mode_seconds": 1 })).await;
    for attempt in 0..=statuses.len() {
        let received = receiver.next().await;
        assert_eq!(received.json()["type"], "room.updated", "{attempt}");
    }
    shown(&site, |webhook| webhook["behind"] == 0).await;
    assert!(inside.waiting().is_empty());
}

#[tokio::test]
async fn a_webhook_takes_no_header_from_what_people_write() {
    let (site, mut receiver, secret) = open().await;
    receiver.next().await;
    site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": false })).await;
    receiver.next().await;
    let url = format!("{}?a=%0d%0aX-Forged:%20yes", receiver.url);
    let all: Value = ask(&site, "GET", "/v1/webhooks").await.json["data"].take();
    let path = format!("/v1/webhooks/{}", all[0]["id"].as_str().expect("an id"));
    assert_eq!(ask(&site, "DELETE", &path).await.status, 200);
    let forged = json!({ "url": url, "description": "a\r\nX-Forged: yes" });
    let request = Request::post("/v1/webhooks").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let request = request.header("content-type", "application/json").body(Body::from(forged.to_string())).expect("a request");
    let made = site.send(request).await;
    let secret = made.json["data"]["secret"].as_str().map_or(secret, str::to_owned);
    if made.status == 400 {
        make(&site, json!({ "url": url })).await;
    }
    let body =
        json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "client_message_id": "a", "message": "x\r\nX-Forged: yes" });
    assert_eq!(site.publish(&site.guest_token(RoomId::FIRST), &body).await.status, 200);
    let received = receiver.next().await;
    assert!(!received.headers.contains_key("x-forged"), "{}", received.head);
    assert!(made.status == 400 || received.is_signed_with(&secret));
}
