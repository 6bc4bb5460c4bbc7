use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use subtle::ConstantTimeEq;
use tokio::sync::{mpsc, watch};

use super::{
    Claims, Refusal,
    ring::{Entry, Item, Ring},
};
use crate::chat::{Event, Kind, Room, RoomId, RoomState, UserId};

/// Above this many viewers, coming and going is told once a second instead of each time: in a raid it would be most of the traffic.
const BIG_ROOM: usize = 100;

/// Requests for history that wait for one connection. Each is a read of the store, so a client that asks more often than it is
/// answered is asked to slow down.
const PENDING_REQUESTS: usize = 4;

/// A room's live side.
pub(super) struct LiveRoom {
    id: RoomId,
    /// A standard lock: held to push or copy a few pointers, never across an await.
    state: Mutex<State>,
    /// The ring's end: wakes the subscribers.
    end: watch::Sender<u64>,
}

struct State {
    room: Room,
    /// The newest event that was dispatched.
    head: u64,
    ring: Ring,
    connections: HashMap<String, Connection>,
    /// Connections so far: the higher number is the newer one.
    connected: u64,
    /// The count that the room was told last.
    told_viewers: usize,
}

struct Connection {
    user: UserId,
    number: u64,
    requests: mpsc::Sender<()>,
}

/// A new connection's place in the room.
pub(super) struct Joined {
    pub(super) connection: String,
    pub(super) cursor: u64,
    pub(super) head: u64,
    pub(super) viewer_count: usize,
    pub(super) requests: mpsc::Receiver<()>,
    pub(super) end: watch::Receiver<u64>,
}

/// What a cursor finds.
pub(super) enum Read {
    Entries(Vec<Arc<Entry>>),
    /// The entries at the cursor are gone: the log must be read up to `head`, then the ring from `cursor` on.
    Behind {
        head: u64,
        cursor: u64,
    },
}

impl LiveRoom {
    pub(super) fn new(room: Room, head: u64) -> Self {
        let id = room.id;
        let (ring, connections) = (Ring::default(), HashMap::new());
        let state = State { room, head, ring, connections, connected: 0, told_viewers: 0 };
        Self { id, state: Mutex::new(state), end: watch::Sender::new(0) }
    }

    pub(super) fn id(&self) -> RoomId {
        self.id
    }

    pub(super) fn room(&self) -> Room {
        self.lock().room.clone()
    }

    pub(super) fn state(&self) -> RoomState {
        self.lock().room.state
    }

    /// The room, the newest event's sequence number, and how many are connected.
    pub(super) fn snapshot(&self) -> (Room, u64, usize) {
        let state = self.lock();
        (state.room.clone(), state.head, state.connections.len())
    }

    /// Takes over what the store says of the room; its state comes by [`dispatch`](Self::dispatch) alone, in the log's order.
    pub(super) fn update(&self, room: &Room) {
        let mut state = self.lock();
        state.room = Room { state: state.room.state, ..room.clone() };
    }

    pub(super) fn has_widget_key(&self, key: &str) -> bool {
        self.lock().room.widget_key.as_bytes().ct_eq(key.as_bytes()).into()
    }

    /// Gives events to the subscribers, in order.
    pub(super) fn dispatch(&self, events: &[Arc<Event>]) {
        let mut state = self.lock();
        for event in events {
            if let Kind::Room(room_state) = event.kind {
                state.room.state = room_state;
            }
            state.head = event.seq;
            state.ring.push(Item::Event(Arc::clone(event)));
        }
        self.wake(state);
    }

    /// Adds a connection. It reads what is dispatched from now on; the others are told that somebody came.
    pub(super) fn join(&self, user: UserId) -> Joined {
        let (sender, requests) = mpsc::channel(PENDING_REQUESTS);
        let connection = uuid::Uuid::new_v4().simple().to_string();
        let mut state = self.lock();
        let number = state.connected;
        state.connected += 1;
        state.connections.insert(connection.clone(), Connection { user, number, requests: sender });
        state.presence_changed();
        let (cursor, head, viewer_count) = (state.ring.end(), state.head, state.connections.len());
        let end = self.end.subscribe();
        self.wake(state);
        Joined { connection, cursor, head, viewer_count, requests, end }
    }

    pub(super) fn leave(&self, connection: &str) {
        let mut state = self.lock();
        if state.connections.remove(connection).is_some() {
            state.presence_changed();
            self.wake(state);
        }
    }

    /// Tells a big room its viewer count, if it has changed since it was told last.
    pub(super) fn tell_presence(&self) {
        let mut state = self.lock();
        if state.told_viewers != state.connections.len() {
            state.push_presence();
            self.wake(state);
        }
    }

    /// Asks the connection that a token was made for to send its history; another of the same user if that one is gone.
    pub(super) fn ask_history(&self, claims: &Claims) -> Result<(), Refusal> {
        let state = self.lock();
        let own = claims.connection.as_ref().and_then(|name| state.connections.get(name)).filter(|c| c.user == claims.user);
        let newest = || state.connections.values().filter(|c| c.user == claims.user).max_by_key(|c| c.number);
        let connection = own.or_else(newest).ok_or(Refusal::NotConnected)?;
        connection.requests.try_send(()).map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => Refusal::TooFast { retry_after: std::time::Duration::from_secs(1) },
            mpsc::error::TrySendError::Closed(()) => Refusal::NotConnected,
        })
    }

    /// What is at `cursor`.
    pub(super) fn read(&self, cursor: u64, limit: usize) -> Read {
        let state = self.lock();
        match state.ring.read(cursor, limit) {
            Some(entries) => Read::Entries(entries),
            None => Read::Behind { head: state.head, cursor: state.ring.end() },
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the subscribers know of new entries, after the lock is free for them to read.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let end = state.ring.end();
        drop(state);
        self.end.send_if_modified(|told| {
            let newer = end > *told;
            *told = end.max(*told);
            newer
        });
    }
}

impl State {
    fn presence_changed(&mut self) {
        if self.connections.len() <= BIG_ROOM {
            self.push_presence();
        }
    }

    fn push_presence(&mut self) {
        let viewer_count = self.connections.len();
        let joined = viewer_count > self.told_viewers;
        self.told_viewers = viewer_count;
        self.ring.push(Item::Presence { joined, viewer_count });
    }
}
