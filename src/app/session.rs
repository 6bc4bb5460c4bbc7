//! What the parts of the page share: who the reader is, what they see, and how the connection is.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::channel::oneshot;
use js_sys::{Date, futures::spawn_local};
use leptos::{
    html::{Div, Ul},
    prelude::*,
};

use super::{
    attention,
    clock::{self, Today, Zone},
    components::{Countdown, Words, WordsProps},
    net::request,
    scroll,
    state::{
        announcer::Announcer,
        game_inbox::GameInbox,
        holds::Holds,
        timeline::{RowKey, Timeline},
    },
    wire::{self, ChatMessage, Deletion, HistoryPage, Quote, Raw, Removal, RoomView, SettingsView, Standing},
};
use crate::{
    chat::{RoomId, RoomState},
    texts::{Text, Texts, key},
};

/// Messages that are asked for at once.
const EXTRACT_MESSAGES: usize = 50;

/// HTTP: what was asked for is no more.
const GONE: u16 = 410;

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
    resolving: StoredValue<bool>,
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
            timed_out: Countdown::of(seconds_left(view)),
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

    /// Returns a text that follows the state, as [`Words`].
    pub fn words(self, words: impl Fn(Self) -> String + Send + Sync + 'static) -> impl IntoView {
        Words(WordsProps { text: self.text(words) })
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

    /// Shows what just arrived. The reader's place stays.
    pub fn receive(self, messages: Vec<ChatMessage>) {
        if !messages.is_empty() {
            let reader = scroll::reader(self);
            let unseen = attention::unseen(self, &messages);
            attention::announce(self, &messages);
            scroll::keep_place(self, Box::new(move |timeline| timeline.append(messages, reader)));
            attention::call(self, unseen);
            if !self.resolving.get_value() {
                self.resolving.set_value(true);
                spawn(self.resolve_quotes());
            }
        }
    }

    /// Asks for the messages that are quoted and not in the list, one after the other, each once. Without an answer nothing is
    /// quoted.
    async fn resolve_quotes(self) {
        while let Some((seq, id)) = self.timeline.try_update_untracked(Timeline::unknown_quote).flatten() {
            let answer = request::get(&format!("/v1/streams/{}/messages/{id}", self.room)).await;
            let said = match &answer {
                Ok(answer) if answer.status == GONE => Some(Quote::deleted(seq)),
                _ => request::data::<Raw>(self.texts, answer).ok().and_then(|told| wire::quote(&told)),
            };
            scroll::keep_place(self, Box::new(move |timeline| timeline.resolve(seq, said)));
        }
        self.resolving.set_value(false);
    }

    /// Tells the reader what was decided on their right to speak, for as long as it holds.
    pub fn stand(self, standing: Option<Standing>) {
        let until = standing.as_ref().map(|standing| Date::new(&standing.until.as_str().into()).get_time());
        // A ban has no end, which is no time.
        let left = until.filter(|until| until.is_finite()).map(|until| until - self.server_now_ms());
        let seconds = left.map(|left| (left / 1_000.0).ceil().max(0.0) as u32);
        self.standing.set(standing.filter(|_| seconds != Some(0)));
        match seconds {
            Some(seconds) => self.timed_out.start(seconds),
            None => self.timed_out.stop(),
        }
    }

    /// Takes over what the room is set to.
    pub fn configure(self, settings: SettingsView) {
        let pinned = settings.pinned_message.clone();
        let is_other = self.settings.with_untracked(|before| before.pinned_message != pinned);
        self.settings.set(settings);
        if pinned.is_empty() {
            self.pinned.set(None);
        } else if is_other {
            spawn(self.show_pinned(pinned));
        }
    }

    async fn show_pinned(self, id: String) {
        let url = format!("/v1/streams/{}/messages/{id}", self.room);
        let answer = request::get(&url).await;
        // Another may have been pinned meanwhile.
        if self.settings.with_untracked(|now| now.pinned_message == id) {
            self.pinned.set(request::data::<Raw>(self.texts, answer).ok().and_then(|told| wire::message(&told)));
        }
    }

    /// Takes out what was deleted. The reader's place stays.
    pub fn remove(self, removal: Removal) {
        self.pinned.update(|pinned| *pinned = pinned.take().filter(|pinned| !removal.covers(pinned)));
        let user_id = self.user_id.get_untracked();
        let stays = |id: &str| self.timeline.with_untracked(|timeline| timeline.keeps(id, &removal, &user_id));
        let own = self.timeline.with_untracked(|timeline| timeline.own(&removal, &user_id));
        if self.reply.with_untracked(|message| message.as_ref().is_some_and(|message| removal.covers(message))) {
            self.reply.set(None);
        }
        let (user_id, removed) = (user_id.clone(), removal.clone());
        scroll::keep_place_at(self, &stays, Box::new(move |timeline| timeline.remove(removed, &user_id)));
        attention::entitle(self);
        if let Some(id) = own {
            spawn(self.explain(id, removal));
        }
    }

    /// Asks why the reader's own messages were taken out, of which one has that id. Without an answer no reason is shown.
    async fn explain(self, id: String, removal: Removal) {
        let url = format!("/v1/streams/{}/messages/{id}/deletion", self.room);
        let Ok(answer) = request::act("GET", &url, &self.token.get_untracked()).await else { return };
        let deletion = answer.ours().and_then(|answer| answer.data());
        if let Some(Deletion { reason, .. }) = deletion.filter(|deletion: &Deletion| !deletion.reason.is_empty()) {
            scroll::keep_place(self, Box::new(move |timeline| timeline.explain(&removal, &reason)));
        }
    }

    /// Fetches what lies before the first row. The reader's place stays.
    pub async fn load_older(self) {
        // Pages may hold no chat message at all: a room carries other messages too.
        while let Some(older) = self.fetch_at("&before=", Timeline::older_from).await {
            let lead_on = older.messages.is_empty() && older.has_more;
            scroll::keep_place(self, Box::new(|timeline| timeline.prepend(older)));
            if !lead_on {
                return;
            }
        }
    }

    /// Fetches what lies after the last row of a list that was cut there. The reader's place stays.
    pub async fn load_newer(self) {
        while let Some(newer) = self.fetch_at("&after=", Timeline::newer_from).await {
            let lead_on = newer.messages.is_empty() && newer.has_more;
            scroll::keep_place(self, Box::new(|timeline| timeline.extend(newer)));
            if !lead_on {
                return;
            }
        }
    }

    /// Goes to the newest message, and follows from there.
    pub async fn jump_to_newest(self) {
        if self.timeline.with_untracked(Timeline::has_newer)
            && let Some(newest) = self.fetch_at("", |_| "").await
        {
            self.timeline.update(|timeline| timeline.replace(newest));
            // What arrived while that was under way.
            if self.timeline.with_untracked(Timeline::has_newer) {
                self.load_newer().await;
            }
        }
        scroll::to_end(self);
    }

    async fn fetch_at(self, key: &str, place: fn(&Timeline) -> &str) -> Option<HistoryPage> {
        if self.fetching.get_untracked() {
            return None;
        }
        self.fetching.set(true);
        let place = self.timeline.with_untracked(|timeline| [key, place(timeline)].concat());
        let extract = self.extract(&place).await;
        self.fetching.set(false);
        extract
    }

    /// A part of the room's history; none if it cannot be had now.
    pub async fn extract(self, place: &str) -> Option<HistoryPage> {
        let url = format!("/v1/streams/{}/messages?limit={EXTRACT_MESSAGES}{place}", self.room);
        let answer = request::act("GET", &url, &self.token.get_untracked()).await.ok()?;
        HistoryPage::read(&answer.text)
    }
}

/// Seconds that are left of a time-out, as the server rendered the page; 0 if there is none.
fn seconds_left(view: &RoomView) -> u32 {
    let until = view.standing.as_ref().map_or(0, |standing| clock::seconds(&standing.until));
    u32::try_from(until - clock::seconds(&view.now)).unwrap_or(0)
}

/// Does something in a browser, and again whenever the state changes that it reads. Boxed, for the same reason as [tasks](spawn).
pub fn follow(mut act: Box<dyn FnMut()>) {
    Effect::new(move |_| act());
}

/// Runs a task of the page. Boxed, so that a browser downloads the code that runs tasks once, and not for each.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    let task: Pin<Box<dyn Future<Output = ()>>> = Box::pin(task);
    spawn_local(task);
}

/// Waits for so many seconds.
pub async fn sleep(seconds: f64) {
    let (done, wait) = oneshot::channel::<()>();
    set_timeout(move || drop(done), Duration::from_millis((seconds * 1_000.0) as u64));
    // Both ends of it are here: it is over when `done` is dropped.
    let _ = wait.await;
}
