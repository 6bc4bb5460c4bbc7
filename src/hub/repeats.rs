use std::{collections::hash_map::RandomState, hash::BuildHasher, time::Duration};

use tokio::time::Instant;

use super::words::fold;
use crate::{bounded_map::BoundedMap, chat::UserId};

/// How often all together may say the same in one window.
const COPIES: u32 = 5;

/// Texts shorter than this, in code points, are a crowd's own: everybody says "gg" when the match is over.
const CROWD_CHARS: usize = 16;

/// Most texts of a room that are known, by users and of all together. If more were said within the window, the oldest are forgotten.
const MOST_KEPT: usize = 16_384;

/// What was said in a room a short while ago, to tell it when it is said again. Kept as hashes, in memory alone.
pub(super) struct Repeats {
    /// Of each user and text, when it was said, and under which id.
    own: BoundedMap<u64, Said>,
    /// Of each text, since when it is counted, and how often it was said since then.
    crowd: BoundedMap<u64, (Instant, u32)>,
}

struct Said {
    at: Instant,
    client_message_id: Option<String>,
}

/// What somebody is about to say, made ready to be compared.
pub(super) struct Saying {
    own: u64,
    crowd: Option<u64>,
}

impl Saying {
    /// Makes a text ready: what looks the same is the same. All of a room's by the same `hashes`.
    pub(super) fn new(hashes: &RandomState, user: &UserId, text: &str) -> Self {
        let mut text = fold(text);
        text.retain(|c| c != ' ');
        let is_long = text.chars().count() >= CROWD_CHARS;
        Self { own: hashes.hash_one((user, &text)), crowd: is_long.then(|| hashes.hash_one(&text)) }
    }
}

impl Default for Repeats {
    fn default() -> Self {
        Self { own: BoundedMap::new(MOST_KEPT), crowd: BoundedMap::new(MOST_KEPT) }
    }
}

impl Repeats {
    /// Whether it may be said: not twice within `window` by the same user, and not more than [`COPIES`] times by all together.
    /// The same message again is no repeat: its author may not know that it arrived.
    ///
    /// # Errors
    /// How long it may not be said yet.
    pub(super) fn check(&self, saying: &Saying, client_message_id: Option<&str>, window: Duration) -> Result<(), Duration> {
        let left = |since: Instant| Some(window.saturating_sub(since.elapsed())).filter(|left| !left.is_zero());
        if let Some(said) = self.own.get(&saying.own)
            && let Some(left) = left(said.at)
        {
            let is_same = client_message_id.is_some() && said.client_message_id.as_deref() == client_message_id;
            return if is_same { Ok(()) } else { Err(left) };
        }
        match saying.crowd.and_then(|text| self.crowd.get(&text)) {
            Some((since, COPIES..)) => left(*since).map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// It is said.
    pub(super) fn note(&mut self, saying: &Saying, client_message_id: Option<&str>, window: Duration) {
        let now = Instant::now();
        let said = Said { at: now, client_message_id: client_message_id.map(str::to_owned) };
        self.own.insert(saying.own, said, now, |_, said| said.at + window);
        if let Some(text) = saying.crowd {
            let expires_at = |_: &u64, (since, _): &(Instant, u32)| *since + window;
            let (since, copies) = self.crowd.get_or_insert_with(text, now, expires_at, || (now, 0));
            if since.elapsed() >= window {
                (*since, *copies) = (now, 0);
            }
            *copies += 1;
        }
    }

    /// It was not stored after all.
    pub(super) fn give_back(&mut self, saying: &Saying) {
        self.own.remove(&saying.own);
    }

    /// Forgets everything: nobody looks for repeats any more.
    pub(super) fn clear(&mut self) {
        self.own.clear();
        self.crowd.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);
    const LONG: &str = "Buy followers at example.com";

    fn user(name: &str) -> UserId {
        UserId::try_from(name.to_owned()).expect("a valid id")
    }

    fn saying(user: &UserId, text: &str) -> Saying {
        static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Saying::new(&HASHES, user, text)
    }

    fn say(repeats: &mut Repeats, user: &UserId, text: &str, id: Option<&str>) -> Result<(), Duration> {
        let saying = saying(user, text);
        repeats.check(&saying, id, WINDOW)?;
        repeats.note(&saying, id, WINDOW);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_says_the_same_twice_in_a_while() {
        let mut repeats = Repeats::default();
        let (ann, bob) = (user("ann"), user("bob"));
        assert_eq!(say(&mut repeats, &ann, "Hello", Some("a")), Ok(()));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(say(&mut repeats, &ann, "h e l l o", Some("b")), Err(Duration::from_secs(20)));
        assert_eq!(say(&mut repeats, &ann, "Hello", Some("a")), Ok(()), "the same message again");
        assert_eq!(say(&mut repeats, &ann, "Hello!", None), Ok(()), "another text");
        assert_eq!(say(&mut repeats, &bob, "Hello", None), Ok(()), "each on their own");
        tokio::time::advance(WINDOW).await;
        assert_eq!(say(&mut repeats, &ann, "Hello", None), Ok(()));
        repeats.give_back(&saying(&ann, "Hello"));
        assert_eq!(say(&mut repeats, &ann, "Hello", None), Ok(()), "what was not stored was not said");
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_says_a_long_text_a_few_times() {
        let mut repeats = Repeats::default();
        for n in 0..2 * COPIES {
            assert_eq!(say(&mut repeats, &user(&n.to_string()), "gg", None), Ok(()), "short ones are anybody's");
            let expected = if n < COPIES { Ok(()) } else { Err(WINDOW) };
            assert_eq!(say(&mut repeats, &user(&n.to_string()), LONG, None), expected, "{n}");
        }
        tokio::time::advance(WINDOW).await;
        assert_eq!(say(&mut repeats, &user("late"), LONG, None), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_long_ago_is_forgotten() {
        let mut repeats = Repeats::default();
        for n in 0..1_000 {
            assert_eq!(say(&mut repeats, &user("ann"), &format!("{LONG} {n}"), None), Ok(()));
            tokio::time::advance(WINDOW / 10).await;
            assert!(repeats.own.len() <= 64 && repeats.crowd.len() <= 64);
        }
    }
}
