//! `foodflow audit export`: messages with what proves them, to be checked with no server and no log.

mod scan;
mod selection;
mod write;

use std::io::{ErrorKind, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use ed25519_dalek::SigningKey;
use foodflow_domain::TenantId;
use foodflow_log::audit::{Checkpoint, KeyId, TrailStore};
use foodflow_log::{ChainVerifier, Partition, Position, SharedLog};
use serde::Serialize;

use self::scan::Scan;
use self::selection::Selection;
use super::checked_walk::CheckedWalk;
use super::finding::WalkError;
use super::signer::Signer;
use crate::cli::interrupt::unless_interrupted;
use crate::cli::output::Output;
use crate::cli::place::{existing_log, parse_tenant, partitions};
use crate::cli::progress::Progress;
use crate::cli::replay::filter::{Subject, parse_subject};
use crate::cli::{print_data, say};
use crate::config::Config;

const EXAMPLES: &str = "\
The bundle holds the messages byte for byte, each with the proof that a signed checkpoint's Merkle tree has it at its \
position; the keys and the checkpoint; and a seal over all of it. `foodflow audit verify --bundle FILE` checks it anywhere. \
Of other tenants it shows hashes, and how many messages there are, and nothing else.

With --lot, the bundle holds every message of the lot's streams, from the first one on: what happened to the lot, as it \
says itself. With --related it holds the whole commits that those messages are part of as well: the other lots, and the \
receipts, transformations and shipments that were recorded together with it. A range is extended to whole commits.

The partition is checked from its first position before anything is written. Messages after the last checkpoint are \
signed first, as `audit checkpoint` does; so the audit key is needed.

Examples:
  foodflow audit export --tenant harbor-vale --lot 0197f3a0-5d6e-7c1a-9b2f-3f6a1c0d4e52 --related --out lot.ndjson
  foodflow audit export --tenant harbor-vale --out harbor-vale.ndjson
  foodflow audit export --partition 0 --from 81 --to 120 --since 3 --out range.ndjson";

/// What to export.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArguments {
    /// Only this tenant's messages: its short name or id.
    #[arg(long, value_name = "SLUG|UUID", value_parser = parse_tenant)]
    tenant: Option<TenantId>,
    /// Only this lot: the same as `--subject batch/<ID>`.
    #[arg(long, value_name = "ID", value_parser = parse_lot, requires = "tenant", conflicts_with_all = ["subject", "from", "to"])]
    lot: Option<Subject>,
    /// Only this subject: `batch/<ID>`, or the id alone.
    #[arg(long, value_name = "SUBJECT", value_parser = parse_subject, requires = "tenant", conflicts_with_all = ["from", "to"])]
    subject: Option<Subject>,
    /// Also the other messages of the commits that hold those of the lot or subject.
    #[arg(long)]
    related: bool,
    /// Only this partition, counted from 0; needed without --tenant where the log has several.
    #[arg(long, value_name = "NUMBER", conflicts_with = "tenant")]
    partition: Option<u16>,
    /// From this position on [default: 1].
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// Up to this position, itself included [default: the end].
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// Also the checkpoint of this earlier audit record, and the proof that the partition only grew since.
    #[arg(long, value_name = "RECORD")]
    since: Option<u64>,
    /// Write to this file, which takes its name once it is complete.
    #[arg(long, alias = "output", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Report as one JSON object.
    #[arg(long, requires = "out")]
    json: bool,
}

fn parse_lot(id: &str) -> Result<Subject, String> {
    if id.contains('/') {
        return Err("must be the lot's id alone, a UUID".to_owned());
    }
    parse_subject(&format!("batch/{id}"))
}

/// What was exported.
#[derive(Debug, Serialize)]
struct Report {
    file: Option<PathBuf>,
    partition: Partition,
    messages: u64,
    /// Number of the checkpoint that covers them.
    checkpoint: u64,
    /// Last position that it covers.
    size: Position,
    /// Who sealed it.
    key: KeyId,
}

/// Exports.
///
/// # Errors
/// Where there is no log, something is wrong with it, nothing fits, the key cannot be used, or the output cannot be
/// written.
pub async fn run(config: &Config, arguments: ExportArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let exported =
        unless_interrupted("nothing was exported", Box::pin(export(config, &log, &arguments))).await;
    log.close().await;
    let report = match exported {
        Ok(report) => report,
        // Whoever reads has seen enough, as `head` does.
        Err(error) if arguments.out.is_none() && is_broken_pipe(&error) => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(error),
    };
    if arguments.json {
        print_data(&serde_json::to_string_pretty(&report)?)?;
    } else {
        let Report { messages, checkpoint, size, .. } = report;
        let place = report.file.map(|file| format!(" in {}", file.display())).unwrap_or_default();
        say(&format!("{messages} messages{place}, covered by checkpoint {checkpoint} at position {size}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn export(config: &Config, log: &SharedLog, arguments: &ExportArguments) -> anyhow::Result<Report> {
    let partition = the_partition(log, arguments)?;
    let selection = Selection::of(arguments)?;
    let mut signer = Signer::open(config, log).await?;
    let head = log.head(partition).await?;
    if arguments.to.map_or(head, |to| head.min(Position(to))) > signer.trail.covered(partition) {
        signer.sign(partition).await?;
    }
    let key = signer.key().await?;
    let checkpoint = signer.trail.last_checkpoint(partition).cloned();
    let checkpoint = checkpoint.with_context(|| format!("partition {} is empty", partition.0))?;
    let since = match arguments.since {
        Some(number) if number != checkpoint.statement.number => {
            Some(earlier(log, &checkpoint, number).await?)
        }
        _ => None,
    };
    let scan = scan(log, &signer, &checkpoint, selection).await?;
    anyhow::ensure!(scan.selected() > 0, "no messages fit: nothing is exported");
    let messages = write(log, &signer, &checkpoint, since.as_ref(), &key, scan, arguments).await?;
    Ok(Report {
        file: arguments.out.clone(),
        partition,
        messages,
        checkpoint: checkpoint.statement.number,
        size: checkpoint.statement.size,
        key: KeyId::of_signer(&key),
    })
}

fn the_partition(log: &SharedLog, arguments: &ExportArguments) -> anyhow::Result<Partition> {
    match partitions(log, arguments.tenant, arguments.partition)?.as_slice() {
        [one] => Ok(*one),
        _ => anyhow::bail!("a bundle holds messages of one partition: name a --tenant or a --partition"),
    }
}

/// The earlier checkpoint of the same partition in record `number`.
async fn earlier(log: &SharedLog, checkpoint: &Checkpoint, number: u64) -> anyhow::Result<Checkpoint> {
    let covering = &checkpoint.statement;
    let found = TrailStore(&*log.records()).checkpoint(number).await.map_err(WalkError::from)?;
    let fits = |found: &Checkpoint| {
        found.statement.partition == covering.partition && found.statement.number < covering.number
    };
    found.filter(fits).with_context(|| {
        let (partition, covering) = (covering.partition.0, covering.number);
        format!("--since: record {number} is no checkpoint of partition {partition} before record {covering}")
    })
}

/// Checks the partition up to the checkpoint, and notes what is selected.
async fn scan(
    log: &SharedLog,
    signer: &Signer<'_>,
    checkpoint: &Checkpoint,
    selection: Selection,
) -> anyhow::Result<Scan> {
    let (partition, size) = (checkpoint.statement.partition, checkpoint.statement.size);
    let mut scan = Scan::new(selection);
    let mut verifier = ChainVerifier::new().in_log_of(log.partition_count());
    let mut milestones = signer.trail.milestones(partition, size);
    let what = format!("checking partition {}", partition.0);
    let mut progress = Progress::start(&what, "positions", Some(size.0));
    let end = log.head(partition).await?.min(size);
    let walk = CheckedWalk { log: &**log, partition, tenant: None, end };
    let visit = |message: &_, verifier: &ChainVerifier| {
        scan.take(message, verifier);
        Ok(milestones.compare(verifier.tree())?)
    };
    walk.run(&mut verifier, &mut progress, visit).await?;
    milestones.end(verifier.position()).map_err(WalkError::from)?;
    Ok(scan)
}

async fn write(
    log: &SharedLog,
    signer: &Signer<'_>,
    checkpoint: &Checkpoint,
    since: Option<&Checkpoint>,
    key: &SigningKey,
    scan: Scan,
    arguments: &ExportArguments,
) -> anyhow::Result<u64> {
    let output = Output::open(arguments.out.as_deref())?;
    let progress = if arguments.out.is_none() && std::io::stdout().is_terminal() {
        Progress::hidden()
    } else {
        Progress::start("exporting", "messages", Some(scan.selected()))
    };
    let parts = write::Parts { log: &**log, trail: &signer.trail, checkpoint, since, key };
    let (messages, output) = write::bundle(parts, scan, output, progress).await?;
    output.finish()?;
    Ok(messages)
}
