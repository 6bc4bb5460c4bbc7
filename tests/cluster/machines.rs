use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU8, Ordering::Relaxed},
    thread,
};

use tempfile::TempDir;

use super::{
    client::get,
    link::Link,
    nats::{CREDENTIALS, Nats},
    random::Random,
    server::{Address, Server, command_at},
    wait_until,
};

pub const ADMIN_KEY: &str = "an-admin-key-of-the-tests";
pub const STREAM: &str = "live-chat";

/// Three NATS servers and three nodes of the chat, all on one loopback address. All end with it.
pub struct Machines {
    pub nats: Vec<Nats>,
    pub nodes: Vec<Node>,
    /// Kept when a test fails: it holds all logs.
    folder: Option<TempDir>,
}

/// One node of the chat, its data folder, and its way to NATS.
pub struct Node {
    server: Option<Server>,
    address: SocketAddr,
    folder: PathBuf,
    pub link: Link,
}

impl Machines {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ip = next_ip();
        let nats: Vec<_> = (0..3).map(|number| Nats::start(ip, number, folder.path())).collect();
        let servers: Vec<_> = nats.iter().map(Nats::address).collect();
        let mut machines = Self { nats, nodes: Vec::new(), folder: Some(folder) };
        machines.wait_for_nats();
        for number in 0..3 {
            let link = Link::new(ip, 5_221 + 10 * number, &servers);
            let folder = machines.folder.as_ref().expect("kept").path().join(format!("node-{number}"));
            machines.nodes.push(Node { server: None, address: (ip, 8_081 + number).into(), folder, link });
        }
        machines.start_nodes();
        machines
    }

    /// Where the nodes are, whether they run or not.
    pub fn addresses(&self) -> Vec<Address> {
        self.nodes.iter().map(Node::address).collect()
    }

    /// Waits until each NATS server has caught up.
    pub fn wait_for_nats(&self) {
        wait_until("NATS is healthy", || self.nats.iter().all(Nats::is_healthy));
    }

    /// Waits until each node can store.
    pub fn wait_for_nodes(&self) {
        wait_until("all nodes are ready", || self.nodes.iter().all(Node::is_ready));
    }

    /// Starts those that do not run, at once.
    pub fn start_nodes(&mut self) {
        thread::scope(|scope| {
            let nodes = self.nodes.iter_mut().filter(|node| node.server.is_none());
            nodes.for_each(|node| drop(scope.spawn(|| node.start())));
        });
        self.wait_for_nodes();
    }

    /// The NATS server that leads the stream, and the two that follow.
    pub fn leader_and_followers(&self) -> (usize, Vec<usize>) {
        let mut leader = None;
        wait_until("the stream has a leader", || {
            let name = self.nats.iter().find_map(|nats| nats.leader(STREAM));
            leader = self.nats.iter().position(|nats| Some(nats.name()) == name);
            leader.is_some()
        });
        let leader = leader.expect("found");
        (leader, (0..self.nats.len()).filter(|&number| number != leader).collect())
    }

    /// The number of the last entry of the log.
    pub fn last_entry(&self) -> u64 {
        let mut last = None;
        wait_until("NATS says how long the log is", || {
            last = self.nats.iter().filter_map(|nats| nats.last_sequence(STREAM)).max();
            last.is_some()
        });
        last.expect("told")
    }

    /// Any node.
    pub fn node(&mut self, random: &mut Random) -> &mut Node {
        let count = self.nodes.len() as u64;
        &mut self.nodes[random.below(count) as usize]
    }
}

impl Node {
    /// Starts it, and waits until it listens.
    pub fn start(&mut self) {
        let server = Server::run(&mut self.command(), &Address::default());
        self.server = Some(server.unwrap_or_else(|status| panic!("{status}: {}", super::server::log_of(&self.folder))));
    }

    fn command(&self) -> Command {
        let fronts: Vec<_> = self.link.fronts.iter().map(ToString::to_string).collect();
        let engine = format!("nats://{CREDENTIALS}@{}", fronts.join(","));
        let mut command = command_at(&self.folder, &self.address.to_string());
        command.args(["--engine", &engine, "--nats-replicas", "3", "--nats-stream", STREAM]);
        command.args(["--token-secret", "the token secret of these tests, and of nothing else", "--admin-key", ADMIN_KEY]);
        command.args(["--admin-password", "a password of the tests", "--allow-private-hooks", "127.0.0.0/8"]);
        command
    }

    pub fn address(&self) -> Address {
        Address::fixed(self.address)
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        self.server.take().expect("it runs").kill();
    }

    /// Removes its index, which it makes anew from the stream. It must not run.
    pub fn forget(&self) {
        assert!(self.server.is_none(), "it runs");
        fs::remove_dir_all(&self.folder).expect("removed");
    }

    /// Sends its process a signal, such as `STOP`.
    pub fn signal(&self, signal: &str) {
        let pid = self.server.as_ref().expect("it runs").pid().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill").success());
    }

    pub fn is_ready(&self) -> bool {
        get(&self.address(), "/health/ready").0 == 200
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("the logs are in {}", self.folder.take().expect("kept").keep().display());
        }
    }
}

/// A loopback address for each test. Its ports are below those that the system gives to clients, so that nobody takes one while
/// its server is away.
fn next_ip() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id();
    let byte = |value: u32| u8::try_from(value).expect("masked");
    Ipv4Addr::new(127, 64 | byte(process >> 8 & 63), byte(process & 255), NEXT.fetch_add(1, Relaxed))
}
