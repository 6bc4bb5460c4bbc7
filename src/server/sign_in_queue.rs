//! How fast passwords may be tried. An attempt is delayed, and refused only while very many wait, so that nobody can lock the owner
//! out: the right password gets in after a bounded time, and from a device that has signed in before strangers cannot delay it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::hub::Buckets;

/// Attempts that one source may make at once; each later one waits for its turn.
const BURST: f64 = 5.0;
/// Attempts a second of one source after that.
const PER_SECOND: f64 = 1.0;
/// Attempts of one source that may wait at once: with the rate it bounds the delay, to 15 s.
const MOST_OF_SOURCE: usize = 15;
/// Attempts from unknown devices that may wait or be checked at once. Each holds a connection.
const MOST_OF_STRANGERS: usize = 256;
/// The same from known devices.
const MOST_OF_DEVICES: usize = 64;

/// After how long somebody may try again for whom there is no place.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Where an attempt comes from. Each source has its own bucket and its own line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A device that has signed in before.
    Device(String),
    /// An address, of a device that has not.
    Address(Option<IpAddr>),
}

/// The attempts that wait or are being checked. A check takes 19 MiB of memory and some 20 ms of a processor, so few run at once.
pub(super) struct SignInQueue {
    buckets: Buckets<Source>,
    /// A standard lock: held for a look-up and a count.
    lines: Mutex<Lines>,
    checks_of_strangers: Arc<Semaphore>,
    checks_of_devices: Arc<Semaphore>,
}

#[derive(Default)]
struct Lines {
    /// Of the sources with attempts in the queue, and no others.
    by_source: HashMap<Source, Line>,
    strangers: usize,
    devices: usize,
}

struct Line {
    turn: Arc<Semaphore>,
    attempts: usize,
}

/// An attempt's place in the queue; free again when it is dropped.
struct Place {
    queue: Arc<SignInQueue>,
    source: Source,
    turn: Arc<Semaphore>,
}

/// The right to check a password now. It belongs to the check and not to whoever waits for its result: a check goes on when they
/// have gone.
pub(super) struct Turn {
    _check: OwnedSemaphorePermit,
    _place: Place,
}

impl Lines {
    fn count(&mut self, source: &Source) -> &mut usize {
        match source {
            Source::Device(_) => &mut self.devices,
            Source::Address(_) => &mut self.strangers,
        }
    }
}

impl SignInQueue {
    pub(super) fn new() -> Self {
        Self {
            buckets: Buckets::new(PER_SECOND, BURST),
            lines: Mutex::default(),
            checks_of_strangers: Arc::new(Semaphore::new(1)),
            checks_of_devices: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits until a password from there may be checked. Whoever gives up waiting leaves the queue.
    ///
    /// # Errors
    /// When to try again, if too many wait.
    pub(super) async fn wait(self: &Arc<Self>, source: Source) -> Result<Turn, Duration> {
        let place = self.join(source).ok_or(AGAIN_AFTER)?;
        // Semaphores serve in the order of arrival: a later attempt cannot overtake. None of them is ever closed.
        let first_in_line = place.turn.acquire().await.map_err(|_| AGAIN_AFTER)?;
        while let Err(wait) = self.buckets.take(place.source.clone()) {
            tokio::time::sleep(wait).await;
        }
        drop(first_in_line);
        let checks = match place.source {
            Source::Device(_) => &self.checks_of_devices,
            Source::Address(_) => &self.checks_of_strangers,
        };
        let check = Arc::clone(checks).acquire_owned().await.map_err(|_| AGAIN_AFTER)?;
        Ok(Turn { _check: check, _place: place })
    }

    fn join(self: &Arc<Self>, source: Source) -> Option<Place> {
        let mut lines = self.lines();
        let most = match source {
            Source::Device(_) => MOST_OF_DEVICES,
            Source::Address(_) => MOST_OF_STRANGERS,
        };
        let has_place = lines.by_source.get(&source).is_none_or(|line| line.attempts < MOST_OF_SOURCE);
        if !has_place || *lines.count(&source) >= most {
            return None;
        }
        *lines.count(&source) += 1;
        let new = || Line { turn: Arc::new(Semaphore::new(1)), attempts: 0 };
        let line = lines.by_source.entry(source.clone()).or_insert_with(new);
        line.attempts += 1;
        let turn = Arc::clone(&line.turn);
        Some(Place { queue: Arc::clone(self), source, turn })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.queue.lines();
        *lines.count(&self.source) -= 1;
        if let Some(line) = lines.by_source.get_mut(&self.source) {
            line.attempts -= 1;
            if line.attempts == 0 {
                lines.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join_all};
    use tokio::time::Instant;

    use super::*;

    fn address(n: u32) -> Source {
        Source::Address(Some(std::net::Ipv4Addr::from_bits(n).into()))
    }

    fn device(name: &str) -> Source {
        Source::Device(name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_is_delayed_and_not_refused() {
        let queue = Arc::new(SignInQueue::new());
        let began = Instant::now();
        for _ in 0..BURST as usize {
            queue.wait(address(1)).await.expect("a place");
        }
        assert_eq!(began.elapsed(), Duration::ZERO, "the first ones at once");
        for _ in 0..100 {
            let began = Instant::now();
            queue.wait(address(1)).await.expect("a place");
            assert!(began.elapsed() <= Duration::from_millis(1_001), "{:?}", began.elapsed());
        }
        assert!(began.elapsed() >= Duration::from_secs(100), "no more than one a second");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_served_in_turn_within_a_bounded_time() {
        let queue = Arc::new(SignInQueue::new());
        let began = Instant::now();
        let waiting = |_| queue.wait(address(1)).map(|turn| turn.map(|_| began.elapsed()));
        let served = join_all((0..100).map(waiting)).await;
        let refused = served.iter().filter(|served| served.is_err()).count();
        let served: Vec<_> = served.into_iter().filter_map(Result::ok).collect();
        // Those that need not wait leave their places at once.
        let most = MOST_OF_SOURCE + BURST as usize;
        assert_eq!((served.len(), refused), (most, 100 - most));
        assert!(served.is_sorted(), "{served:?}");
        assert!(served.iter().all(|wait| *wait <= Duration::from_secs(MOST_OF_SOURCE as u64)), "{served:?}");
        queue.wait(address(1)).await.expect("there is a place again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_and_another_address_do_not_wait_for_a_flood() {
        let queue = Arc::new(SignInQueue::new());
        let flood = join_all((0..MOST_OF_SOURCE).map(|_| queue.wait(address(1)).map(drop)));
        let others = async {
            for source in [device("a"), address(2), Source::Address(None)] {
                let began = Instant::now();
                queue.wait(source.clone()).await.expect("a place");
                assert_eq!(began.elapsed(), Duration::ZERO, "{source:?}");
            }
        };
        futures::future::join(flood, others).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_everywhere_leaves_a_place_for_devices() {
        let queue = Arc::new(SignInQueue::new());
        let held = queue.wait(address(0)).await.expect("a place");
        // One is being checked, and takes for ever.
        let mut flood: Vec<_> = (1..MOST_OF_STRANGERS as u32).map(|n| Box::pin(queue.wait(address(n)))).collect();
        assert!(flood.iter_mut().all(|attempt| attempt.now_or_never().is_none()));
        assert!(queue.wait(address(1_000)).await.is_err(), "the number of those that wait is bounded");
        queue.wait(device("a")).await.expect("a place");
        let mut devices: Vec<_> = (0..MOST_OF_DEVICES).map(|n| queue.join(device(&n.to_string()))).collect();
        assert!(devices.iter().all(Option::is_some) && queue.join(device("one more")).is_none());
        devices.clear();
        drop((held, flood));
        assert!(queue.lines().by_source.is_empty(), "whoever gives up leaves nothing behind");
        queue.wait(address(1_000)).await.expect("there is a place again");
    }
}
