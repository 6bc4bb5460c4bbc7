use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chat::UserId;

/// What a program says of something, by names of its own. Amazon IVS Chat's *attributes*.
pub type Attributes = BTreeMap<String, String>;

/// Most bytes of the names and the values of attributes together: as many as Amazon IVS Chat allows.
pub const ATTRIBUTES_BYTES: usize = 1_024;

/// Longest name of a custom event, in Unicode code points: as long as Amazon IVS Chat allows.
pub const EVENT_NAME_CHARS: usize = 100;

/// Something that a site's own program tells a room, in words that it and its clients have agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomEvent {
    /// What has happened: 1 to [`EVENT_NAME_CHARS`] characters.
    pub name: String,
    /// More about it: at most [`ATTRIBUTES_BYTES`].
    pub attributes: Attributes,
    /// Who told it.
    pub by: UserId,
}

/// How many bytes the names and the values have together.
pub fn attributes_bytes(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, value)| name.len() + value.len()).sum()
}
