use leptos::{
    hydration::{AutoReload, HydrationScripts},
    nonce::use_nonce,
    prelude::*,
};

use super::{room::Chat, view::RoomView};

/// Shows the newest messages before the first paint, where a script may run at all: without, the stylesheet does it.
const SCROLL_TO_END: &str = r#"{const log=document.getElementById("log");log.scrollTop=log.scrollHeight}"#;

/// A page of the chat.
#[derive(Clone, Debug)]
pub enum Page {
    /// A room.
    Room(Box<RoomView>),
    /// There is nothing at this address.
    NotFound,
    /// The page could not be made.
    Failed,
}

/// The whole document of a page. To be rendered on the server.
pub fn shell(options: &LeptosOptions, page: Page) -> impl IntoView + use<> {
    match page {
        Page::Room(view) => {
            let title = format!("{} · live-chat", view.name);
            let scripts = view! {
                <AutoReload options=options.clone() />
                <HydrationScripts options=options.clone() islands=true />
            };
            let body = view! {
                <Chat view=*view />
                <script nonce=use_nonce()>{SCROLL_TO_END}</script>
            };
            document(title, scripts.into_any(), body.into_any())
        }
        Page::NotFound => notice("There is no such room", "The address may have a typing error, or the room is gone."),
        Page::Failed => notice("Something went wrong", "The page could not be shown. Please try again in a moment."),
    }
}

/// A page that says one thing.
fn notice(heading: &'static str, text: &'static str) -> AnyView {
    let body = view! {
        <main class="notice-page">
            <h1>{heading}</h1>
            <p>{text}</p>
            <p><a class="button" href="/">"Go to the chat"</a></p>
        </main>
    };
    document(format!("{heading} · live-chat"), ().into_any(), body.into_any())
}

fn document(title: String, scripts: AnyView, body: AnyView) -> AnyView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content" />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#fbfaf8" />
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#16171b" />
                <title>{title}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href="/pkg/live-chat.css" />
                {scripts}
            </head>
            <body>{body}</body>
        </html>
    }
    .into_any()
}
