//! The engine on several machines: the log is a stream of NATS JetStream, and each node holds an index of it.
//!
//! The stream holds *commands*, in the one order that JetStream gives them. Every node reads each of them once and has its index carry
//! it out by the very jobs of the [`Sqlite`](super::Sqlite) engine: what a command does depends on what was before it and on its own place and
//! time, so that all nodes come to the same events, places and answers without a word between them. A rule that needs an order, such as that
//! nothing is said in a room that has ended, holds as it does on one machine. Whoever asked is answered by their own node when the servers have
//! acknowledged the command and the index has it.
//!
//! The place of an event is its command's number in the stream, times eight, and one more for each event before it of the same
//! command: it can be told without the events before it. That is what lets words be erased from the stream, one by one or by a room's
//! retention (`eraser`), and an index be made again from what is left. What was said and what was done have subjects of
//! their own: only the first goes.
//!
//! The index is a file in the data folder which may be deleted while the node is stopped. `opening` brings it up to the log at a start, and
//! `follower` keeps it so; `cluster` takes commands to the log and their answers back. `standing` watches whether the servers answer,
//! `agreement` whether all nodes have the same; `peers` carries what nodes tell each other and nobody keeps, and `vault` what all of
//! them share.

mod agreement;
mod cluster;
mod command;
mod copy;
mod eraser;
mod follower;
mod imports;
mod interfaces;
mod lease;
mod log;
mod nats;
mod opening;
mod peers;
mod standing;
mod vault;

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use async_nats::jetstream::kv::Store;
use futures::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{OwnedMutexGuard, watch},
    task::JoinHandle,
};

use self::{
    cluster::Cluster,
    command::{Command, Kept},
    interfaces::Interfaces,
    lease::Lease,
    opening::patiently,
    peers::NatsPeers,
    vault::Vault,
};
pub use self::{
    nats::{InvalidServers, Nats, NatsServers},
    opening::NatsError,
};
use super::{
    Act, Appended, Cursors, Engine, EngineError, Entry, Fault, HeldName, Hits, Messages, News, Peers, Query, React, Reacted,
    Search, Sink, Standing as DeliveryStanding, Supervisor, Webhook, WebhookId, sqlite::random_widget_key,
};
use crate::chat::{
    Appearance, AppearanceChange, CustomEvent, Deletion, Disconnection, Event, Invitation, NewWidgetKey, Outcome, Recorded,
    RedirectUris, Revocation, Room, RoomId, RoomState, Sanction, Settings, SettingsChange, ShownInterface, Timestamp, UserId,
    WidgetKey,
};

/// How long a node that closes waits until it has given up the lead.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(1);

/// The log of a cluster, as one of its nodes has it.
pub struct JetStream {
    /// The stream's name.
    name: String,
    cluster: Arc<Cluster>,
    peers: Arc<NatsPeers>,
    vault: Arc<Vault>,
    interfaces: Arc<Interfaces>,
    lease: Arc<Lease>,
    /// Where nodes say what they have.
    state: Store,
    /// Who is told what is new.
    sink: Sink,
    runtime: Handle,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Held from the end of the opening until the hub knows all that there is.
    pause: Mutex<Option<OwnedMutexGuard<u64>>>,
}

impl JetStream {
    /// The secret that all nodes share under that name, if there is one.
    ///
    /// # Errors
    /// [`NatsError::Bucket`].
    pub async fn shared(&self, name: &str) -> Result<Option<String>, NatsError> {
        patiently(|| self.vault.shared(name)).await
    }

    /// Shares a secret with all nodes under that name, unless there is one, and gives the one that they share.
    ///
    /// # Errors
    /// [`NatsError::Bucket`].
    pub async fn share(&self, name: &str, secret: &str) -> Result<String, NatsError> {
        patiently(|| self.vault.share(name, secret)).await
    }

    /// Gives up the imports of nodes that died, into which nothing has come for that long. The node that leads does it by itself.
    ///
    /// # Errors
    /// [`EngineError::Fault`] or [`EngineError::Closed`].
    pub async fn give_up_imports(&self, stale_after: Duration) -> Result<(), EngineError> {
        imports::give_up_stale(&self.cluster, stale_after).await
    }

    /// The largest entry that the servers take, in bytes.
    pub fn max_payload(&self) -> usize {
        self.cluster.client.max_payload()
    }

    /// Another node need not wait for the end of the lease.
    fn give_up_the_lead(&self) {
        let (done, is_done) = std::sync::mpsc::channel();
        let lease = Arc::clone(&self.lease);
        self.runtime.spawn(async move {
            lease.give_up().await;
            // It is not waited for any more.
            let _ = done.send(());
        });
        // Without an answer it ends by itself.
        let _ = is_done.recv_timeout(GIVEN_UP_WITHIN);
    }

    /// Has the hub know at once what was changed of the webhooks; other nodes hear of it by the bucket.
    async fn and_tell(&self, change: impl Future<Output = Result<(), EngineError>>) -> Result<(), EngineError> {
        change.await?;
        (self.sink)(&[News::Webhooks]);
        Ok(())
    }

    /// Has a command carried out, whether or not its asker waits for it.
    fn ask<T: Send + 'static>(&self, command: Command) -> BoxFuture<'static, Result<T, EngineError>> {
        self.see_through(|cluster| async move { cluster.carry_out(command).await })
    }

    /// Does what is asked for, whether or not its asker waits for it.
    fn see_through<T, F>(&self, work: impl FnOnce(Arc<Cluster>) -> F) -> BoxFuture<'static, Result<T, EngineError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        let done = self.runtime.spawn(work(Arc::clone(&self.cluster)));
        async move { done.await.unwrap_or(Err(EngineError::Closed)) }.boxed()
    }
}

impl Drop for JetStream {
    fn drop(&mut self) {
        self.close();
    }
}

impl Engine for JetStream {
    fn epoch(&self) -> &str {
        self.cluster.index.epoch()
    }

    fn begin(&self) {
        self.cluster.begun.store(true, Ordering::Release);
        drop(self.pause.lock().unwrap_or_else(PoisonError::into_inner).take());
        let sink = Arc::clone(&self.sink);
        let begun = [
            self.runtime.spawn(eraser::erase(Arc::clone(&self.cluster))),
            self.runtime.spawn(Arc::clone(&self.lease).seek()),
            self.runtime.spawn(imports::clean_up(Arc::clone(&self.cluster), Arc::clone(&self.lease))),
            self.runtime.spawn(Arc::clone(&self.interfaces).watch()),
            self.runtime.spawn(Arc::clone(&self.vault).watch(move || sink(&[News::Webhooks]))),
            self.runtime.spawn(agreement::speak(Arc::clone(&self.cluster), self.state.clone(), self.lease.leads())),
            self.runtime.spawn(agreement::compare(Arc::clone(&self.cluster), self.state.clone())),
        ];
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(begun);
    }

    fn close(&self) {
        if self.cluster.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|task| task.abort());
        self.give_up_the_lead();
        self.peers.stop();
        self.cluster.index.close();
    }

    fn rooms(&self) -> BoxFuture<'_, Result<Vec<(Room, u64)>, EngineError>> {
        self.cluster.index.rooms()
    }

    fn create_room(&self, settings: Settings) -> BoxFuture<'_, Result<(Room, WidgetKey), EngineError>> {
        self.ask(Command::CreateRoom { settings, key: random_widget_key() })
    }

    fn open_channel(&self, settings: Settings) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.ask(Command::OpenChannel { settings })
    }

    fn remove_room(&self, room: RoomId) -> BoxFuture<'_, Result<(), EngineError>> {
        self.see_through(move |cluster| async move {
            cluster.carry_out::<()>(Command::RemoveRoom { room }).await?;
            // No other room ever has its number.
            Ok(cluster.log.erase_said(room, u64::MAX).await?)
        })
    }

    fn widget_keys(&self) -> BoxFuture<'_, Result<Vec<WidgetKey>, EngineError>> {
        self.cluster.index.widget_keys()
    }

    fn create_widget_key(&self, new: NewWidgetKey) -> BoxFuture<'_, Result<WidgetKey, EngineError>> {
        self.ask(Command::CreateWidgetKey { new, key: random_widget_key() })
    }

    fn set_redirect_uris(&self, key: String, uris: RedirectUris) -> BoxFuture<'_, Result<WidgetKey, EngineError>> {
        self.ask(Command::SetRedirectUris { key, uris })
    }

    fn revoke_widget_key(&self, key: String) -> BoxFuture<'_, Result<WidgetKey, EngineError>> {
        self.ask(Command::RevokeWidgetKey { key })
    }

    fn appearance(&self) -> BoxFuture<'_, Result<Appearance, EngineError>> {
        self.cluster.index.appearance()
    }

    fn change_appearance(&self, change: AppearanceChange) -> BoxFuture<'_, Result<Appearance, EngineError>> {
        self.ask(Command::ChangeAppearance(change))
    }

    fn set_state(&self, room: RoomId, state: RoomState) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.ask(Command::SetState { room, state })
    }

    fn begin_import(&self, settings: Settings) -> BoxFuture<'_, Result<RoomId, EngineError>> {
        self.ask(Command::BeginImport { settings })
    }

    fn import(&self, room: RoomId, messages: Vec<Recorded>) -> BoxFuture<'_, Result<(), EngineError>> {
        self.see_through(move |cluster| async move { cluster.import(room, messages).await })
    }

    fn finish_import(&self, room: RoomId) -> BoxFuture<'_, Result<(Room, WidgetKey, u64), EngineError>> {
        self.see_through(move |cluster| async move { cluster.finish_import(room, random_widget_key()).await })
    }

    fn abandon_import(&self, room: RoomId) {
        drop(self.see_through(move |cluster| async move { imports::give_up(&cluster, room).await }));
    }

    fn append(&self, room: RoomId, entry: Entry) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.see_through(move |cluster| async move { cluster.append(room, entry).await })
    }

    fn resolve(
        &self,
        room: RoomId,
        of: u64,
        outcome: Outcome,
        by: UserId,
        reason: String,
    ) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Resolve { room, of, outcome, by, reason })
    }

    fn held(&self, room: RoomId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        self.cluster.index.held(room, after, limit)
    }

    fn has_spoken(&self, room: RoomId, user: UserId) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.cluster.index.has_spoken(room, user)
    }

    fn configure(&self, room: RoomId, change: SettingsChange, by: UserId) -> BoxFuture<'_, Result<Room, EngineError>> {
        self.ask(Command::Configure { room, change, by })
    }

    fn delete(&self, room: RoomId, deletion: Deletion) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.see_through(move |cluster| async move { cluster.delete(room, deletion).await })
    }

    fn undo(&self, room: RoomId, of: u64, by: UserId) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Undo { room, of, by })
    }

    fn act(&self, room: RoomId, seq: u64) -> BoxFuture<'_, Result<Option<Event>, EngineError>> {
        async move {
            self.cluster.until_seen(seq).await;
            self.cluster.index.act(room, seq).await
        }
        .boxed()
    }

    fn disconnect(&self, room: RoomId, disconnection: Disconnection) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Disconnect { room, disconnection })
    }

    fn tell(&self, room: RoomId, event: CustomEvent) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Tell { room, event })
    }

    fn sanction(&self, room: RoomId, sanction: Sanction) -> BoxFuture<'_, Result<Appended, EngineError>> {
        self.ask(Command::Sanction { room, sanction })
    }

    fn react(&self, room: RoomId, react: React) -> BoxFuture<'_, Result<Reacted, EngineError>> {
        self.ask(Command::React { room, react })
    }

    fn tell_reactions(&self, room: RoomId) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.ask(Command::TellReactions { room })
    }

    fn messages(&self, room: RoomId, seqs: Vec<u64>) -> BoxFuture<'_, Result<Messages, EngineError>> {
        self.cluster.index.messages(room, seqs)
    }

    fn sanctions(&self) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        self.cluster.index.sanctions()
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<HeldName>, EngineError>> {
        self.cluster.index.names()
    }

    fn revoke(&self, revocation: Revocation) -> BoxFuture<'_, Result<(), EngineError>> {
        self.ask(Command::Revoke(revocation))
    }

    fn revocations(&self) -> BoxFuture<'_, Result<Vec<Revocation>, EngineError>> {
        self.cluster.index.revocations()
    }

    fn keep_invitation(&self, invitation: Invitation) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.ask(Command::Invite(invitation))
    }

    fn use_token(&self, room: RoomId, id: String, until: Timestamp) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.ask(Command::UseToken { room, id, until })
    }

    fn is_token_used(&self, id: String) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.cluster.index.is_token_used(id)
    }

    fn invitations(&self) -> BoxFuture<'_, Result<Vec<Invitation>, EngineError>> {
        self.cluster.index.invitations()
    }

    fn read(&self, query: Query) -> BoxFuture<'_, Result<Vec<Event>, EngineError>> {
        self.cluster.index.read(query)
    }

    fn acts(&self, room: RoomId, before: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Act>, EngineError>> {
        self.cluster.index.acts(room, before, limit)
    }

    fn deletion(&self, room: RoomId, seq: u64) -> BoxFuture<'_, Result<Option<Act>, EngineError>> {
        self.cluster.index.deletion(room, seq)
    }

    fn search(&self, search: Search) -> BoxFuture<'_, Result<Hits, EngineError>> {
        self.cluster.index.search(search)
    }

    fn seq_before(&self, room: RoomId, at: Timestamp) -> BoxFuture<'_, Result<u64, EngineError>> {
        self.cluster.index.seq_before(room, at)
    }

    fn trimmed(&self, room: RoomId) -> u64 {
        self.cluster.index.trimmed(room)
    }

    fn shown_interfaces(&self) -> BoxFuture<'_, Result<Vec<(RoomId, ShownInterface)>, EngineError>> {
        self.interfaces.all().boxed()
    }

    fn show_interface(&self, room: RoomId, interface: Option<ShownInterface>) -> BoxFuture<'_, Result<(), EngineError>> {
        let interfaces = Arc::clone(&self.interfaces);
        self.see_through(move |_| async move { interfaces.put(room, interface).await })
    }

    fn webhooks(&self) -> BoxFuture<'_, Result<Vec<(Webhook, Cursors)>, EngineError>> {
        self.vault.webhooks().boxed()
    }

    fn put_webhook(&self, webhook: Webhook, cursors: Cursors) -> BoxFuture<'_, Result<(), EngineError>> {
        self.and_tell(self.vault.put_webhook(webhook, cursors, self.epoch().to_owned())).boxed()
    }

    fn note_deliveries(
        &self,
        id: WebhookId,
        standing: DeliveryStanding,
        cursors: Cursors,
    ) -> BoxFuture<'_, Result<(), EngineError>> {
        // One that does not lead any more knows less of how the deliveries go than the one that does.
        let standing = self.lease.holds().then_some(standing);
        self.vault.note_deliveries(id, standing, cursors, self.epoch().to_owned()).boxed()
    }

    fn remove_webhook(&self, id: WebhookId) -> BoxFuture<'_, Result<(), EngineError>> {
        self.and_tell(self.vault.remove_webhook(id)).boxed()
    }

    fn supervisor(&self) -> &Supervisor {
        self.cluster.index.supervisor()
    }

    fn fault(&self) -> Option<Fault> {
        self.cluster.fault()
    }

    fn warning(&self) -> Option<String> {
        let some = |number: u64| Some(number).filter(|number| *number > 0);
        let unread = self.cluster.unread.load(Ordering::Relaxed) + self.cluster.progress.unusable();
        let unread = some(unread).map(|entries| {
            format!("{entries} entries of the log cannot be read by this version and were passed over: use a newer live-chat")
        });
        let differences = some(self.cluster.differences.load(Ordering::Relaxed)).map(|differences| {
            format!("this node has something otherwise than the one that leads, {differences} times: its log says what")
        });
        let all: Vec<_> = [unread, differences, self.cluster.index.warning()].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    fn leads_now(&self) -> bool {
        self.lease.holds()
    }

    fn is_ahead(&self, seq: u64) -> bool {
        let number = self.cluster.number_of(seq);
        number.is_some_and(|number| number > self.cluster.progress.applied() && self.cluster.standing.may_have(number))
    }

    fn leads(&self) -> watch::Receiver<bool> {
        self.lease.leads()
    }

    fn peers(&self) -> Option<Arc<dyn Peers>> {
        Some(Arc::clone(&self.peers) as Arc<dyn Peers>)
    }
}
