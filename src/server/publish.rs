use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use super::{
    body::JsonBytes,
    client_address::ClientAddress,
    error::ApiError,
    router::{Params, RoomPath, bearer, foreign_origin},
};
use crate::{
    app,
    chat::MessageId,
    hub::{Caller, Hub, Key, Published, Site},
    protocol::{
        inlive::{self, Answer, Publication},
        moment::rfc3339,
    },
};

/// `POST /publish/{id}?token=`: a message, a private message, or a request for the history.
pub(super) async fn publish(
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
    ClientAddress(from): ClientAddress,
    params: Params,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes,
) -> Result<Response, ApiError> {
    let Publication { widget_key, command } = inlive::decode(&body).inspect_err(|_| {
        metrics::counter!("live_chat_publishes_total", "result" => "malformed").increment(1);
    })?;
    let token = params.find("token").filter(|token| !token.is_empty()).or_else(|| bearer(&headers).map(str::to_owned));
    let site = Site { widget_key: Key::Shown(&widget_key), origin: foreign_origin(&headers) };
    let caller = Caller { token: token.as_deref().unwrap_or_default(), site, from };
    let published = hub.publish(room, caller, command).await?;
    let data = match published {
        Published::Stored(stored) => {
            let (id, position) = (MessageId { room, seq: stored.seq }.to_string(), hub.position(stored.seq).to_string());
            Some(app::Published { id, position, sent_at: rfc3339(stored.sent_at), held: stored.held })
        }
        Published::Requested => None,
    };
    Ok(Json(Answer { code: 200, message: "OK", data, meta: None }).into_response())
}
