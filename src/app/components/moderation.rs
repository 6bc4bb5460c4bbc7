//! What a moderator may do about a message and its author.
//!
//! Only [`moderate`] is used from elsewhere, so that all of it is loaded when it is first asked for.

use std::{any::Any, sync::Arc};

use js_sys::encode_uri_component;
use leptos::{
    html::{Dialog, H2, Input},
    mount::mount_to,
    prelude::*,
};
use serde::{Deserialize, Serialize};

use super::part;
use crate::{
    app::{
        net::request,
        session::Session,
        task::{follow, spawn},
        wire::{self, ChatMessage},
    },
    texts::{Text, key},
};

/// Longest reason, in UTF-16 code units as browsers count.
const REASON_LENGTH: &str = "256";

/// Something that a moderator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Pin,
    Unpin,
    Delete,
    DeleteAll,
    /// For so many seconds.
    TimeOut(u32),
    Ban,
    Lift,
}

/// All of them, in the order of the dialog.
const ACTS: [(Act, Text); 10] = [
    (Act::Pin, key::moderation::PIN),
    (Act::Unpin, key::moderation::UNPIN),
    (Act::Delete, key::moderation::DELETE_MESSAGE),
    (Act::DeleteAll, key::moderation::DELETE_ALL),
    (Act::TimeOut(60), key::moderation::TIME_OUT_1_MIN),
    (Act::TimeOut(600), key::moderation::TIME_OUT_10_MIN),
    (Act::TimeOut(3_600), key::moderation::TIME_OUT_1_HOUR),
    (Act::TimeOut(86_400), key::moderation::TIME_OUT_1_DAY),
    (Act::Ban, key::moderation::BAN),
    (Act::Lift, key::moderation::LIFT),
];

impl Act {
    /// Whether it can be decided on a message that is `pinned` or not, and the moderator's `own` or not: nobody needs to be kept from
    /// what they say themselves.
    fn is_offered(self, own: bool, pinned: bool) -> bool {
        match self {
            Self::Pin => !pinned,
            Self::Unpin => pinned,
            Self::Delete => true,
            Self::DeleteAll | Self::TimeOut(_) | Self::Ban | Self::Lift => !own,
        }
    }

    /// The request that carries it out: method, path below the room's, and body.
    fn request(self, about: &About, reason: &str, address: bool) -> (&'static str, String, String) {
        let About { id, user, .. } = about;
        let query = format!("reason={}", encode_uri_component(reason));
        let decide = |seconds, address| wire::write(&Decision { seconds, reason, address });
        match self {
            Self::Pin => ("POST", "settings".to_owned(), wire::write(&Pinned { pinned_message: id })),
            Self::Unpin => ("POST", "settings".to_owned(), wire::write(&Pinned { pinned_message: "" })),
            Self::Delete => ("DELETE", format!("messages/{id}?{query}"), String::new()),
            Self::DeleteAll => ("DELETE", format!("users/{user}/messages?{query}"), String::new()),
            Self::TimeOut(seconds) => ("POST", format!("users/{user}/timeout"), decide(Some(seconds), address)),
            Self::Ban => ("POST", format!("users/{user}/ban"), decide(None, address)),
            Self::Lift => ("POST", format!("users/{user}/lift"), decide(None, false)),
        }
    }
}

#[derive(Serialize)]
struct Pinned<'a> {
    pinned_message: &'a str,
}

#[derive(Serialize)]
struct Decision<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u32>,
    reason: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    address: bool,
}

/// Whether a user's address is known, and how many other people are there.
#[derive(Debug, Deserialize)]
struct Address {
    known: bool,
    others: usize,
}

/// The message that it is about.
#[derive(Clone)]
struct About {
    id: String,
    /// Its author's user id, as it stands in an address.
    user: String,
}

part! {
    /// Asks a moderator what to do about a message, in a dialog that is there until they close it.
    ///
    /// # Errors
    /// If this part of the page cannot be loaded.
    pub fn moderate(session: Session, message: Arc<ChatMessage>) {
        open(session, message);
    }
}

fn open(session: Session, message: Arc<ChatMessage>) {
    let Some(body) = document().body() else { return };
    let mounted: StoredValue<Option<Box<dyn Any>>, LocalStorage> = StoredValue::new_local(None);
    // Not while one of its own events is handled.
    let close: Box<dyn Fn() + Send + Sync> = Box::new(move || spawn(async move { mounted.dispose() }));
    let handle = mount_to(body, move || view! { <Moderation session message close /> });
    mounted.set_value(Some(Box::new(handle)));
}

#[component]
fn Moderation(session: Session, message: Arc<ChatMessage>, close: Box<dyn Fn() + Send + Sync>) -> impl IntoView {
    let texts = session.texts;
    let own = session.user_id.with_untracked(|user_id| *user_id == message.author);
    let pinned = session.settings.with_untracked(|settings| settings.pinned_message == message.id);
    let about = StoredValue::new(About { id: message.id.clone(), user: encode_uri_component(&message.author).into() });
    let (dialog, heading, reason, by_address) =
        (NodeRef::<Dialog>::new(), NodeRef::new(), NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let (error, address, is_busy) = (RwSignal::new(String::new()), RwSignal::new(None::<Address>), StoredValue::new(false));
    show(dialog, heading);
    if !own {
        spawn(async move {
            let url = format!("/v1/streams/{}/users/{}/address", session.room, about.with_value(|about| about.user.clone()));
            let answer = request::act("GET", &url, &session.token.get_untracked()).await;
            // The dialog may be closed by now.
            let _ = address.try_set(request::data(texts, answer).ok());
        });
    }
    let end = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
        // The button that opened it may be gone with its message.
        if let Some(log) = session.log.get_untracked() {
            let _ = log.focus();
        }
    };
    let carry_out = move |act: Act| {
        if is_busy.get_value() {
            return;
        }
        is_busy.set_value(true);
        let why = reason.get_untracked().map(|reason| reason.value()).unwrap_or_default();
        let address = by_address.get_untracked().is_some_and(|by_address| by_address.checked());
        let (method, path, body) = about.with_value(|about| act.request(about, &why, address));
        spawn(async move {
            let (url, token) = (format!("/v1/streams/{}/{path}", session.room), session.token.get_untracked());
            let answer = match method {
                "POST" => request::post(&url, &token, &body).await,
                _ => request::act(method, &url, &token).await,
            };
            // The dialog may be closed by now.
            if is_busy.try_set_value(false).is_none() {
                match refusal(session, answer) {
                    Some(why) => error.set(why),
                    None => end(),
                }
            }
        });
    };
    let acts = ACTS.into_iter().filter(|(act, _)| act.is_offered(own, pinned)).map(|(act, words)| {
        view! { <button type="button" on:click=move |_| carry_out(act)>{texts.text(words)}</button> }
    });
    let others = move || match &*address.read() {
        None => String::new(),
        Some(Address { known: false, .. }) => texts.text(key::moderation::ADDRESS_UNKNOWN).to_owned(),
        Some(Address { others, .. }) => texts.fill(key::moderation::OTHERS_AT_ADDRESS, &[("count", &texts.number(*others))]),
    };
    let is_known = move || address.read().as_ref().is_some_and(|address| address.known);
    let (before_name, after_name) = texts.around(key::page::MODERATE);
    view! {
        <dialog class="moderation" aria-labelledby="moderated" node_ref=dialog on:close=move |_| close()>
            <h2 id="moderated" tabindex="-1" node_ref=heading>
                {before_name}<bdi translate="no">{message.chat.username.clone()}</bdi>{after_name}
            </h2>
            <p class="quote" dir="auto">{message.chat.text.clone()}</p>
            <label for="reason">{texts.text(key::moderation::REASON)}</label>
            <input id="reason" type="text" maxlength=REASON_LENGTH autocomplete="off" dir="auto" node_ref=reason />
            <p class="by-address" hidden=own>
                <label>
                    <input type="checkbox" disabled=move || !is_known() node_ref=by_address />
                    " "{texts.text(key::moderation::BY_ADDRESS)}
                </label>
                " "
                <span role="status">{session.words(move |_| others())}</span>
            </p>
            <p class="error" role="alert" hidden=move || error.read().is_empty()>{session.words(move |_| error.get())}</p>
            <div class="acts">{acts.collect_view()}</div>
            <button type="button" class="cancel" on:click=move |_| end()>{texts.text(key::page::CANCEL)}</button>
        </dialog>
    }
    .into_any()
}

/// Shows the dialog when it is there. Its first field would have the focus, and on a phone bring up the keyboard: so the heading has it.
fn show(dialog: NodeRef<Dialog>, heading: NodeRef<H2>) {
    follow(Box::new(move || {
        if let (Some(dialog), Some(heading)) = (dialog.get(), heading.get()) {
            // Both fail for no element of a page.
            let _ = dialog.show_modal();
            let _ = heading.focus();
        }
    }));
}

/// Why a decision was not carried out, if it was not.
fn refusal(session: Session, answer: Result<request::Answer, request::NoAnswer>) -> Option<String> {
    let texts = session.texts;
    let told = match answer.ok().and_then(|answer| answer.ours()) {
        None => texts.text(key::page::NO_CONNECTION).to_owned(),
        Some(wire::Answer { code: 200, .. }) => return None,
        Some(wire::Answer { code: 401 | 403, .. }) => texts.text(key::moderation::SIGNED_OUT).to_owned(),
        Some(wire::Answer { message, .. }) if message.is_empty() => texts.text(key::page::NOT_DONE).to_owned(),
        Some(wire::Answer { message, .. }) => message,
    };
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_not_offered() {
        let offered =
            |own, pinned| ACTS.map(|(act, _)| act).into_iter().filter(|act| act.is_offered(own, pinned)).collect::<Vec<_>>();
        assert_eq!(offered(true, false), [Act::Pin, Act::Delete]);
        assert_eq!(offered(true, true), [Act::Unpin, Act::Delete]);
        let others = offered(false, false);
        assert_eq!((others.len(), others.contains(&Act::Unpin)), (ACTS.len() - 1, false));
    }
}
