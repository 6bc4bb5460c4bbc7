//! The document around every page: its head, its language, and what starts its islands. Rendered on the server alone.
//!
//! The head is leptos_meta's: a page names its title, its link preview and its scripts where it is written, and the renderer
//! collects them.

use std::{fmt, sync::Arc};

use leptos::{hydration::AutoReload, prelude::*};
use leptos_meta::{Link, Meta, MetaTags, Script, Style, Stylesheet, Title, provide_meta_context};

use super::{SiteLook, escape::escaped, title};
use crate::{chat::appearance::Scheme, texts::Texts};

/// What every page is rendered with.
#[derive(Clone)]
pub struct PageContext {
    /// Where the page's files are.
    pub options: Arc<LeptosOptions>,
    /// What the address of each of them begins with.
    pub assets: Arc<str>,
    /// Whether the page's WebAssembly is split into parts, which the [`LOADER`] loads.
    pub is_split: bool,
    /// What it says, in the reader's language.
    pub texts: &'static Texts,
    /// How all pages look.
    pub site: Arc<SiteLook>,
}

/// The absolute address of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUrl {
    /// Its scheme and its host.
    pub origin: String,
    /// Its path, with its query.
    pub path: String,
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

/// What starts the islands.
const START: &str = include_str!("start.js");

/// The script that loads parts of the page on demand, as cargo-leptos names it. The islands' script imports it.
pub const LOADER: &str = "__wasm_split.______________________.js";

/// The address of one of the page's files.
pub fn asset(path: &str) -> String {
    [&*expect_context::<PageContext>().assets, path].concat()
}

/// The texts of the page that is being rendered.
pub fn texts() -> &'static Texts {
    expect_context::<PageContext>().texts
}

/// How all pages look, the one that is being rendered too.
pub fn site_look() -> Arc<SiteLook> {
    expect_context::<PageContext>().site
}

/// Renders a whole document around the page that `page` renders.
pub fn document(context: PageContext, page: &dyn Fn() -> AnyView) -> impl IntoView + use<> {
    let PageContext { options, texts, site, .. } = context.clone();
    provide_context(context);
    provide_meta_context();
    let (name, style) = (site.title().to_owned(), site.style().to_owned());
    let own_name = site.own_title().map(str::to_owned);
    let icon = site.logo().map_or_else(|| (asset("/favicon.svg"), "image/svg+xml"), |logo| (logo.path.clone(), logo.media_type));
    // A browser takes the first meta element of a name: a page's own, at `MetaTags`, comes before the default.
    view! {
        <!DOCTYPE html>
        <html lang=texts.language() dir=texts.direction() data-site=own_name>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content" />
                // Phones would make links of times and numbers, and change what the script takes over.
                <meta name="format-detection" content="telephone=no, date=no, address=no, email=no" />
                <MetaTags />
                <meta name="color-scheme" content="light dark" />
                {Scheme::ALL.map(|scheme| theme_colour(&site, scheme))}
                <AutoReload options=(*options).clone() />
            </head>
            <body>
                // The renderer writes the title as it stands, markup and all.
                <Title formatter=move |page: String| escaped(&title::of_page(&page, &name)) />
                <Link rel="icon" href=icon.0 type_=icon.1 />
                <Stylesheet href=asset("/pkg/live-chat.css") />
                {(!style.is_empty()).then(|| view! { <Style>{style}</Style> })}
                {page()}
            </body>
        </html>
    }
}

/// What a browser paints around the page for readers of a scheme.
fn theme_colour(site: &SiteLook, scheme: Scheme) -> impl IntoView + use<> {
    let media = format!("(prefers-color-scheme: {})", scheme.name());
    leptos::html::meta().name("theme-color").attr("media", media).content(site.theme_colour(scheme))
}

/// What other programs show where somebody shares a link to a page: its name, what it is, and where (Open Graph, Twitter Cards).
#[component]
pub fn Preview(
    /// The name of what the page shows.
    name: String,
    /// What it is, in a sentence.
    description: String,
    /// The absolute address of the page; none if the server does not know under which name it is reached.
    url: Option<PageUrl>,
) -> impl IntoView {
    let (site, locale) = (site_look(), texts().language().replace('-', "_"));
    let logo = site.logo().filter(|logo| logo.is_raster);
    let image = url.as_ref().zip(logo).map(|(PageUrl { origin, .. }, logo)| {
        view! {
            <Meta property="og:image" content=format!("{origin}{}", logo.path) />
            <Meta property="og:image:type" content=logo.media_type />
            <Meta property="og:image:alt" content=site.title().to_owned() />
        }
    });
    let address = url.map(|url| {
        let url = url.to_string();
        view! {
            <Meta property="og:url" content=url.clone() />
            <Link rel="canonical" href=url />
        }
    });
    view! {
        <Meta name="description" content=description.clone() />
        <Meta property="og:type" content="website" />
        <Meta property="og:site_name" content=site.title().to_owned() />
        <Meta property="og:title" content=name.clone() />
        <Meta property="og:description" content=description.clone() />
        <Meta property="og:locale" content=locale />
        {address}
        {image}
        <Meta name="twitter:card" content="summary" />
        <Meta name="twitter:title" content=name />
        <Meta name="twitter:description" content=description />
    }
}

/// Whose pages these are, and the way to the first of them. Nothing where owners have said nothing.
#[component]
pub fn Brand() -> impl IntoView {
    let site = site_look();
    let logo = site.logo().map(|logo| {
        // Beside the title the picture says nothing more.
        let alt = if site.own_title().is_some() { "" } else { site.title() };
        view! { <img src=logo.path.clone() alt=alt.to_owned() /> }
    });
    let title = site.own_title().map(|title| view! { <bdi>{title.to_owned()}</bdi> });
    (logo.is_some() || title.is_some()).then(|| {
        view! {
            <header class="brand">
                <a href="/" target="_top" translate="no">{logo}{title}</a>
            </header>
        }
    })
}

/// What starts the islands of a page. Leptos' own `HydrationScripts` would do it, but its preload lacks the nonce, so that a strict
/// Content-Security-Policy refuses it; and it waits until the browser is idle.
#[component]
pub fn Islands() -> impl IntoView {
    let PageContext { options, assets, is_split, .. } = expect_context();
    // As in `HydrationScripts`: what is outside the islands is not hydrated.
    if let Some(context) = Owner::current_shared_context() {
        context.set_is_hydrating(false);
    }
    let script = format!("{assets}/{}/{}.js", options.site_pkg_dir, options.output_name);
    let loader = is_split.then(|| format!("{assets}/{}/{LOADER}", options.site_pkg_dir));
    // cargo-leptos names the module so if it builds the server too; wasm-bindgen alone appends `_bg`.
    let suffix = if option_env!("LEPTOS_OUTPUT_NAME").is_some() { "" } else { "_bg" };
    let module = format!("{assets}/{}/{}{suffix}.wasm", options.site_pkg_dir, options.output_name);
    let start = START.replace("SCRIPT", &format!("\"{script}\"")).replace("MODULE", &format!("\"{module}\""));
    view! {
        <Link rel="modulepreload" href=script crossorigin="anonymous" />
        {loader.map(|loader| view! { <Link rel="modulepreload" href=loader crossorigin="anonymous" /> })}
        <Link rel="preload" href=module as_="fetch" type_="application/wasm" crossorigin="anonymous" />
        <Script type_="module">{start}</Script>
    }
}
