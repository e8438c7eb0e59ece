//! A worker: one partition, one session after the other, whenever this process has the partition's lease.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use foodflow_log::{Direction, LogError, MessageStream, Partition, Position, ReadQuery, SharedLog};
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::audit;
use super::backoff::Backoff;
use super::config::RunnerConfig;
use super::lease::tenure::Tenure;
use super::metric_definitions::Meters;
use super::projection::Projection;
use super::session::Session;
use super::state::{Failure, StateCell};
use crate::store::{Checkpoint, Claim, Sink, StoreError};

/// How often a worker that is held asks for its partition.
const HELD_POLL: Duration = Duration::from_millis(100);

/// Why a session ended without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The runner stops.
    Stopped,
    /// Another process has the partition, or is to have it.
    WithoutLease,
    /// A batch was refused and has been written in parts: what was read ahead of it does not count.
    Sifted,
}

/// What a session begins with.
pub(super) struct Opened {
    pub(super) claim: Claim,
    /// Where the log ended.
    pub(super) head: Position,
    /// What the log holds after the claim's checkpoint.
    pub(super) stream: MessageStream,
}

/// Everything that a worker works with.
pub(super) struct Worker<C> {
    pub(super) log: SharedLog,
    pub(super) store: Arc<dyn Sink<C>>,
    pub(super) projection: Arc<dyn Projection<C>>,
    pub(super) partition: Partition,
    pub(super) config: RunnerConfig,
    pub(super) state: StateCell,
    pub(super) meters: Meters,
    pub(super) tenure: Tenure,
    pub(super) stop: CancellationToken,
}

impl<C: Clone + Send + Sync + 'static> Worker<C> {
    /// Works, while it has the lease, until it is asked to stop; every failure is shown and followed by another try.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.retry_delay_min, self.config.retry_delay_max);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = self.tenure.granted() => {}
            }
            self.state.begins();
            let ended = self.session(&mut backoff).await;
            self.state.rests();
            let failure = match ended {
                Ok(Ended::Stopped) => break,
                Ok(Ended::Sifted) => continue,
                Ok(Ended::WithoutLease) => {
                    self.state.without_lease();
                    continue;
                }
                Err(Failure::Claim(StoreError::Held { until, .. })) => {
                    if self.is_held(until).await {
                        continue;
                    }
                    break;
                }
                Err(failure) => failure,
            };
            let delay = self.failed(&failure, &mut backoff);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(delay) => {}
            }
        }
        self.state.stopped();
    }

    /// Waits a little for a rebuild that holds the partition; `false` where it is asked to stop meanwhile.
    async fn is_held(&self, until: Timestamp) -> bool {
        let (projection, partition) = (self.projection.name(), self.partition.0);
        tracing::debug!(projection, partition, %until, "a rebuild is about to switch and holds the partition");
        self.state.held(until);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(HELD_POLL) => true,
        }
    }

    /// Shows `failure`; answers how long to wait before the next try.
    fn failed(&mut self, failure: &Failure, backoff: &mut Backoff) -> Duration {
        self.state.failed(failure);
        self.meters.failed(failure.kind());
        if failure.is_fenced() {
            self.tenure.doubt();
        }
        let delay = backoff.next_delay();
        let delay_ms = delay.as_millis() as u64;
        let (projection, partition) = (self.projection.name(), self.partition.0);
        if failure.is_stuck() {
            tracing::error!(projection, partition, delay_ms, error = %failure, "the projection is stuck");
        } else {
            tracing::warn!(projection, partition, delay_ms, error = %failure, "the projection tries again");
        }
        delay
    }

    /// Reads on from the stored checkpoint until it is asked to stop, has the lease no more, or fails.
    async fn session(&self, backoff: &mut Backoff) -> Result<Ended, Failure> {
        let opened = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(Ended::Stopped),
            _ = self.tenure.ended() => return Ok(Ended::WithoutLease),
            opened = self.open() => opened?,
        };
        if self.state.found(opened.claim.checkpoint.clone()) {
            backoff.reset();
        }
        Session::new(self, backoff, opened).run().await
    }

    async fn open(&self) -> Result<Opened, Failure> {
        let claim = self.store_answer(self.store.claim(self.partition)).await;
        let claim = claim.map_err(Failure::Claim)?;
        let checkpoint = &claim.checkpoint;
        let head = self.log_answer(self.log.head(self.partition)).await?;
        if checkpoint.position > head {
            return Err(Failure::BeyondLog { applied: checkpoint.position, head });
        }
        if let Some(reason) = self.other_log(checkpoint).await? {
            return Err(Failure::OtherLog(reason));
        }
        let stream = self.log_answer(self.log.subscribe(self.partition, None, checkpoint.position)).await?;
        Ok(Opened { claim, head, stream })
    }

    /// Why the checkpoint cannot be one of this log, where it cannot.
    async fn other_log(&self, checkpoint: &Checkpoint) -> Result<Option<String>, Failure> {
        let Some(before) = checkpoint.position.0.checked_sub(1) else { return Ok(None) };
        let query =
            ReadQuery { tenant: None, from: Position(before), direction: Direction::Forward, limit: 1 };
        let found = self.log_answer(self.log.read(self.partition, query)).await?;
        // Where the log lacks the position, the auditor says so.
        let message = found.first().filter(|message| message.position == checkpoint.position);
        Ok(message.and_then(|message| audit::other_time(message, checkpoint)))
    }

    async fn store_answer<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        within(self.config.answer_timeout, self.store.name(), answer).await
    }

    async fn log_answer<T>(&self, answer: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
        let limit = self.config.answer_timeout;
        timeout(limit, answer).await.unwrap_or_else(|_| Err(no_answer(limit)))
    }

    /// Shows that so many more messages, up to `checkpoint`, have been applied.
    pub(super) fn applied(&self, checkpoint: Checkpoint, messages: usize, backoff: &mut Backoff) {
        let position: Position = checkpoint.position;
        if self.state.applied(checkpoint, messages) {
            backoff.reset();
            let (projection, partition) = (self.projection.name(), self.partition.0);
            tracing::info!(projection, partition, position = position.0, "the projection goes on");
        }
    }
}

/// The log did not answer.
pub(super) fn no_answer(limit: Duration) -> LogError {
    LogError::Unavailable { reason: format!("no answer within {limit:?}") }
}

/// The store's answer, or an error where there is none within `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    store: &'static str,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = || StoreError::Unavailable { store, reason: format!("no answer within {limit:?}") };
    timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
}
