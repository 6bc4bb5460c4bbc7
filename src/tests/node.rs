//! Nodes of a cluster in one process: each has an engine of its own, all of which share one log and hear each other.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{
    Site,
    site::{Setting, WIDGET_KEY},
};
use crate::{
    chat::{
        Appearance, AppearanceChange, CustomEvent, Deletion, Disconnection, Event, Invitation, NewWidgetKey, Outcome, Recorded,
        RedirectUris, Revocation, Room, RoomId, RoomState, Sanction, Settings, SettingsChange, ShownInterface, Timestamp, UserId,
        WidgetKey,
    },
    engine::{
        Act, Appended, Cursors, Ear, Engine, EngineError, Entry, Fault, HeldName, Hits, Messages, News, Peers, Query, React,
        Reacted, RelayEar, RelayedFrame, Search, Sqlite, Standing, Supervisor, Webhook, WebhookId,
    },
    hub::Intake,
};

/// The largest frame that nodes relay to each other.
pub const RELAYED_BYTES: usize = 100_000;

/// One node's engine.
pub struct Node {
    pub log: Arc<Sqlite>,
    line: Arc<Line>,
    pub fault: Mutex<Option<Fault>>,
    /// What the other nodes have in room 1 and this one has not: it comes when somebody has joined, as `trimmed` is asked then.
    pub arriving: Mutex<Option<Entry>>,
    /// Whether it does what one alone must do: the first does.
    pub leads: watch::Sender<bool>,
}

/// What a node hears the others by.
struct Line {
    number: usize,
    /// All nodes' ears, by their numbers.
    ears: Arc<Mutex<Vec<Option<Ear>>>>,
    relay_ears: Arc<Mutex<Vec<Option<RelayEar>>>>,
    is_dead: AtomicBool,
}

/// A cluster whose nodes are yet to start.
pub struct Cluster {
    pub nodes: Vec<Arc<Node>>,
    pub intakes: Vec<Intake>,
    folder: Arc<TempDir>,
}

impl Cluster {
    pub fn of(count: usize) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let intakes: Vec<_> = (0..count).map(|_| Intake::default()).collect();
        let sinks: Vec<_> = intakes.iter().map(Intake::sink).collect();
        let sink = Arc::new(move |news: &[News]| sinks.iter().for_each(|sink| sink(news)));
        let log = Arc::new(Sqlite::open(folder.path(), Some(WIDGET_KEY), sink).expect("a usable folder"));
        let ears = Arc::new(Mutex::new(vec![None; count]));
        let relay_ears = Arc::new(Mutex::new(vec![None; count]));
        let node = |number| {
            let (ears, relay_ears) = (Arc::clone(&ears), Arc::clone(&relay_ears));
            let (log, line) = (Arc::clone(&log), Arc::new(Line { number, ears, relay_ears, is_dead: AtomicBool::new(false) }));
            Arc::new(Node {
                log,
                line,
                fault: Mutex::default(),
                arriving: Mutex::default(),
                leads: watch::Sender::new(number == 0),
            })
        };
        Self { nodes: (0..count).map(node).collect(), intakes, folder }
    }

    /// Starts a chat on each node.
    pub async fn start(self) -> Vec<Site> {
        let mut sites = Vec::new();
        for (node, intake) in self.nodes.into_iter().zip(self.intakes) {
            sites.push(Site::on(node, Arc::clone(&self.folder), intake, Setting::default()).await);
        }
        sites
    }
}

/// Two nodes, on which a chat has started.
pub async fn two() -> [Site; 2] {
    let [one, other] = Cluster::of(2).start().await.try_into().ok().expect("two");
    [one, other]
}

impl Node {
    /// Nobody hears of it any more.
    pub fn die(&self) {
        self.line.is_dead.store(true, Ordering::Relaxed);
    }
}

impl Line {
    fn others(&self) -> Vec<Ear> {
        if self.is_dead.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let ears = self.ears.lock().expect("not poisoned");
        ears.iter().enumerate().filter(|(number, _)| *number != self.number).filter_map(|(_, ear)| ear.clone()).collect()
    }
}

impl Peers for Line {
    fn tell(&self, words: Vec<u8>) {
        // What follows from it is done before the answer is given, which nobody waits for.
        self.others().iter().for_each(|ear| drop(ear(&words)));
    }

    fn ask(&self, words: Vec<u8>) -> BoxFuture<'_, Option<Vec<u8>>> {
        let answers: Vec<_> = self.others().iter().filter_map(|ear| ear(&words)).collect();
        async move {
            let mut answers: FuturesUnordered<_> = answers.into_iter().collect();
            while let Some(answer) = answers.next().await {
                if answer.is_some() {
                    return answer;
                }
            }
            None
        }
        .boxed()
    }

    fn listen(&self, ear: Ear) {
        self.ears.lock().expect("not poisoned")[self.number] = Some(ear);
    }

    fn relay(&self, frame: RelayedFrame, _nodes: usize) -> BoxFuture<'_, ()> {
        let ears = self.relay_ears.lock().expect("not poisoned");
        let others = ears.iter().enumerate().filter(|(number, _)| *number != self.number);
        others.filter_map(|(_, ear)| ear.as_ref()).for_each(|ear| ear(frame.clone()));
        futures::future::ready(()).boxed()
    }

    fn relayed_bytes(&self) -> usize {
        RELAYED_BYTES
    }

    fn hear_relayed(&self, ear: RelayEar) {
        self.relay_ears.lock().expect("not poisoned")[self.number] = Some(ear);
    }
}

/// What the log does, as it does it.
macro_rules! forward {
    ($(fn $name:ident($($arg:ident: $of:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($arg: $of),*) -> BoxFuture<'_, Result<$answer, EngineError>> {
            self.log.$name($($arg),*)
        })*
    };
}

impl Engine for Node {
    fn epoch(&self) -> &str {
        self.log.epoch()
    }

    fn close(&self) {
        self.log.close();
    }

    fn abandon_import(&self, room: RoomId) {
        self.log.abandon_import(room);
    }

    fn trimmed(&self, room: RoomId) -> u64 {
        if let Some(entry) = self.arriving.lock().expect("not poisoned").take() {
            futures::executor::block_on(self.log.append(RoomId::FIRST, entry)).expect("stored");
        }
        self.log.trimmed(room)
    }

    fn is_ahead(&self, _seq: u64) -> bool {
        self.arriving.lock().expect("not poisoned").is_some()
    }

    fn supervisor(&self) -> &Supervisor {
        self.log.supervisor()
    }

    fn fault(&self) -> Option<Fault> {
        self.fault.lock().expect("not poisoned").clone()
    }

    fn leads(&self) -> watch::Receiver<bool> {
        self.leads.subscribe()
    }

    fn peers(&self) -> Option<Arc<dyn Peers>> {
        Some(self.line.clone())
    }

    fn append(&self, room: RoomId, entry: Entry) -> BoxFuture<'_, Result<Appended, EngineError>> {
        match self.fault() {
            Some(fault) => async move { Err(fault.into()) }.boxed(),
            None => self.log.append(room, entry),
        }
    }

    forward! {
        fn rooms() -> Vec<(Room, u64)>;
        fn sanctions() -> Vec<Event>;
        fn widget_keys() -> Vec<WidgetKey>;
        fn revocations() -> Vec<Revocation>;
        fn invitations() -> Vec<Invitation>;
        fn names() -> Vec<HeldName>;
        fn create_room(settings: Settings) -> (Room, WidgetKey);
        fn open_channel(settings: Settings) -> Room;
        fn remove_room(room: RoomId) -> ();
        fn create_widget_key(key: NewWidgetKey) -> WidgetKey;
        fn set_redirect_uris(key: String, uris: RedirectUris) -> WidgetKey;
        fn revoke_widget_key(key: String) -> WidgetKey;
        fn appearance() -> Appearance;
        fn change_appearance(change: AppearanceChange) -> Appearance;
        fn set_state(room: RoomId, state: RoomState) -> Room;
        fn begin_import(settings: Settings) -> RoomId;
        fn import(room: RoomId, messages: Vec<Recorded>) -> ();
        fn finish_import(room: RoomId) -> (Room, WidgetKey, u64);
        fn resolve(room: RoomId, of: u64, outcome: Outcome, by: UserId, reason: String) -> Appended;
        fn held(room: RoomId, after: u64, limit: usize) -> Vec<Event>;
        fn has_spoken(room: RoomId, user: UserId) -> bool;
        fn configure(room: RoomId, change: SettingsChange, by: UserId) -> Room;
        fn delete(room: RoomId, deletion: Deletion) -> Appended;
        fn undo(room: RoomId, of: u64, by: UserId) -> Appended;
        fn act(room: RoomId, seq: u64) -> Option<Event>;
        fn disconnect(room: RoomId, disconnection: Disconnection) -> Appended;
        fn tell(room: RoomId, event: CustomEvent) -> Appended;
        fn sanction(room: RoomId, sanction: Sanction) -> Appended;
        fn react(room: RoomId, react: React) -> Reacted;
        fn tell_reactions(room: RoomId) -> bool;
        fn messages(room: RoomId, seqs: Vec<u64>) -> Messages;
        fn revoke(revocation: Revocation) -> ();
        fn keep_invitation(invitation: Invitation) -> bool;
        fn use_token(room: RoomId, id: String, until: Timestamp) -> bool;
        fn is_token_used(id: String) -> bool;
        fn read(query: Query) -> Vec<Event>;
        fn acts(room: RoomId, before: u64, limit: usize) -> Vec<Act>;
        fn deletion(room: RoomId, seq: u64) -> Option<Act>;
        fn search(search: Search) -> Hits;
        fn seq_before(room: RoomId, at: Timestamp) -> u64;
        fn shown_interfaces() -> Vec<(RoomId, ShownInterface)>;
        fn show_interface(room: RoomId, interface: Option<ShownInterface>) -> ();
        fn webhooks() -> Vec<(Webhook, Cursors)>;
        fn put_webhook(webhook: Webhook, cursors: Cursors) -> ();
        fn note_deliveries(id: WebhookId, standing: Standing, cursors: Cursors) -> ();
        fn remove_webhook(id: WebhookId) -> ();
    }
}
