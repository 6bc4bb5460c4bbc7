mod copy;
mod held;
mod import;
mod reactions;
mod rooms;
mod undo;
mod upkeep;

use std::{collections::HashMap, sync::Arc};

use rusqlite::{
    Connection, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};
use tokio::sync::oneshot;

use super::{
    appearance,
    checksum::checksum,
    copy::{Copying, Record},
    index::{self, DeletedWords, Words},
    interfaces,
    place::Place,
    readable::{self, Sweep},
    reader,
    row::{self, Columns},
    schema, widget_keys,
};
use crate::{
    chat::{
        Appearance, AppearanceChange, Deleted, Deletion, Event, Invitation, Kind, Measure, Message, NameClaim, NewWidgetKey,
        Outcome, Recorded, RedirectUris, Revocation, Revoked, Room, RoomId, RoomState, Sanction, Settings, SettingsChange,
        ShownInterface, Timestamp, UserId, WidgetKey, clock,
    },
    engine::{
        Appended, Audience, Clock, Cursors, EngineError, Entry, Fault, HeldName, News, React, Reacted, Standing, Webhook,
        WebhookId, may_follow,
    },
};

pub(super) use reactions::untold;
use undo::Before;
pub(super) use undo::{next_over, over, undoable};

/// Used tokens that have ended and are forgotten for each one that is used: more than one, so that their number shrinks, and few, so
/// that no use takes long.
const FORGOTTEN_TOKENS: u32 = 8;

/// Where an answer goes.
pub(in crate::engine) type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// What the writer is asked to do.
pub(in crate::engine) enum Job {
    Append {
        room: RoomId,
        entry: Entry,
        reply: Reply<Appended>,
    },
    /// Somebody goes by a name, beside what they say under it.
    Claim {
        room: RoomId,
        user: UserId,
        claim: NameClaim,
        reply: Reply<()>,
    },
    Resolve {
        room: RoomId,
        of: u64,
        outcome: Outcome,
        by: UserId,
        reason: String,
        reply: Reply<Appended>,
    },
    /// Nothing: an entry of the cluster's log that is about the log itself.
    Pass {
        reply: Reply<()>,
    },
    /// Nothing: an entry of the cluster's log that this version cannot read. The index notes the first of them.
    Unread {
        reply: Reply<()>,
    },
    /// Rows of another log follow, or all of them are there.
    Copying {
        copying: Copying,
        reply: Reply<()>,
    },
    /// Rows of another log, as they are.
    Copy {
        table: String,
        records: Vec<Record>,
        reply: Reply<()>,
    },
    /// Room 1, if it is not there, and the configured widget key, if there is one; else its first is `key`.
    FirstRoom {
        configured: Option<String>,
        key: String,
        reply: Reply<()>,
    },
    CreateRoom {
        settings: Settings,
        /// The name of its first widget key.
        key: String,
        reply: Reply<(Room, WidgetKey)>,
    },
    OpenChannel {
        settings: Settings,
        reply: Reply<Room>,
    },
    RemoveRoom {
        room: RoomId,
        reply: Reply<()>,
    },
    CreateWidgetKey {
        new: NewWidgetKey,
        key: String,
        reply: Reply<WidgetKey>,
    },
    SetRedirectUris {
        key: String,
        uris: RedirectUris,
        reply: Reply<WidgetKey>,
    },
    RevokeWidgetKey {
        key: String,
        reply: Reply<WidgetKey>,
    },
    SetState {
        room: RoomId,
        state: RoomState,
        reply: Reply<Room>,
    },
    Configure {
        room: RoomId,
        change: SettingsChange,
        by: UserId,
        reply: Reply<Room>,
    },
    Delete {
        room: RoomId,
        deletion: Deletion,
        reply: Reply<Appended>,
    },
    /// A moderator's act is undone.
    Undo {
        room: RoomId,
        of: u64,
        by: UserId,
        reply: Reply<Appended>,
    },
    /// An act can no longer be undone: what was kept for that goes.
    Settle {
        room: RoomId,
        event: u64,
        reply: Reply<()>,
    },
    /// An event of a live room's log that changes nothing else.
    Tell {
        room: RoomId,
        kind: Box<Kind>,
        reply: Reply<Appended>,
    },
    Sanction {
        room: RoomId,
        sanction: Sanction,
        reply: Reply<Appended>,
    },
    React {
        room: RoomId,
        react: React,
        reply: Reply<Reacted>,
    },
    TellReactions {
        room: RoomId,
        reply: Reply<bool>,
    },
    Revoke {
        revocation: Revocation,
        reply: Reply<()>,
    },
    Invite {
        invitation: Invitation,
        reply: Reply<bool>,
    },
    /// A single-use token opens a connection.
    UseToken {
        id: String,
        until: Timestamp,
        reply: Reply<bool>,
    },
    BeginImport {
        settings: Settings,
        reply: Reply<RoomId>,
    },
    Import {
        room: RoomId,
        messages: Vec<Recorded>,
        reply: Reply<()>,
    },
    FinishImport {
        room: RoomId,
        key: String,
        lasted: Option<(Timestamp, Timestamp)>,
        reply: Reply<(Room, WidgetKey, u64)>,
    },
    AbandonImport {
        room: RoomId,
        reply: Reply<()>,
    },
    /// Events up to that place are past the room's retention.
    Trim {
        room: RoomId,
        to: u64,
        reply: Reply<()>,
    },
    /// One step of the removal of what is past the room's retention.
    Erase {
        room: RoomId,
        reply: Reply<()>,
    },
    /// More words to be found.
    Index {
        words: Words,
        reply: Reply<()>,
    },
    /// One step of taking the messages of a deleted author out of what readers walk through.
    Sweep {
        sweep: Sweep,
        reply: Reply<()>,
    },
    /// One step of removing from the index of words those that were deleted so far, the first or a later one. The answer is whether
    /// there are more.
    Merge {
        deleted: DeletedWords,
        is_first: bool,
        reply: Reply<bool>,
    },
    /// One step of giving free space back.
    Shrink {
        reply: Reply<()>,
    },
    ShowInterface {
        room: RoomId,
        interface: Option<ShownInterface>,
        reply: Reply<()>,
    },
    ChangeAppearance {
        change: AppearanceChange,
        reply: Reply<Appearance>,
    },
    PutWebhook {
        webhook: Box<Webhook>,
        cursors: Cursors,
        reply: Reply<()>,
    },
    NoteDeliveries {
        id: WebhookId,
        standing: Box<Standing>,
        cursors: Cursors,
        reply: Reply<()>,
    },
    RemoveWebhook {
        id: WebhookId,
        reply: Reply<()>,
    },
}

/// The end of a room's log.
#[derive(Clone, Copy)]
pub(super) struct Tail {
    pub(super) seq: u64,
    pub(super) sent_at: Timestamp,
    pub(super) state: RoomState,
    /// The newest event that is past the room's retention.
    pub(super) trimmed: u64,
}

/// A job's answer, kept until its effects are durable, or have failed.
pub(super) type Answer = Box<dyn FnOnce(Option<&Fault>) + Send>;

/// One transaction, and what it will have done: forgotten if it fails.
pub(super) struct Batch<'a> {
    transaction: Transaction<'a>,
    before: &'a HashMap<RoomId, Tail>,
    done: Done,
    clock: &'a Clock,
    /// Of the job at hand, if its order is the cluster's.
    place: Option<Place>,
}

/// What a transaction has done.
#[derive(Default)]
pub(super) struct Done {
    pub(super) tails: HashMap<RoomId, Tail>,
    pub(super) news: Vec<News>,
    /// How many rooms, events, widget keys and revocations of those there are more.
    pub(super) stored: usize,
    /// The newest entry of the cluster's log that was carried out.
    pub(super) applied: Option<u64>,
}

impl<'a> Batch<'a> {
    /// Begins a transaction on a log whose rooms end at `before`.
    pub(super) fn begin(
        connection: &'a mut Connection,
        before: &'a HashMap<RoomId, Tail>,
        clock: &'a Clock,
    ) -> rusqlite::Result<Self> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Self { transaction, before, done: Done::default(), clock, place: None })
    }

    /// Makes everything durable.
    pub(super) fn commit(self) -> rusqlite::Result<Done> {
        if let Some(Place { number, id, .. }) = &self.place {
            schema::set_meta(&self.transaction, schema::APPLIED, &number.to_string())?;
            schema::set_meta(&self.transaction, schema::APPLIED_ID, id)?;
        }
        self.transaction.commit()?;
        Ok(self.done)
    }

    /// The next job is that of the cluster's log.
    pub(super) fn follow(&mut self, place: Place) {
        self.done.applied = Some(place.number);
        self.place = Some(place);
    }

    /// Does one job inside the transaction and keeps its answer. An error is one of the store, and ends the batch.
    pub(super) fn carry_out(&mut self, job: Job, answers: &mut Vec<Answer>) -> rusqlite::Result<()> {
        match job {
            Job::Append { room, entry, reply } => keep(answers, reply, self.append(room, entry)),
            Job::Claim { room, user, claim, reply } => keep(answers, reply, self.claim(room, &user, &claim)),
            Job::Resolve { room, of, outcome, by, reason, reply } => {
                keep(answers, reply, self.resolve(room, of, outcome, by, reason))
            }
            Job::Pass { reply } => keep(answers, reply, Ok(())),
            Job::Unread { reply } => keep(answers, reply, self.note_unread()),
            Job::Copying { copying, reply } => keep(answers, reply, self.copying(&copying)),
            Job::Copy { table, records, reply } => keep(answers, reply, self.copy(&table, &records)),
            Job::FirstRoom { configured, key, reply } => keep(answers, reply, self.first_room(configured.as_deref(), &key)),
            Job::CreateRoom { settings, key, reply } => keep(answers, reply, self.create_room(settings, &key)),
            Job::OpenChannel { settings, reply } => keep(answers, reply, self.open_channel(settings)),
            Job::RemoveRoom { room, reply } => keep(answers, reply, self.remove_room(room)),
            Job::CreateWidgetKey { new, key, reply } => keep(answers, reply, self.create_widget_key(&new, &key)),
            Job::SetRedirectUris { key, uris, reply } => keep(answers, reply, self.set_redirect_uris(&key, &uris)),
            Job::RevokeWidgetKey { key, reply } => keep(answers, reply, self.revoke_widget_key(&key)),
            Job::SetState { room, state, reply } => keep(answers, reply, self.set_state(room, state)),
            Job::Configure { room, change, by, reply } => keep(answers, reply, self.configure(room, change, by)),
            Job::Delete { room, deletion, reply } => keep(answers, reply, self.delete(room, deletion)),
            Job::Undo { room, of, by, reply } => keep(answers, reply, self.undo(room, of, by)),
            Job::Settle { room, event, reply } => keep(answers, reply, self.settle(room, event)),
            Job::Tell { room, kind, reply } => keep(answers, reply, self.tell(room, *kind)),
            Job::Sanction { room, sanction, reply } => keep(answers, reply, self.sanction(room, sanction)),
            Job::React { room, react, reply } => keep(answers, reply, self.react(room, &react)),
            Job::TellReactions { room, reply } => keep(answers, reply, self.tell_reactions(room)),
            Job::Revoke { revocation, reply } => keep(answers, reply, self.revoke(&revocation)),
            Job::Invite { invitation, reply } => keep(answers, reply, self.invite(&invitation)),
            Job::UseToken { id, until, reply } => keep(answers, reply, self.use_token(&id, until)),
            Job::BeginImport { settings, reply } => keep(answers, reply, self.begin_import(settings)),
            Job::Import { room, messages, reply } => keep(answers, reply, self.import(room, &messages)),
            Job::FinishImport { room, key, lasted, reply } => keep(answers, reply, self.finish_import(room, &key, lasted)),
            Job::AbandonImport { room, reply } => keep(answers, reply, self.abandon_import(room)),
            Job::Trim { room, to, reply } => keep(answers, reply, self.trim(room, to)),
            Job::Erase { room, reply } => keep(answers, reply, self.erase(room)),
            Job::Index { words, reply } => keep(answers, reply, self.index(words)),
            Job::Sweep { sweep, reply } => keep(answers, reply, Ok(readable::sweep(&self.transaction, sweep)?)),
            Job::Merge { deleted, is_first, reply } => keep(answers, reply, self.merge(&deleted, is_first)),
            Job::Shrink { reply } => keep(answers, reply, self.shrink()),
            Job::ShowInterface { room, interface, reply } => keep(answers, reply, self.show_interface(room, interface)),
            Job::ChangeAppearance { change, reply } => keep(answers, reply, self.change_appearance(&change)),
            Job::PutWebhook { webhook, cursors, reply } => keep(answers, reply, self.put_webhook(&webhook, &cursors)),
            Job::NoteDeliveries { id, standing, cursors, reply } => {
                keep(answers, reply, self.note_deliveries(&id, &standing, &cursors))
            }
            Job::RemoveWebhook { id, reply } => keep(answers, reply, self.remove_webhook(&id)),
        }
    }

    fn append(&mut self, room: RoomId, entry: Entry) -> Result<Appended, EngineError> {
        let tail = self.tail(room)?;
        if let Some(stored) = reader::repeated(&self.transaction, room, &entry)? {
            return Ok(stored);
        }
        if tail.state != RoomState::Live {
            return Err(EngineError::NotLive(tail.state));
        }
        let Entry { author, to, profile, draft, name } = entry;
        if let Some(name) = name {
            self.keep_name(room, &author, &name)?;
        }
        let message = Message { author, profile, payload: draft.payload, video_time: draft.video_time, reactions: Vec::new() };
        let client_message_id = draft.client_message_id.as_deref();
        match to {
            Audience::Everyone => Ok(self.push(room, tail, Kind::Message(message), client_message_id)?),
            Audience::One(to) => Ok(self.push(room, tail, Kind::Private { to, message }, client_message_id)?),
            Audience::Moderators => self.hold(room, tail, message, client_message_id),
        }
    }

    fn note_unread(&self) -> Result<(), EngineError> {
        if let Some(Place { number, .. }) = &self.place {
            let sql = "INSERT OR IGNORE INTO meta VALUES (?1, ?2)";
            self.transaction.execute(sql, params![schema::UNREAD, number.to_string()])?;
        }
        Ok(())
    }

    fn claim(&mut self, room: RoomId, user: &UserId, claim: &NameClaim) -> Result<(), EngineError> {
        self.tail(room)?;
        Ok(self.keep_name(room, user, claim)?)
    }

    /// Notes who holds a name, and forgets those whose time is over.
    fn keep_name(&mut self, room: RoomId, user: &UserId, claim: &NameClaim) -> rusqlite::Result<()> {
        let NameClaim { name, until } = claim;
        self.transaction.prepare_cached("DELETE FROM names WHERE until <= ?1")?.execute([self.now().0])?;
        let sql = "INSERT OR REPLACE INTO names (room, user, name, until) VALUES (?1, ?2, ?3, ?4)";
        let values = params![room.get(), user.as_str(), name, until.0];
        self.transaction.prepare_cached(sql)?.execute(values)?;
        self.done.news.push(News::Name(HeldName { room, user: user.clone(), claim: claim.clone() }));
        Ok(())
    }

    fn first_room(&mut self, configured: Option<&str>, key: &str) -> Result<(), EngineError> {
        schema::insert_first_room(&self.transaction, configured, key, self.now())?;
        for (room, head) in reader::rooms(&self.transaction)? {
            // The others are known, with how far they are past their retention.
            if self.tail(room.id).is_err() {
                let tail = Tail { seq: head, sent_at: room.created_at, state: room.state, trimmed: 0 };
                self.done.tails.insert(room.id, tail);
                self.done.news.push(News::Room { room: Box::new(room), head });
            }
        }
        self.done.news.extend(widget_keys::all(&self.transaction)?.into_iter().map(News::WidgetKey));
        Ok(())
    }

    fn create_room(&mut self, settings: Settings, key: &str) -> Result<(Room, WidgetKey), EngineError> {
        let room = self.insert_room(settings)?;
        let key = widget_keys::insert_first(&self.transaction, Some(room.id), key, self.now())?;
        self.done.stored += 2;
        self.done.news.push(News::Room { room: Box::new(room.clone()), head: 0 });
        self.done.news.push(News::WidgetKey(key.clone()));
        Ok((room, key))
    }

    fn insert_room(&mut self, settings: Settings) -> Result<Room, EngineError> {
        if self.is_taken(&settings.slug)? {
            return Err(EngineError::SlugTaken(settings.slug));
        }
        let sql = "INSERT INTO rooms (slug, settings, state, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4) RETURNING *";
        let values = params![settings.slug, row::stored(&settings), RoomState::Created.name(), self.now().0];
        let room = self.transaction.query_row(sql, values, row::room)?;
        self.done.tails.insert(room.id, Tail { seq: 0, sent_at: room.created_at, state: room.state, trimmed: 0 });
        Ok(room)
    }

    fn create_widget_key(&mut self, new: &NewWidgetKey, key: &str) -> Result<WidgetKey, EngineError> {
        let key = widget_keys::insert(&self.transaction, new, key, self.now())?;
        self.done.stored += 1;
        self.done.news.push(News::WidgetKey(key.clone()));
        Ok(key)
    }

    fn set_redirect_uris(&mut self, key: &str, uris: &RedirectUris) -> Result<WidgetKey, EngineError> {
        let key = widget_keys::set_redirect_uris(&self.transaction, key, uris)?;
        self.done.news.push(News::WidgetKey(key.clone()));
        Ok(key)
    }

    fn revoke_widget_key(&mut self, key: &str) -> Result<WidgetKey, EngineError> {
        let (key, revoked) = widget_keys::revoke(&self.transaction, key, self.now())?;
        self.done.stored += usize::from(revoked);
        self.done.news.push(News::WidgetKey(key.clone()));
        Ok(key)
    }

    fn is_taken(&self, slug: &str) -> rusqlite::Result<bool> {
        self.transaction.query_row("SELECT count(*) > 0 FROM rooms WHERE slug = ?1", [slug], |row| row.get(0))
    }

    fn set_state(&mut self, room: RoomId, state: RoomState) -> Result<Room, EngineError> {
        let tail = self.tail(room)?;
        if tail.state != state {
            if !may_follow(tail.state, state) {
                return Err(EngineError::WrongOrder(tail.state, state));
            }
            let at = self.push(room, tail, Kind::Room(state), None)?.sent_at;
            self.done.tails.entry(room).and_modify(|tail| tail.state = state);
            let column = match state {
                RoomState::Created => "created_at",
                RoomState::Prepared => "prepared_at",
                RoomState::Live => "first_started_at = coalesce(first_started_at, ?3), started_at",
                RoomState::Ended => "ended_at",
            };
            let sql = format!("UPDATE rooms SET state = ?2, updated_at = ?3, {column} = ?3 WHERE id = ?1");
            self.transaction.execute(&sql, params![room.get(), state.name(), at.0])?;
        }
        let about = self.transaction.query_row("SELECT * FROM rooms WHERE id = ?1", [room.get()], row::room)?;
        if about.settings.ephemeral && about.state == RoomState::Ended {
            self.trim(room, self.tail(room)?.seq)?;
        }
        Ok(about)
    }

    /// Changes a room's settings, if that changes anything.
    fn configure(&mut self, room: RoomId, change: SettingsChange, by: UserId) -> Result<Room, EngineError> {
        let tail = self.tail(room)?;
        let about = self.transaction.query_row("SELECT * FROM rooms WHERE id = ?1", [room.get()], row::room)?;
        let settings = change.apply(&about.settings)?;
        if settings == about.settings {
            return Ok(about);
        }
        if settings.slug != about.settings.slug && self.is_taken(&settings.slug)? {
            return Err(EngineError::SlugTaken(settings.slug));
        }
        let at = self.push(room, tail, Kind::Settings { settings: settings.clone(), by }, None)?.sent_at;
        let sql = "UPDATE rooms SET slug = ?2, settings = ?3, updated_at = ?4 WHERE id = ?1 RETURNING *";
        let values = params![room.get(), settings.slug, row::stored(&settings), at.0];
        Ok(self.transaction.query_row(sql, values, row::room)?)
    }

    /// Takes messages out. One that is out already stays so: the answer is the deletion that took it out first.
    fn delete(&mut self, room: RoomId, deletion: Deletion) -> Result<Appended, EngineError> {
        let tail = self.tail(room)?;
        if let Deleted::Message(seq) = deletion.of
            && let Some(done) = self.deletion_of(room, seq)?
        {
            return Ok(done);
        }
        let of = deletion.of.clone();
        let appended = self.push(room, tail, Kind::Deletion(deletion), None)?;
        match &of {
            Deleted::Message(seq) => {
                let sql = "INSERT INTO deleted_messages (room, seq, deletion) VALUES (?1, ?2, ?3)";
                self.transaction.execute(sql, params![room.get(), seq, appended.seq])?;
                self.forget_words(room, *seq, *seq)?;
                self.tell_no_reactions_to(room, *seq)?;
                self.note_undoable(room, appended.seq, Before::default())?;
            }
            Deleted::AllOf(user) => {
                let before = self.deletion_of_all_of(room, user)?;
                let sql = "INSERT INTO deleted_authors (room, author, deletion) VALUES (?1, ?2, ?3)
                           ON CONFLICT DO UPDATE SET deletion = excluded.deletion";
                self.transaction.execute(sql, params![room.get(), user.as_str(), appended.seq])?;
                self.tell_no_reactions_to_all_of(room, user)?;
                self.take_back_reactions_of(room, user, appended.seq)?;
                let before = Before { user: Some(user), deletion: Some(before), sanction: None };
                self.note_undoable(room, appended.seq, before)?;
            }
        }
        let waited = self.stop_holding(room)?;
        self.note_waited(room, appended.seq, &waited)?;
        Ok(appended)
    }

    /// The newest deletion of all that a user said, 0 if there is none.
    fn deletion_of_all_of(&self, room: RoomId, user: &UserId) -> rusqlite::Result<u64> {
        let sql = "SELECT coalesce(max(deletion), 0) FROM deleted_authors WHERE room = ?1 AND author = ?2";
        self.transaction.prepare_cached(sql)?.query_row(params![room.get(), user.as_str()], |row| row.get(0))
    }

    /// Appends what is told to a live room.
    fn tell(&mut self, room: RoomId, kind: Kind) -> Result<Appended, EngineError> {
        let tail = self.tail(room)?;
        if tail.state != RoomState::Live {
            return Err(EngineError::NotLive(tail.state));
        }
        Ok(self.push(room, tail, kind, None)?)
    }

    /// The deletion that took a message out, if one has.
    fn deletion_of(&self, room: RoomId, seq: u64) -> Result<Option<Appended>, EngineError> {
        match reader::deletion_place(&self.transaction, room, seq)? {
            Some(deletion) => deletion.map(|deletion| Ok(reader::appended_at(&self.transaction, room, deletion)?)).transpose(),
            None => self.deletion_of_erased(room, seq),
        }
    }

    /// The same of a message that is not there: the log of a cluster, from which an index may be made again, does not hold any more
    /// what was deleted. Who puts a deletion into it has seen that the message is there.
    fn deletion_of_erased(&self, room: RoomId, seq: u64) -> Result<Option<Appended>, EngineError> {
        if self.place.is_none() || seq <= self.tail(room)?.trimmed {
            return Err(EngineError::UnknownMessage { room, seq });
        }
        let sql = "SELECT deletion FROM deleted_messages WHERE room = ?1 AND seq = ?2";
        let deletion: Option<u64> =
            self.transaction.prepare_cached(sql)?.query_row(params![room.get(), seq], |row| row.get(0)).optional()?;
        deletion.map(|deletion| Ok(reader::appended_at(&self.transaction, room, deletion)?)).transpose()
    }

    /// Decides whether somebody may speak.
    fn sanction(&mut self, room: RoomId, sanction: Sanction) -> Result<Appended, EngineError> {
        let is_ban = sanction.measure == Measure::Ban;
        let waited = if is_ban { self.decline_all_of(room, &sanction)? } else { Vec::new() };
        let tail = self.before_last(self.tail(room)?);
        let user = sanction.user.clone();
        let before = self.sanction_on(room, &user)?;
        let appended = self.decide(room, tail, sanction)?;
        if is_ban {
            self.take_back_reactions_of(room, &user, appended.seq)?;
        }
        self.note_undoable(room, appended.seq, Before { user: Some(&user), deletion: None, sanction: before })?;
        self.note_waited(room, appended.seq, &waited)?;
        Ok(appended)
    }

    /// Has a decision replace the one before.
    fn decide(&mut self, room: RoomId, tail: Tail, sanction: Sanction) -> Result<Appended, EngineError> {
        let (user, measure) = (sanction.user.clone(), sanction.measure);
        let appended = self.push(room, tail, Kind::Sanction(sanction), None)?;
        schema::end_sanction(&self.transaction, room, &user)?;
        schema::forget_sanctions(&self.transaction, self.now())?;
        match measure {
            Measure::Timeout { until } => self.keep_sanction(room, &user, appended.seq, Some(until))?,
            Measure::Ban => self.keep_sanction(room, &user, appended.seq, None)?,
            Measure::Lift => {}
        }
        Ok(appended)
    }

    /// The decision on a user that was not lifted, if there is one.
    fn sanction_on(&self, room: RoomId, user: &UserId) -> Result<Option<Sanction>, EngineError> {
        let sql = "SELECT event FROM sanctions WHERE room = ?1 AND user = ?2";
        let place = self.transaction.prepare_cached(sql)?.query_row(params![room.get(), user.as_str()], |row| row.get(0));
        let Some(place) = place.optional()? else { return Ok(None) };
        Ok(reader::event(&self.transaction, room, place)?.and_then(|event| match event.kind {
            Kind::Sanction(sanction) => Some(sanction),
            _ => None,
        }))
    }

    fn keep_sanction(&self, room: RoomId, user: &UserId, event: u64, until: Option<Timestamp>) -> rusqlite::Result<()> {
        let sql = "INSERT INTO sanctions (room, user, event, until) VALUES (?1, ?2, ?3, ?4)";
        let values = params![room.get(), user.as_str(), event, until.map(|until| until.0)];
        self.transaction.execute(sql, values).map(drop)
    }

    fn show_interface(&mut self, room: RoomId, interface: Option<ShownInterface>) -> Result<(), EngineError> {
        self.tail(room)?;
        interfaces::put(&self.transaction, room, interface.as_ref())?;
        self.done.news.push(News::Interface { room, interface });
        Ok(())
    }

    fn change_appearance(&mut self, change: &AppearanceChange) -> Result<Appearance, EngineError> {
        let before = appearance::get(&self.transaction)?;
        let after = before.changed(change);
        if after != before {
            appearance::put(&self.transaction, &after)?;
            self.done.news.push(News::Appearance(Arc::new(after.clone())));
        }
        Ok(after)
    }

    fn put_webhook(&mut self, webhook: &Webhook, cursors: &Cursors) -> Result<(), EngineError> {
        let WebhookId(id) = &webhook.id;
        let json = serde_json::to_string(webhook).expect("plain data");
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO webhooks (id, webhook) VALUES (?1, ?2)")?
            .execute(params![id, json])?;
        self.keep_cursors(&webhook.id, cursors)?;
        self.done.news.push(News::Webhooks);
        Ok(())
    }

    fn note_deliveries(&mut self, id: &WebhookId, standing: &Standing, cursors: &Cursors) -> Result<(), EngineError> {
        let sql = "UPDATE webhooks SET webhook = json_set(webhook, '$.standing', json(?2)) WHERE id = ?1";
        let json = serde_json::to_string(standing).expect("plain data");
        // One that was removed must not come back by it.
        if self.transaction.prepare_cached(sql)?.execute(params![id.0, json])? > 0 {
            self.keep_cursors(id, cursors)?;
        }
        Ok(())
    }

    fn keep_cursors(&self, WebhookId(id): &WebhookId, cursors: &Cursors) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO webhook_cursors (webhook, room, seq) VALUES (?1, ?2, ?3)";
        let mut statement = self.transaction.prepare_cached(sql)?;
        for (room, seq) in cursors {
            statement.execute(params![id, room.get(), seq])?;
        }
        Ok(())
    }

    fn remove_webhook(&mut self, WebhookId(id): &WebhookId) -> Result<(), EngineError> {
        self.transaction.execute("DELETE FROM webhooks WHERE id = ?1", [id])?;
        self.transaction.execute("DELETE FROM webhook_cursors WHERE webhook = ?1", [id])?;
        self.done.news.push(News::Webhooks);
        Ok(())
    }

    /// Notes that tokens do not count any more, and forgets those that are over by themselves.
    fn revoke(&mut self, revocation: &Revocation) -> Result<(), EngineError> {
        let Revocation { of, at, until } = revocation;
        self.transaction.execute("DELETE FROM revocations WHERE until <= ?1", [self.now().0])?;
        let sql = "INSERT OR REPLACE INTO revocations (kind, id, at, until) VALUES (?1, ?2, ?3, ?4)";
        let (kind, id) = row::revoked(of);
        self.transaction.execute(sql, params![kind, id, at.0, until.0])?;
        if let Revoked::User(user) = of {
            self.transaction.execute("DELETE FROM names WHERE user = ?1", [user.as_str()])?;
        }
        self.done.news.push(News::Revocation(revocation.clone()));
        Ok(())
    }

    /// Keeps an invitation, or adds to one that it was taken, or revoked. Whether that changes anything.
    fn invite(&mut self, invitation: &Invitation) -> Result<bool, EngineError> {
        let Invitation { id, room, name, made_at, taken_at, revoked_at } = invitation;
        let sql =
            "INSERT INTO invitations AS kept (id, room, name, made_at, taken_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (id) DO UPDATE SET taken_at = coalesce(kept.taken_at, excluded.taken_at),
                                                  revoked_at = coalesce(kept.revoked_at, excluded.revoked_at)
                   WHERE (kept.taken_at IS NULL AND excluded.taken_at IS NOT NULL)
                      OR (kept.revoked_at IS NULL AND excluded.revoked_at IS NOT NULL)
                   RETURNING *";
        let time = |at: &Option<Timestamp>| at.map(|at| at.0);
        let values = params![id, room.map(RoomId::get), name, made_at.0, time(taken_at), time(revoked_at)];
        let changed = self.transaction.query_row(sql, values, row::invitation).optional()?;
        let is_changed = changed.is_some();
        self.done.news.extend(changed.map(News::Invitation));
        Ok(is_changed)
    }

    /// Notes that a single-use token was used. Returns whether it was good and unused before. Forgets a few of those that have ended.
    fn use_token(&mut self, id: &str, until: Timestamp) -> Result<bool, EngineError> {
        let now = self.now();
        let sql =
            "DELETE FROM used_tokens WHERE id IN (SELECT id FROM used_tokens WHERE until <= ?1 ORDER BY until, id LIMIT ?2)";
        self.transaction.prepare_cached(sql)?.execute(params![now.0, FORGOTTEN_TOKENS])?;
        if until <= now {
            return Ok(false);
        }
        let sql = "INSERT OR IGNORE INTO used_tokens (id, until) VALUES (?1, ?2)";
        Ok(self.transaction.prepare_cached(sql)?.execute(params![id, until.0])? > 0)
    }

    fn tail(&self, room: RoomId) -> Result<Tail, EngineError> {
        self.done.tails.get(&room).or(self.before.get(&room)).copied().ok_or(EngineError::UnknownRoom(room))
    }

    /// Gives an event its place and its time, and writes it.
    fn push(&mut self, room: RoomId, tail: Tail, kind: Kind, client_message_id: Option<&str>) -> rusqlite::Result<Appended> {
        let sent_at = clock::next(tail.sent_at, self.now());
        if sent_at < tail.sent_at {
            let seconds = (tail.sent_at.0 - sent_at.0) / 1_000;
            tracing::warn!(%room, seconds, "the clock was ahead when the room's newest event was stored: its times go back");
        }
        let tail = Tail { seq: self.next_seq(tail), sent_at, ..tail };
        self.insert_event(room, tail, &kind, client_message_id)?;
        let (Tail { seq, sent_at, .. }, held) = (tail, matches!(kind, Kind::Held(_)));
        self.done.tails.insert(room, tail);
        let client_message_id = client_message_id.map(Into::into);
        self.done.news.push(News::Event(Arc::new(Event { room, seq, sent_at, kind, client_message_id })));
        self.done.stored += 1;
        Ok(Appended { seq, sent_at, held })
    }

    /// The place of the next event of a room that ends at `tail`. In a cluster it does not depend on the event before: that may be
    /// erased where this is done again.
    fn next_seq(&self, tail: Tail) -> u64 {
        self.place.as_ref().map_or(0, |place| place.first_seq).max(tail.seq + 1)
    }

    /// The end of a room's log, so that the next event has the last place of its job: a place that does not depend on how many events
    /// come before it.
    fn before_last(&self, tail: Tail) -> Tail {
        Tail { seq: self.place.as_ref().map_or(0, |place| place.last_seq - 1).max(tail.seq), ..tail }
    }

    /// The moment at which the job is done.
    fn now(&self) -> Timestamp {
        self.place.as_ref().map_or_else(|| (self.clock)(), |place| place.at)
    }

    /// Writes an event that the room's log ends with, as `tail` says.
    fn insert_event(&self, room: RoomId, tail: Tail, kind: &Kind, client_message_id: Option<&str>) -> rusqlite::Result<()> {
        let columns = Columns::of(kind);
        let values = [
            ValueRef::Integer(room.get().into()),
            ValueRef::Integer(tail.seq as i64),
            ValueRef::Integer(columns.kind),
            ValueRef::Integer(tail.sent_at.0),
            text(columns.author),
            text(columns.recipient),
            columns.video_time.map_or(ValueRef::Null, ValueRef::Real),
            text(client_message_id),
            ValueRef::from(&*columns.payload),
            text(columns.profile.as_deref()),
        ];
        let checksum = ValueRef::Integer(checksum(&values).into());
        let sql = "INSERT INTO events
                       (room, seq, kind, sent_at, author, recipient, video_time, client_message_id, payload, profile, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let values = values.into_iter().chain([checksum]).map(ToSqlOutput::Borrowed);
        self.transaction.prepare_cached(sql)?.execute(params_from_iter(values))?;
        match kind {
            Kind::Message(message) => self.note_author(room, &message.author, tail.seq),
            _ => Ok(()),
        }
    }
}

/// Keeps an answer for after the commit; a failure of the store is passed on, and answered for the whole batch.
fn keep<T: Send + 'static>(answers: &mut Vec<Answer>, reply: Reply<T>, result: Result<T, EngineError>) -> rusqlite::Result<()> {
    let (result, failed) = match result {
        Err(EngineError::Store(error)) => (Err(EngineError::Closed), Err(error)),
        result => (result, Ok(())),
    };
    answers.push(Box::new(move |fault| {
        // An asker that has gone away needs no answer.
        let _ = reply.send(fault.map_or(result, |fault| Err(fault.clone().into())));
    }));
    failed
}

/// The answer of a job that is not carried out, because an earlier one of its batch failed or the whole batch cannot begin.
pub(super) fn refuse(job: Job) -> Answer {
    Box::new(move |fault| {
        let error = fault.map_or(EngineError::Closed, |fault| fault.clone().into());
        match job {
            Job::Append { reply, .. }
            | Job::Resolve { reply, .. }
            | Job::Delete { reply, .. }
            | Job::Sanction { reply, .. }
            | Job::Undo { reply, .. }
            | Job::Tell { reply, .. } => drop(reply.send(Err(error))),
            Job::CreateRoom { reply, .. } => drop(reply.send(Err(error))),
            Job::SetRedirectUris { reply, .. } => drop(reply.send(Err(error))),
            Job::CreateWidgetKey { reply, .. } | Job::RevokeWidgetKey { reply, .. } => drop(reply.send(Err(error))),
            Job::OpenChannel { reply, .. } | Job::SetState { reply, .. } | Job::Configure { reply, .. } => {
                drop(reply.send(Err(error)))
            }
            Job::React { reply, .. } => drop(reply.send(Err(error))),
            Job::TellReactions { reply, .. } | Job::Merge { reply, .. } => drop(reply.send(Err(error))),
            Job::Pass { reply }
            | Job::Unread { reply }
            | Job::Copying { reply, .. }
            | Job::Copy { reply, .. }
            | Job::Claim { reply, .. }
            | Job::FirstRoom { reply, .. }
            | Job::RemoveRoom { reply, .. }
            | Job::Revoke { reply, .. } => drop(reply.send(Err(error))),
            Job::Invite { reply, .. } | Job::UseToken { reply, .. } => drop(reply.send(Err(error))),
            Job::BeginImport { reply, .. } => drop(reply.send(Err(error))),
            Job::FinishImport { reply, .. } => drop(reply.send(Err(error))),
            Job::Import { reply, .. } | Job::AbandonImport { reply, .. } => drop(reply.send(Err(error))),
            Job::Trim { reply, .. } | Job::Erase { reply, .. } | Job::Index { reply, .. } => drop(reply.send(Err(error))),
            Job::Sweep { reply, .. } | Job::Settle { reply, .. } | Job::Shrink { reply } => drop(reply.send(Err(error))),
            Job::ChangeAppearance { reply, .. } => drop(reply.send(Err(error))),
            Job::ShowInterface { reply, .. } => drop(reply.send(Err(error))),
            Job::PutWebhook { reply, .. } | Job::NoteDeliveries { reply, .. } => drop(reply.send(Err(error))),
            Job::RemoveWebhook { reply, .. } => drop(reply.send(Err(error))),
        }
    })
}

fn text(value: Option<&str>) -> ValueRef<'_> {
    value.map_or(ValueRef::Null, ValueRef::from)
}
