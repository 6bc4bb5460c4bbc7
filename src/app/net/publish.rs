//! Sending what somebody wrote, once, whatever the network does.

use js_sys::{Date, Function, Math, Reflect};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};

use super::request::{self, Answer, NoAnswer};
use crate::{
    app::{
        session::Session,
        task::sleep,
        wire::{self, ChatPayload, Fault, FormError, FormInput, Publication, Published},
    },
    chat::Position,
    texts::{Text, Texts, key},
};

/// How often a message is sent whose answer does not come: for about a minute, in which a server restarts.
const ATTEMPTS: u32 = 7;

/// How often a message is sent that a network answers for itself. It goes on doing so until its user signs in.
const ATTEMPTS_AT_A_PORTAL: u32 = 3;

/// How long a new token may take, in tenths of a second.
const TOKEN_WAIT: u32 = 50;

/// What somebody wrote. It keeps its id in every attempt, so that it is stored once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Under which name.
    pub username: String,
    /// The text.
    pub text: String,
    /// Whether it is to be an announcement.
    pub announces: bool,
    /// The id of the message that it is a reply to; empty if it is none.
    pub reply_to: String,
    /// Its id.
    pub client_message_id: String,
}

/// Why a draft was not stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What to tell its author.
    pub error: FormError,
    /// After how many seconds another attempt makes sense.
    pub retry_after: Option<u32>,
}

/// Sends a draft until it is stored or refused. `say` is told the key of the text for how it goes.
///
/// Only an answer of the chat's server counts. Anything else is as good as none, whatever its status: a proxy gave it while the server
/// restarts, or a network that wants its user to sign in.
///
/// # Errors
/// Why it was not stored. Without an answer that is not known; to send the same draft again is safe.
pub async fn publish(session: Session, draft: &Draft, say: impl Fn(Text)) -> Result<(), Refusal> {
    let url = format!("/publish/{}", session.room);
    let body = session.widget_key.with_value(|widget_key| encode(draft, widget_key));
    let mut renewed = false;
    let mut attempt = 0;
    loop {
        let token = session.token.get_untracked();
        let (answer, attempts, unanswered) = match request::post(&url, &token, &body).await {
            Ok(answer) if answer.is_ours() => (Some(answer), ATTEMPTS, key::page::NOT_CONNECTED),
            // Portals answer with a page of their own or redirect to it, which a browser shows as status 0.
            Ok(Answer { status: 0 | 200..400 | 511, .. }) => (None, ATTEMPTS_AT_A_PORTAL, key::page::CAPTIVE_PORTAL),
            Ok(_) | Err(NoAnswer) => (None, ATTEMPTS, key::page::NOT_CONNECTED),
        };
        match answer {
            Some(answer) if answer.status == 200 => {
                published(session, &answer);
                return Ok(());
            }
            Some(Answer { status: 401, .. }) if !renewed => {
                renewed = true;
                say(key::page::SIGNING_IN_AGAIN);
                renew(session, &token).await;
            }
            Some(Answer { status: 503, .. }) | None if attempt + 1 < attempts => {
                attempt += 1;
                say(key::page::TRYING_AGAIN);
                sleep(wait_seconds(attempt, Math::random())).await;
            }
            Some(answer) => return Err(refusal(session.texts, &answer)),
            None => {
                let message = session.texts.text(unanswered).to_owned();
                return Err(Refusal { error: FormError { input: Some(FormInput::Message), message }, retry_after: None });
            }
        }
    }
}

/// Lets the feed know which message is to appear. One that waits for a moderator has no position.
fn published(session: Session, answer: &Answer) {
    let position = answer.ours().and_then(|answer| answer.data()).map(|Published { position, .. }| position);
    if let Some(Ok(Position { seq, .. })) = position.map(|position| position.parse()) {
        session.published.set(seq);
    }
}

/// Has the feed connect again, which brings a new token, and waits for it.
pub async fn renew(session: Session, old: &str) {
    session.renewals.update(|renewals| *renewals += 1);
    let mut waited = 0;
    while waited < TOKEN_WAIT && session.token.with_untracked(|token| token == old) {
        sleep(0.1).await;
        waited += 1;
    }
}

fn encode(draft: &Draft, widget_key: &str) -> String {
    let mut message = ChatPayload::of(&draft.username, &draft.text);
    message.reply_to = &draft.reply_to;
    let mut publication = Publication::of(message, widget_key, &draft.client_message_id);
    publication.announcement = draft.announces;
    wire::write(&publication)
}

/// Seconds before an attempt: 1, 2, 4 and so on, each up to a half more.
fn wait_seconds(attempt: u32, chance: f64) -> f64 {
    f64::from(1_u32 << (attempt - 1).min(4)) * (1.0 + chance / 2.0)
}

fn refusal(texts: &'static Texts, answer: &Answer) -> Refusal {
    let ours = answer.ours();
    let is_about_name = ours.as_ref().and_then(wire::Answer::data) == Some(Fault::USERNAME);
    let message = match (answer.status, ours) {
        (401, _) => texts.text(key::page::VISIT_EXPIRED).to_owned(),
        (_, Some(explained)) if !explained.message.is_empty() => explained.message,
        (_, _) => texts.text(key::page::NOT_SENT).to_owned(),
    };
    let input = if is_about_name { FormInput::Username } else { FormInput::Message };
    let retry_after = answer.retry_after.filter(|_| matches!(answer.status, 403 | 429));
    Refusal { error: FormError { input: Some(input), message }, retry_after }
}

/// A new id for a draft: a UUID, which a browser makes only in a secure context; else as good a one as can be had.
pub fn new_id() -> String {
    let crypto = Reflect::get(&window(), &JsValue::from_str("crypto")).unwrap_or_default();
    let method =
        Reflect::get(&crypto, &JsValue::from_str("randomUUID")).ok().and_then(|method| method.dyn_into::<Function>().ok());
    let uuid = method.and_then(|method| method.call0(&crypto).ok()).and_then(|id| id.as_string());
    uuid.unwrap_or_else(|| uuid_of(Date::now(), [Math::random(), Math::random()]))
}

/// A UUID of version 8 (RFC 9562, 5.8) from milliseconds since 1970 and two numbers from 0 to 1.
fn uuid_of(now: f64, [a, b]: [f64; 2]) -> String {
    let (time, a, b) = (now as u64, (a * 4_294_967_296.0) as u64, (b * 4_294_967_296.0) as u64);
    let (high, low) = ((time >> 16) & 0xffff_ffff, time & 0xffff);
    format!("{high:08x}-{low:04x}-8{:03x}-8{:03x}-{:04x}{b:08x}", a & 0xfff, (a >> 12) & 0xfff, (a >> 24) | ((time & 0xff) << 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids() {
        let id = uuid_of(1_795_230_000_123.0, [0.999_999, 0.5]);
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!((lengths, &id[14..15], &id[19..20]), (vec![8, 4, 4, 4, 12], "8", "8"), "{id}");
    }

    #[test]
    fn waits_grow() {
        assert_eq!([1, 2, 3, 9].map(|attempt| wait_seconds(attempt, 0.0)), [1.0, 2.0, 4.0, 16.0]);
    }
}
