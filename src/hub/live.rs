mod returning;

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher,
    net::IpAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

pub use self::returning::Trace;
pub(super) use self::returning::{Candidates, Line, Lost};
use self::returning::{Opened, Returning};
use super::{
    Identity, Origin, Refusal, RingSize, TokenError, Tokens,
    disconnections::Disconnections,
    game::Game,
    held::Held,
    names::{NameRequest, Names, Presence, Taken},
    reactions::Telling,
    recent::Recent,
    relay::{RelayReader, RelayReaders, WaitingFrames},
    repeats::Saying,
    review::REVIEWS,
    ring::{Entry, Item, Ring, RingMemory},
    rules::{
        Rules,
        blocked::{Blocked, RecentlyBlocked},
    },
    sanctions::Sanctions,
    speakers::Speakers,
    turns::Turns,
    underway::Underway,
    viewers::{MOST_TOLD, People, PersonId, Viewers},
};
use crate::{
    chat::{
        AddressHash, Channel, ChatText, Event, Kind, Message, NameClaim, Origins, Outcome, Restore, Restored, Role, Room, RoomId,
        RoomState, Sanction, ShownInterface, Timestamp, UserId,
    },
    engine::now,
};

/// Most notices at once by which a client that counts them is brought to the true number, after a time in which the room was too big for
/// notices: 15 kB a second for each connection of a small room.
pub const SETTLED_AT_ONCE: usize = 100;

/// Requests for history that wait for one connection. Each is a read of the store, so a client that asks more often than it is
/// answered is asked to slow down.
const PENDING_REQUESTS: u8 = 4;

/// Entries that writing to the subscribers may be behind before authors are slowed down: a quarter of the ring.
const PACE_LAG: u64 = 256;

/// Connections of a user whose addresses a ban holds for.
const OWN_CONNECTIONS: usize = 3;

/// How long an author is slowed down at most for each message.
const PACE_WITHIN: Duration = Duration::from_secs(1);

/// Names a connection, beyond restarts too: a random number, so that an old token names none of the new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(u64);

/// Whoever serves subscribers, and sleeps while there is nothing for them.
///
/// Called from any thread, often, and never with a lock of the hub held; it must return at once.
pub trait Wake: Send + Sync {
    /// There is something for the subscribers of a room.
    fn room(&self, room: RoomId);
    /// There is something for one subscriber.
    fn subscriber(&self, connection: ConnectionId);
}

/// A room's live side.
pub(super) struct LiveRoom {
    id: RoomId,
    /// What it is as a channel, if it is one. That never changes.
    channel: Option<Channel>,
    /// A standard lock: held to push or copy a few pointers, never across an await.
    state: Mutex<State>,
    /// Tells that a server has reached more of the ring.
    progress: Notify,
    /// Tell what is said from what was said before.
    hashes: RandomState,
    /// What the word filter refused lately.
    blocked: Mutex<RecentlyBlocked>,
    /// Places of messages that are with the room's review handler.
    reviews: Semaphore,
    telling: Telling,
}

struct State {
    room: Room,
    /// The newest event that was dispatched.
    head: u64,
    ring: Ring,
    connections: HashMap<ConnectionId, Connection>,
    /// Who serves the connections.
    servers: Vec<Server>,
    returning: Returning,
    viewers: Viewers,
    /// How far a client may be off that counts notices, at most: the most viewers that there were while none was told.
    unsettled: usize,
    /// Connections so far: the higher number is the newer one.
    connected: u64,
    /// The count that a big room was told last.
    told_viewers: usize,
    sanctions: Sanctions,
    speakers: Speakers,
    names: Names,
    rules: Arc<Rules>,
    turns: Turns,
    /// `None` on one machine, where nobody else speaks.
    underway: Option<Underway>,
    /// Whether the next message is one that was approved: it took its turn when it was said.
    is_approved: bool,
    recent: Recent,
    relay: RelayReaders,
    waiting_frames: WaitingFrames,
    held: Held,
    game: Game,
    disconnections: Disconnections,
    /// How many waiting messages moderators were told of last.
    told_waiting: usize,
    /// When there was an event, or somebody came or left.
    used_at: Instant,
}

/// Somebody who serves connections of the room.
struct Server {
    wake: Arc<dyn Wake>,
    connections: usize,
    /// The ring's number up to which it has given all of them what there is, as far as their sockets took it.
    reached: u64,
}

struct Connection {
    user: UserId,
    /// What it came with; none of a guest, whose user id says as much, and of whom there are the most.
    origin: Option<Box<Origin>>,
    /// Where it comes from, if that is known.
    from: Option<IpAddr>,
    number: u64,
    opened: Opened,
    /// The connection whose token its client goes on to use.
    replaces: Option<ConnectionId>,
    /// Whether its own client uses another connection by now.
    is_replaced: bool,
    is_token_used: bool,
    line: Arc<Line>,
    wake: Arc<dyn Wake>,
}

/// How somebody comes in.
pub(super) struct Arrival {
    /// Where from, if that is known.
    pub(super) from: Option<IpAddr>,
    /// Whether they say a position.
    pub(super) resumed: bool,
    /// The event that they saw last.
    pub(super) position: Option<u64>,
    /// See [`Listening::trace`](super::Listening::trace).
    pub(super) trace: Option<Trace>,
    /// See [`Listening::replaces`](super::Listening::replaces).
    pub(super) replaces: Option<ConnectionId>,
}

/// A room as it is now.
pub(super) struct LiveSnapshot {
    pub(super) room: Room,
    /// The newest event that was dispatched.
    pub(super) head: u64,
    pub(super) viewer_count: usize,
    pub(super) messages_last_minute: u32,
    pub(super) waiting: usize,
}

/// A new connection's place in the room.
pub(super) struct Joined {
    pub(super) connection: ConnectionId,
    /// The ring's end: what comes later is live.
    pub(super) end: u64,
    /// Where the ring goes on after the position to resume from, if it still holds all that followed.
    pub(super) resume: Option<u64>,
    pub(super) head: u64,
    /// The room's state then.
    pub(super) state: RoomState,
    pub(super) viewer_count: usize,
    pub(super) line: Arc<Line>,
}

/// A message that is between its author and the log.
pub(super) struct OnItsWay<'a> {
    room: &'a LiveRoom,
    author: &'a UserId,
    number: u64,
}

/// A name that a guest holds where names are unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct NameOfGuest {
    pub(super) user: UserId,
    pub(super) name: String,
    /// Where they come from, if that is known.
    pub(super) from: Option<AddressHash>,
}

/// What a cursor finds.
pub(super) enum Read {
    Entries(Vec<Arc<Entry>>),
    /// The entries at the cursor are gone: the log must be read up to `head`, then the ring from `cursor` on.
    Behind {
        head: u64,
        cursor: u64,
        /// Whether relayed frames were among them, which the log does not have.
        lost: bool,
    },
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        if let Some(underway) = &mut self.room.lock().underway {
            underway.end(self.author, self.number);
        }
    }
}

impl ConnectionId {
    pub(super) fn random() -> Self {
        // Without random numbers there are no guests' names either: nothing to fall back to.
        Self(getrandom::u64().expect("the operating system has random numbers"))
    }
}

impl LiveRoom {
    pub(super) fn new(room: Room, head: u64, size: RingSize, memory: RingMemory, in_cluster: bool) -> Self {
        let (id, channel) = (room.id, room.settings.channel.clone());
        let (ring, connections) = (Ring::new(size, memory, head), HashMap::new());
        let rules = Arc::new(Rules::new(&room.settings));
        let state = State {
            room,
            head,
            ring,
            connections,
            returning: Returning::default(),
            viewers: Viewers::default(),
            unsettled: 0,
            servers: Vec::new(),
            connected: 0,
            told_viewers: 0,
            sanctions: Sanctions::default(),
            speakers: Speakers::default(),
            names: Names::default(),
            rules,
            turns: Turns::default(),
            underway: in_cluster.then(Underway::default),
            is_approved: false,
            recent: Recent::new(),
            relay: RelayReaders::default(),
            waiting_frames: WaitingFrames::default(),
            held: Held::default(),
            game: Game::default(),
            disconnections: Disconnections::default(),
            told_waiting: 0,
            used_at: Instant::now(),
        };
        let reviews = Semaphore::new(REVIEWS);
        Self {
            id,
            channel,
            state: Mutex::new(state),
            progress: Notify::new(),
            hashes: RandomState::new(),
            blocked: Mutex::default(),
            reviews,
            telling: Telling::default(),
        }
    }

    pub(super) fn id(&self) -> RoomId {
        self.id
    }

    /// What it is as a channel, if it is one.
    pub(super) fn channel(&self) -> Option<&Channel> {
        self.channel.as_ref()
    }

    /// Whether any visitor may know of it.
    pub(super) fn is_open(&self) -> bool {
        self.channel.as_ref().is_none_or(|channel| channel.visibility.is_open())
    }

    /// Whether it has had no connection and no event for that long, as far as this node knows.
    pub(super) fn is_quiet(&self, quiet_for: Duration) -> bool {
        let state = self.lock();
        state.viewer_count() == 0 && state.used_at.elapsed() >= quiet_for
    }

    pub(super) fn room(&self) -> Room {
        self.lock().room.clone()
    }

    /// Its name in addresses.
    pub(super) fn slug(&self) -> String {
        self.lock().room.settings.slug.clone()
    }

    /// Whether that is its name in addresses.
    pub(super) fn has_slug(&self, slug: &str) -> bool {
        self.lock().room.settings.slug == slug
    }

    /// Whether that user has a connection.
    pub(super) fn is_connected(&self, user: &UserId) -> bool {
        self.lock().connections.values().any(|connection| connection.reads_as(user))
    }

    /// Whose pages may use it, if it says so.
    pub(super) fn allowed_origins(&self) -> Origins {
        self.lock().room.settings.allowed_origins.clone()
    }

    pub(super) fn state(&self) -> RoomState {
        self.lock().room.state
    }

    /// The newest event's sequence number.
    pub(super) fn head(&self) -> u64 {
        self.lock().head
    }

    /// How it is. Events up to `trimmed` are past its retention.
    pub(super) fn snapshot(&self, trimmed: u64) -> LiveSnapshot {
        let mut state = self.lock();
        LiveSnapshot {
            room: state.room.clone(),
            head: state.head,
            viewer_count: state.viewer_count(),
            messages_last_minute: state.recent.count(),
            waiting: state.held.count(trimmed),
        }
    }

    /// Gives events to the subscribers, in order.
    pub(super) fn dispatch(&self, events: &[Arc<Event>]) {
        let mut state = self.lock();
        for event in events {
            match &event.kind {
                Kind::Room(room_state) => state.room.enter(*room_state, event.sent_at),
                Kind::Deletion(deletion) => {
                    let is_gone = |event: &Event| event.message().is_some_and(|message| deletion.of.covers(event.seq, message));
                    state.ring.erase(is_gone);
                }
                Kind::Settings { settings, .. } => {
                    state.room.settings = settings.clone();
                    state.rules = Arc::new(Rules::new(settings));
                    if !settings.unique_names {
                        state.names.free();
                    }
                    state.room.updated_at = event.sent_at;
                }
                Kind::Sanction(sanction) => state.sanctions.note(sanction, now()),
                Kind::Message(_) | Kind::Private { .. } => state.recent.add(),
                Kind::Resolution(resolution) => state.is_approved = resolution.outcome == Outcome::Approved,
                Kind::Restore(Restore { of, what, .. }) => match what {
                    Restored::Message(seq) => state.ring.forget_undone(*of, *seq),
                    Restored::AllOf(_) => state.ring.forget_undone(*of, *of),
                    Restored::Waiting { seq, .. } => state.ring.forget_undone(*of, *seq),
                    Restored::Right(_) => {}
                },
                Kind::Held(_) | Kind::Reactions(_) => {}
                Kind::Disconnection(disconnection) => state.disconnections.note(disconnection, event.sent_at),
                Kind::Custom(_) => {}
            }
            state.used_at = Instant::now();
            state.hear(event, &self.hashes);
            state.held.note(event);
            let before = state.waiting_frames.take_before(event.seq);
            state.push_frames(before);
            state.head = event.seq;
            state.push(Item::Event(Arc::clone(event)));
            if let Kind::Room(RoomState::Ended) = event.kind {
                state.show(None);
            }
        }
        state.push_reached_frames();
        self.wake(state);
    }

    /// Places of messages that are with the room's review handler.
    pub(super) fn reviews(&self) -> &Semaphore {
        &self.reviews
    }

    /// Who tells the room of reactions.
    pub(super) fn telling(&self) -> &Telling {
        &self.telling
    }

    /// What holds for those who speak here.
    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.lock().rules)
    }

    /// Lets that user say `text`, if it is their turn; gives what to [give back](Self::give_turn_back).
    ///
    /// # Errors
    /// See [`Turns::take`].
    pub(super) fn take_turn(
        &self,
        rules: &Rules,
        user: &UserId,
        text: Option<&str>,
        client_message_id: Option<&str>,
    ) -> Result<Option<Saying>, Refusal> {
        let text = text.filter(|_| !rules.repeat_window.is_zero());
        let saying = text.map(|text| Saying::new(&self.hashes, user, text));
        self.lock().turns.take(rules, user, saying.as_ref(), client_message_id).map(|()| saying)
    }

    /// What that user said was not stored.
    pub(super) fn give_turn_back(&self, user: &UserId, saying: Option<&Saying>) {
        self.lock().turns.give_back(user, saying);
    }

    /// A message of that user sets out for the log, having taken its turn; until what is given is dropped it may come back from
    /// there. `None` on one machine, where nobody needs to know.
    pub(super) fn set_out<'a>(&'a self, author: &'a UserId, payload: &str) -> Option<OnItsWay<'a>> {
        let number = self.lock().underway.as_mut()?.begin(author, self.hashes.hash_one(payload));
        Some(OnItsWay { room: self, author, number })
    }

    /// Lets somebody go by a name. Returns whether it is a guest who holds it from now on, and did not before.
    pub(super) fn take_name(&self, request: NameRequest<'_>) -> Result<bool, Refusal> {
        let mut state = self.lock();
        let unique = state.rules.unique_names.then(|| state.presence_of(request.user));
        state.names.claim(request, now(), unique).map_err(|Taken| Refusal::NameTaken)
    }

    /// Up to when the store knows the protected name that `user` has.
    pub(super) fn name_stored_until(&self, user: &UserId) -> Timestamp {
        self.lock().names.stored_until(user)
    }

    /// The store knows of a protected name.
    pub(super) fn note_name(&self, user: &UserId, claim: &NameClaim) {
        self.lock().names.note(user, claim, now());
    }

    /// Somebody has come in to whom a site gave that name, for as long as their token is good.
    pub(super) fn see_name(&self, user: &UserId, name: &str, token: Option<&str>, until: Timestamp) {
        self.lock().names.see(user, name, token, until, now());
    }

    /// That user's name is protected no more.
    pub(super) fn release_name(&self, user: &UserId) {
        self.lock().names.release(user);
    }

    /// The name of that token's bearer is protected no more.
    pub(super) fn release_name_of_token(&self, token: &str) {
        self.lock().names.release_token(token);
    }

    /// A guest of another node, or of before a restart, holds a name until then, if names are unique.
    pub(super) fn hear_name(&self, user: &UserId, name: &str, from: Option<AddressHash>, until: Timestamp) {
        let mut state = self.lock();
        if state.rules.unique_names {
            state.names.hear(user, name, from, until, now());
        }
    }

    /// The names that guests who are connected here hold, if names are unique.
    pub(super) fn names_held(&self) -> Vec<NameOfGuest> {
        let state = self.lock();
        let guest = |(user, name, from): (&UserId, &str, Option<&AddressHash>)| NameOfGuest {
            user: user.clone(),
            name: name.to_owned(),
            from: from.cloned(),
        };
        state.names.connected().map(guest).collect()
    }

    /// Takes over what was decided before the start.
    pub(super) fn note(&self, sanction: &Sanction) {
        self.lock().sanctions.note(sanction, now());
    }

    /// What keeps that user from speaking.
    pub(super) fn sanction(&self, user: &UserId, from: Option<IpAddr>, tokens: &Tokens) -> Option<Sanction> {
        self.lock().sanctions.find(user, from, tokens, now()).cloned()
    }

    /// Whether that user may speak, if the room is open.
    pub(super) fn may_speak(&self, user: &UserId, from: Option<IpAddr>, tokens: &Tokens) -> Result<(), Refusal> {
        self.lock().sanctions.check(user, from, tokens, now())
    }

    /// Keeps for moderators that a message was refused, if a blocked word is why.
    pub(super) fn note_blocked(&self, author: &UserId, refusal: &Refusal) {
        if let Refusal::BlockedWord { field, word } = refusal {
            self.blocked.lock().unwrap_or_else(PoisonError::into_inner).note(author, *field, word, now());
        }
    }

    /// Returns what the word filter refused lately, newest first.
    pub(super) fn blocked(&self) -> Vec<Blocked> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).list()
    }

    /// That user spoke, and was heard.
    pub(super) fn heard(&self, user: &UserId, from: IpAddr, name: Option<&str>) {
        self.lock().speakers.note(user, from, name);
    }

    /// The name under which that user spoke last here, if that is known.
    pub(super) fn spoken_name(&self, user: &UserId) -> Option<String> {
        self.lock().speakers.name_of(user).map(str::to_owned)
    }

    /// What its game shows.
    pub(super) fn interface(&self) -> Option<ShownInterface> {
        self.lock().game.interface().cloned()
    }

    /// Its game shows something else now. A room that has ended shows nothing.
    pub(super) fn show(&self, interface: Option<ShownInterface>) {
        let mut state = self.lock();
        let interface = interface.filter(|_| state.room.state == RoomState::Live);
        state.show(interface);
        self.wake(state);
    }

    /// Tells everybody again what the game shows, if a subscriber may have missed it.
    pub(super) fn tell_owed_interface(&self) {
        let mut state = self.lock();
        if state.game.take_owed() {
            let interface = state.game.interface().cloned();
            state.push(Item::Interface(interface));
            self.wake(state);
        }
    }

    /// A subscriber was too slow to be told what the game shows.
    pub(super) fn owe_interface(&self) {
        self.lock().game.owe();
    }

    /// An action of its game is not open again for that long.
    pub(super) fn note_cooldown(&self, action: &str, cooldown: Duration) {
        let mut state = self.lock();
        if state.game.close(action, cooldown) {
            state.push(Item::Cooldown { action: action.into(), duration: cooldown });
            self.wake(state);
        }
    }

    /// The actions of its game that are not open, and for how long.
    pub(super) fn cooldowns(&self) -> BTreeMap<String, Duration> {
        self.lock().game.cooldowns()
    }

    /// Where that user is connected from, by their newest connections, and spoke from last.
    pub(super) fn addresses(&self, user: &UserId) -> HashSet<IpAddr> {
        self.lock().addresses_of(std::slice::from_ref(user)).pop().unwrap_or_default()
    }

    /// Counts, for each of these users, the other users who are connected or spoke from the same addresses; `None` if no address of the
    /// user is known.
    pub(super) fn others_at_addresses(&self, users: &[UserId]) -> Vec<Option<usize>> {
        let state = self.lock();
        let own = state.addresses_of(users);
        let mut users_at: HashMap<IpAddr, HashSet<&UserId>> =
            own.iter().flatten().map(|address| (*address, HashSet::new())).collect();
        let mut note = |address: &IpAddr, user| {
            if let Some(users) = users_at.get_mut(address) {
                users.insert(user);
            }
        };
        for Connection { user, from, .. } in state.connections.values() {
            from.iter().for_each(|from| note(from, user));
        }
        for (user, addresses) in state.speakers.iter() {
            addresses.for_each(|address| note(address, user));
        }
        let others = |(user, addresses): (&UserId, &HashSet<IpAddr>)| {
            let here: HashSet<_> = addresses.iter().flat_map(|address| &users_at[address]).collect();
            (!addresses.is_empty()).then(|| here.into_iter().filter(|other| **other != user).count())
        };
        users.iter().zip(&own).map(others).collect()
    }

    /// Adds a connection. The others are told if it is the first one of its user.
    pub(super) fn join(&self, Identity { user, origin }: Identity, arrival: Arrival, wake: &Arc<dyn Wake>) -> Joined {
        let Arrival { from, resumed, position, trace, replaces } = arrival;
        let connection = ConnectionId::random();
        let mut state = self.lock();
        let (number, line) = (state.connected, Arc::default());
        state.connected += 1;
        let can_be_revoked = origin.id.is_some() || origin.issued_at.is_some();
        let origin = can_be_revoked.then(|| Box::new(origin));
        state.names.set_presence(&user, Presence::Connected, now());
        let person = user.clone();
        let seat = Connection {
            user,
            origin,
            from,
            number,
            opened: Opened { at: now(), trace, resumed },
            replaces,
            is_replaced: false,
            is_token_used: false,
            line: Arc::clone(&line),
            wake: Arc::clone(wake),
        };
        state.returning.open(connection, &seat);
        replaces.into_iter().for_each(|replaced| state.note_replaced(replaced));
        state.connections.insert(connection, seat);
        let reached = state.ring.end();
        match state.server(wake) {
            Some(server) => server.connections += 1,
            None => state.servers.push(Server { wake: Arc::clone(wake), connections: 1, reached }),
        }
        let resume = position.and_then(|seq| state.ring.after(seq));
        state.change_viewers(|viewers| viewers.join(&person));
        let joined = Joined {
            connection,
            end: state.ring.end(),
            resume,
            head: state.head,
            state: state.room.state,
            viewer_count: state.viewer_count(),
            line,
        };
        self.wake(state);
        joined
    }

    pub(super) fn leave(&self, connection: ConnectionId) {
        let mut state = self.lock();
        if state.remove(connection).is_some() {
            self.wake(state);
            self.progress.notify_waiters();
        }
    }

    /// Ends the connections of those who came with something.
    pub(super) fn close(&self, is_meant: impl Fn(&UserId, &Origin) -> bool) {
        let mut state = self.lock();
        let guest = Origin::default();
        let is_meant = |one: &Connection| {
            is_meant(&one.user, one.origin.as_deref().unwrap_or(&guest))
                || one.line.reads_as().is_some_and(|user| is_meant(&user, &guest))
        };
        let meant = state.connections.iter().filter(|(_, connection)| is_meant(connection));
        let ids: Vec<_> = meant.map(|(id, _)| *id).collect();
        let closed: Vec<_> = ids.into_iter().filter_map(|id| Some((id, state.remove(id)?))).collect();
        self.wake(state);
        self.progress.notify_waiters();
        closed.iter().for_each(|(id, wake)| wake.subscriber(*id));
    }

    /// Whether somebody may be connected by what they came with.
    pub(super) fn check_disconnected(&self, user: &UserId, origin: &Origin) -> Result<(), TokenError> {
        if self.lock().disconnections.refuse(user, origin) { Err(TokenError::Revoked) } else { Ok(()) }
    }

    /// Whether that connection is one of the room's.
    pub(super) fn has(&self, connection: ConnectionId) -> bool {
        self.lock().connections.contains_key(&connection)
    }

    /// Returns how many people are connected to this node, and who they are if they are few.
    pub(super) fn viewers_here(&self) -> (usize, Vec<PersonId>) {
        self.lock().viewers.here()
    }

    /// Takes over who is connected to other nodes.
    pub(super) fn set_viewers_elsewhere(&self, people: People) {
        let mut state = self.lock();
        state.change_viewers(|viewers| viewers.set_elsewhere(people));
        self.wake(state);
    }

    /// Tells a room how many viewers there are, if not each of them was told. Called once a second.
    pub(super) fn tell_viewers(&self) {
        let mut state = self.lock();
        let viewer_count = state.viewers.count();
        let settles = viewer_count <= MOST_TOLD;
        let is_due = if settles { state.unsettled > 0 } else { state.told_viewers != viewer_count };
        if is_due {
            state.told_viewers = viewer_count;
            if settles {
                state.unsettled = state.unsettled.saturating_sub(SETTLED_AT_ONCE);
            }
            state.push(Item::Viewers { viewer_count, settles });
            self.wake(state);
        }
    }

    /// Tells everybody whether the log can be reached.
    pub(super) fn tell_reachable(&self, is_reachable: bool) {
        let mut state = self.lock();
        state.push(Item::Reachable(is_reachable));
        self.wake(state);
    }

    /// Tells moderators how many messages wait, if that has changed since they were told last. Those up to `trimmed` are past the
    /// room's retention.
    pub(super) fn tell_waiting(&self, trimmed: u64) {
        let mut state = self.lock();
        let waiting = state.held.count(trimmed);
        if state.told_waiting != waiting {
            state.told_waiting = waiting;
            state.push(Item::Waiting(waiting));
            self.wake(state);
        }
    }

    /// Whether that user is known to have spoken.
    pub(super) fn knows(&self, user: &UserId) -> bool {
        self.lock().held.knows(user)
    }

    /// That user has spoken.
    pub(super) fn remember(&self, user: &UserId) {
        self.lock().held.remember(user);
    }

    /// Takes over what waits since before the start.
    pub(super) fn restore_held(&self, events: &[Event]) {
        let mut state = self.lock();
        events.iter().for_each(|event| state.held.note(event));
    }

    /// Asks a connection of that user to send its history: this one, or the one that replaces it, or the newest if none is named.
    pub(super) fn ask_history(&self, user: &UserId, connection: Option<ConnectionId>) -> Result<(), Refusal> {
        let state = self.lock();
        let meant = state.meant_by(user, connection);
        let asked: Vec<_> = meant.iter().filter_map(|id| Some((*id, state.connections.get(id)?.ask()?))).collect();
        drop(state);
        if meant.is_empty() {
            return Err(Refusal::NotConnected);
        }
        if asked.is_empty() {
            return Err(Refusal::TooFast { retry_after: Duration::from_secs(1) });
        }
        asked.iter().for_each(|(id, wake)| wake.subscriber(*id));
        Ok(())
    }

    /// What is at `cursor`, up to the entry of number `until`: as many as fit into about `bytes` of frames, and at least one.
    pub(super) fn read(&self, cursor: u64, until: u64, bytes: usize) -> Read {
        let state = self.lock();
        match state.ring.read(cursor, until, bytes) {
            Some(entries) => Read::Entries(entries),
            None => Read::Behind { head: state.head, cursor: state.ring.end(), lost: state.ring.has_relayed_since(cursor) },
        }
    }

    /// Gives a relayed frame to the readers of the relay, in order with the events. Returns the newest event before it.
    pub(super) fn relay(&self, frame: Bytes) -> u64 {
        let mut state = self.lock();
        let head = state.head;
        // Without readers it would only take the place of events.
        if !state.relay.are_none() {
            state.push(Item::Relayed(frame));
            self.wake(state);
        }
        head
    }

    /// The same for a frame that was sent on another node behind the event at `after`, which may be yet to come here.
    pub(super) fn relay_from_elsewhere(&self, after: u64, frame: Bytes) {
        let mut state = self.lock();
        if !state.relay.are_none() {
            let overdue = state.waiting_frames.add(after, frame);
            state.push_frames(overdue);
            state.push_reached_frames();
            self.wake(state);
        }
    }

    /// Gives the frames to the readers that wait too long for events.
    pub(super) fn relay_late_frames(&self) {
        let mut state = self.lock();
        let late = state.waiting_frames.take_late();
        state.push_frames(late);
        self.wake(state);
    }

    /// Adds a reader of the relay, whose connection is in the room.
    pub(super) fn read_relay(&self, connection: ConnectionId, cursor: u64) -> Arc<RelayReader> {
        self.lock().relay.add(connection, cursor)
    }

    /// Whether a reader of the relay is about to fall out of the ring.
    pub(super) fn relay_lags(&self) -> bool {
        let state = self.lock();
        state.relay.lag(state.ring.newer_half())
    }

    /// Waits no longer for the readers of the relay that are about to fall out of the ring, for a while.
    pub(super) fn pass_over_relay_laggards(&self) {
        let mut state = self.lock();
        let newer_half = state.ring.newer_half();
        state.relay.pass_over(newer_half);
    }

    /// The ring's end.
    pub(super) fn end(&self) -> u64 {
        self.lock().ring.end()
    }

    /// `wake` has given all its subscribers what there is up to the entry of number `end`, as far as their sockets took it.
    pub(super) fn reached(&self, wake: &Arc<dyn Wake>, end: u64) {
        if let Some(server) = self.lock().server(wake) {
            server.reached = end;
        }
        self.progress.notify_waiters();
    }

    /// Waits while those who serve the subscribers are far behind with writing: under more load than the machine can fan out, its
    /// authors are slowed down, rather than all readers fed from the store, which costs far more than the ring and slows it further.
    /// No reader can hold this up: who serves passes over sockets that take nothing.
    pub(super) async fn keep_pace(&self) {
        let caught_up = async {
            loop {
                let mut progress = pin!(self.progress.notified());
                progress.as_mut().enable();
                if self.lock().lag() <= PACE_LAG {
                    return;
                }
                progress.await;
            }
        };
        let _ = tokio::time::timeout(PACE_WITHIN, caught_up).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those who serve subscribers know of new entries, after the lock is free for them to read; if there are any.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if state.ring.take_news() {
            let wakes: Vec<_> = state.servers.iter().map(|server| Arc::clone(&server.wake)).collect();
            drop(state);
            wakes.iter().for_each(|wake| wake.room(self.id));
        }
    }
}

impl Connection {
    /// Asks it for its history. Returns whom to wake; `None` if too much is asked already. Only to be called under the room's lock.
    fn ask(&self) -> Option<Arc<dyn Wake>> {
        if self.line.asked.load(Ordering::Relaxed) >= PENDING_REQUESTS {
            return None;
        }
        self.line.asked.fetch_add(1, Ordering::Relaxed);
        Some(Arc::clone(&self.wake))
    }

    /// Whether it is given what is for that user.
    fn reads_as(&self, user: &UserId) -> bool {
        self.user == *user || self.line.reads_as().is_some_and(|other| other == *user)
    }
}

impl State {
    /// Returns whom a request is for that was made with a token of that connection, or with one of none.
    fn meant_by(&self, user: &UserId, connection: Option<ConnectionId>) -> Vec<ConnectionId> {
        let newest = |is_meant: &dyn Fn(&ConnectionId, &Connection) -> bool| {
            let own = self.connections.iter().filter(|(id, one)| is_meant(id, one) && one.reads_as(user));
            own.max_by_key(|(_, one)| one.number).map(|(id, _)| *id)
        };
        let Some(named) = connection else { return newest(&|_, _| true).into_iter().collect() };
        // Both, while it is not known whether the one that is named is lost.
        let itself = newest(&|id, one| *id == named && !one.is_replaced);
        newest(&|_, one| one.replaces == Some(named)).into_iter().chain(itself).collect()
    }

    /// Where each of these users is connected from, by their newest connections, and spoke from last.
    fn addresses_of(&self, users: &[UserId]) -> Vec<HashSet<IpAddr>> {
        let mut connections: HashMap<&UserId, Vec<&Connection>> = users.iter().map(|user| (user, Vec::new())).collect();
        for connection in self.connections.values() {
            if let Some(own) = connections.get_mut(&connection.user) {
                own.push(connection);
            }
        }
        let of = |user| {
            let own = connections.get_mut(user).map(std::mem::take);
            let mut own = own.unwrap_or_default();
            own.sort_unstable_by_key(|connection| std::cmp::Reverse(connection.number));
            // Few: whoever has somebody's token can connect as them, from anywhere.
            let mut addresses = own.iter().take(OWN_CONNECTIONS).filter_map(|connection| connection.from).collect();
            self.speakers.add_to(&mut addresses, user);
            addresses
        };
        users.iter().map(of).collect()
    }

    /// What is said on another node takes its author's turn here too.
    fn hear(&mut self, event: &Event, hashes: &RandomState) {
        let (Some(underway), Some(message)) = (&mut self.underway, event.message()) else { return };
        let Message { author, payload, profile, .. } = message;
        let is_own = underway.arrive(author, hashes.hash_one(payload.get()));
        let moderates = matches!(profile.role, Role::Moderator | Role::Owner);
        if std::mem::take(&mut self.is_approved) || is_own || moderates {
            return;
        }
        let is_compared = !self.rules.repeat_window.is_zero();
        let chat = is_compared.then(|| ChatText::of(payload)).flatten();
        let saying = chat.map(|chat| Saying::new(hashes, author, &chat.text));
        let ago = Duration::from_millis(u64::try_from(now().0 - event.sent_at.0).unwrap_or_default());
        self.turns.hear(&self.rules, author, saying.as_ref(), event.client_message_id.as_deref(), ago);
    }

    /// Takes a connection out, and gives who serves it.
    fn remove(&mut self, connection: ConnectionId) -> Option<Arc<dyn Wake>> {
        let one = self.connections.remove(&connection)?;
        self.returning.close(connection, &one);
        let Connection { user, wake, .. } = one;
        self.relay.remove(connection);
        if self.names.holds(&user) {
            let presence = self.presence_of(&user);
            self.names.set_presence(&user, presence, now());
        }
        if let Some(server) = self.server(&wake) {
            server.connections -= 1;
        }
        self.servers.retain(|server| server.connections > 0);
        self.change_viewers(|viewers| viewers.leave(&user));
        Some(wake)
    }

    fn presence_of(&self, user: &UserId) -> Presence {
        let is_connected = self.connections.values().any(|connection| connection.user == *user);
        if is_connected { Presence::Connected } else { Presence::Away }
    }

    fn server(&mut self, wake: &Arc<dyn Wake>) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| Arc::ptr_eq(&server.wake, wake))
    }

    /// How many entries the slowest server is behind.
    fn lag(&self) -> u64 {
        self.servers.iter().map(|server| self.ring.end() - server.reached).max().unwrap_or_default()
    }

    fn push(&mut self, item: Item) {
        self.ring.push(self.head, item);
    }

    fn show(&mut self, interface: Option<ShownInterface>) {
        if self.game.show(interface.clone()) {
            self.push(Item::Interface(interface));
        }
    }

    fn push_frames(&mut self, frames: Vec<Bytes>) {
        frames.into_iter().for_each(|frame| self.push(Item::Relayed(frame)));
    }

    /// Gives the frames of other nodes that wait for nothing any more.
    fn push_reached_frames(&mut self) {
        let reached = self.waiting_frames.take_before(self.head + 1);
        self.push_frames(reached);
    }

    /// How many people there are, on all nodes.
    fn viewer_count(&self) -> usize {
        self.viewers.count()
    }

    /// Changes who is there, and tells the room of each who came or left, one notice for each person: there are clients that add them
    /// up. A room that is too big is not told; see [`LiveRoom::tell_viewers`].
    fn change_viewers(&mut self, change: impl FnOnce(&mut Viewers)) {
        self.used_at = Instant::now();
        let before = self.viewers.count();
        change(&mut self.viewers);
        let after = self.viewers.count();
        let most = before.max(after);
        if before != after && most > MOST_TOLD {
            self.unsettled = self.unsettled.max(most);
            return;
        }
        (before + 1..=after).for_each(|viewer_count| self.push(Item::Presence { joined: true, viewer_count }));
        (after..before).rev().for_each(|viewer_count| self.push(Item::Presence { joined: false, viewer_count }));
    }
}
