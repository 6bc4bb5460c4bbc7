use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::ResizeObserver;

use super::{
    clock::Zone,
    composer::Composer,
    feed::Feed,
    log::Log,
    moderation::ModerationDialog,
    scroll,
    session::{Link, Session},
    view::RoomView,
};
use crate::chat::RoomState;

/// Where the page holds its [`RoomView`] as JSON.
pub const VIEW_ID: &str = "view";

/// A room: what is said, and a form to say something. The server provides its [`RoomView`] as context; in a browser it stands
/// in the page. (Not as properties of the island: what Leptos reads those with is larger than all of this.)
#[island]
pub fn Chat() -> impl IntoView {
    let view = use_context::<RoomView>().or_else(view_in_page).expect("every page with a room holds its view");
    let session = Session::new(&view);
    let RoomView { position, archive, .. } = view.clone();
    // Runs in browsers alone, once the server's HTML has been taken over.
    Effect::new(move |_| {
        session.timeline.update(|timeline| timeline.set_zone(Zone::Local));
        session.hydrated.set(true);
        session.stand(session.standing.get_untracked());
        stay_at_end(session);
        if session.state.get_untracked() == RoomState::Live && !archive {
            Feed::start(session, position.clone());
        }
    });
    view! {
        <main class="chat" data-hydrated=move || session.hydrated.get().then_some("true")>
            <header class="head">
                <h1 dir="auto">{session.words(|session| session.settings.with(|settings| settings.name.clone()))}</h1>
                <Presence session archive />
            </header>
            <Log session archive />
            <Composer session view />
            {session.moderates.then(|| view! { <ModerationDialog session /> })}
        </main>
    }
}

fn view_in_page() -> Option<RoomView> {
    RoomView::decode(&document().get_element_by_id(VIEW_ID)?.text_content()?)
}

/// How many watch, and how the connection is.
#[component]
fn Presence(session: Session, archive: bool) -> impl IntoView {
    let hidden = move |session: Session| archive || session.state.get() != RoomState::Live;
    let class = move || match session.link.get() {
        Link::Connecting => "link",
        Link::Live => "link live",
        Link::Waiting(_) => "link lost",
        Link::Offline => "link offline",
    };
    let words = |session: Session| {
        let words = match session.link.get() {
            Link::Connecting => "Connecting…",
            Link::Live => "Live",
            Link::Waiting(_) => "Reconnecting",
            Link::Offline => "Offline",
        };
        words.to_owned()
    };
    // Apart, so that assistive technology says once that the connection is lost, and not each second.
    let countdown = |session: Session| match session.link.get() {
        Link::Waiting(seconds) => format!(" in {seconds} s"),
        Link::Connecting | Link::Live | Link::Offline => String::new(),
    };
    view! {
        <div class="presence" hidden=session.flag(hidden)>
            <p class="viewers">{session.words(|session| format!("{} watching", session.viewers.get()))}</p>
            <p class=class role="status" aria-atomic="false">
                <span>{session.words(words)}</span>
                <span aria-live="off">{session.words(countdown)}</span>
            </p>
        </div>
    }
}

/// Keeps a reader who follows at the end when the window, the keyboard of a telephone or the form change the list's height.
fn stay_at_end(session: Session) {
    // Somebody may have scrolled before the page came to life.
    scroll::moved(session);
    let resized = Closure::<dyn FnMut()>::new(move || scroll::stick(session));
    let Ok(observer) = ResizeObserver::new(resized.as_ref().unchecked_ref()) else { return };
    if let Some(log) = session.log.get_untracked() {
        observer.observe(&log);
        if let Some(list) = document().get_element_by_id("list") {
            observer.observe(&list);
        }
    }
    // It is needed for as long as the page is there.
    resized.forget();
}
