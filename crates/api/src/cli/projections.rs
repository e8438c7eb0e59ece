//! `foodflow projections`: how far the read models are, what waits in quarantine, and decisions about it.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use foodflow_commands::projections::{DecideQuarantine, Decision};
use foodflow_commands::{CommandMeta, Executor, SystemClock};
use foodflow_domain::TenantId;
use foodflow_domain::ids::CommandId;
use foodflow_log::{Partition, Position, SharedLog, StreamId};
use foodflow_projections::graph::GraphStore;
use foodflow_projections::runner::{Progress, food_graph};
use serde::Serialize;
use uuid::Uuid;

use super::place::{existing_log, parse_tenant, partitions};
use super::{print_data, say};
use crate::config::Config;
use crate::http::command::command_hash;
use crate::http::quarantine::{ReadModelWaits, WaitingEntity};
use crate::runtime::open_graph;

const EXAMPLES: &str = "\
An event that a projection cannot apply waits in quarantine, and the later events of its entity behind it. A retry projects \
them again, after an update of the program; a skip leaves some out for good, with a reason. Both are events of the tenant's \
log, and are carried out by the projector that has the partition, and by every rebuild.

Examples:
  foodflow projections list
  foodflow projections retry --tenant harbor-vale --all
  foodflow projections skip --tenant harbor-vale --entity food_graph.batch.<id> --position 4711 --reason 'recorded twice'";

/// What to do about projections.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProjectionsArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Says how far the projections are, and what waits.
    List {
        /// Only this tenant's, by short name or id.
        #[arg(long, value_name = "SLUG|UUID", value_parser = parse_tenant)]
        tenant: Option<TenantId>,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Projects the events of an entity again that wait.
    Retry {
        #[command(flatten)]
        whose: Whose,
        /// The entity, as `list` gives it.
        #[arg(long, required_unless_present = "all", value_parser = parse_entity)]
        entity: Option<StreamId>,
        /// Every entity of the tenant that waits.
        #[arg(long, conflicts_with = "entity")]
        all: bool,
    },
    /// Never projects some events of an entity that wait, and goes on with those behind them.
    Skip {
        #[command(flatten)]
        whose: Whose,
        /// The entity, as `list` gives it.
        #[arg(long, value_parser = parse_entity)]
        entity: StreamId,
        /// Position of an event's message; may be given several times.
        #[arg(long = "position", required = true, value_name = "POSITION")]
        positions: Vec<u64>,
        /// Why, for whoever reads the log later.
        #[arg(long)]
        reason: String,
    },
}

/// For whom, and by whom.
#[derive(Debug, Args)]
struct Whose {
    /// The tenant, by short name or id.
    #[arg(long, value_name = "SLUG|UUID", value_parser = parse_tenant)]
    tenant: TenantId,
    /// Who decides: the actor of the event.
    #[arg(long, default_value = "operator")]
    actor: String,
}

fn parse_entity(text: &str) -> Result<StreamId, String> {
    let stream = StreamId::parse(text).filter(StreamId::is_well_named);
    stream.ok_or_else(|| "must be <context>.<aggregate>.<id>, as `list` gives it".to_owned())
}

/// One partition of a projection.
#[derive(Debug, Serialize)]
struct Standing {
    projection: &'static str,
    store: &'static str,
    partition: Partition,
    position: Position,
    head: Position,
    quarantine: Vec<Waits>,
}

/// An entity that waits, and whose it is.
#[derive(Debug, Serialize)]
struct Waits {
    tenant: TenantId,
    #[serde(flatten)]
    waiting: WaitingEntity,
}

#[derive(Debug, Serialize)]
struct Listed {
    projections: Vec<Standing>,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.projections.iter().enumerate() {
            let Standing { projection, store, partition, position, head, quarantine } = one;
            let line = if index == 0 { "" } else { "\n" };
            write!(
                f,
                "{line}{projection} ({store}), partition {}: position {position} of {head}",
                partition.0
            )?;
            for Waits { tenant, waiting } in quarantine {
                let WaitingEntity { entity, position, messages, reason, .. } = waiting;
                write!(
                    f,
                    "\n  {entity} of tenant {tenant} waits at position {position} with {messages} messages: {reason}"
                )?;
            }
        }
        Ok(())
    }
}

/// Lists, or decides.
///
/// # Errors
/// Where log or store do not answer, or the decision is refused.
pub async fn run(config: &Config, arguments: ProjectionsArguments) -> anyhow::Result<ExitCode> {
    let log = existing_log(config).await?;
    let graph = open_graph(config).await?;
    graph.migrate().await.context("cannot bring the read model's schema up to date")?;
    let outcome = act(&log, &graph, arguments.action).await;
    log.close().await;
    outcome
}

async fn act(log: &SharedLog, graph: &Arc<dyn GraphStore>, action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List { tenant, json } => {
            let listed = list(log, graph, tenant).await?;
            print_data(&if json { serde_json::to_string(&listed)? } else { listed.to_string() })?;
        }
        Action::Retry { whose, entity, .. } => {
            let entities = match entity {
                Some(entity) => vec![entity],
                None => all_that_wait(log, graph, whose.tenant).await?,
            };
            for entity in entities {
                decide(log, graph, &whose, entity, Decision::Retry).await?;
            }
        }
        Action::Skip { whose, entity, mut positions, reason } => {
            positions.sort_unstable();
            positions.dedup();
            decide(log, graph, &whose, entity, Decision::Skip { positions, reason }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(
    log: &SharedLog,
    graph: &Arc<dyn GraphStore>,
    tenant: Option<TenantId>,
) -> anyhow::Result<Listed> {
    let mut projections = Vec::new();
    for partition in partitions(log, tenant, None)? {
        let checkpoint = graph.checkpoint(partition).await?;
        let (projection, store, head) = (food_graph().name(), graph.name(), log.head(partition).await?);
        let mut tenants: Vec<_> = checkpoint.quarantine.iter().map(|(entity, _)| entity.tenant).collect();
        tenants.dedup();
        tenants.retain(|one| tenant.is_none_or(|tenant| tenant == *one));
        let of = |tenant| {
            let waiting = WaitingEntity::of(&checkpoint.quarantine, tenant).into_iter();
            waiting.map(move |waiting| Waits { tenant, waiting })
        };
        let quarantine = tenants.into_iter().flat_map(of).collect();
        let position = checkpoint.position;
        projections.push(Standing { projection, store, partition, position, head, quarantine });
    }
    Ok(Listed { projections })
}

async fn all_that_wait(
    log: &SharedLog,
    graph: &Arc<dyn GraphStore>,
    tenant: TenantId,
) -> anyhow::Result<Vec<StreamId>> {
    let checkpoint = graph.checkpoint(log.partition_of(tenant)).await?;
    let entities: Vec<_> =
        checkpoint.quarantine.of_tenant(tenant).map(|(entity, _)| entity.stream.clone()).collect();
    if entities.is_empty() {
        say("nothing waits");
    }
    Ok(entities)
}

async fn decide(
    log: &SharedLog,
    graph: &Arc<dyn GraphStore>,
    whose: &Whose,
    stream: StreamId,
    decision: Decision,
) -> anyhow::Result<()> {
    anyhow::ensure!(!whose.actor.trim().is_empty(), "--actor must not be empty");
    let progress = Progress::from_store(graph.clone());
    let waits = ReadModelWaits { log: log.clone(), progress };
    let command_id = CommandId(Uuid::now_v7());
    let meta = CommandMeta {
        tenant: whose.tenant,
        actor: whose.actor.clone(),
        command_id,
        repeatable: false,
        command_hash: command_hash("foodflow projections", &serde_json::Value::from(stream.to_string())),
        correlation_id: command_id.0,
        causation_id: None,
        if_match: None,
    };
    let (what, projection) = (stream.to_string(), food_graph().name().to_owned());
    let operation = DecideQuarantine { projection, stream, decision, waits: &waits };
    let executor = Executor::new(log.clone(), Arc::new(SystemClock));
    let accepted = executor.execute(&meta, &operation).await.with_context(|| what.clone())?;
    say(&format!("{what}: recorded at position {}; a projector carries it out", accepted.position));
    Ok(())
}
