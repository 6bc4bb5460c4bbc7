//! Buttons of an Interactive Sync game: how long a viewer's press takes to reach the game, and how long its answer takes.
//!
//! ```sh
//! cargo bench --bench interactive_sync
//! cargo bench --bench interactive_sync -- --presses 100
//! ```

#[path = "../load/mod.rs"]
#[allow(dead_code, reason = "its other users need more of it")]
mod load;

use std::{
    error::Error,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::mpsc,
    time::{Duration, Instant},
};

use clap::Parser;
use hdrhistogram::Histogram;
use load::{
    publishers::histogram,
    server::{Kind, Server, WIDGET_KEY},
};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

const ADMIN_KEY: &str = "admin-key-of-the-bench";

/// How long anything may take before the bench fails.
const WITHIN: Duration = Duration::from_secs(30);

type Failure = Box<dyn Error>;

/// Measures presses of buttons.
#[derive(Parser)]
struct Options {
    /// The release to measure
    #[arg(long, default_value = "target/dist/live-chat")]
    program: PathBuf,
    /// Viewers, each of whom presses once, one after the other
    #[arg(long, default_value_t = 1_000)]
    presses: usize,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Failure> {
    let Options { program, presses, .. } = Options::parse();
    let options = ["--admin-key", ADMIN_KEY].map(str::to_owned).to_vec();
    let server = Server::start(Kind::LiveChat { program, options })?;
    let mut game = game(server.addr)?;
    show(&mut game)?;
    let (told, hears) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok(Message::Text(text)) = game.read() {
            if told.send((Instant::now(), text.to_string())).is_err() {
                return;
            }
        }
    });
    let guests = (0..presses).map(|_| guest(server.addr)).collect::<Result<Vec<_>, _>>()?;
    let (mut to_game, mut to_viewer) = (histogram(), histogram());
    let mut socket = connect(server.addr)?;
    for (n, token) in guests.iter().enumerate() {
        let body = json!({ "id": "jump", "view": "panel", "username": format!("viewer {n}") }).to_string();
        let request = post("/interactive-sync/action/input", token, &body);
        let begin = Instant::now();
        socket.write_all(&request)?;
        let answer = read_answer(&mut socket)?;
        record(&mut to_viewer, begin.elapsed());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (at, emit) = hears.recv_timeout(WITHIN)?;
        record(&mut to_game, at.saturating_duration_since(begin));
        let emit: Value = serde_json::from_str(&emit)?;
        assert_eq!(emit["data"]["payload"]["username"], format!("viewer {n}"));
    }
    println!("\n| {presses} presses, one after the other | p50 | p99 | longest |\n| --- | ---: | ---: | ---: |");
    for (name, times) in [("press to the game's socket", to_game), ("press to its answer", to_viewer)] {
        let ms = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        let [p50, p99] = [0.5, 0.99].map(|quantile| ms(times.value_at_quantile(quantile)));
        println!("| {name}, ms | {p50:.2} | {p99:.2} | {:.2} |", ms(times.max()));
    }
    Ok(())
}

fn connect(addr: SocketAddr) -> Result<TcpStream, Failure> {
    let socket = TcpStream::connect(addr)?;
    socket.set_read_timeout(Some(WITHIN))?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// A game that is connected with a token of its own.
fn game(addr: SocketAddr) -> Result<WebSocket<TcpStream>, Failure> {
    let mut socket = connect(addr)?;
    socket.write_all(&post(&format!("/v1/widget-keys/{WIDGET_KEY}/game-token"), ADMIN_KEY, r#"{"room":1}"#))?;
    let answer = read_answer(&mut socket)?;
    let made: Value = serde_json::from_str(answer.split_once("\r\n\r\n").ok_or("an answer without a body")?.1)?;
    let token = made["data"]["access_token"].as_str().ok_or(answer.clone())?;
    let url = format!("ws://{addr}/interactive-sync?client_id={WIDGET_KEY}&access_token={token}");
    let (mut game, _) = tungstenite::client(url, connect(addr)?).map_err(|error| error.to_string())?;
    expect_ok(&mut game)?;
    Ok(game)
}

/// Shows a button that many may press at once.
fn show(game: &mut WebSocket<TcpStream>) -> Result<(), Failure> {
    let cooldown = json!({ "duration": 3_000, "broadcast": false });
    let panel = json!({ "components": [{ "type": "button", "name": "jump", "cooldown": cooldown }] });
    let shown = json!({ "context": "user_interface", "data": { "id": "1", "panel": panel } });
    game.send(Message::text(shown.to_string()))?;
    expect_ok(game)
}

fn expect_ok(game: &mut WebSocket<TcpStream>) -> Result<(), Failure> {
    let answer: Value = serde_json::from_str(game.read()?.to_text()?)?;
    if answer["status"] == "ok" { Ok(()) } else { Err(answer.to_string().into()) }
}

/// A guest's token, which the first event of a stream brings.
fn guest(addr: SocketAddr) -> Result<String, Failure> {
    let mut socket = connect(addr)?;
    write!(socket, "GET /subscribe/1 HTTP/1.1\r\nHost: {addr}\r\n\r\n")?;
    let (mut text, mut buffer) = (String::new(), [0; 4_096]);
    loop {
        let read = socket.read(&mut buffer)?;
        text.push_str(std::str::from_utf8(&buffer[..read])?);
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).filter(|_| text.ends_with("\n\n"));
        if let Some(data) = data {
            let init: Value = serde_json::from_str(data)?;
            return Ok(init["message"]["token"].as_str().ok_or("an init without a token")?.to_owned());
        }
        if read == 0 {
            return Err("the stream has ended".into());
        }
    }
}

fn post(path: &str, bearer: &str, body: &str) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    format!("{head}Authorization: Bearer {bearer}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Reads one answer, which says its length.
fn read_answer(socket: &mut TcpStream) -> Result<String, Failure> {
    let (mut text, mut buffer) = (String::new(), [0; 4_096]);
    loop {
        let read = socket.read(&mut buffer)?;
        text.push_str(std::str::from_utf8(&buffer[..read])?);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(text);
            }
        }
        if read == 0 {
            return Err(format!("an answer that is cut off: {text}").into());
        }
    }
}

fn record(times: &mut Histogram<u64>, time: Duration) {
    times.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}
