use crate::{
    chat::{Capabilities, RoomId, UserId},
    hub::{Hub, Identity},
    server::{
        api::is_admin_key,
        identity::{Visitor, guest_name},
        state::AdminKey,
    },
};

/// What the token of whoever runs the chat begins with.
const ADMIN: &str = "admin:";

/// The name under which they speak.
const ADMIN_NAME: &str = "Admin";

/// Who is known by which token. The original asks its own store of sessions.
pub(super) trait Accounts: Send + Sync {
    /// Whose token it is; `None` if nobody's.
    fn find(&self, token: &str) -> Option<Account>;
}

/// The admin key, and the chat's tokens: its own, and those of a site that it trusts.
pub(super) struct Tokens {
    pub(super) hub: Hub,
    pub(super) admin_key: AdminKey,
}

/// Who somebody is on one connection.
pub(super) enum Account {
    /// Nobody knows.
    Guest(Identity),
    /// Whoever holds the admin key.
    Admin,
    /// Whoever has this token.
    Bearer {
        token: String,
        /// The room in which it counts, or the first of them.
        room: RoomId,
        /// Whoever they are in the rooms where it does not.
        guest: Identity,
    },
}

/// Who somebody is in one room.
pub(super) struct Bearer {
    pub(super) identity: Identity,
    pub(super) token: String,
    /// The name that they speak under.
    pub(super) username: String,
}

impl Accounts for Tokens {
    fn find(&self, token: &str) -> Option<Account> {
        if let Some(key) = token.strip_prefix(ADMIN) {
            return is_admin_key(&self.admin_key, key).then_some(Account::Admin);
        }
        let room = self.hub.tokens().read(token).ok()?.room;
        self.hub.check(token, room).ok()?;
        Some(Account::Bearer { token: token.to_owned(), room, guest: new_guest(&self.hub) })
    }
}

impl Account {
    /// Somebody whom nobody was before.
    pub(super) fn guest(hub: &Hub) -> Self {
        Self::Guest(new_guest(hub))
    }

    pub(super) fn is_guest(&self) -> bool {
        matches!(self, Self::Guest(_))
    }

    pub(super) fn is_admin(&self) -> bool {
        matches!(self, Self::Admin)
    }

    /// Where they may be known though they are in no channel.
    pub(super) fn rooms(&self, hub: &Hub) -> Vec<RoomId> {
        match self {
            Self::Guest(_) => Vec::new(),
            Self::Admin => hub.rooms().iter().map(|room| room.id).collect(),
            Self::Bearer { room, .. } => vec![*room],
        }
    }

    /// Whether they are in that room who they have shown to be.
    pub(super) fn is_known_in(&self, hub: &Hub, room: RoomId) -> bool {
        match self {
            Self::Guest(_) => false,
            Self::Admin => true,
            Self::Bearer { token, .. } => hub.check(token, room).is_ok(),
        }
    }

    /// Who they are in `room`. A token that does not count there, or not any more, makes a guest of its bearer.
    pub(super) fn bearer(&self, hub: &Hub, room: RoomId) -> Bearer {
        match self {
            Self::Guest(guest) => Bearer::guest(hub, room, guest),
            Self::Admin => {
                let identity = Identity::from(UserId::admin());
                let token = hub.tokens().sign(identity.clone(), room, Capabilities::owner(), None);
                Bearer { identity, token, username: ADMIN_NAME.to_owned() }
            }
            Self::Bearer { token, guest, .. } => match hub.check(token, room).map(Identity::from) {
                Ok(identity) => {
                    let username = identity.origin.name.clone().unwrap_or_else(|| guest_name(&identity.user));
                    Bearer { identity, token: token.clone(), username }
                }
                Err(_) => Bearer::guest(hub, room, guest),
            },
        }
    }
}

impl Bearer {
    fn guest(hub: &Hub, room: RoomId, identity: &Identity) -> Self {
        let token = hub.tokens().sign(identity.clone(), room, Capabilities::guest(), None);
        Self { identity: identity.clone(), token, username: guest_name(&identity.user) }
    }
}

/// A guest of whom it is known since when they are here: each of their tokens says so.
fn new_guest(hub: &Hub) -> Identity {
    let Visitor { identity, own } = Visitor::passing();
    let token = hub.tokens().sign(identity.clone(), RoomId::FIRST, own, None);
    hub.tokens().read(&token).map_or(identity, Identity::from)
}
