use std::{sync::Arc, time::Duration};

use leptos::{
    ev::{MouseEvent, SubmitEvent},
    html::{Input, Textarea},
    prelude::*,
};

use super::{LiveText, MessageField, NameField, button};
use crate::{
    app::{
        countdown::Countdown,
        net::publish::{self, Draft},
        session::{Link, Refused, Session},
        state::{draft::KeptDraft, recall::Recall, typing::Composition},
        task::{follow, spawn},
        wire::{ChatMessage, FormError, FormInput, FormView, RoomView, Standing},
    },
    chat::{Group, Limits, RoomState, UserId},
    texts::{Template, Text, Texts, key},
};

/// Where a browser keeps the name of its guest, and that of an owner who has signed in there.
const NAME_KEYS: [&str; 2] = ["live-chat.username", "live-chat.owner"];

/// The state of the form. A handle; copies share it.
#[derive(Clone, Copy)]
pub struct Form {
    /// The page's state.
    pub session: Session,
    limits: Limits,
    /// The name field.
    pub username: NodeRef<Input>,
    /// The message field.
    pub message: NodeRef<Textarea>,
    announcement: NodeRef<Input>,
    /// What stands in the name field.
    pub name: RwSignal<String>,
    /// What stands in the message field.
    pub text: RwSignal<String>,
    /// Whether the reader has a name to go by, which they need not see all the time.
    pub is_named: RwSignal<bool>,
    /// Why something was not sent.
    error: RwSignal<Option<Shown>>,
    /// Until the error is over, if it ends by itself.
    over: Countdown,
    /// Whether the reader has just been allowed to write again.
    is_lifted: RwSignal<bool>,
    /// How sending goes; empty while nothing is sent.
    progress: RwSignal<String>,
    /// Until slow mode lets the reader write again.
    wait: Countdown,
    /// What is not shown.
    pub aside: StoredValue<Aside>,
    /// Whether the emoji could not be loaded.
    pub emoji_failed: RwSignal<bool>,
}

/// What the form remembers and does not show.
#[derive(Default)]
pub struct Aside {
    /// What may or may not have been stored. It keeps its id if it is sent again.
    draft: Option<Draft>,
    /// The message field as it was when that was sent.
    sent: String,
    /// Whether the reader sent what is in the field now, while what was in it before was on its way.
    next: bool,
    /// What was sent before.
    pub recall: Recall,
    /// Whether an input method is composing.
    pub composition: Composition,
}

/// An error as it is shown at an input: what stands before and after the time that is left, and how that is written, if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    input: FormInput,
    before: String,
    after: String,
    time: Option<TimeIn>,
    /// Whether it is over when the time is.
    ends: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeIn {
    Words,
    Seconds,
}

impl Shown {
    /// An error that stays. What is about the whole form stands where a message's errors do.
    fn of(FormError { input, message }: FormError) -> Self {
        Self { input: input.unwrap_or(FormInput::Message), before: message, after: String::new(), time: None, ends: false }
    }

    /// Lets it end after so many seconds. Finds that time in the error, which the server has written by the same texts. An error without
    /// the time stays as it is.
    fn ending(mut self, texts: &'static Texts, seconds: u32) -> Self {
        self.ends = true;
        let times = [(texts.time_left(seconds.into()), TimeIn::Words), (seconds.to_string(), TimeIn::Seconds)];
        for (time, written) in times {
            if let Some((before, after)) = self.before.split_once(&time) {
                (self.before, self.after, self.time) = (before.to_owned(), after.to_owned(), Some(written));
                break;
            }
        }
        self
    }
}

/// How long it is said that the reader may write again.
const LIFTED_SHOWN: Duration = Duration::from_secs(10);

/// The form to say something; in a room that is not open, words about that.
#[component]
pub fn Composer(session: Session, view: RoomView) -> impl IntoView {
    let RoomView { archive, replays, is_named, form, username_chars, text_chars, .. } = view;
    let key = move |session: Session| match session.state.get() {
        _ if refused(session).is_some() => refused(session).map(Refused::key),
        RoomState::Ended => Some(key::page::ENDED),
        RoomState::Created | RoomState::Prepared => Some(key::page::NOT_STARTED),
        RoomState::Live if replays => Some(key::page::REPLAY_OF_LIVE),
        RoomState::Live if archive => Some(key::page::ARCHIVE),
        RoomState::Live if session.moderates => None,
        RoomState::Live if is_banned(session) => Some(key::page::BANNED),
        RoomState::Live => session.settings.with(|settings| match settings.speakers {
            _ if settings.paused => Some(key::page::PAUSED),
            Group::Everyone => None,
            Group::SignedIn if session.user_id.with(|id| id.starts_with(UserId::OF_SITE)) => None,
            Group::SignedIn => Some(key::page::SIGNED_IN_ONLY),
            Group::Moderators => Some(key::page::MODERATORS_ONLY),
        }),
    };
    let is_open = move |session: Session| key(session).is_none();
    let limits = Limits { username_chars, text_chars, ..Limits::default() };
    // The address of a replay is below that of its room.
    let href = [if replays { format!("/rooms/{}", session.room) } else { String::new() }, session.link("", "")].concat();
    view! {
        <div class="composer closed" role="status" hidden=session.flag(is_open)>
            <p>
                {session.words(move |session| key(session).map_or_else(String::new, |key| closed(session, key)))}" "
                <a href=href hidden=session.flag(move |session| !archive && key(session).is_none_or(|key| !is_mendable(session, key)))>
                    {session.words(move |session| if replays { session.texts.text(key::page::TO_CHAT).to_owned() } else { again(session, archive) })}
                </a>
            </p>
        </div>
        <Fields session limits is_named form hidden=session.flag(move |session| !is_open(session)) />
    }
}

fn is_banned(session: Session) -> bool {
    session.standing.with(|standing| standing.as_ref().is_some_and(|standing| standing.until.is_empty()))
}

/// Why the reader cannot write, in words.
fn closed(session: Session, key: Text) -> String {
    let reason = if key == key::page::BANNED { session.standing.get().map(|standing| standing.reason) } else { None };
    session.texts.with_reason(session.texts.text(key).to_owned(), &reason.unwrap_or_default())
}

fn refused(session: Session) -> Option<Refused> {
    match session.link.get() {
        Link::Refused(refused) => Some(refused),
        Link::Connecting | Link::Live | Link::Waiting(_) | Link::HeldBack | Link::Offline => None,
    }
}

/// Whether the page that comes next may let the reader write. Whoever comes without access is a new guest. A ban of an address may have
/// been lifted: only the person it was meant for is told.
fn is_mendable(session: Session, key: Text) -> bool {
    key == key::page::BANNED || refused(session).is_some()
}

/// What a reader who cannot write here can do.
fn again(session: Session, archive: bool) -> String {
    let key = match refused(session) {
        _ if archive => key::page::BACK_TO_NEWEST,
        Some(Refused::AccessEnded) => key::page::GO_ON_AS_GUEST,
        Some(Refused::Unavailable) | None => key::page::RELOAD,
    };
    session.texts.text(key).to_owned()
}

#[component]
fn Fields(session: Session, limits: Limits, is_named: bool, form: FormView, hidden: Signal<bool>) -> impl IntoView {
    let FormView { username, text, is_announcement, error, client_message_id } = form;
    let form = Form {
        session,
        limits,
        username: NodeRef::new(),
        message: NodeRef::new(),
        announcement: NodeRef::new(),
        name: RwSignal::new(username.clone()),
        text: RwSignal::new(text.clone()),
        is_named: RwSignal::new(!username.is_empty()),
        error: RwSignal::new(error.map(Shown::of)),
        over: Countdown::new(),
        is_lifted: RwSignal::new(false),
        progress: RwSignal::new(String::new()),
        wait: Countdown::new(),
        aside: StoredValue::new(Aside::default()),
        emoji_failed: RwSignal::new(false),
    };
    follow(Box::new(move || form.restore(is_named)));
    let mut pinned = None;
    follow(Box::new(move || {
        let now = Some(session.settings.with(|settings| settings.pinned_message.clone()));
        // What a rule has refused may be allowed under those that hold from now on.
        if pinned == now {
            form.wait.stop();
            form.forgive();
        }
        pinned = now;
    }));
    let mut stood = false;
    follow(Box::new(move || {
        let stands = session.standing.with(Option::is_some);
        if stood && !stands {
            // A message may have been refused for it.
            form.forgive();
            form.is_lifted.set(true);
            set_timeout(move || form.is_lifted.set(false), LIFTED_SHOWN);
        }
        stood = stands;
    }));
    follow(Box::new(move || {
        let is_timed_out =
            session.standing.with_untracked(|standing| standing.as_ref().is_some_and(|standing| !standing.until.is_empty()));
        if session.timed_out.left() == 0 && is_timed_out && session.hydrated.get_untracked() {
            session.standing.set(None);
        }
    }));
    follow(Box::new(move || {
        if form.over.left() == 0 && form.error.with_untracked(|error| error.as_ref().is_some_and(|error| error.ends)) {
            form.forgive();
        }
    }));
    let texts = session.texts;
    // Nothing hangs on the form's own submission: in a frame without `allow-forms` there is none. (The Enter key in the name field is a
    // click on the button: WHATWG HTML 4.10.22.2, implicit submission.)
    let press = move |event: MouseEvent| {
        event.prevent_default();
        form.submit();
    };
    view! {
        <form
            id="form"
            class="composer"
            method="post"
            action=""
            hidden=hidden
            on:submit=move |event: SubmitEvent| {
                event.prevent_default();
                form.submit();
            }
        >
            {timed("standing", "standing", "status", form, Form::standing)}
            {button(
                "replying",
                session.flag(|session| session.reply.with(Option::is_none)),
                session.text(replying),
                Box::new(move || form.cancel_reply()),
            )}
            <input type="hidden" name="client_message_id" value=client_message_id autocomplete="off" />
            <NameField form value=username readonly=is_named />
            <div class="progress">
                {line("progress", "", "status", form.words(|form| form.progress.get()))}
                <p class="counter" class:over=form.flag(Form::is_too_long) inner_html=LiveText(form.words(Form::counter))></p>
            </div>
            {line("username-error", "error", "alert", form.words(|form| form.error_at(FormInput::Username).concat()))}
            <MessageField form text />
            <button class="send" type="submit" aria-disabled=form.value(|form| form.is_sending().then_some("true")) on:click=press>
                <span aria-hidden="true">{texts.text(key::page::SEND)}</span>
                <span class="unseen">{texts.text(key::page::SEND_MESSAGE)}</span>
            </button>
            {timed("message-error", "error", "alert", form, |form| form.error_at(FormInput::Message))}
            {line("emoji-failed", "error", "alert", form.words(Form::emoji_error))}
            {session.moderates.then(|| view! {
                <label class="announce">
                    <input type="checkbox" name="announcement" checked=is_announcement autocomplete="off" node_ref=form.announcement />
                    " "{texts.text(key::page::ANNOUNCE)}
                </label>
            })}
            <p class="slow" inner_html=LiveText(form.words(Form::slow_mode))></p>
        </form>
    }
}

/// A line of the form. The style sheet hides it while it is empty.
fn line(id: &'static str, class: &'static str, role: &'static str, words: Signal<String>) -> impl IntoView {
    view! { <p id=id role=role class=class inner_html=LiveText(words)></p> }
}

/// A line with a time in it: what stands before the time, the time, and what stands after it. The time stands apart, so that assistive
/// technology says once what there is to say, and not each second. The style sheet hides the line while it is empty.
fn timed(id: &'static str, class: &'static str, role: &'static str, form: Form, parts: fn(Form) -> [String; 3]) -> impl IntoView {
    let part = move |n: usize| LiveText(Signal::derive(move || std::mem::take(&mut parts(form)[n])));
    view! {
        <p id=id role=role class=class aria-atomic="false">
            <span inner_html=part(0)></span>
            <span aria-live="off" inner_html=part(1)></span>
            <span inner_html=part(2)></span>
        </p>
    }
}

/// What the reader is replying to.
fn replying(session: Session) -> String {
    let words = |message: &Arc<ChatMessage>| {
        session.texts.fill(key::page::REPLYING, &[("name", &message.chat.username), ("text", &message.chat.text)])
    };
    session.reply.with(|message| message.as_ref().map(words).unwrap_or_default())
}

impl Form {
    /// Returns a text that follows the form. By a function and no closure: each closure is a type of its own, and so is all that is made of
    /// it.
    pub fn words(self, words: fn(Self) -> String) -> Signal<String> {
        self.session.text(move |_| words(self))
    }

    /// Returns something that is so or not, as the form is.
    pub fn flag(self, flag: fn(Self) -> bool) -> Signal<bool> {
        self.session.flag(move |_| flag(self))
    }

    /// Returns an attribute's value that follows the form; none for no attribute.
    pub fn value(self, value: fn(Self) -> Option<&'static str>) -> Signal<Option<&'static str>> {
        self.session.value(move |_| value(self))
    }

    /// What was decided on the reader's right to speak, while they may not: what stands before the time that is left, that, and what stands
    /// after it.
    fn standing(self) -> [String; 3] {
        let session = self.session;
        let texts = session.texts;
        match session.standing.get() {
            Some(Standing { until, reason, .. }) if !until.is_empty() => {
                let (before, after) = texts.around(key::page::TIMED_OUT);
                let left = session.timed_out.left();
                [before.to_owned(), texts.time_left(left.into()), texts.with_reason(after.to_owned(), &reason)]
            }
            None if self.is_lifted.get() => [texts.text(key::page::LIFTED).to_owned(), String::new(), String::new()],
            Some(_) | None => Default::default(),
        }
    }

    /// Takes over what was typed before the page came to life, the name of the last time, and what was not sent then.
    fn restore(self, is_named: bool) {
        let (Some(username), Some(message)) = (self.username.get_untracked(), self.message.get_untracked()) else { return };
        // The server may know an older name, of another room or from before.
        let is_typed = username.value() != username.default_value();
        let is_refused = self.error.with_untracked(Option::is_some);
        let kept = local_storage().and_then(|storage| storage.get_item(self.name_key()).ok().flatten());
        if let Some(kept) = kept.filter(|kept| !is_named && !is_typed && !is_refused && !kept.is_empty()) {
            username.set_value(&kept);
            self.is_named.set(true);
        }
        self.name.set(username.value());
        self.session.name.set(username.value());
        if message.value().is_empty()
            && let Some(KeptDraft { text, client_message_id }) = self.kept_draft()
        {
            message.set_value(&text);
            if !client_message_id.is_empty() {
                let (username, announces, reply_to) = (username.value().trim().to_owned(), false, String::new());
                let text = text.trim_end().to_owned();
                let draft = Draft { username, text, announces, reply_to, client_message_id };
                self.aside.update_value(|aside| aside.draft = Some(draft));
            }
        }
        self.text.set(message.value());
        let own = self.session.user_id.with_untracked(|user_id| {
            self.session.timeline.with_untracked(|timeline| Recall::of(timeline.texts_of(user_id).map(str::to_owned)))
        });
        self.aside.update_value(|aside| aside.recall = own);
    }

    fn name_key(self) -> &'static str {
        NAME_KEYS[usize::from(self.session.moderates)]
    }

    fn kept_draft(self) -> Option<KeptDraft> {
        let kept = session_storage()?.get_item(&KeptDraft::key(self.session.room)).ok().flatten()?;
        KeptDraft::read(&kept)
    }

    /// Keeps what is in the message field for the session, with the id under which it was sent, if it was. A browser that keeps nothing
    /// loses it with the page.
    fn keep(self, client_message_id: String) {
        let Some(storage) = session_storage() else { return };
        let draft = KeptDraft { text: self.text.get_untracked(), client_message_id };
        let key = KeptDraft::key(self.session.room);
        let _ = match draft.write() {
            Some(kept) => storage.set_item(&key, &kept),
            None => storage.remove_item(&key),
        };
    }

    /// Something else stands in the name field.
    pub fn renamed(self) {
        self.name.set(value_of_input(self.username));
        self.forget_error_of(FormInput::Username);
    }

    /// Something else stands in the message field.
    pub fn edited(self) {
        self.text.set(value_of_textarea(self.message));
        self.emoji_failed.set(false);
        self.forget_error_of(FormInput::Message);
        self.keep(String::new());
    }

    /// Puts a text into the message field. The caret stands at its end.
    pub fn write(self, text: &str) {
        if let Some(message) = self.message.get_untracked() {
            message.set_value(text);
        }
        self.edited();
    }

    fn forget_error_of(self, input: FormInput) {
        if self.error.with_untracked(|error| error.as_ref().is_some_and(|error| error.input == input)) {
            self.forgive();
        }
    }

    fn forgive(self) {
        self.error.set(None);
    }

    /// The error that belongs to an input: what stands before the time that is left, that, and what stands after it. Empty if there is none.
    fn error_at(self, input: FormInput) -> [String; 3] {
        if input == FormInput::Message && self.is_too_long() {
            let too_long = self.too_long(key::page::MESSAGE_TOO_LONG, self.chars(), self.text_chars());
            return [too_long, String::new(), String::new()];
        }
        match self.error.get() {
            Some(Shown { input: at, before, after, time, .. }) if at == input => {
                let left = self.over.left();
                let time = match time {
                    Some(TimeIn::Words) => self.session.texts.time_left(left.into()),
                    Some(TimeIn::Seconds) => left.to_string(),
                    None => String::new(),
                };
                [before, time, after]
            }
            Some(_) | None => Default::default(),
        }
    }

    /// Returns whether what stands in an input is wrong.
    pub fn is_wrong(self, input: FormInput) -> bool {
        input == FormInput::Message && self.is_too_long()
            || self.error.with(|error| error.as_ref().is_some_and(|error| error.input == input))
    }

    /// What is said when the emoji could not be loaded.
    fn emoji_error(self) -> String {
        if self.emoji_failed.get() { self.session.texts.text(key::page::EMOJI_FAILED).to_owned() } else { String::new() }
    }

    /// Shows why something was not sent, and for how long that holds, if it ends by itself.
    fn refuse(self, error: FormError, retry_after: Option<u32>) {
        let mut shown = Shown::of(error);
        if let Some(seconds) = retry_after.filter(|_| shown.input == FormInput::Message) {
            shown = shown.ending(self.session.texts, seconds);
            self.over.start(seconds);
        }
        self.error.set(Some(shown));
    }

    fn too_long(self, key: Template<2>, chars: usize, limit: usize) -> String {
        let texts = self.session.texts;
        texts.fill(key, &[("chars", &texts.number(chars)), ("limit", &texts.number(limit))])
    }

    /// Length of the text in code points, as the server counts. Space at its end is not sent.
    fn chars(self) -> usize {
        self.text.with(|text| text.trim_end().chars().count())
    }

    fn is_too_long(self) -> bool {
        self.chars() > self.text_chars()
    }

    /// How long a text may be here.
    fn text_chars(self) -> usize {
        match self.session.settings.with(|settings| settings.message_chars) {
            0 => self.limits.text_chars,
            chars => chars.min(self.limits.text_chars),
        }
    }

    fn is_sending(self) -> bool {
        self.progress.with(|progress| !progress.is_empty())
    }

    /// Near the limit, how far it is.
    fn counter(self) -> String {
        let (chars, limit) = (self.chars(), self.text_chars());
        if chars * 5 >= limit * 4 { format!("{chars} / {limit}") } else { String::new() }
    }

    /// Slow mode, in words: how long it is yet, or how long it will be.
    fn slow_mode(self) -> String {
        let texts = self.session.texts;
        match (self.wait.left(), self.session.slow_mode_seconds()) {
            _ if self.session.moderates && self.session.settings.with(|settings| settings.paused) => {
                texts.text(key::page::PAUSED_FOR_OTHERS).to_owned()
            }
            (0, seconds) if seconds == 0 || self.session.moderates => String::new(),
            (0, seconds) => texts.fill(key::page::SLOW_MODE, &[("seconds", &seconds.to_string())]),
            (wait, _) => texts.fill(key::page::WRITE_AGAIN_IN, &[("seconds", &wait.to_string())]),
        }
    }

    /// The next message is no reply.
    pub fn cancel_reply(self) {
        self.session.reply.set(None);
        self.focus(Some(FormInput::Message));
    }

    /// Sends what is in the form, or says why that cannot be.
    pub fn submit(self) {
        if untrack(|| self.is_sending()) {
            return self.aside.update_value(|aside| aside.next = true);
        }
        let (username, raw) = (value_of_input(self.username).trim().to_owned(), value_of_textarea(self.message));
        let text = raw.trim_end().to_owned();
        let announces = self.announcement.get_untracked().is_some_and(|input| input.checked());
        let reply_to =
            self.session.reply.with_untracked(|message| message.as_ref().map(|message| message.id.clone())).unwrap_or_default();
        // The same text again is the same message again: the last time may have worked.
        let draft = match self.aside.with_value(|aside| aside.draft.clone()) {
            Some(draft)
                if (&draft.username, &draft.text, &draft.reply_to) == (&username, &text, &reply_to)
                    && draft.announces == announces =>
            {
                draft
            }
            _ => Draft { username, text, announces, reply_to, client_message_id: publish::new_id() },
        };
        let texts = self.session.texts;
        let slowed = (self.wait.left_untracked() > 0)
            .then(|| FormError { input: Some(FormInput::Message), message: texts.text(key::page::SLOW_MODE_IS_ON).to_owned() });
        if let Err(error) = self.check(&draft).and(slowed.map_or(Ok(()), Err)) {
            self.focus(error.input);
            return self.refuse(error, None);
        }
        if let Some(storage) = local_storage() {
            // A browser that keeps nothing has the server remember it.
            let _ = storage.set_item(self.name_key(), &draft.username);
        }
        self.name.set(draft.username.clone());
        self.session.name.set(draft.username.clone());
        self.aside.update_value(|aside| {
            aside.recall.note(&draft.text);
            aside.sent = raw;
            aside.next = false;
            aside.draft = Some(draft.clone());
        });
        self.keep(draft.client_message_id.clone());
        self.forgive();
        self.progress.set(texts.text(key::page::SENDING).to_owned());
        self.focus(Some(FormInput::Message));
        spawn(self.send(draft));
    }

    /// Finds what the server would refuse for sure. Whatever else there is, it decides.
    fn check(self, draft: &Draft) -> Result<(), FormError> {
        let rows = [
            (FormInput::Username, key::page::NAME_EMPTY, key::page::NAME_TOO_LONG, &draft.username, self.limits.username_chars),
            (
                FormInput::Message,
                key::page::MESSAGE_EMPTY,
                key::page::MESSAGE_TOO_LONG,
                &draft.text,
                untrack(|| self.text_chars()),
            ),
        ];
        for (input, empty, too_long, text, limit) in rows {
            let chars = text.chars().count();
            let message = match chars {
                _ if text.trim().is_empty() => self.session.texts.text(empty).to_owned(),
                _ if chars > limit => self.too_long(too_long, chars, limit),
                _ => continue,
            };
            return Err(FormError { input: Some(input), message });
        }
        Ok(())
    }

    async fn send(self, draft: Draft) {
        let say = move |key| self.progress.set(self.session.texts.text(key).to_owned());
        let sent = publish::publish(self.session, &draft, say).await;
        self.progress.set(String::new());
        match sent {
            Ok(()) => {
                self.aside.update_value(|aside| aside.draft = None);
                self.is_named.set(true);
                // It may have been lifted for an address: only the person it was meant for is told.
                self.session.stand(None);
                self.is_lifted.set(false);
                let rest = self.clear();
                // The reader may be replying to another one already.
                if self
                    .session
                    .reply
                    .with_untracked(|message| message.as_ref().is_some_and(|message| message.id == draft.reply_to))
                {
                    self.session.reply.set(None);
                }
                if !self.session.moderates {
                    self.wait.start(untrack(|| self.session.slow_mode_seconds()));
                }
                // The reader did not wait for this one before sending the next.
                if self.aside.with_value(|aside| aside.next) && !rest.is_empty() {
                    self.submit();
                }
                spawn(self.session.jump_to_newest());
            }
            Err(refusal) => {
                if let Some(seconds) = refusal.retry_after
                    && untrack(|| self.session.slow_mode_seconds()) > 0
                {
                    self.wait.start(seconds);
                }
                self.refuse(refusal.error, refusal.retry_after);
            }
        }
    }

    /// Takes the sent text out of the field, and leaves what was typed meanwhile, which is given.
    fn clear(self) -> String {
        let now = value_of_textarea(self.message);
        let Some(rest) = self.aside.with_value(|aside| now.strip_prefix(&*aside.sent).map(str::to_owned)) else { return now };
        if let Some(input) = self.announcement.get_untracked() {
            input.set_checked(false);
        }
        if let Some(message) = self.message.get_untracked() {
            message.set_value(&rest);
        }
        self.text.set(rest.clone());
        self.keep(String::new());
        rest
    }

    /// Goes to an input. A browser that refuses leaves the focus where it is.
    pub fn focus(self, input: Option<FormInput>) {
        let _ = match input {
            Some(FormInput::Username) => self.username.get_untracked().map(|input| input.focus()),
            Some(FormInput::Message) | None => self.message.get_untracked().map(|input| input.focus()),
        };
    }
}

fn value_of_input(input: NodeRef<Input>) -> String {
    input.get_untracked().map(|input| input.value()).unwrap_or_default()
}

fn value_of_textarea(textarea: NodeRef<Textarea>) -> String {
    textarea.get_untracked().map(|textarea| textarea.value()).unwrap_or_default()
}

/// What a browser keeps for the site; none if its user does not want that.
fn local_storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// What a browser keeps for the site until the tab is closed.
fn session_storage() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locales;

    #[test]
    fn the_time_that_is_left_is_found_in_what_the_server_says() {
        let around = |texts, message: &str, seconds| {
            let error = FormError { input: None, message: message.to_owned() };
            let Shown { before, after, time, .. } = Shown::of(error).ending(texts, seconds);
            (before, after, time)
        };
        let expected = |before: &str, after: &str, time| (before.to_owned(), after.to_owned(), time);
        let english = locales::english();
        let message = english.fill(key::page::TIMED_OUT, &[("time", &english.time_left(60))]);
        for (seconds, expected) in [
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (600, "10 minutes"),
            (3_600, "1 hour"),
            (3_601, "2 hours"),
            (86_400, "1 day"),
            (90_000, "2 days"),
        ] {
            assert_eq!(english.time_left(seconds), expected, "{seconds}");
        }
        let timed_out = "A moderator has timed you out. You can write again in ";
        assert_eq!(around(english, &message, 60), expected(timed_out, ".", Some(TimeIn::Words)));
        assert_eq!(around(english, "Please wait 12 s.", 12), expected("Please wait ", " s.", Some(TimeIn::Seconds)));
        assert_eq!(around(english, "Please wait.", 12), expected("Please wait.", "", None));
        for name in ["de", "ar"] {
            let texts = locales::named(name).expect("a language");
            for seconds in [1, 2, 59, 61, 7_200, 200_000] {
                let message = texts.fill(key::page::TIMED_OUT, &[("time", &texts.time_left(seconds))]);
                assert_eq!(around(texts, &message, seconds as u32).2, Some(TimeIn::Words), "{name}: {message}");
            }
        }
    }
}
