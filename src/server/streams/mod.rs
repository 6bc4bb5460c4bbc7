//! The fast path: writes a room's events to its subscribers' sockets.
//!
//! What a delivery costs is nearly all in the kernel, in one `send` for each subscriber, so everything here exists to add as
//! little as possible to it:
//!
//! - One [`reactor`] thread a core, each with its own `epoll` and its own share of the sockets. A subscriber has no task, no timer,
//!   no queue and no buffer: only a socket, a cursor, and what its socket did not take yet.
//! - Streams leave hyper when their response head is out (see [`super::connection`]): its buffers and tasks cost 19 kB for each.
//! - One frame an event, encoded once for all. A [`chain`] joins the frames of what came since the last round, so that what is
//!   pending leaves in one `send`, and a burst costs each subscriber one, not many.
//! - A round over a room's subscribers is cut into slices, between which sockets and other rooms have their turn.
//! - What needs the store (what somebody missed, an answer to a request) is read by a task elsewhere, a few at a time.
//!
//! A reader that does not read costs at most one link of the chain, which others may share, or one page of the store, beside the
//! little that the kernel holds for it. It is cut off, to resume, when it takes less than the least pace of the transport, or when it
//! holds most of what waits and there is too much of that.

mod chain;
mod frames;
mod inbox;
mod meter;
mod reactor;
mod stream;

use std::{
    io,
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::runtime::Handle;

pub(super) use self::{
    inbox::{Inbox, Opened},
    stream::joined,
};
use self::{meter::Meter, reactor::Reactor};
use crate::{hub::Hub, server::transport::Backlog};

/// Silence after which a comment is sent, so that proxies do not cut an idle stream: half of the 30 s that the strictest wait.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// The reactors, which serve all streams.
pub struct Streams {
    inboxes: Vec<Arc<Inbox>>,
    /// Empty after the stop.
    threads: Mutex<Vec<JoinHandle<()>>>,
    next: AtomicUsize,
}

impl Streams {
    /// Starts a reactor for each core. What waits for its subscribers counts in the `backlog`. Must be called in a tokio runtime, which then reads the store for them.
    ///
    /// # Errors
    /// If the operating system gives no threads or no `epoll`.
    pub fn start(hub: &Hub, heartbeat: Duration, backlog: &Backlog) -> io::Result<Self> {
        let (mut inboxes, mut threads) = (Vec::new(), Vec::new());
        let fetches = reactor::fetch_permits();
        for number in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            let (reactor, inbox) = Reactor::new(
                Meter::new(number),
                hub.clone(),
                Handle::current(),
                Arc::clone(&fetches),
                heartbeat,
                backlog.clone(),
            )?;
            let (supervisor, guard) = (hub.supervisor().clone(), hub.supervisor().watch("a reactor"));
            let run = move || {
                let _guard = guard;
                if let Err(error) = reactor.run() {
                    supervisor.fail("a reactor", error);
                }
            };
            inboxes.push(inbox);
            threads.push(std::thread::Builder::new().name(format!("streams-{number}")).spawn(run)?);
        }
        Ok(Self { inboxes, threads: Mutex::new(threads), next: AtomicUsize::new(0) })
    }

    /// The reactor that is to serve the next subscriber: each in turn.
    pub(super) fn next(&self) -> &Arc<Inbox> {
        &self.inboxes[self.next.fetch_add(1, Ordering::Relaxed) % self.inboxes.len()]
    }

    /// Ends all streams, and those that are still opened; returns when they have ended. Clients come back by themselves.
    pub fn stop(&self) {
        self.inboxes.iter().for_each(|inbox| inbox.stop());
        for thread in std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner)) {
            if thread.join().is_err() {
                tracing::error!("a reactor panicked");
            }
        }
    }
}
