//! Tokens that are taken back.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{Answer, Events, Site, site_users::sign};
use crate::chat::{MessageId, RoomId};

const REVOKE: &str = "/v1/tokens/revoke";

async fn send_with(site: &Site, token: &str, method: &str, uri: &str) -> Answer {
    let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {token}"));
    site.send(request.body(Body::empty()).expect("a request")).await
}

/// Waits for the end of a stream.
async fn end(mut events: Events) {
    while events.next().await.is_some() {}
}

/// Nothing of what somebody holds counts any more, at any place where a token is taken.
async fn check_refused(site: &Site, tokens: &[&str]) {
    let deletion = format!("/v1/streams/1/messages/{}/deletion", MessageId { room: RoomId::FIRST, seq: 1 });
    for token in tokens {
        for answer in [
            site.say(token, "hi").await,
            site.request(token).await,
            send_with(site, token, "DELETE", "/v1/streams/1/users/nobody/messages").await,
            send_with(site, token, "GET", &deletion).await,
            site.get(&format!("/subscribe/1?token={token}")).await,
        ] {
            assert_eq!((answer.status, answer.error()), (401, "The token has been revoked."));
        }
    }
}

#[tokio::test]
async fn a_guest_s_token_is_revoked_with_all_that_came_of_it() {
    let site = Site::open().await;
    let first = site.subscribe().await;
    let second = site.subscribe_with(&format!("/subscribe/1?token={}", first.token()), None).await;
    let other = site.subscribe().await;
    let tokens = [first.token().to_owned(), second.token().to_owned()];
    assert_eq!(site.administer(REVOKE, &json!({ "token": tokens[0] })).await.status, 200);
    end(first).await;
    end(second).await;
    site.viewers(1).await;
    let tokens = tokens.each_ref().map(String::as_str);
    check_refused(&site, &tokens).await;
    assert_eq!(site.say(other.token(), "hi").await.status, 200);
    let site = site.restart().await;
    check_refused(&site, &tokens).await;
}

#[tokio::test]
async fn a_site_s_token_is_revoked_by_itself_by_its_id_or_by_its_user() {
    let claims = |sub: &str, jti: Value, iat: u64| {
        sign(json!({ "sub": sub, "jti": jti, "iat": iat, "caps": ["SEND_MESSAGE", "DELETE_MESSAGE"] }))
    };
    let now = jsonwebtoken::get_current_timestamp();
    let (named, unnamed) = (claims("a", json!("t-1"), now), claims("a", Value::Null, now));
    let rows = [
        (&named, json!({ "token": named })),
        (&unnamed, json!({ "token": unnamed })),
        (&named, json!({ "id": "t-1" })),
        (&named, json!({ "user": "site:a" })),
        (&unnamed, json!({ "user": "site:a" })),
    ];
    for (token, what) in rows {
        let site = Site::open().await;
        let events = site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await;
        let derived = events.token().to_owned();
        let of_others = [claims("a", json!("t-2"), now + 60), claims("b", json!("t-3"), now)];
        assert_eq!(site.say(&derived, "hi").await.status, 200);
        assert_eq!(site.administer(REVOKE, &what).await.status, 200, "{what}");
        end(events).await;
        check_refused(&site, &[token, &derived]).await;
        let site = site.restart().await;
        check_refused(&site, &[token, &derived]).await;
        for other in &of_others {
            assert_eq!(site.say(other, "hi").await.status, 200, "{what}");
        }
    }
}

#[tokio::test]
async fn a_derived_token_revokes_the_one_that_it_came_of() {
    let site = Site::open().await;
    let token = sign(json!({ "sub": "a", "jti": "t-1" }));
    let events = site.subscribe_with(&format!("/subscribe/1?token={token}"), None).await;
    let derived = events.token().to_owned();
    assert_eq!(site.administer(REVOKE, &json!({ "token": derived })).await.status, 200);
    end(events).await;
    check_refused(&site, &[&token, &derived]).await;
}

#[tokio::test]
async fn a_visitor_of_the_page_is_somebody_new_after_it() {
    let site = Site::open().await;
    let cookie_of = |answer: &Answer| answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let cookie = cookie_of(&site.get("/").await);
    let token = cookie.split_once('=').expect("a token").1.to_owned();
    let user = site.hub.check(&token, RoomId::FIRST).expect("ours").user;
    let stream = format!("GET /subscribe/1 HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    let events = Events::open(site.addr, &stream).await;
    assert_eq!(site.administer(REVOKE, &json!({ "user": user })).await.status, 200);
    end(events).await;
    assert_eq!(site.page("/subscribe/1", &cookie).await.status, 401, "the stream of a page that is still open");
    let page = site.page("/", &cookie).await;
    let renewed = site.hub.check(cookie_of(&page).split_once('=').expect("a token").1, RoomId::FIRST).expect("ours");
    assert_ne!(renewed.user, user);
}

#[tokio::test]
async fn who_runs_the_chat_alone_revokes_and_is_told_what_is_wrong() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    let request =
        Request::post(REVOKE).header("content-type", "application/json").header("authorization", format!("Bearer {token}"));
    let body = json!({ "token": token }).to_string();
    assert_eq!(site.send(request.body(Body::from(body)).expect("a request")).await.status, 401);
    let rows = [
        (json!({}), "JSON object"),
        (json!({ "tokens": "x" }), "unknown variant"),
        (json!({ "token": "x", "user": "a" }), "JSON object"),
        (json!({ "token": 7 }), "JSON object"),
        (json!({ "user": "" }), "not a valid id"),
        (json!({ "token": "" }), "A token is needed"),
        (json!({ "token": "x" }), "The token is not valid"),
    ];
    for (body, part) in rows {
        let answer = site.administer(REVOKE, &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert!(answer.error().contains(part), "{body}: {}", answer.text);
    }
    assert_eq!(site.say(&token, "hi").await.status, 200, "and nothing was revoked");
}
