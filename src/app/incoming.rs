//! What the server says, in the words of the page.

use super::{
    json::Json,
    timeline::{Extract, Removal},
    view::{ChatMessage, FormError, FormInput, FormView, Quote, RoomView, SettingsView, Standing},
};
use crate::chat::{ChatText, Group, MessageId, Reaction, Recount, RoomId, RoomState};

/// One event of the feed.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// The connection is open.
    Init(Init),
    /// Somebody said something.
    Message(Box<ChatMessage>),
    /// So many watch now.
    Viewers(usize),
    /// The room opened or ended.
    Room(RoomState),
    /// The room's settings changed.
    Settings(SettingsView),
    /// Messages were deleted, or waited and do not any more.
    Removal(Removal),
    /// So many messages wait for a moderator.
    Waiting(usize),
    /// The reactions to some messages are others now, by the event at that place of the log.
    Reactions(u64, Vec<Recount>),
    /// Whether the server reaches the log.
    Link(bool),
    /// A moderator has decided that the reader may not speak, or may again.
    Standing(Option<Standing>),
    /// Nothing that the page shows.
    Other,
}

/// What a connection begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// What to publish with from now on.
    pub token: String,
    /// Who the reader is.
    pub user_id: String,
    /// Connections of the room.
    pub viewer_count: usize,
    /// Whether the position that was asked for could not be used.
    pub gap: bool,
    /// How many messages wait for the reader, if they moderate.
    pub waiting: usize,
    /// The room's state.
    pub state: RoomState,
    /// Whether the reader may take messages out.
    pub moderates: bool,
}

impl Incoming {
    /// Reads the data of one event. Whatever it is, it is no error: the server may be newer than the page.
    pub fn decode(data: &str) -> Self {
        Self::read(data).unwrap_or(Self::Other)
    }

    fn read(data: &str) -> Option<Self> {
        let envelope = Json::parse(data)?;
        let message = envelope.get("message");
        match &*envelope.text("type")? {
            "init" => Init::read(&message).map(Self::Init),
            "broadcast" | "private" | "held" => said(&envelope).map(|said| Self::Message(Box::new(said))),
            "system" => match message.text("status").as_deref() {
                Some("prepare") => Some(Self::Room(RoomState::Prepared)),
                Some("start") => Some(Self::Room(RoomState::Live)),
                Some("end") => Some(Self::Room(RoomState::Ended)),
                Some("settings") => settings(&message).map(Self::Settings),
                Some("timeout" | "ban") => Some(Self::Standing(Some(standing(&message)))),
                Some("lift") => Some(Self::Standing(None)),
                Some("delete" | "decline") => removal(&envelope, &message).map(Self::Removal),
                Some("approve") => Some(Self::Removal(Removal::Approved(seq(&message)?))),
                Some("link") => Some(Self::Link(message.flag("live"))),
                Some("waiting") => message.number("waiting").map(|waiting| Self::Waiting(waiting as usize)),
                Some("reactions") => {
                    Some(Self::Reactions(seq(&envelope)?, message.items("messages").filter_map(recount).collect()))
                }
                _ => message.number("viewer_count").map(|viewers| Self::Viewers(viewers as usize)),
            },
            _ => None,
        }
    }
}

impl Init {
    fn read(message: &Json) -> Option<Self> {
        Some(Self {
            token: message.text("token")?,
            user_id: message.text("user_id")?,
            viewer_count: message.number("viewer_count").unwrap_or(0) as usize,
            gap: message.flag("gap"),
            waiting: message.number("waiting").unwrap_or(0) as usize,
            state: room_state(message.text("state").as_deref()),
            moderates: message.flag("moderates"),
        })
    }
}

/// The room's state, which is only told where it is not live.
fn room_state(told: Option<&str>) -> RoomState {
    match told {
        Some("created") => RoomState::Created,
        Some("prepared") => RoomState::Prepared,
        Some("ended") => RoomState::Ended,
        _ => RoomState::Live,
    }
}

fn settings(told: &Json) -> Option<SettingsView> {
    Some(SettingsView {
        name: told.text("name")?,
        slow_mode_seconds: told.number("slow_mode_seconds")? as u32,
        message_chars: told.number("message_chars")? as usize,
        speakers: match told.text("speakers").as_deref() {
            Some("moderators") => Group::Moderators,
            Some("signed_in") => Group::SignedIn,
            _ => Group::Everyone,
        },
        paused: told.flag("paused"),
        pinned_message: told.text("pinned_message").unwrap_or_default(),
    })
}

fn standing(told: &Json) -> Standing {
    let text = |key| told.text(key).unwrap_or_default();
    Standing { until: text("until"), reason: text("reason") }
}

fn removal(envelope: &Json, message: &Json) -> Option<Removal> {
    let before = seq(envelope)?;
    match message.text("author_id") {
        Some(author) => Some(Removal::AllOf { author, before }),
        None => Some(Removal::Message(seq(message)?)),
    }
}

/// The place in the log of what has an id.
fn seq(of: &Json) -> Option<u64> {
    id(of, "id").map(|id| id.seq)
}

fn id(of: &Json, key: &str) -> Option<MessageId> {
    of.text(key)?.parse().ok()
}

fn recount(told: Json) -> Option<Recount> {
    Some(Recount { message: seq(&told)?, reactions: reactions(&told) })
}

/// The reactions in an envelope, or in the answer to one.
pub fn reactions(told: &Json) -> Vec<Reaction> {
    let own: Vec<_> = told.items("own_reactions").filter_map(|emoji| emoji.as_text()).collect();
    let counts = told.get("reactions");
    let reaction = |emoji: String| Reaction { count: counts.number(&emoji).unwrap_or(0), own: own.contains(&emoji), emoji };
    told.keys("reactions").into_iter().map(reaction).collect()
}

/// A message that others are replies to, as the server tells it.
pub fn quote(told: &Json) -> Option<Quote> {
    if told.flag("deleted") {
        return seq(told).map(Quote::deleted);
    }
    said(told).map(|message| Quote::of(&message))
}

/// A message of the chat, if an envelope holds one: rooms carry other messages too.
pub fn said(envelope: &Json) -> Option<ChatMessage> {
    let message = envelope.get("message");
    let place = id(envelope, "id")?;
    let reply_to = id(&message, "reply_to").filter(|quoted| quoted.room == place.room);
    let quote =
        |quoted: MessageId| Quote { seq: quoted.seq, id: message.text("reply_to").unwrap_or_default(), ..Quote::default() };
    let kind = envelope.text("type");
    Some(ChatMessage {
        seq: place.seq,
        id: envelope.text("id")?,
        author: envelope.text("author_id")?,
        chat: if envelope.flag("unreadable") { ChatText::default() } else { chat_text(&message)? },
        sent_at: envelope.text("sent_at")?,
        private: kind.as_deref() == Some("private"),
        waits: kind.as_deref() == Some("held"),
        role: envelope.text("role").unwrap_or_default(),
        picture: envelope.text("picture").unwrap_or_default(),
        announces: envelope.flag("announcement"),
        reactions: reactions(envelope),
        quote: reply_to.map(quote),
    })
}

/// What people read in a message: both spellings, as `ChatText::of` reads them.
fn chat_text(message: &Json) -> Option<ChatText> {
    let text = message.text("message_text").or_else(|| message.text("messageText"))?;
    Some(ChatText { username: message.text("username")?.trim().to_owned(), text })
}

impl Extract {
    /// Reads an answer of the history endpoint.
    pub fn decode(answer: &str) -> Option<Self> {
        let answer = Json::parse(answer)?;
        let meta = answer.get("meta");
        let envelopes = || answer.items("data");
        let bound = |envelope: Option<Json>| envelope?.text("id");
        let quoted: Vec<_> = meta.items("quoted").filter_map(|told| quote(&told)).collect();
        let resolved = |envelope: Json| {
            let mut message = said(&envelope)?;
            // What the server does not tell of is no message that can be quoted.
            message.quote = message.quote.and_then(|quote| quoted.iter().find(|told| told.seq == quote.seq).cloned());
            Some(message)
        };
        Some(Self {
            messages: envelopes().filter_map(resolved).collect(),
            bounds: bound(envelopes().next()).zip(bound(envelopes().next_back())),
            has_more: meta.flag("has_more"),
            position: meta.text("position")?,
        })
    }
}

impl RoomView {
    /// Reads what the server left in the page, the JSON form of this type.
    pub fn decode(text: &str) -> Option<Self> {
        let view = Json::parse(text)?;
        let form = view.get("form");
        let error = form.get("error");
        Some(Self {
            room: RoomId::new(view.number("room")? as i64)?,
            settings: settings(&view.get("settings"))?,
            state: match &*view.text("state")? {
                "created" => RoomState::Created,
                "prepared" => RoomState::Prepared,
                "live" => RoomState::Live,
                _ => RoomState::Ended,
            },
            widget_key: view.text("widget_key")?,
            token: view.text("token")?,
            user_id: view.text("user_id")?,
            position: view.text("position")?,
            messages: view.items("messages").filter_map(|message| shown(&message)).collect(),
            pinned: shown(&view.get("pinned")),
            has_older: view.flag("has_older"),
            archive: view.flag("archive"),
            link_query: view.text("link_query")?,
            is_overlay: view.flag("is_overlay"),
            viewer_count: view.number("viewer_count")? as usize,
            username_chars: view.number("username_chars")? as usize,
            text_chars: view.number("text_chars")? as usize,
            may_react: view.flag("may_react"),
            moderates: view.flag("moderates"),
            waiting: view.number("waiting")? as usize,
            standing: Some(view.get("standing")).filter(|told| told.text("reason").is_some()).map(|told| standing(&told)),
            is_named: view.flag("is_named"),
            form: FormView {
                username: form.text("username")?,
                text: form.text("text")?,
                is_announcement: form.flag("is_announcement"),
                error: error.text("message").map(|message| FormError { input: input(&error), message }),
                client_message_id: form.text("client_message_id")?,
            },
            description: String::new(),
        })
    }
}

fn shown(message: &Json) -> Option<ChatMessage> {
    let chat = message.get("chat");
    Some(ChatMessage {
        seq: message.number("seq")?,
        id: message.text("id")?,
        author: message.text("author")?,
        chat: ChatText { username: chat.text("username")?, text: chat.text("text")? },
        sent_at: message.text("sent_at")?,
        private: message.flag("private"),
        waits: message.flag("waits"),
        role: message.text("role")?,
        picture: message.text("picture")?,
        announces: message.flag("announces"),
        reactions: message.items("reactions").filter_map(|reaction| shown_reaction(&reaction)).collect(),
        quote: shown_quote(&message.get("quote")),
    })
}

fn shown_reaction(reaction: &Json) -> Option<Reaction> {
    Some(Reaction { emoji: reaction.text("emoji")?, count: reaction.number("count")?, own: reaction.flag("own") })
}

fn shown_quote(quote: &Json) -> Option<Quote> {
    Some(Quote {
        seq: quote.number("seq")?,
        id: quote.text("id")?,
        author: quote.text("author")?,
        username: quote.text("username")?,
        text: quote.text("text")?,
        is_deleted: quote.flag("is_deleted"),
    })
}

fn input(error: &Json) -> Option<FormInput> {
    match &*error.text("input")? {
        "Username" => Some(FormInput::Username),
        _ => Some(FormInput::Message),
    }
}
