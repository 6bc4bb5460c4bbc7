use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::{Hub, Inner};
use crate::{
    chat::{Event, Room, RoomId},
    engine::{News, Sink, now},
};

/// Where the engine's news come in. It is made before the engine is, whose sink holds it; what comes before there is a hub waits
/// for it.
#[derive(Clone, Default)]
pub struct Intake(Arc<Mutex<State>>);

enum State {
    /// There is no hub yet.
    Waiting(Vec<News>),
    Open(Weak<Inner>),
}

impl Default for State {
    fn default() -> Self {
        Self::Waiting(Vec::new())
    }
}

impl Intake {
    /// Where the engine is to dispatch its news to.
    pub fn sink(&self) -> Sink {
        let intake = self.clone();
        Arc::new(move |news| intake.dispatch(news))
    }

    fn dispatch(&self, news: &[News]) {
        let hub = match &mut *self.lock() {
            State::Waiting(waiting) => return waiting.extend_from_slice(news),
            State::Open(hub) => hub.upgrade(),
        };
        if let Some(hub) = hub {
            Hub(hub).take_in(news);
        }
    }

    /// Gives a hub, which has read from the engine how everything is, what has come until now and all that will. What it has read
    /// already comes once more then, and all that followed it, so that nothing is lost or goes back.
    pub(super) fn open(&self, hub: &Hub) {
        let mut state = self.lock();
        // No news overtake these: the lock is held until they are taken in.
        if let State::Waiting(waiting) = &mut *state {
            hub.take_in(&std::mem::take(waiting));
        }
        *state = State::Open(Arc::downgrade(&hub.0));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
                News::WidgetKey(key) => inner.widget_keys.note(key.clone()),
                News::Revocation(revocation) => {
                    inner.revocations.note(revocation.clone(), now());
                    refuses = true;
                }
                News::Invitation(invitation) => {
                    self.note_invitation(invitation);
                    refuses |= invitation.revoked_at.is_some();
                }
                News::Name(held) => self.note_name(held),
            }
        }
        if refuses {
            self.close_refused();
        }
        for (room, events) in &events {
            if let Some(room) = inner.rooms.find(*room) {
                room.dispatch(events);
            }
        }
        if !events.is_empty() {
            inner.news.send_replace(());
        }
    }
}
