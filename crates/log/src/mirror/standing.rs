//! How far a copy is: a small value behind a lock, which the copy writes and whoever wants to know reads.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::event_log::{Partition, Position};

/// How far the copy of one partition is.
#[derive(Debug, Clone, Serialize)]
pub struct PartitionStanding {
    /// The partition.
    pub partition: Partition,
    /// Where the target stood at the start; `None` until it was asked.
    pub begun_behind: Option<Position>,
    /// Position up to which the target was found, or made, to hold what the source holds.
    pub position: Position,
    /// Where the source ends, as last seen; never before `position`.
    pub head: Position,
    /// How often it was tried again since the start.
    pub retries: u64,
    /// Why it does not get on, while it does not.
    pub trouble: Option<String>,
    /// Since when the target lacks something.
    #[serde(skip)]
    behind_since: Option<Instant>,
}

impl PartitionStanding {
    /// Messages that the target has gained since the start.
    #[must_use]
    pub fn copied_messages(&self) -> u64 {
        self.begun_behind.map_or(0, |begin| self.position.0.saturating_sub(begin.0))
    }

    /// Messages that the target lacks.
    #[must_use]
    pub const fn lag_messages(&self) -> u64 {
        self.head.0.saturating_sub(self.position.0)
    }

    /// How long the target has lacked something; zero where it lacks nothing.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.behind_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn settle(&mut self) {
        self.head = self.head.max(self.position);
        if self.head == self.position {
            self.behind_since = None;
        } else {
            self.behind_since.get_or_insert_with(Instant::now);
        }
    }
}

/// The copy's end of it.
#[derive(Debug)]
pub(super) struct Standing(Mutex<PartitionStanding>);

impl Standing {
    pub(super) fn new(partition: Partition) -> Self {
        Self(Mutex::new(PartitionStanding {
            partition,
            begun_behind: None,
            position: Position(0),
            head: Position(0),
            retries: 0,
            trouble: None,
            behind_since: None,
        }))
    }

    pub(super) fn get(&self) -> PartitionStanding {
        self.lock().clone()
    }

    /// Says that the target was found to end at `position`, and the source at `head`.
    pub(super) fn begins_behind(&self, position: Position, head: Position) {
        let mut standing = self.lock();
        standing.begun_behind.get_or_insert(position);
        standing.position = position;
        standing.head = head;
        standing.trouble = None;
        standing.settle();
    }

    /// Says that the target holds what the source holds, up to `position`.
    pub(super) fn reached(&self, position: Position) {
        let mut standing = self.lock();
        standing.position = position;
        standing.settle();
    }

    pub(super) fn saw_head(&self, head: Position) {
        let mut standing = self.lock();
        standing.head = head;
        standing.settle();
    }

    pub(super) fn tries_again(&self, why: String) {
        let mut standing = self.lock();
        standing.retries += 1;
        standing.trouble = Some(why);
    }

    /// A holder that panicked leaves values that can still be read.
    fn lock(&self) -> MutexGuard<'_, PartitionStanding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
