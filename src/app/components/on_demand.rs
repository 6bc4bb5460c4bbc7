use leptos::{prelude::*, wasm_split::SplitLoaderError};

use crate::{app::session::Session, texts::key};

/// Waits for a part of the page that is loaded on demand. If it cannot be loaded, tells the reader so, who may try again.
///
/// Such a part is a function with the attribute `wasm_split`, which is what Leptos' `#[lazy]` expands to. `#[lazy]` itself does not let
/// its caller handle a failure: without a network it would panic, and end the whole page.
pub async fn loaded<T>(session: Session, part: impl Future<Output = Result<T, SplitLoaderError>>) -> Option<T> {
    // Emptied first, so that a second failure is announced too.
    session.told.set(String::new());
    let part = part.await;
    if part.is_err() {
        session.told.set(session.texts.text(key::page::PART_FAILED).to_owned());
    }
    part.ok()
}
