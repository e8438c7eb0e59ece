//! A store that refuses some changes for what they hold, as a database does: whatever batch they come in, and each time.
//! What it takes is kept by a sound one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use foodflow_log::Partition;
use foodflow_projections::changes::{Change, Value};
use foodflow_projections::store::generations::{Compared, Generations, Overview, RebuildScope, Role};
use foodflow_projections::store::{
    Batch, Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError, Survey,
};
use uuid::Uuid;

/// What is refused, in both generations.
#[derive(Default)]
struct Rules {
    /// Nodes with these in their property `position`.
    positions: Mutex<BTreeSet<u64>>,
    /// Only a commit shows it, no rehearsal.
    late: AtomicBool,
    /// How often a batch was offered, be it to be taken back.
    tries: AtomicUsize,
}

pub(super) struct Refusing<S: ?Sized> {
    sound: Arc<S>,
    rules: Arc<Rules>,
}

impl<S: ?Sized> Refusing<S> {
    /// Takes everything, until it is told what not.
    pub(super) fn new(sound: Arc<S>) -> Self {
        Self { sound, rules: Arc::default() }
    }

    /// Refuses what is of these positions from now on, and nothing else.
    pub(super) fn refuse(&self, positions: impl IntoIterator<Item = u64>) {
        *self.rules.positions.lock().unwrap() = positions.into_iter().collect();
    }

    /// Refuses only as it commits.
    pub(super) fn refuse_late(&self) {
        self.rules.late.store(true, Ordering::SeqCst);
    }

    /// How many batches were offered so far.
    pub(super) fn tries(&self) -> usize {
        self.rules.tries.load(Ordering::SeqCst)
    }

    fn check(&self, batch: &Batch<Change>) -> Result<(), StoreError> {
        self.rules.tries.fetch_add(1, Ordering::SeqCst);
        let refused = self.rules.positions.lock().unwrap();
        let is_refused = |change: &Change| match change {
            Change::MergeNode { properties, .. } => match properties.get("position") {
                Some(Some(Value::Integer(position))) => refused.contains(&position.cast_unsigned()),
                _ => false,
            },
            _ => false,
        };
        match batch.changes.iter().any(|(_, change)| is_refused(change)) {
            true => Err(StoreError::Unfit { store: "refusing", reason: "a value out of range".to_owned() }),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl<S: ReadModel + ?Sized> ReadModel for Refusing<S> {
    fn name(&self) -> &'static str {
        self.sound.name()
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        self.sound.identity().await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.sound.migrate().await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.sound.checkpoint(partition).await
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        self.sound.claim(partition).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        self.sound.clear(partition).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        self.sound.digest(scope).await
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        self.sound.counts(scope).await
    }

    async fn survey(&self, partition: Partition, scope: DigestScope) -> Result<Option<Survey>, StoreError> {
        self.sound.survey(partition, scope).await
    }
}

#[async_trait]
impl<S: Sink<Change> + ?Sized> Sink<Change> for Refusing<S> {
    async fn apply(&self, batch: Batch<Change>) -> Result<(), StoreError> {
        self.check(&batch)?;
        self.sound.apply(batch).await
    }

    async fn rehearse(&self, batch: Batch<Change>) -> Result<(), StoreError> {
        let checked = self.check(&batch);
        if !self.rules.late.load(Ordering::SeqCst) {
            checked?;
        }
        self.sound.rehearse(batch).await
    }
}

#[async_trait]
impl<S: Generations<Change> + ?Sized> Generations<Change> for Refusing<S> {
    async fn generations(&self) -> Result<Overview, StoreError> {
        self.sound.generations().await
    }

    async fn beside(
        &self,
        scope: RebuildScope,
        filled_by: &str,
    ) -> Result<Arc<dyn Sink<Change>>, StoreError> {
        let sound = self.sound.beside(scope, filled_by).await?;
        Ok(Arc::new(Refusing { sound, rules: Arc::clone(&self.rules) }))
    }

    async fn reopen_previous(&self) -> Result<(RebuildScope, Arc<dyn Sink<Change>>), StoreError> {
        let (scope, sound) = self.sound.reopen_previous().await?;
        Ok((scope, Arc::new(Refusing { sound, rules: Arc::clone(&self.rules) })))
    }

    async fn hold(&self, partition: Partition, holder: Uuid, term: Duration) -> Result<Claim, StoreError> {
        self.sound.hold(partition, holder, term).await
    }

    async fn release(&self, partition: Partition, holder: Uuid) -> Result<(), StoreError> {
        self.sound.release(partition, holder).await
    }

    async fn switch(&self, compared: &[Compared]) -> Result<(), StoreError> {
        self.sound.switch(compared).await
    }

    async fn discard(&self) -> Result<Option<Role>, StoreError> {
        self.sound.discard().await
    }
}
