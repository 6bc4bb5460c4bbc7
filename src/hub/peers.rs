//! What the hubs of a cluster's nodes tell and ask each other.
//!
//! Nobody keeps it: what must not be lost is in the log. A node of another release may say what is not understood here, which is
//! then passed over.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    Claims, ConnectionId, Hub, Refusal,
    elsewhere::{Elsewhere, Here, NodeId, Part, parts},
    live::{Candidates, LiveRoom, Lost, NameOfGuest},
    names::HELD_MS,
    tickets::Redeemed,
};
use crate::{
    bounded_map::BoundedMap,
    chat::{RoomId, Timestamp, UserId},
    engine::{Peers, RelayedFrame, now},
};

/// Ticks after which the viewers are told again though nothing has changed: what was told may have been lost.
const TOLD_EVERY: u32 = 2;

/// How often the names of connected guests are told again, where names are unique.
pub(super) const NAMES_TOLD_EVERY: Duration = Duration::from_secs(30);

/// Names that are told at once: at most some 200 kB, below what NATS takes.
const NAMES_AT_ONCE: usize = 500;

/// How often the other nodes are asked for one guest's new connection.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(2);

/// For how many at a time they are asked. Those beyond are looked for when their tokens are used again.
const LOOKED_FOR: usize = 16;

/// For how many it is remembered when they were.
const MOST_LOOKED_FOR: usize = 16_384;

/// What a node says.
#[derive(Serialize, Deserialize)]
enum Words {
    /// Who is connected to it.
    Viewers { node: NodeId, part: Part },
    /// It has none from now on.
    Leaves { node: NodeId },
    /// Whoever has that user's connection is to send it the history; any of theirs, if none is named.
    History { room: RoomId, user: UserId, connection: Option<ConnectionId> },
    /// In which of these rooms is that user?
    Where { rooms: Vec<RoomId>, user: UserId },
    /// These guests hold these names, in a room where names are unique.
    Names { room: RoomId, held: Vec<NameOfGuest> },
    /// Which token does that ticket stand for? The node that made it forgets it.
    Ticket { id: String },
    /// An action in that room is not open again before so many milliseconds.
    Cooldown { room: RoomId, action: String, ms: u64 },
    /// Does that connection of a user seem to be there, or another one of theirs?
    Holds { room: RoomId, user: UserId, connection: ConnectionId },
    /// Which connection may a guest have come back with, but for that one?
    Returned { room: RoomId, lost: Lost, other_than: Option<ConnectionId> },
    /// That connection is the one.
    StandIn { room: RoomId, connection: ConnectionId, lost: Lost },
    /// The client of that connection has come back over another one.
    Replaced { room: RoomId, connection: ConnectionId },
    /// Something that the hub knows nothing of.
    Other { question: Value },
}

/// What another node answers, if it has an answer.
#[derive(Serialize, Deserialize)]
enum Answer {
    /// The history is on its way.
    Asked,
    /// It was asked for too often.
    TooFast { retry_after_ms: u64 },
    /// The user is in that room.
    In(RoomId),
    /// The ticket was this node's.
    Redeemed(Redeemed),
    /// The connection is this node's.
    Mine,
    /// The guest may have come back with that one; `None` if there are several.
    Candidate(Option<ConnectionId>),
    /// To what the hub knows nothing of.
    Other(Value),
}

/// Hears what whoever serves clients on another node says, and does what follows from it before it returns, which must be soon. Returns
/// the answer, which may take a while; `None` if there is none to give.
pub type Respondent = Arc<dyn Fn(&Hub, Value) -> Option<BoxFuture<'static, Option<Value>>> + Send + Sync>;

/// The other nodes, as this one knows them.
pub(super) struct Cluster {
    peers: Arc<dyn Peers>,
    node: NodeId,
    /// Standard locks: held for a look-up, never across an await. Of two, this one is taken first, then a room's.
    elsewhere: Mutex<Elsewhere>,
    told: Mutex<Told>,
    respondent: OnceLock<Respondent>,
    /// When the other nodes may be asked for a guest's new connection again, by the lost one.
    looked_for: Mutex<BoundedMap<ConnectionId, Instant>>,
    looking: Arc<Semaphore>,
}

/// What was told of this node's viewers last.
#[derive(Default)]
struct Told {
    rooms: Vec<Here>,
    ticks: u32,
}

impl Cluster {
    pub(super) fn new(peers: Arc<dyn Peers>) -> Self {
        Self {
            peers,
            node: NodeId::random(),
            elsewhere: Mutex::default(),
            told: Mutex::default(),
            respondent: OnceLock::new(),
            looked_for: Mutex::new(BoundedMap::new(MOST_LOOKED_FOR)),
            looking: Arc::new(Semaphore::new(LOOKED_FOR)),
        }
    }

    fn tell(&self, words: &Words) {
        self.peers.tell(encode(words));
    }

    /// The first answer of another node, if there is one.
    async fn ask(&self, words: &Words) -> Option<Answer> {
        serde_json::from_slice(&self.peers.ask(encode(words)).await?).ok()
    }

    fn elsewhere(&self) -> MutexGuard<'_, Elsewhere> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(said: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(said).expect("plain data")
}

impl Hub {
    /// Hears what other nodes say from now on.
    pub(super) fn listen(&self) {
        if let Some(cluster) = &self.0.cluster {
            let hub = Arc::downgrade(&self.0);
            cluster.peers.listen(Arc::new(move |words| {
                let answer = Self(hub.upgrade()?).hear(serde_json::from_slice(words).ok()?)?;
                Some(answer.map(|answer| answer.as_ref().map(encode)).boxed())
            }));
            let hub = Arc::downgrade(&self.0);
            cluster.peers.hear_relayed(Arc::new(move |RelayedFrame { room, after, frame }| {
                if let Some(live) = hub.upgrade().and_then(|hub| hub.rooms.find(room)) {
                    live.relay_from_elsewhere(after, frame);
                }
            }));
        }
    }

    /// Does what follows from what another node says. Returns the answer, if there is one to give.
    fn hear(&self, words: Words) -> Option<BoxFuture<'static, Option<Answer>>> {
        match words {
            Words::Other { question } => {
                let answer = self.0.cluster.as_ref()?.respondent.get()?(self, question)?;
                Some(answer.map(|answer| answer.map(Answer::Other)).boxed())
            }
            words => self.hear_own(words).map(|answer| ready(Some(answer)).boxed()),
        }
    }

    fn hear_own(&self, words: Words) -> Option<Answer> {
        match words {
            Words::Viewers { node, part } => self.count_elsewhere(|elsewhere| elsewhere.note(node, part)),
            Words::Leaves { node } => self.count_elsewhere(|elsewhere| elsewhere.forget(node)),
            Words::History { room, user, connection } => {
                return match self.find(room).ok()?.ask_history(&user, connection) {
                    Ok(()) => Some(Answer::Asked),
                    Err(Refusal::TooFast { retry_after }) => {
                        Some(Answer::TooFast { retry_after_ms: u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX) })
                    }
                    Err(_) => None,
                };
            }
            Words::Names { room, held } => self.hear_names(room, held),
            Words::Where { rooms, user } => return self.meet_here(&rooms, &user).map(Answer::In),
            Words::Ticket { id } => return self.0.tickets.take(&id).map(Answer::Redeemed),
            Words::Cooldown { room, action, ms } => self.find(room).ok()?.note_cooldown(&action, Duration::from_millis(ms)),
            Words::Holds { room, user, connection } => {
                let live = self.find(room).ok()?;
                let is_here = || live.is_here(&user).then_some(Answer::In(room));
                return if live.has(connection) { Some(Answer::Mine) } else { is_here() };
            }
            Words::Returned { room, lost, other_than } => {
                return match self.candidates_here(room, &lost, other_than) {
                    Candidates::None => None,
                    Candidates::One(connection) => Some(Answer::Candidate(Some(connection))),
                    Candidates::Several => Some(Answer::Candidate(None)),
                };
            }
            Words::StandIn { room, connection, lost } => {
                return self.find(room).ok()?.stand_in(connection, &lost).then_some(Answer::Mine);
            }
            Words::Replaced { room, connection } => self.find(room).ok()?.note_replaced(connection),
            Words::Other { .. } => {}
        }
        None
    }

    /// Changes what is known of the other nodes' viewers, and lets those rooms know that it is about.
    fn count_elsewhere(&self, change: impl FnOnce(&mut Elsewhere) -> Vec<RoomId>) {
        let Some(cluster) = &self.0.cluster else { return };
        let mut elsewhere = cluster.elsewhere();
        for room in change(&mut elsewhere) {
            if let Some(live) = self.0.rooms.find(room) {
                live.set_viewers_elsewhere(elsewhere.people(room));
            }
        }
    }

    /// A room came to life, whose viewers on other nodes may have been told before.
    pub(super) fn count_viewers_of(&self, room: RoomId) {
        self.count_elsewhere(|_| vec![room]);
    }

    /// Once a second: forgets nodes that are silent, and tells the others how many viewers this one's rooms have.
    pub(super) fn tell_viewers(&self) {
        let Some(cluster) = self.0.cluster.as_ref().filter(|_| !self.is_stopping()) else { return };
        self.count_elsewhere(Elsewhere::forget_silent);
        let rooms = self.0.rooms.all().into_iter().map(|room| (room.id(), room.viewers_here()));
        let rooms: Vec<Here> = rooms.filter(|(_, (count, _))| *count > 0).collect();
        let mut told = cluster.told();
        told.ticks += 1;
        if told.rooms != rooms || told.ticks >= TOLD_EVERY {
            for part in parts(&rooms) {
                cluster.tell(&Words::Viewers { node: cluster.node, part });
            }
            *told = Told { rooms, ticks: 0 };
        }
    }

    /// Tells the others that this node's viewers are about to go.
    pub(super) fn tell_leaving(&self) {
        if let Some(cluster) = &self.0.cluster {
            cluster.tell(&Words::Leaves { node: cluster.node });
        }
    }

    /// Gives a frame of the relay to the other nodes.
    pub(super) async fn relay_elsewhere(&self, frame: RelayedFrame) {
        if let Some(cluster) = &self.0.cluster {
            let nodes = cluster.elsewhere().nodes();
            cluster.peers.relay(frame, nodes).await;
        }
    }

    /// The largest frame that nodes can give to each other, in bytes; `None` on one machine.
    pub(super) fn relayed_bytes(&self) -> Option<usize> {
        Some(self.0.cluster.as_ref()?.peers.relayed_bytes())
    }

    /// Tells the other nodes that a guest holds a name.
    pub(super) fn tell_name(&self, room: RoomId, held: NameOfGuest) {
        if let Some(cluster) = &self.0.cluster {
            cluster.tell(&Words::Names { room, held: vec![held] });
        }
    }

    /// Tells the other nodes which names the guests hold who are connected here: what was told may have been lost, or be over.
    pub(super) fn tell_names(&self) {
        let Some(cluster) = self.0.cluster.as_ref().filter(|_| !self.is_stopping()) else { return };
        for live in self.0.rooms.all() {
            for held in live.names_held().chunks(NAMES_AT_ONCE) {
                cluster.tell(&Words::Names { room: live.id(), held: held.to_vec() });
            }
        }
    }

    fn hear_names(&self, room: RoomId, held: Vec<NameOfGuest>) {
        let Ok(live) = self.find(room) else { return };
        let told_again = i64::try_from(NAMES_TOLD_EVERY.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp(now().0.saturating_add(HELD_MS + told_again));
        for NameOfGuest { user, name, from } in held {
            live.hear_name(&user, &name, from, until);
        }
    }

    /// Asks the connection that a token was made for to send its history, on whichever node it is; if that one is gone, the one that its
    /// client came back with, or another of the same user.
    pub(super) async fn ask_history(&self, live: &LiveRoom, claims: &Claims, from: Option<IpAddr>) -> Result<(), Refusal> {
        match self.ask_own_history(live, claims).await {
            Err(Refusal::NotConnected) => {
                self.look_for_returned(live, claims, from).await;
                self.ask_own_history(live, claims).await
            }
            asked => asked,
        }
    }

    async fn ask_own_history(&self, live: &LiveRoom, claims: &Claims) -> Result<(), Refusal> {
        let own = claims.connection.map(Some);
        for connection in own.into_iter().chain([None]) {
            match live.ask_history(&claims.user, connection) {
                Err(Refusal::NotConnected) => {}
                asked => return asked,
            }
            let Some(cluster) = &self.0.cluster else { continue };
            let words = Words::History { room: live.id(), user: claims.user.clone(), connection };
            match cluster.ask(&words).await {
                Some(Answer::Asked) => return Ok(()),
                Some(Answer::TooFast { retry_after_ms }) => {
                    return Err(Refusal::TooFast { retry_after: Duration::from_millis(retry_after_ms) });
                }
                Some(_) | None => {}
            }
        }
        Err(Refusal::NotConnected)
    }

    /// The first of these rooms in which that user is at present, on whichever node.
    pub async fn meet(&self, rooms: Vec<RoomId>, user: &UserId) -> Option<RoomId> {
        let here = self.meet_here(&rooms, user);
        let Some(cluster) = self.0.cluster.as_ref().filter(|_| here.is_none() && !rooms.is_empty()) else { return here };
        match cluster.ask(&Words::Where { rooms, user: user.clone() }).await {
            Some(Answer::In(room)) => Some(room),
            Some(_) | None => None,
        }
    }

    /// The token of a ticket that another node has made.
    pub(super) async fn redeem_elsewhere(&self, id: String) -> Option<Redeemed> {
        match self.0.cluster.as_ref()?.ask(&Words::Ticket { id }).await {
            Some(Answer::Redeemed(redeemed)) => Some(redeemed),
            Some(_) | None => None,
        }
    }

    /// Asks whoever serves clients on the other nodes; the first answer, `None` if there is none.
    pub async fn ask_elsewhere(&self, question: Value) -> Option<Value> {
        match self.0.cluster.as_ref()?.ask(&Words::Other { question }).await {
            Some(Answer::Other(answer)) => Some(answer),
            Some(_) | None => None,
        }
    }

    /// Tells something to whoever serves clients on the other nodes, and waits for no answer.
    pub fn tell_elsewhere(&self, said: Value) {
        if let Some(cluster) = &self.0.cluster {
            cluster.tell(&Words::Other { question: said });
        }
    }

    /// Tells everybody in the room, on all nodes, that an action is not open again for that long.
    pub fn tell_cooldown(&self, room: RoomId, action: &str, cooldown: Duration) {
        let Ok(live) = self.find(room) else { return };
        live.note_cooldown(action, cooldown);
        if let Some(cluster) = &self.0.cluster {
            let ms = u64::try_from(cooldown.as_millis()).unwrap_or(u64::MAX);
            cluster.tell(&Words::Cooldown { room, action: action.to_owned(), ms });
        }
    }

    /// Has `respondent` hear what is asked like that from now on. Once; there is one who serves clients.
    pub fn hear_elsewhere(&self, respondent: Respondent) {
        if let Some(cluster) = &self.0.cluster {
            let _ = cluster.respondent.set(respondent);
        }
    }

    /// Tells the other nodes that a connection's client has come back over another one.
    pub(super) fn tell_replaced(&self, room: RoomId, connection: ConnectionId) {
        if let Some(cluster) = &self.0.cluster {
            cluster.tell(&Words::Replaced { room, connection });
        }
    }

    /// Whether the other nodes may be asked again for the connection that a guest came back with who has lost that one. They are asked
    /// for [`LOOKED_FOR`] at a time, and are not asked again for one within [`LOOKED_FOR_EVERY`].
    pub(super) fn may_look_for(&self, lost: ConnectionId) -> Option<OwnedSemaphorePermit> {
        let cluster = self.0.cluster.as_ref()?;
        let permit = Arc::clone(&cluster.looking).try_acquire_owned().ok()?;
        let now = Instant::now();
        let mut looked_for = cluster.looked_for.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = looked_for.get(&lost).is_none_or(|again| *again <= now);
        if is_due {
            looked_for.insert(lost, now + LOOKED_FOR_EVERY, now, |_, again| *again);
        }
        is_due.then_some(permit)
    }

    /// Returns whether that connection of a user seems to be on another node (`Some(true)`), or another one of theirs (`Some(false)`).
    pub(super) async fn hold_elsewhere(&self, room: RoomId, user: &UserId, connection: ConnectionId) -> Option<bool> {
        match self.0.cluster.as_ref()?.ask(&Words::Holds { room, user: user.clone(), connection }).await {
            Some(Answer::Mine) => Some(true),
            Some(Answer::In(_)) => Some(false),
            Some(_) | None => None,
        }
    }

    /// Returns the connections that a guest may have come back with on the first other node that has any.
    pub(super) async fn candidates_elsewhere(&self, room: RoomId, lost: &Lost, other_than: Option<ConnectionId>) -> Candidates {
        let Some(cluster) = &self.0.cluster else { return Candidates::None };
        match cluster.ask(&Words::Returned { room, lost: lost.clone(), other_than }).await {
            Some(Answer::Candidate(Some(connection))) => Candidates::One(connection),
            Some(Answer::Candidate(None)) => Candidates::Several,
            Some(_) | None => Candidates::None,
        }
    }

    /// Has a connection of another node stand in for a lost one; returns when it does.
    pub(super) async fn stand_in_elsewhere(&self, room: RoomId, connection: ConnectionId, lost: Lost) {
        if let Some(cluster) = &self.0.cluster {
            cluster.ask(&Words::StandIn { room, connection, lost }).await;
        }
    }

    fn meet_here(&self, rooms: &[RoomId], user: &UserId) -> Option<RoomId> {
        rooms.iter().copied().find(|room| self.find(*room).is_ok_and(|room| room.is_connected(user)))
    }
}
