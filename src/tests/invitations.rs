//! Moderators who are invited, owners who sign out, and what each role may do.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use super::{
    Answer, Events, Site,
    site::{ADMIN_KEY, PASSWORD},
    site_users::sign,
};
use crate::chat::{Capabilities, RoomId, UserId};

pub async fn call(site: &Site, method: Method, uri: &str, key: &str, body: &Value) -> Answer {
    let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {key}"));
    let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
    site.send(request.expect("a request")).await
}

/// The stream of a page with that cookie.
pub async fn stream(site: &Site, cookie: &str) -> Events {
    Events::open(site.addr, &format!("GET /subscribe/1 HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n")).await
}

pub async fn end(mut events: Events) {
    while events.next().await.is_some() {}
}

/// The token in a page.
pub async fn page_token(site: &Site, cookie: &str) -> String {
    let page = site.page("/", cookie).await.text;
    let (_, rest) = page.split_once("\"token\":\"").expect("a token");
    rest.split('"').next().expect("its end").to_owned()
}

pub async fn invite(site: &Site, name: &str) -> Value {
    let made = call(site, Method::POST, "/v1/streams/1/invites", ADMIN_KEY, &json!({ "name": name })).await;
    assert_eq!(made.status, 200, "{}", made.text);
    made.json["data"].clone()
}

async fn ban(site: &Site, token: &str) -> u16 {
    call(site, Method::POST, "/v1/streams/1/users/nobody/ban", token, &json!({})).await.status
}

#[tokio::test]
async fn a_link_makes_a_moderator_until_it_is_revoked() {
    let site = Site::open().await;
    let squatter = site.subscribe().await;
    assert_eq!(site.say_as(squatter.token(), "Robin", "hi").await.status, 200);
    let made = invite(&site, " Robin ").await;
    let link = made["link"].as_str().expect("a link").to_owned();
    assert_eq!(site.say_as(squatter.token(), "ROBIN", "hi").await.status, 409, "from now on it is theirs");
    for _ in 0..2 {
        let look = site.get(&link).await;
        assert_eq!((look.status, look.header("set-cookie")), (200, ""), "to look does not use it up");
        assert!(look.text.contains("Robin") && look.text.contains("Accept"));
    }
    assert_eq!(site.submit(&link, "", "cross-site", "").await.status, 403);
    let taken = site.submit(&link, "", "same-origin", "").await;
    assert_eq!((taken.status, taken.header("location")), (303, "/rooms/1"));
    let session = taken.cookie().to_owned();
    assert!(taken.header("set-cookie").contains("HttpOnly") && taken.header("set-cookie").contains("SameSite=Lax"));
    for answer in [site.get(&link).await, site.submit(&link, "", "same-origin", "").await] {
        assert_eq!((answer.status, answer.header("set-cookie")), (410, ""), "once");
    }

    let site = site.restart().await;
    let page = site.page("/", &session).await;
    assert!(page.text.contains("\"moderates\":true") && page.text.contains("value=\"Robin\""));
    let token = page_token(&site, &session).await;
    let mut events = stream(&site, &session).await;
    assert_eq!(events.user_id(), made["user_id"]);
    for token in [&*token, events.token()] {
        assert_eq!(site.say_as(token, "Robin", "hello").await.status, 200);
        assert_eq!(ban(&site, token).await, 200);
    }
    assert_eq!(events.next_of("broadcast").await.data["role"], "moderator");
    let settings = call(&site, Method::POST, "/v1/streams/1/settings", &token, &json!({ "name": "Mine" })).await;
    assert_eq!(settings.status, 403, "no owner");

    let (derived, room_cookie) = (events.token().to_owned(), page.cookie().to_owned());
    let path = format!("/v1/streams/1/invites/{}", made["id"].as_str().expect("an id"));
    assert_eq!(call(&site, Method::DELETE, &path, ADMIN_KEY, &Value::Null).await.status, 200);
    end(events).await;
    let check = async |site: &Site| {
        for token in [&token, &derived] {
            let refused = site.say_as(token, "Robin", "hi").await;
            assert_eq!((refused.status, refused.error()), (401, "The token has been revoked."));
            assert_eq!(ban(site, token).await, 401);
            assert_eq!(site.get(&format!("/subscribe/1?token={token}")).await.status, 401);
        }
        for cookie in [&session, &room_cookie] {
            assert!(site.page("/", cookie).await.text.contains("\"moderates\":false"), "a guest, and a new one");
        }
        let listed = call(site, Method::GET, "/v1/streams/1/invites", ADMIN_KEY, &Value::Null).await;
        assert!(listed.json["data"][0]["revoked_at"].is_string() && !listed.text.contains("link"));
    };
    check(&site).await;
    let site = site.restart().await;
    check(&site).await;
    assert_eq!(site.say_as(&site.guest_token(RoomId::FIRST), "Robin", "hi").await.status, 200, "the name is free");
}

#[tokio::test]
async fn an_invitation_is_for_its_room_and_cannot_be_guessed() {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    let made = invite(&site, "Robin").await;
    let (id, link) = (made["id"].as_str().expect("an id"), made["link"].as_str().expect("a link"));
    let last = if link.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{last}", &link[..link.len() - 1]);
    for link in [&*forged, &format!("/invites/{id}"), &format!("/invites/{id}-"), "/invites/x", "/invites/-"] {
        assert_eq!(site.get(link).await.status, 404, "{link}");
        assert_eq!(site.submit(link, "", "same-origin", "").await.status, 404, "{link}");
    }
    let session = site.submit(link, "", "same-origin", "").await.cookie().to_owned();
    let value = session.split_once('=').expect("a value").1;
    let elsewhere = format!("live-chat-moderator-2={value}; live-chat-moderator={value}");
    assert!(site.page("/rooms/2", &elsewhere).await.text.contains("\"moderates\":false"));
    assert!(!site.page("/admin", &format!("live-chat-admin={value}")).await.text.contains("Sign out"));
    assert_eq!(call(&site, Method::DELETE, &format!("/v1/streams/2/invites/{id}"), ADMIN_KEY, &Value::Null).await.status, 404);
    for (name, part) in [("", "The name is empty"), ("Ro\u{202e}bin", "invisible"), (&*"x".repeat(65), "too long")] {
        let refused = call(&site, Method::POST, "/v1/streams/1/invites", ADMIN_KEY, &json!({ "name": name })).await;
        assert_eq!(refused.status, 400);
        assert!(refused.error().contains(part), "{}", refused.text);
    }
}

#[tokio::test]
async fn two_who_take_a_link_at_once_are_one_moderator() {
    let site = Site::open().await;
    let link = invite(&site, "Robin").await["link"].as_str().expect("a link").to_owned();
    let take = || site.submit(&link, "", "same-origin", "");
    let (one, other) = tokio::join!(take(), take());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410]);
}

#[tokio::test]
async fn who_runs_the_chat_invites_on_a_page_without_a_script() {
    let site = Site::open().await;
    assert_eq!(site.get("/admin/people").await.header("location"), "/admin", "for owners alone");
    let owner = site.sign_in(PASSWORD).await.cookie().to_owned();
    for (cookie, from_site, status) in [(&*owner, "cross-site", 403), ("", "same-origin", 303)] {
        assert_eq!(site.submit("/admin/people", cookie, from_site, "name=Eve&room=").await.status, status);
        assert_eq!(site.submit("/admin/people/x/revoke", cookie, from_site, "").await.status, status);
    }
    let made = site.submit("/admin/people", &owner, "same-origin", "name=%3Cb%3ERobin&room=1").await;
    assert_eq!(made.status, 200);
    assert!(made.text.contains("&lt;b&gt;Robin") && !made.text.contains("<b>Robin") && made.text.contains("/invites/"));
    let listed = site.page("/admin/people", &owner).await.text;
    assert!(listed.contains("&lt;b&gt;Robin") && listed.contains("open") && !listed.contains("/invites/"), "shown once");
    assert!(!listed.contains("Eve"));
    for (body, status) in [("name=+&room=", 400), ("name=Ann&room=9", 404), ("name=Ann&room=x", 400), ("room=1", 422)] {
        let refused = site.submit("/admin/people", &owner, "same-origin", body).await;
        assert_eq!(refused.status, status, "{body}");
        assert!(refused.text.contains("role=\"alert\""), "{body}");
    }
    let all = site.submit("/admin/people", &owner, "same-origin", "name=Kim&room=").await.text;
    let link = &all[all.find("/invites/").expect("a link")..];
    let taken = site.submit(link.split('<').next().expect("its end"), "", "same-origin", "").await;
    assert_eq!(taken.header("location"), "/");
    assert!(site.page("/rooms/1", taken.cookie()).await.text.contains("\"moderates\":true"));
    let listed = site.page("/admin/people", &owner).await.text;
    let (_, revoke) = listed.split_once("action=\"/admin/people/").expect("a form");
    let revoke = format!("/admin/people/{}", revoke.split('"').next().expect("its end"));
    assert_eq!(site.submit(&revoke, &owner, "same-origin", "").await.header("location"), "/admin/people");
    assert!(site.page("/rooms/1", taken.cookie()).await.text.contains("\"moderates\":false"));
    assert!(site.page("/admin/people", &owner).await.text.contains("revoked"));
}

#[tokio::test]
async fn who_signs_out_ends_every_session_and_what_came_of_it() {
    let site = Site::open().await;
    let [one, other] = [site.sign_in(PASSWORD).await.cookie().to_owned(), site.sign_in(PASSWORD).await.cookie().to_owned()];
    let token = page_token(&site, &other).await;
    let events = stream(&site, &other).await;
    let site_stream = events.token().to_owned();
    assert_eq!((ban(&site, &token).await, ban(&site, &site_stream).await), (200, 200));
    site.submit("/admin/sign-out", "live-chat-admin=x", "same-origin", "").await;
    assert_eq!(ban(&site, &token).await, 200, "only an owner ends it");
    let site = {
        drop(events);
        site.restart().await
    };
    assert_eq!(ban(&site, &token).await, 200, "a restart does not");
    let events = stream(&site, &other).await;
    site.submit("/admin/sign-out", &one, "same-origin", "").await;
    end(events).await;
    let check = async |site: &Site| {
        for session in [&one, &other] {
            assert!(!site.page("/admin", session).await.text.contains("Sign out"));
            assert!(site.page("/", session).await.text.contains("\"moderates\":false"));
        }
        assert_eq!((ban(site, &token).await, ban(site, &site_stream).await), (401, 401));
    };
    check(&site).await;
    let again = site.sign_in(PASSWORD).await.cookie().to_owned();
    assert!(site.page("/admin", &again).await.text.contains("Sign out"), "at once");
    let site = site.restart().await;
    check(&site).await;
    assert!(site.page("/admin", &again).await.text.contains("Sign out"));
    // Another password.
    site.hub.admit_owners_by("another password");
    assert!(!site.page("/admin", &again).await.text.contains("Sign out"));
}

#[tokio::test]
async fn each_role_may_do_what_it_is_for_and_no_more() {
    let site = Site::open().await;
    let moderator = site
        .submit(invite(&site, "Robin").await["link"].as_str().expect("a link"), "", "same-origin", "")
        .await
        .cookie()
        .to_owned();
    let owner = site.sign_in(PASSWORD).await.cookie().to_owned();
    let [moderator, owner] = [page_token(&site, &moderator).await, page_token(&site, &owner).await];
    let elsewhere = RoomId::new(2).expect("in range");
    let id = |id: &str| UserId::try_from(id.to_owned()).expect("an id");
    let roles = [
        ("nobody", String::new(), [401; 6]),
        ("a guest", site.guest_token(RoomId::FIRST), [403; 6]),
        ("a site's user", sign(json!({ "sub": "1" })), [403; 6]),
        ("a bot", sign(json!({ "sub": "2", "role": "bot" })), [403; 6]),
        ("a reader", site.hub.tokens().sign(id("r"), RoomId::FIRST, Capabilities::none(), None), [403; 6]),
        ("an owner of another room", site.hub.tokens().sign(id("o"), elsewhere, Capabilities::owner(), None), [401; 6]),
        ("who may delete", sign(json!({ "sub": "3", "caps": ["DELETE_MESSAGE"] })), [200, 403, 403, 403, 403, 403]),
        ("who may decide", sign(json!({ "sub": "4", "caps": ["DISCONNECT_USER"] })), [403, 200, 200, 403, 403, 403]),
        ("who is invited", moderator, [200, 200, 200, 403, 403, 403]),
        ("a site's owner", sign(json!({ "sub": "5", "caps": ["MANAGE_ROOM"] })), [403, 403, 403, 200, 200, 200]),
        ("who runs the chat", owner, [200; 6]),
        ("who has the admin key", ADMIN_KEY.into(), [200; 6]),
    ];
    for (who, key, expected) in roles {
        let acts = [
            (Method::DELETE, "users/nobody/messages", Value::Null),
            (Method::POST, "users/nobody/ban", json!({})),
            (Method::GET, "sanctions", Value::Null),
            (Method::POST, "settings", json!({ "description": who })),
            (Method::GET, "invites", Value::Null),
            (Method::POST, "invites", json!({ "name": format!("By {who}") })),
        ];
        for ((method, path, body), expected) in acts.into_iter().zip(expected) {
            let answer = call(&site, method, &format!("/v1/streams/1/{path}"), &key, &body).await;
            assert_eq!(answer.status, expected, "{who}: {path}: {}", answer.text);
        }
        // What is of the whole chat is for the admin key alone.
        let revoked = call(&site, Method::POST, "/v1/tokens/revoke", &key, &json!({ "id": "none" })).await;
        assert_eq!(revoked.status, if key == ADMIN_KEY { 200 } else { 401 }, "{who}");
    }
}
