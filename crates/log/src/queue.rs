//! What waits for an adapter's one writer: commits, which may be written together, and runs of commits, which keep an
//! order among them and are written alone.
//!
//! What must never happen here: something that is taken in and neither written nor answered, because the log closes.

use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::event_log::{AppendError, Appended, Commit, LogError, Position};

/// What a queue and a group may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most commits or runs that wait; one more is refused as overload.
    pub(crate) waiting_max: usize,
    /// Most bytes of payload that wait, unless it is one commit or run that has more.
    pub(crate) waiting_bytes_max: usize,
    /// Most messages of a group, unless its only commit has more.
    pub(crate) group_messages_max: usize,
    /// Most bytes of payload of a group, unless its only commit has more.
    pub(crate) group_bytes_max: usize,
}

/// Where the outcome of a commit goes.
pub(crate) type CommitAnswer = oneshot::Sender<Result<Appended, AppendError>>;
/// Where the outcome of a run goes: its last position.
pub(crate) type RunAnswer = oneshot::Sender<Result<Position, AppendError>>;

enum Waiting {
    One { commit: Commit, answer: CommitAnswer },
    Run { after: Position, commits: Vec<Commit>, answer: RunAnswer },
}

/// Messages of `commits`, and the bytes of their payloads.
pub(crate) fn size(commits: &[Commit]) -> (usize, usize) {
    let messages = || commits.iter().flat_map(|commit| &commit.messages);
    (messages().count(), messages().map(|message| message.payload.len()).sum())
}

impl Waiting {
    fn size(&self) -> (usize, usize) {
        match self {
            Self::One { commit, .. } => size(std::slice::from_ref(commit)),
            Self::Run { commits, .. } => size(commits),
        }
    }
}

/// A place in the queue, and the room that it takes as long as it waits.
type Placed = (Waiting, OwnedSemaphorePermit);

/// Bytes that are counted as one.
const ROOM_BYTES: usize = 1 << 10;

/// The end where commits come in.
pub(crate) struct Queue {
    sender: mpsc::Sender<Placed>,
    /// How much more may wait, in units of [`ROOM_BYTES`].
    room: Arc<Semaphore>,
    room_max: usize,
    closing: CancellationToken,
}

impl Queue {
    /// A queue that takes nothing in any more once `closing` is cancelled, and its writer's end.
    pub(crate) fn new(bounds: Bounds, closing: CancellationToken) -> (Self, Taker) {
        let (sender, waiting) = mpsc::channel(bounds.waiting_max);
        let room_max = bounds.waiting_bytes_max.div_ceil(ROOM_BYTES);
        let room = Arc::new(Semaphore::new(room_max));
        let queue = Self { sender, room, room_max, closing: closing.clone() };
        (queue, Taker { waiting, held_over: None, bounds, closing })
    }

    /// Waits until `commit` was written or refused; `closed` says that the log is closed.
    pub(crate) async fn append(
        &self,
        commit: Commit,
        closed: impl FnOnce() -> LogError + Send,
    ) -> Result<Appended, AppendError> {
        let (answer, outcome) = oneshot::channel();
        self.enqueue(Waiting::One { commit, answer }, closed)?;
        outcome.await.unwrap_or_else(|_| Err(writer_stopped()))
    }

    /// Waits until the run was written or refused.
    pub(crate) async fn append_run(
        &self,
        after: Position,
        commits: Vec<Commit>,
        closed: impl FnOnce() -> LogError + Send,
    ) -> Result<Position, AppendError> {
        let (answer, outcome) = oneshot::channel();
        self.enqueue(Waiting::Run { after, commits, answer }, closed)?;
        outcome.await.unwrap_or_else(|_| Err(writer_stopped()))
    }

    fn enqueue(&self, waiting: Waiting, closed: impl FnOnce() -> LogError) -> Result<(), AppendError> {
        if self.closing.is_cancelled() {
            return Err(closed().into());
        }
        let waiting_now = || self.sender.max_capacity() - self.sender.capacity();
        let needed = waiting.size().1.div_ceil(ROOM_BYTES).min(self.room_max);
        let room = Arc::clone(&self.room).try_acquire_many_owned(u32::try_from(needed).unwrap_or(u32::MAX));
        let Ok(room) = room else { return Err(AppendError::Overloaded { waiting: waiting_now() }) };
        self.sender.try_send((waiting, room)).map_err(|error| match error {
            TrySendError::Full(_) => AppendError::Overloaded { waiting: self.sender.max_capacity() },
            TrySendError::Closed(_) => closed().into(),
        })
    }
}

/// What is told of a commit or run whose answer never came.
pub(crate) fn writer_stopped() -> AppendError {
    AppendError::Unknown { reason: "the log's writer stopped before it answered".to_owned() }
}

/// What is written next.
pub(crate) enum Taken {
    /// Each of these for itself; may be written together.
    Group(Vec<Commit>, Vec<CommitAnswer>),
    /// These in order, behind this position.
    Run(Position, Vec<Commit>, RunAnswer),
}

/// The writer's end.
pub(crate) struct Taker {
    waiting: mpsc::Receiver<Placed>,
    /// What no longer fitted into the group before.
    held_over: Option<Waiting>,
    bounds: Bounds,
    closing: CancellationToken,
}

impl Taker {
    /// Everything that waits, up to a group's bounds; `None` once the log is closed and all was taken.
    pub(crate) async fn take(&mut self) -> Option<Taken> {
        let first = match self.held_over.take() {
            Some(first) => first,
            None => self.first().await?,
        };
        let (mut messages, mut bytes) = first.size();
        let (mut commits, mut answers) = match first {
            Waiting::One { commit, answer } => (vec![commit], vec![answer]),
            Waiting::Run { after, commits, answer } => return Some(Taken::Run(after, commits, answer)),
        };
        while let Ok((next, _room)) = self.waiting.try_recv() {
            let (more_messages, more_bytes) = next.size();
            messages += more_messages;
            bytes += more_bytes;
            match next {
                Waiting::One { commit, answer }
                    if messages <= self.bounds.group_messages_max && bytes <= self.bounds.group_bytes_max =>
                {
                    commits.push(commit);
                    answers.push(answer);
                }
                other => {
                    self.held_over = Some(other);
                    break;
                }
            }
        }
        Some(Taken::Group(commits, answers))
    }

    async fn first(&mut self) -> Option<Waiting> {
        tokio::select! {
            biased;
            next = self.waiting.recv() => next,
            () = self.closing.cancelled() => {
                self.waiting.close();
                self.waiting.recv().await
            }
        }
        .map(|(waiting, _room)| waiting)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use foodflow_domain::TenantId;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::event_log::{NewMessage, StreamId};

    fn commit(bytes: usize) -> Commit {
        let stream = StreamId::new("food_graph", "batch", Uuid::new_v4());
        let message = NewMessage { stream, expected: Position(0), payload: Bytes::from(vec![b' '; bytes]) };
        Commit { tenant: TenantId::default(), recorded_at: Timestamp::UNIX_EPOCH, messages: vec![message] }
    }

    fn closed() -> LogError {
        LogError::Unavailable { reason: "closed".to_owned() }
    }

    #[tokio::test]
    async fn no_more_bytes_wait_than_may_and_one_large_commit_may() {
        let bounds = Bounds {
            waiting_max: 10,
            waiting_bytes_max: 10 << 10,
            group_messages_max: 100,
            group_bytes_max: 1 << 20,
        };
        let (queue, mut taker) = Queue::new(bounds, CancellationToken::new());
        let enqueue = |bytes: usize| {
            let (answer, outcome) = oneshot::channel();
            queue.enqueue(Waiting::One { commit: commit(bytes), answer }, closed).map(|()| outcome)
        };
        // Larger than all that may wait, alone.
        let _large = enqueue(1 << 20).unwrap();
        assert!(matches!(enqueue(1), Err(AppendError::Overloaded { waiting: 1 })));
        assert!(matches!(taker.take().await, Some(Taken::Group(commits, _)) if commits.len() == 1));
        // What is being written makes room for what waits.
        let _waiting: Vec<_> = (0..10).map(|_| enqueue(1 << 10).unwrap()).collect();
        assert!(matches!(enqueue(1), Err(AppendError::Overloaded { waiting: 10 })));
        assert!(matches!(taker.take().await, Some(Taken::Group(commits, _)) if commits.len() == 10));
        enqueue(10 << 10).unwrap();
    }
}
