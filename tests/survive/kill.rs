use std::{
    path::Path,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use super::{
    client::{Attempt, Listener, Publisher, history},
    fates::{Fates, check},
    random::Random,
    rounds,
    server::{Address, Server, command},
};

const PUBLISHERS: usize = 6;
const LISTENERS: usize = 4;

/// The text of the message at which the listeners stop.
const LAST: &str = "last";

#[test]
fn killed_at_any_moment_it_keeps_what_it_acknowledged_once_and_in_one_order() {
    let mut random = Random::from_environment();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("data");
    let address = Address::default();
    let (joined, stop) = (Barrier::new(LISTENERS + 1), AtomicBool::new(false));

    let (listeners, fates) = thread::scope(|scope| {
        let mut server = Server::start(&folder, &address);
        let listeners = [(); LISTENERS].map(|()| scope.spawn(|| listen(&address, &joined)));
        joined.wait();
        let publishers = [(); PUBLISHERS].map(|()| random.fork()).into_iter().enumerate().map(|(n, random)| {
            let (address, stop) = (&address, &stop);
            scope.spawn(move || publish(n, address, stop, random))
        });
        let publishers: Vec<_> = publishers.collect();
        for _ in 0..rounds(5, 100) {
            thread::sleep(Duration::from_millis(random.below(400)));
            server.kill();
            server = start_again(&folder, &address, &mut random);
        }
        stop.store(true, Relaxed);
        let mut fates: Fates = publishers.into_iter().flat_map(|publisher| publisher.join().expect("a publisher")).collect();
        fates.insert(LAST.into(), Some(Publisher::new(&address).publish_until_stored(LAST)));
        (listeners.map(|listener| listener.join().expect("a listener")), fates)
    });
    let _server = Server::start(&folder, &address);
    check(&history(&address).expect("a history"), &fates, &listeners);
    assert!(fates.values().flatten().count() > PUBLISHERS, "there was a load");
    assert!(listeners.iter().any(|listener| listener.connections > 1), "they had to come back");
}

/// Starts the server; now and then it is killed in its start already.
fn start_again(folder: &Path, address: &Address, random: &mut Random) -> Server {
    if random.one_in(3) {
        let mut process = command(folder).spawn().expect("the program");
        thread::sleep(Duration::from_millis(random.below(100)));
        process.kill().and_then(|()| process.wait()).expect("killed");
    }
    Server::start(folder, address)
}

fn listen(address: &Address, joined: &Barrier) -> Listener {
    let mut listener = Listener::new(std::slice::from_ref(address));
    listener.listen_until(LAST, |connections| {
        if connections == 1 {
            joined.wait();
        }
    });
    listener
}

/// Publishes one message after the other. A message without an answer is sent again under its name, or at times given up.
fn publish(n: usize, address: &Address, stop: &AtomicBool, mut random: Random) -> Fates {
    let mut publisher = Publisher::new(address);
    let mut fates = Fates::new();
    while !stop.load(Relaxed) {
        let text = format!("{n}:{}", fates.len());
        let fate = match publisher.publish(&text, &text) {
            Attempt::Stored(id) => Some(id),
            Attempt::Unknown if random.one_in(2) => None,
            Attempt::Unknown => Some(publisher.publish_until_stored(&text)),
            Attempt::Refused(status, answer) => panic!("{status}: {answer}"),
        };
        fates.insert(text, fate);
    }
    fates
}
