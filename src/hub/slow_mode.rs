use std::time::Duration;

use tokio::time::Instant;

use crate::{bounded_map::BoundedMap, chat::UserId};

/// Most users of a room whose waits are known. If more wait at once, those who would wait least need not.
const MOST_KEPT: usize = 32_768;

/// When each user of a room spoke last, while the room is in slow mode.
pub(super) struct SlowMode(BoundedMap<UserId, Spoken>);

struct Spoken {
    at: Instant,
    client_message_id: Option<String>,
}

impl Default for SlowMode {
    fn default() -> Self {
        Self(BoundedMap::new(MOST_KEPT))
    }
}

impl SlowMode {
    /// Lets `user` speak if they last did so `wait` ago, or repeat what they said last: they may not know that it arrived.
    ///
    /// # Errors
    /// How long to wait yet.
    pub(super) fn take(&mut self, user: &UserId, client_message_id: Option<&str>, wait: Duration) -> Result<(), Duration> {
        if wait.is_zero() {
            self.0.clear();
            return Ok(());
        }
        if let Some(last) = self.0.get(user) {
            let left = wait.saturating_sub(last.at.elapsed());
            if !left.is_zero() {
                let repeats = client_message_id.is_some() && last.client_message_id.as_deref() == client_message_id;
                return if repeats { Ok(()) } else { Err(left) };
            }
        }
        self.note(user, client_message_id, wait, Instant::now());
        Ok(())
    }

    /// `user` spoke on another node, so long ago.
    pub(super) fn hear(&mut self, user: &UserId, client_message_id: Option<&str>, wait: Duration, ago: Duration) {
        let spoke_at = Instant::now().checked_sub(ago).filter(|_| ago < wait);
        if let Some(at) = spoke_at.filter(|at| self.0.get(user).is_none_or(|last| last.at < *at)) {
            self.note(user, client_message_id, wait, at);
        }
    }

    fn note(&mut self, user: &UserId, client_message_id: Option<&str>, wait: Duration, at: Instant) {
        let spoken = Spoken { at, client_message_id: client_message_id.map(str::to_owned) };
        self.0.insert(user.clone(), spoken, Instant::now(), |_, spoken| spoken.at + wait);
    }

    /// What `user` said was not stored.
    pub(super) fn give_back(&mut self, user: &UserId) {
        self.0.remove(user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    #[tokio::test(start_paused = true)]
    async fn each_user_waits_between_two_messages() {
        let mut slow = SlowMode::default();
        let (ann, bob) = (user("ann"), user("bob"));
        assert_eq!(slow.take(&ann, Some("a"), WAIT), Ok(()));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(slow.take(&ann, Some("b"), WAIT), Err(Duration::from_secs(6)));
        assert_eq!(slow.take(&ann, None, WAIT), Err(Duration::from_secs(6)));
        assert_eq!(slow.take(&ann, Some("a"), WAIT), Ok(()), "the same message again");
        assert_eq!(slow.take(&bob, None, WAIT), Ok(()), "each on their own");
        assert_eq!(slow.take(&bob, None, WAIT), Err(WAIT), "without an id nothing is a repeat");
        slow.give_back(&bob);
        assert_eq!(slow.take(&bob, None, WAIT), Ok(()), "what failed does not count");
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(slow.take(&ann, Some("b"), WAIT), Ok(()));
        assert_eq!(slow.take(&ann, Some("c"), Duration::ZERO), Ok(()), "switched off");
        assert_eq!(slow.take(&ann, Some("d"), WAIT), Ok(()), "and what was before is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn those_whose_wait_is_over_are_forgotten() {
        let mut slow = SlowMode::default();
        for n in 0..1_000 {
            assert_eq!(slow.take(&user(&n.to_string()), None, WAIT), Ok(()));
            tokio::time::advance(WAIT / 10).await;
            assert!(slow.0.len() <= 64, "{}", slow.0.len());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_on_another_node_counts_from_when_it_was_said() {
        let mut slow = SlowMode::default();
        // Else the clock of this machine may be younger than what is said below.
        tokio::time::advance(WAIT * 2).await;
        let ann = user("ann");
        slow.hear(&ann, Some("m"), WAIT, WAIT / 2);
        assert_eq!(slow.take(&ann, None, WAIT), Err(WAIT / 2));
        assert_eq!(slow.take(&ann, Some("m"), WAIT), Ok(()), "they may not know that it arrived");
        slow.hear(&ann, None, WAIT, WAIT * 3 / 4);
        assert_eq!(slow.take(&ann, None, WAIT), Err(WAIT / 2), "the latest counts, in whichever order it comes");
        let bob = user("bob");
        slow.hear(&bob, None, WAIT, WAIT);
        assert!(slow.0.len() == 1 && slow.take(&bob, None, WAIT).is_ok(), "too long ago");
        slow.hear(&bob, None, Duration::ZERO, Duration::ZERO);
        assert_eq!(slow.take(&bob, None, WAIT), Err(WAIT), "not in slow mode then");
    }
}
