//! Read your writes: waiting until the read model has applied a position.
//!
//! Where this process has the partition its worker's own word is taken; else the stored checkpoint is polled,
//! by all waiters of a partition together, so that many waiters do not mean many queries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use foodflow_log::{Partition, Position};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::state::WorkerState;
use crate::store::{Checkpoint, ReadModel, StoreError};

/// How often the stored checkpoint is read while somebody waits.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// How long the first answer of the store may take, also for somebody who does not want to wait.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How far the read model is, whoever fills it. Cheap to clone.
#[derive(Clone)]
pub struct Progress {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn ReadModel>,
    workers: BTreeMap<Partition, watch::Receiver<WorkerState>>,
    /// One reader of the stored checkpoint at a time, per partition.
    polls: std::sync::Mutex<BTreeMap<Partition, Poll>>,
}

type Poll = Arc<Mutex<Option<(Instant, Position)>>>;

/// Why a wait ended without the position being applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time was over.
    #[error("the read model stands at position {current}, before {wanted}")]
    Behind {
        /// What was waited for.
        wanted: Position,
        /// What has been applied.
        current: Position,
    },
    /// The stored checkpoint could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Progress {
    /// Progress of a store that another process fills.
    #[must_use]
    pub fn from_store(store: Arc<dyn ReadModel>) -> Self {
        Self::new(store, BTreeMap::new())
    }

    pub(super) fn new(
        store: Arc<dyn ReadModel>,
        workers: BTreeMap<Partition, watch::Receiver<WorkerState>>,
    ) -> Self {
        let polls = std::sync::Mutex::default();
        Self { shared: Arc::new(Shared { store, workers, polls }) }
    }

    /// Last position of `partition` that the read model has applied.
    ///
    /// # Errors
    /// [`StoreError`] where the stored checkpoint is needed and cannot be read.
    pub async fn applied(&self, partition: Partition) -> Result<Position, StoreError> {
        if let Some(worker) = self.shared.workers.get(&partition) {
            let state = worker.borrow();
            if state.started && state.stopped.is_none() {
                return Ok(state.applied.position);
            }
        }
        Ok(self.shared.store.checkpoint(partition).await?.position)
    }

    /// What the store says of `partition`, with what waits there.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub async fn stored(&self, partition: Partition) -> Result<Checkpoint, StoreError> {
        self.shared.store.checkpoint(partition).await
    }

    /// Waits until `position` of `partition` has been applied, at most `limit`.
    ///
    /// # Errors
    /// [`WaitError::Behind`] with the current position when the time is over.
    pub async fn wait_for(
        &self,
        partition: Partition,
        position: Position,
        limit: Duration,
    ) -> Result<(), WaitError> {
        if position == Position(0) {
            return Ok(());
        }
        let deadline = Instant::now() + limit;
        match self.wait_for_worker(partition, position, deadline).await {
            Some(outcome) => outcome,
            None => self.wait_for_store(partition, position, deadline).await,
        }
    }

    /// Waits for the worker in this process; `None` where there is none, or not any more.
    async fn wait_for_worker(
        &self,
        partition: Partition,
        wanted: Position,
        deadline: Instant,
    ) -> Option<Result<(), WaitError>> {
        let mut worker = self.shared.workers.get(&partition)?.clone();
        let is_gone = |state: &WorkerState| !state.started || state.stopped.is_some();
        let over = |state: &WorkerState| state.applied.position >= wanted || is_gone(state);
        let in_time = timeout_at(deadline, worker.wait_for(over)).await.is_ok();
        let state = worker.borrow();
        let current = state.applied.position;
        match () {
            // The partition is another process's, or will be: what the worker knows ages.
            () if is_gone(&state) => None,
            () if current >= wanted => Some(Ok(())),
            () => (!in_time).then_some(Err(WaitError::Behind { wanted, current })),
        }
    }

    async fn wait_for_store(
        &self,
        partition: Partition,
        wanted: Position,
        deadline: Instant,
    ) -> Result<(), WaitError> {
        let poll = self.poll_of(partition);
        let first_deadline = deadline.max(Instant::now() + FIRST_ANSWER_TIMEOUT);
        let late = || StoreError::Unavailable {
            store: self.shared.store.name(),
            reason: "it does not tell its position in time".to_owned(),
        };
        let mut current = timeout_at(first_deadline, self.polled(&poll, partition))
            .await
            .unwrap_or_else(|_| Err(late()))?;
        while current < wanted && Instant::now() < deadline {
            sleep_until(deadline.min(Instant::now() + POLL_INTERVAL)).await;
            match timeout_at(deadline, self.polled(&poll, partition)).await {
                Ok(position) => current = position?,
                Err(_) => break,
            }
        }
        if current >= wanted { Ok(()) } else { Err(WaitError::Behind { wanted, current }) }
    }

    /// The stored position, read at most once per interval however many ask.
    async fn polled(&self, poll: &Poll, partition: Partition) -> Result<Position, StoreError> {
        let mut last = poll.lock().await;
        if let Some((at, position)) = *last
            && at.elapsed() < POLL_INTERVAL
        {
            return Ok(position);
        }
        let position = self.shared.store.checkpoint(partition).await?.position;
        *last = Some((Instant::now(), position));
        Ok(position)
    }

    fn poll_of(&self, partition: Partition) -> Poll {
        let mut polls = self.shared.polls.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        polls.entry(partition).or_default().clone()
    }
}
