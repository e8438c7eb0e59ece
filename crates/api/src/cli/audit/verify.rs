//! `foodflow audit verify`: walks the log from its first position and checks every link.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use foodflow_domain::TenantId;
use foodflow_log::{BrokenLink, ChainVerifier, LogError, Partition, Position, SharedLog, Verified};
use serde::Serialize;

use crate::cli::interrupt::unless_interrupted;
use crate::cli::place::{existing_log, parse_tenant, partitions};
use crate::cli::progress::Progress;
use crate::cli::walk::Walk;
use crate::cli::{print_data, say};
use crate::config::Config;

const EXAMPLES: &str = "\
Checked, from position 1: that every event carries the SHA-256 of its stream's previous message; that the events of a \
stream are numbered without gap; that commits are complete and adjoin; that positions have no gap; that the fields of \
every CloudEvent are valid and agree with the message that holds it; that recorded time does not fall behind.

A change to the last message of a stream, or a log cut off at its end, breaks no link. The root tells them: it is that \
of a Merkle tree over every message up to its position.

Exit code 1 where something is wrong.

Examples:
  foodflow audit verify
  foodflow audit verify --tenant harbor-vale --json
  foodflow audit verify --partition 0 --to 81 --json | jq -r '.partitions[0].checked.root'";

/// What to verify.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArguments {
    /// Only this tenant's messages: its short name or id. Gaps between positions are then not checked.
    #[arg(long, value_name = "SLUG|UUID", value_parser = parse_tenant)]
    tenant: Option<TenantId>,
    /// Only this partition, counted from 0 [default: all].
    #[arg(long, value_name = "NUMBER", conflicts_with = "tenant")]
    partition: Option<u16>,
    /// Only up to this position, and to the end of the commit that holds it [default: the end].
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// Report as one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was found in all partitions.
#[derive(Debug, Serialize)]
struct Report {
    log: String,
    tenant: Option<TenantId>,
    in_order: bool,
    partitions: Vec<PartitionReport>,
}

/// What was found in one.
#[derive(Debug, Serialize)]
struct PartitionReport {
    partition: Partition,
    in_order: bool,
    /// What was checked; up to the broken link where there is one.
    checked: Verified,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<BrokenLink>,
    /// Why the walk ended, where the log itself could not read what it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

/// Verifies and reports.
///
/// # Errors
/// Where there is no log, or it does not answer.
pub async fn run(config: &Config, arguments: VerifyArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let work = async {
        let mut reports = Vec::new();
        for partition in partitions(&log, arguments.tenant, arguments.partition)? {
            reports.push(verify(&log, partition, &arguments).await?);
        }
        Ok(reports)
    };
    let reports = unless_interrupted("nothing was changed", work).await;
    log.close().await;
    let partitions = reports?;
    let in_order = partitions.iter().all(|partition| partition.in_order);
    let report = Report { log: log.describe(), tenant: arguments.tenant, in_order, partitions };
    print_data(&if arguments.json { serde_json::to_string_pretty(&report)? } else { report.to_string() })?;
    if in_order {
        return Ok(ExitCode::SUCCESS);
    }
    say(
        "the log is not what was written: stop writing to it, keep a copy as it is, and compare with a backup",
    );
    Ok(ExitCode::FAILURE)
}

async fn verify(
    log: &SharedLog,
    partition: Partition,
    arguments: &VerifyArguments,
) -> Result<PartitionReport, LogError> {
    let head = log.head(partition).await?;
    let end = arguments.to.map_or(head, |to| head.min(Position(to)));
    let verifier = arguments.tenant.map_or_else(ChainVerifier::new, ChainVerifier::of_tenant);
    let mut verifier = verifier.in_log_of(log.partition_count());
    let mut progress =
        Progress::start(&format!("verifying partition {}", partition.0), "positions", Some(end.0));
    let mut walk = Walk::new(&**log, partition, arguments.tenant, Position(0));
    let (mut broken, mut unreadable) = (None, None);
    'walking: while verifier.position() < end || verifier.is_within_commit() {
        let page = match walk.page().await {
            Ok(page) if page.is_empty() => {
                let (end, position) = (end.0, verifier.position());
                // Messages of other tenants may stand at the end.
                let is_cut = arguments.tenant.is_none() && position.0 < end;
                unreadable = is_cut
                    .then(|| format!("the log ends at position {end}, but holds nothing after {position}"));
                break;
            }
            Ok(page) => page,
            Err(error @ LogError::Corrupt { .. }) => {
                unreadable = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        };
        for message in &page {
            if message.position > end && !verifier.is_within_commit() {
                break 'walking;
            }
            broken = verifier.check(message).err();
            if broken.is_some() {
                break 'walking;
            }
        }
        progress.at(verifier.position().0);
        // Checking is work of the processor alone; a signal is looked at in between.
        tokio::task::yield_now().await;
    }
    let checked = verifier.so_far();
    if broken.is_none() && unreadable.is_none() {
        broken = verifier.finish().err();
    }
    let in_order = broken.is_none() && unreadable.is_none();
    Ok(PartitionReport { partition, in_order, checked, broken, unreadable })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.log)?;
        if let Some(tenant) = self.tenant {
            write!(f, ", tenant {tenant}")?;
        }
        self.partitions.iter().try_for_each(|partition| write!(f, "\n{partition}"))
    }
}

impl fmt::Display for PartitionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.in_order { "in order" } else { "BROKEN" };
        writeln!(f, "partition {}: {verdict}", self.partition.0)?;
        let Verified { position, streams, commits, messages, events, root, .. } = &self.checked;
        writeln!(f, "  checked: {messages} messages, {events} events, {commits} commits, {streams} streams")?;
        if let Some(until) = self.checked.recorded_until {
            writeln!(f, "  up to position {position}, recorded {until}")?;
        }
        if self.checked.recorded_earlier > 0 {
            let earlier = self.checked.recorded_earlier;
            writeln!(
                f,
                "  {earlier} messages were recorded slightly before an earlier position: clocks of writers differ"
            )?;
        }
        write!(f, "  root {root}")?;
        if let Some(unreadable) = &self.unreadable {
            write!(f, "\n  unreadable: {unreadable}")?;
        }
        let Some(link) = &self.broken else { return Ok(()) };
        write!(f, "\n  first broken link: at position {}", link.position)?;
        write!(f, "\n    tenant   {}\n    stream   {}", link.tenant, link.stream)?;
        if let Some(event) = link.event {
            write!(f, "\n    event    {event}")?;
        }
        write!(f, "\n    expected {}\n    found    {}", link.expected, link.found)
    }
}
