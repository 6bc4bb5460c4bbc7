use std::borrow::Cow;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::{Owner, snapshot};
use crate::{
    app::{ActRow, ActsView, AuditLogPage, BlockedRow, state_key},
    chat::{
        ChatText, Deleted, Deletion, Disconnection, Field, Kind, Measure, Message, MessageId, Outcome, Resolution, Restore,
        Restored, Sanction, UserId,
    },
    engine::{Act, End, cut},
    hub::{Authority, Blocked, Hub},
    protocol::{inlive::Answer, moment::rfc3339},
    server::{
        api::{number, place},
        asked::Asked,
        error::ApiError,
        moderation::Shown,
        page::{fail, not_found, render},
        router::{Params, RoomPath},
        state::AppState,
    },
    texts::{Texts, key},
};

/// Acts in a page when the asker does not say.
const ACTS: usize = 50;
/// Most acts in a page.
const MOST_ACTS: usize = 500;

/// What an act was, in words of the API.
struct Told<'a> {
    by: &'a str,
    what: &'static str,
    /// Whom or what it was done to.
    to: String,
    reason: &'a str,
}

impl<'a> Told<'a> {
    fn of(act: &'a Act) -> Self {
        let room = act.event.room;
        match &act.event.kind {
            Kind::Deletion(Deletion { of, by, reason, .. }) => {
                let (what, to) = match of {
                    Deleted::Message(seq) => ("delete", MessageId { room, seq: *seq }.to_string()),
                    Deleted::AllOf(user) => ("delete_all", user.to_string()),
                };
                Self { by: by.as_str(), what, to, reason }
            }
            Kind::Sanction(Sanction { user, measure, by, reason, .. }) => {
                let what = match measure {
                    Measure::Timeout { .. } => "timeout",
                    Measure::Ban => "ban",
                    Measure::Lift => "lift",
                };
                Self { by: by.as_str(), what, to: user.to_string(), reason }
            }
            Kind::Resolution(Resolution { of, outcome, by, reason, .. }) => {
                let what = match outcome {
                    Outcome::Approved => "approve",
                    Outcome::Declined => "decline",
                };
                Self { by: by.as_str(), what, to: MessageId { room, seq: *of }.to_string(), reason }
            }
            Kind::Restore(Restore { what, by, .. }) => {
                let (what, to) = match what {
                    Restored::Message(seq) => ("restore", MessageId { room, seq: *seq }.to_string()),
                    Restored::AllOf(user) => ("restore_all", user.to_string()),
                    Restored::Waiting { seq, .. } => ("wait_again", MessageId { room, seq: *seq }.to_string()),
                    Restored::Right(user) => ("undo", user.to_string()),
                };
                Self { by: by.as_str(), what, to, reason: "" }
            }
            Kind::Settings { by, .. } => Self { by: by.as_str(), what: "settings", to: String::new(), reason: "" },
            Kind::Room(state) => Self { by: "", what: "state", to: state.name().to_owned(), reason: "" },
            Kind::Disconnection(Disconnection { user, by, reason }) => {
                Self { by: by.as_str(), what: "disconnect", to: user.to_string(), reason }
            }
            Kind::Message(_) | Kind::Private { .. } | Kind::Held(_) | Kind::Reactions(_) | Kind::Custom(_) => {
                Self { by: "", what: "", to: String::new(), reason: "" }
            }
        }
    }
}

/// An act in the answer of the API.
#[derive(Serialize)]
struct ActEntry<'a> {
    id: String,
    sent_at: String,
    by: &'a str,
    what: &'static str,
    to: String,
    reason: &'a str,
    deleted: Option<ActMessage<'a>>,
    held: Option<ActMessage<'a>>,
    /// The message that is shown again, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<ActMessage<'a>>,
    /// The act that was undone, if this is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    /// For how many addresses a decision on a user holds; none for other acts.
    addresses: Option<usize>,
}

/// The message that an act was about.
#[derive(Serialize)]
struct ActMessage<'a> {
    author_id: &'a UserId,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unreadable: bool,
    message: Cow<'a, RawValue>,
}

impl<'a> ActMessage<'a> {
    fn of(Message { author, payload, .. }: &'a Message) -> Self {
        Self { author_id: author, unreadable: payload.readable().is_none(), message: payload.to_json() }
    }
}

/// `GET /v1/streams/{id}/audit?before=&limit=`: what was done in the room, newest first.
pub(in crate::server) async fn list(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = number(&params, "limit", ACTS, 1..=MOST_ACTS)?;
    let position = hub.snapshot_for_owner(room)?.position;
    let before = place(&params, "before", room, &position)?.unwrap_or(u64::MAX);
    let mut acts = hub.acts(room, &authority, before, limit + 1).await?;
    let has_more = cut(&mut acts, limit, End::Oldest, Act::payload_bytes);
    let shown = |act| {
        let Told { by, what, to, reason } = Told::of(act);
        let (id, sent_at) = (act.event.id().to_string(), rfc3339(act.event.sent_at));
        let message = act.message.as_ref().map(ActMessage::of);
        let (mut deleted, mut held, mut restored, mut undoes) = (None, None, None, None);
        match &act.event.kind {
            Kind::Deletion(_) => deleted = message,
            Kind::Restore(Restore { of, what, .. }) => {
                undoes = Some(MessageId { room, seq: *of }.to_string());
                *if let Restored::Waiting { .. } = what { &mut held } else { &mut restored } = message;
            }
            _ => held = message,
        }
        ActEntry { id, sent_at, by, what, to, reason, deleted, held, restored, undoes, addresses: addresses(&act.event.kind) }
    };
    let data: Vec<_> = acts.iter().map(shown).collect();
    Ok(Json(Answer { code: 200, message: "OK", data, meta: Some(json!({ "has_more": has_more })) }).into_response())
}

/// `GET /v1/streams/{id}/blocked`: what the word filter refused lately, newest first.
pub(in crate::server) async fn blocked(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
) -> Result<Response, ApiError> {
    let shown = |blocked: &Blocked| {
        let Blocked { at, author, field, word, times } = blocked;
        let field = match field {
            Field::Username => "username",
            Field::Text => "message",
        };
        json!({ "at": rfc3339(*at), "author_id": author, "field": field, "word": word, "times": times })
    };
    let data: Vec<_> = hub.blocked(room, &authority)?.iter().map(shown).collect();
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}

/// `GET /admin/rooms/{id}/log?before=`: the same as a page.
pub(in crate::server) async fn show(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    asked: Asked,
    params: Params,
) -> Response {
    let Some(snapshot) = snapshot(&state.hub, &room) else { return not_found(&state, asked).await };
    // A place that cannot be used shows the newest page, as if it had not been given.
    let id = snapshot.room.id;
    let before = place(&params, "before", id, &snapshot.position).ok().flatten().unwrap_or(u64::MAX);
    let mut acts = match state.hub.acts(id, &Authority::Admin, before, ACTS + 1).await {
        Ok(acts) => acts,
        Err(refusal) => return fail(&state, asked, &refusal).await,
    };
    let has_more = cut(&mut acts, ACTS, End::Oldest, Act::payload_bytes);
    let oldest = acts.last().filter(|_| has_more).map(|act| act.event.id());
    let older = oldest.map(|id| format!("/admin/rooms/{room}/log?before={id}"));
    let acts = acts.iter().map(|act| act_row(asked.texts, act)).collect();
    // They are not in the log, and stand on its first page.
    let blocked = if before == u64::MAX { state.hub.blocked(id, &Authority::Admin).unwrap_or_default() } else { Vec::new() };
    let blocked = blocked.into_iter().map(|blocked| blocked_row(asked.texts, blocked)).collect();
    let view = ActsView { room, name: snapshot.room.settings.name, acts, older, blocked };
    render(&state, asked, StatusCode::OK, move || view! { <AuditLogPage view=view.clone() /> }).await
}

fn blocked_row(texts: &'static Texts, Blocked { at, author, field, word, times }: Blocked) -> BlockedRow {
    let field = match field {
        Field::Username => texts.text(key::admin::BLOCKED_IN_NAME),
        Field::Text => texts.text(key::admin::BLOCKED_IN_MESSAGE),
    };
    BlockedRow { at: rfc3339(at), author: author.to_string(), word, field: field.to_owned(), times: texts.number(times as usize) }
}

fn act_row(texts: &'static Texts, act: &Act) -> ActRow {
    let Told { by, what, to, reason } = Told::of(act);
    let of_user = |key| texts.fill(key, &[("user", &to)]);
    let what = match (what, &act.event.kind) {
        (_, Kind::Room(state)) => texts.fill(key::admin::DID_STATE, &[("state", texts.text(state_key(*state)))]),
        ("delete", _) => texts.text(key::admin::DID_DELETE).to_owned(),
        ("approve", _) => texts.text(key::admin::DID_APPROVE).to_owned(),
        ("decline", _) => texts.text(key::admin::DID_DECLINE).to_owned(),
        ("delete_all", _) => of_user(key::admin::DID_DELETE_ALL),
        ("timeout", _) => of_user(key::admin::DID_TIME_OUT),
        ("ban", _) => of_user(key::admin::DID_BAN),
        ("lift", _) => of_user(key::admin::DID_LIFT),
        ("restore", _) => texts.text(key::admin::DID_RESTORE).to_owned(),
        ("wait_again", _) => texts.text(key::admin::DID_WAIT_AGAIN).to_owned(),
        ("restore_all", _) => of_user(key::admin::DID_RESTORE_ALL),
        ("undo", _) => of_user(key::admin::DID_UNDO),
        ("disconnect", _) => of_user(key::admin::DID_DISCONNECT),
        _ => texts.text(key::admin::DID_SETTINGS).to_owned(),
    };
    let detail = match (&act.message, &act.event.kind) {
        (Some(message), _) => said(texts, message),
        (None, Kind::Sanction(Sanction { measure, .. })) => {
            let until = match measure {
                Measure::Timeout { until } => Some(texts.fill(key::admin::UNTIL, &[("time", &rfc3339(*until))])),
                Measure::Ban | Measure::Lift => None,
            };
            let addresses = addresses(&act.event.kind).filter(|addresses| *addresses > 0);
            let addresses = addresses.map(|addresses| texts.fill(key::admin::BY_ADDRESS, &[("count", &texts.number(addresses))]));
            until.into_iter().chain(addresses).collect::<Vec<_>>().join(" · ")
        }
        (None, Kind::Settings { settings, .. }) => serde_json::to_string(settings).expect("plain data"),
        (None, _) => String::new(),
    };
    ActRow { at: rfc3339(act.event.sent_at), by: by.to_owned(), what, detail, reason: reason.to_owned() }
}

/// For how many addresses a decision on a user holds; `None` for what is no such decision.
fn addresses(kind: &Kind) -> Option<usize> {
    match kind {
        Kind::Sanction(sanction) => Some(sanction.addresses.len()),
        _ => None,
    }
}

/// What was said, as far as people read it.
fn said(texts: &'static Texts, Message { payload, .. }: &Message) -> String {
    match (ChatText::of(payload), payload.readable()) {
        (Some(ChatText { username, text }), _) => texts.fill(key::page::ANNOUNCED, &[("name", &username), ("text", &text)]),
        (None, Some(json)) => json.get().to_owned(),
        (None, None) => texts.text(key::page::MESSAGE_UNREADABLE).to_owned(),
    }
}
