use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use super::{Hub, Refusal, origin_index::OriginIndex};
use crate::chat::{InvalidWidgetKey, NewWidgetKey, Origins, RedirectUris, RoomId, WidgetKey};

/// The site that a client's request comes from, as far as the request tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Site<'a> {
    /// The widget key that it shows.
    pub widget_key: Key<'a>,
    /// The origin of the page that sent it, unless that page is one of our own: those may use what they were given. A server or an
    /// app names none and passes: which sites may use the chat is a rule that browsers keep, not a wall.
    pub origin: Option<&'a str>,
}

impl<'a> Site<'a> {
    /// Of a client whose dialect has no widget keys.
    pub fn without_keys(origin: Option<&'a str>) -> Self {
        Self { widget_key: Key::NotAsked, origin }
    }
}

/// What a client shows of a widget key.
#[derive(Clone, Copy, Debug, Default)]
pub enum Key<'a> {
    /// Nothing: enough to listen.
    #[default]
    None,
    /// This one.
    Shown(&'a str),
    /// Nothing, because its dialect has no widget keys: it may speak by its token alone.
    NotAsked,
}

impl<'a> From<Option<&'a str>> for Key<'a> {
    fn from(shown: Option<&'a str>) -> Self {
        shown.map_or(Self::None, Self::Shown)
    }
}

/// All widget keys that ever were.
///
/// A standard lock, because it is held for a look-up only and never across an await.
#[derive(Default)]
pub(super) struct WidgetKeys(RwLock<Keys>);

#[derive(Default)]
struct Keys {
    /// By what is shown.
    by_key: HashMap<String, WidgetKey>,
    /// The keys that are good, by the origins that they list.
    by_origin: OriginIndex<String>,
}

impl Keys {
    fn note(&mut self, key: WidgetKey) {
        let origins = if key.revoked_at.is_none() { key.allowed_origins.clone() } else { Origins::default() };
        self.by_origin.set(&key.key, origins);
        self.by_key.insert(key.key.clone(), key);
    }

    /// The good keys that list an origin.
    fn listing<'a>(&'a self, origin: &str) -> impl Iterator<Item = &'a WidgetKey> {
        self.by_origin.listing(origin).filter_map(|key| self.by_key.get(key))
    }
}

impl WidgetKeys {
    pub(super) fn of(keys: Vec<WidgetKey>) -> Self {
        let mut all = Keys::default();
        keys.into_iter().for_each(|key| all.note(key));
        Self(RwLock::new(all))
    }

    /// Takes over what the store says of a key.
    pub(super) fn note(&self, key: WidgetKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).note(key);
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a site may use `room` with the key that it shows; without one, if it shows none.
    fn check(&self, room: RoomId, site: Site<'_>) -> Result<(), Refusal> {
        let Key::Shown(shown) = site.widget_key else { return Ok(()) };
        let keys = self.read();
        let key = keys.by_key.get(shown).filter(|key| key.opens(room)).ok_or(Refusal::WidgetKey)?;
        match site.origin {
            Some(origin) if !key.allowed_origins.is_empty() && !key.allowed_origins.contain(origin) => {
                Err(Refusal::Origin(origin.to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What a room is shown with: the newest key of its own that was not revoked, else the newest of all rooms' keys.
    fn shown(&self, room: RoomId) -> Option<String> {
        let keys = self.read();
        let newest = keys.by_key.values().filter(|key| key.opens(room)).max_by_key(|key| (key.room, key.created_at));
        newest.map(|key| key.key.clone())
    }

    /// Returns whether a key that opens `room` lists the origin.
    fn name(&self, room: RoomId, origin: &str) -> bool {
        self.read().listing(origin).any(|key| key.opens(room))
    }

    /// The rooms of the keys that list the origin; `None` for a key of all rooms.
    fn rooms_named_for(&self, origin: &str) -> Vec<Option<RoomId>> {
        self.read().listing(origin).map(|key| key.room).collect()
    }

    fn all(&self) -> Vec<WidgetKey> {
        let mut all: Vec<_> = self.read().by_key.values().cloned().collect();
        all.sort_unstable_by(|a, b| (b.created_at, &b.key).cmp(&(a.created_at, &a.key)));
        all
    }
}

impl Hub {
    /// All widget keys, the newest first, the revoked ones included.
    pub fn widget_keys(&self) -> Vec<WidgetKey> {
        self.0.widget_keys.all()
    }

    /// The key that a client shows, revoked or not, if it is one.
    pub fn shown_key(&self, shown: &str) -> Option<WidgetKey> {
        self.0.widget_keys.read().by_key.get(shown).cloned()
    }

    /// The key that `room` is shown with, in its page and in the stream API: its newest that was not revoked; if there is none,
    /// the newest of those that open all rooms; else empty, and nobody can publish in it until it gets one.
    pub fn widget_key(&self, room: RoomId) -> String {
        self.0.widget_keys.shown(room).unwrap_or_default()
    }

    /// Makes a widget key. It is good when this returns.
    ///
    /// # Errors
    /// [`Refusal::InvalidWidgetKey`], [`Refusal::UnknownRoom`], or the engine's.
    pub async fn create_widget_key(&self, key: NewWidgetKey) -> Result<WidgetKey, Refusal> {
        key.check()?;
        let key = self.0.engine.create_widget_key(key).await?;
        tracing::info!(key = key.key, "a widget key was made");
        Ok(key)
    }

    /// Says where the sign-in of games that show a widget key may send a browser back to. It holds when this returns.
    ///
    /// # Errors
    /// [`Refusal::InvalidWidgetKey`], [`Refusal::UnknownWidgetKey`], or the engine's.
    pub async fn set_redirect_uris(&self, key: &str, uris: RedirectUris) -> Result<WidgetKey, Refusal> {
        if !uris.are_few() {
            return Err(InvalidWidgetKey::RedirectUris.into());
        }
        Ok(self.0.engine.set_redirect_uris(key.to_owned(), uris).await?)
    }

    /// Revokes a widget key for good: nothing is published with it once this returns. To do it again changes nothing.
    ///
    /// # Errors
    /// [`Refusal::UnknownWidgetKey`], or the engine's.
    pub async fn revoke_widget_key(&self, key: &str) -> Result<WidgetKey, Refusal> {
        let key = self.0.engine.revoke_widget_key(key.to_owned()).await?;
        tracing::info!(key = key.key, "a widget key was revoked");
        Ok(key)
    }

    /// Whose pages may use `room`, and frame its embed; without one, the installation.
    pub fn allowed_origins(&self, room: Option<RoomId>) -> Origins {
        let room = room.and_then(|room| self.0.rooms.find(room));
        let own = room.map(|room| room.allowed_origins()).filter(|own| !own.is_empty());
        own.unwrap_or_else(|| self.0.allowed_origins.clone())
    }

    /// Returns whether the operator has named the site of that origin as one that uses `room`: in the room's list, in the
    /// installation's if the room has none, or, where every origin is allowed, in the list of a widget key that opens the room. `*`
    /// names nobody.
    ///
    /// Without a room, or if there is no such room, an origin counts that any room or any key names.
    ///
    /// Costs a look-up by origin, and looks at the rooms and keys that list this origin.
    pub fn names_origin(&self, room: Option<RoomId>, origin: &str) -> bool {
        let Some(room) = room.filter(|room| self.0.rooms.find(*room).is_some()) else {
            let of_a_key = || self.0.widget_keys.rooms_named_for(origin);
            let is_allowed = |room: Option<RoomId>| self.allowed_origins(room).contain(origin);
            return self.0.allowed_origins.name(origin)
                || self.0.rooms.list_origin(origin)
                || of_a_key().into_iter().any(is_allowed);
        };
        let allowed = self.allowed_origins(Some(room));
        allowed.name(origin) || (allowed.are_all() && self.0.widget_keys.name(room, origin))
    }

    /// Whether a site may use `room`: its pages must be allowed to, and by the key too that they show.
    ///
    /// # Errors
    /// [`Refusal::Origin`] and [`Refusal::WidgetKey`].
    pub fn admit(&self, room: RoomId, site: Site<'_>) -> Result<(), Refusal> {
        match site.origin {
            Some(origin) if !self.allowed_origins(Some(room)).contain(origin) => Err(Refusal::Origin(origin.to_owned())),
            Some(_) | None => self.0.widget_keys.check(room, site),
        }
    }
}
