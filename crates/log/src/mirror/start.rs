//! Where a copy goes on: behind what the target holds, if that is the beginning of the source.

use super::MirrorError;
use super::compare::difference;
use super::partition::PartitionCopy;
use crate::envelope::Envelope;
use crate::event_log::{Direction, EventLog, LogError, Partition, Position, ReadQuery, StoredMessage};
use crate::verify::ChainVerifier;

/// Ends of streams that are remembered, at least; twice as many at most.
const STREAMS_REMEMBERED: usize = 131_072;

/// Where reading begins.
pub(super) struct Start {
    /// Has checked, or taken for in order, what lies before.
    pub(super) verifier: ChainVerifier,
    /// What the target holds; what is read up to there is not copied again.
    pub(super) copied: Position,
}

impl PartitionCopy {
    /// Asks both logs where they stand.
    ///
    /// That the target is the beginning of the source is judged by its last message: the one before it in each stream
    /// is checked when that stream goes on. [`super::Mirror::compare`] reads everything.
    pub(super) async fn start(&self) -> Result<Start, MirrorError> {
        let partition = self.partition;
        let target_head = self.target.head(partition).await.map_err(MirrorError::TargetFailed)?;
        // Behind the target's, so that another copy under way does not seem to be ahead.
        let source_head = self.source.head(partition).await.map_err(MirrorError::SourceFailed)?;
        if target_head > source_head {
            return Err(MirrorError::TargetBeyond { partition, source_head, target_head });
        }
        let verifier = self.verifier_behind(target_head).await?;
        self.standing.begins_behind(target_head, self.until.unwrap_or(source_head));
        let verifier = verifier.remembering(STREAMS_REMEMBERED).in_log_of(self.source.partition_count());
        Ok(Start { verifier, copied: target_head })
    }

    async fn verifier_behind(&self, head: Position) -> Result<ChainVerifier, MirrorError> {
        if head == Position(0) {
            return Ok(ChainVerifier::new());
        }
        let partition = self.partition;
        let of_target = at(&*self.target, partition, head).await.map_err(MirrorError::TargetFailed)?;
        let of_source = at(&*self.source, partition, head).await.map_err(MirrorError::SourceFailed)?;
        if let Some(difference) = difference(&of_source, &of_target) {
            return Err(MirrorError::Differs(difference));
        }
        let whole = self.end_of_whole_commits(&of_source).await?;
        match whole {
            None => Ok(ChainVerifier::new()),
            Some(last) => ChainVerifier::behind(&last).map_err(MirrorError::SourceBroken),
        }
    }

    /// The last message of the last whole commit up to `last`; `None` where there is none.
    ///
    /// Only a log that was damaged ends within a commit; the rest of that commit then completes it.
    async fn end_of_whole_commits(&self, last: &StoredMessage) -> Result<Option<StoredMessage>, MirrorError> {
        let events = Envelope::decode_batch(&last.payload).unwrap_or_default();
        let Some(first) = events.first() else { return Ok(Some(last.clone())) };
        let index = u64::from(first.commitindex);
        if index + 1 >= u64::from(first.commitsize) {
            return Ok(Some(last.clone()));
        }
        let (partition, position) = (self.partition.0, last.position.0);
        tracing::warn!(partition, position, "the target ends within a commit; it is completed");
        match Position(position.saturating_sub(index + 1)) {
            Position(0) => Ok(None),
            before => {
                at(&*self.source, self.partition, before).await.map(Some).map_err(MirrorError::SourceFailed)
            }
        }
    }
}

/// The message at `position`, which is not behind the head.
async fn at(log: &dyn EventLog, partition: Partition, position: Position) -> Result<StoredMessage, LogError> {
    let from = Position(position.0.saturating_sub(1));
    let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: 1 };
    let found = log.read(partition, query).await?.into_iter().next();
    found.filter(|message| message.position == position).ok_or_else(|| LogError::Corrupt {
        place: format!("partition {}", partition.0),
        reason: format!("there is no message at position {position}, though the log does not end before it"),
    })
}
