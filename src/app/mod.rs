//! The page: what people see of a room.
//!
//! The server renders all of it ([`document()`] with a [page](pages) in it, from a [`RoomView`]); in the browser one island brings it to life. Here live the
//! document, the island with its parts, the feed that reads the room's events, and the timeline that decides what the list
//! shows. It may use the words of [`chat`](crate::chat); it must never know axum, the hub or the engine: what it needs comes in
//! a [`RoomView`] or over the wire.
//!
//! Everything compiles for both targets. What touches the browser runs in effects and event handlers alone, which a server
//! never runs.

mod actions;
mod attention;
mod clock;
mod colour;
mod components;
mod countdown;
mod document;
mod escape;
mod history;
mod hold;
mod keys;
mod language;
mod look;
mod mention;
mod namesakes;
mod net;
mod pages;
mod palette;
mod rich_text;
mod room;
mod scroll;
mod session;
mod site_look;
mod state;
mod task;
mod title;
mod updates;
mod view;
pub mod wire;

pub use document::{LOADER, PageContext, PageUrl, document};
pub use look::{Fade, Look};
pub use pages::admin::{
    ActRow, ActsView, AdminRoomPage, AppearancePage, AppearanceView, AuditLogPage, BlockedRow, Control, EndRoomPage, EndRoomView,
    GROUPS, GameConsentPage, GameConsentView, GameRefusedPage, GameRefusedView, HeldRow, KeyForm, KeyRow, KeysPage, KeysView,
    PeoplePage, Preset, QueuePage, QueueView, RedirectsForm, RevokeKeyPage, RoomAdmin, RoomRow, RoomsPage, RoomsView,
    SanctionRow, SettingField, SettingsForm, Share, SignInAsker, SignInPage, SignInView, WidgetCode, fields, state_key,
};
pub use pages::{
    EmbedPage, EntrancePage, FailedPage, InvitationPage, LobbyPage, LobbyRoom, LobbyView, NotFoundPage, NoticePage, OverlayPage,
    ReplayPage, RoomPage,
};
pub use palette::Faint;
pub use site_look::{LogoView, SiteLook};
pub use view::{EntranceView, InvitationRow, PeopleView};
pub use wire::{
    ChatMessage, ChatPayload, Deletion, Fault, FormError, FormInput, FormView, Playhead, Published, Quote, RoomView,
    SettingsView, Standing, Ticket,
};
