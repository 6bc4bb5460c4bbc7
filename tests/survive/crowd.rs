//! Many at once: what a few clients never show.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    client::history,
    load::{
        publishers::{Pace, Published, Publishers},
        server::{Kind, Server},
        subscribers::{Plan, Received, Subscribers},
    },
    rounds,
    server::Address,
};

/// A hang must fail a test, not stop the run. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(300);

/// More memory than the program has with a few hundred viewers, whatever else the machine does: the ring, the store's caches and what
/// waits for readers are all bounded. Something that each viewer or message left behind would soon exceed it.
const MOST_MEMORY: u64 = 128_000_000;

fn start() -> Server {
    Server::start(Kind::LiveChat { program: PathBuf::from(env!("CARGO_BIN_EXE_live-chat")), options: Vec::new() })
        .expect("a server")
}

fn subscribe(server: &Server, plan: Plan) -> Subscribers {
    let subscribers = Subscribers::start(server, &Plan { threads: 2, ..plan }).expect("threads");
    subscribers.wait_until_open(PATIENCE).expect("all streams open");
    subscribers
}

fn publish(server: &Server, seconds: f64) -> Published {
    let publishers = Publishers::start(server, 8, Pace::Saturating).expect("connections");
    std::thread::sleep(Duration::from_secs_f64(seconds));
    publishers.stop().expect("every message is answered")
}

fn total(published: &Published) -> u64 {
    published.sent.iter().map(|&sent| u64::from(sent)).sum()
}

/// Everybody was given everything that was acknowledged, once, each author's messages in their order.
fn check(received: &Received, published: &Published) {
    for tally in &received.tallies {
        let found = [tally.lost(&published.sent), tally.doubled, tally.out_of_order];
        assert_eq!(found, [0, 0, 0], "lost, doubled, out of order, of {} delivered", tally.delivered);
    }
    assert!(total(published) > 0, "there was a load");
}

#[test]
fn everybody_comes_back_after_a_crash_and_has_missed_nothing() {
    let count = rounds(300, 10_000);
    let mut server = start();
    let subscribers = subscribe(&server, Plan { count, come_back: true, ..Plan::default() });
    let publishers = Publishers::start(&server, 8, Pace::Saturating).expect("connections");
    std::thread::sleep(Duration::from_millis(500));
    server.kill();
    // Each is cut off in the message at hand, which may be stored or not; the ones before were acknowledged.
    let published = publishers.stop_by_force();
    while subscribers.open() > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let begin = Instant::now();
    server.restart().expect("the same folder");
    subscribers.wait_until_open(PATIENCE).expect("all come back");
    println!("{count} were back {:.1} s after the start of the restart", begin.elapsed().as_secs_f64());
    // More than was acknowledged, if messages at hand are stored: the first deliveries to some would pass for the last ones to others.
    let stored = history(&Address::fixed(server.addr)).expect("what is stored").len();
    subscribers.wait_for_deliveries((stored * count) as u64, PATIENCE).expect("all is delivered");
    check(&subscribers.stop().expect("no panic"), &published);
}

#[test]
fn readers_that_stall_hold_nobody_up_and_lose_nothing() {
    let (count, stalled) = (rounds(40, 400), rounds(10, 100));
    let server = start();
    let subscribers = subscribe(&server, Plan { count, stalled, ..Plan::default() });
    // Far more than the sockets of the stalled and the room's ring hold.
    let published = publish(&server, rounds(4, 10) as f64);
    let fast = (count - stalled) as u64 * total(&published);
    subscribers.wait_for_deliveries(fast, PATIENCE).expect("the fast ones have all, while the others read nothing");
    let memory = server.memory_bytes();
    assert!(memory < MOST_MEMORY + 256_000 * stalled as u64, "{memory} bytes with {stalled} stalled readers");
    subscribers.read_on();
    subscribers.wait_for_deliveries(count as u64 * total(&published), PATIENCE).expect("the stalled ones catch up");
    check(&subscribers.stop().expect("no panic"), &published);
}

#[test]
fn a_stop_under_load_keeps_what_was_acknowledged_and_everybody_comes_back() {
    let mut server = start();
    let subscribers = subscribe(&server, Plan { count: rounds(100, 2_000), come_back: true, ..Plan::default() });
    let publishers = Publishers::start(&server, 16, Pace::Saturating).expect("connections");
    std::thread::sleep(Duration::from_millis(500));
    server.terminate();
    assert_eq!(server.wait().expect("a child"), Some(0));
    let published = publishers.stop_by_force();
    server.restart().expect("the same folder");
    let expected = total(&published) * rounds(100, 2_000) as u64;
    subscribers.wait_for_deliveries(expected, PATIENCE).expect("all is delivered");
    check(&subscribers.stop().expect("no panic"), &published);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = start();
    // A request whose body never comes holds up the stop.
    let mut asking = TcpStream::connect(server.addr).expect("a server");
    let head = "POST /publish/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    asking.write_all(head.as_bytes()).expect("an open connection");
    asking.read_exact(&mut [0; 25]).expect("100 Continue");
    server.terminate();
    while TcpStream::connect(server.addr).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    server.terminate();
    assert_eq!(server.wait().expect("a child"), Some(1), "0 is for a stop that was waited for");
}

#[test]
fn the_limit_of_open_files_is_raised_and_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = std::fs::File::create(folder.path().join("log")).expect("a file");
    let program = env!("CARGO_BIN_EXE_live-chat");
    let script =
        format!("ulimit -Sn 64; exec {program} --log-format json --addr 127.0.0.1:0 --data-dir {}/data", folder.path().display());
    let mut child =
        Command::new("sh").args(["-c", &script]).stdout(std::process::Stdio::piped()).stderr(log).spawn().expect("sh");
    let mut first = [0; 1];
    child.stdout.take().expect("piped").read_exact(&mut first).expect("it greets");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("Linux");
    child.kill().and_then(|()| child.wait()).expect("a child");
    let row: Vec<_> = limits.lines().find(|line| line.starts_with("Max open files")).expect("a row").split_whitespace().collect();
    assert_eq!(row[3], row[4], "soft is hard: {row:?}");
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.contains(&format!("\"files\":{}", row[4])), "{log}");
}

/// What viewers leave behind is counted, not compared with an earlier reading: how much memory a busy machine's allocator holds at one
/// moment says nothing.
#[test]
fn viewers_who_come_and_go_leave_nothing_behind() -> io::Result<()> {
    let (waves, count) = (rounds(10, 1_000), rounds(100, 500));
    let server = start();
    let files = server.open_files();
    let publishers = Publishers::start(&server, 4, Pace::PerSecond(100.0))?;
    for _ in 0..waves {
        let subscribers = subscribe(&server, Plan { count, stalled: 5, ..Plan::default() });
        let some = subscribers.delivered() + 5 * count as u64;
        subscribers.wait_for_deliveries(some, PATIENCE)?;
        subscribers.stop()?;
    }
    assert!(publishers.stop()?.refused == 0);
    // Beside its connections the program opens the store's files, of which there are few.
    until("the viewers' connections are closed", || server.open_files() <= files + 20);
    until("the memory is what a program has whose viewers have gone", || server.memory_bytes() < MOST_MEMORY);
    Ok(())
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
