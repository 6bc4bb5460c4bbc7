use std::{
    collections::HashSet,
    io,
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use mio::{Registry, Token, Waker};

use super::frames::Frames;
use crate::{
    chat::RoomId,
    hub::{ConnectionId, Fetched, Subscriber, Wake},
    server::admission::Permit,
};

/// How the rest of the program speaks to a reactor, from any thread.
pub(in crate::server) struct Inbox {
    /// A standard lock: held to push a letter or to take all of them.
    letters: Mutex<Letters>,
    waker: Waker,
}

/// What has come since the reactor looked last.
#[derive(Default)]
pub(super) struct Letters {
    /// Rooms with news.
    pub(super) rooms: HashSet<RoomId>,
    /// Subscribers for whom alone there is something.
    pub(super) subscribers: Vec<ConnectionId>,
    pub(super) opened: Vec<Opened>,
    /// What was read from the store; `None` if that failed.
    pub(super) fetched: Vec<(ConnectionId, Option<(Frames, Fetched)>)>,
    /// Subscribers that hold most of what waits while there is too much of it.
    pub(super) crowded_out: Vec<ConnectionId>,
    pub(super) stop: bool,
}

/// A stream whose request has been read.
pub(in crate::server) struct Opened {
    /// Its socket.
    pub(in crate::server) socket: TcpStream,
    /// The response's head and the stream's first event.
    pub(in crate::server) first: Bytes,
    /// Who reads.
    pub(in crate::server) subscriber: Subscriber,
    /// How many viewers the first event says that there are.
    pub(in crate::server) viewer_count: usize,
    /// Its place among the connections.
    pub(in crate::server) permit: Permit,
}

impl Inbox {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self { letters: Mutex::default(), waker: Waker::new(registry, token)? }))
    }

    /// Takes over a stream.
    pub(in crate::server) fn open(&self, opened: Opened) {
        self.post(|letters| letters.opened.push(opened));
    }

    pub(super) fn fetched(&self, connection: ConnectionId, answer: Option<(Frames, Fetched)>) {
        self.post(|letters| letters.fetched.push((connection, answer)));
    }

    pub(super) fn crowd_out(&self, connection: ConnectionId) {
        self.post(|letters| letters.crowded_out.push(connection));
    }

    pub(super) fn stop(&self) {
        self.post(|letters| letters.stop = true);
    }

    /// All letters since the last time. After a stop there are no more.
    pub(super) fn take(&self) -> Letters {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let stop = letters.stop;
        std::mem::replace(&mut *letters, Letters { stop, ..Letters::default() })
    }

    /// Adds a letter, and wakes the reactor if it is the first one. After a stop it is thrown away, and a stream in it ends.
    fn post(&self, write: impl FnOnce(&mut Letters)) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        if letters.stop {
            return;
        }
        let first = letters.is_empty();
        write(&mut letters);
        drop(letters);
        if first && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a reactor cannot be woken");
        }
    }
}

impl Letters {
    fn is_empty(&self) -> bool {
        self.rooms.is_empty()
            && self.subscribers.is_empty()
            && self.opened.is_empty()
            && self.fetched.is_empty()
            && self.crowded_out.is_empty()
            && !self.stop
    }
}

impl Wake for Inbox {
    fn room(&self, room: RoomId) {
        self.post(|letters| {
            letters.rooms.insert(room);
        });
    }

    fn subscriber(&self, connection: ConnectionId) {
        self.post(|letters| letters.subscribers.push(connection));
    }
}
