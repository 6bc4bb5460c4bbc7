use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::http::Connection;

/// The file that operators copy.
const CONF: &str = include_str!("../../ops/nats.conf");

/// As that file has them.
pub const CREDENTIALS: &str = "live-chat:change-me";

/// One NATS server of three, by ops/nats.conf. Killed when it is dropped.
pub struct Nats {
    number: u16,
    ip: Ipv4Addr,
    folder: PathBuf,
    process: Option<Child>,
}

impl Nats {
    /// Starts server `number`, which is 0, 1 or 2.
    pub fn start(ip: Ipv4Addr, number: u16, folder: &Path) -> Self {
        let mut nats = Self { number, ip, folder: folder.join(format!("nats-{number}")), process: None };
        nats.start_again();
        nats
    }

    /// Starts one that is alone.
    pub fn start_alone(ip: Ipv4Addr, folder: &Path) -> Self {
        let mut nats = Self { number: 0, ip, folder: folder.join("nats"), process: None };
        let conf = nats.conf();
        let (alone, _) = conf.split_once("\ncluster {").expect("the cluster comes last in ops/nats.conf");
        nats.run(alone, &[]);
        nats
    }

    /// Starts it on what it has kept.
    pub fn start_again(&mut self) {
        let route = |number| format!("nats://{}:{}", self.ip, 6_221 + number);
        let routes = [0, 1, 2].map(route).join(",");
        // Else the nodes would learn of ways around the links that cut them off.
        let options = ["--cluster", &route(self.number), "--routes", &routes, "--no_advertise=true"].map(str::to_owned);
        self.run(&self.conf(), &options);
    }

    /// The operators' file, with other places.
    fn conf(&self) -> String {
        let place = |conf: &str, what, here: String| {
            assert!(conf.contains(what), "{what} is not in ops/nats.conf");
            conf.replace(what, &here)
        };
        let conf = place(CONF, "/var/lib/nats", self.folder.display().to_string());
        place(&conf, "127.0.0.1:8222", self.monitor().to_string())
    }

    fn run(&mut self, conf: &str, options: &[String]) {
        let file = self.folder.with_extension("conf");
        fs::write(&file, conf).expect("written");
        let log = File::options().create(true).append(true).open(self.folder.with_extension("log")).expect("a log file");
        let mut command = Command::new(program());
        command.arg("-c").arg(file).args(["--name", &self.name(), "-a", &self.ip.to_string()]);
        command.args(["-p", &self.address().port().to_string()]).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("nats-server can be started"));
    }

    pub fn name(&self) -> String {
        format!("chat-{}", self.number)
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        (self.ip, 4_221 + self.number).into()
    }

    fn monitor(&self) -> SocketAddr {
        (self.ip, 8_221 + self.number).into()
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops it where it is: its connections stay open, and silent.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args(["-s", signal, &self.pid().to_string()]).status().expect("kill").success());
    }

    /// Whether it has caught up with the others.
    pub fn is_healthy(&self) -> bool {
        self.ask("/healthz").is_some()
    }

    /// The name of the server that leads the stream, by what this one knows.
    pub fn leader(&self, stream: &str) -> Option<String> {
        Some(self.about(stream)?["cluster"]["leader"].as_str()?.to_owned())
    }

    /// The number of the stream's last message here.
    pub fn last_sequence(&self, stream: &str) -> Option<u64> {
        self.about(stream)?["state"]["last_seq"].as_u64()
    }

    fn about(&self, stream: &str) -> Option<Value> {
        let told: Value = serde_json::from_str(&self.ask("/jsz?streams=true")?).expect("JSON");
        let mut streams =
            told["account_details"].as_array()?.iter().flat_map(|account| account["stream_detail"].as_array()).flatten();
        streams.find(|detail| detail["name"] == stream).cloned()
    }

    /// What its monitor answers, if that is 200.
    fn ask(&self, path: &str) -> Option<String> {
        self.process.as_ref()?;
        let mut connection = Connection::open(self.monitor()).ok()?;
        let (status, text) = connection.ask(&format!("GET {path} HTTP/1.1\r\nHost: nats\r\n\r\n")).ok()?;
        (status == 200).then_some(text)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// On PATH, or where Debian has it, which is on root's alone.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).map(|folder| folder.join("nats-server"));
    places.find(|program| program.is_file()).expect("nats-server is not installed, and these tests need it: .ci/setup test")
}
