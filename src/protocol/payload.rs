use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A value that is there, `null` included: `null` is a message like any other JSON.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}
