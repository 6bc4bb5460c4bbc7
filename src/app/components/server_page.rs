//! What comes to life on pages that the server alone renders, such as the lobby and the pages of owners.
//!
//! All of it is one part, which is loaded on those pages alone.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, NodeList};

use super::{copyable, edited, live_figures, part};
use crate::app::task::{follow, spawn};

/// Brings the page around it to life: its [figures](live_figures), its [code to copy](copyable) and its
/// [forms](edited). It shows nothing itself.
#[island]
pub fn ServerPage() -> impl IntoView {
    // Without it the page stays as it is.
    follow(Box::new(|| {
        spawn(async {
            let _ = enliven().await;
        });
    }));
}

part! {
    /// Brings the page to life.
    ///
    /// # Errors
    /// If this part of the page cannot be loaded.
    fn enliven() {
        live_figures::begin();
        copyable::begin();
        edited::begin();
    }
}

/// Returns the elements of the page that a selector finds.
pub(super) fn found(selector: &str) -> impl Iterator<Item = Element> {
    document().query_selector_all(selector).into_iter().flat_map(|nodes| elements(&nodes))
}

/// Returns the elements of a list that holds nothing else.
pub(super) fn elements(nodes: &NodeList) -> impl Iterator<Item = Element> + use<> {
    let nodes = nodes.clone();
    (0..nodes.length()).filter_map(move |n| nodes.item(n).map(JsCast::unchecked_into))
}
