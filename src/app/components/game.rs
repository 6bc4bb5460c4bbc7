use leptos::prelude::*;

use super::{button, game_panel};
use crate::{
    app::{
        session::Session,
        state::game_inbox::GameInbox,
        task::{follow, spawn},
    },
    texts::key,
};

/// The id of the place where the game is.
pub const ID: &str = "game";

/// The place of what the room's game shows. The browser loads and builds [that](game_panel) once the game shows anything. If it cannot be
/// loaded, the reader is told so; it is tried again when they ask for it, or when the game shows something else.
#[component]
pub fn Game(session: Session) -> impl IntoView {
    let failed = RwSignal::new(false);
    let load = move || {
        // Put back first, so that a second failure is announced too.
        failed.set(false);
        spawn(async move { failed.set(game_panel::build_game(session).await.is_err()) });
    };
    follow(Box::new(move || {
        session.game.track();
        if session.game.try_update_untracked(GameInbox::take_due) == Some(true) {
            load();
        }
    }));
    let hidden = session.flag(move |session| !failed.get() || !session.game.with(GameInbox::is_there));
    let words = session.text(|session| session.texts.text(key::page::GAME_FAILED).to_owned());
    view! {
        <div id=ID>
            <div role="alert" hidden=hidden>{button("game-failed", Signal::stored(false), words, Box::new(load))}</div>
        </div>
    }
}
