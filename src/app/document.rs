//! The document around every page: its head, its language, and what starts its islands. Rendered on the server alone.
//!
//! The head is leptos_meta's: a page names its title, its link preview and its scripts where it is written, and the renderer
//! collects them.

use std::sync::Arc;

use leptos::{hydration::AutoReload, prelude::*};
use leptos_meta::{Link, Meta, MetaTags, Script, Stylesheet, Title};

use super::{html::escaped, title};
use crate::texts::Texts;

/// What every page is rendered with.
#[derive(Clone)]
pub struct PageContext {
    /// Where the page's files are.
    pub options: Arc<LeptosOptions>,
    /// What it says, in the reader's language.
    pub texts: &'static Texts,
}

/// The texts of the page that is being rendered.
pub fn texts() -> &'static Texts {
    expect_context::<PageContext>().texts
}

/// Renders a whole document around the page that `page` renders.
pub fn document(context: PageContext, page: &dyn Fn() -> AnyView) -> impl IntoView + use<> {
    let PageContext { options, texts } = context.clone();
    provide_context(context);
    // A browser takes the first meta element of a name: a page's own, at `MetaTags`, comes before the default.
    view! {
        <!DOCTYPE html>
        <html lang=texts.language() dir=texts.direction()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content" />
                <MetaTags />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#fbfaf8" />
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#16171b" />
                <AutoReload options=(*options).clone() />
            </head>
            <body>
                // The renderer writes the title as it stands, markup and all.
                <Title formatter=|page: String| escaped(&title::of_page(&page)) />
                <Link rel="icon" href="/favicon.svg" type_="image/svg+xml" />
                <Stylesheet href="/pkg/live-chat.css" />
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
pub fn Islands(
    /// A module that is loaded once the islands have started.
    #[prop(optional_no_strip)]
    then: Option<&'static str>,
) -> impl IntoView {
    let options = expect_context::<PageContext>().options;
    // As in `HydrationScripts`: what is outside the islands is not hydrated.
    if let Some(context) = Owner::current_shared_context() {
        context.set_is_hydrating(false);
    }
    let script = format!("/{}/{}.js", options.site_pkg_dir, options.output_name);
    // cargo-leptos names the module so if it builds the server too; wasm-bindgen alone appends `_bg`.
    let suffix = if option_env!("LEPTOS_OUTPUT_NAME").is_some() { "" } else { "_bg" };
    let module = format!("/{}/{}{suffix}.wasm", options.site_pkg_dir, options.output_name);
    let then = then.map(|path| format!("\nawait import(\"{path}\");")).unwrap_or_default();
    let start = format!(
        r#"import * as app from "{script}";
await app.default({{module_or_path: "{module}"}});
app.hydrate();
for (const island of document.querySelectorAll("leptos-island")) app[island.dataset.component](island);{then}"#
    );
    view! {
        <Link rel="modulepreload" href=script />
        <Link rel="preload" href=module as_="fetch" type_="application/wasm" crossorigin="anonymous" />
        <Script type_="module">{start}</Script>
    }
}
