//! One TCP connection: HTTP by hyper, until a response wants the socket for itself.

use std::{
    io::Write,
    net::IpAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use tower::ServiceExt;

use super::{
    admission::{ConnectionLimits, Permit},
    client_address::Peer,
    error::ApiError,
    transport::{Backlog, CountedBody, Limited, Usage},
};

/// An extension of a response that takes its connection over when the head would go out: hyper is left behind, and with it its
/// task and buffers. The response's body is not used, and ends with the connection.
#[derive(Clone)]
pub(super) struct Takeover(Arc<Mutex<Option<Take>>>);

type Take = Box<dyn FnOnce(Taken) + Send>;

/// An extension of a request by which its handler can take more time for the answer than others have. It sees to it itself then
/// that no client keeps it waiting.
#[derive(Clone, Default)]
pub(super) struct Patience(Arc<AtomicBool>);

/// Where a response that takes its connection over is left, with its head.
type Handover = Arc<Mutex<Option<(Vec<u8>, Take)>>>;

/// A connection that was taken over.
pub(super) struct Taken {
    pub(super) socket: TcpStream,
    /// What its client has sent after the request.
    pub(super) received: Bytes,
    /// The response's head, to be sent first.
    pub(super) head: Vec<u8>,
    pub(super) permit: Permit,
}

impl Takeover {
    pub(super) fn new(take: impl FnOnce(Taken) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(take)))))
    }
}

impl Patience {
    /// Takes the time that is needed.
    pub(super) fn take(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Longest head of a request. Longer ones are answered 431.
const HEAD_BYTES: usize = 32 << 10;

/// How long a closed connection's client may go on sending a request that was answered before its end.
const LINGER: Duration = Duration::from_secs(5);

/// Most bytes of such a request that are read and thrown away.
const LINGER_BYTES: u64 = 16 << 20;

/// Serves a connection's requests with `app` until it closes, is taken over, or `stop` says to end it after the request at hand. It ends
/// too when its client is slower than the least pace, or holds more of the `backlog` than others when that is full.
pub(super) async fn serve(
    socket: TcpStream,
    peer: IpAddr,
    app: Router,
    limits: ConnectionLimits,
    permit: Permit,
    backlog: Backlog,
    mut stop: watch::Receiver<bool>,
) {
    let (handover, usage) = (Handover::default(), Usage::new(&backlog));
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        Box::pin(answer(app.clone(), request, limits.answer_within, Arc::clone(&handover), Arc::clone(&usage)))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_within).max_buf_size(HEAD_BYTES);
    let mut connection = http.serve_connection(TokioIo::new(Limited::new(socket, Arc::clone(&usage))), service);
    let mut stopped = Box::pin(stop.wait_for(|stop| *stop));
    let mut crowded_out = Box::pin(usage.crowded_out());
    let mut is_stopping = false;
    let taken = std::future::poll_fn(|cx| {
        if !is_stopping && stopped.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if crowded_out.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Abandoned);
        }
        match Pin::new(&mut connection).poll(cx) {
            // The client broke off, or is not speaking HTTP; hyper has told it what there is to tell.
            Poll::Ready(_) => Poll::Ready(if is_stopping { End::Abandoned } else { End::Answered }),
            Poll::Pending => match handover.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some((head, take)) => Poll::Ready(End::TakenOver(head, take)),
                None => Poll::Pending,
            },
        }
    });
    match taken.await {
        End::TakenOver(head, take) => {
            let http1::Parts { io, read_buf: received, .. } = connection.into_parts();
            take(Taken { socket: io.into_inner().into_inner(), received, head, permit });
        }
        End::Answered => linger(connection.into_parts().io.into_inner().into_inner()).await,
        End::Abandoned => {}
    }
}

/// How serving a connection ends.
enum End {
    /// A response takes it over.
    TakenOver(Vec<u8>, Take),
    /// The last response was sent, or the client broke off.
    Answered,
    /// The server stops, or has no room for it any more.
    Abandoned,
}

/// Closes the sending side, then reads until the client closes too. A socket that is closed with unread bytes in it resets the
/// connection, and the reset can overtake the last response: a client that is still sending would not see why it was refused.
async fn linger(mut socket: TcpStream) {
    if socket.shutdown().await.is_ok() {
        let mut rest = socket.take(LINGER_BYTES);
        // The connection ends here, however this ends.
        let _ = tokio::time::timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    }
}

/// The response, as the last one of its connection.
pub(super) fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Answers a request; never, if the response takes the connection over.
async fn answer(
    app: Router,
    request: Request<Incoming>,
    within: Duration,
    handover: Handover,
    usage: Arc<Usage>,
) -> Result<Response, std::convert::Infallible> {
    let patience = Patience::default();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(patience.clone());
    let mut answering = pin!(app.oneshot(request));
    let response = match tokio::time::timeout(within, &mut answering).await {
        Err(_) if patience.is_taken() => Ok(answering.await),
        response => response,
    };
    let mut response = match response {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let mut response = ApiError::new(StatusCode::REQUEST_TIMEOUT, "The request took too long to arrive.").into_response();
            // The router has not seen it. There is nothing in it that a page of another origin may not read.
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            closing(response)
        }
    };
    // What came of the request is used, or was thrown away.
    usage.set_received(0);
    let takeover = response.extensions_mut().remove::<Takeover>();
    let take = takeover.and_then(|Takeover(take)| take.lock().unwrap_or_else(PoisonError::into_inner).take());
    if let Some(take) = take {
        *handover.lock().unwrap_or_else(PoisonError::into_inner) = Some((head(&response), take));
        return std::future::pending().await;
    }
    Ok(response.map(|body| CountedBody::wrap(body, &usage)))
}

/// A response's head as HTTP/1.1 writes it (RFC 9112 4), for a body that ends with the connection (6.3, the last rule) if the response
/// does not say what becomes of it.
fn head(response: &Response) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    // The router has measured the body that is not used.
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        let name: &[u8] = name.as_ref();
        for part in [name, b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    let date = httpdate::fmt_http_date(SystemTime::now());
    let connection = if response.headers().contains_key(header::CONNECTION) { "" } else { "connection: close\r\n" };
    write!(head, "{connection}date: {date}\r\n\r\n").expect("memory takes everything");
    head
}
