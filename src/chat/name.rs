use serde::{Deserialize, Serialize};

use crate::chat::Timestamp;

/// That somebody goes by a name in a room, and nobody else may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameClaim {
    /// The name as they wrote it.
    pub name: String,
    /// When it ends, unless they claim it again.
    pub until: Timestamp,
}
