//! Users that a site brings.

use axum::{body::Body, http::Request};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{SITE_SECRET, WIDGET_KEY},
};
use crate::chat::RoomId;

const LATER: u64 = 9_999_999_999;

fn sign_with(secret: &str, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes()))
        .expect("plain data")
}

/// A token as a site signs it, good for long unless it says otherwise.
pub fn sign(mut claims: Value) -> String {
    claims["exp"].is_null().then(|| claims["exp"] = json!(LATER));
    sign_with(SITE_SECRET, &claims)
}

async fn delete_with(site: &Site, token: &str) -> Answer {
    let request = Request::delete("/v1/streams/1/users/nobody/messages").header("authorization", format!("Bearer {token}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

/// Enters by a form of a page that has these headers.
async fn enter_from(site: &Site, room: u32, token: &str, headers: &[(&str, &str)]) -> Answer {
    let request = Request::post(format!("/rooms/{room}/enter")).header("content-type", "application/x-www-form-urlencoded");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    site.send(request.body(Body::from(format!("token={token}"))).expect("a request")).await
}

async fn enter(site: &Site, room: u32, token: &str) -> Answer {
    enter_from(site, room, token, &[("sec-fetch-site", "same-origin")]).await
}

async fn page(site: &Site, cookie: &str) -> Answer {
    site.send(Request::get("/").header("cookie", cookie).body(Body::empty()).expect("a request")).await
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().expect("a cookie").to_owned()
}

#[tokio::test]
async fn a_site_s_users_speak_as_the_site_says() {
    let site = Site::open().await;
    let picture = "https://site.example/ann.png?a=1&b=2";
    let token = sign(json!({ "sub": "42", "name": "Ann", "picture": picture, "caps": ["SEND_MESSAGE", "DELETE_MESSAGE"] }));
    let mut events = site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await;
    assert_eq!(events.user_id(), "site:42");
    for token in [&*token, events.token()] {
        assert_eq!(site.say_as(token, "Ann", "hi").await.status, 200);
        assert_eq!(delete_with(&site, token).await.status, 200);
        let refused = site.say_as(token, "Anna", "hi").await;
        assert_eq!((refused.status, refused.error()), (403, "The name must be \"Ann\": that is how your site knows you."));
    }
    let said = events.next_of("broadcast").await.data;
    assert_eq!([&said["author_id"], &said["picture"], &said["role"]], [&json!("site:42"), &json!(picture), &json!("moderator")]);
    let guest = site.subscribe().await;
    assert_eq!(site.say_as(guest.token(), "ANN", "hi").await.status, 409, "it is theirs");
    let restarted = site.restart().await;
    assert_eq!(restarted.history().await, ["hi", "hi"]);
    let envelopes = restarted.get("/v1/streams/1/messages").await.json["data"].clone();
    assert_eq!(envelopes[0]["picture"], picture);
}

#[tokio::test]
async fn a_name_that_the_site_gives_is_taken_from_who_chose_it() {
    let site = Site::open().await;
    let guest = site.subscribe().await;
    assert_eq!(site.say_as(guest.token(), "Ann", "hi").await.status, 200);
    let [one, two] = ["1", "2"].map(|sub| sign(json!({ "sub": sub, "name": "Ann" })));
    for token in [&one, &two] {
        assert_eq!(site.say_as(token, "Ann", "hi").await.status, 200);
    }
    assert_eq!(site.say_as(guest.token(), "Ann", "hi").await.status, 409);
    let free = sign(json!({ "sub": "3" }));
    assert_eq!(site.say_as(&free, "Ann", "hi").await.status, 409, "who chooses a name has no more right to it");
    assert_eq!(site.say_as(&free, "Bob", "hi").await.status, 200);
    let admin = sign(json!({ "sub": "4", "name": "Admin" }));
    assert_eq!(site.say_as(&admin, "Admin", "hi").await.status, 409, "nor has the site to reserved ones");
}

#[tokio::test]
async fn a_site_brings_bots_and_can_keep_users_to_a_room() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    assert_eq!(site.say(&sign(json!({ "sub": "b", "role": "bot", "room": 1 })), "beep").await.status, 200);
    assert_eq!(events.next_of("broadcast").await.data["role"], "bot");
    let reader = sign(json!({ "sub": "r", "caps": [] }));
    assert_eq!(site.say(&reader, "hi").await.status, 403);
    let derived = site.subscribe_with(&format!("/subscribe/1?token={reader}"), None).await;
    assert_eq!(site.say(derived.token(), "hi").await.status, 403, "no more than the site has allowed");
}

#[tokio::test]
async fn tokens_that_the_site_has_not_signed_so_are_refused_everywhere() {
    let site = Site::open().await;
    let good = sign(json!({ "sub": "42" }));
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!("three parts") };
    let body_of = |token: &str| token.split('.').nth(1).expect("a body").to_owned();
    let owner = body_of(&sign_with(
        "another",
        &json!({ "sub": "42", "exp": LATER, "caps": ["MANAGE_ROOM", "SEND_MESSAGE", "DELETE_MESSAGE"] }),
    ));
    let our_own = json!({ "sub": "0b5c", "room": 1, "caps": ["SEND_MESSAGE", "DELETE_MESSAGE", "MANAGE_ROOM"], "exp": LATER, "lasting": true });
    // Whether it is the site's all the same, so that a subscriber is told; another's says nothing, and its bearer is a new guest.
    let rows = [
        ("alg none", format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}."), false),
        ("RS256 by the secret", format!("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.{body}.{signature}"), false),
        ("forged capabilities", format!("{head}.{owner}.{signature}"), false),
        ("no signature", format!("{head}.{body}."), false),
        ("another secret", sign_with("another secret, 32 characters or more", &json!({ "sub": "42", "exp": LATER })), false),
        ("the widget key", sign_with(WIDGET_KEY, &json!({ "sub": "42", "exp": LATER })), false),
        ("expired", sign(json!({ "sub": "42", "exp": 1 })), true),
        ("no expiry", sign_with(SITE_SECRET, &json!({ "sub": "42" })), true),
        ("another room", sign(json!({ "sub": "42", "room": 2 })), false),
        ("no user", sign(json!({ "name": "Ann" })), true),
        ("a role that is none", sign(json!({ "sub": "42", "role": "owner" })), true),
        ("a picture that runs", sign(json!({ "sub": "42", "picture": "javascript:alert(1)" })), true),
    ];
    for (what, token, is_the_site_s) in rows {
        for answer in [site.say(&token, "hi").await, delete_with(&site, &token).await] {
            assert_eq!(answer.status, 401, "{what}: {}", answer.text);
            answer.error();
        }
        let entered = enter(&site, 1, &token).await;
        assert_eq!((entered.status, entered.header("set-cookie")), (401, ""), "{what}");
        if is_the_site_s {
            assert_eq!(site.get(&format!("/subscribe/1?token={token}")).await.status, 401, "{what}");
        } else {
            let guest = site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await;
            assert!(!guest.user_id().starts_with("site:"), "{what}");
            assert_eq!(delete_with(&site, guest.token()).await.status, 403, "{what}");
        }
    }
    // A site that writes a token as the chat does makes one of its own users all the same.
    let imitation = site.subscribe_with(&format!("/subscribe/1?token={}", sign(our_own)), None).await;
    assert_eq!(imitation.user_id(), "site:0b5c");
    assert!(site.history().await.is_empty());
}

#[tokio::test]
async fn without_a_secret_no_site_is_trusted() {
    let tokens = crate::hub::Tokens::new(b"a secret for tests", std::time::Duration::from_secs(60));
    assert!(tokens.check(&sign(json!({ "sub": "42" })), RoomId::FIRST).is_err());
}

#[tokio::test]
async fn a_site_s_user_enters_the_page_by_a_form_and_is_kept_by_a_cookie() {
    let site = Site::open().await;
    let token = sign(
        json!({ "sub": "42", "name": "<b>Ann", "picture": "https://site.example/ann.png", "caps": ["SEND_MESSAGE", "DELETE_MESSAGE"] }),
    );
    let entered = enter(&site, 1, &token).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/rooms/1"));
    assert!(entered.header("set-cookie").contains("HttpOnly") && !entered.text.contains(&token));
    let cookie = cookie(&entered);
    let shown = page(&site, &cookie).await;
    assert!(
        shown.text.contains("readonly value=\"&lt;b&gt;Ann\"") || shown.text.contains("value=\"&lt;b&gt;Ann\" readonly"),
        "{}",
        shown.text
    );
    assert!(shown.text.contains("\"moderates\":true") && shown.text.contains("\"user_id\":\"site:42\""));
    let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded").header("cookie", &cookie);
    let posted = site.send(request.body(Body::from("username=%3Cb%3EAnn&message=hello")).expect("a request")).await;
    assert_eq!(posted.status, 303, "{}", posted.text);
    let shown = page(&site, &cookie).await.text;
    let image = shown.find("src=\"https://site.example/ann.png\"").expect("the picture");
    assert!(shown[..image].ends_with("referrerpolicy=\"no-referrer\" "), "{}", &shown[..image]);
    assert!(!shown.contains("<b>Ann"));
    // The form is for a site's tokens: a guest's cannot be planted on somebody.
    assert_eq!(enter(&site, 1, &site.guest_token(RoomId::FIRST)).await.status, 401);
    assert_eq!(enter(&site, 7, &token).await.status, 404);
    assert_eq!(site.get("/rooms/1/enter").await.status, 405);
}

#[tokio::test]
async fn a_page_of_a_site_that_is_not_named_cannot_enter_somebody_unasked() {
    let site = Site::open().await;
    let token = sign(json!({ "sub": "42", "name": "<b>Mallory" }));
    let strangers: [&[(&str, &str)]; 6] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://other.chat.example")],
        &[("sec-fetch-site", "cross-site"), ("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("host", "chat.example"), ("origin", "http://evil.example")],
        &[("sec-fetch-site", "cross-site"), ("origin", "*")],
    ];
    for headers in strangers {
        let asked = enter_from(&site, 1, &token, headers).await;
        assert_eq!((asked.status, asked.header("set-cookie")), (200, ""), "{headers:?}");
        let shown = asked.shown();
        assert!(shown.contains("&lt;b&gt;Mallory") && !shown.contains("<b>Mallory"), "{shown}");
        assert!(shown.contains("action=\"/rooms/1/enter\"") && shown.contains(&token), "{shown}");
        assert_eq!(
            (asked.header("cache-control"), asked.header("x-frame-options")),
            ("no-store, no-transform", "DENY"),
            "{headers:?}"
        );
        let refused = enter_from(&site, 1, "none", headers).await;
        assert_eq!((refused.status, refused.header("set-cookie")), (401, ""), "nobody is asked about a token that is none");
    }
    let confirmed = enter_from(&site, 1, &token, &[("host", "chat.example"), ("origin", "http://chat.example")]).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, "/rooms/1"));
    assert!(confirmed.header("set-cookie").starts_with("live-chat-1="));
}

#[tokio::test]
async fn a_site_that_the_operator_has_named_brings_its_users() {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    let token = sign(json!({ "sub": "42", "name": "Ann" }));
    let from = async |room: u32, origin: &str| {
        enter_from(&site, room, &token, &[("sec-fetch-site", "cross-site"), ("origin", origin)]).await.status
    };
    assert_eq!(from(1, "https://room.example").await, 200, "all origins are allowed, and none is named");
    let named = json!({ "allowed_origins": ["https://room.example"] });
    assert_eq!(site.administer("/v1/streams/1/settings", &named).await.status, 200);
    let key = json!({ "name": "Key", "room": 2, "allowed_origins": ["https://key.example"] });
    assert_eq!(site.administer("/v1/widget-keys", &key).await.status, 200);
    let rows = [
        (1, "https://room.example", 303),
        (1, "https://key.example", 200),
        (1, "http://room.example", 200),
        (2, "https://room.example", 200),
        (2, "https://key.example", 303),
    ];
    for (room, origin, status) in rows {
        assert_eq!(from(room, origin).await, status, "{origin} into room {room}");
    }
}
