use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::chat::{Attributes, Payload, RoomId, UserId};

/// A message that is not ordered yet, as it is shown to a review handler.
#[derive(Clone, Copy, Debug)]
pub struct Reviewed<'a> {
    /// Where it is to be said.
    pub room: RoomId,
    /// Who says it.
    pub author: &'a UserId,
    /// What their site says of them.
    pub attributes: &'a Attributes,
    /// Where they come from, if that is known.
    pub from: Option<IpAddr>,
    /// What they say: the client's JSON.
    pub payload: &'a Payload,
}

/// What a review handler says of a message.
#[derive(Debug)]
pub enum Verdict {
    /// It may be said.
    Allow,
    /// It may not.
    Deny {
        /// Why, for its author.
        reason: Option<String>,
    },
    /// It may be said in other words.
    Change(Payload),
}

/// What holds for a message when its room's review handler says nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewFallback {
    /// It may be said.
    #[default]
    Allow,
    /// It may not.
    Deny,
}
