//! The live side: who is connected, who may speak, who hears.
//!
//! Every rule of the chat that needs more than a message by itself has its home here: tokens, widget keys, capabilities, rate
//! limits, the state of a room, presence, and the join of history and live. The hub uses the engine below it and must never know
//! HTTP, HTML or a wire format; the one thing that it keeps for the dialects is a place for each entry's encoded frame.

mod appearance;
mod channels;
mod disconnections;
mod elsewhere;
mod export;
mod game;
mod held;
mod import;
mod intake;
mod invitations;
mod live;
mod messages;
mod moderation;
mod names;
mod origin_index;
mod owners;
mod peers;
mod people;
mod publish;
mod rate;
mod reactions;
mod recent;
mod refusal;
mod relay;
mod repeats;
mod replay;
mod returning;
mod review;
mod revocations;
mod ring;
mod rooms;
mod rules;
mod sanctions;
mod search;
mod single_use;
mod site;
mod slow_mode;
mod speakers;
mod subscriber;
mod throttle;
mod tickets;
mod token;
mod turns;
mod underway;
mod viewers;
mod widget_keys;
mod words;

use std::{
    net::IpAddr,
    sync::{
        Arc, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use self::{
    appearance::Shown,
    invitations::Invitations,
    live::{LiveRoom, LiveSnapshot},
    peers::{Cluster, NAMES_TOLD_EVERY},
    revocations::Revocations,
    rooms::Rooms,
    throttle::{Actor, Throttle},
    tickets::Tickets,
    widget_keys::WidgetKeys,
};
pub use self::{
    channels::{CHANNEL_NAME_CHARS, MOST_CHANNELS_OF_ADDRESS},
    export::Export,
    import::Import,
    intake::Intake,
    invitations::MODERATOR_SECONDS,
    live::{ConnectionId, SETTLED_AT_ONCE, Trace, Wake},
    messages::Quoting,
    moderation::{Authority, Decision, Removal},
    owners::DEVICE_SECONDS,
    peers::Respondent,
    rate::Buckets,
    refusal::Refusal,
    replay::{Replay, Span},
    review::Review,
    revocations::Revoke,
    ring::{Entry, Item, RingSize},
    rules::{blocked::Blocked, reserved_names::ReservedNames},
    subscriber::{Batch, Counts, Fetch, Fetched, Found, Listening, LiveTail, Over, Stay, Step, Subscriber, Welcome},
    throttle::{Activity, Rates},
    tickets::TICKET_SECONDS,
    token::{Claims, Identity, Origin, Session, TokenError, Tokens},
    widget_keys::{Key, Site},
};
use crate::{
    chat::{Event, InvalidSetting, Kind, Limits, Origins, Position, Room, RoomId, RoomState, SettingsChange, Timestamp, UserId},
    engine::{self, Appended, Cursors, Engine, EngineError, Fault, Guard, Query, Supervisor},
};

/// A shared handle to everything that is live. Clones are cheap.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    /// `None` on one machine.
    cluster: Option<Cluster>,
    rooms: Rooms,
    /// Changes when events were dispatched.
    news: watch::Sender<()>,
    /// Changes when webhooks were made, changed or removed.
    webhook_news: watch::Sender<()>,
    tokens: Tokens,
    limits: Limits,
    /// Whose pages may use the rooms that do not say it themselves.
    allowed_origins: Origins,
    widget_keys: WidgetKeys,
    appearance: Shown,
    reserved_names: ReservedNames,
    revocations: Revocations,
    invitations: Invitations,
    /// By which password whoever runs the chat signs in, in a form that changes with it.
    owners_password: RwLock<String>,
    throttle: Throttle,
    tickets: Tickets,
    review: Arc<dyn Review>,
    /// Held while a channel is made.
    making_channel: tokio::sync::Mutex<()>,
    /// Whether the disk was nearly full when that was looked at last.
    disk_low: AtomicBool,
    /// Whether the log could be reached when that was looked at last.
    reachable: AtomicBool,
    /// Becomes true once, when the server stops.
    stopping: AtomicBool,
}

/// What a hub is made of.
pub struct Setup {
    /// The log.
    pub engine: Arc<dyn Engine>,
    /// The one whose sink the engine was opened with.
    pub intake: Intake,
    /// How much each room keeps in memory for its subscribers.
    pub ring_size: RingSize,
    /// What signs and checks tokens.
    pub tokens: Tokens,
    /// What one client may send.
    pub limits: Limits,
    /// How often one user of a room may do what `limits` does not say.
    pub per_user: Rates,
    /// How often all clients of one address may do something.
    pub per_address: Rates,
    /// Whose pages may use the rooms that do not say it themselves.
    pub allowed_origins: Origins,
    /// Names that are for those who moderate.
    pub reserved_names: ReservedNames,
    /// Who asks the rooms' review handlers.
    pub review: Arc<dyn Review>,
}

/// A room as it is now.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What it is.
    pub room: Room,
    /// Whether any visitor may know of it: of a channel, those alone whom it admits.
    pub is_open: bool,
    /// Where its log ends.
    pub position: Position,
    /// How many people are connected to it, on all nodes. Somebody with several connections counts once.
    pub viewer_count: usize,
    /// How many messages there were in the last minute.
    pub messages_last_minute: u32,
    /// How many messages wait for a moderator.
    pub waiting: usize,
}

/// Who publishes, by what they show.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Their token.
    pub token: &'a str,
    /// The site that they speak from, which must show a widget key.
    pub site: Site<'a>,
    /// Where they come from, if that is known.
    pub from: Option<IpAddr>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The message is durable, and on its way to all who may read it.
    Stored(Appended),
    /// The history is on its way to the asker's connection.
    Requested,
}

impl Hub {
    /// Brings all rooms of the engine to life.
    ///
    /// # Errors
    /// The engine's, if it cannot tell how they are.
    pub async fn start(setup: Setup) -> Result<Self, EngineError> {
        let Setup { engine, intake, ring_size, tokens, limits, per_user, per_address, allowed_origins, reserved_names, review } =
            setup;
        let cluster = engine.peers().map(Cluster::new);
        let rooms = Rooms::keeping(ring_size, cluster.is_some());
        for (room, head) in engine.rooms().await? {
            rooms.insert(room, head);
        }
        for event in engine.sanctions().await? {
            if let (Kind::Sanction(sanction), Some(room)) = (&event.kind, rooms.find(event.room)) {
                room.note(sanction);
            }
        }
        for (room, interface) in engine.shown_interfaces().await? {
            if let Some(room) = rooms.find(room) {
                room.show(Some(interface));
            }
        }
        let widget_keys = WidgetKeys::of(engine.widget_keys().await?);
        let appearance = Shown::of(engine.appearance().await?);
        let revocations = Revocations::default();
        for revocation in engine.revocations().await? {
            revocations.note(revocation, engine::now());
        }
        let invitations = Invitations::default();
        for invitation in engine.invitations().await? {
            invitations.note(invitation);
        }
        let names = engine.names().await?;
        let throttle = Throttle::new(&limits, &per_user, &per_address);
        let hub = Self(Arc::new(Inner {
            engine,
            cluster,
            rooms,
            news: watch::Sender::default(),
            webhook_news: watch::Sender::default(),
            tokens,
            limits,
            allowed_origins,
            widget_keys,
            appearance,
            reserved_names,
            revocations,
            invitations,
            owners_password: RwLock::default(),
            throttle,
            tickets: Tickets::default(),
            review,
            making_channel: tokio::sync::Mutex::default(),
            disk_low: AtomicBool::new(false),
            reachable: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
        }));
        names.iter().for_each(|held| hub.note_name(held));
        for room in hub.0.rooms.all() {
            hub.restore_held(&room).await?;
            hub.restore_names(&room).await?;
        }
        intake.open(&hub);
        hub.0.engine.begin();
        hub.listen();
        tokio::spawn(tell_standing(Arc::downgrade(&hub.0), hub.supervisor().watch("the hub's clock")));
        tokio::spawn(tidy_channels(Arc::downgrade(&hub.0), hub.supervisor().watch("the removal of quiet channels")));
        Ok(hub)
    }

    /// What one client may send.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What signs and checks tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// Refuses commands from now on. What was accepted before is still answered.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
        self.tell_leaving();
    }

    /// Whether [`stop`](Self::stop) was called.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    /// Why nothing can be stored at present; `None` while all is well.
    pub fn fault(&self) -> Option<Fault> {
        self.0.engine.fault()
    }

    /// Knows whether a thread has ended that the program cannot do without.
    pub fn supervisor(&self) -> &Supervisor {
        self.0.engine.supervisor()
    }

    /// Says whether the disk is nearly full: as long as it is, nothing is published. Returns what was said before.
    pub fn set_disk_low(&self, is_low: bool) -> bool {
        self.0.disk_low.swap(is_low, Ordering::Relaxed)
    }

    /// Whether the disk is nearly full.
    pub fn is_disk_low(&self) -> bool {
        self.0.disk_low.load(Ordering::Relaxed)
    }

    /// Checks that the disk has space for what strangers publish. What moderators decide needs little, and is stored as long as it can.
    fn check_disk(&self) -> Result<(), Refusal> {
        if self.is_disk_low() { Err(Refusal::DiskLow) } else { Ok(()) }
    }

    /// What whoever runs the chat should look at, though it can be used; `None` while all is well.
    pub fn warning(&self) -> Option<String> {
        self.0.engine.warning()
    }

    /// Whether the log can be reached, as those who listen know it.
    fn is_reachable(&self) -> bool {
        self.0.reachable.load(Ordering::SeqCst)
    }

    /// Tells those who listen whether the log can be reached, if that has changed.
    fn tell_reachable(&self) {
        let is_reachable = !matches!(self.fault(), Some(Fault::Unreachable(_)));
        if self.0.reachable.swap(is_reachable, Ordering::SeqCst) != is_reachable {
            self.0.rooms.all().iter().for_each(|room| room.tell_reachable(is_reachable));
        }
    }

    /// All rooms that an owner has made, ordered by id.
    pub fn rooms(&self) -> Vec<Room> {
        self.0.rooms.all().iter().filter(|room| room.channel().is_none()).map(|room| room.room()).collect()
    }

    /// One room as it is now, for any visitor.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`], also for a channel that visitors may not know of.
    pub fn snapshot(&self, room: RoomId) -> Result<Snapshot, Refusal> {
        self.find_open(room)?;
        self.snapshot_for_owner(room)
    }

    /// One room as it is now, for those who run or moderate it.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`].
    pub fn snapshot_for_owner(&self, room: RoomId) -> Result<Snapshot, Refusal> {
        let (live, trimmed) = (self.find(room)?, self.0.engine.trimmed(room));
        let LiveSnapshot { room, head, viewer_count, messages_last_minute, waiting } = live.snapshot(trimmed);
        let (is_open, position) = (live.is_open(), self.position(head));
        Ok(Snapshot { room, is_open, position, viewer_count, messages_last_minute, waiting })
    }

    /// The room that has that name in addresses.
    pub fn room_of(&self, slug: &str) -> Option<RoomId> {
        self.0.rooms.find_slug(slug)
    }

    /// A room's name in addresses.
    pub fn slug(&self, room: RoomId) -> Option<String> {
        self.find(room).ok().map(|room| room.slug())
    }

    /// Where each room's log ends.
    pub fn heads(&self) -> Cursors {
        self.0.rooms.all().iter().map(|room| (room.id(), room.head())).collect()
    }

    /// Changes whenever there are new events, in any room; many at once may be one change.
    pub fn news(&self) -> watch::Receiver<()> {
        self.0.news.subscribe()
    }

    /// Changes whenever webhooks were made, changed or removed, on whichever node.
    pub fn webhook_news(&self) -> watch::Receiver<()> {
        self.0.webhook_news.subscribe()
    }

    /// Makes a room with these settings; all others have their defaults, and the slug a random one.
    ///
    /// # Errors
    /// [`Refusal::Setting`], [`Refusal::ReviewUrl`], [`Refusal::SlugTaken`], or the engine's.
    pub async fn create_room(&self, settings: SettingsChange) -> Result<Room, Refusal> {
        let settings = settings.make(&uuid::Uuid::new_v4().to_string())?;
        self.check_review_url(&settings.review_url)?;
        if !settings.pinned_message.is_empty() {
            let rule = "be empty for a new room, which has no messages";
            return Err(InvalidSetting::Value { name: "pinned_message", rule }.into());
        }
        let (room, _) = self.0.engine.create_room(settings).await?;
        Ok(room)
    }

    /// Does something to its end, though its asker may go away meanwhile: what has to follow must not be left out.
    async fn to_its_end<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        tokio::spawn(work(self.clone())).await.unwrap_or_else(|ended| match ended.try_into_panic() {
            // Whoever asked is answered for it as for a panic of their own.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Refusal::Stopping),
        })
    }

    /// Moves a room to another state.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`], or the engine's.
    pub async fn set_state(&self, room: RoomId, state: RoomState) -> Result<Room, Refusal> {
        let shown = self.find(room)?.interface().filter(|_| state == RoomState::Ended);
        let changed = self.0.engine.set_state(room, state).await?;
        // Another start of the room must not bring it back.
        if shown.is_some()
            && let Err(error) = self.show_interface(room, None).await
        {
            tracing::warn!(%room, %error, "what the game of an ended room has shown stays in the store");
        }
        Ok(changed)
    }

    /// Counts what a client does that reaches the hub by no other way, such as reading. `user` is `None` while they are nobody yet.
    ///
    /// # Errors
    /// [`Refusal::TooFast`] and [`Refusal::AddressTooFast`].
    pub fn count(&self, room: RoomId, user: Option<&UserId>, from: Option<IpAddr>, activity: Activity) -> Result<(), Refusal> {
        self.0.throttle.take(Actor { room, user, from }, &[(activity, 1.0)])
    }

    /// Connects a reader of that `site`, who comes `from` that address if it is known. A position in `listening` that cannot be
    /// used opens the subscription as a fresh one, with [`Welcome::gap`]. `wake` is called whenever there is something to do for it.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoom`], [`Refusal::WidgetKey`], [`Refusal::Origin`], [`Refusal::NotLive`] if there is nothing for it in
    /// the room's state (see [`Stay`]), [`Refusal::TooFast`] and [`Refusal::AddressTooFast`], since it counts as a token, and, if
    /// what they came with is
    /// revoked, or older than that they were disconnected, [`Refusal::Token`].
    pub fn subscribe<'a>(
        &self,
        room: RoomId,
        who: impl Into<Identity>,
        site: Site<'_>,
        from: Option<IpAddr>,
        listening: impl Into<Listening<'a>>,
        wake: &Arc<dyn Wake>,
    ) -> Result<(Subscriber, Welcome), Refusal> {
        let who = who.into();
        let room = self.find_for(room, &who.user)?;
        self.admit(room.id(), site)?;
        let listening = listening.into();
        self.check_listening(&room, listening)?;
        self.count(room.id(), Some(&who.user), from, Activity::Token)?;
        let live = Arc::clone(&room);
        let joined = Subscriber::join(self, room, who.clone(), from, listening, wake)?;
        listening.replaces.into_iter().for_each(|connection| self.tell_replaced(live.id(), connection));
        // After it has joined: what is revoked from now on ends it.
        self.check_revoked(&who.user, &who.origin)?;
        live.check_disconnected(&who.user, &who.origin)?;
        if let Origin { name: Some(name), until: Some(until), id, .. } = &who.origin {
            live.see_name(&who.user, name.trim(), id.as_deref(), Timestamp::of_seconds(*until));
        }
        Ok(joined)
    }

    /// Refuses who will not be let in, before anybody is told that they came. The room's state may change until they join.
    fn check_listening(&self, room: &LiveRoom, Listening { resume, stay, .. }: Listening<'_>) -> Result<(), Refusal> {
        match (room.state(), stay) {
            (RoomState::Live, _) | (_, Stay::Always) => Ok(()),
            (RoomState::Created | RoomState::Prepared, Stay::UntilEnd) => Ok(()),
            (RoomState::Ended, Stay::UntilEnd) if self.has_missed(room, resume) => Ok(()),
            (state, Stay::WhileLive | Stay::UntilEnd) => Err(Refusal::NotLive(state)),
        }
    }

    /// Whether there are events after that position in the room's log.
    fn has_missed(&self, room: &LiveRoom, position: Option<&str>) -> bool {
        let position = position.and_then(|text| text.parse::<Position>().ok());
        let position = position.filter(|position| position.epoch == self.0.engine.epoch());
        position.is_some_and(|position| (self.0.engine.trimmed(room.id())..room.head()).contains(&position.seq))
    }

    /// Whether [`subscribe`](Self::subscribe) would let them in. Joins nothing.
    ///
    /// # Errors
    /// Those of [`subscribe`](Self::subscribe).
    pub fn may_subscribe<'a>(
        &self,
        room: RoomId,
        who: &Identity,
        site: Site<'_>,
        listening: impl Into<Listening<'a>>,
    ) -> Result<(), Refusal> {
        let room = self.find_for(room, &who.user)?;
        self.admit(room.id(), site)?;
        self.check_listening(&room, listening.into())?;
        self.check_revoked(&who.user, &who.origin)?;
        Ok(room.check_disconnected(&who.user, &who.origin)?)
    }

    /// Reads a part of a room's log.
    ///
    /// # Errors
    /// The engine's.
    pub async fn read(&self, query: Query) -> Result<Vec<Event>, Refusal> {
        Ok(self.0.engine.read(query).await?)
    }

    /// The position of `seq` in this engine's logs.
    pub fn position(&self, seq: u64) -> Position {
        Position { epoch: self.0.engine.epoch().to_owned(), seq, since: None }
    }

    fn find(&self, room: RoomId) -> Result<Arc<LiveRoom>, Refusal> {
        self.0.rooms.find(room).ok_or(Refusal::UnknownRoom(room))
    }

    /// Finds a room that any visitor may know of.
    fn find_open(&self, room: RoomId) -> Result<Arc<LiveRoom>, Refusal> {
        let live = self.find(room)?;
        if live.is_open() { Ok(live) } else { Err(Refusal::UnknownRoom(room)) }
    }

    /// Finds a room that this user may know of.
    fn find_for(&self, room: RoomId, user: &UserId) -> Result<Arc<LiveRoom>, Refusal> {
        let live = self.find(room)?;
        if live.channel().is_none_or(|channel| channel.admits(user)) { Ok(live) } else { Err(Refusal::UnknownRoom(room)) }
    }
}

/// Removes the channels that nobody uses, for as long as the hub lives.
async fn tidy_channels(hub: Weak<Inner>, _guard: Guard) {
    let mut ticks = tokio::time::interval(channels::LOOKED_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        Hub(hub).remove_quiet_channels(channels::QUIET_FOR).await;
    }
}

/// Once a second tells big rooms and other nodes how many viewers there are, moderators how many messages wait for them, and everybody
/// whether the log can be reached, for as long as the hub lives.
async fn tell_standing(hub: Weak<Inner>, _guard: Guard) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for tick in 0_u64.. {
        ticks.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        let hub = Hub(hub);
        hub.tell_reachable();
        hub.tell_viewers();
        if tick.is_multiple_of(NAMES_TOLD_EVERY.as_secs()) {
            hub.tell_names();
        }
        for room in hub.0.rooms.all() {
            room.tell_viewers();
            room.tell_owed_interface();
            room.relay_late_frames();
            room.tell_waiting(hub.0.engine.trimmed(room.id()));
        }
    }
}
