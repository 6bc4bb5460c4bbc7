use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
    time::{Instant, Sleep},
};

use super::{Backlog, Pace, Reader};

/// What is smaller is not counted: most requests and answers are, and leave at once.
const SMALL_BYTES: usize = 4 << 10;

/// Most bytes of one request that are counted. Only an import has more, and that is stored as it comes.
const MOST_RECEIVED_BYTES: usize = 128 << 10;

/// What one connection holds of the backlog, and whether it is to close because of that.
pub struct Usage {
    reader: Reader,
    /// Bytes of a request or a message that is not complete yet.
    received: AtomicUsize,
    close: Arc<Notify>,
}

/// Bytes that a connection holds, until this is dropped.
pub struct Portion {
    usage: Arc<Usage>,
    bytes: usize,
}

impl Usage {
    /// Starts with nothing.
    pub fn new(backlog: &Backlog) -> Arc<Self> {
        let close = Arc::new(Notify::new());
        let told = Arc::clone(&close);
        let reader = backlog.reader(Arc::new(move || told.notify_one()));
        Arc::new(Self { reader, received: AtomicUsize::new(0), close })
    }

    /// Returns when the connection is to close because it holds more than all others. Cancel safe.
    pub async fn crowded_out(&self) {
        self.close.notified().await;
    }

    /// Counts bytes.
    pub fn hold(self: &Arc<Self>, bytes: usize) -> Portion {
        self.reader.add(bytes);
        Portion { usage: Arc::clone(self), bytes }
    }

    /// Says that there are `bytes` of a request or a message that is not complete yet.
    pub fn set_received(&self, bytes: usize) {
        let counted = |bytes: usize| if bytes < SMALL_BYTES { 0 } else { bytes };
        let (before, after) = (counted(self.received.swap(bytes, Ordering::Relaxed)), counted(bytes));
        if after > before {
            self.reader.add(after - before);
        } else if before > after {
            self.reader.release(before - after);
        }
    }

    /// Counts a part of a response until it is sent.
    fn count(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        if bytes.len() < SMALL_BYTES {
            return bytes;
        }
        let portion = self.hold(bytes.len());
        Bytes::from_owner(Counted { bytes, _portion: portion })
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        self.set_received(0);
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        self.usage.reader.release(self.bytes);
    }
}

struct Counted {
    bytes: Bytes,
    _portion: Portion,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A response's body whose parts count from when they are taken out of it until they are sent.
pub struct CountedBody {
    body: Body,
    usage: Arc<Usage>,
}

impl CountedBody {
    /// Counts the parts of `body`.
    pub fn wrap(body: Body, usage: &Arc<Usage>) -> Body {
        Body::new(Self { body, usage: Arc::clone(usage) })
    }
}

impl hyper::body::Body for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(hyper::body::Body::poll_frame(Pin::new(&mut self.body), cx));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| self.usage.count(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        hyper::body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        hyper::body::Body::size_hint(&self.body)
    }
}

/// A TCP connection that fails when its client does not take what is sent at the least [`Pace`].
pub struct Limited {
    socket: TcpStream,
    usage: Arc<Usage>,
    /// While the socket does not take all that there is for it.
    waiting: Option<Box<Waiting>>,
}

struct Waiting {
    pace: Pace,
    window: Pin<Box<Sleep>>,
}

impl Limited {
    /// Nothing is sent yet.
    pub fn new(socket: TcpStream, usage: Arc<Usage>) -> Self {
        Self { socket, usage, waiting: None }
    }

    /// The connection without a limit.
    pub fn into_inner(self) -> TcpStream {
        self.socket
    }

    fn waiting(&mut self) -> &mut Waiting {
        self.waiting.get_or_insert_with(|| {
            Box::new(Waiting { pace: Pace::default(), window: Box::pin(tokio::time::sleep(Pace::WINDOW)) })
        })
    }

    /// Notes what became of an attempt to write `wanted` bytes.
    fn paced(&mut self, cx: &mut Context<'_>, wanted: usize, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(taken)) if *taken == wanted => self.waiting = None,
            Poll::Ready(Ok(taken)) => self.waiting().pace.took(*taken),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let Waiting { pace, window } = self.waiting();
                while window.as_mut().poll(cx).is_ready() {
                    if !pace.next_window() {
                        metrics::counter!("live_chat_responses_cut_off_total").increment(1);
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    window.as_mut().reset(Instant::now() + Pace::WINDOW);
                }
            }
        }
        written
    }
}

impl AsyncRead for Limited {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(cx, buffer))?;
        let received = this.usage.received.load(Ordering::Relaxed) + buffer.filled().len() - before;
        this.usage.set_received(received.min(MOST_RECEIVED_BYTES));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Limited {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.paced(cx, bytes.len(), written)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, parts);
        this.paced(cx, parts.iter().map(|part| part.len()).sum(), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn connected(backlog: &Backlog) -> (Limited, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("a listener");
        let (socket, _) = listener.accept().await.expect("a connection");
        (Limited::new(socket, Usage::new(backlog)), client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up_after_a_minute() {
        let (mut socket, _client) = connected(&Backlog::default()).await;
        let began = Instant::now();
        let error = socket.write_all(&vec![0; 64 << 20]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= Pace::WINDOW);
    }

    #[tokio::test]
    async fn what_is_not_complete_counts_and_then_counts_no_more() {
        let backlog = Backlog::default();
        let (mut socket, mut client) = connected(&backlog).await;
        client.write_all(&[0; 10_000]).await.expect("an open connection");
        socket.read_exact(&mut [0; 10_000]).await.expect("sent");
        assert_eq!(backlog.bytes(), 10_000);
        socket.usage.set_received(100);
        assert_eq!(backlog.bytes(), 0, "a small request does not count");
        socket.usage.set_received(10_000);
        drop(socket);
        assert_eq!(backlog.bytes(), 0);
    }

    #[tokio::test]
    async fn a_part_of_a_response_counts_until_it_is_dropped() {
        let backlog = Backlog::default();
        let usage = Usage::new(&backlog);
        let body = CountedBody::wrap(Body::from(vec![0; 10_000]), &usage);
        assert_eq!((hyper::body::Body::size_hint(&body).exact(), backlog.bytes()), (Some(10_000), 0));
        let part = http_body_util::BodyExt::collect(body).await.expect("a body");
        assert_eq!(backlog.bytes(), 10_000);
        drop(part);
        assert_eq!(backlog.bytes(), 0);
    }
}
