use std::time::Duration;

use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::ResizeObserver;

use super::{
    attention, clock,
    components::{Composer, Game, Log, Pinned, Told, let_go, loaded, player, role_tag, stay_above_keyboard},
    hold, language,
    net::Feed,
    scroll,
    session::{Link, Session},
    state::timeline::Days,
    task::{follow, spawn},
    wire::{self, RoomView},
};
use crate::{
    chat::RoomState,
    texts::{Texts, key},
};

/// Where the page holds its [`RoomView`] as JSON.
pub const VIEW_ID: &str = "view";

/// Where the page holds the [`Texts`] of its language as JSON.
pub const TEXTS_ID: &str = "texts";

/// A room: what is said, and a form to say something. The server provides its [`RoomView`] and the page's [`Texts`] as context; in
/// a browser they stand in the page. (Not as properties of the island: what Leptos reads those with is larger than all of this.)
#[island]
pub fn Chat() -> impl IntoView {
    let (view, texts) = use_context().or_else(in_page).expect("every page with a room holds its view and its texts");
    let session = Session::new(&view, texts);
    let RoomView { position, archive, replays, now, role, configures, shares_as, .. } = view.clone();
    // Runs in browsers alone, once the server's HTML has been taken over.
    follow(Box::new(move || {
        session.hydrated.set(true);
        follow_days(session);
        session.set_clock(&now);
        session.stand(session.standing.get_untracked());
        stay_at_end(session);
        stay_above_keyboard();
        let _ = window_event_listener(ev::visibilitychange, move |_| attention::turned(session));
        hold::listen(session);
        scroll::follow_own(session);
        if !archive {
            Feed::start(session, &shares_as, &position);
        } else if replays {
            spawn(async move {
                loaded(session, Box::pin(player::play(session))).await;
            });
        }
        if session.is_overlay {
            spawn(async move {
                // Without it they fade all the same.
                let _ = let_go(session).await;
            });
        }
    }));
    view! {
        <main class="chat" data-hydrated=move || session.hydrated.get().then_some("true")>
            <header class="head">
                // The stylesheet of an embed has the site's logo here, which the script need not know of.
                <span class="site-logo" aria-hidden="true"></span>
                <h1 translate="no"><bdi>{session.words(|session| session.settings.with(|settings| settings.name.clone()))}</bdi></h1>
                {own_role(session, &role, configures)}
                {session.moderates.then(|| queue(session))}
                {(!archive && !session.is_overlay).then(|| replay(session))}
                <Presence session archive />
            </header>
            <Pinned session />
            <Game session />
            <Log session archive />
            <Composer session view />
            {(session.may_react || session.moderates || archive).then(|| view! { <Told session /> })}
        </main>
    }
}

/// A page looks at the clock again after this long at the latest: it may be set, and a computer may sleep over midnight.
const LOOKS_AGAIN_MS: f64 = 10.0 * 60.0 * 1_000.0;

/// Counts days by the reader's clock from now on, and notices when another begins.
fn follow_days(session: Session) {
    let (today, left) = clock::today();
    if session.today.get_untracked() != Some(today) {
        session.today.set(Some(today));
        session.timeline.update(|timeline| timeline.set_days(Days(clock::local_day)));
    }
    set_timeout(move || follow_days(session), Duration::from_millis(left.clamp(1.0, LOOKS_AGAIN_MS) as u64 + 1));
}

fn in_page() -> Option<(RoomView, &'static Texts)> {
    let text = |id| document().get_element_by_id(id)?.text_content();
    let texts = Texts::new(wire::read(&text(TEXTS_ID)?)?, language::category);
    // They are needed for as long as the page is there.
    Some((wire::read(&text(VIEW_ID)?)?, Box::leak(Box::new(texts))))
}

/// What the reader is in the room, and the way to its settings for those who may change them. In a tab of its own: the chat goes on, and
/// it stands in no other site's frame.
fn own_role(session: Session, role: &str, configures: bool) -> Option<impl IntoView + use<>> {
    let tag = role_tag(session.texts, role)?;
    let settings = configures.then(|| {
        let href = format!("/admin/rooms/{}", session.room);
        view! { <a href=href target="_blank">{session.texts.text(key::page::SETTINGS)}</a> }
    });
    Some(view! { <p class="own-role" aria-label=session.texts.text(key::page::YOUR_ROLE) role="group">{tag}{settings}</p> })
}

/// How many messages wait for the reader, and the way to them.
fn queue(session: Session) -> impl IntoView {
    let words = |session: Session| match session.waiting.get() {
        0 => String::new(),
        waiting => session.texts.count(key::page::TO_REVIEW, waiting),
    };
    // Nobody can go where there is nothing.
    let href = move || (session.waiting.get() > 0).then(|| format!("/admin/rooms/{}/queue", session.room));
    view! {
        <p class="queued" role="status">
            <a href=href>{session.words(words)}</a>
        </p>
    }
}

/// The way to the replay of a room that has ended. In a tab of its own: it stands in no other site's frame.
fn replay(session: Session) -> impl IntoView {
    view! {
        <p class="to-replay" hidden=session.flag(|session| session.state.get() != RoomState::Ended)>
            <a href=format!("/rooms/{}/replay", session.room) target="_blank">{session.texts.text(key::page::REPLAY)}</a>
        </p>
    }
}

/// How many watch, and how the connection is.
#[component]
fn Presence(session: Session, archive: bool) -> impl IntoView {
    let hidden = move |session: Session| archive || session.state.get() == RoomState::Ended;
    let class = move || match session.link.get() {
        Link::Connecting => "link",
        Link::Live => "link live",
        Link::Waiting(_) | Link::HeldBack => "link lost",
        Link::Offline | Link::Refused(_) => "link offline",
    };
    let words = |session: Session| {
        let key = match session.link.get() {
            Link::Connecting => key::page::CONNECTING,
            // Before the start, the connection is there and the chat is not.
            Link::Live if session.state.get() != RoomState::Live => key::page::CONNECTED,
            Link::Live => key::page::LIVE,
            Link::Waiting(_) => key::page::RECONNECTING,
            Link::HeldBack => key::page::HELD_BACK,
            Link::Offline => key::page::OFFLINE,
            Link::Refused(_) => key::page::DISCONNECTED,
        };
        session.texts.text(key).to_owned()
    };
    // Apart, so that assistive technology says once that the connection is lost, and not each second.
    let countdown = |session: Session| match session.link.get() {
        Link::Waiting(seconds) if seconds > 0 => {
            [" ", &session.texts.fill(key::page::RECONNECTING_IN, &[("seconds", &seconds.to_string())])].concat()
        }
        Link::Connecting | Link::Live | Link::Waiting(_) | Link::HeldBack | Link::Offline | Link::Refused(_) => String::new(),
    };
    // Nobody is counted before the stream is there, and whoever polls hears of no change.
    let viewers = |session: Session| match session.viewers.get() {
        0 => String::new(),
        _ if session.link.get() == Link::HeldBack => String::new(),
        viewers => session.texts.count(key::page::VIEWERS, viewers),
    };
    view! {
        <div class="presence" hidden=session.flag(hidden)>
            <p class="viewers">{session.words(viewers)}</p>
            <p class=class role="status" aria-atomic="false">
                {session.words(words)}
                <span aria-live="off">{session.words(countdown)}</span>
            </p>
        </div>
    }
}

/// Keeps a reader who follows at the end when the window, the keyboard of a telephone or the form change the list's height.
fn stay_at_end(session: Session) {
    scroll::begin(session);
    let resized = Closure::<dyn FnMut()>::new(move || scroll::stick(session));
    let Ok(observer) = ResizeObserver::new(resized.as_ref().unchecked_ref()) else { return };
    if let Some(log) = session.log.get_untracked() {
        observer.observe(&log);
        if let Some(list) = session.list.get_untracked() {
            observer.observe(&list);
        }
    }
    // It is needed for as long as the page is there.
    resized.forget();
}
