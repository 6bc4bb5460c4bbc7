use axum::{body::Body, http::Request};
use serde_json::json;

use super::{
    Answer, Site,
    site::{Setting, WIDGET_KEY},
};
use crate::chat::RoomId;

const HOME: &str = "https://home.example";
const FANS: &str = "https://fans.example";

/// What a page of that origin is answered: a preflight, a publish and a subscription.
async fn ask(site: &Site, room: u32, origin: &str) -> [Answer; 3] {
    let request = |method: &str, path: &str| {
        let token = site.guest_token(RoomId::new(room.into()).expect("a number"));
        let request = Request::builder().method(method).uri(format!("/{path}/{room}?token={token}")).header("origin", origin);
        request.header("host", "chat.example").header("content-type", "application/json")
    };
    let key = site.hub.widget_key(RoomId::new(room.into()).expect("a number"));
    let body = json!({ "type": "broadcast", "widget_key": key, "message": "hi" }).to_string();
    let preflight = request("OPTIONS", "publish").header("access-control-request-method", "POST");
    [
        site.send(preflight.body(Body::empty()).expect("a request")).await,
        site.send(request("POST", "publish").body(Body::from(body)).expect("a request")).await,
        site.send(request("GET", "subscribe").body(Body::empty()).expect("a request")).await,
    ]
}

/// Whether pages of that origin may use the room, or all may.
enum May {
    Not,
    These,
    All,
}

async fn check(site: &Site, room: u32, origin: &str, may: May) {
    let [preflight, published, subscribed] = ask(site, room, origin).await;
    let (told, status) = match may {
        May::Not => ("", 403),
        May::These => (origin, 200),
        May::All => ("*", 200),
    };
    for answer in [&preflight, &published, &subscribed] {
        assert_eq!(answer.header("access-control-allow-origin"), told, "room {room}, {origin}");
        assert!(answer.header("vary").contains("origin"), "no cache may mix them up");
    }
    assert_eq!((published.status, subscribed.status), (status, status), "room {room}, {origin}");
}

#[tokio::test]
async fn a_room_s_own_origins_stand_for_the_installation_s() {
    let site = Site::with(Setting { origins: &[HOME], ..Setting::default() }).await;
    site.administer("/v1/streams/create", &json!({ "name": "Two", "allowed_origins": [FANS] })).await;
    for act in ["prepare", "start"] {
        site.administer(&format!("/v1/streams/2/{act}"), &json!({})).await;
    }
    check(&site, 1, HOME, May::These).await;
    check(&site, 2, FANS, May::These).await;
    for (room, origin) in [(1, FANS), (2, HOME), (1, "https://evil.example"), (2, "null")] {
        check(&site, room, origin, May::Not).await;
    }
    // From the next request on, and back.
    let settings = async |origins| {
        let answer = site.administer("/v1/streams/1/settings", &json!({ "allowed_origins": origins })).await;
        assert_eq!((answer.status, &answer.json["data"]["allowed_origins"]), (200, &json!(origins)), "{}", answer.text);
    };
    settings(&["*"][..]).await;
    check(&site, 1, FANS, May::All).await;
    check(&site, 1, "null", May::All).await;
    settings(&[]).await;
    check(&site, 1, FANS, May::Not).await;
    check(&site, 1, HOME, May::These).await;
}

#[tokio::test]
async fn our_own_pages_and_who_is_no_page_pass() {
    let site = Site::with(Setting { origins: &[HOME], ..Setting::default() }).await;
    let token = site.guest_token(RoomId::FIRST);
    let publish = async |headers: &[(&str, &str)]| {
        let mut request = Request::post(format!("/publish/1?token={token}")).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": "hi" }).to_string();
        site.send(request.body(Body::from(body)).expect("a request")).await.status
    };
    let (host, evil) = (("host", "chat.example:3000"), ("origin", "http://evil.example"));
    let rows: [(&[(&str, &str)], u16); 6] = [
        (&[host], 200),
        (&[host, ("origin", "http://chat.example:3000")], 200),
        // Behind a proxy that names another host, the browser's own word counts.
        (&[("host", "backend"), ("origin", "https://chat.example"), ("sec-fetch-site", "same-origin")], 200),
        (&[host, ("origin", "http://chat.example")], 403),
        (&[host, evil], 403),
        (&[host, evil, ("sec-fetch-site", "cross-site")], 403),
    ];
    for (headers, status) in rows {
        assert_eq!(publish(headers).await, status, "{headers:?}");
    }
}
