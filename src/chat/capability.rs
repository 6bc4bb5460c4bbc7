use std::fmt;

use serde::{Deserialize, Serialize};

/// What the bearer of a token may do in its room.
///
/// The names on the wire are those of Amazon IVS Chat's capabilities, with one of our own for owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Capability {
    /// Publish messages.
    SendMessage,
    /// Delete anybody's message.
    DeleteMessage,
    /// Close a user's connections.
    DisconnectUser,
    /// Change the room: everything an owner may do.
    ManageRoom,
}

impl fmt::Display for Capability {
    /// Its name on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SendMessage => "SEND_MESSAGE",
            Self::DeleteMessage => "DELETE_MESSAGE",
            Self::DisconnectUser => "DISCONNECT_USER",
            Self::ManageRoom => "MANAGE_ROOM",
        })
    }
}

/// A set of capabilities, in the order in which they were granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(Vec<Capability>);

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().collect())
    }
}

impl Capabilities {
    /// What a guest gets: to speak, nothing else.
    pub fn guest() -> Self {
        Self(vec![Capability::SendMessage])
    }

    /// What a moderator gets: to speak, and to decide who else does.
    pub fn moderator() -> Self {
        use Capability::{DeleteMessage, DisconnectUser, SendMessage};
        Self(vec![SendMessage, DeleteMessage, DisconnectUser])
    }

    /// What whoever runs the chat gets: everything.
    pub fn owner() -> Self {
        use Capability::{DeleteMessage, DisconnectUser, ManageRoom, SendMessage};
        Self(vec![SendMessage, DeleteMessage, DisconnectUser, ManageRoom])
    }

    /// Nothing at all: a reader.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there is anything among them that only those may do who look after a room.
    pub fn moderate(&self) -> bool {
        use Capability::{DeleteMessage, DisconnectUser, ManageRoom};
        [DeleteMessage, DisconnectUser, ManageRoom].into_iter().any(|capability| self.allow(capability))
    }

    /// Whether `capability` is among them.
    pub fn allow(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_written_as_ivs_writes_them() {
        let json = serde_json::to_string(&Capabilities::guest()).expect("plain data");
        assert_eq!(json, r#"["SEND_MESSAGE"]"#);
        use Capability::{DeleteMessage, DisconnectUser, ManageRoom, SendMessage};
        for capability in [SendMessage, DeleteMessage, DisconnectUser, ManageRoom] {
            assert_eq!(serde_json::to_string(&capability).expect("plain data"), format!("\"{capability}\""));
        }
    }

    #[test]
    fn a_guest_may_speak_and_nothing_else() {
        let guest = Capabilities::guest();
        assert!(guest.allow(Capability::SendMessage));
        for other in [Capability::DeleteMessage, Capability::DisconnectUser, Capability::ManageRoom] {
            assert!(!guest.allow(other), "{other:?}");
        }
        assert!(!Capabilities::none().allow(Capability::SendMessage));
        assert!(!guest.moderate() && Capabilities::owner().moderate());
    }
}
