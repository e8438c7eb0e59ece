//! A read model's generations: the live one that queries read, and at most one other.
//!
//! The other one stands *beside* the live one while a rebuild fills it, and is the *previous* one once the two have
//! changed places. What must never happen here: a query that sees anything of the other generation; a switch over a
//! generation that moved since it was compared; a batch of an old claim that is admitted after a switch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_log::Partition;
use uuid::Uuid;

use super::{Checkpoint, Claim, DigestScope, Sink, StoreError};

/// What a rebuild covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildScope {
    /// Every tenant of every partition.
    All,
    /// One tenant; the others stay as they are.
    Tenant(TenantId),
}

impl RebuildScope {
    /// What a digest covers that compares `partition` of two generations.
    #[must_use]
    pub const fn digested(self, partition: Partition) -> DigestScope {
        match self {
            Self::All => DigestScope::Partition(partition),
            Self::Tenant(tenant) => DigestScope::Tenant(tenant),
        }
    }
}

/// What the other generation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A rebuild fills it, or filled it and was interrupted.
    Beside,
    /// It was live before the last switch, and is being brought up to date to become live again.
    Reopened,
    /// It was live before the last switch; nothing is written to it.
    Previous,
}

/// The generation that is not live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherGeneration {
    /// What it is.
    pub role: Role,
    /// What it covers.
    pub scope: RebuildScope,
    /// Version of the program that began to fill it.
    pub filled_by: String,
    /// Up to where it holds each partition.
    pub checkpoints: BTreeMap<Partition, Checkpoint>,
}

/// What generations there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Up to where the live generation holds each partition.
    pub live: BTreeMap<Partition, Checkpoint>,
    /// The other one, where there is one.
    pub other: Option<OtherGeneration>,
}

/// How a partition of the two generations stood when the switch was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The partition.
    pub partition: Partition,
    /// The held claim of the live generation.
    pub live: Claim,
    /// The claim of the generation beside, with what was made of it.
    pub beside: Claim,
}

/// A store that can fill a generation beside the live one and let the two change places.
///
/// The port's other methods ([`ReadModel`](super::ReadModel), [`Sink`] and the queries) reach the live generation,
/// whichever it is, also where another process switched.
#[async_trait]
pub trait Generations<C: Send + 'static>: Sink<C> {
    /// What generations there are.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    async fn generations(&self) -> Result<Overview, StoreError>;

    /// The generation beside the live one, with checkpoints of its own: what an interrupted rebuild of the same scope
    /// by the same version of the program left, else an empty one. A previous generation is given up for it.
    ///
    /// # Errors
    /// [`StoreError::Generations`] where the one beside belongs to another rebuild (of another scope, or that goes
    /// back to the previous generation).
    async fn beside(&self, scope: RebuildScope, filled_by: &str) -> Result<Arc<dyn Sink<C>>, StoreError>;

    /// Makes the previous generation the one beside, to be brought up to date and switched to; continues where that
    /// was interrupted.
    ///
    /// # Errors
    /// [`StoreError::Generations`] where there is none.
    async fn reopen_previous(&self) -> Result<(RebuildScope, Arc<dyn Sink<C>>), StoreError>;

    /// Claims `partition` of the live generation and keeps everybody else from claiming it for `term`; `holder` may do
    /// so again to hold it longer, under the same epoch.
    ///
    /// # Errors
    /// [`StoreError::Held`] where somebody else holds it.
    async fn hold(&self, partition: Partition, holder: Uuid, term: Duration) -> Result<Claim, StoreError>;

    /// Lets go of what `holder` holds; nothing where that is nothing.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer; then the hold ends with its term.
    async fn release(&self, partition: Partition, holder: Uuid) -> Result<(), StoreError>;

    /// Lets the generation beside and the live one change places, in one step: for queries, and for the checkpoints of
    /// these partitions. For one tenant, its rows change places, and the live checkpoint keeps its position. The
    /// live epochs are greater then than those of both generations, and nobody holds them. Nothing is done where it
    /// is refused.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] or [`StoreError::Gap`] where a generation is not as it was compared,
    /// [`StoreError::Generations`] where nothing stands beside, or a partition that has been filled is missing.
    async fn switch(&self, compared: &[Compared]) -> Result<(), StoreError>;

    /// Gives up the other generation; answers what it was.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer; then it may be repeated.
    async fn discard(&self) -> Result<Option<Role>, StoreError>;
}

impl Compared {
    /// Whether a switch may take place, given what the two checkpoints hold. Called within the transaction that
    /// switches, with both locked.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] or [`StoreError::Gap`] where one is not as it was compared.
    pub fn check(&self, store: &'static str, live: &Claim, beside: &Claim) -> Result<(), StoreError> {
        let partition = self.partition;
        for (compared, found) in [(&self.live, live), (&self.beside, beside)] {
            let (own, after) = (compared.epoch, compared.checkpoint.position);
            if found.epoch != own {
                return Err(StoreError::Fenced { store, partition, own, found: found.epoch });
            }
            if found.checkpoint.position != after {
                let found = found.checkpoint.position;
                return Err(StoreError::Gap { store, partition, after, found });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use foodflow_log::Position;

    use super::super::Epoch;
    use super::*;

    fn claim(epoch: u64, position: u64) -> Claim {
        Claim {
            epoch: Epoch(epoch),
            checkpoint: Checkpoint { position: Position(position), recorded_at: None },
        }
    }

    #[test]
    fn a_switch_is_refused_where_either_generation_moved() {
        let compared = Compared { partition: Partition(1), live: claim(3, 10), beside: claim(1, 12) };
        compared.check("test", &claim(3, 10), &claim(1, 12)).unwrap();
        let fenced = [(claim(4, 10), claim(1, 12)), (claim(3, 10), claim(2, 12))];
        for (live, beside) in fenced {
            let refused = compared.check("test", &live, &beside);
            assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
        }
        let moved = [(claim(3, 11), claim(1, 12)), (claim(3, 10), claim(1, 13))];
        for (live, beside) in moved {
            let refused = compared.check("test", &live, &beside);
            assert!(matches!(refused, Err(StoreError::Gap { .. })), "{refused:?}");
        }
    }
}
