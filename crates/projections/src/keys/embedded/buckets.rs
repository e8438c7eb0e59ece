//! Token buckets in memory: in shards, each under a lock of its own, and so many at most.
//!
//! A bucket that is full says nothing, and is forgotten first. Where more are in use than there is room for, those that
//! would be full soonest are forgotten, of the same kind alone: whoever makes up addresses cannot fill a tenant's bucket.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::lock;
use crate::keys::{Admission, Bucket};

/// Shards: a request holds the lock of one, seldom of two.
const SHARDS: usize = 32;
/// Buckets of one kind in one shard, at most: some 130,000 of a kind.
const BUCKETS_MAX: usize = 4_096;
/// How many are forgotten together where there is no more room.
const FORGOTTEN: usize = BUCKETS_MAX / 8;

/// What a bucket had, and when. Times are microseconds since the store was made.
#[derive(Debug, Clone, Copy)]
struct Held {
    level: u64,
    period_us: u64,
    at_us: u64,
    full_at_us: u64,
}

#[derive(Debug, Default)]
struct Shard(HashMap<&'static str, HashMap<String, Held>>);

/// The buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    began: Instant,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

impl Default for Buckets {
    fn default() -> Self {
        Self { began: Instant::now(), hasher: RandomState::new(), shards: Default::default() }
    }
}

impl Buckets {
    /// Takes a token from each, or from none.
    pub(super) fn take(&self, buckets: &[Bucket]) -> Admission {
        let places: Vec<usize> = buckets.iter().map(|bucket| self.place(bucket)).collect();
        let mut wanted = places.clone();
        // In one order, so that nobody waits for somebody who waits for them.
        wanted.sort_unstable();
        wanted.dedup();
        let mut locked: Vec<_> = wanted.iter().map(|place| lock(&self.shards[*place])).collect();
        let index = |place: &usize| wanted.binary_search(place).unwrap_or_default();
        // After the locks: time must not run backwards in a bucket.
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut limited: Option<(usize, u64)> = None;
        let mut levels = Vec::with_capacity(buckets.len());
        for (number, (bucket, place)) in buckets.iter().zip(&places).enumerate() {
            let level = locked[index(place)].level(bucket, now_us);
            let lacks = bucket.rate().period_us().saturating_sub(level);
            if lacks > 0 {
                let wait_us = bucket.rate().time_for(lacks);
                if limited.is_none_or(|(_, longest_us)| wait_us > longest_us) {
                    limited = Some((number, wait_us));
                }
            }
            levels.push(level);
        }
        if let Some((bucket, wait_us)) = limited {
            return Admission::Limited { bucket, wait: Duration::from_micros(wait_us) };
        }
        let mut left = Vec::with_capacity(buckets.len());
        for ((bucket, place), level) in buckets.iter().zip(&places).zip(levels) {
            let level = level - bucket.rate().period_us();
            locked[index(place)].keep(bucket, level, now_us);
            left.push(u32::try_from(level / bucket.rate().period_us()).unwrap_or(u32::MAX));
        }
        Admission::Admitted { left }
    }

    fn place(&self, bucket: &Bucket) -> usize {
        let hash = self.hasher.hash_one((bucket.kind(), bucket.key()));
        usize::try_from(hash % SHARDS as u64).unwrap_or_default()
    }
}

impl Shard {
    fn level(&self, bucket: &Bucket, now_us: u64) -> u64 {
        let rate = bucket.rate();
        match self.0.get(bucket.kind()).and_then(|kind| kind.get(bucket.key())) {
            Some(held) => rate.level(held.level, held.period_us, now_us.saturating_sub(held.at_us)),
            None => rate.full(),
        }
    }

    fn keep(&mut self, bucket: &Bucket, level: u64, now_us: u64) {
        let rate = bucket.rate();
        let full_at_us = now_us.saturating_add(rate.time_for(rate.full() - level));
        let held = Held { level, period_us: rate.period_us(), at_us: now_us, full_at_us };
        let kind = self.0.entry(bucket.kind()).or_default();
        if let Some(before) = kind.get_mut(bucket.key()) {
            *before = held;
            return;
        }
        if kind.len() >= BUCKETS_MAX {
            make_room(kind, now_us);
        }
        kind.insert(bucket.key().to_owned(), held);
    }
}

/// Forgets what is full, and where that is too little, what would be full soonest.
fn make_room(kind: &mut HashMap<String, Held>, now_us: u64) {
    let mut ends: Vec<u64> = kind.values().map(|held| held.full_at_us).collect();
    let (_, nth, _) = ends.select_nth_unstable(FORGOTTEN);
    let until_us = now_us.max(*nth);
    kind.retain(|_, held| held.full_at_us > until_us);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Rate;

    fn count(buckets: &Buckets) -> usize {
        buckets.shards.iter().map(|shard| lock(shard).0.values().map(HashMap::len).sum::<usize>()).sum()
    }

    #[test]
    fn made_up_names_fill_nothing_but_their_own_room() {
        let buckets = Buckets::default();
        let hour = Duration::from_secs(3_600);
        let scarce = Bucket::of("account", "anna", Rate::new(1, hour, 2).unwrap());
        let tenant = Bucket::of("tenant", "harbor-vale", Rate::new(1, hour, 1).unwrap());
        assert!(matches!(buckets.take(std::slice::from_ref(&tenant)), Admission::Admitted { .. }));
        for left in [1, 0] {
            assert_eq!(buckets.take(std::slice::from_ref(&scarce)), Admission::Admitted { left: vec![left] });
        }
        // Each of these is full sooner than the account's, which has nothing left.
        let rate = Rate::new(1, hour, 2).unwrap();
        for number in 0..SHARDS * BUCKETS_MAX * 2 {
            buckets.take(&[Bucket::of("account", &number.to_string(), rate)]);
        }
        assert!(count(&buckets) <= SHARDS * BUCKETS_MAX + 1);
        assert!(matches!(buckets.take(&[scarce]), Admission::Limited { .. }));
        assert!(matches!(buckets.take(&[tenant]), Admission::Limited { .. }));
    }

    #[test]
    fn full_buckets_are_forgotten_first() {
        let buckets = Buckets::default();
        let rate = Rate::new(1_000_000, Duration::from_secs(1), 2).unwrap();
        for number in 0..SHARDS * BUCKETS_MAX * 2 {
            buckets.take(&[Bucket::of("address", &number.to_string(), rate)]);
        }
        assert!(count(&buckets) <= SHARDS * BUCKETS_MAX);
    }
}
