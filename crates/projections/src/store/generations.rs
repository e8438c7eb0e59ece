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
use foodflow_log::{Partition, Position};
use uuid::Uuid;

use super::{Checkpoint, Claim, DigestScope, Epoch, Sink, StoreError};

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

    /// The only tenant that it covers, where it does not cover all.
    #[must_use]
    pub const fn tenant(self) -> Option<TenantId> {
        match self {
            Self::All => None,
            Self::Tenant(tenant) => Some(tenant),
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

impl Role {
    /// Whether a rebuild continues the generation that stands there, given whether it is of the same scope.
    ///
    /// # Errors
    /// [`StoreError::Generations`] where it belongs to somebody else, who has to finish or give it up first.
    pub fn is_continued(self, store: &'static str, same_scope: bool) -> Result<bool, StoreError> {
        let begun = match self {
            Self::Previous => return Ok(false),
            Self::Reopened => {
                "a switch back was begun and not finished: finish it with `foodflow rebuild --back`"
            }
            Self::Beside if same_scope => return Ok(true),
            Self::Beside => {
                "a rebuild of something else was begun and not finished (`foodflow rebuild --status` says which): \
                 finish it"
            }
        };
        let reason = format!("{begun}, or give it up with `foodflow rebuild --discard`");
        Err(StoreError::Generations { store, reason })
    }
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

/// A partition that holds something must have been compared. Called within the transaction that switches.
///
/// # Errors
/// [`StoreError::Generations`] where one was not.
pub(crate) fn expect_covered(
    store: &'static str,
    compared: &[Compared],
    stored: &BTreeMap<Partition, Checkpoint>,
) -> Result<(), StoreError> {
    let is_compared = |partition| compared.iter().any(|one| one.partition == partition);
    let missing = stored
        .iter()
        .find(|(partition, checkpoint)| checkpoint.position > Position(0) && !is_compared(**partition));
    match missing {
        Some((partition, _)) => {
            let reason = format!("partition {} was not compared", partition.0);
            Err(StoreError::Generations { store, reason })
        }
        None => Ok(()),
    }
}

impl Compared {
    /// The epoch of the live partition after a switch: nobody who has claimed it in either generation has that.
    #[must_use]
    pub fn epoch_after(&self, live: &Claim, beside: &Claim) -> Epoch {
        Epoch(live.epoch.max(beside.epoch).0 + 1)
    }

    /// Whether a switch of `scope` may take place, given what the two checkpoints hold. Called within the transaction
    /// that switches, with both locked.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] or [`StoreError::Gap`] where one is not as it was compared; the latter too where one
    /// tenant's rows are of another position than the live generation.
    pub fn check(
        &self,
        store: &'static str,
        scope: RebuildScope,
        live: &Claim,
        beside: &Claim,
    ) -> Result<(), StoreError> {
        let partition = self.partition;
        if let RebuildScope::Tenant(_) = scope {
            let (after, found) = (self.live.checkpoint.position, self.beside.checkpoint.position);
            if after != found {
                return Err(StoreError::Gap { store, partition, after, found });
            }
        }
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
    use super::*;

    fn claim(epoch: u64, position: u64) -> Claim {
        Claim { epoch: Epoch(epoch), checkpoint: Checkpoint::new(Position(position), None) }
    }

    #[test]
    fn a_tenant_is_switched_at_the_live_position_alone() {
        let scope = RebuildScope::Tenant(TenantId(Uuid::from_u128(1)));
        let compared =
            |beside| Compared { partition: Partition(1), live: claim(3, 10), beside: claim(1, beside) };
        compared(10).check("test", scope, &claim(3, 10), &claim(1, 10)).unwrap();
        for beside in [9, 11] {
            let refused = compared(beside).check("test", scope, &claim(3, 10), &claim(1, beside));
            assert!(matches!(refused, Err(StoreError::Gap { .. })), "{refused:?}");
        }
    }

    #[test]
    fn a_rebuild_continues_its_own_and_no_other() {
        assert!(Role::Beside.is_continued("test", true).unwrap());
        assert!(!Role::Previous.is_continued("test", true).unwrap());
        for (role, same_scope) in [(Role::Beside, false), (Role::Reopened, true)] {
            let refused = role.is_continued("test", same_scope).unwrap_err().to_string();
            assert!(refused.contains("--discard"), "{refused}");
        }
    }

    #[test]
    fn a_switch_is_refused_where_either_generation_moved() {
        let all = RebuildScope::All;
        let compared = Compared { partition: Partition(1), live: claim(3, 10), beside: claim(1, 12) };
        compared.check("test", all, &claim(3, 10), &claim(1, 12)).unwrap();
        let fenced = [(claim(4, 10), claim(1, 12)), (claim(3, 10), claim(2, 12))];
        for (live, beside) in fenced {
            let refused = compared.check("test", all, &live, &beside);
            assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
        }
        let moved = [(claim(3, 11), claim(1, 12)), (claim(3, 10), claim(1, 13))];
        for (live, beside) in moved {
            let refused = compared.check("test", all, &live, &beside);
            assert!(matches!(refused, Err(StoreError::Gap { .. })), "{refused:?}");
        }
    }
}
