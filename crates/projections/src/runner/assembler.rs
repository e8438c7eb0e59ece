//! Puts projected messages together to batches of whole commits.
//!
//! What is taken out never ends within a commit, so that no reader of a store sees half of one.

use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position, StoredMessage};
use jiff::Timestamp;

use super::projection::{Projected, ProjectionError};
use super::quarantine::Triaged;
use crate::store::quarantine::Quarantine;
use crate::store::{Batch, Checkpoint, Claim};

/// A batch of whole commits, ready to be applied.
#[derive(Debug)]
pub(crate) struct Assembled<C> {
    /// Changes in log order, each with its tenant.
    changes: Vec<(TenantId, C)>,
    partition: Partition,
    /// Where the projection stands once they are applied.
    pub(crate) checkpoint: Checkpoint,
    /// Position of its first message.
    pub(crate) first: Position,
    /// How many messages it holds.
    pub(crate) messages: usize,
    /// How many events these hold.
    pub(crate) events: u64,
}

impl<C> Assembled<C> {
    /// The next batch of `claim`.
    pub(crate) fn into_batch(self, claim: &mut Claim) -> Batch<C> {
        claim.next(self.partition, self.changes, self.checkpoint)
    }
}

impl<C: Clone> Assembled<C> {
    /// As [`into_batch`](Self::into_batch), with the first `changes` of its changes at most.
    pub(crate) fn begun(&self, claim: &mut Claim, changes: usize) -> Batch<C> {
        let begun = self.changes.iter().take(changes).cloned().collect();
        claim.next(self.partition, begun, self.checkpoint.clone())
    }
}

/// Why a message does not continue what was taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AssembleError {
    /// The log leaves positions out, or repeats some.
    #[error("the log delivers position {found} where {expected} was expected")]
    Withheld { expected: Position, found: Position },
    /// It is not the part of a commit that has to come now.
    #[error(transparent)]
    Commit(#[from] ProjectionError),
}

impl From<AssembleError> for ProjectionError {
    fn from(error: AssembleError) -> Self {
        match error {
            AssembleError::Commit(error) => error,
            withheld @ AssembleError::Withheld { .. } => Self::new(withheld.to_string()),
        }
    }
}

/// Collects commits up to the bounds of a batch.
#[derive(Debug)]
pub(crate) struct Assembler<C> {
    partition: Partition,
    /// The position that has to come next, where every one has to come.
    next: Option<Position>,
    messages_max: usize,
    bytes_max: usize,
    /// Whole commits, within the bounds unless it is a single larger commit.
    whole: Chunk<C>,
    /// The commit that is being read, or one that is complete and did not fit.
    open: Chunk<C>,
    open_size: u32,
    open_complete: bool,
}

#[derive(Debug)]
struct Chunk<C> {
    changes: Vec<(TenantId, C)>,
    first: Position,
    last: Position,
    recorded_at: Option<Timestamp>,
    /// What waits behind its last message.
    quarantine: Quarantine,
    messages: usize,
    events: u64,
    bytes: usize,
}

impl<C> Assembler<C> {
    /// For every message of the partition after `after`, with no position left out.
    pub(crate) fn after(
        partition: Partition,
        after: Position,
        messages_max: usize,
        bytes_max: usize,
    ) -> Self {
        let next = Some(Position(after.0.saturating_add(1)));
        Self { next, ..Self::of_tenant(partition, messages_max, bytes_max) }
    }

    /// For the messages of one tenant, between which lie those of others.
    pub(crate) fn of_tenant(partition: Partition, messages_max: usize, bytes_max: usize) -> Self {
        let (whole, open) = (Chunk::default(), Chunk::default());
        let (messages_max, bytes_max) = (messages_max.max(1), bytes_max.max(1));
        Self {
            partition,
            next: None,
            messages_max,
            bytes_max,
            whole,
            open,
            open_size: 0,
            open_complete: false,
        }
    }

    /// Whether a further message may be taken in; always true while a commit is incomplete.
    pub(crate) fn has_room(&self) -> bool {
        let full = self.whole.messages >= self.messages_max || self.whole.bytes >= self.bytes_max;
        !self.open_complete && (!full || self.open.messages > 0)
    }

    /// Whether the messages so far end with a whole commit.
    pub(crate) fn ends_with_whole_commit(&self) -> bool {
        self.open_complete || self.open.messages == 0
    }

    /// Takes in the next message.
    ///
    /// # Errors
    /// Where its position does not adjoin the one before, or it is not the part of a commit that has to come now.
    pub(crate) fn push(&mut self, message: &StoredMessage, triaged: Triaged<C>) -> Result<(), AssembleError> {
        debug_assert!(self.has_room(), "the caller asks first");
        self.check(message, &triaged.projected)?;
        self.next = self.next.map(|_| Position(message.position.0.saturating_add(1)));
        self.open_size = triaged.projected.commit_size;
        self.open.push(message, triaged);
        if self.open.messages == self.open_size as usize {
            self.close_commit();
        }
        Ok(())
    }

    /// The whole commits so far; `None` where there are none.
    pub(crate) fn take(&mut self) -> Option<Assembled<C>> {
        let chunk = std::mem::take(&mut self.whole);
        if self.open_complete {
            self.whole = std::mem::take(&mut self.open);
            self.open_complete = false;
        }
        (chunk.messages > 0).then(|| chunk.assembled(self.partition))
    }

    fn check(&self, message: &StoredMessage, projected: &Projected<C>) -> Result<(), AssembleError> {
        let found = message.position;
        if let Some(expected) = self.next.filter(|expected| *expected != found) {
            return Err(AssembleError::Withheld { expected, found });
        }
        let Projected { commit_index, commit_size, .. } = *projected;
        let taken = self.open.messages;
        let continues = commit_index as usize == taken && commit_index < commit_size;
        let same = taken == 0 || commit_size == self.open_size;
        if continues && same {
            return Ok(());
        }
        let found = format!("message {} of {commit_size} of a commit", u64::from(commit_index) + 1);
        let expected = match taken {
            0 => "the first of one".to_owned(),
            _ => format!(
                "message {} of {} at {}",
                taken + 1,
                self.open_size,
                self.open.last.0.saturating_add(1)
            ),
        };
        Err(ProjectionError::new(format!("it is {found} where {expected} was expected")).into())
    }

    fn close_commit(&mut self) {
        let fits = self.whole.messages + self.open.messages <= self.messages_max
            && self.whole.bytes + self.open.bytes <= self.bytes_max;
        if self.whole.messages == 0 {
            self.whole = std::mem::take(&mut self.open);
        } else if fits {
            self.whole.append(std::mem::take(&mut self.open));
        } else {
            self.open_complete = true;
        }
    }
}

impl<C> Default for Chunk<C> {
    fn default() -> Self {
        let (changes, first, last) = (Vec::new(), Position(0), Position(0));
        let quarantine = Quarantine::default();
        Self { changes, first, last, recorded_at: None, quarantine, messages: 0, events: 0, bytes: 0 }
    }
}

impl<C> Chunk<C> {
    fn push(&mut self, message: &StoredMessage, triaged: Triaged<C>) {
        let Triaged { projected, quarantine, bytes, .. } = triaged;
        if self.messages == 0 {
            self.first = message.position;
        }
        self.changes.extend(projected.changes.into_iter().map(|change| (message.tenant, change)));
        self.last = message.position;
        self.recorded_at = Some(projected.recorded_at);
        self.quarantine = quarantine;
        self.messages += 1;
        self.events += u64::from(projected.events);
        self.bytes += bytes;
    }

    fn append(&mut self, mut later: Self) {
        self.changes.append(&mut later.changes);
        self.last = later.last;
        self.recorded_at = later.recorded_at;
        self.quarantine = later.quarantine;
        self.messages += later.messages;
        self.events += later.events;
        self.bytes += later.bytes;
    }

    fn assembled(self, partition: Partition) -> Assembled<C> {
        let Self { changes, first, last, recorded_at, quarantine, messages, events, .. } = self;
        let checkpoint = Checkpoint { position: last, recorded_at, quarantine };
        Assembled { changes, partition, checkpoint, first, messages, events }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use foodflow_log::StreamId;

    use super::*;

    fn message(position: u64) -> StoredMessage {
        let stream = StreamId {
            context: Cow::Borrowed("food_graph"),
            aggregate: Cow::Borrowed("batch"),
            id: uuid::Uuid::nil(),
        };
        let (partition, payload) = (Partition(0), vec![b'x'; 10].into());
        StoredMessage {
            partition,
            position: Position(position),
            tenant: TenantId::default(),
            stream,
            payload,
        }
    }

    fn projected(commit_index: u32, commit_size: u32) -> Triaged<()> {
        let (changes, recorded_at) = (Vec::new(), Timestamp::UNIX_EPOCH);
        let projected = Projected { changes, recorded_at, commit_index, commit_size, events: 2 };
        Triaged { projected, quarantine: Quarantine::default(), bytes: 10, released: Vec::new() }
    }

    /// Batches of commits of these sizes, each as (first, last).
    fn batches(messages_max: usize, bytes_max: usize, commits: &[u32]) -> Vec<(u64, u64)> {
        let mut assembler = Assembler::after(Partition(0), Position(0), messages_max, bytes_max);
        let mut taken = Vec::new();
        let mut position = 0;
        let mut take = |assembler: &mut Assembler<()>| {
            let assembled = assembler.take().unwrap();
            let last = assembled.checkpoint.position.0;
            assert_eq!(assembled.messages as u64, last - assembled.first.0 + 1);
            assert_eq!(assembled.events, 2 * assembled.messages as u64);
            taken.push((assembled.first.0, last));
        };
        for size in commits {
            for index in 0..*size {
                while !assembler.has_room() {
                    take(&mut assembler);
                }
                position += 1;
                assembler.push(&message(position), projected(index, *size)).unwrap();
            }
        }
        assert!(assembler.ends_with_whole_commit());
        while assembler.whole.messages > 0 {
            take(&mut assembler);
        }
        taken
    }

    #[test]
    fn batches_hold_whole_commits_within_the_bounds() {
        assert_eq!(batches(4, 1_000, &[1, 1, 1, 1, 1]), [(1, 4), (5, 5)]);
        assert_eq!(batches(4, 1_000, &[3, 3, 1]), [(1, 3), (4, 7)]);
        assert_eq!(batches(4, 1_000, &[1, 9, 1]), [(1, 1), (2, 10), (11, 11)]);
        assert_eq!(batches(100, 25, &[1, 1, 1, 5]), [(1, 2), (3, 3), (4, 8)]);
    }

    #[test]
    fn a_commit_that_is_not_complete_stays() {
        let mut assembler = Assembler::after(Partition(0), Position(0), 10, 1_000);
        assembler.push(&message(1), projected(0, 1)).unwrap();
        assembler.push(&message(2), projected(0, 2)).unwrap();
        assert!(!assembler.ends_with_whole_commit());
        assert_eq!(assembler.take().unwrap().checkpoint.position, Position(1));
        assert!(assembler.take().is_none());
        assembler.push(&message(3), projected(1, 2)).unwrap();
        assert_eq!(assembler.take().unwrap().first, Position(2));
    }

    #[test]
    fn a_broken_commit_is_refused() {
        let mut assembler = Assembler::after(Partition(0), Position(4), 10, 1_000);
        assembler.push(&message(5), projected(1, 2)).unwrap_err();
        assembler.push(&message(5), projected(0, 0)).unwrap_err();
        assembler.push(&message(5), projected(0, 3)).unwrap();
        for found in [5, 7] {
            let withheld = assembler.push(&message(found), projected(1, 3)).unwrap_err();
            let (expected, found) = (Position(6), Position(found));
            assert_eq!(withheld, AssembleError::Withheld { expected, found });
        }
        assembler.push(&message(6), projected(1, 4)).unwrap_err();
        assembler.push(&message(6), projected(2, 3)).unwrap_err();
        let error = assembler.push(&message(6), projected(0, 1)).unwrap_err();
        let reason = "it is message 1 of 1 of a commit where message 2 of 3 at 6 was expected";
        assert_eq!(error.to_string(), reason);
        assembler.push(&message(6), projected(1, 3)).unwrap();
    }
}
