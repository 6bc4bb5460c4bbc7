use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    Hub,
    live::{LiveRoom, Read},
    ring::{Entry, Item},
};
use crate::{
    chat::{Event, Position, RoomState, UserId},
    engine::{End, EngineError, Query},
};

/// Events read from the store at once while a subscriber catches up: bounds its memory, whatever it missed.
const REPLAY_PAGE: usize = 256;

/// Entries taken from the ring at once.
const LIVE_PAGE: usize = 256;

/// How long positions say that the history before them was not given (see [`Position::since`]). A client that wants history asks
/// for it as soon as it is connected; one that has not asked by then never will, and its positions become the plain ones that all
/// subscribers share.
const HISTORY_ASKED_WITHIN: Duration = Duration::from_secs(10);

/// One live connection of a reader: what it missed, then what happens, without a seam. Dropping it leaves the room.
pub struct Subscriber {
    hub: Hub,
    room: Arc<LiveRoom>,
    user: UserId,
    connection: String,
    gap: bool,
    viewer_count: usize,
    /// The newest event given, or passed over because it is not for this reader.
    given: u64,
    /// Up to where the log is to be read before the ring is.
    replay_until: u64,
    cursor: u64,
    /// Where this reader began to listen, while the history before is still owed to it.
    since: Option<u64>,
    since_told_until: Instant,
    /// Came with a position, so that it has the history already.
    resumed: bool,
    requests: mpsc::Receiver<()>,
    /// Requests that were received and not answered yet.
    asked: usize,
    end: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
}

/// What a subscriber is to be given next.
#[derive(Debug)]
pub enum Delivery {
    /// Events that it missed, oldest first.
    Missed(Vec<Arc<Event>>),
    /// What happens now. Entries that are not for this reader are not among them.
    Live(Vec<Arc<Entry>>),
    /// The answer to its request: events oldest first, none that this connection was given already.
    History(Vec<Event>),
}

impl Subscriber {
    pub(super) fn join(hub: &Hub, room: Arc<LiveRoom>, user: UserId, resume: Option<&str>) -> Self {
        let joined = room.join(user.clone());
        let epoch = hub.0.engine.epoch();
        let usable = |position: &Position| position.epoch == epoch && position.seq <= joined.head;
        let position = resume.and_then(|text| text.parse().ok()).filter(usable);
        let (given, since) = match &position {
            Some(position) => (position.seq, position.since),
            None => (joined.head, Some(joined.head)),
        };
        Self {
            hub: hub.clone(),
            user,
            connection: joined.connection,
            gap: resume.is_some() && position.is_none(),
            viewer_count: joined.viewer_count,
            given,
            replay_until: joined.head,
            cursor: joined.cursor,
            since,
            since_told_until: Instant::now() + HISTORY_ASKED_WITHIN,
            resumed: position.is_some(),
            requests: joined.requests,
            asked: 0,
            end: joined.end,
            stopping: hub.0.stopping.subscribe(),
            room,
        }
    }

    /// Who reads.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The connection's name, for a token that belongs to it.
    pub fn connection(&self) -> &str {
        &self.connection
    }

    /// Whether it came with a position that cannot be used, so that it may have missed messages.
    pub fn gap(&self) -> bool {
        self.gap
    }

    /// How many there were when it came, itself included.
    pub fn viewer_count(&self) -> usize {
        self.viewer_count
    }

    /// The position to come back with after everything up to `seq`.
    pub fn position_at(&self, seq: u64) -> Position {
        Position { since: self.since_told(), ..self.hub.position(seq) }
    }

    /// The position to come back with after everything that was given so far.
    pub fn position(&self) -> Position {
        self.position_at(self.given)
    }

    /// The position after `seq` for everybody to whom no history is owed.
    pub fn shared_position_at(&self, seq: u64) -> Position {
        self.hub.position(seq)
    }

    /// Whether positions are the plain ones that all subscribers share.
    pub fn positions_are_plain(&self) -> bool {
        self.since_told().is_none()
    }

    /// Waits for what comes next; `None` when the room has ended or the server stops.
    ///
    /// Cancel safe: what was not returned comes at the next call.
    ///
    /// # Errors
    /// The engine's, if the log cannot be read; the subscriber should be dropped then, so that its client comes back.
    pub async fn next(&mut self) -> Result<Option<Delivery>, EngineError> {
        loop {
            if self.given < self.replay_until {
                let missed = self.read_missed().await?;
                if !missed.is_empty() {
                    return Ok(Some(Delivery::Missed(missed)));
                }
                continue;
            }
            if *self.stopping.borrow() {
                return Ok(None);
            }
            if self.asked > 0 || self.requests.try_recv().is_ok() {
                self.asked = self.asked.max(1);
                let history = self.read_history().await?;
                self.asked -= 1;
                self.since = None;
                return Ok(Some(Delivery::History(history)));
            }
            self.end.mark_unchanged();
            match self.room.read(self.cursor, LIVE_PAGE) {
                Read::Behind { head, cursor } => (self.replay_until, self.cursor) = (head, cursor),
                Read::Entries(entries) if !entries.is_empty() => {
                    let entries = self.take(entries);
                    if !entries.is_empty() {
                        return Ok(Some(Delivery::Live(entries)));
                    }
                }
                Read::Entries(_) if self.room.state() != RoomState::Live => return Ok(None),
                Read::Entries(_) => self.wait().await,
            }
        }
    }

    /// Moves past `entries` and returns those that this reader may see and has not been given from the store.
    fn take(&mut self, mut entries: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
        self.cursor += entries.len() as u64;
        entries.retain(|entry| match &entry.item {
            Item::Presence { .. } => true,
            Item::Event(event) if event.seq <= self.given => false,
            Item::Event(event) => {
                self.given = event.seq;
                event.visible_to(Some(&self.user))
            }
        });
        entries
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.end.changed() => {}
            _ = self.stopping.changed() => {}
            Some(()) = self.requests.recv() => self.asked += 1,
        }
    }

    async fn read_missed(&mut self) -> Result<Vec<Arc<Event>>, EngineError> {
        let query = Query {
            room: self.room.id(),
            after: self.given,
            before: Some(self.replay_until + 1),
            reader: Some(self.user.clone()),
            messages_only: false,
            limit: REPLAY_PAGE,
            end: End::Oldest,
        };
        let events = self.hub.0.engine.read(query).await?;
        self.given = match events.last() {
            Some(last) if events.len() == REPLAY_PAGE => last.seq,
            _ => self.replay_until,
        };
        Ok(events.into_iter().map(Arc::new).collect())
    }

    async fn read_history(&self) -> Result<Vec<Event>, EngineError> {
        let until = match self.since {
            Some(since) => since,
            None if self.resumed => return Ok(Vec::new()),
            None => self.given,
        };
        let query = Query {
            room: self.room.id(),
            after: 0,
            before: Some(until + 1),
            reader: Some(self.user.clone()),
            messages_only: true,
            limit: self.hub.limits().history_events,
            end: End::Newest,
        };
        self.hub.0.engine.read(query).await
    }

    fn since_told(&self) -> Option<u64> {
        // Before the first event there is no history to be owed.
        self.since.filter(|&since| since > 0 && Instant::now() < self.since_told_until)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.room.leave(&self.connection);
    }
}
