use axum::{
    body::Body,
    http::{Request, request::Builder},
};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY},
};
use crate::{
    chat::{NewWidgetKey, Origins, RoomId, Settings, WidgetKey},
    engine::{Engine, EngineError, OpenError, Sqlite},
};

fn origins(list: &[&str]) -> Origins {
    list.iter().map(|origin| origin.parse().expect("an origin")).collect()
}

async fn create(site: &Site, body: Value) -> String {
    let answer = site.administer("/v1/widget-keys", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["data"]["key"].as_str().expect("a key").to_owned()
}

async fn send(site: &Site, method: &str, uri: &str) -> Answer {
    let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {ADMIN_KEY}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

async fn revoke(site: &Site, key: &str) -> Answer {
    send(site, "DELETE", &format!("/v1/widget-keys/{key}")).await
}

/// Says something with a widget key, from a page of that origin if there is one.
async fn publish(site: &Site, room: u32, key: &str, origin: Option<&str>) -> Answer {
    let token = site.guest_token(RoomId::new(room.into()).expect("a number"));
    let message = json!({ "type": "chat", "username": "ann", "message_text": "hi" });
    let body = json!({ "type": "broadcast", "widget_key": key, "message": message });
    let request = from(origin).method("POST").uri(format!("/publish/{room}?token={token}"));
    site.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

/// A request to the chat at `chat.example`, as a page of that origin sends it.
fn from(origin: Option<&str>) -> Builder {
    let request = Request::builder().header("host", "chat.example").header("content-type", "application/json");
    match origin {
        Some(origin) => request.header("origin", origin),
        None => request,
    }
}

/// What the stream API shows of a room.
async fn shown(site: &Site, room: u32) -> String {
    let answer = send(site, "GET", &format!("/v1/streams/{room}")).await;
    answer.json["data"]["widget_key"].as_str().expect("a key").to_owned()
}

/// Makes room 2, live, and gives back its first key.
async fn second_room(site: &Site) -> String {
    let made = site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    for act in ["prepare", "start"] {
        assert_eq!(site.administer(&format!("/v1/streams/2/{act}"), &json!({})).await.status, 200);
    }
    made.json["data"]["widget_key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn a_key_opens_its_room_or_all_until_it_is_revoked() {
    let site = Site::open().await;
    let first_of_two = second_room(&site).await;
    let of_one = create(&site, json!({ "name": "One", "room": 1 })).await;
    let of_all = create(&site, json!({ "name": "All" })).await;
    let rows = [(WIDGET_KEY, 200, 200), (&*of_one, 200, 403), (&*of_all, 200, 200), (&*first_of_two, 403, 200), ("", 403, 403)];
    for (key, one, two) in rows {
        assert_eq!(publish(&site, 1, key, None).await.status, one, "{key}");
        assert_eq!(publish(&site, 2, key, None).await.status, two, "{key}");
    }
    for key in [&of_one, &of_all] {
        let revoked = revoke(&site, key).await;
        assert_eq!((revoked.status, &revoked.json["data"]["key"]), (200, &json!(key)));
        let refused = publish(&site, 1, key, None).await;
        assert_eq!(refused.status, 403);
        assert_eq!(refused.error(), "The widget key is not valid for this room, or was revoked. Please reload the page.");
        assert_eq!(revoke(&site, key).await.json, revoked.json, "once is enough");
    }
    assert_eq!(publish(&site, 1, WIDGET_KEY, None).await.status, 200, "the others stay");
    let site = site.restart().await;
    for (key, status) in [(&*of_one, 403), (&of_all, 403), (WIDGET_KEY, 200)] {
        assert_eq!(publish(&site, 1, key, None).await.status, status, "after a restart too: {key}");
    }
}

#[tokio::test]
async fn a_key_is_revoked_though_its_asker_goes_away() {
    let site = Site::open().await;
    let mut asked = Box::pin(site.hub.revoke_widget_key(WIDGET_KEY));
    // Asks. The writer's own thread may be done before this returns.
    let _ = futures::poll!(&mut asked);
    drop(asked);
    while site.hub.widget_keys()[0].revoked_at.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(publish(&site, 1, WIDGET_KEY, None).await.status, 403);
}

#[tokio::test]
async fn a_subscription_with_a_revoked_key_goes_on_to_read_and_writes_no_more() {
    let site = Site::open().await;
    let mut events = site.subscribe_with(&format!("/subscribe/1?widget_key={WIDGET_KEY}"), None).await;
    assert_eq!(site.say(events.token(), "before").await.status, 200);
    assert_eq!(revoke(&site, WIDGET_KEY).await.status, 200);
    assert_eq!(site.say(events.token(), "after").await.status, 403);
    assert_eq!(events.next_texts(1).await, ["before"]);
    assert_eq!(site.get(&format!("/subscribe/1?widget_key={WIDGET_KEY}")).await.status, 403, "a new one is refused");
    assert_eq!(site.history().await, ["before"]);
}

#[tokio::test]
async fn a_key_with_origins_is_for_pages_of_those_and_for_who_is_no_page() {
    let site = Site::open().await;
    let key = create(&site, json!({ "name": "Fan site", "allowed_origins": ["https://fans.example"] })).await;
    let rows = [
        (Some("https://fans.example"), 200),
        (Some("https://fans.example:8443"), 403),
        (Some("http://fans.example"), 403),
        (Some("https://evil.example"), 403),
        (Some("null"), 403),
        // Our own page, and a server or an app.
        (Some("https://chat.example"), 200),
        (None, 200),
    ];
    for (origin, status) in rows {
        let answer = publish(&site, 1, &key, origin).await;
        assert_eq!(answer.status, status, "{origin:?}");
        let request = from(origin).uri(format!("/subscribe/1?widget_key={key}"));
        let subscribed = site.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(subscribed.status, status, "{origin:?}");
        if let (Some(origin), 403) = (origin, status) {
            assert_eq!(answer.error(), format!("Pages of {origin} may not use this chat: whoever runs it has to allow that."));
        }
        assert_eq!(publish(&site, 1, WIDGET_KEY, origin).await.status, 200, "a key without origins is for all");
    }
}

#[tokio::test]
async fn a_room_shows_its_newest_key_then_one_of_all_rooms_then_none() {
    let site = Site::open().await;
    let first_of_two = second_room(&site).await;
    let of_one = create(&site, json!({ "name": "One", "room": 1 })).await;
    let of_all = create(&site, json!({ "name": "All" })).await;
    assert_eq!((shown(&site, 1).await, shown(&site, 2).await), (of_one.clone(), first_of_two));
    assert!(site.get("/rooms/1").await.text.contains(&of_one), "its page publishes with it");
    revoke(&site, &of_one).await;
    assert_eq!(shown(&site, 1).await, of_all);
    revoke(&site, &of_all).await;
    assert_eq!(shown(&site, 1).await, WIDGET_KEY);
    revoke(&site, WIDGET_KEY).await;
    assert_eq!(shown(&site, 1).await, "");
    let site = site.restart().await;
    assert_eq!(shown(&site, 1).await, "", "the configured key was revoked, and stays so");
    assert_eq!(publish(&site, 1, "", None).await.status, 403);
    let next = create(&site, json!({ "name": "Again", "room": 1 })).await;
    assert_eq!(shown(&site, 1).await, next);
}

#[tokio::test]
async fn keys_are_listed_the_newest_first_with_what_became_of_them() {
    let site = Site::open().await;
    let fans = json!({ "name": "Fan <b>site", "room": 1, "allowed_origins": ["https://fans.example", "http://localhost:8080"] });
    let key = create(&site, fans.clone()).await;
    revoke(&site, WIDGET_KEY).await;
    let list = send(&site, "GET", "/v1/widget-keys").await;
    let [new, old] = &list.json["data"].as_array().expect("a list")[..] else { panic!("{}", list.text) };
    for field in ["name", "room", "allowed_origins"] {
        assert_eq!(new[field], fans[field]);
    }
    assert_eq!((&new["key"], &new["revoked_at"]), (&json!(key), &json!(null)));
    assert_eq!((&old["key"], &old["name"], &old["room"]), (&json!(WIDGET_KEY), &json!("Configured"), &json!(null)));
    let [new, old] = &site.hub.widget_keys()[..] else { panic!("two keys") };
    assert!(old.created_at < new.created_at && old.revoked_at >= Some(old.created_at));
    let site = site.restart().await;
    assert_eq!(send(&site, "GET", "/v1/widget-keys").await.json, list.json, "kept over a restart");
}

#[tokio::test]
async fn the_first_key_of_a_room_is_called_after_the_room() {
    let site = Site::open().await;
    second_room(&site).await;
    site.administer("/v1/streams/create", &json!({ "name": "Three" })).await;
    let signed_in = format!("live-chat-admin={}", site.hub.sign_in());
    let page = site.page("/admin/keys", &signed_in).await.text;
    for name in ["Two", "Three"] {
        assert!(page.contains(&format!("<h2><bdi>{name}</bdi></h2>")), "{page}");
    }
    assert!(!page.contains("First key"));
    let code = page.find("Code for your site").expect("the code");
    assert!(code < page.find("Sign-in of games").expect("the sign-in"), "what most come for is first");
}

#[tokio::test]
async fn a_key_that_cannot_be_is_refused_with_the_reason() {
    let site = Site::open().await;
    let many: Vec<_> = (0..33).map(|n| format!("https://{n}.example")).collect();
    let rows = [
        (json!([]), 400, "JSON object"),
        (json!({}), 400, "name"),
        (json!({ "name": " " }), 400, "1 to 64 characters"),
        (json!({ "name": "x".repeat(65) }), 400, "1 to 64 characters"),
        (json!({ "name": "a\u{7}" }), 400, "control characters"),
        (json!({ "name": "x", "room": "1" }), 400, "invalid type"),
        (json!({ "name": "x", "room": 0 }), 404, "no room 0"),
        (json!({ "name": "x", "room": 9 }), 404, "no room 9"),
        (json!({ "name": "x", "origins": [] }), 400, "unknown field"),
        (json!({ "name": "x", "allowed_origins": "https://a.example" }), 400, "a sequence"),
        (json!({ "name": "x", "allowed_origins": ["https://a.example/"] }), 400, "\"https://a.example/\" is not an origin"),
        (json!({ "name": "x", "allowed_origins": many }), 400, "at most 32 origins"),
    ];
    for (body, status, part) in rows {
        let answer = site.administer("/v1/widget-keys", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.error().contains(part), "{body}: {}", answer.text);
    }
    for (uri, status) in [("/v1/widget-keys/none", 404), ("/v1/widget-keys/%ff", 400), ("/v1/widget-keys/", 405)] {
        assert_eq!(send(&site, "DELETE", uri).await.status, status, "{uri}");
    }
    assert_eq!(site.hub.widget_keys().len(), 1);
}

#[tokio::test]
async fn keys_are_for_whoever_runs_the_chat() {
    let site = Site::open().await;
    let session = format!("live-chat-admin={}", site.hub.sign_in());
    let guest = format!("Bearer {}", site.guest_token(RoomId::FIRST));
    let owner = site.hub.tokens().sign(site.guest(), RoomId::FIRST, crate::chat::Capabilities::owner(), None);
    let by_owner = format!("Bearer {owner}");
    // What is shown, from where, and the answer.
    let rows = [
        (("authorization", ""), None, 401),
        (("authorization", "Bearer wrong"), None, 401),
        (("authorization", &*guest), None, 403),
        (("authorization", &*by_owner), None, 403),
        (("cookie", "live-chat-admin=x"), None, 401),
        (("cookie", &*session), Some("cross-site"), 403),
        (("cookie", &*session), Some("same-site"), 403),
        (("cookie", &*session), Some("same-origin"), 200),
        (("cookie", &*session), None, 200),
    ];
    for ((name, value), from_site, status) in rows {
        for (method, uri) in [("GET", "/v1/widget-keys"), ("POST", "/v1/widget-keys"), ("DELETE", "/v1/widget-keys/widget-key")] {
            let mut request = from(None).method(method).uri(uri).header(name, value);
            if let Some(site) = from_site {
                request = request.header("sec-fetch-site", site);
            }
            let answer = site.send(request.body(Body::from(r#"{"name":"x"}"#)).expect("a request")).await;
            assert_eq!(answer.status, status, "{method} {name}: {value} {from_site:?}");
        }
        let is_revoked = site.hub.widget_keys().iter().any(|key| key.revoked_at.is_some());
        assert_eq!(is_revoked, site.hub.widget_keys().len() > 1, "refused is refused");
    }
}

fn open(folder: &std::path::Path, key: Option<&str>) -> Sqlite {
    Sqlite::open(folder, key, std::sync::Arc::new(|_| ())).expect("a usable folder")
}

fn names(keys: &[WidgetKey]) -> Vec<(&str, Option<u32>)> {
    keys.iter().map(|key| (&*key.name, key.room.map(RoomId::get))).collect()
}

#[tokio::test]
async fn the_store_keeps_keys_in_their_order_and_a_configured_one_opens_every_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), None);
    let new = |name: &str, room| NewWidgetKey { name: name.into(), room, allowed_origins: origins(&["https://a.example"]) };
    let nowhere = RoomId::new(9);
    assert!(matches!(engine.create_widget_key(new("x", nowhere)).await, Err(EngineError::UnknownRoom(_))));
    assert!(matches!(engine.revoke_widget_key("none".into()).await, Err(EngineError::UnknownWidgetKey)));
    let made = engine.create_widget_key(new("All", None)).await.expect("made");
    let room = Settings { slug: "two".into(), ..Settings::default() };
    let (room, first) = engine.create_room(room).await.expect("made");
    assert_eq!((first.room, first.name.as_str(), first.revoked_at), (Some(room.id), WidgetKey::FIRST, None));
    let before = engine.widget_keys().await.expect("readable");
    assert_eq!(names(&before), [("First key", None), ("All", None), ("First key", Some(2))]);
    assert!(before.is_sorted_by_key(|key| key.created_at) && before[1] == made && before[2] == first);
    drop(engine);

    for key in ["mine", "mine"] {
        let engine = open(folder.path(), Some(key));
        let keys = engine.widget_keys().await.expect("readable");
        assert_eq!((&keys[..3], keys.len()), (&before[..], 4), "it is added to what there is, once");
        assert_eq!((&*keys[3].key, keys[3].room), ("mine", None));
    }
    let engine = open(folder.path(), None);
    let revoked = engine.revoke_widget_key("mine".into()).await.expect("revoked");
    assert!(revoked.revoked_at.is_some());
    drop(engine);
    let keys = open(folder.path(), Some("mine")).widget_keys().await.expect("readable");
    assert_eq!(keys[3], revoked, "what is revoked is not brought back by the configuration");
}

#[tokio::test]
async fn the_configured_and_the_first_key_of_an_older_version_open_every_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), None);
    let of_one = NewWidgetKey { name: "Fan site".into(), room: Some(RoomId::FIRST), allowed_origins: origins(&[]) };
    engine.create_widget_key(of_one.clone()).await.expect("made");
    // One that somebody has called so, and tied to the room.
    engine.create_widget_key(NewWidgetKey { name: WidgetKey::FIRST.into(), ..of_one }).await.expect("made");
    drop(engine);
    drop(open(folder.path(), Some("mine")));
    let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    let downgrade = "DROP TABLE undoable; DROP TABLE undoable_reactions; DROP TABLE undoable_held;
                     DROP TABLE appearance; UPDATE widget_keys SET room = 1; PRAGMA user_version = 24";
    connection.execute_batch(downgrade).expect("runs");
    drop(connection);
    let keys = open(folder.path(), Some("mine")).widget_keys().await.expect("readable");
    let one = Some(1);
    assert_eq!(names(&keys), [("First key", None), ("Fan site", one), ("First key", one), ("Configured", None)]);
}

#[tokio::test]
async fn a_lost_revocation_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), Some("mine"));
    let crashed = tempfile::tempdir().expect("a folder");
    let copy = |file: &str| std::fs::copy(folder.path().join(file), crashed.path().join(file)).expect("a copy");
    copy("live-chat.db");
    copy("live-chat.db-wal");
    engine.revoke_widget_key("mine".into()).await.expect("revoked");
    copy("live-chat.run");
    let refused = Sqlite::open(crashed.path(), None, std::sync::Arc::new(|_| ())).err();
    assert!(matches!(refused, Some(OpenError::Lost { found: 2, stored: 3, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_key_that_two_rooms_had_in_an_older_version_is_one_of_all_rooms() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), None);
    let room = |slug: &str| Settings { slug: slug.into(), ..Settings::default() };
    for slug in ["two", "three"] {
        engine.create_room(room(slug)).await.expect("made");
    }
    drop(engine);
    let connection = rusqlite::Connection::open(folder.path().join(Sqlite::FILE)).expect("opens");
    let downgrade = "DROP TABLE held; DROP TABLE authors; DROP TABLE invitations; DROP TABLE revocations; ALTER TABLE events DROP COLUMN profile; DROP TABLE names;
                     DROP TABLE widget_keys; ALTER TABLE rooms ADD COLUMN widget_key TEXT NOT NULL DEFAULT 'shared';
                     UPDATE rooms SET widget_key = 'own' WHERE id = 2; PRAGMA user_version = 11";
    connection.execute_batch(super::store::TO_17).expect("runs");
    connection.execute_batch(downgrade).expect("runs");
    drop(connection);
    super::store::count_less(folder.path(), 3);
    let engine = open(folder.path(), None);
    let mut keys: Vec<_> = engine.widget_keys().await.expect("readable").into_iter().map(|key| (key.key, key.room)).collect();
    keys.sort();
    assert_eq!(keys, [("own".to_owned(), RoomId::new(2)), ("shared".to_owned(), None)]);
    assert_eq!(engine.create_room(room("four")).await.expect("made").0.id.get(), 4);
}
