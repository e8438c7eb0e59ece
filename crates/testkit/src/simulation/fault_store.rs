//! A store that fails, delays and loses answers; what it holds is held by a sound one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_log::Partition;
use foodflow_projections::store::generations::{Compared, Generations, Overview, RebuildScope, Role};
use foodflow_projections::store::{
    Batch, Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError, Survey,
};
use uuid::Uuid;

use super::dice::Dice;

/// Longest delay before or behind a step.
const DELAY_MAX: Duration = Duration::from_millis(30);
/// How often, in a thousand calls, something goes wrong.
const LOST_BEFORE: u64 = 60;
const ANSWER_LOST: u64 = 60;

/// A store between the program and a sound store.
pub(super) struct FaultStore<S: ?Sized> {
    sound: Arc<S>,
    dice: Dice,
}

impl<S: ?Sized> FaultStore<S> {
    /// Faults of `dice` before and behind the steps of `sound`.
    pub(super) fn new(sound: Arc<S>, dice: Dice) -> Self {
        Self { sound, dice }
    }

    async fn step(&self) -> Result<(), StoreError> {
        self.dice.pause(DELAY_MAX).await;
        if self.dice.strikes(LOST_BEFORE) { Err(unavailable("the store was away")) } else { Ok(()) }
    }

    async fn answer<T>(&self, answer: T) -> Result<T, StoreError> {
        self.dice.pause(DELAY_MAX).await;
        if self.dice.strikes(ANSWER_LOST) { Err(unavailable("the answer was lost")) } else { Ok(answer) }
    }
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { store: "simulated", reason: reason.to_owned() }
}

#[async_trait]
impl<S: ReadModel + ?Sized> ReadModel for FaultStore<S> {
    fn name(&self) -> &'static str {
        "simulated"
    }

    async fn identity(&self) -> Result<Uuid, StoreError> {
        self.step().await?;
        self.sound.identity().await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.sound.migrate().await
    }

    async fn checkpoint(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.step().await?;
        self.sound.checkpoint(partition).await
    }

    async fn claim(&self, partition: Partition) -> Result<Claim, StoreError> {
        self.step().await?;
        let claim = self.sound.claim(partition).await?;
        self.answer(claim).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), StoreError> {
        self.step().await?;
        self.sound.clear(partition).await?;
        self.answer(()).await
    }

    async fn digest(&self, scope: DigestScope) -> Result<String, StoreError> {
        self.step().await?;
        self.sound.digest(scope).await
    }

    async fn counts(&self, scope: DigestScope) -> Result<BTreeMap<String, u64>, StoreError> {
        self.step().await?;
        self.sound.counts(scope).await
    }

    async fn survey(&self, partition: Partition, scope: DigestScope) -> Result<Option<Survey>, StoreError> {
        self.step().await?;
        self.sound.survey(partition, scope).await
    }
}

#[async_trait]
impl<C: Send + 'static, S: Sink<C> + ?Sized> Sink<C> for FaultStore<S> {
    async fn apply(&self, batch: Batch<C>) -> Result<(), StoreError> {
        self.step().await?;
        self.sound.apply(batch).await?;
        // Killed in this pause, the process has applied the batch and does not know.
        self.answer(()).await
    }

    async fn rehearse(&self, batch: Batch<C>) -> Result<(), StoreError> {
        self.step().await?;
        self.sound.rehearse(batch).await
    }
}

#[async_trait]
impl<C: Send + 'static, S: Generations<C> + ?Sized> Generations<C> for FaultStore<S> {
    async fn generations(&self) -> Result<Overview, StoreError> {
        self.step().await?;
        self.sound.generations().await
    }

    async fn beside(&self, scope: RebuildScope, filled_by: &str) -> Result<Arc<dyn Sink<C>>, StoreError> {
        self.step().await?;
        let beside = self.sound.beside(scope, filled_by).await?;
        self.answer(Arc::new(FaultStore::new(beside, self.dice.clone())) as _).await
    }

    async fn reopen_previous(&self) -> Result<(RebuildScope, Arc<dyn Sink<C>>), StoreError> {
        self.step().await?;
        let (scope, previous) = self.sound.reopen_previous().await?;
        self.answer((scope, Arc::new(FaultStore::new(previous, self.dice.clone())) as _)).await
    }

    async fn hold(&self, partition: Partition, holder: Uuid, term: Duration) -> Result<Claim, StoreError> {
        self.step().await?;
        let claim = self.sound.hold(partition, holder, term).await?;
        self.answer(claim).await
    }

    async fn release(&self, partition: Partition, holder: Uuid) -> Result<(), StoreError> {
        self.step().await?;
        self.sound.release(partition, holder).await?;
        self.answer(()).await
    }

    async fn switch(&self, compared: &[Compared]) -> Result<(), StoreError> {
        self.step().await?;
        self.sound.switch(compared).await?;
        // Killed in this pause, the process has switched and does not know.
        self.answer(()).await
    }

    async fn discard(&self) -> Result<Option<Role>, StoreError> {
        self.step().await?;
        let discarded = self.sound.discard().await?;
        self.answer(discarded).await
    }
}
