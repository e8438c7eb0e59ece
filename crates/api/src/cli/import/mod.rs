//! `foodflow import`: brings a plant's records in, from files.

mod recognised;
mod telling;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use foodflow_commands::{Executor, SystemClock};
use foodflow_domain::TenantId;
use foodflow_log::{Position, SharedLog};
use foodflow_projections::runner::WaitError;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use recognised::{Recognised, recognise};
use telling::Telling;

use super::place::parse_tenant;
use super::progress::Progress;
use super::{print_data, say};
use crate::config::Config;
use crate::read_models::Runners;
use crate::runtime::Runtime;
use crate::transfer::csv::columns::Kind;
use crate::transfer::csv::{Documents, Reading, Unreadable};
use crate::transfer::importer::Importer;
use crate::transfer::names::Names;
use crate::transfer::ndjson::Commands;
use crate::transfer::outcome::Outcome;
use crate::transfer::record::Record;
use crate::transfer::rehearsal::Rehearsal;
use crate::transfer::results::{Results, Totals};
use crate::transfer::schedule::{self, End};

/// Names that are noted before the import waits for the read model.
const NOTED_MAX: usize = 50_000;
/// How long the read model may stand still while the import waits for it.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);
/// How often progress of the read model is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Exit status after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Which files, for whom, read how.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// Files to read, in this order: NDJSON or CSV (docs/IMPORT.md).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Short name of the tenant, or its id.
    #[arg(long, value_name = "SLUG", value_parser = parse_tenant)]
    tenant: TenantId,
    /// What the CSV files hold; told from the header where absent.
    #[arg(long)]
    kind: Option<Kind>,
    /// Zone of times that are written without an offset (IANA), e.g. Europe/London.
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = parse_zone)]
    time_zone: TimeZone,
    /// Result file of all files; a file beside each where absent.
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Who acts: the actor of every event.
    #[arg(long, default_value = "import")]
    actor: String,
    /// Says what would happen; records nothing.
    #[arg(long)]
    dry_run: bool,
    /// Prints the totals as JSON.
    #[arg(long)]
    json: bool,
}

fn parse_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("`{name}` is no time zone; write one such as Europe/London"))
}

/// The totals, for programs.
#[derive(Debug, Serialize)]
struct Summary {
    files: Vec<FileSummary>,
    #[serde(flatten)]
    totals: Totals,
    seconds: f64,
    per_second: f64,
    interrupted: bool,
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct FileSummary {
    file: String,
    #[serde(flatten)]
    totals: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<String>,
}

/// Imports the files. Succeeds where nothing was refused.
///
/// # Errors
/// Where a store or a file cannot be used; what was recorded until then stays, and a second run goes on.
pub async fn run(config: &Config, arguments: ImportArguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(!arguments.actor.trim().is_empty(), "--actor must not be empty");
    for path in &arguments.files {
        anyhow::ensure!(path.is_file(), "there is no file {}", path.display());
    }
    let stop = CancellationToken::new();
    tokio::spawn(listen(stop.clone()));
    let runtime = Runtime::open(config, Arc::new(SystemClock)).await?;
    let real = Arc::clone(&runtime.log);
    let mut import = Import::new(runtime, &arguments, stop);
    let started = Instant::now();
    let outcome = import.files().await;
    let totals = import.done.iter().fold(Totals::default(), |sum, file| sum.and(file.totals));
    let seconds = started.elapsed().as_secs_f64();
    if let Some(runners) = import.runners.take() {
        runners.stop().await;
    }
    real.close().await;
    let summary = Summary {
        files: import.done,
        totals,
        seconds,
        per_second: totals.records() as f64 / seconds.max(f64::MIN_POSITIVE),
        interrupted: matches!(outcome, Ok(End::Interrupted)),
        dry_run: arguments.dry_run,
    };
    if arguments.json {
        print_data(&serde_json::to_string(&summary)?)?;
    }
    if !matches!(outcome, Ok(End::Complete)) {
        say("to go on, run the same command again: what was recorded is answered as repeated");
    }
    if outcome? == End::Interrupted {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if totals.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks for a stop on the first signal, and ends the program on the second.
async fn listen(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    for is_first in [true, false] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if is_first {
            say("stopping: finishing what was begun");
            stop.cancel();
        }
    }
    std::process::exit(i32::from(INTERRUPTED));
}

struct Import<'a> {
    arguments: &'a ImportArguments,
    runtime: Runtime,
    importer: Importer,
    runners: Option<Runners>,
    stop: CancellationToken,
    done: Vec<FileSummary>,
}

impl<'a> Import<'a> {
    fn new(runtime: Runtime, arguments: &'a ImportArguments, stop: CancellationToken) -> Self {
        let executor = if arguments.dry_run {
            let log: SharedLog = Arc::new(Rehearsal::new(Arc::clone(&runtime.log)));
            let keyring = Arc::clone(runtime.executor.keyring());
            Arc::new(Executor::new(log, keyring, Arc::new(SystemClock)))
        } else {
            Arc::clone(&runtime.executor)
        };
        let importer = Importer {
            executor,
            tenant: arguments.tenant,
            actor: arguments.actor.clone(),
            names: Names::new(Arc::clone(&runtime.models.graph), arguments.tenant),
            // A real run waits for the read model before it looks names up; a dry run never gets there.
            takes_note: arguments.dry_run,
        };
        Self { arguments, runtime, importer, runners: None, stop, done: Vec::new() }
    }

    async fn files(&mut self) -> anyhow::Result<End> {
        let mut common = match &self.arguments.results {
            Some(path) => {
                self.refuse_to_overwrite(path)?;
                Some(Results::create(path, self.arguments.dry_run)?)
            }
            None => None,
        };
        for path in &self.arguments.files {
            let shown = path.display().to_string();
            let outcome = match &mut common {
                Some(results) => self.file(path, &shown, results).await,
                None => {
                    let mut results = self.results_beside(path)?;
                    self.file(path, &shown, &mut results).await
                }
            };
            if outcome.with_context(|| shown)? == End::Interrupted {
                return Ok(End::Interrupted);
            }
        }
        Ok(End::Complete)
    }

    fn results_beside(&self, path: &Path) -> anyhow::Result<Results> {
        if self.arguments.dry_run {
            return Ok(Results::none(true));
        }
        let results = beside(path);
        self.refuse_to_overwrite(&results)?;
        Results::create(&results, false)
    }

    fn refuse_to_overwrite(&self, results: &Path) -> anyhow::Result<()> {
        let is_same = |file: &PathBuf| match (file.canonicalize(), results.canonicalize()) {
            (Ok(file), Ok(results)) => file == results,
            _ => file == results,
        };
        let is_input = self.arguments.files.iter().any(is_same);
        anyhow::ensure!(
            !is_input,
            "the results would be written over {}; name another file",
            results.display()
        );
        Ok(())
    }

    async fn file(&mut self, path: &Path, shown: &str, results: &mut Results) -> anyhow::Result<End> {
        let started = Instant::now();
        let Recognised { reader, lines, delimiter } = recognise(path)?;
        let mut telling = Telling::new(shown, results, lines);
        let outcome = match delimiter {
            None => self.commands(reader, &mut telling).await,
            Some(delimiter) => self.documents(reader, delimiter, &mut telling).await,
        };
        let totals = telling.finish()?;
        let shown_results = (!self.arguments.dry_run || self.arguments.results.is_some())
            .then(|| self.arguments.results.clone().unwrap_or_else(|| beside(path)).display().to_string());
        let Totals { recorded, repeated, refused } = totals;
        let word = if self.arguments.dry_run { "acceptable" } else { "recorded" };
        let seconds = started.elapsed().as_secs_f64();
        let per_second = totals.records() as f64 / seconds.max(f64::MIN_POSITIVE);
        let see = shown_results.as_ref().map(|file| format!("; results in {file}")).unwrap_or_default();
        say(&format!(
            "{shown}: {recorded} {word}, {repeated} repeated, {refused} refused in {seconds:.1} s ({per_second:.0} records a second){see}"
        ));
        self.done.push(FileSummary { file: shown.to_owned(), totals, results: shown_results });
        outcome
    }

    async fn commands(&mut self, reader: BufReader<File>, telling: &mut Telling<'_>) -> anyhow::Result<End> {
        let mut commands = Commands::new(reader, self.arguments.tenant);
        let reading = Reading { zone: self.arguments.time_zone.clone(), takes_comma: false };
        let tell = |record: &Record, outcome| telling.tell(record, &outcome);
        Box::pin(schedule::run(&self.importer, &reading, &self.stop, || commands.next_record(), tell)).await
    }

    async fn documents(
        &mut self,
        reader: BufReader<File>,
        delimiter: u8,
        telling: &mut Telling<'_>,
    ) -> anyhow::Result<End> {
        let ImportArguments { tenant, kind, time_zone, .. } = self.arguments;
        let mut documents = match Documents::open(reader, *tenant, delimiter, *kind, time_zone.clone()) {
            Ok(documents) => documents,
            Err(Unreadable::Io(error)) => return Err(error).context("the file cannot be read"),
            Err(Unreadable::Header(refusal)) => {
                let line = refusal.errors.first().map_or(1, |error| error.line);
                telling.tell(&Record::refused(line, refusal.clone()), &Outcome::Refused(refusal))?;
                return Ok(End::Complete);
            }
        };
        if self.catch_up().await? == End::Interrupted {
            return Ok(End::Interrupted);
        }
        let reading = Reading { zone: time_zone.clone(), takes_comma: delimiter == b';' };
        loop {
            // Bounded: after so many new names the read model is waited for, and they are forgotten.
            let is_full = || !self.arguments.dry_run && self.importer.names.noted() >= NOTED_MAX;
            let next = || if is_full() { Ok(None) } else { documents.next_record() };
            let tell = |record: &Record, outcome| telling.tell(record, &outcome);
            let end = Box::pin(schedule::run(&self.importer, &reading, &self.stop, next, tell)).await?;
            if end == End::Interrupted || !is_full() {
                return Ok(end);
            }
            if self.catch_up().await? == End::Interrupted {
                return Ok(End::Interrupted);
            }
        }
    }

    /// Waits until the read model shows all that is recorded, so that names can be looked up.
    async fn catch_up(&mut self) -> anyhow::Result<End> {
        let log = &self.runtime.log;
        let partition = log.partition_of(self.arguments.tenant);
        let head = log.head(partition).await?;
        if self.runners.is_none() {
            self.runners = Some(self.runtime.project()?);
        }
        let Some(runners) = &self.runners else { return Ok(End::Complete) };
        let mut progress = Progress::start("bringing the read model up to date", "positions", Some(head.0));
        let mut moved = (Position(0), Instant::now());
        loop {
            let waited = tokio::select! {
                waited = runners.food_graph.progress().wait_for(partition, head, LOOK_EVERY) => waited,
                () = self.stop.cancelled() => return Ok(End::Interrupted),
            };
            match waited {
                Ok(()) => break,
                Err(WaitError::Behind { current, .. }) if current > moved.0 => {
                    moved = (current, Instant::now())
                }
                Err(WaitError::Behind { .. }) if moved.1.elapsed() < STANDSTILL_MAX => {}
                Err(error) => return Err(error).context("the read model does not follow the log"),
            }
            progress.at(moved.0.0);
        }
        if !self.arguments.dry_run {
            self.importer.names.forget_noted();
        }
        Ok(End::Complete)
    }
}

/// The result file of an imported file.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".results.ndjson");
    PathBuf::from(name)
}
