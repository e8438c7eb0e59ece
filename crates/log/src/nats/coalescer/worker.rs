//! The one who writes to a partition: single publishes side by side, or one batch, or one run; never two of these at
//! once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use super::gather::UnderWay;
use super::outcome;
use super::queue::{Queue, Step, Waiting};
use crate::Partition;
use crate::nats::connect::Connection;

/// Those who were just answered often have their next commit ready at once. For so long a part of what the last
/// batch took they are waited for, so that one batch holds all of them instead of every second one a few.
const REGATHER_PART: u32 = 4;
/// The longest of these waits.
const REGATHER_MAX: Duration = Duration::from_millis(10);

pub(super) struct Worker {
    connection: Arc<Connection>,
    partition: Partition,
    queue: Arc<Queue>,
    under_way: UnderWay,
    /// The publishes under way; each yields its subject.
    publishes: FuturesUnordered<BoxFuture<'static, String>>,
}

impl Worker {
    pub(super) fn new(connection: Arc<Connection>, partition: Partition, queue: Arc<Queue>) -> Self {
        let (under_way, publishes) = (UnderWay::default(), FuturesUnordered::new());
        Self { connection, partition, queue, under_way, publishes }
    }

    /// Writes until the queue is closed and everything in it is answered.
    pub(super) async fn run(mut self) {
        loop {
            match self.queue.next(&self.under_way) {
                Step::Singles(commits) => commits.into_iter().for_each(|commit| self.publish(commit)),
                Step::Together(commits) => self.write_together(commits).await,
                Step::Run(run) => run.settle(&self.connection, self.partition).await,
                Step::Wait => self.wait().await,
                Step::End if self.publishes.is_empty() => return,
                Step::End => self.wait().await,
            }
        }
    }

    fn publish(&mut self, commit: Waiting) {
        let Some(subject) = commit.messages.first().map(|message| message.subject.clone()) else { return };
        self.under_way.add(&commit);
        let (connection, partition) = (Arc::clone(&self.connection), self.partition);
        self.publishes.push(Box::pin(async move {
            outcome::settle(&connection, partition, vec![commit]).await;
            subject
        }));
    }

    async fn wait(&mut self) {
        tokio::select! {
            Some(subject) = self.publishes.next() => self.under_way.remove(&subject),
            () = self.queue.changed() => {}
        }
    }

    async fn write_together(&mut self, commits: Vec<Waiting>) {
        let (count, began) = (commits.len(), Instant::now());
        outcome::settle(&self.connection, self.partition, commits).await;
        let took = began.elapsed();
        tracing::debug!(
            partition = self.partition.0,
            commits = count,
            ?took,
            "commits were written together"
        );
        if count > 1 {
            self.regather(count, (took / REGATHER_PART).min(REGATHER_MAX)).await;
        }
    }

    /// Waits until as many wait as were answered, though not longer than `wait_max`.
    async fn regather(&mut self, answered: usize, wait_max: Duration) {
        let gathered = async {
            while self.queue.len() < answered {
                self.queue.changed().await;
            }
        };
        // Fewer than before are as good.
        let _ = tokio::time::timeout(wait_max, gathered).await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
