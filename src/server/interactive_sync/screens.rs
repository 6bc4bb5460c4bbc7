use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::Notify, time::Instant};

use crate::{
    bounded_map::BoundedMap,
    chat::{RoomId, UserId},
    protocol::interactive_sync::{
        Interface,
        action::{Action, Cooldown, INPUT_PAUSE, MOUSE_PAUSE},
        emit,
    },
};

/// Actions that wait for a game to take them. One that takes none for so long misses what comes then: it is no log.
const WAITING: usize = 256;

/// Most pauses of a room that are known. If more hold at once, those that end soonest are forgotten.
const MOST_PAUSES: usize = 65_536;

/// In which time an action of all together is counted.
const COUNTED_FOR: Duration = Duration::from_secs(1);

/// What is on the viewers' screens, by their rooms, and which games hear what they do. In memory alone, and
/// no longer than a game is there. Clones are cheap.
#[derive(Clone, Default)]
pub struct Screens(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// A standard lock: held for a look-up and a change.
    by_room: Mutex<HashMap<RoomId, Screen>>,
    games: AtomicU64,
}

/// What the viewers of one room have before them.
#[derive(Default)]
struct Screen {
    interface: Option<Interface>,
    games: HashMap<u64, Arc<Inbox>>,
    /// Until when a viewer may not do something, by its kind and by itself.
    of_viewers: Pauses<(UserId, String)>,
    /// Until when nobody may do it.
    of_all: Pauses<String>,
    /// When what all may do so often was done.
    done: HashMap<String, VecDeque<Instant>>,
}

/// Until when something is not open again.
struct Pauses<K> {
    until: BoundedMap<K, Instant>,
}

/// What waits for a game.
#[derive(Default)]
struct Inbox {
    /// A standard lock: held to add or take a few frames.
    frames: Mutex<VecDeque<Bytes>>,
    wake: Arc<Notify>,
}

/// A game's place in its room. Dropping it leaves the room.
pub(super) struct Game {
    screens: Screens,
    room: RoomId,
    number: u64,
    inbox: Arc<Inbox>,
}

/// Why a viewer's action is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Denied {
    /// There is no such thing on the screens.
    Unknown,
    /// They do something of the kind too often.
    TooFast,
    /// They have done it a short while ago.
    OwnCooldown,
    /// Somebody has done it a short while ago.
    Cooldown,
    /// All together do it too often.
    Limit,
}

impl Screens {
    /// A game comes, and is woken by `wake` when a viewer does something.
    pub(super) fn join(&self, room: RoomId, wake: Arc<Notify>) -> Game {
        let number = self.0.games.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::new(Inbox { wake, ..Inbox::default() });
        self.lock().entry(room).or_default().games.insert(number, Arc::clone(&inbox));
        Game { screens: self.clone(), room, number, inbox }
    }

    /// Whether a game of that room is connected here.
    pub(super) fn has_game(&self, room: RoomId) -> bool {
        self.lock().contains_key(&room)
    }

    /// What is on the screens.
    pub(super) fn interface(&self, room: RoomId) -> Option<Interface> {
        self.lock().get(&room)?.interface.clone()
    }

    /// After how long each action is open again to all.
    pub(super) fn pauses(&self, room: RoomId) -> HashMap<String, Duration> {
        let now = Instant::now();
        let screens = self.lock();
        let pauses = screens.get(&room).into_iter().flat_map(|screen| screen.of_all.until.iter());
        pauses.filter(|(_, until)| **until > now).map(|(id, until)| (id.clone(), *until - now)).collect()
    }

    /// A viewer does something, who goes by `username` if that is known: all games of the room hear of it.
    pub(super) fn act(&self, room: RoomId, viewer: &UserId, username: Option<&str>, action: &Action) -> Result<Cooldown, Denied> {
        let mut screens = self.lock();
        let screen = screens.get_mut(&room).ok_or(Denied::Unknown)?;
        let cooldown = screen.admit(viewer, action)?;
        let mut payload = action.payload.clone();
        payload["username"] = username.map_or(Value::Null, Value::from);
        let frame = emit(&action.kind, &payload).encode();
        screen.games.values().for_each(|inbox| inbox.post(&frame));
        Ok(cooldown)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, Screen>> {
        self.0.by_room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen {
    /// Lets a viewer do something, if it is there and it is their turn.
    fn admit(&mut self, viewer: &UserId, action: &Action) -> Result<Cooldown, Denied> {
        let now = Instant::now();
        let is_mouse = action.kind == action.id;
        // A component may be called as a kind of action is.
        let [kind, own] = [format!("kind {}", action.kind), format!("id {}", action.id)].map(|name| (viewer.clone(), name));
        if self.of_viewers.hold(&kind, now) {
            return Err(Denied::TooFast);
        }
        if !is_mouse && self.of_all.hold(&action.id, now) {
            return Err(Denied::Cooldown);
        }
        if self.of_viewers.hold(&own, now) {
            return Err(Denied::OwnCooldown);
        }
        let cooldown = self.interface.as_ref().and_then(|interface| action.cooldown(interface)).ok_or(Denied::Unknown)?;
        if let Some(limit) = cooldown.limit {
            let done = self.done.entry(action.kind.clone()).or_default();
            done.retain(|at| *at + COUNTED_FOR > now);
            if done.len() >= limit {
                return Err(Denied::Limit);
            }
            done.push_back(now);
        }
        self.of_viewers.set(kind, now, if is_mouse { MOUSE_PAUSE } else { INPUT_PAUSE });
        self.of_viewers.set(own, now, cooldown.duration);
        if cooldown.broadcast {
            self.of_all.set(action.id.clone(), now, cooldown.duration.max(INPUT_PAUSE));
        }
        Ok(cooldown)
    }
}

impl<K: Eq + Hash> Default for Pauses<K> {
    fn default() -> Self {
        Self { until: BoundedMap::new(MOST_PAUSES) }
    }
}

impl<K: Eq + Hash> Pauses<K> {
    fn hold(&self, key: &K, now: Instant) -> bool {
        self.until.get(key).is_some_and(|until| *until > now)
    }

    fn set(&mut self, key: K, now: Instant, pause: Duration) {
        self.until.insert(key, now + pause, now, |_, until| *until);
    }
}

impl Inbox {
    fn post(&self, frame: &Bytes) {
        let mut frames = self.frames();
        if frames.len() < WAITING {
            frames.push_back(frame.clone());
            self.wake.notify_one();
        }
    }

    fn frames(&self) -> MutexGuard<'_, VecDeque<Bytes>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Game {
    /// Puts an interface on the screens.
    pub(super) fn show(&self, interface: Interface) {
        if let Some(screen) = self.screens.lock().get_mut(&self.room) {
            screen.interface = Some(interface);
        }
    }

    /// What viewers have done since this was asked last.
    pub(super) fn take(&self) -> VecDeque<Bytes> {
        std::mem::take(&mut self.inbox.frames())
    }
}

impl Drop for Game {
    fn drop(&mut self) {
        let mut screens = self.screens.lock();
        let Some(screen) = screens.get_mut(&self.room) else { return };
        screen.games.remove(&self.number);
        // Of a game that has gone nothing stays on the screens; while another is there, it may be that one's.
        if screen.games.is_empty() {
            screens.remove(&self.room);
        }
    }
}
