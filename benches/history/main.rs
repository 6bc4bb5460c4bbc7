//! A room with millions of messages: how long the program takes to start on it, to serve pages of it, and what it costs to feed
//! somebody who missed 100,000.
//!
//! ```sh
//! cargo bench --bench history                          # 5,000,000 messages, made once and kept in target/history
//! cargo bench --bench history -- --messages 200000
//! ```

#[path = "../load/mod.rs"]
#[allow(dead_code, reason = "its other users need more of it")]
mod load;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use futures::{StreamExt, stream};
use hdrhistogram::Histogram;
use live_chat::{
    chat::{Draft, Payload, Profile, RoomId, UserId},
    engine::{Audience, Engine, Entry, Sqlite},
};
use load::{
    publishers::histogram,
    server::{Kind, Server},
};

/// Appends that wait for their commit at once: what makes its batches big.
const CONCURRENT: usize = 2_000;

/// How far behind the subscriber is that comes back.
const MISSED: u64 = 100_000;

/// Measures a long history.
#[derive(Parser)]
struct Options {
    /// The release to measure
    #[arg(long, default_value = "target/dist/live-chat")]
    program: PathBuf,
    /// Messages in the room
    #[arg(long, default_value_t = 5_000_000)]
    messages: u64,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let folder = PathBuf::from(format!("target/history/{}", options.messages));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let begin = Instant::now();
    let (epoch, made) = runtime.block_on(generate(&folder, options.messages));
    if made > 0 {
        let seconds = begin.elapsed().as_secs_f64();
        println!("{made} messages made in {seconds:.0} s, {:.0} durable appends a second.", made as f64 / seconds);
    }
    let begin = Instant::now();
    let kind = Kind::LiveChat { program: options.program, options: Vec::new() };
    let server = Server::start_in(folder, kind)?;
    let start = begin.elapsed();
    println!("\n| figure, {} messages | measured |\n| --- | ---: |", options.messages);
    println!("| start to the first answer | {:.0} ms |", start.as_secs_f64() * 1e3);
    let middle = format!("&before={epoch}-{}", options.messages / 2);
    for (name, place) in [("newest page of 50", ""), ("page of 50 from the middle", &middle)] {
        let times = pages(server.addr, &format!("/v1/streams/1/messages?limit=50{place}"))?;
        let [p50, p99] = [0.5, 0.99].map(|quantile| times.value_at_quantile(quantile) as f64 / 1e6);
        println!("| {name}, p50 / p99 | {p50:.2} / {p99:.2} ms |");
    }
    let before = server.memory_bytes();
    let (seconds, most) = resume(&server, &format!("{epoch}-{}", options.messages.saturating_sub(MISSED)), options.messages)?;
    println!("| {MISSED} missed messages given to one subscriber in | {seconds:.2} s |");
    println!(
        "| memory meanwhile, at most, beside the {:.1} MB before | {:.1} MB |",
        before as f64 / 1e6,
        most.saturating_sub(before) as f64 / 1e6
    );
    Ok(())
}

/// Fills room 1 up to `messages`, through the engine as the server does; its epoch, and how many were missing.
async fn generate(folder: &Path, messages: u64) -> (String, u64) {
    let engine = Arc::new(Sqlite::open(folder, Some(load::server::WIDGET_KEY), Arc::new(|_| ())).expect("a usable folder"));
    let head = engine.rooms().await.expect("a readable log")[0].1;
    let append = |number: u64| {
        let engine = Arc::clone(&engine);
        async move {
            let text =
                format!(r#"{{"type":"chat","username":"user {}","message_text":"message {number:0>120}"}}"#, number % 5_000);
            let payload = Payload::parse(&text).expect("JSON");
            let author = UserId::try_from(format!("user-{}", number % 5_000)).expect("a valid id");
            let draft = Draft { payload, video_time: 0.0, client_message_id: None, announces: false };
            engine
                .append(RoomId::FIRST, Entry { author, to: Audience::Everyone, profile: Profile::default(), draft, name: None })
                .await
                .expect("durable")
        }
    };
    stream::iter(head..messages).map(append).buffer_unordered(CONCURRENT).for_each(|_| async {}).await;
    let epoch = engine.epoch().to_owned();
    tokio::task::block_in_place(|| engine.close());
    (epoch, messages.saturating_sub(head))
}

/// How long 200 requests for a page take, one after the other.
fn pages(addr: SocketAddr, path: &str) -> io::Result<Histogram<u64>> {
    let mut times = histogram();
    for _ in 0..200 {
        let mut socket = TcpStream::connect(addr)?;
        let begin = Instant::now();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        times.saturating_record(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
        assert!(answer.starts_with("HTTP/1.1 200") && answer.matches("message_text").count() == 50, "{path}: {answer}");
    }
    Ok(times)
}

/// Comes back at `position` and reads up to message `last`: the seconds that it takes, and the server's memory meanwhile, at most.
fn resume(server: &Server, position: &str, last: u64) -> io::Result<(f64, u64)> {
    let begin = Instant::now();
    let mut socket = TcpStream::connect(server.addr)?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(socket, "{}Last-Event-ID: {position}\r\n\r\n", server.subscribe_head())?;
    let (mut next, mut most) = (None, 0);
    for line in BufReader::with_capacity(1 << 20, socket).lines() {
        let line = line?;
        let Some(seq) = line.strip_prefix("id: ").and_then(|id| id.rsplit('-').next()?.parse::<u64>().ok()) else { continue };
        assert!(next.is_none_or(|next| next == seq), "{seq} after {next:?}");
        next = Some(seq + 1);
        if seq % 1_000 == 0 {
            most = most.max(server.memory_bytes());
        }
        if seq == last {
            return Ok((begin.elapsed().as_secs_f64(), most));
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
