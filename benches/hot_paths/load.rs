//! Loading an aggregate: a lot with a short and with a long history.
//!
//! A load is timed inside an operation that then stops, so that nothing but the load is in the figure. Half as many
//! messages stand behind the snapshot as may.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use foodflow_commands::unit::{Stop, Unit, stream_of};
use foodflow_commands::{
    CommandError, CommandMeta, Executor, Operation, Reply, SNAPSHOT_TAIL_MESSAGES_MAX, SystemClock,
};
use foodflow_domain::TenantId;
use foodflow_domain::food_graph::batch::Batch;
use foodflow_domain::ids::BatchId;
use foodflow_log::{Expected, Keyring, PayloadHash, Position, RecordKey, RecordKind, SharedLog, StreamId};

use crate::effort::Effort;
use crate::figures::{Figures, show_duration, show_number, show_ratio};
use crate::history::History;
use crate::logs::{Adapter, OpenLog};
use crate::random::Random;
use crate::report::Section;
use crate::targets::Finding;

/// Messages behind the snapshot.
const TAIL_MESSAGES: usize = SNAPSHOT_TAIL_MESSAGES_MAX / 2;
/// Events of a history that is read whole as often as a short one.
const SHORT_HISTORY_MAX: usize = 1_000;

/// Ways of loading that the target is about.
const KNOWN: &str = "known";
const WHOLE: &str = "cold, whole";
const SNAPSHOT: &str = "cold, snapshot";
const TARGET: Duration = Duration::from_micros(400);

/// How long each way of loading took, each time.
type Took = [(&'static str, Vec<Duration>); 5];

/// Measures every log.
///
/// # Errors
/// Where a log or its server cannot be had, or a load fails.
pub(crate) async fn bench(effort: Effort) -> anyhow::Result<Section> {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for events in effort.histories {
        let history = History::write(events).await?;
        for adapter in Adapter::ALL {
            let open = OpenLog::open(adapter).await?;
            let bench = Bench::begin(&open, &history, events).await?;
            let took = bench.measure(effort).await?;
            rows.extend(bench.rows(adapter, &took));
            if adapter != Adapter::Memory {
                findings.extend(bench.findings(adapter, &took));
            }
            open.log.close().await;
        }
    }
    Ok(Section {
        title: "Loading an aggregate".to_owned(),
        note: format!(
            "The base is reading the stream's messages from the log, undecoded. `cold` is a process that has not seen \
             the lot: `whole` reads all, checks the hash chain, decodes, folds; `snapshot` does so from the lot's \
             snapshot on, behind which {TAIL_MESSAGES} messages stand (a short history has none). `known, asked \
             again` is what a command does after a lost race: ask the log for what is new. `known` is the ordinary \
             case."
        ),
        words: 3,
        header: &["lot", "log", "load", "p50", "p99", "p50 ÷ base"],
        rows,
        findings,
    })
}

/// One lot on one log.
struct Bench {
    log: SharedLog,
    tenant: TenantId,
    lot: BatchId,
    events: usize,
}

impl Bench {
    /// Copies the history, with a snapshot of the lot on the way where it is long enough for one.
    async fn begin(open: &OpenLog, history: &History, events: usize) -> anyhow::Result<Self> {
        let bench = Self { log: Arc::clone(&open.log), tenant: history.tenant, lot: history.lot, events };
        if bench.has_snapshot() {
            history.copy(open, TAIL_MESSAGES).await?;
            let cold = bench.process();
            bench.time_load(&cold).await?;
            cold.snapshots_stored().await;
        }
        history.copy(open, 0).await?;
        Ok(bench)
    }

    /// Whether the lot has a snapshot even without its last messages.
    const fn has_snapshot(&self) -> bool {
        self.events > SNAPSHOT_TAIL_MESSAGES_MAX + TAIL_MESSAGES
    }

    fn process(&self) -> Executor {
        let keyring = Arc::new(Keyring::passing(self.log.records()).expect("randomness"));
        Executor::new(Arc::clone(&self.log), keyring, Arc::new(SystemClock))
    }

    async fn measure(&self, effort: Effort) -> anyhow::Result<Took> {
        let warm = self.process();
        self.time_load(&warm).await?;
        let mut from_snapshot = Vec::new();
        let (mut known, mut again) = (Vec::new(), Vec::new());
        for _ in 0..effort.samples {
            if self.has_snapshot() {
                from_snapshot.push(self.time_cold_load().await?);
            }
            let [first, second] = self.time_load(&warm).await?[..] else {
                anyhow::bail!("a known lot was not asked for twice");
            };
            known.push(first);
            again.push(second);
        }
        // Last, as each of them leaves a snapshot behind that is as late as the lot itself.
        let samples =
            if self.events > SHORT_HISTORY_MAX { effort.history_samples } else { effort.long_samples };
        let (mut messages, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..samples {
            messages.push(self.time_messages().await?);
            whole.push(self.time_whole_load().await?);
        }
        Ok([
            ("messages only", messages),
            (WHOLE, whole),
            (SNAPSHOT, from_snapshot),
            ("known, asked again", again),
            (KNOWN, known),
        ])
    }

    /// The target is about what a command does: a load of a lot that is known, or that has its snapshot where it is
    /// long enough for one.
    fn findings(&self, adapter: Adapter, took: &Took) -> Vec<Finding> {
        let counts = |name: &str| name == KNOWN || name == if self.has_snapshot() { SNAPSHOT } else { WHOLE };
        let finding = |(name, took): &(&str, Vec<Duration>)| {
            let (log, events) = (adapter.name(), show_number(self.events as f64));
            let target = format!("{log}, loading a lot of {events} events, {name}: p50 ≤ 0.4 ms");
            Finding::at_most(target, Figures::of(took).p50(), TARGET)
        };
        took.iter().filter(|(name, took)| counts(name) && !took.is_empty()).map(finding).collect()
    }

    fn rows(&self, adapter: Adapter, took: &Took) -> Vec<Vec<String>> {
        let base = Figures::of(&took[0].1).p50().as_secs_f64();
        let row = |(name, took): &(&str, Vec<Duration>)| {
            let figures = Figures::of(took);
            vec![
                format!("{} events", show_number(self.events as f64)),
                adapter.name().to_owned(),
                (*name).to_owned(),
                show_duration(figures.p50()),
                show_duration(figures.p99()),
                show_ratio(figures.p50().as_secs_f64(), base),
            ]
        };
        took.iter().filter(|(_, took)| !took.is_empty()).map(row).collect()
    }

    async fn time_messages(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let messages = self.log.load(self.tenant, &stream_of::<Batch>(self.lot.0), Position(0)).await?;
        let took = began.elapsed();
        ensure!(messages.len() == self.events, "{} messages of {}", messages.len(), self.events);
        Ok(took)
    }

    async fn time_cold_load(&self) -> anyhow::Result<Duration> {
        self.time_load(&self.process()).await?.first().copied().context("no load")
    }

    /// A cold load that finds no snapshot.
    async fn time_whole_load(&self) -> anyhow::Result<Duration> {
        let key = RecordKey::new(format!("{}.{}", self.tenant, stream_of::<Batch>(self.lot.0)))?;
        self.log.records().delete(RecordKind::Snapshot, &key, Expected::Any).await?;
        let cold = self.process();
        let took = self.time_load(&cold).await?;
        cold.snapshots_stored().await;
        took.first().copied().context("no load")
    }

    /// How long each try of a command takes to load the lot: one try where it is not known yet, else two.
    async fn time_load(&self, executor: &Executor) -> anyhow::Result<Vec<Duration>> {
        let operation = LoadLot { lot: self.lot, took: Mutex::default() };
        let command_id = Random::next_part().id();
        let meta = CommandMeta {
            tenant: self.tenant,
            actor: "operator@plant".to_owned(),
            command_id: command_id.into(),
            repeatable: false,
            command_hash: PayloadHash::default(),
            correlation_id: command_id,
            causation_id: None,
            if_match: None,
        };
        match executor.execute(&meta, &operation).await {
            Err(CommandError::VersionConflict) => {}
            other => anyhow::bail!("a load that should stop ended with {other:?}"),
        }
        Ok(operation.took.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Loads a lot, and stops before anything is decided.
struct LoadLot {
    lot: BatchId,
    took: Mutex<Vec<Duration>>,
}

impl Operation for LoadLot {
    type Primary = Batch;

    fn reply(&self, _: &CommandMeta) -> Reply {
        Reply {
            operation: "bench/load",
            id: self.lot.0,
            primary: stream_of::<Batch>(self.lot.0),
            creates: false,
            batch_id: None,
            batch_ids: None,
        }
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Batch>(self.lot.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let began = Instant::now();
        let exists = unit.load::<Batch>(self.lot.0).await?.origin.is_some();
        let took = began.elapsed();
        if exists {
            self.took.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        }
        Err(CommandError::VersionConflict.into())
    }
}
