//! One session of a worker: from a checkpoint on, until a failure or the stop.
//!
//! While the store applies one batch, on a task of its own, the messages that follow are read and projected; as
//! soon as the store is free it gets all whole commits that have come together. So a quiet log has no delay,
//! and a busy one has large batches. What is held is bounded by one batch in flight and one that is gathered.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foodflow_log::{LogError, MessageStream, Position, StoredMessage};
use futures::{FutureExt, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::assembler::{Assembled, Assembler};
use super::backoff::Backoff;
use super::lease::tenure::End;
use super::quarantine::{Sift, Triage};
use super::rebuild::retry::Retry;
use super::state::Failure;
use super::worker::{Ended, Opened, Worker, no_answer, within};
use crate::store::{Checkpoint, Claim, StoreError};

/// After how many messages other tasks get their turn.
const MESSAGES_PER_TURN: usize = 64;
/// A subscription without messages counts as delivering after it has stood for so long.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Session<'a, C> {
    worker: &'a Worker<C>,
    claim: Claim,
    backoff: &'a mut Backoff,
    stream: MessageStream,
    triage: Triage<C>,
    assembler: Assembler<C>,
    in_flight: Option<InFlight>,
    /// A failure behind the whole commits that were gathered; they are applied first.
    found: Option<Failure>,
    settled: bool,
}

/// A batch that the store applies now.
struct InFlight {
    task: JoinHandle<Result<(), StoreError>>,
    /// Where the store stands before it.
    before: Checkpoint,
    checkpoint: Checkpoint,
    first: Position,
    messages: usize,
    since: Instant,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<'a, C: Clone + Send + Sync + 'static> Session<'a, C> {
    pub(super) fn new(worker: &'a Worker<C>, backoff: &'a mut Backoff, opened: Opened) -> Self {
        let Opened { claim, head, stream } = opened;
        let config = &worker.config;
        let after = claim.checkpoint.position;
        let assembler =
            Assembler::after(worker.partition, after, config.batch_messages_max, config.batch_bytes_max);
        let (projection, log) = (Arc::clone(&worker.projection), Arc::clone(&worker.log));
        let triage = Triage::new(projection, log, claim.checkpoint.quarantine.clone(), head);
        tracing::debug!(
            projection = worker.projection.name(),
            partition = worker.partition.0,
            after = claim.checkpoint.position.0,
            epoch = claim.epoch.0,
            "the projection reads on"
        );
        let (in_flight, found, settled) = (None, None, false);
        Self { worker, claim, backoff, stream, triage, assembler, in_flight, found, settled }
    }

    /// Reads, projects and applies; `Ok` once asked to stop or to hand the partition back, with the batch in flight
    /// finished, or once the lease is lost.
    pub(super) async fn run(mut self) -> Result<Ended, Failure> {
        let tenure = self.worker.tenure.clone();
        let mut lease_ends = pin!(tenure.ended());
        let mut settled = pin!(tokio::time::sleep(SETTLED_AFTER));
        loop {
            if self.in_flight.is_none() {
                match self.assembler.take() {
                    Some(assembled) => self.in_flight = Some(self.apply(assembled)),
                    None => self.found.take().map_or(Ok(()), Err)?,
                }
            }
            let reads = self.found.is_none() && self.assembler.has_room();
            tokio::select! {
                biased;
                () = self.worker.stop.cancelled() => return self.finish(Ended::Stopped).await,
                end = &mut lease_ends => return match end {
                    End::Returning => self.finish(Ended::WithoutLease).await,
                    End::Lost => Ok(Ended::WithoutLease),
                },
                outcome = outcome_of(&mut self.in_flight), if self.in_flight.is_some() => {
                    if let Some(refused) = self.applied(outcome)? {
                        return self.sift(&refused).await;
                    }
                }
                item = self.stream.next(), if reads => self.gather(item).await,
                () = &mut settled, if !self.settled => self.settle(),
            }
        }
    }

    /// Takes in `item` and what else is ready, up to the bounds or until the store is free.
    async fn gather(&mut self, item: Option<Result<StoredMessage, LogError>>) {
        self.settle();
        let mut item = Some(item);
        let mut taken = 0_usize;
        while let Some(next) = item {
            match next {
                Some(Ok(message)) => self.found = self.take(&message).await.err(),
                Some(Err(error)) => self.found = Some(error.into()),
                None => self.found = Some(Failure::LogEnded),
            }
            taken += 1;
            let awaited = self.in_flight.as_ref().is_some_and(|in_flight| in_flight.task.is_finished());
            if self.found.is_some() || awaited || !self.assembler.has_room() {
                return;
            }
            if taken.is_multiple_of(MESSAGES_PER_TURN) {
                tokio::task::yield_now().await;
            }
            item = tokio::task::unconstrained(self.stream.next()).now_or_never();
        }
    }

    async fn take(&mut self, message: &StoredMessage) -> Result<(), Failure> {
        let position = message.position;
        let limit = self.worker.config.answer_timeout;
        let triaged = match timeout(limit, self.triage.take(message)).await {
            Ok(triaged) => triaged.map_err(|error| Failure::triage(position, error))?,
            Err(_) => return Err(no_answer(limit).into()),
        };
        self.assembler.push(message, triaged).map_err(|error| Failure::assembling(position, error))
    }

    fn settle(&mut self) {
        self.settled = true;
        if self.worker.state.log_delivers() {
            self.backoff.reset();
        }
    }

    fn apply(&mut self, assembled: Assembled<C>) -> InFlight {
        let (checkpoint, first, messages) =
            (assembled.checkpoint.clone(), assembled.first, assembled.messages);
        let before = self.claim.checkpoint.clone();
        let batch = assembled.into_batch(&mut self.claim);
        let (store, limit) = (self.worker.store.clone(), self.worker.config.answer_timeout);
        let task = tokio::spawn(async move { within(limit, store.name(), store.apply(batch)).await });
        InFlight { task, before, checkpoint, first, messages, since: Instant::now() }
    }

    /// What became of the batch in flight; answers with it where the store refuses what it holds.
    fn applied(&mut self, outcome: Result<(), StoreError>) -> Result<Option<InFlight>, Failure> {
        let Some(in_flight) = self.in_flight.take() else { return Ok(None) };
        let (first, last) = (in_flight.first, in_flight.checkpoint.position);
        if let Err(error @ StoreError::Unfit { .. }) = &outcome {
            let (projection, partition) = (self.worker.projection.name(), self.worker.partition.0);
            tracing::warn!(projection, partition, %first, %last, %error, "a batch is refused and written in parts");
            self.worker.meters.failed("refusal");
            return Ok(Some(in_flight));
        }
        outcome.map_err(|error| Failure::Apply { first, last, error })?;
        self.worker.meters.applied(in_flight.messages, in_flight.since.elapsed());
        self.worker.applied(in_flight.checkpoint.clone(), in_flight.messages, self.backoff);
        Ok(None)
    }

    /// Writes the batch that was refused in parts.
    async fn sift(self, refused: &InFlight) -> Result<Ended, Failure> {
        let Self { worker, claim, backoff, .. } = self;
        let mut claim = Claim { checkpoint: refused.before.clone(), ..claim };
        let (retry, tenure) = (Retry::never(), worker.tenure.clone());
        let sift = Sift {
            log: &worker.log,
            projection: &worker.projection,
            store: &*worker.store,
            partition: worker.partition,
            tenant: None,
            bytes_max: worker.config.batch_bytes_max,
            retry: &retry,
            answer_timeout: worker.config.answer_timeout,
        };
        let since = Instant::now();
        let writing = sift.write(&mut claim, refused.checkpoint.position, |written| {
            worker.meters.applied(written.messages, since.elapsed());
            worker.applied(written.checkpoint.clone(), written.messages, backoff);
        });
        tokio::select! {
            biased;
            () = worker.stop.cancelled() => Ok(Ended::Stopped),
            _ = tenure.ended() => Ok(Ended::WithoutLease),
            written = writing => written.map(|()| Ended::Sifted).map_err(Failure::sifting),
        }
    }

    async fn finish(mut self, ended: Ended) -> Result<Ended, Failure> {
        if self.in_flight.is_some() {
            let outcome = outcome_of(&mut self.in_flight).await;
            // Whoever goes on from here meets a batch that was refused again.
            if let Err(failure) = self.applied(outcome) {
                tracing::warn!(error = %failure, "the last batch before the stop was not applied");
            }
        }
        Ok(ended)
    }
}

/// The outcome of the batch in flight; pending where there is none. A panic of the store is the worker's own.
async fn outcome_of(in_flight: &mut Option<InFlight>) -> Result<(), StoreError> {
    let Some(in_flight) = in_flight else { return std::future::pending().await };
    match (&mut in_flight.task).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => {
            Err(StoreError::Unavailable { store: "read model's", reason: "the task was aborted".to_owned() })
        }
    }
}
