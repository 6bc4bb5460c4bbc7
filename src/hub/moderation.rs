use super::{Hub, Refusal};
use crate::{
    chat::{Capability, Deleted, Deletion, REASON_CHARS, RoomId, UserId},
    engine::Appended,
};

/// Who asks for something that not everybody may do.
#[derive(Clone, Debug)]
pub enum Authority {
    /// Whoever holds the admin key: may do everything, in every room.
    Admin,
    /// The bearer of a token, which must allow it.
    Bearer(String),
}

impl Hub {
    /// Takes messages out of the room: nobody is shown them from now on, and whoever has them on the screen is told. In any state
    /// of the room.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::Capability`], [`Refusal::UnknownRoom`], [`Refusal::UnknownMessage`],
    /// [`Refusal::ReasonTooLong`], or the engine's.
    pub async fn delete(&self, room: RoomId, who: &Authority, of: Deleted, reason: String) -> Result<Appended, Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        self.find(room)?;
        let by = self.authorize(room, who, Capability::DeleteMessage)?;
        let chars = reason.chars().count();
        if chars > REASON_CHARS {
            return Err(Refusal::ReasonTooLong { chars });
        }
        Ok(self.0.engine.delete(room, Deletion { of, by, reason }).await?)
    }

    /// Who it is, if they may.
    fn authorize(&self, room: RoomId, who: &Authority, capability: Capability) -> Result<UserId, Refusal> {
        match who {
            Authority::Admin => Ok(UserId::admin()),
            Authority::Bearer(token) => {
                let claims = self.0.tokens.check(token, room)?;
                if claims.capabilities.allow(capability) { Ok(claims.user) } else { Err(Refusal::Capability(capability)) }
            }
        }
    }
}
