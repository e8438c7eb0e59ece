//! The reading half of a rebuild: pages of the log, projected and put together to batches.

use foodflow_domain::TenantId;
use foodflow_log::event_log::READ_MESSAGES_MAX;
use foodflow_log::{Direction, Partition, Position, ReadQuery, SharedLog, StoredMessage};
use tokio::sync::mpsc;

use super::retry::Retry;
use super::{RebuildError, RebuildOptions};
use crate::runner::assembler::{AssembleError, Assembled, Assembler};
use crate::runner::quarantine::{Triage, TriageError};

/// Messages of the first page, whose sizes are not known yet.
const FIRST_PAGE_MESSAGES: usize = 128;
/// What a page should hold at most, judged by the sizes of the page before.
const PAGE_BYTES: usize = 32 * 1024 * 1024;
/// After how many messages other tasks get their turn.
const MESSAGES_PER_TURN: usize = 64;

/// Reads `partition` behind `after`, up to `until`.
pub(super) struct Source<C> {
    pub(super) log: SharedLog,
    pub(super) triage: Triage<C>,
    pub(super) partition: Partition,
    /// Only this tenant's messages; all where there is none.
    pub(super) tenant: Option<TenantId>,
    pub(super) after: Position,
    pub(super) until: Position,
    pub(super) options: RebuildOptions,
}

/// The receiver is gone: the applying half failed and says why.
struct Unwanted;

impl<C: Send + 'static> Source<C> {
    /// Sends batches up to `until`, or to the end of the commit that holds it.
    pub(super) async fn run(mut self, batches: mpsc::Sender<Assembled<C>>) -> Result<(), RebuildError> {
        let retry = Retry::new(&self.options);
        let Self { partition, until, tenant, .. } = self;
        let (messages_max, bytes_max) = (self.options.batch_messages_max, self.options.batch_bytes_max);
        let mut assembler = match tenant {
            None => Assembler::after(partition, self.after, messages_max, bytes_max),
            Some(_) => Assembler::of_tenant(partition, messages_max, bytes_max),
        };
        let (mut after, mut limit) = (self.after, FIRST_PAGE_MESSAGES);
        'pages: while after < until || !assembler.ends_with_whole_commit() {
            let query = ReadQuery { tenant, from: after, direction: Direction::Forward, limit };
            let page = retry.log(|| self.log.read(partition, query.clone())).await?;
            let Some(last) = page.last().map(|message| message.position) else {
                if assembler.ends_with_whole_commit() {
                    break;
                }
                return Err(RebuildError::IncompleteCommit { partition, position: after });
            };
            limit = next_limit(&page);
            after = last;
            for (index, message) in page.into_iter().enumerate() {
                if message.position > until && assembler.ends_with_whole_commit() {
                    break 'pages;
                }
                if index % MESSAGES_PER_TURN == MESSAGES_PER_TURN - 1 {
                    tokio::task::yield_now().await;
                }
                if self.take(&retry, &mut assembler, &batches, &message).await?.is_err() {
                    return Ok(());
                }
            }
        }
        // Where the receiver is gone it has failed, and says why.
        let _ = flush(&mut assembler, &batches).await;
        Ok(())
    }

    async fn take(
        &mut self,
        retry: &Retry,
        assembler: &mut Assembler<C>,
        batches: &mpsc::Sender<Assembled<C>>,
        message: &StoredMessage,
    ) -> Result<Result<(), Unwanted>, RebuildError> {
        // What a commit larger than a batch leaves in its place may be full at once.
        while !assembler.has_room()
            && let Some(assembled) = assembler.take()
        {
            if batches.send(assembled).await.is_err() {
                return Ok(Err(Unwanted));
            }
        }
        let position = message.position;
        let triaged = retry.triage(&mut self.triage, message).await.map_err(|error| match error {
            TriageError::Log(error) => RebuildError::Log(error),
            TriageError::Projection(error) => RebuildError::Projection { position, error },
        })?;
        assembler.push(message, triaged).map_err(|error| RebuildError::assembling(position, error))?;
        Ok(Ok(()))
    }
}

async fn flush<C>(
    assembler: &mut Assembler<C>,
    batches: &mpsc::Sender<Assembled<C>>,
) -> Result<(), Unwanted> {
    while let Some(assembled) = assembler.take() {
        batches.send(assembled).await.map_err(|_| Unwanted)?;
    }
    Ok(())
}

impl RebuildError {
    /// Why `position` cannot be taken in.
    pub(super) fn assembling(position: Position, error: AssembleError) -> Self {
        match error {
            AssembleError::Withheld { expected, found } => Self::Withheld { expected, found },
            AssembleError::Commit(error) => Self::Projection { position, error },
        }
    }
}

/// How many messages of this size make a page.
fn next_limit(page: &[StoredMessage]) -> usize {
    let bytes: usize = page.iter().map(|message| message.payload.len()).sum();
    let each = (bytes / page.len().max(1)).max(1);
    (PAGE_BYTES / each).clamp(1, READ_MESSAGES_MAX)
}
