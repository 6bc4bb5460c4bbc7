//! The domain: what a chat is, whoever stores it and however it travels.
//!
//! Here live the words of the project: [`RoomId`], [`UserId`], [`Position`], [`Event`], [`Command`], [`Capability`], [`Limits`],
//! and the rules that hold for a message by itself. Everything is pure: no IO, no async, no clock, no framework. It compiles
//! for the server and for the browser, so that both judge a message by the same rules.

pub mod appearance;
mod capability;
mod channel;
pub mod clock;
pub mod colour;
mod command;
mod custom_event;
mod event;
mod event_type;
mod id;
mod interface;
mod invitation;
mod limits;
mod links;
mod lowercase;
mod moderation;
mod name;
mod origin;
mod payload;
mod position;
mod profile;
mod reaction;
mod redirect_uri;
mod review;
mod revocation;
mod room;
mod settings;
mod text;
mod unaccented;
mod visible;
mod widget_key;

/// Gives a list of texts what all lists of that kind can do: `$list` holds at most `$most` of `$item`.
macro_rules! list_of {
    ($list:ty, $item:ty, $most:expr) => {
        impl $list {
            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Whether they are no more than a list may hold.
            pub fn are_few(&self) -> bool {
                self.0.len() <= $most
            }

            /// Returns them in their order.
            pub fn iter(&self) -> std::slice::Iter<'_, $item> {
                self.0.iter()
            }
        }

        impl FromIterator<$item> for $list {
            fn from_iter<T: IntoIterator<Item = $item>>(items: T) -> Self {
                Self(items.into_iter().collect())
            }
        }
    };
}
use list_of;

pub use appearance::{Appearance, AppearanceChange, InvalidAppearance, Logo};
pub use capability::{Capabilities, Capability};
pub use channel::{Channel, Visibility};
pub use colour::Colour;
pub use command::{Command, Draft};
pub use custom_event::{ATTRIBUTES_BYTES, Attributes, CustomEvent, EVENT_NAME_CHARS, attributes_bytes};
pub use event::{Event, Kind, Message, Recorded, Timestamp};
pub use event_type::EventType;
pub use id::{InvalidId, MessageId, RoomId, UserId};
pub use interface::ShownInterface;
pub use invitation::Invitation;
pub use limits::Limits;
pub use links::{Link, Links, Target, links};
pub use lowercase::lowercase;
pub use moderation::{
    AddressHash, Deleted, Deletion, Disconnection, HELD_IN_ROOM, HELD_OF_AUTHOR, Measure, Outcome, REASON_CHARS, Resolution,
    Restore, Restored, Sanction, UNDO_WINDOW,
};
pub use name::NameClaim;
pub use origin::{InvalidOrigin, MOST_ORIGINS, Origin, Origins};
#[cfg(test)]
pub(crate) use payload::tests::json as any_json;
pub use payload::{PAYLOAD_DEPTH, Payload, PayloadError, PayloadFault, check_json};
pub use position::{InvalidPosition, Position};
pub use profile::{PICTURE_BYTES, Profile, Role, is_picture};
pub use reaction::{MOST_EMOJIS, MOST_OF_ONE, Reaction, Recount, TooManyReactions};
pub use redirect_uri::{InvalidRedirectUri, MOST_REDIRECT_URIS, RedirectUri, RedirectUris};
pub use review::{ReviewFallback, Reviewed, Verdict};
pub use revocation::{Revocation, Revoked};
pub use room::{Room, RoomState};
pub use settings::{Group, InvalidSetting, Settings, SettingsChange, is_slug};
pub use text::{ChatText, Fault, Field, Invalid, LINE_BREAKS, MARKS_IN_A_ROW, reply_to};
pub use unaccented::{is_accent, unaccented};
pub use visible::{has_visible_char, is_undrawn, is_visible, marks_in_a_row};
pub use widget_key::{InvalidWidgetKey, NewWidgetKey, WidgetKey};
