//! A map that strangers can fill without filling the memory.
//!
//! Every map whose keys come from the network is one of these. It uses nothing but the standard library, so that each layer can use it.

use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map},
    hash::Hash,
};

/// Below this many entries nothing is pruned: the scan would cost more than the memory.
const FLOOR: usize = 64;

/// A hash map whose entries expire and whose size has a hard limit.
///
/// Expired entries are removed in one scan when the map has doubled since the last one, so that an insertion costs a constant time
/// on average. If the map is full of entries that have not expired, the quarter of them that expires soonest is removed. In a map
/// of limits those are the entries that restrict least: flooding the map does not free a client from its own limit.
///
/// The map does not store when an entry expires. The caller says it by a function, because it often depends on a setting that can
/// change. `T` is the type of that moment, such as `Instant` or `Timestamp`.
#[derive(Debug)]
pub struct BoundedMap<K, V> {
    entries: HashMap<K, V>,
    limit: usize,
    /// The size at which the next scan is due.
    prune_at: usize,
}

impl<K: Eq + Hash, V> BoundedMap<K, V> {
    /// Creates an empty map of at most `limit` entries, which must be at least 4.
    pub fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), limit: limit.max(4), prune_at: FLOOR.min(limit.max(4)) }
    }

    /// Stores a value, after making room for it. Returns the value that the key had before.
    pub fn insert<T: Ord + Copy>(&mut self, key: K, value: V, now: T, expires_at: impl Fn(&K, &V) -> T) -> Option<V> {
        if !self.entries.contains_key(&key) {
            self.make_room(now, expires_at);
        }
        self.entries.insert(key, value)
    }

    /// Returns the value of a key, which is `make`'s if it has none yet.
    pub fn get_or_insert_with<T: Ord + Copy>(
        &mut self,
        key: K,
        now: T,
        expires_at: impl Fn(&K, &V) -> T,
        make: impl FnOnce() -> V,
    ) -> &mut V {
        if !self.entries.contains_key(&key) {
            self.make_room(now, expires_at);
        }
        self.entries.entry(key).or_insert_with(make)
    }

    /// Makes room for one more entry, and returns those that had to leave. A caller that keeps an index of the entries needs them.
    pub fn make_room<T: Ord + Copy>(&mut self, now: T, expires_at: impl Fn(&K, &V) -> T) -> Vec<(K, V)> {
        if self.entries.len() < self.prune_at {
            return Vec::new();
        }
        let mut removed: Vec<_> = self.entries.extract_if(|key, value| expires_at(key, value) <= now).collect();
        let most_kept = self.limit - self.limit / 4;
        if self.entries.len() > most_kept {
            removed.extend(self.remove_soonest(self.entries.len() - most_kept, expires_at));
        }
        self.prune_at = (2 * self.entries.len()).clamp(FLOOR.min(self.limit), self.limit);
        self.entries.shrink_to(self.prune_at);
        removed
    }

    /// Removes `count` entries, which must be fewer than there are: those that expire soonest.
    fn remove_soonest<T: Ord + Copy>(&mut self, count: usize, expires_at: impl Fn(&K, &V) -> T) -> Vec<(K, V)> {
        let mut moments: Vec<_> = self.entries.iter().map(|(key, value)| expires_at(key, value)).collect();
        let (sooner, &mut bound, _) = moments.select_nth_unstable(count);
        // Many entries may expire at the bound itself: as few of them leave as must.
        let mut at_bound = count - sooner.iter().filter(|moment| **moment < bound).count();
        let leaves = |key: &K, value: &mut V| {
            let moment = expires_at(key, value);
            let is_chosen = moment == bound && at_bound > 0;
            at_bound -= usize::from(is_chosen);
            moment < bound || is_chosen
        };
        self.entries.extract_if(leaves).collect()
    }

    /// Returns the value of a key. It may have expired.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key)
    }

    /// Returns the value of a key to change it. It may have expired.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key)
    }

    /// Removes a key.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.entries.remove(key)
    }

    /// Iterates over all entries, expired ones too, in no order.
    pub fn iter(&self) -> hash_map::Iter<'_, K, V> {
        self.entries.iter()
    }

    /// Keeps the entries that `is_kept` accepts. Costs a scan.
    pub fn retain(&mut self, is_kept: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain(is_kept);
    }

    /// The number of entries, expired ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes everything, and gives its memory back.
    pub fn clear(&mut self) {
        *self = Self::new(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LIMIT: usize = 1_000;

    #[test]
    fn expired_entries_leave_when_the_map_has_doubled() {
        let mut map = BoundedMap::new(LIMIT);
        for n in 0..10 * LIMIT {
            map.insert(n, n + 10, n, |_, expires_at| *expires_at);
            assert!(map.len() <= FLOOR, "{}", map.len());
        }
        assert!((10 * LIMIT - 10..10 * LIMIT).all(|n| map.get(&n).is_some()), "what has not expired stays");
    }

    #[test]
    fn a_full_map_keeps_what_expires_last() {
        let mut map = BoundedMap::new(LIMIT);
        // The even ones expire late.
        let moment = |n: usize| if n.is_multiple_of(2) { 1_000_000 } else { 1_000 + n };
        for n in 0..LIMIT + 1 {
            map.insert(n, (), 0, |key, ()| moment(*key));
        }
        assert_eq!(map.len(), LIMIT - LIMIT / 4 + 1);
        assert!((0..LIMIT).step_by(2).all(|n| map.get(&n).is_some()));
        assert!(map.get(&1).is_none() && map.get(&(LIMIT - 1)).is_some());
    }

    #[test]
    fn entries_that_expire_at_once_do_not_all_leave() {
        let mut map = BoundedMap::new(LIMIT);
        let mut removed = 0;
        for n in 0..3 * LIMIT {
            removed += map.make_room(0, |_, ()| 1).len();
            map.insert(n, (), 0, |_, ()| 1);
            assert!(map.len() <= LIMIT);
        }
        assert_eq!(map.len() + removed, 3 * LIMIT, "each that had to leave is named");
        assert!(map.len() > LIMIT / 2);
    }

    /// Whatever is inserted, an insertion looks at few entries on average.
    #[test]
    fn an_insertion_costs_a_constant_time_on_average() {
        let lasting: [fn(usize) -> usize; 4] = [|_| usize::MAX, |n| n + 100, |n| n + LIMIT - 1, |n| n + 5 * LIMIT];
        for lasts_until in lasting {
            let (mut map, looks) = (BoundedMap::new(LIMIT), Cell::new(0));
            for n in 0..100 * LIMIT {
                map.insert(n, lasts_until(n), n, |_, moment| {
                    looks.set(looks.get() + 1);
                    *moment
                });
                assert!(map.len() <= LIMIT);
            }
            assert!(looks.get() < 15 * 100 * LIMIT, "{}", looks.get());
        }
    }

    #[test]
    fn a_key_that_is_there_takes_no_room() {
        let mut map = BoundedMap::new(4);
        for n in 0..4 {
            map.insert(n, (), 0, |_, ()| 1);
        }
        map.insert(3, (), 0, |_, ()| 1);
        *map.get_or_insert_with(2, 0, |_, ()| 1, || unreachable!("it is there")) = ();
        assert_eq!(map.len(), 4);
    }
}
