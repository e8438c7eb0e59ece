//! Starting the workers of one projection into one store, or only watching those of other processes.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use foodflow_log::{Partition, SharedLog};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::audit::Auditor;
use super::config::RunnerConfig;
use super::handle::{RunnerHandle, Seen, Watched, audit_over, watch_over};
use super::lease::book::Book;
use super::lease::keeper::{Keeper, Kept, LeaseView};
use super::lease::record::is_name;
use super::lease::tenure::{Grant, Tenure};
use super::lease::{LeaseTimes, Owner};
use super::metric_definitions::{self, Meters};
use super::observe::{Movement, Observer};
use super::progress::Progress;
use super::projection::Projection;
use super::state::{StateCell, WorkerState};
use super::worker::Worker;
use crate::store::{ReadModel, Sink};

/// Keeps a store up to date with the log.
pub struct Runner;

/// Why a runner cannot start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The projection's name cannot be part of the key of a lease.
    #[error("`{0}` cannot be the name of a projection: use 1 to 60 of a-z, 0-9 and _")]
    Name(&'static str),
}

impl Runner {
    /// Starts a worker for every partition of the log; each works while this process has the partition's lease. The
    /// store's schema must have been migrated. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] where the projection cannot be run.
    pub fn start<C: Clone + Send + Sync + 'static>(
        log: SharedLog,
        store: Arc<dyn Sink<C>>,
        projection: Arc<dyn Projection<C>>,
        config: RunnerConfig,
    ) -> Result<RunnerHandle, StartError> {
        let mut starting = Starting::new(log.clone(), store.clone(), projection.name(), config)?;
        for partition in (0..log.partition_count()).map(Partition) {
            let (tenure, state) = starting.add(partition);
            let worker = Worker {
                log: log.clone(),
                store: store.clone(),
                projection: projection.clone(),
                partition,
                config: starting.config.clone(),
                state,
                meters: starting.meters(partition),
                tenure,
                stop: starting.stop.clone(),
            };
            starting.tasks.push(tokio::spawn(worker.run()));
        }
        Ok(starting.finish())
    }

    /// Watches how the processes do that run `projection` into `store`, without a worker here.
    ///
    /// # Errors
    /// [`StartError`] where the projection cannot be run.
    pub fn watch(
        log: SharedLog,
        store: Arc<dyn ReadModel>,
        projection: &'static str,
        config: RunnerConfig,
    ) -> Result<RunnerHandle, StartError> {
        Ok(Starting::new(log, store, projection, config)?.finish())
    }
}

/// A runner that is being put together.
struct Starting {
    log: SharedLog,
    store: Arc<dyn ReadModel>,
    projection: &'static str,
    config: RunnerConfig,
    stop: CancellationToken,
    kept: BTreeMap<Partition, Kept>,
    tasks: Vec<JoinHandle<()>>,
}

impl Starting {
    fn new(
        log: SharedLog,
        store: Arc<dyn ReadModel>,
        projection: &'static str,
        config: RunnerConfig,
    ) -> Result<Self, StartError> {
        if !is_name(projection) {
            return Err(StartError::Name(projection));
        }
        metric_definitions::describe();
        let (stop, kept, tasks) = (CancellationToken::new(), BTreeMap::new(), Vec::new());
        Ok(Self { log, store, projection, config, stop, kept, tasks })
    }

    /// What a worker of `partition` has to do with its keeper.
    fn add(&mut self, partition: Partition) -> (Tenure, StateCell) {
        let (cell, state) = StateCell::new();
        let (grant, granted) = watch::channel(Grant::default());
        self.kept.insert(partition, Kept { grant, state });
        (Tenure::new(granted), cell)
    }

    fn meters(&self, partition: Partition) -> Meters {
        Meters::new(self.projection, self.store.name(), partition)
    }

    fn finish(mut self) -> RunnerHandle {
        let workers: BTreeMap<Partition, watch::Receiver<WorkerState>> =
            self.kept.iter().map(|(partition, kept)| (*partition, kept.state.clone())).collect();
        let (view, leases) = watch::channel(LeaseView::default());
        let partitions = self.log.partition_count();
        let watched = (0..partitions).map(Partition).map(|partition| Watched {
            partition,
            worker: workers.get(&partition).cloned(),
            observer: Observer::new(self.log.clone(), partition),
            auditor: Auditor::new(self.log.clone(), partition),
            movement: Mutex::new(Movement::new()),
            is_stalled: AtomicBool::new(false),
            meters: self.meters(partition),
        });
        let seen = Arc::new(Seen {
            watched: watched.collect(),
            projection: self.projection,
            store: self.store.clone(),
            leases,
            batch_messages_max: self.config.batch_messages_max,
            stall_after: self.config.stall_after,
        });
        let progress = Progress::new(self.store.clone(), workers);
        let interval = self.config.observe_interval;
        self.tasks.push(tokio::spawn(watch_over(seen.clone(), interval, self.stop.clone())));
        let interval = self.config.audit_interval;
        self.tasks.push(tokio::spawn(audit_over(seen.clone(), interval, self.stop.clone())));
        let times = LeaseTimes { ttl: self.config.lease_ttl };
        let owner = self.config.owner.unwrap_or_else(|| Owner::new(std::process::id().to_string()));
        let keeper = Keeper {
            records: self.log.records(),
            store: self.store,
            projection: self.projection,
            times,
            book: Book::new(owner, partitions, times),
            workers: self.kept,
            partitions,
            view,
            stop: self.stop.clone(),
        };
        self.tasks.push(tokio::spawn(keeper.run()));
        RunnerHandle::new(seen, progress, self.stop, self.config.stop_timeout, self.tasks)
    }
}
