//! The parts that the page is made of.
//!
//! A component renders state and passes on what the reader does. It may use [`state`](super::state), the session and Leptos; it keeps
//! no state in the document and reads none from there.

mod copy_button;
mod words;

pub use copy_button::CopyButton;
pub use words::{LiveText, Words, WordsProps};
