use std::{pin::Pin, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, Sleep, timeout},
};

use super::{
    Ending, Left, Outbox, Session, Sockets, Subscriptions,
    socket::{Received, Socket},
    subscription::{Pulled, Subscription},
};
use crate::{
    hub::{Batch, Fetch, Item},
    server::{admission::Permit, connection::Taken},
};

/// How long a client may take to answer a close, and to end its side of the connection after that.
const FAREWELL_WITHIN: Duration = Duration::from_secs(2);

/// How long all of a connection's end may take when the server stops: less than the stop waits.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// What a session acts on: its connection, and the rooms that this is in.
pub(in crate::server) struct Link {
    socket: Socket,
    /// The rooms that it is in.
    pub(in crate::server) subscriptions: Subscriptions,
}

/// A connection and who speaks over it.
struct Connection<S> {
    session: S,
    link: Link,
    stopping: watch::Receiver<bool>,
    sockets: Sockets,
    pings: Pings,
    timer: Pin<Box<Sleep>>,
}

/// Whether the client is still there.
struct Pings {
    next: Instant,
    unanswered: u8,
}

impl Link {
    /// What is to be sent. It leaves when the session has done what it is about to do.
    pub(in crate::server) fn outbox(&mut self) -> &mut Outbox {
        self.socket.outbox()
    }

    /// Sends what is in the outbox, before something that may take long: the answer to the client's request among it.
    ///
    /// # Errors
    /// The client is gone, or has taken nothing for a minute.
    pub(in crate::server) async fn flush(&mut self) -> Result<(), Ending> {
        self.socket.flush().await
    }
}

/// Serves a connection that was taken over until it ends, in a task of its own. A stop that follows this call waits for it.
pub(super) fn open<S: Session>(taken: Taken, session: S, subscriptions: Subscriptions, sockets: Sockets) {
    let Taken { socket, received, head, permit } = taken;
    let socket = Socket::new(socket, head, &received, S::MESSAGE_BYTES, sockets.0.backlog.clone());
    let stopping = sockets.0.stop.subscribe();
    let pings = Pings { next: Instant::now() + S::PING_EVERY, unanswered: 0 };
    let timer = Box::pin(tokio::time::sleep_until(pings.next));
    let connection = Connection { session, link: Link { socket, subscriptions }, stopping, sockets, pings, timer };
    tokio::spawn(serve(connection, Counted::new::<S>(permit)));
    // Only now: what a connection has for long would else be cut out of what HTTP had for it, which then fits no other request.
    drop(received);
}

/// Serves a connection until it ends; when the server stops, for not much longer.
async fn serve<S: Session>(connection: Connection<S>, _counted: Counted) {
    let mut stopping = connection.stopping.clone();
    tokio::select! {
        () = connection.run() => {}
        () = async {
            let _ = stopping.wait_for(|stop| *stop).await;
            tokio::time::sleep(STOP_WITHIN).await;
        } => {}
    }
}

impl<S: Session> Connection<S> {
    async fn run(mut self) {
        let Err(ending) = self.live().await;
        self.link.subscriptions.all.clear();
        let mut socket = self.link.socket;
        let farewell = async {
            match ending {
                Ending::Close(code, reason) => {
                    socket.close(code, &reason);
                    socket.flush().await?;
                    socket.closed().await;
                }
                Ending::Fail(code, reason) => socket.close(code, reason),
                Ending::Drop => {}
            }
            socket.flush().await
        };
        if let Ok(Ok(())) = timeout(FAREWELL_WITHIN, farewell).await {
            let _ = timeout(FAREWELL_WITHIN, socket.hang_up()).await;
        }
    }

    async fn live(&mut self) -> Result<std::convert::Infallible, Ending> {
        self.session.open(&mut self.link).await?;
        loop {
            self.flush().await?;
            if *self.stopping.borrow() {
                return Err(self.session.stop());
            }
            self.keep_time().await?;
            self.deliver().await?;
            self.session.woken(self.link.socket.outbox());
            let held_until = self.session.held_until().filter(|until| *until > Instant::now());
            let received = if held_until.is_none() { self.link.socket.read()? } else { Received::Nothing };
            match received {
                Received::Frame(frame) => {
                    self.pings.unanswered = 0;
                    self.session.hear(frame, &mut self.link).await?;
                }
                Received::Control => self.pings.unanswered = 0,
                Received::Nothing => {
                    self.flush().await?;
                    self.wait(held_until).await?;
                    continue;
                }
            }
            // A client that always has something to say must let others have their turn.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Sends what is in the outbox.
    async fn flush(&mut self) -> Result<(), Ending> {
        self.link.socket.flush().await?;
        self.session.flushed();
        Ok(())
    }

    /// Waits until there is something to do. What the client sends is none until `held_until`.
    async fn wait(&mut self, held_until: Option<Instant>) -> Result<(), Ending> {
        let others = [self.session.due_at(), held_until];
        let next = others.into_iter().flatten().fold(self.pings.next, Instant::min);
        if self.timer.deadline() != next {
            self.timer.as_mut().reset(next);
        }
        tokio::select! {
            () = self.link.socket.crowded_out() => return Err(Ending::Drop),
            () = self.link.socket.readable(), if held_until.is_none() => {}
            () = self.link.subscriptions.woken() => {}
            _ = self.stopping.changed() => {}
            () = self.timer.as_mut() => {}
        }
        Ok(())
    }

    /// Does what it is time for.
    async fn keep_time(&mut self) -> Result<(), Ending> {
        let now = Instant::now();
        if self.session.due_at().is_some_and(|due| due <= now) {
            self.session.due(&mut self.link).await?;
        }
        if self.pings.next <= now {
            if self.pings.unanswered >= S::UNANSWERED_PINGS {
                return Err(Ending::Drop);
            }
            self.pings = Pings { next: now + S::PING_EVERY, unanswered: self.pings.unanswered + 1 };
            self.link.socket.ping();
        }
        Ok(())
    }

    /// Gives what has happened up to now in the rooms that it is in. What happens meanwhile waits for the next time: it must not keep
    /// the client from being heard.
    async fn deliver(&mut self) -> Result<(), Ending> {
        let mut at = 0;
        'rooms: while let Some(end) = self.link.subscriptions.all.get(at).map(Subscription::end) {
            loop {
                match self.link.subscriptions.all[at].pull(end) {
                    Pulled::Batch(batch) => self.give(at, &batch)?,
                    Pulled::Fetch(fetch) => self.catch_up(at, &fetch).await?,
                    Pulled::Left(why) => {
                        self.leave(at, why)?;
                        continue 'rooms;
                    }
                    Pulled::Nothing => break,
                }
                self.link.socket.flush().await?;
                // A client that is far behind and reads fast must let others have their turn.
                tokio::task::coop::consume_budget().await;
            }
            at += 1;
        }
        Ok(())
    }

    /// Gives what is for this connection of what is new.
    fn give(&mut self, at: usize, batch: &Batch) -> Result<(), Ending> {
        let (session, Link { socket, subscriptions }) = (&mut self.session, &mut self.link);
        let picked = subscriptions.all[at].subscriber.pick(batch);
        metrics::counter!("live_chat_deliveries_total").increment(picked.len() as u64);
        picked.into_iter().try_for_each(|(entry, _)| match &entry.item {
            Item::Event(event) => {
                let frames = entry.frame(S::DIALECT, |_| session.encode(event));
                session.tell(event, frames, socket.outbox())
            }
            Item::Relayed(frame) => {
                session.relayed(frame, socket.outbox());
                Ok(())
            }
            // What is told and not stored has no form in any of these dialects.
            Item::Presence { .. } | Item::Waiting(_) | Item::Reachable(_) | Item::Interface(_) => Ok(()),
            Item::Viewers { .. } | Item::Cooldown { .. } | Item::Erased => Ok(()),
        })
    }

    /// Gives what it has missed, as much as is read at once.
    async fn catch_up(&mut self, at: usize, fetch: &Fetch) -> Result<(), Ending> {
        let permit = self.sockets.0.fetches.acquire().await;
        let fetched = fetch.run().await;
        drop(permit);
        let (events, fetched) = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                tracing::info!(room = %fetch.room(), %error, "a slow client was not fed from the store");
                self.link.subscriptions.all[at].lose();
                return Ok(());
            }
        };
        for event in &events {
            let frames = self.session.encode(event);
            self.session.tell(event, &frames, self.link.socket.outbox())?;
        }
        self.link.subscriptions.all[at].subscriber.fetched(fetched);
        Ok(())
    }

    fn leave(&mut self, at: usize, why: Left) -> Result<(), Ending> {
        let room = self.link.subscriptions.all.remove(at).subscriber.room();
        self.session.left(room, why, self.link.socket.outbox())
    }
}

/// A connection's place, and that it is counted.
struct Counted {
    dialect: &'static str,
    _permit: Permit,
}

impl Counted {
    fn new<S: Session>(permit: Permit) -> Self {
        let dialect = S::DIALECT.name();
        metrics::gauge!("live_chat_sockets", "dialect" => dialect).increment(1);
        Self { dialect, _permit: permit }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("live_chat_sockets", "dialect" => self.dialect).decrement(1);
    }
}
