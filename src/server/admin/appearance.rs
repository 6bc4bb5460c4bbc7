//! The page on which owners choose how all pages look.

use std::collections::BTreeMap;

use axum::{
    extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State},
    http::StatusCode,
    response::Response,
};
use leptos::prelude::*;

use super::{Owner, see};
use crate::{
    app::{AppearancePage, AppearanceView, Faint},
    chat::{
        Appearance, AppearanceChange, InvalidAppearance,
        appearance::{FIELDS, Field, Kind, Scheme},
    },
    hub::Refusal,
    server::{
        appearance::{NoLogo, logo},
        asked::Asked,
        client_address::ClientAddress,
        error,
        page::render_under,
        policy::Policy,
        router::Params,
        state::AppState,
        widget_keys::Operator,
    },
    texts::{Texts, key},
};

/// The largest form: larger than the largest logo, so that what was typed beside a picture that is too large is read too. Only owners
/// make the server read so much.
const FORM_BYTES: usize = 4 << 20;

/// `GET /admin/appearance`.
pub(in crate::server) async fn show(_: Owner, State(state): State<AppState>, asked: Asked, params: Params) -> Response {
    let form = Typed { is_saved: params.find("saved").is_some(), ..Typed::default() };
    page(&state, asked, StatusCode::OK, form).await
}

/// What became of the form: what was typed, if it was refused.
#[derive(Default)]
struct Typed {
    values: BTreeMap<String, String>,
    /// The version of the look that the form was opened with; none for the present one.
    version: Option<String>,
    /// What somebody else may have changed meanwhile, by the keys of the fields.
    differing: Vec<&'static str>,
    errors: Vec<(String, String)>,
    is_saved: bool,
}

/// What the form posts.
#[derive(Default)]
struct Posted {
    values: BTreeMap<String, String>,
    version: Option<String>,
    logo: Option<Result<Vec<u8>, NoLogo>>,
    removes_logo: bool,
    /// The field whose default is to come back.
    reset: Option<String>,
}

/// `POST /admin/appearance`: saves the form, a multipart one.
pub(in crate::server) async fn save(
    _: Owner,
    State(state): State<AppState>,
    asked: Asked,
    from: ClientAddress,
    mut request: Request,
) -> Response {
    let texts = asked.texts;
    let unreadable = |status| (status, texts.text(key::notice::FORM_UNREADABLE).to_owned());
    DefaultBodyLimit::max(FORM_BYTES).apply(&mut request);
    let posted = match Multipart::from_request(request, &()).await {
        Ok(form) => read(form).await.map_err(unreadable),
        Err(rejection) => Err(unreadable(rejection.status())),
    };
    let mut posted = match posted {
        Ok(posted) => posted,
        Err((status, error)) => {
            let typed = Typed { errors: vec![(String::new(), error)], ..Typed::default() };
            return page(&state, asked, status, typed).await;
        }
    };
    if let Some(reset) = posted.reset.take() {
        posted.values.insert(reset, String::new());
    }
    let (status, errors) = match change(texts, &posted) {
        Ok(change) => match state.hub.change_appearance(change, &Operator::signed_in(from).to_string()).await {
            Ok(_) => return see("/admin/appearance?saved="),
            Err(refusal) => {
                if matches!(refusal, Refusal::OtherLook) {
                    posted.version = None;
                }
                (error::status(&refusal), vec![(String::new(), refusal.text(texts))])
            }
        },
        Err(errors) => (StatusCode::BAD_REQUEST, errors),
    };
    let differing = if status == StatusCode::CONFLICT { differing(&posted, &state.hub.appearance()) } else { Vec::new() };
    let Posted { values, version, .. } = posted;
    page(&state, asked, status, Typed { values, version, differing, errors, is_saved: false }).await
}

/// Returns the keys of the fields in which a form differs from the look.
fn differing(posted: &Posted, now: &Appearance) -> Vec<&'static str> {
    let differs = |key: &str| posted.values.get(key).is_some_and(|value| value.trim() != now.find(key).unwrap_or_default());
    let fields = FIELDS.iter().map(|field| field.key).filter(|key| differs(key));
    fields.chain((posted.logo.is_some() || posted.removes_logo).then_some("logo")).collect()
}

/// Reads the form to its end, or to where it is too large. Only a file makes it so, which is its last field.
async fn read(mut form: Multipart) -> Result<Posted, StatusCode> {
    let mut posted = Posted::default();
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => return Ok(posted),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                posted.logo = Some(Err(NoLogo::TooLarge));
                return Ok(posted);
            }
            Err(error) => return Err(error.status()),
        };
        let name = field.name().unwrap_or_default().to_owned();
        match &*name {
            "logo" => match field.bytes().await {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => posted.logo = Some(Ok(bytes.to_vec())),
                Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                    posted.logo = Some(Err(NoLogo::TooLarge));
                    return Ok(posted);
                }
                Err(error) => return Err(error.status()),
            },
            "remove-logo" => posted.removes_logo = true,
            _ => {
                let text = field.text().await.map_err(|error| error.status())?;
                match (&*name, Field::find(&name)) {
                    ("reset", _) => posted.reset = Some(text),
                    ("version", _) => posted.version = Some(text),
                    (_, Some(_)) => drop(posted.values.insert(name, text)),
                    (_, None) => {}
                }
            }
        }
    }
}

/// Returns what is to be changed, or what is wrong with each field.
fn change(texts: &'static Texts, posted: &Posted) -> Result<AppearanceChange, Vec<(String, String)>> {
    let values = AppearanceChange::of_form(posted.values.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let logo = posted.logo.as_ref().map(|file| file.as_ref().map_err(|error| *error).and_then(|bytes| logo(bytes))).transpose();
    let mut errors = Vec::new();
    let change = values.unwrap_or_else(|invalid| {
        errors.extend(invalid.iter().map(|error| explain(texts, error)));
        AppearanceChange::default()
    });
    let change = match logo {
        Ok(Some(logo)) => change.with_logo(Some(logo)),
        Ok(None) if posted.removes_logo => change.with_logo(None),
        Ok(None) => change,
        Err(error) => {
            let key = match error {
                NoLogo::TooLarge => key::look::LOGO_TOO_LARGE,
                NoLogo::UnknownKind => key::look::LOGO_KIND,
            };
            errors.push(("logo".to_owned(), texts.text(key).to_owned()));
            change
        }
    };
    if errors.is_empty() { Ok(change.for_version(posted.version.clone())) } else { Err(errors) }
}

/// Returns the field that a value was refused for, and what it must be.
fn explain(texts: &'static Texts, error: &InvalidAppearance) -> (String, String) {
    let InvalidAppearance::Value { field, .. } = error else { return (String::new(), error.to_string()) };
    let error = match field.kind {
        Kind::Title => texts.text(key::look::TITLE_RULE).to_owned(),
        Kind::Colour => texts.text(key::look::COLOUR_RULE).to_owned(),
        Kind::Line => texts.text(key::look::LINE_RULE).to_owned(),
        Kind::Length { least, most } => {
            let [least, most] = [least, most].map(|pixels| format!("{pixels}px"));
            texts.fill(key::look::LENGTH_RULE, &[("least", &least), ("most", &most)])
        }
        Kind::Size => texts.text(key::look::SIZE_RULE).to_owned(),
        Kind::Fonts => texts.text(key::look::FONTS_RULE).to_owned(),
    };
    (field.key.to_owned(), error)
}

async fn page(state: &AppState, asked: Asked, status: StatusCode, typed: Typed) -> Response {
    let Typed { values, version, differing, errors, is_saved } = typed;
    let (appearance, site) = (state.hub.appearance(), state.looks.now(&state.hub));
    let held = FIELDS.iter().filter_map(|field| Some((field.key.to_owned(), appearance.find(field.key)?.to_owned())));
    let shown: BTreeMap<_, _> = held.chain(values).collect();
    let warnings = site.faint().iter().map(|faint| warning(asked.texts, faint)).collect();
    let view = AppearanceView {
        values: shown,
        version: version.unwrap_or_else(|| appearance.version()),
        differing,
        errors,
        warnings,
        is_saved,
    };
    // For the samples.
    let policy = Policy::alone().with_styles();
    render_under(policy, state, asked, status, move || view! { <AppearancePage view=view.clone() /> }).await
}

fn warning(texts: &'static Texts, Faint { text, ground, scheme, tenths }: &Faint) -> String {
    let name = |name| match name {
        "--page" => texts.text(key::look::PAGE),
        "--surface" => texts.text(key::look::SURFACE),
        "--raised" => texts.text(key::look::RAISED),
        "--text" => texts.text(key::look::TEXT),
        _ => texts.text(key::look::MUTED),
    };
    let scheme = match scheme {
        Scheme::Light => texts.text(key::look::LIGHT),
        Scheme::Dark => texts.text(key::look::DARK),
    };
    let ratio = format!("{}.{}:1", tenths / 10, tenths % 10);
    let values = [("text", name(*text)), ("ground", name(*ground)), ("scheme", scheme), ("ratio", &*ratio)];
    texts.fill(key::look::FAINT, &values)
}
