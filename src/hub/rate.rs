use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::bounded_map::BoundedMap;

/// Most buckets of one kind. If more are in use at once, those that are full again soonest are dropped: a full bucket says nothing
/// that a new one would not.
const MOST_BUCKETS: usize = 65_536;

/// A token bucket for each key, such as a user of a room: `burst` tokens at once, then `rate` a second.
pub struct Buckets<K> {
    rate: f64,
    burst: f64,
    /// A standard lock: held for a look-up and a subtraction.
    buckets: Mutex<BoundedMap<K, Bucket>>,
}

/// One token bucket, which is filled again at a rate in tokens a second until `burst` are in it.
pub(super) struct Bucket {
    /// Below zero after an act that cost more than `burst`.
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn full(burst: f64) -> Self {
        Self { tokens: burst, at: Instant::now() }
    }

    fn level(&self, rate: f64, burst: f64, now: Instant) -> f64 {
        (self.tokens + now.duration_since(self.at).as_secs_f64() * rate).min(burst)
    }

    /// When it is full again.
    fn full_at(&self, rate: f64, burst: f64) -> Instant {
        self.at + wait((burst - self.tokens).max(0.0) / rate)
    }

    /// Checks whether there is a token.
    ///
    /// # Errors
    /// How long to wait for it.
    pub(super) fn check(&self, rate: f64, burst: f64) -> Result<(), Duration> {
        self.check_many(1.0, rate, burst)
    }

    /// Takes a token, if there is one.
    ///
    /// # Errors
    /// How long to wait for it.
    pub(super) fn take(&mut self, rate: f64, burst: f64) -> Result<(), Duration> {
        self.take_many(1.0, rate, burst)
    }

    /// An act that costs more than a full bucket needs a full one.
    fn check_many(&self, cost: f64, rate: f64, burst: f64) -> Result<(), Duration> {
        let missing = cost.min(burst) - self.level(rate, burst, Instant::now());
        if missing > 0.0 { Err(wait(missing / rate)) } else { Ok(()) }
    }

    fn take_many(&mut self, cost: f64, rate: f64, burst: f64) -> Result<(), Duration> {
        self.check_many(cost, rate, burst)?;
        let now = Instant::now();
        *self = Self { tokens: self.level(rate, burst, now) - cost, at: now };
        Ok(())
    }
}

/// A wait in seconds, of at most a day: with a rate near zero it could be more than a `Duration` holds.
fn wait(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.min(86_400.0))
}

impl<K: Eq + Hash> Buckets<K> {
    /// `rate` in tokens a second; 0 turns the limit off.
    pub fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst: burst.max(1.0), buckets: Mutex::new(BoundedMap::new(MOST_BUCKETS)) }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long to wait for it.
    pub fn take(&self, key: K) -> Result<(), Duration> {
        self.take_many(key, 1.0)
    }

    /// Takes `cost` tokens. If that is more than a burst, it takes a full bucket, and the rest is paid before the next act.
    ///
    /// # Errors
    /// How long to wait for them. None is taken then.
    pub fn take_many(&self, key: K, cost: f64) -> Result<(), Duration> {
        let Self { rate, burst, .. } = *self;
        if rate <= 0.0 {
            return Ok(());
        }
        let full_at = |_: &K, bucket: &Bucket| bucket.full_at(rate, burst);
        let mut buckets = self.lock();
        buckets.get_or_insert_with(key, Instant::now(), full_at, || Bucket::full(burst)).take_many(cost, rate, burst)
    }

    /// Checks whether `cost` tokens can be taken, and takes none.
    ///
    /// # Errors
    /// How long to wait for them.
    pub fn check(&self, key: &K, cost: f64) -> Result<(), Duration> {
        if self.rate <= 0.0 {
            return Ok(());
        }
        self.lock().get(key).map_or(Ok(()), |bucket| bucket.check_many(cost, self.rate, self.burst))
    }

    fn lock(&self) -> MutexGuard<'_, BoundedMap<K, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_then_the_rate_holds() {
        let buckets = Buckets::new(5.0, 10.0);
        for _ in 0..10 {
            assert_eq!(buckets.take("ann"), Ok(()));
        }
        assert_eq!(buckets.take("ann"), Err(Duration::from_millis(200)));
        assert_eq!(buckets.take("bob"), Ok(()), "each key has a bucket of its own");
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(buckets.take("ann"), Ok(()));
        assert!(buckets.take("ann").is_err());
        tokio::time::advance(Duration::from_secs(3_600)).await;
        for _ in 0..10 {
            assert_eq!(buckets.take("ann"), Ok(()));
        }
        assert!(buckets.take("ann").is_err(), "an hour of silence buys one burst, not more");
    }

    #[tokio::test(start_paused = true)]
    async fn zero_switches_the_limit_off() {
        let buckets = Buckets::new(0.0, 10.0);
        for _ in 0..1_000 {
            assert_eq!(buckets.take("ann"), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_act_that_costs_more_than_a_burst_takes_a_full_bucket() {
        let buckets = Buckets::new(10.0, 100.0);
        assert_eq!(buckets.check(&"ann", 1_000.0), Ok(()), "nothing is taken");
        assert_eq!(buckets.take_many("ann", 300.0), Ok(()));
        assert_eq!(buckets.take_many("ann", 1.0), Err(Duration::from_millis(20_100)));
        assert_eq!(buckets.check(&"ann", 300.0), Err(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(buckets.take_many("ann", 300.0), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn buckets_that_are_full_again_are_forgotten() {
        let buckets = Buckets::new(5.0, 10.0);
        for n in 0..1_000 {
            assert_eq!(buckets.take(n), Ok(()));
            tokio::time::advance(Duration::from_millis(20)).await;
            assert!(buckets.lock().len() <= 64);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_keys_frees_no_one_from_their_limit() {
        let buckets = Buckets::new(1.0, 2.0);
        let _ = (buckets.take(usize::MAX), buckets.take(usize::MAX));
        for n in 0..2 * MOST_BUCKETS {
            assert_eq!(buckets.take(n), Ok(()));
        }
        assert!(buckets.take(usize::MAX).is_err());
        assert!(buckets.lock().len() <= MOST_BUCKETS);
    }
}
