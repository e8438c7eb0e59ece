//! Watching and stopping the workers of one projection into one store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foodflow_log::Partition;
use futures::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::audit::{Accounts, Auditor};
use super::lease::keeper::LeaseView;
use super::metric_definitions::Meters;
use super::observe::{Movement, Observation, Observer};
use super::progress::Progress;
use super::state::WorkerState;
use super::status::{Outside, ProjectionState, ProjectionStatus, Standing};
use super::worker::within;
use crate::store::{Checkpoint, ReadModel};

/// How long the store may take to tell a position that another process has applied.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

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
pub(super) struct Seen {
    pub(super) watched: Vec<Watched>,
    pub(super) projection: &'static str,
    pub(super) store: Arc<dyn ReadModel>,
    pub(super) leases: watch::Receiver<LeaseView>,
    pub(super) batch_messages_max: usize,
    pub(super) stall_after: Duration,
}

/// One partition, seen from outside its worker.
pub(super) struct Watched {
    pub(super) partition: Partition,
    /// The worker of this process, where it has any.
    pub(super) worker: Option<watch::Receiver<WorkerState>>,
    pub(super) observer: Observer,
    pub(super) auditor: Auditor,
    pub(super) movement: Mutex<Movement>,
    /// Whether it has not moved for too long, when it was last looked at.
    pub(super) is_stalled: AtomicBool,
    pub(super) meters: Meters,
}

impl RunnerHandle {
    pub(super) fn new(
        seen: Arc<Seen>,
        progress: Progress,
        stop: CancellationToken,
        stop_timeout: Duration,
        tasks: Vec<JoinHandle<()>>,
    ) -> Self {
        let stop_when_unused = Arc::new(stop.clone().drop_guard());
        let tasks = tokio::sync::Mutex::new(tasks);
        let shared = Arc::new(Shared { seen, progress, stop, stop_timeout, tasks });
        Self { shared, _stop_when_unused: stop_when_unused }
    }

    /// Up to where the read model is, to wait for a position.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    /// The store that is filled.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ReadModel> {
        &self.shared.seen.store
    }

    /// The name of the projection.
    #[must_use]
    pub fn projection(&self) -> &'static str {
        self.shared.seen.projection
    }

    /// How every partition is doing now; asks the log where it ends.
    pub async fn status(&self) -> Vec<ProjectionStatus> {
        self.shared.seen.status().await
    }

    /// How one partition is doing now, without asking about the others; nothing where the log has no such partition.
    pub async fn status_of(&self, partition: Partition) -> Option<ProjectionStatus> {
        let seen = &self.shared.seen;
        let watched = seen.watched.iter().find(|watched| watched.partition == partition)?;
        Some(watched.status(seen).await)
    }

    /// Whether every partition that this process has gets on, no other one lacks an owner for long, and the log answered
    /// when it was last asked. A worker that is behind is ready: waiting for a position is what a query does.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let seen = &self.shared.seen;
        seen.watched.iter().all(|watched| watched.is_ready(seen))
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
    ///
    /// # Panics
    /// Where a worker has.
    pub async fn abort(&self) {
        let mut tasks = self.shared.tasks.lock().await;
        tasks.iter().for_each(JoinHandle::abort);
        for ended in join_all(tasks.drain(..)).await {
            if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Seen {
    async fn status(&self) -> Vec<ProjectionStatus> {
        join_all(self.watched.iter().map(|watched| watched.status(self))).await
    }
}

impl Watched {
    /// Whose the partition is, as far as this process has seen.
    fn standing(&self, of: &Seen) -> Standing {
        let leases = of.leases.borrow();
        let holder = leases.holders.get(&self.partition);
        let worker = self.worker.as_ref().map(|worker| worker.borrow().clone());
        let is_own = leases.own.get(&self.partition).is_some_and(|until| *until > Instant::now());
        match (holder, worker) {
            (Some(holder), Some(worker)) if is_own => Standing::Own(holder.owner.clone(), worker),
            (Some(holder), _) if holder.lives && !is_own => Standing::Others(holder.owner.clone()),
            (_, worker) => {
                let for_long = !leases.looked || leases.unwanted.contains(&self.partition);
                Standing::Nobodys { worker, for_long, error: leases.error.clone() }
            }
        }
    }

    fn is_ready(&self, of: &Seen) -> bool {
        let is_dead = self.worker.as_ref().is_some_and(|worker| worker.borrow().stopped.is_some());
        let standing = self.standing(of);
        let is_stalled = standing.is_own() && self.is_stalled.load(Ordering::Relaxed);
        standing.is_ready() && !is_dead && !is_stalled && self.observer.log_answers()
    }

    async fn status(&self, of: &Seen) -> ProjectionStatus {
        let (applied, store_error) = self.applied(of).await;
        let seen = self.observer.observe(&applied).await;
        self.meters.lag(seen.lag_events(), seen.lag_seconds);
        self.meters.quarantine(&applied.quarantine);
        // What the worker says now may be newer than what was observed; trouble must not be missed.
        let standing = self.standing(of);
        self.meters.lease(standing.is_own());
        let (finding, still_for) = (self.auditor.found(), self.still_for(&seen, standing.is_held()));
        let stalled = (still_for >= of.stall_after).then_some(still_for);
        self.is_stalled.store(stalled.is_some(), Ordering::Relaxed);
        let outside = Outside {
            stalled,
            store_error,
            audit_error: finding.error,
            quarantine: applied.quarantine.clone(),
        };
        let (state, error) = standing.state(&seen, of.batch_messages_max, outside);
        let stuck = matches!(state, ProjectionState::Stuck | ProjectionState::Stopped);
        self.meters.health(finding.gap_positions + standing.withheld(), stuck);
        ProjectionStatus {
            projection: of.projection,
            store: of.store.name(),
            partition: self.partition,
            owner: standing.owner().cloned(),
            position: seen.position,
            head: seen.head,
            lag_events: seen.lag_events(),
            lag_seconds: seen.lag_seconds,
            state,
            error,
            quarantine: applied.quarantine,
        }
    }

    fn still_for(&self, seen: &Observation, held: bool) -> Duration {
        self.lock_movement().still_for(Instant::now(), seen, held)
    }

    fn lock_movement(&self) -> MutexGuard<'_, Movement> {
        self.movement.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn audit(&self, of: &Seen) {
        if let Standing::Own(_, worker) = self.standing(of)
            && worker.started
        {
            // The store is asked after the worker, so that it is never behind by right.
            let stored = within(STORE_TIMEOUT, of.store.name(), of.store.checkpoint(self.partition)).await;
            let accounts = Accounts { applied: worker.applied, tally: worker.tally, stored: stored.ok() };
            self.auditor.pass(&accounts).await;
        }
    }

    /// What has been applied: as the worker says, or as the store does where another process has the partition.
    async fn applied(&self, of: &Seen) -> (Checkpoint, Option<String>) {
        let known = match self.standing(of) {
            Standing::Own(_, worker) if worker.started => return (worker.applied, None),
            Standing::Own(_, worker) | Standing::Nobodys { worker: Some(worker), .. } => worker.applied,
            _ => Checkpoint::new(self.lock_movement().position(), None),
        };
        let stored = within(STORE_TIMEOUT, of.store.name(), of.store.checkpoint(self.partition)).await;
        match stored {
            Ok(checkpoint) => (checkpoint, None),
            Err(error) => (known, Some(error.to_string())),
        }
    }
}

/// Measures lag and progress at an interval, for metrics and readiness, until the runner stops.
pub(super) async fn watch_over(seen: Arc<Seen>, every: Duration, stop: CancellationToken) {
    let mut ticks = ticks(every);
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

/// Audits the partitions of this process at an interval, until the runner stops.
pub(super) async fn audit_over(seen: Arc<Seen>, every: Duration, stop: CancellationToken) {
    let mut ticks = ticks(every);
    let audit = async {
        loop {
            ticks.tick().await;
            for watched in &seen.watched {
                watched.audit(&seen).await;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = audit => {}
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
