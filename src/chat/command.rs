use serde::{Deserialize, Serialize};

use crate::chat::{Payload, UserId};

/// What a client asks of a room, whatever dialect it spoke.
#[derive(Clone, Debug)]
pub enum Command {
    /// Store a message and give it to everybody.
    Broadcast(Draft),
    /// Store a message and give it to one user (and to its author's own connections).
    Private {
        /// The addressee.
        to: UserId,
        /// What to tell them.
        draft: Draft,
    },
    /// Send the history to the asker's own connection.
    Request,
}

/// A message that has not been ordered and stored yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// The client's JSON.
    pub payload: Payload,
    /// Seconds of video time at which it was said, 0 where the client names none.
    pub video_time: f64,
    /// The client's own name for this message, at most 64 characters. A second draft of the same author with the same name in
    /// the same room is the same message: it is answered as the first was, and stored once.
    pub client_message_id: Option<String>,
    /// Whether it is to be an announcement, which only who moderates may make.
    pub announces: bool,
}
