//! The events of a room's stream.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};

use super::{ChatMessage, Quote, Raw, SettingsView, Standing, known_or_default, read};
use crate::chat::{ChatText, MessageId, Position, Reaction, Recount, RoomState};

/// What an event of the stream means to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// The connection is open.
    Init(Init),
    /// Somebody said something.
    Message(Box<ChatMessage>),
    /// The number of people who watch now.
    Viewers(usize),
    /// The room opened or ended.
    Room(RoomState),
    /// The room's settings changed.
    Settings(SettingsView),
    /// Messages were deleted, or waited and do not any more.
    Removal(Removal),
    /// What a removal took out is there again.
    Restored(Removal),
    /// The number of messages that wait for a moderator.
    Waiting(usize),
    /// The reactions to some messages changed, by the event at that place of the log.
    Reactions(u64, Vec<Recount>),
    /// Whether the server reaches the log.
    Link(bool),
    /// A moderator has decided that the reader may not speak, or may again.
    Standing(Option<Standing>),
    /// The room's game shows something else. Whether it shows anything; what it is, [`GameNews`](super::interface::GameNews) reads.
    Interface(bool),
    /// The room's game has a component closed, which is read likewise.
    Cooldown,
    /// Nothing that the page shows.
    Other,
}

/// What a connection begins with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Init {
    /// What to publish with from now on.
    pub token: String,
    /// Who the reader is.
    pub user_id: String,
    /// Connections of the room.
    #[serde(default)]
    pub viewer_count: usize,
    /// Whether the position that was asked for could not be used.
    #[serde(default)]
    pub gap: bool,
    /// How many messages wait for the reader, if they moderate.
    #[serde(default)]
    pub waiting: usize,
    /// The room's state. The server leaves it out while the room is live.
    #[serde(default, deserialize_with = "known_or_default")]
    state: Option<RoomState>,
    /// Whether the reader may take messages out.
    #[serde(default)]
    pub moderates: bool,
    /// Whether the room's game shows anything.
    #[serde(default, rename = "interface", deserialize_with = "is_there")]
    pub shows_game: bool,
}

impl Init {
    /// Returns the room's state.
    pub fn state(&self) -> RoomState {
        self.state.unwrap_or(RoomState::Live)
    }
}

/// What a deletion takes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The message at this place of the log.
    Message(u64),
    /// The message that waited at this place of the log: it comes as another one.
    Approved(u64),
    /// Everything that an author said before a place of the log.
    AllOf {
        /// The author's user id.
        author: String,
        /// The deletion's own place.
        before: u64,
    },
}

impl Removal {
    /// Whether `message` is one of them.
    pub fn covers(&self, message: &ChatMessage) -> bool {
        self.takes(message.seq, &message.author)
    }

    /// Whether the message at that place by that author is one of them.
    pub fn takes(&self, place: u64, by: &str) -> bool {
        match self {
            Self::Message(seq) | Self::Approved(seq) => *seq == place,
            Self::AllOf { author, before } => author == by && place < *before,
        }
    }

    /// Whether a message is one of the reader's own that stay, marked.
    pub fn marks(&self, message: &ChatMessage, user_id: &str) -> bool {
        message.author == user_id && !matches!(self, Self::Approved(_))
    }
}

/// An event as it is sent. Its message is read once its type is known.
#[derive(Deserialize)]
pub(super) struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    author_id: String,
    #[serde(default)]
    sent_at: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    picture: String,
    #[serde(default)]
    announcement: bool,
    #[serde(default)]
    unreadable: bool,
    #[serde(default)]
    reactions: Counts,
    #[serde(default)]
    own_reactions: Vec<String>,
    message: Raw,
}

/// Emojis with how many reacted with each: an object whose order counts.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<(String, u64)>);

/// What a notice of the server is about.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct Viewers {
    viewer_count: usize,
}

#[derive(Deserialize)]
struct Waiting {
    waiting: usize,
}

#[derive(Deserialize)]
struct Link {
    live: bool,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default, rename = "interface", deserialize_with = "is_there")]
    is_there: bool,
}

/// The chat keys of a payload, as [`ChatText::of`] knows them, and its reply.
#[derive(Deserialize)]
struct Chat {
    username: Option<Raw>,
    message_text: Option<Raw>,
    #[serde(rename = "messageText")]
    message_text_camel: Option<Raw>,
    reply_to: Option<Raw>,
}

impl Chat {
    /// Returns what people read in it, if it is a chat message, and the id of the message that it is a reply to.
    fn read(self) -> Option<(ChatText, Option<String>)> {
        let username = self.username?.read::<String>()?.trim().to_owned();
        let text = self.message_text.or(self.message_text_camel)?.read()?;
        Some((ChatText { username, text }, self.reply_to.and_then(|id| id.read())))
    }
}

/// A message, by its id.
#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Either one message or all of an author's.
#[derive(Deserialize)]
struct Deleted {
    id: Option<String>,
    author_id: Option<String>,
    /// The deletion, where that was undone.
    act: Option<String>,
}

#[derive(Deserialize)]
struct Recounts {
    messages: Vec<Recounted>,
}

#[derive(Deserialize)]
struct Recounted {
    id: String,
    #[serde(default)]
    reactions: Counts,
}

/// A quoted message that may be there no more.
#[derive(Deserialize)]
struct Quoted {
    id: String,
    #[serde(default)]
    deleted: bool,
}

impl StreamEvent {
    /// Reads the data of one event. Nothing in it is an error: the server may be newer than the page.
    pub fn read(data: &str) -> Self {
        let event = read(data).and_then(|envelope: Envelope| match &*envelope.kind {
            "init" => body(&envelope.message).map(Self::Init),
            "broadcast" | "private" | "held" => envelope.message().map(|message| Self::Message(Box::new(message))),
            "system" => Self::notice(&envelope),
            _ => None,
        });
        event.unwrap_or(Self::Other)
    }

    fn notice(envelope: &Envelope) -> Option<Self> {
        let message = &envelope.message;
        let Status { status } = body(message)?;
        match &*status {
            "prepare" => Some(Self::Room(RoomState::Prepared)),
            "start" => Some(Self::Room(RoomState::Live)),
            "end" => Some(Self::Room(RoomState::Ended)),
            "settings" => body(message).map(Self::Settings),
            "timeout" | "ban" => body(message).map(|standing| Self::Standing(Some(standing))),
            "lift" => Some(Self::Standing(None)),
            "delete" => removal(&envelope.id, &body(message)?).map(Self::Removal),
            "restore" => restored(&body(message)?),
            "decline" => body(message).and_then(|Id { id }| seq(&id)).map(Removal::Message).map(Self::Removal),
            "approve" => body(message).and_then(|Id { id }| seq(&id)).map(Removal::Approved).map(Self::Removal),
            "link" => body(message).map(|Link { live }| Self::Link(live)),
            "waiting" => body(message).map(|Waiting { waiting }| Self::Waiting(waiting)),
            "interface" => body(message).map(|Shown { is_there }| Self::Interface(is_there)),
            "cooldown" => Some(Self::Cooldown),
            "reactions" => recounts(envelope, body(message)?),
            "join" | "leave" | "viewers" => body(message).map(|Viewers { viewer_count }| Self::Viewers(viewer_count)),
            _ => None,
        }
    }
}

impl Envelope {
    /// Returns the message of the chat in it, if it holds one: rooms carry other messages too.
    pub(super) fn message(self) -> Option<ChatMessage> {
        let place: MessageId = self.id.parse().ok()?;
        let (chat, reply_to) = match self.unreadable {
            true => (ChatText::default(), None),
            false => self.message.read::<Chat>()?.read()?,
        };
        let reply_to: Option<MessageId> = reply_to.and_then(|id| id.parse().ok()).filter(|id: &MessageId| id.room == place.room);
        let quote = |id: MessageId| Quote { seq: id.seq, id: id.to_string(), ..Quote::default() };
        Some(ChatMessage {
            seq: place.seq,
            private: self.kind == "private",
            waits: self.kind == "held",
            id: self.id,
            author: self.author_id,
            chat,
            sent_at: self.sent_at,
            role: self.role,
            picture: self.picture,
            announces: self.announcement,
            reactions: reactions(self.reactions, &self.own_reactions),
            quote: reply_to.map(quote),
        })
    }
}

/// Whether an event is a notice of the moment, and not of the log.
pub fn is_notice(data: &str) -> bool {
    read(data).is_some_and(|envelope: Envelope| envelope.id.is_empty())
}

/// Reads one message, as the server answers with it alone.
pub fn message(envelope: &Raw) -> Option<ChatMessage> {
    body::<Envelope>(envelope)?.message()
}

/// Reads a message that others are replies to, which may be deleted.
pub fn quote(told: &Raw) -> Option<Quote> {
    match body(told)? {
        Quoted { id, deleted: true } => seq(&id).map(Quote::deleted),
        Quoted { deleted: false, .. } => message(told).map(|message| Quote::of(&message)),
    }
}

/// Reads only whether there is a value.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<Raw>::deserialize(deserializer).map(|value| value.is_some())
}

fn body<T: DeserializeOwned>(message: &Raw) -> Option<T> {
    message.read()
}

fn removal(act: &str, Deleted { id, author_id, .. }: &Deleted) -> Option<Removal> {
    match author_id {
        Some(author) => Some(Removal::AllOf { author: author.clone(), before: seq(act)? }),
        None => seq(id.as_ref()?).map(Removal::Message),
    }
}

fn restored(undone: &Deleted) -> Option<StreamEvent> {
    removal(undone.act.as_ref()?, undone).map(StreamEvent::Restored)
}

fn recounts(envelope: &Envelope, Recounts { messages }: Recounts) -> Option<StreamEvent> {
    let recount =
        |Recounted { id, reactions: counts }: Recounted| Some(Recount { message: seq(&id)?, reactions: reactions(counts, &[]) });
    Some(StreamEvent::Reactions(seq(&envelope.id)?, messages.into_iter().filter_map(recount).collect()))
}

pub(super) fn reactions(Counts(counts): Counts, own: &[String]) -> Vec<Reaction> {
    counts.into_iter().map(|(emoji, count)| Reaction { own: own.contains(&emoji), emoji, count }).collect()
}

/// Returns the place in the log of what has that id.
fn seq(id: &str) -> Option<u64> {
    id.parse().ok().map(|MessageId { seq, .. }| seq)
}

/// Returns the place in the log of a position; 0 if it is none.
pub(super) fn seq_of(position: &str) -> u64 {
    position.parse().map_or(0, |Position { seq, .. }| seq)
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CountsVisitor)
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = Counts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counts, A::Error> {
        let mut counts = Vec::new();
        while let Some(entry) = map.next_entry()? {
            counts.push(entry);
        }
        Ok(Counts(counts))
    }
}
