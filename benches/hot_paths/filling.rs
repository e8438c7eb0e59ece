//! Filling a read model of any kind from a plant's log, for a limited time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use foodflow_log::{Direction, Partition, Position, ReadQuery, SharedLog, StoredMessage};
use foodflow_projections::runner::{Progress, Projection, RebuildOptions, Runner, RunnerConfig, WaitError};
use foodflow_projections::store::{DigestScope, Sink};

use crate::figures::rate;
use crate::plant::Plant;

/// Messages that are read at a time.
const READ_AT_ONCE: usize = 5_000;
/// How long the base reads and projects, at most.
pub(crate) const BASE_MAX: Duration = Duration::from_secs(10);

/// How far filling came.
pub(crate) struct Fill {
    /// Messages that were applied within the time.
    pub(crate) messages: u64,
    /// When the last of them was.
    pub(crate) applied_in: Duration,
    /// Up to where the store holds the history: the batch that was in flight when the time was over included.
    pub(crate) position: Position,
    /// How long the digest took, and the digest; nothing where the time was over before.
    pub(crate) digest: Option<(Duration, String)>,
}

impl Fill {
    /// Messages per second.
    pub(crate) fn per_second(&self) -> f64 {
        rate(self.messages as usize, self.applied_in)
    }
}

/// Fills an empty store by a projector that starts from position 0, for as long as `limit`. Its batches are those of a
/// rebuild.
///
/// # Errors
/// Where nothing is applied, or the store does not answer.
pub(crate) async fn fill_within<C: Clone + Send + Sync + 'static>(
    plant: &Plant,
    store: Arc<dyn Sink<C>>,
    projection: Arc<dyn Projection<C>>,
    limit: Duration,
) -> anyhow::Result<Fill> {
    let of_rebuild = RebuildOptions::default();
    let config = RunnerConfig {
        batch_messages_max: of_rebuild.batch_messages_max,
        batch_bytes_max: of_rebuild.batch_bytes_max,
        ..RunnerConfig::default()
    };
    let began = Instant::now();
    let runner = Runner::start(Arc::clone(&plant.log), store.clone(), projection, config)?;
    let in_time = match reach(runner.progress(), plant, limit).await {
        Ok(()) => true,
        Err(WaitError::Behind { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    let applied_in = began.elapsed();
    let messages = if in_time { plant.messages } else { runner.progress().applied(Partition(0)).await?.0 };
    let status = runner.status().await;
    ensure!(messages > 0, "nothing is applied: {status:?}");
    runner.stop().await;
    let position = store.checkpoint(Partition(0)).await?.position;
    let began = Instant::now();
    let digest = match in_time {
        true => Some(store.digest(DigestScope::Partition(Partition(0))).await?),
        false => None,
    };
    let digest = digest.map(|digest| (began.elapsed(), digest));
    Ok(Fill { messages, applied_in, position, digest })
}

/// Waits for the first position, before which the worker is not at work and the store is asked, then for the last.
async fn reach(progress: &Progress, plant: &Plant, limit: Duration) -> Result<(), WaitError> {
    let deadline = Instant::now() + limit;
    progress.wait_for(Partition(0), Position(1), limit).await?;
    let left = deadline.saturating_duration_since(Instant::now());
    progress.wait_for(Partition(0), Position(plant.messages), left).await
}

/// What was read and projected, and then thrown away.
pub(crate) struct ProjectedOnly {
    pub(crate) done: Fill,
    /// How many changes were projected.
    pub(crate) changes: usize,
}

/// Reads and projects for as long as `limit`, and throws the changes away.
///
/// # Errors
/// Where a message cannot be projected.
pub(crate) async fn project_only<C: 'static>(
    plant: &Plant,
    projection: &dyn Projection<C>,
    limit: Duration,
) -> anyhow::Result<ProjectedOnly> {
    let began = Instant::now();
    let (mut after, mut changes) = (Position(0), 0);
    while began.elapsed() < limit {
        let page = page(&plant.log, after).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for message in &page {
            changes += std::hint::black_box(projection.project(message)?).changes.len();
        }
    }
    let done = Fill { messages: after.0, applied_in: began.elapsed(), position: after, digest: None };
    Ok(ProjectedOnly { done, changes })
}

/// The messages after `from`, some at a time; none at the end.
///
/// # Errors
/// Where the log does not answer.
pub(crate) async fn page(log: &SharedLog, from: Position) -> anyhow::Result<Vec<StoredMessage>> {
    let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit: READ_AT_ONCE };
    Ok(log.read(Partition(0), query).await?)
}
