//! Starting, watching and stopping the workers of one projection into one store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use foodflow_log::{Partition, SharedLog};
use futures::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::config::RunnerConfig;
use super::metric_definitions::{self, Meters};
use super::observe::Observer;
use super::progress::Progress;
use super::projection::Projection;
use super::state::{StateCell, WorkerState};
use super::status::{self, ProjectionStatus};
use super::worker::Worker;
use crate::store::Sink;

/// Keeps a store up to date with the log.
pub struct Runner;

/// Why a runner cannot start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration names a partition that the log does not have.
    #[error("the log has partitions 0 to {last}, not {partition}")]
    NoSuchPartition {
        /// What was asked for.
        partition: u16,
        /// The log's last partition.
        last: u16,
    },
}

/// A running runner; cheap to clone. Its workers end when it is stopped or the last clone is dropped.
#[derive(Clone)]
pub struct RunnerHandle {
    shared: Arc<Shared>,
    _stop_when_unused: Arc<DropGuard>,
}

struct Shared {
    seen: Arc<Seen>,
    progress: Progress,
    stop: CancellationToken,
    stop_timeout: Duration,
    tasks: tokio::sync::Mutex<Vec<JoinHandle<()>>>,
}

/// The workers, seen from outside.
struct Seen {
    watched: Vec<Watched>,
    projection: &'static str,
    store: &'static str,
    batch_messages_max: usize,
}

/// One partition, seen from outside its worker.
struct Watched {
    partition: Partition,
    worker: watch::Receiver<WorkerState>,
    observer: Observer,
    meters: Meters,
}

impl Runner {
    /// Starts one worker per partition; the store's schema must have been migrated. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] where the configuration does not fit the log.
    pub fn start<C: Send + 'static>(
        log: SharedLog,
        store: Arc<dyn Sink<C>>,
        projection: Arc<dyn Projection<C>>,
        config: RunnerConfig,
    ) -> Result<RunnerHandle, StartError> {
        metric_definitions::describe();
        let partitions = partitions_of(&config, log.partition_count())?;
        let stop = CancellationToken::new();
        let (mut watched, mut workers, mut tasks) = (Vec::new(), BTreeMap::new(), Vec::new());
        for partition in partitions {
            let (state, worker) = StateCell::new();
            let meters = || Meters::new(projection.name(), store.name(), partition);
            workers.insert(partition, worker.clone());
            let observer = Observer::new(log.clone(), partition);
            watched.push(Watched { partition, worker, observer, meters: meters() });
            let worker = Worker {
                log: log.clone(),
                store: store.clone(),
                projection: projection.clone(),
                partition,
                config: config.clone(),
                state,
                meters: meters(),
                stop: stop.clone(),
            };
            tasks.push(tokio::spawn(worker.run()));
        }
        let (projection, store_name) = (projection.name(), store.name());
        let progress = Progress::new(store, workers);
        let batch_messages_max = config.batch_messages_max;
        let seen = Arc::new(Seen { watched, projection, store: store_name, batch_messages_max });
        tasks.push(tokio::spawn(watch_over(seen.clone(), config.observe_interval, stop.clone())));
        let stop_when_unused = Arc::new(stop.clone().drop_guard());
        let (stop_timeout, tasks) = (config.stop_timeout, tokio::sync::Mutex::new(tasks));
        let shared = Arc::new(Shared { seen, progress, stop, stop_timeout, tasks });
        Ok(RunnerHandle { shared, _stop_when_unused: stop_when_unused })
    }
}

impl RunnerHandle {
    /// Up to where the read model is, to wait for a position.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    /// How every partition is doing now; asks the log where it ends.
    pub async fn status(&self) -> Vec<ProjectionStatus> {
        self.shared.seen.status().await
    }

    /// Whether every worker lives and gets on, and the log answered when it was last asked. A worker that is
    /// behind is ready: waiting for a position is what a query does.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let ready =
            |watched: &Watched| status::is_ready(&watched.worker.borrow()) && watched.observer.log_answers();
        self.shared.seen.watched.iter().all(ready)
    }

    /// Ends the workers once their batch in flight is applied; after the configured time without it.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        let mut tasks = self.shared.tasks.lock().await;
        let limit = self.shared.stop_timeout;
        if timeout(limit, join_all(tasks.iter_mut())).await.is_err() {
            let projection = self.shared.seen.projection;
            tracing::warn!(projection, ?limit, "workers did not end in time and are aborted");
            tasks.iter().for_each(JoinHandle::abort);
        }
        tasks.clear();
    }

    /// Ends the workers where they stand, as a crash would: what is in flight is neither finished nor awaited.
    pub async fn abort(&self) {
        let mut tasks = self.shared.tasks.lock().await;
        tasks.iter().for_each(JoinHandle::abort);
        join_all(tasks.drain(..)).await;
    }
}

impl Seen {
    async fn status(&self) -> Vec<ProjectionStatus> {
        join_all(self.watched.iter().map(|watched| watched.status(self))).await
    }
}

impl Watched {
    async fn status(&self, of: &Seen) -> ProjectionStatus {
        let before = self.worker.borrow().clone();
        let seen = self.observer.observe(&before.applied).await;
        self.meters.lag(seen.lag_events(), seen.lag_seconds);
        // What the worker says now may be newer than what was observed; trouble must not be missed.
        let worker = self.worker.borrow().clone();
        let (state, error) = status::state_of(&worker, &seen, of.batch_messages_max);
        ProjectionStatus {
            projection: of.projection,
            store: of.store,
            partition: self.partition,
            position: seen.position,
            head: seen.head,
            lag_events: seen.lag_events(),
            lag_seconds: seen.lag_seconds,
            state,
            error,
            quarantined_entities: Vec::new(),
        }
    }
}

/// Measures lag at an interval, for metrics and readiness, until the runner stops.
async fn watch_over(seen: Arc<Seen>, every: Duration, stop: CancellationToken) {
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let measure = async {
        loop {
            ticks.tick().await;
            seen.status().await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = measure => {}
    }
}

fn partitions_of(config: &RunnerConfig, count: u16) -> Result<Vec<Partition>, StartError> {
    let Some(partitions) = &config.partitions else { return Ok((0..count).map(Partition).collect()) };
    let last = count.saturating_sub(1);
    if let Some(beyond) = partitions.iter().find(|partition| partition.0 > last) {
        return Err(StartError::NoSuchPartition { partition: beyond.0, last });
    }
    let mut partitions = partitions.clone();
    partitions.sort_unstable();
    partitions.dedup();
    Ok(partitions)
}
