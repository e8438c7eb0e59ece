//! Group commit: one coalescer per partition turns what waits into as few writes of the server as pays.
//!
//! JetStream works on one stream in one order, and what it costs to be durable is paid per write. A single publish
//! takes 0.2 to 0.4 ms, an atomic batch some 4 to 5 ms whatever its size up to some dozens of messages. So few
//! waiting commits of one message are published each for itself, and many are written end to end as one batch.
//!
//! - `queue`: what waits, bounded;
//! - `gather`: which of it goes next, a pure rule;
//! - `worker`: one write after another, as long as anything waits;
//! - `run`: commits that are to stand in their order behind a position, for copies;
//! - `outcome`: each commit's own answer to a write that it shared, and who lost where the server refused it.
//!
//! What must never happen here: a commit that was taken in and never answered, a conflict told to a commit that did
//! not lose, two commits on one stream under way at once, or «not appended» said of what may stand.

mod gather;
mod outcome;
mod queue;
mod run;
mod worker;

use std::sync::Arc;

use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

use self::queue::{Queue, Waiting};
use self::run::WaitingRun;
use self::worker::Worker;
use super::append::PreparedMessage;
use super::connect::Connection;
use crate::queue::writer_stopped;
use crate::{AppendError, Appended, Partition, Position};

/// The way into one partition.
pub(super) struct Coalescer {
    queue: Arc<Queue>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Coalescer {
    /// Starts the partition's worker, which ends after [`Self::close`] or with this value.
    pub(super) fn start(connection: Arc<Connection>, partition: Partition) -> Self {
        let queue = Arc::new(Queue::default());
        let worker = Worker::new(connection, partition, Arc::clone(&queue));
        Self { queue, worker: Mutex::new(Some(tokio::spawn(worker.run()))) }
    }

    /// Appends one commit, alone or together with what waits beside it.
    ///
    /// A caller that gives up takes its commit back where nothing of it was sent; else the write goes on without
    /// him.
    ///
    /// # Errors
    /// As [`crate::EventLog::append`].
    pub(super) async fn append(&self, messages: Vec<PreparedMessage>) -> Result<Appended, AppendError> {
        let (answer, outcome) = oneshot::channel();
        self.queue.push(Waiting::new(messages, answer))?;
        outcome.await.unwrap_or_else(|_| Err(writer_stopped()))
    }

    /// Appends the messages of each commit in this order behind `after`, where the partition must end; answers the
    /// last position.
    ///
    /// # Errors
    /// As [`crate::EventLog::append_after`].
    pub(super) async fn append_after(
        &self,
        after: Position,
        commits: Vec<Vec<PreparedMessage>>,
    ) -> Result<Position, AppendError> {
        let (answer, outcome) = oneshot::channel();
        self.queue.push_run(WaitingRun::new(after, commits, answer))?;
        outcome.await.unwrap_or_else(|_| Err(writer_stopped()))
    }

    /// Refuses all that comes from now on; what waits is still written.
    pub(super) fn refuse_more(&self) {
        self.queue.close();
    }

    /// Refuses all that comes from now on, and waits until what was taken in is answered.
    pub(super) async fn close(&self) {
        self.refuse_more();
        let mut worker = self.worker.lock().await;
        let Some(task) = worker.as_mut() else { return };
        if let Err(error) = task.await {
            tracing::error!(%error, "a writer of the event log failed");
        }
        *worker = None;
    }
}

impl Drop for Coalescer {
    fn drop(&mut self) {
        self.queue.close();
    }
}
