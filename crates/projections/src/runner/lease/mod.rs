//! Leases: which of several processes claims which partition of a store.
//!
//! Every process that projects into a store announces itself with a record beside the log, and holds a lease, another
//! record, for each partition that it works on. It renews them; a record that does not change for [`LeaseTimes::ttl`]
//! on the clock of whoever watches it is dead, and its partition is free. No clock is compared with another machine's.
//!
//! What must never happen here: anything that the read model's correctness rests on. Order and exactly-once are
//! the fence's ([`Claim`](crate::store::Claim)); a wrong lease costs time. A holder stops believing in its lease
//! before anybody else may take it, unless it is frozen, and then it is fenced when it wakes.
//!
//! - [`book`]: what is seen and what follows from it, without doing anything;
//! - [`keeper`]: the task that looks, writes, and tells the workers;
//! - [`tenure`]: the worker's side;
//! - [`record`]: how leases are written down.

pub(super) mod book;
pub(super) mod keeper;
#[cfg(test)]
mod model;
pub(super) mod record;
pub(super) mod tenure;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A process among those that share the partitions of a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct Owner {
    /// Which process it is: no two that live have the same.
    pub id: Uuid,
    /// What people call it, e.g. `plant-7/4711`: machine and process id.
    pub process: String,
}

impl Owner {
    /// A process with an id that nobody has.
    #[must_use]
    pub fn new(process: impl Into<String>) -> Self {
        Self { id: Uuid::now_v7(), process: process.into() }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.process)
    }
}

/// The times of leases; all follow from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeaseTimes {
    /// After so long without a change a record is dead.
    pub(super) ttl: Duration,
}

impl LeaseTimes {
    /// How often a process looks at the records.
    pub(super) fn look_every(self) -> Duration {
        self.ttl / 6
    }

    /// How old a record gets before it is renewed.
    pub(super) fn renew_after(self) -> Duration {
        self.ttl / 3
    }

    /// How long a holder believes in its lease from the moment at which it began to renew it. Whoever waits for the
    /// lease to die has seen the renewal later, and waits longer.
    pub(super) fn hold(self) -> Duration {
        self.ttl * 5 / 6
    }

    /// How long one read or write of records may take.
    pub(super) fn answer(self) -> Duration {
        self.ttl / 3
    }
}
