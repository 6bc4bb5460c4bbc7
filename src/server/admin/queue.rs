//! What waits in a room for a moderator: for all who may decide on it, whether they have signed in to run the chat or not.

use axum::{
    extract::{Form, Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use serde::Deserialize;

use super::see;
use crate::{
    app::{HeldRow, QueuePage, QueueView},
    chat::{ChatText, Event, MessageId, Outcome, RoomId, UserId},
    engine::{End, cut},
    hub::{Authority, Decision, Refusal, TokenError},
    protocol::moment::rfc3339,
    server::{
        api::place,
        asked::Asked,
        error,
        extract::cookies::Cookies,
        identity::{self, Visitor},
        page::{fail, is_cross_site, not_found, render},
        router::Params,
        state::AppState,
    },
    texts::{Texts, key},
};

/// Messages in a page.
const MESSAGES: usize = 50;

/// What a form of the queue posts.
#[derive(Deserialize)]
pub(in crate::server) struct Decided {
    message: String,
    act: Act,
    #[serde(default)]
    reason: String,
    /// There if the box is checked: the ban holds for the author's address too.
    address: Option<String>,
}

/// What is to be done about a message.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Act {
    Approve,
    Decline,
    /// And what else of its author's waits.
    Ban,
}

/// Who looks at a queue, by the cookies of our pages.
struct Moderator {
    room: RoomId,
    authority: Authority,
    is_owner: bool,
}

/// `GET /admin/rooms/{id}/queue?after=`.
pub(in crate::server) async fn show(
    State(state): State<AppState>,
    Path(room): Path<String>,
    asked: Asked,
    cookies: Cookies,
    params: Params,
) -> Response {
    let Some(moderator) = Moderator::of(&state, &room, &cookies) else { return not_found(&state, asked).await };
    let done = match params.find("done").as_deref() {
        Some("approve") => asked.texts.text(key::admin::APPROVED),
        Some("decline") => asked.texts.text(key::admin::DECLINED),
        Some("ban") => asked.texts.text(key::admin::BANNED),
        _ => "",
    };
    // A place that cannot be used shows the first page, as if it had not been given.
    let after = place(&params, "after", moderator.room, &state.hub.position(0)).ok().flatten().unwrap_or(0);
    render_queue(&state, &moderator, asked, StatusCode::OK, after, done, String::new()).await
}

/// `POST /admin/rooms/{id}/queue`: decides on a message, and goes on with the next.
pub(in crate::server) async fn decide(
    State(state): State<AppState>,
    Path(room): Path<String>,
    asked: Asked,
    headers: HeaderMap,
    cookies: Cookies,
    form: Result<Form<Decided>, FormRejection>,
) -> Response {
    let Some(moderator) = Moderator::of(&state, &room, &cookies) else { return not_found(&state, asked).await };
    if is_cross_site(&headers) {
        return (StatusCode::FORBIDDEN, "This form was sent from another site.\n").into_response();
    }
    let Form(Decided { message, act, reason, address }) = match form {
        Ok(form) => form,
        Err(rejection) => return rejection.into_response(),
    };
    let name = match act {
        Act::Approve => "approve",
        Act::Decline => "decline",
        Act::Ban => "ban",
    };
    match moderator.act(&state, &message, act, address.is_some(), reason).await {
        Ok(()) => see(&format!("/admin/rooms/{}/queue?done={name}", moderator.room)),
        Err(refusal) => {
            let (status, error) = (error::status(&refusal), refusal.text(asked.texts));
            render_queue(&state, &moderator, asked, status, 0, "", error).await
        }
    }
}

impl Moderator {
    /// Somebody, who may or may not moderate; none if there is no such room.
    fn of(state: &AppState, room: &str, cookies: &Cookies) -> Option<Self> {
        let room = room.parse().ok().filter(|&room| state.hub.snapshot_for_owner(room).is_ok())?;
        let visitor = Visitor::from_cookie(cookies, &state.hub, room).and_then(Result::ok).unwrap_or_else(Visitor::passing);
        let (identity, capabilities) = visitor.acting(cookies, &state.hub);
        let authority = Authority::Bearer(state.hub.tokens().sign(identity, room, capabilities, None));
        Some(Self { room, authority, is_owner: identity::owner(cookies, &state.hub).is_some() })
    }

    async fn act(&self, state: &AppState, message: &str, act: Act, by_address: bool, reason: String) -> Result<(), Refusal> {
        let Self { room, authority, .. } = self;
        let id: MessageId = message.parse().map_err(|_| Refusal::UnknownMessage)?;
        let seq = if id.room == *room { id.seq } else { return Err(Refusal::UnknownMessage) };
        let outcome = match act {
            Act::Approve => Outcome::Approved,
            Act::Decline => Outcome::Declined,
            Act::Ban => {
                let held = state.hub.held(*room, authority, seq.saturating_sub(1), 1).await?;
                let author = held.into_iter().find(|event| event.seq == seq).and_then(Event::into_message);
                let author = author.ok_or(Refusal::UnknownMessage)?.author;
                return state.hub.sanction(*room, authority, author, Decision::Ban, by_address, reason).await.map(drop);
            }
        };
        state.hub.resolve(*room, authority, seq, outcome, reason).await.map(drop)
    }
}

async fn render_queue(
    state: &AppState,
    Moderator { room, authority, is_owner }: &Moderator,
    asked: Asked,
    status: StatusCode,
    after: u64,
    done: &'static str,
    error: String,
) -> Response {
    let mut held = match state.hub.held(*room, authority, after, MESSAGES + 1).await {
        Ok(held) => held,
        // Who might sign in to run the chat.
        Err(Refusal::Capability(_) | Refusal::Token(TokenError::Revoked)) => return see("/admin"),
        Err(refusal) => return fail(state, asked, &refusal).await,
    };
    let Ok(snapshot) = state.hub.snapshot_for_owner(*room) else { return not_found(state, asked).await };
    let has_more = cut(&mut held, MESSAGES, End::Oldest, Event::payload_bytes);
    let last = held.last().filter(|_| has_more).map(Event::id);
    let texts = asked.texts;
    let (authors, mut rows): (Vec<_>, Vec<_>) = held.into_iter().filter_map(|event| held_row(texts, event)).unzip();
    let others = state.hub.others_at_addresses(*room, authority, &authors).unwrap_or_default();
    rows.iter_mut().zip(others).for_each(|(row, others)| row.others = others);
    let view = QueueView {
        room: room.to_string(),
        name: snapshot.room.settings.name,
        is_owner: *is_owner,
        held: rows,
        waiting: snapshot.waiting,
        later: last.map(|id| format!("/admin/rooms/{room}/queue?after={id}")),
        done,
        error,
    };
    render(state, asked, status, move || view! { <QueuePage view=view.clone() /> }).await
}

/// The row of a message, and its author.
fn held_row(texts: &'static Texts, event: Event) -> Option<(UserId, HeldRow)> {
    let (id, at) = (event.id().to_string(), rfc3339(event.sent_at));
    let message = event.into_message()?;
    let (name, text) = match (ChatText::of(&message.payload), message.payload.readable()) {
        (Some(ChatText { username, text }), _) => (Some(username), text),
        (None, Some(json)) => (None, json.get().to_owned()),
        (None, None) => (None, texts.text(key::page::MESSAGE_UNREADABLE).to_owned()),
    };
    let author = message.author.to_string();
    Some((message.author, HeldRow { id, name, author, text, at, others: None }))
}
