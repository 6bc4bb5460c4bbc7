//! Webhooks while the node that delivers stands still.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use super::{
    client::{Publisher, get},
    http::Connection,
    machines::{ADMIN_KEY, Machines},
    wait_until,
};

/// Messages that are published at a time.
const SOME: usize = 20;

/// What answers every delivery with 200, and remembers the texts in their order.
struct Receiver {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, heard) = (listener.local_addr().expect("bound"), Arc::<Mutex<Vec<String>>>::default());
        let all = Arc::clone(&heard);
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let heard = Arc::clone(&all);
                thread::spawn(move || while hear(&socket, &heard).is_some() {});
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("not poisoned").clone()
    }
}

/// Takes one delivery; `None` when the connection has ended.
fn hear(socket: &TcpStream, heard: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(socket);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    if let Some(text) = find(&told, "message_text") {
        heard.lock().expect("not poisoned").push(text.to_owned());
    }
    (&mut &*socket).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()
}

/// The text of that name, wherever it stands.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    match value {
        Value::Object(object) => {
            object.get(name).and_then(Value::as_str).or_else(|| object.values().find_map(|value| find(value, name)))
        }
        Value::Array(values) => values.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

/// A process that is stopped for longer than it may lead does not know it when it goes on. It must not deliver what another node has
/// delivered meanwhile, nor may the place that it had reached replace the one that the other has.
#[test]
fn a_node_that_stood_still_delivers_nothing_twice() {
    let mut machines = Machines::start();
    let receiver = Receiver::open();
    let body = json!({ "url": format!("http://{}/", receiver.address) }).to_string();
    let request = format!(
        "POST /v1/webhooks HTTP/1.1\r\nHost: chat\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = Connection::open(machines.nodes[0].address().get()).expect("a node");
    let (status, answer) = connection.ask(&request).expect("an answer");
    assert_eq!(status, 200, "{answer}");
    let mut expected = Vec::new();
    let mut say = |machines: &Machines, node: usize| {
        let mut publisher = Publisher::new(&machines.nodes[node].address());
        for _ in 0..SOME {
            let text = format!("number-{}", expected.len());
            publisher.publish_until_stored(&text);
            expected.push(text);
        }
        wait_until("all is delivered", || receiver.heard().len() >= expected.len());
        expected.clone()
    };
    assert_eq!(say(&machines, 0), receiver.heard());
    let delivers = |machines: &Machines, node: usize| {
        let metrics = get(&machines.nodes[node].address(), "/metrics").1;
        metrics.lines().any(|line| line.starts_with("live_chat_webhook_attempts_total") && !line.ends_with(" 0"))
    };
    let leader = (0..3).find(|&node| delivers(&machines, node)).expect("one delivers");
    let others: Vec<_> = (0..3).filter(|&node| node != leader).collect();
    // Where it stands is noted soon after the last delivery.
    wait_until("it has noted how far it is", || listed_as_settled(&machines, others[0]));
    machines.nodes[leader].signal("STOP");
    let heard = say(&machines, others[0]);
    machines.nodes[leader].signal("CONT");
    machines.wait_for_nodes();
    // It catches up with what was delivered, and has time to do what it should not.
    let after = say(&machines, leader);
    wait_until("where the deliveries stand is noted", || listed_as_settled(&machines, leader));
    assert_eq!(receiver.heard(), after, "each once, and in order");
    assert!(after.len() > heard.len());
    // Nor is anything delivered again by a node that takes over from what was noted.
    let delivering = others.iter().copied().find(|&node| delivers(&machines, node)).expect("another one delivers");
    machines.nodes[delivering].kill();
    let last = others.iter().copied().find(|&node| node != delivering).expect("a third one");
    let all = say(&machines, last);
    assert_eq!(receiver.heard(), all, "each once, and in order");
}

/// Whether a node lists the webhook as one that has nothing before it.
fn listed_as_settled(machines: &Machines, node: usize) -> bool {
    let request = format!("GET /v1/webhooks HTTP/1.1\r\nHost: chat\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\r\n");
    let mut connection = Connection::open(machines.nodes[node].address().get()).expect("a node");
    let (status, text) = connection.ask(&request).expect("an answer");
    let listed: Value = serde_json::from_str(&text).expect("JSON");
    status == 200 && listed["data"][0]["behind"] == 0
}
