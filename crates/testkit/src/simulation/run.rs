//! A whole simulation: lives of the program, each ended by a kill, then calm, then what must hold.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::memory::MemoryLog;
use foodflow_log::{Partition, SharedLog};

use super::client::{self, Notebook, Plant, SharedNotebook};
use super::dice::Dice;
use super::invariants::{self, Observation};
use super::model_store::ModelStore;
use super::process::{Process, VirtualClock};
use super::rebuilds::{Operator, rebuild_at_last};

/// Partitions of the log.
const PARTITIONS: u16 = 2;
/// Tenants, each with a plant.
const TENANTS: usize = 2;
/// Most lives before the last one.
const LIVES_MAX: u64 = 4;
/// Longest life, in virtual time.
const LIFE_MAX: Duration = Duration::from_secs(3);
/// How long the last life may take until all is projected, in virtual time.
const CALM_MAX: Duration = Duration::from_secs(120);

/// What went on in a simulation that held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Kills.
    pub kills: u64,
    /// Rebuilds that came to their end before the last one.
    pub rebuilds: u64,
    /// How many of them changed the live generation.
    pub switches: u64,
    /// Messages in the log.
    pub messages: usize,
    /// Commands that were answered.
    pub answered: usize,
    /// Looks of readers.
    pub looks: usize,
    /// Stands for everything that the log holds, but for ids and hashes that chance outside of the seed makes.
    pub trace: u64,
}

/// A simulation that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its seed.
    pub seed: u64,
    /// What did not hold.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.what)
    }
}

impl std::error::Error for Violation {}

/// Runs the simulation of `seed`.
///
/// # Errors
/// What did not hold, a panic anywhere included.
pub fn simulate(seed: u64) -> Result<Outcome, Violation> {
    let violation = |what: String| Violation { seed, what };
    // The jitter of retries is drawn from the thread's own generator.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| violation(error.to_string()))?;
    let run = AssertUnwindSafe(|| runtime.block_on(Simulation::new(seed).run()));
    match catch_unwind(run) {
        Ok(outcome) => outcome.map_err(violation),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(violation(format!("a panic: {}", message.unwrap_or("of something that is no text"))))
        }
    }
}

struct Simulation {
    dice: Dice,
    log: SharedLog,
    store: Arc<ModelStore>,
    clock: VirtualClock,
    notebook: SharedNotebook,
    plants: Vec<Plant>,
    seen: Arc<Mutex<Vec<Observation>>>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let plant = |_| Plant {
            tenant: TenantId(dice.id()),
            location: dice.id().into(),
            ingredient: dice.id().into(),
        };
        let plants = (0..TENANTS).map(plant).collect();
        Self {
            log: Arc::new(MemoryLog::new(PARTITIONS)),
            store: Arc::default(),
            clock: VirtualClock::start(),
            notebook: Arc::new(Mutex::new(Notebook::default())),
            plants,
            seen: Arc::default(),
            dice,
        }
    }

    async fn run(self) -> Result<Outcome, String> {
        let mut kills = 0;
        let mut lost: Option<Process> = None;
        let reader = tokio::spawn(read(Arc::clone(&self.store), self.dice.clone(), Arc::clone(&self.seen)));
        for life in 0..1 + self.dice.below(LIVES_MAX) {
            let mut process = self.start()?;
            if life == 0 {
                self.found(&process).await;
            }
            for plant in self.plants.iter().flat_map(|plant| [plant, plant]) {
                let orders = 1 + self.dice.below(6) as u32;
                let (executor, plant) = (Arc::clone(&process.executor), plant.clone());
                let (notebook, dice) = (Arc::clone(&self.notebook), self.dice.clone());
                process.tasks.spawn(client::work(executor, plant, notebook, dice, orders));
            }
            process.tasks.spawn(self.operator(&process).work());
            self.dice.pause(LIFE_MAX).await;
            if let Some(lost) = lost.take() {
                lost.kill().await;
                kills += 1;
            }
            // Taken for dead, it may go on beside its successor for a while.
            if self.dice.chance(1, 3) {
                lost = Some(process);
            } else {
                process.kill().await;
                kills += 1;
            }
        }
        self.dice.calm_down();
        if let Some(lost) = lost.take() {
            self.dice.pause(LIFE_MAX).await;
            lost.kill().await;
            kills += 1;
        }
        let process = self.start()?;
        for partition in 0..PARTITIONS {
            let partition = Partition(partition);
            let head = self.log.head(partition).await.map_err(|error| error.to_string())?;
            let progress = process.runner().progress().clone();
            let caught_up = progress.wait_for(partition, head, CALM_MAX).await;
            caught_up.map_err(|error| format!("the projection does not get on: {error}"))?;
        }
        rebuild_at_last(&process.log, &process.store, &self.dice).await?;
        process.kill().await;
        reader.abort();
        self.judge(kills).await
    }

    fn operator(&self, process: &Process) -> Operator {
        Operator {
            log: Arc::clone(&process.log),
            store: Arc::clone(&process.store),
            tenants: self.plants.iter().map(|plant| plant.tenant).collect(),
            notebook: Arc::clone(&self.notebook),
            dice: self.dice.clone(),
        }
    }

    fn start(&self) -> Result<Process, String> {
        let store = Arc::clone(&self.store) as _;
        Process::start(&self.log, store, self.clock.clone(), &self.dice).map_err(|error| error.to_string())
    }

    /// What the plants need before anything can happen; nothing is killed meanwhile.
    async fn found(&self, process: &Process) {
        for plant in &self.plants {
            client::found(&process.executor, plant, &self.notebook, &self.dice).await;
        }
    }

    async fn judge(&self, kills: u64) -> Result<Outcome, String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut all = Vec::new();
        for partition in (0..PARTITIONS).map(Partition) {
            let messages =
                invariants::messages(&self.log, partition).await.map_err(|error| error.to_string())?;
            invariants::chains(&messages)?;
            let digests = invariants::digests(&messages, &seen, partition)?;
            invariants::observations(&digests, &seen, partition)?;
            let (position, live) = self.store.observe(partition);
            let head = messages.last().map(|message| message.position).unwrap_or_default();
            if position != head || digests.get(&position) != Some(&live) {
                return Err(format!(
                    "partition {}: live at {position} of {head} is not what a rebuild gives",
                    partition.0
                ));
            }
            all.push(messages);
        }
        if let Some(broken) = self.store.broken() {
            return Err(broken);
        }
        let notebook = client::open(&self.notebook);
        invariants::commands(&all, &notebook)?;
        invariants::stock(&all)?;
        let messages = all.iter().map(Vec::len).sum();
        let (answered, looks) = (notebook.answers.len(), seen.len());
        let (rebuilds, switches) = (notebook.rebuilds, notebook.switches);
        Ok(Outcome { kills, rebuilds, switches, messages, answered, looks, trace: self.dice.roll() })
    }
}

/// Looks at the store again and again, between any two steps of the others.
async fn read(store: Arc<ModelStore>, dice: Dice, seen: Arc<Mutex<Vec<Observation>>>) {
    loop {
        dice.pause(Duration::from_millis(400)).await;
        let partition = Partition(dice.below(u64::from(PARTITIONS)) as u16);
        let (position, digest) = store.observe(partition);
        seen.lock().unwrap_or_else(PoisonError::into_inner).push((partition, position, digest));
    }
}
