use crate::{
    chat::{Capabilities, ChatText, Room, RoomId, UserId},
    hub::{Hub, Identity, Origin},
    protocol::apex::{Failure, Owner},
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

/// Who somebody is on one connection.
pub(super) enum Account {
    /// Nobody knows.
    Guest(Identity),
    /// The holder of the admin key.
    Admin,
    /// The bearer of one of the chat's tokens, or of one of a site that it trusts.
    Bearer {
        token: String,
        /// The room in which it counts, or the first of them.
        room: RoomId,
        /// Who they are in the rooms where it does not.
        guest: Identity,
    },
    /// The owner of a session, as the operator's server says.
    Owner(Identity),
}

/// Who somebody is in one room.
pub(super) struct Bearer {
    pub(super) identity: Identity,
    pub(super) token: String,
    /// The name that they speak under.
    pub(super) username: String,
}

impl Account {
    /// Somebody whom nobody was before.
    pub(super) fn guest(hub: &Hub) -> Self {
        Self::Guest(Visitor::passing_since_now(hub.tokens()))
    }

    /// Returns whose token it is, if the chat itself can judge it. Returns `None` for a token that it does not know, which may be the
    /// session of an operator's user. A wrong admin key is an error: it is nobody's session, and no other server is to see it.
    pub(super) fn of_token(hub: &Hub, admin_key: &AdminKey, token: &str) -> Result<Option<Self>, Failure> {
        if let Some(key) = token.strip_prefix(ADMIN) {
            return if is_admin_key(admin_key, key) { Ok(Some(Self::Admin)) } else { Err(Failure::Token) };
        }
        let claims = hub.tokens().read(token).ok().filter(|claims| hub.check(token, claims.room).is_ok());
        Ok(claims.map(|claims| Self::Bearer {
            token: token.to_owned(),
            room: claims.room,
            guest: Visitor::passing_since_now(hub.tokens()),
        }))
    }

    /// The owner of a session. A name that nobody can have is passed over.
    pub(super) fn of_owner(hub: &Hub, Owner { user, name }: Owner) -> Self {
        let limits = hub.limits();
        let own = || user.own().chars().take(limits.username_chars).collect::<String>();
        let name = name.filter(|name| ChatText::check_name(name, limits).is_ok()).unwrap_or_else(own);
        Self::Owner(Identity { user, origin: Origin { name: Some(name), ..Origin::default() } })
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
            Self::Guest(_) | Self::Owner(_) => Vec::new(),
            Self::Admin => hub.rooms().into_iter().chain(hub.channels()).map(|Room { id, .. }| id).collect(),
            Self::Bearer { room, .. } => vec![*room],
        }
    }

    /// Whether they are in that room who they have shown to be.
    pub(super) fn is_known_in(&self, hub: &Hub, room: RoomId) -> bool {
        match self {
            Self::Guest(_) => false,
            Self::Admin | Self::Owner(_) => true,
            Self::Bearer { token, .. } => hub.check(token, room).is_ok(),
        }
    }

    /// Who they are where a token does not count.
    pub(super) fn user(&self) -> UserId {
        match self {
            Self::Guest(identity) | Self::Owner(identity) | Self::Bearer { guest: identity, .. } => identity.user.clone(),
            Self::Admin => UserId::admin(),
        }
    }

    /// Their id in `room`: of their [`bearer`](Self::bearer).
    pub(super) fn user_in(&self, hub: &Hub, room: RoomId) -> UserId {
        match self {
            Self::Bearer { token, .. } => hub.check(token, room).map_or_else(|_| self.user(), |claims| claims.user),
            Self::Guest(_) | Self::Owner(_) | Self::Admin => self.user(),
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
            Self::Owner(identity) => {
                let token = hub.tokens().sign(identity.clone(), room, Capabilities::guest(), None);
                Bearer { username: name_of(identity), identity: identity.clone(), token }
            }
            Self::Bearer { token, guest, .. } => match hub.check(token, room).map(Identity::from) {
                Ok(identity) => Bearer { username: name_of(&identity), identity, token: token.clone() },
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

fn name_of(identity: &Identity) -> String {
    identity.origin.name.clone().unwrap_or_else(|| guest_name(&identity.user))
}
