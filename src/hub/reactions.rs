use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::sleep;

use super::{Activity, Caller, Hub, Inner, Refusal, publish::Speaker};
use crate::{
    chat::{Payload, RoomId},
    engine::{EngineError, React, Reacted},
};

/// How often a room is told of reactions at most. In a big room each more often would be most of the traffic, and of the log.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// After how long it is tried again when the log took nothing.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Whether somebody tells a room of reactions at present. A standard lock, held for a look.
#[derive(Default)]
pub(super) struct Telling(Mutex<Teller>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Teller {
    /// There is nothing to be told.
    #[default]
    Idle,
    /// Has told what there was, and waits.
    Waits,
    /// There is something to be told.
    Tells,
}

/// What became of an attempt to tell.
enum Told {
    /// Everything is told.
    All,
    /// There is more.
    Part,
    /// The log took nothing.
    Failed,
    /// Nothing will be told any more.
    Closed,
}

impl Telling {
    /// There is something new. Whether the asker is to [tell](Self::tell) it: nobody else does.
    fn is_needed(&self) -> bool {
        std::mem::replace(&mut *self.lock(), Teller::Tells) == Teller::Idle
    }

    /// Has `tell` tell the first change at once, and what comes later together, until there is nothing new.
    async fn tell<F: Future<Output = Told>>(&self, mut tell: impl FnMut() -> F) {
        loop {
            *self.lock() = Teller::Waits;
            let pause = match tell().await {
                Told::All => TELL_EVERY,
                Told::Part => {
                    *self.lock() = Teller::Tells;
                    TELL_EVERY
                }
                Told::Failed => {
                    *self.lock() = Teller::Tells;
                    TRY_AGAIN_AFTER
                }
                Told::Closed => return,
            };
            sleep(pause).await;
            let mut teller = self.lock();
            if *teller == Teller::Waits {
                *teller = Teller::Idle;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Teller> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// Adds a reaction to a message, or takes it back; what is so already stays so. Whoever may speak may react, at their rate for
    /// it; the room is told of many reactions at once.
    ///
    /// # Errors
    /// Those of [`publish`](Self::publish) that are not about a text, and [`Refusal::Emoji`], [`Refusal::UnknownMessage`],
    /// [`Refusal::Deleted`] and [`Refusal::TooManyReactions`].
    pub async fn react(
        &self,
        room: RoomId,
        caller: Caller<'_>,
        message: u64,
        emoji: &str,
        is_set: bool,
    ) -> Result<Reacted, Refusal> {
        let (live, claims) = self.let_in(room, &caller)?;
        self.check_disk()?;
        let speaker = Speaker::new(self, live, claims, caller.from)?;
        let emoji = emojis::get(emoji).ok_or(Refusal::Emoji)?.as_str();
        speaker.check(&speaker.rules)?;
        let user = &speaker.claims.user;
        if is_set && !speaker.moderates {
            speaker.rules.check(user, &Payload::of(&emoji), None)?;
        }
        self.count(room, Some(user), caller.from, Activity::Reaction)?;
        let react = React { message, user: user.clone(), emoji: emoji.to_owned(), is_set };
        let reacted = self
            .to_its_end(async move |hub| {
                let reacted = hub.0.engine.react(room, react).await?;
                if reacted.changed {
                    hub.tell_reactions(room);
                }
                Ok(reacted)
            })
            .await?;
        speaker.heard(None);
        Ok(reacted)
    }

    /// Has the room be told of reactions that changed, soon.
    pub(super) fn tell_reactions(&self, room: RoomId) {
        let Ok(live) = self.find(room) else { return };
        if !live.telling().is_needed() {
            return;
        }
        let hub = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            live.telling().tell(|| tell(hub.clone(), room)).await;
        });
    }
}

async fn tell(hub: Weak<Inner>, room: RoomId) -> Told {
    let Some(hub) = hub.upgrade() else { return Told::Closed };
    match hub.engine.tell_reactions(room).await {
        Ok(false) => Told::All,
        Ok(true) => Told::Part,
        // What is not told now is told after the next start.
        Err(EngineError::Closed) => Told::Closed,
        Err(_) => Told::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        sync::atomic::{AtomicU32, Ordering::Relaxed},
    };

    use tokio::time::{Instant, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_change_is_told_at_once_and_later_ones_together() {
        let telling = Arc::new(Telling::default());
        let (changes, times) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
        let began = Instant::now();
        for n in 1..=100 {
            changes.store(n, Relaxed);
            if telling.is_needed() {
                let (telling, changes, times) = (Arc::clone(&telling), Arc::clone(&changes), Arc::clone(&times));
                tokio::spawn(async move {
                    let tell = || {
                        let told = (began.elapsed().as_millis(), changes.load(Relaxed));
                        times.lock().expect("not poisoned").push(told);
                        ready(Told::All)
                    };
                    telling.tell(tell).await;
                });
            }
            tokio::task::yield_now().await;
            advance(Duration::from_millis(10)).await;
        }
        for _ in 0..2 {
            advance(TELL_EVERY).await;
            tokio::task::yield_now().await;
        }
        let times = times.lock().expect("not poisoned").clone();
        assert_eq!(times.first(), Some(&(0, 1)));
        assert!((4..=5).contains(&times.len()), "four a second: {times:?}");
        assert_eq!(times.last().map(|told| told.1), Some(100), "and the last one is told too: {times:?}");
        assert!(telling.is_needed(), "then nobody waits for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_log_did_not_take_is_told_again() {
        let telling = Telling::default();
        assert!(telling.is_needed() && !telling.is_needed());
        let mut attempts = [Told::Failed, Told::Part, Told::All].into_iter();
        let began = Instant::now();
        telling.tell(|| ready(attempts.next().expect("no more than needed"))).await;
        assert_eq!(began.elapsed(), TRY_AGAIN_AFTER + 2 * TELL_EVERY);
        assert!(telling.is_needed());
        telling.tell(|| ready(Told::Closed)).await;
        assert!(!telling.is_needed(), "nothing is told any more");
    }
}
