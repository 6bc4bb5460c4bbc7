use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::engine::{JetStream, Nats, NatsServers, Sink};

/// One server of NATS for all tests of this process; it ends with it.
struct Server {
    url: String,
    folder: TempDir,
    /// Of the shell that ends the server when its input ends, which this process holds.
    _child: Child,
}

/// Where it is.
pub fn servers() -> NatsServers {
    server().url.parse().expect("a server")
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

/// In how many places of a stream's files something is.
pub fn places(stream: &str, text: &str) -> usize {
    let streams = fs::read_dir(server().folder.path().join("jetstream")).expect("accounts").filter_map(Result::ok);
    let files = streams.filter_map(|account| fs::read_dir(account.path().join("streams").join(stream).join("msgs")).ok());
    let contents = files.flatten().filter_map(|file| fs::read(file.ok()?.path()).ok());
    contents.map(|bytes| bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()).sum()
}

/// The log of that name, as one that holds its index in `folder` has it. It is told to `sink` from now on.
pub async fn open(folder: &Path, stream: &str, sink: Sink) -> JetStream {
    let nats = Nats { servers: servers(), credentials: None, stream: stream.to_owned(), replicas: 1, insecure: false };
    JetStream::open(folder, &nats, None, sink).await.expect("a usable log")
}

/// A client, to look at what is in a stream.
pub async fn client() -> async_nats::Client {
    async_nats::connect(servers().to_string()).await.expect("a server")
}

fn start() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display();
    let run = format!(
        "PATH=$PATH:/usr/sbin; command -v nats-server >/dev/null || exit 1; \
         nats-server -a 127.0.0.1 -p -1 -js -sd {path} --ports_file_dir {path} -l {path}/log & cat >/dev/null; kill $!"
    );
    let mut child = Command::new("sh").args(["-c", &run]).stdin(Stdio::piped()).spawn().expect("a shell");
    let url = loop {
        if let Some(url) = ports(folder.path()) {
            break url;
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        assert!(!log.contains("[FTL]"), "nats-server does not start: {log}");
        let ended = child.try_wait().expect("a shell");
        assert!(ended.is_none(), "nats-server is not installed: run .ci/setup test");
        thread::sleep(Duration::from_millis(20));
    };
    Server { url, folder, _child: child }
}

/// What the server says of itself in the file that it writes for that.
fn ports(folder: &Path) -> Option<String> {
    let files = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|file| file.path());
    let ports = files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "ports"))?;
    let ports: Value = serde_json::from_slice(&fs::read(ports).ok()?).ok()?;
    Some(ports["nats"][0].as_str()?.to_owned())
}
