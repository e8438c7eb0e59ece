//! Commits that keep their order, as few atomic batches.
//!
//! A batch takes a subject once (NATS ADR-50), so that a run is cut in front of each commit that comes back to a
//! stream. What must never happen here: a commit that is divided between two batches.

use std::collections::HashSet;

use super::append::{self, PreparedMessage};
use crate::event_log::COMMIT_MESSAGES_MAX;
use crate::{AppendError, Commit, Partition};

/// The messages of `commits`, batch by batch; each batch is a number of whole commits.
pub(super) fn batches(
    partition: Partition,
    commits: Vec<Commit>,
) -> Result<Vec<Vec<PreparedMessage>>, AppendError> {
    let mut batches: Vec<Vec<PreparedMessage>> = Vec::new();
    let mut subjects: HashSet<String> = HashSet::new();
    for commit in commits {
        let messages = append::prepare(partition, commit)?;
        let room = batches.last().map_or(0, |batch| COMMIT_MESSAGES_MAX - batch.len());
        let fits = messages.len() <= room && messages.iter().all(|one| !subjects.contains(&one.subject));
        if !fits {
            subjects.clear();
            batches.push(Vec::new());
        }
        subjects.extend(messages.iter().map(|one| one.subject.clone()));
        if let Some(batch) = batches.last_mut() {
            batch.extend(messages);
        }
    }
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use foodflow_domain::TenantId;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::{NewMessage, Position, StreamId};

    fn commit(lots: std::ops::Range<u128>) -> Commit {
        let message = |lot| NewMessage {
            stream: StreamId::new("food_graph", "batch", Uuid::from_u128(lot)),
            expected: Position(0),
            payload: bytes::Bytes::new(),
        };
        let messages = lots.map(message).collect();
        Commit { tenant: TenantId::default(), recorded_at: Timestamp::UNIX_EPOCH, messages }
    }

    fn sizes(commits: Vec<Commit>) -> Vec<usize> {
        batches(Partition(0), commits).unwrap().iter().map(Vec::len).collect()
    }

    #[test]
    fn a_batch_holds_whole_commits_and_a_stream_once() {
        assert_eq!(sizes(vec![commit(0..2), commit(2..5), commit(9..10)]), [6]);
        assert_eq!(sizes(vec![commit(0..2), commit(1..3), commit(3..4), commit(2..3)]), [2, 3, 1]);
        assert_eq!(sizes(vec![commit(0..1_000), commit(1_000..1_001)]), [1_000, 1]);
        assert_eq!(sizes(vec![commit(0..999), commit(999..1_001), commit(1_001..1_999)]), [999, 1_000]);
        assert_eq!(sizes(Vec::new()), [] as [usize; 0]);
    }
}
