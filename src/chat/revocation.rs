use serde::{Deserialize, Serialize};

use crate::chat::{Timestamp, UserId};

/// That tokens do not count any more which were signed before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Which.
    pub of: Revoked,
    /// When it was decided.
    pub at: Timestamp,
    /// When it can be forgotten: none of them is good any more by itself.
    pub until: Timestamp,
}

/// Which tokens are revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Revoked {
    /// The one of that id (RFC 7519 4.1.7), with all that were signed for its bearer because of it.
    Token(String),
    /// Those of a user, but for those that their site has issued later.
    User(UserId),
}
