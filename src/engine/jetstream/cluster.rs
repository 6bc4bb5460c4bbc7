//! What the parts of a node share, and how a command comes into the log and its answer back.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, connection::State};
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

use super::{
    agreement::Readings,
    command::{Asker, Command, Kept},
    eraser,
    log::Log,
    opening::is_behind,
    standing::Standing,
};
use crate::{
    chat::{Deleted, Deletion, Recorded, Room, RoomId, Timestamp, WidgetKey},
    engine::{
        Appended, End, Engine, EngineError, Entry, Fault, Query, Reader,
        sqlite::{Progress, Sqlite},
    },
};

/// Events that one command makes at most: a ban declines [all that waits](crate::chat::HELD_OF_AUTHOR) of somebody.
const EVENTS_OF_ONE: u64 = 8;

/// How long the index may take to have what was acknowledged, before whoever asked is told that it is not known.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(10);

/// How often a message is stored again whose first attempt was refused.
const ATTEMPTS: usize = 3;

/// What the parts of a node share.
pub(super) struct Cluster {
    pub(super) folder: PathBuf,
    pub(super) client: Client,
    pub(super) log: Log,
    pub(super) index: Sqlite,
    pub(super) progress: Arc<Progress>,
    pub(super) standing: Standing,
    pub(super) deleted: Arc<eraser::Deleted>,
    /// Who waits for which entry. A standard lock: held to put in or to take out.
    pub(super) askers: Mutex<HashMap<String, Asker>>,
    /// The newest entry that was handed to the index; held while one is.
    pub(super) handed: Arc<tokio::sync::Mutex<u64>>,
    /// The newest ones that were, to be compared with what others have read. A standard lock, as that of `askers`.
    pub(super) readings: Mutex<Readings>,
    /// The newest of those that may have changed what stands.
    pub(super) changed: AtomicU64,
    /// Entries that could not be read since the start, and 1 more if there was one before.
    pub(super) unread: AtomicU64,
    /// What this node has otherwise than the one that leads.
    pub(super) differences: AtomicU64,
    /// An entry that nothing followed when it was handed over.
    pub(super) caught_up: watch::Sender<Option<u64>>,
    pub(super) begun: Arc<AtomicBool>,
    pub(super) closed: AtomicBool,
    /// The places that events of another log have, which were copied into this one, are not beyond.
    pub(super) floor: AtomicU64,
}

/// What came of a command.
enum Came<T> {
    /// Its answer, and the number of its entry.
    Answer(Result<T, EngineError>, u64),
    /// Another of the same id was there before, with that number.
    Repeat(u64),
}

impl Cluster {
    /// Stores a command and gives the answer to it.
    pub(super) async fn carry_out<T: Send + 'static>(&self, command: Command) -> Result<T, EngineError> {
        match self.store(command.id(), &command).await? {
            Came::Answer(answer, number) => {
                let is_refused = answer.as_ref().is_err_and(is_refusal);
                self.forget_refused(&command, is_refused, number).await;
                answer
            }
            // Nothing else is called so.
            Came::Repeat(_) => Err(not_known()),
        }
    }

    /// Stores a message, unless it is there. Its author's name is an entry of its own, which stays when the message is erased.
    pub(super) async fn append(&self, room: RoomId, mut entry: Entry) -> Result<Appended, EngineError> {
        if let Some(claim) = entry.name.take() {
            self.carry_out::<()>(Command::Claim { room, user: entry.author.clone(), claim }).await?;
        }
        let command = Command::Append { room, entry: entry.clone() };
        let mut id = command.id();
        for _ in 0..ATTEMPTS {
            match self.store::<Appended>(id.clone(), &command).await? {
                Came::Answer(answer, number) => {
                    // A repeat may be one that only the index has recognized: if the first is deleted, this must not take its place.
                    let is_for_nothing = match &answer {
                        Ok(appended) => self.number_of(appended.seq) != Some(number),
                        Err(error) => is_refusal(error),
                    };
                    self.forget_refused(&command, is_for_nothing, number).await;
                    return answer;
                }
                Came::Repeat(number) => match self.index.repeated(room, entry.clone()).await? {
                    Some(appended) => return Ok(appended),
                    // The first one was refused, which it need not be now.
                    None => id = format!("{id} {number}"),
                },
            }
        }
        Err(not_known())
    }

    async fn store<T: Send + 'static>(&self, id: String, command: &Command) -> Result<Came<T>, EngineError> {
        self.check()?;
        let (reply, answer) = oneshot::channel();
        self.askers().insert(id.clone(), Asker::new::<T>(reply));
        let is_connected = || self.client.connection_state() == State::Connected;
        let number = self.log.publish(&id, command, is_connected).await.inspect_err(|_| drop(self.askers().remove(&id)))?;
        let answered = self.answer(number, answer).await;
        self.askers().remove(&id);
        answered
    }

    /// Waits until the index has the entry.
    async fn answer<T>(
        &self,
        number: u64,
        mut answer: oneshot::Receiver<Result<T, EngineError>>,
    ) -> Result<Came<T>, EngineError> {
        if timeout(FOLLOWED_WITHIN, self.progress.reached(number)).await.is_err() {
            return Err(not_known());
        }
        match answer.try_recv() {
            Ok(answer) => Ok(Came::Answer(answer, number)),
            // It was stored before, or somebody else waits for the same.
            Err(_) => Ok(Came::Repeat(number)),
        }
    }

    /// What was refused leaves no words behind, and is not done after all where an index is made again.
    async fn forget_refused(&self, command: &Command, is_refused: bool, number: u64) {
        if is_refused && command.belongs_to().1 == Kept::Said {
            // What was refused stays so, whatever becomes of this.
            if let Err(error) = self.log.erase(number).await {
                tracing::warn!(number, %error, "a refused entry stays in the log");
            }
        }
    }

    /// Stores messages that are imported, in this order.
    pub(super) async fn import(&self, room: RoomId, messages: Vec<Recorded>) -> Result<(), EngineError> {
        self.check()?;
        let commands = messages.into_iter().map(|message| Command::Import { room, message });
        match self.log.publish_all(commands).await? {
            Some(last) => timeout(FOLLOWED_WITHIN, self.progress.reached(last)).await.map_err(|_| not_known()),
            None => Ok(()),
        }
    }

    /// Makes an imported room one like the others.
    pub(super) async fn finish_import(&self, room: RoomId, key: String) -> Result<(Room, WidgetKey, u64), EngineError> {
        let lasted = self.sent_at(room, End::Oldest).await?.zip(self.sent_at(room, End::Newest).await?);
        self.carry_out(Command::FinishImport { room, key, lasted }).await
    }

    /// When the first or the last event of a room was.
    async fn sent_at(&self, room: RoomId, end: End) -> Result<Option<Timestamp>, EngineError> {
        let query =
            Query { room, after: 0, before: None, reader: Reader::Owner, messages_only: false, limit: 1, bytes: usize::MAX, end };
        Ok(self.index.read(query).await?.first().map(|event| event.sent_at))
    }

    /// Deletes what there is to be deleted. A deletion is stored only of a message that this node has seen.
    pub(super) async fn delete(&self, room: RoomId, deletion: Deletion) -> Result<Appended, EngineError> {
        if let Deleted::Message(seq) = deletion.of {
            self.until_seen(seq).await;
            if let Some(done) = self.index.deleted(room, seq).await? {
                return Ok(done);
            }
        }
        self.carry_out(Command::Delete { room, deletion }).await
    }

    /// Waits until the index has the event of that place, if there may be one.
    pub(super) async fn until_seen(&self, seq: u64) {
        let number = self.number_of(seq).unwrap_or(0);
        if number > self.progress.applied() && self.standing.may_have(number) {
            // Another node has seen it. If this one does not in time, it is unknown here.
            let _ = timeout(FOLLOWED_WITHIN, self.progress.reached(number)).await;
        }
    }

    /// The place of the first event of an entry, unless its room is further.
    pub(super) fn first_seq(&self, number: u64) -> u64 {
        self.floor.load(Ordering::Acquire) + number * EVENTS_OF_ONE
    }

    /// The number of the entry that an event comes from; `None` if it was copied from another log.
    pub(super) fn number_of(&self, seq: u64) -> Option<u64> {
        let floor = self.floor.load(Ordering::Acquire);
        (seq > floor).then(|| (seq - floor) / EVENTS_OF_ONE)
    }

    /// Whether anything can be stored.
    fn check(&self) -> Result<(), EngineError> {
        match self.fault() {
            _ if self.closed.load(Ordering::Acquire) => Err(EngineError::Closed),
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.standing.fault().or_else(|| self.index.fault())
    }

    /// Who waits for that entry here.
    pub(super) fn asker(&self, id: &str) -> Asker {
        self.askers().remove(id).unwrap_or_else(Asker::nobody)
    }

    fn askers(&self) -> MutexGuard<'_, HashMap<String, Asker>> {
        self.askers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log's epoch.
    pub(super) fn epoch(&self) -> &str {
        self.index.epoch()
    }

    pub(super) fn readings(&self) -> MutexGuard<'_, Readings> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports an entry that this version cannot read.
    pub(super) fn note_unread(&self, number: u64, why: &str) {
        metrics::counter!("live_chat_log_unreadable_entries_total").increment(1);
        self.unread.fetch_add(1, Ordering::Relaxed);
        tracing::error!(number, why, "an entry of the log cannot be read by this version, and is passed over");
    }

    /// The newest entry that may have changed what stands, of those that were handed to the index.
    pub(super) fn changed(&self) -> u64 {
        self.changed.load(Ordering::Acquire)
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether the log ends before an entry that was read of it, also a while later: a server that has just become the leader may
    /// not know at once.
    pub(super) async fn is_still_behind(&self, number: u64) -> bool {
        is_behind(&self.log, number).await
    }
}

/// Whether it was decided, in the order of the log, that something is not done.
fn is_refusal(error: &EngineError) -> bool {
    !matches!(error, EngineError::Fault(_) | EngineError::Closed)
}

/// What is said where something may be stored or not. Whoever repeats it is answered as the first was.
fn not_known() -> EngineError {
    Fault::Unreachable("whether it was stored is not known yet".into()).into()
}
