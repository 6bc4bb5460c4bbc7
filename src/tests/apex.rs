//! `/apex`.

use serde_json::{Value, json};

use super::{
    Site,
    site::{ADMIN_KEY, SITE_SECRET},
    web_socket::{FIN, PING, PONG, TEXT, WebSocket, frame},
};
use crate::chat::RoomId;

/// Room 1's slug.
const CHANNEL: &str = "live-chat";

pub struct Apex(WebSocket);

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
        let next = self.0.next().await.expect("an open connection");
        assert_eq!((next.opcode, &*next.payload), (PONG, &b"done?"[..]), "{:?}", String::from_utf8_lossy(&next.payload));
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.0.text().await).expect("JSON")
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
        (json!([{ "action": "join_channel", "channel_name": "x" }]), "Unable to create channel, x.  Permission denied"),
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
    let room = site.hub.room_of("news").expect("it was made, once");
    assert_eq!(site.hub.rooms().len(), 2);
    let history = site.get(&format!("/v1/streams/{room}/messages")).await;
    let said: Vec<_> =
        history.json["data"].as_array().expect("a list").iter().map(|one| &one["message"]["message_text"]).collect();
    assert_eq!(said, [&json!("from a script"), &json!("long ".repeat(90))]);
}

#[tokio::test]
async fn a_protected_channel_is_for_whoever_looks_after_it_to_speak_in() {
    let site = Site::open().await;
    let (mut admin, mut guest) = (Apex::open(&site).await, Apex::open(&site).await);
    admin.send(&json!([{ "action": "authenticate", "token": format!("admin:{ADMIN_KEY}") }])).await;
    admin.send(&json!([{ "action": "join_channel", "channel_name": "hall", "visibility": "protected" }])).await;
    admin.is_silent().await;
    guest.join("hall").await;
    let said = json!([{ "action": "message_channel", "channel_name": "hall", "message": "hi" }]);
    guest.send(&said).await;
    assert_eq!(guest.error().await, "Unable to send to channel.  Permission denied.");
    admin.send(&said).await;
    for client in [&mut admin, &mut guest] {
        assert_eq!(client.message().await, ("hall".to_owned(), "&lt;Admin&gt;: hi".to_owned()));
    }
    admin.send(&json!([{ "action": "join_channel", "channel_name": "secret", "visibility": "private" }])).await;
    assert_eq!(admin.error().await, "Unable to create channel, secret.  Permission denied", "nobody could be invited");
    admin.send(&json!([{ "action": "join_channel", "channel_name": "No Slug" }])).await;
    assert_eq!(admin.error().await, "Unable to create channel, No Slug.  Permission denied");
    assert_eq!(site.hub.rooms().len(), 2);
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
        assert_eq!(client.message().await, ("pm:site:1+site:3".to_owned(), "&lt;Ann&gt;: from Ann".to_owned()));
    }
    bob.send(&whisper("site:3", "from Bob")).await;
    for client in [&mut *bob, eve] {
        assert_eq!(client.message().await, ("pm:site:2+site:3".to_owned(), "&lt;Bob&gt;: from Bob".to_owned()));
    }
    ann.is_silent().await;
    assert_eq!(site.history().await, Vec::<String>::new());
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
