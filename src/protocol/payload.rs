use serde::{Deserialize, Deserializer};

use crate::chat::Payload;

/// A value that is there, `null` included: `null` is a message like any other JSON.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}
