//! `foodflow rebuild`: a read model anew from the log, beside the live one, compared by digest, and switched to.

mod report;
mod status;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use foodflow_domain::TenantId;
use foodflow_log::{OpenedLog, SharedLog};
use foodflow_projections::audit::AUDIT;
use foodflow_projections::identity::IDENTITY;
use foodflow_projections::runner::{
    Projection, RebuildOptions, RebuildProgress, RebuildReport, RebuildRequest, RebuildStage, SwitchPolicy,
    food_graph, rebuild, switch_back,
};
use foodflow_projections::store::generations::{Generations, RebuildScope, Role};
use foodflow_projections::tables::projection;
use foodflow_projections::tenancy::TENANCY;

use self::report::Report;
use super::interrupt::unless_interrupted;
use super::place::{existing_log, parse_tenant};
use super::progress::Progress;
use super::{print_data, say};
use crate::config::Config;
use crate::master_key::open_keyring;
use crate::read_models::{open_graph, open_tables};

/// What another version began to fill is not continued.
const FILLED_BY: &str = env!("CARGO_PKG_VERSION");

const EXAMPLES: &str = "\
Everything goes on meanwhile: commands are taken, queries are answered from the live read model, projectors apply. What \
is filled stands beside it, unseen, and is compared with it at one position. Where the two differ they change places in \
one step; what was live is kept, so that `--back` can undo it, until `--discard` or the next rebuild. Projectors stand \
still for the moment of the switch alone (and, where the store cannot read as of one moment, of the comparison).

One that was interrupted is continued by the next `foodflow rebuild` of the same. Exit code 1 where the read model had \
not been what the log says, even though it is now.

Examples:
  foodflow rebuild
  foodflow rebuild --tenant harbor-vale --switch never
  foodflow rebuild --status --json | jq .other";

/// What to rebuild.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RebuildArguments {
    /// The projection.
    #[arg(long, default_value = "food_graph")]
    projection: ProjectionName,
    /// Only this tenant, by short name or id; the others stay as they are.
    #[arg(long, value_name = "SLUG|UUID", value_parser = parse_tenant)]
    tenant: Option<TenantId>,
    /// When what was filled becomes live.
    #[arg(long, default_value = "if-different")]
    switch: Switch,
    /// Bring the previous generation up to date and make it live again.
    #[arg(long, conflicts_with_all = ["tenant", "switch", "discard", "status"])]
    back: bool,
    /// Give up what stands beside the live generation: a rebuild, or the previous one.
    #[arg(long, conflicts_with_all = ["tenant", "switch", "status"])]
    discard: bool,
    /// Say what generations there are, and change nothing.
    #[arg(long, conflicts_with_all = ["tenant", "switch"])]
    status: bool,
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
    /// Users, roles, permissions and sessions.
    Identity,
    /// Who did what when.
    Audit,
}

/// When a rebuild switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Where the live read model is not what the log says.
    IfDifferent,
    /// In any case.
    Always,
    /// Not at all: compare and tell.
    Never,
}

impl From<Switch> for SwitchPolicy {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::IfDifferent => Self::IfDifferent,
            Switch::Always => Self::Always,
            Switch::Never => Self::Never,
        }
    }
}

/// Rebuilds, goes back, gives up or tells, and reports.
///
/// # Errors
/// Where log or store do not answer, an event cannot be projected, or the generations are another rebuild's.
pub async fn run(config: &Config, arguments: RebuildArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let outcome = match arguments.projection {
        ProjectionName::FoodGraph => {
            let store: Arc<dyn Generations<_>> = open_graph(config).await?;
            act(&log, store, food_graph(), &arguments).await
        }
        ProjectionName::Tenancy => {
            let store: Arc<dyn Generations<_>> = open_tables(config, &TENANCY).await?;
            act(&log, store, projection(&TENANCY), &arguments).await
        }
        ProjectionName::Identity => {
            let store: Arc<dyn Generations<_>> = open_tables(config, &IDENTITY).await?;
            let keyring = open_keyring(config, &log).await?;
            let opened: SharedLog = Arc::new(OpenedLog::new(Arc::clone(&log), keyring));
            act(&opened, store, projection(&IDENTITY), &arguments).await
        }
        ProjectionName::Audit => {
            let store: Arc<dyn Generations<_>> = open_tables(config, &AUDIT).await?;
            act(&log, store, projection(&AUDIT), &arguments).await
        }
    };
    log.close().await;
    outcome
}

async fn act<C: Clone + Send + Sync + 'static>(
    log: &SharedLog,
    store: Arc<dyn Generations<C>>,
    projection: Arc<dyn Projection<C>>,
    arguments: &RebuildArguments,
) -> anyhow::Result<ExitCode> {
    let names = (projection.name(), store.name());
    if arguments.status {
        let overview = store.generations().await?;
        return tell(arguments, &status::Status::new(names.0, names.1, &overview));
    }
    if arguments.discard {
        say(match store.discard().await? {
            Some(Role::Previous) => "the previous generation is given up",
            Some(Role::Beside | Role::Reopened) => "what stood beside the live generation is given up",
            None => "there is nothing beside the live generation",
        });
        return Ok(ExitCode::SUCCESS);
    }
    let mut shown = Shown::default();
    let on_progress = |progress| shown.at(progress);
    let to_log = Arc::clone(log);
    let options = RebuildOptions::default();
    let work = async {
        if arguments.back {
            let back = switch_back(to_log, store, projection, options, on_progress).await;
            return back.context("the previous generation is not live");
        }
        let scope = RebuildScope::from(arguments.tenant);
        let (switch, filled_by) = (arguments.switch.into(), FILLED_BY.to_owned());
        let request = RebuildRequest { scope, switch, filled_by };
        let rebuilt = rebuild(to_log, store, projection, request, options, on_progress).await;
        rebuilt.context("the rebuild failed; the live read model is as it was")
    };
    let again = if arguments.back { "`foodflow rebuild --back`" } else { "`foodflow rebuild`" };
    let advice = format!("the live read model is as it was, and the same {again} goes on from here");
    let rebuilt: RebuildReport = unless_interrupted(&advice, work).await?;
    drop(shown);
    let report = Report::new(names, &rebuilt);
    tell(arguments, &report)?;
    if let Some(explanation) = report.explanation() {
        say(&explanation);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell<T: serde::Serialize + std::fmt::Display>(
    arguments: &RebuildArguments,
    what: &T,
) -> anyhow::Result<ExitCode> {
    print_data(&if arguments.json { serde_json::to_string_pretty(what)? } else { what.to_string() })?;
    Ok(ExitCode::SUCCESS)
}

/// What is shown of a rebuild's progress: a bar for each filling, a line for every other step.
#[derive(Default)]
struct Shown {
    step: Option<(RebuildStage, u16, u64)>,
    progress: Option<Progress>,
}

impl Shown {
    fn at(&mut self, progress: RebuildProgress) {
        let RebuildProgress { stage, partition, position, head, .. } = progress;
        let step = (stage, partition.0, head.0);
        if self.step != Some(step) {
            let told = self.step.is_some_and(|(before, of, _)| (before, of) == (stage, partition.0));
            self.step = Some(step);
            self.progress = None;
            match stage {
                RebuildStage::Filling => {
                    let what = format!("filling partition {} beside the live one", partition.0);
                    self.progress = Some(Progress::start(&what, "messages", Some(head.0)));
                }
                RebuildStage::Comparing if !told => say(&format!("comparing partition {}", partition.0)),
                RebuildStage::Switching if !told => say(&format!("switching partition {}", partition.0)),
                RebuildStage::Comparing | RebuildStage::Switching => {}
            }
        }
        if let Some(shown) = &mut self.progress {
            shown.at(position.0);
        }
    }
}
