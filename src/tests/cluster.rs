//! What several nodes promise together, beyond what each engine does.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::jetstream::kv;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{FutureExt, StreamExt, TryFutureExt};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::nats;
use crate::{
    chat::{
        Deleted, Deletion, Draft, Event, Kind, Measure, Message, NameClaim, NewWidgetKey, Origins, Outcome, Payload, Profile,
        Recorded, RoomId, RoomState, Sanction, Settings, ShownInterface, Timestamp, UserId,
    },
    engine::{
        Act, Audience, Cursors, End, Engine, EngineError, Entry, JetStream, News, Query, React, Reader, Standing, Webhook,
        WebhookId,
    },
};

/// A node, and what it was told.
struct Node {
    engine: JetStream,
    folder: TempDir,
    told: Arc<Mutex<Vec<News>>>,
}

impl Node {
    async fn open(stream: &str) -> Self {
        Self::open_in(tempfile::tempdir().expect("a folder"), stream).await
    }

    async fn open_in(folder: TempDir, stream: &str) -> Self {
        let told = Arc::<Mutex<Vec<News>>>::default();
        let heard = Arc::clone(&told);
        let sink = Arc::new(move |news: &[News]| heard.lock().expect("not poisoned").extend_from_slice(news));
        let engine = nats::open(folder.path(), stream, sink).await;
        engine.begin();
        Self { engine, folder, told }
    }

    fn close(self) -> TempDir {
        self.engine.close();
        self.folder
    }

    async fn say(&self, author: &str, text: &str, id: Option<&str>) -> Result<u64, EngineError> {
        say(&self.engine, author, text, id).await
    }

    async fn messages(&self) -> Vec<String> {
        events(&self.engine, Reader::Public).await.iter().map(|event| format!("{event:?}")).collect()
    }

    /// Waits until this node is as far as an event.
    async fn until(&self, seq: u64) {
        while self.engine.rooms().await.expect("readable")[0].1 < seq {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// All that a hub knows, and all that is read, but for what is another one in each log.
pub(super) async fn everything(engine: &dyn Engine) -> Vec<String> {
    let mut all = vec![
        format!("{:?}", engine.rooms().await.expect("readable")),
        format!("{:?}", engine.widget_keys().await.expect("readable")),
        format!("{:?}", engine.sanctions().await.expect("readable")),
        format!("{:?}", engine.names().await.expect("readable")),
        format!("{:?}", engine.held(RoomId::FIRST, 0, 1_000).await.expect("readable")),
    ];
    for reader in [Reader::Public, Reader::Owner, Reader::User(user("user1"))] {
        let events = events(engine, reader).await;
        all.extend(events.iter().map(|event| format!("{event:?}")));
    }
    all
}

pub(super) async fn say(engine: &dyn Engine, author: &str, text: &str, id: Option<&str>) -> Result<u64, EngineError> {
    Ok(engine.append(RoomId::FIRST, entry(author, text, id)).await?.seq)
}

pub(super) async fn delete(engine: &dyn Engine, of: Deleted) {
    let deletion = Deletion { of, by: UserId::admin(), reason: String::new(), tells_reason: false };
    engine.delete(RoomId::FIRST, deletion).await.expect("deleted");
}

pub(super) async fn events(engine: &dyn Engine, reader: Reader) -> Vec<Event> {
    let (room, limit, bytes) = (RoomId::FIRST, 100_000, usize::MAX);
    let query = Query { room, after: 0, before: None, reader, messages_only: true, limit, bytes, end: End::Oldest };
    engine.read(query).await.expect("readable")
}

pub(super) fn user(name: &str) -> UserId {
    UserId::try_from(name.to_owned()).expect("a valid id")
}

pub(super) fn entry(author: &str, text: &str, client_message_id: Option<&str>) -> Entry {
    let payload = Payload::of(text);
    let client_message_id = client_message_id.map(str::to_owned);
    let draft = Draft { payload, video_time: 0.0, client_message_id, announces: false };
    Entry { author: user(author), to: Audience::Everyone, profile: Profile::default(), draft, name: None }
}

pub(super) fn stream() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// All that is in a stream, as text.
pub(super) async fn content(stream: &str) -> Vec<String> {
    let context = async_nats::jetstream::new(nats::client().await);
    let stream = context.get_stream_no_info(stream).await.expect("a stream");
    let last = stream.get_info().await.expect("known").state.last_sequence;
    let mut content = Vec::new();
    for number in 1..=last {
        if let Ok(message) = stream.get_raw_message(number).await {
            content.push(String::from_utf8_lossy(&message.payload).into_owned());
        }
    }
    content
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_are_told_the_same_in_the_same_order() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let nodes = Arc::new(nodes);
    let publishers = (0..6).map(|publisher| {
        let nodes = Arc::clone(&nodes);
        tokio::spawn(async move {
            let mut last = 0;
            for n in 0..50 {
                last = nodes[(publisher + n) % 2].say("ann", &format!("{publisher}:{n}"), None).await.expect("stored");
            }
            last
        })
    });
    let mut last = 0;
    for publisher in publishers.collect::<Vec<_>>() {
        last = last.max(publisher.await.expect("no publisher failed"));
    }
    let settings = Settings { slug: "two".into(), ..Settings::default() };
    nodes[0].engine.create_room(settings).await.expect("made");
    let key = NewWidgetKey { name: "Shop".into(), room: None, allowed_origins: Origins::default() };
    let key = nodes[1].engine.create_widget_key(key).await.expect("made");
    nodes[0].engine.revoke_widget_key(key.key).await.expect("the other node's key");
    last = nodes[1].say("ann", "the last", None).await.expect("stored");
    for node in &*nodes {
        node.until(last).await;
    }
    // What nodes tell of webhooks has no order among the rest.
    let told = |node: &Node| {
        let told = node.told.lock().expect("not poisoned");
        let ordered = told.iter().filter(|news| !matches!(news, News::Webhooks));
        ordered.map(|news| format!("{news:?}")).collect::<Vec<_>>()
    };
    assert_eq!(told(&nodes[0]).len(), 305);
    assert_eq!(told(&nodes[0]), told(&nodes[1]));
    assert_eq!(nodes[0].messages().await, nodes[1].messages().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_sent_to_two_nodes_is_stored_once() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    for n in 0..20 {
        let id = format!("c{n}");
        let (first, second) = tokio::join!(nodes[0].say("ann", "1", Some(&id)), nodes[1].say("ann", "1", Some(&id)));
        assert_eq!(first.expect("stored"), second.expect("answered as the first was"));
    }
    assert_eq!(nodes[1].messages().await.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_an_order_has_one_over_all_nodes() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let settings = || Settings { slug: "two".into(), ..Settings::default() };
    let (one, other) = tokio::join!(nodes[0].engine.create_room(settings()), nodes[1].engine.create_room(settings()));
    let taken = [&one, &other].into_iter().filter(|made| matches!(made, Err(EngineError::SlugTaken(_)))).count();
    assert_eq!(taken, 1, "{one:?} {other:?}");
    let say = |n: usize| nodes[n % 2].say("ann", "1", None);
    let (said, ended) =
        tokio::join!(futures::future::join_all((0..100).map(say)), nodes[1].engine.set_state(RoomId::FIRST, RoomState::Ended));
    assert_eq!(ended.expect("ended").state, RoomState::Ended);
    let stored = said.iter().filter(|said| said.is_ok()).count();
    let refused = said.iter().filter(|said| matches!(said, Err(EngineError::NotLive(RoomState::Ended)))).count();
    assert_eq!((stored + refused, nodes[0].messages().await.len()), (100, stored), "what was refused is not there");
}

/// Does something on some node, by that much chance.
pub(super) async fn at_random(engine: &dyn Engine, chance: u64, said: &[u64]) -> Option<u64> {
    let author = format!("user{}", chance / 100 % 5);
    let some = (!said.is_empty()).then(|| said[(chance / 1_000) as usize % said.len()]);
    match (chance % 20, some) {
        (0, Some(seq)) => delete(engine, Deleted::Message(seq)).await,
        (1, _) if chance.is_multiple_of(3) => delete(engine, Deleted::AllOf(user(&author))).await,
        (2, _) => {
            let measure = if chance.is_multiple_of(2) { Measure::Ban } else { Measure::Lift };
            let sanction =
                Sanction { user: user(&author), measure, addresses: Vec::new(), by: UserId::admin(), reason: String::new() };
            engine.sanction(RoomId::FIRST, sanction).await.expect("stored");
        }
        (3 | 4, _) => {
            let held = engine.append(RoomId::FIRST, Entry { to: Audience::Moderators, ..entry(&author, "waits", None) }).await;
            drop(held);
        }
        (5, _) => {
            let held = engine.held(RoomId::FIRST, 0, 1).await.expect("readable");
            if let Some(held) = held.first() {
                let outcome = if chance.is_multiple_of(3) { Outcome::Declined } else { Outcome::Approved };
                let done = engine.resolve(RoomId::FIRST, held.seq, outcome, UserId::admin(), String::new()).await;
                return done.ok().filter(|_| outcome == Outcome::Approved).map(|done| done.seq);
            }
        }
        (6 | 7, Some(message)) => {
            let react = React { message, user: user(&author), emoji: "👍".into(), is_set: !chance.is_multiple_of(4) };
            drop(engine.react(RoomId::FIRST, react).await);
            engine.tell_reactions(RoomId::FIRST).await.expect("told");
        }
        (8, _) => {
            let change = serde_json::from_value(json!({ "slow_mode_seconds": chance % 7 })).expect("an object");
            engine.configure(RoomId::FIRST, change, UserId::admin()).await.expect("configured");
        }
        (9, _) => {
            let name = Some(NameClaim { name: format!("Name{}", chance % 9), until: Timestamp(i64::MAX) });
            return engine.append(RoomId::FIRST, Entry { name, ..entry(&author, "named", None) }).await.ok().map(|said| said.seq);
        }
        (10, _) => {
            let private = Entry { to: Audience::One(user("user1")), ..entry(&author, "psst", None) };
            engine.append(RoomId::FIRST, private).await.expect("stored");
        }
        (11, _) => {
            let acts = engine.acts(RoomId::FIRST, u64::MAX, 3).await.expect("readable");
            if let Some(act) = acts.get((chance / 1_000) as usize % 3) {
                // Not everything can be undone, and not always.
                drop(engine.undo(RoomId::FIRST, act.event.seq, UserId::admin()).await);
            }
        }
        _ => return say(engine, &author, &format!("said {chance}"), None).await.ok(),
    }
    None
}

/// Does so many things of all kinds, and gives where messages are.
pub(super) async fn many_things(engines: &[&dyn Engine], seed: u64, steps: usize) -> Vec<u64> {
    let (mut chance, mut said) = (seed, Vec::new());
    for step in 0..steps {
        // Knuth's generator (MMIX): its upper bits are good enough.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        said.extend(at_random(engines[step % engines.len()], chance >> 33, &said).await);
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_made_anew_is_the_same() {
    // At once, since what was deleted is erased after a while only.
    futures::future::join_all((1..=3_u64).map(async |seed| {
        let stream = stream();
        let nodes = [Node::open(&stream).await, Node::open(&stream).await];
        many_things(&[&nodes[0].engine, &nodes[1].engine], seed, 200).await;
        let last = nodes[0].say("ann", "the last", None).await.expect("stored");
        nodes[1].until(last).await;
        let before = everything(&nodes[0].engine).await;
        assert_same(&everything(&nodes[1].engine).await, &before, seed);
        until_erased(&stream, "\"said ", &nodes[0]).await;
        let [first, second] = nodes;
        drop(first.close());
        let folder = second.close();
        std::fs::remove_file(folder.path().join("live-chat-index.db")).expect("removed");
        let anew = Node::open_in(folder, &stream).await;
        assert_same(&everything(&anew.engine).await, &before, seed);
        assert!(anew.say("ann", "later", None).await.expect("stored") > last);
    }))
    .await;
}

pub(super) fn assert_same(found: &[String], expected: &[String], seed: u64) {
    let missing: Vec<_> = expected.iter().filter(|one| !found.contains(one)).collect();
    let other: Vec<_> = found.iter().filter(|one| !expected.contains(one)).collect();
    assert!(found == expected, "seed {seed}: missing {missing:#?}, but there is {other:#?}");
}

/// Waits until no more of those texts are in the stream than are to be read.
async fn until_erased(stream: &str, text: &str, node: &Node) {
    let shown = events(&node.engine, Reader::Public).await;
    let shown = shown.iter().filter_map(Event::message).filter(|said| said.payload.get().starts_with(text)).count();
    while content(stream).await.iter().filter(|entry| entry.contains(text)).count() > shown {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_is_erased_from_the_stream() {
    let stream = stream();
    let node = Node::open(&stream).await;
    let first = node.say("ann", "a rude word", None).await.expect("stored");
    node.say("bob", "another rude word", None).await.expect("stored");
    node.say("ann", "a kind word", None).await.expect("stored");
    let held = Entry { to: Audience::Moderators, ..entry("cat", "a rude word that waited", None) };
    let held = node.engine.append(RoomId::FIRST, held).await.expect("stored").seq;
    let by = UserId::admin();
    let approved = node.engine.resolve(RoomId::FIRST, held, Outcome::Approved, by, String::new()).await.expect("approved").seq;
    assert_eq!(content(&stream).await.iter().filter(|entry| entry.contains("rude word")).count(), 3);
    for of in [Deleted::Message(first), Deleted::AllOf(user("bob")), Deleted::Message(approved)] {
        delete(&node.engine, of).await;
    }
    // What was undone stays, also where another node hears of it after a restart.
    let kept = node.say("dan", "a word that somebody has taken for another", None).await.expect("stored");
    let of_dan = [Deleted::Message(kept), Deleted::AllOf(user("dan"))];
    for of in &of_dan {
        delete(&node.engine, of.clone()).await;
    }
    let acts = node.engine.acts(RoomId::FIRST, u64::MAX, 2).await.expect("readable");
    for act in acts {
        node.engine.undo(RoomId::FIRST, act.event.seq, UserId::admin()).await.expect("undone");
    }
    assert_eq!(content(&stream).await.iter().filter(|entry| entry.contains("rude word")).count(), 3, "not before");
    let node = Node::open_in(node.close(), &stream).await;
    while content(&stream).await.iter().any(|entry| entry.contains("rude word")) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(content(&stream).await.iter().any(|entry| entry.contains("a kind word")), "and nothing else");
    assert!(content(&stream).await.iter().any(|entry| entry.contains("a word that somebody")));
    let late = node.engine.acts(RoomId::FIRST, u64::MAX, 100).await.expect("readable");
    let deletion = late.iter().rfind(|act| matches!(act.event.kind, Kind::Deletion(_))).expect("the first").event.seq;
    let late = node.engine.undo(RoomId::FIRST, deletion, UserId::admin()).await;
    assert!(matches!(late, Err(EngineError::UndoOver { .. })), "{late:?}");
    drop(node.close());
    let anew = Node::open(&stream).await;
    let deletions = anew.engine.acts(RoomId::FIRST, u64::MAX, 100).await.expect("readable");
    let ours = [first, approved].map(Deleted::Message);
    let of_one = |act: &&Act| matches!(&act.event.kind, Kind::Deletion(deletion) if ours.contains(&deletion.of));
    let of_one = deletions.iter().filter(of_one).count();
    assert_eq!((anew.messages().await.len(), of_one), (2, 2), "who resumes there is told of the deletions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_room_does_not_keep_is_erased_from_the_stream_and_its_files() {
    let stream = stream();
    let node = Node::open(&stream).await;
    for n in 0..20 {
        node.say("ann", &format!("said {n}"), None).await.expect("stored");
    }
    let change = serde_json::from_value(json!({ "retention_messages": 5 })).expect("an object");
    node.engine.configure(RoomId::FIRST, change, UserId::admin()).await.expect("configured");
    while node.engine.trimmed(RoomId::FIRST) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    until_erased(&stream, "\"said ", &node).await;
    while nats::places(&stream, "\"said 0\"") > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(nats::places(&stream, "\"said 19\"") > 0, "and nothing else");
    let (kept, trimmed) = (node.messages().await, node.engine.trimmed(RoomId::FIRST));
    assert_eq!(kept.len(), 4, "with the change of the settings they are five");
    drop(node.close());
    let anew = Node::open(&stream).await;
    assert_eq!((anew.messages().await, anew.engine.trimmed(RoomId::FIRST)), (kept, trimmed));
    assert_eq!(anew.engine.rooms().await.expect("readable")[0].0.settings.retention_messages, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_in_the_stream_until_it_is_over() {
    let stream = stream();
    let node = Node::open(&stream).await;
    for (author, name, until) in [("ann", "Past Ann", 1), ("bob", "Lasting Bob", i64::MAX), ("cat", "Past Cat", 2)] {
        let name = Some(NameClaim { name: name.into(), until: Timestamp(until) });
        node.engine.append(RoomId::FIRST, Entry { name, ..entry(author, "hi", None) }).await.expect("stored");
    }
    // A deletion makes it look at once what there is to be taken out.
    let first = node.say("dan", "bye", None).await.expect("stored");
    delete(&node.engine, Deleted::Message(first)).await;
    let erased = async {
        while content(&stream).await.iter().any(|entry| entry.contains("Past ")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), erased).await.expect("erased in time");
    assert!(content(&stream).await.iter().any(|entry| entry.contains("Lasting Bob")), "and nothing else");
    assert_eq!(node.messages().await.len(), 3, "what was said under it stays");
    drop(node.close());
    let anew = Node::open(&stream).await;
    let names = anew.engine.names().await.expect("readable");
    assert_eq!(names.iter().map(|held| &*held.claim.name).collect::<Vec<_>>(), ["Lasting Bob"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_used_on_one_node_alone_and_in_the_stream_until_it_ends() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let use_token = |node: usize, id: &str, until| nodes[node].engine.use_token(RoomId::FIRST, id.into(), Timestamp(until));
    for n in 0..20 {
        let id = format!("token {n}");
        let (one, other) = tokio::join!(use_token(0, &id, i64::MAX), use_token(1, &id, i64::MAX));
        assert!(one.expect("answered") != other.expect("answered"), "{id}");
    }
    assert!(!use_token(0, "Past token", 1).await.expect("answered"));
    let first = nodes[0].say("dan", "bye", None).await.expect("stored");
    delete(&nodes[0].engine, Deleted::Message(first)).await;
    let erased = until_erased(&stream, "Past token", &nodes[0]);
    tokio::time::timeout(Duration::from_secs(60), erased).await.expect("erased in time");
    assert!(content(&stream).await.iter().any(|entry| entry.contains("token 19")), "and nothing else");
    let anew = Node::open(&stream).await;
    assert!(anew.engine.is_token_used("token 0".into()).await.expect("readable"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_another_one_has_another_epoch() {
    let stream = stream();
    let context = async_nats::jetstream::new(nats::client().await);
    let node = Node::open(&stream).await;
    node.say("ann", "1", None).await.expect("stored");
    let epoch = node.engine.epoch().to_owned();
    let folder = node.close();
    context.delete_stream(&stream).await.expect("lost");
    let node = Node::open_in(folder, &stream).await;
    assert_ne!(node.engine.epoch(), epoch, "lost");
    assert_eq!(node.messages().await, [""; 0]);

    for n in 0..3 {
        node.say("ann", &n.to_string(), None).await.expect("stored");
    }
    let epoch = node.engine.epoch().to_owned();
    let folder = node.close();
    // As a backup that was brought back, in which something else was said since.
    let log = context.get_stream(&stream).await.expect("a stream");
    let last = log.get_info().await.expect("known").state.last_sequence;
    let copy = Node::open(&stream).await;
    copy.engine.close();
    log.delete_message(last).await.expect("erased");
    let node = Node::open_in(folder, &stream).await;
    assert_eq!(node.engine.epoch(), epoch, "an entry that was erased is no other log");
    node.engine.close();
}

/// Puts an entry into a stream as a program does that says which form it has.
async fn put(stream: &str, subject: &str, form: Option<&str>, payload: &str) {
    let context = async_nats::jetstream::new(nats::client().await);
    let mut headers = async_nats::HeaderMap::new();
    if let Some(form) = form {
        headers.insert("Live-Chat-Form", form);
    }
    let subject = format!("{stream}.{subject}");
    let sent = context.publish_with_headers(subject, headers, payload.to_owned().into()).await.expect("sent");
    sent.await.expect("stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_cannot_be_read_are_passed_over_and_reported() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    put(&stream, "room.1.said", None, "hello").await;
    nodes[0].say("ann", "1", None).await.expect("goes on");
    assert_eq!(nodes[0].engine.warning(), None, "what another program says is no fault");
    let unreadable = [
        ("all", "2", "{}"),
        ("all", "1", "{\"LaterCommand\":{\"room\":1}}"),
        ("room.1.said", "1", "{\"Append\":"),
        ("room.1.done", "1", ""),
        ("room.1.said", "1", "{\"Append\":{\"room\":1,\"entry\":7}}"),
    ];
    for (subject, form, payload) in unreadable {
        put(&stream, subject, Some(form), payload).await;
    }
    let last = nodes[1].say("bob", "2", None).await.expect("goes on");
    for node in &nodes {
        node.until(last).await;
        assert_eq!(node.messages().await.len(), 2);
        assert!(node.engine.fault().is_none());
        let warning = node.engine.warning().expect("a warning");
        assert!(warning.starts_with("5 entries of the log cannot be read"), "{warning}");
    }
    // Nor does one keep a node from starting, with its index or without.
    let [one, other] = nodes;
    drop(other.close());
    let (one, other) = (Node::open_in(one.close(), &stream).await, Node::open(&stream).await);
    for node in [one, other] {
        assert_eq!(node.messages().await.len(), 2);
        assert!(node.engine.warning().is_some_and(|warning| warning.contains("cannot be read")));
    }
}

/// What can be read, and makes no sense to the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_cannot_be_carried_out_are_passed_over_and_reported() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let deletion = json!({ "of": { "Message": u64::MAX }, "by": "admin", "reason": "", "tells_reason": false });
    let record = json!({ "room": 1, "seq": null, "kind": 0 });
    let unusable = [
        ("room.1.done", json!({ "Delete": { "room": 1, "deletion": deletion } })),
        ("room.1.said", json!({ "Copy": { "room": 1, "kept": "Said", "table": "events", "records": [record] } })),
    ];
    for (subject, entry) in &unusable {
        put(&stream, subject, Some("1"), &entry.to_string()).await;
    }
    let mut last = 0;
    while last == 0 {
        // While the database is tried, what is said may be refused, as when the disk is full.
        last = nodes[0].say("ann", "1", Some("c1")).await.unwrap_or_default();
    }
    for node in &nodes {
        node.until(last).await;
        assert_eq!(node.messages().await.len(), 1);
        let warning = node.engine.warning().expect("a warning");
        assert!(warning.starts_with("2 entries of the log cannot be read"), "{warning}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_can_read_what_was_passed_over_makes_the_index_anew() {
    let stream = stream();
    let node = Node::open(&stream).await;
    let said = node.say("ann", "1", None).await.expect("stored");
    let folder = node.close();
    // As an older version leaves an index that could not read the message.
    let index = Connection::open(folder.path().join("live-chat-index.db")).expect("an index");
    index.execute("DELETE FROM events WHERE seq = ?1", [said]).expect("gone");
    index.execute("INSERT INTO meta VALUES ('unread', ?1)", [(said / 8).to_string()]).expect("noted");
    drop(index);
    let node = Node::open_in(folder, &stream).await;
    assert_eq!(node.messages().await.len(), 1);
    assert_eq!(node.engine.warning(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_larger_than_the_servers_take_is_too_large_and_not_out_of_reach() {
    let stream = stream();
    let node = Node::open(&stream).await;
    let most = node.engine.max_payload();
    let refused = node.say("ann", &"x".repeat(most), Some("c1")).await.expect_err("too large");
    assert!(matches!(refused, EngineError::TooLarge { most: found } if found == most), "{refused}");
    node.say("ann", "small enough", Some("c1")).await.expect("the log is well");
    let room = node.engine.begin_import(Settings { slug: "old".into(), ..Settings::default() }).await.expect("begun");
    let Entry { author, profile, draft, .. } = entry("ann", &"x".repeat(most), None);
    let message = Message { author, profile, payload: draft.payload, video_time: 0.0, reactions: Vec::new() };
    let refused = node.engine.import(room, vec![Recorded { sent_at: Timestamp(1), message }]).await.expect_err("too large");
    assert!(matches!(refused, EngineError::TooLarge { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_whose_node_died_is_given_up_and_its_name_is_free() {
    let stream = stream();
    let [dies, stays] = [Node::open(&stream).await, Node::open(&stream).await];
    let settings = || Settings { name: "Old".into(), slug: "old".into(), ..Settings::default() };
    let Entry { author, profile, draft, .. } = entry("ann", "said before", None);
    let message = Message { author, profile, payload: draft.payload, video_time: 0.0, reactions: Vec::new() };
    let old = dies.engine.begin_import(settings()).await.expect("begun");
    dies.engine.import(old, vec![Recorded { sent_at: Timestamp(1), message: message.clone() }]).await.expect("stored");
    drop(dies.close());
    stays.engine.give_up_imports(Duration::from_secs(600)).await.expect("nothing to do");
    let taken = stays.engine.create_room(settings()).await;
    assert!(matches!(taken, Err(EngineError::SlugTaken(_))), "it may still go on: {taken:?}");
    tokio::time::sleep(Duration::from_millis(5)).await;
    stays.engine.give_up_imports(Duration::ZERO).await.expect("given up");
    stays.engine.create_room(settings()).await.expect("the name is free");
    while content(&stream).await.iter().any(|entry| entry.contains("said before")) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let late = stays.engine.finish_import(old).await;
    assert!(matches!(late, Err(EngineError::UnknownRoom(_))), "{late:?}");
    assert!(stays.engine.fault().is_none(), "the log goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_empty_or_unreadable_is_an_error() {
    let stream = stream();
    let node = Node::open(&stream).await;
    let context = async_nats::jetstream::new(nats::client().await);
    let bucket = context.get_key_value(&stream).await.expect("a bucket");
    for (name, value) in [("empty", &b""[..]), ("blank", b" \n"), ("binary", b"\xff\xfe")] {
        bucket.put(format!("secret.{name}"), value.to_vec().into()).await.expect("put");
        // They are asked for again for a while, as somebody may put it right.
        for asked in [node.engine.shared(name).boxed(), node.engine.share(name, "own").map_ok(Some).boxed()] {
            assert!(tokio::time::timeout(Duration::from_millis(300), asked).await.is_err(), "{name} is no secret");
        }
        bucket.put(format!("secret.{name}"), "a secret".into()).await.expect("put");
        assert_eq!(node.engine.share(name, "own").await.expect("shared"), "a secret");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_webhook_keeps_no_other_from_anybody_and_cursors_never_go_back() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let context = async_nats::jetstream::new(nats::client().await);
    let bucket = context.get_key_value(&stream).await.expect("a bucket");
    bucket.put("webhook.broken", "{".into()).await.expect("put");
    let id = WebhookId("a".into());
    nodes[0].engine.put_webhook(a_webhook("a"), Cursors::from([(RoomId::FIRST, 3)])).await.expect("kept");
    let note = |node: usize, seq| {
        nodes[node].engine.note_deliveries(id.clone(), Standing::default(), Cursors::from([(RoomId::FIRST, seq)]))
    };
    note(0, 50).await.expect("noted");
    // A node that was paused notes what it knew before.
    note(1, 20).await.expect("noted");
    let kept = nodes[1].engine.webhooks().await.expect("readable");
    assert_eq!(kept.len(), 1, "the one that can be read");
    assert_eq!(kept[0].1, Cursors::from([(RoomId::FIRST, 50)]));
    bucket.put("deliveries.a", "[".into()).await.expect("put");
    note(0, 60).await.expect("noted");
    assert_eq!(nodes[1].engine.webhooks().await.expect("readable")[0].1, Cursors::from([(RoomId::FIRST, 60)]));
    // In another log the same places are other ones.
    bucket.put("deliveries.a", r#"{"standing":{},"cursors":{"1":900},"epoch":"another"}"#.into()).await.expect("put");
    note(0, 70).await.expect("noted");
    assert_eq!(nodes[1].engine.webhooks().await.expect("readable")[0].1, Cursors::from([(RoomId::FIRST, 70)]));
}

async fn slow_answer() -> Option<Vec<u8>> {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    Some(b"later".to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_game_shows_is_told_on_all_nodes_in_its_order() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let interface = |n: usize| ShownInterface::parse(&format!(r#"{{"panel":{{}},"id":"{n}"}}"#));
    let told = |node: &Node| -> Vec<_> {
        let told = node.told.lock().expect("not poisoned");
        let of = |news: &News| match news {
            News::Interface { room: RoomId::FIRST, interface } => Some(interface.clone()),
            _ => None,
        };
        told.iter().filter_map(of).collect()
    };
    for n in 1..=5 {
        nodes[n % 2].engine.show_interface(RoomId::FIRST, interface(n)).await.expect("kept");
    }
    nodes[1].engine.show_interface(RoomId::FIRST, None).await.expect("kept");
    nodes[1].engine.show_interface(RoomId::FIRST, interface(6)).await.expect("kept");
    for node in &nodes {
        // A node may pass over what was shown for a moment only, but ends with the newest and never goes back.
        while told(node).last() != Some(&interface(6)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let numbers: Vec<_> = told(node).into_iter().flatten().map(|shown| shown.get().to_owned()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_tell_and_ask_the_others() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await, Node::open(&stream).await];
    let heard = Arc::new(Mutex::new(BTreeSet::new()));
    for (n, node) in nodes.iter().enumerate() {
        let heard = Arc::clone(&heard);
        let ear = move |words: &[u8]| {
            heard.lock().expect("not poisoned").insert((n, words.to_vec()));
            let answer = match words {
                b"who?" if n == 2 => futures::future::ready(Some(b"I".to_vec())).boxed(),
                b"when?" if n == 2 => slow_answer().boxed(),
                _ => return None,
            };
            Some(answer)
        };
        node.engine.peers().expect("nodes").listen(Arc::new(ear));
    }
    let asked = async |n: usize, words: &[u8]| nodes[n].engine.peers().expect("nodes").ask(words.to_vec()).await;
    // Until they listen.
    while asked(0, b"who?").await.is_none() {}
    assert_eq!(asked(1, b"who?").await, Some(b"I".to_vec()));
    // An answer that takes a while keeps nobody else from theirs.
    let late = asked(0, b"when?");
    let (late, soon) = tokio::join!(late, asked(1, b"who?"));
    assert_eq!((late, soon), (Some(b"later".to_vec()), Some(b"I".to_vec())));
    nodes[2].engine.peers().expect("nodes").tell(b"hello".to_vec());
    let all_heard = || [0, 1].iter().all(|n| heard.lock().expect("not poisoned").contains(&(*n, b"hello".to_vec())));
    while !all_heard() {
        tokio::task::yield_now().await;
    }
    assert!(!heard.lock().expect("not poisoned").contains(&(2, b"hello".to_vec())), "nobody hears themselves");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_secret_is_everybody_s() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    assert_eq!(nodes[0].engine.shared("token-secret").await.expect("readable"), None);
    let (one, other) = tokio::join!(nodes[0].engine.share("token-secret", "one"), nodes[1].engine.share("token-secret", "other"));
    let one = one.expect("shared");
    assert_eq!(other.expect("shared"), one);
    assert_eq!(nodes[1].engine.shared("token-secret").await.expect("readable"), Some(one));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_of_another_node_may_be_ahead() {
    let node = Node::open(&stream()).await;
    let said = node.say("ann", "1", None).await.expect("stored");
    let rows = [(0, false), (said, false), (said + 8, true), (said + 80_000, true), (u64::MAX, false)];
    for (seq, expected) in rows {
        assert_eq!(node.engine.is_ahead(seq), expected, "{seq}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_leads_and_another_when_it_stops() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let leads = |node: &Node| *node.engine.leads().borrow();
    while !nodes.iter().any(leads) {
        tokio::task::yield_now().await;
    }
    assert_eq!(nodes.iter().filter(|node| leads(node)).count(), 1);
    let [first, second] = nodes;
    let (leader, other) = if leads(&first) { (first, second) } else { (second, first) };
    let mut next = other.engine.leads();
    drop(leader.close());
    next.wait_for(|leads| *leads).await.expect("it leads now");
    // A third one may lead as soon as nobody does, and not before.
    let third = Node::open(&stream).await;
    assert!(!leads(&third) && leads(&other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_of_webhooks_is_news_on_all_nodes() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let heard = |node: &Node| {
        let told = node.told.lock().expect("not poisoned");
        told.iter().filter(|news| matches!(news, News::Webhooks)).count()
    };
    // The watch of each begins with one.
    while nodes.iter().any(|node| heard(node) == 0) {
        tokio::task::yield_now().await;
    }
    let webhook = a_webhook("a");
    let id = webhook.id.clone();
    let before = nodes.each_ref().map(heard);
    nodes[0].engine.put_webhook(webhook, Cursors::from([(RoomId::FIRST, 3)])).await.expect("kept");
    assert!(heard(&nodes[0]) > before[0], "told before it is answered");
    while heard(&nodes[1]) == before[1] {
        tokio::task::yield_now().await;
    }
    let before = heard(&nodes[1]);
    let standing = Standing { last_success: Some(Timestamp(7)), ..Standing::default() };
    // The one that leads says how they go.
    let leader = loop {
        match nodes.iter().find(|node| node.engine.leads_now()) {
            Some(leader) => break leader,
            None => tokio::task::yield_now().await,
        }
    };
    leader.engine.note_deliveries(id.clone(), standing, Cursors::from([(RoomId::FIRST, 9)])).await.expect("noted");
    let other = nodes.iter().find(|node| !node.engine.leads_now()).expect("another one");
    let (old, cursors) = (Standing::default(), Cursors::from([(RoomId::FIRST, 9)]));
    other.engine.note_deliveries(id.clone(), old, cursors).await.expect("its cursors are noted, if they are newer");
    let kept = nodes[0].engine.webhooks().await.expect("readable");
    let kept: Vec<_> = kept.iter().map(|(webhook, cursors)| (webhook.standing.last_success, cursors.clone())).collect();
    assert_eq!(kept, [(Some(Timestamp(7)), Cursors::from([(RoomId::FIRST, 9)]))]);
    nodes[0].engine.remove_webhook(id.clone()).await.expect("gone");
    while heard(&nodes[1]) == before {
        tokio::task::yield_now().await;
    }
    nodes[1].engine.note_deliveries(id, Standing::default(), Cursors::new()).await.expect("no error");
    assert!(nodes[0].engine.webhooks().await.expect("readable").is_empty());
}

/// What the nodes of a log say that they have.
async fn state_of(stream: &str) -> kv::Store {
    let context = async_nats::jetstream::new(nats::client().await);
    context.get_key_value(format!("{stream}-state")).await.expect("a bucket")
}

/// Waits until what a key holds is so.
async fn until_it_says(state: &kv::Store, key: &str, is_so: impl Fn(&Value) -> bool) {
    loop {
        let value = state.get(key).await.expect("readable");
        if is_so(&value.map_or(Value::Null, |value| serde_json::from_slice(&value).expect("JSON"))) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn ban(who: &str, measure: Measure) -> Sanction {
    Sanction { user: user(who), measure, addresses: Vec::new(), by: UserId::admin(), reason: "rude".into() }
}

/// As the bucket names what may have any characters: base64url (RFC 4648) without padding.
fn encoded(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_settings_bans_and_keys_are_in_a_bucket_that_can_be_watched() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    let state = state_of(&stream).await;
    until_it_says(&state, "room.1", |room| room["room"]["state"] == "live").await;
    let mut changes = state.watch_all().await.expect("a watch");
    let settings = Settings { name: "Two".into(), slug: "two".into(), ..Settings::default() };
    let (_, key) = nodes[1].engine.create_room(settings).await.expect("made");
    let key_of_two = format!("key.{}", encoded(&key.key));
    until_it_says(&state, &key_of_two, |key| key["widget_key"]["room"] == 2 && key["widget_key"]["revoked_at"].is_null()).await;
    let two = RoomId::new(2).expect("in range");
    let change = serde_json::from_value(json!({ "slow_mode_seconds": 7 })).expect("an object");
    nodes[0].engine.configure(two, change, UserId::admin()).await.expect("configured");
    until_it_says(&state, "room.2", |room| room["room"]["settings"]["slow_mode_seconds"] == 7).await;
    nodes[1].engine.revoke_widget_key(key.key).await.expect("revoked");
    until_it_says(&state, &key_of_two, |key| key["widget_key"]["revoked_at"].is_number()).await;
    let ban_of_ann = format!("ban.2.{}", encoded("site:ann"));
    nodes[0].engine.sanction(two, ban("site:ann", Measure::Ban)).await.expect("banned");
    let is_ban = |fact: &Value| fact["sanction"]["sanction"]["measure"]["measure"] == "ban";
    until_it_says(&state, &ban_of_ann, is_ban).await;
    nodes[1].engine.sanction(two, ban("site:ann", Measure::Lift)).await.expect("lifted");
    until_it_says(&state, &ban_of_ann, Value::is_null).await;
    let last = nodes[0].say("ann", "the last", None).await.expect("stored") / 8;
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|(key, mark): &(String, Value)| key == "mark" && mark["as_of"].as_u64() >= Some(last)) {
        let entry = changes.next().await.expect("it goes on").expect("readable");
        seen.push((entry.key, serde_json::from_slice(&entry.value).unwrap_or_default()));
    }
    let at = |key: &str| seen.iter().position(|(seen, _)| seen == key).expect("seen");
    assert!(at("room.2") < at(&ban_of_ann), "in the order of what happened");
    for node in &nodes {
        assert_eq!(node.engine.warning(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_goes_on_saying_what_stands_and_puts_it_right() {
    let stream = stream();
    let node = Node::open(&stream).await;
    node.engine.sanction(RoomId::FIRST, ban("ann", Measure::Ban)).await.expect("banned");
    let state = state_of(&stream).await;
    let (of_ann, of_nobody) = (format!("ban.1.{}", encoded("ann")), format!("ban.1.{}", encoded("nobody")));
    until_it_says(&state, &of_ann, Value::is_object).await;
    drop(node.close());
    // What nobody who leads knows of.
    state.purge(&of_ann).await.expect("removed");
    state.put(&of_nobody, "{}".into()).await.expect("written");
    let node = Node::open(&stream).await;
    until_it_says(&state, &of_ann, Value::is_object).await;
    until_it_says(&state, &of_nobody, Value::is_null).await;
    // And while it leads, with the next entry.
    state.purge(&of_ann).await.expect("removed");
    node.say("ann", "1", None).await.expect("stored");
    until_it_says(&state, &of_ann, Value::is_object).await;
    assert_eq!(node.engine.warning(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_index_is_another_says_so() {
    let stream = stream();
    let node = Node::open(&stream).await;
    node.engine.sanction(RoomId::FIRST, ban("ann", Measure::Ban)).await.expect("banned");
    until_it_says(&state_of(&stream).await, &format!("ban.1.{}", encoded("ann")), Value::is_object).await;
    let other = Node::open(&stream).await;
    let folder = other.close();
    let index = Connection::open(folder.path().join("live-chat-index.db")).expect("an index");
    index.execute("DELETE FROM sanctions", ()).expect("tampered with");
    drop(index);
    let other = Node::open_in(folder, &stream).await;
    while other.engine.warning().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(node.engine.warning(), None);
    // What stands there now is the same again.
    other.engine.sanction(RoomId::FIRST, ban("ann", Measure::Lift)).await.expect("lifted");
    while other.engine.warning().is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_read_something_else_says_so() {
    let stream = stream();
    let nodes = [Node::open(&stream).await, Node::open(&stream).await];
    while !*nodes[0].engine.leads().borrow() {
        tokio::task::yield_now().await;
    }
    let state = state_of(&stream).await;
    let first = nodes[0].say("ann", "a", None).await.expect("stored") / 8;
    let last = nodes[1].say("ann", "b", None).await.expect("stored") / 8;
    until_it_says(&state, "mark", |mark| mark["as_of"].as_u64() >= Some(last)).await;
    assert_eq!(nodes[1].engine.warning(), None);
    // As one says who has read of a server that has other messages there.
    let mut read = serde_json::from_slice::<Value>(&state.get("read.0").await.expect("readable").expect("said")).expect("JSON");
    assert_eq!(read["block"]["digests"][last as usize + 1], 0, "nothing is there yet");
    read["block"]["digests"][first as usize] = 7.into();
    let of_another_log = json!({ "epoch": "another", "block": { "number": 0, "digests": [1, 2, 3, 4, 5, 6, 7, 8] } });
    for said in [of_another_log, read] {
        state.put("read.0", said.to_string().into()).await.expect("said");
    }
    let warning = loop {
        if let Some(warning) = nodes[1].engine.warning() {
            break warning;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(warning.contains(" 1 "), "{warning}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_room_lasted_as_long_where_its_messages_are_erased() {
    let stream = stream();
    let node = Node::open(&stream).await;
    let settings = Settings { name: "Old".into(), slug: "old".into(), ..Settings::default() };
    let room = node.engine.begin_import(settings).await.expect("begun");
    let said = |at, text: &str| {
        let Entry { author, profile, draft, .. } = entry("ann", text, None);
        let message = Message { author, profile, payload: draft.payload, video_time: 0.0, reactions: Vec::new() };
        Recorded { sent_at: Timestamp(at), message }
    };
    let messages = vec![said(1_000, "said first"), said(2_000, "said then"), said(3_000, "said last")];
    node.engine.import(room, messages).await.expect("imported");
    let (before, ..) = node.engine.finish_import(room).await.expect("finished");
    assert_eq!((before.started_at, before.ended_at), (Some(Timestamp(1_000)), Some(Timestamp(3_000))));
    let deletion = Deletion { of: Deleted::AllOf(user("ann")), by: UserId::admin(), reason: String::new(), tells_reason: false };
    node.engine.delete(room, deletion).await.expect("deleted");
    while content(&stream).await.iter().any(|entry| entry.contains("\"said ")) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(node.close());
    let anew = Node::open(&stream).await;
    let (after, _) = anew.engine.rooms().await.expect("readable").pop().expect("the room");
    assert_eq!(after, before);
}

pub(super) fn a_webhook(id: &str) -> Webhook {
    Webhook {
        id: WebhookId(id.into()),
        url: format!("https://{id}"),
        events: Vec::new(),
        room: None,
        description: String::new(),
        secret: "whsec_".into(),
        created_at: Timestamp(1),
        standing: Standing::default(),
    }
}
