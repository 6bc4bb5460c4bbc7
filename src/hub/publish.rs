//! The way of a message from its author to the log: what it must pass, in this order.

use std::{net::IpAddr, sync::Arc};

use super::{
    Activity, Caller, Claims, Hub, Key, Published, Refusal, live::LiveRoom, repeats::Saying, rules::Rules, throttle::Actor,
};
use crate::{
    chat::{Capability, ChatText, Command, Draft, Group, NameClaim, Profile, RoomId, RoomState, UserId, Visibility},
    engine::{Appended, Audience, Entry},
};

impl Hub {
    /// Carries out what a client asks, if it may.
    ///
    /// # Errors
    /// All of [`Refusal`]. Nothing is stored then, unless the engine failed: a client that repeats the same draft under the same
    /// client message id has it stored once.
    pub async fn publish(&self, room: RoomId, caller: Caller<'_>, command: Command) -> Result<Published, Refusal> {
        let published = self.carry_out(room, caller, command).await;
        let result = match &published {
            Ok(Published::Stored(Appended { held: true, .. })) => "held",
            Ok(Published::Stored(_)) => "stored",
            Ok(Published::Requested) => "requested",
            Err(refusal) => refusal.name(),
        };
        metrics::counter!("live_chat_publishes_total", "result" => result).increment(1);
        published
    }

    async fn carry_out(&self, room: RoomId, caller: Caller<'_>, command: Command) -> Result<Published, Refusal> {
        let (live, claims) = self.admit_caller(room, &caller)?;
        let (to, draft) = match command {
            Command::Broadcast(draft) => (None, draft),
            Command::Private { to, draft } => (Some(to), draft),
            Command::Request => {
                self.count(room, Some(&claims.user), caller.from, Activity::Read)?;
                return self.ask_history(&live, &claims, caller.from).await.map(|()| Published::Requested);
            }
        };
        check_live(&live)?;
        self.check_disk()?;
        if to.is_none() && live.channel().is_some_and(|channel| channel.visibility == Visibility::Direct) {
            return Err(Refusal::Capability(Capability::SendMessage));
        }
        let speaker = Speaker::new(self, live, claims, caller.from)?;
        speaker.check(&speaker.rules)?;
        speaker.say(to, draft).await.map(Published::Stored)
    }

    /// Who it is, if they may say something at present, whatever it is.
    ///
    /// # Errors
    /// All of [`Refusal`] that are not about what is said.
    pub fn check_speaker(&self, room: RoomId, caller: Caller<'_>) -> Result<Claims, Refusal> {
        let (live, claims) = self.let_in(room, &caller)?;
        let speaker = Speaker::new(self, live, claims, caller.from)?;
        speaker.check(&speaker.rules)?;
        Ok(speaker.claims)
    }

    /// Finds the room, which must be live, and who it is that asks something of it.
    pub(super) fn let_in(&self, room: RoomId, caller: &Caller<'_>) -> Result<(Arc<LiveRoom>, Claims), Refusal> {
        let (live, claims) = self.admit_caller(room, caller)?;
        check_live(&live)?;
        Ok((live, claims))
    }

    /// Finds the room, in any state, and who it is that asks something of it.
    fn admit_caller(&self, room: RoomId, &Caller { token, site, from }: &Caller<'_>) -> Result<(Arc<LiveRoom>, Claims), Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        let live = self.find(room)?;
        let claims = self.check(token, room)?;
        self.find_for(room, &claims.user)?;
        // Who publishes must show one, if they can.
        if let Key::None = site.widget_key {
            return Err(Refusal::WidgetKey);
        }
        self.admit(room, site)?;
        self.note_token(&live, &claims, from);
        Ok((live, claims))
    }
}

/// Only a live room takes messages.
fn check_live(room: &LiveRoom) -> Result<(), Refusal> {
    match room.state() {
        RoomState::Live => Ok(()),
        state => Err(Refusal::NotLive(state)),
    }
}

/// Somebody who is about to say something in the room, or to react to what was said.
pub(super) struct Speaker<'a> {
    hub: &'a Hub,
    live: Arc<LiveRoom>,
    /// What holds for this message, whatever is changed while it is on its way.
    pub(super) rules: Arc<Rules>,
    pub(super) claims: Claims,
    from: Option<IpAddr>,
    /// Whether they may lift a sanction. Who may is under none: a ban by address may hold for their own.
    pub(super) moderates: bool,
}

/// What somebody has taken to speak.
struct Turn {
    /// What the store is to know of their name.
    name: Option<NameClaim>,
    /// What to give back if they do not speak after all.
    saying: Option<Saying>,
}

impl<'a> Speaker<'a> {
    /// Whoever's token lets them send messages.
    pub(super) fn new(hub: &'a Hub, live: Arc<LiveRoom>, claims: Claims, from: Option<IpAddr>) -> Result<Self, Refusal> {
        if !claims.capabilities.allow(Capability::SendMessage) {
            return Err(Refusal::Capability(Capability::SendMessage));
        }
        let (rules, moderates) = (live.rules(), claims.capabilities.allow(Capability::DisconnectUser));
        Ok(Self { hub, live, rules, claims, from, moderates })
    }

    async fn say(&self, to: Option<UserId>, draft: Draft) -> Result<Appended, Refusal> {
        let chat = self.check_words(&draft)?;
        let Turn { name, saying } = self.take_turn(&draft, chat.as_ref())?;
        let username = ChatText::username_of(&draft.payload);
        let stored = self.review_and_store(to, draft, name).await;
        let stored = stored.inspect_err(|_| self.live.give_turn_back(&self.claims.user, saying.as_ref()))?;
        self.heard(username.as_deref());
        Ok(stored)
    }

    /// Says something that was sent over the relay, if the room takes it as a chat message. Returns whether it does. Rate limits do not
    /// apply, and nothing waits for a moderator: what would have to is not said.
    ///
    /// # Errors
    /// What is not about the message.
    pub(super) async fn say_relayed(&self, draft: Draft) -> Result<bool, Refusal> {
        let Self { hub, live, rules, claims, .. } = self;
        if rules.hold(claims) && hub.is_newcomer(live, &claims.user).await? {
            return Ok(false);
        }
        let name = ChatText::username_of(&draft.payload);
        let taken = self.check_words(&draft).and_then(|chat| self.take_room_turn(&draft, chat.as_ref()));
        let saying = match taken {
            Ok(saying) => saying,
            Err(refusal) if refusal.is_about_message() => return Ok(false),
            Err(refusal) => return Err(refusal),
        };
        match self.review_and_store(None, draft, None).await {
            Ok(_) => {
                self.heard(name.as_deref());
                Ok(true)
            }
            Err(refusal) => {
                live.give_turn_back(&claims.user, saying.as_ref());
                if refusal.is_about_message() { Ok(false) } else { Err(refusal) }
            }
        }
    }

    /// They have spoken, from where they are, under that name if they have said one.
    pub(super) fn heard(&self, name: Option<&str>) {
        if let Some(from) = self.from {
            self.live.heard(&self.claims.user, from, name);
        }
    }

    /// Whether they may speak at present.
    pub(super) fn check(&self, rules: &Rules) -> Result<(), Refusal> {
        if self.moderates {
            return Ok(());
        }
        self.live.may_speak(&self.claims.user, self.from, &self.hub.0.tokens)?;
        if self.live.channel().is_some_and(|channel| !channel.lets_write(&self.claims.user)) {
            return Err(Refusal::Speakers(Group::Moderators));
        }
        rules.check_speaker(&self.claims)
    }

    /// Whether they may say this. Gives what people read of it, if it is a chat message.
    fn check_words(&self, draft: &Draft) -> Result<Option<ChatText>, Refusal> {
        if draft.announces && !self.moderates {
            return Err(Refusal::Capability(Capability::DisconnectUser));
        }
        let payload = &draft.payload;
        payload.readable().ok_or(Refusal::Unreadable)?;
        ChatText::check(payload, &self.rules.limits(&self.hub.0.limits))?;
        let chat = ChatText::of(payload);
        if !self.moderates {
            let checked = self.rules.check(&self.claims.user, payload, chat.as_ref());
            checked.inspect_err(|refusal| self.live.note_blocked(&self.claims.user, refusal))?;
        }
        Ok(chat)
    }

    /// Whether it is their turn, and the name that they speak under is theirs.
    fn take_turn(&self, draft: &Draft, chat: Option<&ChatText>) -> Result<Turn, Refusal> {
        let Self { hub, live, claims, from, .. } = self;
        let actor = Actor { room: live.id(), user: Some(&claims.user), from: *from };
        let payload = &draft.payload;
        hub.0.throttle.take_message(actor, payload.get().len(), ChatText::username_of(payload).as_deref())?;
        let name = hub.take_name(live, claims, *from, draft)?;
        let saying = self.take_room_turn(draft, chat)?;
        Ok(Turn { name, saying })
    }

    /// Whether the room's own rules let them speak now: slow mode, repeats, and messages a minute.
    fn take_room_turn(&self, draft: &Draft, chat: Option<&ChatText>) -> Result<Option<Saying>, Refusal> {
        let Self { live, rules, claims, .. } = self;
        let text = chat.map(|chat| &*chat.text);
        match self.moderates {
            true => Ok(None),
            false => live.take_turn(rules, &claims.user, text, draft.client_message_id.as_deref()),
        }
    }

    async fn review_and_store(&self, to: Option<UserId>, draft: Draft, name: Option<NameClaim>) -> Result<Appended, Refusal> {
        let Self { hub, live, rules, claims, from, moderates } = self;
        // A private message is for its two parties alone.
        let is_reviewed = !moderates && to.is_none();
        let draft = if is_reviewed { hub.reviewed(live, rules, claims, *from, draft).await? } else { draft };
        let to = self.audience(to).await?;
        live.keep_pace().await;
        // Something may have been decided meanwhile.
        hub.check_revoked(&claims.user, &claims.origin)?;
        self.check(&live.rules())?;
        let profile = Profile { announces: draft.announces, ..claims.profile() };
        let _on_its_way = live.set_out(&claims.user, draft.payload.get());
        let entry = Entry { author: claims.user.clone(), to, profile, draft, name };
        Ok(hub.0.engine.append(live.id(), entry).await?)
    }

    /// Who is to read what they say. What newcomers say to one alone would be read by no moderator.
    async fn audience(&self, to: Option<UserId>) -> Result<Audience, Refusal> {
        let Self { hub, live, claims, .. } = self;
        let is_held = live.rules().hold(claims) && hub.is_newcomer(live, &claims.user).await?;
        match to {
            Some(_) if is_held => Err(Refusal::Newcomer),
            Some(to) => Ok(Audience::One(to)),
            None if is_held => Ok(Audience::Moderators),
            None => Ok(Audience::Everyone),
        }
    }
}
