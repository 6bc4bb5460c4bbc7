use std::time::Duration;

use leptos::{either::Either, ev::SubmitEvent, html::Input, prelude::*, task};

use super::{
    publish::{self, Draft},
    session::Session,
    view::{FormError, FormInput, FormView, RoomView},
};
use crate::chat::{ChatText, Field, Limits, RoomState};

/// Where a browser keeps the name.
const NAME_KEY: &str = "live-chat.username";

/// The state of the form. A handle; copies share it.
#[derive(Clone, Copy)]
struct Form {
    session: Session,
    limits: Limits,
    username: NodeRef<Input>,
    message: NodeRef<Input>,
    error: RwSignal<Option<FormError>>,
    /// How sending goes; none while nothing is sent.
    progress: RwSignal<Option<&'static str>>,
    /// Length of the text, in code points.
    chars: RwSignal<usize>,
    /// What may or may not have been stored. It keeps its id if it is sent again.
    draft: StoredValue<Option<Draft>>,
}

/// The form to say something; in a room that is not open, words about that.
#[component]
pub fn Composer(session: Session, view: RoomView) -> impl IntoView {
    let RoomView { archive, form, username_chars, text_chars, .. } = view;
    let limits = Limits { username_chars, text_chars, ..Limits::default() };
    let open = Memo::new(move |_| session.state.get() == RoomState::Live && !archive);
    move || {
        if open.get() {
            Either::Left(view! { <Fields session limits form=form.clone() /> })
        } else {
            Either::Right(view! { <Closed session archive error=form.error.clone() /> })
        }
    }
}

#[component]
fn Closed(session: Session, archive: bool, error: Option<FormError>) -> impl IntoView {
    let words = move || match session.state.get() {
        RoomState::Ended => "This chat has ended.",
        RoomState::Created | RoomState::Prepared => "This chat has not started yet.",
        RoomState::Live => "These are older messages.",
    };
    let back = archive.then(|| view! { " " <a href="?">"Back to the newest"</a> });
    let error = error.map(|error| view! { <p class="error" role="alert">{error.message}</p> });
    view! {
        <div class="composer closed">
            {error}
            <p>{words} {back}</p>
        </div>
    }
}

#[component]
fn Fields(session: Session, limits: Limits, form: FormView) -> impl IntoView {
    let FormView { username, text, error, client_message_id } = form;
    let form = Form {
        session,
        limits,
        username: NodeRef::new(),
        message: NodeRef::new(),
        error: RwSignal::new(error),
        progress: RwSignal::new(None),
        chars: RwSignal::new(text.chars().count()),
        draft: StoredValue::new(None),
    };
    Effect::new(move |_| form.recall());
    let name_error = move || form.error_of(FormInput::Username);
    let message_error = move || form.error_of(FormInput::Message);
    view! {
        <form
            id="form"
            class="composer"
            method="post"
            action=""
            on:submit=move |event: SubmitEvent| {
                event.prevent_default();
                form.submit();
            }
        >
            <input type="hidden" name="client_message_id" value=client_message_id autocomplete="off" />
            <div class="field name-field">
                <label for="username">"Username"</label>
                <input
                    id="username"
                    name="username"
                    type="text"
                    autocomplete="nickname"
                    placeholder="Your name"
                    dir="auto"
                    required
                    value=username
                    node_ref=form.username
                    aria-invalid=move || name_error().map(|_| "true")
                    aria-describedby=move || name_error().map(|_| "username-error")
                    on:input=move |_| form.edited(FormInput::Username)
                />
                {move || name_error().map(|error| view! { <p id="username-error" class="error" role="alert">{error}</p> })}
            </div>
            <div class="field message-field">
                <label for="message">"Message"</label>
                <input
                    id="message"
                    name="message"
                    type="text"
                    autocomplete="off"
                    enterkeyhint="send"
                    placeholder="Write a message"
                    dir="auto"
                    required
                    value=text
                    node_ref=form.message
                    aria-invalid=move || message_error().map(|_| "true")
                    aria-describedby=move || message_error().map(|_| "message-error")
                    on:input=move |_| form.edited(FormInput::Message)
                />
            </div>
            <button class="send" type="submit" aria-disabled=move || form.progress.get().map(|_| "true")>
                <span>"Send the Message"</span>
            </button>
            <div class="foot">
                {move || message_error().map(|error| view! { <p id="message-error" class="error" role="alert">{error}</p> })}
                <p class="progress" role="status">{move || form.progress.get()}</p>
                <p class="counter" class:over=move || form.is_too_long()>{move || form.counter()}</p>
            </div>
        </form>
    }
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
    }

    fn edited(self, input: FormInput) {
        if input == FormInput::Message {
            self.chars.set(value(self.message).chars().count());
        }
        if self.error.with_untracked(|error| error.as_ref().is_some_and(|error| error.input == Some(input))) {
            self.error.set(None);
        }
    }

    /// The error that belongs to an input. What is about the whole form stands where a message's errors do.
    fn error_of(self, input: FormInput) -> Option<String> {
        if input == FormInput::Message && self.is_too_long() {
            let over = self.chars.get() - self.limits.text_chars;
            return Some(format!("Too long by {over}. At most {} characters are allowed.", self.limits.text_chars));
        }
        let error = self.error.get()?;
        (error.input.unwrap_or(FormInput::Message) == input).then_some(error.message)
    }

    fn is_too_long(self) -> bool {
        self.chars.get() > self.limits.text_chars
    }

    /// Near the limit, how far it is.
    fn counter(self) -> Option<String> {
        let (chars, limit) = (self.chars.get(), self.limits.text_chars);
        (chars * 5 >= limit * 4).then(|| format!("{chars} / {limit}"))
    }

    fn submit(self) {
        if self.progress.get_untracked().is_some() {
            return;
        }
        let (username, text) = (value(self.username).trim().to_owned(), value(self.message));
        if let Err(error) = self.check(&username, &text) {
            self.focus(error.input);
            return self.error.set(Some(error));
        }
        if let Some(storage) = storage() {
            // A browser that keeps nothing asks for the name again.
            let _ = storage.set_item(NAME_KEY, &username);
        }
        let before = self.draft.get_value().filter(|draft| draft.username == username && draft.text == text);
        let draft = before.unwrap_or_else(|| Draft { username, text, client_message_id: publish::new_id() });
        self.draft.set_value(Some(draft.clone()));
        self.error.set(None);
        self.progress.set(Some("Sending…"));
        self.focus(Some(FormInput::Message));
        task::spawn_local(self.send(draft));
    }

    /// Judges by the server's own rules.
    fn check(self, username: &str, text: &str) -> Result<(), FormError> {
        let payload = serde_json::json!({ "type": "chat", "username": username, "message_text": text }).to_string();
        ChatText::check(&payload, &self.limits).map_err(|invalid| {
            let input = match invalid.field {
                Field::Username => FormInput::Username,
                Field::Text => FormInput::Message,
            };
            FormError { input: Some(input), message: invalid.to_string() }
        })
    }

    async fn send(self, draft: Draft) {
        let sent = publish::publish(self.session, &draft, move |words| self.progress.set(Some(words))).await;
        self.progress.set(None);
        match sent {
            Ok(()) => {
                self.draft.set_value(None);
                self.clear(&draft.text);
                self.session.jump_to_newest().await;
            }
            Err(refusal) => {
                self.error.set(Some(refusal.error.clone()));
                if let Some(seconds) = refusal.retry_after {
                    set_timeout(move || self.forget(&refusal.error), Duration::from_secs(seconds.into()));
                }
            }
        }
    }

    /// Takes the sent text out of the field, and leaves what was typed after it meanwhile.
    fn clear(self, sent: &str) {
        if let Some(input) = self.message.get_untracked()
            && let Some(rest) = input.value().strip_prefix(sent)
        {
            input.set_value(rest);
            self.chars.set(rest.chars().count());
        }
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
