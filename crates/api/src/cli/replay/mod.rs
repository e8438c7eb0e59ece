//! `foodflow replay`: the log itself, in order, for people and for other programs.
//!
//! It reads and never writes; what it prints is what the log holds, not what a read model made of it.

pub(in crate::cli) mod filter;
mod format;
mod table;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use foodflow_domain::TenantId;
use foodflow_log::{Partition, Position, SharedLog, position_at};
use jiff::Timestamp;

use self::filter::{Filter, Subject, parse_subject};
use self::format::Printer;
use super::interrupt::unless_interrupted;
use super::output::Output;
use super::place::{existing_log, parse_tenant, partitions};
use super::progress::Progress;
use super::say;
use super::walk::Walk;
use crate::config::Config;

const EXAMPLES: &str = "\
Positions count within a partition, from 1. Without --tenant, every partition is read in turn.

Examples:
  What happened to one lot, for people:
    foodflow replay --tenant harbor-vale --subject batch/0197f3a0-5d6e-7c1a-9b2f-3f6a1c0d4e52
  What was known at five past two, as one CloudEvent a line, in a file:
    foodflow replay --tenant harbor-vale --until 2026-03-05T14:05:00Z --out known.ndjson
  Which lots were recalled, ever:
    foodflow replay --type foodflow.food_graph.batch.recalled.v1 --format ndjson | jq -r .subject";

/// What to print of the log, and how.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArguments {
    /// Only this tenant's events: its short name or id; without it, all tenants'.
    #[arg(long, value_name = "SLUG|UUID", value_parser = parse_tenant)]
    tenant: Option<TenantId>,
    /// Only events of this subject: `batch/<ID>`, or the id alone.
    #[arg(long, value_name = "SUBJECT", value_parser = parse_subject)]
    subject: Option<Subject>,
    /// Only events of this type, e.g. foodflow.food_graph.batch.received.v1.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// From this position on [default: 1].
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// Up to this position, itself included [default: the end].
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// Up to what was recorded by this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Only this partition, counted from 0.
    #[arg(long, value_name = "NUMBER", conflicts_with = "tenant")]
    partition: Option<u16>,
    /// How events are written [default: table on a terminal, ndjson elsewhere].
    #[arg(long)]
    format: Option<Format>,
    /// Write to this file, which takes its name once it is complete.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One CloudEvents JSON batch: an array of events.
    Cloudevents,
    /// One CloudEvent a line.
    Ndjson,
    /// One event a line, in columns for people, data cut short.
    Table,
}

/// Prints the log.
///
/// # Errors
/// Where there is no log, it cannot be read, or the output cannot be written.
pub async fn run(config: &Config, arguments: ReplayArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let work = async {
        let outcome = replay(&log, &arguments).await;
        match outcome.as_ref().err().and_then(|error| error.downcast_ref::<io::Error>()) {
            // Whoever reads has seen enough, as `head` does.
            Some(error) if arguments.out.is_none() && error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            _ => outcome,
        }
    };
    let outcome = unless_interrupted("nothing was changed", work).await;
    log.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn replay(log: &SharedLog, arguments: &ReplayArguments) -> anyhow::Result<()> {
    let partitions = partitions(log, arguments.tenant, arguments.partition)?;
    let to_terminal = arguments.out.is_none() && io::stdout().is_terminal();
    let format = arguments.format.unwrap_or(if to_terminal { Format::Table } else { Format::Ndjson });
    let filter = Filter { subject: arguments.subject.clone(), event_type: arguments.event_type.clone() };
    let output = Output::open(arguments.out.as_deref())?;
    let mut printer = Printer::new(output, format, partitions.len() > 1);
    printer.begin()?;
    for partition in partitions {
        let range = Range::of(log, partition, arguments).await?;
        let progress = match (to_terminal, range.messages()) {
            (true, _) | (_, 0) => Progress::hidden(),
            (false, messages) => {
                Progress::start(&format!("reading partition {}", partition.0), "positions", Some(messages))
            }
        };
        print_range(log, arguments.tenant, &range, &filter, &mut printer, progress).await?;
    }
    let printed = printer.end()?;
    match (printed, &arguments.out) {
        (0, _) => say("no events match"),
        (_, Some(path)) => say(&format!("{printed} events in {}", path.display())),
        _ => {}
    }
    Ok(())
}

/// Which positions of a partition are printed.
struct Range {
    partition: Partition,
    first: u64,
    last: u64,
}

impl Range {
    async fn of(log: &SharedLog, partition: Partition, arguments: &ReplayArguments) -> anyhow::Result<Self> {
        let mut last = log.head(partition).await?;
        if let Some(time) = arguments.until {
            last = last.min(position_at(&**log, partition, time).await?);
        }
        let first = arguments.from.unwrap_or(1).max(1);
        Ok(Self { partition, first, last: arguments.to.map_or(last.0, |to| last.0.min(to)) })
    }

    fn messages(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }
}

async fn print_range(
    log: &SharedLog,
    tenant: Option<TenantId>,
    range: &Range,
    filter: &Filter,
    printer: &mut Printer,
    mut progress: Progress,
) -> anyhow::Result<()> {
    if range.messages() == 0 {
        return Ok(());
    }
    let mut walk = Walk::new(&**log, range.partition, tenant, Position(range.first - 1));
    loop {
        let page = walk.page().await?;
        let Some(end) = page.last().map(|message| message.position.0) else { return Ok(()) };
        for message in page.iter().take_while(|message| message.position.0 <= range.last) {
            let events = filter.events(message).with_context(|| {
                let place = format!("partition {}, position {}", message.partition.0, message.position);
                format!("{place} holds something else than events; see `foodflow audit verify`")
            })?;
            for event in &events {
                printer.event(range.partition, event)?;
            }
        }
        if end >= range.last {
            return Ok(());
        }
        progress.at(end + 1 - range.first);
    }
}
