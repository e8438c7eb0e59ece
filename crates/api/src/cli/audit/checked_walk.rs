//! A walk over a partition that checks every message on its way.

use foodflow_domain::TenantId;
use foodflow_log::{ChainVerifier, EventLog, Partition, Position, StoredMessage, StreamId};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::finding::{Finding, WalkError};
use crate::cli::progress::Progress;
use crate::cli::walk::Walk;

/// Streams whose past is looked up at the same time.
const LOOKED_UP_MAX: usize = 16;

/// What is walked over.
pub(super) struct CheckedWalk<'a> {
    pub(super) log: &'a dyn EventLog,
    pub(super) partition: Partition,
    /// Only the messages of this tenant.
    pub(super) tenant: Option<TenantId>,
    /// Up to this position, and to the end of the commit that holds it.
    pub(super) end: Position,
}

impl CheckedWalk<'_> {
    /// Walks on from where `verifier` stands; `visit` sees every message after it was checked.
    ///
    /// # Errors
    /// [`WalkError::Found`] for the first thing that is wrong, also where `visit` finds it.
    pub(super) async fn run(
        &self,
        verifier: &mut ChainVerifier,
        progress: &mut Progress,
        mut visit: impl FnMut(&StoredMessage, &ChainVerifier) -> Result<(), WalkError>,
    ) -> Result<(), WalkError> {
        let start = verifier.position();
        let mut walk = Walk::new(self.log, self.partition, self.tenant, start);
        while verifier.position() < self.end || verifier.is_within_commit() {
            let page = walk.page().await?;
            if page.is_empty() {
                return self.check_end(verifier);
            }
            if self.tenant.is_none() && start > Position(0) {
                self.look_up(verifier, &page, start).await?;
            }
            for message in &page {
                if message.position > self.end && !verifier.is_within_commit() {
                    return Ok(());
                }
                verifier.check(message)?;
                visit(message, verifier)?;
            }
            progress.at((verifier.position().0).saturating_sub(start.0));
            // Checking is work of the processor alone; a signal is looked at in between.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// That the log holds nothing more.
    fn check_end(&self, verifier: &ChainVerifier) -> Result<(), WalkError> {
        let (end, position) = (self.end, verifier.position());
        // Messages of other tenants may stand at the end.
        if self.tenant.is_some() || position >= end {
            return Ok(());
        }
        let reason = format!("the log ends at position {end}, but holds nothing after {position}");
        Err(Finding::Unreadable(reason).into())
    }

    /// Tells the verifier where the streams of `page` stood at `start`.
    async fn look_up(
        &self,
        verifier: &mut ChainVerifier,
        page: &[StoredMessage],
        start: Position,
    ) -> Result<(), WalkError> {
        let unknown = verifier.unknown_streams(page);
        let mut ends = stream::iter(unknown)
            .map(|(tenant, stream)| self.last_before(tenant, stream, start))
            .buffer_unordered(LOOKED_UP_MAX);
        while let Some(end) = ends.try_next().await? {
            if let Some(message) = end {
                verifier.know(&message)?;
            }
        }
        Ok(())
    }

    /// The last message of a stream up to `position`.
    async fn last_before(
        &self,
        tenant: TenantId,
        stream: StreamId,
        position: Position,
    ) -> Result<Option<StoredMessage>, WalkError> {
        Ok(self.log.last_before(tenant, &stream, Position(position.0 + 1)).await?)
    }
}
