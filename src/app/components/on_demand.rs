//! Parts of the page that a browser loads when they are first asked for.

use std::pin::Pin;

use leptos::{prelude::*, wasm_split::SplitLoaderError};

use crate::{app::session::Session, texts::key};

/// Makes a function a part of the page that is loaded when it is first called. The function becomes asynchronous, and returns an error if
/// it cannot be loaded.
///
/// This is what Leptos' `#[lazy]` does, whose functions panic where this one returns an error: without a network that would end the
/// whole page. A build without `--split` makes one file, and the function is there at once. Names of parts are unique, since their files
/// are named after them.
macro_rules! part {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $return:ty)? $body:block) => {
        $(#[$meta])*
        #[cfg_attr(split, leptos::wasm_split::wasm_split($name, wasm_split_path = leptos::wasm_split, fallible))]
        #[cfg(split)]
        $vis fn $name($($arg: $type),*) -> Result<part!(@ $($return)?), leptos::wasm_split::SplitLoaderError> {
            Ok($body)
        }

        $(#[$meta])*
        #[cfg(not(split))]
        $vis async fn $name($($arg: $type),*) -> Result<part!(@ $($return)?), leptos::wasm_split::SplitLoaderError> {
            Ok($body)
        }
    };
    (@ $return:ty) => { $return };
    (@) => { () };
}
pub(super) use part;

/// A part on its way. Boxed, so that a browser downloads the code that waits for parts once, and not for each.
pub type Loading = Pin<Box<dyn Future<Output = Result<(), SplitLoaderError>>>>;

/// Waits for a part. If it cannot be loaded, tells the reader so, who may try again.
pub async fn loaded(session: Session, part: Loading) -> Option<()> {
    // Emptied first, so that a second failure is announced too.
    session.told.set(String::new());
    let part = part.await;
    if part.is_err() {
        session.told.set(session.texts.text(key::page::PART_FAILED).to_owned());
    }
    part.ok()
}
