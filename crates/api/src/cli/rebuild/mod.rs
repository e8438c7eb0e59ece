//! `foodflow rebuild`: a read model anew from the log, compared by digest with what it was.

mod counted;
mod report;

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use foodflow_log::{Partition, SharedLog};
use foodflow_projections::graph::GraphStore;
use foodflow_projections::runner::{RebuildOptions, food_graph, rebuild};

use self::counted::Counted;
use self::report::{PartitionReport, Report};
use super::interrupt::unless_interrupted;
use super::place::{existing_log, partitions};
use super::progress::Progress;
use super::{print_data, say};
use crate::config::Config;
use crate::runtime::open_graph;

const EXAMPLES: &str = "\
Stop every projector of this read model first: each `foodflow serve` (roles all and projector). A rebuild that meets \
another process applying to the same store ends with an error and leaves the read model incomplete; nothing is lost, \
as the log is not touched. Until it is done, queries see a read model that is being filled. One that was interrupted \
is continued by the next `foodflow serve`, or begun anew by another rebuild.

Exit code 1 where the read model had not been what the log says, even though it is now.

Examples:
  foodflow rebuild food_graph
  foodflow rebuild --partition 2 --json | jq .identical";

/// What to rebuild.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RebuildArguments {
    /// The projection.
    #[arg(default_value = "food_graph")]
    projection: ProjectionName,
    /// Only this partition, counted from 0 [default: all].
    #[arg(long, value_name = "NUMBER")]
    partition: Option<u16>,
    /// Do not ask; on a terminal only.
    #[arg(long)]
    yes: bool,
    /// Report as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A projection that can be rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ProjectionName {
    /// Lots and their genealogy.
    FoodGraph,
}

/// Rebuilds and reports.
///
/// # Errors
/// Where log or store do not answer, an event cannot be projected, or another process applies to the store.
pub async fn run(config: &Config, arguments: RebuildArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let partitions = partitions(&log, None, arguments.partition)?;
    let graph = open(config).await?;
    if !arguments.yes && !is_agreed(&*graph, partitions.len())? {
        say("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    let advice =
        "the read model holds the beginning of the log: `foodflow serve` continues it, or rebuild again";
    let report = unless_interrupted(advice, rebuild_all(&log, &graph, &partitions)).await;
    log.close().await;
    let report = report?;
    print_data(&if arguments.json { serde_json::to_string_pretty(&report)? } else { report.to_string() })?;
    if let Some(explanation) = report.explanation() {
        say(&explanation);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

async fn open(config: &Config) -> anyhow::Result<Arc<dyn GraphStore>> {
    let graph = open_graph(config).await?;
    graph.migrate().await.context("cannot bring the read model's schema up to date")?;
    Ok(graph)
}

fn is_agreed(graph: &dyn GraphStore, partitions: usize) -> anyhow::Result<bool> {
    let (store, stdin) = (graph.name(), std::io::stdin());
    if !stdin.is_terminal() {
        // Nobody is there to be asked, and nothing can be lost: the log is not touched.
        return Ok(true);
    }
    say(&format!(
        "This empties {partitions} partition(s) of the {store} read model and fills them from the log.\n\
         Every projector must be stopped. Go on? [y/N]"
    ));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn rebuild_all(
    log: &SharedLog,
    graph: &Arc<dyn GraphStore>,
    partitions: &[Partition],
) -> anyhow::Result<Report> {
    let mut report = Report::new(food_graph().name(), graph.name());
    for partition in partitions {
        report.add(rebuild_one(log, graph, *partition).await?);
    }
    Ok(report)
}

async fn rebuild_one(
    log: &SharedLog,
    graph: &Arc<dyn GraphStore>,
    partition: Partition,
) -> anyhow::Result<PartitionReport> {
    let projection = Arc::new(Counted::new(food_graph()));
    let head = log.head(partition).await?;
    let mut progress =
        Progress::start(&format!("rebuilding partition {}", partition.0), "messages", Some(head.0));
    let rebuilt = rebuild(
        Arc::clone(log),
        graph.clone(),
        Arc::clone(&projection) as _,
        partition,
        RebuildOptions::default(),
        |done| progress.at(done.position.0),
    )
    .await
    .with_context(|| format!("the rebuild of partition {} failed", partition.0))?;
    Ok(PartitionReport::new(&rebuilt, projection.events()))
}
