use js_sys::futures::JsFuture;
use leptos::{ev::MouseEvent, html::Div, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

/// Something with a text to copy, in a `code` element, and a `button` for it. The style sheet shows the button once the script runs, and
/// for having copied its second `span` instead of its first.
///
/// All of it is rendered by the server: properties of an island are JSON, and what reads them is larger than all of this.
#[island]
pub fn Copyable(children: Children) -> impl IntoView {
    let whole = NodeRef::<Div>::new();
    let (is_ready, is_copied) = (RwSignal::new(false), RwSignal::new(false));
    Effect::new(move || is_ready.set(true));
    let press = move |event: MouseEvent| {
        let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let is_button = pressed.is_some_and(|pressed| pressed.closest("button").ok().flatten().is_some());
        let code = whole.get_untracked().and_then(|whole| whole.query_selector("code").ok().flatten());
        if let Some(code) = code.filter(|_| is_button) {
            leptos::task::spawn_local(async move { is_copied.set(copy_text_of(&code).await) });
        }
    };
    view! {
        <div class="copyable" class:ready=is_ready class:copied=is_copied node_ref=whole on:click=press>
            {children()}
        </div>
    }
}

/// Copies the text of an element. Browsers offer their clipboard to secure pages alone; on others the text is selected and copied as by
/// hand. Returns whether it was copied.
async fn copy_text_of(element: &Element) -> bool {
    if window().is_secure_context() {
        let text = element.text_content().unwrap_or_default();
        return JsFuture::from(window().navigator().clipboard().write_text(&text)).await.is_ok();
    }
    let selected =
        window().get_selection().ok().flatten().is_some_and(|selection| selection.select_all_children(element).is_ok());
    let page = document().dyn_into::<web_sys::HtmlDocument>();
    selected && page.is_ok_and(|page| page.exec_command("copy").unwrap_or_default())
}
