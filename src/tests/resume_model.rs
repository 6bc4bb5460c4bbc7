//! Exact resume, against a model that is a plain list: whatever is said, and wherever a reader's connection is cut, it has been
//! given everything that is for it once, in order, and nothing that was deleted before it read it.

use std::sync::Arc;

use proptest::prelude::*;

use super::site::{ByHand, KEYED, Setting, Site};
use crate::{
    chat::{Command, Deleted, Draft, Payload, RoomId, UserId},
    hub::{self, Authority, Caller, Fetch, Found, Item, Removal, RingSize, Step, Subscriber, Wake},
};

/// What happens, in any order.
#[derive(Clone, Debug)]
enum Act {
    /// Somebody says something to all.
    Say,
    /// Of all that was said so far, one message is deleted; the number is taken round.
    Delete(usize),
    /// Somebody says something to this reader alone.
    Whisper(usize),
    /// Others come or go: notices between the events.
    Notice,
    /// The reader is given all that there is.
    Read(usize),
    /// The reader is given so many frames of what there is, its connection is lost, and it comes back.
    Cut(usize, usize),
    /// The reader asks for the history.
    Ask(usize),
}

const READERS: usize = 3;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let reader = 0..READERS;
    let act = prop_oneof![
        6 => Just(Act::Say),
        1 => (0..1_000_usize).prop_map(Act::Delete),
        1 => reader.clone().prop_map(Act::Whisper),
        1 => Just(Act::Notice),
        3 => reader.clone().prop_map(Act::Read),
        2 => (reader.clone(), 0..12_usize).prop_map(|(reader, frames)| Act::Cut(reader, frames)),
        1 => reader.prop_map(Act::Ask),
    ];
    prop::collection::vec(act, 0..80)
}

/// A client that shows what it is given, and knows the position to come back with.
struct Reader {
    user: UserId,
    subscriber: Option<Subscriber>,
    position: Option<String>,
    /// The events shown, by their place in the log; those of a history stand where it was given.
    shown: Vec<u64>,
    /// Where it began to listen first.
    began_at: u64,
    has_history: bool,
    /// Whether this connection has asked for the history: once, as clients do.
    has_asked: bool,
}

impl Reader {
    fn connect(site: &Site, user: UserId, position: Option<String>) -> (Subscriber, u64) {
        let wake: Arc<dyn Wake> = Arc::new(ByHand);
        let (subscriber, welcome) =
            site.hub.subscribe(RoomId::FIRST, user, hub::Site::default(), None, position.as_deref(), &wake).expect("a live room");
        assert!(!welcome.gap, "{position:?} is one of ours");
        (subscriber, welcome.position.seq)
    }

    fn new(site: &Site) -> Self {
        let user = site.guest();
        let (subscriber, began_at) = Self::connect(site, user.clone(), None);
        Self {
            user,
            subscriber: Some(subscriber),
            position: None,
            shown: Vec::new(),
            began_at,
            has_history: false,
            has_asked: false,
        }
    }

    fn subscriber(&mut self) -> &mut Subscriber {
        self.subscriber.as_mut().expect("connected")
    }

    /// Is given up to `frames` frames, then what was left of the last piece is lost, as when a connection breaks in it.
    async fn read(&mut self, epoch: &str, frames: usize) {
        let mut left = frames;
        while left > 0 {
            match self.subscriber().next_step() {
                Step::End(_) => unreachable!("nobody is disconnected"),
                Step::Fetch(fetch) => left = self.fetch(&fetch, left).await,
                Step::Live(cursor) => match self.subscriber().tail().read(cursor, u64::MAX, 2_000) {
                    Found::Gone { head, end, .. } => self.subscriber().fell_behind(head, end),
                    Found::Batch(batch) if batch.entries.is_empty() => return,
                    Found::Batch(batch) => {
                        let shared = self.subscriber().shares(&batch);
                        let picked = self.subscriber().pick(&batch);
                        let told = batch.entries.iter().filter(|entry| !matches!(entry.item, Item::Erased | Item::Relayed(_)));
                        assert!(!shared || picked.len() == told.count(), "what is shared is all of it");
                        for (entry, own) in picked {
                            assert!(!shared || own.is_none(), "and nobody's own");
                            if let (Some(event), true) = (entry.event(), left > 0) {
                                left -= 1;
                                let own = own.map(|own| own.to_string());
                                self.show(event.seq, own.unwrap_or_else(|| format!("{epoch}-{}", event.seq)));
                            }
                        }
                    }
                },
            }
        }
    }

    /// The same, and nothing that is deleted by now is among it.
    async fn read_of(&mut self, log: &[Logged], epoch: &str, frames: usize) {
        let before = self.shown.len();
        self.read(epoch, frames).await;
        let deleted = |seq: &&u64| log[**seq as usize - 1] == Logged::Deleted;
        assert_eq!(self.shown[before..].iter().find(deleted), None, "a deleted message");
    }

    async fn fetch(&mut self, fetch: &Fetch, left: usize) -> usize {
        let (events, fetched) = fetch.run().await.expect("a readable log");
        self.subscriber().fetched(fetched);
        if fetch.is_history {
            self.shown.extend(events.iter().map(|event| event.seq));
            self.position = Some(fetch.position_after().to_string());
            self.has_history = true;
            return left - 1;
        }
        for event in events.iter().take(left) {
            self.show(event.seq, fetch.position(event.seq).to_string());
        }
        left.saturating_sub(events.len())
    }

    fn show(&mut self, seq: u64, position: String) {
        self.shown.push(seq);
        self.position = Some(position);
    }

    fn come_back(&mut self, site: &Site) {
        self.subscriber = None;
        let (subscriber, at) = Self::connect(site, self.user.clone(), self.position.clone());
        (self.subscriber, self.has_asked) = (Some(subscriber), false);
        if self.position.is_none() {
            self.began_at = at;
        }
    }
}

/// Says something as `author`, to everybody or to one.
async fn say(site: &Site, author: &UserId, to: Option<UserId>) {
    let token = site.hub.tokens().sign(author.clone(), RoomId::FIRST, crate::chat::Capabilities::guest(), None);
    let payload = Payload::of("x");
    let draft = Draft { payload, video_time: 0.0, client_message_id: None, announces: false };
    let command = match to {
        Some(to) => Command::Private { to, draft },
        None => Command::Broadcast(draft),
    };
    site.hub.publish(RoomId::FIRST, caller(&token), command).await.expect("stored");
}

/// What the log holds.
#[derive(Clone, Copy, PartialEq)]
enum Logged {
    /// A message, for one reader or for all.
    Said(Option<usize>),
    /// The same, after it was deleted.
    Deleted,
    Deletion,
}

async fn check(before: usize, ring_entries: usize, acts: Vec<Act>) {
    let ring_size = RingSize { entries: ring_entries, ..RingSize::default() };
    let site = Site::with(Setting { ring_size, ..Setting::default() }).await;
    let (author, epoch) = (site.guest(), site.hub.position(0).epoch);
    let mut log: Vec<Logged> = Vec::new();
    for _ in 0..before {
        say(&site, &author, None).await;
        log.push(Logged::Said(None));
    }
    let mut readers: Vec<_> = (0..READERS).map(|_| Reader::new(&site)).collect();
    for act in acts {
        match act {
            Act::Say => {
                say(&site, &author, None).await;
                log.push(Logged::Said(None));
            }
            Act::Delete(number) => {
                let said = |(at, logged): (usize, &Logged)| matches!(logged, Logged::Said(_)).then_some(at);
                let all: Vec<usize> = log.iter().enumerate().filter_map(said).collect();
                if !all.is_empty() {
                    let at = all[number % all.len()];
                    let of = Deleted::Message(at as u64 + 1);
                    site.hub.delete(RoomId::FIRST, &Authority::Admin, Removal::quiet(of, String::new())).await.expect("stored");
                    log[at] = Logged::Deleted;
                    log.push(Logged::Deletion);
                }
            }
            Act::Whisper(reader) => {
                say(&site, &author, Some(readers[reader].user.clone())).await;
                log.push(Logged::Said(Some(reader)));
            }
            Act::Notice => drop(Reader::new(&site)),
            Act::Read(reader) => readers[reader].read_of(&log, &epoch, usize::MAX).await,
            Act::Cut(reader, frames) => {
                readers[reader].read_of(&log, &epoch, frames).await;
                readers[reader].come_back(&site);
            }
            Act::Ask(reader) if !readers[reader].has_history && !readers[reader].has_asked => {
                readers[reader].has_asked = true;
                let connection = Some(readers[reader].subscriber().connection());
                let user = readers[reader].user.clone();
                let token = site.hub.tokens().sign(user, RoomId::FIRST, crate::chat::Capabilities::guest(), connection);
                site.hub.publish(RoomId::FIRST, caller(&token), Command::Request).await.expect("asked");
            }
            Act::Ask(_) => {}
        }
    }
    for (number, reader) in readers.iter_mut().enumerate() {
        reader.read_of(&log, &epoch, usize::MAX).await;
        let first = if reader.has_history { 0 } else { reader.began_at };
        let visible = |(seq, logged): (u64, &Logged)| {
            let visible = match logged {
                Logged::Said(to) => seq > first && to.is_none_or(|to| to == number),
                // A history needs none: it is without what was deleted.
                Logged::Deletion => seq > reader.began_at,
                Logged::Deleted => false,
            };
            visible.then_some(seq)
        };
        let expected: Vec<u64> = (1..).zip(&log).filter_map(visible).collect();
        let is_deleted = |seq: &u64| log[*seq as usize - 1] == Logged::Deleted;
        let mut gone: Vec<u64> = reader.shown.iter().copied().filter(is_deleted).collect();
        gone.sort_unstable();
        assert!(gone.is_sorted_by(|a, b| a < b), "what was deleted later is shown once too: {gone:?}");
        let mut shown: Vec<u64> = reader.shown.iter().copied().filter(|seq| !is_deleted(seq)).collect();
        shown.sort_unstable();
        assert_eq!(shown, expected, "reader {number}, as given: {:?}", reader.shown);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reader_is_given_everything_once(before in 0..30_usize, ring_entries in 1..40_usize, acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(check(before, ring_entries, acts));
    }
}

/// 64, or as many as `PROPTEST_CASES` asks for.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64)
}

fn caller(token: &str) -> Caller<'_> {
    Caller { token, site: KEYED, from: None }
}
