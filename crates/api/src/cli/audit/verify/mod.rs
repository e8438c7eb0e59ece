//! `foodflow audit verify`: walks the log from its first position, checks every link, and holds it against what was
//! signed; or checks a bundle, with no log at all.

mod bundle;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use foodflow_domain::TenantId;
use foodflow_log::audit::{Disagreement, KeyId, KnownRecords, Trail, TrailStore};
use foodflow_log::{ChainVerifier, Partition, Position, SharedLog};

use self::report::{CheckpointsReport, PartitionReport, RecordsReport, Report};
use super::checked_walk::CheckedWalk;
use super::finding::{Finding, WalkError};
use super::trusted::TrustArguments;
use crate::cli::interrupt::unless_interrupted;
use crate::cli::place::{existing_log, parse_tenant, partitions};
use crate::cli::progress::Progress;
use crate::cli::{print_data, say};
use crate::config::Config;

const EXAMPLES: &str = "\
Checked, from position 1: that every event carries the SHA-256 of its stream's previous message; that the events of a \
stream are numbered without gap; that commits are complete and adjoin; that positions have no gap; that the fields of \
every CloudEvent are valid and agree with the message that holds it; that recorded time does not fall behind. And that \
the audit records are what was signed, by the keys in force; and that the Merkle root of every partition is what each \
of its checkpoints says.

A change to the last message of a stream, or a log cut off at its end, breaks no link: checkpoints tell them. What came \
after the last checkpoint is held by its links alone. Records that were removed with the end of the log show where some \
were kept elsewhere: --against.

Trusted are the keys that are named, or else the audit key of this installation where it has one. A bundle is checked \
without any log.

Exit code 1 where something is wrong.

Examples:
  foodflow audit verify
  foodflow audit verify --key-id 7d4e… --against records.ndjson
  foodflow audit verify --bundle lot.ndjson --public-key audit-key.pub.pem
  foodflow audit verify --tenant harbor-vale --json
  foodflow audit verify --partition 0 --to 81 --json | jq -r '.partitions[0].checked.root'";

/// What to verify.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArguments {
    /// Only this tenant's messages: its short name or id. Gaps between positions, and checkpoints, are then not
    /// checked.
    #[arg(long, value_name = "SLUG|UUID", value_parser = parse_tenant)]
    tenant: Option<TenantId>,
    /// Only this partition, counted from 0 [default: all].
    #[arg(long, value_name = "NUMBER", conflicts_with = "tenant")]
    partition: Option<u16>,
    /// Only up to this position, and to the end of the commit that holds it [default: the end].
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// A bundle that `audit export` wrote, instead of a log; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tenant", "partition", "to"])]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArguments,
    /// Report as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Verifies and reports.
///
/// # Errors
/// Where there is no log, it does not answer, or a file cannot be read.
pub async fn run(config: &Config, arguments: VerifyArguments) -> anyhow::Result<ExitCode> {
    if let Some(path) = &arguments.bundle {
        let work = bundle::verify(path, arguments.trust.keys()?, arguments.trust.known()?);
        let report = unless_interrupted("nothing was changed", work).await?;
        return tell(&report, report.in_order, arguments.json, report.advice());
    }
    let (trusted, known) = (arguments.trust.keys_or_own(&config.audit_key())?, arguments.trust.known()?);
    let log = existing_log(config).await?;
    let work = async {
        // The records first: what was signed by then is in the log by then.
        let (trail, records) = read_records(&log, trusted, known).await?;
        let mut reports = Vec::new();
        for partition in partitions(&log, arguments.tenant, arguments.partition)? {
            reports.push(verify(&log, partition, &trail, &arguments).await?);
        }
        Ok((records, reports))
    };
    let reports = unless_interrupted("nothing was changed", Box::pin(work)).await;
    log.close().await;
    let (records, partitions) = reports?;
    let report = Report::new(log.describe(), arguments.tenant, records, partitions);
    tell(&report, report.in_order, arguments.json, report::ADVICE)
}

fn tell<R>(report: &R, in_order: bool, json: bool, advice: &str) -> anyhow::Result<ExitCode>
where
    R: serde::Serialize + std::fmt::Display,
{
    print_data(&if json { serde_json::to_string_pretty(report)? } else { report.to_string() })?;
    if in_order {
        return Ok(ExitCode::SUCCESS);
    }
    say(advice);
    Ok(ExitCode::FAILURE)
}

/// Follows the audit records to their end, or to the first that is wrong.
async fn read_records(
    log: &SharedLog,
    trusted: Vec<KeyId>,
    known: KnownRecords,
) -> Result<(Trail, RecordsReport), WalkError> {
    let (records, mut trail) = (log.records(), Trail::default());
    let store = TrailStore(&*records);
    let work = async {
        let each = |record: &_, line: &[u8]| -> Result<(), WalkError> {
            known.check(record, line).map_err(|broken| Finding::Record(broken).into())
        };
        store.follow(&mut trail, each).await?;
        store.check_end(&trail, &known).await?;
        trail.keys().check_trusted(&trusted).map_err(Finding::Record)?;
        Ok(())
    };
    let finding = split(work.await)?;
    let report = RecordsReport::new(&trail, &trusted, finding);
    Ok((trail, report))
}

async fn verify(
    log: &SharedLog,
    partition: Partition,
    trail: &Trail,
    arguments: &VerifyArguments,
) -> Result<PartitionReport, WalkError> {
    let head = log.head(partition).await?;
    let end = arguments.to.map_or(head, |to| head.min(Position(to)));
    let verifier = arguments.tenant.map_or_else(ChainVerifier::new, ChainVerifier::of_tenant);
    let mut verifier = verifier.in_log_of(log.partition_count());
    let mut progress =
        Progress::start(&format!("verifying partition {}", partition.0), "positions", Some(end.0));
    let wanted = arguments.tenant.map_or(arguments.to.map_or(u64::MAX, |to| to), |_| 0);
    let mut milestones = trail.milestones(partition, Position(wanted));
    let walk = CheckedWalk { log: &**log, partition, tenant: arguments.tenant, end };
    let walked =
        walk.run(&mut verifier, &mut progress, |_, verifier| Ok(milestones.compare(verifier.tree())?));
    let mut finding = split(walked.await)?;
    if finding.is_none() {
        finding = verifier.clone().finish().err().map(Finding::Link);
    }
    if finding.is_none() {
        finding = milestones.end(verifier.position()).err().map(Finding::Checkpoint);
    }
    if let Some(Finding::Checkpoint(disagreement)) = &mut finding {
        narrow(log, disagreement, &verifier).await?;
    }
    let checked = verifier.so_far();
    let checkpoints =
        arguments.tenant.is_none().then(|| CheckpointsReport::new(&milestones, checked.position));
    Ok(PartitionReport::new(partition, checked, checkpoints, finding))
}

/// Says more closely what differs, by what the checkpoint says of parts of the partition.
async fn narrow(
    log: &SharedLog,
    disagreement: &mut Disagreement,
    verifier: &ChainVerifier,
) -> Result<(), WalkError> {
    if verifier.position() == disagreement.to
        && let Some(checkpoint) = TrailStore(&*log.records()).checkpoint(disagreement.number).await?
    {
        disagreement.narrow(&checkpoint, verifier.tree());
    }
    Ok(())
}

/// What is wrong, apart from a log that does not answer.
fn split(outcome: Result<(), WalkError>) -> Result<Option<Finding>, WalkError> {
    match outcome {
        Ok(()) => Ok(None),
        Err(WalkError::Found(finding)) => Ok(Some(finding)),
        Err(other) => Err(other),
    }
}
