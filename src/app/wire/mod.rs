//! What the page and the server tell each other, as types that both use: the room as the server renders it, the events of its stream,
//! pages of its history, what the page publishes, and the answers to it.
//!
//! The types know nothing of a browser and are tested natively, against what the server writes. A server may be newer than a page
//! that is open: keys that the page does not know are passed over, and events that it does not know are
//! [`StreamEvent::Other`].

mod answer;
mod history;
pub mod interface;
#[cfg_attr(target_arch = "wasm32", path = "json_in_browser.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "json_native.rs")]
mod json;
mod message;
mod publication;
mod replay;
mod room_view;
mod stream;

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

pub use answer::{Answer, Deletion, Fault, Published, Reacted, Ticket};
pub use history::HistoryPage;
pub use json::{Raw, read};
pub use message::{ChatMessage, Quote};
pub use publication::{ChatPayload, Publication};
pub use replay::{Playhead, Recorded, ReplayPage};
pub use room_view::{FormError, FormInput, FormView, RoomView, SettingsView, Standing};
pub use stream::{Init, Removal, StreamEvent, is_notice, message, quote};

/// Writes plain data as JSON.
pub fn write(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}

/// Reads a value of which a newer server may know more kinds: one that is not known is the default.
fn known_or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Raw::deserialize(deserializer)?.read().unwrap_or_default())
}
