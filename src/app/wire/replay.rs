//! A room that is played again.

use serde::{Deserialize, Serialize};

use super::{ChatMessage, Raw, read, stream::message};

/// Where a replay stands, in seconds from the room's start. It is in the replay's page as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playhead {
    /// The moment that the page shows.
    pub at_seconds: u64,
    /// The last moment of the room.
    pub length_seconds: u64,
    /// When the next message comes, if one does.
    pub next_seconds: Option<u64>,
    /// Whether it plays at once.
    pub plays: bool,
}

/// A message of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Milliseconds from the room's start.
    pub offset: u64,
    /// Its id.
    pub id: String,
    /// The message; none if it is none of the chat: a room carries other messages too.
    pub message: Option<ChatMessage>,
}

/// A part of a replay, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayPage {
    /// What was said.
    pub recorded: Vec<Recorded>,
    /// Whether more follows.
    pub has_more: bool,
}

#[derive(Deserialize)]
struct Body {
    data: Vec<Raw>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
}

#[derive(Deserialize)]
struct Place {
    id: String,
    offset: u64,
}

impl ReplayPage {
    /// Reads the answer to a request for a part of a replay. None if it is something else.
    pub fn read(answer: &str) -> Option<Self> {
        let Body { data, meta } = read(answer)?;
        let recorded = |envelope: &Raw| {
            let Place { id, offset } = envelope.read()?;
            Some(Recorded { offset, id, message: message(envelope) })
        };
        // One that cannot be read leaves out the rest, so that nothing is shown out of order.
        let recorded: Option<_> = data.iter().map(recorded).collect();
        Some(Self { recorded: recorded?, has_more: meta.has_more })
    }
}
