//! What one node is told holds on all, and reaches whoever is connected to another.

use std::io::{BufRead, Read, Write};

use async_nats::ConnectOptions;
use serde_json::{Value, json};

use super::{
    client::{Attempt, Publisher, history, next_event, subscribe},
    http::Connection,
    machines::{ADMIN_KEY, Machines, Node, STREAM},
    nats::{CREDENTIALS, Nats},
    server::WIDGET_KEY,
    wait_until,
};

/// One who is connected to a node.
struct Guest {
    init: Value,
    stream: Box<dyn BufRead>,
}

impl Guest {
    fn of(node: &Node) -> Self {
        let (init, stream) = subscribe(node.address().get(), None).expect("a stream");
        Self { init: init["message"].clone(), stream }
    }

    fn user(&self) -> &str {
        self.init["user_id"].as_str().expect("a user")
    }

    fn token(&self) -> &str {
        self.init["token"].as_str().expect("a token")
    }

    /// Publishes by this guest's token at any node.
    fn publish(&self, node: &Node, mut body: Value) -> (u16, Value) {
        body["widget_key"] = WIDGET_KEY.into();
        ask(node, "POST", &format!("/publish/1?token={}", self.token()), &body)
    }

    /// The status of the answer to a message of theirs.
    fn say(&self, node: &Node, text: &str) -> u16 {
        let message = json!({ "type": "chat", "username": self.user(), "message_text": text });
        self.publish(node, json!({ "type": "broadcast", "message": message })).0
    }

    /// The next event for which `is_it`.
    fn hear(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (_, event) = next_event(&mut self.stream).expect("the stream goes on");
            if is_it(&event) {
                return event;
            }
        }
    }

    fn hear_status(&mut self, status: &str) -> Value {
        self.hear(|event| event["message"]["status"] == status)
    }
}

/// One request; of the stream API, with the admin key.
fn ask(node: &Node, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\n");
    let bearer = if path.starts_with("/v1/") { format!("Authorization: Bearer {ADMIN_KEY}\r\n") } else { String::new() };
    let request = format!("{head}{bearer}Content-Length: {}\r\n\r\n{body}", body.len());
    let (status, text) = Connection::open(node.address().get()).and_then(|mut node| node.ask(&request)).expect("an answer");
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[test]
fn viewers_are_counted_on_all_nodes_and_those_of_a_dead_one_are_gone() {
    let mut machines = Machines::start();
    let counted = |node: &Node| Guest::of(node).init["viewer_count"].as_u64().expect("a number");
    let guests: Vec<_> = machines.nodes.iter().flat_map(|node| [Guest::of(node), Guest::of(node)]).collect();
    for node in &machines.nodes {
        wait_until("all are counted, and who asks", || counted(node) == guests.len() as u64 + 1);
    }
    machines.nodes[2].kill();
    for node in &machines.nodes[..2] {
        wait_until("those who are left are counted, and who asks", || counted(node) == guests.len() as u64 - 2 + 1);
    }
}

#[test]
fn what_is_for_one_connection_reaches_it_from_every_node() {
    let machines = Machines::start();
    let [here, there, elsewhere] = &machines.nodes[..] else { panic!("three nodes") };
    let (mut ann, bob) = (Guest::of(here), Guest::of(there));

    assert_eq!(bob.say(elsewhere, "before"), 200);
    ann.hear(|event| event["message"]["message_text"] == "before");
    assert_eq!(ann.publish(there, json!({ "type": "request" })).0, 200);
    let answer = ann.hear(|event| event["type"] == "request");
    assert_eq!(answer["message"].as_array().map(Vec::len), Some(0), "a connection is not given again what it has: {answer}");
    let mut carl = Guest::of(here);
    assert_eq!(carl.publish(there, json!({ "type": "request" })).0, 200);
    assert_eq!(carl.hear(|event| event["type"] == "request")["message"][0]["message"]["message_text"], "before");

    let secret = json!({ "type": "private", "to_user_id": ann.user(), "message": { "message_text": "psst" } });
    assert_eq!(bob.publish(elsewhere, secret).0, 200);
    assert_eq!(ann.hear(|event| event["type"] == "private")["message"]["message_text"], "psst");
}

#[test]
fn whoever_is_banned_or_revoked_on_one_node_is_on_all() {
    let machines = Machines::start();
    let [here, there, elsewhere] = &machines.nodes[..] else { panic!("three nodes") };
    let (mut ann, mut bob) = (Guest::of(here), Guest::of(there));
    let mut socket = open_ivs(here, ann.token());

    assert_eq!(ask(there, "POST", &format!("/v1/streams/1/users/{}/ban", ann.user()), &json!({ "address": false })).0, 200);
    ann.hear_status("ban");
    wait_until("the ban holds everywhere", || [here, elsewhere].iter().all(|node| ann.say(node, "banned") == 403));
    socket.read_to_end(&mut Vec::new()).expect("its socket ends");

    assert_eq!(bob.say(elsewhere, "mine"), 200);
    assert_eq!(ask(here, "POST", "/v1/tokens/revoke", &json!({ "user": bob.user() })).0, 200);
    while next_event(&mut bob.stream).is_ok() {}
    wait_until("the token counts nowhere", || [there, elsewhere].iter().all(|node| bob.say(node, "revoked") == 401));
}

/// A socket of Amazon IVS Chat, opened by a token of the chat's own.
fn open_ivs(node: &Node, token: &str) -> std::net::TcpStream {
    let mut socket = std::net::TcpStream::connect(node.address().get()).expect("a node");
    socket.set_read_timeout(Some(super::PATIENCE)).expect("a time");
    let upgrade =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    write!(socket, "GET /ivschat/ws HTTP/1.1\r\nHost: chat\r\n{upgrade}\r\nSec-WebSocket-Protocol: {token}\r\n\r\n")
        .expect("sent");
    let mut status = [0; 13];
    socket.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 101 ");
    socket
}

#[test]
fn rooms_settings_and_deletions_are_the_same_on_all_nodes() {
    let machines = Machines::start();
    let [here, there, elsewhere] = &machines.nodes[..] else { panic!("three nodes") };
    let mut ann = Guest::of(there);

    assert_eq!(ask(here, "POST", "/v1/streams/1/settings", &json!({ "message_chars": 5, "name": "Stage" })).0, 200);
    assert_eq!(ann.hear_status("settings")["message"]["name"], "Stage");
    for node in &machines.nodes {
        wait_until("the setting holds", || Guest::of(node).say(node, "too long") == 400);
    }

    let (status, room) = ask(here, "POST", "/v1/streams/create", &json!({ "name": "Second", "slug": "second" }));
    assert_eq!(status, 200, "{room}");
    let id = room["data"]["id"].clone();
    for node in &machines.nodes {
        wait_until("the room is known", || ask(node, "GET", &format!("/v1/streams/{id}"), &Value::Null).0 == 200);
    }
    assert_ne!(
        ask(there, "POST", "/v1/streams/create", &json!({ "name": "Third", "slug": "second" })).0,
        200,
        "the slug is taken"
    );

    let mut publisher = Publisher::new(&there.address());
    let Attempt::Stored(message) = publisher.publish("gone", "gone") else { panic!("not stored") };
    assert_eq!(ask(elsewhere, "DELETE", &format!("/v1/streams/1/messages/{message}"), &Value::Null).0, 200);
    ann.hear_status("delete");
    for node in &machines.nodes {
        wait_until("it is deleted", || history(&node.address()).is_ok_and(|all| all.iter().all(|stored| stored.id != message)));
    }
}

#[test]
fn what_was_deleted_is_in_no_entry_of_the_stream() {
    let machines = Machines::start();
    let holds = |text: &str| entries(&machines.nats[0]).iter().any(|entry| entry.contains(text));
    let mut publisher = Publisher::new(&machines.nodes[0].address());
    let mut say = |text: &str| match publisher.publish(text, text) {
        Attempt::Stored(id) => id,
        other => panic!("{other:?}"),
    };
    let goes = say("these-words-go");
    say("these-words-stay");
    assert!(holds("these-words-go") && holds("these-words-stay"), "this finds what is there");
    let path = format!("/v1/streams/1/messages/{goes}");
    assert_eq!(ask(&machines.nodes[1], "DELETE", &path, &Value::Null).0, 200);
    wait_until("they are taken out", || !holds("these-words-go"));
    assert!(holds("these-words-stay"), "the others are not");
}

/// What the stream holds, as NATS gives it out.
fn entries(nats: &Nats) -> Vec<String> {
    let (user, password) = CREDENTIALS.split_once(':').expect("two");
    let read = async {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
        let client = options.connect(nats.address().to_string()).await.expect("NATS");
        let stream = async_nats::jetstream::new(client).get_stream(STREAM).await.expect("the stream");
        let mut entries = Vec::new();
        for number in 1..=stream.cached_info().state.last_sequence {
            // One that was taken out is an error.
            if let Ok(entry) = stream.get_raw_message(number).await {
                entries.push(String::from_utf8_lossy(&entry.payload).into_owned());
            }
        }
        entries
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(read)
}
