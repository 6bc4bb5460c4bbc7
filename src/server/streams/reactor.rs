use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{Events, Poll, Token};
use slab::Slab;
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    chain::{At, Chain},
    frames::Frames,
    inbox::{Inbox, Letters, Opened},
    meter::Meter,
    stream::{Desk, Gone, Stream},
};
use crate::{
    chat::RoomId,
    hub::{ConnectionId, Fetch, Hub, Over, Step, Wake},
    protocol::inlive,
    server::{subscribe, transport::Backlog},
};

/// Subscribers that are served before the sockets and the other rooms have their turn: about a millisecond's worth.
const SLICE: usize = 256;

/// Links that a subscriber is given in one turn, at most 256 KiB: one that reads fast and is far behind waits for its next turn then.
const LINKS_A_TURN: usize = 4;

/// Ticks to a heartbeat: how finely silence is measured.
const TICKS_A_HEARTBEAT: u32 = 15;

/// Reads of the store that run for all streams at once. Ten thousand may come back in one second after a restart; the store
/// reads four at a time, and each answer takes memory until its socket took it.
const FETCHES: usize = 8;

const INBOX: Token = Token(usize::MAX);

/// Serves its share of the streams, in a thread of its own.
pub(super) struct Reactor {
    hub: Hub,
    inbox: Arc<Inbox>,
    /// The inbox, as the hub knows it.
    wake: Arc<dyn Wake>,
    poll: Poll,
    streams: Slab<Stream>,
    keys: HashMap<ConnectionId, usize>,
    rooms: HashMap<RoomId, Room>,
    /// The rooms whose round is under way, the next one first.
    rounds: VecDeque<RoomId>,
    /// Streams that were taken over and are not served yet: after a restart all viewers come at once.
    arrivals: VecDeque<Opened>,
    /// Streams that have more to be given than one turn allows.
    queue: VecDeque<usize>,
    runtime: Handle,
    fetches: Arc<Semaphore>,
    tick_length: Duration,
    desk: Desk,
    meter: Meter,
}

/// What a reactor knows of a room.
struct Room {
    chain: Chain,
    members: Vec<usize>,
    round: Option<Round>,
}

/// A walk over a room's members that gives all of them what is new.
struct Round {
    /// A copy, since members come and go meanwhile. A key may stand for another stream by then, which does no harm.
    members: Vec<usize>,
    served: usize,
    /// There is more since it began.
    again: bool,
}

/// What a stream was given.
enum Served {
    /// All there is, or as much as its socket takes.
    All,
    /// As much as one turn allows.
    Part,
    /// All up to something that must be read from the store.
    Fetch(ConnectionId, Box<Fetch>),
}

/// How many may read the store at once, for all reactors together.
pub(super) fn fetch_permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(FETCHES))
}

impl Reactor {
    pub(super) fn new(
        meter: Meter,
        hub: Hub,
        runtime: Handle,
        fetches: Arc<Semaphore>,
        heartbeat: Duration,
        backlog: Backlog,
    ) -> io::Result<(Self, Arc<Inbox>)> {
        let poll = Poll::new()?;
        let inbox = Inbox::new(poll.registry(), INBOX)?;
        let reactor = Self {
            hub,
            inbox: Arc::clone(&inbox),
            wake: inbox.clone(),
            poll,
            streams: Slab::new(),
            keys: HashMap::new(),
            rooms: HashMap::new(),
            rounds: VecDeque::new(),
            arrivals: VecDeque::new(),
            queue: VecDeque::new(),
            runtime,
            fetches,
            tick_length: heartbeat / TICKS_A_HEARTBEAT,
            desk: Desk { backlog, inbox: Arc::clone(&inbox), tick: 0 },
            meter,
        };
        Ok((reactor, inbox))
    }

    /// Works until it is told to stop, then gives what there is and ends all streams.
    ///
    /// # Errors
    /// The operating system's, if it cannot wait for its sockets any more.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        let mut next_tick = Instant::now() + self.tick_length;
        loop {
            let wait = if self.is_idle() { next_tick.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            match self.poll.poll(&mut events, Some(wait)) {
                // Without its poll it can serve nobody.
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    INBOX => {}
                    Token(key) => self.hear(key, event.is_readable() || event.is_read_closed(), event.is_writable()),
                }
            }
            let letters = self.inbox.take();
            let stop = letters.stop;
            self.read(letters);
            if stop {
                // Nothing new comes any more: what there is goes out as far as the sockets take it.
                while !self.is_idle() {
                    self.take_turns();
                }
                return Ok(());
            }
            self.take_turns();
            self.meter.flush();
            if Instant::now() >= next_tick {
                next_tick = Instant::now() + self.tick_length;
                self.desk.tick += 1;
                self.sweep();
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.rounds.is_empty() && self.arrivals.is_empty() && self.queue.is_empty()
    }

    /// Does a bounded part of all work that waits, so that no part keeps the sockets or the other parts waiting for long.
    fn take_turns(&mut self) {
        for _ in 0..self.arrivals.len().min(SLICE) {
            let Some(opened) = self.arrivals.pop_front() else { break };
            self.open(opened);
        }
        for _ in 0..self.queue.len().min(SLICE / LINKS_A_TURN) {
            let Some(key) = self.queue.pop_front() else { break };
            let Some(stream) = self.streams.get_mut(key) else { continue };
            if std::mem::take(&mut stream.is_queued) {
                self.serve(key);
            }
        }
        self.serve_slice();
    }

    /// A socket has something to say.
    fn hear(&mut self, key: usize, readable: bool, writable: bool) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        if readable && let Err(Gone) = stream.drain() {
            return self.close(key);
        }
        if writable {
            stream.unblock();
            self.serve(key);
        }
    }

    fn read(&mut self, letters: Letters) {
        self.arrivals.extend(letters.opened);
        for room in letters.rooms {
            self.begin_round(room);
        }
        for connection in letters.subscribers {
            let Some(&key) = self.keys.get(&connection) else { continue };
            let subscriber = &mut self.streams[key].subscriber;
            if subscriber.is_ended() {
                self.close(key);
            } else {
                subscriber.look_for_requests();
                self.serve(key);
            }
        }
        for connection in letters.crowded_out {
            if let Some(&key) = self.keys.get(&connection)
                && self.streams[key].is_waiting()
            {
                self.meter.cut_off += 1;
                self.close(key);
            }
        }
        for (connection, answer) in letters.fetched {
            let Some(&key) = self.keys.get(&connection) else { continue };
            let stream = &mut self.streams[key];
            stream.is_fetching = false;
            let sent = answer.ok_or(Gone).and_then(|(bytes, fetched)| {
                stream.subscriber.fetched(fetched);
                stream.send(&bytes, &self.desk)
            });
            match sent {
                Ok(()) => self.serve(key),
                Err(Gone) => self.close(key),
            }
        }
    }

    fn open(&mut self, Opened { socket, first, subscriber, viewer_count, permit }: Opened) {
        let (connection, room) = (subscriber.connection(), subscriber.room());
        let tail = subscriber.tail();
        let members = &mut self.rooms.entry(room).or_insert_with(|| Room::new(Chain::new(tail))).members;
        let entry = self.streams.vacant_entry();
        let key = entry.key();
        let socket = mio::net::TcpStream::from_std(socket);
        let mut stream = Stream::new(socket, subscriber, viewer_count, permit, members.len());
        let registered = stream.register(self.poll.registry(), Token(key));
        entry.insert(stream);
        members.push(key);
        self.keys.insert(connection, key);
        let sent = registered.map_err(|error| {
            tracing::error!(%error, "a stream cannot be watched");
            Gone
        });
        match sent.and_then(|()| self.streams[key].send(&first.into(), &self.desk)) {
            // It may have been ended before it was here.
            Ok(()) if self.streams[key].subscriber.is_ended() => self.close(key),
            Ok(()) => self.serve(key),
            Err(Gone) => self.close(key),
        }
    }

    fn close(&mut self, key: usize) {
        let Some(stream) = self.streams.try_remove(key) else { return };
        self.keys.remove(&stream.subscriber.connection());
        let room = stream.subscriber.room();
        let Some(Room { members, .. }) = self.rooms.get_mut(&room) else { return };
        members.swap_remove(stream.place);
        match members.get(stream.place) {
            Some(&moved) => self.streams[moved].place = stream.place,
            None if members.is_empty() => drop(self.rooms.remove(&room)),
            None => {}
        }
    }

    /// Gives a stream what there is for it, as far as its socket takes it and one turn allows.
    fn serve(&mut self, key: usize) {
        match self.try_serve(key) {
            Ok(Served::All) => {}
            Ok(Served::Fetch(connection, fetch)) => self.fetch(connection, *fetch),
            Ok(Served::Part) => self.queue.push_back(key),
            Err(Gone) => self.close(key),
        }
    }

    fn try_serve(&mut self, key: usize) -> Result<Served, Gone> {
        let Self { hub, streams, rooms, desk, meter, .. } = self;
        let Some(stream) = streams.get_mut(key) else { return Ok(Served::All) };
        let id = stream.subscriber.room();
        let chain = &rooms.get(&id).ok_or(Gone)?.chain;
        let mut links = 0;
        loop {
            stream.flush(desk.tick)?;
            if stream.is_blocked() || stream.is_fetching || stream.is_queued {
                return Ok(Served::All);
            }
            if links == LINKS_A_TURN {
                stream.is_queued = true;
                return Ok(Served::Part);
            }
            links += 1;
            let cursor = match stream.subscriber.next_step() {
                Step::End(over) => {
                    if over == Over::CaughtUp {
                        // What is not for this reader has no id: without this one, it would come back for it for ever.
                        stream.send(&inlive::reached(&stream.subscriber.position()).into(), desk)?;
                    }
                    return Err(Gone);
                }
                Step::Live(cursor) => cursor,
                Step::Fetch(fetch) => {
                    stream.is_fetching = true;
                    return Ok(Served::Fetch(stream.subscriber.connection(), Box::new(fetch)));
                }
            };
            match chain.at(cursor, |entry| subscribe::shared_frame(hub, id, entry)) {
                At::Link(link) => stream.give(link, hub, meter, desk)?,
                At::Own(link) => stream.give(&link, hub, meter, desk)?,
                At::Gone { head, end } => {
                    meter.behind += 1;
                    stream.subscriber.fell_behind(head, end);
                }
                At::End => return Ok(Served::All),
            }
        }
    }

    /// Has a part of the log read for a stream; the answer comes by the inbox.
    fn fetch(&self, connection: ConnectionId, fetch: Fetch) {
        let (inbox, fetches, backlog) = (Arc::clone(&self.inbox), Arc::clone(&self.fetches), self.desk.backlog.clone());
        self.runtime.spawn(async move {
            let _permit = fetches.acquire().await;
            let fetched = subscribe::fetch(&fetch).await;
            inbox.fetched(connection, fetched.map(|(bytes, fetched)| (Frames::charged(bytes, &backlog), fetched)));
        });
    }

    /// Begins a round over a room's members, or has another one follow the one that is under way.
    fn begin_round(&mut self, id: RoomId) {
        match self.rooms.get_mut(&id) {
            None => {}
            Some(Room { round: Some(round), .. }) => round.again = true,
            Some(room) => {
                room.begin_round(&self.hub, id);
                self.rounds.push_back(id);
            }
        }
    }

    /// Serves some of the members of the room whose turn it is.
    fn serve_slice(&mut self) {
        let Some(id) = self.rounds.pop_front() else { return };
        let Some(mut round) = self.rooms.get_mut(&id).and_then(|room| room.round.take()) else { return };
        let end = round.members.len().min(round.served + SLICE);
        for &key in &round.members[round.served..end] {
            self.serve(key);
        }
        round.served = end;
        let Some(room) = self.rooms.get_mut(&id) else { return };
        if end < round.members.len() {
            room.round = Some(round);
            self.rounds.push_back(id);
            return;
        }
        room.chain.reached(&self.wake);
        if round.again {
            room.begin_round(&self.hub, id);
            self.rounds.push_back(id);
        }
    }

    /// Sends heartbeats to silent streams, and cuts off those whose sockets take nothing.
    fn sweep(&mut self) {
        let (mut gone, mut lag) = (Vec::new(), 0);
        for (key, stream) in &mut self.streams {
            let silent_ticks = self.desk.tick - stream.sent_at;
            if stream.is_blocked() {
                let room = self.rooms.get(&stream.subscriber.room());
                lag = lag.max(room.map_or(0, |room| room.chain.behind(stream.subscriber.cursor())));
                if stream.is_too_slow(self.desk.tick) {
                    self.meter.cut_off += 1;
                    gone.push(key);
                }
            } else if silent_ticks >= TICKS_A_HEARTBEAT && !stream.is_fetching {
                let sent = stream.send(&Bytes::from_static(inlive::HEARTBEAT).into(), &self.desk);
                gone.extend(sent.is_err().then_some(key));
            }
        }
        self.meter.subscribers(self.streams.len(), lag);
        gone.into_iter().for_each(|key| self.close(key));
    }
}

impl Room {
    fn new(chain: Chain) -> Self {
        Self { chain, members: Vec::new(), round: None }
    }

    fn begin_round(&mut self, hub: &Hub, id: RoomId) {
        self.chain.extend(|entry| subscribe::shared_frame(hub, id, entry));
        self.round = Some(Round { members: self.members.clone(), served: 0, again: false });
    }
}
