//! The copy of one partition: it reads and appends at the same time, and begins anew after what may pass.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::MirrorError;
use super::reader::{Reader, Reading};
use super::retries::Retries;
use super::run::Run;
use super::standing::Standing;
use crate::event_log::{Partition, Position, SharedLog};

/// Runs that wait for the one that is being appended.
const RUNS_WAITING_MAX: usize = 1;
/// How often the source is asked where it ends while it is followed.
const HEAD_EVERY: Duration = Duration::from_secs(1);

/// One partition's copy.
pub(super) struct PartitionCopy {
    pub(super) source: SharedLog,
    pub(super) target: SharedLog,
    pub(super) partition: Partition,
    /// Where it ends; `None` follows for ever.
    pub(super) until: Option<Position>,
    pub(super) standing: Arc<Standing>,
    pub(super) stop: CancellationToken,
}

impl PartitionCopy {
    /// Copies to its end, or until it is told to stop.
    pub(super) async fn run(self) -> Result<(), MirrorError> {
        tokio::select! {
            ended = self.sessions() => ended,
            behind = self.watch_head() => Err(behind),
        }
    }

    /// One session after the other.
    async fn sessions(&self) -> Result<(), MirrorError> {
        let mut retries = Retries::new(self.until.is_some());
        loop {
            let before = self.standing.get().position;
            let Err(error) = self.session().await else { return Ok(()) };
            if self.standing.get().position > before {
                retries.begin_anew();
            }
            let delay = retries.next(error, |error| {
                tracing::warn!(partition = self.partition.0, %error, "the copy tries again");
                self.standing.tries_again(error.to_string());
            })?;
            if self.stop.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Goes on where the target stands; ends with the copy, with the first failure, or when told to stop.
    async fn session(&self) -> Result<(), MirrorError> {
        let started = self.stop.run_until_cancelled(self.start()).await;
        let Some(start) = started.transpose()? else { return Ok(()) };
        if self.until.is_some_and(|until| start.copied >= until) {
            return Ok(());
        }
        let (sender, runs) = mpsc::channel(RUNS_WAITING_MAX);
        let reading = Reading {
            source: Arc::clone(&self.source),
            target: Arc::clone(&self.target),
            partition: self.partition,
            until: self.until,
            stop: self.stop.clone(),
        };
        // Verifying takes as much of the processor as appending: each has a task. The reader ends with the session.
        let mut reader = JoinSet::new();
        reader.spawn(Reader::new(reading, start, sender).run());
        self.write(runs).await?;
        let read = reader.join_next().await.unwrap_or(Ok(Ok(())));
        read.unwrap_or_else(|error| Err(MirrorError::panicked(&error)))
    }

    async fn write(&self, mut runs: mpsc::Receiver<Run>) -> Result<(), MirrorError> {
        let partition = self.partition;
        while let Some(run) = runs.recv().await {
            let appended = self.target.append_after(partition, run.after, run.commits).await;
            let found = appended.map_err(|error| MirrorError::of_append(partition, error))?;
            if found != run.last {
                return Err(MirrorError::Astray { partition, expected: run.last, found });
            }
            self.standing.reached(found);
        }
        Ok(())
    }

    /// Looks where the source ends, for as long as it is followed; answers only where it fell behind its copy.
    async fn watch_head(&self) -> MirrorError {
        if self.until.is_some() {
            return std::future::pending().await;
        }
        let partition = self.partition;
        loop {
            tokio::time::sleep(HEAD_EVERY).await;
            // Asked for before the head is: what is copied meanwhile must not count.
            let target_head = self.standing.get().position;
            match self.source.head(partition).await {
                Ok(source_head) if source_head < target_head => {
                    return MirrorError::TargetBeyond { partition, source_head, target_head };
                }
                Ok(source_head) => self.standing.saw_head(source_head),
                Err(error) => {
                    tracing::debug!(partition = partition.0, %error, "the source's end is not known")
                }
            }
        }
    }
}
