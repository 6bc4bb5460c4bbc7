//! The page of what waits for a moderator.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{Site, moderation::say_from, site::PASSWORD};
use crate::chat::RoomId;

const QUEUE: &str = "/admin/rooms/1/queue";

async fn moderator(site: &Site, room: u32) -> String {
    let invited = site.administer(&format!("/v1/streams/{room}/invites"), &json!({ "name": format!("Robin {room}") })).await;
    let link = invited.json["data"]["link"].as_str().expect("a link").to_owned();
    site.submit(&link, "", "same-origin", "").await.cookie().to_owned()
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
    let guest = site.get("/rooms/1").await.cookie().to_owned();
    let rows = [
        (site.sign_in(PASSWORD).await.cookie().to_owned(), true),
        (moderator(&site, 1).await, true),
        (moderator(&site, 2).await, false),
        (guest, false),
    ];
    for (n, (cookie, may)) in rows.into_iter().enumerate() {
        let page = site.page(QUEUE, &cookie).await;
        assert_eq!(page.text.contains("a word"), may, "{n}");
        assert_eq!(page.text.contains("Sign out"), n == 0, "{n}");
        assert_eq!(site.page("/rooms/1", &cookie).await.text.contains("1 to review"), may, "{n}");
        let id = hold(&site, &format!("word {n}")).await;
        let decided = site.submit(QUEUE, &cookie, "same-origin", &format!("message={id}&act=approve")).await;
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
    let owner = site.sign_in(PASSWORD).await.cookie().to_owned();
    let [one, two, three] = [hold(&site, "one").await, hold(&site, "two").await, hold(&site, "three").await];
    for act in ["approve", "decline", "ban"] {
        let foreign = site.submit(QUEUE, &owner, "cross-site", &format!("message={one}&act={act}")).await;
        assert_eq!(foreign.status, 403);
    }
    let decided = site.submit(QUEUE, &owner, "same-origin", &format!("message={one}&act=decline&reason=Be+kind.")).await;
    let page = site.page(decided.header("location"), &owner).await;
    assert!(page.text.contains("Declined: its author is told.") && !page.text.contains(">one<"), "{}", page.text);
    assert_eq!(site.submit(QUEUE, &owner, "same-origin", &format!("message={two}&act=ban")).await.status, 303);
    let rows: [(String, u16, &str); 5] = [
        (format!("message={one}&act=approve"), 409, "This message was declined already."),
        (format!("message={two}&act=ban"), 404, "There is no such message in this room."),
        ("message=x&act=approve".into(), 404, "There is no such message in this room."),
        (format!("message={three}&act=decline&reason={}", "x".repeat(257)), 400, "The reason is too long"),
        (format!("message={three}&act=shout"), 422, ""),
    ];
    for (form, status, error) in rows {
        let refused = site.submit(QUEUE, &owner, "same-origin", &form).await;
        assert_eq!(refused.status, status, "{form}");
        assert!(refused.text.contains(error), "{form}: {}", refused.text);
    }
    assert!(site.page(QUEUE, &owner).await.text.contains("1 message waits."), "nothing is lost by a wrong form");
    for room in ["9", "x"] {
        assert_eq!(site.page(&format!("/admin/rooms/{room}/queue"), &owner).await.status, 404);
    }
    let banned = site.send(audit()).await.json["data"].clone();
    let acts: Vec<&Value> = banned.as_array().expect("a list").iter().map(|act| &act["what"]).collect();
    assert_eq!(acts[..3], ["ban", "decline", "decline"]);
}

#[tokio::test]
async fn a_long_queue_has_more_than_one_page() {
    let site = open().await;
    let owner = site.sign_in(PASSWORD).await.cookie().to_owned();
    for n in 0..52 {
        hold(&site, &format!("message number {n}")).await;
    }
    let first = site.page(QUEUE, &owner).await.text;
    assert!(first.contains("52 messages wait.") && first.contains("number 49") && !first.contains("number 50"));
    let later = first.split("queue?after=").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let second = site.page(&format!("{QUEUE}?after={later}"), &owner).await.text;
    assert!(second.contains("number 51") && !second.contains("number 49") && !second.contains("Later ones"));
    let rooms = site.page("/admin", &owner).await.text;
    assert!(rooms.contains("52 to review in room 1"), "{rooms}");
}

#[tokio::test]
async fn a_ban_from_the_queue_holds_for_the_address_if_that_is_chosen() {
    let site = open().await;
    let owner = site.sign_in(PASSWORD).await.cookie().to_owned();
    for (choice, addresses) in [("", 0), ("&address=1", 1)] {
        assert_eq!(say_from(&site, "127.0.0.2", "", &site.guest_token(RoomId::FIRST)).await, 200);
        let page = site.page(QUEUE, &owner).await;
        assert!(page.shown().contains("Other people there: "), "{}", page.shown());
        let id = page.shown().split("name=\"message\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let form = format!("message={}&act=ban{choice}", id.expect("a form"));
        assert_eq!(site.submit(QUEUE, &owner, "same-origin", &form).await.status, 303);
        let done = site.send(audit()).await.json["data"][0].clone();
        assert_eq!((&done["what"], &done["addresses"]), (&json!("ban"), &json!(addresses)));
    }
    assert_eq!(say_from(&site, "127.0.0.2", "", &site.guest_token(RoomId::FIRST)).await, 403);
}
