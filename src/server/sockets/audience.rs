use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{
    chat::RoomId,
    hub::{ConnectionId, LiveTail, Wake},
};

/// The WebSocket connections that are in a room, as the hub knows them: one that it wakes, however many they are.
#[derive(Default)]
pub(super) struct Audience {
    /// There is something new in the room.
    news: Notify,
    /// All have left.
    is_over: AtomicBool,
    /// A standard lock: held to add or take one, and to wake all.
    seats: Mutex<HashMap<ConnectionId, Arc<Seat>>>,
}

/// A connection's place in a room.
pub(super) struct Seat {
    /// Wakes the connection, for whatever there is.
    wake: Arc<Notify>,
    is_called: AtomicBool,
}

impl Audience {
    /// An audience of the room that `tail` is of, which is woken from now on.
    pub(super) fn open(self: &Arc<Self>, tail: LiveTail) {
        tokio::spawn(herald(Arc::clone(self), tail));
    }

    /// Seats a connection.
    pub(super) fn add(&self, connection: ConnectionId, wake: Arc<Notify>) -> Arc<Seat> {
        // It may have been called before it was here.
        let seat = Arc::new(Seat { wake, is_called: AtomicBool::new(true) });
        self.seats().insert(connection, Arc::clone(&seat));
        seat
    }

    /// A connection has left. Returns whether it was the last: nobody may join this audience then.
    pub(super) fn remove(&self, connection: ConnectionId) -> bool {
        let mut seats = self.seats();
        seats.remove(&connection);
        let is_last = seats.is_empty();
        drop(seats);
        if is_last {
            self.is_over.store(true, Ordering::Release);
            self.news.notify_one();
        }
        is_last
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<ConnectionId, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether the hub has called this connection alone since it was asked last.
    pub(super) fn take_call(&self) -> bool {
        self.is_called.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Audience {
    fn room(&self, _: RoomId) {
        self.news.notify_one();
    }

    fn subscriber(&self, connection: ConnectionId) {
        if let Some(seat) = self.seats().get(&connection) {
            seat.is_called.store(true, Ordering::Relaxed);
            seat.wake.notify_one();
        }
    }
}

/// Wakes a room's connections whenever there is something new in it, so that whoever speaks does not have to. When those who were
/// woken have had their turn, it says how far they are: under more load than the machine can fan out, authors are slowed down.
async fn herald(audience: Arc<Audience>, tail: LiveTail) {
    let wake: Arc<dyn Wake> = audience.clone();
    loop {
        audience.news.notified().await;
        if audience.is_over.load(Ordering::Acquire) {
            return;
        }
        let end = tail.end();
        audience.seats().values().for_each(|seat| seat.wake.notify_one());
        // It is behind them in the line now.
        tokio::task::yield_now().await;
        tail.reached(&wake, end);
    }
}
