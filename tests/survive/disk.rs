use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    client::{Attempt, Listener, Publisher, Stored, get, history},
    server::{Address, Server, command, log_of},
};

/// A hang must fail a test, not stop the run. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(300);

/// A data folder on a disk that can be made to fail: see faults.c.
struct Disk {
    home: TempDir,
    address: Address,
}

impl Disk {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/survive/faults.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(home.path().join("faults.so")).args([source, "-ldl"]);
        assert!(compiler.status().expect("a C compiler").success());
        Self { home, address: Address::default() }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The program, on this disk.
    fn command(&self) -> Command {
        let mut command = command(&self.folder());
        command.env("LD_PRELOAD", self.home.path().join("faults.so"));
        command.env("FAULTS_FOLDER", self.folder()).env("FAULTS_CONTROL", self.control());
        command
    }

    fn start(&self) -> Server {
        Server::run(&mut self.command(), &self.address).expect("a start")
    }

    fn fail(&self, mode: &str) {
        fs::write(self.control(), mode).expect("written");
    }

    fn heal(&self) {
        fs::remove_file(self.control()).expect("removed");
    }

    fn control(&self) -> PathBuf {
        self.home.path().join("control")
    }

    fn failures_logged(&self) -> usize {
        log_of(&self.folder()).matches("the log cannot be written").count()
    }

    fn wait_until_ready(&self) {
        let began = Instant::now();
        while get(&self.address, "/health/ready").0 != 200 {
            assert!(began.elapsed() < PATIENCE, "it does not recover by itself");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_nothing_is_lost() {
    while_it_fails("full", "disk is full");
}

#[test]
fn while_syncing_fails_nothing_is_acknowledged_and_nothing_is_lost() {
    while_it_fails("sync", "disk I/O error");
}

fn while_it_fails(mode: &str, reason: &str) {
    let disk = Disk::new();
    let server = disk.start();
    let (joined, listens) = mpsc::channel();
    let mut listener = Listener::new(std::slice::from_ref(&disk.address));
    let listener = thread::spawn(move || {
        listener.listen_until("last", |connections| joined.send(connections).expect("a receiver"));
        listener.heard
    });
    listens.recv().expect("a listener");
    let mut publisher = Publisher::new(&disk.address);
    let mut acknowledged = Vec::new();
    let mut store = |publisher: &mut Publisher, text: &str| match publisher.publish(text, text) {
        Attempt::Stored(id) => acknowledged.push(Stored { id, text: text.into() }),
        other => panic!("{text}: {other:?}"),
    };
    for round in 0..3 {
        store(&mut publisher, &format!("{round}:before"));
        disk.fail(mode);
        let logged = disk.failures_logged();
        for n in 0..5 {
            refused(&mut publisher, &format!("{round}:failed-{n}"));
        }
        // One line a failure. Whatever the program tries beside it fails as well, and says so.
        let failures = disk.failures_logged() - logged;
        assert!(failures >= 5, "{failures} lines for five failures");
        let (status, why) = get(&disk.address, "/health/ready");
        assert!(status == 503 && why.contains(reason), "{status}: {why}");
        disk.heal();
        match round {
            0 => disk.wait_until_ready(),
            _ => store(&mut publisher, &format!("{round}:failed-4")),
        }
        assert_eq!(get(&disk.address, "/health/ready").0, 200);
        store(&mut publisher, &format!("{round}:failed-2"));
    }
    store(&mut publisher, "last");
    assert_eq!(history(&disk.address).expect("a history"), acknowledged);
    let heard = listener.join().expect("a listener");
    assert_eq!(heard, acknowledged, "nothing else was dispatched");
    server.kill();
    let _server = disk.start();
    assert_eq!(history(&disk.address).expect("a history"), acknowledged, "after a crash too");
}

/// What failed at its sync is in the file all the same, and a crash brings it back: unless something was written over it.
#[test]
fn a_message_that_a_crash_brings_back_is_not_doubled_by_its_repeat() {
    let disk = Disk::new();
    let server = disk.start();
    let mut publisher = Publisher::new(&disk.address);
    let first = publisher.publish_until_stored("first");
    disk.fail("sync");
    refused(&mut publisher, "second");
    server.kill();
    disk.heal();
    let _server = disk.start();
    let texts: Vec<_> = history(&disk.address).expect("a history").into_iter().map(|stored| stored.text).collect();
    assert_eq!(texts, ["first", "second"], "it was brought back");
    let second = publisher.publish_until_stored("second");
    let stored = |id, text: &str| Stored { id, text: text.into() };
    assert_eq!(history(&disk.address), Ok(vec![stored(first, "first"), stored(second, "second")]));
}

#[test]
fn a_log_file_on_the_same_full_disk_stops_nobody() {
    let disk = Disk::new();
    fs::create_dir(disk.folder()).expect("a folder");
    let log = File::create(disk.folder().join("log")).expect("a file");
    let _server = Server::run(disk.command().stderr(log), &disk.address).expect("a start");
    let mut publisher = Publisher::new(&disk.address);
    disk.fail("full");
    refused(&mut publisher, "first");
    disk.heal();
    publisher.publish_until_stored("first");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let disk = Disk::new();
    disk.start().kill();
    disk.fail("readonly");
    let Err(status) = Server::run(&mut disk.command(), &disk.address) else { panic!("it started") };
    assert_eq!(status.code(), Some(1));
    let log = log_of(&disk.folder());
    let line = log.lines().last().expect("a log");
    assert!(line.contains("cannot use ") && line.contains(&disk.folder().display().to_string()), "{line}");
    assert!(line.contains("Read-only file system"), "{line}");
}

fn refused(publisher: &mut Publisher, text: &str) {
    match publisher.publish(text, text) {
        Attempt::Refused(503, answer) => {
            assert_eq!(answer["code"], 503);
            assert!(answer["message"].as_str().is_some_and(|message| message.contains("send it again")), "{answer}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_thread_that_cannot_serve_streams_ends_the_program_with_a_failure() {
    let disk = Disk::new();
    let server = disk.start();
    let mut publisher = Publisher::new(&disk.address);
    let Attempt::Stored(id) = publisher.publish("before", "before") else { panic!("it is not stored") };
    disk.fail("poll");
    let status = server.wait();
    assert_eq!(status.code(), Some(1), "a service manager restarts it: {}", log_of(&disk.folder()));
    let log = log_of(&disk.folder());
    assert!(log.contains("a reactor"), "the log names what failed: {log}");
    disk.heal();
    let _server = disk.start();
    let kept = history(&disk.address).expect("a history");
    assert!(kept.iter().any(|message| message.id == id), "{kept:?}");
}
