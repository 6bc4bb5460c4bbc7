//! The pages: one file each, one component each. The server's handlers gather what a page shows and render its component inside the
//! [`document`](super::document). Those of owners and moderators are in [`admin`].
//!
//! A page is rendered on the server alone; what comes to life in a browser is an island in it. A page knows nothing of requests.

pub mod admin;
mod embed;
mod entrance;
mod invitation;
mod lobby;
mod notice;
mod overlay;
mod replay;
mod room;

pub use self::{
    embed::EmbedPage,
    entrance::EntrancePage,
    invitation::InvitationPage,
    lobby::{LobbyPage, LobbyRoom, LobbyView},
    notice::{FailedPage, NotFoundPage, NoticePage},
    overlay::OverlayPage,
    replay::ReplayPage,
    room::RoomPage,
};
