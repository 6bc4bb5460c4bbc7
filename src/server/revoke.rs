use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{api::Admin, body::JsonBody, error::ApiError};
use crate::{
    chat::UserId,
    hub::{Hub, Refusal, Revoke},
    protocol::inlive::Answer,
};

/// What to revoke: one of them.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum What {
    Token(String),
    Id(String),
    User(UserId),
}

impl From<What> for Revoke {
    fn from(what: What) -> Self {
        match what {
            What::Token(token) => Self::Token(token),
            What::Id(id) => Self::Id(id),
            What::User(user) => Self::User(user),
        }
    }
}

/// `POST /v1/tokens/revoke`: tokens count no more, and their connections end.
pub(super) async fn revoke(_: Admin, State(hub): State<Hub>, JsonBody(what): JsonBody<What>) -> Result<Response, ApiError> {
    hub.revoke(what.into()).await.map_err(|refusal| match refusal {
        // Of the token in the body, not of who asks.
        Refusal::Token(error) => ApiError::new(StatusCode::BAD_REQUEST, error.to_string()),
        refusal => refusal.into(),
    })?;
    Ok(Json(Answer { code: 200, message: "OK", data: (), meta: None }).into_response())
}
