//! Guests who come back with nothing that says who they are: an `EventSource` of another origin sends no cookie and no token, only the
//! address that it was made with. It is a new guest then, while its client goes on to publish with its first token.
//!
//! When that token is used, its user's new connection is looked for, so that private messages and answers reach it. A wrong guess would
//! tell somebody what is not for them, so that a connection must be the only one that it can be: of a guest who came with neither,
//! whose own token was never used, at the same address, by a client that looks the same (see [`Trace`]), opened after the old one
//! ended. While the old one seems to be connected still, as after a loss of the network, the new one must also have come with a position,
//! and not long ago, after the old one. It stands in for a while only, until the old one is known to be gone: what
//! happens is told to both, and neither reads the log as the other.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU8},
};

use serde::{Deserialize, Serialize};

use super::{Connection, ConnectionId, LiveRoom, State};
use crate::{
    bounded_map::BoundedMap,
    chat::{Timestamp, UserId},
    engine::now,
};

/// Within which time after it was opened a connection may stand in for one that seems to be connected still. A connection that is dead
/// is closed within 75 seconds.
const RECENT_MS: i64 = 90_000;

/// How long it stands in for such a one, unless the token is used again.
const STANDS_IN_MS: i64 = 120_000;

/// Connections of a room that have ended are remembered for ten minutes, and at most so many of them.
const LEFT_MS: i64 = 600_000;
const MOST_LEFT: usize = 4_096;

/// How a client looks, by headers of its subscription that do not change between two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trace(u32);

impl Trace {
    /// The trace of a client that sends these values, each empty if it does not.
    pub fn of(values: &[&[u8]]) -> Self {
        // The same on all nodes, and after a restart.
        let mut hasher = DefaultHasher::new();
        values.hash(&mut hasher);
        Self(hasher.finish() as u32)
    }
}

/// What is known of a connection by its subscription.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) at: Timestamp,
    /// `None` unless its guest came with neither a cookie nor a token.
    pub(super) trace: Option<Trace>,
    /// Whether it came with a position.
    pub(super) resumed: bool,
}

/// As whom a connection reads beside its own user.
#[derive(Clone, Debug)]
pub(super) struct StandsIn {
    user: UserId,
    /// `None` for as long as it is connected.
    until: Option<Timestamp>,
    /// It is given nothing that happened up to this event: its user was given that over their own connection.
    after: u64,
}

impl StandsIn {
    /// As whom it reads now.
    pub(super) fn user(&self) -> Option<&UserId> {
        self.until.is_none_or(|until| now() < until).then_some(&self.user)
    }
}

/// A guest whose token is used, while the connection that it was made for may be lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::hub) struct Lost {
    pub(in crate::hub) user: UserId,
    /// The connection that the token was made for.
    pub(in crate::hub) connection: ConnectionId,
    pub(in crate::hub) trace: Trace,
    /// Where the token is used from.
    pub(in crate::hub) from: IpAddr,
    /// When the token was signed, in seconds since 1970.
    pub(in crate::hub) since: u64,
    /// Whether the connection seems to be there still, on whichever node.
    pub(in crate::hub) seems_connected: bool,
}

/// Which connections may be the one that a guest came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) enum Candidates {
    None,
    One(ConnectionId),
    /// So that none of them is it.
    Several,
}

/// What a room knows of guests who may come back.
pub(super) struct Returning {
    /// Connections of guests who came with neither, whose tokens were never used, and that stand in for none.
    free: HashMap<(Trace, IpAddr), Vec<ConnectionId>>,
    /// When connections of such guests ended.
    left: BoundedMap<ConnectionId, Timestamp>,
    /// The connections that stand in for lost ones, by those.
    stand_ins: HashMap<ConnectionId, ConnectionId>,
}

impl Default for Returning {
    fn default() -> Self {
        Self { free: HashMap::new(), left: BoundedMap::new(MOST_LEFT), stand_ins: HashMap::new() }
    }
}

impl Returning {
    pub(super) fn open(&mut self, id: ConnectionId, one: &Connection) {
        if let Some(key) = one.key() {
            self.free.entry(key).or_default().push(id);
        }
    }

    pub(super) fn close(&mut self, id: ConnectionId, one: &Connection) {
        self.take(id, one);
        if one.opened.trace.is_some() {
            let at = now();
            self.left.insert(id, at, at, |_, at| Timestamp(at.0.saturating_add(LEFT_MS)));
        }
        if let Some(lost) = one.replaces.filter(|lost| self.stand_ins.get(lost) == Some(&id)) {
            self.stand_ins.remove(&lost);
        }
    }

    /// A connection is nobody's to come back with.
    fn take(&mut self, id: ConnectionId, one: &Connection) {
        let Some(key) = one.key() else { return };
        let Entry::Occupied(mut free) = self.free.entry(key) else { return };
        free.get_mut().retain(|other| *other != id);
        if free.get().is_empty() {
            free.remove();
        }
    }
}

impl Connection {
    /// By what its client may be known again.
    fn key(&self) -> Option<(Trace, IpAddr)> {
        Some((self.opened.trace?, self.from?))
    }
}

impl LiveRoom {
    /// A token that was made for a connection is used. Returns whether the connection is one of this node's.
    pub(in crate::hub) fn use_token(&self, user: &UserId, connection: ConnectionId) -> bool {
        let mut state = self.lock();
        let State { connections, returning, .. } = &mut *state;
        let Some(own) = connections.get_mut(&connection).filter(|own| own.user == *user) else { return false };
        if !own.is_token_used {
            own.is_token_used = true;
            // It is its own user's, whomever it was taken for.
            own.line.stand_in(None);
            returning.take(connection, own);
        }
        true
    }

    /// Returns whether somebody has a connection of their own to this node.
    pub(in crate::hub) fn is_here(&self, user: &UserId) -> bool {
        self.lock().viewers.are_here(user)
    }

    /// Returns the connections of this node that the user of `lost` may have come back with, but for `other_than`.
    pub(in crate::hub) fn candidates(&self, lost: &Lost, other_than: Option<ConnectionId>) -> Candidates {
        let state = self.lock();
        // Who has a connection of their own is looked for nowhere else.
        if !lost.seems_connected && state.viewers.are_here(&lost.user) {
            return Candidates::None;
        }
        let same = state.returning.free.get(&(lost.trace, lost.from));
        let found = || {
            let may_be = |id: &&ConnectionId| Some(**id) != other_than && state.may_be(**id, lost);
            state.standing_in(lost).into_iter().chain(same.into_iter().flatten().filter(may_be).copied())
        };
        let is_resumed = |id: &ConnectionId| state.connections.get(id).is_some_and(|one| one.opened.resumed);
        match Candidates::of(found()) {
            // A client that was given anything before comes with a position.
            Candidates::Several => match Candidates::of(found().filter(is_resumed)) {
                Candidates::None => Candidates::Several,
                resumed => resumed,
            },
            all => all,
        }
    }

    /// Has a connection of this node read what is for the user of `lost` too. Returns whether it is here.
    pub(in crate::hub) fn stand_in(&self, connection: ConnectionId, lost: &Lost) -> bool {
        let mut state = self.lock();
        let (is_known, head) = (state.standing_in(lost) == Some(connection), state.head);
        let State { connections, returning, .. } = &mut *state;
        let Some(one) = connections.get_mut(&connection).filter(|one| !one.is_token_used) else { return false };
        // While the other seems to be connected, the time is not extended.
        if !(is_known && lost.seems_connected) {
            returning.take(connection, one);
            returning.stand_ins.insert(lost.connection, connection);
            let until = lost.seems_connected.then(|| Timestamp(now().0.saturating_add(STANDS_IN_MS)));
            let after = if lost.seems_connected { head } else { 0 };
            one.replaces = Some(lost.connection);
            one.line.stand_in(Some(StandsIn { user: lost.user.clone(), until, after }));
            if !lost.seems_connected {
                state.note_replaced(lost.connection);
            }
        }
        true
    }

    /// The client of a connection has come back over another one, which is to be asked instead of it.
    pub(in crate::hub) fn note_replaced(&self, connection: ConnectionId) {
        self.lock().note_replaced(connection);
    }
}

impl Candidates {
    fn of(mut found: impl Iterator<Item = ConnectionId>) -> Self {
        match (found.next(), found.next()) {
            (None, _) => Self::None,
            (Some(id), None) => Self::One(id),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

impl State {
    pub(super) fn note_replaced(&mut self, connection: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.is_replaced = true;
        }
    }

    /// The connection that stands in for `lost` already.
    fn standing_in(&self, lost: &Lost) -> Option<ConnectionId> {
        let id = self.returning.stand_ins.get(&lost.connection).copied()?;
        let stands_in = self.connections.get(&id)?.line.stands_in()?;
        (stands_in.user == lost.user && (stands_in.user().is_some() || !lost.seems_connected)).then_some(id)
    }

    /// Whether the user of `lost` may have come back with that connection, which is free and looks the same.
    fn may_be(&self, id: ConnectionId, lost: &Lost) -> bool {
        let Some(one) = self.connections.get(&id) else { return false };
        let Connection { user, number, opened: Opened { at, resumed, .. }, .. } = one;
        let since = Timestamp::of_seconds(lost.since);
        let is_in_time = match lost.seems_connected {
            true => {
                let is_newer = self.connections.get(&lost.connection).map_or(*at >= since, |lost| lost.number < *number);
                *resumed && is_newer && now().0.saturating_sub(at.0) < RECENT_MS
            }
            false => {
                let left = self.returning.left.get(&lost.connection).copied();
                *at >= left.unwrap_or(since)
            }
        };
        *user != lost.user && is_in_time
    }
}

/// What a connection's subscriber shares with its room.
#[derive(Default)]
pub(in crate::hub) struct Line {
    /// Requests for history that are not answered yet.
    pub(in crate::hub) asked: AtomicU8,
    /// A standard lock: held to copy or set a pointer.
    stands_in: Mutex<Option<Arc<StandsIn>>>,
}

impl Line {
    /// As whom the connection is given what happens, beside its own user.
    pub(in crate::hub) fn reads_as(&self) -> Option<UserId> {
        self.stands_in()?.user().cloned()
    }

    /// Returns as whom the connection is given the event at `seq`, beside its own user.
    pub(in crate::hub) fn reads_event_as(&self, seq: u64) -> Option<UserId> {
        self.stands_in().filter(|stands_in| seq > stands_in.after)?.user().cloned()
    }

    /// As whom it reads the log, if it stands in for good.
    pub(in crate::hub) fn reads_log_as(&self) -> Option<UserId> {
        let stands_in = self.stands_in()?;
        stands_in.until.is_none().then(|| stands_in.user.clone())
    }

    fn stand_in(&self, stands_in: Option<StandsIn>) {
        *self.lock() = stands_in.map(Arc::new);
    }

    fn stands_in(&self) -> Option<Arc<StandsIn>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<StandsIn>>> {
        self.stands_in.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
