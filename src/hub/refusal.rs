use std::{error::Error, fmt, time::Duration};

use crate::{
    chat::{
        Capability, Field, Group, HELD_OF_AUTHOR, Invalid, InvalidSetting, InvalidWidgetKey, MOST_EMOJIS, MOST_OF_ONE, Outcome,
        REASON_CHARS, RoomId, RoomState, TooManyReactions,
    },
    engine::EngineError,
    hub::{CHANNEL_NAME_CHARS, TokenError, moderation::LONGEST_TIMEOUT},
    locales,
    texts::{Texts, key},
};

/// How much of what people wrote an error quotes, in Unicode code points.
const QUOTED_CHARS: usize = 60;

/// Why the hub does not do what a client asks.
#[derive(Debug)]
pub enum Refusal {
    /// There is no such room.
    UnknownRoom(RoomId),
    /// The room is not open.
    NotLive(RoomState),
    /// The token does not let its bearer in.
    Token(TokenError),
    /// The widget key does not open the room, or not any more.
    WidgetKey,
    /// Pages of this origin may not use the room, or not with this widget key.
    Origin(String),
    /// There can be no such widget key.
    InvalidWidgetKey(InvalidWidgetKey),
    /// There is no such widget key.
    UnknownWidgetKey,
    /// Somebody has changed how the pages look since it was read.
    OtherLook,
    /// The token does not allow this.
    Capability(Capability),
    /// The message is not acceptable.
    Invalid(Invalid),
    /// The message breaks the rule for payloads.
    Unreadable,
    /// Somebody else in the room goes by that name, or by one that looks like it.
    NameTaken,
    /// The name, or what it looks like, is for those who moderate.
    NameReserved,
    /// This part of the name looks like a badge of the page.
    NameBadge(String),
    /// Their site has given them a name, and they speak under another.
    NameGiven(String),
    /// A moderator has taken their right to speak for a while.
    TimedOut {
        /// For how long yet.
        left: Duration,
    },
    /// A moderator has taken their right to speak.
    Banned,
    /// A time-out cannot be that long, or that short.
    TimeoutLength,
    /// The room's review handler does not let it pass.
    Denied {
        /// Why, in the handler's words.
        reason: Option<String>,
    },
    /// The room's review handler did not answer, and the room takes nothing without it.
    Unreviewed,
    /// The room cannot have its review handler there.
    ReviewUrl(String),
    /// There is no such message.
    UnknownMessage,
    /// The message was deleted.
    Deleted,
    /// There is no such act, or none that can be undone.
    NotUndoable,
    /// It is too late to undo it.
    UndoOver,
    /// A later decision on the same user holds.
    Overruled,
    /// What it took out is not kept any more.
    NothingToRestore,
    /// It is not one emoji.
    Emoji,
    /// The message takes no further reaction.
    TooManyReactions(TooManyReactions),
    /// A moderator's reason is too long.
    ReasonTooLong {
        /// How long it is, in Unicode code points.
        chars: usize,
    },
    /// There is no such invitation.
    UnknownInvitation,
    /// It was taken, or revoked.
    InvitationOver,
    /// History was asked for by somebody who is not listening.
    NotConnected,
    /// Too many messages.
    TooFast {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// All who share the client's address do something too often.
    AddressTooFast {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// The room is in slow mode.
    SlowMode {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// The room has had enough messages for now.
    RoomTooFast {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// The same was said a short while ago.
    Repeated {
        /// When it may be said again.
        retry_after: Duration,
    },
    /// Only moderators may speak for now.
    Paused,
    /// Only some may speak in this room.
    Speakers(Group),
    /// They came too short a while ago.
    NotEstablished {
        /// For how long yet.
        left: Duration,
    },
    /// They want to say something to one alone, and have said nothing to all yet.
    Newcomer,
    /// As many messages of theirs wait for a moderator as may.
    AllHeld,
    /// As many messages wait for a moderator as may.
    QueueFull,
    /// It was decided on the message in another way.
    Resolved(Outcome),
    /// Only some may write links in this room.
    Links {
        /// Where it is.
        field: Field,
        /// What was taken for a link.
        link: String,
    },
    /// There is a word in it that the room does not want.
    BlockedWord {
        /// Where it is.
        field: Field,
        /// The word, as the room's settings have it. Only those who moderate are told.
        word: String,
    },
    /// A room cannot have this setting.
    Setting(InvalidSetting),
    /// No channel can have that name.
    ChannelName,
    /// There are as many channels as there may be, or as this client's address may have made.
    TooManyChannels {
        /// How many those are.
        most: usize,
    },
    /// The disk is nearly full.
    DiskLow,
    /// The server is stopping.
    Stopping,
    /// The room cannot go from the first state to the second.
    WrongOrder(RoomState, RoomState),
    /// Another room has this address name.
    SlugTaken(String),
    /// There is nothing to look for, or too much.
    Search,
    /// What is imported has not been said yet.
    InFuture,
    /// There is no message in what is imported.
    NothingToImport,
    /// The message is larger than the log takes.
    TooLarge {
        /// The largest entry of the log, in bytes.
        most: usize,
    },
    /// The engine could not do it.
    Engine(EngineError),
}

impl Refusal {
    /// What to tell the person at the other end. What only those can meet who write programs, or set the chat up, is English.
    pub fn text(&self, texts: &'static Texts) -> String {
        let said = |key| texts.text(key).to_owned();
        let wait = |key, wait: &Duration| texts.fill(key, &[("time", &texts.time_left(seconds(wait)))]);
        let seconds = |key, wait: &Duration| texts.fill(key, &[("seconds", &seconds(wait).to_string())]);
        match self {
            Self::UnknownRoom(room) => texts.fill(key::refusal::UNKNOWN_ROOM, &[("room", &room.to_string())]),
            Self::NotLive(RoomState::Created | RoomState::Prepared) => said(key::page::NOT_STARTED),
            Self::NotLive(RoomState::Live) => said(key::refusal::NOT_AVAILABLE),
            Self::NotLive(RoomState::Ended) => said(key::page::ENDED),
            Self::Token(error) => error.text(texts),
            Self::WidgetKey => said(key::refusal::WIDGET_KEY),
            Self::Origin(origin) => texts.fill(key::refusal::ORIGIN, &[("origin", origin)]),
            Self::InvalidWidgetKey(error) => error.to_string(),
            Self::UnknownWidgetKey => said(key::refusal::UNKNOWN_WIDGET_KEY),
            Self::OtherLook => said(key::look::OTHER),
            Self::Capability(capability) => texts.fill(key::refusal::CAPABILITY, &[("capability", &capability.to_string())]),
            Self::Invalid(invalid) => invalid.text(texts),
            Self::Unreadable => "The message is not JSON that every client can read.".to_owned(),
            Self::NameTaken => said(key::refusal::NAME_TAKEN),
            Self::NameReserved => said(key::refusal::NAME_RESERVED),
            Self::NameBadge(part) => texts.fill(key::refusal::NAME_BADGE, &[("part", part)]),
            Self::NameGiven(name) => texts.fill(key::refusal::NAME_GIVEN, &[("name", name)]),
            Self::TimedOut { left } => wait(key::page::TIMED_OUT, left),
            Self::Banned => said(key::page::BANNED),
            Self::TimeoutLength => {
                texts.fill(key::refusal::TIMEOUT_LENGTH, &[("limit", &texts.number(LONGEST_TIMEOUT.as_secs() as usize))])
            }
            Self::Denied { reason: Some(reason) } => reason.clone(),
            Self::Denied { reason: None } => said(key::refusal::DENIED),
            Self::Unreviewed => said(key::refusal::UNREVIEWED),
            Self::ReviewUrl(error) => format!("\"review_url\" {error}."),
            Self::UnknownMessage => said(key::refusal::UNKNOWN_MESSAGE),
            Self::Deleted => said(key::refusal::DELETED),
            Self::NotUndoable => said(key::refusal::NOT_UNDOABLE),
            Self::UndoOver => said(key::refusal::UNDO_OVER),
            Self::Overruled => said(key::refusal::OVERRULED),
            Self::NothingToRestore => said(key::refusal::NOTHING_TO_RESTORE),
            Self::Emoji => said(key::refusal::EMOJI),
            Self::TooManyReactions(TooManyReactions::OfAll) => {
                texts.fill(key::refusal::REACTIONS_OF_ALL, &[("limit", &texts.number(MOST_EMOJIS))])
            }
            Self::TooManyReactions(TooManyReactions::OfOne) => {
                texts.fill(key::refusal::REACTIONS_OF_ONE, &[("limit", &texts.number(MOST_OF_ONE))])
            }
            Self::ReasonTooLong { chars } => {
                let (chars, limit) = (texts.number(*chars), texts.number(REASON_CHARS));
                texts.fill(key::refusal::REASON_TOO_LONG, &[("chars", &chars), ("limit", &limit)])
            }
            Self::UnknownInvitation => said(key::refusal::UNKNOWN_INVITATION),
            Self::InvitationOver => said(key::refusal::INVITATION_OVER),
            Self::NotConnected => {
                "No open subscription belongs to this token. Subscribe first, then ask for the history.".to_owned()
            }
            Self::TooFast { retry_after } => seconds(key::refusal::TOO_FAST, retry_after),
            Self::AddressTooFast { retry_after } => seconds(key::refusal::ADDRESS_TOO_FAST, retry_after),
            Self::SlowMode { retry_after } => seconds(key::refusal::SLOW_MODE, retry_after),
            Self::RoomTooFast { retry_after } => seconds(key::refusal::ROOM_TOO_FAST, retry_after),
            Self::Repeated { retry_after } => wait(key::refusal::REPEATED, retry_after),
            Self::Paused => said(key::page::PAUSED),
            Self::Speakers(Group::Everyone) => said(key::refusal::SPEAKERS),
            Self::Speakers(Group::SignedIn) => said(key::page::SIGNED_IN_ONLY),
            Self::Speakers(Group::Moderators) => said(key::page::MODERATORS_ONLY),
            Self::NotEstablished { left } => wait(key::refusal::NOT_ESTABLISHED, left),
            Self::Newcomer => said(key::refusal::NEWCOMER),
            Self::AllHeld => texts.fill(key::refusal::ALL_HELD, &[("limit", &HELD_OF_AUTHOR.to_string())]),
            Self::QueueFull => said(key::refusal::QUEUE_FULL),
            Self::Resolved(Outcome::Approved) => said(key::refusal::APPROVED),
            Self::Resolved(Outcome::Declined) => said(key::refusal::DECLINED),
            Self::Links { link, .. } => texts.fill(key::refusal::LINKS, &[("link", &shortened(link))]),
            Self::BlockedWord { field: Field::Username, .. } => said(key::refusal::NAME_BLOCKED),
            Self::BlockedWord { field: Field::Text, .. } => said(key::refusal::MESSAGE_BLOCKED),
            Self::Setting(error) => error.to_string(),
            Self::ChannelName => {
                format!("The name of a channel has 1 to {CHANNEL_NAME_CHARS} characters, none of them for control.")
            }
            Self::TooManyChannels { most } => {
                format!("There are {most} channels already. One that nobody uses is removed after 24 hours.")
            }
            Self::DiskLow => said(key::refusal::DISK_LOW),
            Self::Stopping => said(key::refusal::STOPPING),
            Self::WrongOrder(from, to) => {
                format!("A room that is {} cannot become {}: it is prepared, then started, then ended.", from.name(), to.name())
            }
            Self::SlugTaken(slug) => texts.fill(key::refusal::SLUG_TAKEN, &[("slug", slug)]),
            Self::Search => "\"q\" must hold one word or more, and at most 200 characters.".to_owned(),
            Self::InFuture => "its time lies in the future".to_owned(),
            Self::NothingToImport => "There is no message to be imported.".to_owned(),
            Self::TooLarge { most } => texts.fill(key::refusal::TOO_LARGE, &[("limit", &texts.number(*most))]),
            Self::Engine(EngineError::Fault(_)) => said(key::refusal::NOT_STORED),
            Self::Engine(EngineError::DamagedEvent { .. }) => said(key::refusal::DAMAGED),
            Self::Engine(_) => said(key::refusal::NOT_READ),
        }
    }

    /// Whether it is about what is said or when, and the room as it is now would take another message of the same author.
    pub fn is_about_message(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Unreadable | Self::Links { .. } | Self::BlockedWord { .. } | Self::TooLarge { .. } => true,
            Self::SlowMode { .. } | Self::RoomTooFast { .. } | Self::Repeated { .. } => true,
            Self::Denied { .. } | Self::Unreviewed | Self::AllHeld | Self::QueueFull => true,
            _ => self.is_about_name(),
        }
    }

    /// Whether it is about the name, and not about the message.
    pub fn is_about_name(&self) -> bool {
        match self {
            Self::Invalid(Invalid { field, .. }) | Self::Links { field, .. } | Self::BlockedWord { field, .. } => {
                *field == Field::Username
            }
            Self::NameTaken | Self::NameReserved | Self::NameBadge(_) | Self::NameGiven(_) => true,
            _ => false,
        }
    }

    /// What it is called in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UnknownRoom(_) => "unknown_room",
            Self::NotLive(_) => "not_live",
            Self::Token(_) => "token",
            Self::WidgetKey => "widget_key",
            Self::Origin(_) => "origin",
            Self::InvalidWidgetKey(_) => "invalid_widget_key",
            Self::UnknownWidgetKey => "unknown_widget_key",
            Self::OtherLook => "other_look",
            Self::Capability(_) => "capability",
            Self::Invalid(_) => "invalid",
            Self::Unreadable => "unreadable",
            Self::NameTaken => "name_taken",
            Self::NameReserved => "name_reserved",
            Self::NameBadge(_) => "name_badge",
            Self::NameGiven(_) => "name_given",
            Self::TimedOut { .. } => "timed_out",
            Self::Banned => "banned",
            Self::TimeoutLength => "timeout_length",
            Self::Denied { .. } => "denied",
            Self::Unreviewed => "unreviewed",
            Self::ReviewUrl(_) => "review_url",
            Self::UnknownMessage => "unknown_message",
            Self::Deleted => "deleted",
            Self::NotUndoable => "not_undoable",
            Self::UndoOver => "undo_over",
            Self::Overruled => "overruled",
            Self::NothingToRestore => "nothing_to_restore",
            Self::Emoji => "emoji",
            Self::TooManyReactions(_) => "too_many_reactions",
            Self::ReasonTooLong { .. } => "reason_too_long",
            Self::UnknownInvitation => "unknown_invitation",
            Self::InvitationOver => "invitation_over",
            Self::NotConnected => "not_connected",
            Self::TooFast { .. } => "too_fast",
            Self::AddressTooFast { .. } => "address_too_fast",
            Self::SlowMode { .. } => "slow_mode",
            Self::RoomTooFast { .. } => "room_too_fast",
            Self::Repeated { .. } => "repeated",
            Self::Paused => "paused",
            Self::Speakers(_) => "speakers",
            Self::NotEstablished { .. } => "not_established",
            Self::Newcomer => "newcomer",
            Self::AllHeld => "all_held",
            Self::QueueFull => "queue_full",
            Self::Resolved(_) => "resolved",
            Self::Links { .. } => "links",
            Self::BlockedWord { .. } => "blocked_word",
            Self::Setting(_) => "setting",
            Self::ChannelName => "channel_name",
            Self::TooManyChannels { .. } => "too_many_channels",
            Self::DiskLow => "disk_low",
            Self::Stopping => "stopping",
            Self::WrongOrder(..) => "wrong_order",
            Self::SlugTaken(_) => "slug_taken",
            Self::Search => "search",
            Self::InFuture => "in_future",
            Self::NothingToImport => "nothing_to_import",
            Self::TooLarge { .. } => "too_large",
            Self::Engine(_) => "engine",
        }
    }
}

impl fmt::Display for Refusal {
    /// In English, for logs and for whoever named no language.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(locales::english()))
    }
}

impl Error for Refusal {}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<InvalidSetting> for Refusal {
    fn from(error: InvalidSetting) -> Self {
        Self::Setting(error)
    }
}

impl From<InvalidWidgetKey> for Refusal {
    fn from(error: InvalidWidgetKey) -> Self {
        Self::InvalidWidgetKey(error)
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::UnknownRoom(room) => Self::UnknownRoom(room),
            EngineError::NotLive(state) => Self::NotLive(state),
            EngineError::UnknownMessage { .. } => Self::UnknownMessage,
            EngineError::Resolved { outcome, .. } => Self::Resolved(outcome),
            EngineError::TooManyHeld { of_author: true, .. } => Self::AllHeld,
            EngineError::TooManyHeld { of_author: false, .. } => Self::QueueFull,
            EngineError::Deleted { .. } => Self::Deleted,
            EngineError::NotUndoable { .. } => Self::NotUndoable,
            EngineError::UndoOver { .. } => Self::UndoOver,
            EngineError::Overruled { .. } => Self::Overruled,
            EngineError::NothingToRestore { .. } => Self::NothingToRestore,
            EngineError::TooManyReactions(error) => Self::TooManyReactions(error),
            EngineError::UnknownWidgetKey => Self::UnknownWidgetKey,
            EngineError::Closed => Self::Stopping,
            EngineError::WrongOrder(from, to) => Self::WrongOrder(from, to),
            EngineError::SlugTaken(slug) => Self::SlugTaken(slug),
            EngineError::Setting(error) => Self::Setting(error),
            EngineError::TooLarge { most } => Self::TooLarge { most },
            error @ (EngineError::Store(_)
            | EngineError::Fault(_)
            | EngineError::DamagedEvent { .. }
            | EngineError::NotKept { .. }) => Self::Engine(error),
        }
    }
}

/// Returns a text as it is quoted in a sentence: its first [`QUOTED_CHARS`] characters.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn seconds(wait: &Duration) -> u64 {
    wait.as_secs_f64().ceil() as u64
}
