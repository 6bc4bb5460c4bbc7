//! What a browser itself knows of languages.

use js_sys::{Array, Intl::PluralRules, Object};
use leptos::prelude::{document, window};
use wasm_bindgen::JsValue;

/// The plural category of a number in a language.
pub fn category(language: &str, count: usize) -> String {
    let rules = PluralRules::new(&Array::of1(&JsValue::from_str(language)), &Object::new());
    rules.select(count as f64).into()
}

/// The page's language.
pub fn of_page() -> String {
    document().document_element().and_then(|html| html.get_attribute("lang")).unwrap_or_default()
}

/// The page's language as the reader's own country has it, if the browser says so: what is `en` may be `en-GB`, whose dates are
/// others than those of the United States.
pub fn of_reader() -> String {
    let page = of_page();
    let own = window().navigator().language().filter(|own| primary(own) == primary(&page));
    own.unwrap_or(page)
}

/// Returns the language itself in a tag (RFC 5646 2.2.1): `zh` of `zh-CN`, whose page is `zh-Hans`.
fn primary(tag: &str) -> &str {
    tag.split_once('-').map_or(tag, |(language, _)| language)
}
