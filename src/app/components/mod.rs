//! The parts that the page is made of.
//!
//! A component renders state and passes on what the reader does. It may use [`state`](super::state), the session and Leptos; it keeps
//! no state in the document and reads none from there.

mod author;
mod composer;
mod copyable;
mod edited;
mod emoji_button;
mod fading;
mod game;
mod game_panel;
mod list;
mod live_figures;
mod log;
pub mod menu;
mod message_field;
mod message_row;
mod moderation;
mod name_field;
mod on_demand;
mod people;
pub mod player;
mod reactions;
mod rich;
mod server_page;
mod viewport;
mod words;

pub use author::role_tag;
pub use composer::Composer;
pub use fading::let_go;
pub use game::Game;
pub use live_figures::ENDED_ID;
pub use log::{Log, Pinned, button};
pub use menu::Told;
pub use on_demand::loaded;
pub use server_page::ServerPage;
pub use viewport::stay_above_keyboard;
pub use words::LiveText;
use {
    author::author,
    composer::Form,
    emoji_button::EmojiButton,
    list::List,
    message_field::MessageField,
    message_row::MessageRow,
    name_field::{NameField, keep_focus},
    on_demand::part,
    reactions::reactions,
    rich::rich,
};
