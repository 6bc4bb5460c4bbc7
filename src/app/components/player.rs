//! The controls with which a room is played again.
//!
//! The server renders links and a form in their place, which lead to pages of other moments. Only [`play`] is used in a browser from
//! elsewhere, so that all of it is loaded on the pages of replays alone.

use std::time::Duration;

use leptos::{
    ev::{Event, MouseEvent},
    mount::mount_to_renderer,
    prelude::*,
};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, HtmlInputElement};

use super::{LiveText, part};
use crate::{
    app::{
        clock::monotonic_ms,
        hold,
        net::request,
        scroll,
        session::Session,
        state::{
            playback::{Playback, SPEEDS, Wanted},
            timeline::Timeline,
        },
        task::spawn,
        wire::{self, HistoryPage, Playhead, ReplayPage},
    },
    texts::{Texts, key},
};

/// The id of the place of the controls.
pub const ID: &str = "replay";

/// The id of what holds the [`Playhead`] as JSON.
pub const PLAYHEAD_ID: &str = "playhead";

/// The id of the slider, and the name of the moment in addresses.
pub const AT: &str = "at";

/// The seconds of a step back or on.
pub const STEP: u64 = 10;

/// How often time is let pass.
const TICK: Duration = Duration::from_millis(200);

/// Messages that are fetched at once.
const LIMIT: usize = 200;

/// HTTP: here it is.
const OK: u16 = 200;

/// The picture of a control, in a square of 24.
const PLAY: &str = "M8 5v14l11-7z";
const PAUSE: &str = "M7 5h4v14H7zm6 0h4v14h-4z";

/// The picture of the way to the next message.
pub const NEXT: &str = "M6 5v14l9-7zm10 0h2.5v14H16z";

part! {
    /// Puts the controls into their place, and plays if the address says so.
    ///
    /// # Errors
    /// If this part of the page cannot be loaded.
    pub fn play(session: Session) {
        if let Some(place) = document().get_element_by_id(ID) {
            begin(session, &place);
        }
    }
}

fn begin(session: Session, place: &web_sys::Element) {
    let playhead = document().get_element_by_id(PLAYHEAD_ID).and_then(|playhead| wire::read(&playhead.text_content()?));
    let Some(playhead) = playhead else { return };
    let player = Player::new(session, playhead);
    // The reader may have moved the slider already, and may be using the keyboard there.
    let slider = document().get_element_by_id(AT).map(JsCast::unchecked_into::<HtmlInputElement>);
    let moved = slider.and_then(|slider| slider.value().parse().ok()).filter(|at| *at != playhead.at_seconds);
    let focused = document().active_element().filter(|active| place.contains(Some(active))).map(|active| active.id());
    place.set_text_content(None);
    mount_to_renderer(place, move || controls(player)).forget();
    if let Some(focused) = focused.and_then(|id| document().get_element_by_id(&id)) {
        let _ = focused.unchecked_into::<HtmlElement>().focus();
    }
    if let Some(at) = moved {
        player.go(|playback| playback.seek(at));
    }
    if playhead.plays && !player.is_over() {
        player.toggle();
    }
    player.go_on();
}

/// The state of the controls. A handle; copies share it.
#[derive(Clone, Copy)]
struct Player {
    session: Session,
    playback: RwSignal<Playback>,
    /// Whether what comes next could not be fetched.
    has_failed: RwSignal<bool>,
    is_fetching: StoredValue<bool>,
    /// Where the reader drags the slider to.
    dragged: RwSignal<Option<u64>>,
    /// Whether a timer is to let time pass.
    is_timed: StoredValue<bool>,
    /// Whether a message came next when the page was loaded.
    had_next: bool,
}

impl Player {
    fn new(session: Session, playhead: Playhead) -> Self {
        session.timeline.update_untracked(|timeline| timeline.become_replay());
        Self {
            session,
            playback: RwSignal::new(Playback::new(playhead)),
            has_failed: RwSignal::new(false),
            is_fetching: StoredValue::new(false),
            dragged: RwSignal::new(None),
            is_timed: StoredValue::new(false),
            had_next: playhead.next_seconds.is_some(),
        }
    }

    fn is_over(self) -> bool {
        self.playback.with_untracked(Playback::is_over)
    }

    fn toggle(self) {
        self.has_failed.set(false);
        self.playback.update(|playback| match playback.is_playing() {
            true => playback.pause(),
            false => playback.play(monotonic_ms()),
        });
        self.go_on();
        self.write_address();
    }

    /// Goes elsewhere.
    fn go(self, to: impl FnOnce(&mut Playback)) {
        self.has_failed.set(false);
        self.playback.update(to);
        self.go_on();
        self.write_address();
    }

    fn set_speed(self, speed: f64) {
        self.playback.update(|playback| playback.set_speed(speed, monotonic_ms()));
        self.go_on();
    }

    /// Tries again what has failed.
    fn retry(self) {
        self.has_failed.set(false);
        self.go_on();
    }

    /// Shows what is due and fetches what is wanted.
    fn go_on(self) {
        let due = self.playback.try_update(|playback| {
            playback.advance(monotonic_ms());
            playback.due()
        });
        let messages: Vec<_> = due.into_iter().flatten().filter_map(|due| due.message).collect();
        self.session.receive(messages);
        self.keep_time();
        let wanted = self.playback.with_untracked(Playback::wanted);
        if let Some(wanted) = wanted
            && !self.is_fetching.get_value()
            && !self.has_failed.get_untracked()
        {
            self.is_fetching.set_value(true);
            spawn(self.fetch(wanted));
        }
    }

    /// Comes back in a moment, while it plays.
    fn keep_time(self) {
        if self.playback.with_untracked(Playback::is_playing) && !self.is_timed.get_value() {
            self.is_timed.set_value(true);
            let come_back = move || {
                self.is_timed.set_value(false);
                self.go_on();
            };
            set_timeout(come_back, TICK);
        }
    }

    async fn fetch(self, wanted: Wanted) {
        let fetched = self.fetched(&wanted).await;
        self.is_fetching.set_value(false);
        match fetched {
            Some((page, list)) => {
                if self.playback.try_update(|playback| playback.receive(&wanted, page)) == Some(true)
                    && let Some(list) = list
                {
                    self.show(list);
                }
            }
            // What was asked for may be of no interest any more.
            None if self.playback.with_untracked(Playback::wanted).as_ref() == Some(&wanted) => {
                self.playback.update(Playback::pause);
                self.has_failed.set(true);
            }
            None => {}
        }
        self.go_on();
    }

    /// Fetches what comes next, and the list if it is wanted. None if either cannot be had now.
    async fn fetched(self, Wanted { place, list }: &Wanted) -> Option<(ReplayPage, Option<HistoryPage>)> {
        let url = format!("/v1/streams/{}/replay?limit={LIMIT}&{place}", self.session.room);
        let answer = request::get(&url).await.ok().filter(|answer| answer.status == OK)?;
        let page = ReplayPage::read(&answer.text)?;
        if !list {
            return Some((page, None));
        }
        let before = page.recorded.first().map_or_else(String::new, |next| ["&before=", &next.id].concat());
        Some((page, Some(self.session.extract(&before).await?)))
    }

    /// Shows another part of the log, at its end.
    fn show(self, list: HistoryPage) {
        hold::release(self.session);
        self.session.following.set_value(true);
        scroll::keep_place(self.session, Box::new(|timeline| timeline.rewind(list)));
    }

    /// Lets the page's address lead to the moment that is shown.
    fn write_address(self) {
        let seconds = self.playback.with_untracked(Playback::seconds);
        let url = self.session.link("at=", &seconds.to_string());
        // Browsers refuse it to pages that do it all the time. The next time does as well.
        let _ = window().history().and_then(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(&url)));
    }

    /// Returns something that follows the state, and changes only when it does.
    fn memo<T: PartialEq + Send + Sync + 'static>(self, of: fn(&Playback) -> T) -> Memo<T> {
        Memo::new(move |_| self.playback.with(of))
    }
}

fn controls(player: Player) -> impl IntoView {
    let texts = player.session.texts;
    let length = player.playback.with_untracked(Playback::length);
    let (is_playing, seconds) = (player.memo(Playback::is_playing), player.memo(Playback::seconds));
    let (has_next, is_waiting) = (player.memo(Playback::has_next), player.memo(Playback::is_waiting));
    let shown = Memo::new(move |_| player.dragged.get().unwrap_or_else(|| seconds.get()));
    let play_or_pause = move || texts.text(if is_playing.get() { key::replay::PAUSE } else { key::replay::PLAY });
    let is_at_start = Memo::new(move |_| seconds.get() == 0);
    let is_at_end = Memo::new(move |_| seconds.get() >= length);
    let is_last = Memo::new(move |_| !has_next.get().unwrap_or(player.had_next));
    let back = move |_: MouseEvent| player.go(|playback| playback.seek(playback.seconds().saturating_sub(STEP)));
    let on = move |_: MouseEvent| player.go(|playback| playback.seek(playback.seconds() + STEP));
    let dragged = |event: &Event| event_target_value(event).parse().ok();
    let drag = move |event: Event| player.dragged.set(dragged(&event));
    let drop = move |event: Event| {
        player.dragged.set(None);
        if let Some(at) = dragged(&event) {
            player.go(|playback| playback.seek(at));
        }
    };
    let choose = move |event: Event| {
        let speed = event_target_value(&event).parse().ok().and_then(|n: usize| SPEEDS.get(n));
        speed.into_iter().for_each(|(speed, _)| player.set_speed(*speed));
    };
    let speeds = SPEEDS.iter().enumerate().map(|(n, (speed, words))| {
        let is_normal = player.playback.with_untracked(|playback| playback.speed() == *speed);
        view! { <option value=n.to_string() selected=is_normal>{*words}</option> }
    });
    let words = Signal::derive(move || [&*clock(shown.get(), length), " / ", &clock(length, length)].concat());
    // Where nothing has been said yet, it says when that begins.
    let next = player.memo(Playback::next_seconds);
    let first = Signal::derive(move || match next.get().filter(|_| player.session.timeline.with(Timeline::is_empty)) {
        Some(first) => texts.fill(key::replay::FIRST, &[("time", &clock(first, length))]),
        None => String::new(),
    });
    let failed = Signal::derive(move || match player.has_failed.get() {
        true => texts.text(key::replay::FAILED).to_owned(),
        false => String::new(),
    });
    view! {
        <nav class="replay" aria-label=texts.text(key::replay::REPLAY) aria-busy=move || (is_waiting.get() && !player.has_failed.get()).then_some("true")>
            <div class="controls" dir="ltr">
                <button
                    type="button"
                    class="play"
                    disabled=length == 0
                    aria-label=play_or_pause
                    title=play_or_pause
                    on:click=move |_| player.toggle()
                >
                    <svg viewBox="0 0 24 24" aria-hidden="true"><path d=move || if is_playing.get() { PAUSE } else { PLAY }></path></svg>
                </button>
                <button id="back" type="button" class="step" aria-disabled=move || is_at_start.get().then_some("true") on:click=back>
                    {texts.text(key::replay::SECONDS_BACK)}
                </button>
                <div class="seek">
                    <input
                        id=AT
                        type="range"
                        min="0"
                        max=length.to_string()
                        autocomplete="off"
                        aria-label=texts.text(key::replay::POSITION)
                        aria-valuetext=move || in_words(texts, shown.get())
                        prop:value=move || shown.get().to_string()
                        on:input=drag
                        on:change=drop
                    />
                    <span class="moment" inner_html=LiveText(words)></span>
                </div>
                <button id="on" type="button" class="step" aria-disabled=move || is_at_end.get().then_some("true") on:click=on>
                    {texts.text(key::replay::SECONDS_ON)}
                </button>
                <button
                    id="next"
                    type="button"
                    class="step"
                    aria-label=texts.text(key::replay::NEXT)
                    title=texts.text(key::replay::NEXT)
                    aria-disabled=move || is_last.get().then_some("true")
                    on:click=move |_| player.go(Playback::skip_to_next)
                >
                    <svg viewBox="0 0 24 24" aria-hidden="true"><path d=NEXT></path></svg>
                </button>
                <select class="speed" aria-label=texts.text(key::replay::SPEED) autocomplete="off" on:change=choose>
                    {speeds.collect_view()}
                </select>
            </div>
            <p class="first" hidden=move || first.with(String::is_empty)>
                <button type="button" class="button quiet" on:click=move |_| player.go(Playback::skip_to_next) inner_html=LiveText(first)></button>
            </p>
            <div class="failed" hidden=move || !player.has_failed.get()>
                <p role="alert" inner_html=LiveText(failed)></p>
                <button type="button" class="button quiet" on:click=move |_| player.retry()>{texts.text(key::replay::RETRY)}</button>
            </div>
        </nav>
    }
}

/// Returns a time as players show it: `2:03`, and of what lasts an hour or longer `1:02:03`.
pub fn clock(seconds: u64, length: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if length < 3_600 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// Returns a time as people say it: `2 minutes 5 seconds`.
pub fn in_words(texts: &'static Texts, seconds: u64) -> String {
    let parts =
        [(key::page::HOURS, seconds / 3_600), (key::page::MINUTES, seconds / 60 % 60), (key::page::SECONDS, seconds % 60)];
    let said = parts.iter().filter(|(_, count)| *count > 0).map(|(unit, count)| texts.count(*unit, *count as usize));
    let joined = said.reduce(|first, rest| texts.fill(key::replay::AND, &[("first", &first), ("rest", &rest)]));
    joined.unwrap_or_else(|| texts.count(key::page::SECONDS, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locales::named;

    #[test]
    fn times_are_written_as_players_do() {
        for (seconds, length, expected) in
            [(0, 0, "0:00"), (125, 600, "2:05"), (125, 3_599, "2:05"), (125, 3_600, "0:02:05"), (36_061, 40_000, "10:01:01")]
        {
            assert_eq!(clock(seconds, length), expected);
        }
    }

    #[test]
    fn times_are_said_in_words() {
        for (language, seconds, expected) in [
            ("en", 0, "0 seconds"),
            ("en", 1, "1 second"),
            ("en", 125, "2 minutes 5 seconds"),
            ("en", 3_600, "1 hour"),
            ("en", 36_061, "10 hours 1 minute 1 second"),
            ("de", 3_605, "1 Stunde 5 Sekunden"),
            ("ja", 65, "1 分 5 秒"),
        ] {
            assert_eq!(in_words(named(language).expect("a language of the page"), seconds), expected);
        }
    }
}
