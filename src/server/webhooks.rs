use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    api::Admin,
    body::JsonBody,
    error::ApiError,
    hooks::{NewWebhook, WebhookError, Webhooks},
    router::PathText,
};
use crate::{
    chat::Timestamp,
    engine::{Failure, Standing, Webhook, WebhookId},
    protocol::{inlive::Answer, moment::rfc3339},
};

/// `POST /v1/webhooks`: makes a webhook. The only answer that shows its secret.
pub(super) async fn create(
    _: Admin,
    State(webhooks): State<Webhooks>,
    JsonBody(new): JsonBody<NewWebhook>,
) -> Result<Response, ApiError> {
    let webhook = webhooks.create(new).await?;
    let mut data = shown(&webhook, 0);
    data["secret"] = Value::from(webhook.secret);
    Ok(answer(data))
}

/// `GET /v1/webhooks`: all webhooks, and how they are.
pub(super) async fn list(_: Admin, State(webhooks): State<Webhooks>) -> Result<Response, ApiError> {
    Ok(answer(webhooks.list().await?.iter().map(|(webhook, behind)| shown(webhook, *behind)).collect()))
}

/// `DELETE /v1/webhooks/{id}`: ends a webhook.
pub(super) async fn remove(_: Admin, State(webhooks): State<Webhooks>, PathText(id): PathText) -> Result<Response, ApiError> {
    webhooks.remove(WebhookId(id)).await?;
    Ok(answer(Value::Null))
}

/// `POST /v1/webhooks/{id}/enable`: goes on with a webhook that was disabled, or waits after a failure.
pub(super) async fn enable(_: Admin, State(webhooks): State<Webhooks>, PathText(id): PathText) -> Result<Response, ApiError> {
    webhooks.enable(WebhookId(id)).await?;
    Ok(answer(Value::Null))
}

/// A webhook without its secret.
fn shown(webhook: &Webhook, behind: u64) -> Value {
    let Webhook { id, url, events, room, description, secret: _, created_at, standing } = webhook;
    let Standing { last_success, last_error, failing_since, disabled_at } = standing;
    let time = |at: &Option<Timestamp>| at.map(rfc3339);
    let failure = |Failure { at, message }: &Failure| json!({ "at": rfc3339(*at), "message": message });
    json!({
        "id": id, "url": url, "events": events, "room": room, "description": description, "created_at": rfc3339(*created_at),
        "enabled": disabled_at.is_none(), "disabled_at": time(disabled_at), "last_success": time(last_success),
        "last_error": last_error.as_ref().map(failure), "failing_since": time(failing_since), "behind": behind,
    })
}

fn answer(data: Value) -> Response {
    Json(Answer { code: 200, message: "OK", data, meta: None }).into_response()
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        let status = match error {
            WebhookError::Refused(refusal) => return refusal.into(),
            WebhookError::Url(_) | WebhookError::Description => StatusCode::BAD_REQUEST,
            WebhookError::TooMany => StatusCode::CONFLICT,
            WebhookError::Unknown => StatusCode::NOT_FOUND,
        };
        Self::new(status, error.to_string())
    }
}
