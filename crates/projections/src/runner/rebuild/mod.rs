//! A partition of a read model anew from position 0, compared by digest with what it was.
//!
//! A rebuild claims the partition as a worker does. Another worker that claims it meanwhile goes on from what is
//! stored, and the rebuild ends with [`RebuildError::Interfered`]: nothing is ever written over a gap.
//!
//! A rebuild that fails leaves a correct beginning of the read model with its checkpoint: a runner continues
//! from there, or the rebuild is repeated.

mod retry;
mod source;

use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_log::{LogError, Partition, Position, SharedLog};
use tokio::sync::mpsc;

use self::retry::Retry;
use self::source::Source;
use super::assembler::Assembled;
use super::projection::{Projection, ProjectionError};
use super::worker::within;
use crate::store::{Checkpoint, Claim, DigestScope, Sink, StoreError};

/// Batches that are projected ahead of the store.
const BATCHES_AHEAD: usize = 2;

/// Bounds and times of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildOptions {
    /// Most messages in a batch, unless a single commit is larger.
    pub batch_messages_max: usize,
    /// Bytes of payload after which a batch takes no further message.
    pub batch_bytes_max: usize,
    /// Tries of each step before the rebuild fails, at least 1.
    pub tries_max: usize,
    /// First delay between tries; each further one doubles, with jitter.
    pub retry_delay_min: Duration,
    /// Longest delay between tries.
    pub retry_delay_max: Duration,
    /// How long the store may take to apply one batch.
    pub apply_timeout: Duration,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self {
            batch_messages_max: 5_000,
            batch_bytes_max: 16 * 1024 * 1024,
            tries_max: 6,
            retry_delay_min: Duration::from_millis(100),
            retry_delay_max: Duration::from_secs(5),
            apply_timeout: Duration::from_secs(300),
        }
    }
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildProgress {
    /// The partition.
    pub partition: Partition,
    /// Last applied position.
    pub position: Position,
    /// Where the rebuild ends: the log's head when it began.
    pub head: Position,
    /// Messages applied so far.
    pub messages: u64,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildReport {
    /// The partition.
    pub partition: Partition,
    /// Where the read model stood before.
    pub position_before: Position,
    /// Its digest before.
    pub digest_before: String,
    /// Its digest when the rebuild stood at the same position, or at the log's end where that came first.
    pub digest_at_same_position: String,
    /// Where it stands now.
    pub position_after: Position,
    /// Its digest now.
    pub digest_after: String,
    /// Messages applied.
    pub messages: u64,
    /// How long it took, digests included.
    pub duration: Duration,
}

impl RebuildReport {
    /// Whether the read model had been what the log says. `false` means a defect, then or now, or a deliberate
    /// change of the projection.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.digest_before == self.digest_at_same_position
    }
}

/// Why a rebuild failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store does not answer.
    #[error(transparent)]
    Store(StoreError),
    /// An event cannot be projected.
    #[error("position {position} cannot be projected: {error}")]
    Projection {
        /// Where it stands.
        position: Position,
        /// What is wrong.
        error: ProjectionError,
    },
    /// The log leaves positions out.
    #[error("the log delivers position {found} where {expected} was expected; what lies between is withheld")]
    Withheld {
        /// What has to come.
        expected: Position,
        /// What came.
        found: Position,
    },
    /// The log ends within a commit.
    #[error("partition {} ends within a commit, at position {position}", partition.0)]
    IncompleteCommit {
        /// The partition.
        partition: Partition,
        /// Its last position.
        position: Position,
    },
    /// Another worker claimed the partition meanwhile.
    #[error(
        "another process took over partition {} during the rebuild and fills it from there on; stop every projector \
         of this store and rebuild again",
        partition.0
    )]
    Interfered {
        /// The partition.
        partition: Partition,
    },
}

impl From<StoreError> for RebuildError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced { partition, .. } => Self::Interfered { partition },
            error => Self::Store(error),
        }
    }
}

/// Empties `partition` of the store and fills it from the log, up to its head as of now.
///
/// Reading and projecting run beside applying. `on_progress` is called after each batch.
///
/// # Errors
/// [`RebuildError`]; then the store is not complete, and a runner or another rebuild continues.
pub async fn rebuild<C: Clone + Send + Sync + 'static>(
    log: SharedLog,
    store: Arc<dyn Sink<C>>,
    projection: Arc<dyn Projection<C>>,
    partition: Partition,
    options: RebuildOptions,
    on_progress: impl FnMut(RebuildProgress) + Send,
) -> Result<RebuildReport, RebuildError> {
    let began = Instant::now();
    let retry = Retry::new(&options);
    let scope = DigestScope::Partition(partition);
    let head = retry.log(|| log.head(partition)).await?;
    let mut claim = retry.store(|| store.claim(partition)).await?;
    let before = claim.checkpoint.position;
    let digest_before = retry.store(|| store.digest(scope)).await?;
    let (projection_name, store_name) = (projection.name(), store.name());
    tracing::info!(
        projection = projection_name,
        store = store_name,
        partition = partition.0,
        position = before.0,
        head = head.0,
        "rebuilding"
    );
    retry.store(|| store.clear(partition)).await?;
    claim.checkpoint = Checkpoint::default();
    let source = Source { log, projection, partition, head, pause_at: before, options: options.clone() };
    let mut filling = Filling {
        store: &*store,
        partition,
        claim,
        head,
        compare_at: before.min(head),
        options: &options,
        retry: &retry,
        on_progress,
        messages: 0,
        compared: None,
    };
    filling.compare().await?;
    filling.fill(source).await?;
    let (written, messages, compared) =
        (filling.claim.checkpoint.position, filling.messages, filling.compared.take());
    let digest_after = match &compared {
        Some((at, digest)) if *at == written => digest.clone(),
        _ => retry.store(|| store.digest(scope)).await?,
    };
    Ok(RebuildReport {
        partition,
        position_before: before,
        digest_before,
        digest_at_same_position: compared.map_or_else(|| digest_after.clone(), |(_, digest)| digest),
        position_after: written,
        digest_after,
        messages,
        duration: began.elapsed(),
    })
}

/// The applying half of a rebuild.
struct Filling<'a, C, F> {
    store: &'a dyn Sink<C>,
    partition: Partition,
    /// Its checkpoint is what was applied so far.
    claim: Claim,
    head: Position,
    compare_at: Position,
    options: &'a RebuildOptions,
    retry: &'a Retry,
    on_progress: F,
    messages: u64,
    /// Where the digest for the comparison was taken, and the digest.
    compared: Option<(Position, String)>,
}

impl<C: Clone + Send + Sync + 'static, F: FnMut(RebuildProgress) + Send> Filling<'_, C, F> {
    async fn fill(&mut self, source: Source<C>) -> Result<(), RebuildError> {
        let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let mut reading = tokio::task::JoinSet::new();
        reading.spawn(source.run(sender));
        while let Some(assembled) = batches.recv().await {
            self.apply(assembled).await?;
        }
        match reading.join_next().await {
            Some(Ok(outcome)) => outcome,
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            _ => Ok(()),
        }
    }

    async fn apply(&mut self, assembled: Assembled<C>) -> Result<(), RebuildError> {
        let messages = assembled.messages;
        let batch = assembled.into_batch(&mut self.claim);
        let (store, limit) = (self.store, self.options.apply_timeout);
        // A try whose answer was lost is passed over when it is repeated.
        self.retry.store(|| within(limit, store.name(), store.apply(batch.clone()))).await?;
        self.messages += messages as u64;
        self.compare().await?;
        (self.on_progress)(RebuildProgress {
            partition: self.partition,
            position: self.claim.checkpoint.position,
            head: self.head,
            messages: self.messages,
        });
        Ok(())
    }

    async fn compare(&mut self) -> Result<(), RebuildError> {
        let position = self.claim.checkpoint.position;
        if position >= self.compare_at && self.compared.is_none() {
            let digest =
                self.retry.store(|| self.store.digest(DigestScope::Partition(self.partition))).await?;
            self.compared = Some((position, digest));
        }
        Ok(())
    }
}
