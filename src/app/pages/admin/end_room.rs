use leptos::prelude::*;
use leptos_meta::Title;

use super::naming;
use crate::{app::document::texts, chat::RoomId, texts::key};

/// A room that is about to be ended.
#[derive(Clone, Debug)]
pub struct EndRoomView {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: String,
    /// How many connections it has now.
    pub viewer_count: usize,
    /// Whether all its messages are deleted then. Its name is asked for in this case.
    pub deletes: bool,
    /// Whether another name was typed before.
    pub is_wrong: bool,
}

/// Asks whether a room is to be ended, and says what that does.
#[component]
pub fn EndRoomPage(
    /// What it shows.
    view: EndRoomView,
) -> impl IntoView {
    let texts = texts();
    let EndRoomView { room, name, viewer_count, deletes, is_wrong } = view;
    let (what, button) = match deletes {
        true => (key::end::DELETES, key::end::END_AND_DELETE),
        false => (key::end::KEEPS, key::end::END),
    };
    let typed = deletes.then(|| {
        view! {
            <label for="name">{naming(texts, key::end::TYPE_NAME, &[("room", &name)])}</label>
            <input
                id="name"
                name="name"
                type="text"
                autocomplete="off"
                dir="auto"
                required
                autofocus
                aria-invalid=is_wrong.then_some("true")
                aria-describedby="name-error"
            />
            <p id="name-error" class="error" role="alert" hidden=!is_wrong>{texts.text(key::end::WRONG_NAME)}</p>
        }
    });
    view! {
        <Title text=texts.fill(key::end::HEADING, &[("room", &name)]) />
        <main class="notice-page">
            <h1>{naming(texts, key::end::HEADING, &[("room", &name)])}</h1>
            <p>{texts.count(key::end::WATCHING, viewer_count)}</p>
            <p class=deletes.then_some("closes")>{texts.text(what)}</p>
            <form class="sign-in" method="post" action=format!("/admin/rooms/{room}/end")>
                {typed}
                <p class="confirm">
                    <button class="button danger" type="submit">{texts.text(button)}</button>
                    <a class="button quiet" href=format!("/admin/rooms/{room}")>{texts.text(key::page::CANCEL)}</a>
                </p>
            </form>
        </main>
    }
}
