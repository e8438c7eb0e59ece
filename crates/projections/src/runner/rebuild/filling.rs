//! The applying half of a rebuild: one partition of the generation that is filled, from its own checkpoint on.

use std::ops::Add;
use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position, SharedLog};
use tokio::sync::mpsc;

use super::retry::Retry;
use super::source::Source;
use super::{RebuildError, RebuildOptions, RebuildProgress, RebuildStage};
use crate::runner::assembler::Assembled;
use crate::runner::projection::Projection;
use crate::runner::quarantine::{Sift, SiftError, Triage};
use crate::runner::worker::within;
use crate::store::generations::RebuildScope;
use crate::store::{Batch, Checkpoint, Claim, Sink, StoreError, Survey};

/// Batches that are projected ahead of the store.
const BATCHES_AHEAD: usize = 2;

/// What every filling of one rebuild shares.
pub(super) struct Means<C> {
    pub(super) log: SharedLog,
    pub(super) projection: Arc<dyn Projection<C>>,
    pub(super) options: RebuildOptions,
    pub(super) retry: Retry,
}

/// One partition of a generation that is filled.
pub(super) struct Filling<C> {
    sink: Arc<dyn Sink<C>>,
    pub(super) partition: Partition,
    tenant: Option<TenantId>,
    /// Its checkpoint is what was applied so far.
    pub(super) claim: Claim,
    /// What was applied since the claim.
    pub(super) applied: Applied,
}

/// How much was applied.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Applied {
    pub(super) messages: u64,
    /// Events of these messages.
    pub(super) events: u64,
}

impl Applied {
    fn of<C>(assembled: &Assembled<C>) -> Self {
        Self { messages: assembled.messages as u64, events: assembled.events }
    }
}

impl Add for Applied {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, events: self.events + other.events }
    }
}

impl<C: Clone + Send + Sync + 'static> Filling<C> {
    /// Claims `partition` of what `sink` fills.
    pub(super) async fn claim(
        means: &Means<C>,
        sink: &Arc<dyn Sink<C>>,
        scope: RebuildScope,
        partition: Partition,
    ) -> Result<Self, StoreError> {
        let claim = means.retry.store(|| sink.claim(partition)).await?;
        let (tenant, applied) = (scope.tenant(), Applied::default());
        Ok(Self { sink: Arc::clone(sink), partition, tenant, claim, applied })
    }

    /// The last position that was applied.
    pub(super) const fn position(&self) -> Position {
        self.claim.checkpoint.position
    }

    /// Applies what the log holds up to `until`; reading and projecting run beside applying.
    pub(super) async fn fill(
        &mut self,
        means: &Means<C>,
        until: Position,
        stage: RebuildStage,
        on_progress: &mut (dyn FnMut(RebuildProgress) + Send + Sync),
    ) -> Result<(), RebuildError> {
        while self.position() < until && !self.read_on(means, until, stage, on_progress).await? {}
        Ok(())
    }

    /// As [`fill`](Self::fill); `false` where the store refused a batch. That has then been written in parts, and what
    /// was read behind it does not count, since messages of it may have to wait.
    async fn read_on(
        &mut self,
        means: &Means<C>,
        until: Position,
        stage: RebuildStage,
        on_progress: &mut (dyn FnMut(RebuildProgress) + Send + Sync),
    ) -> Result<bool, RebuildError> {
        // Decisions behind `until` count too: what is skipped there must wait here.
        let head = means.retry.log(|| means.log.head(self.partition)).await?;
        let (projection, log) = (Arc::clone(&means.projection), Arc::clone(&means.log));
        let source = Source {
            log: Arc::clone(&log),
            triage: Triage::new(projection, log, self.claim.checkpoint.quarantine.clone(), head),
            partition: self.partition,
            tenant: self.tenant,
            after: self.position(),
            until,
            options: means.options.clone(),
        };
        let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let mut reading = tokio::task::JoinSet::new();
        reading.spawn(source.run(sender));
        while let Some(assembled) = batches.recv().await {
            let is_taken = self.apply(means, assembled).await?;
            let (partition, position, messages) = (self.partition, self.position(), self.applied.messages);
            on_progress(RebuildProgress { stage, partition, position, head: until, messages });
            if !is_taken {
                return Ok(false);
            }
        }
        match reading.join_next().await {
            Some(Ok(outcome)) => outcome?,
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            _ => {}
        }
        Ok(true)
    }

    /// Says that what was applied is all that there is up to `checkpoint`: one tenant has no messages between.
    pub(super) async fn advance(
        &mut self,
        means: &Means<C>,
        checkpoint: &Checkpoint,
    ) -> Result<(), RebuildError> {
        if self.tenant.is_none() || self.position() >= checkpoint.position {
            return Ok(());
        }
        let quarantine = self.claim.checkpoint.quarantine.clone();
        let checkpoint = Checkpoint { quarantine, ..checkpoint.clone() };
        let batch = self.claim.next(self.partition, Vec::new(), checkpoint);
        self.write(means, batch).await
    }

    /// Whether this claim is still the last one: an error where it is not.
    pub(super) async fn touch(&self, means: &Means<C>) -> Result<(), RebuildError> {
        let batch = self.claim.clone().next(self.partition, Vec::new(), self.claim.checkpoint.clone());
        self.write(means, batch).await
    }

    /// What was filled so far, within `scope`.
    pub(super) async fn survey(&self, means: &Means<C>, scope: RebuildScope) -> Result<Survey, RebuildError> {
        let (partition, scope) = (self.partition, scope.digested(self.partition));
        let survey = means.retry.store(|| self.sink.survey(partition, scope)).await?;
        // Nobody else may write here.
        survey.ok_or(RebuildError::Interfered { partition })
    }

    /// Applies a batch; `false` where it was refused and has been written in parts.
    async fn apply(&mut self, means: &Means<C>, assembled: Assembled<C>) -> Result<bool, RebuildError> {
        let (applied, last) = (Applied::of(&assembled), assembled.checkpoint.position);
        let before = self.claim.checkpoint.clone();
        let batch = assembled.into_batch(&mut self.claim);
        match self.write(means, batch).await {
            Err(RebuildError::Store(error @ StoreError::Unfit { .. })) => {
                let (partition, first) = (self.partition.0, before.position.0 + 1);
                tracing::warn!(partition, first, %last, %error, "a batch is refused and written in parts");
                self.claim.checkpoint = before;
                self.sift(means, last).await?;
                Ok(false)
            }
            outcome => {
                outcome?;
                self.applied = self.applied + applied;
                Ok(true)
            }
        }
    }

    async fn sift(&mut self, means: &Means<C>, last: Position) -> Result<(), RebuildError> {
        let sift = Sift {
            log: &means.log,
            projection: &means.projection,
            store: &*self.sink,
            partition: self.partition,
            tenant: self.tenant,
            bytes_max: means.options.batch_bytes_max,
            retry: &means.retry,
            answer_timeout: means.options.apply_timeout,
        };
        let applied = &mut self.applied;
        sift.write(&mut self.claim, last, |written| *applied = *applied + Applied::of(written)).await?;
        Ok(())
    }

    /// Writes `batch`; a try whose answer was lost is passed over when it is repeated.
    async fn write(&self, means: &Means<C>, batch: Batch<C>) -> Result<(), RebuildError> {
        let (sink, limit) = (&self.sink, means.options.apply_timeout);
        let written = means.retry.store(|| within(limit, sink.name(), sink.apply(batch.clone()))).await;
        written.map_err(not_written)
    }
}

fn not_written(error: StoreError) -> RebuildError {
    match error {
        StoreError::Fenced { partition, .. } => RebuildError::Interfered { partition },
        error => RebuildError::Store(error),
    }
}

impl From<SiftError> for RebuildError {
    fn from(error: SiftError) -> Self {
        match error {
            SiftError::Log(error) => Self::Log(error),
            SiftError::Store { error, .. } => not_written(error),
            SiftError::Projection { position, error } => Self::Projection { position, error },
            SiftError::Assembling { position, error } => Self::assembling(position, error),
        }
    }
}
