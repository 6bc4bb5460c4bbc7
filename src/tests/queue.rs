//! The page of what waits for a moderator.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{Answer, Site, site::PASSWORD};
use crate::chat::RoomId;

const QUEUE: &str = "/admin/rooms/1/queue";

async fn get(site: &Site, uri: &str, cookie: &str) -> Answer {
    site.send(Request::get(uri).header("cookie", cookie).body(Body::empty()).expect("a request")).await
}

/// Posts a form as a page does that comes from there.
async fn post(site: &Site, uri: &str, cookie: &str, from_site: &str, body: &str) -> Answer {
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded").header("cookie", cookie);
    site.send(request.header("sec-fetch-site", from_site).body(Body::from(body.to_owned())).expect("a request")).await
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().expect("a cookie").to_owned()
}

async fn owner(site: &Site) -> String {
    cookie(&post(site, "/admin", "", "same-origin", &format!("password={}", PASSWORD.replace(' ', "+"))).await)
}

async fn moderator(site: &Site, room: u32) -> String {
    let invited = site.administer(&format!("/v1/streams/{room}/invites"), &json!({ "name": format!("Robin {room}") })).await;
    let link = invited.json["data"]["link"].as_str().expect("a link").to_owned();
    cookie(&post(site, &link, "", "same-origin", "").await)
}

/// Has something wait, and gives its id.
async fn hold(site: &Site, text: &str) -> String {
    let answer = site.say(&site.guest_token(RoomId::FIRST), text).await;
    assert_eq!(answer.json["data"]["held"], true, "{}", answer.text);
    answer.json["data"]["id"].as_str().expect("an id").to_owned()
}

async fn open() -> Site {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    assert_eq!(site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": true })).await.status, 200);
    site
}

#[tokio::test]
async fn who_may_decide_sees_it_and_nobody_else() {
    let site = open().await;
    hold(&site, "a word").await;
    let guest = cookie(&site.get("/").await);
    let rows =
        [(owner(&site).await, true), (moderator(&site, 1).await, true), (moderator(&site, 2).await, false), (guest, false)];
    for (n, (cookie, may)) in rows.into_iter().enumerate() {
        let page = get(&site, QUEUE, &cookie).await;
        assert_eq!(page.text.contains("a word"), may, "{n}");
        assert_eq!(page.text.contains("Sign out"), n == 0, "{n}");
        assert_eq!(get(&site, "/", &cookie).await.text.contains("1 to review"), may, "{n}");
        let id = hold(&site, &format!("word {n}")).await;
        let decided = post(&site, QUEUE, &cookie, "same-origin", &format!("message={id}&act=approve")).await;
        assert_eq!(decided.status, 303);
        let location = if may { "/admin/rooms/1/queue?done=approve" } else { "/admin" };
        assert_eq!(decided.header("location"), location, "{n}");
    }
    assert_eq!(site.history().await, ["word 0", "word 1"]);
    let acts = site.send(audit()).await;
    let by: Vec<_> = acts.json["data"].as_array().expect("a list").iter().map(|act| act["by"].as_str().expect("who")).collect();
    assert!(by[0].starts_with("moderator:") && by[1] == "admin", "{by:?}");
}

fn audit() -> Request<Body> {
    let request = Request::get("/v1/streams/1/audit").header("authorization", format!("Bearer {}", super::site::ADMIN_KEY));
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn a_form_decides_once_and_no_other_site_s_does() {
    let site = open().await;
    let owner = owner(&site).await;
    let [one, two, three] = [hold(&site, "one").await, hold(&site, "two").await, hold(&site, "three").await];
    for act in ["approve", "decline", "ban"] {
        let foreign = post(&site, QUEUE, &owner, "cross-site", &format!("message={one}&act={act}")).await;
        assert_eq!(foreign.status, 403);
    }
    let decided = post(&site, QUEUE, &owner, "same-origin", &format!("message={one}&act=decline&reason=Be+kind.")).await;
    let page = get(&site, decided.header("location"), &owner).await;
    assert!(page.text.contains("Declined: its author is told.") && !page.text.contains(">one<"), "{}", page.text);
    assert_eq!(post(&site, QUEUE, &owner, "same-origin", &format!("message={two}&act=ban")).await.status, 303);
    let rows: [(String, u16, &str); 5] = [
        (format!("message={one}&act=approve"), 409, "This message was declined already."),
        (format!("message={two}&act=ban"), 404, "There is no such message in this room."),
        ("message=x&act=approve".into(), 404, "There is no such message in this room."),
        (format!("message={three}&act=decline&reason={}", "x".repeat(257)), 400, "The reason is too long"),
        (format!("message={three}&act=shout"), 422, ""),
    ];
    for (form, status, error) in rows {
        let refused = post(&site, QUEUE, &owner, "same-origin", &form).await;
        assert_eq!(refused.status, status, "{form}");
        assert!(refused.text.contains(error), "{form}: {}", refused.text);
    }
    assert!(get(&site, QUEUE, &owner).await.text.contains("1 message waits."), "nothing is lost by a wrong form");
    for room in ["9", "x"] {
        assert_eq!(get(&site, &format!("/admin/rooms/{room}/queue"), &owner).await.status, 404);
    }
    let banned = site.send(audit()).await.json["data"].clone();
    let acts: Vec<&Value> = banned.as_array().expect("a list").iter().map(|act| &act["what"]).collect();
    assert_eq!(acts[..3], ["ban", "decline", "decline"]);
}

#[tokio::test]
async fn a_long_queue_has_more_than_one_page() {
    let site = open().await;
    let owner = owner(&site).await;
    for n in 0..52 {
        hold(&site, &format!("message number {n}")).await;
    }
    let first = get(&site, QUEUE, &owner).await.text;
    assert!(first.contains("52 messages wait.") && first.contains("number 49") && !first.contains("number 50"));
    let later = first.split("queue?after=").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let second = get(&site, &format!("{QUEUE}?after={later}"), &owner).await.text;
    assert!(second.contains("number 51") && !second.contains("number 49") && !second.contains("Later ones"));
    let rooms = get(&site, "/admin", &owner).await.text;
    assert!(rooms.contains("52 to review in room 1"), "{rooms}");
}
