//! `foodflow mirror`: a second copy of the log, and the log from it.

mod advice;
mod metric_definitions;
mod report;
mod service;
mod watch;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use foodflow_log::SharedLog;
use foodflow_log::mirror::{Comparison, Mirror, MirrorError};
use tokio_util::sync::CancellationToken;

use self::report::{Mode, Report};
use self::service::Service;
use self::watch::Watch;
use super::interrupt::{cancelled_when_told, unless_interrupted};
use super::place::existing_log;
use super::{print_data, say};
use crate::config::Config;
use crate::log_address::LogAddress;

const EXAMPLES: &str = "\
The copy is a log of its own, with the same messages at the same positions: in a folder (an SQLite file for each \
partition), in one SQLite file, or on a server. Each message is verified before it is copied; a log that is not in \
order is copied up to there and no further. Keys and checkpoints come along behind what they cover. Where the copy stands is asked of the copy itself, so that it goes on \
after any end, also of kill -9, without a gap or a repetition.

A restore reads log and copy through and compares them. Where the log is the beginning of the copy, what it lacks is \
appended; where they differ, nothing is changed and the first difference is named.

Exit code 1 where the two are not the same, or something is not in order.

Examples:
  foodflow mirror --to /backup/log                 # follows the log until Ctrl-C
  foodflow mirror --to /backup/log --once          # up to now, for a timer
  foodflow mirror --to /backup/log --verify        # compares every message
  foodflow mirror --restore --from /backup/log     # fills an empty log, or appends a lost tail
  foodflow --log-url file:/backup/log audit verify # the copy is read like any log";

/// From where to where.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("direction").required(true).args(["to", "restore"])))]
pub struct MirrorArguments {
    /// Copy the log to here: a folder, an SQLite file, or the address of a server.
    #[arg(long, value_name = "FOLDER|FILE|URL", value_parser = parse)]
    to: Option<LogAddress>,
    /// End when all that the log holds now is copied.
    #[arg(long, conflicts_with_all = ["verify", "restore"])]
    once: bool,
    /// Copy nothing: verify the log and compare every message with the copy.
    #[arg(long, conflicts_with = "restore")]
    verify: bool,
    /// Append to the log what it lacks of its copy.
    #[arg(long, requires = "from")]
    restore: bool,
    /// The copy to restore from.
    #[arg(long, value_name = "FOLDER|FILE|URL", value_parser = parse, requires = "restore")]
    from: Option<LogAddress>,
    /// Serve /metrics, /healthz and /readyz here while following.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["once", "verify", "restore"])]
    listen: Option<SocketAddr>,
    /// Report as one JSON object.
    #[arg(long)]
    json: bool,
}

#[allow(clippy::unnecessary_wraps, reason = "the shape that the command line asks for")]
fn parse(text: &str) -> Result<LogAddress, std::convert::Infallible> {
    Ok(LogAddress::parse(text))
}

impl MirrorArguments {
    const fn mode(&self) -> Mode {
        match (self.restore, self.verify, self.once) {
            (true, _, _) => Mode::Restore,
            (_, true, _) => Mode::Verify,
            (_, _, true) => Mode::Once,
            _ => Mode::Follow,
        }
    }
}

/// Copies, compares or restores, and reports.
///
/// # Errors
/// Where a log cannot be opened, or the two have not the same number of partitions.
pub async fn run(config: &Config, arguments: MirrorArguments) -> anyhow::Result<ExitCode> {
    let mode = arguments.mode();
    let (source, target) = open(config, &arguments, mode).await?;
    say(&format!("source: {}\ntarget: {}", source.describe(), target.describe()));
    let outcome = work(&source, &target, mode, arguments.listen).await;
    target.close().await;
    source.close().await;
    let report = outcome?;
    print_data(&if arguments.json { serde_json::to_string_pretty(&report)? } else { report.to_string() })?;
    if let Some(trouble) = report.trouble() {
        say(&trouble);
    }
    Ok(if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The source and the target.
async fn open(
    config: &Config,
    arguments: &MirrorArguments,
    mode: Mode,
) -> anyhow::Result<(SharedLog, SharedLog)> {
    let own = LogAddress::of(config);
    let other = arguments.to.as_ref().or(arguments.from.as_ref()).context("--to or --from is missing")?;
    anyhow::ensure!(!own.is_same_as(other), "{} is the log itself: a copy lies elsewhere", other.place());
    let existing_copy = async || {
        other.find(None).await?.with_context(|| format!("there is no copy of a log at {}", other.place()))
    };
    match mode {
        Mode::Restore => {
            let copy = existing_copy().await?;
            let count = copy.partition_count();
            let log = own.open_as_copy(count, config.log_replicas, &copy.describe()).await?;
            Ok((copy, log))
        }
        Mode::Verify => Ok((existing_log(config).await?, existing_copy().await?)),
        Mode::Once | Mode::Follow => {
            let log = existing_log(config).await?;
            let count = log.partition_count();
            let copy = other.open_as_copy(count, config.log_replicas, &log.describe()).await?;
            Ok((log, copy))
        }
    }
}

async fn work(
    source: &SharedLog,
    target: &SharedLog,
    mode: Mode,
    listen: Option<SocketAddr>,
) -> anyhow::Result<Report> {
    let mirror = || Mirror::new(Arc::clone(source), Arc::clone(target));
    let mut report = Report::new(mode, source.describe(), target.describe());
    let mut comparison = None;
    if mode.compares() {
        let mirror = mirror()?;
        let comparing = async { Ok(watched(&mirror, mode, "comparing", mirror.compare()).await) };
        match unless_interrupted("nothing was changed", comparing).await? {
            Ok(compared) => {
                report.compared(&compared);
                comparison = Some(compared);
            }
            Err(error) => report.failed(&error),
        }
    }
    if mode.copies() && report.may_copy() {
        copy(Arc::new(mirror()?), &mut report, comparison, listen).await?;
    }
    Ok(report)
}

async fn copy(
    mirror: Arc<Mirror>,
    report: &mut Report,
    comparison: Option<Comparison>,
    listen: Option<SocketAddr>,
) -> anyhow::Result<()> {
    let mode = report.mode();
    let stop = CancellationToken::new();
    cancelled_when_told(stop.clone(), "stopping: what is copied stays")?;
    let service = match listen {
        Some(address) => Some(Service::start(address, Arc::clone(&mirror), stop.clone()).await?),
        None => None,
    };
    let started = Instant::now();
    let (mirror, until) = (&*mirror, stop.clone());
    let copied = match &comparison {
        Some(compared) => watched(mirror, mode, "restoring", mirror.complete(compared, until)).await,
        None if mode == Mode::Follow => watched(mirror, mode, "mirroring", mirror.follow(until)).await,
        None => watched(mirror, mode, "copying", mirror.copy(until)).await,
    };
    if let Err(error) = copied {
        report.failed(&error);
    }
    report.copied(mirror, started.elapsed(), stop.is_cancelled());
    stop.cancel();
    if let Some(service) = service {
        service.ended().await;
    }
    Ok(())
}

/// Does `work` while it is shown how far it is.
async fn watched<T>(
    mirror: &Mirror,
    mode: Mode,
    what: &'static str,
    work: impl Future<Output = Result<T, MirrorError>>,
) -> Result<T, MirrorError> {
    let mut watch = Watch::new(mode, what);
    tokio::select! {
        biased;
        outcome = work => outcome,
        never = watch.look(mirror) => match never {},
    }
}
