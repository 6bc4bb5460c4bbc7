use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, StatusCode, Uri, header};
use bytes::Bytes;
use tokio::sync::{Notify, watch};

use super::client::{Client, Message};
use crate::{
    chat::{Event, EventType, RoomId, Timestamp},
    engine::{Cursors, End, Engine, Failure, Query, Reader, Webhook, now},
    hub::Hub,
    protocol::webhook::{self, Secret},
};

/// Events that are looked through at once for the next to be delivered. They are read again for each: what was deleted meanwhile
/// must not go out.
const LOOK_AHEAD: usize = 32;

/// Payload of these, in bytes, after which no more are read.
const LOOK_AHEAD_BYTES: usize = 64 * 1024;

/// Steps after which the cursors are kept, while there is always more to deliver. A crash repeats so many deliveries at most; more
/// would repeat more, fewer would cost the log a commit each.
const UNSAVED: usize = 32;

/// Attempts that a start makes before it gives up a webhook that has failed for long: its receiver may have been as long away.
const ATTEMPTS: u32 = 10;

/// How often a node that may have lost the lead looks whether it has.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Longest wait that a receiver may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// When deliveries are given up, and when they are made again.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// How long a receiver may take to answer.
    pub answer_within: Duration,
    /// How long to wait after the first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// Up to this.
    pub longest_wait: Duration,
    /// A webhook that has failed for so long is disabled.
    pub give_up_after: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(15),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(600),
            give_up_after: Duration::from_secs(3 * 24 * 3_600),
        }
    }
}

impl Schedule {
    /// How long to wait after so many failures, at least 1. It doubles with each; half of it is random, lest all that failed together
    /// come back together.
    fn wait(&self, failed: u32, retry_after: Option<Duration>) -> Duration {
        let doublings = (failed - 1).min(20);
        let whole = self.first_wait.saturating_mul(1 << doublings).min(self.longest_wait);
        let random = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
        whole.mul_f64(0.5 + random / 2.0).max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER))
    }
}

/// A webhook, and where it stands.
pub(super) struct Progress {
    pub(super) webhook: Webhook,
    pub(super) cursors: Cursors,
}

impl Progress {
    /// How many events of the rooms it has not come to yet.
    pub(super) fn behind(&self, heads: &Cursors) -> u64 {
        let cursor = |room| self.cursors.get(room).copied().unwrap_or_default();
        heads.iter().filter(|(room, _)| self.webhook.covers(**room)).map(|(room, head)| head.saturating_sub(cursor(room))).sum()
    }
}

/// Who is delivered to.
pub(super) struct Receiver {
    url: Uri,
    secret: Secret,
}

impl Receiver {
    /// The receiver of a webhook; `None` if there is none like that.
    pub(super) fn of(webhook: &Webhook) -> Option<Self> {
        Some(Self { url: webhook.url.parse().ok()?, secret: Secret::parse(&webhook.secret)? })
    }
}

/// What delivers to one webhook: each event of a room after the one before it was taken, and never twice at once.
pub(super) struct Delivery {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) hub: Hub,
    pub(super) client: Client,
    pub(super) schedule: Schedule,
    pub(super) receiver: Receiver,
    /// A standard lock: held to look or to set, never across an await.
    pub(super) progress: Arc<Mutex<Progress>>,
    /// Told when somebody has enabled the webhook.
    pub(super) enabled: Arc<Notify>,
    /// Attempts that failed since the last that did not.
    pub(super) failed: u32,
    pub(super) unsaved: Unsaved,
}

/// What has changed since it was kept.
#[derive(Default)]
pub(super) struct Unsaved {
    cursors: Cursors,
    steps: usize,
    /// Whether something was sent: then it is worth a commit, when there is nothing else to do.
    sent: bool,
}

/// Why something was not delivered.
struct Undelivered {
    message: String,
    /// When the receiver wants it again.
    retry_after: Option<Duration>,
    /// The receiver wants nothing any more.
    gone: bool,
}

impl From<String> for Undelivered {
    fn from(message: String) -> Self {
        Self { message, retry_after: None, gone: false }
    }
}

impl Delivery {
    /// Delivers until `stop` becomes true: then what is under way is broken off, to be repeated, here or on another node.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.work() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        self.save().await;
    }

    async fn work(&mut self) {
        let mut news = self.hub.news();
        loop {
            while self.is_disabled() {
                self.enabled.notified().await;
                (self.failed, self.unsaved.sent) = (0, true);
            }
            news.mark_unchanged();
            match self.pass().await {
                Ok(true) if self.unsaved.steps < UNSAVED => {}
                Ok(true) => self.save().await,
                Ok(false) => {
                    if self.unsaved.sent {
                        self.save().await;
                    }
                    if news.changed().await.is_err() {
                        return;
                    }
                }
                Err(undelivered) => {
                    let wait = self.note_failure(undelivered);
                    self.save().await;
                    if !self.is_disabled() {
                        let _ = tokio::time::timeout(wait, self.enabled.notified()).await;
                    }
                }
            }
        }
    }

    /// Goes through the rooms once, one step in each that has something new, so that none waits for another one's backlog. Says
    /// whether there was any.
    async fn pass(&mut self) -> Result<bool, Undelivered> {
        let heads = self.hub.heads();
        // Rooms are made in the order of their numbers: one before the newest that is not there was removed.
        let newest = heads.keys().next_back().copied();
        let is_kept = |room: &RoomId| heads.contains_key(room) || Some(*room) > newest;
        self.progress().cursors.retain(|room, _| is_kept(room));
        self.unsaved.cursors.retain(|room, _| is_kept(room));
        let mut found = false;
        for (room, head) in heads {
            let cursor = {
                let progress = self.progress();
                let cursor = progress.cursors.get(&room).copied().unwrap_or_default();
                (progress.webhook.covers(room) && cursor < head).then_some(cursor)
            };
            if let Some(cursor) = cursor {
                found = true;
                self.step(room, cursor, head).await?;
            }
        }
        Ok(found)
    }

    /// Delivers the next event of `room` after `cursor` that is wanted, or passes over some that are not.
    async fn step(&mut self, room: RoomId, cursor: u64, head: u64) -> Result<(), Undelivered> {
        let query = Query {
            room,
            after: cursor,
            before: Some(head + 1),
            reader: Reader::Owner,
            messages_only: false,
            limit: LOOK_AHEAD,
            bytes: LOOK_AHEAD_BYTES,
            end: End::Oldest,
        };
        let events = self.hub.read(query.clone()).await.map_err(|error| error.to_string())?;
        let is_whole = !query.is_filled_by(&events);
        let last = events.last().map_or(head, |event| event.seq);
        let wanted = |event: Event| {
            let kind = EventType::of(&event.kind).filter(|kind| self.progress().webhook.wants(*kind))?;
            Some((event, kind))
        };
        let next = events.into_iter().find_map(wanted);
        let reached = match &next {
            Some((event, _)) => event.seq,
            None if is_whole => head,
            None => last,
        };
        if let Some((event, kind)) = next {
            self.until_it_leads().await;
            let delivered = self.deliver(&event, kind).await;
            let result = if delivered.is_ok() { "delivered" } else { "failed" };
            metrics::counter!("live_chat_webhook_attempts_total", "result" => result).increment(1);
            delivered?;
            self.note_success();
        }
        self.progress().cursors.insert(room, reached);
        self.unsaved.cursors.insert(room, reached);
        self.unsaved.steps += 1;
        Ok(())
    }

    /// Waits while another node may deliver: in a process that was paused, the end of the lead is noticed only after a moment. If it has
    /// ended, this delivery is broken off meanwhile.
    async fn until_it_leads(&self) {
        while !self.engine.leads_now() {
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    async fn deliver(&self, event: &Event, kind: EventType) -> Result<(), Undelivered> {
        let Receiver { url, secret } = &self.receiver;
        let id = webhook::id(event, self.engine.epoch());
        let message = Message { url, id: &id, secret, body: Bytes::from(webhook::body(event, kind)) };
        let answer = tokio::time::timeout(self.schedule.answer_within, self.client.post(message)).await;
        let late = |_| format!("it did not answer within {:?}", self.schedule.answer_within);
        // What it says beside its status is of no interest, and not waited for.
        let answer = answer.map_err(late)??;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let message = format!("it answered with status {}", status.as_u16());
        Err(Undelivered { message, retry_after: retry_after(answer.headers()), gone: status == StatusCode::GONE })
    }

    fn is_disabled(&self) -> bool {
        self.progress().webhook.standing.disabled_at.is_some()
    }

    fn note_success(&mut self) {
        self.failed = 0;
        self.unsaved.sent = true;
        let mut progress = self.progress();
        let standing = &mut progress.webhook.standing;
        (standing.last_success, standing.failing_since) = (Some(now()), None);
    }

    /// Notes what went wrong, and disables the webhook if it has for long enough. How long to wait before the next attempt.
    fn note_failure(&mut self, undelivered: Undelivered) -> Duration {
        let Undelivered { message, retry_after, gone } = undelivered;
        let (at, id) = (now(), self.progress().webhook.id.clone());
        self.failed += 1;
        self.unsaved.sent = true;
        tracing::warn!(webhook = id.0, attempt = self.failed, "a delivery failed: {message}");
        let (failed, give_up_after) = (self.failed, self.schedule.give_up_after);
        let mut progress = self.progress();
        let standing = &mut progress.webhook.standing;
        standing.last_error = Some(Failure { at, message });
        let since = *standing.failing_since.get_or_insert(at);
        if gone || (failed >= ATTEMPTS && elapsed(since, at) >= give_up_after) {
            standing.disabled_at = Some(at);
            tracing::error!(webhook = id.0, "the webhook is disabled: nothing is delivered to it any more until it is enabled");
        }
        drop(progress);
        self.schedule.wait(failed, retry_after)
    }

    /// Keeps where it stands, if that has changed.
    async fn save(&mut self) {
        if self.unsaved.steps == 0 && !self.unsaved.sent {
            return;
        }
        let (id, standing) = {
            let Webhook { id, standing, .. } = &self.progress().webhook;
            (id.clone(), standing.clone())
        };
        match self.engine.note_deliveries(id.clone(), standing, self.unsaved.cursors.clone()).await {
            Ok(()) => self.unsaved = Unsaved::default(),
            Err(error) => {
                tracing::warn!(webhook = id.0, "where it stands could not be kept, and may be delivered again: {error}")
            }
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn elapsed(since: Timestamp, at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.0 - since.0).unwrap_or_default())
}

/// The seconds of the header (RFC 9110 10.2.3); its form as a date is passed over.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_the_longest_and_heeds_the_receiver() {
        // Failures, seconds that the receiver asks for, and between how many seconds the wait is.
        let rows = [
            (1, None, 0.5, 1.0),
            (2, None, 1.0, 2.0),
            (5, None, 8.0, 16.0),
            (11, None, 300.0, 600.0),
            (u32::MAX, None, 300.0, 600.0),
            (1, Some(0), 0.5, 1.0),
            (1, Some(30), 30.0, 30.0),
            (1, Some(u64::MAX), 3_600.0, 3_600.0),
        ];
        for (failed, retry_after, least, most) in rows {
            let wait = Schedule::default().wait(failed, retry_after.map(Duration::from_secs)).as_secs_f64();
            assert!((least..=most).contains(&wait), "{failed} {retry_after:?}: {wait}");
        }
    }

    #[test]
    fn only_seconds_are_read_of_retry_after() {
        let rows = [("120", Some(120)), (" 7 ", Some(7)), ("-1", None), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("", None)];
        for (value, expected) in rows {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().expect("a value"))]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
