//! The page: what people see of a room.
//!
//! The server renders all of it ([`shell()`], from a [`RoomView`]); in the browser one island brings it to life. Here live the
//! document, the island with its parts, the feed that reads the room's events, and the timeline that decides what the list
//! shows. It may use the words of [`chat`](crate::chat); it must never know axum, the hub or the engine: what it needs comes in
//! a [`RoomView`] or over the wire.
//!
//! Everything compiles for both targets. What touches the browser runs in effects and event handlers alone, which a server
//! never runs.

mod accent;
mod actions;
mod admin;
mod attention;
mod clock;
mod colour;
mod components;
mod composer;
mod feed;
mod html;
mod incoming;
mod json;
mod language;
mod list;
mod log;
mod look;
mod mention;
mod moderation;
mod namesakes;
mod publish;
mod replay;
mod request;
mod rich_text;
mod room;
mod row;
mod scroll;
mod session;
mod shell;
mod state;
mod tabs;
mod timeline;
mod view;

pub use admin::{
    ActRow, ActsView, BlockedRow, Control, FIELDS, GameConsentView, GameRefusedView, HeldRow, KeyForm, KeyRow, KeysView,
    QueueView, RedirectsForm, RoomAdmin, RoomRow, RoomsView, SanctionRow, SettingField, SettingsForm, SignInAsker, SignInView,
    WidgetCode, state_key,
};
pub use look::{Fade, Look};
pub use replay::Playhead;
pub use shell::{Page, shell};
pub use view::{
    ChatMessage, EntranceView, FormError, FormInput, FormView, InvitationRow, PeopleView, Quote, RoomView, SettingsView, Standing,
};
