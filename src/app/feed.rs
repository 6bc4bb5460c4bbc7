//! The room's live events, over Server-Sent Events, from the place that the page reached and across every disconnect.
//!
//! A browser reconnects an `EventSource` by itself only after some failures, says nothing about when, and repeats the address
//! of the first time. So each failure closes it here, and a new one is opened from the newest position.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use js_sys::{Date, Math};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

use super::{
    actions, attention,
    incoming::{Incoming, Init},
    request,
    session::{Link, Refused, Session, follow, sleep, spawn},
};

/// A connection that lived so long, in milliseconds, has worked: the next failure is a first one.
const WORKED_MS: f64 = 10_000.0;

/// Longest wait between two attempts, in seconds.
const LONGEST_WAIT: f64 = 30.0;

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
    /// Events that wait for the next frame, with their SSE ids.
    inbox: RefCell<VecDeque<(String, String)>>,
    /// Whether a frame is asked for.
    scheduled: Cell<bool>,
    /// Whether the inbox has to wait until what came before it has been fetched.
    held: Cell<bool>,
    /// What was shown last.
    position: RefCell<String>,
    /// Attempts in a row that did not work.
    failures: Cell<u32>,
    /// When the connection opened.
    opened_at: Cell<Option<f64>>,
    /// Counts attempts, so that what belongs to an earlier one knows that it is late.
    attempt: Cell<u32>,
}

struct Handlers {
    message: Closure<dyn FnMut(MessageEvent)>,
    error: Closure<dyn FnMut(Event)>,
}

impl Feed {
    /// Opens the feed after `position`, and keeps it open in every state of the room, until the server refuses it for good.
    pub fn start(session: Session, position: String) {
        let feed = Rc::new(Self {
            session,
            source: RefCell::default(),
            handlers: OnceCell::new(),
            inbox: RefCell::default(),
            scheduled: Cell::default(),
            held: Cell::default(),
            position: RefCell::new(position),
            failures: Cell::default(),
            opened_at: Cell::default(),
            attempt: Cell::default(),
        });
        feed.listen();
        Rc::clone(&feed).open();
    }

    /// Hears of the network, and of wishes for a new connection.
    fn listen(self: &Rc<Self>) {
        let feed = Rc::clone(self);
        let message = Closure::new(move |event: MessageEvent| {
            let data = event.data().as_string().unwrap_or_default();
            feed.inbox.borrow_mut().push_back((data, event.last_event_id()));
            feed.schedule();
        });
        let feed = Rc::clone(self);
        let error = Closure::new(move |_| Rc::clone(&feed).fail());
        // Set here and nowhere else.
        let _ = self.handlers.set(Handlers { message, error });

        let feed = Rc::clone(self);
        let _ = window_event_listener(leptos::ev::online, move |_| Rc::clone(&feed).reopen());
        let feed = Rc::clone(self);
        let _ = window_event_listener(leptos::ev::offline, move |_| Rc::clone(&feed).fail());
        let feed = Rc::clone(self);
        // A page that comes back from the browser's back-forward cache has lost its connection without an error.
        let _ = window_event_listener(leptos::ev::pageshow, move |event| {
            if event.persisted() {
                Rc::clone(&feed).reopen();
            }
        });
        let feed = StoredValue::new_local(Rc::clone(self));
        let renewals = self.session.renewals;
        let mut before = renewals.get_untracked();
        follow(Box::new(move || {
            let now = renewals.get();
            if std::mem::replace(&mut before, now) != now {
                feed.get_value().reopen();
            }
        }));
    }

    fn open(self: Rc<Self>) {
        let attempt = self.attempt.get() + 1;
        self.attempt.set(attempt);
        if is_online() {
            self.session.link.set(Link::Connecting);
        }
        spawn(async move {
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
        if let Some(handlers) = self.handlers.get() {
            source.set_onmessage(Some(handlers.message.as_ref().unchecked_ref()));
            source.set_onerror(Some(handlers.error.as_ref().unchecked_ref()));
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
                let told = request::data(session.texts, answer).map_err(|_| refused)?;
                format!("ticket={}&", told.text("ticket").ok_or(None)?)
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
        }
        Some(source)
    }

    /// Opens a new connection at once.
    fn reopen(self: Rc<Self>) {
        if let Some(source) = self.close() {
            source.close();
        }
        if !matches!(self.session.link.get_untracked(), Link::Refused(_)) {
            self.open();
        }
    }

    /// The connection is lost.
    fn fail(self: Rc<Self>) {
        let Some(source) = self.close() else { return };
        // A browser that gives up by itself was answered with something else than a stream.
        let refused = source.ready_state() == EventSource::CLOSED;
        source.close();
        let worked = self.opened_at.take().is_some_and(|opened_at| Date::now() - opened_at > WORKED_MS);
        if worked {
            self.failures.set(0);
        }
        if refused {
            spawn(self.ask_why());
        } else {
            self.retry();
        }
    }

    /// Gives up: another attempt would be answered the same way.
    fn refuse(&self, refused: Refused) {
        self.attempt.set(self.attempt.get() + 1);
        if let Some(source) = self.source.take() {
            source.set_onmessage(None);
            source.set_onerror(None);
            source.close();
        }
        self.inbox.borrow_mut().clear();
        self.session.link.set(Link::Refused(refused));
    }

    /// Learns why there is no stream, which an `EventSource` does not tell.
    async fn ask_why(self: Rc<Self>) {
        let attempt = self.attempt.get();
        let refused = match self.url().await {
            Ok(url) => request::status(&url).await.ok().and_then(refusal),
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
        let wait = wait_seconds(self.failures.get(), Math::random());
        self.failures.set(self.failures.get() + 1);
        let attempt = self.attempt.get() + 1;
        self.attempt.set(attempt);
        spawn(async move {
            let mut left = wait;
            while left > 0.0 {
                let link = if is_online() { Link::Waiting(left.ceil() as u32) } else { Link::Offline };
                self.session.link.set(link);
                sleep(left.min(1.0)).await;
                left -= 1.0;
                if self.attempt.get() != attempt {
                    return;
                }
            }
            self.open();
        });
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
            && let Some((data, id)) = self.pop()
        {
            events -= 1;
            match Incoming::decode(&data) {
                Incoming::Message(message) => messages.push(*message),
                Incoming::Viewers(viewers) => self.session.viewers.set(viewers),
                Incoming::Waiting(waiting) => self.session.waiting.set(waiting),
                Incoming::Link(live) => self.session.link.set(if live { Link::Live } else { Link::Waiting(0) }),
                Incoming::Room(state) => self.session.state.set(state),
                Incoming::Settings(settings) => {
                    self.session.configure(settings);
                    attention::entitle(self.session);
                }
                Incoming::Standing(standing) => self.session.stand(standing),
                Incoming::Removal(removal) => {
                    self.session.receive(std::mem::take(&mut messages));
                    self.session.remove(removal);
                }
                Incoming::Reactions(at, recounts) => {
                    self.session.receive(std::mem::take(&mut messages));
                    for recount in recounts {
                        actions::recount(self.session, at, recount, false);
                    }
                }
                // The server knows a moderator whose access has ended as a guest.
                Incoming::Init(init) if self.session.moderates && !init.moderates => self.refuse(Refused::AccessEnded),
                Incoming::Init(init) => {
                    self.opened(&init);
                    gap = init.gap;
                }
                Incoming::Other => {}
            }
            if !id.is_empty() {
                self.position.replace(id);
            }
        }
        self.session.receive(messages);
        gap
    }

    fn pop(&self) -> Option<(String, String)> {
        self.inbox.borrow_mut().pop_front()
    }

    fn opened(&self, init: &Init) {
        self.opened_at.set(Some(Date::now()));
        self.session.token.set(init.token.clone());
        self.session.user_id.set(init.user_id.clone());
        self.session.viewers.set(init.viewer_count);
        self.session.waiting.set(init.waiting);
        self.session.state.set(init.state);
        self.session.link.set(Link::Live);
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
            self.position.replace(newest.position.clone());
            self.session.timeline.update(|timeline| timeline.restart(newest));
            super::scroll::to_end(self.session);
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

/// How long to wait after so many failures, in seconds: hardly at all at first, then 1, 2, 4 and so on; each a little off, so
/// that not all clients of a server that restarts come at the same time. `chance` is from 0 to 1.
fn wait_seconds(failures: u32, chance: f64) -> f64 {
    match failures {
        0 => chance,
        _ => (2_f64.powi(failures.min(8) as i32 - 1) * (0.75 + chance / 2.0)).min(LONGEST_WAIT),
    }
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

    #[test]
    fn waits_grow_and_are_bounded() {
        let rows = [
            (0, 0.0, 1.0),
            (1, 0.75, 1.25),
            (2, 1.5, 2.5),
            (3, 3.0, 5.0),
            (5, 12.0, 20.0),
            (9, 30.0, 30.0),
            (u32::MAX, 30.0, 30.0),
        ];
        for (failures, shortest, longest) in rows {
            assert_eq!(wait_seconds(failures, 0.0), shortest, "{failures}");
            assert_eq!(wait_seconds(failures, 1.0), longest, "{failures}");
        }
    }
}
