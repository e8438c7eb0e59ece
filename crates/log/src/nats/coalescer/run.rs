//! Commits that keep their order and their place, as few atomic batches.
//!
//! A batch takes a subject once (NATS ADR-50), so that a run is cut in front of each commit that comes back to a
//! stream. The first message of each batch also carries where the partition must end, which the server checks like
//! the ends of the streams: nothing else can come between, from this process or another.
//!
//! What must never happen here: a commit that is divided between two batches, or one that stands behind a refused one.

use std::collections::HashSet;

use tokio::sync::oneshot;

use super::gather::{BYTES_MAX, MESSAGES_MAX};
use crate::nats::append::{self, PreparedMessage};
use crate::nats::conflict::{self, Standing};
use crate::nats::connect::Connection;
use crate::nats::publish_ack::Refusal;
use crate::nats::read;
use crate::{AppendError, Partition, Position};

/// A run that waits for its turn, and where its outcome goes.
pub(super) struct WaitingRun {
    after: Position,
    batches: Vec<Vec<PreparedMessage>>,
    answer: oneshot::Sender<Result<Position, AppendError>>,
}

impl WaitingRun {
    /// Of the messages of each commit, to follow `after`.
    pub(super) fn new(
        after: Position,
        commits: Vec<Vec<PreparedMessage>>,
        answer: oneshot::Sender<Result<Position, AppendError>>,
    ) -> Self {
        Self { after, batches: batches(commits), answer }
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }

    /// Writes one batch after the other, up to the first that is refused, and answers.
    pub(super) async fn settle(self, connection: &Connection, partition: Partition) {
        let outcome = write(connection, partition, self.after, &self.batches).await;
        // A caller that no longer listens finds out by asking where the partition ends.
        let _ = self.answer.send(outcome);
    }
}

async fn write(
    connection: &Connection,
    partition: Partition,
    after: Position,
    batches: &[Vec<PreparedMessage>],
) -> Result<Position, AppendError> {
    let mut end = after;
    for batch in batches {
        let messages: Vec<&PreparedMessage> = batch.iter().collect();
        end = match append::write(connection, Some(end), &messages).await {
            Ok(last) => last,
            Err(Refusal::Conflict) => return Err(refused(connection, partition, end, batch).await),
            Err(Refusal::Content { what }) => return Err(AppendError::Invalid { what }),
            Err(Refusal::Other(error)) => return Err(error),
        };
    }
    Ok(end)
}

/// Why the server refused a batch: the partition has moved, or else a stream does not end where a commit expects.
async fn refused(
    connection: &Connection,
    partition: Partition,
    expected: Position,
    batch: &[PreparedMessage],
) -> AppendError {
    let messages: Vec<&PreparedMessage> = batch.iter().collect();
    let ends = match conflict::read_ends(connection, partition, &messages).await {
        Ok(ends) => ends,
        Err(error) => return error.into(),
    };
    // Behind the ends: read before them, it would not tell of what another writes in between, and an end that this has
    // moved would pass for a conflict.
    match read::head(connection, partition).await {
        Ok(head) if head == expected => {}
        Ok(_) => return AppendError::Moved { partition, expected },
        Err(error) => return error.into(),
    }
    match ends.standing(batch) {
        Standing::Lost(conflict) | Standing::Doubtful(conflict) => conflict,
        // Another write was on its way when the server refused this one.
        Standing::Sound => AppendError::Moved { partition, expected },
    }
}

/// The messages of `commits`, batch by batch; each batch is a number of whole commits.
fn batches(commits: Vec<Vec<PreparedMessage>>) -> Vec<Vec<PreparedMessage>> {
    let mut batches: Vec<Vec<PreparedMessage>> = Vec::new();
    let (mut subjects, mut bytes) = (HashSet::new(), 0);
    for commit in commits {
        let size: usize = commit.iter().map(|message| message.payload.len()).sum();
        let room = batches.last().map_or(0, |batch| MESSAGES_MAX - batch.len());
        let is_new = |message: &PreparedMessage| !subjects.contains(&message.subject);
        if commit.len() > room || bytes + size > BYTES_MAX || !commit.iter().all(is_new) {
            subjects.clear();
            bytes = 0;
            batches.push(Vec::new());
        }
        subjects.extend(commit.iter().map(|message| message.subject.clone()));
        bytes += size;
        if let Some(batch) = batches.last_mut() {
            batch.extend(commit);
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::StreamId;

    fn commit(lots: std::ops::Range<u128>, bytes: usize) -> Vec<PreparedMessage> {
        let message = |lot| PreparedMessage {
            subject: format!("lot{lot}"),
            stream: StreamId::new("food_graph", "batch", Uuid::from_u128(lot)),
            expected: Position(0),
            payload: bytes::Bytes::from(vec![0; bytes]),
        };
        lots.map(message).collect()
    }

    fn sizes(commits: Vec<Vec<PreparedMessage>>) -> Vec<usize> {
        batches(commits).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_batch_holds_whole_commits_and_a_stream_once() {
        let commit = |lots| commit(lots, 1);
        assert_eq!(sizes(vec![commit(0..2), commit(2..5), commit(9..10)]), [6]);
        assert_eq!(sizes(vec![commit(0..2), commit(1..3), commit(3..4), commit(2..3)]), [2, 3, 1]);
        assert_eq!(sizes(vec![commit(0..1_000), commit(1_000..1_001)]), [1_000, 1]);
        assert_eq!(sizes(vec![commit(0..999), commit(999..1_001), commit(1_001..1_999)]), [999, 1_000]);
        assert_eq!(sizes(Vec::new()), [] as [usize; 0]);
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_unless_one_commit_is_larger() {
        let half = BYTES_MAX / 2;
        assert_eq!(sizes(vec![commit(0..1, half), commit(1..2, half), commit(2..3, 1)]), [2, 1]);
        assert_eq!(sizes(vec![commit(0..3, half), commit(3..4, half)]), [3, 1]);
    }
}
