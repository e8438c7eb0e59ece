//! One life of the program: a write path and the projectors, until it is killed between any two steps.

use std::sync::Arc;
use std::time::Duration;

use foodflow_commands::{Clock, Executor};
use foodflow_log::{Keyring, SharedLog};
use foodflow_projections::changes::Change;
use foodflow_projections::runner::{Owner, Runner, RunnerConfig, RunnerHandle, StartError, food_graph};
use foodflow_projections::store::generations::Generations;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::dice::Dice;
use super::fault_log::FaultLog;
use super::fault_store::FaultStore;

/// When a simulation begins.
const BEGIN_S: i64 = 1_772_000_000;
/// Short, so that a life is long enough to see a dead one's partitions move.
const LEASE_TTL: Duration = Duration::from_millis(600);

/// Recorded time that follows the simulation's.
#[derive(Debug, Clone)]
pub(super) struct VirtualClock {
    began: Instant,
}

impl VirtualClock {
    /// Begins now.
    #[must_use]
    pub(super) fn start() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.began.elapsed()).unwrap_or(SignedDuration::ZERO);
        Timestamp::from_second(BEGIN_S).unwrap_or(Timestamp::UNIX_EPOCH) + passed
    }
}

/// A running program. Dropping it kills it.
pub(super) struct Process {
    /// Its write path.
    pub(super) executor: Arc<Executor>,
    runner: RunnerHandle,
    /// What it works on, with its faults.
    pub(super) log: SharedLog,
    pub(super) store: Arc<dyn Generations<Change>>,
    /// What goes on in it; ends with it.
    pub(super) tasks: JoinSet<()>,
}

impl Process {
    /// Starts on `log` and `store`, with the faults of `dice` between.
    ///
    /// # Errors
    /// Where the runner does not start.
    pub(super) fn start(
        log: &SharedLog,
        store: Arc<dyn Generations<Change>>,
        clock: VirtualClock,
        dice: &Dice,
    ) -> Result<Self, StartError> {
        let log: SharedLog = Arc::new(FaultLog::new(Arc::clone(log), dice.clone()));
        let store: Arc<dyn Generations<Change>> = Arc::new(FaultStore::new(store, dice.clone()));
        let config = RunnerConfig {
            owner: Some(Owner { id: dice.id(), process: "simulated".to_owned() }),
            lease_ttl: LEASE_TTL,
            batch_messages_max: 1 + dice.below(12) as usize,
            retry_delay_min: Duration::from_millis(5),
            retry_delay_max: Duration::from_millis(200),
            observe_interval: Duration::from_secs(1),
            ..RunnerConfig::default()
        };
        let runner = Runner::start(Arc::clone(&log), Arc::clone(&store) as _, food_graph(), config)?;
        let keyring = Arc::new(Keyring::passing(log.records()).expect("randomness"));
        let executor = Arc::new(Executor::new(Arc::clone(&log), keyring, Arc::new(clock)));
        Ok(Self { executor, runner, log, store, tasks: JoinSet::new() })
    }

    /// The projectors.
    #[must_use]
    pub(super) const fn runner(&self) -> &RunnerHandle {
        &self.runner
    }

    /// Kills it: nothing that it does goes on, not even what is in the middle of a step.
    pub(super) async fn kill(mut self) {
        self.tasks.abort_all();
        while let Some(ended) = self.tasks.join_next().await {
            if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
                std::panic::resume_unwind(panic);
            }
        }
        self.runner.abort().await;
    }
}
