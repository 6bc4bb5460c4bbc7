use axum::{
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{Access, Ivs, acts, answer::Answer};
use crate::{
    engine::now,
    hub::Hub,
    protocol::{
        ivs::{self, Problem},
        sigv4::{self, SignedRequest},
    },
};

/// What the signature is for.
const SERVICE: &str = "ivschat";

/// What goes before the paths of the model: clients sign it too.
const ENDPOINT: &str = "/ivschat";

/// `POST /ivschat/{Operation}`.
pub(super) async fn operation(
    State(hub): State<Hub>,
    State(ivs): State<Ivs>,
    Path(name): Path<String>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let asked = read(body).and_then(|body| {
        ivs.authorize(&parts, &body)?;
        let decoded = ivs::decode(&name, &body);
        let is_known = !matches!(decoded, Err(Problem::UnknownOperation(_)));
        ivs.0.meters.take(&name, is_known).and(decoded)
    });
    Answer(match asked {
        Ok(operation) => acts::carry_out(&hub, operation).await,
        Err(problem) => Err(problem),
    })
}

/// `GET`, `POST` and `DELETE /ivschat/tags/{resourceArn}`: what a room is sorted by.
pub(super) async fn tags(
    State(hub): State<Hub>,
    State(ivs): State<Ivs>,
    Path(arn): Path<String>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let asked = read(body).and_then(|body| {
        ivs.authorize(&parts, &body)?;
        let room = ivs::room_of_resource(&arn)?;
        Ok((room, body))
    });
    let (room, body) = match asked {
        Ok(asked) => asked,
        Err(problem) => return Answer(Err(problem)),
    };
    let take = |operation| ivs.0.meters.take(operation, true);
    let query = parts.uri.query().unwrap_or_default();
    let changed = match parts.method {
        Method::GET => return Answer(take("ListTagsForResource").and_then(|()| acts::tags(&hub, room).map(Some))),
        Method::POST => match take("TagResource").and_then(|()| ivs::decode_tags(&body)) {
            Ok(tags) => acts::change_tags(&hub, room, |all| all.extend(tags)).await,
            Err(problem) => Err(problem),
        },
        Method::DELETE => match take("UntagResource").and_then(|()| ivs::decode_tag_keys(query)) {
            Ok(keys) => acts::change_tags(&hub, room, |all| all.retain(|key, _| !keys.contains(key))).await,
            Err(problem) => Err(problem),
        },
        other => Err(Problem::UnknownOperation(format!("{other} tags"))),
    };
    Answer(changed.map(|()| Some(json!({}))))
}

/// Returns whether a request looks like one of AWS's SDKs: signed, or with the headers that they send. CloudFront adds other headers of
/// AWS to every request, which say nothing.
pub(in crate::server) fn is_of_sdk(headers: &HeaderMap) -> bool {
    let is_signed = |value: &HeaderValue| value.as_bytes().starts_with(b"AWS4-");
    let sent = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent", "amz-sdk-request"];
    headers.get(header::AUTHORIZATION).is_some_and(is_signed) || sent.iter().any(|name| headers.contains_key(*name))
}

/// What an SDK is answered whose endpoint lacks `/ivschat`.
pub(in crate::server) fn elsewhere(uri: &Uri) -> Response {
    let path = uri.path();
    let message =
        format!("There is nothing at {path:?}. The endpoint of Amazon IVS Chat ends in {ENDPOINT} here: set it in the client.");
    Answer(Err(Problem::Other(message))).into_response()
}

/// There is nothing else.
pub(super) async fn unknown(method: Method, uri: Uri) -> Answer {
    Answer(Err(Problem::UnknownOperation(format!("{method} {}", uri.path()))))
}

fn read(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| {
        Problem::Other(match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "The body is too large.".into(),
            _ => "The body could not be read to its end.".into(),
        })
    })
}

impl Ivs {
    /// Whether a request may be carried out.
    fn authorize(&self, parts: &Parts, body: &[u8]) -> Result<(), Problem> {
        let credentials = match &self.0.access {
            Access::Anybody => return Ok(()),
            Access::Holder(credentials) => credentials,
            Access::Nobody => {
                let message =
                    "No access key is configured: start live-chat with --ivs-access-key-id and --ivs-secret-access-key.";
                return Err(Problem::AccessDenied(message.into()));
            }
        };
        let headers = signed_headers(parts);
        let path = format!("{ENDPOINT}{}", parts.uri.path());
        let (method, query) = (parts.method.as_str(), parts.uri.query().unwrap_or_default());
        let request = SignedRequest { method, path: &path, query, headers: &headers, body };
        sigv4::verify(&request, credentials, SERVICE, now())
            .map_err(|error| Problem::Signature { name: error.name(), message: error.to_string() })
    }
}

/// The headers of a request. In HTTP/2 the host is no header (RFC 9113 8.3.1), but clients sign it as one.
fn signed_headers(Parts { headers, uri, .. }: &Parts) -> Vec<(&str, &[u8])> {
    let authority = uri.authority().filter(|_| !headers.contains_key(header::HOST));
    let host = authority.map(|authority| (header::HOST.as_str(), authority.as_str().as_bytes()));
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).chain(host).collect()
}
