//! Sessions of whoever runs the chat.
//!
//! They have a name in common, which follows from the password and from when somebody signed out last: after either has changed,
//! what was signed under another name counts no more.

use std::sync::PoisonError;

use super::{
    Hub, Origin, Refusal,
    token::{Scope, Session},
};
use crate::{
    chat::{Revocation, Revoked, Timestamp, UserId},
    engine::now,
};

/// How long a device is known that somebody has signed in on: as long as browsers keep a cookie.
pub const DEVICE_SECONDS: u64 = 400 * 24 * 3_600;

/// What their name begins with: no id of a site's token may be taken for one.
const NAMESPACE: &str = "owners:";

/// Whether what says so was signed for somebody who has signed in to run the chat.
pub(super) fn is_session(origin: &Origin) -> bool {
    origin.id.as_ref().is_some_and(|id| id.starts_with(NAMESPACE))
}

impl Hub {
    /// Says by which password owners sign in, in whatever form changes with it. Sessions of another end.
    pub fn admit_owners_by(&self, password: &str) {
        *self.0.owners_password.write().unwrap_or_else(PoisonError::into_inner) = password.to_owned();
    }

    /// Proof that its bearer has signed in to run the chat.
    pub fn sign_in(&self) -> String {
        self.0.tokens.sign_session(Scope::Admin, self.owners(), self.0.tokens.lifetime().as_secs())
    }

    /// Whether `session` is such a proof, and not over: what is signed because of it ends with it, and is known by what is given.
    pub fn owner(&self, session: &str) -> Option<Session> {
        let session = self.0.tokens.session(Scope::Admin, session)?;
        (session.id == self.owners()).then_some(session)
    }

    /// Signs the name of a device on which somebody has signed in; a new one if it has none yet.
    pub fn sign_device(&self, name: Option<String>) -> String {
        let name = name.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        self.0.tokens.sign_session(Scope::Device, name, DEVICE_SECONDS)
    }

    /// The name of the device that shows `signed`.
    pub fn device(&self, signed: &str) -> Option<String> {
        self.0.tokens.session(Scope::Device, signed).map(|device| device.id)
    }

    /// Ends all sessions of whoever runs the chat, and what was signed because of them, for good.
    ///
    /// # Errors
    /// The engine's.
    pub async fn sign_out(&self) -> Result<(), Refusal> {
        let (at, until) = (now(), Timestamp(i64::MAX));
        Ok(self.0.engine.revoke(Revocation { of: Revoked::User(UserId::admin()), at, until }).await?)
    }

    /// Whether what somebody shows was signed for an owner whose session is over.
    pub(super) fn is_signed_out(&self, origin: &Origin) -> bool {
        is_session(origin) && origin.id.as_ref().is_some_and(|id| *id != self.owners())
    }

    /// What the sessions of whoever runs the chat are called now: those of another name are over.
    fn owners(&self) -> String {
        let password = self.0.owners_password.read().unwrap_or_else(PoisonError::into_inner);
        let signed_out_at = self.0.revocations.at(&UserId::admin()).unwrap_or(Timestamp(0));
        format!("{NAMESPACE}{}", self.0.tokens.owners_name(&password, signed_out_at))
    }
}
