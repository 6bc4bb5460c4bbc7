//! WebSocket connections (RFC 6455): one loop for all dialects.
//!
//! - [`upgrade`] answers the request that opens one, and hands its TCP connection over: hyper is left behind, as for streams.
//! - [`connection`] is the loop, a task for each connection. It does one thing after the other, so that what a client's frame leads
//!   to has left before its next frame is read, its close included. A client that sends faster than that is held back by TCP.
//! - [`session`] is what a dialect says: what it does with a frame, what an entry of a room's log is for it, and how it ends.
//! - [`socket`] is the protocol of RFC 6455, by tungstenite, over a socket that never waits; [`boundary`] finds the ends of frames.
//! - [`subscription`] joins a connection to rooms: an [`audience`] for each room wakes the connections that are in it.
//!
//! An idle connection costs about 9 kB (measured with 4,000 of them), of which its task is nearly half and what it reads into 1 KiB.
//! What is sent to many is encoded once.

mod audience;
mod boundary;
mod connection;
mod session;
mod socket;
mod subscription;
mod upgrade;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Semaphore, watch};

use self::audience::Audience;
pub(in crate::server) use self::{
    connection::Link,
    session::{Ending, Left, Session},
    socket::Outbox,
    subscription::Subscriptions,
    upgrade::Upgrade,
};
use crate::{chat::RoomId, hub::ConnectionId, server::transport::Backlog};

/// Reads of the store that run for all connections at once: each answer takes memory until its socket took it.
const FETCHES: usize = 8;

/// All WebSocket connections. Clones are cheap.
#[derive(Clone)]
pub struct Sockets(Arc<Inner>);

struct Inner {
    /// Who is in which room.
    ///
    /// A standard lock: held to look one up, and while somebody joins the room.
    audiences: Mutex<HashMap<RoomId, Arc<Audience>>>,
    fetches: Semaphore,
    /// What waits for their clients counts here.
    backlog: Backlog,
    /// Becomes true once, when the server stops. Each connection has a receiver.
    stop: watch::Sender<bool>,
}

impl Sockets {
    /// No connections yet. What waits for their clients counts in the `backlog`.
    pub fn new(backlog: Backlog) -> Self {
        let (audiences, fetches, stop) = (Mutex::default(), Semaphore::new(FETCHES), watch::Sender::new(false));
        Self(Arc::new(Inner { audiences, fetches, backlog, stop }))
    }

    /// Ends all connections, each as its dialect has it, and those that are still opened.
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    /// Returns when all connections have ended.
    pub async fn ended(&self) {
        self.0.stop.closed().await;
    }

    /// Takes a connection out of a room's audience, which ends with its last one.
    fn leave(&self, room: RoomId, connection: ConnectionId) {
        let mut audiences = self.0.audiences.lock().unwrap_or_else(PoisonError::into_inner);
        if audiences.get(&room).is_some_and(|audience| audience.remove(connection)) {
            audiences.remove(&room);
        }
    }

    /// Does something with a room's audience, which nobody else changes meanwhile.
    fn with_audience<T>(&self, room: RoomId, work: impl FnOnce(&mut Option<Arc<Audience>>) -> T) -> T {
        let mut audiences = self.0.audiences.lock().unwrap_or_else(PoisonError::into_inner);
        let mut audience = audiences.get(&room).cloned();
        let result = work(&mut audience);
        if let Some(audience) = audience {
            audiences.entry(room).or_insert(audience);
        }
        result
    }
}
