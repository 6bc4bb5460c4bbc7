//! Single-use tokens: each opens one connection, on whichever node it is presented first.

use std::net::IpAddr;

use super::{Activity, Claims, Hub, Refusal, TokenError};
use crate::chat::Timestamp;

impl Hub {
    /// Refuses a single-use token that has opened a connection, as far as this node knows. Other tokens pass. A refusal counts as a
    /// connection from the address, but not of the user: whoever has got hold of their token cannot keep them out.
    ///
    /// # Errors
    /// [`TokenError::Used`], [`Refusal::AddressTooFast`], or the engine's.
    pub async fn check_unused(&self, claims: &Claims, from: Option<IpAddr>) -> Result<(), Refusal> {
        let Some(id) = &claims.once else { return Ok(()) };
        if !self.0.engine.is_token_used(id.clone()).await? {
            return Ok(());
        }
        self.count(claims.room, None, from, Activity::Token)?;
        Err(TokenError::Used.into())
    }

    /// Uses up a single-use token. Of several callers that present it at once, on any nodes, one succeeds. Other tokens pass.
    ///
    /// # Errors
    /// [`TokenError::Used`], or the engine's: what cannot be noted lets nobody in.
    pub async fn use_up(&self, claims: &Claims) -> Result<(), Refusal> {
        let Some(id) = claims.once.clone() else { return Ok(()) };
        // A token is good for the whole second in which it ends.
        let until = Timestamp::of_seconds(claims.expires_at.saturating_add(1));
        if self.0.engine.use_token(claims.room, id, until).await? { Ok(()) } else { Err(TokenError::Used.into()) }
    }
}
