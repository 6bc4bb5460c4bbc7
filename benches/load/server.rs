use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Widget key of the live-chat under load.
pub const WIDGET_KEY: &str = "load";

/// How long a server may take to answer its first request.
const START_WITHIN: Duration = Duration::from_secs(20);

/// What is put under load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This project's release, or another build of it.
    LiveChat { program: PathBuf, options: Vec<String> },
    /// nginx with nchan, its messages in memory.
    Nchan { workers: usize },
    /// axum's `Sse` over a tokio broadcast channel, in a process of its own that `command` starts; the address is added.
    Axum { command: Vec<String> },
}

/// A server process, ended when it is dropped.
pub struct Server {
    pub kind: Kind,
    pub addr: SocketAddr,
    folder: PathBuf,
    /// Removed with it.
    temporary: Option<TempDir>,
    child: Child,
    /// What it takes to publish.
    token: String,
}

impl Kind {
    pub fn name(&self) -> String {
        match self {
            Self::LiveChat { .. } => "live-chat".into(),
            Self::Nchan { workers: 1 } => "nchan, 1 worker".into(),
            Self::Nchan { workers } => format!("nchan, {workers} workers"),
            Self::Axum { .. } => "axum `Sse`".into(),
        }
    }

    /// Whether a publish is answered after it is on disk, not before.
    pub fn is_durable(&self) -> bool {
        matches!(self, Self::LiveChat { .. })
    }

    fn command(&self, folder: &Path, addr: SocketAddr) -> io::Result<Command> {
        match self {
            Self::LiveChat { program, options } => {
                let mut command = Command::new(program);
                command.args(["--addr", &addr.to_string(), "--widget-key", WIDGET_KEY, "--rate-limit", "0"]);
                command.args(["--max-connections-per-address", "1000000"]);
                command.args(["--user-limits", "none", "--address-limits", "none"]);
                command.args(["--log-level", "warn", "--data-dir"]).arg(folder).args(options);
                Ok(command)
            }
            Self::Nchan { workers } => {
                let file = folder.join("nginx.conf");
                fs::write(&file, nginx_conf(folder, addr, *workers))?;
                // Debian keeps it where only root's PATH leads.
                let debian = Path::new("/usr/sbin/nginx");
                let mut command = Command::new(if debian.is_file() { debian } else { Path::new("nginx") });
                command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
                Ok(command)
            }
            Self::Axum { command: words } => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).arg(addr.to_string());
                Ok(command)
            }
        }
    }
}

/// The folder of nginx's module, where Debian's package puts it.
pub const NCHAN_MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

fn nginx_conf(folder: &Path, addr: SocketAddr, workers: usize) -> String {
    let folder = folder.display();
    format!(
        "load_module {NCHAN_MODULE};
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log error;
worker_processes {workers}; worker_rlimit_nofile 20000;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 100000000; tcp_nodelay on;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  nchan_shared_memory_size 512M;
  server {{
    listen {addr} backlog=4096;
    location = /subscribe {{ nchan_subscriber eventsource; nchan_channel_id one; nchan_message_buffer_length 1000; }}
    location = /publish {{ nchan_publisher; nchan_channel_id one; nchan_message_buffer_length 1000; }}
    location = /ready {{ return 200; }}
  }}
}}
"
    )
}

impl Server {
    /// Starts it in a folder of its own on a free port, and waits until it answers.
    pub fn start(kind: Kind) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut server = Self::start_in(folder.path().to_owned(), kind)?;
        server.temporary = Some(folder);
        Ok(server)
    }

    /// Starts it on what is in `folder`.
    pub fn start_in(folder: PathBuf, kind: Kind) -> io::Result<Self> {
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = spawn(&kind, &folder, addr)?;
        let mut server = Self { kind, addr, folder, temporary: None, child, token: String::new() };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Starts it again, after it has ended, in the same place.
    pub fn restart(&mut self) -> io::Result<()> {
        self.child = spawn(&self.kind, &self.folder, self.addr)?;
        self.wait_until_ready()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop (SIGTERM), and does not wait.
    pub fn terminate(&self) {
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it has ended; its exit code, `None` if a signal ended it.
    pub fn wait(&mut self) -> io::Result<Option<i32>> {
        Ok(self.child.wait()?.code())
    }

    /// Publishes as the same user as at `other`, which is another node of the same chat: a name is one user's.
    pub fn publish_as_at(&mut self, other: &Self) {
        self.token.clone_from(&other.token);
    }

    /// The request that subscribes, up to the blank line.
    pub fn subscribe_head(&self) -> String {
        let path = if matches!(self.kind, Kind::LiveChat { .. }) { "/subscribe/1" } else { "/subscribe" };
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n", self.addr)
    }

    /// The request that publishes a message with that text: 200 bytes of payload.
    pub fn publish_request(&self, text: &str) -> Vec<u8> {
        let (path, body) = match self.kind {
            Kind::LiveChat { .. } => {
                let pad = "x".repeat(200 - 53 - text.len());
                let message = format!(r#"{{"type":"chat","username":"load","message_text":"{text} {pad}"}}"#);
                let body = format!(r#"{{"type":"broadcast","widget_key":"{WIDGET_KEY}","message":{message}}}"#);
                (format!("/publish/1?token={}", self.token), body)
            }
            Kind::Nchan { .. } | Kind::Axum { .. } => ("/publish".to_owned(), format!("{text:x<200}")),
        };
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n", self.addr);
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    /// Seconds of processor time that it has used, in user space and in the kernel.
    pub fn cpu_seconds(&self) -> f64 {
        self.processes().into_iter().filter_map(cpu_seconds).sum()
    }

    /// Its memory in bytes: its proportional set size (PSS) by /proc/PID/smaps_rollup.
    pub fn memory_bytes(&self) -> u64 {
        let pss = |pid: &u32| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = text.lines().find(|line| line.starts_with("Pss:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        self.processes().iter().filter_map(pss).sum::<u64>() * 1_024
    }

    /// How many files it has open.
    pub fn open_files(&self) -> usize {
        self.processes().iter().filter_map(|pid| Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())).sum()
    }

    /// Itself and its children.
    fn processes(&self) -> Vec<u32> {
        let pid = self.pid();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([pid]).collect()
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("{} ended at its start: {status}", self.kind.name())));
            }
            match self.first_token() {
                Ok(token) => {
                    self.token = token;
                    return Ok(());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        Err(io::Error::other(format!("{} does not answer", self.kind.name())))
    }

    /// Subscribes once: the server works then. A live-chat's first event brings a token.
    fn first_token(&self) -> io::Result<String> {
        let mut socket = TcpStream::connect(self.addr)?;
        if let Kind::Nchan { .. } = self.kind {
            return Ok(String::new());
        }
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(socket, "{}\r\n", self.subscribe_head())?;
        let mut text = Vec::new();
        while memchr::memmem::find(&text, b"\n\n").is_none() {
            let mut piece = [0; 1_024];
            match socket.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => text.extend_from_slice(&piece[..read]),
            }
        }
        let text = String::from_utf8_lossy(&text);
        let token = text.split_once(r#""token":""#).and_then(|(_, rest)| rest.split('"').next());
        match (&self.kind, token) {
            (Kind::LiveChat { .. }, None) => Err(io::Error::other("no token yet")),
            (_, token) => Ok(token.unwrap_or_default().to_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Kind::Nchan { .. } = self.kind {
            // Its master ends its workers, which a kill of the master would leave.
            self.terminate();
            let _ = self.child.wait();
        }
        self.kill();
    }
}

fn spawn(kind: &Kind, folder: &Path, addr: SocketAddr) -> io::Result<Child> {
    kind.command(folder, addr)?.stdin(Stdio::null()).stdout(Stdio::null()).spawn()
}

/// Seconds of processor time that a process has used, in steps of 10 ms (proc(5), /proc/pid/stat, fields 14 and 15).
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}
