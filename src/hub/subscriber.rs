use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    ConnectionId, Hub, Identity, Refusal,
    live::{Arrival, Line, LiveRoom, Read, Trace, Wake},
    relay::RelayReader,
    ring::{Entry, Item},
};
use crate::{
    chat::{Event, Kind, Position, RoomId, RoomState, UserId},
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
    line: Arc<Line>,
    /// Whether there may be any: to look each time would cost a cache line for each subscriber and event.
    may_have_asked: bool,
    /// The newest event when it came: who was disconnected before has come back.
    began_at: u64,
    /// Whether it listens on after the room has ended.
    stays: bool,
    /// For a subscriber of a room that had ended already: where it has been given all that it missed.
    ends_at: Option<u64>,
    /// Why nothing more is to be given to it.
    over: Option<Over>,
    /// How far it is, if it reads the relay.
    relay: Option<Arc<RelayReader>>,
}

/// Where a reader wants to begin, and how long it wants to listen.
#[derive(Clone, Copy, Debug)]
pub struct Listening<'a> {
    /// The position that it says it saw last, as it says it.
    pub resume: Option<&'a str>,
    /// In which states of the room it listens.
    pub stay: Stay,
    /// By what a guest is known again who comes with neither a cookie nor a token; `None` for everybody else.
    pub trace: Option<Trace>,
    /// The connection that its token was made for, if it came back with that token: what that one is asked is asked of this one.
    pub replaces: Option<ConnectionId>,
}

/// In which states of a room a subscriber listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// While the room is live. Refused in every other state.
    WhileLive,
    /// Until the room ends, from before its start on. In an ended room, as long as it takes to give what the subscriber missed.
    UntilEnd,
    /// In every state.
    Always,
}

impl<'a> From<Option<&'a str>> for Listening<'a> {
    fn from(resume: Option<&'a str>) -> Self {
        Self { resume, stay: Stay::WhileLive, trace: None, replaces: None }
    }
}

/// Why a subscription is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A moderator has disconnected its reader, who was told so.
    Disconnected,
    /// The room has ended, and its reader was told so.
    RoomEnded,
    /// The room had ended before the reader came, who was given everything that it missed.
    CaughtUp,
}

/// What a new subscriber is told.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// Whether it came with a position that cannot be used, so that it may have missed messages.
    pub gap: bool,
    /// How many people there are, itself included.
    pub viewer_count: usize,
    /// Its events begin after this one.
    pub position: Position,
    /// Whether the log can be reached.
    pub reachable: bool,
    /// The state of the room.
    pub state: RoomState,
}

/// What is to be done for a subscriber.
pub enum Step {
    /// A part of the log must be read: run it, then say so with [`Subscriber::fetched`].
    Fetch(Fetch),
    /// It is to be given what is in the room's ring from this cursor on.
    Live(u64),
    /// Nothing more, for that reason.
    End(Over),
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
    stays: bool,
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
    over: Option<Over>,
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
    /// Whether there is an event in it that ends subscriptions: a disconnection, or the room's end.
    ends: bool,
    /// What a client that counts notices makes of it.
    pub counts: Counts,
}

/// What the notices of people who come and leave do to the count of a client that adds them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// There are none.
    Same,
    /// One after the other they lead from the one count to the other.
    From(usize, usize),
    /// Some were not told, so that each client may have counted something else.
    Broken,
}

impl Counts {
    fn of<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        items.fold(Self::Same, Self::and_then)
    }

    fn and_then(self, item: &Item) -> Self {
        match (self, item) {
            (Self::Broken, _) | (_, Item::Viewers { settles: true, .. }) => Self::Broken,
            (before, &Item::Presence { joined, viewer_count: to }) => {
                let from = if joined { to.saturating_sub(1) } else { to + 1 };
                match before {
                    Self::Same => Self::From(from, to),
                    Self::From(start, end) if end == from => Self::From(start, to),
                    Self::From(..) | Self::Broken => Self::Broken,
                }
            }
            (before, _) => before,
        }
    }
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
        /// Whether relayed frames are gone with them, which no store has.
        lost: bool,
    },
}

/// A room's ring, to read from.
#[derive(Clone)]
pub struct LiveTail(Arc<LiveRoom>);

impl LiveTail {
    /// The number of the entry that comes next.
    pub fn end(&self) -> u64 {
        self.0.end()
    }

    /// The entries from `cursor` on, up to the one of number `until`: as many as fit into about `bytes` of frames, and at least
    /// one if there is one.
    pub fn read(&self, cursor: u64, until: u64, bytes: usize) -> Found {
        match self.0.read(cursor, until, bytes) {
            Read::Entries(entries) => Found::Batch(Batch::new(entries)),
            Read::Behind { head, cursor, lost } => Found::Gone { head, end: cursor, lost },
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
            Item::Presence { .. } | Item::Viewers { .. } | Item::Reachable(_) | Item::Erased | Item::Relayed(_) => true,
            Item::Interface(_) | Item::Cooldown { .. } => true,
        };
        let public = entries.iter().all(|entry| is_public(&entry.item));
        let deletes = entries
            .iter()
            .filter_map(|entry| entry.event())
            .any(|event| matches!(event.kind, Kind::Deletion(_) | Kind::Restore(_)));
        let mut told = entries.iter().filter_map(|entry| entry.event());
        let ends = told.any(|event| matches!(event.kind, Kind::Disconnection(_) | Kind::Room(RoomState::Ended)));
        let counts = Counts::of(entries.iter().map(|entry| &entry.item));
        Self { entries, events, public, deletes, ends, counts }
    }
}

impl Subscriber {
    pub(super) fn join(
        hub: &Hub,
        room: Arc<LiveRoom>,
        who: Identity,
        from: Option<IpAddr>,
        Listening { resume, stay, trace, replaces }: Listening<'_>,
        wake: &Arc<dyn Wake>,
    ) -> Result<(Self, Welcome), Refusal> {
        let user = who.user.clone();
        let epoch = hub.0.engine.epoch();
        let said = resume.and_then(|text| text.parse().ok()).filter(|position: &Position| position.epoch == epoch);
        // Another node may have given it what is yet to come here; it is passed over then. Asked before it joins: what comes here in
        // between is not ahead any more, and not in what it has joined.
        let is_ahead = said.as_ref().is_some_and(|position| hub.0.engine.is_ahead(position.seq));
        let position = said.as_ref().map(|position| position.seq);
        let joined = room.join(who, Arrival { from, resumed: resume.is_some(), position, trace, replaces }, wake);
        let (kept, state) = (hub.0.engine.trimmed(room.id())..=joined.head, joined.state);
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
            line: joined.line,
            may_have_asked: true,
            began_at: joined.head,
            stays: stay == Stay::Always,
            ends_at: (state == RoomState::Ended && stay != Stay::Always).then_some(joined.head),
            over: None,
            relay: None,
        };
        // Only now: dropping it takes it out of the room again.
        if !subscriber.may_listen(state, stay) {
            return Err(Refusal::NotLive(state));
        }
        let gap = resume.is_some() && position.is_none();
        let position = Position { since: subscriber.since_told(), ..hub.position(given) };
        // After it has joined: what changes from now on is told.
        let reachable = hub.is_reachable();
        Ok((subscriber, Welcome { gap, viewer_count: joined.viewer_count, position, reachable, state }))
    }

    /// Whether there is or will be something for it in a room of that state.
    fn may_listen(&self, state: RoomState, stay: Stay) -> bool {
        match (state, stay) {
            (RoomState::Live, _) | (_, Stay::Always) => true,
            (_, Stay::WhileLive) => false,
            (RoomState::Created | RoomState::Prepared, Stay::UntilEnd) => true,
            (RoomState::Ended, Stay::UntilEnd) => self.given < self.began_at,
        }
    }

    /// Where a reader stands that has been given everything so far.
    pub fn position(&self) -> Position {
        Position { since: self.since_told(), ..self.hub.position(self.given) }
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

    /// Gives it the frames of the relay too, and has those who send there heed how far it is.
    pub fn read_relay(&mut self) {
        self.relay = Some(self.room.read_relay(self.connection, self.cursor));
    }

    /// Whether it reads the relay.
    pub fn reads_relay(&self) -> bool {
        self.relay.is_some()
    }

    /// What is to be done now. Until a [`Fetch`] is done, nothing else is to be given.
    pub fn next_step(&mut self) -> Step {
        if let Some(relay) = &self.relay {
            // What was given before has left.
            relay.reach(self.cursor);
        }
        if self.tells_since && Instant::now() >= self.since_told_until {
            self.tells_since = false;
        }
        if self.ends_at.is_some_and(|at| self.given >= at) {
            self.over = Some(Over::CaughtUp);
        }
        match self.over {
            Some(Over::Disconnected) => return Step::End(Over::Disconnected),
            // Its reader may have asked for the history.
            Some(Over::RoomEnded | Over::CaughtUp) | None => {}
        }
        if self.over.is_none() && self.given < self.replay_until {
            return Step::Fetch(self.fetch_missed());
        }
        if self.may_have_asked {
            self.may_have_asked = self.line.asked.load(Ordering::Relaxed) > 0;
            if self.may_have_asked {
                return Step::Fetch(self.fetch_history());
            }
        }
        self.over.map_or(Step::Live(self.cursor), Step::End)
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
            self.line.asked.fetch_sub(1, Ordering::Relaxed);
            (self.since, self.tells_since) = (None, false);
        } else {
            self.given = fetched.reached;
            self.over = fetched.over;
        }
    }

    /// The entries at its cursor are gone: it must read the log up to `head`, then the ring from `end` on.
    pub fn fell_behind(&mut self, head: u64, end: u64) {
        (self.replay_until, self.cursor) = (head, end);
        self.room.owe_interface();
    }

    /// Whether the whole of `batch`, which begins at its cursor, is for this reader, in the form that all share. The quick way,
    /// taken by nearly all subscribers nearly always: then say so with [`pass`](Self::pass).
    pub fn shares(&self, batch: &Batch) -> bool {
        let all_new = batch.events.is_none_or(|(first, _)| first > self.given);
        batch.public && !batch.ends && all_new && !self.tells_since && self.cursor >= self.joined_at
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
                Item::Presence { .. }
                | Item::Viewers { .. }
                | Item::Reachable(_)
                | Item::Interface(_)
                | Item::Cooldown { .. }
                    if entry.number() >= self.joined_at =>
                {
                    picked.push((&**entry, None));
                }
                Item::Waiting(_) if self.moderates && entry.number() >= self.joined_at => picked.push((&**entry, None)),
                Item::Event(event) if event.seq > self.given => {
                    self.given = event.seq;
                    let is_visible = event.visible_to(Some(&self.user))
                        || self.line.reads_event_as(event.seq).is_some_and(|user| event.visible_to(Some(&user)));
                    if is_visible {
                        let own = self.since_told().map(|since| Position { since: Some(since), ..self.hub.position(event.seq) });
                        picked.push((&**entry, own));
                    }
                    self.over = last_word(event, &self.user, self.began_at, self.stays).or_else(|| match event.kind {
                        Kind::Disconnection(_) => {
                            last_word(event, &self.line.reads_event_as(event.seq)?, self.began_at, self.stays)
                        }
                        _ => None,
                    });
                    if self.over.is_some() {
                        break;
                    }
                }
                Item::Relayed(_) if self.relay.is_some() => picked.push((&**entry, None)),
                Item::Presence { .. } | Item::Viewers { .. } | Item::Waiting(_) | Item::Reachable(_) | Item::Event(_) => {}
                Item::Interface(_) | Item::Cooldown { .. } | Item::Erased | Item::Relayed(_) => {}
            }
        }
        picked
    }

    fn since_told(&self) -> Option<u64> {
        self.since.filter(|_| self.tells_since)
    }

    /// As whom it reads the log: one that stands in for another connection has said nothing as its own user.
    fn reader(&self) -> UserId {
        self.line.reads_log_as().unwrap_or_else(|| self.user.clone())
    }

    fn fetch_missed(&self) -> Fetch {
        let reader = self.reader();
        let query = Query {
            room: self.room.id(),
            after: self.given,
            before: Some(self.replay_until + 1),
            reader: Reader::User(reader.clone()),
            messages_only: false,
            limit: REPLAY_PAGE,
            bytes: REPLAY_BYTES,
            end: End::Oldest,
        };
        Fetch {
            hub: self.hub.clone(),
            reader,
            query,
            until: self.replay_until,
            since: self.since_told(),
            began_at: self.began_at,
            stays: self.stays,
            is_history: false,
        }
    }

    fn fetch_history(&self) -> Fetch {
        let until = match self.since {
            Some(since) => since,
            None if self.resumed => 0,
            None => self.given,
        };
        let reader = self.reader();
        let query = Query {
            room: self.room.id(),
            after: 0,
            before: Some(until + 1),
            reader: Reader::User(reader.clone()),
            messages_only: true,
            limit: self.hub.limits().history_events + 1,
            bytes: ANSWER_BYTES,
            end: End::Newest,
        };
        let (hub, began_at, stays) = (self.hub.clone(), self.began_at, self.stays);
        Fetch { hub, reader, query, until: self.given, since: None, began_at, stays, is_history: true }
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
        let has_more = self.is_history && cut(&mut events, limit - 1, end, Event::envelope_bytes);
        let is_whole = self.is_history || !self.query.is_filled_by(&events);
        let mut reached = if is_whole { self.until } else { events.last().map_or(self.until, |last| last.seq) };
        let over = |event: &Event| last_word(event, &self.reader, self.began_at, self.stays);
        let last = events.iter().enumerate().find_map(|(at, event)| Some((at, event.seq, over(event)?)));
        if let Some((at, seq, _)) = last {
            events.truncate(at + 1);
            reached = seq;
        }
        Ok((events, Fetched { reached, is_history: self.is_history, has_more, over: last.map(|(_, _, over)| over) }))
    }

    /// What it is, unread: for a dialect in which nobody asks for the history, though somebody may have over another connection.
    pub fn declined(&self) -> Fetched {
        Fetched { reached: self.until, is_history: self.is_history, has_more: false, over: None }
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

/// Why the subscription of `user`, who came when the event at `began_at` was the newest, is over with `event`, if it is.
fn last_word(event: &Event, user: &UserId, began_at: u64, stays: bool) -> Option<Over> {
    match &event.kind {
        _ if event.seq <= began_at => None,
        Kind::Disconnection(disconnection) if disconnection.ends(user) => Some(Over::Disconnected),
        Kind::Room(RoomState::Ended) if !stays => Some(Over::RoomEnded),
        _ => None,
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.room.leave(self.connection);
    }
}
