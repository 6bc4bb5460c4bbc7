//! The document around every page: its head, its language, and what starts its islands. Rendered on the server alone.
//!
//! The head is leptos_meta's: a page names its title, its link preview and its scripts where it is written, and the renderer
//! collects them.

use std::sync::Arc;

use leptos::{hydration::AutoReload, prelude::*};
use leptos_meta::{Link, Meta, MetaTags, Script, Stylesheet, Title, provide_meta_context};

use super::{escape::escaped, title};
use crate::texts::Texts;

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

/// Renders a whole document around the page that `page` renders.
pub fn document(context: PageContext, page: &dyn Fn() -> AnyView) -> impl IntoView + use<> {
    let PageContext { options, texts, .. } = context.clone();
    provide_context(context);
    provide_meta_context();
    // A browser takes the first meta element of a name: a page's own, at `MetaTags`, comes before the default.
    view! {
        <!DOCTYPE html>
        <html lang=texts.language() dir=texts.direction()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content" />
                // Phones would make links of times and numbers, and change what the script takes over.
                <meta name="format-detection" content="telephone=no, date=no, address=no, email=no" />
                <MetaTags />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#fbfaf8" />
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#16171b" />
                <AutoReload options=(*options).clone() />
            </head>
            <body>
                // The renderer writes the title as it stands, markup and all.
                <Title formatter=|page: String| escaped(&title::of_page(&page)) />
                <Link rel="icon" href=asset("/favicon.svg") type_="image/svg+xml" />
                <Stylesheet href=asset("/pkg/live-chat.css") />
                {page()}
            </body>
        </html>
    }
}

/// What other programs show where somebody shares a link to a page: its name, what it is, and where (Open Graph, Twitter Cards).
#[component]
pub fn Preview(
    /// The name of what the page shows.
    name: String,
    /// What it is, in a sentence.
    description: String,
    /// The absolute address of the page; none if the server does not know under which name it is reached.
    url: Option<String>,
) -> impl IntoView {
    let locale = texts().language().replace('-', "_");
    let address = url.map(|url| {
        view! {
            <Meta property="og:url" content=url.clone() />
            <Link rel="canonical" href=url />
        }
    });
    view! {
        <Meta name="description" content=description.clone() />
        <Meta property="og:type" content="website" />
        <Meta property="og:site_name" content=title::SITE />
        <Meta property="og:title" content=name.clone() />
        <Meta property="og:description" content=description.clone() />
        <Meta property="og:locale" content=locale />
        {address}
        <Meta name="twitter:card" content="summary" />
        <Meta name="twitter:title" content=name />
        <Meta name="twitter:description" content=description />
    }
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
