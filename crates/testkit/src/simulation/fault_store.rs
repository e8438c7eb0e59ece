//! A store that fails, delays and loses answers; what it holds is held by a sound one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_log::Partition;
use foodflow_projections::store::{Batch, Checkpoint, Claim, DigestScope, ReadModel, Sink, StoreError};

use super::dice::Dice;

/// Longest delay before or behind a step.
const DELAY_MAX: Duration = Duration::from_millis(30);
/// How often, in a thousand calls, something goes wrong.
const LOST_BEFORE: u64 = 60;
const ANSWER_LOST: u64 = 60;

/// A store between the runner and a sound store.
pub(super) struct FaultStore<C> {
    sound: Arc<dyn Sink<C>>,
    dice: Dice,
}

impl<C: Send + 'static> FaultStore<C> {
    /// Faults of `dice` before and behind the steps of `sound`.
    pub(super) fn new(sound: Arc<dyn Sink<C>>, dice: Dice) -> Self {
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
impl<C: Send + 'static> ReadModel for FaultStore<C> {
    fn name(&self) -> &'static str {
        "simulated"
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
}

#[async_trait]
impl<C: Send + 'static> Sink<C> for FaultStore<C> {
    async fn apply(&self, batch: Batch<C>) -> Result<(), StoreError> {
        self.step().await?;
        self.sound.apply(batch).await?;
        // Killed in this pause, the process has applied the batch and does not know.
        self.answer(()).await
    }
}
