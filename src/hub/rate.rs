use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Buckets that are kept before the full ones are dropped. A full bucket says nothing that a new one would not.
const KEPT: usize = 10_000;

/// A token bucket for each key, such as a user of a room: `burst` acts at once, then `rate` a second.
pub struct Buckets<K> {
    rate: f64,
    burst: f64,
    /// A standard lock: held for a look-up and a subtraction.
    buckets: Mutex<HashMap<K, Bucket>>,
}

/// One token bucket, which is filled again at a rate in tokens a second until `burst` are in it.
pub(super) struct Bucket {
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

    /// Whether there is a token.
    ///
    /// # Errors
    /// How long to wait for it.
    pub(super) fn check(&self, rate: f64, burst: f64) -> Result<(), Duration> {
        let tokens = self.level(rate, burst, Instant::now());
        if tokens < 1.0 { Err(Duration::from_secs_f64((1.0 - tokens) / rate)) } else { Ok(()) }
    }

    /// Takes a token, if there is one.
    ///
    /// # Errors
    /// How long to wait for it.
    pub(super) fn take(&mut self, rate: f64, burst: f64) -> Result<(), Duration> {
        self.check(rate, burst)?;
        let now = Instant::now();
        *self = Self { tokens: self.level(rate, burst, now) - 1.0, at: now };
        Ok(())
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// `rate` in acts a second; 0 lets everything pass.
    pub fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst: burst.max(1.0), buckets: Mutex::default() }
    }

    /// Takes one act's worth.
    ///
    /// # Errors
    /// How long to wait for it.
    pub fn take(&self, key: K) -> Result<(), Duration> {
        if self.rate <= 0.0 {
            return Ok(());
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEPT {
            let now = Instant::now();
            buckets.retain(|_, bucket| bucket.level(self.rate, self.burst, now) < self.burst);
        }
        buckets.entry(key).or_insert_with(|| Bucket::full(self.burst)).take(self.rate, self.burst)
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
    async fn buckets_that_are_full_again_are_forgotten() {
        let buckets = Buckets::new(5.0, 10.0);
        for n in 0..KEPT {
            assert_eq!(buckets.take(n), Ok(()));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(buckets.take(KEPT), Ok(()));
        assert_eq!(buckets.buckets.lock().expect("not poisoned").len(), 1);
    }
}
