//! The log: orders events, stores them, and dispatches them once they are durable.
//!
//! An engine knows rooms, events, widget keys and what owners have chosen for all pages. It must never know who is connected, what a user
//! may do, or any wire format. The hub calls it and is called back through the [`Sink`] that it hands over when the engine opens.

mod jetstream;
mod page;
pub(crate) mod private_file;
mod sqlite;
mod supervisor;
mod webhook;

use serde::{Deserialize, Serialize};

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::watch;

pub use self::{
    jetstream::{InvalidServers, JetStream, Nats, NatsError, NatsServers},
    page::{ANSWER_BYTES, cut},
    sqlite::{BackupError, Census, OpenError, Sqlite},
    supervisor::{Guard, Supervisor},
    webhook::{Failure, Standing, Webhook, WebhookId},
};
use crate::chat::{
    Appearance, AppearanceChange, CustomEvent, Deletion, Disconnection, Draft, Event, InvalidSetting, Invitation, Kind, Message,
    NameClaim, NewWidgetKey, Outcome, Profile, Reaction, Recorded, RedirectUris, Revocation, Room, RoomId, RoomState, Sanction,
    Settings, SettingsChange, ShownInterface, Timestamp, TooManyReactions, UserId, WidgetKey,
};

/// Reads a clock of the machine.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Receives all news, in their order, after their commit and before whoever has asked for it is answered.
///
/// Called from the engine's own thread, with all that one commit made durable: it must return soon and never block.
pub type Sink = Arc<dyn Fn(&[News]) + Send + Sync>;

/// Something that is durable now, on whichever node of a cluster it was asked for.
#[derive(Clone, Debug)]
pub enum News {
    /// An event, next in the order of its room's log.
    Event(Arc<Event>),
    /// There is a room more.
    Room {
        /// The room.
        room: Box<Room>,
        /// Its newest event, 0 if there is none.
        head: u64,
    },
    /// A room was removed, with all that is in it.
    NoRoom(RoomId),
    /// A widget key was made or revoked.
    WidgetKey(WidgetKey),
    /// Tokens do not count any more.
    Revocation(Revocation),
    /// An invitation was made, taken or revoked.
    Invitation(Invitation),
    /// Somebody holds a name.
    Name(HeldName),
    /// The game of a room shows something else now.
    Interface {
        /// The room.
        room: RoomId,
        /// What is shown; `None` for nothing.
        interface: Option<ShownInterface>,
    },
    /// All pages look like this now.
    Appearance(Arc<Appearance>),
    /// A webhook was made, changed or removed. Not how its deliveries go.
    Webhooks,
}

impl News {
    /// The event that it is, if it is one.
    pub fn event(&self) -> Option<&Arc<Event>> {
        match self {
            Self::Event(event) => Some(event),
            _ => None,
        }
    }
}

/// Hears what other nodes of a cluster say, and does what follows from it before it returns. Returns the answer to what was asked,
/// which may take a while; `None` if there is none to give.
pub type Ear = Arc<dyn Fn(&[u8]) -> Option<BoxFuture<'static, Option<Vec<u8>>>> + Send + Sync>;

/// What the nodes of a cluster tell each other and nobody keeps: one that is cut off at the time, or starts later, never hears of it.
pub trait Peers: Send + Sync {
    /// Tells all other nodes something. Does not wait.
    fn tell(&self, words: Vec<u8>);

    /// Asks all other nodes something: the first answer, `None` if none comes in time (a second).
    fn ask(&self, words: Vec<u8>) -> BoxFuture<'_, Option<Vec<u8>>>;

    /// Has `ear` hear, from now on, what other nodes tell and ask. It must return soon and never block.
    fn listen(&self, ear: Ear);

    /// Gives a frame of the relay to all other nodes. Waits until `nodes` of them have it, so that what is stored later comes behind it
    /// there, but for a moment at most: those that cannot be reached never get it.
    fn relay(&self, frame: RelayedFrame, nodes: usize) -> BoxFuture<'_, ()>;

    /// The largest frame that [`relay`](Self::relay) takes, in bytes.
    fn relayed_bytes(&self) -> usize;

    /// Has `ear` get, from now on, the frames that other nodes relay. It must return soon and never block.
    fn hear_relayed(&self, ear: RelayEar);
}

/// Gets the frames that other nodes relay.
pub type RelayEar = Arc<dyn Fn(RelayedFrame) + Send + Sync>;

/// A frame of the relay on its way to other nodes. It is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayedFrame {
    /// The room that it was sent to.
    pub room: RoomId,
    /// The newest event that came before it.
    pub after: u64,
    /// The frame, encoded as it is sent to clients.
    pub frame: Bytes,
}

/// What orders, stores and dispatches a room's events.
///
/// All methods may be dropped at any await: what was handed over is then still carried out, only its answer is lost.
pub trait Engine: Send + Sync + 'static {
    /// Names the unbroken log that all positions of this engine belong to: 1 to 32 characters of `[0-9A-Za-z]`.
    fn epoch(&self) -> &str;

    /// Has what happens from now on dispatched: whoever has opened the engine knows all that was before. On one machine nothing
    /// happens before it is asked for, so that there is nothing to begin.
    fn begin(&self) {}

    /// Finishes what was asked before, then closes. Later requests get [`EngineError::Closed`]. Blocks until it is done.
    fn close(&self);

    /// All rooms with the sequence number of their newest event, ordered by id.
    fn rooms(&self) -> BoxFuture<'_, Result<Vec<(Room, u64)>, EngineError>>;

    /// Makes a room, with the next free number, and its first widget key.
    fn create_room(&self, settings: Settings) -> BoxFuture<'_, Result<(Room, WidgetKey), EngineError>>;

    /// Makes a room that is live at once and has no widget key.
    fn open_channel(&self, settings: Settings) -> BoxFuture<'_, Result<Room, EngineError>>;

    /// Removes a room: no method knows it from now on, its address name is free, and what is in it is erased little by little. One that
    /// is not there: no error. No other room ever has its number.
    fn remove_room(&self, room: RoomId) -> BoxFuture<'_, Result<(), EngineError>>;

    /// All widget keys, in the order in which they were made, the revoked ones included.
    fn widget_keys(&self) -> BoxFuture<'_, Result<Vec<WidgetKey>, EngineError>>;

    /// Makes a widget key, later than all that there are.
    fn create_widget_key(&self, key: NewWidgetKey) -> BoxFuture<'_, Result<WidgetKey, EngineError>>;

    /// Says where the sign-in of games that show a widget key may send a browser back to, in place of what was said before.
    fn set_redirect_uris(&self, key: String, uris: RedirectUris) -> BoxFuture<'_, Result<WidgetKey, EngineError>>;

    /// Revokes a widget key for good. One that was revoked before stays as it is, without an error.
    fn revoke_widget_key(&self, key: String) -> BoxFuture<'_, Result<WidgetKey, EngineError>>;

    /// Moves a room to another state, as an event of its log. To the state that it is in already: no event, no error.
    fn set_state(&self, room: RoomId, state: RoomState) -> BoxFuture<'_, Result<Room, EngineError>>;

    /// Begins to make a room of what was said elsewhere. Until [`finish_import`](Self::finish_import) no other method knows it; if
    /// the engine closes before, or fails, nothing of it is left. Its address name is taken from now on.
    fn begin_import(&self, settings: Settings) -> BoxFuture<'_, Result<RoomId, EngineError>>;

    /// Adds messages to a room that is being imported, in this order, whatever their times are. What is added at once
    /// shares a commit with what is said in other rooms: a few hundred messages delay those by milliseconds.
    fn import(&self, room: RoomId, messages: Vec<Recorded>) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Makes an imported room one like all others, ended, with its first widget key, and the sequence number of its newest event. Returns after all of it is
    /// durable; nothing is dispatched.
    fn finish_import(&self, room: RoomId) -> BoxFuture<'_, Result<(Room, WidgetKey, u64), EngineError>>;

    /// Gives up a room that is being imported. Does not wait.
    fn abandon_import(&self, room: RoomId);

    /// Appends a message. Returns after it is durable and dispatched.
    ///
    /// A message whose author has already stored one with the same client message id in this room is not stored again; the
    /// answer is the first one's.
    fn append(&self, room: RoomId, entry: Entry) -> BoxFuture<'_, Result<Appended, EngineError>>;

    /// Decides on a message that waits for a moderator, as an event of the room's log; if it is approved, the next event is the
    /// message, for everybody. One that it was decided on before in the same way: no event, the answer is the first one's.
    ///
    /// The answer is the message if it is approved, else the decision.
    fn resolve(
        &self,
        room: RoomId,
        of: u64,
        outcome: Outcome,
        by: UserId,
        reason: String,
    ) -> BoxFuture<'_, Result<Appended, EngineError>>;

    /// The messages of a room after `after` that wait for a moderator, the oldest first, until they exceed [`ANSWER_BYTES`].
    fn held(&self, room: RoomId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Event>, EngineError>>;

    /// Whether somebody has said something to everybody in the room. May be forgotten with what they said, when that is past the
    /// room's retention.
    fn has_spoken(&self, room: RoomId, user: UserId) -> BoxFuture<'_, Result<bool, EngineError>>;

    /// Changes a room's settings, as an event of its log. In any state of the room. To what they are already: no event, no error.
    fn configure(&self, room: RoomId, change: SettingsChange, by: UserId) -> BoxFuture<'_, Result<Room, EngineError>>;

    /// Takes messages out of everything that is read from now on, as an event of the room's log; the log itself keeps them. In
    /// any state of the room. A message that was taken out before: no event, the answer is the first deletion's.
    fn delete(&self, room: RoomId, deletion: Deletion) -> BoxFuture<'_, Result<Appended, EngineError>>;

    /// Undoes a deletion, a decision on somebody's right to speak, or that a message was declined, as an event of the room's log; what
    /// holds of a user's right is the event that follows. Within [`UNDO_WINDOW`](crate::chat::UNDO_WINDOW) after the act, in any state
    /// of the room. What was undone before: no event, the answer is the first one's.
    ///
    /// A deletion gives back what it alone took out, reactions included. A decision gives back what was decided before, for as long as
    /// that is yet to last.
    fn undo(&self, room: RoomId, of: u64, by: UserId) -> BoxFuture<'_, Result<Appended, EngineError>>;

    /// Returns the act at that place of a room's log, if there is one.
    fn act(&self, room: RoomId, seq: u64) -> BoxFuture<'_, Result<Option<Event>, EngineError>>;

    /// Tells a live room that somebody's connections are ended, as an event of its log.
    fn disconnect(&self, room: RoomId, disconnection: Disconnection) -> BoxFuture<'_, Result<Appended, EngineError>>;

    /// Appends a custom event to the log of a live room.
    fn tell(&self, room: RoomId, event: CustomEvent) -> BoxFuture<'_, Result<Appended, EngineError>>;

    /// Notes, as an event of the room's log, whether somebody may speak; before a ban, what waits of them is declined. In any state
    /// of the room.
    fn sanction(&self, room: RoomId, sanction: Sanction) -> BoxFuture<'_, Result<Appended, EngineError>>;

    /// Adds a reaction to a public message of a live room, or takes it back. Returns after it is durable. What is so already: no
    /// change, no error. Nobody is told before [`tell_reactions`](Self::tell_reactions), which has to follow if something changed;
    /// if the engine closes before, it tells when it opens again. A deletion of all that somebody said takes back their reactions
    /// too, and so does a ban.
    fn react(&self, room: RoomId, react: React) -> BoxFuture<'_, Result<Reacted, EngineError>>;

    /// Appends an event that tells how often people react to messages where that has changed since it was told last, if there are
    /// any: many changes are one event. In any state of the room. Whether there is more to be told.
    fn tell_reactions(&self, room: RoomId) -> BoxFuture<'_, Result<bool, EngineError>>;

    /// The public messages at these places of a room's log as they are now, with the reactions to them; `None` for one that was deleted. A place
    /// that holds none, or is past the room's retention, is left out.
    fn messages(&self, room: RoomId, seqs: Vec<u64>) -> BoxFuture<'_, Result<Messages, EngineError>>;

    /// The newest sanction of each user of each room that is not lifted, those whose time is over included; by room, in the order
    /// of its log.
    fn sanctions(&self) -> BoxFuture<'_, Result<Vec<Event>, EngineError>>;

    /// Who holds which name in which room, by [`Entry::name`], those whose time is over left out; the latest claim last.
    fn names(&self) -> BoxFuture<'_, Result<Vec<HeldName>, EngineError>>;

    /// Notes that tokens do not count any more, until that is over by itself. A later one of the same replaces it.
    fn revoke(&self, revocation: Revocation) -> BoxFuture<'_, Result<(), EngineError>>;

    /// The revocations that are not over.
    fn revocations(&self) -> BoxFuture<'_, Result<Vec<Revocation>, EngineError>>;

    /// Keeps an invitation; if it is kept already, that it was taken, or revoked, unless it was before. Whether that has changed
    /// anything: of two who take it at once, one has.
    fn keep_invitation(&self, invitation: Invitation) -> BoxFuture<'_, Result<bool, EngineError>>;

    /// Uses up a single-use token of `room`, known by `id` and good until `until`. Returns whether this was its first use and the
    /// token had not ended: of several callers on any nodes, one gets `true`. The id is kept until the token has ended.
    fn use_token(&self, room: RoomId, id: String, until: Timestamp) -> BoxFuture<'_, Result<bool, EngineError>>;

    /// Returns whether a single-use token was used up, as far as this node knows.
    fn is_token_used(&self, id: String) -> BoxFuture<'_, Result<bool, EngineError>>;

    /// All invitations.
    fn invitations(&self) -> BoxFuture<'_, Result<Vec<Invitation>, EngineError>>;

    /// Reads a part of a room's log, oldest first, without the messages that were deleted and what is past the room's retention.
    /// Sees everything that was dispatched before the call.
    fn read(&self, query: Query) -> BoxFuture<'_, Result<Vec<Event>, EngineError>>;

    /// What was done in the room before `before`, newest first, until it exceeds [`ANSWER_BYTES`]: its log without what was said.
    fn acts(&self, room: RoomId, before: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Act>, EngineError>>;

    /// What took that message out, and the message; `None` if it is not deleted, or there is no such message.
    fn deletion(&self, room: RoomId, seq: u64) -> BoxFuture<'_, Result<Option<Act>, EngineError>>;

    /// Looks for the public chat messages whose name and text have all these words, whatever their case and accents; newest first. A
    /// word of three bytes or more also finds those that begin with it. Without the messages that were deleted and what is past the room's retention.
    fn search(&self, search: Search) -> BoxFuture<'_, Result<Hits, EngineError>>;

    /// The newest event of a room that came before a moment, 0 if none did. Where the clock went back, several events may fit; a later
    /// moment never gives an earlier event, so that consecutive spans of time hold each event once.
    fn seq_before(&self, room: RoomId, at: Timestamp) -> BoxFuture<'_, Result<u64, EngineError>>;

    /// The newest event of a room that is past its retention (see [`Settings::retention_days`] and what follows it), 0 if none is:
    /// it and all before it may be missing in what is read. A read that has missed any of them was preceded by this.
    fn trimmed(&self, room: RoomId) -> u64;

    /// Returns what the games of rooms show, for each room where one shows something.
    fn shown_interfaces(&self) -> BoxFuture<'_, Result<Vec<(RoomId, ShownInterface)>, EngineError>>;

    /// Keeps what a room's game shows, in place of what it showed before; `None` for nothing. It is no event of the room's log: only
    /// the newest is kept. Returns after it is durable and dispatched.
    fn show_interface(&self, room: RoomId, interface: Option<ShownInterface>) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Returns how all pages look, as far as owners have chosen.
    fn appearance(&self) -> BoxFuture<'_, Result<Appearance, EngineError>>;

    /// Changes how all pages look, and returns how they do then. Returns after it is durable and dispatched. A change that changes
    /// nothing is not dispatched.
    fn change_appearance(&self, change: AppearanceChange) -> BoxFuture<'_, Result<Appearance, EngineError>>;

    /// All webhooks, each with where it stands in the rooms' logs: the newest event that it needs not be told any more. A room that
    /// is not among them, it has yet to be told all of.
    fn webhooks(&self) -> BoxFuture<'_, Result<Vec<(Webhook, Cursors)>, EngineError>>;

    /// Keeps a webhook, and where it stands in these rooms' logs, in place of what was kept before. Returns after it is durable and
    /// dispatched.
    fn put_webhook(&self, webhook: Webhook, cursors: Cursors) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Notes how the deliveries to a webhook go, and where it stands in these rooms' logs. Nobody is told. One that is not there, or
    /// not any more: no error, and nothing is noted.
    fn note_deliveries(&self, id: WebhookId, standing: Standing, cursors: Cursors) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Forgets a webhook, and where it stands. One that is not there: no error.
    fn remove_webhook(&self, id: WebhookId) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Why nothing can be stored at present; `None` while all is well.
    fn fault(&self) -> Option<Fault>;

    /// Knows whether a thread of the engine has ended unexpectedly. Layers above watch over their own threads with it too.
    fn supervisor(&self) -> &Supervisor;

    /// What whoever runs the chat should look at, though it can be used; `None` while all is well.
    fn warning(&self) -> Option<String> {
        None
    }

    /// Whether another node may have dispatched an event of that place already, which is yet to come here. Never on one machine.
    fn is_ahead(&self, _seq: u64) -> bool {
        false
    }

    /// Whether this node is the one that does what one alone must do, as delivering to webhooks; changes with it. On one machine it
    /// always is.
    fn leads(&self) -> watch::Receiver<bool> {
        watch::channel(true).1
    }

    /// Whether this node is that one at this moment. Unlike [`leads`](Self::leads) it is right at once where the process was paused
    /// and another node has taken over meanwhile.
    fn leads_now(&self) -> bool {
        true
    }

    /// The other nodes; `None` on one machine.
    fn peers(&self) -> Option<Arc<dyn Peers>> {
        None
    }
}

/// A message to be stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Who says it.
    pub author: UserId,
    /// Who is to read it.
    pub to: Audience,
    /// What they are.
    pub profile: Profile,
    /// What they say.
    pub draft: Draft,
    /// What the store is to know of the name that they say it under; `None` where it knows, or need not. Replaces what it knew of
    /// this author in the room.
    pub name: Option<NameClaim>,
}

/// Who is to read a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// All who are in the room.
    Everyone,
    /// One user alone.
    One(UserId),
    /// Nobody before a moderator has let it through.
    Moderators,
}

/// A name that the store knows somebody to hold.
#[derive(Clone, Debug)]
pub struct HeldName {
    /// In which room.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// Which, and until when.
    pub claim: NameClaim,
}

/// A place in the log of each of some rooms, as the sequence number of an event.
pub type Cursors = BTreeMap<RoomId, u64>;

/// Messages by their places in the log; `None` for one that was deleted.
pub type Messages = BTreeMap<u64, Option<Event>>;

/// Where a message was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the room's log.
    pub seq: u64,
    /// When it was ordered.
    pub sent_at: Timestamp,
    /// Whether it is a message that waits for a moderator there, or was declined.
    pub held: bool,
}

/// A reaction to be added or taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct React {
    /// The message's place in the log.
    pub message: u64,
    /// Whose reaction.
    pub user: UserId,
    /// One emoji.
    pub emoji: String,
    /// Whether it is to be there.
    pub is_set: bool,
}

/// What became of a reaction.
#[derive(Clone, Debug)]
pub struct Reacted {
    /// All reactions to the message, as the user sees them.
    pub reactions: Vec<Reaction>,
    /// The newest event of the room then. What later ones tell of the message is newer.
    pub seq: u64,
    /// Whether anything has changed.
    pub changed: bool,
}

/// Something that was done in a room.
#[derive(Clone, Debug)]
pub struct Act {
    /// What: no message.
    pub event: Event,
    /// The one message that it was done to, if it was one.
    pub message: Option<Message>,
}

impl Act {
    /// How much of it clients have said or set.
    pub fn payload_bytes(&self) -> usize {
        self.event.payload_bytes() + self.message.as_ref().map_or(0, |message| message.payload.get().len())
    }
}

/// Which events to read: those with `after < seq < before` that the reader may see.
#[derive(Clone, Debug)]
pub struct Query {
    /// Whose log.
    pub room: RoomId,
    /// The newest event that is not wanted any more.
    pub after: u64,
    /// The oldest event that is not wanted yet; `None` for all that there are.
    pub before: Option<u64>,
    /// Who reads.
    pub reader: Reader,
    /// Messages only, each with the reactions to it; or changes of the room too.
    pub messages_only: bool,
    /// How many at most.
    pub limit: usize,
    /// After how many bytes of payload to stop, with at least one event: bounds what a page takes of the memory.
    pub bytes: usize,
    /// Which of them, when there are more.
    pub end: End,
}

/// Who reads a log, which says what they may see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Anybody: what is for everybody.
    Public,
    /// A user: also the private messages that they are a party of, and what was decided on them.
    User(UserId),
    /// Whoever runs the chat: also what was decided on whom. Nobody's private messages.
    Owner,
}

impl Reader {
    /// Whether they may see `event`.
    pub fn may_see(&self, event: &Event) -> bool {
        match self {
            Self::Public => event.visible_to(None),
            Self::User(user) => event.visible_to(Some(user)),
            Self::Owner => event.visible_to(None) || matches!(event.kind, Kind::Sanction(_)),
        }
    }
}

impl Query {
    /// Whether `events` is as much as one page may be, so that there may be more.
    pub fn is_filled_by(&self, events: &[Event]) -> bool {
        events.len() >= self.limit || events.iter().map(Event::payload_bytes).sum::<usize>() >= self.bytes
    }
}

/// What to look for: nothing in it is read as a language of queries.
#[derive(Clone, Debug)]
pub struct Search {
    /// Where.
    pub room: RoomId,
    /// The words.
    pub words: Vec<String>,
    /// The oldest event that is not wanted any more; `None` for all that there are.
    pub before: Option<u64>,
    /// How many messages at most; fewer once they exceed [`ANSWER_BYTES`].
    pub limit: usize,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// The messages, newest first.
    pub events: Vec<Event>,
    /// How many of the newest events could not be searched, because the index has not reached them yet: 0 but for the first minutes
    /// after an older database was taken over, or much was imported.
    pub not_searched: u64,
}

/// An end of a range of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The oldest of the range come first and the rest is left out: to read on, forward.
    Oldest,
    /// The newest of the range: to read back.
    Newest,
}

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such room.
    #[error("room {0} does not exist")]
    UnknownRoom(RoomId),
    /// There is no such message in the room.
    #[error("room {room} has no message {seq}")]
    UnknownMessage {
        /// The room.
        room: RoomId,
        /// The place of its log that holds none.
        seq: u64,
    },
    /// The message was deleted.
    #[error("message {seq} of room {room} was deleted")]
    Deleted {
        /// The room.
        room: RoomId,
        /// Its place in the log.
        seq: u64,
    },
    /// There is no act at this place that could be undone.
    #[error("event {seq} of room {room} is nothing that could be undone")]
    NotUndoable {
        /// The room.
        room: RoomId,
        /// The place of its log.
        seq: u64,
    },
    /// The act can no longer be undone.
    #[error("it is too late to undo event {seq} of room {room}")]
    UndoOver {
        /// The room.
        room: RoomId,
        /// The act's place in its log.
        seq: u64,
    },
    /// Another decision on the same user has been made since.
    #[error("event {seq} of room {room} has been replaced by a later decision")]
    Overruled {
        /// The room.
        room: RoomId,
        /// The act's place in its log.
        seq: u64,
    },
    /// What the act took out is past the room's retention.
    #[error("what event {seq} of room {room} took out is not kept any more")]
    NothingToRestore {
        /// The room.
        room: RoomId,
        /// The act's place in its log.
        seq: u64,
    },
    /// The message takes no further reaction.
    #[error(transparent)]
    TooManyReactions(#[from] TooManyReactions),
    /// There is no such widget key.
    #[error("there is no such widget key")]
    UnknownWidgetKey,
    /// It was decided on this message in another way.
    #[error("message {seq} of room {room} is {outcome:?} already")]
    Resolved {
        /// The room.
        room: RoomId,
        /// The message's place in its log.
        seq: u64,
        /// What became of it.
        outcome: Outcome,
    },
    /// No more messages of this author may wait for a moderator, or none of anybody.
    #[error("too many messages wait for a moderator in room {room}")]
    TooManyHeld {
        /// The room.
        room: RoomId,
        /// Whether they are all this author's.
        of_author: bool,
    },
    /// The room takes no messages in this state.
    #[error("room is {0:?}, not live")]
    NotLive(RoomState),
    /// A room cannot go from the first state to the second.
    #[error("a room cannot go from {0:?} to {1:?}")]
    WrongOrder(RoomState, RoomState),
    /// Another room has this slug.
    #[error("the slug {0:?} is taken")]
    SlugTaken(String),
    /// The room cannot have such a setting.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The store failed. Nothing of what was asked is promised to be durable.
    #[error("the store failed: {0}")]
    Store(#[from] rusqlite::Error),
    /// The log took nothing of what was asked.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// What was to be stored is larger than the servers take.
    #[error("it is larger than the {most} bytes that the log takes at once")]
    TooLarge {
        /// The largest entry, in bytes.
        most: usize,
    },
    /// An event is not what was stored. It is not given to anybody.
    #[error("event {seq} of room {room} is damaged: see `live-chat --check`")]
    DamagedEvent {
        /// The room.
        room: RoomId,
        /// The event's place in its log.
        seq: u64,
    },
    /// What was to be read on from is past the room's retention: something may be missing after it.
    #[error("room {room} does not keep what follows event {after}")]
    NotKept {
        /// The room.
        room: RoomId,
        /// The place after which something was to be read.
        after: u64,
    },
    /// The engine is closing.
    #[error("the engine is closed")]
    Closed,
}

/// Why the log takes nothing at present.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// It could not be written. What was asked may be asked again: the engine finds out by itself when it can be.
    #[error("the log cannot be written: {0}")]
    Failing(Arc<rusqlite::Error>),
    /// It is damaged. Nothing is written into it until it has been repaired and the program is started again.
    #[error("the log is damaged, and takes nothing more: {0}")]
    Damaged(Arc<str>),
    /// The servers that keep it cannot be reached, or do not answer. It goes on by itself when they do.
    #[error("the log cannot be reached: {0}")]
    Unreachable(Arc<str>),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged(error.to_string().into()),
            _ => Self::Failing(Arc::new(error)),
        }
    }
}

/// Why a log was not copied into another engine.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The SQLite log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log of a cluster cannot be opened.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// One of the two failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is a log already where it is to be copied to.
    #[error("{0} is there already, and is not overwritten: name another folder (--data-dir), or move it away")]
    Exists(std::path::PathBuf),
    /// There is another log already where it is to be copied to.
    #[error("the stream {0:?} has another log in it: name another (--nats-stream)")]
    NotEmpty(String),
    /// The copy is not what was copied.
    #[error(
        "the table {} has {} rows of checksum {}, and its copy {} of {}",
        .expected.table, .expected.rows, .expected.checksum, .found.rows, .found.checksum
    )]
    Differs {
        /// What was to be copied.
        expected: Census,
        /// What was found.
        found: Census,
    },
    /// The file could not be made.
    #[error(transparent)]
    Backup(#[from] BackupError),
}

/// Compares what there is of two logs.
fn compare(expected: &[Census], found: &[Census]) -> Result<(), CopyError> {
    match expected.iter().zip(found).find(|(expected, found)| expected != found) {
        Some((expected, found)) => Err(CopyError::Differs { expected: expected.clone(), found: found.clone() }),
        None => Ok(()),
    }
}

impl From<Fault> for CopyError {
    fn from(fault: Fault) -> Self {
        EngineError::from(fault).into()
    }
}

/// Whether a room may go from `from` to `to`: created, prepared, live, ended, and round again to a new session.
pub(crate) fn may_follow(from: RoomState, to: RoomState) -> bool {
    use RoomState::{Created, Ended, Live, Prepared};
    matches!((from, to), (Created | Ended, Prepared) | (Prepared, Live) | (Live, Ended))
}

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
