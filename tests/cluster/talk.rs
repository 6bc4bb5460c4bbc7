use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    PATIENCE,
    client::{Attempt, Listener, Publisher, Stored, get, history},
    fates::{Fates, assert_same, check},
    machines::Machines,
    random::Random,
    server::Address,
    wait_until,
};

const PUBLISHERS: usize = 4;
const LISTENERS: usize = 6;

/// The text of the message at which the listeners stop.
const LAST: &str = "last";

/// People who talk while something happens to the machines: each comes back at another node when one fails them.
///
/// Their threads are not scoped: those of a test that fails must not hold it up.
#[derive(Default)]
pub struct Talk {
    listening: AtomicUsize,
    acknowledged: [AtomicUsize; PUBLISHERS],
    /// Of those whom a test has beside these publishers.
    others: Mutex<Fates>,
    stop: AtomicBool,
}

impl Talk {
    /// Has people talk while `happens` runs, and checks what came of it: all that was acknowledged is in the history of every node
    /// once, under the id that was acknowledged, every listener heard just this history, and no node misses anything.
    pub fn during(happens: impl FnOnce(&mut Machines, &Self, &mut Random)) {
        let mut random = Random::from_environment();
        let mut machines = Machines::start();
        let (talk, nodes) = (Arc::new(Self::default()), machines.addresses());
        let listeners: Vec<_> = (0..LISTENERS).map(|n| talk.spawn(from(&nodes, n), |talk, nodes| talk.listen(&nodes))).collect();
        wait_until("all listen", || talk.listening.load(Relaxed) == LISTENERS);
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|n| (n, random.fork()))
            .map(|(n, random)| talk.spawn(from(&nodes, n), move |talk, nodes| talk.publish(n, &nodes, random)))
            .collect();
        talk.goes_on();
        happens(&mut machines, &talk, &mut random);
        talk.goes_on();
        talk.stop.store(true, Relaxed);
        let mut fates: Fates = publishers.into_iter().flat_map(|publisher| publisher.join().expect("a publisher")).collect();
        let last = publish_until_stored(&mut Publisher::new(&nodes[0]), LAST, &nodes);
        fates.insert(LAST.into(), Some(last));
        fates.extend(std::mem::take(&mut *talk.others.lock().expect("not poisoned")));
        let listeners: Vec<_> = listeners.into_iter().map(|listener| listener.join().expect("a listener")).collect();
        check_nodes(&machines, &fates, &listeners);
    }

    /// Waits until every publisher has had some more messages acknowledged.
    pub fn goes_on(&self) {
        for acknowledged in &self.acknowledged {
            let enough = acknowledged.load(Relaxed) + 10;
            wait_until("messages are acknowledged", || acknowledged.load(Relaxed) >= enough);
        }
    }

    /// Takes into account what somebody else has had acknowledged.
    pub fn also(&self, text: &str, id: &str) {
        self.others.lock().expect("not poisoned").insert(text.to_owned(), Some(id.to_owned()));
    }

    fn spawn<T: Send + 'static>(
        self: &Arc<Self>,
        nodes: Vec<Address>,
        run: impl FnOnce(&Self, Vec<Address>) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let talk = Arc::clone(self);
        thread::spawn(move || run(&talk, nodes))
    }

    fn listen(&self, nodes: &[Address]) -> Listener {
        let mut listener = Listener::new(nodes);
        listener.listen_until(LAST, |connections| {
            self.listening.fetch_add(usize::from(connections == 1), Relaxed);
        });
        listener
    }

    /// Publishes one message after the other. One without an answer is sent again under its name, or at times given up.
    fn publish(&self, n: usize, nodes: &[Address], mut random: Random) -> Fates {
        let mut publisher = Publisher::new(&nodes[0]);
        let mut fates = Fates::new();
        while !self.stop.load(Relaxed) {
            let text = format!("{n}:{}", fates.len());
            let fate = match publisher.publish(&text, &text) {
                Attempt::Stored(id) => Some(id),
                Attempt::Refused(503, _) | Attempt::Unknown if random.one_in(4) => None,
                Attempt::Refused(503, _) | Attempt::Unknown => Some(publish_until_stored(&mut publisher, &text, nodes)),
                Attempt::Refused(status, answer) => panic!("{status}: {answer}"),
            };
            self.acknowledged[n].fetch_add(usize::from(fate.is_some()), Relaxed);
            fates.insert(text, fate);
            thread::sleep(Duration::from_millis(random.below(10)));
        }
        fates
    }
}

/// The nodes, beginning with number `n`.
fn from(addresses: &[Address], n: usize) -> Vec<Address> {
    let at = n % addresses.len();
    [&addresses[at..], &addresses[..at]].concat()
}

/// Sends a message, named as its text is, to one node after the other until it is acknowledged, and gives its id.
fn publish_until_stored(publisher: &mut Publisher, text: &str, nodes: &[Address]) -> String {
    let end = Instant::now() + PATIENCE;
    for node in nodes.iter().cycle() {
        match publisher.publish(text, text) {
            Attempt::Stored(id) => return id,
            Attempt::Unknown | Attempt::Refused(503, _) => publisher.move_to(node),
            Attempt::Refused(status, answer) => panic!("{status}: {answer}"),
        }
        assert!(Instant::now() < end, "{text} is never stored");
        thread::sleep(Duration::from_millis(50));
    }
    unreachable!("there are nodes")
}

/// All nodes have the same history, and have found so themselves.
fn check_nodes(machines: &Machines, fates: &Fates, listeners: &[Listener]) {
    let nodes = machines.addresses();
    let histories: Vec<_> = nodes.iter().map(whole_history).collect();
    for other in &histories[1..] {
        assert_same("another node's history", other, &histories[0]);
    }
    check(&histories[0], fates, listeners);
    let last = machines.last_entry();
    for node in &nodes {
        wait_until("a node has compared all", || metric(node, "live_chat_log_compared_entry") >= last as f64);
        assert_eq!(get(node, "/health/ready"), (200, "OK\n".into()), "a node has something otherwise");
    }
}

/// The value of a metric that a node shows; 0 for one that it does not show yet.
fn metric(node: &Address, name: &str) -> f64 {
    let (_, metrics) = get(node, "/metrics");
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_default()
}

/// What a node has when it has caught up with the last message.
fn whole_history(node: &Address) -> Vec<Stored> {
    let mut all = Vec::new();
    wait_until("a node has the last message", || {
        all = history(node).unwrap_or_default();
        all.last().is_some_and(|stored| stored.text == LAST)
    });
    all
}
