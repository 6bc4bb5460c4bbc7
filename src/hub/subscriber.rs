use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    ConnectionId, Hub, Identity,
    live::{LiveRoom, Read, Wake},
    ring::{Entry, Item},
};
use crate::{
    chat::{Event, Kind, Position, RoomId, UserId},
    engine::{ANSWER_BYTES, End, EngineError, Query, Reader, cut},
};

/// Events read from the store at once while a subscriber catches up. With [`REPLAY_BYTES`] it bounds a subscriber's memory,
/// whatever it missed.
const REPLAY_PAGE: usize = 256;

/// After how many bytes such a page ends: 256 of the longest messages would be 16 MiB, for each who catches up.
const REPLAY_BYTES: usize = 64 << 10;

/// How long positions say that the history before them was not given (see [`Position::since`]). A client that wants history asks
/// for it as soon as it is connected; one that has not asked by then never will, and its positions become the plain ones that all
/// subscribers share.
const HISTORY_ASKED_WITHIN: Duration = Duration::from_secs(10);

/// One live connection of a reader: what it missed, then what happens, without a seam. Dropping it leaves the room.
///
/// It neither waits nor reads the store by itself: whoever serves it asks [`next_step`](Self::next_step) what to do, does it, and asks again
/// when its [`Wake`] is called. So a subscriber costs a few hundred bytes and no task.
pub struct Subscriber {
    hub: Hub,
    room: Arc<LiveRoom>,
    user: UserId,
    connection: ConnectionId,
    /// The newest event given, or passed over because it is not for this reader.
    given: u64,
    /// Up to where the log is to be read before the ring is.
    replay_until: u64,
    /// The entry of the ring that is read next.
    cursor: u64,
    /// The ring's end when it came: notices before it are old news.
    joined_at: u64,
    /// Where this reader began to listen, while the history before is still owed to it.
    since: Option<u64>,
    /// Whether its positions say so (see [`HISTORY_ASKED_WITHIN`]).
    tells_since: bool,
    since_told_until: Instant,
    /// Whether it is told how many messages wait for a moderator.
    moderates: bool,
    /// Came with a position, so that it has the history already.
    resumed: bool,
    /// Requests for history that are not answered yet.
    asked: Arc<AtomicU8>,
    /// Whether there may be any: to look each time would cost a cache line for each subscriber and event.
    may_have_asked: bool,
    /// The newest event when it came: who was disconnected before has come back.
    began_at: u64,
    /// Whether it was given the event that disconnects it.
    is_disconnected: bool,
}

/// What a new subscriber is told.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// Whether it came with a position that cannot be used, so that it may have missed messages.
    pub gap: bool,
    /// How many there are, itself included.
    pub viewer_count: usize,
    /// Its events begin after this one.
    pub position: Position,
    /// Whether the log can be reached.
    pub reachable: bool,
}

/// What is to be done for a subscriber.
pub enum Step {
    /// A part of the log must be read: run it, then say so with [`Subscriber::fetched`].
    Fetch(Fetch),
    /// It is to be given what is in the room's ring from this cursor on.
    Live(u64),
    /// Nothing more: it was disconnected, and was given the event that says so.
    End,
}

/// A part of the log that a subscriber needs. It is on its own, so that it can be read elsewhere.
pub struct Fetch {
    hub: Hub,
    reader: UserId,
    query: Query,
    until: u64,
    since: Option<u64>,
    /// A disconnection after this event is of this subscriber.
    began_at: u64,
    /// Whether it is the answer to a request for history; else it is what the subscriber missed.
    pub is_history: bool,
}

/// How far a subscriber will be when it is given what was fetched.
#[derive(Clone, Copy, Debug)]
pub struct Fetched {
    reached: u64,
    is_history: bool,
    /// Whether there is more of the history than one answer may hold.
    pub has_more: bool,
    disconnects: bool,
}

/// A run of entries that was read from a room's ring once, for all subscribers that stand at its beginning.
#[derive(Debug)]
pub struct Batch {
    /// The entries, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// Its first and its last event, if there are events.
    events: Option<(u64, u64)>,
    /// Whether all of it is for everybody.
    public: bool,
    /// Whether messages before it are deleted in it: what was read of the ring earlier must not be given to anybody else.
    pub deletes: bool,
    /// Whether somebody is disconnected in it.
    disconnects: bool,
}

/// What [`LiveTail::read`] finds.
pub enum Found {
    /// The entries from the cursor on.
    Batch(Batch),
    /// They are gone from memory: tell the subscriber, with [`Subscriber::fell_behind`].
    Gone {
        /// The newest event.
        head: u64,
        /// The ring's end.
        end: u64,
    },
}

/// A room's ring, to read from.
#[derive(Clone)]
pub struct LiveTail(Arc<LiveRoom>);

impl LiveTail {
    /// The number of the entry that comes next, and whether none will, because the room is not live any more.
    pub fn end(&self) -> (u64, bool) {
        self.0.end()
    }

    /// The entries from `cursor` on, up to the one of number `until`: as many as fit into about `bytes` of frames, and at least
    /// one if there is one.
    pub fn read(&self, cursor: u64, until: u64, bytes: usize) -> Found {
        match self.0.read(cursor, until, bytes) {
            Read::Entries(entries) => Found::Batch(Batch::new(entries)),
            Read::Behind { head, cursor } => Found::Gone { head, end: cursor },
        }
    }

    /// `wake` has given all its subscribers what there is up to the entry of number `end`, as far as their sockets took it.
    pub fn reached(&self, wake: &Arc<dyn Wake>, end: u64) {
        self.0.reached(wake, end);
    }
}

impl Batch {
    fn new(entries: Vec<Arc<Entry>>) -> Self {
        let mut seqs = entries.iter().filter_map(|entry| entry.event()).map(|event| event.seq);
        let events = seqs.next().map(|first| (first, seqs.next_back().unwrap_or(first)));
        let is_public = |item: &Item| match item {
            Item::Event(event) => event.visible_to(None),
            Item::Waiting(_) => false,
            Item::Presence { .. } | Item::Reachable(_) | Item::Erased => true,
        };
        let public = entries.iter().all(|entry| is_public(&entry.item));
        let deletes = entries.iter().filter_map(|entry| entry.event()).any(|event| matches!(event.kind, Kind::Deletion(_)));
        let mut told = entries.iter().filter_map(|entry| entry.event());
        let disconnects = told.any(|event| matches!(event.kind, Kind::Disconnection(_)));
        Self { entries, events, public, deletes, disconnects }
    }
}

impl Subscriber {
    pub(super) fn join(
        hub: &Hub,
        room: Arc<LiveRoom>,
        who: Identity,
        from: Option<IpAddr>,
        resume: Option<&str>,
        wake: &Arc<dyn Wake>,
    ) -> (Self, Welcome) {
        let user = who.user.clone();
        let epoch = hub.0.engine.epoch();
        let said = resume.and_then(|text| text.parse().ok()).filter(|position: &Position| position.epoch == epoch);
        // Another node may have given it what is yet to come here; it is passed over then. Asked before it joins: what comes here in
        // between is not ahead any more, and not in what it has joined.
        let is_ahead = said.as_ref().is_some_and(|position| hub.0.engine.is_ahead(position.seq));
        let joined = room.join(who, from, said.as_ref().map(|position| position.seq), wake);
        let kept = hub.0.engine.trimmed(room.id())..=joined.head;
        let position = said.filter(|position| kept.contains(&position.seq) || is_ahead);
        let (given, since) = match &position {
            Some(position) => (position.seq, position.since),
            None => (joined.head, Some(joined.head)),
        };
        // What was missed comes from memory if all of it is there, else from the store.
        let (cursor, replay_until) = match (position.is_some(), joined.resume) {
            (true, Some(cursor)) => (cursor, given),
            _ => (joined.end, joined.head),
        };
        let subscriber = Self {
            hub: hub.clone(),
            room,
            user,
            connection: joined.connection,
            given,
            replay_until,
            cursor,
            joined_at: joined.end,
            since,
            // Before the first event there is no history to be owed.
            tells_since: since.is_some_and(|since| since > 0),
            since_told_until: Instant::now() + HISTORY_ASKED_WITHIN,
            moderates: false,
            resumed: position.is_some(),
            asked: joined.asked,
            may_have_asked: true,
            began_at: joined.head,
            is_disconnected: false,
        };
        let gap = resume.is_some() && position.is_none();
        let position = Position { since: subscriber.since_told(), ..hub.position(given) };
        // After it has joined: what changes from now on is told.
        let reachable = hub.is_reachable();
        (subscriber, Welcome { gap, viewer_count: joined.viewer_count, position, reachable })
    }

    /// Has a moderator told how many messages wait for one, whenever that changes; gives how many it is now.
    pub fn tell_waiting(&mut self) -> usize {
        self.moderates = true;
        self.room.snapshot(self.hub.0.engine.trimmed(self.room.id())).waiting
    }

    /// The room that it listens to.
    pub fn room(&self) -> RoomId {
        self.room.id()
    }

    /// The ring of the room that it listens to.
    pub fn tail(&self) -> LiveTail {
        LiveTail(Arc::clone(&self.room))
    }

    /// Who reads.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The connection's name, for a token that belongs to it.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// The number of the entry of the ring that it reads next.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// What is to be done now. Until a [`Fetch`] is done, nothing else is to be given.
    pub fn next_step(&mut self) -> Step {
        if self.tells_since && Instant::now() >= self.since_told_until {
            self.tells_since = false;
        }
        if self.is_disconnected {
            return Step::End;
        }
        if self.given < self.replay_until {
            return Step::Fetch(self.fetch_missed());
        }
        if self.may_have_asked {
            self.may_have_asked = self.asked.load(Ordering::Relaxed) > 0;
            if self.may_have_asked {
                return Step::Fetch(self.fetch_history());
            }
        }
        Step::Live(self.cursor)
    }

    /// Whether the hub has ended it: nothing more is to be given to it.
    pub fn is_ended(&self) -> bool {
        !self.room.has(self.connection)
    }

    /// [`Wake::subscriber`] was called for it.
    pub fn look_for_requests(&mut self) {
        self.may_have_asked = true;
    }

    /// What was fetched is on its way to the reader.
    pub fn fetched(&mut self, fetched: Fetched) {
        if fetched.is_history {
            self.asked.fetch_sub(1, Ordering::Relaxed);
            (self.since, self.tells_since) = (None, false);
        } else {
            self.given = fetched.reached;
            self.is_disconnected = fetched.disconnects;
        }
    }

    /// The entries at its cursor are gone: it must read the log up to `head`, then the ring from `end` on.
    pub fn fell_behind(&mut self, head: u64, end: u64) {
        (self.replay_until, self.cursor) = (head, end);
    }

    /// Whether the whole of `batch`, which begins at its cursor, is for this reader, in the form that all share. The quick way,
    /// taken by nearly all subscribers nearly always: then say so with [`pass`](Self::pass).
    pub fn shares(&self, batch: &Batch) -> bool {
        let all_new = batch.events.is_none_or(|(first, _)| first > self.given);
        batch.public && !batch.disconnects && all_new && !self.tells_since && self.cursor >= self.joined_at
    }

    /// The reader was given the whole of `batch`.
    pub fn pass(&mut self, batch: &Batch) {
        self.cursor += batch.entries.len() as u64;
        if let Some((_, last)) = batch.events {
            self.given = last;
        }
    }

    /// Passes `batch`, and picks what is for this reader and was not given to it from the store, each with the position to come
    /// back with after it if that is not the shared one.
    pub fn pick<'a>(&mut self, batch: &'a Batch) -> Vec<(&'a Entry, Option<Position>)> {
        let mut picked = Vec::new();
        for entry in &batch.entries {
            self.cursor += 1;
            match &entry.item {
                Item::Presence { .. } | Item::Reachable(_) if entry.number() >= self.joined_at => picked.push((&**entry, None)),
                Item::Waiting(_) if self.moderates && entry.number() >= self.joined_at => picked.push((&**entry, None)),
                Item::Event(event) if event.seq > self.given => {
                    self.given = event.seq;
                    if event.visible_to(Some(&self.user)) {
                        let own = self.since_told().map(|since| Position { since: Some(since), ..self.hub.position(event.seq) });
                        picked.push((&**entry, own));
                    }
                    if is_disconnected(event, &self.user, self.began_at) {
                        self.is_disconnected = true;
                        break;
                    }
                }
                Item::Presence { .. } | Item::Waiting(_) | Item::Reachable(_) | Item::Event(_) | Item::Erased => {}
            }
        }
        picked
    }

    fn since_told(&self) -> Option<u64> {
        self.since.filter(|_| self.tells_since)
    }

    fn fetch_missed(&self) -> Fetch {
        let query = Query {
            room: self.room.id(),
            after: self.given,
            before: Some(self.replay_until + 1),
            reader: Reader::User(self.user.clone()),
            messages_only: false,
            limit: REPLAY_PAGE,
            bytes: REPLAY_BYTES,
            end: End::Oldest,
        };
        Fetch {
            hub: self.hub.clone(),
            reader: self.user.clone(),
            query,
            until: self.replay_until,
            since: self.since_told(),
            began_at: self.began_at,
            is_history: false,
        }
    }

    fn fetch_history(&self) -> Fetch {
        let until = match self.since {
            Some(since) => since,
            None if self.resumed => 0,
            None => self.given,
        };
        let query = Query {
            room: self.room.id(),
            after: 0,
            before: Some(until + 1),
            reader: Reader::User(self.user.clone()),
            messages_only: true,
            limit: self.hub.limits().history_events + 1,
            bytes: ANSWER_BYTES,
            end: End::Newest,
        };
        let (hub, reader, began_at) = (self.hub.clone(), self.user.clone(), self.began_at);
        Fetch { hub, reader, query, until: self.given, since: None, began_at, is_history: true }
    }
}

impl Fetch {
    /// Reads it: the events, oldest first, and how far they reach.
    ///
    /// # Errors
    /// The engine's, and [`EngineError::NotKept`] for what was missed and is not kept any more; the subscriber should be dropped
    /// then, so that its client comes back.
    pub async fn run(&self) -> Result<(Vec<Event>, Fetched), EngineError> {
        let Query { room, after, limit, end, .. } = self.query;
        let mut events = self.hub.0.engine.read(self.query.clone()).await?;
        if !self.is_history && after < self.hub.0.engine.trimmed(room) {
            return Err(EngineError::NotKept { room, after });
        }
        let has_more = self.is_history && cut(&mut events, limit - 1, end, Event::payload_bytes);
        let is_whole = self.is_history || !self.query.is_filled_by(&events);
        let reached = if is_whole { self.until } else { events.last().map_or(self.until, |last| last.seq) };
        let last = events.iter().position(|event| is_disconnected(event, &self.reader, self.began_at));
        events.truncate(last.map_or(usize::MAX, |last| last + 1));
        Ok((events, Fetched { reached, is_history: self.is_history, has_more, disconnects: last.is_some() }))
    }

    /// What it is, unread: for a dialect in which nobody asks for the history, though somebody may have over another connection.
    pub fn declined(&self) -> Fetched {
        Fetched { reached: self.until, is_history: self.is_history, has_more: false, disconnects: false }
    }

    /// Whose log.
    pub fn room(&self) -> RoomId {
        self.query.room
    }

    /// For whom.
    pub fn reader(&self) -> &UserId {
        &self.reader
    }

    /// The position of its subscriber after it, if it is the answer to a request.
    pub fn position_after(&self) -> Position {
        self.position(self.until)
    }

    /// The position to come back with after everything up to `seq`.
    pub fn position(&self, seq: u64) -> Position {
        Position { since: self.since, ..self.hub.position(seq) }
    }
}

/// Whether `event` ends the connection of `user`, who came when the event at `began_at` was the newest.
fn is_disconnected(event: &Event, user: &UserId, began_at: u64) -> bool {
    matches!(&event.kind, Kind::Disconnection(disconnection) if event.seq > began_at && disconnection.ends(user))
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.room.leave(self.connection);
    }
}
