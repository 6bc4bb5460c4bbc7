use std::collections::BTreeMap;

use axum::{body::Body, http::Request};
use serde_json::json;

use super::{Answer, Site, site::PASSWORD};
use crate::{
    app::wire::{self, RoomView},
    chat::{RoomId, RoomState},
    server::SignInSource,
};

#[tokio::test]
async fn who_knows_the_password_signs_in_and_out() {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "</td><b>Two" })).await;
    let form = site.get("/admin").await;
    assert!(form.text.contains("type=\"password\"") && !form.text.contains("Sign out"), "{}", form.text);
    let signed_in = site.sign_in(PASSWORD).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/admin"));
    let set = signed_in.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let rooms = site.page("/admin", signed_in.cookie()).await;
    assert!(rooms.text.contains("Sign out") && rooms.text.contains("&lt;/td&gt;&lt;b&gt;Two") && !rooms.text.contains("<b>Two"));
    assert_eq!((rooms.header("cache-control"), rooms.header("set-cookie")), ("no-store, no-transform", ""));
    assert!(rooms.header("content-security-policy").contains("frame-ancestors"), "no click is stolen");
    let signed_out = site.submit("/admin/sign-out", signed_in.cookie(), "same-origin", String::new()).await;
    assert_eq!(signed_out.status, 303);
    assert!(
        signed_out.header("set-cookie").contains("live-chat-admin=; ") && signed_out.header("set-cookie").contains("Max-Age=0")
    );
}

#[tokio::test]
async fn who_does_not_know_the_password_stays_outside() {
    let site = Site::open().await;
    for wrong in ["", "x", "A PASSWORD FOR TESTS"] {
        let answer = site.sign_in(wrong).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{wrong:?}");
        assert!(answer.text.contains("Wrong password."));
    }
    for body in ["", "word=x"] {
        assert_eq!(site.submit("/admin", "", "same-origin", body).await.status, 422, "{body:?}");
    }
    let room_token = site.guest_token(RoomId::FIRST);
    for forged in ["live-chat-admin=", "live-chat-admin=x", &format!("live-chat-admin={room_token}")] {
        assert!(!site.page("/admin", forged).await.text.contains("Sign out"), "{forged}");
    }
}

#[tokio::test]
async fn wrong_passwords_lock_nobody_out() {
    let site = Site::open().await;
    for _ in 0..6 {
        assert_eq!(site.sign_in("wrong").await.status, 403);
    }
    let answer = site.sign_in(PASSWORD).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
}

#[tokio::test]
async fn a_flood_of_wrong_passwords_does_not_delay_a_device_that_has_signed_in() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let set = signed_in.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    let device = set.filter_map(|cookie| cookie.split(';').next()).find(|cookie| cookie.starts_with("live-chat-device="));
    let device = device.expect("a device's cookie");
    let form = format!("password={}", PASSWORD.replace(' ', "+"));
    let flood = futures::future::join_all((0..40).map(|_| site.sign_in("wrong")));
    let own = async {
        // The flood is there first, and its line is full.
        while site.sign_in("wrong").await.status != 429 {}
        site.submit("/admin", device, "same-origin", &*form).await
    };
    tokio::select! {
        biased;
        _ = flood => panic!("the device waits for the flood"),
        answer = own => assert_eq!(answer.status, 303, "{}", answer.text),
    }
    // What it shows lets nobody in.
    assert!(!site.page("/admin", device).await.text.contains("Sign out"));
    let session = device.replace("live-chat-device", "live-chat-admin");
    assert!(!site.page("/admin", &session).await.text.contains("Sign out"));
}

#[tokio::test]
async fn other_sites_can_neither_sign_in_nor_out() {
    let site = Site::open().await;
    for from_site in ["cross-site", "same-site"] {
        let answer = site.submit("/admin", "", from_site, format!("password={}", PASSWORD.replace(' ', "+"))).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{from_site}");
        let answer = site.submit("/admin/sign-out", "", from_site, String::new()).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{from_site}");
    }
}

#[tokio::test]
async fn without_fetch_metadata_the_origin_tells_another_site() {
    let site = Site::open().await;
    for (origin, status) in
        [("http://chat.example", 303), ("http://evil.example", 403), ("null", 403), ("http://chat.example:81", 403)]
    {
        let request = Request::post("/admin/sign-out").header("host", "chat.example").header("origin", origin);
        assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn who_has_signed_in_moderates_on_the_page_and_its_stream() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    let request = format!("GET /subscribe/1 HTTP/1.1\r\nHost: localhost\r\nCookie: {session}\r\n\r\n");
    let own = super::Events::open(site.addr, &request).await;
    let page = site.page("/", session).await.text;
    assert!(page.contains("\"moderates\":true") && site.get("/").await.text.contains("\"moderates\":false"));
    let stored = site.say(own.token(), "hi").await;
    let id = stored.json["data"]["id"].as_str().expect("an id").to_owned();
    let delete = async |token: &str| {
        let request = Request::delete(format!("/v1/streams/1/messages/{id}")).header("authorization", format!("Bearer {token}"));
        site.send(request.body(Body::empty()).expect("a request")).await.status
    };
    let guest = site.subscribe().await;
    assert_eq!(delete(guest.token()).await, 403);
    assert_eq!(delete(own.token()).await, 200);
}

/// A page's form, posted as it would be by the owner's browser.
async fn post_as(site: &Site, session: &str, uri: &str, fields: &[(&str, &str)]) -> Answer {
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    site.submit(uri, session, "same-origin", body.join("&")).await
}

#[tokio::test]
async fn rooms_are_made_opened_and_ended_by_forms() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    let refused = post_as(&site, session, "/admin/rooms", &[("name", " ")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("must have 1 to 128 characters") && refused.text.contains("aria-invalid=\"true\""));
    let made = post_as(&site, session, "/admin/rooms", &[("name", "<b>Stage")]).await;
    assert_eq!((made.status, made.header("location")), (303, "/admin/rooms/2"));
    let room = site.page("/admin/rooms/2", session).await;
    assert!(room.text.contains("&lt;b&gt;Stage") && !room.text.contains("<b>Stage"), "{}", room.text);
    for (state, status) in [("prepared", 303), ("live", 303), ("prepared", 409), ("nonsense", 422)] {
        let answer = post_as(&site, session, "/admin/rooms/2/state", &[("state", state)]).await;
        assert_eq!(answer.status, status, "{state}: {}", answer.text);
    }
    let asked = site.page("/admin/rooms/2/end", session).await.text;
    assert!(asked.contains("Nobody can write once the room has ended") && asked.contains("The messages stay"), "{asked}");
    assert_eq!(post_as(&site, session, "/admin/rooms/2/end", &[]).await.status, 303);
    let list = site.page("/admin", session).await.text;
    assert!(list.contains("state ended") && list.contains("state live"), "{list}");
    assert_eq!(post_as(&site, session, "/admin/rooms/2/state", &[("state", "live")]).await.status, 303, "in one step");
    let made = post_as(&site, session, "/admin/rooms", &[("name", "Tonight"), ("start", "1")]).await;
    assert_eq!((made.status, made.header("location")), (303, "/admin/rooms/3"));
    let states: Vec<_> = site.hub.rooms().into_iter().map(|room| room.state).collect();
    assert_eq!(states, [RoomState::Live; 3]);
}

#[tokio::test]
async fn ending_a_room_deletes_nothing_unless_its_name_was_typed() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    site.administer("/v1/streams/1/settings", &json!({ "name": "Q&A <1>", "ephemeral": true })).await;
    let token = site.guest_token(RoomId::FIRST);
    site.say_as(&token, "ann", "keep me").await;
    let asked = site.page("/admin/rooms/1/end", session).await.text;
    assert!(asked.contains("can't be undone") && asked.contains("Q&amp;A &lt;1&gt;"), "{asked}");
    let messages = async || site.get("/v1/streams/1/messages").await.json["data"].as_array().expect("a list").len();
    for name in ["", "Q&A", "q&a <1>"] {
        let refused = post_as(&site, session, "/admin/rooms/1/end", &[("name", name)]).await;
        assert!(refused.status == 400 && refused.text.contains("not the room's name"), "{name}: {}", refused.text);
        assert_eq!(messages().await, 1, "{name}");
    }
    assert_eq!(post_as(&site, session, "/admin/rooms/1/end", &[("name", " Q&A <1> ")]).await.status, 303);
    assert_eq!(messages().await, 0);
    for uri in ["/admin/rooms/9/end", "/admin/rooms/x/end"] {
        assert_eq!(post_as(&site, session, uri, &[]).await.status, 404, "{uri}");
    }
}

#[tokio::test]
async fn one_click_sets_several_settings_or_the_shield() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    let settings = || site.hub.snapshot(RoomId::FIRST).expect("room 1").room.settings;
    let set = async |field: (&str, &str)| post_as(&site, session, "/admin/rooms/1/preset", &[field]).await.status;
    assert_eq!(set(("preset", "busy")).await, 303);
    let busy = settings();
    assert_eq!((busy.slow_mode_seconds, busy.messages_per_minute, busy.repeat_seconds, busy.message_chars), (5, 300, 30, 200));
    assert_eq!(set(("shield", "on")).await, 303);
    assert!(settings().shield && site.page("/admin/rooms/1", session).await.text.contains("Turn the shield off"));
    let newcomer = site.subscribe().await;
    let refused = site.say(newcomer.token(), "raid").await;
    assert!(refused.status == 403 && refused.text.contains("Newcomers"), "{}", refused.text);
    assert_eq!(set(("shield", "off")).await, 303);
    assert_eq!(settings(), busy, "its own settings are back");
    assert_eq!(site.say(newcomer.token(), "hello").await.status, 200);
    assert_eq!(set(("preset", "calm")).await, 303);
    assert_eq!((settings().slow_mode_seconds, settings().message_chars), (0, 0));
    for field in [("preset", "wild"), ("other", "x")] {
        assert_eq!(set(field).await, 404, "{field:?}");
    }
}

#[tokio::test]
async fn a_room_tells_where_it_is_found() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let page = site.page("/admin/rooms/1", signed_in.cookie()).await.text;
    let key = site.hub.widget_keys().remove(0).key;
    for part in ["/rooms/1<", "/overlay/1<", "/rooms/1/replay<", "/embed.js\" data-room=\"1\"", &key, "<svg"] {
        assert!(page.contains(part) || page.contains(&part.replace('"', "&quot;")), "{part}: {page}");
    }
}

#[tokio::test]
async fn settings_are_changed_by_a_form_that_keeps_what_was_refused() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    site.administer("/v1/streams/create", &json!({ "name": "Two", "slug": "two" })).await;
    let fields = |slug, slow| {
        [
            ("name", "Hall"),
            ("slug", slug),
            ("slow_mode_seconds", slow),
            ("paused", "on"),
            ("blocked_words", "damn\r\n\r\nh*ck\r\n"),
        ]
    };
    for (slug, slow, error) in [("two", "5", "is taken"), ("hall", "x", "whole number"), ("hall", "99999", "0 to 21600")] {
        let refused = post_as(&site, session, "/admin/rooms/1", &fields(slug, slow)).await;
        assert!(matches!(refused.status, 400 | 409), "{slug} {slow}: {}", refused.status);
        let errors = refused.text.matches("aria-invalid=\"true\"").count();
        assert!(refused.text.contains(error) && errors == 1, "{slug} {slow}: {}", refused.text);
        assert!(refused.text.contains("value=\"Hall\"") && refused.text.contains("h*ck"), "what was typed stays");
    }
    let origins = post_as(&site, session, "/admin/rooms/1", &[("allowed_origins", "example.com")]).await;
    assert!(origins.status == 400 && origins.text.contains("without a path"), "{}", origins.text);
    let saved = post_as(&site, session, "/admin/rooms/1", &fields("hall", "5")).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/admin/rooms/1?saved=#"));
    let settings = site.hub.snapshot(RoomId::FIRST).expect("room 1").room.settings;
    assert_eq!((&*settings.name, &*settings.slug, settings.slow_mode_seconds, settings.paused), ("Hall", "hall", 5, true));
    assert_eq!(settings.blocked_words, ["damn", "h*ck"]);
    assert!(site.page("/admin/rooms/1?saved=", session).await.text.contains("Saved."));
    let refused = post_as(&site, session, "/admin/rooms/1", &[("review_url", "http://10.0.0.1/")]).await;
    assert!(refused.status == 400 && refused.text.contains("no public address"), "{}", refused.text);
    assert_eq!(refused.text.matches("aria-invalid=\"true\"").count(), 1, "it is said at the field");
}

#[tokio::test]
async fn what_was_done_is_kept_with_who_did_it() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    let token = site.guest_token(RoomId::FIRST);
    let empty = site.page("/admin/rooms/1/log", session).await.text;
    assert!(empty.contains("Nothing yet."), "{empty}");
    let stored = site.say_as(&token, "ann", "<i>buy").await;
    let id = stored.json["data"]["id"].as_str().expect("an id").to_owned();
    let request = Request::delete(format!("/v1/streams/1/messages/{id}?reason=%3Cb%3Eadvert"));
    let request = request.header("authorization", format!("Bearer {}", super::site::ADMIN_KEY));
    assert_eq!(site.send(request.body(Body::empty()).expect("a request")).await.status, 200);
    site.administer("/v1/streams/1/users/eve/ban", &json!({ "reason": "adverts" })).await;
    site.administer("/v1/streams/1/settings", &json!({ "paused": true })).await;
    let site = site.restart().await;
    let page = site.page("/admin/rooms/1/log", session).await.text;
    for part in ["Message deleted", "ann: &lt;i&gt;buy", "&lt;b&gt;advert", "eve banned", "Settings changed", "admin"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let lifted = post_as(&site, session, "/admin/rooms/1/lift", &[("user", "eve")]).await;
    assert_eq!(lifted.status, 303);
    let read = async |uri: &str, key: &str| {
        let request = Request::get(uri).header("authorization", format!("Bearer {key}"));
        site.send(request.body(Body::empty()).expect("a request")).await
    };
    let audit = read("/v1/streams/1/audit", super::site::ADMIN_KEY).await;
    let whats = |answer: &Answer| {
        let data = answer.json["data"].as_array().expect("a list").clone();
        data.iter().map(|act| act["what"].as_str().expect("a word").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(whats(&audit), ["lift", "settings", "ban", "delete"]);
    assert_eq!(audit.json["data"][3]["deleted"]["message"]["message_text"], "<i>buy");
    assert_eq!((&audit.json["data"][3]["reason"], &audit.json["data"][3]["by"]), (&json!("<b>advert"), &json!("admin")));
    let second = audit.json["data"][1]["id"].as_str().expect("an id");
    let older = read(&format!("/v1/streams/1/audit?limit=1&before={second}"), super::site::ADMIN_KEY).await;
    assert_eq!((whats(&older), &older.json["meta"]["has_more"]), (vec!["ban".to_owned()], &json!(true)));
    assert_eq!(read("/v1/streams/1/audit", &token).await.status, 403);
    assert_eq!(read("/v1/streams/9/audit", super::site::ADMIN_KEY).await.status, 404);
}

#[tokio::test]
async fn the_pages_of_the_owner_are_the_owner_s_alone() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    for uri in ["/admin/rooms/1", "/admin/rooms/1/log"] {
        let answer = site.page(uri, "").await;
        assert_eq!((answer.status, answer.header("location")), (303, "/admin"), "{uri}");
        assert_eq!(site.page(uri, session).await.status, 200, "{uri}");
        assert_eq!(site.page(&uri.replace('1', "9"), session).await.status, 404, "{uri}");
        assert_eq!(site.page(&uri.replace('1', "x"), session).await.status, 404, "{uri}");
    }
    let forms = [
        ("/admin/rooms", "name=x"),
        ("/admin/rooms/1", "name=x"),
        ("/admin/rooms/1/state", "state=ended"),
        ("/admin/rooms/1/lift", "user=eve"),
    ];
    for (uri, body) in forms {
        assert_eq!(site.submit(uri, "", "same-origin", body).await.header("location"), "/admin", "{uri}");
        assert_eq!(site.submit(uri, session, "cross-site", body).await.status, 403, "{uri}");
    }
    assert_eq!(site.hub.position(0), site.hub.snapshot(RoomId::FIRST).expect("room 1").position, "nothing was done");
    assert_eq!(site.hub.rooms().len(), 1);
}

/// An address that is not known.
fn nowhere() -> SignInSource {
    SignInSource::Address(None)
}

#[tokio::test]
async fn a_password_is_made_once_and_kept_as_a_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("admin-password");
    let load = || crate::server::Password::load_or_make(&path);
    let (first, password) = load().expect("made");
    let password = password.expect("told once");
    assert!(!std::fs::read_to_string(&path).expect("a file").contains(&password));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (second, told) = load().expect("loaded");
    assert_eq!(told, None);
    for checks in [first, second] {
        assert!(checks.check(password.clone(), nowhere()).await.is_ok() && checks.check("x".into(), nowhere()).await.is_err());
    }
    std::fs::write(&path, "nonsense").expect("written");
    assert_eq!(load().map(drop).map_err(|error| error.kind()), Err(std::io::ErrorKind::InvalidData));
}

#[tokio::test]
async fn a_form_of_settings_takes_back_nothing_that_others_have_changed() {
    let site = Site::open().await;
    let signed_in = site.sign_in(PASSWORD).await;
    let session = signed_in.cookie();
    let change = async |change: serde_json::Value| {
        assert_eq!(site.administer("/v1/streams/1/settings", &change).await.status, 200);
    };
    let settings = || site.hub.snapshot(RoomId::FIRST).expect("room 1").room.settings;
    // Opened while neither was set. Meanwhile a moderator pauses the room and slows it down.
    change(json!({ "paused": true, "slow_mode_seconds": 30, "description": "<b>theirs" })).await;
    let mine = [
        ("slow_mode_seconds-before", "0"),
        ("slow_mode_seconds-on", "on"),
        ("slow_mode_seconds", "5"),
        ("description-before", ""),
        ("description", "mine"),
        ("paused-before", ""),
        ("repeat_seconds-before", "0"),
        ("repeat_seconds-on", "on"),
        ("repeat_seconds", "7"),
    ];
    let before = settings();
    let refused = post_as(&site, session, "/admin/rooms/1", &mine).await;
    assert_eq!((refused.status, settings()), (409, before), "all or nothing: {}", refused.text);
    assert!(refused.text.contains("Somebody else has changed these settings"), "{}", refused.text);
    assert!(refused.text.contains("meanwhile, to: 30 seconds"), "both are shown: {}", refused.text);
    assert!(refused.text.contains("&lt;b&gt;theirs") && !refused.text.contains("<b>theirs"), "{}", refused.text);
    let again = [
        ("slow_mode_seconds-before", "30"),
        ("slow_mode_seconds-on", "on"),
        ("slow_mode_seconds", "5"),
        ("description-before", "<b>theirs"),
        ("description", "mine"),
        ("paused-before", "on"),
        ("paused", "on"),
        ("repeat_seconds-before", "0"),
        ("repeat_seconds-on", "on"),
        ("repeat_seconds", "7"),
    ];
    assert_eq!(post_as(&site, session, "/admin/rooms/1", &again).await.status, 303);
    let now = settings();
    assert_eq!((now.slow_mode_seconds, now.repeat_seconds, now.paused, &*now.description), (5, 7, true, "mine"));
}

/// What a browser keeps, by the cookies' names.
#[derive(Default)]
struct Jar(BTreeMap<String, String>);

impl Jar {
    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().expect("ASCII").split_once('=').expect("a cookie");
            match rest.split(';').next().expect("a value") {
                "" => self.0.remove(name),
                value => self.0.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    async fn post(&mut self, site: &Site, uri: &str, body: &str) {
        let answer = site.submit(uri, &self.to_string(), "same-origin", body.to_owned()).await;
        assert_eq!(answer.status, 303, "{uri} {body}: {}", answer.text);
        self.keep(&answer);
    }

    /// Opens a room's page. Returns the reader's role and id, and the name in the form.
    async fn open(&mut self, site: &Site, room: &str) -> (String, String, String) {
        let answer = site.page(room, &self.to_string()).await;
        self.keep(&answer);
        let view = answer.text.split_once(r#"<script id="view""#).and_then(|(_, rest)| rest.split_once('>')).expect("a view").1;
        let RoomView { role, user_id, form, .. } =
            wire::read(view.split_once("</script>").expect("its end").0).expect("readable");
        (role, user_id, form.username)
    }
}

impl std::fmt::Display for Jar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(name, value)| write!(f, "{name}={value}; "))
    }
}

#[tokio::test]
async fn an_owner_is_one_author_and_not_the_guest_of_the_same_browser() {
    let site = Site::open().await;
    let (mut browser, sign_in) = (Jar::default(), format!("password={}", PASSWORD.replace(' ', "+")));
    let (role, guest, _) = browser.open(&site, "/rooms/1").await;
    assert_eq!(role, "");
    browser.post(&site, "/rooms/1", "username=Ann&message=hi").await;
    browser.post(&site, "/admin", &sign_in).await;
    let (role, owner, name) = browser.open(&site, "/rooms/1").await;
    assert_eq!((&*role, &*name), ("owner", ""), "the name is the guest's");
    assert_ne!(owner, guest);
    browser.post(&site, "/rooms/1", "username=Boss&message=hello").await;
    assert_eq!(browser.open(&site, "/rooms/1").await, ("owner".into(), owner.clone(), "Boss".into()));
    browser.post(&site, "/admin/sign-out", "").await;
    assert_eq!(browser.open(&site, "/rooms/1").await, (String::new(), guest, "Ann".into()), "the guest is who they were");
    browser.post(&site, "/rooms/1", "username=Ann&message=hi+again").await;
    // Its guest is somebody else by now.
    browser.0.remove("live-chat-1");
    browser.post(&site, "/admin", &sign_in).await;
    assert_eq!(browser.open(&site, "/rooms/1").await, ("owner".into(), owner.clone(), "Boss".into()));
    site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    assert_eq!(browser.open(&site, "/rooms/2").await.1, owner, "in every room");
    let mut other = Jar::default();
    other.post(&site, "/admin", &sign_in).await;
    assert_ne!(other.open(&site, "/rooms/1").await.1, owner);
}
