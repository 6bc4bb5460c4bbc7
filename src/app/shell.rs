use leptos::{hydration::AutoReload, nonce::use_nonce, prelude::*};

use super::{
    admin::{self, ActsView, GameConsentView, GameRefusedView, KeyRow, KeysView, QueueView, RoomAdmin, RoomsView, SignInView},
    html::escaped,
    look::{Fade, Look, Theme},
    moderation,
    replay::{self, Playhead},
    room::{Chat, TEXTS_ID, VIEW_ID},
    view::{EntranceView, PeopleView, RoomView},
};
use crate::texts::{Text, Texts, key};

/// Shows the newest messages before the first paint, where a script may run at all: without, the stylesheet does it.
const SCROLL_TO_END: &str = r#"{const log=document.getElementById("log");log.scrollTop=log.scrollHeight}"#;

/// Where the page holds what its message field can do besides, for `public/field.js`.
const TOOLS_ID: &str = "tools";
/// The emojis that are at hand.
const QUICK: [&str; 6] = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/// A page of the chat.
#[derive(Clone, Debug)]
pub enum Page {
    /// A room.
    Room(Box<RoomView>),
    /// A room as it was at a moment.
    Replay(Box<RoomView>, Playhead),
    /// A room in another site's frame.
    Embed(Box<RoomView>, Look),
    /// A room over a video.
    Overlay(Box<RoomView>, Fade),
    /// The form to sign in.
    SignIn(SignInView),
    /// What there is to run.
    Admin(RoomsView),
    /// One room, for whoever runs it.
    AdminRoom(Box<RoomAdmin>),
    /// What waits in it for a moderator.
    Queue(Box<QueueView>),
    /// What was done in it.
    AdminActs(ActsView),
    /// The widget keys.
    Keys(KeysView),
    /// Whether a widget key is to be revoked, and the names of the rooms that no other opens.
    RevokeKey(KeyRow, Vec<String>),
    /// Who is invited to moderate.
    People(PeopleView),
    /// The question whether to take an invitation.
    Invitation {
        /// Under which name.
        name: String,
        /// The room's name.
        to: String,
    },
    /// The question whether a game may run a room.
    GameConsent(GameConsentView),
    /// A game's sign-in cannot begin, and why.
    GameRefused(GameRefusedView),
    /// The question whether to enter as a user of another site.
    Entrance(EntranceView),
    /// A token does not let somebody in, and why.
    NotAdmitted(String),
    /// There is nothing at this address.
    NotFound,
    /// The page could not be made.
    Failed,
}

/// The whole document of a page, in one language. To be rendered on the server.
pub fn shell(options: &LeptosOptions, texts: &'static Texts, page: Page) -> impl IntoView + use<> {
    match page {
        Page::Room(view) => room(options, texts, *view, Dress::default(), ().into_any()),
        Page::Replay(view, playhead) => {
            let controls = replay::controls(texts, view.room, playhead).into_any();
            room(options, texts, *view, Dress::default(), controls)
        }
        Page::Embed(view, look) => room(options, texts, *view, Dress::embed(look), ().into_any()),
        Page::Overlay(view, fade) => room(options, texts, *view, Dress::overlay(fade), ().into_any()),
        Page::SignIn(view) => titled(texts, key::admin::SIGN_IN, admin::sign_in(texts, view).into_any()),
        Page::GameConsent(view) => titled(texts, key::game::HEADING, admin::game_consent(texts, view).into_any()),
        Page::GameRefused(view) => titled(texts, key::game::REFUSED, admin::game_refused(texts, view).into_any()),
        Page::Admin(rooms) => live(texts, texts.text(key::admin::ROOMS), admin::rooms(texts, rooms).into_any()),
        Page::Keys(view) => {
            let scripts = hydration(options).into_any();
            dressed(Dress::default(), texts, texts.text(key::admin::KEYS), scripts, admin::keys(texts, view).into_any())
        }
        Page::RevokeKey(key, closes) => titled(texts, key::admin::REVOKE_A_KEY, admin::revoke_key(texts, key, closes).into_any()),
        Page::AdminRoom(room) => {
            let title = texts.fill(key::admin::TITLE_OF_ROOM, &[("room", &room.row.name)]);
            live(texts, &title, admin::room(texts, *room).into_any())
        }
        Page::Queue(view) => {
            let title = texts.fill(key::admin::TITLE_OF_QUEUE, &[("room", &view.name)]);
            live(texts, &title, admin::queue(texts, *view).into_any())
        }
        Page::AdminActs(acts) => {
            let title = texts.fill(key::admin::DONE_IN, &[("room", &acts.name)]);
            document(texts, &title, admin::acts(texts, acts).into_any())
        }
        Page::People(view) => titled(texts, key::admin::PEOPLE, admin::people(texts, view).into_any()),
        Page::Invitation { name, to } => titled(texts, key::admin::INVITATION, admin::invitation(texts, name, to).into_any()),
        Page::Entrance(view) => titled(texts, key::entrance::HEADING, admin::entrance(texts, view).into_any()),
        Page::NotAdmitted(why) => notice(texts, key::notice::NOT_ADMITTED, why),
        Page::NotFound => notice(texts, key::notice::NOT_FOUND, texts.text(key::notice::NOT_FOUND_WHY)),
        Page::Failed => notice(texts, key::notice::FAILED, texts.text(key::notice::FAILED_WHY)),
    }
}

/// The document of a room, with something above it.
fn room(options: &LeptosOptions, texts: &'static Texts, view: RoomView, dress: Dress, above: AnyView) -> AnyView {
    let title = view.settings.name.clone();
    let tools = dress.has_form.then(|| tools(texts));
    let moderation = view.moderates.then(|| moderation::dialog(texts));
    let scripts = view! {
        <AutoReload options=options.clone() />
        {hydration(options)}
    };
    let json = serde_json::to_string(&view).expect("plain data has a JSON form");
    let menu = menu(texts, &view);
    provide_context((view, texts));
    let body = view! {
        <script id=VIEW_ID type="application/json" nonce=use_nonce()>{in_script(&json)}</script>
        <script id=TEXTS_ID type="application/json" nonce=use_nonce()>{in_script(&texts.in_page())}</script>
        {above}
        <Chat />
        {menu}
        {tools}
        {moderation}
        <script nonce=use_nonce()>{SCROLL_TO_END}</script>
    };
    dressed(dress, texts, &title, scripts.into_any(), body.into_any())
}

/// What the message field can do only with a script, which puts it there.
fn tools(texts: &'static Texts) -> impl IntoView {
    let emoji = texts.text(key::field::EMOJI);
    view! {
        <template id=TOOLS_ID>
            <button type="button" id="emoji" class="emoji" data-emoji aria-label=emoji title=emoji aria-haspopup="dialog"></button>
            <ul id="people" class="people" role="listbox" aria-label=texts.text(key::field::PEOPLE) hidden></ul>
            <p id="emoji-failed" class="error" role="alert" hidden>
                {texts.text(key::field::EMOJI_FAILED)}
            </p>
        </template>
    }
}

/// The menu, if there is anything that the reader may do. The browser opens it beside the button that asks for it, and gives the
/// focus back to that.
fn menu(texts: &'static Texts, view: &RoomView) -> Option<impl IntoView + use<>> {
    let RoomView { may_react, moderates, .. } = *view;
    let quick = QUICK.map(|emoji| view! { <button type="button" class="quick">{emoji}</button> });
    let menu = view! {
        <div id="actions" class="actions" popover="auto" role="dialog" aria-label=texts.text(key::menu::LABEL)>
            {may_react.then(|| view! {
                <div class="quicks" role="group" aria-label=texts.text(key::menu::REACT)>
                    {quick}
                    <button type="button" class="other" data-emoji aria-label=texts.text(key::menu::OTHER) aria-haspopup="dialog">"+"</button>
                </div>
                <button type="button" class="reply">{texts.text(key::menu::REPLY)}</button>
            })}
            {moderates.then(|| view! { <button type="button" class="moderate">{texts.text(key::menu::MODERATE)}</button> })}
        </div>
        <p id="told" class="told" role="alert"></p>
    };
    (may_react || moderates).then_some(menu)
}

/// JSON that may stand in a `script` element: nothing in it ends the element or begins a comment (WHATWG HTML 4.12.1.3).
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// What starts the island. Leptos' own `HydrationScripts` would do it, but its preload lacks the nonce, so that a strict
/// Content-Security-Policy refuses it; and it waits until the browser is idle.
fn hydration(options: &LeptosOptions) -> impl IntoView + use<> {
    // As in `HydrationScripts`: what is outside the island is not hydrated.
    if let Some(context) = Owner::current_shared_context() {
        context.set_is_hydrating(false);
    }
    let script = format!("/{}/{}.js", options.site_pkg_dir, options.output_name);
    // cargo-leptos names the module so if it builds the server too; wasm-bindgen alone appends `_bg`.
    let suffix = if option_env!("LEPTOS_OUTPUT_NAME").is_some() { "" } else { "_bg" };
    let module = format!("/{}/{}{suffix}.wasm", options.site_pkg_dir, options.output_name);
    let start = format!(
        r#"import * as app from "{script}";
await app.default({{module_or_path: "{module}"}});
app.hydrate();
for (const island of document.querySelectorAll("leptos-island")) app[island.dataset.component](island);
if (document.getElementById("{TOOLS_ID}")) await import("/field.js");"#
    );
    view! {
        <link rel="modulepreload" href=script nonce=use_nonce() />
        <link rel="preload" href=module r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
        <script type="module" nonce=use_nonce()>{start}</script>
    }
}

/// A document whose figures are kept up to date, without an island.
fn live(texts: &'static Texts, title: &str, body: AnyView) -> AnyView {
    let script = view! { <script type="module" src="/live-figures.js"></script> };
    let body = view! {
        <p id="access-ended" class="access-ended" role="alert" hidden>
            {texts.text(key::page::ACCESS_ENDED)}" "<a href="">{texts.text(key::page::RELOAD)}</a>
        </p>
        {body}
    };
    dressed(Dress::default(), texts, title, script.into_any(), body.into_any())
}

/// A page that says one thing.
fn notice(texts: &'static Texts, heading: Text, text: impl Into<String>) -> AnyView {
    let (heading, text) = (texts.text(heading), text.into());
    let body = view! {
        <main class="notice-page">
            <h1>{heading}</h1>
            <p>{text}</p>
            // In a frame it would be refused: our own pages stand in none.
            <p><a class="button" href="/" target="_top">{texts.text(key::notice::TO_THE_CHAT)}</a></p>
        </main>
    };
    document(texts, heading, body.into_any())
}

/// What sets a document apart for the stylesheet.
struct Dress {
    class: Option<&'static str>,
    theme: Option<&'static str>,
    /// The schemes that the document can be shown in.
    schemes: &'static str,
    style: String,
    /// Whether somebody may write there.
    has_form: bool,
}

impl Default for Dress {
    fn default() -> Self {
        Self { class: None, theme: None, schemes: "light dark", style: String::new(), has_form: true }
    }
}

impl Dress {
    fn embed(look: Look) -> Self {
        let theme = look.theme.map(Theme::name);
        let class = if look.read_only { "embed read-only" } else { "embed" };
        Self { class: Some(class), theme, schemes: theme.unwrap_or("light dark"), style: look.style(), has_form: !look.read_only }
    }

    fn overlay(fade: Fade) -> Self {
        let class = if fade.seconds == 0 { "overlay" } else { "overlay fading" };
        Self { class: Some(class), theme: None, schemes: "light", style: fade.style(), has_form: false }
    }
}

/// A document whose title has that key.
fn titled(texts: &'static Texts, key: Text, body: AnyView) -> AnyView {
    document(texts, texts.text(key), body)
}

fn document(texts: &'static Texts, title: &str, body: AnyView) -> AnyView {
    dressed(Dress::default(), texts, title, ().into_any(), body)
}

fn dressed(
    Dress { class, theme, schemes, style, .. }: Dress,
    texts: &'static Texts,
    title: &str,
    scripts: AnyView,
    body: AnyView,
) -> AnyView {
    view! {
        <!DOCTYPE html>
        <html lang=texts.language() dir=texts.direction() class=class data-theme=theme>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content" />
                <meta name="color-scheme" content=schemes />
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#fbfaf8" />
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#16171b" />
                // In a title, the renderer's markers would be read out.
                <title inner_html=escaped(&format!("{title} · live-chat")) />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href="/pkg/live-chat.css" />
                {(!style.is_empty()).then(|| view! { <style nonce=use_nonce() inner_html=style /> })}
                {scripts}
            </head>
            <body>{body}</body>
        </html>
    }
    .into_any()
}
