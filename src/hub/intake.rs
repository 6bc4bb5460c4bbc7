use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, Weak},
};

use super::{Hub, Inner};
use crate::{
    chat::{Event, Kind, Room, RoomId},
    engine::{News, Sink, now},
};

/// Where the engine's news come in. It is made before the engine is, whose sink holds it; the hub begins to take them in when it
/// has read how everything is.
#[derive(Clone, Default)]
pub struct Intake(Arc<OnceLock<Weak<Inner>>>);

impl Intake {
    /// Where the engine is to dispatch its news to.
    pub fn sink(&self) -> Sink {
        let intake = self.clone();
        Arc::new(move |news| {
            if let Some(hub) = intake.0.get().and_then(Weak::upgrade) {
                Hub(hub).take_in(news);
            }
        })
    }

    /// Gives all that comes from now on to a hub.
    pub(super) fn open(&self, hub: &Hub) {
        let _ = self.0.set(Arc::downgrade(&hub.0));
    }
}

impl Hub {
    /// Takes over what is new in the log, whichever node it was asked of.
    fn take_in(&self, news: &[News]) {
        let inner = &self.0;
        let mut events = BTreeMap::<RoomId, Vec<Arc<Event>>>::new();
        let mut refuses = false;
        for one in news {
            match one {
                News::Event(event) => events.entry(event.room).or_default().push(Arc::clone(event)),
                News::Room { room, head } => {
                    inner.rooms.insert(Room::clone(room), *head);
                    self.count_viewers_of(room.id);
                }
                News::NoRoom(room) => {
                    if let Some(live) = inner.rooms.remove(*room) {
                        live.close(|_, _| true);
                    }
                }
                News::WidgetKey(key) => inner.widget_keys.note(key.clone()),
                News::Revocation(revocation) => {
                    inner.revocations.note(revocation.clone(), now());
                    self.release_name_of(&revocation.of);
                    refuses = true;
                }
                News::Invitation(invitation) => {
                    self.note_invitation(invitation);
                    refuses |= invitation.revoked_at.is_some();
                }
                News::Name(held) => self.note_name(held),
                News::Interface { room, interface } => {
                    if let Some(room) = inner.rooms.find(*room) {
                        room.show(interface.clone());
                    }
                }
                News::Appearance(appearance) => inner.appearance.note(Arc::clone(appearance)),
                News::Webhooks => {
                    inner.webhook_news.send_replace(());
                }
            }
        }
        if refuses {
            self.close_refused();
        }
        for (room, events) in &events {
            if let Some(live) = inner.rooms.find(*room) {
                live.dispatch(events);
                let settings = events.iter().rev().find_map(|event| match &event.kind {
                    Kind::Settings { settings, .. } => Some(settings),
                    _ => None,
                });
                if let Some(settings) = settings {
                    inner.rooms.note_origins(*room, settings.allowed_origins.clone());
                }
            }
        }
        if !events.is_empty() {
            inner.news.send_replace(());
        }
    }
}
