//! What waits for an adapter's one writer: commits, which may be written together, and runs of commits, which keep an
//! order among them and are written alone.
//!
//! What must never happen here: something that is taken in and neither written nor answered, because the log closes.

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::event_log::{AppendError, Appended, Commit, LogError, Position};

/// What a queue and a group may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most commits or runs that wait; one more is refused as overload.
    pub(crate) waiting_max: usize,
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

/// The end where commits come in.
pub(crate) struct Queue {
    sender: mpsc::Sender<Waiting>,
    waiting_max: usize,
    closing: CancellationToken,
}

impl Queue {
    /// A queue that takes nothing in any more once `closing` is cancelled, and its writer's end.
    pub(crate) fn new(bounds: Bounds, closing: CancellationToken) -> (Self, Taker) {
        let (sender, waiting) = mpsc::channel(bounds.waiting_max);
        let queue = Self { sender, waiting_max: bounds.waiting_max, closing: closing.clone() };
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
        self.sender.try_send(waiting).map_err(|error| match error {
            TrySendError::Full(_) => AppendError::Overloaded { waiting: self.waiting_max },
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
    waiting: mpsc::Receiver<Waiting>,
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
        while let Ok(next) = self.waiting.try_recv() {
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
    }
}
