//! The generations of the store that records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_log::{Partition, Position};
use foodflow_projections::changes::Change;
use foodflow_projections::store::generations::{
    Compared, Generations as GenerationsPort, OtherGeneration, Overview, RebuildScope, Role,
};
use foodflow_projections::store::{Claim, Epoch, ReadModel as _, Sink, StoreError};
use jiff::Timestamp;
use uuid::Uuid;

use super::store::{Content, RecordingStore, unavailable};

const STORE: &str = "recording";

/// What stands beside, and who holds what.
#[derive(Default)]
pub(super) struct Generations {
    other: Option<Other>,
    holds: BTreeMap<Partition, (Uuid, Timestamp)>,
    /// The next switch takes place, and its answer is lost.
    loses_switch: bool,
}

struct Other {
    role: Role,
    scope: RebuildScope,
    filled_by: String,
    store: Arc<RecordingStore>,
}

impl Generations {
    /// Whether `partition` may be claimed by `holder`, or by anybody.
    pub(super) fn expect_free(&self, partition: Partition, holder: Option<Uuid>) -> Result<(), StoreError> {
        match self.holds.get(&partition) {
            Some((by, until)) if *until > Timestamp::now() && Some(*by) != holder => {
                Err(StoreError::Held { store: STORE, partition, until: *until })
            }
            _ => Ok(()),
        }
    }
}

fn refused(reason: &str) -> StoreError {
    StoreError::Generations { store: STORE, reason: reason.to_owned() }
}

impl RecordingStore {
    /// The next switch takes place, and its answer is lost.
    pub(super) fn lose_switch(&self) {
        self.generations.lock().unwrap().loses_switch = true;
    }

    /// What stands there beside the live generation.
    pub(super) fn other(&self) -> Option<(Role, Arc<RecordingStore>)> {
        let generations = self.generations.lock().unwrap();
        generations.other.as_ref().map(|other| (other.role, Arc::clone(&other.store)))
    }

    /// Whether anybody holds a partition.
    pub(super) fn is_held(&self) -> bool {
        let now = Timestamp::now();
        self.generations.lock().unwrap().holds.values().any(|(_, until)| *until > now)
    }

    fn stands(&self, partition: Partition) -> Claim {
        let content = self.content.lock().unwrap();
        let epoch = content.epochs.get(&partition).copied().unwrap_or_default();
        Claim { epoch, checkpoint: content.checkpoints.get(&partition).cloned().unwrap_or_default() }
    }

    fn exchange(&self, other: &RecordingStore, scope: RebuildScope, epochs: &[(Partition, Epoch)]) {
        let (mut live, mut beside) = (self.content.lock().unwrap(), other.content.lock().unwrap());
        match scope {
            RebuildScope::All => std::mem::swap(&mut *live, &mut *beside),
            RebuildScope::Tenant(tenant) => {
                let take = |content: &mut Content| {
                    let (own, rest) = std::mem::take(&mut content.nodes)
                        .into_iter()
                        .partition(|((_, of, _), _)| *of == tenant);
                    content.nodes = rest;
                    let own: BTreeMap<_, _> = own;
                    own
                };
                let (was_live, was_beside) = (take(&mut live), take(&mut beside));
                live.nodes.extend(was_beside);
                beside.nodes.extend(was_live);
            }
        }
        for (partition, epoch) in epochs {
            live.epochs.insert(*partition, *epoch);
            beside.epochs.insert(*partition, *epoch);
        }
    }
}

#[async_trait]
impl GenerationsPort<Change> for RecordingStore {
    async fn generations(&self) -> Result<Overview, StoreError> {
        self.answer()?;
        let generations = self.generations.lock().unwrap();
        let other = generations.other.as_ref().map(|other| OtherGeneration {
            role: other.role,
            scope: other.scope,
            filled_by: other.filled_by.clone(),
            checkpoints: other.store.content.lock().unwrap().checkpoints.clone(),
        });
        Ok(Overview { live: self.content.lock().unwrap().checkpoints.clone(), other })
    }

    async fn beside(
        &self,
        scope: RebuildScope,
        filled_by: &str,
    ) -> Result<Arc<dyn Sink<Change>>, StoreError> {
        self.answer()?;
        let mut generations = self.generations.lock().unwrap();
        if let Some(other) = &generations.other
            && other.role.is_continued(STORE, other.scope == scope)?
            && other.filled_by == filled_by
        {
            return Ok(other.store.clone());
        }
        let store = Arc::new(self.empty());
        let filled_by = filled_by.to_owned();
        generations.other = Some(Other { role: Role::Beside, scope, filled_by, store: store.clone() });
        Ok(store)
    }

    async fn reopen_previous(&self) -> Result<(RebuildScope, Arc<dyn Sink<Change>>), StoreError> {
        self.answer()?;
        let mut generations = self.generations.lock().unwrap();
        match &mut generations.other {
            Some(other) if other.role != Role::Beside => {
                other.role = Role::Reopened;
                Ok((other.scope, other.store.clone()))
            }
            _ => Err(refused("there is no previous generation")),
        }
    }

    async fn hold(&self, partition: Partition, holder: Uuid, term: Duration) -> Result<Claim, StoreError> {
        self.answer()?;
        let mut generations = self.generations.lock().unwrap();
        generations.expect_free(partition, Some(holder))?;
        let in_force = generations.holds.get(&partition).is_some_and(|(_, until)| *until > Timestamp::now());
        generations.holds.insert(partition, (holder, Timestamp::now() + term));
        if !in_force {
            self.content.lock().unwrap().epochs.entry(partition).or_default().0 += 1;
        }
        Ok(self.stands(partition))
    }

    async fn release(&self, partition: Partition, holder: Uuid) -> Result<(), StoreError> {
        self.answer()?;
        self.generations.lock().unwrap().holds.retain(|of, (by, _)| *of != partition || *by != holder);
        Ok(())
    }

    async fn switch(&self, compared: &[Compared]) -> Result<(), StoreError> {
        self.answer()?;
        let mut generations = self.generations.lock().unwrap();
        let Some(other) = generations.other.as_mut().filter(|other| other.role != Role::Previous) else {
            return Err(refused("nothing stands beside"));
        };
        let mut epochs = Vec::new();
        for one in compared {
            let (live, beside) = (self.stands(one.partition), other.store.stands(one.partition));
            one.check(STORE, other.scope, &live, &beside)?;
            epochs.push((one.partition, Epoch(live.epoch.max(beside.epoch).0 + 1)));
        }
        self.exchange(&other.store, other.scope, &epochs);
        other.role = Role::Previous;
        generations.holds.clear();
        match std::mem::take(&mut generations.loses_switch) {
            true => Err(unavailable("told to lose the answer")),
            false => Ok(()),
        }
    }

    async fn discard(&self) -> Result<Option<Role>, StoreError> {
        self.answer()?;
        let discarded = self.generations.lock().unwrap().other.take();
        if let Some(other) = &discarded {
            // Who still fills it is fenced.
            other.store.claim(Partition(0)).await?;
            other.store.set_checkpoint(Partition(0), Position(0));
        }
        Ok(discarded.map(|other| other.role))
    }
}
