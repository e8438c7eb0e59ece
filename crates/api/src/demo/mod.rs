//! The golden scenario, told through the ordinary write path on a scripted clock.
//!
//! `scenario.ndjson` holds one command a line: when it was recorded, for which tenant, which command of the
//! contract and its body. An id is written `@kind:name` and derives from tenant and name, so that several
//! tenants may tell the same story. Nothing of the scenario is known to the rest of the program.

use anyhow::Context as _;
use foodflow_commands::unit::stream_of;
use foodflow_commands::{CommandMeta, ScriptedClock};
use foodflow_domain::TenantId;
use foodflow_domain::food_graph::guards::CommandRecord;
use foodflow_domain::ids::CommandId;
use foodflow_log::{LogError, Position, SharedLog};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::bodies::named;
use crate::http::command::command_hash;
use crate::runtime::Runtime;

/// Short names of the demo's tenants: the plant, and its co-packer.
pub const TENANTS: [&str; 2] = ["harbor-vale", "co-packer"];

const SCENARIO: &str = include_str!("scenario.ndjson");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    recorded_at: Timestamp,
    tenant: String,
    command: String,
    body: Value,
}

/// What is wrong where the demo's story is told in earnest.
pub const IN_PRODUCTION: &str = "the log holds the demo's story, for whose tenants the demo gave tokens away";
/// What to do about it.
pub const IN_PRODUCTION_ADVICE: &str = "start with a log and a data folder of your own: --data, --log-url";

/// Whether the log holds the demo's story, or the beginning of it.
///
/// # Errors
/// Where the log does not answer.
pub async fn is_told_in(log: &SharedLog) -> Result<bool, LogError> {
    for tenant in TENANTS.map(TenantId::of_slug) {
        let first = stream_of::<CommandRecord>(command_id(tenant, 0).0);
        if !log.load_page(tenant, &first, Position(0), 1).await?.messages.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn command_id(tenant: TenantId, index: usize) -> CommandId {
    CommandId(Uuid::new_v5(&tenant.0, format!("demo/{index}").as_bytes()))
}

/// Tells the scenario, each command at its recorded time; what was told before is not told again. Afterwards the
/// clock follows the machine's.
///
/// # Errors
/// Where the log holds another history, or a command is refused.
pub async fn seed(runtime: &Runtime, clock: &ScriptedClock) -> anyhow::Result<()> {
    let mut told_before = None;
    for (index, text) in SCENARIO.lines().enumerate() {
        let line: Line =
            serde_json::from_str(text).with_context(|| format!("scenario, line {}", index + 1))?;
        let tenant = TenantId::of_slug(&line.tenant);
        if index == 0 {
            let head = runtime.log.head(runtime.log.partition_of(tenant)).await?;
            told_before = Some(head.0 > 0);
        }
        clock.set(line.recorded_at);
        let repeated = tell(runtime, tenant, index, &line)
            .await
            .with_context(|| format!("scenario, line {}: {}", index + 1, line.command))?;
        if index == 0 && told_before == Some(true) && !repeated {
            anyhow::bail!("the data folder holds another history; choose an empty one with --data");
        }
    }
    clock.let_go();
    Ok(())
}

async fn tell(runtime: &Runtime, tenant: TenantId, index: usize, line: &Line) -> anyhow::Result<bool> {
    let command: Vec<String> = line.command.split('/').map(|segment| resolve(tenant, segment)).collect();
    let command = command.join("/");
    let body = resolve_all(tenant, &line.body);
    let command_id = command_id(tenant, index);
    let meta = CommandMeta {
        tenant,
        actor: "demo".to_owned(),
        command_id,
        repeatable: true,
        command_hash: command_hash(&command, &body),
        correlation_id: command_id.0,
        causation_id: None,
        if_match: None,
    };
    let accepted = named::execute(&runtime.executor, &meta, &command, body.to_string().as_bytes()).await?;
    Ok(accepted.repeated)
}

/// The id that `@kind:name` stands for; any other text as it is.
fn resolve(tenant: TenantId, text: &str) -> String {
    match text.strip_prefix('@') {
        Some(name) => Uuid::new_v5(&tenant.0, format!("demo/{name}").as_bytes()).to_string(),
        None => text.to_owned(),
    }
}

fn resolve_all(tenant: TenantId, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(resolve(tenant, text)),
        Value::Array(items) => items.iter().map(|item| resolve_all(tenant, item)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), resolve_all(tenant, field))).collect()
        }
        other => other.clone(),
    }
}
