//! How all pages look: what everybody may read of it, and what owners change.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json,
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::{
    assets::{self, FOR_GOOD},
    body::JsonBody,
    error::ApiError,
    router::PathText,
    state::AppState,
    widget_keys::Operator,
};
use crate::{
    app::{Faint, LogoView, SiteLook},
    chat::{
        Appearance, AppearanceChange, InvalidAppearance, Logo,
        appearance::{ACCENT, FIELDS, ImageKind, LOGO_BYTES, TITLE},
    },
    hub::Hub,
    protocol::inlive::Answer,
};

/// Hexadecimal digits of a logo's digest that stand in its address: 64 bits.
const DIGITS: usize = 16;

/// What a logo may do, if a browser shows it as a page of its own: an SVG runs no script and loads nothing.
const LOGO_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// How all pages look, worked out once for each change. Clones are cheap.
#[derive(Clone, Default)]
pub struct Looks(Arc<Mutex<Option<Look>>>);

#[derive(Clone)]
struct Look {
    /// What it was worked out from.
    appearance: Arc<Appearance>,
    site: Arc<SiteLook>,
    logo: Option<Picture>,
}

#[derive(Clone)]
struct Picture {
    path: String,
    kind: ImageKind,
    bytes: Bytes,
}

impl Looks {
    /// Returns how pages look now.
    pub(super) fn now(&self, hub: &Hub) -> Arc<SiteLook> {
        self.look(hub).site
    }

    fn look(&self, hub: &Hub) -> Look {
        let appearance = hub.appearance();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(look) if Arc::ptr_eq(&look.appearance, &appearance) => look.clone(),
            _ => known.insert(Look::of(appearance)).clone(),
        }
    }
}

impl Look {
    fn of(appearance: Arc<Appearance>) -> Self {
        let logo = appearance.logo.as_ref().and_then(picture);
        let view = logo.as_ref().map(|Picture { path, kind, .. }| LogoView {
            path: path.clone(),
            media_type: kind.media_type(),
            is_raster: *kind != ImageKind::Svg,
        });
        Self { site: Arc::new(SiteLook::of(&appearance, view)), logo, appearance }
    }
}

/// Returns a logo as it is served: under an address that no other content ever has.
fn picture(Logo { kind, data }: &Logo) -> Option<Picture> {
    let bytes = BASE64_STANDARD.decode(data).ok()?;
    let digits: String = digest(&SHA256, &bytes).as_ref().iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
    Some(Picture { path: format!("/appearance/{digits}.{}", kind.extension()), kind: *kind, bytes: bytes.into() })
}

/// Why a file cannot be the logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLogo {
    TooLarge,
    UnknownKind,
}

/// Returns the logo that a file is.
pub(super) fn logo(bytes: &[u8]) -> Result<Logo, NoLogo> {
    if bytes.len() > LOGO_BYTES {
        return Err(NoLogo::TooLarge);
    }
    let kind = ImageKind::of(bytes).ok_or(NoLogo::UnknownKind)?;
    Ok(Logo { kind, data: BASE64_STANDARD.encode(bytes) })
}

impl From<NoLogo> for ApiError {
    fn from(error: NoLogo) -> Self {
        match error {
            NoLogo::TooLarge => {
                let message = format!("The logo must have at most {LOGO_BYTES} bytes (64 KiB). Please send a smaller image.");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
            }
            NoLogo::UnknownKind => {
                let message = "The logo must be a PNG, JPEG, GIF, WebP or SVG image. By its bytes this is none of them.";
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
            }
        }
    }
}

/// `GET /v1/appearance`: how all pages look, for everybody.
pub(super) async fn show(State(state): State<AppState>) -> Response {
    answer(&state)
}

/// `PATCH /v1/appearance`: changes what the body names, as a JSON merge patch.
pub(super) async fn patch(
    operator: Operator,
    State(state): State<AppState>,
    JsonBody(patch): JsonBody<Map<String, Value>>,
) -> Result<Response, ApiError> {
    change(&state, &operator, AppearanceChange::patch(&patch)).await
}

/// `PUT /v1/appearance`: nothing is chosen after it but what the body names. The logo stays.
pub(super) async fn replace(
    operator: Operator,
    State(state): State<AppState>,
    JsonBody(all): JsonBody<Map<String, Value>>,
) -> Result<Response, ApiError> {
    change(&state, &operator, AppearanceChange::replace(&all)).await
}

/// `PUT /v1/appearance/logo`: the body is the image.
pub(super) async fn set_logo(
    operator: Operator,
    State(state): State<AppState>,
    LogoBody(bytes): LogoBody,
) -> Result<Response, ApiError> {
    change(&state, &operator, Ok(AppearanceChange::of_logo(Some(logo(&bytes)?)))).await
}

/// `DELETE /v1/appearance/logo`: there is none any more.
pub(super) async fn remove_logo(operator: Operator, State(state): State<AppState>) -> Result<Response, ApiError> {
    change(&state, &operator, Ok(AppearanceChange::of_logo(None))).await
}

async fn change(
    state: &AppState,
    operator: &Operator,
    change: Result<AppearanceChange, Vec<InvalidAppearance>>,
) -> Result<Response, ApiError> {
    let change = change.map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        ApiError::new(StatusCode::BAD_REQUEST, errors.join(" "))
    })?;
    state.hub.change_appearance(change, &operator.to_string()).await?;
    Ok(answer(state))
}

/// The bytes of an image.
pub(super) struct LogoBody(Bytes);

impl<S: Send + Sync> FromRequest<S> for LogoBody {
    /// 413 for too many, 400 for a body that broke off.
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, ApiError> {
        DefaultBodyLimit::max(LOGO_BYTES).apply(&mut request);
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => NoLogo::TooLarge.into(),
            _ => ApiError::new(StatusCode::BAD_REQUEST, "The body could not be read to its end."),
        })
    }
}

fn answer(state: &AppState) -> Response {
    let Look { appearance, site, logo } = state.looks.look(&state.hub);
    let mut properties = Map::new();
    for field in FIELDS.iter().filter(|field| field.is_property()) {
        let Some(value) = appearance.find(field.key) else { continue };
        match field.scheme {
            None => drop(properties.insert(field.name.to_owned(), value.into())),
            Some(scheme) => properties.entry(field.name).or_insert_with(|| json!({}))[scheme.name()] = value.into(),
        }
    }
    let logo = logo.map(|Picture { path, kind, bytes }| json!({ "url": path, "type": kind.media_type(), "bytes": bytes.len() }));
    let warnings: Vec<_> = site.faint().iter().map(warning).collect();
    let data = json!({
        "title": appearance.find(TITLE).unwrap_or_default(), "accent": appearance.find(ACCENT).unwrap_or_default(),
        "logo": logo, "properties": properties, "warnings": warnings,
    });
    ([(header::CACHE_CONTROL, "no-cache")], Json(Answer { code: 200, message: "OK", data, meta: None })).into_response()
}

fn warning(Faint { text, ground, scheme, tenths }: &Faint) -> String {
    let (whole, tenth) = (tenths / 10, tenths % 10);
    format!("{text} on {ground} ({}) has a contrast of {whole}.{tenth}:1. Many people need 4.5:1 to read it.", scheme.name())
}

/// `GET /appearance/{file}`: the logo.
pub(super) async fn file(State(state): State<AppState>, PathText(name): PathText) -> Response {
    let logo = state.looks.look(&state.hub).logo;
    let Some(Picture { kind, bytes, .. }) = logo.filter(|logo| logo.path.strip_prefix("/appearance/") == Some(&*name)) else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "This is not the logo, or not any more.\n")
            .into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind.media_type())),
        (header::CACHE_CONTROL, FOR_GOOD),
        (header::CONTENT_SECURITY_POLICY, LOGO_POLICY),
    ];
    let mut response = (headers, bytes).into_response();
    assets::open_to_all(response.headers_mut());
    response
}
