use std::{
    io::{self, ErrorKind, Read, Write},
    pin::Pin,
    sync::Arc,
};

use bytes::Bytes;
use tokio::{io::AsyncWrite, net::TcpStream, time::Instant};
use tungstenite::{
    Error, Message,
    error::ProtocolError,
    protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext},
};

use super::{Ending, boundary::Boundary};
use crate::{
    protocol::frame::Frame,
    server::transport::{Backlog, Pace, Portion, Usage},
};

/// What is read of a socket at once. A connection has it for as long as it lives.
const READ_BYTES: usize = 1_024;

/// Incomplete messages that are shorter are not counted.
const PARTIAL_BYTES: usize = 4_096;

/// Bytes of a client's control frame before its payload (RFC 6455 5.2, 5.5).
const CONTROL_HEAD_BYTES: usize = 6;

/// A message from which on the protocol's buffer is given back: it would stay as large as the largest message.
const LARGE_BYTES: usize = 4_096;

/// What an outbox may keep when it is empty.
const KEPT_BYTES: usize = 1_024;

/// Longest reason of a close (RFC 6455 5.5: 125 bytes, of which the code takes two).
const REASON_BYTES: usize = 123;

/// A WebSocket connection as the protocol sees it: frames in and out. It never waits but in [`flush`](Self::flush) and
/// [`readable`](Self::readable).
pub(super) struct Socket {
    protocol: WebSocketContext,
    wire: Wire,
    message_bytes: usize,
    backlog: Backlog,
    /// What there is of a long message that is not complete yet.
    partial: Option<Arc<Usage>>,
}

/// The TCP connection, as tungstenite sees it: it takes everything.
struct Wire {
    socket: TcpStream,
    outbox: Outbox,
    /// Where the client's frames end: what is read at once is never more than one, so that the protocol keeps nothing of the next.
    boundary: Boundary,
    /// What was read of the socket already, from `ahead_at` on.
    ahead: Vec<u8>,
    ahead_at: usize,
    /// Bytes since the last complete message.
    received: usize,
}

/// While a client does not take what there is for it.
struct Waiting {
    usage: Arc<Usage>,
    _held: Portion,
    pace: Pace,
    window_ends: Instant,
}

/// What is to be sent to a client, in this order.
#[derive(Default)]
pub(in crate::server) struct Outbox(Vec<u8>);

/// What was read.
pub(super) enum Received {
    /// A message.
    Frame(Frame),
    /// A sign of life.
    Control,
    /// Nothing yet.
    Nothing,
}

impl Outbox {
    /// Adds frames that are encoded already.
    pub(in crate::server) fn push(&mut self, frames: &[u8]) {
        self.0.extend_from_slice(frames);
    }

    /// Adds a frame.
    pub(in crate::server) fn send(&mut self, frame: Frame) {
        self.push(&frame.encode());
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read_some(buffer)?;
        self.received += read;
        Ok(read)
    }
}

impl Wire {
    /// Reads of the current frame alone.
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead_at < self.ahead.len() {
            let rest = &self.ahead[self.ahead_at..];
            let count = self.boundary.advance(&rest[..rest.len().min(buffer.len())]);
            buffer[..count].copy_from_slice(&rest[..count]);
            self.ahead_at += count;
            return Ok(count);
        }
        let read = self.socket.try_read(buffer)?;
        let count = self.boundary.advance(&buffer[..read]);
        (self.ahead, self.ahead_at) = (buffer[count..read].to_vec(), 0);
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket {
    /// A connection whose `head` is to be sent yet, and of which this was `received` already.
    pub(super) fn new(socket: TcpStream, head: Vec<u8>, received: &[u8], message_bytes: usize, backlog: Backlog) -> Self {
        let (outbox, ahead) = (Outbox(head), received.to_vec());
        let wire = Wire { socket, outbox, boundary: Boundary::default(), ahead, ahead_at: 0, received: 0 };
        Self { protocol: protocol(message_bytes), wire, message_bytes, backlog, partial: None }
    }

    /// What is to be sent.
    pub(super) fn outbox(&mut self) -> &mut Outbox {
        &mut self.wire.outbox
    }

    /// Reads what there is, up to the end of a message. What a control frame leads to is in the outbox then.
    ///
    /// # Errors
    /// How the connection ends: the client has closed it, or does not keep to the protocol. Nothing may be read after that.
    pub(super) fn read(&mut self) -> Result<Received, Ending> {
        self.partial = None;
        let message = match self.protocol.read(&mut self.wire) {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                self.count_partial();
                return Ok(Received::Nothing);
            }
            Err(error) => return Err(ending(&error)),
        };
        match message {
            Message::Text(text) => Ok(self.complete(Frame::Text(text))),
            Message::Binary(bytes) => Ok(self.complete(Frame::Binary(bytes))),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {
                // It may stand between the parts of a message, of which it is none.
                self.wire.received = self.wire.received.saturating_sub(CONTROL_HEAD_BYTES + message.len());
                // The answer to a ping, or to a close, which is the end.
                self.protocol.flush(&mut self.wire).map(|()| Received::Control).map_err(|error| ending(&error))
            }
        }
    }

    /// Asks the client whether it is there.
    pub(super) fn ping(&mut self) {
        // Into memory, before any close: it cannot fail.
        let _ = self.protocol.write(&mut self.wire, Message::Ping(Bytes::new()));
    }

    /// Says that the connection closes.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        let mut end = reason.len().min(REASON_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let frame = CloseFrame { code: code.into(), reason: reason[..end].into() };
        // Nor can this, and if the client has closed already there is nothing to say.
        let _ = self.protocol.close(&mut self.wire, Some(frame));
    }

    /// Waits until the client has sent something, or is gone. Cancel safe.
    pub(super) async fn readable(&self) {
        // What is wrong is found when it is read.
        let _ = self.wire.socket.readable().await;
    }

    /// Returns when the connection is to close because its client leaves a long message incomplete, and the backlog is full. Cancel safe.
    pub(super) async fn crowded_out(&self) {
        match &self.partial {
            Some(usage) => usage.crowded_out().await,
            None => std::future::pending().await,
        }
    }

    /// A message counts until the next one is read: until then it is dealt with.
    fn complete(&mut self, frame: Frame) -> Received {
        self.count_partial();
        let bytes = std::mem::take(&mut self.wire.received);
        // Once either side has closed, the protocol must know so.
        if bytes >= LARGE_BYTES && self.protocol.can_write() {
            self.protocol = protocol(self.message_bytes);
        }
        Received::Frame(frame)
    }

    fn count_partial(&mut self) {
        let received = self.wire.received;
        if received >= PARTIAL_BYTES {
            self.partial.get_or_insert_with(|| Usage::new(&self.backlog)).set_received(received);
        }
    }

    /// Sends what is in the outbox.
    ///
    /// # Errors
    /// The client is gone, is slower than the least pace, or holds more than all others while the backlog is full.
    pub(super) async fn flush(&mut self) -> Result<(), Ending> {
        let Wire { socket, outbox: Outbox(bytes), .. } = &mut self.wire;
        let (mut sent, mut waiting) = (0, None::<Waiting>);
        while sent < bytes.len() {
            match socket.try_write(&bytes[sent..]) {
                Ok(count) if count > 0 => {
                    sent += count;
                    if let Some(waiting) = &mut waiting {
                        waiting.pace.took(count);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let waiting = waiting.get_or_insert_with(|| Waiting::new(&self.backlog, bytes.len()));
                    waiting.writable(socket).await?;
                }
                Ok(_) | Err(_) => return Err(Ending::Drop),
            }
        }
        if sent > 0 {
            metrics::counter!("live_chat_sends_total").increment(1);
        }
        bytes.clear();
        bytes.shrink_to(KEPT_BYTES);
        Ok(())
    }

    /// Waits until the client has closed the connection, as one of both ends says, having read what there is. Not to be called when it
    /// does not keep to the protocol.
    pub(super) async fn closed(&mut self) {
        while let Ok(received) = self.read() {
            if let Received::Nothing = received {
                self.readable().await;
            }
            // A client that always has something to say must let others have their turn, and the farewell end.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Ends what is sent, then waits until the client has ended it too: what it has not read yet would be lost if the connection was
    /// closed while something of it is unread here.
    pub(super) async fn hang_up(mut self) {
        let socket = &mut self.wire.socket;
        if std::future::poll_fn(|cx| Pin::new(&mut *socket).poll_shutdown(cx)).await.is_err() {
            return;
        }
        loop {
            match socket.try_read(&mut [0; READ_BYTES]) {
                Ok(0) => return,
                Ok(_) => tokio::task::coop::consume_budget().await,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let _ = socket.readable().await;
                }
                Err(_) => return,
            }
        }
    }
}

impl Waiting {
    fn new(backlog: &Backlog, bytes: usize) -> Self {
        let usage = Usage::new(backlog);
        let held = usage.hold(bytes);
        Self { usage, _held: held, pace: Pace::default(), window_ends: Instant::now() + Pace::WINDOW }
    }

    async fn writable(&mut self, socket: &TcpStream) -> Result<(), Ending> {
        loop {
            tokio::select! {
                writable = socket.writable() => return writable.map_err(|_| Ending::Drop),
                () = self.usage.crowded_out() => return Err(Ending::Drop),
                () = tokio::time::sleep_until(self.window_ends) => {
                    if !self.pace.next_window() {
                        metrics::counter!("live_chat_subscribers_cut_off_total").increment(1);
                        return Err(Ending::Drop);
                    }
                    self.window_ends += Pace::WINDOW;
                }
            }
        }
    }
}

/// The protocol at the beginning of a connection, or between two messages.
fn protocol(message_bytes: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        // Each frame goes straight on into the outbox.
        .write_buffer_size(0)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes));
    WebSocketContext::new(Role::Server, Some(config))
}

/// How a connection ends that cannot be read any more (RFC 6455 7.4.1).
fn ending(error: &Error) -> Ending {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => Ending::Drop,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Drop,
        Error::Capacity(_) => Ending::Fail(Ending::TOO_BIG, "The message is too long."),
        Error::Utf8(_) => Ending::Fail(Ending::INVALID_DATA, "The text is not UTF-8."),
        _ => Ending::Fail(Ending::PROTOCOL_ERROR, "This is not the WebSocket protocol."),
    }
}
