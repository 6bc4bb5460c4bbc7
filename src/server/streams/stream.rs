use std::io::{self, ErrorKind, Read, Write};

use bytes::Bytes;
use mio::net::TcpStream;

use crate::{hub::Subscriber, server::admission::Permit};

/// A subscriber and its socket.
pub(super) struct Stream {
    socket: TcpStream,
    pub(super) subscriber: Subscriber,
    /// What the socket did not take yet.
    unsent: Bytes,
    /// Whether the socket took less than it was given, and has not said since that it takes more.
    is_blocked: bool,
    /// Whether something is read from the store for it. Nothing else is given to it until then.
    pub(super) is_fetching: bool,
    /// Its place among the room's members.
    pub(super) place: usize,
    /// The tick at which its socket took something last.
    pub(super) sent_at: u32,
    _permit: Permit,
}

/// The stream is over: its client has gone.
pub(super) struct Gone;

impl Stream {
    pub(super) fn new(socket: TcpStream, subscriber: Subscriber, permit: Permit, place: usize) -> Self {
        let (unsent, is_blocked, is_fetching, sent_at) = (Bytes::new(), false, false, 0);
        Self { socket, subscriber, unsent, is_blocked, is_fetching, place, sent_at, _permit: permit }
    }

    /// Whether its socket takes no more at present.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// The socket says that it takes more.
    pub(super) fn unblock(&mut self) {
        self.is_blocked = false;
    }

    /// Sends `bytes`; what the socket does not take is kept. Only to be called when all was sent that came before.
    pub(super) fn send(&mut self, bytes: Bytes, tick: u32) -> Result<(), Gone> {
        debug_assert!(self.unsent.is_empty(), "nothing may be overtaken");
        self.unsent = bytes;
        self.flush(tick)
    }

    /// Sends on, as far as the socket takes it; [`is_blocked`](Self::is_blocked) if that is not to the end.
    pub(super) fn flush(&mut self, tick: u32) -> Result<(), Gone> {
        while !self.is_blocked && !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(0) => return Err(Gone),
                Ok(sent) => {
                    self.sent_at = tick;
                    // Not only advanced: what is sent in full must not keep its memory.
                    self.unsent = if sent < self.unsent.len() { self.unsent.slice(sent..) } else { Bytes::new() };
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_blocked = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
        Ok(())
    }

    /// Throws away what the client sends, which is nothing in this protocol, and notices when it closes.
    pub(super) fn drain(&mut self) -> Result<(), Gone> {
        let mut scratch = [0; 1_024];
        loop {
            match self.socket.read(&mut scratch) {
                Ok(0) => return Err(Gone),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
    }

    pub(super) fn register(&mut self, registry: &mio::Registry, token: mio::Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, mio::Interest::READABLE | mio::Interest::WRITABLE)
    }
}

/// Frames in one piece, so that they leave in one `send`.
pub(in crate::server) fn joined(frames: impl Iterator<Item = Bytes>) -> Bytes {
    let mut frames = frames.peekable();
    let first = frames.next().unwrap_or_default();
    if frames.peek().is_none() {
        return first;
    }
    let mut all = Vec::from(first);
    frames.for_each(|frame| all.extend_from_slice(&frame));
    all.into()
}
