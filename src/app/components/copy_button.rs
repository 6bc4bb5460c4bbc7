use js_sys::futures::JsFuture;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::Words;

/// A button that copies the text of the element with the id `of`. It is there once the script runs; the text can be selected without.
#[island]
pub fn CopyButton(
    /// The id of the element.
    of: String,
    /// What the button says.
    label: String,
    /// What it says for having copied.
    done: String,
) -> impl IntoView {
    let (is_ready, set_ready) = signal(false);
    let (is_copied, set_copied) = signal(false);
    Effect::new(move || set_ready.set(true));
    let text = Signal::derive(move || if is_copied.get() { done.clone() } else { label.clone() });
    let copy = move |_| {
        let of = of.clone();
        leptos::task::spawn_local(async move { set_copied.set(copy_text_of(&of).await) });
    };
    view! {
        <button class="button quiet" type="button" hidden=move || !is_ready.get() on:click=copy>
            <span aria-live="polite"><Words text /></span>
        </button>
    }
}

/// Copies the text of an element. Browsers offer their clipboard to secure pages alone; on others the text is selected and copied as by
/// hand. Returns whether it was copied.
async fn copy_text_of(id: &str) -> bool {
    let Some(element) = document().get_element_by_id(id) else { return false };
    if window().is_secure_context() {
        let text = element.text_content().unwrap_or_default();
        return JsFuture::from(window().navigator().clipboard().write_text(&text)).await.is_ok();
    }
    let selected =
        window().get_selection().ok().flatten().is_some_and(|selection| selection.select_all_children(&element).is_ok());
    let page = document().dyn_into::<web_sys::HtmlDocument>();
    selected && page.is_ok_and(|page| page.exec_command("copy").unwrap_or_default())
}
