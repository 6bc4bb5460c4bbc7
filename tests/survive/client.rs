use std::{
    io::{self, BufRead},
    net::SocketAddr,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    http::{Connection, whole_line},
    server::{Address, WIDGET_KEY},
};

/// One who publishes.
pub struct Publisher {
    address: Address,
    token: String,
    /// Its own: nobody else may speak under it.
    username: String,
    connection: Option<Connection>,
}

/// What became of one attempt to publish.
#[derive(Debug)]
pub enum Attempt {
    /// Acknowledged, with its id.
    Stored(String),
    /// Refused, with an answer.
    Refused(u16, Value),
    /// No answer: it may be stored or not.
    Unknown,
}

/// One who listens, over all its connections.
pub struct Listener {
    /// The servers that it comes back to, in turn.
    addresses: Vec<Address>,
    /// What an `EventSource` comes back with; before the first message, where its first connection began.
    position: Option<String>,
    /// All messages that it was given.
    pub heard: Vec<Stored>,
    pub connections: usize,
}

impl Publisher {
    pub fn new(address: &Address) -> Self {
        let (init, _) = subscribe(address.get(), None).expect("a stream");
        let token = init["message"]["token"].as_str().expect("a token").to_owned();
        let username = format!("survivor {}", init["message"]["user_id"].as_str().expect("a user id"));
        Self { address: address.clone(), token, username, connection: None }
    }

    /// Sends what comes next to another server.
    pub fn move_to(&mut self, address: &Address) {
        (self.address, self.connection) = (address.clone(), None);
    }

    /// Sends a message once.
    pub fn publish(&mut self, text: &str, client_message_id: &str) -> Attempt {
        match self.ask(text, client_message_id) {
            Ok((200, answer)) => Attempt::Stored(answer["data"]["id"].as_str().expect("an id").to_owned()),
            Ok((status, answer)) => Attempt::Refused(status, answer),
            Err(_) => {
                self.connection = None;
                Attempt::Unknown
            }
        }
    }

    /// Sends a message, named as its text is, until it is acknowledged, and gives its id.
    pub fn publish_until_stored(&mut self, text: &str) -> String {
        loop {
            match self.publish(text, text) {
                Attempt::Stored(id) => return id,
                Attempt::Unknown => {}
                Attempt::Refused(status, answer) => panic!("{status}: {answer}"),
            }
        }
    }

    fn ask(&mut self, text: &str, client_message_id: &str) -> io::Result<(u16, Value)> {
        let request = self.request(text, client_message_id);
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(self.address.get())?),
        };
        let (status, text) = connection.ask(&request)?;
        Ok((status, serde_json::from_str(&text).expect("every answer is JSON")))
    }

    /// The request that publishes a message, head and body.
    pub fn request(&self, text: &str, client_message_id: &str) -> String {
        let message = json!({ "type": "chat", "username": self.username, "message_text": text });
        let body = json!({
            "type": "broadcast", "widget_key": WIDGET_KEY, "client_message_id": client_message_id, "message": message,
        });
        let (body, token) = (body.to_string(), &self.token);
        let head = format!("POST /publish/1?token={token} HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\n");
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
    }
}

impl Listener {
    pub fn new(addresses: &[Address]) -> Self {
        Self { addresses: addresses.to_vec(), position: None, heard: Vec::new(), connections: 0 }
    }

    /// Listens, and comes back whenever the connection ends, until it is given `last`. `joined` is told the number of each connection.
    pub fn listen_until(&mut self, last: &str, joined: impl Fn(usize)) {
        for address in self.addresses.clone().iter().cycle() {
            if self.has_heard(last) {
                return;
            }
            let Ok((init, stream)) = subscribe(address.get(), self.position.as_deref()) else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            assert_eq!(init["message"]["gap"], false, "{:?} after {} messages: {init}", self.position, self.heard.len());
            self.position.get_or_insert_with(|| init["message"]["position"].as_str().expect("a position").to_owned());
            self.connections += 1;
            joined(self.connections);
            // However the connection ends, the next one goes on where it did.
            let _ = self.read(stream, last);
        }
    }

    fn has_heard(&self, last: &str) -> bool {
        self.heard.last().is_some_and(|stored| stored.text == last)
    }

    fn read(&mut self, mut stream: Box<dyn BufRead>, last: &str) -> io::Result<()> {
        while !self.has_heard(last) {
            let (id, event) = next_event(&mut stream)?;
            if event["type"] == "broadcast" {
                let id = id.expect("a message has an id");
                assert!(self.position.as_ref().is_none_or(|before| seq(before) < seq(&id)), "{id} after {:?}", self.position);
                self.position = Some(id);
                self.heard.push(Stored::of(&event));
            }
        }
        Ok(())
    }
}

/// Opens a stream and reads its `init`. A server that says 503 is none.
pub fn subscribe(address: SocketAddr, position: Option<&str>) -> io::Result<(Value, Box<dyn BufRead>)> {
    let resume = position.map(|position| format!("Last-Event-ID: {position}\r\n")).unwrap_or_default();
    let request = format!("GET /subscribe/1 HTTP/1.1\r\nHost: chat\r\nAccept: text/event-stream\r\n{resume}\r\n");
    let (status, mut stream) = Connection::open(address)?.stream(&request)?;
    if status == 503 {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    assert_eq!(status, 200);
    let (_, init) = next_event(&mut stream)?;
    assert_eq!(init["type"], "init", "{init}");
    Ok((init, stream))
}

/// The next event with data (WHATWG HTML 9.2.6), and its id. One that is cut off is not dispatched.
pub fn next_event(stream: &mut impl BufRead) -> io::Result<(Option<String>, Value)> {
    let (mut id, mut data) = (None, String::new());
    loop {
        match whole_line(stream)?.split_once(": ") {
            Some(("id", value)) => id = Some(value.to_owned()),
            Some(("data", value)) => data.push_str(value),
            Some(_) => {}
            None if data.is_empty() => {}
            None => return Ok((id, serde_json::from_str(&data).expect("JSON in every event"))),
        }
    }
}

/// A message, as it is told and in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: String,
    pub text: String,
}

impl Stored {
    fn of(envelope: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self { id: text(&envelope["id"]), text: text(&envelope["message"]["message_text"]) }
    }
}

/// All messages of room 1, oldest first; or the answer that was given instead.
pub fn history(address: &Address) -> Result<Vec<Stored>, (u16, String)> {
    let newest = page(address, "limit=1")?;
    let (epoch, _) = newest["meta"]["position"].as_str().and_then(|position| position.rsplit_once('-')).expect("a position");
    let (mut all, mut after) = (Vec::new(), format!("{epoch}-0"));
    loop {
        let page = page(address, &format!("limit=500&after={after}"))?;
        all.extend(page["data"].as_array().expect("messages").iter().map(Stored::of));
        match all.last() {
            Some(Stored { id, .. }) if page["meta"]["has_more"] == true => after.clone_from(id),
            _ => return Ok(all),
        }
    }
}

fn page(address: &Address, query: &str) -> Result<Value, (u16, String)> {
    match get(address, &format!("/v1/streams/1/messages?{query}")) {
        (200, page) => Ok(serde_json::from_str(&page).expect("JSON")),
        refused => Err(refused),
    }
}

/// One answer to a `GET`.
pub fn get(address: &Address, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: chat\r\n\r\n");
    Connection::open(address.get()).and_then(|mut connection| connection.ask(&request)).expect("an answer")
}

fn seq(position: &str) -> u64 {
    position.rsplit_once('-').and_then(|(_, seq)| seq.parse().ok()).expect("a position")
}
