//! `foodflow rebuild`: a read model anew from the log, compared by digest with what it was.

mod counted;
mod report;

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use foodflow_log::{Partition, SharedLog};
use foodflow_projections::runner::{Projection, RebuildOptions, food_graph, rebuild};
use foodflow_projections::store::{ReadModel, Sink};
use foodflow_projections::tables::projection;
use foodflow_projections::tenancy::TENANCY;

use self::counted::Counted;
use self::report::{PartitionReport, Report};
use super::interrupt::unless_interrupted;
use super::place::{existing_log, partitions};
use super::progress::Progress;
use super::{print_data, say};
use crate::config::Config;
use crate::read_models::{open_graph, open_tables};

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
    /// Tenants, their subscriptions, features and use.
    Tenancy,
}

/// Rebuilds and reports.
///
/// # Errors
/// Where log or store do not answer, an event cannot be projected, or another process applies to the store.
pub async fn run(config: &Config, arguments: RebuildArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let partitions = partitions(&log, None, arguments.partition)?;
    let report = match arguments.projection {
        ProjectionName::FoodGraph => {
            let store: Arc<dyn Sink<_>> = open_graph(config).await?;
            rebuild_agreed(&log, store, food_graph(), &partitions, arguments.yes).await
        }
        ProjectionName::Tenancy => {
            let store: Arc<dyn Sink<_>> = open_tables(config, &TENANCY).await?;
            rebuild_agreed(&log, store, projection(&TENANCY), &partitions, arguments.yes).await
        }
    };
    log.close().await;
    let Some(report) = report? else {
        say("nothing was changed");
        return Ok(ExitCode::FAILURE);
    };
    print_data(&if arguments.json { serde_json::to_string_pretty(&report)? } else { report.to_string() })?;
    if let Some(explanation) = report.explanation() {
        say(&explanation);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Rebuilds where that is agreed to; `None` where it is not.
async fn rebuild_agreed<C: Clone + Send + Sync + 'static>(
    log: &SharedLog,
    store: Arc<dyn Sink<C>>,
    projection: Arc<dyn Projection<C>>,
    partitions: &[Partition],
    yes: bool,
) -> anyhow::Result<Option<Report>> {
    if !yes && !is_agreed(&*store, partitions.len())? {
        return Ok(None);
    }
    let advice =
        "the read model holds the beginning of the log: `foodflow serve` continues it, or rebuild again";
    unless_interrupted(advice, rebuild_all(log, &store, &projection, partitions)).await.map(Some)
}

fn is_agreed(store: &(impl ReadModel + ?Sized), partitions: usize) -> anyhow::Result<bool> {
    let (store, stdin) = (store.name(), std::io::stdin());
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

async fn rebuild_all<C: Clone + Send + Sync + 'static>(
    log: &SharedLog,
    store: &Arc<dyn Sink<C>>,
    projection: &Arc<dyn Projection<C>>,
    partitions: &[Partition],
) -> anyhow::Result<Report> {
    let mut report = Report::new(projection.name(), store.name());
    for partition in partitions {
        report.add(rebuild_one(log, store, projection, *partition).await?);
    }
    Ok(report)
}

async fn rebuild_one<C: Clone + Send + Sync + 'static>(
    log: &SharedLog,
    store: &Arc<dyn Sink<C>>,
    projection: &Arc<dyn Projection<C>>,
    partition: Partition,
) -> anyhow::Result<PartitionReport> {
    let projection = Arc::new(Counted::new(Arc::clone(projection)));
    let head = log.head(partition).await?;
    let mut progress =
        Progress::start(&format!("rebuilding partition {}", partition.0), "messages", Some(head.0));
    let rebuilt = rebuild(
        Arc::clone(log),
        store.clone(),
        Arc::clone(&projection) as _,
        partition,
        RebuildOptions::default(),
        |done| progress.at(done.position.0),
    )
    .await
    .with_context(|| format!("the rebuild of partition {} failed", partition.0))?;
    Ok(PartitionReport::new(&rebuilt, projection.events()))
}
