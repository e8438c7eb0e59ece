//! Values that end by themselves, so many at most.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::STORE;
use crate::keys::KeyStoreError;

/// Values with an end.
#[derive(Debug)]
pub(super) struct Expiring<K, V> {
    what: &'static str,
    max: usize,
    values: HashMap<K, (V, Instant)>,
}

impl<K: Eq + Hash, V> Expiring<K, V> {
    pub(super) fn new(what: &'static str, max: usize) -> Self {
        Self { what, max, values: HashMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key).filter(|(_, end)| *end > Instant::now()).map(|(value, _)| value)
    }

    /// How long the value goes on.
    pub(super) fn left(&self, key: &K) -> Option<Duration> {
        self.values.get(key).and_then(|(_, end)| end.checked_duration_since(Instant::now()))
    }

    pub(super) fn put(&mut self, key: K, value: V, ttl: Duration) -> Result<(), KeyStoreError> {
        let now = Instant::now();
        if self.values.len() >= self.max && !self.values.contains_key(&key) {
            self.values.retain(|_, (_, end)| *end > now);
            if self.values.len() >= self.max {
                return Err(KeyStoreError::Full { store: STORE, what: self.what, max: self.max });
            }
        }
        self.values.insert(key, (value, now + ttl));
        Ok(())
    }

    /// Removes the value, and hands it out where it goes on.
    pub(super) fn take(&mut self, key: &K) -> Option<V> {
        self.values.remove(key).filter(|(_, end)| *end > Instant::now()).map(|(value, _)| value)
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.values.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_makes_room_and_what_has_not_does_not() {
        let mut values = Expiring::new("sessions", 2);
        values.put(1, "one", Duration::ZERO).unwrap();
        assert_eq!(values.get(&1), None);
        values.put(2, "two", Duration::from_secs(60)).unwrap();
        values.put(3, "three", Duration::from_secs(60)).unwrap();
        assert!(matches!(values.put(4, "four", Duration::ZERO), Err(KeyStoreError::Full { max: 2, .. })));
        values.put(2, "two again", Duration::from_secs(60)).unwrap();
        assert_eq!((values.take(&1), values.take(&3), values.take(&3)), (None, Some("three"), None));
        values.put(4, "four", Duration::from_secs(60)).unwrap();
        assert_eq!(
            (values.get(&2), values.get(&3), values.get(&4)),
            (Some(&"two again"), None, Some(&"four"))
        );
        assert!(values.left(&4).is_some_and(|left| left > Duration::from_secs(50)));
    }
}
