//! Writing a batch that a store refuses, so that only the messages wait that it cannot hold.
//!
//! A store says of a batch that it cannot hold it, and not of which message. So the batch is read again and written in
//! parts, each half as large as the one that was refused. A part is whole commits with a checkpoint of its own, as any
//! batch is: a reader sees nothing unusual, and what a crash leaves is gone on from. Where a single commit is refused,
//! rehearsals tell its first message that the store does not take behind those before it. That one waits, and the rest is
//! written without it. Each message that is found costs about twice the logarithm of the batch.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::event_log::READ_MESSAGES_MAX;
use foodflow_log::{Direction, LogError, Partition, Position, ReadQuery, SharedLog, StoredMessage};
use tokio::time::timeout;

use super::triage::{Refusals, Share, Triage, TriageError};
use crate::runner::assembler::{AssembleError, Assembled, Assembler};
use crate::runner::projection::{Projection, ProjectionError};
use crate::runner::rebuild::retry::Retry;
use crate::runner::worker::{no_answer, within};
use crate::store::{Batch, Claim, Sink, StoreError};

/// Why a batch could not be written in parts either.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiftError {
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store does not answer, or no message can be told that it refuses.
    #[error("applying positions {first} to {last}: {error}")]
    Store { first: Position, last: Position, error: StoreError },
    /// A message can neither be applied nor wait.
    #[error("position {position} cannot be projected: {error}")]
    Projection { position: Position, error: ProjectionError },
    #[error("position {position}: {error}")]
    Assembling { position: Position, error: AssembleError },
}

/// What is needed to write a part of a partition, or of one tenant's messages in it.
pub(crate) struct Sift<'a, C> {
    pub(crate) log: &'a SharedLog,
    pub(crate) projection: &'a Arc<dyn Projection<C>>,
    pub(crate) store: &'a dyn Sink<C>,
    pub(crate) partition: Partition,
    pub(crate) tenant: Option<TenantId>,
    /// Bytes of payload after which a part takes no further message.
    pub(crate) bytes_max: usize,
    pub(crate) retry: &'a Retry,
    /// How long log and store may take to answer.
    pub(crate) answer_timeout: Duration,
}

/// The next messages, projected and put together.
struct Part<C> {
    assembled: Assembled<C>,
    /// Whose its changes are, in their order.
    shares: Vec<Share>,
    is_one_commit: bool,
}

impl<C: Clone + Send + Sync + 'static> Sift<'_, C> {
    /// Writes what follows `claim` up to `last`, where a commit ends and which was refused; `claim` goes along.
    /// `on_written` learns of each part.
    ///
    /// # Errors
    /// [`SiftError`]; what was written by then is in the claim.
    pub(crate) async fn write(
        &self,
        claim: &mut Claim,
        last: Position,
        mut on_written: impl FnMut(&Assembled<C>) + Send,
    ) -> Result<(), SiftError> {
        let messages = self.read(claim.checkpoint.position, last).await?;
        // Decisions behind the batch count too: what is skipped there must wait here.
        let through = self.retry.log(|| self.answer(self.log.head(self.partition))).await?;
        let mut refusals = Refusals::default();
        // What is known: a part up to `suspect` is refused, unless that is none.
        let (mut written, mut suspect, mut size) = (0, messages.len(), messages.len().div_ceil(2));
        while written < messages.len() {
            let triage = self.triage(claim, through, &refusals);
            let part = self.part(triage, &messages[written..], claim.checkpoint.position, size).await?;
            let held = part.assembled.messages;
            match self.apply(&part, claim).await {
                Ok(()) => {
                    claim.checkpoint = part.assembled.checkpoint.clone();
                    on_written(&part.assembled);
                    written += held;
                    size = if written < suspect { (suspect - written).div_ceil(2) } else { messages.len() };
                }
                Err(StoreError::Unfit { .. }) if !part.is_one_commit => {
                    suspect = written + held;
                    size = (held / 2).max(1);
                }
                Err(error @ StoreError::Unfit { .. }) => {
                    self.find(&part, claim, error, &mut refusals).await?;
                    (suspect, size) = (0, messages.len());
                }
                Err(error) => return Err(part.failed(error)),
            }
        }
        Ok(())
    }

    async fn read(&self, after: Position, last: Position) -> Result<Vec<StoredMessage>, SiftError> {
        let (mut messages, mut from) = (Vec::new(), after);
        while from < last {
            let limit = usize::try_from(last.0 - from.0).unwrap_or(usize::MAX).min(READ_MESSAGES_MAX);
            let query = ReadQuery { tenant: self.tenant, from, direction: Direction::Forward, limit };
            let read = || self.answer(self.log.read(self.partition, query.clone()));
            let page = self.retry.log(read).await?;
            from = page.last().map(|message| message.position).ok_or_else(|| {
                let reason = format!("the log does not give positions {} to {last} again", from.0 + 1);
                LogError::Unavailable { reason }
            })?;
            messages.extend(page.into_iter().filter(|message| message.position <= last));
        }
        Ok(messages)
    }

    fn triage(&self, claim: &Claim, through: Position, refusals: &Refusals) -> Triage<C> {
        let (projection, log) = (Arc::clone(self.projection), Arc::clone(self.log));
        let waiting = claim.checkpoint.quarantine.clone();
        Triage::new(projection, log, waiting, through).without(refusals.clone())
    }

    /// The first of `messages`: whole commits, of `size` messages at most unless a single one is larger.
    async fn part(
        &self,
        mut triage: Triage<C>,
        messages: &[StoredMessage],
        after: Position,
        size: usize,
    ) -> Result<Part<C>, SiftError> {
        let mut assembler = match self.tenant {
            None => Assembler::after(self.partition, after, size, self.bytes_max),
            Some(_) => Assembler::of_tenant(self.partition, size, self.bytes_max),
        };
        let (mut shares, mut first_commit) = (Vec::new(), None);
        for message in messages {
            if !assembler.has_room() {
                break;
            }
            let position = message.position;
            let triaged = self.retry.triage(&mut triage, message).await.map_err(|error| match error {
                TriageError::Log(error) => SiftError::Log(error),
                TriageError::Projection(error) => SiftError::Projection { position, error },
            })?;
            first_commit.get_or_insert(triaged.projected.commit_size as usize);
            shares.extend(triaged.shares(position));
            assembler.push(message, triaged).map_err(|error| SiftError::Assembling { position, error })?;
        }
        let assembled = assembler.take().ok_or_else(|| {
            let reason = format!("the log does not give the whole commit behind position {after} again");
            LogError::Unavailable { reason }
        })?;
        shares.retain(|share| share.now <= assembled.checkpoint.position);
        let is_one_commit = first_commit == Some(assembled.messages);
        Ok(Part { assembled, shares, is_one_commit })
    }

    async fn apply(&self, part: &Part<C>, claim: &Claim) -> Result<(), StoreError> {
        let batch = part.batch(claim, usize::MAX);
        let (store, limit) = (self.store, self.answer_timeout);
        self.retry.store(|| within(limit, store.name(), store.apply(batch.clone()))).await
    }

    async fn rehearse(&self, part: &Part<C>, claim: &Claim, changes: usize) -> Result<(), StoreError> {
        let batch = part.batch(claim, changes);
        let (store, limit) = (self.store, self.answer_timeout);
        self.retry.store(|| within(limit, store.name(), store.rehearse(batch.clone()))).await
    }

    /// Notes which message of a refused commit the store does not take behind those before it. What it refuses only as it
    /// commits, no rehearsal shows: that is put down to the last message, then to the one before it, and so on.
    async fn find(
        &self,
        part: &Part<C>,
        claim: &Claim,
        refused: StoreError,
        refusals: &mut Refusals,
    ) -> Result<(), SiftError> {
        let shares: Vec<_> = part.shares.iter().filter(|share| share.changes > 0).collect();
        let (mut taken, mut untaken, mut reason) = (0, shares.len(), refused);
        while untaken - taken > 1 {
            let middle = taken + (untaken - taken) / 2;
            let changes = shares[..middle].iter().map(|share| share.changes).sum();
            match self.rehearse(part, claim, changes).await {
                Ok(()) => taken = middle,
                Err(error @ StoreError::Unfit { .. }) => (untaken, reason) = (middle, error),
                Err(error) => return Err(part.failed(error)),
            }
        }
        let Some(found) = untaken.checked_sub(1).and_then(|last| shares.get(last)) else {
            return Err(part.failed(reason));
        };
        refusals.add(found, &reason);
        Ok(())
    }

    /// The log's answer, or an error where there is none in time.
    async fn answer<T>(&self, answer: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
        let limit = self.answer_timeout;
        timeout(limit, answer).await.unwrap_or_else(|_| Err(no_answer(limit)))
    }
}

impl<C: Clone> Part<C> {
    /// What follows `claim`, with so many of the changes at most.
    fn batch(&self, claim: &Claim, changes: usize) -> Batch<C> {
        self.assembled.begun(&mut claim.clone(), changes)
    }

    fn failed(&self, error: StoreError) -> SiftError {
        SiftError::Store { first: self.assembled.first, last: self.assembled.checkpoint.position, error }
    }
}
