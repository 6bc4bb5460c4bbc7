use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

pub const WIDGET_KEY: &str = "survive";

/// A hang must fail a test, not stop the run. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running program. Killed, as by `kill -9`, when it is dropped.
pub struct Server {
    process: Child,
    at: Address,
}

/// Where its clients find a server that comes and goes.
#[derive(Clone, Default)]
pub struct Address(Arc<(Mutex<Option<SocketAddr>>, Condvar)>);

/// The program on `folder`, ready to be started: on a free port, without a rate limit, its log added to `log` beside the folder.
pub fn command(folder: &Path) -> Command {
    command_at(folder, "127.0.0.1:0")
}

/// The same, at an address.
pub fn command_at(folder: &Path, address: &str) -> Command {
    let log = File::options().create(true).append(true).open(log_path(folder)).expect("a log file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_live-chat"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LIVE_CHAT_")) {
        command.env_remove(name);
    }
    command.args(["--addr", address, "--widget-key", WIDGET_KEY, "--rate-limit", "0"]);
    command.args(["--user-limits", "none", "--address-limits", "none", "--data-dir"]).arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    command
}

/// Where [`command`] writes what the program logs: not in the data folder, which may be made to fail.
pub fn log_path(folder: &Path) -> std::path::PathBuf {
    folder.with_extension("log")
}

impl Server {
    /// Starts the program and waits until it listens. From then on, and until it is killed, it is `at` that address.
    pub fn start(folder: &Path, at: &Address) -> Self {
        Self::run(&mut command(folder), at).unwrap_or_else(|status| panic!("{status}: {}", log_of(folder)))
    }

    /// Starts `command` and waits until it listens, or ends.
    pub fn run(command: &mut Command, at: &Address) -> Result<Self, ExitStatus> {
        let mut process = command.spawn().expect("the program");
        let out = process.stdout.take().expect("piped");
        let address =
            BufReader::new(out).lines().map_while(Result::ok).find_map(|line| line.split_once("http://")?.1.parse().ok());
        match address {
            Some(address) => {
                at.set(Some(address));
                Ok(Self { process, at: at.clone() })
            }
            None => Err(process.wait().expect("a child")),
        }
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the program ends by itself.
    pub fn wait(mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the program does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the program at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.at.set(None);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// All that the program has logged on `folder`.
pub fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(log_path(folder)).unwrap_or_default()
}

impl Address {
    /// Where there always is a server, or will be again.
    pub fn fixed(address: SocketAddr) -> Self {
        Self(Arc::new((Mutex::new(Some(address)), Condvar::new())))
    }

    fn set(&self, address: Option<SocketAddr>) {
        *self.0.0.lock().expect("not poisoned") = address;
        self.0.1.notify_all();
    }

    /// Waits until there is a server.
    pub fn get(&self) -> SocketAddr {
        let address = self.0.0.lock().expect("not poisoned");
        let (address, waited) =
            self.0.1.wait_timeout_while(address, PATIENCE, |address| address.is_none()).expect("not poisoned");
        assert!(!waited.timed_out(), "the server does not come back");
        address.expect("set")
    }
}
