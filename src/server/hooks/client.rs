use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderValue, Method, Request, Response, Uri, header, request};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::{net::TcpStream, sync::Semaphore};

use super::{Guard, guard::InvalidUrl};
use crate::protocol::webhook::{ID, SIGNATURE, Secret, TIMESTAMP};

/// How long one address of a host may take to accept a connection before the next is tried.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Names that are looked up at once. Each takes a thread, for as long as the system's resolver takes to give up, and the log's
/// readers work on such threads too.
const LOOKUPS: usize = 8;

/// Connections to one host that are kept open for what comes next.
const IDLE_CONNECTIONS: usize = 8;

/// For how long.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// Largest head of an answer, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// Asks other servers over HTTP. It goes where its [`Guard`] lets it, follows no redirect and uses no proxy. Clones share the
/// connections that are kept open.
#[derive(Clone)]
pub struct Client {
    guard: Guard,
    http: legacy::Client<HttpsConnector<Connector>, Full<Bytes>>,
}

/// A message to a hook.
pub(super) struct Message<'a> {
    pub(super) url: &'a Uri,
    /// Its name; the same when it is sent again.
    pub(super) id: &'a str,
    pub(super) secret: &'a Secret,
    /// JSON.
    pub(super) body: Bytes,
}

/// Opens the connections.
#[derive(Clone)]
struct Connector {
    guard: Guard,
    lookups: Arc<Semaphore>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("its host is not known: {0}")]
    Lookup(io::Error),
    #[error("its host has no address")]
    NoAddress,
    #[error("its host is at {0}, which is no public address: the operator has to allow it with --allow-private-hooks")]
    NotPublic(IpAddr),
    #[error("it cannot be reached: {0}")]
    Unreachable(io::Error),
}

impl Client {
    /// A client that goes where `guard` lets it, and trusts whom `tls` does.
    pub fn new(guard: Guard, tls: ClientConfig) -> Self {
        let connector = Connector { guard: guard.clone(), lookups: Arc::new(Semaphore::new(LOOKUPS)) };
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(HEAD_BYTES)
            .build(connector);
        Self { guard, http }
    }

    /// The URL that `text` is, in its one form, if messages may be sent to it; whether its host may be reached is certain only when
    /// it has been looked up.
    ///
    /// # Errors
    /// See [`InvalidUrl`].
    pub(super) fn url(&self, text: &str) -> Result<Uri, InvalidUrl> {
        self.guard.url(text)
    }

    /// Sends `message`, signed, and gives the answer when its head is there. Waits for as long as the other side takes.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    pub(super) async fn post(&self, message: Message<'_>) -> Result<Response<Incoming>, String> {
        let Message { url, id, secret, body } = message;
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request = request(Method::POST, url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(ID, id)
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, secret.sign(id, timestamp, &body));
        self.ask(request, body).await
    }

    /// Gets `url` for whoever has that authorization, and gives the answer when its head is there. Waits for as long as the other
    /// side takes.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    pub(in crate::server) async fn get(&self, url: &Uri, mut authorization: HeaderValue) -> Result<Response<Incoming>, String> {
        authorization.set_sensitive(true);
        self.ask(request(Method::GET, url).header(header::AUTHORIZATION, authorization), Bytes::new()).await
    }

    async fn ask(&self, request: request::Builder, body: Bytes) -> Result<Response<Incoming>, String> {
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        self.http.request(request).await.map_err(|error| cause(&error))
    }
}

fn request(method: Method, url: &Uri) -> request::Builder {
    let user_agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    Request::builder().method(method).uri(url).header(header::USER_AGENT, user_agent)
}

/// Trusts the certificates that the system trusts (or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`): an owner's own authority too, and
/// one that was withdrawn no more. Without any, nothing can be reached by `https`.
pub fn system_trust() -> ClientConfig {
    let tls = || {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
    };
    let tls = tls().with_native_roots().unwrap_or_else(|error| {
        tracing::warn!(%error, "no hook can be reached by https: install the package ca-certificates");
        tls().with_root_certificates(RootCertStore::empty())
    });
    tls.with_no_client_auth()
}

/// The innermost reason of an error, which says most.
fn cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

impl Connector {
    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, ConnectError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let addresses = self.look_up(host, port).await.map_err(ConnectError::Lookup)?;
        let mut failed = addresses.first().map_or(ConnectError::NoAddress, |address| ConnectError::NotPublic(address.ip()));
        // What is connected to is the address that was judged: the name is not looked up again.
        for address in addresses.into_iter().filter(|address| self.guard.lets(address.ip())) {
            let connected = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await;
            match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(ConnectError::Unreachable)?;
                    return Ok(TokioIo::new(stream));
                }
                Err(error) => failed = ConnectError::Unreachable(error),
            }
        }
        Err(failed)
    }

    /// The addresses of `host`, which may be one itself, in the system's order of preference.
    async fn look_up(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let look_up = move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            drop(permit);
            found
        };
        tokio::task::spawn_blocking(look_up).await?
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.clone().connect(uri).boxed()
    }
}
