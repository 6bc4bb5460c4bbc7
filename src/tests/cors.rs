//! What pages of other origins may ask, with and without credentials.

use std::collections::HashMap;

use axum::{
    body::Body,
    http::{Request, request::Builder},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Answer, Events, Site,
    site::{PASSWORD, Setting, WIDGET_KEY},
};
use crate::{chat::Limits, hub::Tokens};

const HOME: &str = "https://home.example";
const FANS: &str = "https://fans.example";
const EVIL: &str = "https://evil.example";

fn from(origin: &str, method: &str, uri: &str) -> Builder {
    Request::builder().method(method).uri(uri).header("origin", origin).header("host", "chat.example")
}

async fn preflight(site: &Site, origin: &str, uri: &str, method: &str, headers: &str) -> Answer {
    let request = from(origin, "OPTIONS", uri).header("access-control-request-method", method);
    site.send(request.header("access-control-request-headers", headers).body(Body::empty()).expect("a request")).await
}

/// What the answer lets the page of an origin do.
#[derive(Debug, PartialEq)]
enum Lets {
    Nothing,
    /// Read it, if it was asked without cookies.
    Read,
    /// Read it, though cookies came along.
    ReadWithCookies,
}

fn lets(answer: &Answer, origin: &str) -> Lets {
    assert!(answer.header("vary").to_lowercase().contains("origin"), "no cache may mix them up: {:?}", answer.headers);
    match (answer.header("access-control-allow-origin"), answer.header("access-control-allow-credentials")) {
        ("", "") => Lets::Nothing,
        ("*", "") => Lets::Read,
        (told, "") if told == origin => Lets::Read,
        (told, "true") if told == origin => Lets::ReadWithCookies,
        other => panic!("{other:?} for {origin}"),
    }
}

#[tokio::test]
async fn every_header_that_a_library_sends_may_be_sent() {
    let site = Site::open().await;
    let listed = Site::with(Setting { origins: &[HOME], ..Setting::default() }).await;
    for headers in [
        "cache-control",
        "x-requested-with,accept",
        "last-event-id,cache-control",
        "authorization,content-type",
        "x-anything-else",
    ] {
        for (uri, method) in [("/subscribe/1", "GET"), ("/publish/1", "POST"), ("/v1/streams/1/messages", "GET")] {
            for (site, origin) in [(&site, EVIL), (&listed, HOME)] {
                let answer = preflight(site, origin, uri, method, headers).await;
                assert_eq!((answer.status, answer.header("access-control-allow-headers")), (200, headers), "{uri}");
                assert!(answer.header("access-control-allow-methods").contains(method), "{uri}");
                assert_ne!(lets(&answer, origin), Lets::Nothing);
            }
            assert_eq!(lets(&preflight(&listed, EVIL, uri, method, headers).await, EVIL), Lets::Nothing);
        }
    }
}

#[tokio::test]
async fn credentials_are_for_origins_that_the_operator_names() {
    let open = Site::open().await;
    let listed = Site::with(Setting { origins: &[HOME], ..Setting::default() }).await;
    let keyed = Site::open().await;
    let key = json!({ "name": "Fan site", "room": 1, "allowed_origins": [FANS] });
    let key = keyed.administer("/v1/widget-keys", &key).await.json["data"]["key"].as_str().expect("a key").to_owned();
    for uri in ["/subscribe/1", "/subscribe/%31", "/publish/1", "/v1/streams/1/messages"] {
        let get = async |site: &Site, origin| site.send(from(origin, "GET", uri).body(Body::empty()).expect("a request")).await;
        let rows = [
            (&open, EVIL, Lets::Read),
            (&open, "null", Lets::Read),
            (&listed, HOME, Lets::ReadWithCookies),
            (&listed, EVIL, Lets::Nothing),
            (&keyed, FANS, Lets::ReadWithCookies),
            (&keyed, EVIL, Lets::Read),
        ];
        for (site, origin, expected) in rows {
            assert_eq!(lets(&get(site, origin).await, origin), expected, "{uri} {origin}");
            assert_eq!(lets(&preflight(site, origin, uri, "GET", "cache-control").await, origin), expected, "{uri} {origin}");
        }
    }
    // It is named in that room alone, and no longer when its key is revoked.
    keyed.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    let ask = async || keyed.send(from(FANS, "GET", "/subscribe/2").body(Body::empty()).expect("a request")).await;
    assert_eq!(lets(&ask().await, FANS), Lets::Read);
    keyed.hub.revoke_widget_key(&key).await.expect("a key");
    let ask = async || keyed.send(from(FANS, "GET", "/publish/1").body(Body::empty()).expect("a request")).await;
    assert_eq!(lets(&ask().await, FANS), Lets::Read);
    // Without an origin the answer is the same for all.
    let answer = open.get("/v1/streams/1/messages").await;
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("access-control-allow-credentials")), ("*", ""));
    let answer = listed.get("/v1/streams/1/messages").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_a_known_room_an_origin_counts_that_any_room_or_key_names() {
    let site = Site::with(Setting { origins: &[HOME], ..Setting::default() }).await;
    let open = Site::open().await;
    let key = json!({ "name": "Fan site", "room": 1, "allowed_origins": [FANS] });
    let made = open.administer("/v1/widget-keys", &key).await.json["data"]["key"].as_str().expect("a key").to_owned();
    // The installation does not allow what this one names.
    site.administer("/v1/widget-keys", &json!({ "name": "Evil site", "allowed_origins": [EVIL] })).await;
    let paths = ["/interactive-sync/action/input", "/interactive-sync/action/query", "/subscribe/9", "/v1/streams"];
    let check = async |site: &Site, origin: &str, expected: Lets, when: &str| {
        for uri in paths {
            let preflight = preflight(site, origin, uri, "POST", "content-type").await;
            assert_eq!(lets(&preflight, origin), expected, "{when}: {uri}");
            let answer = site.send(from(origin, "GET", uri).body(Body::empty()).expect("a request")).await;
            assert_eq!(lets(&answer, origin), expected, "{when}: {uri}");
        }
    };
    check(&site, HOME, Lets::ReadWithCookies, "the installation names it").await;
    check(&site, EVIL, Lets::Nothing, "a key cannot allow it").await;
    check(&site, FANS, Lets::Nothing, "nobody names it").await;
    site.administer("/v1/streams/1/settings", &json!({ "allowed_origins": ["*", FANS] })).await;
    check(&site, FANS, Lets::ReadWithCookies, "a room names it").await;
    site.administer("/v1/streams/1/settings", &json!({ "allowed_origins": [] })).await;
    check(&site, FANS, Lets::Nothing, "it does no more").await;
    check(&open, FANS, Lets::ReadWithCookies, "a key names it").await;
    check(&open, EVIL, Lets::Read, "nobody names it").await;
    open.hub.revoke_widget_key(&made).await.expect("a key");
    check(&open, FANS, Lets::Read, "the key is revoked").await;
}

#[tokio::test]
async fn a_path_that_is_written_otherwise_is_under_its_room_s_own_list() {
    let site = Site::open().await;
    site.administer("/v1/streams/1/settings", &json!({ "allowed_origins": [FANS] })).await;
    for uri in ["/v1/streams/1/messages", "/v1/streams/%31/messages", "/subscribe/%31", "/publish/%31"] {
        for (origin, expected) in [(EVIL, Lets::Nothing), (FANS, Lets::ReadWithCookies)] {
            let answer = site.send(from(origin, "GET", uri).body(Body::empty()).expect("a request")).await;
            assert_eq!(lets(&answer, origin), expected, "{uri}");
        }
    }
}

#[tokio::test]
async fn errors_can_be_read_too() {
    let limits = Limits { rate_per_second: 0.1, burst: 1.0, body_bytes: 4_096, ..Limits::default() };
    let site = Site::limited(limits).await;
    let token = site.guest_token(crate::chat::RoomId::FIRST);
    let body = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": "hi" }).to_string();
    let publish = format!("/publish/1?token={token}");
    let long = "x".repeat(5_000);
    let rows = [
        ("POST", &*publish, &*body, 200),
        ("POST", &publish, &body, 429),
        ("POST", &publish, &long, 413),
        ("POST", &publish, "{", 400),
        ("POST", "/publish/1?token=%ff", &body, 401),
        ("POST", "/publish/%ff", &body, 400),
        ("POST", "/publish/9", &body, 404),
        ("POST", "/publish", &body, 404),
        ("POST", "/publish/", &body, 404),
        ("PUT", "/publish/1", &body, 405),
        ("PATCH", "/subscribe/1", "", 405),
        ("GET", "/subscribe/%ff", "", 400),
        ("GET", "/subscribe/9", "", 404),
        ("GET", "/subscribe/1/2", "", 404),
        ("GET", "/subscribe/1?widget_key=no", "", 403),
        ("GET", "/v1/streams", "", 401),
        ("GET", "/v1/nothing", "", 404),
    ];
    for (method, uri, body, status) in rows {
        let request = from(EVIL, method, uri).header("content-type", "application/json").body(Body::from(body.to_owned()));
        let answer = site.send(request.expect("a request")).await;
        assert_eq!((answer.status, lets(&answer, EVIL)), (status, Lets::Read), "{method} {uri}: {}", answer.text);
        if status != 200 {
            let told = raw(&site, method, uri, body).await;
            assert_eq!(told, (status, Some("*".into())), "over a connection: {method} {uri}");
        }
    }
}

/// The same over a connection: the status, and the origin that may read it.
async fn raw(site: &Site, method: &str, uri: &str, body: &str) -> (u16, Option<String>) {
    let mut socket = TcpStream::connect(site.addr).await.expect("a server");
    let head = format!("{method} {uri} HTTP/1.1\r\nHost: chat.example\r\nOrigin: {EVIL}\r\nContent-Type: application/json");
    let request = format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    socket.write_all(request.as_bytes()).await.expect("an open connection");
    let mut text = String::new();
    socket.read_to_string(&mut text).await.expect("an answer");
    let (head, _) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let told = head.lines().find_map(|line| line.strip_prefix("access-control-allow-origin: ")).map(str::to_owned);
    (status, told)
}

#[tokio::test]
async fn a_stream_over_a_socket_has_the_same_headers() {
    let site = Site::with(Setting { origins: &["*", HOME], ..Setting::default() }).await;
    let open = async |origin: &str| {
        let head =
            format!("GET /subscribe/1 HTTP/1.1\r\nHost: chat.example\r\nOrigin: {origin}\r\nCache-Control: no-cache\r\n\r\n");
        let Events { headers, .. } = Events::open(site.addr, &head).await;
        let header = |headers: &HashMap<String, String>, name: &str| headers.get(name).cloned().unwrap_or_default();
        assert!(header(&headers, "vary").contains("origin"), "{headers:?}");
        [header(&headers, "access-control-allow-origin"), header(&headers, "access-control-allow-credentials")]
    };
    assert_eq!(open(EVIL).await, ["*", ""]);
    assert_eq!(open(HOME).await, [HOME, "true"]);
}

#[tokio::test]
async fn nobody_moderates_by_the_cookie_that_another_origin_s_page_sends() {
    let site = Site::with(Setting { origins: &["*", HOME], ..Setting::default() }).await;
    let owner = site.sign_in(PASSWORD).await.cookie().to_owned();
    let page = site.page("/", &owner).await;
    let guest = page.cookie().to_owned();
    let cookie = format!("{owner}; {guest}");
    let user_of = |tokens: &Tokens, token: &str| {
        let claims = tokens.check(token, crate::chat::RoomId::FIRST).expect("our own");
        (claims.user, claims.capabilities.moderate())
    };
    let (known, _) = user_of(site.hub.tokens(), guest.split_once('=').expect("a pair").1);
    let open = async |origin: &str| {
        let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
        let head = format!("GET /subscribe/1 HTTP/1.1\r\nHost: chat.example\r\nCookie: {cookie}\r\n{origin}\r\n");
        let events = Events::open(site.addr, &head).await;
        let (user, moderates) = user_of(site.hub.tokens(), events.token());
        (user == known, moderates, events.init["message"]["moderates"] == true)
    };
    assert_eq!(open("").await, (true, true, true), "our own page");
    assert_eq!(open("http://chat.example").await, (true, true, true), "our own page");
    assert_eq!(open(HOME).await, (true, false, false), "a page that is named is the guest's");
    assert_eq!(open(EVIL).await, (false, false, false), "any other is a stranger's");
}
