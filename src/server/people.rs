//! Who moderates: invitations, their links, and the page that lists them.

use axum::{
    Json,
    extract::{Form, Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    admin::{Owner, see},
    asked::Asked,
    body::JsonBody,
    error::{self, ApiError},
    extract::cookies::Cookies,
    identity,
    moderation::{Inside, Shown},
    page::{fail, is_cross_site, render, say},
    router::RoomPath,
    state::AppState,
};
use crate::{
    app::{InvitationPage, InvitationRow, PeoplePage, PeopleView},
    chat::{Invitation, RoomId},
    hub::{Authority, Hub, Refusal},
    protocol::{inlive::Answer, moment::rfc3339},
    texts::key,
};

/// Who is to be invited.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invite {
    name: String,
}

/// `POST /v1/streams/{id}/invites`: invites a moderator of the room; the link is told this once.
pub(super) async fn invite(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    JsonBody(Invite { name }): JsonBody<Invite>,
) -> Result<Response, ApiError> {
    let (invitation, link) = hub.invite(&authority, Some(room), &name).await?;
    let mut told = shown(&invitation);
    told["link"] = json!(path_of(&link));
    Ok(answer(told))
}

/// `GET /v1/streams/{id}/invites`: the invitations to the room, the latest first.
pub(super) async fn list(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
) -> Result<Response, ApiError> {
    Ok(answer(hub.invitations(&authority, Some(room))?.iter().map(shown).collect()))
}

/// `DELETE /v1/streams/{id}/invites/{invite}`: takes an invitation back, from whoever has taken it too.
pub(super) async fn revoke(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    Inside { room, name }: Inside,
) -> Result<Response, ApiError> {
    hub.revoke_invitation(&authority, Some(room), &name).await?;
    Ok(answer(Value::Null))
}

fn answer(data: Value) -> Response {
    Json(Answer { code: 200, message: "OK", data, meta: None }).into_response()
}

fn shown(invitation: &Invitation) -> Value {
    let Invitation { id, room, name, made_at, taken_at, revoked_at } = invitation;
    json!({
        "id": id, "room": room, "name": name, "user_id": invitation.user(), "made_at": rfc3339(*made_at),
        "taken_at": taken_at.map(rfc3339), "revoked_at": revoked_at.map(rfc3339),
    })
}

fn path_of(link: &str) -> String {
    format!("/invites/{link}")
}

/// What the form to invite somebody posts; without a room it is all of them.
#[derive(Deserialize)]
pub(super) struct InviteForm {
    name: String,
    room: String,
}

/// `GET /admin/people`: who is invited to moderate.
pub(super) async fn show(_: Owner, State(state): State<AppState>, asked: Asked) -> Response {
    page(&state, asked, StatusCode::OK, PeopleView::default()).await
}

/// `POST /admin/people`: invites somebody, and shows the link, this once.
pub(super) async fn invite_by_form(
    _: Owner,
    State(state): State<AppState>,
    asked: Asked,
    headers: HeaderMap,
    form: Result<Form<InviteForm>, FormRejection>,
) -> Response {
    let Form(InviteForm { name, room }) = match form {
        Ok(form) => form,
        Err(rejection) => {
            let error = asked.texts.text(key::notice::FORM_UNREADABLE).into();
            return page(&state, asked, rejection.status(), PeopleView { error, ..PeopleView::default() }).await;
        }
    };
    let Ok(room) = Some(&*room).filter(|room| !room.is_empty()).map(str::parse).transpose() else {
        let view = PeopleView { error: asked.texts.text(key::admin::CHOOSE_ROOM).into(), name, ..PeopleView::default() };
        return page(&state, asked, StatusCode::BAD_REQUEST, view).await;
    };
    match state.hub.invite(&Authority::Admin, room, &name).await {
        Ok((invitation, link)) => {
            // A form's post says where it comes from: the address that its sender knows the chat by.
            let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).filter(|origin| *origin != "null");
            let link = format!("{}{}", origin.unwrap_or_default(), path_of(&link));
            page(&state, asked, StatusCode::OK, PeopleView { link, invited: invitation.name, ..PeopleView::default() }).await
        }
        Err(refusal) => {
            let view = PeopleView { error: refusal.text(asked.texts), name, ..PeopleView::default() };
            page(&state, asked, error::status(&refusal), view).await
        }
    }
}

/// `POST /admin/people/{id}/revoke`: takes an invitation back.
pub(super) async fn revoke_by_form(_: Owner, State(state): State<AppState>, Path(id): Path<String>, asked: Asked) -> Response {
    match state.hub.revoke_invitation(&Authority::Admin, None, &id).await {
        Ok(()) => see("/admin/people"),
        Err(refusal) => {
            let view = PeopleView { error: refusal.text(asked.texts), ..PeopleView::default() };
            page(&state, asked, error::status(&refusal), view).await
        }
    }
}

/// `GET /invites/{link}`: asks whether to take an invitation, so that whoever only looks at the link does not.
pub(super) async fn look(State(state): State<AppState>, Path(link): Path<String>, asked: Asked) -> Response {
    match state.hub.invitation(&link) {
        Ok(invitation) => {
            let name = invitation.room.and_then(|room| state.hub.snapshot_for_owner(room).ok()).map(|now| now.room.settings.name);
            let to = name.unwrap_or_else(|| asked.texts.text(key::invitation::ALL_ROOMS).into());
            render(&state, asked, StatusCode::OK, move || view! { <InvitationPage name=invitation.name.clone() to=to.clone() /> })
                .await
        }
        Err(refusal) => refuse(&state, asked, &refusal).await,
    }
}

/// `POST /invites/{link}`: takes an invitation.
pub(super) async fn take(
    State(state): State<AppState>,
    Path(link): Path<String>,
    asked: Asked,
    headers: HeaderMap,
    cookies: Cookies,
) -> Response {
    if is_cross_site(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match state.hub.take_invitation(&link).await {
        Ok((invitation, session)) => {
            tracing::info!(invitation = invitation.id, "an invitation to moderate was taken");
            let mut response = see(&invitation.room.map_or_else(|| "/".to_owned(), |room| format!("/rooms/{room}")));
            response.headers_mut().append(header::SET_COOKIE, identity::moderator_cookie(&cookies, &session, invitation.room));
            response
        }
        Err(refusal) => refuse(&state, asked, &refusal).await,
    }
}

async fn refuse(state: &AppState, asked: Asked, refusal: &Refusal) -> Response {
    let why = refusal.text(asked.texts);
    say(state, asked, error::status(refusal), key::notice::NOT_ADMITTED, why).await
}

async fn page(state: &AppState, asked: Asked, status: StatusCode, view: PeopleView) -> Response {
    let rooms: Vec<_> = state.hub.rooms().into_iter().map(|room| (room.id, room.settings.name)).collect();
    let room_name = |id: Option<RoomId>| match id {
        Some(id) => rooms.iter().find(|(room, _)| *room == id).map(|(_, name)| name.clone()).unwrap_or_default(),
        None => asked.texts.text(key::admin::ALL_ROOMS).to_owned(),
    };
    let row = |invitation: Invitation| InvitationRow {
        room: room_name(invitation.room),
        taken_at: invitation.taken_at.map(rfc3339).unwrap_or_default(),
        is_revoked: invitation.revoked_at.is_some(),
        id: invitation.id,
        name: invitation.name,
    };
    let invitations = match state.hub.invitations(&Authority::Admin, None) {
        Ok(all) => all.into_iter().map(row).collect(),
        Err(refusal) => return fail(state, asked, &refusal).await,
    };
    let view = PeopleView { invitations, rooms, ..view };
    render(state, asked, status, move || view! { <PeoplePage view=view.clone() /> }).await
}
