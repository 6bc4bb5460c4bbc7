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
use futures::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
    time::{Instant, timeout},
};

use crate::{
    bounded_map::BoundedMap,
    chat::{RoomId, UserId},
    hub::Hub,
    protocol::interactive_sync::{
        Interface,
        action::{Action, Cooldown, INPUT_PAUSE, MOUSE_PAUSE},
        emit,
    },
};

/// Most actions that wait for a game to take them. While that many wait, viewers are told that the game does not answer.
const WAITING: usize = 256;

/// How long a game may take to be told of an action before its viewer is told that it does not answer.
pub(super) const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Most pauses of a room that are known. If more hold at once, those that end soonest are forgotten.
const MOST_PAUSES: usize = 65_536;

/// In which time an action of all together is counted.
const COUNTED_FOR: Duration = Duration::from_secs(1);

/// The games that are connected to this node, by their rooms, and what holds for those who act in them. In memory alone, and
/// no longer than a game is there. Clones are cheap.
#[derive(Clone, Default)]
pub struct Screens(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// A standard lock: held for a look-up and a change.
    by_room: Mutex<HashMap<RoomId, Screen>>,
    games: AtomicU64,
}

/// The games of one room, and what holds for its viewers.
#[derive(Default)]
struct Screen {
    /// What these games have shown last. A game that comes back after a restart may show again what the room still shows.
    shown: Option<Interface>,
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
    posts: Mutex<VecDeque<Post>>,
    wake: Arc<Notify>,
}

/// What a game is to be told.
pub(super) struct Post {
    pub(super) frame: Bytes,
    /// Is sent something once the frame has left for the game's socket.
    pub(super) told: oneshot::Sender<()>,
}

/// A game's place in its room. Dropping it leaves the room.
pub(super) struct Game {
    hub: Hub,
    screens: Screens,
    room: RoomId,
    number: u64,
    inbox: Arc<Inbox>,
}

/// What a viewer does.
#[derive(Serialize, Deserialize)]
pub(super) struct Press {
    pub(super) room: RoomId,
    pub(super) viewer: UserId,
    /// What they go by, if that is known.
    pub(super) username: Option<String>,
    pub(super) action: Action,
}

/// An action on its way to the games.
pub(super) struct Delivery {
    /// As the game has said it.
    cooldown: Value,
    told: FuturesUnordered<oneshot::Receiver<()>>,
}

/// Why a viewer's action is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Denied {
    /// No game is connected.
    NoGame,
    /// The game does not take what it is sent.
    Busy,
    /// There is no such thing on the screens.
    Unknown,
    /// They do something of the kind too often.
    TooFast { left: Duration },
    /// They have done it a short while ago.
    OwnCooldown { left: Duration },
    /// Somebody has done it a short while ago.
    Cooldown { left: Duration },
    /// All together do it too often.
    Limit { left: Duration },
}

impl Screens {
    /// A game comes, and is woken by `wake` when a viewer does something.
    pub(super) fn join(&self, hub: &Hub, room: RoomId, wake: Arc<Notify>) -> Game {
        let number = self.0.games.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::new(Inbox { wake, ..Inbox::default() });
        self.lock().entry(room).or_default().games.insert(number, Arc::clone(&inbox));
        Game { hub: hub.clone(), screens: self.clone(), room, number, inbox }
    }

    /// Lets a viewer do something, if it is on the screens and it is their turn. All games of the room that are connected to this node
    /// are about to be told, and all viewers of its cooldown, if that holds for all.
    pub(super) fn press(&self, hub: &Hub, press: &Press) -> Result<Delivery, Denied> {
        let Press { room, viewer, username, action } = press;
        let interface = hub.interface(*room).and_then(|shown| Interface::of(&shown));
        let (cooldown, told) = {
            let mut screens = self.lock();
            let screen = screens.get_mut(room).ok_or(Denied::NoGame)?;
            let cooldown = screen.admit(viewer, action, interface.as_ref())?;
            let mut payload = action.payload.clone();
            payload["username"] = username.as_deref().map_or(Value::Null, Value::from);
            let frame = emit(&action.kind, &payload).encode();
            (cooldown, screen.games.values().filter_map(|inbox| inbox.post(&frame)).collect())
        };
        if cooldown.broadcast {
            hub.tell_cooldown(*room, &action.id, pause_of_all(&cooldown));
        }
        Ok(Delivery { cooldown: cooldown.json, told })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, Screen>> {
        self.0.by_room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Delivery {
    /// Waits until a game was told, at most for the time `within`. Returns the action's cooldown in the game's own words.
    pub(super) async fn told(mut self, within: Duration) -> Result<Value, Denied> {
        let first = async {
            while let Some(told) = self.told.next().await {
                if told.is_ok() {
                    return Ok(());
                }
            }
            // All of them have gone meanwhile.
            Err(Denied::NoGame)
        };
        timeout(within, first).await.unwrap_or(Err(Denied::Busy)).map(|()| self.cooldown)
    }
}

/// For how long an action is open to nobody.
fn pause_of_all(cooldown: &Cooldown) -> Duration {
    cooldown.duration.max(INPUT_PAUSE)
}

impl Screen {
    /// Lets a viewer do something, if it is there and it is their turn.
    fn admit(&mut self, viewer: &UserId, action: &Action, interface: Option<&Interface>) -> Result<Cooldown, Denied> {
        let now = Instant::now();
        let is_mouse = action.kind == action.id;
        // A component may be called as a kind of action is.
        let [kind, own] = [format!("kind {}", action.kind), format!("id {}", action.id)].map(|name| (viewer.clone(), name));
        if let Some(left) = self.of_viewers.left(&kind, now) {
            return Err(Denied::TooFast { left });
        }
        if let Some(left) = self.of_all.left(&action.id, now).filter(|_| !is_mouse) {
            return Err(Denied::Cooldown { left });
        }
        if let Some(left) = self.of_viewers.left(&own, now) {
            return Err(Denied::OwnCooldown { left });
        }
        let cooldown = interface.and_then(|interface| action.cooldown(interface)).ok_or(Denied::Unknown)?;
        if self.games.values().all(|inbox| inbox.is_full()) {
            return Err(Denied::Busy);
        }
        if let Some(limit) = cooldown.limit {
            let done = self.done.entry(action.kind.clone()).or_default();
            done.retain(|at| *at + COUNTED_FOR > now);
            if let Some(oldest) = done.front().filter(|_| done.len() >= limit) {
                return Err(Denied::Limit { left: *oldest + COUNTED_FOR - now });
            }
            done.push_back(now);
        }
        self.of_viewers.set(kind, now, if is_mouse { MOUSE_PAUSE } else { INPUT_PAUSE });
        self.of_viewers.set(own, now, cooldown.duration);
        if cooldown.broadcast {
            self.of_all.set(action.id.clone(), now, pause_of_all(&cooldown));
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
    /// How long it is not open, if it is not.
    fn left(&self, key: &K, now: Instant) -> Option<Duration> {
        self.until.get(key).filter(|until| **until > now).map(|until| *until - now)
    }

    fn set(&mut self, key: K, now: Instant, pause: Duration) {
        self.until.insert(key, now + pause, now, |_, until| *until);
    }
}

impl Inbox {
    fn is_full(&self) -> bool {
        self.posts().len() >= WAITING
    }

    /// Adds a frame, unless the game has left too many. What is returned resolves once the game was told, and fails if it has gone.
    fn post(&self, frame: &Bytes) -> Option<oneshot::Receiver<()>> {
        let mut posts = self.posts();
        (posts.len() < WAITING).then(|| {
            let (told, is_told) = oneshot::channel();
            posts.push_back(Post { frame: frame.clone(), told });
            self.wake.notify_one();
            is_told
        })
    }

    fn posts(&self) -> MutexGuard<'_, VecDeque<Post>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Game {
    pub(super) fn room(&self) -> RoomId {
        self.room
    }

    /// What the games of the room have shown last, on this node.
    pub(super) fn shown(&self) -> Option<Interface> {
        self.screens.lock().get(&self.room)?.shown.clone()
    }

    /// Notes that the room shows this now.
    pub(super) fn note_shown(&self, interface: Interface) {
        if let Some(screen) = self.screens.lock().get_mut(&self.room) {
            screen.shown = Some(interface);
        }
    }

    /// What viewers have done since this was asked last.
    pub(super) fn take(&self) -> VecDeque<Post> {
        std::mem::take(&mut self.inbox.posts())
    }

    /// Takes the game out of its room. Returns what it has shown there, if no other game of the room is connected here.
    fn leave(&self) -> Option<Interface> {
        // Viewers who wait for this game get their answer at once.
        drop(self.take());
        let mut screens = self.screens.lock();
        let screen = screens.get_mut(&self.room)?;
        screen.games.remove(&self.number);
        if screen.games.is_empty() { screens.remove(&self.room)?.shown } else { None }
    }
}

impl Drop for Game {
    fn drop(&mut self) {
        let shown = self.leave().and_then(|interface| interface.to_shown());
        // A stop ends all connections; their games come back to what they have shown.
        if let (Some(interface), Ok(runtime), false) = (shown, Handle::try_current(), self.hub.is_stopping()) {
            let (hub, room) = (self.hub.clone(), self.room);
            runtime.spawn(async move { hub.clear_interface(room, interface).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(inboxes: &[&Inbox]) -> Delivery {
        let told = inboxes.iter().filter_map(|inbox| inbox.post(&Bytes::from_static(b"frame"))).collect();
        Delivery { cooldown: Value::from(1), told }
    }

    #[tokio::test(start_paused = true)]
    async fn a_press_is_answered_when_the_first_game_was_told() {
        let [one, other] = [Inbox::default(), Inbox::default()];
        let delivery = delivery(&[&one, &other]);
        let waiting = tokio::spawn(delivery.told(TOLD_WITHIN));
        drop(one.posts().pop_front());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "the one has gone, the other is yet to be told");
        let Post { told, .. } = other.posts().pop_front().expect("a post");
        told.send(()).expect("awaited");
        assert_eq!(waiting.await.expect("no panic"), Ok(Value::from(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_press_fails_when_no_game_is_told() {
        let inbox = Inbox::default();
        assert_eq!(delivery(&[&inbox]).told(TOLD_WITHIN).await, Err(Denied::Busy), "after a while");
        let gone = delivery(&[&inbox]);
        inbox.posts().clear();
        assert_eq!(gone.told(TOLD_WITHIN).await, Err(Denied::NoGame));
    }

    #[test]
    fn what_waits_for_a_game_is_bounded() {
        let inbox = Inbox::default();
        let waiting: Vec<_> = (0..WAITING).map(|_| inbox.post(&Bytes::new()).expect("a place")).collect();
        assert!(inbox.is_full() && inbox.post(&Bytes::new()).is_none());
        assert_eq!(waiting.len(), inbox.posts().len());
    }
}
