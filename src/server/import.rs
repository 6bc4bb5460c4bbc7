use std::{fmt::Display, io, time::Duration};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncRead;
use tokio_util::{
    codec::{FramedRead, LinesCodec, LinesCodecError},
    io::StreamReader,
};

use super::{
    api::{Admin, Stream},
    connection::Patience,
    error::ApiError,
    router::Params,
};
use crate::{
    chat::{Profile, SettingsChange},
    hub::{Hub, Refusal},
    protocol::{
        inlive::Answer,
        jsonl::{self, LineError},
    },
};

/// Longest line: twice the longest message that can be configured, which may stand in it as a string with escapes.
const LINE_BYTES: usize = 2 << 20;

/// How long the next line may keep the import waiting. An import is as long as it is, but must go on.
const LINE_WITHIN: Duration = Duration::from_secs(30);

/// `POST /v1/streams/import?name=&slug=&profiles=`: makes a room of an export's JSON Lines, or none.
pub(super) async fn import(
    _: Admin,
    State(hub): State<Hub>,
    patience: Option<Extension<Patience>>,
    params: Params,
    body: Body,
) -> Result<Response, ApiError> {
    if let Some(Extension(patience)) = patience {
        patience.take();
    }
    let keeps_profiles = keeps_profiles(&params)?;
    let mut import = hub.import(settings(&params)).await?;
    let body = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    let mut lines = FramedRead::new(body, LinesCodec::new_with_max_length(LINE_BYTES));
    let (mut number, mut messages) = (0_u64, 0_u64);
    while let Some(line) = next(&mut lines, number + 1).await? {
        number += 1;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |error: LineError| at(number, StatusCode::BAD_REQUEST, error);
        let mut recorded = jsonl::decode(&line).map_err(wrong)?;
        jsonl::check(&recorded.message, hub.limits()).map_err(wrong)?;
        if !keeps_profiles {
            recorded.message.profile = Profile::default();
        }
        import.add(recorded).await.map_err(|refusal| match refusal {
            Refusal::InFuture => at(number, StatusCode::BAD_REQUEST, refusal),
            other => other.into(),
        })?;
        messages += 1;
    }
    let data = Stream::of(&hub, import.finish().await?);
    Ok(Json(Answer { code: 200, message: "OK", data, meta: Some(json!({ "messages": messages })) }).into_response())
}

/// Whether roles, pictures and announcements are taken in. Whoever imports what others have written leaves them out: nobody here
/// has given them.
fn keeps_profiles(params: &Params) -> Result<bool, ApiError> {
    match params.find("profiles").as_deref() {
        None | Some("keep") => Ok(true),
        Some("drop") => Ok(false),
        Some(_) => Err(ApiError::new(StatusCode::BAD_REQUEST, "\"profiles\" must be keep or drop.")),
    }
}

fn settings(params: &Params) -> SettingsChange {
    let named = ["name", "slug"].into_iter().filter_map(|key| Some((key.to_owned(), Value::from(params.find(key)?))));
    serde_json::from_value(Value::Object(named.collect())).expect("an object")
}

async fn next<R: AsyncRead + Unpin>(lines: &mut FramedRead<R, LinesCodec>, number: u64) -> Result<Option<String>, ApiError> {
    let wrong = |status, why: &str| at(number, status, why);
    let line = tokio::time::timeout(LINE_WITHIN, lines.next()).await;
    let line = line.map_err(|_| wrong(StatusCode::REQUEST_TIMEOUT, "it took too long to arrive"))?.transpose();
    line.map_err(|error| match error {
        LinesCodecError::MaxLineLengthExceeded => wrong(StatusCode::PAYLOAD_TOO_LARGE, "it has more than 2 MiB"),
        LinesCodecError::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            wrong(StatusCode::BAD_REQUEST, "it is not UTF-8")
        }
        LinesCodecError::Io(_) => wrong(StatusCode::BAD_REQUEST, "the body could not be read to its end"),
    })
}

/// What is wrong with the line of that number, from 1.
fn at(number: u64, status: StatusCode, why: impl Display) -> ApiError {
    ApiError::new(status, format!("Line {number}: {why}. Nothing was imported."))
}
