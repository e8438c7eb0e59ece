//! The generations of the graph in memory: what a switch means, in one step.

use std::collections::BTreeMap;
use std::mem::swap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use foodflow_log::Partition;
use foodflow_projections::changes::Change;
use foodflow_projections::store::generations::{
    Compared, Generations, OtherGeneration, Overview, RebuildScope, Role,
};
use foodflow_projections::store::{Claim, Epoch, Sink, StoreError};
use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::model_store::{ModelStore, STORE};

/// What stands beside the live generation, and who holds which of its partitions until when.
#[derive(Debug, Default)]
pub(super) struct ModelGenerations {
    other: Option<Other>,
    holds: BTreeMap<Partition, (Uuid, Instant)>,
}

#[derive(Debug)]
struct Other {
    role: Role,
    scope: RebuildScope,
    filled_by: String,
    store: Arc<ModelStore>,
}

fn refused(reason: &str) -> StoreError {
    StoreError::Generations { store: STORE, reason: reason.to_owned() }
}

impl ModelStore {
    fn lock_generations(&self) -> MutexGuard<'_, ModelGenerations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The generation that is not live.
    pub(super) fn other(&self) -> Option<Arc<Self>> {
        self.lock_generations().other.as_ref().map(|other| Arc::clone(&other.store))
    }

    /// Whether `partition` may be claimed by `holder`, or by anybody.
    pub(super) fn expect_free(&self, partition: Partition, holder: Option<Uuid>) -> Result<(), StoreError> {
        self.lock_generations().expect_free(partition, holder)
    }

    fn stands(&self, partition: Partition) -> Claim {
        let kept = self.lock().entry(partition).or_default().clone();
        Claim { epoch: kept.epoch, checkpoint: kept.checkpoint }
    }

    /// Lets the two change places, the epochs of the compared partitions above those of both.
    fn exchange(&self, other: &Self, scope: RebuildScope, compared: &[Compared]) {
        let (mut live, mut beside) = (self.lock(), other.lock());
        for partition in compared.iter().map(|one| one.partition) {
            let (live, beside) = (live.entry(partition).or_default(), beside.entry(partition).or_default());
            match scope {
                RebuildScope::All => swap(live, beside),
                RebuildScope::Tenant(tenant) => {
                    let (was_live, was_beside) = (live.graph.take(tenant), beside.graph.take(tenant));
                    live.graph.add(was_beside);
                    beside.graph.add(was_live);
                }
            }
            let epoch = Epoch(live.epoch.max(beside.epoch).0 + 1);
            (live.epoch, beside.epoch) = (epoch, epoch);
        }
    }
}

impl ModelGenerations {
    fn expect_free(&self, partition: Partition, holder: Option<Uuid>) -> Result<(), StoreError> {
        match self.holds.get(&partition) {
            Some((by, until)) if *until > Instant::now() && Some(*by) != holder => {
                // Held by the simulation's clock; nobody but people reads this time.
                Err(StoreError::Held { store: STORE, partition, until: Timestamp::UNIX_EPOCH })
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Generations<Change> for ModelStore {
    async fn generations(&self) -> Result<Overview, StoreError> {
        let checkpoints = |store: &Self| {
            store.lock().iter().map(|(partition, kept)| (*partition, kept.checkpoint.clone())).collect()
        };
        let generations = self.lock_generations();
        let other = generations.other.as_ref().map(|other| OtherGeneration {
            role: other.role,
            scope: other.scope,
            filled_by: other.filled_by.clone(),
            checkpoints: checkpoints(&other.store),
        });
        Ok(Overview { live: checkpoints(self), other })
    }

    async fn beside(
        &self,
        scope: RebuildScope,
        filled_by: &str,
    ) -> Result<Arc<dyn Sink<Change>>, StoreError> {
        let mut generations = self.lock_generations();
        if let Some(other) = &generations.other
            && other.role.is_continued(STORE, other.scope == scope)?
            && other.filled_by == filled_by
        {
            return Ok(Arc::clone(&other.store) as _);
        }
        let (store, filled_by) = (Arc::<Self>::default(), filled_by.to_owned());
        let role = Role::Beside;
        generations.other = Some(Other { role, scope, filled_by, store: Arc::clone(&store) });
        Ok(store)
    }

    async fn reopen_previous(&self) -> Result<(RebuildScope, Arc<dyn Sink<Change>>), StoreError> {
        let mut generations = self.lock_generations();
        match &mut generations.other {
            Some(other) if other.role != Role::Beside => {
                other.role = Role::Reopened;
                Ok((other.scope, Arc::clone(&other.store) as _))
            }
            _ => Err(refused("there is no previous generation")),
        }
    }

    async fn hold(&self, partition: Partition, holder: Uuid, term: Duration) -> Result<Claim, StoreError> {
        let mut generations = self.lock_generations();
        generations.expect_free(partition, Some(holder))?;
        let held = generations.holds.insert(partition, (holder, Instant::now() + term));
        if held.is_none_or(|(_, until)| until <= Instant::now()) {
            self.lock().entry(partition).or_default().epoch.0 += 1;
        }
        Ok(self.stands(partition))
    }

    async fn release(&self, partition: Partition, holder: Uuid) -> Result<(), StoreError> {
        self.lock_generations().holds.retain(|of, (by, _)| *of != partition || *by != holder);
        Ok(())
    }

    async fn switch(&self, compared: &[Compared]) -> Result<(), StoreError> {
        let mut generations = self.lock_generations();
        let Some(other) = generations.other.as_mut().filter(|other| other.role != Role::Previous) else {
            return Err(refused("nothing stands beside"));
        };
        for one in compared {
            let (live, beside) = (self.stands(one.partition), other.store.stands(one.partition));
            one.check(STORE, other.scope, &live, &beside)?;
        }
        self.exchange(&other.store, other.scope, compared);
        other.role = Role::Previous;
        generations.holds.clear();
        Ok(())
    }

    async fn discard(&self) -> Result<Option<Role>, StoreError> {
        let discarded = self.lock_generations().other.take();
        if let Some(other) = &discarded {
            // Who still fills it is fenced.
            other.store.lock().values_mut().for_each(|kept| kept.epoch.0 += 1);
        }
        Ok(discarded.map(|other| other.role))
    }
}
