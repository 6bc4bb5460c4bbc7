use std::{
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering},
};

use js_sys::{Function, Promise, Reflect, futures::JsFuture};
use leptos::{ev::MouseEvent, prelude::*};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, HtmlScriptElement};

use super::{Form, part};
use crate::{app::task::spawn, texts::key};

/// The picker, which is fetched when somebody first asks for it. Its script puts `emojiPanel` into the window.
const PANEL: &str = "/emoji/panel.js";

/// How often it could not be fetched.
static FAILED: AtomicU32 = AtomicU32::new(0);

/// The way to all emoji, beside the message field.
#[component]
pub fn EmojiButton(
    form: Form,
    /// What becomes of the one that was chosen.
    insert: impl Fn(String) + Copy + 'static,
) -> impl IntoView {
    let label = form.session.texts.text(key::page::EMOJI);
    view! {
        <button
            type="button"
            id="emoji"
            class="emoji"
            aria-label=label
            title=label
            aria-haspopup="dialog"
            on:click=move |event: MouseEvent| choose(&event, label, form.emoji_failed, insert)
        ></button>
    }
}

/// Has the reader choose an emoji at the button that they pressed. `failed` says whether the emoji could be loaded.
pub fn choose(event: &MouseEvent, label: &'static str, failed: RwSignal<bool>, chosen: impl Fn(String) + 'static) {
    if let Some(button) = event.current_target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) {
        spawn(take(button, label, failed, Box::new(chosen)));
    }
}

async fn take(button: HtmlElement, label: &'static str, failed: RwSignal<bool>, chosen: Box<dyn Fn(String)>) {
    failed.set(false);
    let choice = match pick(button, label).await {
        Ok(choice) => choice.await.ok(),
        Err(_) => None,
    };
    match choice {
        Some(emoji) => emoji.as_string().into_iter().for_each(chosen),
        None => failed.set(true),
    }
}

/// What somebody chooses: an emoji, or nothing if they close the picker.
type Choice = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

part! {
    /// Opens the picker at a button.
    fn pick(button: HtmlElement, label: &'static str) -> Choice {
        Box::pin(open(button, label))
    }
}

async fn open(button: HtmlElement, label: &'static str) -> Result<JsValue, JsValue> {
    let panel = match panel()? {
        panel if panel.is_undefined() => {
            load().await?;
            panel_or_error()?
        }
        panel => panel,
    };
    let pick: Function = Reflect::get(&panel, &"pick".into())?.dyn_into()?;
    let chosen: Promise = pick.call2(&panel, &button, &label.into())?.dyn_into()?;
    JsFuture::from(chosen).await
}

fn panel() -> Result<JsValue, JsValue> {
    Reflect::get(&window(), &"emojiPanel".into())
}

fn panel_or_error() -> Result<JsValue, JsValue> {
    panel().and_then(|panel| if panel.is_undefined() { Err(panel) } else { Ok(panel) })
}

/// Fetches and runs the picker's script.
async fn load() -> Result<(), JsValue> {
    let script: HtmlScriptElement = document().create_element("script")?.dyn_into()?;
    script.set_type("module");
    script.set_src(&panel_address());
    let loaded = Promise::new(&mut |resolve, reject| {
        script.set_onload(Some(&resolve));
        script.set_onerror(Some(&reject));
        if let Some(head) = document().head() {
            // It fails for no element of a page.
            let _ = head.append_child(&script);
        }
    });
    let result = JsFuture::from(loaded).await;
    script.remove();
    if result.is_err() {
        FAILED.fetch_add(1, Ordering::Relaxed);
    }
    result.map(drop)
}

/// The address of the picker. A module that could not be fetched is not fetched again under the same one (WHATWG HTML, "fetch a single
/// module script").
fn panel_address() -> String {
    match FAILED.load(Ordering::Relaxed) {
        0 => PANEL.to_owned(),
        failed => format!("{PANEL}?{failed}"),
    }
}
