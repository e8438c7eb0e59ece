//! How many commits of one partition may be under way and how many may wait; everyone else is turned away.
//!
//! The server works on one stream in one order. Single publishes overlap well on their way there; unfinished
//! batches only disturb each other, so that one of them is under way at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{AppendError, LogError};

/// The door of one partition.
pub(super) struct Admission {
    singles: Arc<Semaphore>,
    batches: Arc<Semaphore>,
    singles_max: u32,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Admission {
    /// A door for `singles_max` single publishes beside one batch, with `waiting_max` waiting before it.
    pub(super) fn new(singles_max: u32, waiting_max: usize) -> Self {
        Self {
            singles: Arc::new(Semaphore::new(singles_max as usize)),
            batches: Arc::new(Semaphore::new(1)),
            singles_max,
            waiting: AtomicUsize::new(0),
            waiting_max,
        }
    }

    /// Waits for the place of a write of `messages` messages; dropping the answer frees it again.
    ///
    /// # Errors
    /// [`AppendError::Overloaded`] where too many wait already; `Unavailable` once closed.
    pub(super) async fn enter(&self, messages: usize) -> Result<OwnedSemaphorePermit, AppendError> {
        let places = if messages > 1 { &self.batches } else { &self.singles };
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return Ok(place);
        }
        let waiter = Waiter::join(self)?;
        let place = Arc::clone(places).acquire_owned().await;
        drop(waiter);
        place.map_err(|_| LogError::Unavailable { reason: "the log is closed".to_owned() }.into())
    }

    /// Waits until nothing is under way, then lets nobody in any more.
    pub(super) async fn close(&self) {
        // An error means that it was closed before.
        let _ = self.batches.acquire().await;
        self.batches.close();
        let _ = self.singles.acquire_many(self.singles_max).await;
        self.singles.close();
    }
}

/// Counts one who waits, also where the wait is given up.
struct Waiter<'a>(&'a Admission);

impl<'a> Waiter<'a> {
    fn join(door: &'a Admission) -> Result<Self, AppendError> {
        let waiting = door.waiting.fetch_add(1, Ordering::Relaxed);
        let waiter = Self(door);
        if waiting >= door.waiting_max { Err(AppendError::Overloaded { waiting }) } else { Ok(waiter) }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_the_queue_full_is_turned_away_at_once() {
        let door = Arc::new(Admission::new(1, 1));
        let inside = door.enter(1).await.unwrap();
        let queue = tokio::spawn({
            let door = Arc::clone(&door);
            async move { door.enter(1).await.map(drop) }
        });
        while door.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(door.enter(1).await, Err(AppendError::Overloaded { waiting: 1 })));
        drop(inside);
        queue.await.unwrap().unwrap();
        assert!(door.enter(1).await.is_ok());
    }

    #[tokio::test]
    async fn one_batch_is_under_way_at_a_time_beside_singles() {
        let door = Admission::new(1, 0);
        let batch = door.enter(3).await.unwrap();
        let single = door.enter(1).await.unwrap();
        assert!(door.enter(2).await.is_err() && door.enter(1).await.is_err());
        drop((batch, single));
        assert!(door.enter(2).await.is_ok() && door.enter(1).await.is_ok());
    }

    #[tokio::test]
    async fn closing_waits_for_those_inside() {
        let door = Arc::new(Admission::new(2, 1));
        let inside = door.enter(1).await.unwrap();
        let closing = tokio::spawn({
            let door = Arc::clone(&door);
            async move { door.close().await }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        drop(inside);
        closing.await.unwrap();
        for messages in [1, 2] {
            let refused = door.enter(messages).await;
            assert!(matches!(refused, Err(AppendError::Log(LogError::Unavailable { .. }))));
        }
    }
}
