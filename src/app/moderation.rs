//! What a moderator may do about a message and its author.

use std::sync::Arc;

use js_sys::encode_uri_component;
use leptos::{html, prelude::*};

use super::{
    json::quoted,
    request,
    session::{Session, spawn},
    view::ChatMessage,
};

/// What a moderator can do.
#[derive(Clone, Copy)]
enum Act {
    /// To the top of the chat, or away from there.
    Pin,
    DeleteMessage,
    DeleteAll,
    /// For so many seconds.
    TimeOut(u32),
    Ban,
    Lift,
}

/// Each act, after the key of its button's words.
const ACTS: [(&str, Act); 9] = [
    ("page.pin", Act::Pin),
    ("page.delete_message", Act::DeleteMessage),
    ("page.delete_all", Act::DeleteAll),
    ("page.time_out_1_min", Act::TimeOut(60)),
    ("page.time_out_10_min", Act::TimeOut(600)),
    ("page.time_out_1_hour", Act::TimeOut(3_600)),
    ("page.time_out_1_day", Act::TimeOut(86_400)),
    ("page.ban", Act::Ban),
    ("page.lift", Act::Lift),
];

/// The dialog of moderators: what to do about the message that it was opened for. A handle; copies share it.
#[derive(Clone, Copy)]
pub struct Moderation {
    dialog: NodeRef<html::Dialog>,
    reason: NodeRef<html::Input>,
    message: RwSignal<Option<Arc<ChatMessage>>>,
    error: RwSignal<String>,
    /// Whether an act is under way.
    is_busy: StoredValue<bool>,
    heading: NodeRef<html::H2>,
}

impl Moderation {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self {
            dialog: NodeRef::new(),
            reason: NodeRef::new(),
            message: RwSignal::new(None),
            error: RwSignal::new(String::new()),
            is_busy: StoredValue::new(false),
            heading: NodeRef::new(),
        }
    }

    /// Asks what to do about a message.
    pub fn open(self, message: Arc<ChatMessage>) {
        self.message.set(Some(message));
        self.error.set(String::new());
        if let Some(reason) = self.reason.get_untracked() {
            reason.set_value("");
        }
        if let Some(dialog) = self.dialog.get_untracked() {
            // It fails if it is open already. Its first field would have the focus, and on a phone bring up the keyboard.
            let _ = dialog.show_modal();
        }
        if let Some(heading) = self.heading.get_untracked() {
            let _ = heading.focus();
        }
    }

    fn close(self, session: Session) {
        if let Some(dialog) = self.dialog.get_untracked() {
            dialog.close();
        }
        // The button that opened it may be gone with its message.
        if let Some(log) = session.log.get_untracked() {
            let _ = log.focus();
        }
    }

    async fn carry_out(self, session: Session, act: Act) {
        let Some(message) = self.message.get_untracked() else { return };
        if self.is_busy.get_value() {
            return;
        }
        self.is_busy.set_value(true);
        let reason = self.reason.get_untracked().map(|reason| reason.value()).unwrap_or_default();
        let (room, token) = (session.room, session.token.get_untracked());
        let url = |rest: String| format!("/v1/streams/{room}/{rest}");
        let user = || format!("users/{}", encode_uri_component(&message.author));
        let with_reason = |path: String| format!("{path}?reason={}", encode_uri_component(&reason));
        let answer = match act {
            Act::Pin => {
                let id = if untrack(|| is_pinned(session, &message)) { "" } else { &message.id };
                request::post(&url("settings".to_owned()), &token, &format!(r#"{{"pinned_message":{}}}"#, quoted(id))).await
            }
            Act::DeleteMessage => request::act("DELETE", &url(with_reason(format!("messages/{}", message.id))), &token).await,
            Act::DeleteAll => request::act("DELETE", &url(with_reason(format!("{}/messages", user()))), &token).await,
            Act::TimeOut(seconds) => {
                let body = format!(r#"{{"seconds":{seconds},"reason":{}}}"#, quoted(&reason));
                request::post(&url(format!("{}/timeout", user())), &token, &body).await
            }
            Act::Ban | Act::Lift => {
                let act = if matches!(act, Act::Ban) { "ban" } else { "lift" };
                let body = format!(r#"{{"reason":{}}}"#, quoted(&reason));
                request::post(&url(format!("{}/{act}", user())), &token, &body).await
            }
        };
        self.is_busy.set_value(false);
        // It may have been closed meanwhile, and opened for another message.
        if self.message.with_untracked(|now| now.as_ref().is_none_or(|now| !Arc::ptr_eq(now, &message))) {
            return;
        }
        let texts = session.texts;
        if answer.as_ref().is_ok_and(|answer| matches!(answer.status, 401 | 403)) {
            return self.error.set(texts.text("page.signed_out").to_owned());
        }
        match request::data(texts, answer) {
            Ok(_) => self.close(session),
            Err(error) => self.error.set(error),
        }
    }
}

fn is_pinned(session: Session, message: &ChatMessage) -> bool {
    session.settings.with(|settings| settings.pinned_message == message.id)
}

fn is_own(session: Session, message: &ChatMessage) -> bool {
    session.user_id.with(|user_id| *user_id == message.author)
}

/// The dialog.
#[component]
pub fn ModerationDialog(session: Session) -> impl IntoView {
    let moderation = session.moderation;
    let told = move |part: fn(&ChatMessage) -> &str| {
        session.words(move |_| moderation.message.with(|message| message.as_deref().map(part).unwrap_or_default().to_owned()))
    };
    let texts = session.texts;
    let is = move |what: fn(Session, &ChatMessage) -> bool| {
        move |session| moderation.message.with(|message| message.as_ref().is_some_and(|message| what(session, message)))
    };
    let buttons = ACTS.map(|(key, act)| {
        let key = move |session: Session| match act {
            Act::Pin if is(is_pinned)(session) => "page.unpin",
            _ => key,
        };
        // Nobody needs to be kept from what they say themselves.
        let hidden = move |session| is(is_own)(session) && !matches!(act, Act::Pin | Act::DeleteMessage);
        view! {
            <button type="button" hidden=session.flag(hidden) on:click=move |_| spawn(moderation.carry_out(session, act))>
                {session.words(move |session| texts.text(key(session)).to_owned())}
            </button>
        }
    });
    let (before_name, after_name) = texts.around("page.moderate");
    view! {
        <dialog class="moderation" aria-labelledby="moderated" node_ref=moderation.dialog>
            <h2 id="moderated" tabindex="-1" node_ref=moderation.heading>
                {before_name}<bdi>{told(|message| &message.chat.username)}</bdi>{after_name}
            </h2>
            <p class="quote" dir="auto">{told(|message| &message.chat.text)}</p>
            <label for="reason">{texts.text("page.act_reason")}</label>
            <input id="reason" type="text" maxlength="200" autocomplete="off" dir="auto" node_ref=moderation.reason />
            <p class="error" role="alert" hidden=session.flag(move |_| moderation.error.with(String::is_empty))>
                {session.words(move |_| moderation.error.get())}
            </p>
            <div class="acts">{buttons}</div>
            <button type="button" class="cancel" on:click=move |_| moderation.close(session)>{texts.text("page.cancel")}</button>
        </dialog>
    }
}
