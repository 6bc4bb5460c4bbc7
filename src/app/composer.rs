use std::{sync::Arc, time::Duration};

use leptos::{ev::SubmitEvent, html::Input, prelude::*};

use super::{
    components::LiveText,
    log::button,
    publish::{self, Draft},
    session::{Link, Refused, Session, follow, sleep, spawn},
    view::{ChatMessage, FormError, FormInput, FormView, RoomView, Standing},
};
use crate::{
    chat::{Group, Limits, RoomState, UserId},
    texts::{Template, key},
};

/// Where a browser keeps the name.
const NAME_KEY: &str = "live-chat.username";

/// The state of the form. A handle; copies share it.
#[derive(Clone, Copy)]
struct Form {
    session: Session,
    limits: Limits,
    username: NodeRef<Input>,
    message: NodeRef<Input>,
    announcement: NodeRef<Input>,
    error: RwSignal<Option<FormError>>,
    /// How sending goes; empty while nothing is sent.
    progress: RwSignal<String>,
    /// Seconds until slow mode lets the reader write again.
    wait: RwSignal<u32>,
    /// Length of the text, in code points.
    chars: RwSignal<usize>,
    /// What may or may not have been stored. It keeps its id if it is sent again.
    draft: StoredValue<Option<Draft>>,
    /// Whether the reader sent what is in the field now, while what was in it before was on its way.
    next: StoredValue<bool>,
}

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
                {session.words(move |session| key(session).map_or_else(String::new, |key| texts.text(key).to_owned()))}" "
                <a href=session.link("", "") hidden=!archive>{texts.text(key::page::BACK_TO_NEWEST)}</a>
                // Who comes without access is a new guest.
                <a href=session.link("", "") hidden=session.flag(|session| refused(session).is_none())>{session.words(again)}</a>
            </p>
        </div>
        <Fields session limits is_named form hidden=session.flag(move |session| !is_open(session)) />
    }
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
        error: RwSignal::new(error),
        progress: RwSignal::new(String::new()),
        wait: RwSignal::new(0),
        chars: RwSignal::new(text.chars().count()),
        draft: StoredValue::new(None),
        next: StoredValue::new(false),
    };
    follow(Box::new(move || form.recall()));
    let mut stood = false;
    follow(Box::new(move || {
        let stands = session.standing.with(Option::is_some);
        if stood && !stands {
            // A message may have been refused for it.
            form.error.set(None);
        }
        stood = stands;
    }));
    let texts = session.texts;
    let error = move |input| LiveText(session.text(move |_| form.error_of(input)));
    let is_fine = move |input| session.flag(move |_| form.error_of(input).is_empty());
    let is_invalid = move |input| move || (!form.error_of(input).is_empty()).then_some("true");
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
            <p class="standing" role="status" hidden=session.flag(|session| session.standing.with(Option::is_none))>
                {session.words(standing)}
            </p>
            {button(
                "replying",
                session.flag(|session| session.reply.with(Option::is_none)),
                session.text(replying),
                Box::new(move || form.cancel_reply()),
            )}
            <input type="hidden" name="client_message_id" value=client_message_id autocomplete="off" />
            <div class="name-field">
                <label for="username">{texts.text(key::page::USERNAME)}</label>
                <input
                    id="username"
                    name="username"
                    type="text"
                    autocomplete="nickname"
                    placeholder=texts.text(key::page::YOUR_NAME)
                    dir="auto"
                    required
                    readonly=is_named
                    value=username
                    node_ref=form.username
                    aria-invalid=is_invalid(FormInput::Username)
                    aria-describedby="username-error"
                    on:input=move |_| form.edited(FormInput::Username)
                />
            </div>
            <div class="progress">
                <p role="status">{session.words(move |_| form.progress.get())}</p>
                <p class="counter" class:over=session.flag(move |_| form.is_too_long())>{session.words(move |_| form.counter())}</p>
            </div>
            <p id="username-error" class="error" role="alert" hidden=is_fine(FormInput::Username) inner_html=error(FormInput::Username)></p>
            <div class="message-field">
                <label for="message">{texts.text(key::page::MESSAGE)}</label>
                <input
                    id="message"
                    name="message"
                    type="text"
                    autocomplete="off"
                    enterkeyhint="send"
                    placeholder=texts.text(key::page::WRITE_MESSAGE)
                    dir="auto"
                    required
                    value=text
                    node_ref=form.message
                    aria-invalid=is_invalid(FormInput::Message)
                    aria-describedby="message-error"
                    on:input=move |_| form.edited(FormInput::Message)
                />
            </div>
            <button class="send" type="submit" aria-disabled=move || form.is_sending().then_some("true")>
                <span>{texts.text(key::page::SEND)}</span>
            </button>
            <p id="message-error" class="error" role="alert" hidden=is_fine(FormInput::Message) inner_html=error(FormInput::Message)></p>
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

/// What was decided on the reader's right to speak.
fn standing(session: Session) -> String {
    let Some(Standing { until, reason }) = session.standing.get() else { return String::new() };
    let texts = session.texts;
    let sentence = match &*until {
        "" => texts.text(key::page::BANNED).to_owned(),
        until => texts.fill(key::page::TIMED_OUT_UNTIL, &[("time", &session.zone().full(texts, until))]),
    };
    texts.with_reason(sentence, &reason)
}

impl Form {
    /// Takes over what was typed before the page came to life, and the name of the last time.
    fn recall(self) {
        self.chars.set(value(self.message).chars().count());
        if let Some(input) = self.username.get_untracked()
            && input.value().is_empty()
            && let Some(name) = storage().and_then(|storage| storage.get_item(NAME_KEY).ok().flatten())
        {
            input.set_value(&name);
        }
        self.session.name.set(value(self.username));
    }

    fn edited(self, input: FormInput) {
        if input == FormInput::Message {
            self.chars.set(value(self.message).chars().count());
        }
        if self.error.with_untracked(|error| error.as_ref().is_some_and(|error| error.input == Some(input))) {
            self.error.set(None);
        }
    }

    /// The error that belongs to an input; empty if there is none. What is about the whole form stands where a message's
    /// errors do.
    fn error_of(self, input: FormInput) -> String {
        if input == FormInput::Message && self.is_too_long() {
            return self.too_long(key::page::MESSAGE_TOO_LONG, self.chars.get(), self.text_chars());
        }
        let error = self.error.get().filter(|error| error.input.unwrap_or(FormInput::Message) == input);
        error.map(|error| error.message).unwrap_or_default()
    }

    fn too_long(self, key: Template<2>, chars: usize, limit: usize) -> String {
        let texts = self.session.texts;
        texts.fill(key, &[("chars", &texts.number(chars)), ("limit", &texts.number(limit))])
    }

    fn is_too_long(self) -> bool {
        self.chars.get() > self.text_chars()
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
        let (chars, limit) = (self.chars.get(), self.text_chars());
        if chars * 5 >= limit * 4 { format!("{chars} / {limit}") } else { String::new() }
    }

    /// Slow mode, in words: how long it is yet, or how long it will be.
    fn slow_mode(self) -> String {
        let texts = self.session.texts;
        match (self.wait.get(), self.session.slow_mode_seconds()) {
            _ if self.session.moderates && self.session.settings.with(|settings| settings.paused) => {
                texts.text(key::page::PAUSED_FOR_OTHERS).to_owned()
            }
            (0, seconds) if seconds == 0 || self.session.moderates => String::new(),
            (0, seconds) => texts.fill(key::page::SLOW_MODE, &[("seconds", &seconds.to_string())]),
            (wait, _) => texts.fill(key::page::WRITE_AGAIN_IN, &[("seconds", &wait.to_string())]),
        }
    }

    /// Counts the seconds down.
    fn count_down(self, seconds: u32) {
        let begun = self.wait.get_untracked() > 0;
        self.wait.set(seconds);
        if begun {
            return;
        }
        spawn(async move {
            while self.wait.get_untracked() > 0 {
                sleep(1.0).await;
                // Slow mode may have been switched off meanwhile.
                let is_on = untrack(|| self.session.slow_mode_seconds()) > 0;
                self.wait.update(|wait| *wait = if is_on { wait.saturating_sub(1) } else { 0 });
            }
        });
    }

    /// The next message is no reply.
    fn cancel_reply(self) {
        self.session.reply.set(None);
        self.focus(Some(FormInput::Message));
    }

    fn submit(self) {
        if untrack(|| self.is_sending()) {
            return self.next.set_value(true);
        }
        self.next.set_value(false);
        let (username, text) = (value(self.username).trim().to_owned(), value(self.message));
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
        let slowed = (self.wait.get_untracked() > 0)
            .then(|| FormError { input: Some(FormInput::Message), message: texts.text(key::page::SLOW_MODE_IS_ON).to_owned() });
        if let Err(error) = self.check(&draft).and(slowed.map_or(Ok(()), Err)) {
            self.focus(error.input);
            return self.error.set(Some(error));
        }
        if let Some(storage) = storage() {
            // A browser that keeps nothing asks for the name again.
            let _ = storage.set_item(NAME_KEY, &draft.username);
        }
        self.session.name.set(draft.username.clone());
        self.draft.set_value(Some(draft.clone()));
        self.error.set(None);
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
                // A ban of an address may have been lifted: only the person it was meant for is told.
                self.session.standing.set(None);
                let rest = self.clear(&draft.text);
                // The reader may be replying to another one already.
                if self
                    .session
                    .reply
                    .with_untracked(|message| message.as_ref().is_some_and(|message| message.id == draft.reply_to))
                {
                    self.session.reply.set(None);
                }
                if !self.session.moderates {
                    self.count_down(untrack(|| self.session.slow_mode_seconds()));
                }
                // The reader did not wait for this one before sending the next.
                if self.next.get_value() && !rest.is_empty() {
                    self.submit();
                }
                self.session.jump_to_newest().await;
            }
            Err(refusal) => {
                self.error.set(Some(refusal.error.clone()));
                if let Some(seconds) = refusal.retry_after {
                    if untrack(|| self.session.slow_mode_seconds()) > 0 {
                        self.count_down(seconds);
                    }
                    set_timeout(move || self.forget(&refusal.error), Duration::from_secs(seconds.into()));
                }
            }
        }
    }

    /// Takes the sent text out of the field, and leaves what was typed meanwhile, which is given.
    fn clear(self, sent: &str) -> String {
        let now = value(self.message);
        let Some(rest) = now.strip_prefix(sent) else { return now };
        if let Some(input) = self.announcement.get_untracked() {
            input.set_checked(false);
        }
        if let Some(input) = self.message.get_untracked() {
            input.set_value(rest);
            self.chars.set(rest.chars().count());
        }
        rest.to_owned()
    }

    fn forget(self, error: &FormError) {
        if self.error.with_untracked(|now| now.as_ref() == Some(error)) {
            self.error.set(None);
        }
    }

    fn focus(self, input: Option<FormInput>) {
        let input = match input {
            Some(FormInput::Username) => self.username,
            Some(FormInput::Message) | None => self.message,
        };
        if let Some(input) = input.get_untracked() {
            // A browser that refuses leaves the focus where it is.
            let _ = input.focus();
        }
    }
}

fn value(input: NodeRef<Input>) -> String {
    input.get_untracked().map(|input| input.value()).unwrap_or_default()
}

/// What a browser keeps for the site; none if its user does not want that.
fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}
