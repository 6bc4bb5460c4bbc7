//! Guests who come back, and who they are then: by their cookie, by their token, or by neither.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Events, Site, node,
    site::{ByHand, Setting, WIDGET_KEY, texts},
};
use crate::{
    chat::{Kind, RoomId},
    hub::{self, Found, Listening, Stay, Step, Trace, Wake},
    server::TrustedProxies,
};

/// A browser at an address, which its proxy tells.
#[derive(Clone, Copy)]
struct Client {
    agent: &'static str,
    address: &'static str,
}

const PHONE: Client = Client { agent: "Phone", address: "203.0.113.7" };
const ELSEWHERE: Client = Client { address: "203.0.113.8", ..PHONE };
const DESK: Client = Client { agent: "Desk", ..PHONE };

impl Client {
    fn head(self, line: &str) -> String {
        let Self { agent, address } = self;
        format!("{line} HTTP/1.1\r\nHost: chat.example\r\nUser-Agent: {agent}\r\nX-Forwarded-For: {address}\r\n")
    }

    /// Subscribes, without a cookie.
    async fn subscribe(self, site: &Site, query: &str, last_event_id: &str) -> Events {
        let position = if last_event_id.is_empty() { String::new() } else { format!("Last-Event-ID: {last_event_id}\r\n") };
        Events::open(site.addr, &format!("{}{position}\r\n", self.head(&format!("GET /subscribe/1{query}")))).await
    }

    /// Publishes; the status.
    async fn publish(self, site: &Site, token: &str, mut body: Value) -> u16 {
        body["widget_key"] = json!(WIDGET_KEY);
        let (body, head) = (body.to_string(), self.head(&format!("POST /publish/1?token={token}")));
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let mut socket = TcpStream::connect(site.addr).await.expect("a server");
        socket.write_all(format!("{head}{body}").as_bytes()).await.expect("an open connection");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    async fn say(self, site: &Site, token: &str, text: &str) -> u16 {
        let message = json!({ "type": "chat", "username": "Ann", "message_text": text });
        self.publish(site, token, json!({ "type": "broadcast", "message": message })).await
    }

    async fn request(self, site: &Site, token: &str) -> u16 {
        self.publish(site, token, json!({ "type": "request" })).await
    }
}

/// A chat behind a proxy.
async fn open() -> Site {
    let proxies = TrustedProxies::new(Some(["127.0.0.1/32".parse().expect("a network")].into()));
    Site::with(Setting { trusted_proxies: proxies, ..Setting::default() }).await
}

/// Somebody else writes to that user alone.
async fn whisper(site: &Site, to: &str, text: &str) {
    let body = json!({ "type": "private", "widget_key": WIDGET_KEY, "to_user_id": to, "message": { "message_text": text } });
    assert_eq!(site.publish(&site.guest_token(RoomId::FIRST), &body).await.status, 200);
}

/// What is written to one alone, up to the next public message.
async fn private_before(events: &mut Events, public: &str) -> Vec<String> {
    let mut private = Vec::new();
    loop {
        let event = events.next().await.expect("the stream goes on").data;
        let text = event["message"]["message_text"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str() {
            Some("private") => private.push(text),
            Some("broadcast") if text == public => return private,
            _ => {}
        }
    }
}

/// Whether what is written to `user` alone reaches a connection.
async fn hears(site: &Site, events: &mut Events, user: &str) -> bool {
    let mark = uuid::Uuid::new_v4().to_string();
    whisper(site, user, &mark).await;
    assert_eq!(site.say(&site.guest_token(RoomId::FIRST), &mark).await.status, 200);
    private_before(events, &mark).await.contains(&mark)
}

#[tokio::test]
async fn a_token_brings_its_user_back_though_their_old_stream_never_ended() {
    let site = open().await;
    for unique in [false, true] {
        site.administer("/v1/streams/1/settings", &json!({ "unique_names": unique })).await;
        let mut dead = PHONE.subscribe(&site, "", "").await;
        assert_eq!(PHONE.say(&site, dead.token(), "before").await, 200);
        dead.next_texts(1).await;
        let query = format!("?token={}", dead.token());
        // From another network, while the first stream seems to be there.
        let mut back = ELSEWHERE.subscribe(&site, &query, &dead.last_event_id).await;
        assert_eq!(back.user_id(), dead.user_id());
        for token in [dead.token(), back.token()] {
            assert_eq!(ELSEWHERE.say(&site, token, "after").await, 200, "unique: {unique}");
        }
        assert_eq!(back.next_texts(2).await, ["after", "after"]);
        assert!(hears(&site, &mut back, dead.user_id()).await);
        assert_eq!(ELSEWHERE.request(&site, dead.token()).await, 200);
        back.next_of("request").await;
    }
}

#[tokio::test]
async fn a_cookie_brings_its_user_back_though_their_old_stream_never_ended() {
    let site = open().await;
    let cookie = site.page("/", "").await.cookie().to_owned();
    let open = async || Events::open(site.addr, &format!("{}Cookie: {cookie}\r\n\r\n", PHONE.head("GET /subscribe/1"))).await;
    let (dead, mut back) = (open().await, open().await);
    assert_eq!(back.user_id(), dead.user_id());
    assert_eq!(PHONE.say(&site, back.token(), "after").await, 200);
    assert_eq!(back.next_texts(1).await, ["after"]);
}

#[tokio::test]
async fn a_client_that_keeps_its_first_token_goes_on_as_who_it_was() {
    let site = open().await;
    let mut bystander = PHONE.subscribe(&site, "", "").await;
    let mut first = PHONE.subscribe(&site, "", "").await;
    let (token, user) = (first.token().to_owned(), first.user_id().to_owned());
    assert_eq!(PHONE.say(&site, &token, "before").await, 200);
    first.next_texts(1).await;
    let position = first.last_event_id.clone();
    drop(first);
    site.viewers(1).await;
    let mut back = PHONE.subscribe(&site, "", &position).await;
    assert_ne!(back.user_id(), user, "a new guest");
    assert!(!hears(&site, &mut back, &user).await, "nobody knows yet who it is");
    assert_eq!(PHONE.say(&site, &token, "after").await, 200, "the name stays free to use");
    assert!(hears(&site, &mut back, &user).await);
    assert_eq!(PHONE.request(&site, &token).await, 200);
    let answer = back.next_of("request").await;
    assert!(texts(answer.data["message"].as_array().expect("a list")).is_empty(), "it has had all of it");
    assert!(!hears(&site, &mut bystander, &user).await, "who was there before is somebody else");
    // And again.
    let position = back.last_event_id.clone();
    drop(back);
    site.viewers(1).await;
    let mut back = PHONE.subscribe(&site, "", &position).await;
    assert_eq!(PHONE.request(&site, &token).await, 200);
    back.next_of("request").await;
    assert!(hears(&site, &mut back, &user).await);
}

#[tokio::test]
async fn a_client_whose_old_stream_seems_to_be_there_is_found_by_its_position() {
    let site = open().await;
    let mut dead = PHONE.subscribe(&site, "", "").await;
    let (token, user) = (dead.token().to_owned(), dead.user_id().to_owned());
    assert_eq!(PHONE.say(&site, &token, "before").await, 200);
    dead.next_texts(1).await;
    let mut back = PHONE.subscribe(&site, "", &dead.last_event_id).await;
    let mut fresh = PHONE.subscribe(&site, "", "").await;
    assert_eq!(PHONE.say(&site, &token, "after").await, 200);
    assert!(hears(&site, &mut back, &user).await);
    assert!(!hears(&site, &mut fresh, &user).await);
    // Its new token is its own again as soon as it is used.
    assert_eq!(PHONE.say(&site, back.token(), "new").await, 200);
    assert!(!hears(&site, &mut back, &user).await);
}

#[tokio::test]
async fn a_client_that_had_been_given_nothing_but_its_token_is_found_too() {
    for said in ["", "said before it came"] {
        let site = open().await;
        if !said.is_empty() {
            let other = DESK.subscribe(&site, "", "").await;
            assert_eq!(DESK.say(&site, other.token(), said).await, 200);
        }
        let mut dead = PHONE.subscribe(&site, "", "").await;
        let (token, user) = (dead.token().to_owned(), dead.user_id().to_owned());
        let block = dead.block().await.expect("a block after init");
        let position = block.strip_prefix("id: ").expect("an id without data").trim_end();
        let mut back = PHONE.subscribe(&site, "", position).await;
        assert_eq!(PHONE.request(&site, &token).await, 200);
        let history = back.next_of("request").await.data;
        let history = texts(history["message"].as_array().expect("an array"));
        assert_eq!(history, Vec::from_iter((!said.is_empty()).then_some(said)), "the history is still to be given");
        assert!(hears(&site, &mut back, &user).await);
    }
}

#[tokio::test]
async fn nobody_is_taken_for_somebody_else() {
    let site = open().await;
    let lose = async |others: usize| {
        let mut first = PHONE.subscribe(&site, "", "").await;
        let (token, user) = (first.token().to_owned(), first.user_id().to_owned());
        assert_eq!(PHONE.say(&site, &token, "before").await, 200);
        first.next_texts(1).await;
        let position = first.last_event_id.clone();
        drop(first);
        site.viewers(others).await;
        (token, user, position)
    };
    // Another address, another browser, somebody who is known, somebody who speaks by their own token.
    let (token, user, position) = lose(0).await;
    let known = PHONE.subscribe(&site, "", "").await;
    let query = format!("?token={}", known.token());
    let mut others = [
        ELSEWHERE.subscribe(&site, "", &position).await,
        DESK.subscribe(&site, "", &position).await,
        PHONE.subscribe(&site, &query, &position).await,
        PHONE.subscribe(&site, "", &position).await,
    ];
    assert_eq!(PHONE.say(&site, known.token(), "hi").await, 200);
    assert_eq!(PHONE.say(&site, others[3].token(), "hi").await, 200);
    assert_eq!(PHONE.say(&site, &token, "after").await, 200);
    assert_eq!(PHONE.request(&site, &token).await, 409);
    for other in &mut others {
        assert!(!hears(&site, other, &user).await);
    }
    // Who is here by another connection of their own.
    let (token, user, position) = lose(4).await;
    let own = PHONE.subscribe(&site, &format!("?token={token}"), "").await;
    let mut other = PHONE.subscribe(&site, "", &position).await;
    assert_eq!(PHONE.say(&site, &token, "after").await, 200);
    assert!(!hears(&site, &mut other, &user).await);
    drop((own, other));
    // Two who may be the one.
    let (token, user, position) = lose(4).await;
    let mut two = [PHONE.subscribe(&site, "", &position).await, PHONE.subscribe(&site, "", &position).await];
    assert_eq!(PHONE.say(&site, &token, "after").await, 200);
    for other in &mut two {
        assert!(!hears(&site, other, &user).await);
    }
}

#[tokio::test]
async fn who_is_connected_is_asked_though_another_may_be_their_return() {
    let site = open().await;
    let mut first = PHONE.subscribe(&site, "", "").await;
    assert_eq!(PHONE.say(&site, first.token(), "before").await, 200);
    first.next_texts(1).await;
    let mut earlier = PHONE.subscribe(&site, "", &first.last_event_id).await;
    let mut connected = PHONE.subscribe(&site, "", "").await;
    let later = PHONE.subscribe(&site, "", &first.last_event_id).await;
    whisper(&site, connected.user_id(), "secret").await;
    assert_eq!(PHONE.request(&site, connected.token()).await, 200);
    let answer = connected.next_of("request").await;
    assert_eq!(texts(answer.data["message"].as_array().expect("a list")), ["before"]);
    let user = connected.user_id().to_owned();
    assert!(!hears(&site, &mut earlier, &user).await, "it was there before");
    // Whoever it was taken for: it reads nothing of what was, and nothing more when it speaks for itself.
    let mut later = later;
    assert_eq!(PHONE.say(&site, later.token(), "hi").await, 200);
    assert!(!private_before(&mut later, "hi").await.contains(&"secret".to_owned()));
    assert!(!hears(&site, &mut later, &user).await);
    assert!(hears(&site, &mut connected, &user).await);
}

/// However late a reader is given what was said before: it was said while the other alone was there.
#[tokio::test]
async fn who_stands_in_is_given_nothing_that_was_said_before() {
    let site = open().await;
    let mut first = PHONE.subscribe(&site, "", "").await;
    assert_eq!(PHONE.say(&site, first.token(), "before").await, 200);
    first.next_texts(1).await;
    let mut connected = PHONE.subscribe(&site, "", "").await;
    let listening = Listening {
        resume: Some(&first.last_event_id),
        stay: Stay::UntilEnd,
        trace: Some(Trace::of(&[PHONE.agent.as_bytes(), b"", b""])),
        replaces: None,
    };
    let (wake, from): (Arc<dyn Wake>, _) = (Arc::new(ByHand), PHONE.address.parse().ok());
    let joined = site.hub.subscribe(RoomId::FIRST, site.guest(), hub::Site::default(), from, listening, &wake);
    let (mut later, _) = joined.expect("a live room");
    // It reads only when it is told to.
    let mut private_given = async || loop {
        match later.next_step() {
            Step::Fetch(fetch) => {
                let (events, fetched) = fetch.run().await.expect("a readable log");
                assert!(!events.iter().any(|event| matches!(event.kind, Kind::Private { .. })));
                later.fetched(fetched);
            }
            Step::Live(cursor) => {
                let Found::Batch(batch) = later.tail().read(cursor, u64::MAX, 10_000) else { panic!("it is all in memory") };
                let events = later.pick(&batch).into_iter().filter_map(|(entry, _)| entry.event());
                return events.filter(|event| matches!(event.kind, Kind::Private { .. })).count();
            }
            Step::End(_) => panic!("nobody is disconnected"),
        }
    };
    whisper(&site, connected.user_id(), "secret").await;
    assert_eq!(PHONE.request(&site, connected.token()).await, 200);
    connected.next_of("request").await;
    assert_eq!(private_given().await, 0);
    whisper(&site, connected.user_id(), "from now on").await;
    assert_eq!(private_given().await, 1);
}

#[tokio::test]
async fn whose_token_is_revoked_is_told_nothing_over_the_connection_that_stands_in() {
    let site = open().await;
    let first = PHONE.subscribe(&site, "", "").await;
    let (token, user) = (first.token().to_owned(), first.user_id().to_owned());
    drop(first);
    site.viewers(0).await;
    let mut back = PHONE.subscribe(&site, "", "").await;
    assert_eq!(PHONE.say(&site, &token, "after").await, 200);
    assert!(hears(&site, &mut back, &user).await);
    assert_eq!(site.administer("/v1/tokens/revoke", &json!({ "user": user })).await.status, 200);
    while back.next().await.is_some() {}
}

#[tokio::test]
async fn a_first_token_finds_its_user_s_new_connection_on_another_node() {
    let [one, other] = node::two().await;
    for back_to in [&one, &other] {
        let mut first = PHONE.subscribe(&one, "", "").await;
        let (token, user) = (first.token().to_owned(), first.user_id().to_owned());
        assert_eq!(PHONE.say(&one, &token, "before").await, 200);
        first.next_texts(1).await;
        let position = first.last_event_id.clone();
        drop(first);
        one.viewers(0).await;
        let mut back = PHONE.subscribe(back_to, "", &position).await;
        assert_eq!(PHONE.request(&other, &token).await, 200);
        back.next_of("request").await;
        assert!(hears(&one, &mut back, &user).await);
        drop(back);
        back_to.viewers(0).await;
    }
    // Of two that may be the one none is, on whichever nodes they are.
    let first = PHONE.subscribe(&one, "", "").await;
    let (token, user) = (first.token().to_owned(), first.user_id().to_owned());
    drop(first);
    one.viewers(0).await;
    let mut two = [PHONE.subscribe(&one, "", "").await, PHONE.subscribe(&other, "", "").await];
    assert_eq!(PHONE.request(&one, &token).await, 409);
    for events in &mut two {
        assert!(!hears(&one, events, &user).await);
    }
}

#[tokio::test]
async fn a_client_that_returns_to_another_node_by_its_token_is_asked_there() {
    let [one, other] = node::two().await;
    let mut dead = PHONE.subscribe(&one, "", "").await;
    let token = dead.token().to_owned();
    assert_eq!(PHONE.say(&one, &token, "before").await, 200);
    dead.next_texts(1).await;
    let mut back = PHONE.subscribe(&other, &format!("?token={token}"), &dead.last_event_id).await;
    for site in [&one, &other] {
        assert_eq!(PHONE.request(site, &token).await, 200);
        back.next_of("request").await;
    }
}
