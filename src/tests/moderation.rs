use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, Setting, WIDGET_KEY, texts},
};
use crate::chat::{Capabilities, Capability, MessageId, RoomId, UserId};

pub(super) async fn delete(site: &Site, key: &str, path: &str) -> Answer {
    let request = Request::delete(format!("/v1/streams/{path}")).header("authorization", format!("Bearer {key}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

pub(super) fn id(seq: u64) -> MessageId {
    MessageId { room: RoomId::FIRST, seq }
}

pub(super) fn token_of(site: &Site, user: &str, capabilities: &[Capability]) -> String {
    let capabilities = serde_json::from_value(json!(capabilities)).expect("a list");
    site.hub.tokens().sign(UserId::try_from(user.to_owned()).expect("an id"), RoomId::FIRST, capabilities, None)
}

/// What the room is told next, beside who comes and goes.
pub(super) async fn told(events: &mut super::Events) -> Value {
    loop {
        let event = events.next().await.expect("the stream goes on");
        if event.data["message"].get("viewer_count").is_none() {
            assert!(event.id.is_some(), "an event of the log: {}", event.data);
            return event.data;
        }
    }
}

#[tokio::test]
async fn why_a_message_was_deleted_is_told_to_its_author_and_to_moderators() {
    let site = Site::open().await;
    let author = token_of(&site, "ann", &[Capability::SendMessage]);
    for text in ["one", "two", "three"] {
        site.say(&author, text).await;
    }
    delete(&site, ADMIN_KEY, &format!("1/messages/{}?reason=rude", id(1))).await;
    delete(&site, ADMIN_KEY, "1/users/ann/messages?reason=all+of+it").await;
    site.say(&author, "four").await;
    let why = async |seq: u64, token: &str| {
        let request = Request::get(format!("/v1/streams/1/messages/{}/deletion", id(seq)));
        let answer =
            site.send(request.header("authorization", format!("Bearer {token}")).body(Body::empty()).expect("a request")).await;
        (answer.status, answer.json["data"]["reason"].as_str().unwrap_or_default().to_owned())
    };
    let moderator = token_of(&site, "mia", &[Capability::DeleteMessage]);
    for token in [&*author, &*moderator, ADMIN_KEY] {
        assert_eq!(why(1, token).await, (200, "rude".to_owned()), "what took it out first");
        assert_eq!(why(2, token).await, (200, "all of it".to_owned()));
        for not_deleted in [4, 6, 99] {
            assert_eq!(why(not_deleted, token).await.0, 404, "{not_deleted}");
        }
    }
    assert_eq!(why(1, &token_of(&site, "eve", &[Capability::SendMessage])).await.0, 403);
    assert_eq!(why(1, "").await.0, 401);
}

#[tokio::test]
async fn a_deleted_message_is_shown_to_nobody_any_more() {
    let site = Site::open().await;
    let start = site.hub.position(0).to_string();
    let mut events = site.subscribe().await;
    let token = events.token().to_owned();
    for text in ["one", "a word too many", "three"] {
        site.say(&token, text).await;
    }
    assert_eq!(events.next_texts(3).await, ["one", "a word too many", "three"]);
    let answer = delete(&site, ADMIN_KEY, &format!("1/messages/{}?reason=a+reason", id(2))).await;
    assert_eq!((answer.status, answer.json["data"]["id"].as_str()), (200, Some(&*id(4).to_string())), "{}", answer.text);
    let deletion = told(&mut events).await;
    assert_eq!(
        (&deletion["type"], &deletion["author_id"], &deletion["message"]),
        (&json!("system"), &json!("0"), &json!({ "status": "delete", "id": id(2).to_string() })),
        "neither who did it nor why"
    );

    let check = async |site: &Site, what: &str| {
        assert_eq!(site.history().await, ["one", "three"], "{what}");
        let page = site.get("/").await.text;
        assert!(page.contains("three") && !page.contains("a word too many") && !page.contains("a reason"), "{what}");
        let mut fresh = site.subscribe().await;
        site.request(fresh.token()).await;
        let history = fresh.next_of("request").await;
        assert_eq!(texts(history.data["message"].as_array().expect("a list")), ["one", "three"], "{what}");
        let mut missed = site.resume(&start).await;
        assert_eq!(missed.next_texts(2).await, ["one", "three"], "{what}");
        assert_eq!(told(&mut missed).await["message"]["status"], "delete", "{what}: whoever shows it must hear of it");
    };
    check(&site, "from memory").await;
    check(&site.restart().await, "from the store").await;
}

#[tokio::test]
async fn who_has_not_read_it_yet_is_not_given_it_from_memory() {
    let site = Site::open().await;
    let events = site.subscribe().await;
    let token = events.token().to_owned();
    site.say(&token, "one").await;
    let after_one = site.hub.position(1).to_string();
    site.say(&token, "two").await;
    delete(&site, ADMIN_KEY, &format!("1/messages/{}", id(2))).await;
    let mut late = site.resume(&after_one).await;
    assert_eq!(told(&mut late).await["message"]["status"], "delete");
    site.say(&token, "three").await;
    assert_eq!(told(&mut late).await["message"]["message_text"], "three");
    // Its place is the one that everybody has, so that it comes back to the same.
    assert_eq!(late.last_event_id, site.hub.position(4).to_string());
}

#[tokio::test]
async fn everything_that_somebody_said_is_deleted_at_once() {
    let site = Site::open().await;
    let [ann, bob] = ["ann", "bob"].map(|user| token_of(&site, user, &[Capability::SendMessage]));
    for (token, text) in [(&ann, "a1"), (&bob, "b1"), (&ann, "a2"), (&bob, "b2")] {
        site.say(token, text).await;
    }
    let mut events = site.subscribe().await;
    assert_eq!(delete(&site, ADMIN_KEY, "1/users/ann/messages").await.status, 200);
    assert_eq!(told(&mut events).await["message"], json!({ "status": "delete", "author_id": "ann" }));
    site.say(&ann, "a3").await;
    assert_eq!(site.history().await, ["b1", "b2", "a3"], "what is said later is another matter");
    assert_eq!(delete(&site, ADMIN_KEY, &format!("1/messages/{}", id(1))).await.json["data"]["id"], id(5).to_string());
    assert_eq!(delete(&site, ADMIN_KEY, "1/users/ann/messages").await.status, 200);
    let site = site.restart().await;
    assert_eq!(site.history().await, ["b1", "b2"]);
}

#[tokio::test]
async fn a_message_is_deleted_once_and_in_any_state_of_the_room() {
    let site = Site::open().await;
    site.say(&site.guest_token(RoomId::FIRST), "one").await;
    site.administer("/v1/streams/1/end", &json!({})).await;
    let first = delete(&site, ADMIN_KEY, &format!("1/messages/{}", id(1))).await;
    let again = delete(&site, ADMIN_KEY, &format!("1/messages/{}", id(1))).await;
    assert_eq!((first.status, &first.json["data"]), (200, &again.json["data"]), "the same answer, no second event");
    assert_eq!(site.hub.snapshot(RoomId::FIRST).expect("room 1").position, site.hub.position(3));
    assert!(site.history().await.is_empty());
}

#[tokio::test]
async fn a_role_may_delete_or_not() {
    let site = Site::open().await;
    let say = async |text: &str| {
        let answer = site.say(&site.guest_token(RoomId::FIRST), text).await;
        answer.json["data"]["id"].as_str().expect("an id").to_owned()
    };
    use Capability::{DeleteMessage, DisconnectUser, ManageRoom, SendMessage};
    let two = RoomId::new(2).expect("in range");
    let capabilities: Capabilities = serde_json::from_value(json!([DeleteMessage])).expect("a list");
    let elsewhere = site.hub.tokens().sign(site.guest(), two, capabilities, None);
    let rows = [
        ("nobody", String::new(), 401),
        ("somebody with another key", "wrong".into(), 401),
        ("a moderator of another room", elsewhere, 401),
        ("a guest", site.guest_token(RoomId::FIRST), 403),
        ("a reader", token_of(&site, "reader", &[]), 403),
        ("who may close connections", token_of(&site, "closer", &[SendMessage, DisconnectUser]), 403),
        ("a moderator", token_of(&site, "mod", &[SendMessage, DeleteMessage]), 200),
        ("an owner", token_of(&site, "owner", &[DeleteMessage, ManageRoom]), 200),
        ("who has the admin key", ADMIN_KEY.into(), 200),
    ];
    for (who, key, status) in rows {
        let message = say(who).await;
        for path in [format!("1/messages/{message}"), "1/users/ann/messages".into()] {
            let answer = delete(&site, &key, &path).await;
            assert_eq!(answer.status, status, "{who}: {}", answer.text);
        }
        assert_eq!(site.history().await.contains(&who.to_owned()), status != 200, "{who}");
    }
}

#[tokio::test]
async fn what_cannot_be_deleted_is_said() {
    let site = Site::open().await;
    site.say(&site.guest_token(RoomId::FIRST), "one").await;
    site.administer("/v1/streams/1/end", &json!({})).await;
    site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    let long = "x".repeat(257);
    let rows = [
        (format!("1/messages/{}", id(9)), 404, "no such message"),
        (format!("1/messages/{}", id(2)), 404, "no such message"),
        (format!("2/messages/{}", id(1)), 404, "no message"),
        ("1/messages/nonsense".into(), 404, "no message"),
        (format!("9/messages/{}", id(1)), 404, "no message"),
        ("9/users/ann/messages".into(), 404, "no room 9"),
        ("x/users/ann/messages".into(), 404, "no room \"x\""),
        (format!("1/users/{}/messages", "x".repeat(134)), 400, "not the id of a user"),
        ("1/users/%ff/messages".into(), 400, "UTF-8"),
        (format!("1/messages/{}?reason={long}", id(1)), 400, "256 are allowed"),
    ];
    for (path, status, part) in rows {
        let answer = delete(&site, ADMIN_KEY, &path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert!(answer.error().contains(part), "{path}: {}", answer.text);
    }
    assert_eq!(site.history().await, ["one"], "and nothing was deleted");
}

async fn decide(site: &Site, key: &str, path: &str, body: &str) -> Answer {
    let request = Request::post(format!("/v1/streams/{path}")).header("authorization", format!("Bearer {key}"));
    let request = request.header("content-type", "application/json").body(Body::from(body.to_owned()));
    site.send(request.expect("a request")).await
}

/// The part of the list of sanctions that people decided.
async fn sanctions(site: &Site) -> Vec<[String; 4]> {
    let request = Request::get("/v1/streams/1/sanctions").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let answer = site.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let rows = answer.json["data"].as_array().expect("a list").iter();
    rows.map(|row| ["user_id", "measure", "by", "reason"].map(|key| row[key].as_str().expect("a text").to_owned())).collect()
}

#[tokio::test]
async fn who_is_banned_cannot_speak_and_is_told_why_and_is_heard_again_when_it_is_lifted() {
    let site = Site::open().await;
    let (mut ann, mut bob) = (site.subscribe().await, site.subscribe().await);
    let (token, user) = (ann.token().to_owned(), ann.user_id().to_owned());
    site.say(&token, "rude").await;
    let path = |act: &str| format!("1/users/{user}/{act}");
    let answer = decide(&site, ADMIN_KEY, &path("ban"), r#"{"reason":"no <b>spam</b>"}"#).await;
    assert_eq!((answer.status, answer.json["data"]["id"].as_str()), (200, Some(&*id(2).to_string())), "{}", answer.text);
    ann.next_texts(1).await;
    let told_ann = told(&mut ann).await;
    assert_eq!(told_ann["message"], json!({ "status": "ban", "reason": "no <b>spam</b>" }), "why, not by whom");
    assert_eq!((&told_ann["author_id"], &told_ann["to_user_id"]), (&json!("0"), &json!(user)));

    let check = async |site: &Site, what: &str| {
        let refused = site.say(&token, "again").await;
        assert_eq!((refused.status, refused.error()), (403, "A moderator has banned you from writing here."), "{what}");
        let private = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob", "message": 1 });
        assert_eq!(site.publish(&token, &private).await.status, 403, "{what}: to nobody");
        assert_eq!(sanctions(site).await, [[&*user, "ban", "admin", "no <b>spam</b>"]], "{what}");
        assert_eq!(site.say(bob.token(), "fine").await.status, 200, "{what}: the others may");
    };
    check(&site, "at once").await;
    let site = site.restart().await;
    check(&site, "after a restart").await;
    assert_eq!(decide(&site, ADMIN_KEY, &path("lift"), "").await.status, 200, "no reason is needed");
    assert_eq!(site.say(&token, "sorry").await.status, 200);
    assert!(sanctions(&site).await.is_empty());
    let site = site.restart().await;
    assert_eq!(site.say(&token, "thanks").await.status, 200);
    bob.next_texts(1).await;
    assert_eq!(told(&mut bob).await["message"]["message_text"], "fine", "nobody else is told");
}

#[tokio::test]
async fn a_time_out_ends_by_itself() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let (token, user) = (events.token().to_owned(), events.user_id().to_owned());
    let path = format!("1/users/{user}/timeout");
    assert_eq!(decide(&site, ADMIN_KEY, &path, r#"{"seconds":600,"reason":"calm down"}"#).await.status, 200);
    let notice = told(&mut events).await;
    assert_eq!((&notice["message"]["status"], &notice["message"]["reason"]), (&json!("timeout"), &json!("calm down")));
    assert!(notice["message"]["until"].as_str().is_some_and(|until| until > notice["sent_at"].as_str().expect("a time")));
    assert!(matches!(notice["message"]["seconds_left"].as_u64(), Some(590..=600)), "{notice}");
    let refused = site.say(&token, "again").await;
    assert_eq!((refused.status, refused.error()), (403, "A moderator has timed you out. You can write again in 10 minutes."));
    assert!(matches!(refused.header("retry-after").parse(), Ok(1..=600)), "{refused:?}");
    assert_eq!(site.request(&token).await.status, 200, "to read is another matter");
    // The later decision counts.
    assert_eq!(decide(&site, ADMIN_KEY, &path, r#"{"seconds":1}"#).await.status, 200);
    let mut status = 403;
    while status == 403 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        status = site.say(&token, "calm").await.status;
    }
    assert_eq!(status, 200);
    assert!(sanctions(&site).await.is_empty());
}

#[tokio::test]
async fn a_role_may_decide_who_speaks_or_not() {
    let site = Site::with(Setting::default()).await;
    use Capability::{DeleteMessage, DisconnectUser, SendMessage};
    let rows = [
        ("nobody", String::new(), 401),
        ("somebody with another key", "wrong".into(), 401),
        ("a guest", site.guest_token(RoomId::FIRST), 403),
        ("who may delete", token_of(&site, "deleter", &[SendMessage, DeleteMessage]), 403),
        ("a moderator", token_of(&site, "mod", &[DisconnectUser]), 200),
        ("who has the admin key", ADMIN_KEY.into(), 200),
    ];
    for (who, key, status) in rows {
        for (act, body) in [("timeout", r#"{"seconds":60}"#), ("ban", "{}"), ("lift", "")] {
            let answer = decide(&site, &key, &format!("1/users/ann/{act}"), body).await;
            assert_eq!(answer.status, status, "{who}, {act}: {}", answer.text);
        }
        let request = Request::get("/v1/streams/1/sanctions").header("authorization", format!("Bearer {key}"));
        assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, status, "{who}, to see");
    }
}

#[tokio::test]
async fn decisions_that_are_none_are_refused() {
    let site = Site::open().await;
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(257));
    let too_long = format!("1/users/{}/ban", "x".repeat(134));
    let rows = [
        ("9/users/ann/ban", "", 404, "no room 9"),
        (&*too_long, "", 400, "not the id of a user"),
        ("1/users/ann/timeout", "", 400, "\"seconds\" is missing"),
        ("1/users/ann/timeout", r#"{"seconds":0.5}"#, 400, "from 1 to 1,209,600 seconds"),
        ("1/users/ann/timeout", r#"{"seconds":-1}"#, 400, "from 1 to"),
        ("1/users/ann/timeout", r#"{"seconds":1209601}"#, 400, "from 1 to"),
        ("1/users/ann/timeout", r#"{"seconds":1e300}"#, 400, "from 1 to"),
        ("1/users/ann/timeout", r#"{"seconds":"60"}"#, 400, "JSON object"),
        ("1/users/ann/ban", r#"{"minutes":1}"#, 400, "unknown field"),
        ("1/users/ann/ban", "[", 400, "JSON object"),
        ("1/users/ann/ban", &long, 400, "256 are allowed"),
    ];
    for (path, body, status, part) in rows {
        let answer = decide(&site, ADMIN_KEY, path, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
        assert!(answer.error().contains(part), "{path} {body}: {}", answer.text);
    }
    assert!(sanctions(&site).await.is_empty());
}

#[tokio::test]
async fn a_page_says_what_was_decided() {
    let site = Site::open().await;
    let page = site.get("/").await;
    let cookie = page.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let token = cookie.split_once('=').expect("a token").1;
    let user = site.hub.tokens().check(token, RoomId::FIRST).expect("ours").user;
    decide(&site, ADMIN_KEY, &format!("1/users/{user}/ban"), r#"{"reason":"</script><b>"}"#).await;
    let request = Request::get("/").header("cookie", cookie).body(Body::empty()).expect("a request");
    let page = site.send(request).await.text;
    assert!(page.contains("A moderator has banned you from writing here. Reason: &lt;/script&gt;&lt;b&gt;"), "{page}");
    assert!(!page.contains("</script><b>"));
    assert!(!site.get("/").await.shown().contains("banned you from writing"), "to them alone");
}

/// Says something on a connection from `source`, and gives the status.
pub(super) async fn say_from(site: &Site, source: &str, forwarded_for: &str, token: &str) -> u16 {
    let username = format!("user {}", token.rsplit('.').next().unwrap_or_default());
    say_from_as(site, source, forwarded_for, token, &username).await
}

/// The same under a name.
pub async fn say_from_as(site: &Site, source: &str, forwarded_for: &str, token: &str, username: &str) -> u16 {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{source}:0").parse().expect("an address")).expect("an address of this machine");
    let mut stream = socket.connect(site.addr).await.expect("a server");
    let message = json!({ "type": "chat", "username": username, "message_text": "hi" });
    let body = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message }).to_string();
    let forwarded_for = if forwarded_for.is_empty() { String::new() } else { format!("X-Forwarded-For: {forwarded_for}\r\n") };
    let request = format!(
        "POST /publish/1?token={token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {forwarded_for}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("an open connection");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer["HTTP/1.1 ".len()..][..3].parse().expect("a status")
}

#[tokio::test]
async fn a_ban_by_address_holds_for_a_new_guest_from_there() {
    let site = Site::open().await;
    let ann = token_of(&site, "ann", &[Capability::SendMessage]);
    assert_eq!(say_from(&site, "127.0.0.2", "", &ann).await, 200);
    assert_eq!(decide(&site, ADMIN_KEY, "1/users/ann/ban", r#"{"address":true}"#).await.status, 200);
    let check = async |site: &Site, what: &str| {
        let new_guest = site.guest_token(RoomId::FIRST);
        assert_eq!(say_from(site, "127.0.0.2", "", &new_guest).await, 403, "{what}: a new cookie does not help");
        assert_eq!(say_from(site, "127.0.0.2", "203.0.113.7", &new_guest).await, 403, "{what}: nor does a header");
        assert_eq!(say_from(site, "127.0.0.3", "", &new_guest).await, 200, "{what}: the others may");
        assert_eq!(say_from(site, "127.0.0.3", "", &ann).await, 403, "{what}: another address does not help");
        let moderator = token_of(site, "mod", &[Capability::SendMessage, Capability::DisconnectUser]);
        assert_eq!(say_from(site, "127.0.0.2", "", &moderator).await, 200, "{what}: who may lift it is not under it");
    };
    check(&site, "at once").await;
    let site = site.restart().await;
    check(&site, "after a restart").await;
    assert_eq!(decide(&site, ADMIN_KEY, "1/users/ann/ban", "").await.status, 200);
    assert_eq!(say_from(&site, "127.0.0.2", "", &site.guest_token(RoomId::FIRST)).await, 200, "the user alone");
    // Again by address: where they spoke from before the restart is not known any more, but it was when it was decided first.
    assert_eq!(decide(&site, ADMIN_KEY, "1/users/ann/lift", "").await.status, 200);
    assert_eq!(say_from(&site, "127.0.0.2", "", &ann).await, 200);
    assert_eq!(decide(&site, ADMIN_KEY, "1/users/ann/ban", r#"{"address":true}"#).await.status, 200);
    let site = site.restart().await;
    assert_eq!(decide(&site, ADMIN_KEY, "1/users/ann/ban", r#"{"reason":"again","address":true}"#).await.status, 200);
    check(&site, "decided again").await;
    // Who only listens is found too.
    let reader = site.subscribe().await;
    let path = format!("1/users/{}", reader.user_id());
    assert_eq!(decide(&site, ADMIN_KEY, &format!("{path}/timeout"), r#"{"seconds":60,"address":true}"#).await.status, 200);
    assert_eq!(say_from(&site, "127.0.0.1", "", &site.guest_token(RoomId::FIRST)).await, 403);
    assert_eq!(decide(&site, ADMIN_KEY, &format!("{path}/lift"), "").await.status, 200);
    assert_eq!(say_from(&site, "127.0.0.1", "", &site.guest_token(RoomId::FIRST)).await, 200);
    let page = std::fs::read(site.path().join("live-chat.db")).expect("a file");
    let wal = std::fs::read(site.path().join("live-chat.db-wal")).expect("a file");
    let clear = [b"127.0.0.1".as_slice(), b"127.0.0.2"];
    assert!(!clear.iter().any(|ip| [&page, &wal].iter().any(|file| file.windows(9).any(|w| w == *ip))), "no address is stored");
}

#[tokio::test]
async fn a_ban_is_one_of_the_user_alone_unless_the_address_is_chosen_too() {
    let site = Site::open().await;
    let token = |name: &str| token_of(&site, name, &[Capability::SendMessage]);
    let moderator = token_of(&site, "mod", &[Capability::SendMessage, Capability::DisconnectUser]);
    let address_of = async |user: &str, token: &str| {
        let request =
            Request::get(format!("/v1/streams/1/users/{user}/address")).header("authorization", format!("Bearer {token}"));
        site.send(request.body(Body::empty()).expect("a request")).await
    };
    for name in ["ann", "bob", "cy"] {
        assert_eq!(say_from(&site, "127.0.0.2", "", &token(name)).await, 200);
    }
    assert_eq!(say_from(&site, "127.0.0.3", "", &token("dee")).await, 200);
    let _reader = site.subscribe().await;
    let unknown = address_of("nobody", &moderator).await;
    assert_eq!((unknown.status, &unknown.json["data"]), (200, &json!({ "known": false, "others": 0 })));
    assert_eq!(address_of("ann", &moderator).await.json["data"], json!({ "known": true, "others": 2 }));
    assert_eq!(address_of("dee", &moderator).await.json["data"], json!({ "known": true, "others": 0 }));
    assert_eq!(address_of("ann", &token("bob")).await.status, 403, "who moderates alone is told");
    let banned = decide(&site, &moderator, "1/users/ann/ban", "").await;
    assert_eq!((banned.status, &banned.json["data"]["others"]), (200, &Value::Null));
    assert_eq!(say_from(&site, "127.0.0.2", "", &token("ann")).await, 403);
    assert_eq!(say_from(&site, "127.0.0.2", "", &token("bob")).await, 200, "others are not banned with her");
    let banned = decide(&site, &moderator, "1/users/ann/ban", r#"{"address":true}"#).await;
    assert_eq!((banned.status, &banned.json["data"]["others"]), (200, &json!(2)));
    assert_eq!(say_from(&site, "127.0.0.2", "", &token("bob")).await, 403);
    let audit = Request::get("/v1/streams/1/audit").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let audit = site.send(audit.body(Body::empty()).expect("a request")).await;
    let addresses: Vec<_> = (0..2).map(|n| audit.json["data"][n]["addresses"].clone()).collect();
    assert_eq!(addresses, [json!(1), json!(0)], "{}", audit.text);
    let log = site.page("/admin/rooms/1/log", &format!("live-chat-admin={}", site.hub.sign_in())).await;
    assert_eq!(log.shown().matches("by address too (addresses: 1)").count(), 1, "{}", log.shown());
}

#[tokio::test]
async fn behind_a_proxy_a_ban_by_address_is_one_of_the_address_that_it_names() {
    let trusted_proxies = crate::server::TrustedProxies::new(Some(["127.0.0.1/32".parse().expect("a network")].into()));
    let site = Site::with(Setting { trusted_proxies, ..Setting::default() }).await;
    let ann = token_of(&site, "ann", &[Capability::SendMessage]);
    assert_eq!(say_from(&site, "127.0.0.1", "198.51.100.1", &ann).await, 200);
    assert_eq!(decide(&site, ADMIN_KEY, "1/users/ann/ban", r#"{"address":true}"#).await.status, 200);
    let rows = [
        ("127.0.0.1", "198.51.100.1", 403),
        ("127.0.0.1", "203.0.113.7, 198.51.100.1", 403),
        ("127.0.0.1", "198.51.100.2", 200),
        ("127.0.0.1", "198.51.100.1, 198.51.100.2", 200),
        ("127.0.0.2", "198.51.100.1", 200),
        ("127.0.0.2", "", 200),
    ];
    for (source, forwarded_for, status) in rows {
        let guest = site.guest_token(RoomId::FIRST);
        assert_eq!(say_from(&site, source, forwarded_for, &guest).await, status, "{source} for {forwarded_for:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_configured_is_reported_and_not_believed() {
    let trusted_proxies = crate::server::TrustedProxies::default();
    let site = Site::with(Setting { trusted_proxies, ..Setting::default() }).await;
    let admin = async || {
        let session = format!("live-chat-admin={}", site.hub.sign_in());
        site.page("/admin", &session).await.shown().contains("--trusted-proxies")
    };
    let ann = token_of(&site, "ann", &[Capability::SendMessage]);
    assert_eq!(say_from(&site, "127.0.0.2", "", &ann).await, 200);
    assert_eq!(site.get("/health/ready").await.text, "OK\n");
    assert!(!admin().await);
    assert_eq!(say_from(&site, "127.0.0.2", "198.51.100.1", &ann).await, 200);
    let ready = site.get("/health/ready").await;
    assert_eq!(ready.status, 200);
    assert!(ready.text.contains("--trusted-proxies") && !ready.text.contains("127.0.0.2"), "{}", ready.text);
    assert!(admin().await);
    assert_eq!(decide(&site, ADMIN_KEY, "1/users/ann/ban", r#"{"address":true}"#).await.status, 200);
    for forwarded_for in ["198.51.100.1", "203.0.113.7", "1", ""] {
        let guest = site.guest_token(RoomId::FIRST);
        assert_eq!(say_from(&site, "127.0.0.2", forwarded_for, &guest).await, 403, "no header helps: {forwarded_for}");
        assert_eq!(say_from(&site, "127.0.0.3", forwarded_for, &guest).await, 200, "nor hurts: {forwarded_for}");
    }
}

#[tokio::test]
async fn who_moderates_makes_announcements_and_nobody_else() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let announcement = json!({
        "type": "broadcast", "widget_key": WIDGET_KEY, "announcement": true, "message": { "username": "Robin", "message_text": "Soon!" },
    });
    let refused = site.publish(events.token(), &announcement).await;
    assert_eq!((refused.status, refused.error()), (403, "You may not do this: your token lacks the capability DISCONNECT_USER."));
    let moderator = token_of(&site, "robin", &[Capability::SendMessage, Capability::DisconnectUser]);
    assert_eq!(site.publish(&moderator, &announcement).await.status, 200);
    assert_eq!(site.say(&moderator, "and more").await.status, 200);
    let [first, second] = [told(&mut events).await, told(&mut events).await];
    assert_eq!((&first["type"], &first["announcement"]), (&json!("broadcast"), &json!(true)));
    assert_eq!((&second["type"], &second["announcement"]), (&json!("broadcast"), &Value::Null));
    let site = site.restart().await;
    let history = site.get("/v1/streams/1/messages").await.json;
    assert_eq!((&history["data"][0]["announcement"], &history["data"][1]["announcement"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn a_moderator_pins_a_public_message_and_nothing_else() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let guest = events.token().to_owned();
    site.say(&guest, "the rules").await;
    let private = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": "bob", "message": 1 });
    site.publish(&guest, &private).await;
    site.say(&guest, "gone").await;
    delete(&site, ADMIN_KEY, &format!("1/messages/{}", id(3))).await;
    let moderator = token_of(&site, "robin", &[Capability::DisconnectUser]);
    let pin = async |token: &str, id: &str| {
        let request = Request::post("/v1/streams/1/settings").header("authorization", format!("Bearer {token}"));
        let body = json!({ "pinned_message": id }).to_string();
        site.send(request.header("content-type", "application/json").body(body.into()).expect("a request")).await
    };
    let of_another_room = MessageId { room: RoomId::new(2).expect("in range"), seq: 1 }.to_string();
    for wrong in [&*id(2).to_string(), &*id(3).to_string(), &*id(4).to_string(), &*id(99).to_string(), &*of_another_room, "x"] {
        let refused = pin(&moderator, wrong).await;
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(refused.error().contains("\"pinned_message\" must be the id of a public message"), "{wrong}: {}", refused.text);
    }
    assert_eq!(pin(&guest, &id(1).to_string()).await.status, 403);
    assert_eq!(pin(&moderator, &id(1).to_string()).await.status, 200);
    loop {
        let event = told(&mut events).await;
        if event["message"]["status"] == "settings" {
            assert_eq!(event["message"]["pinned_message"], id(1).to_string());
            break;
        }
    }
    let one = site.get(&format!("/v1/streams/1/messages/{}", id(1))).await;
    assert_eq!((one.status, &one.json["data"]["message"]["message_text"]), (200, &json!("the rules")));
    for (path, status) in [(id(2).to_string(), 404), (id(3).to_string(), 410), ("x".to_owned(), 404), (of_another_room, 404)] {
        assert_eq!(site.get(&format!("/v1/streams/1/messages/{path}")).await.status, status, "{path}");
    }
    assert!(site.get("/").await.shown().contains("id=\"pinned\""));
    delete(&site, ADMIN_KEY, &format!("1/messages/{}", id(1))).await;
    let page = site.get("/").await;
    assert!(!page.text.contains("the rules") && !page.shown().contains("id=\"pinned\""), "nor above the chat");
    assert_eq!(pin(&moderator, "").await.status, 200);
    let new = site.administer("/v1/streams/create", &json!({ "name": "New", "pinned_message": id(1).to_string() })).await;
    assert_eq!(new.status, 400, "{}", new.text);
}
