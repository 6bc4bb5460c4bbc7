use std::{net::IpAddr, sync::Arc};

use tokio::sync::Notify;

use super::{Sockets, audience::Seat, session::Left};
use crate::{
    chat::RoomId,
    hub::{Batch, Fetch, Found, Hub, Identity, LiveTail, Over, Refusal, Site, Step, Subscriber, Wake, Welcome},
};

/// Bytes of frames that are sent at once, about: what a reader that stalls may hold.
const BATCH_BYTES: usize = 64 * 1024;

/// The rooms that one connection is in.
pub(in crate::server) struct Subscriptions {
    sockets: Sockets,
    /// Wakes the connection.
    wake: Arc<Notify>,
    pub(super) all: Vec<Subscription>,
}

/// A connection's place in a room, and how far it is there. Dropping it leaves the room.
pub(super) struct Subscription {
    pub(super) subscriber: Subscriber,
    tail: LiveTail,
    sockets: Sockets,
    seat: Arc<Seat>,
    /// What it missed cannot be read.
    is_lost: bool,
}

/// What there is for a subscription.
pub(super) enum Pulled {
    /// Entries, of which it picks its own.
    Batch(Batch),
    /// It has missed something, which must be read.
    Fetch(Fetch),
    /// Nothing, for ever.
    Left(Left),
    /// Nothing up to where it was to look.
    Nothing,
}

impl Subscriptions {
    /// None yet.
    pub(in crate::server) fn none(sockets: &Sockets) -> Self {
        Self { sockets: sockets.clone(), wake: Arc::default(), all: Vec::new() }
    }

    /// Joins a room, as [`Hub::subscribe`] does.
    ///
    /// # Errors
    /// The hub's.
    pub(in crate::server) fn join(
        &mut self,
        hub: &Hub,
        room: RoomId,
        who: Identity,
        site: Site<'_>,
        from: Option<IpAddr>,
    ) -> Result<Welcome, Refusal> {
        let (subscription, welcome) = self.sockets.with_audience(room, |audience| -> Result<_, Refusal> {
            let found = audience.clone();
            let (is_new, found) = (found.is_none(), found.unwrap_or_default());
            let wake: Arc<dyn Wake> = found.clone();
            let (subscriber, welcome) = hub.subscribe(room, who, site, from, None, &wake)?;
            let (tail, seat) = (subscriber.tail(), found.add(subscriber.connection(), Arc::clone(&self.wake)));
            if is_new {
                found.open(tail.clone());
                *audience = Some(Arc::clone(&found));
            }
            let sockets = self.sockets.clone();
            Ok((Subscription { subscriber, tail, sockets, seat, is_lost: false }, welcome))
        })?;
        self.all.push(subscription);
        Ok(welcome)
    }

    /// Joins a room as a reader of the relay.
    ///
    /// # Errors
    /// The hub's.
    pub(in crate::server) fn join_relay(
        &mut self,
        hub: &Hub,
        room: RoomId,
        who: Identity,
        site: Site<'_>,
        from: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        self.join(hub, room, who, site, from)?;
        if let Some(joined) = self.all.last_mut() {
            joined.subscriber.read_relay();
        }
        Ok(())
    }

    /// What wakes the connection.
    pub(in crate::server) fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Returns when the connection is woken. Cancel safe.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// How many they are.
    pub(in crate::server) fn count(&self) -> usize {
        self.all.len()
    }

    /// Their rooms.
    pub(in crate::server) fn rooms(&self) -> impl Iterator<Item = RoomId> {
        self.all.iter().map(|subscription| subscription.subscriber.room())
    }

    /// Whether that room is among them.
    pub(in crate::server) fn contain(&self, room: RoomId) -> bool {
        self.rooms().any(|joined| joined == room)
    }

    /// Leaves a room, if it is among them.
    pub(in crate::server) fn leave(&mut self, room: RoomId) {
        self.all.retain(|subscription| subscription.subscriber.room() != room);
    }
}

impl Subscription {
    /// The number of the entry that comes next in its room.
    pub(super) fn end(&self) -> u64 {
        self.tail.end()
    }

    /// What it has missed cannot be read.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
    }

    /// What there is for it up to the entry of number `end`.
    pub(super) fn pull(&mut self, end: u64) -> Pulled {
        if self.is_lost {
            return Pulled::Left(Left::Behind);
        }
        if self.seat.take_call() {
            if self.subscriber.is_ended() {
                return Pulled::Left(Left::Ended);
            }
            self.subscriber.look_for_requests();
        }
        loop {
            match self.subscriber.next_step() {
                Step::End(Over::Disconnected) => return Pulled::Left(Left::Disconnected),
                Step::End(Over::RoomEnded | Over::CaughtUp) => return Pulled::Left(Left::Over),
                Step::Fetch(fetch) if fetch.is_history => self.subscriber.fetched(fetch.declined()),
                Step::Fetch(fetch) => return Pulled::Fetch(fetch),
                Step::Live(cursor) if cursor >= end => return Pulled::Nothing,
                Step::Live(cursor) => match self.tail.read(cursor, end, BATCH_BYTES) {
                    Found::Batch(batch) => return Pulled::Batch(batch),
                    // No store has the frames of the relay.
                    Found::Gone { lost: true, .. } if self.subscriber.reads_relay() => return Pulled::Left(Left::Behind),
                    Found::Gone { head, end, .. } => {
                        metrics::counter!("live_chat_subscribers_behind_total").increment(1);
                        self.subscriber.fell_behind(head, end);
                    }
                },
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.sockets.leave(self.subscriber.room(), self.subscriber.connection());
    }
}
