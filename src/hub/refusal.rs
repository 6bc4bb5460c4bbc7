use std::time::Duration;

use crate::{
    chat::{Capability, Field, Group, Invalid, InvalidSetting, InvalidWidgetKey, REASON_CHARS, RoomId, RoomState},
    engine::EngineError,
    hub::{TokenError, moderation::LONGEST_TIMEOUT},
};

/// Why the hub does not do what a client asks. The texts are for the person at the other end.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such room.
    #[error("There is no room {0}.")]
    UnknownRoom(RoomId),
    /// The room is not open.
    #[error("{}", not_live(.0))]
    NotLive(RoomState),
    /// The token does not let its bearer in.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The widget key does not open the room, or not any more.
    #[error("The widget key is not valid for this room, or was revoked. Please reload the page.")]
    WidgetKey,
    /// Pages of this origin may not use the room, or not with this widget key.
    #[error("Pages of {0} may not use this chat: whoever runs it has to allow that.")]
    Origin(String),
    /// There can be no such widget key.
    #[error(transparent)]
    InvalidWidgetKey(#[from] InvalidWidgetKey),
    /// There is no such widget key.
    #[error("There is no such widget key.")]
    UnknownWidgetKey,
    /// The token does not allow this.
    #[error("You may not do this: your token lacks the capability {0}.")]
    Capability(Capability),
    /// The message is not acceptable.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Somebody else in the room goes by that name, or by one that looks like it.
    #[error("The name is taken by somebody else here, or looks like theirs. Please choose another one.")]
    NameTaken,
    /// The name, or what it looks like, is for those who moderate.
    #[error("The name is reserved for those who run this chat. Please choose another one.")]
    NameReserved,
    /// Their site has given them a name, and they speak under another.
    #[error("The name must be {0:?}: that is how your site knows you.")]
    NameGiven(String),
    /// A moderator has taken their right to speak for a while.
    #[error("A moderator has timed you out. You can write again in {}.", in_words(.left))]
    TimedOut {
        /// For how long yet.
        left: Duration,
    },
    /// A moderator has taken their right to speak.
    #[error("A moderator has banned you from writing here.")]
    Banned,
    /// A time-out cannot be that long, or that short.
    #[error("A time-out lasts from 1 to {} seconds (two weeks).", LONGEST_TIMEOUT.as_secs())]
    TimeoutLength,
    /// The room's review handler does not let it pass.
    #[error("{}", reason.as_deref().unwrap_or("This message was not accepted. Please write it differently."))]
    Denied {
        /// Why, in the handler's words.
        reason: Option<String>,
    },
    /// The room's review handler did not answer, and the room takes nothing without it.
    #[error("This message could not be checked just now. Please send it again in a moment.")]
    Unreviewed,
    /// The room cannot have its review handler there.
    #[error("\"review_url\" {0}.")]
    ReviewUrl(String),
    /// There is no such message.
    #[error("There is no such message in this room.")]
    UnknownMessage,
    /// A moderator's reason is too long.
    #[error("The reason is too long: {chars} characters, {REASON_CHARS} are allowed.")]
    ReasonTooLong {
        /// How long it is, in Unicode code points.
        chars: usize,
    },
    /// There is no such invitation.
    #[error("There is no such invitation. Please check the link.")]
    UnknownInvitation,
    /// It was taken, or revoked.
    #[error("This invitation has been used or taken back. Please ask for another one.")]
    InvitationOver,
    /// History was asked for by somebody who is not listening.
    #[error("No open subscription belongs to this token. Subscribe first, then ask for the history.")]
    NotConnected,
    /// Too many messages.
    #[error("You are sending too fast. Please wait {} s.", .retry_after.as_secs_f64().ceil())]
    TooFast {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// The room is in slow mode.
    #[error("Slow mode is on. You can write again in {} s.", .retry_after.as_secs_f64().ceil())]
    SlowMode {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// The room has had enough messages for now.
    #[error("This chat is too fast to be read. Please wait {} s.", .retry_after.as_secs_f64().ceil())]
    RoomTooFast {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// The same was said a short while ago.
    #[error("This was said a moment ago. Please say something else, or wait {}.", in_words(.retry_after))]
    Repeated {
        /// When it may be said again.
        retry_after: Duration,
    },
    /// Only moderators may speak for now.
    #[error("A moderator has paused this chat. Please wait until it goes on.")]
    Paused,
    /// Only some may speak in this room.
    #[error("{}", speakers(.0))]
    Speakers(Group),
    /// They came too short a while ago.
    #[error("Newcomers cannot write here yet. You can in {}.", in_words(.left))]
    NotEstablished {
        /// For how long yet.
        left: Duration,
    },
    /// Only some may write links in this room.
    #[error("Links cannot be written here. Please leave them out.")]
    Links,
    /// There is a word in it that the room does not want.
    #[error("The {} has a word in it that is not allowed here.", match .0 { Field::Username => "name", Field::Text => "message" })]
    BlockedWord(Field),
    /// A room cannot have this setting.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The server is stopping.
    #[error("The server is restarting. Please try again in a moment.")]
    Stopping,
    /// The room cannot go from the first state to the second.
    #[error("{}", wrong_order(.0, .1))]
    WrongOrder(RoomState, RoomState),
    /// Another room has this address name.
    #[error("The slug {0:?} is taken by another room. Please choose another one.")]
    SlugTaken(String),
    /// There is nothing to look for, or too much.
    #[error("\"q\" must hold one word or more, and at most 200 characters.")]
    Search,
    /// What is imported is older than what came before it.
    #[error("it was sent before the one that stands before it: the oldest message must come first")]
    OutOfOrder,
    /// What is imported has not been said yet.
    #[error("its time lies in the future")]
    InFuture,
    /// There is no message in what is imported.
    #[error("There is no message to be imported.")]
    NothingToImport,
    /// The engine could not do it.
    #[error("{}", engine(.0))]
    Engine(#[source] EngineError),
}

impl Refusal {
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
            Self::Capability(_) => "capability",
            Self::Invalid(_) => "invalid",
            Self::NameTaken => "name_taken",
            Self::NameReserved => "name_reserved",
            Self::NameGiven(_) => "name_given",
            Self::TimedOut { .. } => "timed_out",
            Self::Banned => "banned",
            Self::TimeoutLength => "timeout_length",
            Self::Denied { .. } => "denied",
            Self::Unreviewed => "unreviewed",
            Self::ReviewUrl(_) => "review_url",
            Self::UnknownMessage => "unknown_message",
            Self::ReasonTooLong { .. } => "reason_too_long",
            Self::UnknownInvitation => "unknown_invitation",
            Self::InvitationOver => "invitation_over",
            Self::NotConnected => "not_connected",
            Self::TooFast { .. } => "too_fast",
            Self::SlowMode { .. } => "slow_mode",
            Self::RoomTooFast { .. } => "room_too_fast",
            Self::Repeated { .. } => "repeated",
            Self::Paused => "paused",
            Self::Speakers(_) => "speakers",
            Self::NotEstablished { .. } => "not_established",
            Self::Links => "links",
            Self::BlockedWord(_) => "blocked_word",
            Self::Setting(_) => "setting",
            Self::Stopping => "stopping",
            Self::WrongOrder(..) => "wrong_order",
            Self::SlugTaken(_) => "slug_taken",
            Self::Search => "search",
            Self::OutOfOrder => "out_of_order",
            Self::InFuture => "in_future",
            Self::NothingToImport => "nothing_to_import",
            Self::Engine(_) => "engine",
        }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::UnknownRoom(room) => Self::UnknownRoom(room),
            EngineError::NotLive(state) => Self::NotLive(state),
            EngineError::UnknownMessage { .. } => Self::UnknownMessage,
            EngineError::UnknownWidgetKey => Self::UnknownWidgetKey,
            EngineError::Closed => Self::Stopping,
            EngineError::WrongOrder(from, to) => Self::WrongOrder(from, to),
            EngineError::SlugTaken(slug) => Self::SlugTaken(slug),
            EngineError::Setting(error) => Self::Setting(error),
            error @ (EngineError::Store(_)
            | EngineError::Fault(_)
            | EngineError::DamagedEvent { .. }
            | EngineError::NotKept { .. }) => Self::Engine(error),
        }
    }
}

fn engine(error: &EngineError) -> &'static str {
    match error {
        EngineError::Fault(_) => "The chat could not store this. Please send it again in a moment.",
        EngineError::DamagedEvent { .. } => "A message that belongs here is damaged and cannot be shown.",
        _ => "The chat could not read its log. Please try again.",
    }
}

fn speakers(group: &Group) -> &'static str {
    match group {
        Group::Everyone => "You may not write here.",
        Group::SignedIn => "Only those who are signed in write here.",
        Group::Moderators => "Only moderators write here.",
    }
}

/// A time that is left, rounded up.
fn in_words(left: &Duration) -> String {
    let seconds = left.as_secs_f64().ceil() as u64;
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds.div_ceil(60), "minute"),
        3_600..86_400 => (seconds.div_ceil(3_600), "hour"),
        _ => (seconds.div_ceil(86_400), "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn wrong_order(from: &RoomState, to: &RoomState) -> String {
    format!("A room that is {} cannot become {}: it is prepared, then started, then ended.", from.name(), to.name())
}

fn not_live(state: &RoomState) -> &'static str {
    match state {
        RoomState::Created | RoomState::Prepared => "This chat has not started yet.",
        RoomState::Live => "This chat is not available.",
        RoomState::Ended => "This chat has ended.",
    }
}
