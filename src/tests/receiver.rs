use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// A hang must fail a test, not stop the run. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Somebody else's server: it takes requests, keeps them, and answers as it was told.
pub struct Receiver {
    pub url: String,
    received: mpsc::UnboundedReceiver<Received>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    server: JoinHandle<()>,
}

/// How a request is answered.
#[derive(Clone)]
pub enum Reply {
    /// With these bytes, the connection stays.
    Bytes(Vec<u8>),
    /// With these bytes, when that is notified; the connection stays.
    Late(Vec<u8>, Arc<Notify>),
    /// With these bytes over and over again.
    Endless(Vec<u8>),
    /// With these bytes, and then nothing more.
    Stalled(Vec<u8>),
    /// Not at all: the connection is closed.
    Closed,
}

/// A request as it came.
#[derive(Debug)]
pub struct Received {
    /// The number of the connection that it came on, from 0.
    pub connection: usize,
    pub head: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Bytes(format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n\r\n").into_bytes())
    }

    pub fn json(body: &str) -> Self {
        Self::json_with(200, body)
    }

    pub fn json_with(status: u16, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        Self::Bytes([head.as_bytes(), body.as_bytes()].concat())
    }

    pub fn hang() -> Self {
        Self::Stalled(Vec::new())
    }
}

impl Receiver {
    /// Answers 200 until it is told otherwise.
    pub async fn open() -> Self {
        Self::at(([127, 0, 0, 1], 0).into()).await
    }

    pub async fn at(addr: SocketAddr) -> Self {
        Self::with(addr, None).await
    }

    /// Speaks TLS, with a certificate of its own; a client that trusts it.
    pub async fn open_tls() -> (Self, ClientConfig) {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let server = server.expect("versions").with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).expect("a certificate");
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(server.expect("a key that fits")));
        let mut receiver = Self::with(([127, 0, 0, 1], 0).into(), Some(acceptor)).await;
        receiver.url = receiver.url.replace("http://127.0.0.1", "https://localhost");
        (receiver, client)
    }

    async fn with(addr: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("a socket");
        socket.bind(addr).expect("a free port");
        let listener = socket.listen(64).expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let (send, received) = mpsc::unbounded_channel();
        let replies = Arc::<Mutex<VecDeque<Reply>>>::default();
        let server = tokio::spawn(serve(listener, tls, send, Arc::clone(&replies)));
        Self { url, received, replies, server }
    }

    /// Answers the next requests so.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().expect("not poisoned").extend(replies);
    }

    pub async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("a request in time").expect("a server")
    }

    /// What has come, and was not looked at yet.
    pub fn waiting(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }

    /// Gives up its port, and gives back its address.
    pub async fn close(mut self) -> SocketAddr {
        self.server.abort();
        let _ = (&mut self.server).await;
        let host = self.url.trim_start_matches("http://").trim_end_matches("/hook");
        host.parse().expect("an address")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Checks the signature as the Standard Webhooks specification says, by code that is not ours.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let secret = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let [id, timestamp, signature] =
            ["id", "timestamp", "signature"].map(|name| self.headers[&format!("webhook-{name}")].as_str());
        let signed = format!("{id}.{timestamp}.{}", self.body);
        let expected =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &EncodingKey::from_secret(&secret), Algorithm::HS256).expect("signed");
        // A JSON Web Signature has the other alphabet of base64, and no padding.
        let signature = signature.strip_prefix("v1,").expect("a symmetric signature").trim_end_matches('=');
        signature.replace('+', "-").replace('/', "_") == expected
    }
}

async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    received: mpsc::UnboundedSender<Received>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let number = connections.len();
        let (socket, _) = listener.accept().await.expect("a connection");
        let (tls, received, replies) = (tls.clone(), received.clone(), Arc::clone(&replies));
        connections.spawn(async move {
            match tls {
                None => talk(socket, number, received, replies).await,
                Some(tls) => {
                    // A client that does not trust us ends it here.
                    if let Ok(socket) = tls.accept(socket).await {
                        talk(socket, number, received, replies).await;
                    }
                }
            }
        });
    }
}

async fn talk(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    received: mpsc::UnboundedSender<Received>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
) {
    while let Some(request) = read(&mut socket, connection).await {
        let reply = replies.lock().expect("not poisoned").pop_front().unwrap_or(Reply::status(200));
        if received.send(request).is_err() {
            return;
        }
        // Who has gone away is not told.
        match reply {
            Reply::Bytes(bytes) => drop(socket.write_all(&bytes).await),
            Reply::Late(bytes, now) => {
                now.notified().await;
                let _ = socket.write_all(&bytes).await;
            }
            Reply::Endless(bytes) => while socket.write_all(&bytes).await.is_ok() {},
            Reply::Stalled(bytes) => {
                let _ = socket.write_all(&bytes).await;
                let _ = socket.read(&mut [0]).await;
                return;
            }
            Reply::Closed => return,
        }
    }
}

async fn read(socket: &mut (impl AsyncRead + Unpin), connection: usize) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("UTF-8");
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<_, _> = head.lines().skip(1).map(|line| header(line).expect("a header")).collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
    while bytes.len() < end + 4 + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    assert_eq!(bytes.len(), end + 4 + length, "one request at a time");
    let body = String::from_utf8(bytes.split_off(end + 4)).expect("UTF-8");
    Some(Received { connection, head, headers, body })
}
