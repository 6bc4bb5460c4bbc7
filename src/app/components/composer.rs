use std::{sync::Arc, time::Duration};

use leptos::{
    ev::{MouseEvent, SubmitEvent},
    html::{Input, Textarea},
    prelude::*,
};

use super::{Countdown, EmojiFailed, MessageField, NameField, button};
use crate::{
    app::{
        net::publish::{self, Draft},
        session::{Link, Refused, Session, follow, spawn},
        state::{draft::KeptDraft, recall::Recall},
        wire::{ChatMessage, FormError, FormInput, FormView, RoomView, Standing},
    },
    chat::{Group, Limits, RoomState, UserId},
    texts::{Template, Text, Texts, key},
};

/// Where a browser keeps the name.
const NAME_KEY: &str = "live-chat.username";

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
    error: RwSignal<Option<FormError>>,
    /// The time in the error that is left until it is over, if it is one of those.
    waiting: RwSignal<Option<Waiting>>,
    /// Until the error is over.
    over: Countdown,
    /// Whether the reader has just been allowed to write again.
    is_lifted: RwSignal<bool>,
    /// How sending goes; empty while nothing is sent.
    progress: RwSignal<String>,
    /// Until slow mode lets the reader write again.
    wait: Countdown,
    /// What may or may not have been stored. It keeps its id if it is sent again.
    draft: StoredValue<Option<Draft>>,
    /// The message field as it was when that was sent.
    sent: StoredValue<String>,
    /// Whether the reader sent what is in the field now, while what was in it before was on its way.
    next: StoredValue<bool>,
    /// What was sent before.
    pub recall: StoredValue<Recall>,
    /// Whether the emoji could not be loaded.
    pub emoji_failed: RwSignal<bool>,
}

/// An error that is over after a while: what stands before and after the time that is left, and how that is written, if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    before: String,
    after: String,
    time: Option<TimeIn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeIn {
    Words,
    Seconds,
}

impl Waiting {
    /// Finds the time that is left in an error, which the server has written by the same texts. An error without it stays as it is.
    fn of(texts: &'static Texts, message: &str, seconds: u32) -> Self {
        let times = [(texts.time_left(seconds.into()), TimeIn::Words), (seconds.to_string(), TimeIn::Seconds)];
        let found = times.into_iter().find_map(|(time, written)| Some((message.split_once(&time)?, written)));
        let ((before, after), time) = found.map_or(((message, ""), None), |(around, written)| (around, Some(written)));
        Self { before: before.to_owned(), after: after.to_owned(), time }
    }
}

/// How long it is said that the reader may write again.
const LIFTED_SHOWN: Duration = Duration::from_secs(10);

/// The form to say something; in a room that is not open, words about that.
#[component]
pub fn Composer(session: Session, view: RoomView) -> impl IntoView {
    let RoomView { archive, is_named, form, username_chars, text_chars, .. } = view;
    let texts = session.texts;
    let key = move |session: Session| match session.state.get() {
        _ if refused(session).is_some() => refused(session).map(Refused::key),
        RoomState::Ended => Some(key::page::ENDED),
        RoomState::Created | RoomState::Prepared => Some(key::page::NOT_STARTED),
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
    view! {
        <div class="composer closed" role="status" hidden=session.flag(is_open)>
            <p>
                {session.words(move |session| key(session).map_or_else(String::new, |key| closed(session, key)))}" "
                <a href=session.link("", "") hidden=!archive>{texts.text(key::page::BACK_TO_NEWEST)}</a>
                // Whoever comes without access is a new guest. A ban of an address may have been lifted: only the person it was meant for
                // is told.
                <a href=session.link("", "") hidden=session.flag(move |session| refused(session).is_none() && key(session) != Some(key::page::BANNED))>
                    {session.words(again)}
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

/// What a reader whose connection was refused can do.
fn again(session: Session) -> String {
    let key = match refused(session) {
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
        error: RwSignal::new(error),
        waiting: RwSignal::new(None),
        over: Countdown::new(),
        is_lifted: RwSignal::new(false),
        progress: RwSignal::new(String::new()),
        wait: Countdown::new(),
        draft: StoredValue::new(None),
        sent: StoredValue::new(String::new()),
        next: StoredValue::new(false),
        recall: StoredValue::new(Recall::default()),
        emoji_failed: RwSignal::new(false),
    };
    follow(Box::new(move || form.restore(is_named)));
    follow(Box::new(move || {
        if session.slow_mode_seconds() == 0 {
            form.wait.stop();
        }
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
        if form.over.left() == 0 && form.waiting.with_untracked(Option::is_some) {
            form.forgive();
        }
    }));
    let texts = session.texts;
    let error = move |input| session.words(move |_| form.error_of(input));
    let is_fine = move |input| session.flag(move |_| form.error_of(input).is_empty());
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
            // The time stands apart, so that assistive technology says once that there is a time-out, and not each second.
            <p class="standing" role="status" aria-atomic="false" hidden=session.flag(move |session| form.standing(session)[0].is_empty())>
                {session.words(move |session| form.standing(session)[0].clone())}
                <span aria-live="off">{session.words(move |session| form.standing(session)[1].clone())}</span>
                {session.words(move |session| form.standing(session)[2].clone())}
            </p>
            {button(
                "replying",
                session.flag(|session| session.reply.with(Option::is_none)),
                session.text(replying),
                Box::new(move || form.cancel_reply()),
            )}
            <input type="hidden" name="client_message_id" value=client_message_id autocomplete="off" />
            <NameField form value=username readonly=is_named />
            <div class="progress">
                <p role="status">{session.words(move |_| form.progress.get())}</p>
                <p class="counter" class:over=session.flag(move |_| form.is_too_long())>{session.words(move |_| form.counter())}</p>
            </div>
            <p id="username-error" class="error" role="alert" hidden=is_fine(FormInput::Username)>{error(FormInput::Username)}</p>
            <MessageField form text />
            <button class="send" type="submit" aria-disabled=session.value(move |_| form.is_sending().then_some("true")) on:click=press>
                <span aria-hidden="true">{texts.text(key::page::SEND)}</span>
                <span class="unseen">{texts.text(key::page::SEND_MESSAGE)}</span>
            </button>
            <p id="message-error" class="error" role="alert" aria-atomic="false" hidden=is_fine(FormInput::Message)>
                {session.words(move |_| form.waiting.get().map_or_else(|| form.error_of(FormInput::Message), |waiting| waiting.before))}
                <span aria-live="off">{session.words(move |_| form.time_left())}</span>
                {session.words(move |_| form.waiting.get().map(|waiting| waiting.after).unwrap_or_default())}
            </p>
            <EmojiFailed form />
            {session.moderates.then(|| view! {
                <label class="announce">
                    <input type="checkbox" name="announcement" checked=is_announcement autocomplete="off" node_ref=form.announcement />
                    " "{texts.text(key::page::ANNOUNCE)}
                </label>
            })}
            <p class="slow">{session.words(move |_| form.slow_mode())}</p>
        </form>
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
    /// What was decided on the reader's right to speak, while they may not: what stands before the time that is left, that, and what stands
    /// after it.
    fn standing(self, session: Session) -> [String; 3] {
        let texts = session.texts;
        match session.standing.get() {
            Some(Standing { until, reason }) if !until.is_empty() => {
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
        let kept = local_storage().and_then(|storage| storage.get_item(NAME_KEY).ok().flatten());
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
                self.draft.set_value(Some(Draft { username, text, announces, reply_to, client_message_id }));
            }
        }
        self.text.set(message.value());
        let own = self.session.user_id.with_untracked(|user_id| {
            self.session.timeline.with_untracked(|timeline| Recall::of(timeline.texts_of(user_id).map(str::to_owned)))
        });
        self.recall.set_value(own);
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
        if self.error.with_untracked(|error| error.as_ref().is_some_and(|error| error.input == Some(input))) {
            self.forgive();
        }
    }

    fn forgive(self) {
        self.waiting.set(None);
        self.error.set(None);
    }

    /// The error that belongs to an input; empty if there is none. What is about the whole form stands where a message's
    /// errors do.
    pub fn error_of(self, input: FormInput) -> String {
        if input == FormInput::Message && self.is_too_long() {
            return self.too_long(key::page::MESSAGE_TOO_LONG, self.chars(), self.text_chars());
        }
        let error = self.error.get().filter(|error| error.input.unwrap_or(FormInput::Message) == input);
        error.map(|error| error.message).unwrap_or_default()
    }

    /// The time that is left until the error is over, if it has one.
    fn time_left(self) -> String {
        let left = self.over.left();
        match self.waiting.get().and_then(|waiting| waiting.time) {
            Some(TimeIn::Words) => self.session.texts.time_left(left.into()),
            Some(TimeIn::Seconds) => left.to_string(),
            None => String::new(),
        }
    }

    /// Shows why something was not sent, and for how long that holds, if it ends by itself.
    fn refuse(self, error: FormError, retry_after: Option<u32>) {
        let seconds = retry_after.filter(|_| error.input != Some(FormInput::Username));
        let waiting = seconds.map(|seconds| (seconds, Waiting::of(self.session.texts, &error.message, seconds)));
        self.error.set(Some(error));
        match waiting {
            Some((seconds, waiting)) => {
                self.over.start(seconds);
                self.waiting.set(Some(waiting));
            }
            None => self.waiting.set(None),
        }
    }

    /// Returns the value of `aria-invalid` for an input.
    pub fn invalid(self, input: FormInput) -> Signal<Option<&'static str>> {
        self.session.value(move |_| (!self.error_of(input).is_empty()).then_some("true"))
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
            return self.next.set_value(true);
        }
        self.next.set_value(false);
        let (username, raw) = (value_of_input(self.username).trim().to_owned(), value_of_textarea(self.message));
        let text = raw.trim_end().to_owned();
        let announces = self.announcement.get_untracked().is_some_and(|input| input.checked());
        let reply_to =
            self.session.reply.with_untracked(|message| message.as_ref().map(|message| message.id.clone())).unwrap_or_default();
        // The same text again is the same message again: the last time may have worked.
        let draft = match self.draft.get_value() {
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
            let _ = storage.set_item(NAME_KEY, &draft.username);
        }
        self.name.set(draft.username.clone());
        self.session.name.set(draft.username.clone());
        self.recall.update_value(|recall| recall.note(&draft.text));
        self.sent.set_value(raw);
        self.draft.set_value(Some(draft.clone()));
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
                self.draft.set_value(None);
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
                if self.next.get_value() && !rest.is_empty() {
                    self.submit();
                }
                self.session.jump_to_newest().await;
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
        let Some(rest) = self.sent.with_value(|sent| now.strip_prefix(&**sent).map(str::to_owned)) else { return now };
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
            let Waiting { before, after, time } = Waiting::of(texts, message, seconds);
            (before, after, time)
        };
        let expected = |before: &str, after: &str, time| (before.to_owned(), after.to_owned(), time);
        let english = locales::english();
        let message = english.fill(key::page::TIMED_OUT, &[("time", &english.time_left(60))]);
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
