//! The game of a room as a viewer has it: what it shows, what can be pressed, and what became of the last press.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::wire::{
    self,
    interface::{GameNews, Interface, PressFault, Pressed},
};

/// Milliseconds of a clock that only goes forward.
pub type Millis = f64;

/// What a viewer can do with a component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Openness {
    /// Press it.
    Open,
    /// Wait for the answer to a press.
    Sending,
    /// Wait until it is open again: for how long, of how long in all.
    Closed {
        /// Milliseconds that are left.
        left: Millis,
        /// Milliseconds in all.
        of: Millis,
    },
}

/// What became of a press.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The game was told.
    Received {
        /// How long the component is closed.
        closed: Millis,
        /// How long everything is closed to this viewer.
        pause: Millis,
    },
    /// It is open again after so long: to everybody, or to this viewer.
    Wait(Wait, Millis),
    /// No game is connected.
    NoGame,
    /// The game does not answer.
    Busy,
    /// The component is not on the screen any more.
    Gone,
    /// The server did not answer.
    NoAnswer,
    /// It was refused, for that reason in the server's words.
    Refused(String),
}

/// For what a viewer has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Somebody has pressed the component.
    Everybody,
    /// This viewer has.
    Own,
    /// Too many press it, or this viewer presses too fast.
    TooFast,
}

impl Outcome {
    /// Reads the answer to a press, after which everything is closed to its viewer for `pause`. Only the chat's own answers count:
    /// proxies and captive portals answer too, with any status.
    pub fn read(status: u16, text: &str, pause: Millis) -> Self {
        if status == 200 {
            return wire::read(text).map_or(Self::NoAnswer, |Pressed { duration }| Self::Received { closed: duration, pause });
        }
        let fault = wire::read(text).filter(|fault: &PressFault| fault.status_code == status);
        let Some(PressFault { reason, message, retry_after_ms: left, .. }) = fault else { return Self::NoAnswer };
        match &*reason {
            "no_game" => Self::NoGame,
            "game_busy" => Self::Busy,
            "unknown_action" => Self::Gone,
            "cooldown" => Self::Wait(Wait::Everybody, left),
            "own_cooldown" => Self::Wait(Wait::Own, left),
            "too_fast" | "limit" => Self::Wait(Wait::TooFast, left),
            _ => Self::Refused(message),
        }
    }
}

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    from: Millis,
    until: Millis,
}

/// The game of a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Game {
    interface: Option<Box<Interface>>,
    closed: BTreeMap<String, Span>,
    /// No component is open to this viewer meanwhile.
    paused: Option<Span>,
    sending: BTreeSet<String>,
    outcome: Option<Outcome>,
}

impl Game {
    /// Takes over what the page is told of it.
    pub fn hear(&mut self, news: GameNews, now: Millis) {
        match news {
            GameNews::Shown(interface, cooldowns) => {
                self.show(interface);
                cooldowns.into_iter().for_each(|(action, left)| self.close(action, left, now));
            }
            GameNews::Closed(action, left) => self.close(action, left, now),
        }
    }

    /// What is shown.
    pub fn interface(&self) -> Option<&Interface> {
        self.interface.as_deref()
    }

    /// What became of the last press.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The game shows something else. What is closed stays so only with the same interface.
    fn show(&mut self, interface: Option<Box<Interface>>) {
        let interface = interface.filter(|interface| has_something(interface));
        if self.interface.as_ref().map(|shown| &shown.id) != interface.as_ref().map(|shown| &shown.id) {
            self.closed.clear();
            self.outcome = None;
        }
        self.interface = interface;
    }

    /// A component is closed from now on, for so long.
    fn close(&mut self, action: String, left: Millis, now: Millis) {
        let until = now + left;
        // Several notices of one press arrive: the time is not begun again.
        if self.closed.get(&action).is_none_or(|span| span.until < until - 1_000.0) {
            self.closed.insert(action, Span { from: now, until });
        }
    }

    /// What can be done with a component.
    pub fn openness(&self, action: &str, now: Millis) -> Openness {
        if self.sending.contains(action) {
            return Openness::Sending;
        }
        // The mouse has a pace of its own.
        let paused = self.paused.as_ref().filter(|_| !is_mouse(action));
        let spans = self.closed.get(action).into_iter().chain(paused);
        let last = spans.filter(|span| span.until > now).max_by(|one, other| one.until.total_cmp(&other.until));
        last.map_or(Openness::Open, |span| Openness::Closed { left: span.until - now, of: span.until - span.from })
    }

    /// A component is pressed. Returns whether that is to be sent.
    pub fn press(&mut self, action: &str, now: Millis) -> bool {
        let is_open = self.openness(action, now) == Openness::Open;
        if is_open {
            self.sending.insert(action.to_owned());
            self.outcome = None;
        }
        is_open
    }

    /// A press has been answered.
    pub fn answer(&mut self, action: &str, outcome: Outcome, now: Millis) {
        self.sending.remove(action);
        match outcome {
            Outcome::Received { closed, pause } => {
                if pause > 0.0 {
                    self.paused = Some(Span { from: now, until: now + pause });
                }
                self.close(action.to_owned(), closed, now);
            }
            Outcome::Wait(Wait::TooFast, left) if is_mouse(action) => self.close(action.to_owned(), left, now),
            Outcome::Wait(Wait::TooFast, left) => self.paused = Some(Span { from: now, until: now + left }),
            Outcome::Wait(Wait::Own | Wait::Everybody, left) => self.close(action.to_owned(), left, now),
            Outcome::NoGame | Outcome::Busy | Outcome::Gone | Outcome::NoAnswer | Outcome::Refused(_) => {}
        }
        self.outcome = Some(outcome);
    }

    /// Forgets what is open again. Returns whether something is closed still, which the page counts down.
    pub fn tick(&mut self, now: Millis) -> bool {
        self.closed.retain(|_, span| span.until > now);
        self.paused = self.paused.filter(|span| span.until > now);
        !self.closed.is_empty() || self.paused.is_some()
    }
}

/// What the page knows a press of the mouse by, such as `mousedown`. No component has a name that begins so.
pub fn mouse(kind: &str) -> String {
    [" ", kind].concat()
}

fn is_mouse(action: &str) -> bool {
    action.starts_with(' ')
}

/// Whether an interface has anything to show. An empty one takes away what was there.
fn has_something(interface: &Interface) -> bool {
    interface.panel.is_some() || interface.mobile.is_some() || interface.video_overlay.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(id: &str) -> Option<Box<Interface>> {
        let interface = serde_json::json!({ "id": id, "panel": {} });
        Some(serde_json::from_value(interface).expect("an interface"))
    }

    fn game(closed: impl IntoIterator<Item = (String, f64)>) -> Game {
        let mut game = Game::default();
        game.hear(GameNews::Shown(shown("1"), closed.into_iter().collect()), 0.0);
        game
    }

    fn closed(left: f64, of: f64) -> Openness {
        Openness::Closed { left, of }
    }

    #[test]
    fn a_press_is_sent_once_and_closes_what_was_pressed() {
        let mut game = game([]);
        assert!(game.press("jump", 0.0));
        assert!(!game.press("jump", 10.0), "the answer is waited for");
        assert_eq!(game.openness("jump", 10.0), Openness::Sending);
        let received = Outcome::Received { closed: 10_000.0, pause: 3_000.0 };
        game.answer("jump", received.clone(), 100.0);
        assert_eq!(game.outcome(), Some(&received));
        assert_eq!(game.openness("jump", 1_100.0), closed(9_000.0, 10_000.0));
        assert_eq!(game.openness("duck", 1_100.0), closed(2_000.0, 3_000.0), "nobody presses faster");
        assert!(!game.press("duck", 1_100.0) && game.press("duck", 3_100.0));
        assert_eq!(game.outcome(), None);
        game.answer("duck", Outcome::NoAnswer, 4_000.0);
        assert_eq!(game.openness("duck", 4_000.0), Openness::Open, "it may be tried again");
        assert!(game.tick(10_000.0) && !game.tick(10_100.0));
    }

    #[test]
    fn answers_are_read_and_only_the_chat_s_own_count() {
        let fault = |reason: &str, left: f64| {
            serde_json::json!({ "statusCode": 406, "message": "Why.", "reason": reason, "retryAfterMs": left }).to_string()
        };
        let rows = [
            (200, r#"{"duration":10000,"broadcast":true}"#.to_owned(), Outcome::Received { closed: 10_000.0, pause: 3_000.0 }),
            (200, r#"{"type":"mousedown","clientX":1}"#.to_owned(), Outcome::Received { closed: 0.0, pause: 3_000.0 }),
            (200, "<p>Sign in".to_owned(), Outcome::NoAnswer),
            (406, fault("cooldown", 1.0), Outcome::Wait(Wait::Everybody, 1.0)),
            (406, fault("own_cooldown", 2.0), Outcome::Wait(Wait::Own, 2.0)),
            (406, fault("too_fast", 3.0), Outcome::Wait(Wait::TooFast, 3.0)),
            (406, fault("limit", 4.0), Outcome::Wait(Wait::TooFast, 4.0)),
            (406, fault("no_game", 0.0), Outcome::NoGame),
            (406, fault("game_busy", 0.0), Outcome::Busy),
            (406, fault("unknown_action", 0.0), Outcome::Gone),
            (406, fault("banned", 0.0), Outcome::Refused("Why.".to_owned())),
            (502, fault("cooldown", 1.0), Outcome::NoAnswer),
            (502, "Bad Gateway".to_owned(), Outcome::NoAnswer),
            (406, "{}".to_owned(), Outcome::NoAnswer),
        ];
        for (status, text, expected) in rows {
            assert_eq!(Outcome::read(status, &text, 3_000.0), expected, "{status} {text}");
        }
    }

    #[test]
    fn what_has_to_wait_waits() {
        let mut game = game([("jump".to_owned(), 4_000.0)]);
        assert_eq!(game.openness("jump", 0.0), closed(4_000.0, 4_000.0));
        game.hear(GameNews::Closed("jump".into(), 3_900.0), 200.0);
        assert_eq!(game.openness("jump", 1_000.0), closed(3_000.0, 4_000.0), "told a second time");
        game.answer("duck", Outcome::Wait(Wait::TooFast, 2_000.0), 0.0);
        assert_eq!(game.openness("other", 0.0), closed(2_000.0, 2_000.0));
        game.answer("duck", Outcome::Wait(Wait::Everybody, 9_000.0), 0.0);
        assert_eq!(game.openness("duck", 0.0), closed(9_000.0, 9_000.0));
    }

    #[test]
    fn the_mouse_and_the_components_do_not_wait_for_each_other() {
        let (mut game, down) = (game([]), mouse("mousedown"));
        game.answer("jump", Outcome::Received { closed: 10_000.0, pause: 3_000.0 }, 0.0);
        assert!(game.press(&down, 100.0));
        game.answer(&down, Outcome::Received { closed: 0.0, pause: 0.0 }, 200.0);
        assert_eq!(game.openness("duck", 1_000.0), closed(2_000.0, 3_000.0), "it still waits for the press of a component");
        game.answer(&down, Outcome::Wait(Wait::TooFast, 900.0), 3_000.0);
        assert_eq!(game.openness(&down, 3_000.0), closed(900.0, 900.0));
        assert_eq!(game.openness("duck", 3_000.0), Openness::Open);
    }

    #[test]
    fn another_interface_opens_everything() {
        let mut game = game([("jump".to_owned(), 4_000.0)]);
        game.show(shown("1"));
        assert_ne!(game.openness("jump", 0.0), Openness::Open);
        game.show(shown("2"));
        assert_eq!(game.openness("jump", 0.0), Openness::Open);
        let empty = serde_json::from_str("{}").expect("an interface");
        game.show(Some(empty));
        assert_eq!(game.interface(), None);
    }
}
