//! What all clients of one address may do together, by whichever protocol. The tests' clients come from the loopback address, which is
//! not exempt.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Site,
    apex::Apex,
    site::{ADMIN_KEY, Setting, WIDGET_KEY},
    site_users::sign,
    web_socket::{FIN, TEXT, WebSocket, frame, request},
};
use crate::{
    chat::RoomId,
    hub::{Activity, Rates},
    server::TrustedProxies,
};

/// A hang must fail a test, not stop the run.
const PATIENCE: Duration = Duration::from_secs(20);

/// So rare that only the first one passes, however long a test takes.
const ONCE: f64 = 0.000_001;

/// What everybody is told whose address has reached a limit.
const TOLD: &str = "Your network address has reached its limit";

/// A chat that holds each address to one of something; a proxy at the loopback address says for whom it speaks.
async fn site_with_one(activity: Activity) -> Site {
    let trusted_proxies = TrustedProxies::new(Some(["127.0.0.1/32".parse().expect("a network")].into()));
    Site::with(Setting { per_address: Rates::none().with(activity, ONCE), trusted_proxies, ..Setting::default() }).await
}

/// Sends a request for the client at `from`, or for this one if that is empty. Returns the answer's status and all of it.
async fn ask(site: &Site, from: &str, line: &str, headers: &str, body: &str) -> (u16, String) {
    let forwarded = if from.is_empty() { String::new() } else { format!("X-Forwarded-For: {from}\r\n") };
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let request = format!("{line} HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n{forwarded}{headers}{length}\r\n{body}");
    let mut socket = TcpStream::connect(site.addr).await.expect("a server");
    socket.write_all(request.as_bytes()).await.expect("an open connection");
    let mut answer = Vec::new();
    // A stream does not end: its head is enough.
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") || !line.contains("/subscribe/") {
        let read = tokio::time::timeout(PATIENCE, socket.read_buf(&mut answer)).await.expect("an answer in time");
        if read.expect("an unbroken answer") == 0 {
            break;
        }
    }
    let answer = String::from_utf8(answer).expect("UTF-8");
    (answer["HTTP/1.1 ".len()..][..3].parse().expect("a status"), answer)
}

async fn get(site: &Site, from: &str, path: &str) -> (u16, String) {
    ask(site, from, &format!("GET {path}"), "", "").await
}

async fn say(site: &Site, from: &str, name: &str, text: &str) -> (u16, String) {
    let message = json!({ "type": "chat", "username": name, "message_text": text });
    let body = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message }).to_string();
    let line = format!("POST /publish/1?token={}", site.guest_token(RoomId::FIRST));
    ask(site, from, &line, "Content-Type: application/json\r\n", &body).await
}

fn check_refused((status, answer): &(u16, String), what: &str) {
    assert_eq!(*status, 429, "{what}: {answer}");
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.to_lowercase().contains("\r\nretry-after: "), "{what}: {head}");
    assert!(answer.contains(TOLD), "{what}: {answer}");
}

#[tokio::test]
async fn every_way_to_publish_is_held_to_the_limit_of_the_address() {
    let site = site_with_one(Activity::Message).await;
    assert_eq!(say(&site, "", "Ann", "first").await.0, 200);
    check_refused(&say(&site, "", "Bea", "second").await, "another user of the same address");
    for path in ["/", "/rooms/1", "/embed/1"] {
        let form = "username=Cora&message=hello";
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        check_refused(&ask(&site, "", &format!("POST {path}"), headers, form).await, path);
    }
    let mut apex = Apex::open(&site).await;
    apex.join("live-chat").await;
    apex.send(&json!([{ "action": "message_channel", "channel_name": "live-chat", "message": "hi" }])).await;
    assert!(apex.error().await.contains(TOLD));
    let protocol = format!("Sec-WebSocket-Protocol: {}\r\n", site.guest_token(RoomId::FIRST));
    let mut ivs = WebSocket::open_with(site.addr, "/ivschat/ws", &protocol).await;
    ivs.say(&json!({ "Action": "SEND_MESSAGE", "RequestId": "a", "Content": "hi" }).to_string()).await;
    let answer = ivs.text().await;
    assert!(answer.contains("429") && answer.contains(TOLD), "{answer}");
    assert_eq!(say(&site, "198.51.100.1", "Dora", "from another address").await.0, 200);
    assert_eq!(site.history().await, ["first", "from another address"]);
}

#[tokio::test]
async fn the_owner_of_the_admin_key_is_exempt() {
    let site = site_with_one(Activity::Message).await;
    assert_eq!(say(&site, "", "Ann", "first").await.0, 200);
    let mut apex = Apex::open(&site).await;
    apex.send(&json!([{ "action": "authenticate", "token": format!("admin:{ADMIN_KEY}") }])).await;
    for text in ["one", "two", "three"] {
        apex.send(&json!([{ "action": "message_channel", "channel_name": "live-chat", "message": text }])).await;
    }
    apex.is_silent().await;
    assert_eq!(site.history().await, ["first", "one", "two", "three"]);
}

#[tokio::test]
async fn the_relay_is_held_back_and_loses_nothing() {
    let site = Site::with(Setting { per_address: Rates::none().with(Activity::Message, 2.0), ..Setting::default() }).await;
    let mut client = WebSocket::open(site.addr, "/ws/broadcast").await;
    let texts: Vec<_> = (0..21).map(|n| n.to_string()).collect();
    let sent: Vec<u8> = texts.iter().flat_map(|text| frame(FIN | TEXT, text.as_bytes())).collect();
    client.write(&sent).await;
    for text in &texts {
        assert_eq!(client.text().await, *text);
    }
}

#[tokio::test]
async fn every_way_to_get_a_token_is_held_to_the_limit_of_the_address() {
    let site = site_with_one(Activity::Token).await;
    let cookie = site.get("/").await.cookie().to_owned();
    assert_eq!(get(&site, "", "/subscribe/1").await.0, 200);
    check_refused(&get(&site, "", "/subscribe/1").await, "a stream");
    let known = format!("/subscribe/1?token={}", site.guest_token(RoomId::FIRST));
    check_refused(&get(&site, "", &known).await, "a stream with a token");
    for path in ["/", "/rooms/1", "/embed/1", "/overlay/1", "/rooms/1/replay"] {
        check_refused(&get(&site, "", path).await, path);
    }
    let (status, page) = ask(&site, "", "GET /", &format!("Cookie: {cookie}\r\n"), "").await;
    assert_eq!(status, 200, "a visitor who is known gets no other identity: {page}");
    for (path, headers) in [
        ("/ws/broadcast", String::new()),
        ("/ivschat/ws", format!("Sec-WebSocket-Protocol: {}\r\n", site.guest_token(RoomId::FIRST))),
    ] {
        let answer = WebSocket::ask(site.addr, request(path, &headers).as_bytes()).await;
        assert!(answer.head.starts_with("HTTP/1.1 429 "), "{path}: {}", answer.head);
    }
    let of_site = sign(json!({ "sub": "1", "exp": u64::MAX >> 12 }));
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let entered = ask(&site, "", "POST /rooms/1/enter", headers, &format!("token={of_site}")).await;
    check_refused(&entered, "a site's user who enters");
    let (status, answer) = ask(&site, "", "POST /ivschat/demo/auth", "", "{}").await;
    assert_eq!(status, 429, "{answer}");
    let mut apex = Apex::open(&site).await;
    apex.send(&json!([{ "action": "join_channel", "channel_name": "live-chat" }])).await;
    assert!(apex.error().await.contains(TOLD));
    assert_eq!(get(&site, "198.51.100.1", "/subscribe/1").await.0, 200, "another address");
    check_refused(&get(&site, "198.51.100.1, 198.51.100.1", "/subscribe/1").await, "the same, named by a proxy");
}

#[tokio::test]
async fn every_way_to_read_is_held_to_the_limit_of_the_address() {
    let site = site_with_one(Activity::Read).await;
    assert_eq!(say(&site, "", "Ann", "first").await.0, 200);
    let message = site.get("/v1/streams/1/messages").await.json["data"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(get(&site, "", "/v1/streams/1/messages").await.0, 200);
    let one = format!("/v1/streams/1/messages/{message}");
    let paths = ["/v1/streams/1/messages?limit=500", &*one, "/v1/streams/1/replay", "/v1/streams/1/search?q=first"];
    let pages = ["/", "/rooms/1", "/rooms/1?before=1", "/rooms/1/replay", "/embed/1", "/overlay/1"];
    for path in paths.into_iter().chain(pages).chain(["/interactive-sync/user/interface/query"]) {
        check_refused(&get(&site, "", path).await, path);
    }
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    assert_eq!(ask(&site, "", &format!("GET {}", paths[0]), &key, "").await.0, 200, "the admin key is exempt");
    let mut events = site.subscribe().await;
    let body = json!({ "type": "request", "widget_key": WIDGET_KEY }).to_string();
    let line = format!("POST /publish/1?token={}", events.token());
    let ask_history = async |from| ask(&site, from, &line, "Content-Type: application/json\r\n", &body).await;
    assert_eq!(ask_history("198.51.100.1").await.0, 200);
    events.next_of("request").await;
    check_refused(&ask_history("198.51.100.1").await, "the history over a stream");
    assert_eq!(get(&site, "", "/health/ready").await.0, 200, "what reads no history");
}

#[tokio::test]
async fn names_bytes_and_reactions_are_held_to_the_limit_of_the_address() {
    let site = site_with_one(Activity::Name).await;
    assert_eq!(say(&site, "", "Ann", "first").await.0, 200);
    check_refused(&say(&site, "", "Bea", "second").await, "another name");
    assert_eq!(say(&site, "198.51.100.1", "Bea", "third").await.0, 200);
    let site = site_with_one(Activity::Byte).await;
    assert_eq!(say(&site, "", "Ann", "first").await.0, 200);
    check_refused(&say(&site, "", "Bea", "second").await, "more bytes");
    assert_eq!(say(&site, "198.51.100.1", "Bea", "third").await.0, 200);
    let site = site_with_one(Activity::Reaction).await;
    assert_eq!(say(&site, "", "Ann", "first").await.0, 200);
    let message = site.get("/v1/streams/1/messages").await.json["data"][0]["id"].as_str().expect("an id").to_owned();
    let react = async |from, method| {
        let line = format!("{method} /v1/streams/1/messages/{message}/reactions/%F0%9F%91%8D?widget_key={WIDGET_KEY}");
        let bearer = format!("Authorization: Bearer {}\r\n", site.guest_token(RoomId::FIRST));
        ask(&site, from, &line, &bearer, "").await
    };
    assert_eq!(react("", "PUT").await.0, 200);
    check_refused(&react("", "PUT").await, "another reaction");
    check_refused(&react("", "DELETE").await, "to take it back");
    assert_eq!(react("198.51.100.1", "PUT").await.0, 200);
}

#[tokio::test]
async fn the_limit_is_told_in_the_language_of_the_client() {
    let site = site_with_one(Activity::Read).await;
    assert_eq!(get(&site, "", "/v1/streams/1/messages").await.0, 200);
    for path in ["/v1/streams/1/messages", "/"] {
        let (status, answer) = ask(&site, "", &format!("GET {path}"), "Accept-Language: de\r\n", "").await;
        assert_eq!(status, 429);
        assert!(answer.contains("Deine Netzwerkadresse hat ihr Limit erreicht"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn on_a_disk_that_is_nearly_full_nothing_is_published_and_all_else_goes_on() {
    let site = Site::open().await;
    let mut events = site.subscribe().await;
    let token = events.token().to_owned();
    assert_eq!(site.say(&token, "before").await.status, 200);
    let message = site.get("/v1/streams/1/messages").await.json["data"][0]["id"].as_str().expect("an id").to_owned();
    site.hub.set_disk_low(true);
    let refused = site.say(&token, "during").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "10"), "{}", refused.text);
    assert!(refused.error().contains("no space left"));
    assert_eq!(site.submit("/", "", "same-origin", "username=Bea&message=hello").await.status, 503);
    let reaction = format!("/v1/streams/1/messages/{message}/reactions/%F0%9F%91%8D?widget_key={WIDGET_KEY}");
    let request = axum::http::Request::put(reaction).header("authorization", format!("Bearer {token}"));
    assert_eq!(site.send(request.body(axum::body::Body::empty()).expect("a request")).await.status, 503);
    let ready = site.get("/health/ready").await;
    assert!(ready.status == 503 && ready.text.contains("--min-free-disk"), "{}", ready.text);
    assert_eq!(site.get("/health/live").await.status, 200);
    assert_eq!(site.history().await, ["before"]);
    let ban = format!("/v1/streams/1/users/{}/ban", events.user_id());
    assert_eq!(site.administer(&ban, &json!({})).await.status, 200, "moderators decide");
    site.hub.set_disk_low(false);
    assert_eq!(site.say(&site.guest_token(RoomId::FIRST), "after").await.status, 200);
    assert_eq!(events.next_texts(2).await, ["before", "after"]);
}
