//! `/apex`.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Receiver, Reply, Site,
    site::{ADMIN_KEY, PASSWORD, SITE_SECRET, Setting, tls},
    web_socket::{FIN, PING, PONG, Received as Frame, TEXT, WebSocket, frame, request},
};
use crate::{
    chat::RoomId,
    server::{ApexSessions, Guard, HookClient},
};

/// Room 1's slug.
const CHANNEL: &str = "live-chat";

pub struct Apex(pub WebSocket);

impl Apex {
    pub async fn open(site: &Site) -> Self {
        Self(WebSocket::open(site.addr, "/apex").await)
    }

    pub async fn send(&mut self, actions: &Value) {
        self.0.say(&actions.to_string()).await;
    }

    pub async fn join(&mut self, channel: &str) {
        self.send(&json!([{ "action": "join_channel", "channel_name": channel }])).await;
        self.is_silent().await;
    }

    /// Checks that nothing was said, and that all is done that was asked for.
    pub async fn is_silent(&mut self) {
        self.0.write(&frame(FIN | PING, b"done?")).await;
        let next = self.frame().await;
        assert_eq!((next.opcode, &*next.payload), (PONG, &b"done?"[..]), "{:?}", String::from_utf8_lossy(&next.payload));
    }

    /// The next frame. On a busy machine it may be asked in between whether it is still there.
    async fn frame(&mut self) -> Frame {
        loop {
            let frame = self.0.next().await.expect("an open connection");
            if frame.opcode != PING {
                return frame;
            }
        }
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(self.frame().await.text()).expect("JSON")
    }

    /// The message of the next frame, which is an error.
    pub async fn error(&mut self) -> String {
        let mut next = self.next().await;
        let message = next["message"].take();
        assert_eq!(next, json!({ "status": "error", "version": "1.0", "message": null, "data": [] }));
        message.as_str().expect("a text").to_owned()
    }

    /// Checks that the next thing that it hears is that.
    pub async fn is_told(&mut self, text: &str) {
        assert!(self.message().await.1.ends_with(text));
    }

    /// The channel of the next message, and its line without the time.
    async fn message(&mut self) -> (String, String) {
        let next = self.next().await;
        let action = &next["data"][0];
        assert_eq!(
            (&next["status"], &next["version"], &next["message"], &action["action"]),
            (&json!("ok"), &json!("1.0"), &json!(""), &json!("new_message")),
            "{next}"
        );
        let (time, line) = action["message"].as_str().expect("a text").split_at(8);
        let digits: Vec<_> = time.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect();
        assert_eq!(digits, b"[00:00] ", "{time}");
        (action["channel_name"].as_str().expect("a name").to_owned(), line.to_owned())
    }
}

pub fn site_token(user: &str, name: &str) -> String {
    let claims = json!({ "sub": user, "name": name, "exp": 9_999_999_999_u64 });
    let key = jsonwebtoken::EncodingKey::from_secret(SITE_SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("plain data")
}

#[tokio::test]
async fn what_is_said_reaches_the_channel_and_every_other_protocol() {
    let site = Site::open().await;
    let mut page = site.subscribe().await;
    let (mut ann, mut bob) = (Apex::open(&site).await, Apex::open(&site).await);
    ann.join(CHANNEL).await;
    bob.join(CHANNEL).await;
    ann.send(&json!([{ "action": "message_channel", "channel_name": CHANNEL, "message": "hi & <b>" }])).await;
    let (channel, line) = ann.message().await;
    assert_eq!(channel, CHANNEL);
    let (name, text) = line.split_once(": ").expect("a name and a text");
    assert!(name.starts_with("&lt;Guest ") && name.ends_with("&gt;"), "{line}");
    assert_eq!(text, "hi &amp; &lt;b&gt;");
    assert_eq!(bob.message().await, (channel, line));
    assert_eq!(page.next_texts(1).await, ["hi & <b>"], "and no other protocol's markup");
    let token = page.token().to_owned();
    site.say_as(&token, "Eve", "hello").await;
    assert_eq!(bob.message().await.1, "&lt;Eve&gt;: hello");
    bob.send(&json!([{ "action": "leave_channel", "channel_name": CHANNEL }])).await;
    bob.is_silent().await;
    site.say_as(&token, "Eve", "bye").await;
    assert_eq!(ann.message().await.1, "&lt;Eve&gt;: hello");
    assert_eq!(ann.message().await.1, "&lt;Eve&gt;: bye");
    bob.is_silent().await;
}

#[tokio::test]
async fn what_fails_is_told_in_the_original_s_words_and_the_rest_is_done() {
    let site = Site::open().await;
    let mut client = Apex::open(&site).await;
    let rows = [
        (json!([{ "action": "authenticate", "token": "admin:wrong" }]), "Invalid auth token"),
        (json!([{ "action": "authenticate", "token": "0123456789abcdef" }]), "Invalid auth token"),
        (json!([{ "action": "join_channel", "channel_name": "x", "join_or_create": 0 }]), "Channel does not exist, x"),
        (
            json!([{ "action": "join_channel", "channel_name": "a\nb" }]),
            "The name of a channel has 1 to 128 characters, none of them for control.",
        ),
        (json!([{ "action": "leave_channel", "channel_name": "x" }]), "Channel does not exist, x"),
        (json!([{ "action": "message_channel", "channel_name": "x", "message": "hi" }]), "Channel does not exist, x"),
        (
            json!([{ "action": "message_channel", "channel_name": CHANNEL, "message": "hi" }]),
            "Unable to send to channel.  Permission denied.",
        ),
        (json!([{ "action": "message_channel", "channel_name": CHANNEL, "message": " " }]), "Can not send a blank message"),
        (
            json!([{ "action": "message_user", "uuid": "u:1", "message": "x" }]),
            "You must be authenticated to send private message.",
        ),
        (json!([{ "action": "dance" }]), "Invalid command, unable to process.  Check the 'action' variable is correct."),
        (json!([]), "Did not receive valid JSON"),
    ];
    for (actions, expected) in rows {
        client.send(&actions).await;
        assert_eq!(client.error().await, expected, "{actions}");
    }
    for token in [json!(""), json!(null), json!("null"), json!("undefined")] {
        client.send(&json!([{ "action": "authenticate", "token": token }])).await;
        client.is_silent().await;
    }
    let said = |text: &str| json!({ "action": "send_channel", "channel_name": CHANNEL, "message": text });
    client
        .send(&json!([{ "action": "dance" }, { "action": "join_channel", "channel_name": CHANNEL }, said(""), said("hi")]))
        .await;
    client.error().await;
    assert_eq!(client.error().await, "Can not send a blank message");
    assert!(client.message().await.1.ends_with(": hi"));
    assert_eq!(site.history().await, ["hi"], "the blank one is not relayed");
    client.send(&json!([said(&"x".repeat(501))])).await;
    assert!(client.error().await.contains("500"));
}

#[tokio::test]
async fn one_frame_counts_though_its_client_is_gone_at_once() {
    let site = Site::open().await;
    // As the original's PHP client does: authenticated, in one frame, with no close and nothing read but the head.
    for text in ["from a script".to_owned(), "long ".repeat(90)] {
        let mut client = Apex::open(&site).await;
        let padding = "x".repeat(if text.len() > 100 { 70_000 } else { 0 });
        let actions = json!([
            { "action": "authenticate", "token": format!("admin:{ADMIN_KEY}") },
            { "action": "join_channel", "channel_name": "news", "padding": padding },
            { "action": "message_channel", "channel_name": "news", "message": text },
        ]);
        client.0.write(&frame(FIN | TEXT, actions.to_string().as_bytes())).await;
        client.0.end().await;
        while client.0.next().await.is_some() {}
    }
    let room = site.hub.channel("news").expect("it was made, once");
    assert_eq!((site.hub.rooms().len(), site.hub.channels().len()), (1, 2), "and the one for private messages");
    let history = site.get(&format!("/v1/streams/{room}/messages")).await;
    let said: Vec<_> =
        history.json["data"].as_array().expect("a list").iter().map(|one| &one["message"]["message_text"]).collect();
    assert_eq!(said, [&json!("from a script"), &json!("long ".repeat(90))]);
}

#[tokio::test]
async fn the_first_to_join_makes_a_channel_and_writes_there_whatever_it_is() {
    let site = Site::open().await;
    let (mut first, mut second, mut admin) = (Apex::open(&site).await, Apex::open(&site).await, Apex::open(&site).await);
    admin.send(&json!([{ "action": "authenticate", "token": format!("admin:{ADMIN_KEY}") }])).await;
    let join = |name: &str, visibility: &str| json!({ "action": "join_channel", "channel_name": name, "visibility": visibility });
    let say = |name: &str| json!({ "action": "message_channel", "channel_name": name, "message": "hi" });
    const DENIED: &str = "Unable to send to channel.  Permission denied.";
    // By the one frame of the published page, of a visitor without a session.
    first.send(&json!([{ "action": "authenticate", "token": "" }, join("example", "public"), say("example")])).await;
    assert!(first.message().await.1.ends_with(": hi"));
    second.send(&json!([join("example", "private"), say("example")])).await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.message().await.0, "example", "its visibility was chosen before");
    }
    first.send(&json!([join("The Hall №5", "protected"), say("The Hall №5")])).await;
    assert_eq!(first.message().await.0, "The Hall №5");
    second.send(&json!([join("The Hall №5", "public"), say("The Hall №5")])).await;
    assert_eq!(second.error().await, DENIED);
    admin.send(&json!([say("The Hall №5")])).await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.message().await, ("The Hall №5".to_owned(), "&lt;Admin&gt;: hi".to_owned()));
    }
    first.send(&json!([join("42", "private"), say("42")])).await;
    assert_eq!(first.message().await.0, "42");
    second.send(&json!([join("42", "private"), say("42"), { "action": "leave_channel", "channel_name": "42" }])).await;
    assert_eq!(second.error().await, "Unable to create channel, 42.  Permission denied");
    assert_eq!([second.error().await, second.error().await], ["Channel does not exist, 42", "Channel does not exist, 42"]);
    second.send(&json!([{ "action": "join_channel", "channel_name": "42", "join_or_create": 0 }])).await;
    assert_eq!(second.error().await, "Channel does not exist, 42");
    admin.send(&json!([join("42", "public"), say("42")])).await;
    for client in [&mut first, &mut admin] {
        assert_eq!(client.message().await, ("42".to_owned(), "&lt;Admin&gt;: hi".to_owned()));
    }
    first.send(&json!([{ "action": "join_channel" }])).await;
    first.is_silent().await;
    assert_eq!(site.hub.channels().len(), 5, "one by a random name, and the one for private messages");
}

#[tokio::test]
async fn joining_what_cannot_be_joined_says_why() {
    let site = Site::open().await;
    let mut client = Apex::open(&site).await;
    for name in ["pm:", "pm:a+b", "pm:u:1+u:2"] {
        for create in [0, 1] {
            client.send(&json!([{ "action": "join_channel", "channel_name": name, "join_or_create": create }])).await;
            let why = "Names that begin with 'pm:' are reserved for private messages: use message_user.";
            assert_eq!(client.error().await, format!("Unable to join channel, {name}.  {why}"));
        }
    }
    let long = "x".repeat(100);
    for (visibility, shown) in [
        (json!("secret"), "secret"),
        (json!("Public"), "Public"),
        (json!(7), "7"),
        (json!(true), "true"),
        (json!(["private"]), "[\"private\"]"),
        (json!(long), &long[..32]),
    ] {
        client.send(&json!([{ "action": "join_channel", "channel_name": "hall", "visibility": visibility }])).await;
        let expected = format!("Invalid visibility, {shown}.  It must be public, protected or private.");
        assert_eq!(client.error().await, expected);
    }
    assert!(site.hub.channel("hall").is_none(), "a channel that was to be private is not public");
    for visibility in [json!(null), json!(""), json!("public")] {
        client.send(&json!([{ "action": "join_channel", "channel_name": "hall", "visibility": visibility }])).await;
    }
    client.is_silent().await;
    assert!(site.hub.channel("hall").is_some());
}

#[tokio::test]
async fn a_channel_is_in_no_list_and_changes_nothing_of_the_chat() {
    let site = Site::open().await;
    let before = (site.get("/").await.status, site.administer("/v1/streams/1/settings", &json!({})).await.json);
    let mut client = Apex::open(&site).await;
    client.join("example").await;
    let room = site.hub.channel("example").expect("made");
    assert_eq!((site.get("/").await.status, site.administer("/v1/streams/1/settings", &json!({})).await.json), before);
    assert_eq!(site.hub.rooms().iter().map(|room| room.id).collect::<Vec<_>>(), [RoomId::FIRST]);
    assert_eq!(site.hub.widget_keys().len(), 1);
    assert_eq!(site.get(&format!("/rooms/{room}")).await.status, 200, "who knows its number may look");
    let change = site.administer(&format!("/v1/streams/{room}/settings"), &json!({ "channel": null })).await;
    assert_eq!(change.status, 400, "{}", change.text);
}

#[tokio::test]
async fn who_makes_a_channel_may_do_nothing_more_outside_of_apex() {
    let site = Site::open().await;
    let mut ann = Apex::open(&site).await;
    let said = json!({ "action": "message_channel", "channel_name": "hall", "message": "hi" });
    let join = json!({ "action": "join_channel", "channel_name": "hall", "visibility": "protected" });
    ann.send(&json!([{ "action": "authenticate", "token": site_token("1", "Ann") }, join, said])).await;
    assert_eq!(ann.message().await.1, "&lt;Ann&gt;: hi");
    let room = site.hub.channel("hall").expect("made");
    let page = site.get(&format!("/v1/streams/{room}/messages")).await.json;
    let message = page["data"][0]["id"].as_str().expect("an id");
    let token = site_token("1", "Ann");
    for (method, path, status) in [
        ("DELETE", format!("/v1/streams/{room}/messages/{message}"), 403),
        ("POST", format!("/v1/streams/{room}/users/site:2/ban"), 403),
        ("POST", format!("/v1/streams/{room}/settings"), 403),
        ("POST", format!("/v1/streams/{room}/end"), 401),
    ] {
        let request = axum::http::Request::builder().method(method).uri(&path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {token}")).body(axum::body::Body::from("{}"));
        assert_eq!(site.send(request.expect("a request")).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_private_channel_is_nowhere_else() {
    let site = Site::open().await;
    let mut client = Apex::open(&site).await;
    let said = json!({ "action": "message_channel", "channel_name": "secret", "message": "hi" });
    client.send(&json!([{ "action": "join_channel", "channel_name": "secret", "visibility": "private" }, said])).await;
    client.message().await;
    let room = site.hub.channel("secret").expect("made");
    let message = crate::chat::MessageId { room, seq: 1 };
    for path in [
        format!("/rooms/{room}"),
        format!("/rooms/{room}/replay"),
        format!("/embed/{room}"),
        format!("/overlay/{room}"),
        format!("/subscribe/{room}"),
        format!("/v1/streams/{room}/messages"),
        format!("/v1/streams/{room}/messages/{message}"),
        format!("/v1/streams/{room}/replay"),
    ] {
        assert_eq!(site.get(&path).await.status, 404, "{path}");
    }
    let token = site.guest_token(room);
    let publish = json!({ "type": "broadcast", "widget_key": super::site::WIDGET_KEY, "message": "hi" }).to_string();
    assert_eq!(site.publish_raw(room.get(), &token, publish).await.status, 404);
    for (path, headers) in [
        (format!("/ws/broadcast?room={room}"), String::new()),
        ("/ivschat/ws".to_owned(), format!("Sec-WebSocket-Protocol: {token}\r\n")),
    ] {
        let answer = WebSocket::ask(site.addr, request(&path, &headers).as_bytes()).await;
        assert!(answer.head.starts_with("HTTP/1.1 4"), "{path}: {}", answer.head);
    }
    let about =
        super::invitations::call(&site, axum::http::Method::GET, &format!("/v1/streams/{room}"), ADMIN_KEY, &Value::Null).await;
    assert_eq!(about.json["data"]["name"], "secret", "whoever runs the chat sees it");
    client.send(&json!([said])).await;
    client.message().await;
}

#[tokio::test]
async fn an_address_makes_ten_channels_and_those_that_nobody_uses_go() {
    let site = Site::open().await;
    let (mut one, mut other, mut admin) = (Apex::open(&site).await, Apex::open(&site).await, Apex::open(&site).await);
    admin.send(&json!([{ "action": "authenticate", "token": format!("admin:{ADMIN_KEY}") }])).await;
    for n in 0..5 {
        one.join(&format!("one {n}")).await;
        other.join(&format!("other {n}")).await;
        admin.join(&format!("admin {n}")).await;
    }
    one.send(&json!([{ "action": "join_channel", "channel_name": "too many" }, { "action": "join_channel", "channel_name": "other 0" }]))
        .await;
    assert!(one.error().await.starts_with("There are 10 channels already."));
    one.is_silent().await;
    admin.join("and more").await;
    let first = site.hub.channel("one 0").expect("made");
    let said = json!([{ "action": "message_channel", "channel_name": "one 0", "message": "hi" }]);
    one.send(&said).await;
    one.message().await;
    site.hub.remove_quiet_channels(Duration::ZERO).await;
    assert!(site.hub.channel("one 0").is_some(), "it has a member");
    one.send(&json!([{ "action": "leave_channel", "channel_name": "one 0" }])).await;
    one.is_silent().await;
    site.hub.remove_quiet_channels(Duration::from_secs(24 * 3_600)).await;
    assert!(site.hub.channel("one 0").is_some(), "it had one a moment ago");
    site.hub.remove_quiet_channels(Duration::ZERO).await;
    assert_eq!((site.hub.channel("one 0"), site.hub.channel("one 1").is_some()), (None, true));
    for path in [format!("/rooms/{first}"), format!("/v1/streams/{first}/messages")] {
        assert_eq!(site.get(&path).await.status, 404, "{path}");
    }
    one.send(&said).await;
    assert_eq!(one.error().await, "Channel does not exist, one 0");
    one.join("one 0").await;
    let again = site.hub.channel("one 0").expect("made again");
    assert!(again > first);
    let site = site.restart().await;
    assert_eq!(site.hub.channel("one 0"), Some(again));
    assert_eq!(site.get(&format!("/rooms/{first}")).await.status, 404);
}

#[tokio::test]
async fn of_many_who_join_at_once_one_makes_the_channel() {
    let site = Site::open().await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(Apex::open(&site).await);
    }
    let frame = json!([
        { "action": "join_channel", "channel_name": "hall" },
        { "action": "message_channel", "channel_name": "hall", "message": "hi" },
    ]);
    futures::future::join_all(clients.iter_mut().map(|client| client.send(&frame))).await;
    for client in &mut clients {
        assert!(client.message().await.1.ends_with(": hi"));
    }
    assert_eq!(site.hub.channels().len(), 1);
}

#[tokio::test]
async fn a_private_message_is_for_its_two_parties_alone() {
    let site = Site::open().await;
    let mut clients = Vec::new();
    for (user, name) in [("1", "Ann"), ("2", "Bob"), ("3", "Eve")] {
        let mut client = Apex::open(&site).await;
        client.send(&json!([{ "action": "authenticate", "token": site_token(user, name) }])).await;
        client.join(CHANNEL).await;
        clients.push(client);
    }
    let [ann, bob, eve] = &mut clients[..] else { unreachable!("three") };
    let whisper = |to: &str, text: &str| json!([{ "action": "message_user", "uuid": to, "message": text }]);
    ann.send(&whisper("site:3", "from Ann")).await;
    for client in [&mut *ann, eve] {
        assert_eq!(client.message().await, ("pm:1+3".to_owned(), "&lt;Ann&gt;: from Ann".to_owned()));
    }
    bob.send(&whisper("site:3", "from Bob")).await;
    for client in [&mut *bob, eve] {
        assert_eq!(client.message().await, ("pm:2+3".to_owned(), "&lt;Bob&gt;: from Bob".to_owned()));
    }
    ann.is_silent().await;
    assert_eq!(site.history().await, Vec::<String>::new());
    // By the id that their site knows them by, with no channel in common.
    for client in [&mut *ann, eve] {
        client.send(&json!([{ "action": "leave_channel", "channel_name": CHANNEL }])).await;
    }
    eve.send(&whisper("1", "psst")).await;
    for client in [&mut *ann, eve] {
        assert_eq!(client.message().await, ("pm:1+3".to_owned(), "&lt;Eve&gt;: psst".to_owned()));
    }
    bob.is_silent().await;
    let mut guest = Apex::open(&site).await;
    guest.send(&json!([{ "action": "join_channel", "channel_name": "pm:" }])).await;
    guest.error().await;
    guest.send(&whisper("1", "x")).await;
    assert_eq!(guest.error().await, "You must be authenticated to send private message.");
    for (to, text, expected) in [
        ("site:9", "x", "The user is not connected with uuid: site:9"),
        ("not a uuid", "x", "The user is not connected with uuid: not a uuid"),
        ("site:3", "", "You can not send a blank message."),
    ] {
        ann.send(&whisper(to, text)).await;
        assert_eq!(ann.error().await, expected);
    }
}

#[tokio::test]
async fn a_token_counts_where_it_is_for() {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "Two", "slug": "two" })).await;
    site.administer("/v1/streams/2/prepare", &json!({})).await;
    let mut client = Apex::open(&site).await;
    client.send(&json!([{ "action": "authenticate", "token": site.guest_token(RoomId::FIRST) }])).await;
    client.is_silent().await;
    client.send(&json!([{ "action": "join_channel", "channel_name": "two" }])).await;
    assert_eq!(client.error().await, "Channel does not exist, two", "it has not begun");
    site.administer("/v1/streams/2/start", &json!({})).await;
    client.join("two").await;
    client.join(CHANNEL).await;
    let say = |channel: &str| json!([{ "action": "message_channel", "channel_name": channel, "message": "hi" }]);
    client.send(&say("two")).await;
    client.send(&say(CHANNEL)).await;
    let (one, two) = (client.message().await, client.message().await);
    assert_eq!((one.0.as_str(), two.0.as_str()), ("two", CHANNEL));
    assert_ne!(one.1, two.1, "another guest where the token is not for");
    site.administer("/v1/streams/2/end", &json!({})).await;
    client.send(&say("two")).await;
    client.error().await;
    client.send(&say(CHANNEL)).await;
    assert_eq!(client.message().await, two, "the connection goes on");
}

fn sessions(server: &Receiver) -> Option<ApexSessions> {
    let client = HookClient::new(Guard::anywhere(), tls());
    Some(ApexSessions::new(client, ApexSessions::url(&server.url).expect("an address")))
}

/// A chat that asks `server` who has a session.
async fn with_sessions(server: &Receiver) -> Site {
    Site::with(Setting { apex_sessions: sessions(server), ..Setting::default() }).await
}

const SESSION: &str = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
const BOB: &str = r#"{"uuid":"u:255","username":"bob"}"#;

#[tokio::test]
async fn the_operator_s_server_says_who_has_a_session() {
    let mut server = Receiver::open().await;
    let site = with_sessions(&server).await;
    let (mut bob, mut eve) = (Apex::open(&site).await, Apex::open(&site).await);
    let enter = json!([{ "action": "authenticate", "token": SESSION }, { "action": "join_channel", "channel_name": "example" }]);
    server.reply([Reply::json(BOB), Reply::json(r#"{"uuid":"u:7"}"#)]);
    bob.send(&enter).await;
    bob.is_silent().await;
    let asked = server.next().await;
    assert!(asked.head.starts_with("GET /hook HTTP/1.1"), "{}", asked.head);
    assert_eq!(asked.headers["authorization"], format!("Bearer {SESSION}"));
    eve.send(&enter).await;
    eve.is_silent().await;
    bob.send(&json!([{ "action": "message_channel", "channel_name": "example", "message": "hi" }])).await;
    for client in [&mut bob, &mut eve] {
        assert_eq!(client.message().await, ("example".to_owned(), "&lt;bob&gt;: hi".to_owned()));
    }
    eve.send(&json!([{ "action": "message_user", "uuid": "u:255", "message": "hi, Bob" }])).await;
    for client in [&mut eve, &mut bob] {
        assert_eq!(client.message().await, ("pm:u:255+u:7".to_owned(), "&lt;u:7&gt;: hi, Bob".to_owned()));
    }
    let other = Site::open().await;
    let mut client = Apex::open(&other).await;
    client.send(&enter).await;
    assert_eq!(client.error().await, "Invalid auth token", "nobody is asked where nobody is to be");
}

#[tokio::test]
async fn what_the_operator_s_server_does_not_say_lets_nobody_in() {
    let server = Receiver::open().await;
    let site = with_sessions(&server).await;
    let unknown = "Invalid auth token";
    let failed = "Unable to check the auth token.  Please try again later.";
    let elsewhere = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec();
    let mut client = Apex::open(&site).await;
    for (reply, expected) in [
        (Reply::status(401), unknown),
        (Reply::status(403), unknown),
        (Reply::status(404), unknown),
        (Reply::status(500), failed),
        (Reply::Bytes(elsewhere), failed),
        (Reply::json("<html>"), failed),
        (Reply::json(r#"{"username":"bob"}"#), failed),
        (Reply::json(r#"{"uuid":"a b"}"#), failed),
        (Reply::json_with(200, &format!("{{\"uuid\":\"{}\"}}", "x".repeat(20_000))), failed),
        (Reply::Closed, failed),
    ] {
        server.reply([reply]);
        client
            .send(&json!([{ "action": "authenticate", "token": SESSION }, { "action": "join_channel", "channel_name": "x" }]))
            .await;
        assert_eq!(client.error().await, expected);
        client.is_silent().await;
    }
    for token in ["a b".to_owned(), "x".repeat(257), "\r\nX: y".to_owned()] {
        client.send(&json!([{ "action": "authenticate", "token": token }])).await;
        assert_eq!(client.error().await, unknown, "and nobody was asked");
    }
    let whisper = json!([{ "action": "message_user", "uuid": "u:255", "message": "x" }]);
    client.send(&whisper).await;
    assert_eq!(client.error().await, "You must be authenticated to send private message.");
}

#[tokio::test]
async fn a_server_that_does_not_answer_holds_nobody_up_for_long() {
    let mut server = Receiver::open().await;
    let site = with_sessions(&server).await;
    server.reply([Reply::hang()]);
    let mut client = Apex::open(&site).await;
    client.send(&json!([{ "action": "authenticate", "token": SESSION }])).await;
    server.next().await;
    tokio::time::pause();
    assert_eq!(client.error().await, "Unable to check the auth token.  Please try again later.");
}

#[tokio::test]
async fn the_session_of_the_cookie_counts_unless_another_site_s_page_brings_it() {
    let mut server = Receiver::open().await;
    let setting = Setting {
        apex_sessions: sessions(&server),
        origins: &["https://shop.example", "https://localhost:8443", "https://evil.localhost"],
        ..Setting::default()
    };
    let site = Site::with(setting).await;
    let frame = json!([
        { "action": "authenticate", "token": "undefined" },
        { "action": "join_channel", "channel_name": "example" },
        { "action": "message_channel", "channel_name": "example", "message": "hi" },
    ]);
    for (origin, counts) in [
        ("", true),
        ("Origin: http://localhost\r\n", true),
        ("Origin: https://localhost:8443\r\n", true),
        ("Origin: https://shop.example\r\n", true),
    ] {
        server.reply([Reply::json(BOB)]);
        let headers = format!("Cookie: theme=dark; armor_sid_user={SESSION}\r\n{origin}");
        let mut client = Apex(WebSocket::open_with(site.addr, "/apex", &headers).await);
        client.send(&frame).await;
        assert_eq!(client.message().await.1 == "&lt;bob&gt;: hi", counts, "{origin}");
        assert!(server.next().await.headers["authorization"].ends_with(SESSION));
    }
    // Any origin may use this chat, and none is named.
    let site = with_sessions(&server).await;
    let headers = format!("Cookie: armor_sid_user={SESSION}\r\nOrigin: https://evil.example\r\n");
    let mut client = Apex(WebSocket::open_with(site.addr, "/apex", &headers).await);
    client.send(&frame).await;
    assert!(client.message().await.1.starts_with("&lt;Guest "));
    assert!(server.waiting().is_empty());
}

#[tokio::test]
async fn one_frame_counts_though_its_client_is_gone_before_the_session_is_known() {
    let mut server = Receiver::open().await;
    let site = with_sessions(&server).await;
    let (answer, known) = (BOB.len(), Arc::new(Notify::new()));
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {answer}\r\n\r\n{BOB}");
    server.reply([Reply::Late(reply.into_bytes(), Arc::clone(&known))]);
    let mut reader = Apex::open(&site).await;
    reader.join("news").await;
    let mut client = Apex::open(&site).await;
    let actions = json!([
        { "action": "authenticate", "token": SESSION },
        { "action": "join_channel", "channel_name": "news" },
        { "action": "message_channel", "channel_name": "news", "message": "from a script" },
        { "action": "dance" },
        { "action": "message_channel", "channel_name": "news", "message": "and more" },
    ]);
    client.0.write(&frame(FIN | TEXT, actions.to_string().as_bytes())).await;
    server.next().await;
    // The whole connection, and not its half.
    drop(client);
    known.notify_one();
    assert_eq!(reader.message().await.1, "&lt;bob&gt;: from a script");
    assert_eq!(reader.message().await.1, "&lt;bob&gt;: and more");
}

#[tokio::test]
async fn the_owner_s_list_leads_to_channels_that_have_a_page_alone() {
    let site = Site::open().await;
    let mut client = Apex::open(&site).await;
    for (name, visibility) in [("seen", "public"), ("secret", "private")] {
        let join = json!({ "action": "join_channel", "channel_name": name, "visibility": visibility });
        let say = json!({ "action": "message_channel", "channel_name": name, "message": "hi" });
        client.send(&json!([join, say])).await;
        client.message().await;
    }
    let rooms = site.page("/admin", site.sign_in(PASSWORD).await.cookie()).await.text;
    for (name, has_page) in [("seen", true), ("secret", false)] {
        let room = site.hub.channel(name).expect("a channel");
        assert!(rooms.contains(&format!("id=\"room-{room}\"")), "{name} is listed");
        assert_eq!(rooms.contains(&format!("href=\"/rooms/{room}\"")), has_page, "{name}");
        assert_eq!(site.get(&format!("/rooms/{room}")).await.status, if has_page { 200 } else { 404 }, "{name}");
    }
}
