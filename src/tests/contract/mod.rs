//! What every engine promises, one suite over all of them.

mod channels;
mod held;
mod import;
mod kept;
mod moderation;
mod order;
mod reactions;
mod retention;
mod undo;

use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::nats;
use crate::{
    chat::{Deleted, Deletion, Draft, Event, Measure, Payload, Profile, RoomId, Sanction, UserId},
    engine::{Appended, Audience, End, Engine, Entry, News, Query, Reader, Sink, Sqlite},
};

/// Makes a test of each engine.
macro_rules! of_each_engine {
    ($($(#[$about:meta])* async fn $name:ident($log:ident: Log) $body:block)*) => {
        $(mod $name {
            use super::*;

            async fn test($log: Log) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test(Log::open(Which::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn jetstream() {
                let stream = uuid::Uuid::new_v4().simple().to_string();
                test(Log::open(Which::JetStream(stream)).await).await;
            }
        })*
    };
}
use of_each_engine;

/// An engine to be tested.
#[derive(Clone, Debug)]
enum Which {
    Sqlite,
    /// In the stream of that name.
    JetStream(String),
}

/// An open log, and what it has dispatched.
struct Log {
    engine: Arc<dyn Engine>,
    which: Which,
    folder: TempDir,
    heard: Heard,
}

/// What was dispatched, by commits.
type Heard = Arc<Mutex<Vec<Vec<News>>>>;

fn sink(heard: &Heard) -> Sink {
    let heard = Arc::clone(heard);
    Arc::new(move |news| {
        // A commit of upkeep alone has none; and what is told of webhooks comes when it comes.
        if !news.is_empty() && !matches!(news, [News::Webhooks]) {
            heard.lock().expect("not poisoned").push(news.to_vec());
        }
    })
}

impl Log {
    async fn open(which: Which) -> Self {
        Self::open_in(tempfile::tempdir().expect("a folder"), which).await
    }

    async fn open_in(folder: TempDir, which: Which) -> Self {
        let heard = Heard::default();
        let engine: Arc<dyn Engine> = match &which {
            Which::Sqlite => Arc::new(Sqlite::open(folder.path(), None, sink(&heard)).expect("a usable folder")),
            Which::JetStream(stream) => Arc::new(nats::open(folder.path(), stream, sink(&heard)).await),
        };
        engine.begin();
        Self { engine, which, folder, heard }
    }

    /// Closes the log and opens it again.
    async fn reopen(self) -> Self {
        let Self { engine, which, folder, .. } = self;
        engine.close();
        drop(engine);
        Self::open_in(folder, which).await
    }

    async fn say(&self, author: &str, payload: &str) -> Appended {
        self.engine.append(RoomId::FIRST, entry(author, payload)).await.expect("stored")
    }

    async fn say_as(&self, author: &str, client_message_id: &str) -> Appended {
        let entry = named(author, client_message_id);
        self.engine.append(RoomId::FIRST, entry).await.expect("stored")
    }

    async fn read(&self, query: Query) -> Vec<Event> {
        self.engine.read(query).await.expect("readable")
    }

    async fn payloads(&self) -> Vec<String> {
        payloads(&self.read(all()).await)
    }

    async fn delete(&self, of: Deleted) -> Appended {
        self.engine.delete(RoomId::FIRST, deletion(of)).await.expect("deleted")
    }

    async fn sanction(&self, name: &str, measure: Measure) -> Appended {
        let sanction = Sanction { user: user(name), measure, addresses: Vec::new(), by: UserId::admin(), reason: "why".into() };
        self.engine.sanction(RoomId::FIRST, sanction).await.expect("stored")
    }

    async fn configure(&self, change: serde_json::Value) {
        let change = serde_json::from_value(change).expect("an object");
        self.engine.configure(RoomId::FIRST, change, UserId::admin()).await.expect("configured");
    }

    /// Waits until something holds of what is in the log.
    async fn until(&self, holds: impl AsyncFn(&dyn Engine) -> bool) {
        while !holds(&*self.engine).await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// The events that were dispatched.
    fn told(&self) -> Vec<Arc<Event>> {
        let heard = self.heard.lock().expect("not poisoned");
        heard.iter().flatten().filter_map(News::event).cloned().collect()
    }
}

fn user(name: &str) -> UserId {
    UserId::try_from(name.to_owned()).expect("a valid id")
}

fn entry(author: &str, payload: &str) -> Entry {
    let payload = Payload::stored(payload.to_owned());
    let draft = Draft { payload, video_time: 0.0, client_message_id: None, announces: false };
    Entry { author: user(author), to: Audience::Everyone, profile: Profile::default(), draft, name: None }
}

fn named(author: &str, client_message_id: &str) -> Entry {
    let mut entry = entry(author, "1");
    entry.draft.client_message_id = Some(client_message_id.to_owned());
    entry
}

fn deletion(of: Deleted) -> Deletion {
    Deletion { of, by: UserId::admin(), reason: "rude".into(), tells_reason: true }
}

/// All messages of room 1 that everybody may see.
pub(super) fn all() -> Query {
    let (limit, bytes) = (10_000, usize::MAX);
    Query {
        room: RoomId::FIRST,
        after: 0,
        before: None,
        reader: Reader::Public,
        messages_only: true,
        limit,
        bytes,
        end: End::Oldest,
    }
}

fn payloads(events: &[Event]) -> Vec<String> {
    events.iter().filter_map(Event::message).map(|message| message.payload.get().to_owned()).collect()
}

fn seqs(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.seq).collect()
}
