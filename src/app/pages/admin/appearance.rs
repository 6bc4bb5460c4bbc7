use std::collections::BTreeMap;

use leptos::prelude::*;
use leptos_meta::{Style, Title};

use super::{
    fields::{self, Control},
    page, path_to_rooms,
};
use crate::{
    app::document::{site_look, texts},
    chat::appearance::{FIELDS, Field, Kind, Scheme},
    texts::{Text, Texts, key},
};

/// How all pages look, and the form to change it.
#[derive(Clone, Debug, Default)]
pub struct AppearanceView {
    /// What stands in the form, by the keys of the fields.
    pub values: BTreeMap<String, String>,
    /// The version of the look that the form changes.
    pub version: String,
    /// The keys of the fields that may have to be looked at, as somebody else has changed the look meanwhile.
    pub differing: Vec<&'static str>,
    /// The fields that could not be saved, each with the reason; the key is empty if it is about the form as a whole.
    pub errors: Vec<(String, String)>,
    /// What is hard to read as it is now.
    pub warnings: Vec<String>,
    /// Whether it was just saved.
    pub is_saved: bool,
}

impl AppearanceView {
    fn error_of(&self, key: &str) -> String {
        let of_field: Vec<_> = self.errors.iter().filter(|(name, _)| name == key).map(|(_, error)| error.as_str()).collect();
        of_field.join(" ")
    }
}

/// Where owners choose how all pages look.
#[component]
pub fn AppearancePage(
    /// What it shows.
    view: AppearanceView,
) -> impl IntoView {
    let texts = texts();
    let differing = (!view.differing.is_empty()).then(|| {
        let names: Vec<_> = view.differing.iter().map(|key| name_of(texts, key)).collect();
        texts.fill(key::look::DIFFERS, &[("fields", &names.join(", "))])
    });
    let whole = [view.error_of(""), differing.unwrap_or_default()].join(" ").trim().to_owned();
    let field = |field: &'static Field| {
        let value = view.values.get(field.key).cloned().unwrap_or_default();
        input(texts, field, value, view.error_of(field.key))
    };
    let of = |chosen: fn(&Field) -> bool| FIELDS.iter().filter(|field| chosen(field)).map(field).collect_view();
    let colours = |scheme: Scheme, heading: Text| {
        let fields = FIELDS.iter().filter(|field| field.scheme == Some(scheme)).map(field).collect_view();
        view! { <fieldset><legend>{texts.text(heading)}</legend>{fields}</fieldset> }
    };
    let warnings = view.warnings.iter().map(|warning| view! { <li>{warning.clone()}</li> }).collect_view();
    let body = view! {
        <Title text=texts.text(key::look::HEADING) />
        <Style>{site_look().style_of_samples()}</Style>
        {path_to_rooms(texts)}
        <p class="done" role="status" hidden=!view.is_saved>{view.is_saved.then(|| texts.text(key::admin::SAVED))}</p>
        <p>{texts.text(key::look::HELP)}</p>
        <section aria-labelledby="samples">
            <h2 id="samples">{texts.text(key::look::NOW)}</h2>
            <div class="samples">{Scheme::ALL.map(|scheme| sample(texts, scheme))}</div>
            <ul class="closes" role="status" hidden=view.warnings.is_empty()>{warnings}</ul>
        </section>
        <form class="fields look" method="post" action="/admin/appearance" enctype="multipart/form-data" aria-label=texts.text(key::look::HEADING)>
            // The first button is the one that the Enter key presses.
            <button class="unseen" type="submit" tabindex="-1" aria-hidden="true">{texts.text(key::admin::SAVE)}</button>
            <input type="hidden" name="version" value=view.version.clone() autocomplete="off" />
            <p class="error" role="alert" hidden=whole.is_empty()>{whole.clone()}</p>
            {of(|field| !field.is_property())}
            {colours(Scheme::Light, key::look::COLOURS_LIGHT)}
            {colours(Scheme::Dark, key::look::COLOURS_DARK)}
            <fieldset><legend>{texts.text(key::look::SHAPE)}</legend>{of(|field| field.is_property() && field.scheme.is_none())}</fieldset>
            <fieldset><legend>{texts.text(key::look::LOGO)}</legend>{logo(texts, view.error_of("logo"))}</fieldset>
            <button class="button" type="submit">{texts.text(key::admin::SAVE)}</button>
        </form>
    };
    page(texts, texts.text(key::look::HEADING), body)
}

/// Returns what a field is called for people.
fn label(field: &Field) -> Text {
    match field.name {
        "title" => key::look::TITLE,
        "accent" => key::look::ACCENT,
        "--page" => key::look::PAGE,
        "--surface" => key::look::SURFACE,
        "--raised" => key::look::RAISED,
        "--text" => key::look::TEXT,
        "--muted" => key::look::MUTED,
        "--line" => key::look::LINE,
        "--line-strong" => key::look::LINE_STRONG,
        "--radius" => key::look::RADIUS,
        "--gutter" => key::look::GUTTER,
        "--measure" => key::look::MEASURE,
        "--font-size" => key::look::FONT_SIZE,
        _ => key::look::FONT,
    }
}

fn in_scheme(texts: &'static Texts, name: &str, scheme: Scheme) -> String {
    let scheme = match scheme {
        Scheme::Light => texts.text(key::look::LIGHT),
        Scheme::Dark => texts.text(key::look::DARK),
    };
    format!("{name} ({scheme})")
}

/// Returns what a field is called where it does not stand in its group; the logo is one too.
fn name_of(texts: &'static Texts, key: &str) -> String {
    let Some(field) = Field::find(key) else { return texts.text(key::look::LOGO).to_owned() };
    let name = texts.text(label(field));
    field.scheme.map_or_else(|| name.to_owned(), |scheme| in_scheme(texts, name, scheme))
}

fn input(texts: &'static Texts, field: &'static Field, value: String, error: String) -> impl IntoView + use<> {
    let (key, is_wrong, is_chosen) = (field.key, !error.is_empty(), !value.is_empty());
    let name = texts.text(label(field));
    // Two fields of one name are told apart by more than their groups, which not all assistive technology says.
    let label = field.scheme.map(|scheme| in_scheme(texts, name, scheme));
    let default = match field.name {
        "title" => "live-chat",
        "accent" => "#4650c8 / #a3abff",
        _ => field.default,
    };
    let reset = texts.fill(key::look::RESET_OF, &[("field", label.as_deref().unwrap_or(name))]);
    let swatch = matches!(field.kind, Kind::Colour | Kind::Line).then(|| {
        let shown = if is_chosen && !is_wrong { value.get(..7).unwrap_or_default() } else { field.default };
        let is_colour = shown.starts_with('#');
        is_colour.then(
            || view! { <input class="swatch" type="color" value=shown.to_owned() disabled tabindex="-1" aria-hidden="true" /> },
        )
    });
    let dir = if field.kind == Kind::Title { "auto" } else { "ltr" };
    fields::Field { id: key, label: name, help: None, error }.with(move |Control { id, is_wrong, invalid, described_by }| {
        view! {
            <span class="choice">
                {swatch}
                <input
                    id=id
                    name=key
                    type="text"
                    dir=dir
                    autocomplete="off"
                    spellcheck="false"
                    aria-label=label
                    placeholder=default
                    value=value
                    autofocus=is_wrong
                    aria-invalid=invalid
                    aria-describedby=described_by
                />
                {is_chosen.then(|| view! {
                    <button class="button quiet" type="submit" name="reset" value=key aria-label=reset title=texts.text(key::look::RESET)>"↺"</button>
                })}
            </span>
        }
    })
}

/// The picture that there is, and what becomes of it.
fn logo(texts: &'static Texts, error: String) -> impl IntoView {
    let now = site_look().logo().map(|logo| {
        view! {
            <p class="field">
                <span>{texts.text(key::look::LOGO_NOW)}</span>
                <span class="choice">
                    <img class="logo-now" src=logo.path.clone() alt=texts.text(key::look::LOGO_NOW) />
                    <label><input type="checkbox" name="remove-logo" />" "{texts.text(key::look::LOGO_REMOVE)}</label>
                </span>
            </p>
        }
    });
    let (label, help) = (texts.text(key::look::LOGO_NEW), Some(texts.text(key::look::LOGO_HELP)));
    let new = fields::Field { id: "logo", label, help, error }.with(|Control { id, invalid, described_by, .. }| {
        let kinds = "image/png,image/jpeg,image/gif,image/webp,image/svg+xml";
        view! { <input id=id name="logo" type="file" accept=kinds aria-invalid=invalid aria-describedby=described_by /> }
    });
    view! {
        {now}
        {new}
    }
}

/// A piece of a room as readers of a scheme see it.
fn sample(texts: &'static Texts, scheme: Scheme) -> impl IntoView {
    let site = site_look();
    let heading = match scheme {
        Scheme::Light => texts.text(key::look::LIGHT),
        Scheme::Dark => texts.text(key::look::DARK),
    };
    let logo = site.logo().map(|logo| view! { <img src=logo.path.clone() alt="" /> });
    let message = |hue: &'static str, class: &'static str, name: &'static str, text: Text| {
        view! {
            <li class=format!("{class} {hue}")>
                <div class="said">
                    <span class="badge" aria-hidden="true">{name.chars().next().map(String::from)}</span>
                    <span class="by"><b class="name">{name}</b></span>
                    <p class="text">{texts.text(text)}</p>
                </div>
            </li>
        }
    };
    view! {
        <figure data-sample=scheme.name()>
            <figcaption>{heading}</figcaption>
            <div class="brand"><span>{logo}<bdi>{site.title().to_owned()}</bdi></span></div>
            <ul class="list">
                {message("hue-2", "message first", "Ann", key::look::SAMPLE_FIRST)}
                {message("hue-14", "message first own", "Ben", key::look::SAMPLE_SECOND)}
            </ul>
            <p class="sample-foot"><span class="sample-link">{texts.text(key::look::SAMPLE_LINK)}</span> <span class="button">{texts.text(key::page::SEND)}</span></p>
        </figure>
    }
}
