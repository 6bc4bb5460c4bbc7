//! Moderators' acts that are undone, as clients see it.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    moderation::{delete, id, token_of, told},
    site::{ADMIN_KEY, PASSWORD, texts},
};
use crate::chat::{Capability, RoomId};

async fn undo(site: &Site, key: &str, act: &str) -> Answer {
    let request = Request::post(format!("/v1/streams/1/audit/{act}/undo")).header("authorization", format!("Bearer {key}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

async fn act_of(answer: Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let data = &answer.json["data"];
    assert!(data["undo_until"].as_str() > data["sent_at"].as_str(), "{data}");
    data["id"].as_str().expect("an id").to_owned()
}

async fn audit(site: &Site) -> Vec<Value> {
    let request = Request::get("/v1/streams/1/audit").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let answer = site.send(request.body(Body::empty()).expect("a request")).await;
    answer.json["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn another_moderator_restores_a_message_at_once_for_everybody() {
    let site = Site::open().await;
    let start = site.hub.position(0).to_string();
    let mut events = site.subscribe().await;
    let token = events.token().to_owned();
    for text in ["one", "two", "three"] {
        site.say(&token, text).await;
    }
    assert_eq!(events.next_texts(3).await, ["one", "two", "three"]);
    let mia = token_of(&site, "mia", &[Capability::DeleteMessage]);
    let act = act_of(delete(&site, &mia, &format!("1/messages/{}", id(2))).await).await;
    assert_eq!(told(&mut events).await["message"]["status"], "delete");
    let missed_both = site.hub.position(3).to_string();
    assert_eq!(site.history().await, ["one", "three"]);
    let max = token_of(&site, "max", &[Capability::DeleteMessage]);
    let answer = undo(&site, &max, &act).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let notice = told(&mut events).await;
    assert_eq!(
        (&notice["type"], &notice["author_id"], &notice["message"]),
        (&json!("system"), &json!("0"), &json!({ "status": "restore", "act": act, "id": id(2).to_string() })),
        "a notice of a kind that other clients pass over"
    );
    let again = undo(&site, ADMIN_KEY, &act).await;
    assert_eq!((again.status, &again.json["data"]["id"]), (200, &answer.json["data"]["id"]), "both wanted the same");
    let check = async |site: &Site, what: &str| {
        assert_eq!(site.history().await, ["one", "two", "three"], "{what}");
        let mut fresh = site.subscribe().await;
        site.request(fresh.token()).await;
        let history = fresh.next_of("request").await;
        assert_eq!(texts(history.data["message"].as_array().expect("a list")), ["one", "two", "three"], "{what}");
        let mut missed = site.resume(&start).await;
        assert_eq!(missed.next_texts(3).await, ["one", "two", "three"], "{what}: at its place");
        assert_eq!(told(&mut missed).await["message"]["status"], "restore", "{what}: and no word of the deletion");
        let mut missed = site.resume(&missed_both).await;
        assert_eq!(told(&mut missed).await["message"]["status"], "restore", "{what}");
    };
    check(&site, "from memory").await;
    let acts = audit(&site).await;
    assert_eq!((&acts[0]["what"], &acts[0]["by"], &acts[0]["undoes"]), (&json!("restore"), &json!("max"), &json!(act)));
    assert_eq!((&acts[0]["restored"]["message"]["message_text"], &acts[1]["by"]), (&json!("two"), &json!("mia")));
    let signed_in = site.sign_in(PASSWORD).await;
    assert!(site.page("/admin/rooms/1/log", signed_in.cookie()).await.text.contains("Message restored"));
    check(&site.restart().await, "from the store").await;
}

#[tokio::test]
async fn all_messages_of_somebody_come_back_together() {
    let site = Site::open().await;
    let [ann, bob] = ["ann", "bob"].map(|user| token_of(&site, user, &[Capability::SendMessage]));
    for (token, text) in [(&ann, "a1"), (&bob, "b1"), (&ann, "a2")] {
        site.say(token, text).await;
    }
    let mut events = site.subscribe().await;
    let act = act_of(delete(&site, ADMIN_KEY, "1/users/ann/messages").await).await;
    told(&mut events).await;
    let one = delete(&site, ADMIN_KEY, &format!("1/messages/{}", id(1))).await;
    assert_eq!(
        (&one.json["data"]["id"], &one.json["data"]["undo_until"]),
        (&json!(act), &json!(null)),
        "it is not this one's to undo"
    );
    assert_eq!(site.history().await, ["b1"]);
    undo(&site, ADMIN_KEY, &act).await;
    assert_eq!(told(&mut events).await["message"], json!({ "status": "restore", "act": act, "author_id": "ann" }));
    assert_eq!(site.history().await, ["a1", "b1", "a2"]);
}

#[tokio::test]
async fn a_moderator_undoes_what_they_might_do_and_nothing_else() {
    let site = Site::open().await;
    let ann = token_of(&site, "ann", &[Capability::SendMessage]);
    site.say(&ann, "one").await;
    let ban = act_of(site.administer("/v1/streams/1/users/ann/ban", &json!({})).await).await;
    let deletion = act_of(delete(&site, ADMIN_KEY, &format!("1/messages/{}", id(1))).await).await;
    let deletes = token_of(&site, "mia", &[Capability::DeleteMessage]);
    let bans = token_of(&site, "max", &[Capability::DisconnectUser]);
    for (key, act, expected) in [
        ("", &ban, 401),
        (&*ann, &ban, 403),
        (&*ann, &id(9_999).to_string(), 403),
        (&*deletes, &ban, 403),
        (&*bans, &deletion, 403),
        (&*bans, &"none".to_owned(), 404),
        (&*bans, &id(1).to_string(), 404),
        (&*bans, &id(9_999).to_string(), 404),
        (&*bans, &ban, 200),
        (&*deletes, &deletion, 200),
    ] {
        let answer = undo(&site, key, act).await;
        assert_eq!(answer.status, expected, "{act}: {}", answer.text);
    }
    assert_eq!(site.say(&ann, "two").await.status, 200);
    assert_eq!(site.history().await, ["one", "two"]);
}

#[tokio::test]
async fn what_applied_before_applies_again_and_the_person_is_told() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let token = events.token().to_owned();
    let user = events.user_id().to_owned();
    let decide = async |what: &str, terms: Value| site.administer(&format!("/v1/streams/1/users/{user}/{what}"), &terms).await;
    decide("timeout", json!({ "seconds": 3_600, "reason": "the first" })).await;
    let until = told(&mut events).await["message"]["until"].clone();
    let shorter = act_of(decide("timeout", json!({ "seconds": 600 })).await).await;
    told(&mut events).await;
    undo(&site, ADMIN_KEY, &shorter).await;
    let told_again = told(&mut events).await["message"].clone();
    assert_eq!(
        (&told_again["status"], &told_again["until"], &told_again["reason"]),
        (&json!("timeout"), &until, &json!("the first"))
    );
    assert_eq!(site.say(&token, "one").await.status, 403);
    let ban = act_of(decide("ban", json!({})).await).await;
    let lift = act_of(decide("lift", json!({})).await).await;
    let refused = undo(&site, ADMIN_KEY, &ban).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    undo(&site, ADMIN_KEY, &lift).await;
    undo(&site, ADMIN_KEY, &ban).await;
    for expected in ["ban", "lift", "ban", "timeout"] {
        assert_eq!(told(&mut events).await["message"]["status"], expected);
    }
    let whats: Vec<_> = audit(&site).await.iter().map(|act| act["what"].clone()).collect();
    assert_eq!(whats, ["timeout", "undo", "ban", "undo", "lift", "ban", "timeout", "undo", "timeout", "timeout"]);
}

#[tokio::test]
async fn what_was_declined_is_back_in_the_queue() {
    let site = Site::open().await;
    site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": true })).await;
    let mut events = site.subscribe().await;
    let waits = site.say(events.token(), "a first word").await.json["data"]["id"].as_str().expect("an id").to_owned();
    let declined = act_of(site.administer(&format!("/v1/streams/1/held/{waits}/decline"), &json!({})).await).await;
    assert_eq!(told(&mut events).await["type"], "held");
    assert_eq!(told(&mut events).await["message"]["status"], "decline");
    assert_eq!(site.hub.snapshot_for_owner(RoomId::FIRST).expect("room 1").waiting, 0);
    assert_eq!(undo(&site, ADMIN_KEY, &declined).await.status, 200);
    assert_eq!(site.hub.snapshot_for_owner(RoomId::FIRST).expect("room 1").waiting, 1);
    assert_eq!(told(&mut events).await["message"], json!({ "status": "restore", "act": declined, "id": waits }));
    let approved = site.administer(&format!("/v1/streams/1/held/{waits}/approve"), &json!({})).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    assert_eq!(site.history().await, ["a first word"]);
}
