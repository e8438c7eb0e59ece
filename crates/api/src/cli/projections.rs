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
use foodflow_log::{Keyring, Partition, Position, SharedLog, StreamId};
use foodflow_projections::runner::Progress;
use foodflow_projections::store::ReadModel;
use serde::Serialize;
use uuid::Uuid;

use super::place::{existing_log, parse_tenant, partitions};
use super::{print_data, say};
use crate::config::Config;
use crate::http::command::command_hash;
use crate::http::quarantine::{ReadModelWaits, WaitingEntity};
use crate::read_models::ReadModels;

const EXAMPLES: &str = "\
An event that a projection cannot apply waits in quarantine, and the later events of its entity behind it. A retry projects \
them again, after an update of the program; a skip leaves some out for good, with a reason. Both are events of the tenant's \
log, and are carried out by the projector that has the partition, and by every rebuild.

Examples:
  foodflow projections list
  foodflow projections retry --tenant harbor-vale --all
  foodflow projections skip --tenant harbor-vale --entity food_graph.batch.<id> --position 4711 --reason 'recorded twice'";

/// A projection, and the store that it fills.
type Model = (&'static str, Arc<dyn ReadModel>);

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
    let models = ReadModels::open(config).await?.all();
    let outcome = act(&log, &models, arguments.action).await;
    log.close().await;
    outcome
}

async fn act(log: &SharedLog, models: &[Model], action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List { tenant, json } => {
            let listed = list(log, models, tenant).await?;
            print_data(&if json { serde_json::to_string(&listed)? } else { listed.to_string() })?;
        }
        Action::Retry { whose, entity, .. } => {
            for (model, stream) in waiting(log, models, whose.tenant, entity.as_ref()).await? {
                decide(log, model, &whose, stream, Decision::Retry).await?;
            }
        }
        Action::Skip { whose, entity, mut positions, reason } => {
            positions.sort_unstable();
            positions.dedup();
            for (model, stream) in waiting(log, models, whose.tenant, Some(&entity)).await? {
                let (positions, reason) = (positions.clone(), reason.clone());
                decide(log, model, &whose, stream, Decision::Skip { positions, reason }).await?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(log: &SharedLog, models: &[Model], tenant: Option<TenantId>) -> anyhow::Result<Listed> {
    let mut projections = Vec::new();
    for (projection, store) in models {
        for partition in partitions(log, tenant, None)? {
            let (checkpoint, head) = (store.checkpoint(partition).await?, log.head(partition).await?);
            let mut tenants: Vec<_> = checkpoint.quarantine.iter().map(|(entity, _)| entity.tenant).collect();
            tenants.dedup();
            tenants.retain(|one| tenant.is_none_or(|tenant| tenant == *one));
            let of = |tenant| {
                let waiting = WaitingEntity::of(&checkpoint.quarantine, tenant).into_iter();
                waiting.map(move |waiting| Waits { tenant, waiting })
            };
            let quarantine = tenants.into_iter().flat_map(of).collect();
            let (store, position) = (store.name(), checkpoint.position);
            projections.push(Standing { projection, store, partition, position, head, quarantine });
        }
    }
    Ok(Listed { projections })
}

/// What of a tenant waits, in whichever projection: all of it, or one entity, which must.
async fn waiting<'a>(
    log: &SharedLog,
    models: &'a [Model],
    tenant: TenantId,
    entity: Option<&StreamId>,
) -> anyhow::Result<Vec<(&'a Model, StreamId)>> {
    let mut found = Vec::new();
    for model in models {
        let checkpoint = model.1.checkpoint(log.partition_of(tenant)).await?;
        let streams = checkpoint.quarantine.of_tenant(tenant).map(|(waits, _)| waits.stream.clone());
        let wanted = streams.filter(|stream| entity.is_none_or(|entity| entity == stream));
        found.extend(wanted.map(|stream| (model, stream)));
    }
    if let (Some(entity), true) = (entity, found.is_empty()) {
        anyhow::bail!("{entity} of this tenant does not wait; `foodflow projections list` says what does");
    }
    if found.is_empty() {
        say("nothing waits");
    }
    Ok(found)
}

async fn decide(
    log: &SharedLog,
    (projection, store): &Model,
    whose: &Whose,
    stream: StreamId,
    decision: Decision,
) -> anyhow::Result<()> {
    anyhow::ensure!(!whose.actor.trim().is_empty(), "--actor must not be empty");
    let progress = Progress::from_store(Arc::clone(store));
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
    let (what, projection) = (format!("{projection}: {stream}"), (*projection).to_owned());
    let operation = DecideQuarantine { projection, stream, decision, waits: &waits };
    // Nothing here is about a person, so that no key is needed.
    let keyring = Arc::new(Keyring::passing(log.records())?);
    let executor = Executor::new(log.clone(), keyring, Arc::new(SystemClock));
    let accepted = executor.execute(&meta, &operation).await.with_context(|| what.clone())?;
    say(&format!("{what}: recorded at position {}; a projector carries it out", accepted.position));
    Ok(())
}
