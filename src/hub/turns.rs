use std::time::Duration;

use super::{
    Refusal,
    rate::Bucket,
    repeats::{Repeats, Saying},
    rules::Rules,
    slow_mode::SlowMode,
};
use crate::chat::UserId;

/// Seconds' worth of a room's messages that may come at once.
const BURST_SECONDS: f64 = 5.0;

/// Who in a room may speak when, so that all can be read. In memory alone.
pub(super) struct Turns {
    slow_mode: SlowMode,
    repeats: Repeats,
    /// The messages of all users together.
    pace: Bucket,
}

impl Default for Turns {
    fn default() -> Self {
        Self { slow_mode: SlowMode::default(), repeats: Repeats::default(), pace: Bucket::full(f64::INFINITY) }
    }
}

impl Turns {
    /// Lets that user say something, of which `saying` is told from other texts if it has one.
    ///
    /// # Errors
    /// [`Refusal::Repeated`], [`Refusal::RoomTooFast`] and [`Refusal::SlowMode`]. No turn is taken then.
    pub(super) fn take(
        &mut self,
        rules: &Rules,
        user: &UserId,
        saying: Option<&Saying>,
        client_message_id: Option<&str>,
    ) -> Result<(), Refusal> {
        if let Some(saying) = saying {
            let repeated = self.repeats.check(saying, client_message_id, rules.repeat_window);
            repeated.map_err(|retry_after| Refusal::Repeated { retry_after })?;
        }
        let (per_second, burst) = pace(rules);
        let too_fast = |retry_after| Refusal::RoomTooFast { retry_after };
        if per_second > 0.0 {
            self.pace.check(per_second, burst).map_err(too_fast)?;
        }
        let slowed = self.slow_mode.take(user, client_message_id, rules.slow_mode);
        slowed.map_err(|retry_after| Refusal::SlowMode { retry_after })?;
        if per_second > 0.0 {
            self.pace.take(per_second, burst).map_err(too_fast)?;
        }
        match saying {
            Some(saying) => self.repeats.note(saying, client_message_id, rules.repeat_window),
            None if rules.repeat_window.is_zero() => self.repeats.clear(),
            None => {}
        }
        Ok(())
    }

    /// That user has said something on another node, so long ago.
    pub(super) fn hear(
        &mut self,
        rules: &Rules,
        user: &UserId,
        saying: Option<&Saying>,
        client_message_id: Option<&str>,
        ago: Duration,
    ) {
        let (per_second, burst) = pace(rules);
        if per_second > 0.0 && ago < Duration::from_secs(60) {
            // Where there is none left, the others have said more than may be; nobody waits for that any longer.
            let _ = self.pace.take(per_second, burst);
        }
        self.slow_mode.hear(user, client_message_id, rules.slow_mode, ago);
        if let Some(saying) = saying.filter(|_| ago < rules.repeat_window) {
            self.repeats.note(saying, client_message_id, rules.repeat_window);
        }
    }

    /// What that user said was not stored.
    pub(super) fn give_back(&mut self, user: &UserId, saying: Option<&Saying>) {
        self.slow_mode.give_back(user);
        if let Some(saying) = saying {
            self.repeats.give_back(saying);
        }
    }
}

/// How many messages a second a room takes of all together, 0 for any number, and how many at once.
fn pace(rules: &Rules) -> (f64, f64) {
    let per_second = f64::from(rules.messages_per_minute) / 60.0;
    (per_second, (per_second * BURST_SECONDS).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Settings;

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    #[tokio::test(start_paused = true)]
    async fn a_room_takes_so_many_messages_a_minute_from_all_together() {
        let rules = Rules::new(&Settings { messages_per_minute: 60, ..Settings::default() });
        let mut turns = Turns::default();
        for n in 0..5 {
            assert!(turns.take(&rules, &user(&n.to_string()), None, None).is_ok(), "{n}");
        }
        let Err(Refusal::RoomTooFast { retry_after }) = turns.take(&rules, &user("x"), None, None) else { panic!("taken") };
        assert_eq!(retry_after, Duration::from_secs(1));
        tokio::time::advance(retry_after).await;
        assert!(turns.take(&rules, &user("x"), None, None).is_ok());
        assert!(turns.take(&Rules::new(&Settings::default()), &user("x"), None, None).is_ok(), "switched off");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_on_another_node_takes_its_turn_here() {
        let settings = Settings { messages_per_minute: 60, repeat_seconds: 60, ..Settings::default() };
        let rules = Rules::new(&settings);
        let (mut turns, hashes) = (Turns::default(), Default::default());
        tokio::time::advance(Duration::from_secs(600)).await;
        let (ann, ago) = (user("ann"), Duration::from_secs(1));
        let hello = Saying::new(&hashes, &ann, "hello");
        turns.hear(&rules, &ann, Some(&hello), None, Duration::from_secs(60));
        assert!(turns.take(&rules, &ann, Some(&hello), None).is_ok(), "long ago");
        for n in 0..4 {
            turns.hear(&rules, &user(&n.to_string()), None, None, ago);
        }
        let too_fast = turns.take(&rules, &user("x"), None, None);
        assert!(matches!(too_fast, Err(Refusal::RoomTooFast { .. })), "{too_fast:?}");
        turns.hear(&rules, &user("y"), Some(&Saying::new(&hashes, &user("y"), "hello")), None, ago);
        tokio::time::advance(Duration::from_secs(2)).await;
        let repeated = turns.take(&rules, &user("y"), Some(&Saying::new(&hashes, &user("y"), "hello")), None);
        assert!(matches!(repeated, Err(Refusal::Repeated { .. })), "{repeated:?}");
        assert!(turns.take(&rules, &user("x"), None, None).is_ok(), "nobody owes what could not be taken");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_refused_takes_nobody_s_turn() {
        let settings = Settings { messages_per_minute: 1, slow_mode_seconds: 600, repeat_seconds: 900, ..Settings::default() };
        let rules = Rules::new(&settings);
        let (mut turns, hashes) = (Turns::default(), Default::default());
        let (ann, bob) = (user("ann"), user("bob"));
        let hello = |user| Saying::new(&hashes, user, "hello");
        assert!(turns.take(&rules, &ann, Some(&hello(&ann)), None).is_ok());
        let too_fast = turns.take(&rules, &bob, Some(&hello(&bob)), None);
        assert!(matches!(too_fast, Err(Refusal::RoomTooFast { .. })), "{too_fast:?}");
        tokio::time::advance(Duration::from_secs(60)).await;
        let slowed = turns.take(&rules, &ann, None, None);
        assert!(matches!(slowed, Err(Refusal::SlowMode { .. })), "{slowed:?}");
        assert!(
            turns.take(&rules, &bob, Some(&hello(&bob)), None).is_ok(),
            "neither slow mode nor a repeat holds, nor is the pace used up"
        );
        tokio::time::advance(Duration::from_secs(600)).await;
        let repeated = turns.take(&rules, &ann, Some(&hello(&ann)), None);
        assert!(matches!(repeated, Err(Refusal::Repeated { .. })), "{repeated:?}");
        turns.give_back(&ann, Some(&hello(&ann)));
        assert!(turns.take(&rules, &ann, Some(&hello(&ann)), None).is_ok(), "what was not stored was not said");
    }
}
