use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;

use super::{error::ApiError, moderation::Shown, router::RoomPath};
use crate::{
    chat::Event,
    hub::{Export, Hub, Refusal},
    protocol::{csv, jsonl},
};

/// How an export is written.
struct Format {
    extension: &'static str,
    media_type: &'static str,
    head: Vec<u8>,
    encode: fn(&[Event]) -> Vec<u8>,
}

/// `GET /v1/streams/{id}/export.jsonl`: all messages of a room, to be taken in again.
pub(super) async fn json_lines(
    Shown(authority): Shown,
    State(hub): State<Hub>,
    RoomPath(room): RoomPath,
) -> Result<Response, ApiError> {
    let media_type = "application/jsonl";
    Ok(download(
        hub.export(room, &authority)?,
        Format { extension: "jsonl", media_type, head: Vec::new(), encode: jsonl::encode },
    ))
}

/// `GET /v1/streams/{id}/export.csv`: all messages of a room, for a spreadsheet.
pub(super) async fn csv(Shown(authority): Shown, State(hub): State<Hub>, RoomPath(room): RoomPath) -> Result<Response, ApiError> {
    // The parameters of RFC 7111 and RFC 4180 3.
    let media_type = "text/csv; charset=utf-8; header=present";
    Ok(download(hub.export(room, &authority)?, Format { extension: "csv", media_type, head: csv::head(), encode: csv::encode }))
}

/// A page of the log at a time, as fast as the reader takes it.
fn download(export: Export, Format { extension, media_type, head, encode }: Format) -> Response {
    let slug = &export.room().settings.slug;
    let name = HeaderValue::try_from(format!("attachment; filename=\"{slug}.{extension}\"")).expect("a slug is plain ASCII");
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]);
    let pages = stream::try_unfold((export, Some(head)), move |(mut export, head)| async move {
        if let Some(head) = head {
            return Ok(Some((Bytes::from(head), (export, None))));
        }
        let page = export.next().await.inspect_err(|error| {
            // The status is long sent: the reader is told by a body that breaks off.
            tracing::error!(room = %export.room().id, %error, "an export broke off");
        })?;
        Ok::<_, Refusal>(page.map(|events| (Bytes::from(encode(&events)), (export, None))))
    });
    (headers, Body::from_stream(pages)).into_response()
}
