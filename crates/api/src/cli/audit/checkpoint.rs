//! `foodflow audit checkpoint`: signs what every partition holds now.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use foodflow_log::audit::{Checkpoint, KeyId};
use foodflow_log::{Partition, Position, SharedLog};
use serde::Serialize;

use super::finding::{Finding, WalkError};
use super::signer::Signer;
use crate::cli::interrupt::unless_interrupted;
use crate::cli::place::{existing_log, partitions};
use crate::cli::{print_data, say};
use crate::config::Config;

const EXAMPLES: &str = "\
A checkpoint states the root of a Merkle tree over every message of a partition, signed with the audit key. What came \
after the last checkpoint is checked first, as `audit verify` does; nothing is signed where something is wrong. A \
partition without new messages needs no new checkpoint.

The first checkpoint makes the audit key, <data>/audit-key.pem or what FOODFLOW_AUDIT_KEY_FILE names. Note its name, and \
keep the records elsewhere: `foodflow audit records`.

Exit code 1 where something is wrong.

Examples:
  foodflow audit checkpoint
  foodflow audit checkpoint --json | jq '.signed[] | {partition, size, root}'";

/// What to sign.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckpointArguments {
    /// Only this partition, counted from 0 [default: all].
    #[arg(long, value_name = "NUMBER")]
    partition: Option<u16>,
    /// Report as one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was signed.
#[derive(Debug, Serialize)]
struct Report {
    log: String,
    /// The key in force.
    key: Option<KeyId>,
    signed: Vec<Checkpoint>,
    /// Partitions without anything new.
    unchanged: Vec<Covered>,
    /// Why no more was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

/// A partition that is covered already.
#[derive(Debug, Serialize)]
struct Covered {
    partition: Partition,
    size: Position,
}

/// Something that is not signed.
#[derive(Debug, Serialize)]
struct Refused {
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<Partition>,
    found: Finding,
}

/// Signs and reports.
///
/// # Errors
/// Where there is no log, it does not answer, or the key cannot be used.
pub async fn run(config: &Config, arguments: &CheckpointArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let advice = "what was signed is kept; run it again for the rest";
    let report = unless_interrupted(advice, Box::pin(sign(config, &log, arguments))).await;
    log.close().await;
    let report = report?;
    print_data(&if arguments.json { serde_json::to_string_pretty(&report)? } else { report.to_string() })?;
    if report.refused.is_none() {
        return Ok(ExitCode::SUCCESS);
    }
    say("no more was signed; `foodflow audit verify` looks at the whole log");
    Ok(ExitCode::FAILURE)
}

async fn sign(config: &Config, log: &SharedLog, arguments: &CheckpointArguments) -> anyhow::Result<Report> {
    let mut report =
        Report { log: log.describe(), key: None, signed: Vec::new(), unchanged: Vec::new(), refused: None };
    let mut signer = match Signer::open(config, log).await {
        Ok(signer) => signer,
        Err(error) => {
            report.refused = Some(Refused { partition: None, found: found(error)? });
            return Ok(report);
        }
    };
    for partition in partitions(log, None, arguments.partition)? {
        match signer.sign(partition).await {
            Ok(Some(checkpoint)) => report.signed.push(checkpoint),
            Ok(None) => {
                let size = signer.trail.covered(partition);
                report.unchanged.push(Covered { partition, size });
            }
            Err(error) => {
                report.refused = Some(Refused { partition: Some(partition), found: found(error)? });
                break;
            }
        }
    }
    report.key = signer.trail.keys().current().map(|record| record.statement.key);
    Ok(report)
}

/// What is wrong with the log, where that is what `error` says.
pub(super) fn found(error: anyhow::Error) -> anyhow::Result<Finding> {
    match error.downcast::<WalkError>()? {
        WalkError::Found(finding) => Ok(finding),
        other => Err(other.into()),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.log)?;
        if let Some(key) = self.key {
            write!(f, "\nkey {key}")?;
        }
        for checkpoint in &self.signed {
            let one = &checkpoint.statement;
            let (partition, number, size) = (one.partition.0, one.number, one.size);
            write!(f, "\npartition {partition}: signed, as record {number}, up to position {size}")?;
            write!(f, "\n  root {}\n  recorded until {}", one.root, one.recorded_until)?;
        }
        for Covered { partition, size } in &self.unchanged {
            let partition = partition.0;
            match size {
                Position(0) => write!(f, "\npartition {partition}: empty")?,
                size => write!(f, "\npartition {partition}: nothing after position {size}, which is signed")?,
            }
        }
        let Some(Refused { partition, found }) = &self.refused else { return Ok(()) };
        if let Some(partition) = partition {
            write!(f, "\npartition {}: NOT SIGNED", partition.0)?;
        }
        write!(f, "\n  {found}")?;
        match std::error::Error::source(found) {
            Some(source) => write!(f, ":\n  {source}"),
            None => Ok(()),
        }
    }
}
