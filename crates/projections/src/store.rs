//! What every store of a read model is to the runner, whatever it holds.
//!
//! A store keeps one projection. It takes the changes of a batch of whole commits together with the checkpoint in
//! one transaction, and only from the worker that claimed the partition last: an epoch in the checkpoint fences a
//! worker that was taken for dead and comes back. What must never happen here: a batch that is applied twice, or
//! over a gap, or by a worker whose partition is another's.
//!
//! - [`generations`]: filling a read model beside the live one, and switching;
//! - [`quarantine`]: what waits because it could not be applied.

pub mod generations;
pub mod quarantine;

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position};
use jiff::Timestamp;
use uuid::Uuid;

use self::quarantine::Quarantine;

/// Up to where a projection has applied a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Last applied position; 0 before all.
    pub position: Position,
    /// Recorded time of that position, where there is one.
    pub recorded_at: Option<Timestamp>,
    /// What of the positions up to there was not applied, but waits.
    pub quarantine: Quarantine,
}

impl Checkpoint {
    /// A checkpoint behind which nothing waits.
    #[must_use]
    pub fn new(position: Position, recorded_at: Option<Timestamp>) -> Self {
        Self { position, recorded_at, quarantine: Quarantine::default() }
    }
}

/// Counts how often a partition of a store was claimed: who holds the last number may write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The right to write a partition of a store, until somebody else claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What every batch has to name.
    pub epoch: Epoch,
    /// Where the projection stands once what was made of this claim is applied.
    pub checkpoint: Checkpoint,
}

impl Claim {
    /// The next batch of this claim: it continues the one before and brings the projection to `checkpoint`.
    pub fn next<C>(
        &mut self,
        partition: Partition,
        changes: Vec<(TenantId, C)>,
        checkpoint: Checkpoint,
    ) -> Batch<C> {
        let after = std::mem::replace(&mut self.checkpoint, checkpoint.clone()).position;
        Batch { partition, epoch: self.epoch, after, changes, checkpoint }
    }
}

/// The changes of one batch of whole commits.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<C> {
    /// The partition that was read.
    pub partition: Partition,
    /// The epoch of the writer's claim.
    pub epoch: Epoch,
    /// Where the projection stands before the batch.
    pub after: Position,
    /// Changes in log order, each with its tenant.
    pub changes: Vec<(TenantId, C)>,
    /// Where the projection stands once they are applied.
    pub checkpoint: Checkpoint,
}

impl<C> Batch<C> {
    /// What a store does with this batch, given the epoch and position that its checkpoint holds. Called within the
    /// transaction that applies it, with the checkpoint locked.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where another worker has claimed the partition since, [`StoreError::Gap`] where the
    /// batch does not continue what is stored.
    pub fn admission(
        &self,
        store: &'static str,
        epoch: Epoch,
        position: Position,
    ) -> Result<Admission, StoreError> {
        let partition = self.partition;
        if epoch != self.epoch {
            return Err(StoreError::Fenced { store, partition, own: self.epoch, found: epoch });
        }
        if position >= self.checkpoint.position {
            return Ok(Admission::AppliedBefore);
        }
        if position != self.after {
            return Err(StoreError::Gap { store, partition, after: self.after, found: position });
        }
        Ok(Admission::Apply)
    }
}

/// What a store does with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Applies it.
    Apply,
    /// Passes it over: its answer was lost, and it is repeated.
    AppliedBefore,
}

/// What a digest covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestScope {
    /// One tenant.
    Tenant(TenantId),
    /// Every tenant of a partition.
    Partition(Partition),
}

/// Why a store did not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached or refused.
    #[error("the {store} read model is unavailable: {reason}")]
    Unavailable {
        /// Which store.
        store: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// What is stored is not what this program writes.
    #[error(
        "the {store} read model holds something unexpected: {reason}; rebuild it with `foodflow rebuild`"
    )]
    Corrupt {
        /// Which store.
        store: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Another worker has claimed the partition; nothing was applied.
    #[error(
        "partition {} of the {store} read model was claimed by another worker (epoch {found}, own {own})",
        partition.0
    )]
    Fenced {
        /// Which store.
        store: &'static str,
        /// The partition.
        partition: Partition,
        /// The epoch of the batch.
        own: Epoch,
        /// The epoch in the checkpoint.
        found: Epoch,
    },
    /// The batch does not continue what is stored; nothing was applied.
    #[error(
        "partition {} of the {store} read model stands at position {found}, but the batch continues {after}",
        partition.0
    )]
    Gap {
        /// Which store.
        store: &'static str,
        /// The partition.
        partition: Partition,
        /// What the batch continues.
        after: Position,
        /// Where the store stands.
        found: Position,
    },
    /// A rebuild holds the partition while it switches; nobody else may claim it until then.
    #[error(
        "partition {} of the {store} read model is held by a rebuild that is about to switch, until {until} at most",
        partition.0
    )]
    Held {
        /// Which store.
        store: &'static str,
        /// The partition.
        partition: Partition,
        /// When the hold ends unless it is renewed.
        until: Timestamp,
    },
    /// The generations of the read model are not such that this could be done; nothing was.
    #[error("the {store} read model: {reason}")]
    Generations {
        /// Which store.
        store: &'static str,
        /// What stands in the way, and what to do.
        reason: String,
    },
    /// The store refuses the changes themselves, and would refuse them again: what they hold, or a defect of the
    /// projection. Nothing was applied. Which of the changes it is, a store does not say.
    #[error("the {store} read model cannot hold what is projected: {reason}")]
    Unfit {
        /// Which store.
        store: &'static str,
        /// What does not fit, by the names of tables, columns, properties and constraints; never what is in them.
        reason: String,
    },
    /// A trace reaches further than it may.
    #[error("the trace reaches more than {max} edges between lots")]
    TooLarge {
        /// The bound, in edges.
        max: usize,
    },
}

/// What a scope of a read model holds, as of one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Where the partition stands.
    pub checkpoint: Checkpoint,
    /// As [`ReadModel::digest`].
    pub digest: String,
    /// As [`ReadModel::counts`].
    pub counts: BTreeMap<String, u64>,
}

/// A store of one projection, as operators and readers of its position see it.
#[async_trait]
pub trait ReadModel: Send + Sync + 'static {
    /// The server behind it: `embedded`, `neo4j`, `postgres`.
    fn name(&self) -> &'static str;

    /// Which store this is: the same for every process that opens it, and no other store's. Made with the schema.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer, or has no schema yet.
    async fn identity(&self) -> Result<Uuid, StoreError>;

    /// Creates or updates schema objects (constraints, indexes, tables); safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn migrate(&self) -> Result<(), StoreError>;

    /// Where the projection stands in `partition`.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError>;

    /// Takes the right to write `partition`; whoever had it before is fenced.
    ///
    /// # Errors
    /// [`StoreError::Held`] while a rebuild switches.
    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError>;

    /// Removes everything of `partition`'s tenants; the checkpoint stands at 0 then, its epoch stays, and who projects
    /// into the partition begins anew. Queries see the gap: a rebuild fills another generation instead
    /// ([`generations::Generations::beside`]).
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn clear(&self, partition: Partition) -> Result<(), StoreError>;

    /// Writes anew what the store keeps of rows that were changed or removed, so that nothing of them is left in its files.
    /// What holds nothing about persons does nothing. It may hold up writers for as long as it takes. Answers what is left
    /// all the same, and what an operator may do about it.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer, or is too busy; safe to repeat.
    async fn scrub(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// What [`Self::scrub`] would leave whenever it is done, by how the store is set up; changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn left_by_scrub(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Digest of what the tenant has, or all tenants of a partition: order-independent, the same in every store that
    /// holds the same.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError>;

    /// Number of rows of each kind that [`digest`](Self::digest) covers; kinds without rows may be left out.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError>;

    /// Digest and counts of `scope`, which lies in `partition`, and the position that they are of; `None` where
    /// something was applied meanwhile. A store that can read as of one moment answers always.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn survey(&self, partition: Partition, scope: DigestScope) -> Result<Option<Survey>, StoreError> {
        let checkpoint = self.checkpoint(partition).await?;
        let (digest, counts) = (self.digest(scope).await?, self.counts(scope).await?);
        let unmoved = self.checkpoint(partition).await? == checkpoint;
        Ok(unmoved.then_some(Survey { checkpoint, digest, counts }))
    }
}

/// A store that takes changes of the kind `C`.
#[async_trait]
pub trait Sink<C: Send + 'static>: ReadModel {
    /// Applies the batch and its checkpoint in one transaction, as [`Batch::admission`] says.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was applied, but for `Unavailable`, which leaves it open. `Unfit` where the changes
    /// are refused for what they are, in either generation alike.
    async fn apply(&self, batch: Batch<C>) -> Result<(), StoreError>;

    /// Does what [`apply`](Self::apply) would do, and takes it back: whether the store can hold the changes.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); nothing was applied in any case.
    async fn rehearse(&self, batch: Batch<C>) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_admitted_from_its_claim_and_position_alone() {
        let batch = Batch::<()> {
            partition: Partition(2),
            epoch: Epoch(3),
            after: Position(10),
            changes: Vec::new(),
            checkpoint: Checkpoint::new(Position(14), None),
        };
        let admitted = |epoch, position| batch.admission("test", Epoch(epoch), Position(position));
        assert_eq!(admitted(3, 10).unwrap(), Admission::Apply);
        assert_eq!(admitted(3, 14).unwrap(), Admission::AppliedBefore);
        assert_eq!(admitted(3, 20).unwrap(), Admission::AppliedBefore);
        assert!(matches!(admitted(3, 9), Err(StoreError::Gap { found: Position(9), .. })));
        assert!(matches!(admitted(3, 12), Err(StoreError::Gap { .. })));
        for epoch in [2, 4] {
            assert!(matches!(admitted(epoch, 10), Err(StoreError::Fenced { .. })), "{epoch}");
            assert!(matches!(admitted(epoch, 14), Err(StoreError::Fenced { .. })), "{epoch}");
        }
    }
}
