//! What the parts of the page share: who the reader is, what they see, and how the connection is. What changes it stands elsewhere:
//! [updates](super::updates) that come, [history](super::history) that is fetched, and [actions](super::actions) of the reader.

use std::sync::Arc;

use js_sys::Date;
use leptos::{
    html::{Div, Ul},
    prelude::*,
};

use super::{
    clock::{Today, Zone},
    countdown::Countdown,
    state::{
        announcer::Announcer,
        game_inbox::GameInbox,
        holds::Holds,
        timeline::{RowKey, Timeline},
    },
    wire::{ChatMessage, RoomView, SettingsView, Standing},
};
use crate::{
    chat::{RoomId, RoomState},
    texts::{Text, Texts, key},
};

/// How the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Being opened.
    Connecting,
    /// Open: what is said shows at once.
    Live,
    /// Lost, and opened again in so many seconds; 0 if it is the server that waits.
    Waiting(u32),
    /// Something on the way holds the stream back. The history is read every few seconds instead.
    HeldBack,
    /// The browser has no network.
    Offline,
    /// The server refused it, and would again. The page does not try any more.
    Refused(Refused),
}

/// Why the server refuses a connection for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// What the reader came with was revoked.
    AccessEnded,
    /// The room cannot be read from this page.
    Unavailable,
}

impl Refused {
    /// The key of what the reader is told.
    pub fn key(self) -> Text {
        match self {
            Self::AccessEnded => key::page::ACCESS_ENDED,
            Self::Unavailable => key::page::UNAVAILABLE,
        }
    }
}

/// The page's state. A handle; copies share it.
#[derive(Clone, Copy)]
pub struct Session {
    /// What the page says, in the reader's language.
    pub texts: &'static Texts,
    /// The room.
    pub room: RoomId,
    /// What it is set to.
    pub settings: RwSignal<SettingsView>,
    /// The log's name, in positions.
    pub epoch: StoredValue<String>,
    /// What links keep of the page's address.
    pub link_query: StoredValue<String>,
    /// Whether it is shown over a video.
    pub is_overlay: bool,
    /// What to publish with.
    pub widget_key: StoredValue<String>,
    /// The reader's token. A new connection may bring a newer one.
    pub token: RwSignal<String>,
    /// The reader's user id.
    pub user_id: RwSignal<String>,
    /// The name that they go by.
    pub name: RwSignal<String>,
    /// What they see.
    pub timeline: RwSignal<Timeline>,
    /// The message that stands above the chat.
    pub pinned: RwSignal<Option<ChatMessage>>,
    /// The room's state.
    pub state: RwSignal<RoomState>,
    /// Whether the reader may moderate.
    pub moderates: bool,
    /// How many messages wait for a moderator.
    pub waiting: RwSignal<usize>,
    /// Whether the reader may react and reply, as far as that does not change.
    pub may_react: bool,
    /// The message whose menu was opened last.
    pub acted_on: RwSignal<Option<Arc<ChatMessage>>>,
    /// Why the reader's last reaction was not taken; empty if it was.
    pub told: RwSignal<String>,
    /// Whether a reaction is on its way.
    pub reacting: StoredValue<bool>,
    /// What the reader is replying to.
    pub reply: RwSignal<Option<Arc<ChatMessage>>>,
    /// Whether it is being asked what messages are that were quoted.
    pub resolving: StoredValue<bool>,
    /// What keeps the reader from speaking.
    pub standing: RwSignal<Option<Standing>>,
    /// Until a time-out is over.
    pub timed_out: Countdown,
    /// How far the server's clock is ahead of the reader's, in milliseconds.
    ahead_ms: StoredValue<f64>,
    /// How the connection is.
    pub link: RwSignal<Link>,
    /// Connections of the room.
    pub viewers: RwSignal<usize>,
    /// Counts the wishes for a new connection, and with it a new token.
    pub renewals: RwSignal<usize>,
    /// The place in the log of the reader's newest message.
    pub published: RwSignal<u64>,
    /// Whether the page has come to life in a browser.
    pub hydrated: RwSignal<bool>,
    /// Whether messages are being fetched.
    pub fetching: RwSignal<bool>,
    /// Whether the reader wants to be at the end of the list, which then follows what comes unless it is held still.
    pub following: StoredValue<bool>,
    /// What holds the list still.
    pub holds: StoredValue<Holds>,
    /// Whether it is held still.
    pub held: StoredValue<bool>,
    /// Whether a timer is to check that again.
    pub checks: StoredValue<bool>,
    /// The row that the reader's keys are at.
    pub current: RwSignal<Option<RowKey>>,
    /// What is to be announced to a screen reader.
    pub announcer: StoredValue<Announcer>,
    /// The lines of the last announcement.
    pub announced: RwSignal<Vec<String>>,
    /// Which days today and yesterday are, once a browser has said so.
    pub today: RwSignal<Option<Today>>,
    /// What was told of the room's game.
    pub game: RwSignal<GameInbox>,
    /// The rows' list.
    pub list: NodeRef<Ul>,
    /// What scrolls.
    pub log: NodeRef<Div>,
    /// How far the rows are below where they were held, in CSS pixels: less than one, which the browser rounded away.
    pub below_place: StoredValue<f64>,
    /// Where the page itself has scrolled to, in CSS pixels, if the reader has not scrolled since.
    pub placed_at: StoredValue<Option<i32>>,
}

impl Session {
    /// The state that the server rendered.
    pub fn new(view: &RoomView, texts: &'static Texts) -> Self {
        Self {
            texts,
            room: view.room,
            settings: RwSignal::new(view.settings.clone()),
            epoch: StoredValue::new(view.position.split('-').next().unwrap_or_default().to_owned()),
            link_query: StoredValue::new(view.link_query.clone()),
            is_overlay: view.is_overlay,
            widget_key: StoredValue::new(view.widget_key.clone()),
            token: RwSignal::new(view.token.clone()),
            user_id: RwSignal::new(view.user_id.clone()),
            name: RwSignal::new(view.form.username.clone()),
            timeline: RwSignal::new(Timeline::new(&view.messages, view.has_older, &view.position)),
            pinned: RwSignal::new(view.pinned.clone()),
            state: RwSignal::new(view.state),
            moderates: view.moderates,
            waiting: RwSignal::new(view.waiting),
            may_react: view.may_react,
            acted_on: RwSignal::new(None),
            told: RwSignal::new(String::new()),
            reacting: StoredValue::new(false),
            reply: RwSignal::new(None),
            resolving: StoredValue::new(false),
            standing: RwSignal::new(view.standing.clone()),
            timed_out: Countdown::of(view.standing.as_ref().map_or(0, |standing| standing.seconds_left)),
            ahead_ms: StoredValue::new(0.0),
            link: RwSignal::new(Link::Connecting),
            viewers: RwSignal::new(view.viewer_count),
            renewals: RwSignal::new(0),
            published: RwSignal::new(0),
            hydrated: RwSignal::new(false),
            fetching: RwSignal::new(false),
            following: StoredValue::new(true),
            holds: StoredValue::new(Holds::default()),
            held: StoredValue::new(false),
            checks: StoredValue::new(false),
            current: RwSignal::new(None),
            announcer: StoredValue::new(Announcer::default()),
            announced: RwSignal::new(Vec::new()),
            today: RwSignal::new(None),
            game: RwSignal::new(GameInbox::new(&view.game)),
            list: NodeRef::new(),
            log: NodeRef::new(),
            below_place: StoredValue::new(0.0),
            placed_at: StoredValue::new(None),
        }
    }

    /// Whose clock the page shows: the reader's, as soon as a browser can tell it.
    ///
    /// Once it is known it is not followed: a signal remembers whoever follows it until it changes, gone or not, and this one
    /// never changes again.
    pub fn zone(self) -> Zone {
        if self.is_alive() { Zone::Local } else { Zone::Utc }
    }

    /// Returns whether the page has come to life in a browser. Followed only until then, for the same reason.
    pub fn is_alive(self) -> bool {
        self.hydrated.get_untracked() || self.hydrated.get()
    }

    /// Returns the `tabindex` of what can be pressed in a row: arrow keys lead there, once there are any. What is pinned has no such keys.
    pub fn tab_stop(self, is_pinned: bool) -> Option<&'static str> {
        (!is_pinned && self.is_alive()).then_some("-1")
    }

    /// Returns the day of a moment in words: today and yesterday for as long as that is so.
    pub fn day_in_words(self, sent_at: &str) -> String {
        let zone = self.zone();
        let today = self.today.get();
        today
            .and_then(|today| today.name(zone.day(sent_at)))
            .map_or_else(|| zone.day_in_words(self.texts, sent_at), |name| self.texts.text(name).to_owned())
    }

    /// Returns whether the list follows what comes.
    pub fn follows(self) -> bool {
        self.following.get_value() && !self.held.get_value()
    }

    /// Sets the clock by the server's. To be called once, when the page has come to life: the page is a little older then, so that nothing
    /// is over too early.
    pub fn set_clock(self, server_now: &str) {
        self.ahead_ms.set_value(Date::new(&server_now.into()).get_time() - Date::now());
    }

    /// Returns the time by the server's clock, in milliseconds since 1970.
    pub fn server_now_ms(self) -> f64 {
        Date::now() + self.ahead_ms.get_value()
    }

    /// Returns a text that follows the state, for a component that shows it. Of one type wherever it stands: each type in a view is code
    /// that a browser downloads.
    pub fn text(self, text: impl Fn(Self) -> String + Send + Sync + 'static) -> Signal<String> {
        Signal::derive(move || text(self))
    }

    /// Something that is so or not, as the state is.
    pub fn flag(self, flag: impl Fn(Self) -> bool + Send + Sync + 'static) -> Signal<bool> {
        Signal::derive(move || flag(self))
    }

    /// Returns an attribute's value that follows the state; none for no attribute.
    pub fn value(self, value: impl Fn(Self) -> Option<&'static str> + Send + Sync + 'static) -> Signal<Option<&'static str>> {
        Signal::derive(move || value(self))
    }

    /// Seconds of slow mode; 0 for none.
    pub fn slow_mode_seconds(self) -> u32 {
        self.settings.with(|settings| settings.slow_mode_seconds)
    }

    /// A link to another place of this page.
    pub fn link(self, key: &str, place: &str) -> String {
        self.link_query.with_value(|query| ["?", query, key, place].concat())
    }
}
