//! The parts that the page is made of.
//!
//! A component renders state and passes on what the reader does. It may use [`state`](super::state), the session and Leptos; it keeps
//! no state in the document and reads none from there.

mod author;
mod copy_button;
mod list;
mod log;
mod message_row;
mod reactions;
mod rich;
mod words;

pub use copy_button::CopyButton;
pub use log::{Log, Pinned, button};
pub use words::{LiveText, Words, WordsProps};
use {author::Author, list::List, message_row::MessageRow, reactions::Reactions, rich::Rich};
