//! The room's live events, over Server-Sent Events, from the position that the page has reached and across every disconnect.
//!
//! A browser reconnects an `EventSource` by itself only after some failures, does not say when, and repeats the address of the first
//! time. A stream that dies without an error it does not notice at all. So the page decides: [`Connection`] says when to open and
//! close the stream, and when to read the history instead, and this module carries that out.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use js_sys::{Date, Math};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, EventTarget, MessageEvent};

use super::{
    lock::Turn,
    request,
    tabs::{Said, Tabs},
};
use crate::{
    app::{
        actions, attention,
        clock::monotonic_ms,
        scroll,
        session::{Link, Refused, Session},
        state::{
            backlog::Relayed,
            connection::{Connection, Status, Step},
            sharing::{ANSWERS_WITHIN, GONE_AFTER, Move},
            timeline::Timeline,
        },
        task::{follow, sleep, spawn},
        wire::{self, Init, StreamEvent, Ticket},
    },
    chat::Position,
};

/// How often the connection's deadlines are checked.
const TICK: Duration = Duration::from_millis(500);

/// How long a stream may be behind what the history or the server's own answer shows, in seconds.
const BEHIND_SECONDS: f64 = 1.5;

/// How long events may wait for the next frame, in milliseconds: a tab in the background paints none.
const FRAME_TIMEOUT: Duration = Duration::from_millis(250);

/// Events that one frame shows at least, if there are so many. More at once would be felt by somebody who types.
const FRAME_EVENTS: usize = 50;

/// HTTP: what the reader came with is not good any more.
const UNAUTHORIZED: u16 = 401;

/// The connection of a page to its room.
pub struct Feed {
    session: Session,
    source: RefCell<Option<EventSource>>,
    handlers: OnceCell<Handlers>,
    /// Events that wait for the next frame, with their positions.
    inbox: RefCell<VecDeque<(String, Option<Position>)>>,
    /// Whether a frame is asked for.
    scheduled: Cell<bool>,
    /// Whether the inbox has to wait until what came before it has been fetched.
    held: Cell<bool>,
    /// What was shown last.
    position: RefCell<Position>,
    /// Whether the server has said that it waits for its log.
    is_waiting: Cell<bool>,
    connection: RefCell<Connection>,
    /// The other tabs of this browser; none where they cannot be heard.
    tabs: Option<Tabs>,
    /// Whether this tab has a stream of its own although another one leads: it has missed something.
    is_apart: Cell<bool>,
    /// The position of the newest event that has come, shown or not.
    received: RefCell<Position>,
    /// The id of the newest event of the stream that is open.
    stream_id: RefCell<String>,
    /// Counts attempts, so that what belongs to an earlier one knows that it is late.
    attempt: Cell<u32>,
}

struct Handlers {
    message: Closure<dyn FnMut(MessageEvent)>,
    heartbeat: Closure<dyn FnMut(Event)>,
    error: Closure<dyn FnMut(Event)>,
}

impl Feed {
    /// Opens the feed after `position`, and keeps it open in every state of the room, until the server refuses it for good.
    /// Shares it with the tabs that show the room to the same person, or `shares_as` the same.
    pub fn start(session: Session, shares_as: &str, position: &str) {
        let position = read(position);
        let tabs = Tabs::open(&format!("live-chat:{}:{shares_as}", session.room));
        let is_shared = tabs.is_some();
        let feed = Rc::new(Self {
            session,
            source: RefCell::default(),
            handlers: OnceCell::new(),
            inbox: RefCell::default(),
            scheduled: Cell::default(),
            held: Cell::default(),
            received: RefCell::new(position.clone()),
            position: RefCell::new(position),
            tabs,
            is_apart: Cell::default(),
            is_waiting: Cell::default(),
            connection: RefCell::new(Connection::opening(Date::now())),
            stream_id: RefCell::default(),
            attempt: Cell::default(),
        });
        feed.listen();
        if is_shared {
            feed.listen_to_tabs();
            feed.campaign(false);
            feed.look_for_leader();
        } else {
            feed.open();
        }
    }

    /// Listens to the stream, the network, the clock and the page.
    fn listen(self: &Rc<Self>) {
        let feed = Rc::clone(self);
        let message = Closure::new(move |event: MessageEvent| {
            feed.connection.borrow_mut().heard(Date::now());
            let data = event.data().as_string().unwrap_or_default();
            // A browser repeats the id of the event before for one that has none.
            let id = event.last_event_id();
            let before = feed.stream_id.replace(id.clone());
            feed.receive(data, if id == before { None } else { id.parse().ok() });
        });
        let feed = Rc::clone(self);
        let heartbeat = Closure::new(move |_| feed.connection.borrow_mut().heard(Date::now()));
        let feed = Rc::clone(self);
        let error = Closure::new(move |_| Rc::clone(&feed).fail());
        // Set here and nowhere else.
        let _ = self.handlers.set(Handlers { message, heartbeat, error });

        let feed = Rc::clone(self);
        let tick = move || {
            feed.keep_up();
            feed.beat();
        };
        // It is needed for as long as the page is there.
        let _ = set_interval_with_handle(tick, TICK);
        let feed = Rc::clone(self);
        let _ = window_event_listener(leptos::ev::online, move |_| Rc::clone(&feed).wake());
        self.listen_to_network();
        let feed = Rc::clone(self);
        let _ = window_event_listener(leptos::ev::offline, move |_| Rc::clone(&feed).fail());
        let feed = Rc::clone(self);
        // A page that comes back from the browser's back-forward cache has lost its connection without an error.
        let _ = window_event_listener(leptos::ev::pageshow, move |event| {
            if event.persisted() {
                Rc::clone(&feed).come_back();
            }
        });
        let feed = Rc::clone(self);
        let _ = window_event_listener(leptos::ev::pagehide, move |_| feed.leave());
        let feed = Rc::clone(self);
        // The event belongs to the document and reaches the window.
        let _ = window_event_listener(leptos::ev::visibilitychange, move |_| match (document().hidden(), feed.tabs.is_some()) {
            // Each tab has a stream of its own, and those that nobody sees need none.
            (true, false) => feed.shut(),
            (false, false) => Rc::clone(&feed).reopen(),
            (false, true) => Rc::clone(&feed).wake(),
            (true, true) => {}
        });
        self.on_change(self.session.renewals, Self::reopen);
        self.on_change(self.session.published, |feed| spawn(feed.expect()));
    }

    /// Looks at the stream when a telephone goes from one kind of network to another: it may have lost its connection without an error, and
    /// without having been offline. Estimates of the same network's speed change all the time, and say nothing.
    fn listen_to_network(self: &Rc<Self>) {
        let network = js_sys::Reflect::get(&window().navigator(), &"connection".into());
        let Some(network) = network.ok().and_then(|network| network.dyn_into::<EventTarget>().ok()) else { return };
        let kind = {
            let network = network.clone();
            move || js_sys::Reflect::get(&network, &"type".into()).unwrap_or_default()
        };
        let feed = Rc::clone(self);
        let mut before = kind();
        let changed = Closure::<dyn FnMut()>::new(move || {
            let now = kind();
            if std::mem::replace(&mut before, now.clone()) != now {
                Rc::clone(&feed).wake();
            }
        });
        // It fails for no listener.
        let _ = network.add_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
        // It is needed for as long as the page is there.
        changed.forget();
    }

    /// Does something whenever `signal` changes.
    fn on_change<T: Clone + PartialEq + Send + Sync + 'static>(self: &Rc<Self>, signal: RwSignal<T>, act: fn(Rc<Self>)) {
        let feed = StoredValue::new_local(Rc::clone(self));
        let mut before = signal.get_untracked();
        follow(Box::new(move || {
            let now = signal.get();
            if std::mem::replace(&mut before, now.clone()) != now {
                act(feed.get_value());
            }
        }));
    }

    /// Does what is due for the stream.
    fn beat(self: &Rc<Self>) {
        if self.has_stream() {
            let step = self.connection.borrow_mut().tick(Date::now(), Math::random());
            Rc::clone(self).take(step);
        }
    }

    /// The reader or the network is back.
    fn wake(self: Rc<Self>) {
        if !self.has_stream() {
            self.say(&Said::Wake);
            return self.keep_up();
        }
        let step = self.connection.borrow_mut().wake(Date::now());
        self.take(step);
    }

    fn take(self: Rc<Self>, step: Step) {
        match step {
            Step::Rest => self.tell(),
            Step::Open if is_online() => self.reopen(),
            Step::Open => self.tell(),
            Step::Close => {
                self.shut();
                self.tell();
            }
            Step::Poll => spawn(async move {
                self.say(&Said::Look);
                if self.poll().await.is_none() {
                    self.connection.borrow_mut().unreachable();
                }
                self.tell();
            }),
            Step::Check => spawn(self.check()),
        }
    }

    /// Tells the reader how the connection is.
    fn tell(&self) {
        if !self.has_stream() {
            return;
        }
        let link = match self.connection.borrow().status(Date::now()) {
            // Said when it happened, with the reason.
            Status::Refused => return,
            // The server says by itself that it waits for its log.
            Status::Live if self.is_waiting.get() => Link::Waiting(0),
            Status::Live => Link::Live,
            _ if !is_online() => Link::Offline,
            Status::Connecting => Link::Connecting,
            Status::Waiting(seconds) => Link::Waiting(seconds),
            Status::HeldBack => Link::HeldBack,
        };
        if self.session.link.get_untracked() != link {
            self.session.link.set(link);
            if self.leads() {
                self.say(&Said::Lead(link));
            }
        }
    }

    /// Whether this tab holds the stream for all.
    fn leads(&self) -> bool {
        self.tabs.as_ref().is_none_or(|tabs| tabs.sharing.borrow().leads())
    }

    /// Whether this tab is to have a stream.
    fn has_stream(&self) -> bool {
        self.is_apart.get() || self.leads() && (self.tabs.is_some() || !document().hidden())
    }

    fn say(&self, said: &Said) {
        if let Some(tabs) = &self.tabs {
            tabs.say(said);
        }
    }

    fn listen_to_tabs(self: &Rc<Self>) {
        if let Some(tabs) = &self.tabs {
            let feed = Rc::clone(self);
            tabs.listen(Rc::new(move |sender, said| feed.hear(sender, said)));
        }
    }

    /// Asks for a leader, and leads if there is none.
    fn look_for_leader(self: &Rc<Self>) {
        self.say(&Said::Who);
        for wait in [2.0 * ANSWERS_WITHIN, GONE_AFTER] {
            let feed = Rc::clone(self);
            set_timeout(move || feed.keep_up(), Duration::from_millis(wait as u64 + 1));
        }
    }

    /// Queues for the lock that makes a tab the leader, or takes it away from a tab that does not answer.
    fn campaign(self: &Rc<Self>, steals: bool) {
        let Some(tabs) = &self.tabs else { return };
        let Some(lock) = &tabs.lock else { return };
        let feed = Rc::clone(self);
        let turn = move |turn| {
            let Some(tabs) = &feed.tabs else { return };
            let next = match turn {
                Turn::Granted => tabs.sharing.borrow_mut().won(),
                Turn::Lost => tabs.sharing.borrow_mut().lost(Date::now(), Math::random()),
            };
            feed.act(next);
        };
        lock.request(steals, Rc::new(turn));
    }

    /// Does what is due among the tabs.
    fn keep_up(self: &Rc<Self>) {
        let Some(tabs) = &self.tabs else { return };
        let next = tabs.sharing.borrow_mut().tick(Date::now());
        self.act(next);
    }

    fn act(self: &Rc<Self>, next: Move) {
        match next {
            Move::Stay => {}
            Move::Ask => self.look_for_leader(),
            Move::Insist => self.say(&Said::Lead(self.session.link.get_untracked())),
            Move::Lead => {
                self.say(&Said::Lead(self.session.link.get_untracked()));
                self.is_apart.set(false);
                Rc::clone(self).reopen();
            }
            Move::Follow => {
                self.is_apart.set(false);
                self.give_up();
                self.say(&Said::Join(self.received.borrow().clone()));
            }
            Move::Steal if document().hidden() => {}
            Move::Steal => self.campaign(true),
            Move::Yield => {
                self.give_up();
                self.campaign(false);
                self.look_for_leader();
            }
        }
    }

    /// Ends the connection, which another tab has instead.
    fn give_up(&self) {
        self.shut();
        if let Some(tabs) = &self.tabs {
            tabs.leave_slot();
        }
    }

    fn hear(self: &Rc<Self>, sender: f64, said: Said) {
        let Some(tabs) = &self.tabs else { return };
        let id = tabs.sharing.borrow().id();
        match said {
            // The timers of a hidden tab are late, and these questions come from one that is seen.
            Said::Who if self.leads() => {
                self.act(Move::Insist);
                self.beat();
            }
            Said::Wake if self.leads() => Rc::clone(self).wake(),
            Said::Join(position) if self.leads() => match tabs.backlog.borrow().after(&position, &self.received.borrow()) {
                Some(events) => {
                    events.into_iter().for_each(|event| tabs.say(&Said::Event(event)));
                    tabs.say(&Said::Joined {
                        tab: sender,
                        user_id: self.session.user_id.get_untracked(),
                        token: self.session.token.get_untracked(),
                    });
                    self.act(Move::Insist);
                }
                None => tabs.say(&Said::Apart(sender)),
            },
            Said::Joined { tab, user_id, token } if tab == id => {
                // The browser may keep no cookie, and each of its frames be another guest at first.
                self.session.user_id.set(user_id);
                self.session.token.set(token);
                if self.is_apart.replace(false) {
                    self.shut();
                }
            }
            Said::Apart(tab) if tab == id && !self.has_stream() => {
                self.is_apart.set(true);
                Rc::clone(self).open();
            }
            Said::Bye => {
                let next = tabs.sharing.borrow_mut().left(sender, Date::now(), Math::random());
                self.act(next);
            }
            Said::Lead(_) | Said::Event(_) | Said::Look => {
                let next = tabs.sharing.borrow_mut().heard(sender, Date::now());
                self.act(next);
                if tabs.sharing.borrow().follows(sender) {
                    self.follow(said);
                }
            }
            Said::Who | Said::Wake | Said::Join(_) | Said::Joined { .. } | Said::Apart(_) => {}
        }
    }

    /// Takes over what the leader says.
    fn follow(self: &Rc<Self>, said: Said) {
        match said {
            Said::Lead(Link::Refused(refused)) => self.refuse(refused),
            Said::Lead(link) if !self.is_apart.get() && !self.connection.borrow().is_refused() => {
                self.session.link.set(link);
            }
            Said::Look if !self.is_apart.get() => {
                let feed = Rc::clone(self);
                spawn(async move {
                    // Without an answer the next look is the leader's turn.
                    let _ = feed.poll().await;
                });
            }
            Said::Event(Relayed { after, at, data }) => {
                let is_next = at.as_ref().is_none_or(|at| self.received.borrow().covers(&after) || self.has(at));
                if is_next {
                    self.receive(data, at);
                } else if !self.is_apart.get() {
                    // Something between the two has not come, and may never.
                    self.say(&Said::Join(self.received.borrow().clone()));
                }
            }
            _ => {}
        }
    }

    /// Whether an event has come before, by another way.
    fn has(&self, at: &Position) -> bool {
        self.received.borrow().covers(at)
    }

    /// Takes an event of the stream, whoever has the stream.
    fn receive(self: &Rc<Self>, data: String, mut at: Option<Position>) {
        if at.as_ref().is_some_and(|at| self.has(at)) {
            // The position of a stream is told without an event too, and then stands at the notice that follows.
            if !wire::is_notice(&data) {
                return;
            }
            at = None;
        }
        let after = self.received.borrow().clone();
        if let Some(at) = &at {
            self.received.replace(at.clone());
        }
        if let Some(tabs) = &self.tabs {
            let event = Relayed { after, at: at.clone(), data: data.clone() };
            if self.leads() {
                tabs.say(&Said::Event(event.clone()));
            }
            tabs.backlog.borrow_mut().keep(event);
        }
        self.inbox.borrow_mut().push_back((data, at));
        self.schedule();
    }

    /// The page goes, and may come back.
    fn leave(&self) {
        if self.leads() {
            self.say(&Said::Bye);
        }
        self.give_up();
        if let Some(lock) = self.tabs.as_ref().and_then(|tabs| tabs.lock.as_ref()) {
            lock.release();
        }
    }

    /// The page is there again.
    fn come_back(self: Rc<Self>) {
        match &self.tabs {
            Some(tabs) => {
                tabs.sharing.borrow_mut().restart(Date::now(), Math::random());
                self.campaign(false);
                self.look_for_leader();
            }
            None => self.reopen(),
        }
    }

    /// Shows what the history holds after the newest message that is known. Returns the place of the last one, 0 if there is none, if the
    /// history can be read.
    async fn poll(&self) -> Option<u64> {
        let session = self.session;
        let mut last = 0;
        let mut after =
            session.epoch.with_value(|epoch| format!("{epoch}-{}", session.timeline.with_untracked(Timeline::newest)));
        loop {
            let newer = session.extract(&format!("&after={after}")).await?;
            last = newer.messages.last().map_or(last, |message| message.seq);
            session.receive(newer.messages);
            match newer.bounds {
                Some((_, end)) if newer.has_more => after = end,
                _ => return Some(last),
            }
        }
    }

    /// Opens the stream again if the history has a message that the stream does not bring.
    async fn check(self: Rc<Self>) {
        let attempt = self.attempt.get();
        let last = self.poll().await;
        sleep(BEHIND_SECONDS).await;
        if self.attempt.get() == attempt && last.is_none_or(|last| self.reached() < last) {
            self.reopen();
        }
    }

    /// The server has stored a message of the reader. It is shown although the stream may be dead or held back.
    async fn expect(self: Rc<Self>) {
        if self.session.link.get_untracked() != Link::Live {
            // The server has just answered, so that the next attempt does not wait.
            Rc::clone(&self).wake();
            self.poll().await;
            return;
        }
        let place = self.session.published.get_untracked();
        sleep(BEHIND_SECONDS).await;
        if self.reached() < place {
            self.check().await;
        }
    }

    /// The place in the log that the stream has reached.
    fn reached(&self) -> u64 {
        self.position.borrow().seq
    }

    fn open(self: Rc<Self>) {
        let attempt = self.attempt.get() + 1;
        self.attempt.set(attempt);
        self.connection.borrow_mut().open(Date::now());
        self.tell();
        spawn(async move {
            let has_slot = match &self.tabs {
                Some(tabs) if !self.is_apart.get() => tabs.take_slot().await,
                _ => true,
            };
            if self.attempt.get() != attempt {
                return;
            }
            if !has_slot {
                self.connection.borrow_mut().crowded(Date::now());
                return self.tell();
            }
            let url = self.url().await;
            if self.attempt.get() == attempt {
                self.connect(url);
            }
        });
    }

    fn connect(self: Rc<Self>, url: Result<String, Option<Refused>>) {
        let url = match url {
            Ok(url) => url,
            Err(Some(refused)) => return self.refuse(refused),
            Err(None) => return self.retry(),
        };
        let Ok(source) = EventSource::new(&url) else { return self.retry() };
        self.stream_id.take();
        if let Some(handlers) = self.handlers.get() {
            source.set_onmessage(Some(handlers.message.as_ref().unchecked_ref()));
            source.set_onerror(Some(handlers.error.as_ref().unchecked_ref()));
            // It fails for no listener.
            let _ = source.add_event_listener_with_callback("ping", handlers.heartbeat.as_ref().unchecked_ref());
        }
        self.source.replace(Some(source));
    }

    /// The address of the stream, which proxies log. A reader is kept who they are by their token there: in another site's frame no
    /// cookie does. A moderator's token stays out of it: the cookie speaks for them, or a ticket that is good once.
    ///
    /// # Errors
    /// If no ticket can be had now, or for good, with the reason.
    async fn url(&self) -> Result<String, Option<Refused>> {
        let session = self.session;
        let token = session.token.get_untracked();
        let who = match session.moderates {
            false => format!("token={token}&"),
            true if has_cookies() => String::new(),
            true => {
                let answer = request::act("POST", &format!("/v1/streams/{}/ticket", session.room), &token).await;
                let refused = answer.as_ref().ok().and_then(|answer| refusal(answer.status));
                let Ticket { ticket, .. } = request::data(session.texts, answer).map_err(|_| refused)?;
                format!("ticket={ticket}&")
            }
        };
        Ok(format!("/subscribe/{}?wait=1&{who}last_event_id={}", session.room, self.position.borrow()))
    }

    /// Ends the connection. What it brought is shown, unless something is missing before it.
    fn close(&self) -> Option<EventSource> {
        let source = self.source.take()?;
        source.set_onmessage(None);
        source.set_onerror(None);
        // What follows a gap is asked for again: its position was not taken.
        if self.held.replace(false) || self.drain(usize::MAX) {
            self.inbox.borrow_mut().clear();
            self.received.replace(self.position.borrow().clone());
        }
        Some(source)
    }

    /// Opens a new connection at once. A tab that follows has one of its own until the leader has it up to date.
    fn reopen(self: Rc<Self>) {
        self.shut();
        self.is_apart.set(!self.leads());
        if !self.connection.borrow().is_refused() {
            self.open();
        }
    }

    /// Ends the connection, and whatever belongs to this attempt.
    fn shut(&self) {
        self.attempt.set(self.attempt.get() + 1);
        if let Some(source) = self.close() {
            source.close();
        }
    }

    /// The connection is lost.
    fn fail(self: Rc<Self>) {
        let Some(source) = self.close() else { return };
        // A browser that gives up by itself was answered with something else than a stream.
        let refused = source.ready_state() == EventSource::CLOSED;
        source.close();
        if refused {
            spawn(self.ask_why());
        } else {
            self.retry();
        }
    }

    /// Gives up: another attempt would be answered the same way.
    fn refuse(&self, refused: Refused) {
        self.connection.borrow_mut().refused();
        self.shut();
        self.inbox.borrow_mut().clear();
        self.session.link.set(Link::Refused(refused));
    }

    /// Learns why there is no stream, which an `EventSource` does not tell.
    async fn ask_why(self: Rc<Self>) {
        let attempt = self.attempt.get();
        let refused = match self.url().await {
            Ok(url) => request::own_status(&url).await.ok().flatten().and_then(refusal),
            Err(refused) => refused,
        };
        // The network may have come back meanwhile, and with it another attempt.
        if self.attempt.get() != attempt {
            return;
        }
        match refused {
            Some(refused) => self.refuse(refused),
            None => self.retry(),
        }
    }

    /// Opens a new connection after a while.
    fn retry(self: Rc<Self>) {
        self.shut();
        self.connection.borrow_mut().lost(Date::now(), Math::random());
        self.tell();
    }

    /// Has the inbox emptied before the next frame: many events that come at once cost one change of the page.
    fn schedule(self: &Rc<Self>) {
        if self.scheduled.replace(true) {
            return;
        }
        let feed = Rc::clone(self);
        request_animation_frame(move || feed.drain_on_schedule());
        let feed = Rc::clone(self);
        set_timeout(move || feed.drain_on_schedule(), FRAME_TIMEOUT);
    }

    /// Whichever of the frame and its time limit comes second finds nothing to do.
    fn drain_on_schedule(self: &Rc<Self>) {
        if !self.scheduled.replace(false) {
            return;
        }
        let waiting = self.inbox.borrow().len();
        // Nobody types in a hidden tab; and a share of what waits, so that no rate of events leaves the page behind for good.
        let events = if document().hidden() { waiting } else { FRAME_EVENTS.max(waiting / 4) };
        if self.drain(events) {
            Rc::clone(self).begin();
        } else if waiting > events {
            self.schedule();
        }
    }

    /// Shows so many events of what the inbox holds, up to a gap. Whether there is one: what follows it has
    /// to wait for a look at the history.
    fn drain(&self, mut events: usize) -> bool {
        if self.held.get() {
            return false;
        }
        let mut messages = Vec::new();
        let mut gap = false;
        while !gap
            && events > 0
            && let Some((data, at)) = self.pop()
        {
            events -= 1;
            match StreamEvent::read(&data) {
                StreamEvent::Message(message) => messages.push(*message),
                StreamEvent::Viewers(viewers) => self.session.viewers.set(viewers),
                StreamEvent::Waiting(waiting) => self.session.waiting.set(waiting),
                StreamEvent::Link(live) => {
                    self.is_waiting.set(!live);
                    self.tell();
                }
                StreamEvent::Room(state) => {
                    self.session.receive(std::mem::take(&mut messages));
                    self.session.go(state);
                }
                StreamEvent::Settings(settings) => {
                    self.session.configure(settings);
                    attention::entitle(self.session);
                }
                StreamEvent::Standing(standing) => self.session.stand(standing),
                StreamEvent::Removal(removal) => {
                    self.session.receive(std::mem::take(&mut messages));
                    self.session.remove(removal);
                }
                StreamEvent::Restored(removal) => {
                    self.session.receive(std::mem::take(&mut messages));
                    self.session.restore(removal);
                }
                StreamEvent::Reactions(at, recounts) => {
                    self.session.receive(std::mem::take(&mut messages));
                    for recount in recounts {
                        actions::recount(self.session, at, recount, false);
                    }
                }
                // The server knows a moderator whose access has ended as a guest.
                StreamEvent::Init(init) if self.session.moderates && !init.moderates => self.refuse(Refused::AccessEnded),
                StreamEvent::Init(init) => {
                    self.opened(&init);
                    gap = init.gap;
                    self.session.game.update(|game| game.shows(init.shows_game, data, monotonic_ms()));
                }
                StreamEvent::Interface(is_there) => {
                    self.session.game.update(|game| game.shows(is_there, data, monotonic_ms()));
                }
                StreamEvent::Cooldown => self.session.game.update(|game| game.closes(data, monotonic_ms())),
                StreamEvent::Other => {}
            }
            if let Some(at) = at {
                self.position.replace(at);
            }
        }
        self.session.receive(messages);
        gap
    }

    fn pop(&self) -> Option<(String, Option<Position>)> {
        self.inbox.borrow_mut().pop_front()
    }

    fn opened(&self, init: &Init) {
        self.is_waiting.set(false);
        self.session.token.set(init.token.clone());
        self.session.user_id.set(init.user_id.clone());
        self.session.viewers.set(init.viewer_count);
        self.session.waiting.set(init.waiting);
        self.session.state.set(init.state());
        self.tell();
        if self.is_apart.get() {
            self.say(&Said::Join(self.received.borrow().clone()));
        }
    }

    /// The server does not know our place any more: shows the newest messages instead of all that there was, and then what
    /// came since.
    fn begin(self: Rc<Self>) {
        self.held.set(true);
        let attempt = self.attempt.get();
        spawn(async move {
            let newest = self.session.extract("").await;
            if self.attempt.get() != attempt || !self.held.get() {
                return;
            }
            let Some(newest) = newest else { return self.fail() };
            let position = read(&newest.position);
            self.position.replace(position.clone());
            self.received.replace(position);
            if let Some(tabs) = &self.tabs {
                tabs.backlog.borrow_mut().forget();
            }
            self.session.timeline.update(|timeline| timeline.restart(newest));
            scroll::to_end(self.session);
            self.held.set(false);
            self.schedule();
        });
    }
}

/// Why another attempt would be answered the same way, if an answer of that status says so. The others may pass: too many requests
/// or connections, a server that stops or a proxy without one.
fn refusal(status: u16) -> Option<Refused> {
    match status {
        UNAUTHORIZED => Some(Refused::AccessEnded),
        400 | 403 | 404 | 410 => Some(Refused::Unavailable),
        _ => None,
    }
}

/// Reads a position that the server tells.
fn read(position: &str) -> Position {
    position.parse().unwrap_or_else(|_| Position::unknown())
}

/// Whether the browser keeps cookies here.
fn has_cookies() -> bool {
    js_sys::Reflect::get(&window().navigator(), &"cookieEnabled".into()).is_ok_and(|enabled| enabled.is_truthy())
}

fn is_online() -> bool {
    window().navigator().on_line()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_not_change_is_told_from_what_may_pass() {
        for (status, expected) in [
            (401, Some(Refused::AccessEnded)),
            (403, Some(Refused::Unavailable)),
            (404, Some(Refused::Unavailable)),
            (200, None),
            (204, None),
            (408, None),
            (409, None),
            (429, None),
            (500, None),
            (502, None),
            (503, None),
        ] {
            assert_eq!(refusal(status), expected, "{status}");
        }
    }
}
