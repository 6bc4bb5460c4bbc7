use serde::{Deserialize, Serialize};

use crate::chat::{
    CustomEvent, Deletion, Disconnection, MessageId, Payload, Profile, Reaction, Recount, Resolution, Restore, Restored, RoomId,
    RoomState, Sanction, Settings, UserId,
};

/// A moment: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// That many seconds after 1970-01-01T00:00:00Z; the latest moment for more than it can hold.
    pub fn of_seconds(seconds: u64) -> Self {
        Self(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    /// Returns the seconds from `now` until this moment, rounded up; 0 if it has passed.
    pub fn seconds_left(self, now: Self) -> u32 {
        let left = u64::try_from(self.0.saturating_sub(now.0)).unwrap_or(0);
        u32::try_from(left.div_ceil(1_000)).unwrap_or(u32::MAX)
    }
}

/// One entry of a room's log.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whose log.
    pub room: RoomId,
    /// Its place in the log, from 1: without holes on one machine, with holes in a cluster. The first ones may be gone, where the room
    /// does not keep all.
    pub seq: u64,
    /// When it was ordered, by the clock of the machine that ordered it. May be earlier than the event before it, where that clock
    /// was set back: the order of a log is that of `seq`.
    pub sent_at: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// Its author's own name for it, if they gave it one: see [`Draft::client_message_id`](crate::chat::Draft::client_message_id).
    pub client_message_id: Option<Box<str>>,
}

/// What an event is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A message to everybody.
    Message(Message),
    /// A message that only its author and its addressee ever see.
    Private {
        /// The addressee.
        to: UserId,
        /// What was said.
        message: Message,
    },
    /// A message that waits for a moderator. Until one lets it through, as a message of its own, only its author ever sees it, and
    /// who decides on it.
    Held(Message),
    /// It was decided on a message that waited. Told to its author alone.
    Resolution(Resolution),
    /// The room's state changed.
    Room(RoomState),
    /// The room's settings changed.
    Settings {
        /// What they are now.
        settings: Settings,
        /// Who changed them.
        by: UserId,
    },
    /// Messages were taken out.
    Deletion(Deletion),
    /// Somebody may not speak any more, or again. Told to them alone.
    Sanction(Sanction),
    /// The reactions to some messages are others now. What happened in a short while is one event.
    Reactions(Vec<Recount>),
    /// Somebody's connections were ended.
    Disconnection(Disconnection),
    /// A site's own program says something.
    Custom(CustomEvent),
    /// A moderator's act was undone. Told to those who saw the act, but for a decision on somebody's right to speak, after which the
    /// one that holds is told.
    Restore(Restore),
}

/// What somebody said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub author: UserId,
    /// What they were then.
    pub profile: Profile,
    /// Their words, or whatever else their client sends.
    pub payload: Payload,
    /// Seconds of video time at which it was said, 0 where the client named none.
    pub video_time: f64,
    /// How others react to it, the oldest emoji first. Known where messages are read from the store as they are now; empty in an
    /// event as it happened.
    pub reactions: Vec<Reaction>,
}

/// A public message that was said elsewhere, or before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// When it was said.
    pub sent_at: Timestamp,
    /// By whom, and what.
    pub message: Message,
}

impl Event {
    /// Its public name.
    pub fn id(&self) -> MessageId {
        MessageId { room: self.room, seq: self.seq }
    }

    /// How much of it clients have said or set.
    pub fn payload_bytes(&self) -> usize {
        match &self.kind {
            Kind::Settings { settings, .. } => settings.blocked_words.iter().map(String::len).sum(),
            _ => self.message().map_or(0, |message| message.payload.get().len()),
        }
    }

    /// A bound of what it takes in an answer, for messages: the payload, what their site says of their author, reactions, and the names and
    /// numbers around these.
    pub fn envelope_bytes(&self) -> usize {
        /// All keys, ids and times of an envelope.
        const FRAME: usize = 320;
        /// An emoji, how many have reacted with it, and whether the reader has.
        const REACTION: usize = 80;
        let around = self.message().map_or(0, |Message { author, profile, reactions, .. }| {
            let picture = profile.picture.as_ref().map_or(0, String::len);
            let attributes: usize = profile.attributes.iter().map(|(key, value)| key.len() + value.len() + 6).sum();
            author.as_str().len() + picture + attributes + REACTION * reactions.len()
        });
        FRAME + around + self.payload_bytes()
    }

    /// Whether `reader` may ever see it.
    pub fn visible_to(&self, reader: Option<&UserId>) -> bool {
        match &self.kind {
            Kind::Message(_) | Kind::Room(_) | Kind::Settings { .. } | Kind::Deletion(_) | Kind::Reactions(_) => true,
            Kind::Disconnection(_) | Kind::Custom(_) => true,
            Kind::Private { to, message } => reader.is_some_and(|reader| reader == to || *reader == message.author),
            Kind::Held(message) => reader == Some(&message.author),
            Kind::Resolution(resolution) => reader == Some(&resolution.author),
            Kind::Sanction(sanction) => reader == Some(&sanction.user),
            Kind::Restore(restore) => match &restore.what {
                Restored::Message(_) | Restored::AllOf(_) => true,
                Restored::Waiting { author, .. } => reader == Some(author),
                Restored::Right(_) => false,
            },
        }
    }

    /// The message that it is, whoever may see it, if it is one.
    pub fn into_message(self) -> Option<Message> {
        match self.kind {
            Kind::Message(message) | Kind::Private { message, .. } | Kind::Held(message) => Some(message),
            Kind::Resolution(_) | Kind::Room(_) | Kind::Settings { .. } => None,
            Kind::Deletion(_) | Kind::Sanction(_) | Kind::Reactions(_) => None,
            Kind::Disconnection(_) | Kind::Custom(_) | Kind::Restore(_) => None,
        }
    }

    /// The message in it, whoever may see it, if it is one.
    pub fn message(&self) -> Option<&Message> {
        match &self.kind {
            Kind::Message(message) | Kind::Private { message, .. } | Kind::Held(message) => Some(message),
            Kind::Resolution(_) | Kind::Room(_) | Kind::Settings { .. } => None,
            Kind::Deletion(_) | Kind::Sanction(_) | Kind::Reactions(_) => None,
            Kind::Disconnection(_) | Kind::Custom(_) | Kind::Restore(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Outcome;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    fn said() -> Message {
        let payload = Payload::of(&1);
        Message { author: user("ann"), profile: Profile::default(), payload, video_time: 0.0, reactions: Vec::new() }
    }

    /// Who of them sees it, `None` being everybody.
    fn seen_by(kind: Kind) -> Vec<Option<&'static str>> {
        let event = Event { room: RoomId::FIRST, seq: 1, sent_at: Timestamp(0), kind, client_message_id: None };
        let readers = [None, Some("ann"), Some("bob"), Some("eve")];
        readers.into_iter().filter(|reader| event.visible_to(reader.map(user).as_ref())).collect()
    }

    #[test]
    fn a_private_message_is_for_its_two_parties_alone() {
        assert_eq!(seen_by(Kind::Private { to: user("bob"), message: said() }), [Some("ann"), Some("bob")]);
    }

    #[test]
    fn what_waits_and_what_becomes_of_it_is_for_its_author_alone() {
        assert_eq!(seen_by(Kind::Held(said())), [Some("ann")]);
        let resolution =
            Resolution { of: 1, author: user("ann"), outcome: Outcome::Declined, by: user("bob"), reason: "rude".into() };
        assert_eq!(seen_by(Kind::Resolution(resolution)), [Some("ann")]);
    }
}
